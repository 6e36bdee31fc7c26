// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FeedGrade} from "./FeedGrade.sol";
import {Kind} from "./FeedWord.sol";
import {IFeeds} from "./IFeeds.sol";

/// @title How an underlying's feeds are read and graded, in one word
library FeedTerms {
    uint256 private constant WAD = 1e18;
    /// @notice Two of what spotOf gives fill a word.
    uint256 internal constant SPOT_BITS = 128;

    function limits(IFeeds.Bounds memory bounds, uint8 kind) internal pure returns (FeedGrade.Limits memory) {
        if (kind == uint8(Kind.Forward))
            return FeedGrade.Limits(bounds.forwardFresh, bounds.forwardStale, bounds.maxSpread);
        if (kind == uint8(Kind.Surface))
            return FeedGrade.Limits(bounds.surfaceFresh, bounds.surfaceStale, bounds.maxSpread);
        return FeedGrade.Limits(bounds.spotFresh, bounds.spotStale, bounds.maxSpread);
    }

    /// @notice `limits` of `pack`'s word, without the bounds in memory.
    function limitsIn(
        uint256 terms,
        uint8 kind
    ) internal pure returns (uint256 freshFor, uint256 staleAfter, uint256 maxSpread) {
        uint256 ages = terms;
        if (kind == uint8(Kind.Forward)) ages >>= 48;
        else if (kind == uint8(Kind.Surface)) ages >>= 96;
        // CAST: each field is cut to its width, as pack laid it.
        return (uint24(ages), uint24(ages >> 24), uint32(terms >> 168));
    }

    function confidence(uint256 spread, uint256 widest) internal pure returns (uint64) {
        // CAST: at most 10^18.
        return spread >= widest ? 0 : uint64(WAD - (spread * WAD) / widest);
    }

    /// @dev Low to high: seven ages of 24 bits | maxSpread | markBand | disagreement | mode.
    function pack(IFeeds.Bounds calldata bounds, IFeeds.SpotMode mode) internal pure returns (uint256) {
        return
            uint256(bounds.spotFresh) |
            (uint256(bounds.spotStale) << 24) |
            (uint256(bounds.forwardFresh) << 48) |
            (uint256(bounds.forwardStale) << 72) |
            (uint256(bounds.surfaceFresh) << 96) |
            (uint256(bounds.surfaceStale) << 120) |
            (uint256(bounds.sourceStale) << 144) |
            (uint256(bounds.maxSpread) << 168) |
            (uint256(bounds.markBand) << 200) |
            (uint256(bounds.disagreement) << 216) |
            (uint256(mode) << 232);
    }

    /// @notice What a spot and a mark are read and graded by, of `pack`'s word: two ages | maxSpread | markBand | mode, in SPOT_BITS.
    function spotOf(uint256 terms) internal pure returns (uint256) {
        return (terms & 0xffffffffffff) | (((terms >> 168) & 0xffffffffffff) << 48) | ((terms >> 232) << 96);
    }

    function modeOf(uint256 terms) internal pure returns (IFeeds.SpotMode) {
        return IFeeds.SpotMode(terms >> 232);
    }

    function boundsOf(uint256 terms) internal pure returns (IFeeds.Bounds memory) {
        // CAST: each field is cut to its width, as pack laid it.
        return
            IFeeds.Bounds({
                spotFresh: uint24(terms),
                spotStale: uint24(terms >> 24),
                forwardFresh: uint24(terms >> 48),
                forwardStale: uint24(terms >> 72),
                surfaceFresh: uint24(terms >> 96),
                surfaceStale: uint24(terms >> 120),
                sourceStale: uint24(terms >> 144),
                maxSpread: uint32(terms >> 168),
                markBand: uint16(terms >> 200),
                disagreement: uint16(terms >> 216)
            });
    }
}
