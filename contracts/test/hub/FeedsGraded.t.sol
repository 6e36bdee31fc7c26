// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {FeedId, FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {ChainlinkSource} from "../../src/hub/risk/sources/ChainlinkSource.sol";
import {IPyth} from "../../src/hub/risk/sources/IPyth.sol";
import {PythSource} from "../../src/hub/risk/sources/PythSource.sol";
import {AggregatorDouble, FeedsFixture, PythDouble} from "./FeedsFixture.sol";
import {Deploy} from "../Deploy.sol";

/// @dev See Feeds.tree.
contract FeedsGradedTest is FeedsFixture {
    address private immutable _stranger = makeAddr("stranger");

    // ---- given a stored value

    function test_GivenAStoredValue_WhenTimePasses_ItAgesByItsKind() public {
        IFeeds.Report[] memory reports = new IFeeds.Report[](3);
        reports[0] = IFeeds.Report(_spotId(), 60_000e18, 1e6);
        reports[1] = IFeeds.Report(_id(Kind.Forward, EXPIRY), 60_100e18, 1e6);
        reports[2] = IFeeds.Report(_id(Kind.Surface, EXPIRY), _slice(6e7, -3e8, 1e9), 1e6);
        _submit(START, reports);
        _gradesAfter(60, Grade.Fresh, Grade.Fresh, Grade.Fresh);
        _gradesAfter(61, Grade.Aged, Grade.Fresh, Grade.Fresh);
        _gradesAfter(121, Grade.Aged, Grade.Aged, Grade.Fresh);
        _gradesAfter(301, Grade.Aged, Grade.Aged, Grade.Aged);
        _gradesAfter(601, Grade.Stale, Grade.Aged, Grade.Aged);
        _gradesAfter(1201, Grade.Stale, Grade.Stale, Grade.Aged);
        _gradesAfter(3001, Grade.Stale, Grade.Stale, Grade.Stale);
    }

    function test_GivenAStoredValue_WhenThereIsNone_ItIsZero() public view {
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
    }

    function test_GivenAStoredValue_WhenSeveralAreAsked_ItIsTheWorstGrade() public {
        FeedId[] memory feeds = new FeedId[](0);
        assertEq(uint8(_feeds.gradeOf(feeds)), uint8(Grade.Fresh));
        _submitSpot(START, 60_000e18);
        feeds = new FeedId[](2);
        feeds[0] = _spotId();
        feeds[1] = _id(Kind.Forward, EXPIRY);
        assertEq(uint8(_feeds.gradeOf(feeds)), uint8(Grade.Zero));
    }

    function test_GivenAStoredValue_WhenTheUnderlyingIsUnknown_ItSaysSo() public {
        vm.expectRevert(abi.encodeWithSelector(IFeeds.UnderlyingUnknown.selector, 0));
        _feeds.point(FeedId.wrap(0));
        vm.expectRevert(abi.encodeWithSelector(IFeeds.UnderlyingUnknown.selector, 9));
        _feeds.confidence(9, 0);
    }

    function testFuzz_GivenAStoredValue_WhenItsSpreadWidens_ItsConfidenceFalls(uint32 narrow, uint32 wide) public view {
        wide = uint32(bound(wide, 0, 1e9));
        narrow = uint32(bound(narrow, 0, wide));
        assertGe(_feeds.confidence(BTC, narrow), _feeds.confidence(BTC, wide));
        assertEq(_feeds.confidence(BTC, 0), 1e18);
        assertEq(_feeds.confidence(BTC, 1e7), 0.5e18);
        assertEq(_feeds.confidence(BTC, 2e7), 0);
        assertEq(_feeds.confidence(BTC, 1e9), 0);
    }

    // ---- given a mark

    function test_GivenAMark_WhenNoneWasSigned_ItIsSpot() public {
        _submitSpot(START, 60_000e18);
        assertEq(_feeds.mark(BTC).value, 60_000e18);
    }

    function testFuzz_GivenAMark_WhenSigned_ItStaysWithinTheBandAroundSpot(uint128 spot, uint128 mark) public {
        spot = uint128(bound(spot, 1, 1e30));
        mark = uint128(bound(mark, 1, 1e30));
        IFeeds.Report[] memory reports = new IFeeds.Report[](2);
        reports[0] = IFeeds.Report(_spotId(), spot, 0);
        reports[1] = IFeeds.Report(_id(Kind.Mark, 0), mark, 0);
        _submit(START, reports);
        uint256 band = (uint256(spot) * 500) / 1e4;
        uint256 marked = _feeds.mark(BTC).value;
        assertGe(marked, spot - band);
        assertLe(marked, spot + band);
        if (mark >= spot - band && mark <= spot + band) assertEq(marked, mark);
    }

    function test_GivenAMark_WhenSpotIsWorse_ItHasTheWorseGrade() public {
        _submitSpot(START, 60_000e18);
        vm.warp(START + 100);
        _submit(START + 100, _one(_id(Kind.Mark, 0), 60_001e18, 0));
        assertEq(uint8(_grade(_id(Kind.Mark, 0))), uint8(Grade.Fresh));
        assertEq(uint8(_feeds.mark(BTC).grade), uint8(Grade.Aged));
    }

    // ---- given quotes

    function testFuzz_GivenQuotes_WhenSeveralAreAsked_TheySayWhatPointsAndMarksSay(
        uint128[2] memory spots,
        uint128 mark,
        uint32 spread,
        uint16 age,
        uint8 mode
    ) public {
        // CAST: one of the three modes that list an underlying.
        IFeeds.SpotMode other = IFeeds.SpotMode(1 + (mode % 3));
        address source = other == IFeeds.SpotMode.Signed ? address(0) : address(_source);
        _feeds.setUnderlying(BTC + 1, other, source, _bounds());
        _source.set(uint128(bound(spots[0], 1, 1e30)), START, uint32(bound(spread, 0, 1e9)));
        IFeeds.Report[] memory reports = new IFeeds.Report[](3);
        reports[0] = IFeeds.Report(_spotId(), uint128(bound(spots[0], 1, 1e30)), 0);
        reports[1] = IFeeds.Report(_id(Kind.Mark, 0), uint128(bound(mark, 1, 1e30)), 0);
        reports[2] = IFeeds.Report(
            FeedWord.id(BTC + 1, Kind.Spot, 0),
            uint128(bound(spots[1], 1, 1e30)),
            uint32(bound(spread, 0, 1e9))
        );
        _submit(START, reports);
        vm.warp(START + (age % 1500));
        _feeds.halt(_id(Kind.Forward, EXPIRY));
        uint256[] memory asked = new uint256[](3);
        (asked[0], asked[1], asked[2]) = (BTC | (1 << 16), (BTC + 1) | (1 << 16), BTC + 1);
        uint256[] memory answers = _feeds.packedQuotesOf(asked);
        assertEq(answers.length, 7);
        Grade grade;
        uint256 oldest = type(uint40).max;
        for (uint256 i = 0; i < 3; ++i) {
            // CAST: the field's sixteen bits.
            uint16 underlying = uint16(asked[i]);
            bool withMark = asked[i] >> 16 == 1;
            IFeeds.Quote memory quote = _feeds.quoteOf(underlying, withMark);
            IFeeds.Point memory spot = _feeds.point(FeedWord.id(underlying, Kind.Spot, 0));
            IFeeds.Point memory marked = withMark ? _feeds.mark(underlying) : spot;
            assertEq(quote.spot, spot.value);
            assertEq(quote.mark, withMark ? marked.value : 0);
            assertEq(quote.confidence, _feeds.confidence(underlying, spot.spread));
            assertEq(quote.epoch, _feeds.epochOf(underlying));
            assertEq(quote.oldest, marked.time < spot.time ? marked.time : spot.time);
            assertEq(uint8(quote.grade), uint8(marked.grade));
            assertEq(answers[1 + 2 * i], quote.spot | (uint256(quote.mark) << 128));
            assertEq(answers[2 + 2 * i], quote.epoch | (uint256(quote.confidence) << 40));
            if (quote.grade > grade) grade = quote.grade;
            if (quote.oldest < oldest) oldest = quote.oldest;
        }
        assertEq(answers[0], oldest | (uint256(uint8(grade)) << 40));
    }

    function test_GivenQuotes_WhenTermsChange_TheyAreGradedByTheirUnderlyingsOwn() public {
        _feeds.setUnderlying(BTC + 1, IFeeds.SpotMode.Signed, address(0), _bounds());
        IFeeds.Report[] memory reports = new IFeeds.Report[](2);
        reports[0] = IFeeds.Report(_spotId(), 60_000e18, 1e6);
        reports[1] = IFeeds.Report(FeedWord.id(BTC + 1, Kind.Spot, 0), 3_000e18, 1e6);
        _submit(START, reports);
        vm.warp(START + 50);
        _gradesOfBoth(Grade.Fresh, Grade.Fresh);
        IFeeds.Bounds memory bounds = _bounds();
        bounds.spotFresh = 40;
        _feeds.setUnderlying(BTC, IFeeds.SpotMode.Signed, address(0), bounds);
        _gradesOfBoth(Grade.Aged, Grade.Fresh);
        bounds.spotStale = 45;
        _feeds.setUnderlying(BTC + 1, IFeeds.SpotMode.Signed, address(0), bounds);
        _gradesOfBoth(Grade.Aged, Grade.Stale);
        // Terms that were there before are found again.
        _feeds.setUnderlying(BTC, IFeeds.SpotMode.Signed, address(0), _bounds());
        _gradesOfBoth(Grade.Fresh, Grade.Stale);
        // What a spot's word holds of its underlying outlasts reports, a halt and a price that is cleared.
        uint40 epoch = _feeds.epochOf(BTC);
        _feeds.halt(_spotId());
        _gradesOfBoth(Grade.Halted, Grade.Stale);
        _feeds.resume(_spotId(), true);
        _gradesOfBoth(Grade.Zero, Grade.Stale);
        _submitSpot(START + 50, 60_000e18);
        vm.warp(START + 110);
        _gradesOfBoth(Grade.Fresh, Grade.Stale);
        vm.warp(START + 111);
        _gradesOfBoth(Grade.Aged, Grade.Stale);
        assertEq(_feeds.epochOf(BTC), epoch + 2);
        // Nor do the words that sheets are built of hold any of it.
        FeedId[] memory ids = new FeedId[](1);
        ids[0] = _spotId();
        assertEq(_feeds.words(ids)[0], FeedWord.pack(60_000e18, START + 50, 1e6));
    }

    function _gradesOfBoth(Grade first, Grade second) private view {
        assertEq(uint8(_feeds.quoteOf(BTC, false).grade), uint8(first));
        assertEq(uint8(_feeds.quoteOf(BTC + 1, false).grade), uint8(second));
        uint256[] memory asked = new uint256[](2);
        (asked[0], asked[1]) = (BTC, BTC + 1);
        assertEq(_feeds.packedQuotesOf(asked)[0] >> 40, uint8(first > second ? first : second));
    }

    function test_GivenQuotes_WhenNoneOrAnUnknownOneIsAsked_TheySaySo() public {
        uint256[] memory asked = new uint256[](0);
        uint256[] memory answers = _feeds.packedQuotesOf(asked);
        assertEq(answers.length, 1);
        assertEq(answers[0], type(uint40).max);
        asked = new uint256[](1);
        asked[0] = BTC + 1;
        vm.expectRevert(abi.encodeWithSelector(IFeeds.UnderlyingUnknown.selector, BTC + 1));
        _feeds.packedQuotesOf(asked);
    }

    // ---- given another source

    function testFuzz_GivenAnotherSource_WhenItDiffers_ItDisagreesBeyondTheBound(uint128 price) public {
        _feeds.setUnderlying(BTC, IFeeds.SpotMode.Checked, address(_source), _bounds());
        _submitSpot(START, 60_000e18);
        price = uint128(bound(price, 50_000e18, 70_000e18));
        _source.set(price, START, 0);
        uint256 gap = price > 60_000e18 ? price - 60_000e18 : 60_000e18 - price;
        assertEq(uint8(_grade(_spotId())), uint8(gap * 1e4 > uint256(price) * 200 ? Grade.Disagreeing : Grade.Fresh));
        assertEq(_feeds.point(_spotId()).value, 60_000e18);
    }

    function test_GivenAnotherSource_WhenItIsSilentOrOld_ItIsAged() public {
        _feeds.setUnderlying(BTC, IFeeds.SpotMode.Checked, address(_source), _bounds());
        _submitSpot(START, 60_000e18);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Aged));
        _source.set(60_000e18, START - 3601, 0);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Aged));
        _source.set(60_000e18, START - 3600, 0);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Fresh));
    }

    function test_GivenAnotherSource_WhenItStandsIn_ItIsReadInTheSameForm() public {
        _feeds.setUnderlying(BTC, IFeeds.SpotMode.Source, address(_source), _bounds());
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
        _source.set(61_000e18, START - 61, 3e6);
        IFeeds.Point memory point = _feeds.point(_spotId());
        assertEq(point.value, 61_000e18);
        assertEq(point.time, START - 61);
        assertEq(point.spread, 3e6);
        assertEq(uint8(point.grade), uint8(Grade.Aged));
        FeedId[] memory feeds = new FeedId[](1);
        feeds[0] = _spotId();
        assertEq(uint128(_feeds.words(feeds)[0]), 61_000e18);
        _feeds.halt(_spotId());
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Halted));
        _feeds.resume(_spotId(), false);
        _source.set(61_000e18, START + 6, 0);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Future));
    }

    // ---- given the guardian

    function test_GivenTheGuardian_WhenAFeedIsHalted_ItIsHaltedWhateverIsSubmitted() public {
        _submitSpot(START, 60_000e18);
        _feeds.halt(_spotId());
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Halted));
        vm.warp(START + 10);
        _submitSpot(START + 10, 60_100e18);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Halted));
        _feeds.resume(_spotId(), false);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Fresh));
        assertEq(_feeds.point(_spotId()).value, 60_100e18);
        vm.expectRevert(abi.encodeWithSelector(IFeeds.NotHalted.selector, _spotId()));
        _feeds.resume(_spotId(), false);
    }

    // ---- given governance

    function test_GivenGovernance_WhenAStrangerCalls_ItIsClosed() public {
        bytes[4] memory calls = [
            abi.encodeCall(IFeeds.halt, (_spotId())),
            abi.encodeCall(IFeeds.resume, (_spotId(), true)),
            abi.encodeCall(IFeeds.setSigners, (_addresses(), 1, 1)),
            abi.encodeCall(IFeeds.setUnderlying, (BTC, IFeeds.SpotMode.Signed, address(0), _bounds()))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(_stranger);
            (bool ok, bytes memory answer) = address(_feeds).call(calls[i]);
            assertFalse(ok);
            assertEq(answer, abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _stranger));
        }
    }

    function test_GivenGovernance_WhenSignersChange_ItTakesTheNewAndRefusesTheOld() public {
        IFeeds.Report[] memory reports = _one(_spotId(), 60_000e18, 0);
        bytes memory old = _sign(START, reports, THRESHOLD, 0);
        bytes memory kept = _sign(START, reports, 2, 3);
        address[] memory all = _addresses();
        address[] memory two = new address[](2);
        (two[0], two[1]) = (all[3], all[4]);
        _feeds.setSigners(two, 2, 2);
        assertEq(_feeds.signers(), two);
        vm.expectRevert(abi.encodeWithSelector(IFeeds.SignatureCount.selector, 3, 2));
        _feeds.submit(START, reports, old);
        bytes memory gone = _sign(START, reports, 2, 0);
        vm.expectPartialRevert(IFeeds.SignatureInvalid.selector);
        _feeds.submit(START, reports, gone);
        assertEq(_feeds.submit(START, reports, kept), 1);
    }

    function test_GivenGovernance_WhenSignersAreInvalid_ItSaysSo() public {
        address[] memory signers = _addresses();
        _refusesSigners(signers, 0, 1);
        _refusesSigners(signers, 3, 2);
        _refusesSigners(signers, 3, 6);
        _refusesSigners(new address[](0), 0, 0);
        (signers[0], signers[1]) = (signers[1], signers[0]);
        _refusesSigners(signers, 3, 3);
        signers[1] = signers[0];
        _refusesSigners(signers, 3, 3);
        signers[0] = address(0);
        _refusesSigners(signers, 3, 3);
        _refusesSigners(new address[](33), 3, 3);
    }

    function test_GivenGovernance_WhenBoundsAreInvalid_ItSaysSo() public {
        IFeeds.Bounds memory bounds = _bounds();
        _refusesUnderlying(IFeeds.SpotMode.Unlisted, address(0), bounds);
        _refusesUnderlying(IFeeds.SpotMode.Signed, address(_source), bounds);
        _refusesUnderlying(IFeeds.SpotMode.Checked, address(0), bounds);
        _refusesUnderlying(IFeeds.SpotMode.Source, address(0xdead), bounds);
        bounds.spotFresh = 601;
        _refusesUnderlying(IFeeds.SpotMode.Signed, address(0), bounds);
        bounds = _bounds();
        bounds.maxSpread = 0;
        _refusesUnderlying(IFeeds.SpotMode.Signed, address(0), bounds);
        bounds.maxSpread = 1e9 + 1;
        _refusesUnderlying(IFeeds.SpotMode.Signed, address(0), bounds);
        bounds = _bounds();
        bounds.markBand = 1e4;
        _refusesUnderlying(IFeeds.SpotMode.Signed, address(0), bounds);
    }

    // ---- given Pyth

    function testFuzz_GivenPyth_WhenItHasAPrice_ItIsReadInTheSameForm(int64 price, uint64 conf, int32 expo) public {
        (PythDouble pyth, PythSource source) = _pyth();
        price = int64(bound(price, 1, type(int64).max));
        expo = int32(bound(expo, -18, 0));
        _push(pyth, IPyth.Price(price, conf, expo, START));
        (uint128 value, uint40 time, uint32 spread) = source.latest();
        assertEq(value, uint256(uint64(price)) * 10 ** uint32(18 + expo));
        assertEq(time, START);
        uint256 exact = (uint256(conf) * 1e9) / uint64(price);
        assertLe(spread, 1e9);
        if (exact < 1e9) assertApproxEqAbs(spread, exact, 1);
        else assertEq(spread, 1e9);
    }

    function test_GivenPyth_WhenThePriceIsNone_ItIsZero() public {
        (PythDouble pyth, PythSource source) = _pyth();
        _feeds.setUnderlying(BTC, IFeeds.SpotMode.Source, address(source), _bounds());
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
        _push(pyth, IPyth.Price(0, 1, -8, START));
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
        _push(pyth, IPyth.Price(-1, 1, -8, START + 1));
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
        _push(pyth, IPyth.Price(60_000e8, 60e8, -8, START + 2));
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Fresh));
        _push(pyth, IPyth.Price(60_000e8, 1_201e8, -8, START + 3));
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Uncertain));
    }

    function test_GivenPyth_WhenAnyoneUpdates_ItPaysTheFeeAndGivesBackTheRest() public {
        (, PythSource source) = _pyth();
        bytes[] memory updates = new bytes[](1);
        updates[0] = abi.encode(bytes32("BTC/USD"), IPyth.Price(60_000e8, 60e8, -8, START));
        vm.deal(_stranger, 1 ether);
        vm.prank(_stranger);
        source.update{value: 1 ether}(updates);
        assertEq(_stranger.balance, 1 ether - 1);
        (uint128 price, , ) = source.latest();
        assertEq(price, 60_000e18);
        vm.expectRevert(abi.encodeWithSelector(PythSource.FeeTooLow.selector, 0, 1));
        source.update(updates);
    }

    // ---- given Chainlink

    function testFuzz_GivenChainlink_WhenItHasAPrice_ItIsReadInTheSameForm(uint8 decimals, uint128 answer) public {
        decimals = uint8(bound(decimals, 0, 18));
        AggregatorDouble aggregator = new AggregatorDouble(decimals);
        ChainlinkSource source = _chainlink(address(aggregator), address(0), 0, 5e6);
        answer = uint128(bound(answer, 1, 1e18));
        aggregator.set(int256(uint256(answer)), START, START);
        (uint128 price, uint40 time, uint32 spread) = source.latest();
        assertEq(price, uint256(answer) * 10 ** (18 - decimals));
        assertEq(time, START);
        assertEq(spread, 5e6);
    }

    function test_GivenChainlink_WhenTheRoundIsNone_ItIsZero() public {
        (AggregatorDouble aggregator, AggregatorDouble uptime, ChainlinkSource source) = _chainlink();
        _feeds.setUnderlying(BTC, IFeeds.SpotMode.Source, address(source), _bounds());
        uptime.set(0, START - 7200, START);
        aggregator.set(0, START, START);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
        aggregator.set(-1, START, START);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
        aggregator.set(60_000e8, START, 0);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
        aggregator.set(60_000e8, START, START - 61);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Aged));
    }

    function test_GivenChainlink_WhenTheSequencerIsDownOrJustBack_ItIsZero() public {
        (AggregatorDouble aggregator, AggregatorDouble uptime, ChainlinkSource source) = _chainlink();
        _feeds.setUnderlying(BTC, IFeeds.SpotMode.Source, address(source), _bounds());
        aggregator.set(60_000e8, START, START);
        uptime.set(1, START - 7200, START);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
        uptime.set(0, START - 3599, START);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
        uptime.set(0, START - 3600, START);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Fresh));
        uptime.set(0, 0, 0);
        assertEq(uint8(_grade(_spotId())), uint8(Grade.Zero));
    }

    function test_GivenChainlink_WhenItsConfigurationIsInvalid_ItSaysSo() public {
        AggregatorDouble aggregator = new AggregatorDouble(37);
        vm.expectPartialRevert(ChainlinkSource.ConfigInvalid.selector);
        _chainlink(address(aggregator), address(0), 0, 0);
        aggregator = new AggregatorDouble(8);
        vm.expectPartialRevert(ChainlinkSource.ConfigInvalid.selector);
        _chainlink(address(aggregator), address(0), 0, 1e9 + 1);
    }

    // ---- helpers

    function _grade(FeedId feed) private view returns (Grade) {
        return _feeds.point(feed).grade;
    }

    function _gradesAfter(uint256 age, Grade spot, Grade forward, Grade surface) private {
        vm.warp(START + age);
        assertEq(uint8(_grade(_spotId())), uint8(spot));
        assertEq(uint8(_grade(_id(Kind.Forward, EXPIRY))), uint8(forward));
        assertEq(uint8(_grade(_id(Kind.Surface, EXPIRY))), uint8(surface));
    }

    function _refusesSigners(address[] memory signers, uint8 threshold, uint8 settlement) private {
        vm.expectPartialRevert(IFeeds.SignersInvalid.selector);
        _feeds.setSigners(signers, threshold, settlement);
    }

    function _refusesUnderlying(IFeeds.SpotMode mode, address source, IFeeds.Bounds memory bounds) private {
        vm.expectPartialRevert(IFeeds.UnderlyingInvalid.selector);
        _feeds.setUnderlying(BTC, mode, source, bounds);
    }

    function _pyth() private returns (PythDouble pyth, PythSource source) {
        pyth = new PythDouble();
        source = PythSource(
            Deploy.create(
                "src/hub/risk/sources/PythSource.sol:PythSource",
                abi.encode(address(pyth), bytes32("BTC/USD"))
            )
        );
    }

    function _push(PythDouble pyth, IPyth.Price memory price) private {
        bytes[] memory updates = new bytes[](1);
        updates[0] = abi.encode(bytes32("BTC/USD"), price);
        pyth.updatePriceFeeds{value: 1}(updates);
    }

    function _chainlink()
        private
        returns (AggregatorDouble aggregator, AggregatorDouble uptime, ChainlinkSource source)
    {
        aggregator = new AggregatorDouble(8);
        uptime = new AggregatorDouble(0);
        source = _chainlink(address(aggregator), address(uptime), 3600, 5e6);
    }

    function _chainlink(
        address aggregator,
        address uptime,
        uint256 gracePeriod,
        uint32 deviation
    ) private returns (ChainlinkSource) {
        bytes memory args = abi.encode(aggregator, uptime, gracePeriod, deviation);
        return ChainlinkSource(Deploy.create("src/hub/risk/sources/ChainlinkSource.sol:ChainlinkSource", args));
    }
}
