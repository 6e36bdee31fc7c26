// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IFund} from "../../src/hub/liquidation/IFund.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationWorld} from "./LiquidationWorld.sol";

/// @notice See FundExits.tree. A staker holds nearly all of a fund of ten millions and may leave by now; an account with 65,000 of equity is long.
///         Up to 10,000 is dust.
contract FundExitsTest is LiquidationWorld {
    HubAccount private loser;
    HubAccount private winner;
    HubAccount private bidder;
    HubAccount private staker;

    function setUp() public override {
        super.setUp();
        (loser, winner, bidder, staker) = (accounts[0], accounts[2], accounts[4], accounts[5]);
        _deposit(bidder, USDC, 1_000_000e6, true);
        _deposit(staker, USDC, 9_970_000e6, true);
        vm.prank(staker.owner(), staker.owner());
        uint256 shares = insurance.stake(staker, 9_970_000e18, "");
        vm.prank(staker.owner(), staker.owner());
        insurance.requestExit(staker, shares);
        vm.warp(_now() + 7 days);
        _publish();
    }

    function test_GivenATinyShortfallWithALargeMargin_WhenAnExitIsDue_ItWaitsForWhatBidsMayDraw() public {
        // 70,005 lost of 65,000.
        _startAfter(15e18, 55_333e18);
        Risk memory risk = _riskOf(loser);
        uint256 worst = _worst();
        uint256 most = insurance.assets() / 1000;
        assertApproxEqAbs(uint256(-risk.equity), 5_005e18, 1e18, "but for interest");
        assertEq(levy.insolvency(), uint256(-risk.equity));
        assertLe(levy.insolvency(), most, "what is missing by now is dust");
        assertEq(levy.worstLoss(), worst);
        assertFalse(ledger.isBraked(), "the brake counts what is missing");
        _requireKept(worst, most);

        uint256 before = insurance.assets();
        uint256 price = insurance.cashFor(1e24);
        vm.warp(_now() + 1 hours);
        _publish();
        vm.prank(bidder.owner(), bidder.owner());
        liquidation.bid(ILiquidation.Bid(loser, bidder, 1e18, type(int256).max), "");
        assertEq(insurance.insolventOpen(), 0);
        assertApproxEqRel(
            before - insurance.assets(),
            worst,
            1e15,
            "the fund paid all of it, but for interest and funding"
        );
        insurance.exit(staker);
        assertLt(insurance.cashFor(1e24), price, "borne by who waited too");
    }

    function test_GivenATinyShortfallWithALittleMargin_WhenAnExitIsDue_ItKeepsNobody() public {
        // 65,050 lost of 65,000; a margin of about 7,000.
        _startAfter(5e18, 46_990e18);
        assertEq(insurance.insolventOpen(), 1);
        uint256 worst = _worst();
        assertGt(worst, 7_000e18);
        assertLe(worst, insurance.assets() / 1000);
        assertGt(insurance.exit(staker), 9_900_000e18);
    }

    function test_GivenAnAccountThatRecovers_WhenLookedAt_ItKeepsNobodyAnyMore() public {
        _startAfter(15e18, 55_333e18);
        _requireKept(_worst(), insurance.assets() / 1000);
        _fall(56_000e18);
        assertFalse(liquidation.touch(loser, ""), "below its target");
        assertEq(levy.worstLoss(), 0, "solvent: bidders pay");
        insurance.exit(staker);
    }

    function test_GivenAnyPositionAndFall_WhenAnExitIsDue_ItPassesUnlessBidsMayDrawMoreThanDust_INV_FUND_1(
        uint256 size,
        uint256 price
    ) public {
        size = bound(size, 1e18, 15e18);
        price = bound(price, 30_000e18, 60_000e18);
        if (!_startAfter(uint128(size), uint128(price))) return;
        bool insolvent = liquidation.auctionOf(loser).insolventSince != 0;
        uint256 worst = insolvent ? _worst() : 0;
        uint256 most = insurance.assets() / 1000;
        assertEq(levy.worstLoss(), worst);
        if (worst > most) _requireKept(worst, most);
        else assertGt(insurance.exit(staker), 0);
    }

    // ---- inner

    /// @dev No bid was taken: there is no reserve.
    function _worst() private view returns (uint256) {
        Risk memory risk = _riskOf(loser);
        assertEq(liquidation.auctionOf(loser).reserve, 0);
        return uint256(int256(risk.maintenanceMargin) - risk.equity);
    }

    function _requireKept(uint256 worst, uint256 most) private {
        vm.expectRevert(abi.encodeWithSelector(IFund.LossKnown.selector, worst, most));
        insurance.exit(staker);
    }

    /// @return whether its auction started: it was below maintenance margin
    function _startAfter(uint128 size, uint128 price) private returns (bool) {
        exchange.settle(_fillOf(loser, winner, uint256(BTC) << 8, size, 60_000e18), matcher, "");
        _fall(price);
        if (_healthOf(loser) >= 0) return false;
        liquidation.start(loser, "");
        return true;
    }

    function _fall(uint128 price) private {
        vm.warp(_now() + 1);
        (spots[0], marks[0]) = (price, price);
        _publish();
    }
}
