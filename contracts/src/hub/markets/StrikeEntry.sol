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

    /// @notice Strikes and expiries by place, as IListing.strikesAt gives them. Every strike that is valued without a sheet passes here.
    /// @param words of a listing
    function read(uint256[86] storage words, uint8[] calldata places) internal view returns (uint256[] memory listed) {
        assembly ("memory-safe") {
            let count := places.length
            listed := mload(0x40)
            mstore(listed, count)
            let to := add(listed, 32)
            let end := add(to, shl(5, count))
            mstore(0x40, end)
            let word := 0
            let held := not(0)
            for {
                let from := places.offset
            } lt(to, end) {
                to := add(to, 32)
                from := add(from, 32)
            } {
                let place := calldataload(from)
                if gt(place, 255) {
                    revert(0, 0)
                }
                let third := div(place, 3)
                if xor(third, held) {
                    held := third
                    word := sload(add(words.slot, third))
                }
                let entry := and(shr(mul(85, sub(place, mul(3, third))), word), 0x1fffffffffffffffffffff)
                // Mantissa, exponent, hour: at most 10^15 times 10^30.
                let strike_ := mul(and(entry, 0xfffffffffffff), exp(10, and(shr(52, entry), 31)))
                mstore(to, or(strike_, shl(128, mul(3600, and(shr(57, entry), 0xffffff)))))
            }
        }
    }
}
