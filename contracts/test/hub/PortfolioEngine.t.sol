// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {FeedId, FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {Haircuts} from "../../src/hub/risk/Haircuts.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {IPortfolioEngine} from "../../src/hub/risk/IPortfolioEngine.sol";
import {IRiskEngine, Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {ISheets} from "../../src/hub/risk/ISheets.sol";
import {SheetBuilder} from "../../src/hub/risk/SheetBuilder.sol";
import {HoldingsFixture, ListingDouble} from "./HoldingsFixture.sol";

/// @dev See PortfolioEngine.tree.
contract PortfolioEngineTest is HoldingsFixture {
    address private immutable _stranger = makeAddr("stranger");
    IPortfolioEngine private _engine;
    ISheets private _sheets;

    function setUp() public override {
        super.setUp();
        address listing = address(new ListingDouble(EXPIRY));
        address table = _create("src/math/NormalTable.sol:NormalTable", "");
        _sheets = ISheets(_create("src/hub/risk/Sheets.sol:Sheets", abi.encode(address(_feeds), listing, table)));
        IPortfolioEngine.Links memory links = IPortfolioEngine.Links(
            address(_feeds),
            address(_rules),
            address(_sheets)
        );
        _engine = IPortfolioEngine(
            _create("src/hub/risk/PortfolioEngine.sol:PortfolioEngine", abi.encode(_manager, links, uint16(0)))
        );
    }

    // ---- given an account

    function test_GivenAnAccount_WhenItIsFlat_ItNeedsNothing() public view {
        Risk memory risk = _engine.riskOf(_words(_head(0, 0, 0)));
        assertEq(risk.equity, 0);
        assertEq(risk.initialMargin, 0);
        assertEq(risk.maintenanceMargin, 0);
    }

    function test_GivenAnAccount_WhenItHoldsAPerpetual_ItLosesTheWorstMoveAndPaysForSize() public view {
        Risk memory risk = _engine.riskOf(_words(_head(0, 0, 1), _position(0, 1e18, -60_000e18)));
        // 16% of 60,000, by 0.8; 3% and 4% beside it.
        assertEq(risk.equity, 0);
        assertEq(risk.maintenanceMargin, 7680e18 + 1800e18);
        assertEq(risk.initialMargin, 9600e18 + 2400e18);
        assertEq(risk.worstScenario, 0);
    }

    function testFuzz_GivenAnAccount_WhenALongOptionIsAdded_ItsHealthDoesNotFall(
        int16 held,
        uint8 place,
        bool isPut,
        uint16 added
    ) public view {
        (uint256 before, uint256 withLong) = _withLong(held, place, isPut, added);
        assertGe(_health(withLong, 3e18), _health(before, 3e18) - 10);
    }

    function testFuzz_GivenAnAccount_WhenPositionsOffset_ItNeverNeedsMoreThanTheParts(
        int16 a,
        int16 b,
        bool isPut
    ) public view {
        uint256 one = _option(0, 1, isPut, a);
        uint256 other = _option(1, 2, !isPut, b);
        assertGe(_health(one | other, 0), _health(one, 0) + _health(other, 0) - 10);
    }

    // ---- given a sheet

    /// @dev Ten portfolios a run: ten thousand in all.
    function testFuzz_GivenASheet_WhenItIsCurrent_ItGivesTheBitsOfTheSheetlessPath(uint256 seed) public {
        _sheets.publish(BTC, 0);
        for (uint256 i = 0; i < 10; ++i) {
            uint256[] memory words = _anyHoldings(uint256(keccak256(abi.encode(seed, i))));
            assertEq(abi.encode(_engine.riskOf(words)), abi.encode(_engine.riskWithoutSheet(words)));
        }
    }

    /// @dev Up to six options, now and then of the largest size; a perpetual and collateral of the same underlying.
    function _anyHoldings(uint256 seed) private pure returns (uint256[] memory) {
        int104 size = int104(int256(seed % 2e24) - 1e24);
        uint256 options;
        for (uint8 i = 0; i < 6; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i, "option")));
            int256 most = draw % 10 == 0 ? int256((1 << 32) - 1) : int256(1e6);
            int256 lots = int256((draw >> 8) % uint256(2 * most + 1)) - most;
            // CAST: below four.
            options |= _option(i, uint8((draw >> 80) % 4), (draw >> 90) % 2 == 0, lots);
        }
        return _words(_head(1e18, 1, 1), _lot(ASSET, (seed >> 100) % 1e15), _position(1, size, 0), options);
    }

    function test_GivenASheet_WhenItIsCurrent_ItIsCheaperThanNone() public {
        uint256[] memory words = _words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 0, false, 5));
        uint256 gas = gasleft();
        _engine.riskOf(words);
        uint256 without = gas - gasleft();
        _sheets.publish(BTC, 0);
        gas = gasleft();
        _engine.riskOf(words);
        assertLt(gas - gasleft(), without);
    }

    function test_GivenASheet_WhenAFeedMoved_ItIsNotUsed() public {
        _sheets.publish(BTC, 0);
        vm.warp(START + 10);
        _submit(START + 10, _one(_id(Kind.Forward, EXPIRY), 63_000e18, 0));
        uint256[] memory words = _words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 0, false, 1000));
        Risk memory risk = _engine.riskOf(words);
        assertEq(abi.encode(risk), abi.encode(_engine.riskWithoutSheet(words)));
        assertGt(risk.equity, 3000e18);
    }

    function test_GivenASheet_WhenItIsPublishedAgain_ItIsTheSameCode() public {
        address first = _sheets.publish(BTC, 0);
        vm.prank(_stranger);
        assertEq(_sheets.publish(BTC, 0), first);
        assertEq(_sheets.sheetOf(BTC, 0), first);
        // A STOP byte, then two words, two headers, a word of places and four rows.
        assertEq(first.code.length, 1 + 32 * (2 + 2 + 1 + 4 * 5));
    }

    // ---- given the feeds

    function test_GivenTheFeeds_WhenAnOptionExpired_ItIsWorthItsPayoffAndLosesNothing() public {
        vm.warp(EXPIRY + 1);
        _submitSpot(EXPIRY + 1, 99_000e18);
        uint256[] memory words = _words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 0, false, 2000));
        assertEq(uint8(_engine.riskOf(words).grade), uint8(Grade.Zero));
        _settle(EXPIRY + 1, 61_000e18);
        Risk memory risk = _engine.riskOf(words);
        assertEq(uint8(risk.grade), uint8(Grade.Fresh));
        // The lanes' step is 2^-31 of the forward, the strike's 2^-27.
        assertApproxEqAbs(risk.equity, 2000e18, 1e15);
    }

    // ---- given governance

    function test_GivenGovernance_WhenCorrelationIsAboveTheCap_ItSaysSo() public {
        vm.expectRevert(abi.encodeWithSelector(IPortfolioEngine.CorrelationInvalid.selector, 750_000_001, 750_000_000));
        _engine.setGroup(BTC, 1, 750_000_001);
        vm.prank(_stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _stranger));
        _engine.setGroup(BTC, 1, 1);
    }

    function test_GivenBadHoldings_WhenAStrikeIsNotListed_ItSaysWhatWasExpected() public {
        vm.expectRevert(abi.encodeWithSelector(SheetBuilder.PlaceUnlisted.selector, BTC, 9));
        _engine.riskOf(_words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 9, false, 1)));
    }

    function test_GivenBadHoldings_WhenThereIsMoreThanAnAccountMayHold_ItSaysHowMuch() public {
        uint256[] memory words = new uint256[](27);
        (words[0], words[1]) = (_head(0, 0, 1), _position(25, 0, 0));
        vm.expectRevert(
            abi.encodeWithSelector(IRiskEngine.HoldingsInvalid.selector, 25, "at most 128 options, in 24 words")
        );
        _engine.riskOf(words);
        vm.expectRevert(abi.encodeWithSelector(IRiskEngine.HoldingsInvalid.selector, 9, "at most 8 underlyings"));
        _engine.riskOf(_words(_head(0, 0, 9)));
        words = new uint256[](11);
        words[0] = _head(0, 10, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IRiskEngine.HoldingsInvalid.selector, 10, "at most 16 balances, in 9 words")
        );
        _engine.riskOf(words);
        words = new uint256[](9);
        words[0] = _head(0, 0, 4);
        for (uint256 i = 0; i < 4; ++i) words[2 * i + 1] = _position(1, 0, 0) + i;
        vm.expectRevert(
            abi.encodeWithSelector(IRiskEngine.HoldingsInvalid.selector, 4, "options of at most 3 underlyings")
        );
        _engine.riskOf(words);
    }

    // ---- given a new epoch

    function test_GivenANewEpoch_WhenAnythingPricedFromChanged_ItHasAnotherSheet() public {
        address first = _sheets.publish(BTC, 0);
        uint40 epoch = _feeds.epochOf(BTC);
        vm.warp(START + 10);
        _submitSpot(START + 10, 61_000e18);
        assertEq(_feeds.epochOf(BTC), epoch);
        assertEq(_sheets.sheetOf(BTC, 0), first);
        _submit(START + 10, _one(_id(Kind.Forward, EXPIRY), 63_000e18, 0));
        assertEq(_feeds.epochOf(BTC), epoch + 1);
        assertEq(_sheets.sheetOf(BTC, 0), address(0));
        _feeds.halt(_id(Kind.Surface, EXPIRY));
        _feeds.resume(_id(Kind.Surface, EXPIRY), false);
        _feeds.advance(BTC);
        assertEq(_feeds.epochOf(BTC), epoch + 4);
        vm.prank(_stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _stranger));
        _feeds.advance(BTC);
    }

    function testFuzz_GivenANewEpoch_WhenTimePasses_TheSheetTellsTheGradeOfTheFeeds(uint16 age, bool isHalted) public {
        if (isHalted) _feeds.halt(_id(Kind.Surface, EXPIRY));
        _sheets.publish(BTC, 0);
        vm.warp(START + (uint256(age) % 5000));
        uint256[] memory words = _words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 0, false, 1));
        FeedId[] memory ids = new FeedId[](3);
        (ids[0], ids[1], ids[2]) = (_spotId(), _id(Kind.Forward, EXPIRY), _id(Kind.Surface, EXPIRY));
        assertEq(uint8(_engine.riskOf(words).grade), uint8(_feeds.gradeOf(ids)));
    }

    function test_GivenANewEpoch_WhenNobodyBuilds_ContentIsNotTold() public {
        vm.expectRevert(ISheets.NotBuilding.selector);
        _sheets.content();
        vm.expectRevert(abi.encodeWithSelector(ISheets.NothingListed.selector, BTC, 1));
        _sheets.publish(BTC, 1);
        vm.expectRevert(abi.encodeWithSelector(ISheets.ChunkInvalid.selector, 2, 1));
        _sheets.publish(BTC, 2);
    }

    // ---- given collateral

    function testFuzz_GivenCollateral_WhenItIsValued_ItsHaircutsAreThoseOfItsLots(uint128[4] memory amounts) public {
        _feeds.setUnderlying(BTC + 1, IFeeds.SpotMode.Signed, address(0), _bounds());
        IFeeds.Report[] memory reports = new IFeeds.Report[](1);
        reports[0] = IFeeds.Report(FeedWord.id(BTC + 1, Kind.Spot, 0), 3_000e18, 0);
        _submit(START, reports);
        for (uint16 i = 0; i < 4; ++i) {
            // CAST: small numbers.
            uint16 underlying = i == 3 ? BTC + 1 : BTC;
            _rules.setAssetRule(10 + i, ICollateralRules.AssetRule(underlying, uint8(8 + 5 * i), 0, EID + (i % 2)));
        }
        _rules.setChainRates(EID, ICollateralRules.Rates(1e7, 2e7));
        _rules.setStateRates(ICollateralRules.ChainState.Degraded, ICollateralRules.Rates(3e8, 1e8));
        _rules.worsenChain(EID + 1, ICollateralRules.ChainState.Degraded, 1000);
        vm.warp(START + 333);
        uint256[] memory words = new uint256[](2);
        for (uint16 i = 0; i < 4; ++i)
            words[i / 2] |= ((uint256(10 + i) << 108) | (amounts[i] % (1 << 90))) << (124 * (i % 2));
        ICollateralRules.Value memory value = _rules.valueOf(words);
        (Haircuts.Lot[] memory lots, Haircuts.Tier[][] memory classes, , ) = _rules.lotsOf(words);
        assertEq(abi.encode(value.haircuts), abi.encode(Haircuts.sum(lots, classes)));
        int256 total;
        for (uint256 i = 0; i < lots.length; ++i) total += lots[i].value;
        assertEq(value.total, total);
        assertEq(value.balances.length, lots.length);
        _requireSameBesideQuotes(words, value);
    }

    /// @dev The same values in one question with the price and the mark of a position.
    function _requireSameBesideQuotes(uint256[] memory words, ICollateralRules.Value memory value) private view {
        uint256[] memory asked = new uint256[](1);
        asked[0] = BTC | (1 << 16);
        uint256[] memory quotes = _feeds.packedQuotesOf(asked);
        uint256[] memory answers = _rules.quotesWith(words, asked);
        assertEq(answers.length, 7);
        assertEq(answers[0] >> 40, Math.max(quotes[0] >> 40, uint8(value.grade)));
        assertEq(uint40(answers[0]), Math.min(uint40(quotes[0]), value.oldest));
        assertEq(answers[1], quotes[1]);
        assertEq(answers[2], quotes[2]);
        assertEq(int256(answers[3]), value.total);
        assertEq(int256(answers[4]), value.haircuts.initial);
        assertEq(int256(answers[5]), value.haircuts.maintenance);
        uint256 followers;
        for (uint256 i = 0; i < value.balances.length; ++i)
            if (value.balances[i] >> 240 == BTC) followers += value.balances[i] & type(uint240).max;
        assertEq(answers[6], followers);
        assertEq(_rules.quotesWith(words, new uint256[](0)).length, 4);
    }

    function _health(uint256 options, int104 perpetual) private view returns (int256) {
        Risk memory risk = _engine.riskOf(_words(_head(0, 0, 1), _position(1, perpetual, 0), options));
        return risk.equity - int256(risk.maintenanceMargin);
    }
}
