// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";

import {FeedGrade, Grade} from "../../src/hub/risk/FeedGrade.sol";
import {FeedId, FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {Smile} from "../../src/hub/risk/Smile.sol";

/// @dev See FeedRules.tree.
contract FeedRulesTest is Test {
    string private constant GRADES = "../shared/vectors/risk/feed-grades.json";
    string private constant SMILE = "../shared/vectors/risk/smile.json";

    string[8] private _grades = ["fresh", "aged", "stale", "uncertain", "disagreeing", "future", "zero", "halted"];

    // ---- given the table of grades

    function test_GivenTheTableOfGrades_WhenAReadingIsGraded_ItHasTheGradeOfItsRow() public view {
        string memory json = vm.readFile(GRADES);
        uint256[] memory value = vm.parseJsonUintArray(json, ".readings.value");
        uint256[] memory time = vm.parseJsonUintArray(json, ".readings.time");
        uint256[] memory spread = vm.parseJsonUintArray(json, ".readings.spread");
        bool[] memory isFinal = vm.parseJsonBoolArray(json, ".readings.final");
        bool[] memory halted = vm.parseJsonBoolArray(json, ".readings.halted");
        bool[] memory disagrees = vm.parseJsonBoolArray(json, ".readings.disagrees");
        string[] memory grade = vm.parseJsonStringArray(json, ".readings.grade");
        string[] memory name = vm.parseJsonStringArray(json, ".readings.name");
        FeedGrade.Limits memory limits = FeedGrade.Limits(
            vm.parseJsonUint(json, ".limits.freshFor"),
            vm.parseJsonUint(json, ".limits.staleAfter"),
            vm.parseJsonUint(json, ".limits.maxSpread")
        );
        uint256 now_ = vm.parseJsonUint(json, ".now");
        assertGt(name.length, 20);
        for (uint256 i = 0; i < name.length; ++i) {
            // CAST: the table holds what fits the fields.
            uint256 word = FeedWord.pack(uint128(value[i]), uint40(time[i]), uint32(spread[i]));
            if (isFinal[i]) word |= FeedWord.FINAL;
            if (halted[i]) word |= FeedWord.HALTED;
            assertEq(_grades[uint8(FeedGrade.gradeOf(word, limits, now_, disagrees[i]))], grade[i], name[i]);
        }
    }

    function test_GivenTwoGrades_WhenTheWorseIsTaken_ItIsTheSevererOne() public pure {
        for (uint8 a = 0; a <= uint8(type(Grade).max); ++a)
            for (uint8 b = 0; b <= uint8(type(Grade).max); ++b)
                assertEq(uint8(FeedGrade.worse(Grade(a), Grade(b))), a > b ? a : b);
    }

    // ---- given the vectors of the smile

    function test_GivenTheVectorsOfTheSmile_WhenItIsPriced_ItHasTheTwinsBits() public view {
        string memory json = vm.readFile(SMILE);
        uint256[] memory slice = vm.parseJsonUintArray(json, ".volatility.slice");
        int256[] memory k = vm.parseJsonIntArray(json, ".volatility.k");
        uint256[] memory sigma = vm.parseJsonUintArray(json, ".volatility.sigma");
        assertGt(slice.length, 300);
        // CAST: a slice has 112 bits.
        for (uint256 i = 0; i < slice.length; ++i) assertEq(Smile.volatility(uint128(slice[i]), k[i]), sigma[i]);
    }

    function test_GivenTheVectorsOfTheSmile_WhenArbitrageIsJudged_ItJudgesAsTheTwin() public view {
        string memory json = vm.readFile(SMILE);
        uint256[] memory near = vm.parseJsonUintArray(json, ".pairs.near");
        uint256[] memory nearTime = vm.parseJsonUintArray(json, ".pairs.nearTime");
        uint256[] memory far = vm.parseJsonUintArray(json, ".pairs.far");
        uint256[] memory farTime = vm.parseJsonUintArray(json, ".pairs.farTime");
        uint256[] memory butterfly = vm.parseJsonUintArray(json, ".pairs.butterflyFree");
        uint256[] memory calendar = vm.parseJsonUintArray(json, ".pairs.calendarFree");
        uint256 free;
        for (uint256 i = 0; i < near.length; ++i) {
            // CAST: a slice has 112 bits.
            uint128 n = uint128(near[i]);
            assertEq(Smile.isButterflyFree(n, nearTime[i]), butterfly[i] == 1);
            assertEq(Smile.isCalendarFree(n, nearTime[i], uint128(far[i]), farTime[i]), calendar[i] == 1);
            free += calendar[i];
        }
        assertGt(free, 5);
        assertLt(free, near.length - 5);
    }

    function testFuzz_GivenAnySlice_WhenItIsPricedOrJudged_ItNeverReverts(
        uint128 slice,
        uint128 other,
        int256 k,
        uint40 time,
        uint40 later
    ) public pure {
        k = bound(k, -(89 << 64), 89 << 64);
        Smile.volatility(slice, k);
        Smile.isWellFormed(slice);
        Smile.isButterflyFree(slice, time);
        Smile.isCalendarFree(slice, time, other, later);
    }

    function testFuzz_GivenASlice_WhenPacked_ItReadsBackWhatWasPacked(uint32 vol, int32 rho, uint48 phi) public pure {
        (uint256 v, int256 r, uint256 p) = Smile.unpack(Smile.pack(vol, rho, phi));
        assertEq(v, vol);
        assertEq(r, rho);
        assertEq(p, phi);
        assertEq(Smile.isWellFormed(Smile.pack(vol, rho, phi)), vol != 0 && rho > -1e9 && rho < 1e9);
    }

    // ---- given a feed

    function testFuzz_GivenAFeed_WhenPacked_ItReadsBackWhatWasPacked(
        uint16 underlying,
        uint8 kind,
        uint40 expiry,
        uint128 value,
        uint40 time,
        uint32 spread
    ) public pure {
        kind = uint8(bound(kind, 0, uint8(type(Kind).max)));
        FeedId feed = FeedWord.id(underlying, Kind(kind), expiry);
        assertEq(feed.underlying(), underlying);
        assertEq(feed.kindNumber(), kind);
        assertEq(feed.expiry(), expiry);
        uint256 word = FeedWord.pack(value, time, spread);
        assertEq(FeedWord.value(word), value);
        assertEq(FeedWord.time(word), time);
        assertEq(FeedWord.spread(word), spread);
        assertFalse(FeedWord.isFinal(word));
        assertFalse(FeedWord.isHalted(word));
        assertTrue(FeedWord.isFinal(word | FeedWord.FINAL));
        assertTrue(FeedWord.isHalted(word | FeedWord.HALTED));
    }
}
