// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {RulesTable} from "./RulesTable.sol";

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
            table := add(table, 32)
            let most := 0
            if mload(sub(table, 32)) {
                most := and(mload(table), 0xffff)
            }
            let place := 0
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
                    let amount := and(lot, 0xfffffffffffffffffffffffffff)
                    let asset := and(shr(108, lot), 0xffff)
                    if iszero(and(lt(sub(asset, 1), most), gt(amount, 0))) {
                        continue
                    }
                    let rule := mload(add(table, shl(5, asset)))
                    if iszero(rule) {
                        continue
                    }
                    // Balances ascend mostly as prices do: looked for from the last one's on, and round.
                    let left := count
                    for {} left {
                        left := sub(left, 1)
                    } {
                        if eq(and(mload(add(first, shl(5, place))), 0xffff), and(rule, 0xffff)) {
                            break
                        }
                        place := add(place, 1)
                        place := mul(place, lt(place, count))
                    }
                    if iszero(left) {
                        place := count
                        mstore(add(first, shl(5, place)), and(rule, 0xffff))
                        count := add(count, 1)
                    }
                    mstore(end, rule)
                    mstore(add(end, 32), or(amount, shl(240, place)))
                    end := add(end, 64)
                }
            }
            mstore(0x40, end)
        }
    }

    /// @notice Amounts to values, where they stand.
    /// @param lots   ask's
    /// @param end    and their end
    /// @param prices of the feeds' answer
    /// @return total 18 decimals
    function value(uint256 lots, uint256 end, uint256 prices) internal pure returns (uint256 total) {
        unchecked {
            for (; lots < end; lots += 64) {
                uint256 rule;
                uint256 lot;
                uint256 price;
                assembly ("memory-safe") {
                    rule := mload(lots)
                    lot := mload(add(lots, 32))
                    price := and(mload(add(prices, shl(6, shr(240, lot)))), 0xffffffffffffffffffffffffffffffff)
                }
                uint256 worth = RulesTable.worth(rule, lot & type(uint128).max, price);
                total += worth;
                assembly ("memory-safe") {
                    mstore(add(lots, 32), or(worth, shl(240, shr(240, lot))))
                }
            }
        }
    }
}
