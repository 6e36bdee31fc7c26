// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {OptionLanes} from "./OptionLanes.sol";

/// @title The worst scenario of an underlying that nothing is added to
/// @notice PortfolioScenarios.withOptions for accounts of one underlying, which most are: nobody asks for the profits themselves, so only those
/// that are the least so far are divided. Twin, bit for bit: shared/src/risk/fixed/portfolio-margin.ts.
library ScenarioSearch {
    /// @dev Tails, 32 bits each from the low end: 6600 plus the move | the weight, 1e-4 each.
    uint256 private constant TAILS = 0xdd180140b60801908ef8021567e8032040d806402d500c800ce412f000000978;

    /// @param value of what moves with the underlying
    /// @param least a profit beside the scenarios that counts too
    /// @return worst Loss of the worst.
    /// @return at    The first scenario of least profit.
    /// @dev Profits are those of PortfolioScenarios times what it divides by, 2^165 of it above: a later one is less, once rounded down, if it is
    /// below the least so far less what that was rounded by.
    function worstOf(
        OptionLanes.Sums memory sums,
        int256 value,
        int256 least
    ) internal pure returns (int256 worst, uint256 at) {
        unchecked {
            uint256 lanes = sums.lanes;
            uint256 factor = 10_000 << sums.scale;
            int256 mark = sums.mark;
            int256 move = value * OptionLanes.UNIT;
            assembly ("memory-safe") {
                // Less the mark.
                let offset := sub(shl(165, 21474836480000000), mul(mark, factor))
                let edge := not(0)
                let from := lanes
                for {
                    let scenario := 0
                    let moved := add(mul(move, sub(0, 1600)), offset)
                } lt(scenario, 27) {
                    scenario := add(scenario, 3)
                    moved := add(moved, mul(move, 400))
                } {
                    // The three lanes of a move stand a word's lanes apart, those of the middle one together.
                    let lane := from
                    let step := 256
                    switch scenario
                    case 12 {
                        lane := add(lanes, 768)
                        step := 32
                    }
                    default {
                        from := add(from, 32)
                    }
                    let profit := add(mul(mload(lane), factor), moved)
                    if lt(profit, edge) {
                        edge := sub(profit, mod(profit, 21474836480000000))
                        at := scenario
                    }
                    lane := add(lane, step)
                    profit := add(mul(mload(lane), factor), moved)
                    if lt(profit, edge) {
                        edge := sub(profit, mod(profit, 21474836480000000))
                        at := add(scenario, 1)
                    }
                    profit := add(mul(mload(add(lane, step)), factor), moved)
                    if lt(profit, edge) {
                        edge := sub(profit, mod(profit, 21474836480000000))
                        at := add(scenario, 2)
                    }
                }
                // What a weight multiplies, a ten thousandth divides again.
                from := add(lanes, 1024)
                edge := mul(edge, 10000)
                for {
                    let tails := TAILS
                    let scenario := 27
                } tails {
                    tails := shr(32, tails)
                    scenario := add(scenario, 1)
                    from := add(from, 32)
                } {
                    let moved := mul(move, sub(and(shr(16, tails), 0xffff), 6600))
                    let profit := mul(add(mul(sub(shl(3, mload(from)), mark), factor), moved), and(tails, 0xffff))
                    profit := add(profit, shl(165, 214748364800000000000))
                    if lt(profit, edge) {
                        edge := sub(profit, mod(profit, 214748364800000000000))
                        at := scenario
                    }
                }
                edge := div(edge, 10000)
                let profit := add(mul(mload(add(lanes, 864)), factor), offset)
                if lt(profit, edge) {
                    edge := sub(profit, mod(profit, 21474836480000000))
                    at := 35
                }
                profit := add(mul(mload(add(lanes, 896)), factor), offset)
                if lt(profit, edge) {
                    edge := sub(profit, mod(profit, 21474836480000000))
                    at := 36
                }
                worst := sub(div(edge, 21474836480000000), shl(165, 1))
                if slt(least, worst) {
                    worst := least
                }
                worst := sub(0, worst)
            }
        }
    }
}
