// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Haircuts, Requirement} from "./Haircuts.sol";
import {ICollateralRules} from "./ICollateralRules.sol";

/// @title Collateral rules as valuation reads them: an asset's word holds all but the tiers of its class
/// @dev Words: number of assets up to the highest id | number of classes << 16; a word per asset id (0: no rule); per class the place of its
/// first tier | tiers << 16; the tiers.
/// Asset, low to high: underlying uint16 | decimals uint8 | class uint8 | the chain's own rates: maintenance uint32, initialExtra uint32 |
/// those of its state: uint32, uint32 | since uint40 | ramp uint32, seconds | 1 in the highest bit.
/// Tier: from uint128 | maintenance uint32 | initialExtra uint32. Rates 1e-9.
library RulesTable {
    struct Entry {
        uint16 assetId;
        uint16 underlying;
        uint8 decimals;
        uint8 class;
        ICollateralRules.Rates own;
        ICollateralRules.Rates state;
        uint40 since;
        uint32 rampSeconds;
    }

    uint256 private constant LISTED = 1 << 255;
    /// @dev Both rates of the state.
    uint256 private constant STATE = uint256(type(uint64).max) << 96;
    /// @dev All four rates: uint256(type(uint128).max) << 32.
    uint256 private constant RATES = 0x000000000000000000000000ffffffffffffffffffffffffffffffff00000000;
    /// @dev A rate of 1e-9, as a wad.
    int256 private constant RATE_TO_WAD = 1e9;
    uint256 private constant WAD = 1e18;
    /// @dev 1 as a rate; times 1e9 it is a wad.
    uint256 private constant RATE_ONE = 1e9;
    uint256 private constant MOST_WORTH = 1 << 120;

    function encode(
        Entry[] memory entries,
        ICollateralRules.ClassTier[][] memory classes
    ) internal pure returns (uint256[] memory words) {
        uint256 assets;
        uint256 next;
        for (uint256 i = 0; i < entries.length; ++i) if (entries[i].assetId > assets) assets = entries[i].assetId;
        for (uint256 i = 0; i < classes.length; ++i) next += classes[i].length;
        words = new uint256[](1 + assets + classes.length + next);
        words[0] = assets | (classes.length << 16);
        for (uint256 i = 0; i < entries.length; ++i) words[entries[i].assetId] = _ruleWord(entries[i]);
        next = 1 + assets + classes.length;
        for (uint256 i = 0; i < classes.length; ++i) {
            words[1 + assets + i] = next | (classes[i].length << 16);
            for (uint256 j = 0; j < classes[i].length; ++j) {
                ICollateralRules.ClassTier memory tier = classes[i][j];
                words[next++] =
                    uint256(tier.from) |
                    (uint256(tier.maintenance) << 128) |
                    (uint256(tier.initialExtra) << 160);
            }
        }
    }

    function _ruleWord(Entry memory entry) private pure returns (uint256) {
        return
            LISTED |
            uint256(entry.underlying) |
            (uint256(entry.decimals) << 16) |
            (uint256(entry.class) << 24) |
            (uint256(entry.own.maintenance) << 32) |
            (uint256(entry.own.initialExtra) << 64) |
            (uint256(entry.state.maintenance) << 96) |
            (uint256(entry.state.initialExtra) << 128) |
            (uint256(entry.since) << 160) |
            (uint256(entry.rampSeconds) << 200);
    }

    /// @notice A member of an array that is known to have it.
    function at(uint256[] memory words, uint256 i) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(words, 32), shl(5, i)))
        }
    }

    /// @notice Sets a member of an array that is known to have it.
    function set(uint256[] memory words, uint256 i, uint256 word) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(words, 32), shl(5, i)), word)
        }
    }

    /// @return rule 0: none.
    function ruleOf(uint256[] memory table, uint256 assetId) internal pure returns (uint256 rule) {
        if (assetId == 0 || table.length == 0 || assetId > table[0] & 0xffff) return 0;
        return at(table, assetId);
    }

    function underlying(uint256 rule) internal pure returns (uint16) {
        // CAST: the field's sixteen bits.
        return uint16(rule);
    }

    /// @notice What base units are worth at a price, 18 decimals, rounded down; beyond 2^120 only as much as that.
    /// @param amount below 2^108
    /// @param price  18 decimals, below 2^100
    function worth(uint256 rule, uint256 amount, uint256 price) internal pure returns (uint256 value) {
        unchecked {
            uint256 decimals = (rule >> 16) & 0xff;
            if (decimals < 18) amount *= 10 ** (18 - decimals);
            else if (decimals > 18) amount /= 10 ** (decimals - 18);
            // The product might not fit, and no supply comes near.
            if (amount >> 155 != 0) return 0;
            value = (amount * price) / WAD;
            if (value > MOST_WORTH) value = MOST_WORTH;
        }
    }

    function classIn(uint256 rule) internal pure returns (uint256) {
        return (rule >> 24) & 0xff;
    }

    /// @notice The rule as it would be if its chain were healthy.
    function healthy(uint256 rule) internal pure returns (uint256) {
        return rule & ~STATE;
    }

    /// @notice When the state of the rule's chain began, if it takes anything at maintenance; else 0.
    function impairedSince(uint256 rule) internal pure returns (uint40) {
        // CAST: the field's forty bits.
        return (rule >> 96) & 0xffffffff == 0 ? 0 : uint40(rule >> 160);
    }

    /// @notice What the chain and its state add by now.
    function chainRates(uint256 rule) internal view returns (Requirement memory) {
        uint256 since = (rule >> 160) & 0xffffffffff;
        uint256 rampSeconds = (rule >> 200) & 0xffffffff;
        uint256 elapsed = block.timestamp - since;
        return
            Haircuts.chainRates(
                _rate(rule >> 32),
                _rate(rule >> 64),
                _rate(rule >> 96),
                _rate(rule >> 128),
                // CAST: at most 10^18.
                int256(elapsed >= rampSeconds ? WAD : (elapsed * WAD) / rampSeconds)
            );
    }

    /// @notice Tiers by class, of the classes the lots name.
    function classesOf(
        uint256[] memory table,
        Haircuts.Lot[] memory lots
    ) internal pure returns (Haircuts.Tier[][] memory classes) {
        if (lots.length == 0) return classes;
        uint256 largest;
        for (uint256 i = 0; i < lots.length; ++i) if (lots[i].class > largest) largest = lots[i].class;
        classes = new Haircuts.Tier[][](largest + 1);
        for (uint256 i = 0; i < lots.length; ++i) {
            uint256 class = lots[i].class;
            if (classes[class].length != 0) continue;
            uint256 place = table[1 + (table[0] & 0xffff) + class];
            Haircuts.Tier[] memory tiers = new Haircuts.Tier[](place >> 16);
            for (uint256 j = 0; j < tiers.length; ++j) {
                uint256 tier = table[(place & 0xffff) + j];
                // CAST: the low half is what is asked.
                tiers[j] = Haircuts.Tier(int256(uint256(uint128(tier))), _rate(tier >> 128), _rate(tier >> 160));
            }
            classes[class] = tiers;
        }
    }

    function _rate(uint256 word) private pure returns (int256) {
        return int256(word & 0xffffffff) * RATE_TO_WAD;
    }

    // ---- haircuts, as Haircuts.sum computes them

    /// @notice Of balances as they stand in memory, two words each: rule | value. They do not outlast it.
    /// @param first where they begin
    /// @param end   and end
    /// @param value of those in the first one's class
    function haircuts(
        uint256[] memory table,
        uint256 first,
        uint256 end,
        uint256 value
    ) internal view returns (Requirement memory) {
        unchecked {
            (uint256 initial, uint256 maintenance) = (0, 0);
            while (first < end) {
                // Those of the first one's class; the others move up.
                uint256 class;
                assembly ("memory-safe") {
                    class := and(shr(24, mload(first)), 0xff)
                }
                (uint256 tiered, uint256 tieredInitial) = _tiered(table, class, value);
                (maintenance, initial) = (maintenance + tiered, initial + tieredInitial);
                (end, maintenance, initial) = _ofChains(
                    first,
                    end,
                    class,
                    value,
                    tiered,
                    tieredInitial,
                    maintenance,
                    initial
                );
                value = _ofFirstClass(first, end);
            }
            // CAST: sums of values below 2^120.
            return Requirement({initial: int256(initial), maintenance: int256(maintenance)});
        }
    }

    /// @dev What balances of the first one's class come to.
    function _ofFirstClass(uint256 first, uint256 end) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            let class := and(shr(24, mload(first)), 0xff)
            for {} lt(first, end) {
                first := add(first, 64)
            } {
                if eq(and(shr(24, mload(first)), 0xff), class) {
                    value := add(value, mload(add(first, 32)))
                }
            }
        }
    }

    function _tiered(
        uint256[] memory table,
        uint256 class,
        uint256 value
    ) private pure returns (uint256 maintenance, uint256 initial) {
        unchecked {
            uint256 next = at(table, 1 + (at(table, 0) & 0xffff) + class);
            uint256 end = (next & 0xffff) + (next >> 16);
            next &= 0xffff;
            uint256 tier = at(table, next);
            while (true) {
                uint256 from = tier & type(uint128).max;
                if (value <= from) break;
                uint256 rate = (tier >> 128) & 0xffffffff;
                uint256 initialRate = rate + ((tier >> 160) & 0xffffffff);
                if (initialRate > RATE_ONE) initialRate = RATE_ONE;
                uint256 to = value;
                if (++next < end) {
                    tier = at(table, next);
                    if (tier & type(uint128).max < value) to = tier & type(uint128).max;
                }
                maintenance += _up((to - from) * rate, RATE_ONE);
                initial += _up((to - from) * initialRate, RATE_ONE);
                if (next == end) break;
            }
            if (maintenance > value) maintenance = value;
            if (initial > value) initial = value;
        }
    }

    /// @dev What chains take of what the class leaves, and where the balances of other classes end now.
    /// @param value of the class
    function _ofChains(
        uint256 first,
        uint256 end,
        uint256 class,
        uint256 value,
        uint256 tiered,
        uint256 tieredInitial,
        uint256 maintenance,
        uint256 initial
    ) private view returns (uint256 left, uint256, uint256) {
        assembly ("memory-safe") {
            left := first
            for {} lt(first, end) {
                first := add(first, 64)
            } {
                let rule := mload(first)
                let held := mload(add(first, 32))
                if xor(and(shr(24, rule), 0xff), class) {
                    mstore(left, rule)
                    mstore(add(left, 32), held)
                    left := add(left, 64)
                    continue
                }
                // Neither the chain nor its state takes anything.
                if iszero(and(rule, RATES)) {
                    continue
                }
                // chainRates, in wads.
                let rate := mul(and(shr(32, rule), 0xffffffff), 1000000000)
                let state := and(shr(96, rule), 0xffffffff)
                if state {
                    state := mul(state, 1000000000)
                    let elapsed := sub(timestamp(), and(shr(160, rule), 0xffffffffff))
                    let ramp := and(shr(200, rule), 0xffffffff)
                    if lt(elapsed, ramp) {
                        elapsed := div(mul(elapsed, 1000000000000000000), ramp)
                        state := div(add(mul(state, elapsed), 999999999999999999), 1000000000000000000)
                    }
                    rate := add(rate, state)
                }
                if gt(rate, 1000000000000000000) {
                    rate := 1000000000000000000
                }
                let rest := sub(held, div(mul(held, tiered), value))
                maintenance := add(maintenance, div(add(mul(rest, rate), 999999999999999999), 1000000000000000000))
                rate := add(rate, mul(add(and(shr(64, rule), 0xffffffff), and(shr(128, rule), 0xffffffff)), 1000000000))
                if gt(rate, 1000000000000000000) {
                    rate := 1000000000000000000
                }
                rest := sub(held, div(mul(held, tieredInitial), value))
                initial := add(initial, div(add(mul(rest, rate), 999999999999999999), 1000000000000000000))
            }
        }
        return (left, maintenance, initial);
    }

    function _up(uint256 product, uint256 unit) private pure returns (uint256) {
        unchecked {
            return (product + unit - 1) / unit;
        }
    }
}
