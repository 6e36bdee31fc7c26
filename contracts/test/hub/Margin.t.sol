// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {IRiskEngine, Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {LongFixture} from "./LongFixture.sol";

/// @notice See Margin.tree.
contract MarginTest is LongFixture {
    function _none() private pure returns (Risk memory risk) {
        return risk;
    }

    // ---- risk

    function test_GivenAPosition_ItsRiskIsThatOfTheEngineOfItsMode() public {
        _open(30_000e18);
        Risk memory risk = _margin.riskOf(_alice);
        assertEq(risk.equity, 30_000e18);
        assertEq(risk.initialMargin, 30_000e18);
        assertEq(risk.maintenanceMargin, 18_000e18);
        assertEq(risk.oldest, BEGIN);
        assertEq(keccak256(abi.encode(risk)), keccak256(abi.encode(_cross.riskOf(_markets.holdingsOf(_alice)))));
        assertTrue(_margin.isExposed(_alice));
        assertFalse(_margin.isExposed(_carol));
    }

    function test_GivenADebtor_ItsInterestCounts_BookedOrNot() public {
        _open(-1_000e18);
        skip(30 days);
        _price(BTC, 60_000e18, 60_000e18);
        Risk memory due = _margin.riskOf(_alice);
        assertLt(due.equity, -1_000e18);
        _ledger.chargeInterest(_alice);
        assertEq(_margin.riskOf(_alice).equity, due.equity);
    }

    // ---- a trade that opens

    function test_GivenATradeThatOpens_ItNeedsInitialMargin_ToTheUnit() public {
        _open(30_000e18);
        _margin.requireTrade(_alice, false, TURNOVER, _none());
        _cash(_alice, 30_000e18 - 1);
        _expectBelow(30_000e18 - 1, 30_000e18, 18_000e18);
        _margin.requireTrade(_alice, false, TURNOVER, _none());
    }

    function test_GivenATradeThatOpens_WhenPricesAreAged_ItIsRefused() public {
        _open(500_000e18);
        skip(61);
        vm.expectRevert(abi.encodeWithSelector(IMargin.PricesNotFresh.selector, _raw, Grade.Aged));
        _margin.requireTrade(_alice, false, TURNOVER, _none());
    }

    function test_GivenCollateral_ItSecuresATrade_AfterItsHaircut() public {
        _collateral(_alice, ONE_BTC);
        // Worth 60,000, of which 10% is cut: 54,000 carry 24,000 of debt and 30,000 of margin.
        _open(-24_000e18);
        _margin.requireTrade(_alice, false, TURNOVER, _none());
        _cash(_alice, -24_000e18 - 1);
        vm.expectPartialRevert(IMargin.BelowInitialMargin.selector);
        _margin.requireTrade(_alice, false, TURNOVER, _none());
    }

    function test_GivenNoPositionAndNoDebt_NothingIsAsked() public {
        _collateral(_alice, ONE_BTC);
        skip(365 days);
        _margin.requireTrade(_alice, false, 0, _none());
        _margin.requireInitial(_alice, "", type(uint40).max);
        vm.mockCallRevert(address(_cross), abi.encodeWithSelector(IRiskEngine.riskOf.selector), "asked");
        _margin.requireInitial(_alice, "", 0);
    }

    // ---- value that leaves

    function test_GivenAPosition_WhenCashIsTransferred_InitialMarginStays() public {
        _open(40_000e18);
        HubAccount sibling = AccountLib.encode(_alice.owner(), 0, 1);
        vm.startPrank(_alice.owner(), _alice.owner());
        vm.expectRevert();
        _ledger.transferCash(_alice, sibling, 10_000e18 + 1);
        _ledger.transferCash(_alice, sibling, 10_000e18);
        assertEq(_ledger.cashOf(sibling), 10_000e18);
        _expectBelow(30_000e18 - 1, 30_000e18, 18_000e18);
        _ledger.transferCash(_alice, sibling, 1);
    }

    function test_GivenADebtor_WhenCollateralMoves_ItMayAsFarAsMarginAllows() public {
        _collateral(_alice, 2 * ONE_BTC);
        _cash(_alice, -54_000e18);
        HubAccount sibling = AccountLib.encode(_alice.owner(), 0, 1);
        vm.startPrank(_alice.owner(), _alice.owner());
        vm.expectPartialRevert(IMargin.BelowInitialMargin.selector);
        _ledger.disableCollateral(_alice, _wbtcId);
        vm.expectPartialRevert(IMargin.BelowInitialMargin.selector);
        _ledger.transfer(_alice, sibling, _wbtcId, uint128(ONE_BTC) + 1);
        _ledger.transfer(_alice, sibling, _wbtcId, uint128(ONE_BTC));
        // Of what owes nothing everything may go, whatever the prices.
        vm.stopPrank();
        _cash(_alice, 0);
        skip(365 days);
        vm.prank(_alice.owner(), _alice.owner());
        _ledger.disableCollateral(_alice, _wbtcId);
    }

    function test_GivenAnUnrealisedGain_ItSecuresPositions_ButDoesNotLeave() public {
        _open(40_000e18);
        skip(1);
        _price(BTC, 62_000e18, 62_000e18);
        Risk memory risk = _margin.riskOf(_alice);
        assertEq(risk.equity, 60_000e18);
        // 31,000 are needed, which hold the gain of 20,000 back already.
        assertEq(risk.unrealisedGain, 0);
        HubAccount sibling = AccountLib.encode(_alice.owner(), 0, 1);
        vm.startPrank(_alice.owner(), _alice.owner());
        _ledger.transferCash(_alice, sibling, 29_000e18);
        _expectBelow(31_000e18 - 1, 31_000e18, 18_600e18);
        _ledger.transferCash(_alice, sibling, 1);
        vm.stopPrank();
        skip(1);
        // The gain of 40,000 is more than the 32,000 that are needed; the collateral alone must carry the debt.
        _price(BTC, 64_000e18, 64_000e18);
        _collateral(_alice, ONE_BTC);
        _cash(_alice, -50_000e18);
        assertEq(_margin.riskOf(_alice).unrealisedGain, 8_000e18);
        vm.prank(_alice.owner(), _alice.owner());
        vm.expectRevert(abi.encodeWithSelector(IMargin.GainUnrealised.selector, _raw, 41_200e18, 8_000e18, 37_120e18));
        _ledger.transfer(_alice, sibling, _wbtcId, uint128(ONE_BTC / 5));
        _margin.requireTrade(_alice, false, 0, _none());
        // Realised, it may.
        _sell(SIZE, 64_000e18);
        vm.prank(_alice.owner(), _alice.owner());
        _ledger.transfer(_alice, sibling, _wbtcId, uint128(ONE_BTC / 5));
    }

    function test_GivenPricesOfBefore_WhenValueLeaves_TheyAreTooOld() public {
        _open(500_000e18);
        skip(10);
        vm.expectRevert(abi.encodeWithSelector(IMargin.PricesTooOld.selector, _raw, BEGIN, BEGIN + 1));
        _margin.requireInitial(_alice, "", BEGIN + 1);
        _margin.requireInitial(_alice, _prices(BEGIN + 1, 60_000e18), BEGIN + 1);
        skip(61);
        vm.expectRevert(abi.encodeWithSelector(IMargin.PricesNotFresh.selector, _raw, Grade.Aged));
        _margin.requireInitial(_alice, "", 0);
    }

    // ---- modes and profiles

    function test_GivenAnOwner_WhenTheModeChanges_TheOtherEngineMustAgree() public {
        _list(BTC, EXPIRY, 60_000e18);
        _list(BTC, EXPIRY, 66_000e18);
        _surface();
        _markets.trade(_bob, _alice, _call(BTC, EXPIRY, 60_000e18), 1e18, 2_000e18);
        _cash(_alice, 30_000e18);
        Risk memory cross = _margin.riskOf(_alice);
        Risk memory isolated = _isolated.riskOf(_markets.holdingsOf(_alice));
        _cash(_alice, 30_000e18 + int256(isolated.initialMargin) - isolated.equity);
        vm.prank(_alice.owner(), _alice.owner());
        _margin.setMode(_alice, IMarkets.Mode.Isolated, "");
        assertEq(uint8(_markets.modeOf(_alice)), uint8(IMarkets.Mode.Isolated));
        _margin.requireTrade(_alice, false, 0, _none());
        vm.prank(_alice.owner(), _alice.owner());
        _margin.setMode(_alice, IMarkets.Mode.Cross, "");
        assertLe(cross.initialMargin, isolated.initialMargin);
        // One unit less, and it may not.
        _cash(_alice, _ledger.cashOf(_alice) - 1);
        vm.prank(_alice.owner(), _alice.owner());
        vm.expectPartialRevert(IMargin.BelowInitialMargin.selector);
        _margin.setMode(_alice, IMarkets.Mode.Isolated, "");
        // Nor may it while it holds two instruments.
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, 66_000e18), 1e18, 1_000e18);
        vm.prank(_alice.owner(), _alice.owner());
        vm.expectRevert(abi.encodeWithSelector(IMarkets.IsolatedHoldsOne.selector, _raw, 2));
        _margin.setMode(_alice, IMarkets.Mode.Isolated, "");
    }

    function _surface() private {
        IFeeds.Report[] memory reports = new IFeeds.Report[](2);
        reports[0] = IFeeds.Report(_id(Kind.Forward, EXPIRY), 60_000e18, 0);
        reports[1] = IFeeds.Report(_id(Kind.Surface, EXPIRY), _slice(6e7, -3e8, 1e9), 0);
        _submit(_now(), reports);
    }

    function test_GivenAnUnhealthyAccount_WhenItsModeChanges_ItIsRefused() public {
        _open(29_000e18);
        vm.startPrank(_alice.owner(), _alice.owner());
        _expectBelow(29_000e18, 30_000e18, 18_000e18);
        _margin.setMode(_alice, IMarkets.Mode.Isolated, "");
        // At newer prices, brought along, it is healthy.
        skip(1);
        _margin.setMode(_alice, IMarkets.Mode.Isolated, _prices(_now(), 61_000e18));
    }

    function test_GivenAModeWithoutEngine_ItIsNotOffered_AndAnAccountOfItWaits() public {
        _open(500_000e18);
        vm.prank(_alice.owner(), _alice.owner());
        vm.expectRevert(abi.encodeWithSelector(IMargin.ModeUnavailable.selector, IMarkets.Mode.Portfolio));
        _margin.setMode(_alice, IMarkets.Mode.Portfolio, "");
        vm.expectEmit(address(_margin));
        emit IMargin.EngineSet(IMarkets.Mode.Cross, IRiskEngine(address(0)));
        _margin.setEngine(IMarkets.Mode.Cross, IRiskEngine(address(0)));
        vm.expectRevert(abi.encodeWithSelector(IMargin.ModeUnavailable.selector, IMarkets.Mode.Cross));
        _margin.requireTrade(_alice, false, 0, _none());
        // Who needs no engine misses none.
        _margin.requireInitial(_carol, "", 0);
    }

    function test_GivenAProfile_ItRaisesInitialMargin_IfItIsMet() public {
        _open(60_000e18);
        vm.startPrank(_alice.owner(), _alice.owner());
        _margin.setProfile(_alice, 0, 1_000, "");
        assertEq(_margin.riskOf(_alice).initialMargin, 60_000e18, "ten times at most");
        (, uint32 leverage) = _markets.profileOf(_alice);
        assertEq(leverage, 1_000);
        _expectBelow(60_000e18, 120_000e18, 18_000e18);
        _margin.setProfile(_alice, 0, 500, "");
    }

    function test_GivenADelegate_OnlyTheRightToTradeCounts() public {
        address key = makeAddr("key");
        uint8 trade = _delegates.TRADE();
        uint8 withdraw = _delegates.WITHDRAW();
        vm.expectRevert(abi.encodeWithSelector(IMargin.NotPermitted.selector, _raw, address(this)));
        _margin.setMode(_alice, IMarkets.Mode.Isolated, "");
        vm.prank(_alice.owner(), _alice.owner());
        _delegates.setDelegate(_alice, key, withdraw, BEGIN + 1 days);
        vm.prank(key, key);
        vm.expectRevert(abi.encodeWithSelector(IMargin.NotPermitted.selector, _raw, key));
        _margin.setProfile(_alice, 150, 0, "");
        vm.prank(_alice.owner(), _alice.owner());
        _delegates.setDelegate(_alice, key, trade, BEGIN + 1 days);
        vm.startPrank(key, key);
        _margin.setMode(_alice, IMarkets.Mode.Isolated, "");
        _margin.setProfile(_alice, 150, 0, "");
    }

    // ---- prices

    function test_GivenPrices_AnyoneMayHandThemOver_AndBadOnesSayWhy() public {
        skip(1);
        _margin.submit(_prices(_now(), 61_000e18));
        assertEq(_feeds.point(FeedWord.id(BTC, Kind.Spot, 0)).value, 61_000e18);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMargin.PricesInvalid.selector,
                "abi.encode(uint40 time, Report[] reports, bytes signatures)"
            )
        );
        _margin.submit(hex"01");
        IFeeds.Report[] memory reports = new IFeeds.Report[](1);
        reports[0] = IFeeds.Report(FeedWord.id(BTC, Kind.Spot, 0), 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IFeeds.SignatureCount.selector, 0, THRESHOLD));
        _margin.submit(abi.encode(_now(), reports, ""));
    }

    // ---- governance

    function test_GivenAStranger_EnginesAndBandAreNotHis() public {
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _bob.owner());
        vm.startPrank(_bob.owner());
        vm.expectRevert(refused);
        _margin.setEngine(IMarkets.Mode.Cross, IRiskEngine(address(0)));
        vm.expectRevert(refused);
        _margin.setReduceBand(0);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IMargin.BandInvalid.selector, 1e8 + 1, 1e8));
        _margin.setReduceBand(1e8 + 1);
    }

    // ---- INV-MARGIN-1

    /// @dev Whatever alice does after prices moved: either it is refused, or she ends at initial margin, or she only reduced and both
    ///      distances did not fall.
    function testFuzz_GivenAnyTrade_INV_MARGIN_1(int96 cash, uint128 price, int96 size, uint128 at, bool aged) public {
        _buy(SIZE, 60_000e18);
        _cash(_alice, bound(cash, -50_000e18, 100_000e18));
        price = uint128(bound(price, 50_000e18, 70_000e18));
        at = uint128(bound(at, 45_000e18, 75_000e18));
        size = int96(bound(size, -15e18, 5e18));
        if (size == 0) size = 1;
        skip(1);
        _price(BTC, price, price);
        if (aged) skip(100);
        Risk memory before = _margin.riskOf(_alice);
        uint128 amount = uint128(uint96(size < 0 ? -size : size));
        bool reduces;
        if (size > 0) (reduces, ) = _markets.trade(_alice, _bob, BTC_PERP, amount, at);
        else (, reduces) = _markets.trade(_bob, _alice, BTC_PERP, amount, at);
        assertEq(reduces, size < 0 && size >= -int256(uint256(SIZE)), "reduces");
        try _margin.requireTrade(_alice, reduces, (uint256(amount) * at) / 1e18, before) {
            Risk memory risk = _margin.riskOf(_alice);
            int256 initial = risk.equity - int256(risk.initialMargin);
            int256 maintenance = risk.equity - int256(risk.maintenanceMargin);
            bool flat = !_margin.isExposed(_alice);
            bool healthy = risk.grade == Grade.Fresh && initial >= 0;
            bool better =
                reduces &&
                    initial >= before.equity - int256(before.initialMargin) &&
                    maintenance >= before.equity - int256(before.maintenanceMargin);
            assertTrue(flat || healthy || better, "INV-MARGIN-1");
            if (flat || healthy) return;
            int256 freed = int256(before.maintenanceMargin - risk.maintenanceMargin);
            int256 part = before.equity > 0 ? (before.equity * freed) / int256(before.maintenanceMargin) : int256(0);
            assertGe(risk.equity + part + 1e12, before.equity, "INV-MARGIN-1: more left than was its own");
        } catch {
            Risk memory risk = _margin.riskOf(_alice);
            assertTrue(
                risk.grade != Grade.Fresh || risk.equity < int256(risk.initialMargin),
                "a healthy account at fresh prices is never refused"
            );
        }
    }
}
