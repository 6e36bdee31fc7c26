// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {OptionLanes} from "./OptionLanes.sol";

/// @title Profits of the 37 scenarios: nine moves by three volatilities, eight tails, two tilts
/// @notice 18 decimals, each rounded down once. Twin, bit for bit: shared/src/risk/fixed/portfolio-margin.ts.
library PortfolioScenarios {
    /// @dev Tails, 32 bits each from the low end: 6600 plus the move | the weight, 1e-4 each.
    uint256 private constant TAILS = 0xdd180140b60801908ef8021567e8032040d806402d500c800ce412f000000978;

    /// @notice Where nothing but the move counts. @return worst Loss of the worst, at least 0.
    function linear(int256 value, int256[37] memory profits) internal pure returns (int256 worst) {
        assembly ("memory-safe") {
            function floored(product, divisor) -> profit {
                profit := sdiv(product, divisor)
                profit := sub(profit, slt(product, mul(profit, divisor)))
            }
            let out := profits
            let least := 0
            for {
                let part := sub(0, 1600)
            } slt(part, 1601) {
                part := add(part, 400)
            } {
                let profit := floored(mul(value, part), 10000)
                mstore(out, profit)
                mstore(add(out, 32), profit)
                mstore(add(out, 64), profit)
                out := add(out, 96)
                if slt(profit, least) {
                    least := profit
                }
            }
            for {
                let tails := TAILS
            } tails {
                tails := shr(32, tails)
            } {
                let move := sub(and(shr(16, tails), 0xffff), 6600)
                let profit := floored(mul(value, mul(move, and(tails, 0xffff))), 100000000)
                mstore(out, profit)
                out := add(out, 32)
                if slt(profit, least) {
                    least := profit
                }
            }
            worst := sub(0, least)
        }
    }

    /// @notice Of options and of what moves with the underlying.
    /// @param value of what moves with the underlying
    /// @param least a profit beside them that counts too
    /// @return worst Loss of the worst.
    function withOptions(
        OptionLanes.Sums memory sums,
        int256 value,
        int256 least,
        int256[37] memory profits
    ) internal pure returns (int256 worst) {
        unchecked {
            uint256 lanes = sums.lanes;
            uint256 factor = 10_000 << sums.scale;
            int256 mark = sums.mark;
            int256 move = value * OptionLanes.UNIT;
            assembly ("memory-safe") {
                // Rounded down: 2^165 of what it is divided by makes it positive before.
                function tenThousandth(product) -> profit {
                    profit := sub(div(add(product, shl(165, 21474836480000000)), 21474836480000000), shl(165, 1))
                }
                function weighted(product) -> profit {
                    profit := sub(
                        div(add(product, shl(165, 214748364800000000000)), 214748364800000000000),
                        shl(165, 1)
                    )
                }
                function lesser(a, b) -> c {
                    c := a
                    if slt(b, a) {
                        c := b
                    }
                }
                let out := profits
                let from := lanes
                for {
                    let part := sub(0, 1600)
                } slt(part, 1601) {
                    part := add(part, 400)
                    out := add(out, 96)
                } {
                    let moved := mul(move, part)
                    // The three of a move stand a word's lanes apart, those of the middle one together.
                    let at := from
                    let step := 256
                    switch part
                    case 0 {
                        at := add(lanes, 768)
                        step := 32
                    }
                    default {
                        from := add(from, 32)
                    }
                    let profit := tenThousandth(add(mul(sub(mload(at), mark), factor), moved))
                    mstore(out, profit)
                    least := lesser(least, profit)
                    at := add(at, step)
                    profit := tenThousandth(add(mul(sub(mload(at), mark), factor), moved))
                    mstore(add(out, 32), profit)
                    least := lesser(least, profit)
                    at := add(at, step)
                    profit := tenThousandth(add(mul(sub(mload(at), mark), factor), moved))
                    mstore(add(out, 64), profit)
                    least := lesser(least, profit)
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
                    least := lesser(least, profit)
                    out := add(out, 32)
                    from := add(from, 32)
                }
                let profit := tenThousandth(mul(sub(mload(add(lanes, 864)), mark), factor))
                mstore(out, profit)
                least := lesser(least, profit)
                profit := tenThousandth(mul(sub(mload(add(lanes, 896)), mark), factor))
                mstore(add(out, 32), profit)
                worst := sub(0, lesser(least, profit))
            }
        }
    }

    // ---- of several

    function addTo(int256[37] memory sums, int256[37] memory profits) internal pure {
        assembly ("memory-safe") {
            mstore(sums, add(mload(sums), mload(profits)))
            for {
                let end := add(sums, 1184)
                sums := add(sums, 32)
                profits := add(profits, 32)
            } lt(sums, end) {
                sums := add(sums, 96)
                profits := add(profits, 96)
            } {
                mstore(sums, add(mload(sums), mload(profits)))
                mstore(add(sums, 32), add(mload(add(sums, 32)), mload(add(profits, 32))))
                mstore(add(sums, 64), add(mload(add(sums, 64)), mload(add(profits, 64))))
            }
        }
    }

    /// @return profit The least.
    /// @return at     The first scenario that has it.
    function leastOf(int256[37] memory profits) internal pure returns (int256 profit, uint256 at) {
        assembly ("memory-safe") {
            profit := mload(profits)
            at := profits
            for {
                let from := add(profits, 32)
            } lt(from, add(profits, 1184)) {
                from := add(from, 96)
            } {
                if slt(mload(from), profit) {
                    profit := mload(from)
                    at := from
                }
                if slt(mload(add(from, 32)), profit) {
                    profit := mload(add(from, 32))
                    at := add(from, 32)
                }
                if slt(mload(add(from, 64)), profit) {
                    profit := mload(add(from, 64))
                    at := add(from, 64)
                }
            }
            at := shr(5, sub(at, profits))
        }
    }
}
