// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {OptionLanes} from "./OptionLanes.sol";

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

    /// @notice Room for the profits of several, nothing yet.
    function newSum() internal pure returns (uint256 sum) {
        assembly ("memory-safe") {
            sum := mload(0x40)
            mstore(0x40, add(sum, SUM_BYTES))
            calldatacopy(sum, calldatasize(), SUM_BYTES)
        }
    }

    /// @notice Adds what only the move counts for.
    /// @param a sum
    /// @param b another, 0: none
    /// @return worst Loss of the worst, at least 0.
    function addLinear(int256 value, uint256 a, uint256 b) internal pure returns (int256 worst) {
        assembly ("memory-safe") {
            // Rounded down: 2^160 of what it is divided by makes it positive before.
            function floored(product) -> profit {
                profit := sub(div(add(product, shl(160, 100000000)), 100000000), shl(160, 1))
            }
            // Where nothing is allocated, if there is no other.
            if iszero(b) {
                b := mload(0x40)
            }
            a := add(a, FACTORS_AT)
            b := add(b, FACTORS_AT)
            let most := mul(value, 16000000)
            worst := floored(most)
            let last := floored(sub(0, most))
            mstore(a, add(mload(a), last))
            mstore(b, add(mload(b), last))
            mstore(add(a, 256), add(mload(add(a, 256)), worst))
            mstore(add(b, 256), add(mload(add(b, 256)), worst))
            if slt(last, worst) {
                worst := last
            }
            worst := sub(0, worst)
            let step := mul(value, 4000000)
            for {
                let product := sub(step, most)
                let at := 32
            } lt(at, 256) {
                at := add(at, 32)
                product := add(product, step)
            } {
                last := floored(product)
                mstore(add(a, at), add(mload(add(a, at)), last))
                mstore(add(b, at), add(mload(add(b, at)), last))
            }
            last := floored(mul(value, sub(0, 15998400)))
            mstore(add(a, 288), add(mload(add(a, 288)), last))
            mstore(add(b, 288), add(mload(add(b, 288)), last))
            last := floored(mul(value, 15990000))
            mstore(add(a, 320), add(mload(add(a, 320)), last))
            mstore(add(b, 320), add(mload(add(b, 320)), last))
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
