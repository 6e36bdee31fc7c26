// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title A listed strike in a third of a word
/// @notice `index 4 | hour 24 | exponent 5 | mantissa 52` (85 bits): strike mantissa · 10^exponent, expiry in hours since 1970, index of the
///         expiry in the underlying's table. 0: nothing is listed. A listing's 256 places fill 86 words.
/// @dev A strike is a short decimal number, and one cold read then serves three strikes of an account.
library StrikeEntry {
    uint256 internal constant PER_WORD = 3;
    /// @notice Largest strike, 18 decimals: that of a price in the feeds.
    uint256 internal constant MAX_STRIKE = 1e30;

    uint256 private constant BITS = 85;
    uint256 private constant MASK = (1 << BITS) - 1;
    uint256 private constant MANTISSA_BITS = 52;
    uint256 private constant HOUR_OFFSET = 57;
    uint256 private constant INDEX_OFFSET = 81;

    /// @param strike_ 1 … MAX_STRIKE
    /// @param index_  below 16
    /// @return entry 0 if the strike has more than 15 significant digits
    function pack(uint256 strike_, uint256 hour_, uint256 index_) internal pure returns (uint256 entry) {
        uint256 exponent;
        while (strike_ % 10 == 0) {
            strike_ /= 10;
            ++exponent;
        }
        if (strike_ >> MANTISSA_BITS != 0) return 0;
        return strike_ | (exponent << MANTISSA_BITS) | (hour_ << HOUR_OFFSET) | (index_ << INDEX_OFFSET);
    }

    /// @notice 18 decimals.
    function strike(uint256 entry) internal pure returns (uint256) {
        // At most 10^15 · 10^30.
        unchecked {
            return (entry & ((1 << MANTISSA_BITS) - 1)) * 10 ** ((entry >> MANTISSA_BITS) & 31);
        }
    }

    /// @notice Hours since 1970.
    function hour(uint256 entry) internal pure returns (uint256) {
        return (entry >> HOUR_OFFSET) & type(uint24).max;
    }

    /// @notice Seconds.
    function expiry(uint256 entry) internal pure returns (uint40) {
        // CAST: 24 bits of hours.
        unchecked {
            return uint40(hour(entry) * 1 hours);
        }
    }

    /// @notice Of the expiry in the underlying's table.
    function index(uint256 entry) internal pure returns (uint256) {
        return entry >> INDEX_OFFSET;
    }

    /// @param third 0 … 2
    function at(uint256 word, uint256 third) internal pure returns (uint256) {
        unchecked {
            return (word >> (third * BITS)) & MASK;
        }
    }

    function put(uint256 word, uint256 third, uint256 entry) internal pure returns (uint256) {
        return (word & ~(MASK << (third * BITS))) | (entry << (third * BITS));
    }
}
