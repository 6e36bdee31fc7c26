// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {HoldingsFixture} from "./HoldingsFixture.sol";
import {IRiskEngine, NO_SCENARIO, Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {IStandardEngine} from "../../src/hub/risk/IStandardEngine.sol";
import {StandardMargin} from "../../src/hub/risk/StandardMargin.sol";

/// @dev See StandardEngine.tree.
contract StandardEngineTest is HoldingsFixture {
    address private immutable _stranger = makeAddr("stranger");

    // ---- given an account

    function test_GivenAnAccount_WhenItIsFlat_ItNeedsNothing() public view {
        Risk memory risk = _cross.riskOf(_words(_head(0, 0, 0)));
        assertEq(risk.equity, 0);
        assertEq(risk.initialMargin, 0);
        assertEq(risk.maintenanceMargin, 0);
        assertEq(risk.worstScenario, NO_SCENARIO);
        assertEq(uint8(risk.grade), uint8(Grade.Fresh));
        assertEq(risk.oldest, type(uint40).max);
    }

    function test_GivenAnAccount_WhenItHoldsCash_ItIsWorthItAndNeedsNothing() public view {
        Risk memory risk = _cross.riskOf(_words(_head(-5e18, 0, 0)));
        assertEq(risk.equity, -5e18);
        assertEq(risk.maintenanceMargin, 0);
    }

    function test_GivenAnAccount_WhenItHoldsAPerpetual_ItPaysByTiers() public view {
        // 100 BTC at 60,000 = 6m: 5m at 5% and 3%, 1m at 10% and 6%.
        Risk memory risk = _cross.riskOf(_words(_head(0, 0, 1), _position(0, 100e18, -5_900_000e18)));
        assertEq(risk.equity, 100_000e18);
        assertEq(risk.unrealisedGain, 0);
        assertEq(risk.initialMargin, 350_000e18);
        assertEq(risk.maintenanceMargin, 210_000e18);
        // Of a gain of 500,000 margin holds back 350,000.
        risk = _cross.riskOf(_words(_head(0, 0, 1), _position(0, 100e18, -5_500_000e18)));
        assertEq(risk.unrealisedGain, 150_000e18);
    }

    function test_GivenAnAccount_WhenOpenInterestIsHigh_ItPaysMoreInitialMargin() public {
        _cross.setOpenInterestBounds(BTC, 1_000_000, 2_000_000);
        // At the mark of 60,000.
        _listing.setOpen(25e18);
        Risk memory risk = _cross.riskOf(_words(_head(0, 0, 1), _position(0, 1e18, -60_000e18)));
        // 5% + 95% / 2
        assertEq(risk.initialMargin, 31_500e18);
        assertEq(risk.maintenanceMargin, 1800e18);
        _listing.setOpen(150e18);
        risk = _cross.riskOf(_words(_head(0, 0, 1), _position(0, 1e18, -60_000e18)));
        assertEq(risk.initialMargin, 60_000e18);
    }

    function test_GivenAnAccount_WhenItHoldsASpread_ItPaysItsGreatestLossUnderCrossOnly() public view {
        // Short the 60,000 call, long the 66,000 call: cannot lose more than 6,000 a contract.
        uint256[] memory words = _words(
            _head(0, 0, 1),
            _position(1, 0, 0),
            _option(0, 0, false, -1000) | _option(1, 1, false, 1000)
        );
        Risk memory cross = _cross.riskOf(words);
        Risk memory isolated = _isolated.riskOf(words);
        assertEq(cross.equity, isolated.equity);
        assertLt(cross.equity, 0);
        // Equity less the margin is the worst payoff where that is less than the sum of the parts.
        assertLe(cross.initialMargin, isolated.initialMargin);
        assertLe(cross.maintenanceMargin, isolated.maintenanceMargin);
        assertGe(cross.equity - int256(cross.initialMargin), -6000e18);
        assertLt(isolated.equity - int256(isolated.initialMargin), -6000e18);
    }

    function test_GivenAnAccount_WhenItHoldsALongOption_ItsMarkIsNoMargin() public view {
        Risk memory risk = _cross.riskOf(_words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 1, true, 5000)));
        assertGt(risk.equity, 0);
        // Margin asks for the mark; nothing more of it is held back, and cash beside it is free.
        assertEq(risk.unrealisedGain, 0);
        assertEq(int256(risk.maintenanceMargin), risk.equity);
        assertEq(int256(risk.initialMargin), risk.equity);
    }

    function testFuzz_GivenAnAccount_WhenResolved_ItIsWorthWhatTheClosedFormsSay(
        int104 size,
        int128 quote,
        int16[6] memory lots,
        uint256 collateral
    ) public view {
        size = int104(bound(size, -1e24, 1e24));
        quote = int128(bound(quote, -1e28, 1e28));
        collateral = bound(collateral, 0, 1e15);
        uint256 options;
        for (uint8 i = 0; i < 6; ++i) options |= _option(i, i % 4, i > 2, lots[i]);
        uint256[] memory words = _words(_head(1e18, 1, 1), _lot(ASSET, collateral), _position(1, size, quote), options);
        Risk memory risk = _cross.riskOf(words);
        // What portfolioOf returns is, byte for byte, what whatIf takes.
        (, bytes memory resolved) = address(_cross).staticcall(abi.encodeCall(IStandardEngine.portfolioOf, (words)));
        (bool ok, bytes memory answer) = address(_cross).staticcall(
            bytes.concat(IStandardEngine.whatIf.selector, resolved)
        );
        assertTrue(ok);
        StandardMargin.Result memory result = abi.decode(answer, (StandardMargin.Result));
        assertEq(risk.equity, result.equity);
        assertEq(risk.initialMargin, uint256(result.initialMargin));
        assertEq(risk.maintenanceMargin, uint256(result.maintenanceMargin));
        assertEq(risk.unrealisedGain, uint256(result.unrealisedGain));
        assertGe(risk.initialMargin, risk.maintenanceMargin);
    }

    function testFuzz_GivenAnAccount_WhenALongOptionIsAdded_ItsHealthDoesNotFall(
        int16 held,
        uint8 place,
        bool isPut,
        uint16 added
    ) public view {
        (uint256 before, uint256 withLong) = _withLong(held, place, isPut, added);
        int256 health = _health(_words(_head(0, 0, 1), _position(1, 3e18, 0), before));
        // The option is given, not bought: what is compared is margin, so the margin it frees or costs is all there is.
        assertGe(_health(_words(_head(0, 0, 1), _position(1, 3e18, 0), withLong)), health - 10);
    }

    function testFuzz_GivenAnAccount_WhenItsProfileAsks_ItOnlyTightens(uint16 factor, uint32 leverage) public view {
        uint256[] memory words = _words(_head(0, 0, 1), _position(1, 7e18, 0), _option(0, 0, true, -3000));
        Risk memory plain = _cross.riskOf(words);
        words[0] |= (uint256(factor) << 144) | (uint256(leverage) << 160);
        Risk memory tightened = _cross.riskOf(words);
        assertGe(tightened.initialMargin, plain.initialMargin);
        assertEq(tightened.maintenanceMargin, plain.maintenanceMargin);
        assertEq(tightened.equity, plain.equity);
        if (factor > 100) assertGt(tightened.initialMargin, plain.initialMargin);
    }

    // ---- given collateral

    function test_GivenCollateral_WhenItsChainIsHealthy_ItIsHaircutByAmount() public view {
        // 10 BTC = 600,000: 5% up to 300,000, 10% above; initial 5% more each.
        Risk memory risk = _cross.riskOf(_words(_head(0, 1, 0), _lot(ASSET, 10e8)));
        assertEq(risk.equity, 600_000e18);
        assertEq(risk.maintenanceMargin, 45_000e18);
        assertEq(risk.initialMargin, 75_000e18);
        assertEq(risk.unrealisedGain, 0);
    }

    function test_GivenCollateral_WhenItsChainWorsens_InitialAtOnceMaintenanceByRamp_ItIsHaircut() public {
        _rules.setStateRates(ICollateralRules.ChainState.Quarantined, ICollateralRules.Rates(1e9, 0));
        _rules.worsenChain(EID, ICollateralRules.ChainState.Quarantined, 100);
        uint256[] memory words = _words(_head(0, 1, 0), _lot(ASSET, 1e8));
        Risk memory risk = _cross.riskOf(words);
        // Maintenance: 5% and nothing of the state yet.
        assertEq(risk.maintenanceMargin, 3000e18);
        vm.warp(START + 50);
        risk = _cross.riskOf(words);
        assertEq(risk.maintenanceMargin, 3000e18 + 28_500e18);
        vm.warp(START + 100);
        risk = _cross.riskOf(words);
        assertEq(risk.maintenanceMargin, 60_000e18);
        assertEq(risk.initialMargin, 60_000e18);
        _rules.restoreChain(EID, ICollateralRules.ChainState.Healthy);
        risk = _cross.riskOf(words);
        assertEq(risk.maintenanceMargin, 3000e18);
    }

    function test_GivenCollateral_WhenTheAssetHasNoRule_ItCountsNothing() public view {
        Risk memory risk = _cross.riskOf(_words(_head(0, 1, 0), _lot(ASSET + 1, 10e8)));
        assertEq(risk.equity, 0);
    }

    function testFuzz_GivenCollateral_WhenThereIsMore_ItNeverSecuresLess(uint256 less, uint256 more) public view {
        more = bound(more, 0, 1e15);
        less = bound(less, 0, more);
        assertGe(
            _health(_words(_head(0, 1, 0), _lot(ASSET, more))),
            _health(_words(_head(0, 1, 0), _lot(ASSET, less))) - 10
        );
    }

    // ---- given the feeds

    function test_GivenTheFeeds_WhenOneIsOld_ItTellsTheWorstGradeAndTheOldestTime() public {
        uint256[] memory words = _words(_head(0, 0, 1), _position(1, 1e18, 0), _option(0, 0, false, 1));
        Risk memory risk = _cross.riskOf(words);
        assertEq(uint8(risk.grade), uint8(Grade.Fresh));
        assertEq(risk.oldest, START);
        vm.warp(START + 100);
        _submitSpot(START + 100, 60_000e18);
        risk = _cross.riskOf(words);
        assertEq(uint8(risk.grade), uint8(Grade.Fresh));
        assertEq(risk.oldest, START);
        vm.warp(START + 130);
        assertEq(uint8(_cross.riskOf(words).grade), uint8(Grade.Aged));
        _feeds.halt(_id(Kind.Surface, EXPIRY));
        assertEq(uint8(_cross.riskOf(words).grade), uint8(Grade.Halted));
    }

    function test_GivenTheFeeds_WhenAnOptionExpired_ItIsWorthItsPayoffAtTheSettlementPrice() public {
        vm.warp(EXPIRY + 1);
        _submitSpot(EXPIRY + 1, 99_000e18);
        uint256[] memory words = _words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 0, false, 2000));
        assertEq(uint8(_cross.riskOf(words).grade), uint8(Grade.Zero));
        _settle(EXPIRY + 1, 61_000e18);
        Risk memory risk = _cross.riskOf(words);
        assertEq(uint8(risk.grade), uint8(Grade.Fresh));
        assertEq(risk.equity, 2000e18);
    }

    function test_GivenTheFeeds_WhenTheAverageRuns_ItBlendsWhatIsFixed() public {
        uint40 late = EXPIRY - 15 minutes;
        vm.warp(late);
        IFeeds.Report[] memory reports = new IFeeds.Report[](4);
        reports[0] = IFeeds.Report(_spotId(), 60_000e18, 0);
        reports[1] = IFeeds.Report(_id(Kind.Forward, EXPIRY), 60_000e18, 0);
        reports[2] = IFeeds.Report(_id(Kind.Surface, EXPIRY), _slice(6e7, -3e8, 1e9), 0);
        reports[3] = IFeeds.Report(_id(Kind.Settlement, EXPIRY), 70_000e18, 0);
        _feeds.submit(late, reports, _sign(late, reports, SETTLEMENT_THRESHOLD, 0));
        (StandardMargin.Portfolio memory portfolio, ) = _cross.portfolioOf(
            _words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 0, false, 1))
        );
        assertEq(portfolio.underlyings[0].expiries[0].forward, 65_000e18);
    }

    // ---- given holdings that cannot be

    function test_GivenBadHoldings_WhenWordsAreMissingOrTooMany_ItSaysWhatWasExpected() public {
        _refuses(new uint256[](0));
        _refuses(_words(_head(0, 1, 0)));
        _refuses(_words(_head(0, 0, 1)));
        _refuses(_words(_head(0, 0, 1), _position(1, 0, 0)));
        _refuses(_words(_head(0, 0, 0), 0));
        // One underlying twice.
        _refuses(_words(_head(0, 0, 2), _position(0, 1e18, 0), _position(0, 1e18, 0)));
        // A strike that is not listed.
        _refuses(_words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 200, false, 1)));
    }

    // ---- given governance

    function test_GivenGovernance_WhenAStrangerCalls_ItIsClosed() public {
        IStandardEngine.PerpetualTier[] memory tiers = _tiers();
        IStandardEngine.OptionRates memory rates = _rates();
        _closed(address(_cross), abi.encodeCall(IStandardEngine.setRules, (tiers, rates)));
        _closed(address(_cross), abi.encodeCall(IStandardEngine.setOpenInterestBounds, (BTC, 0, 0)));
        ICollateralRules.Rates memory none;
        ICollateralRules.AssetRule memory rule;
        ICollateralRules.ChainState worst = ICollateralRules.ChainState.WrittenDown;
        _closed(address(_rules), abi.encodeCall(ICollateralRules.setClass, (0, new ICollateralRules.ClassTier[](1))));
        _closed(address(_rules), abi.encodeCall(ICollateralRules.setAssetRule, (ASSET, rule)));
        _closed(address(_rules), abi.encodeCall(ICollateralRules.setChainRates, (EID, none)));
        _closed(address(_rules), abi.encodeCall(ICollateralRules.setStateRates, (worst, none)));
        _closed(address(_rules), abi.encodeCall(ICollateralRules.worsenChain, (EID, worst, 0)));
        _closed(address(_rules), abi.encodeCall(ICollateralRules.restoreChain, (EID, worst)));
    }

    function test_GivenGovernance_WhenRulesAreReplaced_OnlyBoundsStay() public {
        _cross.setOpenInterestBounds(BTC, 1_000_000, 2_000_000);
        IStandardEngine.PerpetualTier[] memory tiers = new IStandardEngine.PerpetualTier[](3);
        for (uint256 i = 0; i < 3; ++i)
            tiers[i] = IStandardEngine.PerpetualTier(uint128(i * 1_000_000e18), uint32((i + 1) * 1e7), uint32(i + 1));
        _cross.setRules(tiers, _rates());
        // 6m: 1m each at 1% and 2%, 4m at 3%.
        uint256[] memory words = _words(_head(0, 0, 1), _position(0, -100e18, 6_000_000e18));
        assertEq(_cross.riskOf(words).initialMargin, 150_000e18);
        (, StandardMargin.Rules memory rules) = _cross.portfolioOf(words);
        assertEq(rules.perpetual.length, 3);
        assertEq(rules.perpetual[2].from, 2_000_000e18);
        assertEq(rules.perpetual[2].maintenance, 3e9);
        assembly ("memory-safe") {
            mstore(tiers, 1)
        }
        _cross.setRules(tiers, _rates());
        assertEq(_cross.riskOf(words).initialMargin, 60_000e18);
        (, rules) = _cross.portfolioOf(words);
        assertEq(rules.perpetual.length, 1);
        // 1% + 99% / 2, at the mark of 60,000.
        _listing.setOpen(25e18);
        assertEq(_cross.riskOf(words).initialMargin, 3_030_000e18);
    }

    function test_GivenGovernance_WhenRulesLoosenWithSize_ItSaysSo() public {
        IStandardEngine.PerpetualTier[] memory tiers = _tiers();
        tiers[1].initial = tiers[0].initial - 1;
        _refusesRules(tiers, _rates());
        tiers = _tiers();
        tiers[0].from = 1;
        _refusesRules(tiers, _rates());
        tiers = _tiers();
        tiers[0].maintenance = tiers[0].initial + 1;
        _refusesRules(tiers, _rates());
        _refusesRules(new IStandardEngine.PerpetualTier[](0), _rates());
        IStandardEngine.OptionRates memory rates = _rates();
        rates.initialMin = rates.initialMax + 1;
        _refusesRules(_tiers(), rates);
        rates = _rates();
        rates.unpairedMaintenance = 1e9 - 1;
        _refusesRules(_tiers(), rates);
    }

    function test_GivenGovernance_WhenAChainIsSetTheWrongWay_ItSaysSo() public {
        vm.expectPartialRevert(ICollateralRules.StateInvalid.selector);
        _rules.worsenChain(EID, ICollateralRules.ChainState.Healthy, 0);
        vm.expectPartialRevert(ICollateralRules.StateInvalid.selector);
        _rules.restoreChain(EID, ICollateralRules.ChainState.Healthy);
        vm.expectPartialRevert(ICollateralRules.StateInvalid.selector);
        _rules.setStateRates(ICollateralRules.ChainState.Healthy, ICollateralRules.Rates(1, 0));
        vm.expectPartialRevert(ICollateralRules.ClassInvalid.selector);
        _rules.setClass(1, new ICollateralRules.ClassTier[](0));
        vm.expectPartialRevert(ICollateralRules.RuleInvalid.selector);
        _rules.setAssetRule(ASSET, ICollateralRules.AssetRule(BTC, 8, 9, EID));
        vm.expectPartialRevert(ICollateralRules.RuleInvalid.selector);
        _rules.setAssetRule(ASSET, ICollateralRules.AssetRule(BTC + 7, 8, 0, EID));
    }

    // ---- helpers

    function _health(uint256[] memory words) private view returns (int256) {
        Risk memory risk = _cross.riskOf(words);
        return risk.equity - int256(risk.maintenanceMargin);
    }

    function _refuses(uint256[] memory words) private {
        vm.expectPartialRevert(IRiskEngine.HoldingsInvalid.selector);
        _cross.riskOf(words);
    }

    function _refusesRules(
        IStandardEngine.PerpetualTier[] memory tiers,
        IStandardEngine.OptionRates memory rates
    ) private {
        vm.expectPartialRevert(IStandardEngine.RulesInvalid.selector);
        _cross.setRules(tiers, rates);
    }

    function _closed(address target, bytes memory data) private {
        vm.prank(_stranger);
        (bool ok, bytes memory answer) = target.call(data);
        assertFalse(ok);
        assertEq(answer, abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _stranger));
    }
}
