// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {IHandover} from "../../src/hub/liquidation/IHandover.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice See Handover.tree. alice has collateral on two chains; carol, who bids, is paid on both.
contract HandoverTest is LiquidationFixture {
    function setUp() public override {
        super.setUp();
        _collateralOf(_alice, SPOKE, WBTC, _wbtcId, 2e8);
        _collateralOf(_alice, OTHER, WETH, _wethId, 10e18);
        _cash(_alice, 150_000e18);
        _priceBtc(58_500e18);
        _price(ETH, 3000e18, 3000e18);
        _start(_alice);
        _priceBtc(58_500e18);
        _price(ETH, 3000e18, 3000e18);
    }

    function test_GivenBids_TheRecordNamesEachChainsCollateralOnceWithItsSum() public {
        (uint256 first, ) = _bid(_carol, 0.1e18);
        vm.warp(vm.getBlockTimestamp() + 30);
        _priceBtc(58_500e18);
        (uint256 second, ) = _bid(_carol, 0.05e18);
        uint256 wbtc = (2e8 * first) / 1e18;
        wbtc += ((2e8 - wbtc) * second) / 1e18;
        (IHandover.Touched[] memory touched, IHandover.Route[] memory routes) = _handover.recordOf(1);
        assertEq(touched.length, 2);
        assertEq(touched[0].eid, SPOKE);
        assertEq(touched[0].asset, WBTC);
        assertEq(touched[0].assetId, _wbtcId);
        assertEq(touched[0].amount, wbtc);
        assertEq(touched[1].eid, OTHER);
        assertEq(touched[1].asset, WETH);
        (uint128 held, ) = _ledger.balanceOf(_carol, _wethId);
        assertEq(touched[1].amount, held);
        assertEq(routes.length, 0);
    }

    function test_GivenARouteOverTwoChains_WhenBid_ItsClaimsAreOrderedAndStandInTheRecord() public {
        _as(_carol);
        _delegates.setDelegate(_carol, address(_liquidation), 2, type(uint40).max);
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](3);
        legs[0] = IWithdrawals.Leg(SPOKE, WBTC, false, 0.1e8, makeAddr("payee"));
        legs[1] = IWithdrawals.Leg(OTHER, WETH, false, 0.5e18, makeAddr("payee"));
        legs[2] = IWithdrawals.Leg(SPOKE, USDC, true, 1000e18, makeAddr("payee"));
        _as(_carol);
        (uint256 share, , uint64 claim) = _liquidation.bidAndWithdraw(_wanted(_carol, 0.1e18), legs, "");
        assertEq(claim, 1);
        for (uint64 i; i < legs.length; ++i) {
            IWithdrawals.Claim memory made = _withdrawals.claimOf(claim + i);
            assertEq(HubAccount.unwrap(made.account), HubAccount.unwrap(_carol));
            assertEq(uint8(made.status), uint8(IWithdrawals.Status.Ordered));
        }
        (uint128 left, ) = _ledger.balanceOf(_carol, _wbtcId);
        assertEq(left, (2e8 * share) / 1e18 - 0.1e8);
        (, IHandover.Route[] memory routes) = _handover.recordOf(1);
        assertEq(routes.length, 1);
        assertEq(HubAccount.unwrap(routes[0].bidder), HubAccount.unwrap(_carol));
        assertEq(routes[0].firstClaim, claim);
        assertEq(routes[0].legs, 3);
    }

    function test_GivenNoLeaveToWithdraw_WhenBidWithARoute_ItReverts() public {
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = IWithdrawals.Leg(SPOKE, WBTC, false, 0.1e8, makeAddr("payee"));
        ILiquidation.Bid memory wanted = _wanted(_carol, 0.1e18);
        _as(_carol);
        vm.expectRevert(
            abi.encodeWithSelector(IWithdrawals.NotPermitted.selector, HubAccount.unwrap(_carol), address(_liquidation))
        );
        _liquidation.bidAndWithdraw(wanted, legs, "");
        address trader = makeAddr("trader");
        _as(_carol);
        _delegates.setDelegate(_carol, trader, 1, type(uint40).max);
        vm.prank(trader);
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.NotPermitted.selector, HubAccount.unwrap(_carol), trader));
        _liquidation.bidAndWithdraw(wanted, legs, "");
    }

    function test_GivenAStranger_WhenHandedOverOrSet_ItReverts() public {
        vm.startPrank(makeAddr("stranger"));
        bytes memory denied = abi.encodeWithSelector(IHandover.NotAuctioneer.selector, makeAddr("stranger"));
        vm.expectRevert(denied);
        _handover.slice(1, _alice, _carol, 1e18, 0);
        vm.expectRevert(denied);
        _handover.give(1, _alice, _carol, new uint16[](1), new uint128[](1));
        vm.expectRevert(denied);
        _handover.routed(1, _carol, 1, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, makeAddr("stranger"))
        );
        _handover.setAuctioneer(makeAddr("stranger"), true);
        vm.stopPrank();
    }
}
