// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Reading an account's packed holdings
/// @notice The layout is IRiskEngine's. Twin: shared/src/risk/holdings.ts.
library Holdings {
    /// @notice One lot of an option: 0.001 of the underlying, 18 decimals.
    int256 internal constant LOT = 1e15;
    uint256 internal constant SERIES_PER_WORD = 6;
    /// @notice Profile fields are in hundredths; as wads that is this.
    int256 internal constant HUNDREDTH = 1e16;

    uint256 private constant AMOUNT_BITS = 108;
    uint256 private constant ASSET_BITS = 124;
    uint256 private constant SERIES_BITS = 9;
    uint256 private constant OPTION_BITS = 42;

    // ---- head

    function cash(uint256 head) internal pure returns (int256) {
        // CAST: cut to the field, then widened with its sign.
        return int128(uint128(head));
    }

    function collateralWords(uint256 head) internal pure returns (uint256) {
        // CAST: the field's eight bits.
        return uint8(head >> 128);
    }

    function underlyings(uint256 head) internal pure returns (uint256) {
        // CAST: the field's eight bits.
        return uint8(head >> 136);
    }

    /// @notice Wads; 0 = none.
    function profile(uint256 head) internal pure returns (int256 initialFactor, int256 maxLeverage) {
        // CAST: each field's bits.
        initialFactor = int256(uint256(uint16(head >> 144))) * HUNDREDTH;
        maxLeverage = int256(uint256(uint32(head >> 160))) * HUNDREDTH;
    }

    /// @notice Whether something may still be taken of the account (IMarkets.hold).
    function isHeld(uint256 head) internal pure returns (bool) {
        return (head >> 192) & 1 == 1;
    }

    /// @notice Whose engine values it, as a number (IMarkets.Mode).
    function mode(uint256 head) internal pure returns (uint256) {
        return (head >> 193) & 3;
    }

    // ---- collateral

    /// @param half 0 or 1.
    /// @return assetId 0: none.
    /// @return amount Base units of the token.
    function lot(uint256 word, uint256 half) internal pure returns (uint16 assetId, uint256 amount) {
        word >>= half * ASSET_BITS;
        amount = word & ((1 << AMOUNT_BITS) - 1);
        // CAST: the field's sixteen bits.
        assetId = uint16(word >> AMOUNT_BITS);
    }

    // ---- position

    function underlying(uint256 position) internal pure returns (uint16) {
        // CAST: the field's sixteen bits.
        return uint16(position);
    }

    function optionWords(uint256 position) internal pure returns (uint256) {
        // CAST: the field's eight bits.
        return uint8(position >> 16);
    }

    function perpetualSize(uint256 position) internal pure returns (int256) {
        // CAST: cut to the field, then widened with its sign.
        return int104(uint104(position >> 24));
    }

    function perpetualQuote(uint256 position) internal pure returns (int256) {
        // CAST: the high half with its sign.
        return int128(uint128(position >> 128));
    }

    // ---- options

    /// @param at 0 ... 5.
    /// @return place Of the strike in the underlying's listing.
    /// @return isPut Whether it is the put.
    /// @return size 18 decimals, signed; 0: none.
    function option(uint256 word, uint256 at) internal pure returns (uint8 place, bool isPut, int256 size) {
        word >>= at * OPTION_BITS;
        isPut = word & 1 == 1;
        // CAST: bits 1 ... 8; then 33 bits moved to the top and back with their sign.
        place = uint8(word >> 1);
        size = (int256(word << (256 - OPTION_BITS)) >> (256 - OPTION_BITS + SERIES_BITS)) * LOT;
    }
}
