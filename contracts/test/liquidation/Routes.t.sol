// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IRoutes} from "../../src/hub/liquidation/IRoutes.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice See Routes.tree. Two routes: SPOKE and OTHER.
contract RoutesTest is LiquidationFixture {
    function test_GivenOneClosedRoute_WhenStarted_NothingWaits() public {
        _routes.declare(SPOKE, true);
        _hubLog.quarantine(OTHER);
        // Nobody has said so yet.
        assertEq(_routes.graceUntil(), 0);
        _priceBtc(58_500e18);
        _liquidation.start(_alice, "");
    }

    function test_GivenEveryRouteClosed_WhenStarted_ItWaitsAtMostAnHour() public {
        _close();
        uint256 until = vm.getBlockTimestamp() + 60 minutes;
        assertEq(_routes.graceUntil(), until);
        _priceBtc(58_500e18);
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.GracePeriod.selector, HubAccount.unwrap(_alice), until));
        _liquidation.start(_alice, "");
        vm.warp(until - 1);
        _price(BTC, 58_500e18, 58_500e18);
        vm.expectPartialRevert(ILiquidation.GracePeriod.selector);
        _liquidation.start(_alice, "");
        vm.warp(until);
        _price(BTC, 58_500e18, 58_500e18);
        _liquidation.start(_alice, "");
    }

    function test_GivenEveryRouteClosed_WhenTheAccountHasNoEquity_NothingWaits() public {
        _close();
        _priceBtc(56_900e18);
        _liquidation.start(_alice, "");
        assertEq(_fund.insolventOpen(), 1);
    }

    function test_GivenARunningAuction_WhenEveryRouteCloses_ItGoesOnAndResumes() public {
        _priceBtc(58_500e18);
        _start(_alice);
        _close();
        _bid(_carol, 0.05e18);
        _priceBtc(61_000e18);
        _liquidation.end(_alice, "");
        _priceBtc(58_000e18);
        _liquidation.start(_alice, "");
    }

    function test_GivenARouteThatOpens_TheGraceIsOver_AndItsOutageHasNoOther() public {
        _close();
        uint256 until = vm.getBlockTimestamp() + 60 minutes;
        vm.warp(vm.getBlockTimestamp() + 30 minutes);
        _routes.declare(SPOKE, false);
        assertTrue(_routes.isOpen(SPOKE));
        assertEq(_routes.graceUntil(), 0);
        vm.warp(vm.getBlockTimestamp() + 2 hours);
        _routes.declare(SPOKE, true);
        assertEq(_routes.graceUntil(), until, "the same outage: its grace is over");
        _routes.declare(SPOKE, false);
        vm.warp(vm.getBlockTimestamp() + 6 hours);
        _routes.declare(SPOKE, true);
        assertEq(_routes.graceUntil(), vm.getBlockTimestamp() + 60 minutes, "another one");
    }

    function test_GivenAQuarantinedPath_WhenReportedByAnyone_ItsRouteIsClosedUntilItIsNot() public {
        vm.prank(makeAddr("anyone"));
        vm.expectRevert(abi.encodeWithSelector(IRoutes.RouteUnchanged.selector, SPOKE, false));
        _routes.report(SPOKE);
        _hubLog.quarantine(SPOKE);
        vm.prank(makeAddr("anyone"));
        _routes.report(SPOKE);
        assertFalse(_routes.isOpen(SPOKE));
        vm.expectRevert(abi.encodeWithSelector(IRoutes.RouteUnchanged.selector, SPOKE, true));
        _routes.report(SPOKE);
        vm.mockCall(address(_hubLog), abi.encodeCall(_hubLog.isQuarantined, (SPOKE)), abi.encode(false));
        _routes.report(SPOKE);
        assertTrue(_routes.isOpen(SPOKE));
        _routes.declare(SPOKE, true);
        vm.expectRevert(abi.encodeWithSelector(IRoutes.RouteUnchanged.selector, SPOKE, true));
        _routes.report(SPOKE);
    }

    /// @dev Liquidation does not ask at each start: it is told, and asks once, when it is given them.
    function test_GivenAnOutage_LiquidationKnowsAsMuchAsTheRoutes() public {
        _close();
        uint32 until = _routes.graceUntil();
        assertEq(_liquidation.graceUntil(), until);
        _liquidation.setRoutes(IRoutes(address(0)));
        assertEq(_liquidation.graceUntil(), 0, "nobody says so");
        _liquidation.setRoutes(_routes);
        assertEq(_liquidation.graceUntil(), until, "asked for it");
        _routes.declare(SPOKE, false);
        assertEq(_liquidation.graceUntil(), 0);
        _routes.declare(SPOKE, true);
        assertEq(_liquidation.graceUntil(), until);
        _routes.setRoutes(_routes.routes());
        assertEq(_liquidation.graceUntil(), 0, "all begin as open");
        // Routes that it was not given may change without it.
        _liquidation.setRoutes(IRoutes(address(0)));
        _close();
        assertEq(_liquidation.graceUntil(), 0);
    }

    function test_GivenOthersRoutesOrAStranger_WhenSetOrReported_ItReverts() public {
        address other = _create(
            "src/hub/liquidation/Liquidation.sol:Liquidation",
            abi.encode(
                _manager,
                ILiquidation.Links(
                    _ledger,
                    _margin,
                    _fund,
                    _liquidation.withdrawals(),
                    _handover,
                    _liquidation.priceTimes()
                )
            )
        );
        bytes memory arguments = abi.encode(_manager, address(_hubLog), other);
        IRoutes others = IRoutes(_create("src/hub/liquidation/Routes.sol:Routes", arguments));
        vm.expectRevert(abi.encodeWithSelector(IRoutes.NotHeard.selector, other));
        _liquidation.setRoutes(others);
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.NotRoutes.selector, address(this)));
        _liquidation.reportOutage(1);
    }

    function test_GivenAStrangerOrBadInput_WhenSet_ItReverts() public {
        vm.startPrank(makeAddr("stranger"));
        bytes memory denied = abi.encodeWithSelector(
            IAccessManaged.AccessManagedUnauthorized.selector,
            makeAddr("stranger")
        );
        vm.expectRevert(denied);
        _routes.declare(SPOKE, true);
        vm.expectRevert(denied);
        _routes.setGrace(1);
        vm.expectRevert(denied);
        _routes.setRoutes(new uint32[](0));
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IRoutes.GraceInvalid.selector, 60 minutes + 1, 60 minutes));
        _routes.setGrace(60 minutes + 1);
        vm.expectRevert(abi.encodeWithSelector(IRoutes.RouteUnknown.selector, HUB));
        _routes.declare(HUB, true);
        uint32[] memory eids = new uint32[](2);
        (eids[0], eids[1]) = (OTHER, SPOKE);
        vm.expectRevert(abi.encodeWithSelector(IRoutes.RoutesInvalid.selector, "strictly ascending, from 1"));
        _routes.setRoutes(eids);
        vm.expectRevert(abi.encodeWithSelector(IRoutes.RoutesInvalid.selector, "at most 32"));
        _routes.setRoutes(new uint32[](33));
        _routes.setRoutes(new uint32[](0));
        assertEq(_routes.graceUntil(), 0, "no routes, no grace");
    }

    /// @dev One by the guardian, one by the Messenger.
    function _close() private {
        _routes.declare(SPOKE, true);
        _hubLog.quarantine(OTHER);
        _routes.report(OTHER);
    }
}
