// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationWorld} from "./LiquidationWorld.sol";

/// @notice See Reductions.tree. `owner` is long 10 BTC from 60,000 against `friend`, who is rich; the matcher is a friend too.
contract ReductionsTest is LiquidationWorld {
    HubAccount private owner;
    HubAccount private friend;

    function setUp() public override {
        super.setUp();
        (owner, friend) = (accounts[0], accounts[2]);
        _deposit(friend, USDC, 10_000_000e6, true);
        _deposit(owner, USDC, 20_000e6, true);
        exchange.settle(_fillOf(owner, friend, uint256(BTC) << 8, 10e18, 60_000e18), matcher, "");
        for (uint128 price = 58_000e18; _healthOf(owner) >= 0; price -= 200e18) {
            vm.warp(_now() + 1);
            (spots[0], marks[0]) = (price, price);
            _publish();
        }
    }

    /// @dev All the margin that is freed, handed over by the price: as far as that was more than the account had, others paid it.
    function test_GivenAnAccountBelowMargin_WhenItReducesFarBelowTheMark_ItReverts() public {
        uint128 price = marks[0] - (marks[0] * 3) / 100 + 1e18;
        IExchange.Fill[] memory fills = _reducing(price, 0);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        exchange.settle(fills, matcher, "");
        liquidation.start(owner, "");
        fills = _reducing(price, 0);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        exchange.settle(fills, matcher, "");
        exchange.settle(_reducing(marks[0], 0), matcher, "");
        assertFalse(markets.hasPositions(owner));
    }

    /// @dev The same by the fee.
    function test_GivenAnAccountBelowMargin_WhenItPaysTheMatcherForAReduction_ItReverts() public {
        // 3% of ten, but for a unit.
        IExchange.Fill[] memory fills = _reducing(marks[0], (marks[0] * 3) / 10 - 1e18);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        exchange.settle(fills, matcher, "");
        int256 taken = ledger.cashOf(matcher);
        exchange.settle(_reducing(marks[0], 10e18), matcher, "");
        assertGt(ledger.cashOf(matcher), taken, "a usual one");
    }

    /// @dev Both sides close all of it.
    function _reducing(uint128 price, uint128 fee) private returns (IExchange.Fill[] memory) {
        return _fillsOf(IExchange.Order(friend, uint256(BTC) << 8, 10e18, price, fee, 0, 0, true), owner);
    }
}
