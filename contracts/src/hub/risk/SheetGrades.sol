// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FeedGrade, Grade} from "./FeedGrade.sol";
import {FeedWord} from "./FeedWord.sol";
import {IFeeds} from "./IFeeds.sol";

/// @title How far the values of an expiry may be relied on, as a header of a sheet: what does not hang on the time of reading
/// @notice Low to high: fresh until uint40 | aged until uint40 | oldest uint40 | expiry uint40 (the largest there is once settled), all
/// seconds | least grade uint8. Equal to FeedGrade on the forward's and the surface's words; from expiry on there is no price without a
/// settlement price that is final.
library SheetGrades {
    /// @notice What holds nothing back.
    uint256 internal constant NONE = type(uint160).max;
    /// @notice The bits of a header that are its own.
    uint256 internal constant MASK = type(uint168).max;
    uint256 private constant TIME = type(uint40).max;
    uint256 private constant EXPIRY = 0x00ffffffffff000000000000000000000000000000;
    uint256 private constant REST = 0xff0000000000ffffffffffffffffffffffffffffff;

    function headerOf(
        uint256 forward,
        uint256 surface,
        bool settled,
        uint40 expiry,
        IFeeds.Bounds memory bounds
    ) internal pure returns (uint256) {
        if (settled) return NONE;
        (uint256 fresh, uint256 aged, Grade grade) = _part(
            forward,
            bounds.forwardFresh,
            bounds.forwardStale,
            bounds.maxSpread
        );
        (uint256 otherFresh, uint256 otherAged, Grade other) = _part(
            surface,
            bounds.surfaceFresh,
            bounds.surfaceStale,
            bounds.maxSpread
        );
        uint256 oldest = FeedWord.time(forward);
        if (FeedWord.time(surface) < oldest) oldest = FeedWord.time(surface);
        return
            (fresh < otherFresh ? fresh : otherFresh) |
            ((aged < otherAged ? aged : otherAged) << 40) |
            (oldest << 80) |
            (uint256(expiry) << 120) |
            (uint256(FeedGrade.worse(grade, other)) << 160);
    }

    /// @dev A stored value is never of the future by more than the clocks' tolerance: Feeds refuses it.
    function _part(
        uint256 word,
        uint256 freshFor,
        uint256 agedFor,
        uint256 maxSpread
    ) private pure returns (uint256 fresh, uint256 aged, Grade grade) {
        fresh = FeedWord.time(word) + freshFor;
        aged = FeedWord.time(word) + agedFor;
        if (fresh > TIME) fresh = TIME;
        if (aged > TIME) aged = TIME;
        if (FeedWord.isHalted(word)) grade = Grade.Halted;
        else if (FeedWord.value(word) == 0) grade = Grade.Zero;
        else if (FeedWord.spread(word) > maxSpread) grade = Grade.Uncertain;
    }

    /// @notice What says of two expiries together what the worse of them says alone.
    function both(uint256 a, uint256 b) internal pure returns (uint256 header) {
        assembly ("memory-safe") {
            // Mostly what is not the expiry is the same.
            switch and(xor(a, b), REST)
            case 0 {
                header := xor(a, mul(xor(a, b), lt(and(b, EXPIRY), and(a, EXPIRY))))
            }
            default {
                let one := and(a, EXPIRY)
                let other := and(b, EXPIRY)
                header := xor(one, mul(xor(one, other), lt(other, one)))
                // The lesser of each time, the greater of the grades.
                one := and(a, 0xffffffffff)
                other := and(b, 0xffffffffff)
                header := or(header, xor(one, mul(xor(one, other), lt(other, one))))
                one := and(a, 0xffffffffff0000000000)
                other := and(b, 0xffffffffff0000000000)
                header := or(header, xor(one, mul(xor(one, other), lt(other, one))))
                one := and(a, 0xffffffffff00000000000000000000)
                other := and(b, 0xffffffffff00000000000000000000)
                header := or(header, xor(one, mul(xor(one, other), lt(other, one))))
                one := shr(160, a)
                other := shr(160, b)
                header := or(header, shl(160, xor(one, mul(xor(one, other), gt(other, one)))))
            }
        }
    }

    function gradeOf(uint256 header, uint256 nowSeconds) internal pure returns (Grade grade) {
        unchecked {
            if (nowSeconds >= (header >> 120) & TIME) grade = Grade.Zero;
            else if (nowSeconds > header & TIME) grade = nowSeconds > (header >> 40) & TIME ? Grade.Stale : Grade.Aged;
            grade = FeedGrade.worse(grade, Grade(header >> 160));
        }
    }

    function oldestOf(uint256 header) internal pure returns (uint40) {
        // CAST: the field's forty bits.
        return uint40(header >> 80);
    }
}
