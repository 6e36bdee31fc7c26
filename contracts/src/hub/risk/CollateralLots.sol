// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title An account's balances as its valuation needs them: which count, which prices they need, what they are worth
library CollateralLots {
    /// @notice What to ask of the feeds: what is asked, then the prices that balances need beside it; and the balances that count.
    /// @return question where the call is laid down, see CollateralRules
    /// @return count    of prices
    /// @return lots     two words each, as RulesTable.haircuts takes them: rule | amount and, from bit 240, the place of its price
    /// @return end      where they end
    function ask(
        uint256[] calldata words,
        uint256[] memory table,
        uint256[] calldata asked
    ) internal pure returns (uint256 question, uint256 count, uint256 lots, uint256 end) {
        assembly ("memory-safe") {
            question := mload(0x40)
            let first := add(question, 96)
            count := asked.length
            calldatacopy(first, asked.offset, shl(5, count))
            lots := add(first, shl(5, add(count, shl(1, words.length))))
            end := lots
            // In two passes: of one, the stack would not hold all that is at hand.
            table := add(table, 32)
            let most := 0
            if mload(sub(table, 32)) {
                most := and(mload(table), 0xffff)
            }
            for {
                let from := words.offset
                let past := add(from, shl(5, words.length))
            } lt(from, past) {
                from := add(from, 32)
            } {
                // Twice: amount uint108 | asset uint16.
                for {
                    let lot := shr(8, shl(8, calldataload(from)))
                } lot {
                    lot := shr(124, lot)
                } {
                    let asset := and(shr(108, lot), 0xffff)
                    if lt(sub(asset, 1), most) {
                        let rule := mload(add(table, shl(5, asset)))
                        mstore(end, rule)
                        mstore(add(end, 32), and(lot, 0xfffffffffffffffffffffffffff))
                        // One without a rule or an amount is written over.
                        end := add(end, shl(6, gt(mul(shr(255, rule), mload(add(end, 32))), 0)))
                    }
                }
            }
            // Places found, and one, by underlying: a byte of each below 32; an account asks for some twenty prices at most. Others are looked for
            // each time.
            let known := 0
            for {
                let lot := lots
            } lt(lot, end) {
                lot := add(lot, 64)
            } {
                let underlying := and(mload(lot), 0xffff)
                let place := and(shr(shl(3, underlying), known), 0xff)
                if iszero(place) {
                    let at := first
                    for {
                        let past := add(first, shl(5, count))
                    } lt(at, past) {
                        at := add(at, 32)
                    } {
                        if eq(and(mload(at), 0xffff), underlying) {
                            break
                        }
                    }
                    place := add(shr(5, sub(at, first)), 1)
                    if gt(place, count) {
                        mstore(at, underlying)
                        count := place
                    }
                    known := or(known, shl(shl(3, underlying), place))
                }
                let amount := add(lot, 32)
                mstore(amount, or(mload(amount), shl(240, sub(place, 1))))
            }
            mstore(0x40, end)
        }
    }

    /// @notice Amounts to values (RulesTable.worth), where they stand, and what is added up of them.
    /// @param lots   ask's
    /// @param end    and their end
    /// @param prices of the feeds' answer
    /// @param beside where the sum of all goes and, three words further, by place of its price, what those are worth whose price is one of the
    ///               first `asked`
    /// @return first value of those in the first one's class
    function value(
        uint256 lots,
        uint256 end,
        uint256 prices,
        uint256 beside,
        uint256 asked
    ) internal pure returns (uint256 first) {
        assembly ("memory-safe") {
            let class := and(shr(24, mload(lots)), 0xff)
            let followers := add(beside, 96)
            let total := 0
            calldatacopy(followers, calldatasize(), shl(5, asked))
            for {} lt(lots, end) {
                lots := add(lots, 64)
            } {
                let rule := mload(lots)
                let worth := mload(add(lots, 32))
                let place := shr(240, worth)
                worth := and(worth, 0xfffffffffffffffffffffffffff)
                let decimals := and(shr(16, rule), 0xff)
                if xor(decimals, 18) {
                    switch lt(decimals, 18)
                    case 1 {
                        worth := mul(worth, exp(10, sub(18, decimals)))
                    }
                    default {
                        worth := div(worth, exp(10, sub(decimals, 18)))
                    }
                }
                let price := and(mload(add(prices, shl(6, place))), 0xffffffffffffffffffffffffffffffff)
                let amount := worth
                worth := div(mul(amount, price), 1000000000000000000)
                if or(shr(155, amount), shr(120, worth)) {
                    // Beyond 2^155 the product might not fit, and no supply comes near.
                    worth := mul(0x1000000000000000000000000000000, iszero(shr(155, amount)))
                }
                mstore(add(lots, 32), worth)
                total := add(total, worth)
                if lt(place, asked) {
                    place := add(followers, shl(5, place))
                    mstore(place, add(mload(place), worth))
                }
                first := add(first, mul(worth, eq(and(shr(24, rule), 0xff), class)))
            }
            mstore(beside, total)
        }
    }
}
