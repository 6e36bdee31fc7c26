// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Parity before an expiry's rows are summed, its discount after
/// @notice Part of OptionLanes. Lanes of a record are 64 bits wide, 2^63 above their value: even ones, then odd ones, of each of a row's words.
/// Totals are 128 bits wide, odd ones apart and even ones as what is left of all.
library LaneFold {
    uint256 private constant ONES = 0x0000000000000001000000000000000100000000000000010000000000000001;
    uint256 private constant BIAS = 0x8000000000000000800000000000000080000000000000008000000000000000;
    uint256 private constant WIDE = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
    // Where the forward stands after each lane's move, in its steps: of the first three words, the fourth, the tails.
    uint256 private constant CORE_EVEN = 0x000000008f5c28f500000000851eb8510000000075c28f5c000000006b851eb8;
    uint256 private constant CORE_ODD = 0x00000000947ae147000000008a3d70a3000000007ae147ae0000000070a3d70a;
    uint256 private constant REST_EVEN = 0x000000007a3d70a3000000008000000000000000800000000000000080000000;
    uint256 private constant REST_ODD = 0x00000000000000000000000085c28f5c00000000800000000000000080000000;
    uint256 private constant TAILS_EVEN = 0x000000005000000000000000300000000000000018000000000000000570a3d7;
    uint256 private constant TAILS_ODD = 0x000000006000000000000000400000000000000020000000000000000ab851eb;
    // As LaneRows has it.
    uint256 private constant RECORD = 384;

    /// @notice Begins a record's sums with what no row has: puts as calls less the forward, strikes, and a step for each naked one.
    /// @param record LaneRows.find's
    function begin(uint256 record) internal pure {
        assembly ("memory-safe") {
            let puts := mload(record)
            let tails := shl(1, mload(add(record, 32)))
            let naked := mload(add(record, 64))
            let base := add(mul(sub(shl(3, tails), naked), ONES), BIAS)
            // The tails' steps are eight times as large.
            tails := add(mul(sub(tails, naked), ONES), BIAS)
            let odd := sub(base, mul(puts, CORE_ODD))
            let all := add(sub(base, mul(puts, CORE_EVEN)), shl(32, odd))
            mstore(record, all)
            mstore(add(record, 32), odd)
            mstore(add(record, 64), all)
            mstore(add(record, 96), odd)
            mstore(add(record, 128), all)
            mstore(add(record, 160), odd)
            odd := sub(base, mul(puts, REST_ODD))
            mstore(add(record, 192), add(sub(base, mul(puts, REST_EVEN)), shl(32, odd)))
            mstore(add(record, 224), odd)
            odd := sub(tails, mul(puts, TAILS_ODD))
            mstore(add(record, 256), add(sub(tails, mul(puts, TAILS_EVEN)), shl(32, odd)))
            mstore(add(record, 288), odd)
        }
    }

    /// @notice begin, where the forward stands elsewhere after the moves.
    /// @param moves as the lanes of a record
    function beginMoved(uint256 record, uint256 moves) internal pure {
        assembly ("memory-safe") {
            let puts := mload(record)
            let tails := shl(1, mload(add(record, 32)))
            let naked := mload(add(record, 64))
            let base := add(mul(sub(shl(3, tails), naked), ONES), BIAS)
            tails := add(mul(sub(tails, naked), ONES), BIAS)
            for {
                let at := 0
            } lt(at, 320) {
                at := add(at, 64)
            } {
                if eq(at, 256) {
                    base := tails
                }
                let odd := sub(base, mul(puts, mload(add(add(moves, at), 32))))
                mstore(add(record, at), add(sub(base, mul(puts, mload(add(moves, at)))), shl(32, odd)))
                mstore(add(add(record, at), 32), odd)
            }
        }
    }

    /// @notice Discounts one word's lanes of all expiries, and adds them up: positive ones by the gain, others not at all.
    /// @param at   where the word's sums stand in the first record: `word` bytes from its beginning
    /// @param past the last record
    function fold(
        uint256 at,
        uint256 past,
        uint256 word
    ) internal pure returns (uint256 evens, uint256 besides, uint256 odds, uint256 others) {
        assembly ("memory-safe") {
            // From a word's sums to what a positive value counts for; behind it what a negative one counts for beside that.
            word := sub(320, word)
            for {} lt(at, past) {
                at := add(at, RECORD)
            } {
                let gain := mload(add(at, word))
                let odd := mload(add(at, 32))
                let value := sub(mload(at), shl(32, odd))
                evens := add(evens, mul(gain, value))
                besides := add(besides, mul(gain, and(shr(64, value), WIDE)))
                let sign := and(not(value), BIAS)
                if sign {
                    // What lanes are below zero, without sign.
                    value := sub(sign, and(value, sub(sign, shr(63, sign))))
                    let rest := mload(add(add(at, word), 32))
                    evens := sub(evens, mul(rest, value))
                    besides := sub(besides, mul(rest, and(shr(64, value), WIDE)))
                }
                odds := add(odds, mul(gain, odd))
                others := add(others, mul(gain, and(shr(64, odd), WIDE)))
                sign := and(not(odd), BIAS)
                if sign {
                    odd := sub(sign, and(odd, sub(sign, shr(63, sign))))
                    let rest := mload(add(add(at, word), 32))
                    odds := sub(odds, mul(rest, odd))
                    others := sub(others, mul(rest, and(shr(64, odd), WIDE)))
                }
            }
        }
    }
}
