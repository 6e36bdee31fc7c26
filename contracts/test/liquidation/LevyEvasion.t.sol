// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILevy} from "../../src/hub/liquidation/ILevy.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LevyFixture} from "./LevyFixture.sol";

/// @notice See LevyEvasion.tree: INV-LEVY-1, that what a levy may claim does not leave. bob is long 10 BTC at 60,000 against carol with 20,000 in cash; BTC is at 64,000: 40,000 gained, 32,000 are asked
///         initially, 19,200 at least. dave is his accomplice.
contract LevyEvasionTest is LevyFixture {
    uint256 private constant GAIN = 40_000e18;
    uint256 private constant DEFICIT = 500_000e18;

    function setUp() public override {
        super.setUp();
        _markets.trade(_bob, _carol, BTC_PERP, 10e18, 60_000e18);
        _cash(_bob, 20_000e18);
        _priceAll(64_000e18);
    }

    /// @dev A second later.
    function _priceAll(uint128 btc) private {
        _priceBtc(btc);
        _price(ETH, 3_000e18, 3_000e18);
    }

    function _open() private returns (uint64) {
        _lose(BTC, DEFICIT);
        return _levy.newestOf(BTC);
    }

    function _nothing() private pure returns (Risk memory risk) {
        return risk;
    }

    function _expectPending(uint256 claim) private {
        Risk memory risk = _margin.riskOf(_bob);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMargin.LevyPending.selector,
                HubAccount.unwrap(_bob),
                claim,
                risk.equity,
                risk.initialMargin
            )
        );
    }

    // ---- margin asked for elsewhere

    /// @dev 560,000 of ETH ask for 28,000 and 16,800: 24,000 would be left above maintenance margin, of 40,000 gained.
    function test_GivenALevy_WhenAWinnerRaisesItsMarginElsewhereBeforeItIsRegistered_ItMayNot() public {
        _open();
        _markets.trade(_bob, _dave, ETH_PERP, 186e18, 3_000e18);
        assertGe(_margin.riskOf(_bob).equity, int256(_margin.riskOf(_bob).initialMargin), "else it might");
        _expectPending(GAIN);
        _margin.requireTrade(_bob, false, 558_000e18, _nothing());
    }

    function test_GivenALevyInSight_WhenAWinnerRaisesItsMarginElsewhere_ItMayNot() public {
        _levy.reportShortfall(_carol, BTC, DEFICIT, 0);
        _markets.trade(_bob, _dave, ETH_PERP, 186e18, 3_000e18);
        _expectPending(GAIN);
        _margin.requireTrade(_bob, false, 558_000e18, _nothing());
    }

    function test_GivenAWinnerThatWasThin_WhenItRegistersItselfAndCloses_ItIsRegisteredWithTheRest() public {
        _markets.trade(_bob, _dave, ETH_PERP, 186e18, 3_000e18);
        uint64 id = _open();
        uint256 thin = _levy.register(id, _bob);
        assertEq(thin, 60_000e18 - 19_200e18 - 16_740e18);
        _markets.trade(_dave, _bob, ETH_PERP, 186e18, 3_000e18);
        vm.expectEmit(address(_levy));
        emit ILevy.Registered(id, HubAccount.unwrap(_bob), GAIN, 60_000e18, 19_200e18, GAIN);
        assertEq(_levy.register(id, _bob), GAIN);
        assertEq(_levy.levyOf(id).total, GAIN);
        assertEq(_levy.reservedOf(_bob), GAIN);
        // What it loses then changes nothing any more, and no more is taken of what it gains.
        _cash(_bob, 0);
        assertEq(_levy.register(id, _bob), GAIN, "never less");
        _priceAll(70_000e18);
        _cash(_bob, 1e24);
        assertEq(_levy.register(id, _bob), GAIN, "the profit is that of the first look");
        assertEq(_levy.registrationOf(id, _bob).profit, GAIN);
    }

    function test_GivenALevy_WhenAModeThatAsksForMoreIsChosen_ItIsRefused() public {
        _open();
        _cash(_bob, 30_000e18);
        _expectPending(GAIN);
        vm.prank(_bob.owner(), _bob.owner());
        _margin.setMode(_bob, IMarkets.Mode.Isolated, "");
    }

    // ---- value handed to an accomplice

    function test_GivenARegisteredWinner_WhenItSellsBelowTheMark_NoMoreThanItsOwnLeaves() public {
        uint64 id = _open();
        assertEq(_levy.register(id, _bob), GAIN);
        Risk memory before = _margin.riskOf(_bob);
        uint256 snapshot = vm.snapshotState();
        // All of it 3,000 below: 30,000 are left of 40,000.
        _markets.trade(_dave, _bob, BTC_PERP, 10e18, 61_000e18);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_bob, true, 610_000e18, before);
        vm.revertToState(snapshot);
        _markets.trade(_dave, _bob, BTC_PERP, 10e18, 61_999e18);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_bob, true, 619_990e18, before);
        vm.revertToState(snapshot);
        _markets.trade(_dave, _bob, BTC_PERP, 10e18, 62_000e18);
        _margin.requireTrade(_bob, true, 620_000e18, before);
        vm.revertToState(snapshot);
        // Half of it: half of the 20,000 that are its own.
        _markets.trade(_dave, _bob, BTC_PERP, 5e18, 62_000e18);
        _margin.requireTrade(_bob, true, 310_000e18, before);
        vm.revertToState(snapshot);
        _markets.trade(_dave, _bob, BTC_PERP, 5e18, 61_999e18);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_bob, true, 1e60, before);
    }

    /// @dev Its cash is less than the levy may take, but its collateral stands for the rest, as it did before.
    function test_GivenARegisteredWinnerWithCollateral_WhenItClosesAll_ItsCollateralCounts() public {
        uint64 id = _open();
        _cash(_bob, -20_000e18);
        _collateral(_bob, 2 * ONE_BTC);
        assertEq(_levy.register(id, _bob), GAIN);
        Risk memory before = _margin.riskOf(_bob);
        _markets.trade(_dave, _bob, BTC_PERP, 10e18, 64_000e18);
        assertEq(_cashOf(_bob), 20_000e18);
        _margin.requireTrade(_bob, true, 640_000e18, before);
        // And no more of it leaves than its own.
        _ledger.changeCash(_bob, -(before.equity - int256(GAIN)) - 1e18);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_bob, true, 640_000e18, before);
    }

    function test_GivenARegisteredWinner_WhenItBuysAboveTheMark_WhatTheLevyMayTakeStays() public {
        uint64 id = _open();
        _levy.register(id, _bob);
        _cash(_bob, 100_000e18);
        uint256 snapshot = vm.snapshotState();
        // Of 140,000 it keeps 40,000 and the 35,200 that 11 BTC ask for.
        _markets.trade(_bob, _dave, BTC_PERP, 1e18, 128_800e18);
        _margin.requireTrade(_bob, false, 128_800e18, _nothing());
        vm.revertToState(snapshot);
        _markets.trade(_bob, _dave, BTC_PERP, 1e18, 128_801e18);
        _expectPending(GAIN);
        _margin.requireTrade(_bob, false, 128_801e18, _nothing());
    }

    /// @dev Whatever bob and dave trade from the moment the loss is known, at whatever prices: the levy finds all that bob had gained, but for
    ///      roundings.
    function test_GivenAnyTradesWithAnAccomplice_TheLevyLosesNothing(uint256 seed, uint64 cash) public {
        _cash(_bob, int256(20_000e18 + (uint256(cash) % 300_000) * 1e18));
        _levy.reportShortfall(_carol, BTC, DEFICIT, 0);
        uint256 cost;
        for (uint256 i; i < 6; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            cost += _tryTrade(seed % 3 == 0 ? ETH : BTC, seed);
        }
        uint64 id = _open();
        assertGe(_levy.register(id, _bob) + cost, GAIN);
    }

    /// @return cost most that roundings may have taken of bob's gain
    function _tryTrade(uint16 underlying, uint256 seed) private returns (uint256 cost) {
        uint256 mark = underlying == BTC ? 64_000e18 : 3_000e18;
        uint128 price = uint128((mark * (50 + ((seed >> 8) % 101))) / 100);
        // Some near the mark: others hardly ever pass.
        if ((seed >> 16) % 2 == 0) price = uint128((mark * (9950 + ((seed >> 24) % 101))) / 10_000);
        uint128 size = uint128(1 + (uint256(keccak256(abi.encode(seed, 1))) % (underlying == BTC ? 12e18 : 200e18)));
        bool buys = (seed >> 40) % 2 == 0;
        uint256 snapshot = vm.snapshotState();
        Risk memory before = _margin.riskOf(_bob);
        (bool bought, bool sold) = _markets.trade(
            buys ? _bob : _dave,
            buys ? _dave : _bob,
            uint256(underlying) << 8,
            size,
            price
        );
        uint256 turnover = (uint256(size) * price) / 1e18;
        try _margin.requireTrade(_bob, buys ? bought : sold, turnover, before) {
            if (!(buys ? bought : sold)) return 0;
            return 1e12;
        } catch {
            vm.revertToState(snapshot);
        }
    }

    // ---- closed before the levy opens

    function test_GivenAKnownShortfall_WhenAWinnerClosesBeforeItIsADeficit_ItIsRegisteredAllTheSame() public {
        _levy.reportShortfall(_carol, BTC, DEFICIT, 0);
        vm.expectEmit(address(_levy));
        emit ILevy.Sighted(BTC, HubAccount.unwrap(_bob), GAIN);
        _markets.trade(_dave, _bob, BTC_PERP, 10e18, 64_000e18);
        assertEq(_levy.claimOf(_bob), GAIN);
        assertEq(_levy.reservedOf(_bob), 0);
        HubAccount sibling = HubAccount.wrap(bytes32(uint256(HubAccount.unwrap(_bob)) + 1));
        _as(_bob);
        vm.expectRevert(
            abi.encodeWithSelector(IMargin.LevyPending.selector, HubAccount.unwrap(_bob), GAIN, GAIN - 1, 0)
        );
        _ledger.transferCash(_bob, sibling, 20_000e18 + 1);
        _as(_bob);
        _ledger.transferCash(_bob, sibling, 20_000e18);
        _priceAll(58_000e18);
        uint64 id = _open();
        assertEq(_levy.register(id, _bob), GAIN);
        assertEq(_levy.register(id, _dave), 0, "who took it over has gained nothing");
    }

    function test_GivenASecondDeficit_WhenAWinnerClosedDuringTheFirstLevy_ItIsRegisteredWithWhatIsLeft() public {
        _levy.reportShortfall(_carol, BTC, DEFICIT, 0);
        _lose(BTC, 10_000e18);
        uint64 first = _levy.newestOf(BTC);
        _markets.trade(_dave, _bob, BTC_PERP, 10e18, 64_000e18);
        assertEq(_levy.registrationOf(first, _bob).registered, GAIN);
        vm.warp(_now() + 15 minutes);
        _levy.close(first);
        _priceAll(64_000e18);
        uint64 next = _open();
        assertEq(next, first + 1);
        _cash(_bob, 1e24);
        assertEq(_levy.register(next, _bob), GAIN - 10_000e18, "the loss was known all the time");
        assertTrue(_levy.registrationOf(first, _bob).settled);
    }

    function test_GivenAShortfallThatIsOver_WhatWasSightedIsForgotten() public {
        _levy.reportShortfall(_carol, BTC, DEFICIT, 0);
        assertTrue(_margin.isGuarded());
        _markets.trade(_dave, _bob, BTC_PERP, 10e18, 64_000e18);
        _levy.reportShortfall(_carol, 0, 0, 0);
        assertFalse(_margin.isGuarded());
        assertEq(_levy.claimOf(_bob), 0);
        _priceAll(64_000e18);
        uint64 id = _open();
        assertEq(_levy.register(id, _bob), 0, "it had closed before this loss was known");
    }

    function test_GivenAFundThatPaysTwiceAsMuch_NobodyIsWatched() public {
        _ledger.changeCash(_fund.account(), 1_000_002e18);
        _levy.reportShortfall(_carol, BTC, DEFICIT, 0);
        assertFalse(_margin.isGuarded());
        _levy.reportShortfall(_carol, BTC, DEFICIT + 1e18, 0);
        assertTrue(_margin.isGuarded(), "an auction pays more than what is missing");
        assertFalse(_ledger.isBraked());
        _levy.reportShortfall(_carol, 0, DEFICIT + 1e18, 0);
        assertFalse(_margin.isGuarded(), "no profit answers for accounts without positions");
    }

    function test_GivenATrancheThatIsUsedUp_ItsMarketIsWatchedThoughTheFundIsNot() public {
        _fund.setTranche(BTC, 1e15);
        _ledger.changeCash(_fund.account(), 10_000_000e18);
        _levy.reportShortfall(_carol, BTC, 20_000e18, 0);
        assertTrue(_margin.isGuarded());
        assertFalse(_ledger.isBraked());
    }

    function test_GivenStrangers_TheyGuardNothing() public {
        vm.expectRevert(abi.encodeWithSelector(IMargin.NotLevy.selector, address(this), address(_levy)));
        _margin.setGuarded(true);
    }

    function test_GivenAnotherLevyInItsPlace_ItGuardsNothingAnyMoreAndGoesOnReporting() public {
        _levy.reportShortfall(_carol, BTC, DEFICIT, 0);
        assertTrue(_margin.isGuarded());
        _margin.setLevy(ILevy(makeAddr("another levy")));
        assertFalse(_margin.isGuarded());
        _levy.reportShortfall(_carol, 0, 0, 0);
        _levy.reportShortfall(_carol, BTC, DEFICIT, 0);
        assertFalse(_margin.isGuarded());
        assertTrue(_ledger.isBraked());
    }

    // ---- an empty fund

    function test_GivenAnEmptyFund_WhenDustIsMissing_NothingStops() public {
        assertEq(_fund.assets(), 0);
        _levy.reportShortfall(_carol, BTC, 1.01e18, 0);
        assertFalse(_ledger.isBraked());
        assertFalse(_margin.isGuarded());
        _levy.reportShortfall(_carol, BTC, _levy.least() - 1, type(uint256).max);
        assertFalse(_ledger.isBraked());
        _levy.reportShortfall(_carol, BTC, _levy.least(), 0);
        assertTrue(_ledger.isBraked());
    }

    // ---- a vault that may be lost

    function test_GivenALossThatIsExpected_NoCashLeavesBeforeItIsWrittenDown() public {
        _ledger.changeCash(_fund.account(), 100_000e18);
        vm.expectEmit(address(_levy));
        emit ILevy.LossExpected(SPOKE, 2_000_000e18);
        _levy.expectLoss(SPOKE, 2_000_000e18);
        assertEq(_levy.insolvency(), 2_000_000e18);
        assertTrue(_ledger.isBraked());
        assertFalse(_margin.isGuarded(), "no profit answers for it");
        vm.expectRevert(abi.encodeWithSelector(ILevy.ExpectedLossInvalid.selector, SPOKE, 1e18, "above", 2_000_000e18));
        _levy.expectLoss(SPOKE, 1e18);
        vm.expectRevert(
            abi.encodeWithSelector(ILevy.ExpectedLossInvalid.selector, SPOKE, 3_000_000e18, "below", 2_000_000e18)
        );
        _levy.lowerExpectedLoss(SPOKE, 3_000_000e18);
        _levy.expectLoss(SPOKE + 1, 5e18);
        assertEq(_levy.insolvency(), 2_000_005e18);
        // It was written down: a deficit now, and spread.
        _lose(0, 1_500_000e18);
        _levy.lowerExpectedLoss(SPOKE, 0);
        _levy.lowerExpectedLoss(SPOKE + 1, 0);
        assertTrue(_ledger.isBraked());
        assertEq(_levy.spread(), 1_400_000e18, "what the fund had not");
        assertFalse(_ledger.isBraked());
        _checkSums();
    }

    function test_GivenMoreLostThanAllCashCanBear_AsMuchAsItCanIsSpreadAndTheBrakeStays() public {
        // 3,020,000 of cash there are.
        _lose(0, 5_000_000e18);
        uint256 borne = _levy.spread();
        assertApproxEqRel(borne, 3_020_000e18, 1e7);
        assertLt(borne, 3_020_000e18);
        assertTrue(_ledger.isBraked());
        assertLe(_cashOf(_dave), 1e12, "a part of 10^-12");
        vm.expectRevert();
        _levy.spread();
        _checkSums();
    }

    function test_GivenNoRole_NobodyExpectsLosses() public {
        address stranger = makeAddr("stranger");
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        _levy.expectLoss(SPOKE, 1);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        _levy.lowerExpectedLoss(SPOKE, 0);
    }
}
