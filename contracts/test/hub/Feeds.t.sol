// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {FeedId, FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {Smile} from "../../src/hub/risk/Smile.sol";
import {FeedsFixture} from "./FeedsFixture.sol";

/// @dev See Feeds.tree.
contract FeedsTest is FeedsFixture {
    // ---- given enough signatures

    function testFuzz_GivenEnoughSignatures_WhenAnyoneSubmits_ItStoresEveryValue(
        address submitter,
        uint128 spot,
        uint128 forward,
        uint32 spread,
        uint8 skip
    ) public {
        spot = uint128(bound(spot, 1, 1e30));
        forward = uint128(bound(forward, 1, 1e30));
        spread = uint32(bound(spread, 0, 1e9));
        IFeeds.Report[] memory reports = new IFeeds.Report[](3);
        reports[0] = IFeeds.Report(_spotId(), spot, spread);
        reports[1] = IFeeds.Report(_id(Kind.Forward, EXPIRY), forward, spread);
        reports[2] = IFeeds.Report(_id(Kind.Surface, EXPIRY), _slice(6e7, -3e8, 1e9), spread);
        bytes memory signatures = _sign(START, reports, THRESHOLD, skip % 3);
        vm.prank(submitter);
        assertEq(_feeds.submit(START, reports, signatures), 3);

        FeedId[] memory ids = new FeedId[](3);
        for (uint256 i = 0; i < 3; ++i) ids[i] = reports[i].feed;
        uint256[] memory words = _feeds.words(ids);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(words[i], FeedWord.pack(reports[i].value, START, spread));
            IFeeds.Point memory point = _feeds.point(ids[i]);
            assertEq(point.value, reports[i].value);
            assertEq(point.time, START);
            assertEq(point.spread, spread);
            assertEq(uint8(point.grade), uint8(spread > 2e7 ? Grade.Uncertain : Grade.Fresh));
        }
    }

    function testFuzz_GivenEnoughSignatures_WhenTheyAreOlder_ItChangesNothing(uint40 older, uint128 price) public {
        older = uint40(bound(older, 0, START));
        price = uint128(bound(price, 1, 1e30));
        _submitSpot(START, 60_000e18);
        assertEq(_submit(older, _one(_spotId(), price, 0)), 0);
        assertEq(_feeds.point(_spotId()).value, 60_000e18);
        assertEq(_feeds.point(_spotId()).time, START);
    }

    /// @dev Whatever the order in which snapshots arrive, the newest stays: nobody chooses the price by choosing the order.
    function testFuzz_GivenEnoughSignatures_WhenSnapshotsArriveInAnyOrder_ItKeepsTheNewest(
        uint40[6] memory times
    ) public {
        uint40 newest;
        for (uint256 i = 0; i < times.length; ++i) {
            times[i] = uint40(bound(times[i], START - 100, START));
            _submit(times[i], _one(_spotId(), uint128(times[i]) * 1e18, 0));
            if (times[i] > newest) newest = times[i];
            assertEq(_feeds.point(_spotId()).value, uint128(newest) * 1e18);
        }
    }

    // ---- given signatures that are not enough

    function testFuzz_GivenBadSignatures_WhenTheReportIsChanged_ItReverts(
        uint128 value,
        uint40 time,
        uint32 spread
    ) public {
        IFeeds.Report[] memory reports = _one(_spotId(), 60_000e18, 1e6);
        bytes memory signatures = _sign(START, reports, THRESHOLD, 0);
        value = uint128(bound(value, 1, 1e30));
        spread = uint32(bound(spread, 0, 1e9));
        time = uint40(bound(time, 0, START));
        vm.assume(value != 60_000e18 || time != START || spread != 1e6);
        vm.expectPartialRevert(IFeeds.SignatureInvalid.selector);
        _feeds.submit(time, _one(_spotId(), value, spread), signatures);
    }

    function testFuzz_GivenBadSignatures_WhenAByteIsFlipped_ItReverts(uint256 position, uint8 flip) public {
        IFeeds.Report[] memory reports = _one(_spotId(), 60_000e18, 1e6);
        bytes memory signatures = _sign(START, reports, THRESHOLD, 0);
        vm.assume(flip != 0);
        position = bound(position, 0, signatures.length - 1);
        signatures[position] = bytes1(uint8(signatures[position]) ^ flip);
        vm.expectPartialRevert(IFeeds.SignatureInvalid.selector);
        _feeds.submit(START, reports, signatures);
    }

    function test_GivenBadSignatures_WhenOneSignsTwice_ItReverts() public {
        IFeeds.Report[] memory reports = _one(_spotId(), 60_000e18, 1e6);
        bytes memory one = _sign(START, reports, 1, 0);
        address signer = vm.addr(_keys[0]);
        vm.expectRevert(abi.encodeWithSelector(IFeeds.SignatureInvalid.selector, 1, signer, signer));
        _feeds.submit(START, reports, bytes.concat(one, one, one));
    }

    function test_GivenBadSignatures_WhenAStrangerSigns_ItReverts() public {
        IFeeds.Report[] memory reports = _one(_spotId(), 60_000e18, 1e6);
        bytes memory two = _sign(START, reports, 2, 0);
        bytes memory forged = _signature(uint256(keccak256("stranger")), _feeds.digest(START, reports));
        vm.expectPartialRevert(IFeeds.SignatureInvalid.selector);
        _feeds.submit(START, reports, bytes.concat(two, forged));
    }

    function testFuzz_GivenBadSignatures_WhenTheirNumberIsWrong_ItReverts(uint8 count) public {
        count = uint8(bound(count, 0, SIGNERS));
        vm.assume(count != THRESHOLD);
        IFeeds.Report[] memory reports = _one(_spotId(), 60_000e18, 1e6);
        bytes memory signatures = _sign(START, reports, count, 0);
        vm.expectRevert(abi.encodeWithSelector(IFeeds.SignatureCount.selector, count, THRESHOLD));
        _feeds.submit(START, reports, signatures);
    }

    function test_GivenBadSignatures_WhenTheyAreForAnotherContract_ItReverts() public {
        IFeeds.Report[] memory reports = _one(_spotId(), 60_000e18, 1e6);
        bytes memory signatures = _sign(START, reports, THRESHOLD, 0);
        IFeeds other = _deploy(_addresses(), THRESHOLD, SETTLEMENT_THRESHOLD);
        other.setUnderlying(BTC, IFeeds.SpotMode.Signed, address(0), _bounds());
        vm.expectPartialRevert(IFeeds.SignatureInvalid.selector);
        other.submit(START, reports, signatures);
    }

    // ---- given values that cannot be

    function test_GivenImpossibleValues_WhenSubmitted_ItSaysWhatWasExpected() public {
        _refuses(_spotId(), 0, 0, IFeeds.ValueInvalid.selector);
        _refuses(_spotId(), 1e30 + 1, 0, IFeeds.ValueInvalid.selector);
        _refuses(_spotId(), 1, 1e9 + 1, IFeeds.ValueInvalid.selector);
        _refuses(_id(Kind.Spot, 1), 1, 0, IFeeds.FeedInvalid.selector);
        _refuses(_id(Kind.Mark, 1), 1, 0, IFeeds.FeedInvalid.selector);
        _refuses(_id(Kind.Forward, START), 1, 0, IFeeds.TimeInvalid.selector);
        _refuses(_id(Kind.Surface, START), _slice(6e7, 0, 1e9), 0, IFeeds.TimeInvalid.selector);
        _refuses(_id(Kind.Surface, EXPIRY), _slice(0, 0, 1e9), 0, IFeeds.ValueInvalid.selector);
        _refuses(_id(Kind.Surface, EXPIRY), _slice(6e7, 1e9, 1e9), 0, IFeeds.ValueInvalid.selector);
        _refuses(_id(Kind.Surface, EXPIRY), _slice(6e7, 0, 1e9) | (1 << 112), 0, IFeeds.ValueInvalid.selector);
        _refuses(FeedId.wrap((uint64(BTC) << 48) | (5 << 40)), 1, 0, IFeeds.FeedInvalid.selector);
        _refuses(FeedWord.id(BTC + 1, Kind.Spot, 0), 1, 0, IFeeds.UnderlyingUnknown.selector);
    }

    function test_GivenImpossibleValues_WhenDatedAfterTheBlock_ItReverts() public {
        uint40 late = START + 6;
        IFeeds.Report[] memory reports = _one(_spotId(), 1, 0);
        bytes memory signatures = _sign(late, reports, THRESHOLD, 0);
        vm.expectRevert(abi.encodeWithSelector(IFeeds.TimeInvalid.selector, late, START, "not after the block"));
        _feeds.submit(late, reports, signatures);
    }

    function testFuzz_GivenImpossibleValues_WhenFeedsDoNotAscend_ItReverts(uint40 first, uint40 second) public {
        first = uint40(bound(first, START + 1, EXPIRY));
        second = uint40(bound(second, START + 1, first));
        IFeeds.Report[] memory reports = new IFeeds.Report[](2);
        reports[0] = IFeeds.Report(_id(Kind.Forward, first), 1, 0);
        reports[1] = IFeeds.Report(_id(Kind.Forward, second), 1, 0);
        bytes memory signatures = _sign(START, reports, THRESHOLD, 0);
        vm.expectRevert(abi.encodeWithSelector(IFeeds.FeedOrder.selector, reports[1].feed, reports[0].feed));
        _feeds.submit(START, reports, signatures);
    }

    // ---- given surfaces

    function test_GivenSurfaces_WhenASmileHasButterflyArbitrage_ItReverts() public {
        _refuses(_id(Kind.Surface, START + 365 days), _slice(1e8, -9e8, 8e9), 0, IFeeds.ValueInvalid.selector);
    }

    function test_GivenSurfaces_WhenTheyCrossInTime_ItReverts() public {
        IFeeds.Report[] memory reports = _surfaces(_slice(9e7, -3e8, 1e9), _slice(3e7, -3e8, 1e9));
        bytes memory signatures = _sign(START, reports, THRESHOLD, 0);
        vm.expectRevert(abi.encodeWithSelector(IFeeds.CalendarArbitrage.selector, reports[0].feed, reports[1].feed));
        _feeds.submit(START, reports, signatures);
    }

    function testFuzz_GivenSurfaces_WhenSubmitted_ItTakesExactlyTheArbitrageFree(
        uint32 vol,
        int32 rho,
        uint48 phi,
        uint32 farVol,
        int32 farRho,
        uint48 farPhi
    ) public {
        uint128 near = _anySlice(vol, rho, phi);
        uint128 far = _anySlice(farVol, farRho, farPhi);
        IFeeds.Report[] memory reports = _surfaces(near, far);
        bytes memory signatures = _sign(START, reports, THRESHOLD, 0);
        bool free =
            Smile.isButterflyFree(near, 7 days) &&
                Smile.isButterflyFree(far, 14 days) &&
                Smile.isCalendarFree(near, 7 days, far, 14 days);
        try _feeds.submit(START, reports, signatures) returns (uint256 taken) {
            assertTrue(free);
            assertEq(taken, 2);
        } catch {
            assertFalse(free);
        }
    }

    function test_GivenSurfaces_WhenTheyAreOfTwoUnderlyings_ItDoesNotCompareThem() public {
        _feeds.setUnderlying(BTC + 1, IFeeds.SpotMode.Signed, address(0), _bounds());
        IFeeds.Report[] memory reports = _surfaces(_slice(9e7, -3e8, 1e9), _slice(3e7, -3e8, 1e9));
        reports[1].feed = FeedWord.id(BTC + 1, Kind.Surface, EXPIRY + 7 days);
        assertEq(_submit(START, reports), 2);
    }

    // ---- given the settlement window

    function test_GivenTheSettlementWindow_WhenItRuns_ItTellsTheShareElapsed() public {
        vm.warp(EXPIRY - 10 minutes);
        _settle(EXPIRY - 10 minutes, 50_000e18);
        (uint128 price, uint64 share, bool isFinal) = _feeds.settlement(BTC, EXPIRY);
        assertEq(price, 50_000e18);
        assertEq(share, uint256(2e18) / 3);
        assertFalse(isFinal);
    }

    function testFuzz_GivenTheSettlementWindow_WhenItEnds_ItIsFinalOnce(uint40 later, uint128 price) public {
        vm.warp(uint256(EXPIRY) + 30 days);
        later = uint40(bound(later, EXPIRY, EXPIRY + 30 days));
        price = uint128(bound(price, 1, 1e30));
        assertEq(_settle(EXPIRY, 50_000e18), 1);
        assertEq(_settle(later, price), 0);
        (uint128 settled, uint64 share, bool isFinal) = _feeds.settlement(BTC, EXPIRY);
        assertEq(settled, 50_000e18);
        assertEq(share, 1e18);
        assertTrue(isFinal);
        assertEq(uint8(_feeds.point(_id(Kind.Settlement, EXPIRY)).grade), uint8(Grade.Fresh));
    }

    function test_GivenTheSettlementWindow_WhenItHasNotBegun_ItReverts() public {
        vm.warp(EXPIRY - 30 minutes);
        _refusesAt(EXPIRY - 30 minutes, _id(Kind.Settlement, EXPIRY), 1, IFeeds.TimeInvalid.selector);
    }

    function test_GivenTheSettlementWindow_WhenFewerThanItsThresholdSign_ItReverts() public {
        vm.warp(EXPIRY);
        IFeeds.Report[] memory reports = _one(_id(Kind.Settlement, EXPIRY), 1, 0);
        bytes memory signatures = _sign(EXPIRY, reports, THRESHOLD, 0);
        vm.expectRevert(abi.encodeWithSelector(IFeeds.SignatureCount.selector, THRESHOLD, SETTLEMENT_THRESHOLD));
        _feeds.submit(EXPIRY, reports, signatures);
    }

    function test_GivenTheSettlementWindow_WhenHalted_ItIsNeverFinalUntilCleared() public {
        vm.warp(EXPIRY + 60);
        FeedId feed = _id(Kind.Settlement, EXPIRY);
        _settle(EXPIRY, 1e18);
        _feeds.halt(feed);
        (, , bool isFinal) = _feeds.settlement(BTC, EXPIRY);
        assertFalse(isFinal);
        _feeds.resume(feed, true);
        // What was signed for the same moment cannot come back.
        assertEq(_settle(EXPIRY, 1e18), 0);
        assertEq(_settle(EXPIRY + 1, 50_000e18), 1);
        uint128 price;
        (price, , isFinal) = _feeds.settlement(BTC, EXPIRY);
        assertEq(price, 50_000e18);
        assertTrue(isFinal);
    }

    function test_GivenTheSettlementWindow_WhenNothingWasSigned_ItHasNoPrice() public view {
        (uint128 price, uint64 share, bool isFinal) = _feeds.settlement(BTC, EXPIRY);
        assertEq(price, 0);
        assertEq(share, 0);
        assertFalse(isFinal);
    }

    // ---- helpers

    function _refuses(FeedId feed, uint128 value, uint32 spread, bytes4 selector) private {
        IFeeds.Report[] memory reports = _one(feed, value, spread);
        bytes memory signatures = _sign(START, reports, THRESHOLD, 0);
        vm.expectPartialRevert(selector);
        _feeds.submit(START, reports, signatures);
    }

    function _refusesAt(uint40 time, FeedId feed, uint128 value, bytes4 selector) private {
        IFeeds.Report[] memory reports = _one(feed, value, 0);
        bytes memory signatures = _sign(time, reports, SETTLEMENT_THRESHOLD, 0);
        vm.expectPartialRevert(selector);
        _feeds.submit(time, reports, signatures);
    }

    function _surfaces(uint128 near, uint128 far) private pure returns (IFeeds.Report[] memory reports) {
        reports = new IFeeds.Report[](2);
        reports[0] = IFeeds.Report(_id(Kind.Surface, EXPIRY), near, 0);
        reports[1] = IFeeds.Report(_id(Kind.Surface, EXPIRY + 7 days), far, 0);
    }

    function _anySlice(uint32 vol, int32 rho, uint48 phi) private pure returns (uint128) {
        return _slice(uint32(bound(vol, 2e7, 2e8)), int32(bound(rho, -8e8, 8e8)), uint48(bound(phi, 1e8, 12e9)));
    }
}
