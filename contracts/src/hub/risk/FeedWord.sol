// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice One feed: `underlying (16) ‖ kind (8) ‖ expiry (40)`; expiry is 0 for kinds without one.
type FeedId is uint64;

/// @notice What a feed says. Mark: the perpetual's fair price. Settlement: the average price of the 30 minutes before expiry.
enum Kind {
    Spot,
    Mark,
    Forward,
    Surface,
    Settlement
}

using FeedWord for FeedId global;

/// @title A feed's storage word
/// @notice Low to high: value uint128 (a price, 18 decimals, or a packed smile slice) | time uint40, seconds | spread uint32, half-width of
/// the value, 1e-9 of it | in a spot's word uint40, the underlying's epoch | and uint14, which terms are the underlying's (FeedQuotes) | final (bit 254) | halted (bit 255). Twin: shared/src/risk/feed-word.ts.
library FeedWord {
    /// @notice The whole value, as a spread.
    uint32 internal constant SPREAD_ONE = 1e9;
    uint256 internal constant FINAL = 1 << 254;
    uint256 internal constant HALTED = 1 << 255;
    uint256 internal constant EPOCH_SHIFT = 200;
    uint256 internal constant EPOCH = uint256(type(uint40).max) << EPOCH_SHIFT;
    uint256 internal constant TERMS_SHIFT = 240;
    uint256 internal constant TERMS_MASK = (1 << 14) - 1;
    /// @notice What a spot's word holds of its underlying, beside the spot.
    uint256 internal constant BESIDE = EPOCH | (TERMS_MASK << TERMS_SHIFT);

    function id(uint16 underlying_, Kind kind_, uint40 expiry_) internal pure returns (FeedId) {
        return FeedId.wrap((uint64(underlying_) << 48) | (uint64(uint8(kind_)) << 40) | expiry_);
    }

    function underlying(FeedId feed) internal pure returns (uint16) {
        // CAST: 64 - 48 bits are left.
        return uint16(FeedId.unwrap(feed) >> 48);
    }

    /// @notice The kind's number; above Kind.Settlement it is none.
    function kindNumber(FeedId feed) internal pure returns (uint8) {
        // CAST: the low byte is what is asked.
        return uint8(FeedId.unwrap(feed) >> 40);
    }

    function expiry(FeedId feed) internal pure returns (uint40) {
        // CAST: the low 40 bits are what is asked.
        return uint40(FeedId.unwrap(feed));
    }

    function pack(uint128 value_, uint40 time_, uint32 spread_) internal pure returns (uint256) {
        return uint256(value_) | (uint256(time_) << 128) | (uint256(spread_) << 168);
    }

    function value(uint256 word) internal pure returns (uint128) {
        // CAST: the low half is what is asked.
        return uint128(word);
    }

    function time(uint256 word) internal pure returns (uint40) {
        // CAST: these 40 bits are what is asked.
        return uint40(word >> 128);
    }

    function spread(uint256 word) internal pure returns (uint32) {
        // CAST: these 32 bits are what is asked.
        return uint32(word >> 168);
    }

    function isFinal(uint256 word) internal pure returns (bool) {
        return word & FINAL != 0;
    }

    function isHalted(uint256 word) internal pure returns (bool) {
        return word & HALTED != 0;
    }
}
