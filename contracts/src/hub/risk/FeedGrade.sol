// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FeedWord} from "./FeedWord.sol";

/// @notice How far a value may be relied on, by severity: an account's grade is the greatest of those it uses.
enum Grade {
    Fresh,
    Aged, // older than it should be
    Stale, // too old to value anything at
    Uncertain, // its spread is too wide
    Disagreeing, // another source says otherwise
    Future, // dated after now
    Zero, // no value, or a price of nothing
    Halted // by the guardian
}

/// @title Grades of feeds
/// @notice Twin: shared/src/risk/feed-grade.ts; both are tested against the table shared/vectors/risk/feed-grades.json, which says too what each
/// grade permits: Margin and Auctioneer see to that.
library FeedGrade {
    /// @notice How far a clock of a signer or of another chain may run ahead, seconds: up to there a value counts as just signed.
    uint256 internal constant FUTURE_TOLERANCE = 5;

    /// @notice Ages in seconds, freshFor <= staleAfter; maxSpread in 1e-9 of the value.
    struct Limits {
        uint256 freshFor;
        uint256 staleAfter;
        uint256 maxSpread;
    }

    /// @notice Grade of a feed's word; the severest reason counts.
    /// @param word Packed as FeedWord says; a final one does not age.
    /// @param nowSeconds Time of the block.
    /// @param disagrees Whether another source contradicts it.
    function gradeOf(
        uint256 word,
        Limits memory limits,
        uint256 nowSeconds,
        bool disagrees
    ) internal pure returns (Grade) {
        return gradeOf(word, limits.freshFor, limits.staleAfter, limits.maxSpread, nowSeconds, disagrees);
    }

    function gradeOf(
        uint256 word,
        uint256 freshFor,
        uint256 staleAfter,
        uint256 maxSpread,
        uint256 nowSeconds,
        bool disagrees
    ) internal pure returns (Grade) {
        unchecked {
            if (FeedWord.isHalted(word)) return Grade.Halted;
            if (FeedWord.value(word) == 0) return Grade.Zero;
            uint256 time = FeedWord.time(word);
            if (time > nowSeconds + FUTURE_TOLERANCE) return Grade.Future;
            if (disagrees) return Grade.Disagreeing;
            if (FeedWord.spread(word) > maxSpread) return Grade.Uncertain;
            uint256 age = time < nowSeconds && !FeedWord.isFinal(word) ? nowSeconds - time : 0;
            if (age > staleAfter) return Grade.Stale;
            return age > freshFor ? Grade.Aged : Grade.Fresh;
        }
    }

    /// @notice The worse of two.
    function worse(Grade a, Grade b) internal pure returns (Grade) {
        return a > b ? a : b;
    }
}
