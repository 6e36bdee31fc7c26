// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationWorld} from "./LiquidationWorld.sol";

/// @notice See LiquidationSheets.tree. An account under portfolio margin is long BTC and has written calls and puts.
contract LiquidationSheetsTest is LiquidationWorld {
    HubAccount private writer;
    HubAccount private other;

    function setUp() public override {
        super.setUp();
        (writer, other) = (accounts[0], accounts[2]);
        vm.prank(writer.owner(), writer.owner());
        margin.setMode(writer, IMarkets.Mode.Portfolio, "");
        _deposit(other, USDC, 1_000_000e6, true);
        _deposit(writer, USDC, 40_000e6, true);
        exchange.settle(_fillOf(writer, other, uint256(BTC) << 8, 5e18, 60_000e18), matcher, "");
        exchange.settle(_fillOf(other, writer, _option(0, 2), 2e18, 9000e18), matcher, "");
        exchange.settle(_fillOf(other, writer, _option(2, 1), 1e18, 11_000e18), matcher, "");
    }

    function test_GivenAPortfolio_WhenStartedWithAndWithoutASheet_ItIsTheSame() public {
        _fall(30_000e18);
        assertEq(sheets.sheetOf(BTC, 0), address(0));
        uint256 state = vm.snapshotState();
        Risk memory without = _riskOf(writer);
        liquidation.start(writer, "");
        ILiquidation.Auction memory first = liquidation.auctionOf(writer);
        vm.revertToState(state);
        sheets.publish(BTC, 0);
        assertNotEq(sheets.sheetOf(BTC, 0), address(0));
        Risk memory with_ = _riskOf(writer);
        assertEq(with_.equity, without.equity);
        assertEq(with_.maintenanceMargin, without.maintenanceMargin);
        liquidation.start(writer, "");
        assertEq(keccak256(abi.encode(liquidation.auctionOf(writer))), keccak256(abi.encode(first)));
    }

    function test_GivenAPortfolioAboveMargin_WhenStartedWithAndWithoutASheet_TheFiguresAreTheSame() public {
        Risk memory risk = _riskOf(writer);
        bytes memory reason = abi.encodeWithSelector(
            ILiquidation.HealthyAccount.selector,
            HubAccount.unwrap(writer),
            risk.equity,
            risk.maintenanceMargin
        );
        vm.expectRevert(reason);
        liquidation.start(writer, "");
        sheets.publish(BTC, 0);
        vm.expectRevert(reason);
        liquidation.start(writer, "");
    }

    /// @dev More than lanes hold: sizes are valued in many lots at once. Whatever share somebody bids for, the valuations before and after agree on it
    ///      closely enough.
    function test_GivenOptionsBeyondWhatLanesHold_WhenBidForAnyShare_ItIsTaken() public {
        IMarkets.PerpetualTerms memory terms = IMarkets.PerpetualTerms(1000e18, 0, 0);
        markets.setUnderlying(BTC, IMarkets.Standing.Open, terms, IMarkets.OptionTerms(4e9));
        _deposit(writer, USDC, 9_000_000_000e6, true);
        _deposit(other, USDC, 90_000_000_000e6, true);
        exchange.settle(_fillOf(other, writer, _option(0, 2), 401_234_567e15, 9000e18), matcher, "");
        exchange.settle(_fillOf(other, writer, _option(2, 1), 312_345_678e15, 11_000e18), matcher, "");
        exchange.settle(_fillOf(writer, other, _option(1, 1), 298_765_432e15, 9000e18), matcher, "");
        exchange.settle(_fillOf(writer, other, _option(1, 2), 87_654_321e15, 9000e18), matcher, "");
        _fall(6000e18);
        liquidation.start(writer, "");
        vm.warp(_now() + 1);
        _publish();
        for (uint256 i = 1; i <= 60; ++i) {
            uint256 state = vm.snapshotState();
            uint64 share = uint64((uint256(keccak256(abi.encode(i))) % 10 ** (1 + (i % 18))) + 1);
            vm.prank(other.owner(), other.owner());
            try liquidation.bid(ILiquidation.Bid(writer, other, share, type(int256).max), "") {} catch (
                bytes memory reason
            ) {
                // What a valuation leaves uncertain is more than next to nothing brings.
                assertEq(bytes4(reason), ILiquidation.HealthFell.selector);
                assertLt(share, 1e13);
            }
            vm.revertToState(state);
        }
    }

    /// @dev Until the account is below its margin, by steps.
    function _fall(uint128 least) private {
        for (uint128 price = 58_000e18; _healthOf(writer) >= 0 && price > least; price -= 1000e18) {
            vm.warp(_now() + 1);
            (spots[0], marks[0]) = (price, price);
            _publish();
        }
        assertLt(_healthOf(writer), 0);
    }
}
