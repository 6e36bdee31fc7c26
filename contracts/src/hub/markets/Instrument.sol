// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice What is traded, as one word: see IMarkets.
enum InstrumentKind {
    Perpetual,
    Call,
    Put
}

/// @title Reading an instrument's word
library Instrument {
    uint256 private constant SERIES_OFFSET = 8;
    uint256 private constant EXPIRY_OFFSET = 24;
    uint256 private constant STRIKE_OFFSET = 64;
    uint256 private constant STRIKE_BITS = 112;
    uint256 private constant PUT = uint256(InstrumentKind.Put);

    /// @notice Whether the word is an instrument's: a perpetual without expiry and strike, or an option with both.
    function isWellFormed(uint256 instrument) internal pure returns (bool) {
        uint256 kind = uint8(instrument);
        if (kind == uint256(InstrumentKind.Perpetual)) return instrument >> EXPIRY_OFFSET == 0;
        uint256 strike_ = instrument >> STRIKE_OFFSET;
        return kind <= PUT && expiry(instrument) != 0 && strike_ != 0 && strike_ >> STRIKE_BITS == 0;
    }

    function isPerpetual(uint256 instrument) internal pure returns (bool) {
        return uint8(instrument) == uint256(InstrumentKind.Perpetual);
    }

    function isPut(uint256 instrument) internal pure returns (bool) {
        return uint8(instrument) == PUT;
    }

    function underlying(uint256 instrument) internal pure returns (uint16) {
        // CAST: the field's sixteen bits.
        return uint16(instrument >> SERIES_OFFSET);
    }

    /// @notice Seconds; 0 for a perpetual.
    function expiry(uint256 instrument) internal pure returns (uint40) {
        // CAST: the field's forty bits.
        return uint40(instrument >> EXPIRY_OFFSET);
    }

    /// @notice 18 decimals; 0 for a perpetual.
    function strike(uint256 instrument) internal pure returns (uint256) {
        return instrument >> STRIKE_OFFSET;
    }

    /// @notice What call and put of a strike share: strike 112 | expiry 40 | underlying 16.
    function seriesKey(uint256 instrument) internal pure returns (uint256) {
        return instrument >> SERIES_OFFSET;
    }

    /// @notice The same from its parts.
    function seriesKey(uint16 underlying_, uint40 expiry_, uint256 strike_) internal pure returns (uint256) {
        return
            (strike_ << (STRIKE_OFFSET - SERIES_OFFSET)) |
            (uint256(expiry_) << (EXPIRY_OFFSET - SERIES_OFFSET)) |
            underlying_;
    }
}
