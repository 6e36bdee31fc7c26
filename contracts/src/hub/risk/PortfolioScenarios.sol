// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {OptionLanes} from "./OptionLanes.sol";
import {Wad} from "./Wad.sol";

/// @title Profits of the 37 scenarios: nine moves by three volatilities, eight tails, two tilts
/// @notice 18 decimals, each rounded down once. Twin, bit for bit: shared/src/risk/fixed/portfolio-margin.ts.
library PortfolioScenarios {
    /// @dev Tails, 32 bits each from the low end: 6600 plus the move | the weight, 1e-4 each.
    uint256 private constant TAILS = 0xdd180140b60801908ef8021567e8032040d806402d500c800ce412f000000978;

    /// @dev Memory of a sum: profits by scenario, then those that hang on the move alone, by its distinct factors.
    uint256 private constant SUM_BYTES = 1536;
    uint256 private constant FACTORS_AT = 1184;
    /// @dev Which factor each tail has, a byte each: moves times weights come to -15.9984%, 16% like the last move of the core, 15.99%.
    uint256 private constant TAIL_FACTORS = 0x09090808080a0808000000000000000000000000000000000000000000000000;
    /// @dev From here on values say which move is the worst: those nearest to the largest, 15.9984% down and 15.99% up, differ from it by more
    /// than the roundings of as many values as there may be.
    int256 private constant CLEAR = 1e9;
    /// @dev The first scenario of the largest move up.
    uint256 private constant FURTHEST_UP = 24;

    /// @notice Room for the profits of several, nothing yet.
    function newSum() internal pure returns (uint256 sum) {
        assembly ("memory-safe") {
            sum := mload(0x40)
            mstore(0x40, add(sum, SUM_BYTES))
            calldatacopy(sum, calldatasize(), SUM_BYTES)
        }
    }

    // ---- of what moves with the underlying and nothing else: perpetuals, collateral

    /// @notice Room for values of so many underlyings without options: where the next goes, then a word each, value int248 | number of its
    /// group uint8.
    function newLinears(uint256 count) internal pure returns (uint256 linears) {
        assembly ("memory-safe") {
            linears := mload(0x40)
            mstore(linears, add(linears, 32))
            mstore(0x40, add(linears, shl(5, add(count, 1))))
        }
    }

    /// @param value  below 2^160
    /// @param group  its number from 1 on, 0: none
    function append(uint256 linears, int256 value, uint256 group) internal pure {
        assembly ("memory-safe") {
            let next := mload(linears)
            mstore(next, or(shl(8, value), group))
            mstore(linears, add(next, 32))
        }
    }

    function isEmpty(uint256 linears) internal pure returns (bool empty) {
        assembly ("memory-safe") {
            empty := eq(mload(linears), add(linears, 32))
        }
    }

    /// @return down Profit by the largest move down, 16%.
    /// @return up   Profit by the largest move up.
    function extremesOf(int256 value) internal pure returns (int256 down, int256 up) {
        assembly ("memory-safe") {
            value := shl(2, value)
            up := sdiv(value, 25)
            let rest := smod(value, 25)
            down := sub(sub(0, up), sgt(rest, 0))
            up := sub(up, slt(rest, 0))
        }
    }

    /// @notice Of linears: what they gain together in the scenario in which they gain least, and the first such scenario.
    /// @param group whose, 0: all
    /// @param value what they come to
    /// @param down  sum of their extremesOf
    /// @param up    the same
    function leastOfLinears(
        uint256 linears,
        uint256 group,
        int256 value,
        int256 down,
        int256 up
    ) internal pure returns (int256 least, uint256 at) {
        if (value >= CLEAR) return (down, 0);
        if (value <= -CLEAR) return (up, FURTHEST_UP);
        return _search(linears, group);
    }

    /// @dev By every move, in the order of the scenarios that have it first.
    /// @param group whose, 0: all
    function _search(uint256 linears, uint256 group) private pure returns (int256 least, uint256 at) {
        unchecked {
            least = type(int256).max;
            for (uint256 i = 0; i < 11; ++i) {
                // CAST: below nine. Moves in 1e-8: nine of the core, then two of the tails.
                (int256 move, uint256 scenario) = (int256(i) * 4_000_000 - 16_000_000, 3 * i);
                if (i == 9) (move, scenario) = (-15_998_400, 27);
                if (i == 10) (move, scenario) = (15_990_000, 32);
                int256 profit;
                uint256 end;
                assembly ("memory-safe") {
                    end := mload(linears)
                }
                for (uint256 from = linears + 32; from < end; from += 32) {
                    int256 word;
                    assembly ("memory-safe") {
                        word := mload(from)
                    }
                    // CAST: the low byte.
                    if (group == 0 || uint8(uint256(word)) == group)
                        profit += Wad.floorDiv((word >> 8) * move, 100_000_000);
                }
                if (profit < least) (least, at) = (profit, scenario);
            }
        }
    }

    /// @notice Adds linears to a sum that has none yet.
    /// @param group whose, 0: all
    function addLinears(uint256 sum, uint256 linears, uint256 group) internal pure {
        assembly ("memory-safe") {
            // Rounded down: 2^160 of what it is divided by makes it positive before.
            function addTo_(at, product) {
                mstore(at, add(mload(at), sub(div(product, 100000000), shl(160, 1))))
            }
            let end := mload(linears)
            for {
                let from := add(linears, 32)
            } lt(from, end) {
                from := add(from, 32)
            } {
                let value := mload(from)
                if mul(group, xor(and(value, 0xff), group)) {
                    continue
                }
                value := sar(8, value)
                let step := mul(value, 4000000)
                let at := add(sum, FACTORS_AT)
                let product := sub(shl(160, 100000000), shl(2, step))
                for {
                    let past := add(at, 288)
                } lt(at, past) {
                    at := add(at, 96)
                } {
                    addTo_(at, product)
                    product := add(product, step)
                    addTo_(add(at, 32), product)
                    product := add(product, step)
                    addTo_(add(at, 64), product)
                    product := add(product, step)
                }
                addTo_(at, add(mul(value, sub(0, 15998400)), shl(160, 100000000)))
                addTo_(add(at, 32), add(mul(value, 15990000), shl(160, 100000000)))
            }
        }
    }

    /// @notice Of options and of what moves with the underlying.
    /// @dev Divisions round down: 2^165 of what is divided by, in what is moved, makes it positive before. The three lanes of a move stand a
    ///      word's lanes apart, those of the middle one together.
    /// @param value of what moves with the underlying
    /// @param least a profit beside them that counts too
    /// @param profits where they are laid down, by scenario
    /// @return worst Loss of the worst.
    /// @return at    The first scenario of least profit.
    function withOptions(
        OptionLanes.Sums memory sums,
        int256 value,
        int256 least,
        uint256 profits
    ) internal pure returns (int256 worst, uint256 at) {
        unchecked {
            uint256 lanes = sums.lanes;
            uint256 factor = 10_000 << sums.scale;
            int256 mark = sums.mark;
            int256 move = value * OptionLanes.UNIT;
            assembly ("memory-safe") {
                function tenThousandth(product) -> profit {
                    profit := sub(div(product, 21474836480000000), shl(165, 1))
                }
                function weighted(product) -> profit {
                    profit := sub(
                        div(add(product, shl(165, 214748364800000000000)), 214748364800000000000),
                        shl(165, 1)
                    )
                }
                // Less the mark.
                let offset := sub(shl(165, 21474836480000000), mul(mark, factor))
                let out := profits
                worst := not(shl(255, 1))
                let from := lanes
                for {
                    let part := sub(0, 1600)
                } slt(part, 1601) {
                    part := add(part, 400)
                    out := add(out, 96)
                } {
                    let moved := add(mul(move, part), offset)
                    let lane := from
                    let step := 256
                    switch part
                    case 0 {
                        lane := add(lanes, 768)
                        step := 32
                    }
                    default {
                        from := add(from, 32)
                    }
                    let profit := tenThousandth(add(mul(mload(lane), factor), moved))
                    mstore(out, profit)
                    if slt(profit, worst) {
                        worst := profit
                        at := out
                    }
                    lane := add(lane, step)
                    profit := tenThousandth(add(mul(mload(lane), factor), moved))
                    mstore(add(out, 32), profit)
                    if slt(profit, worst) {
                        worst := profit
                        at := add(out, 32)
                    }
                    lane := add(lane, step)
                    profit := tenThousandth(add(mul(mload(lane), factor), moved))
                    mstore(add(out, 64), profit)
                    if slt(profit, worst) {
                        worst := profit
                        at := add(out, 64)
                    }
                }
                from := add(lanes, 1024)
                for {
                    let tails := TAILS
                } tails {
                    tails := shr(32, tails)
                } {
                    let moved := mul(move, sub(and(shr(16, tails), 0xffff), 6600))
                    let profit := weighted(
                        mul(add(mul(sub(shl(3, mload(from)), mark), factor), moved), and(tails, 0xffff))
                    )
                    mstore(out, profit)
                    if slt(profit, worst) {
                        worst := profit
                        at := out
                    }
                    out := add(out, 32)
                    from := add(from, 32)
                }
                let profit := tenThousandth(add(mul(mload(add(lanes, 864)), factor), offset))
                mstore(out, profit)
                if slt(profit, worst) {
                    worst := profit
                    at := out
                }
                profit := tenThousandth(add(mul(mload(add(lanes, 896)), factor), offset))
                mstore(add(out, 32), profit)
                if slt(profit, worst) {
                    worst := profit
                    at := add(out, 32)
                }
                at := shr(5, sub(at, profits))
                if slt(least, worst) {
                    worst := least
                }
                worst := sub(0, worst)
            }
        }
    }

    // ---- of several

    /// @notice Adds profits by scenario to a sum.
    function addTo(uint256 sum, uint256 profits) internal pure {
        assembly ("memory-safe") {
            mstore(sum, add(mload(sum), mload(profits)))
            for {
                let end := add(sum, 1184)
                sum := add(sum, 32)
                profits := add(profits, 32)
            } lt(sum, end) {
                sum := add(sum, 96)
                profits := add(profits, 96)
            } {
                mstore(sum, add(mload(sum), mload(profits)))
                mstore(add(sum, 32), add(mload(add(sum, 32)), mload(add(profits, 32))))
                mstore(add(sum, 64), add(mload(add(sum, 64)), mload(add(profits, 64))))
            }
        }
    }

    /// @notice addTo of two sums.
    function addToBoth(uint256 sum, uint256 other, uint256 profits) internal pure {
        assembly ("memory-safe") {
            let profit := mload(profits)
            mstore(sum, add(mload(sum), profit))
            mstore(other, add(mload(other), profit))
            for {
                let end := add(sum, 1184)
                sum := add(sum, 32)
                other := add(other, 32)
                profits := add(profits, 32)
            } lt(sum, end) {
                sum := add(sum, 96)
                other := add(other, 96)
                profits := add(profits, 96)
            } {
                profit := mload(profits)
                mstore(sum, add(mload(sum), profit))
                mstore(other, add(mload(other), profit))
                profit := mload(add(profits, 32))
                mstore(add(sum, 32), add(mload(add(sum, 32)), profit))
                mstore(add(other, 32), add(mload(add(other, 32)), profit))
                profit := mload(add(profits, 64))
                mstore(add(sum, 64), add(mload(add(sum, 64)), profit))
                mstore(add(other, 64), add(mload(add(other, 64)), profit))
            }
        }
    }

    /// @return profit The least of a sum.
    /// @return at     The first scenario that has it.
    function leastOf(uint256 sum) internal pure returns (int256 profit, uint256 at) {
        assembly ("memory-safe") {
            profit := not(shl(255, 1))
            let from := sum
            for {
                let factor := add(sum, FACTORS_AT)
                let end := add(factor, 288)
            } lt(factor, end) {
                factor := add(factor, 32)
                from := add(from, 96)
            } {
                let moved := mload(factor)
                let total := add(mload(from), moved)
                if slt(total, profit) {
                    profit := total
                    at := from
                }
                total := add(mload(add(from, 32)), moved)
                if slt(total, profit) {
                    profit := total
                    at := add(from, 32)
                }
                total := add(mload(add(from, 64)), moved)
                if slt(total, profit) {
                    profit := total
                    at := add(from, 64)
                }
            }
            for {
                let tail := 0
            } lt(tail, 8) {
                tail := add(tail, 1)
                from := add(from, 32)
            } {
                let total := add(mload(from), mload(add(add(sum, FACTORS_AT), shl(5, byte(tail, TAIL_FACTORS)))))
                if slt(total, profit) {
                    profit := total
                    at := from
                }
            }
            if slt(mload(from), profit) {
                profit := mload(from)
                at := from
            }
            from := add(from, 32)
            if slt(mload(from), profit) {
                profit := mload(from)
                at := from
            }
            at := shr(5, sub(at, sum))
        }
    }
}
