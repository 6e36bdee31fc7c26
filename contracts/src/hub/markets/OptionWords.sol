// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Six options in a word
/// @notice `lots int33 | series 9`, six times, as holdings want them (see IRiskEngine). An option's number counts over all words: number n is
///         field n % 6 of word n / 6.
library OptionWords {
    uint256 internal constant PER_WORD = 6;
    /// @notice One lot, units of 18 decimals.
    int256 internal constant LOT = 1e15;
    int256 internal constant MAX_LOTS = (1 << 32) - 1;

    uint256 private constant BITS = 42;
    uint256 private constant MASK = (1 << BITS) - 1;
    uint256 private constant SERIES_BITS = 9;
    uint256 private constant SERIES_MASK = (1 << SERIES_BITS) - 1;
    uint256 private constant LOTS_MASK = (1 << (BITS - SERIES_BITS)) - 1;

    /// @dev A one in each field.
    uint256 private constant ONES =
        1 | (1 << BITS) | (1 << (2 * BITS)) | (1 << (3 * BITS)) | (1 << (4 * BITS)) | (1 << (5 * BITS));

    /// @notice The first field of a word that names a series, 0 … 5; PER_WORD if none does. An empty field names series 0.
    /// @dev All six at once: a field's difference is 0 where it matches, and adding the mask carries into the bit above it everywhere else.
    function find(uint256 word, uint256 series_) internal pure returns (uint256 at) {
        unchecked {
            uint256 differences = (word ^ (series_ * ONES)) & (SERIES_MASK * ONES);
            uint256 matches = ~(differences + SERIES_MASK * ONES) & (ONES << SERIES_BITS);
            if (matches == 0) return PER_WORD;
            while ((matches >> (at * BITS + SERIES_BITS)) & 1 == 0) ++at;
        }
    }

    function series(uint256 word, uint256 number) internal pure returns (uint256) {
        return (word >> ((number % PER_WORD) * BITS)) & SERIES_MASK;
    }

    function lots(uint256 word, uint256 number) internal pure returns (int256) {
        // CAST: the field moved to the top and back with its sign.
        return int256(word << (256 - BITS - (number % PER_WORD) * BITS)) >> (256 - BITS + SERIES_BITS);
    }

    function put(uint256 word, uint256 number, uint256 series_, int256 lots_) internal pure returns (uint256) {
        uint256 shift = (number % PER_WORD) * BITS;
        // CAST: two's complement, cut to the field.
        uint256 field = series_ | ((uint256(lots_) & LOTS_MASK) << SERIES_BITS);
        return (word & ~(MASK << shift)) | (field << shift);
    }

    function clear(uint256 word, uint256 number) internal pure returns (uint256) {
        return word & ~(MASK << ((number % PER_WORD) * BITS));
    }

    /// @notice `word` with option `number` replaced by option `from` of `source`.
    function move(uint256 word, uint256 number, uint256 source, uint256 from) internal pure returns (uint256) {
        uint256 field = (source >> ((from % PER_WORD) * BITS)) & MASK;
        return clear(word, number) | (field << ((number % PER_WORD) * BITS));
    }
}
