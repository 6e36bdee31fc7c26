// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IStandardEngine} from "./IStandardEngine.sol";
import {StandardMargin} from "./StandardMargin.sol";

/// @title Size tiers of perpetuals, as the standard engines keep and read them
/// @notice A word each, low to high: initial uint32 | maintenance uint32 | where the next begins uint128, 0 after the last. The first begins at 0
/// and holds uint64 more: bit u % 64 says that an underlying u may have bounds of open interest. So valuing a perpetual that stays within
/// the first tier reads one slot of all the rules.
library PerpetualTiers {
    uint256 internal constant MOST = 8;
    int256 private constant RATE_TO_WAD = 1e9;
    uint256 private constant RATE_ONE = 1e9;
    uint256 private constant BOUNDED_SHIFT = 192;

    /// @notice Replaces the tiers; what the first word says of bounds stays.
    function set(uint256[MOST] storage words, IStandardEngine.PerpetualTier[] memory tiers) internal {
        require(tiers.length != 0 && tiers.length <= MOST, IStandardEngine.RulesInvalid("1 ... 8 tiers"));
        uint256 word = words[0] & (type(uint256).max << BOUNDED_SHIFT);
        for (uint256 i = 0; i < tiers.length; ++i) {
            IStandardEngine.PerpetualTier memory tier = tiers[i];
            require(
                i == 0 ? tier.from == 0 : tier.from > tiers[i - 1].from,
                IStandardEngine.RulesInvalid("tiers from 0 that rise")
            );
            require(
                i == 0 || (tier.initial >= tiers[i - 1].initial && tier.maintenance >= tiers[i - 1].maintenance),
                IStandardEngine.RulesInvalid("rates that do not fall")
            );
            require(
                tier.maintenance != 0 && tier.maintenance <= tier.initial && tier.initial <= RATE_ONE,
                IStandardEngine.RulesInvalid("0 < maintenance <= initial <= 10^9")
            );
            word |= uint256(tier.initial) | (uint256(tier.maintenance) << 32);
            if (i + 1 < tiers.length) word |= uint256(tiers[i + 1].from) << 64;
            words[i] = word;
            word = 0;
        }
    }

    /// @notice From now on the underlying may have bounds.
    function setBounded(uint256[MOST] storage words, uint256 underlying) internal {
        words[0] |= _bit(underlying);
    }

    /// @param first the first word
    function isBounded(uint256 first, uint256 underlying) internal pure returns (bool) {
        return first & _bit(underlying) != 0;
    }

    function _bit(uint256 underlying) private pure returns (uint256) {
        return 1 << (BOUNDED_SHIFT + (underlying % 64));
    }

    /// @notice Room for all there may be, none of them read.
    function none() internal pure returns (StandardMargin.Tier[] memory tiers) {
        assembly ("memory-safe") {
            tiers := mload(0x40)
            mstore(tiers, 0)
            mstore(0x40, add(tiers, shl(5, add(MOST, 1))))
        }
    }

    /// @notice Reads the tier behind those that stand there already.
    /// @param first the first word
    /// @return reach where it ends, the largest there is if it is the last
    function readNext(
        uint256[MOST] storage words,
        StandardMargin.Tier[] memory tiers,
        uint256 first
    ) internal view returns (uint256 reach) {
        unchecked {
            uint256 count = tiers.length;
            (uint256 from, uint256 word) = (0, first);
            // Where the one before ends. CAST: the field's 128 bits.
            if (count != 0) (from, word) = (uint128((count == 1 ? first : words[count - 1]) >> 64), words[count]);
            StandardMargin.Tier memory tier;
            // CAST: fields of the word; a `from` is below 2^128.
            tier.from = int256(from);
            tier.initial = int256(uint256(uint32(word))) * RATE_TO_WAD;
            tier.maintenance = int256(uint256(uint32(word >> 32))) * RATE_TO_WAD;
            assembly ("memory-safe") {
                mstore(tiers, add(count, 1))
            }
            tiers[count] = tier;
            reach = uint128(word >> 64);
            if (reach == 0) reach = type(uint256).max;
        }
    }
}
