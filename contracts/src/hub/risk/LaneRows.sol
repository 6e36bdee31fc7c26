// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Rows of a sheet times what is held of them, summed in packed lanes
/// @notice Part of OptionLanes: what is done for each strike.
library LaneRows {
    uint256 private constant EVEN = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;

    /// @dev Bytes of a record: ten words of sums, then the factors of LaneFold.fold.
    uint256 private constant RECORD = 384;

    /// @notice Lists the rows an expiry's options are of, place and size, and counts what is counted by row: a record's first words are, until its
    /// sums begin, puts, puts times strikes, naked, net and magnitude. The record is allocated, the list stands behind it.
    /// @param header the expiry's
    /// @param list   the last byte of the word that ends at the first row's place
    /// @param rows   where the sheet's rows begin
    /// @param cells  OptionCells.gather's
    /// @return past Where the list ends; 0 if none is held: then there is no record.
    function find(uint256 header, uint256 list, uint256 rows, uint256 cells) internal pure returns (uint256 past) {
        assembly ("memory-safe") {
            past := add(mload(0x40), RECORD)
            let at := and(shr(224, header), 0xff)
            let row := add(rows, mul(at, 160))
            at := add(at, list)
            let end := add(at, and(shr(232, header), 0xff))
            // Of all: calls, plus puts times 2^128. Of the puts: sizes times strikes; sizes of those short; all strikes' bits. Of strikes: sizes of
            // those short.
            let sizes := 0
            let worth := 0
            let shorts := 0
            let strikes := 0
            let naked := 0
            for {} lt(at, end) {
                at := add(at, 1)
                row := add(row, 160)
            } {
                let cell := mload(add(cells, and(shl(5, mload(at)), 0x1fe0)))
                if cell {
                    // size: calls, then with the puts, each of which counts as a call, and again in what parity takes off.
                    let size := signextend(15, cell)
                    if xor(cell, size) {
                        let put := sar(128, sub(cell, size))
                        size := add(size, put)
                        let strike := shr(224, mload(add(row, 96)))
                        strikes := or(strikes, strike)
                        worth := add(worth, mul(put, strike))
                        shorts := add(shorts, mul(slt(put, 0), put))
                    }
                    mstore(past, row)
                    mstore(add(past, 32), size)
                    past := add(past, 64)
                    sizes := add(sizes, cell)
                    if slt(size, 0) {
                        naked := sub(naked, size)
                    }
                }
            }
            let record := mload(0x40)
            // None: nothing is held.
            switch eq(past, add(record, RECORD))
            case 1 {
                past := 0
            }
            default {
                mstore(0x40, add(record, RECORD))
                let net := signextend(15, sizes)
                let puts := sar(128, sub(sizes, net))
                net := add(net, puts)
                mstore(record, puts)
                // A short one pays one step more.
                mstore(add(record, 32), add(worth, shorts))
                mstore(add(record, 64), naked)
                mstore(add(record, 96), net)
                // Sizes without sign are what they come to, and twice the short ones; no strike is above all bits of all.
                puts := mul(sub(puts, shl(1, shorts)), add(0x100000010, shl(4, strikes)))
                puts := add(puts, shl(32, add(net, shl(1, naked))))
                // Coarse strikes are not what their bits say: above all that lanes hold.
                mstore(add(record, 128), or(puts, shl(255, gt(strikes, 0x7fffffff))))
            }
        }
    }

    /// @notice Puts times strikes, and the most that a lane may come to, one by one: where the most that find says is more than lanes hold, it may
    /// be less, or strikes are coarse.
    function count(uint256 header, uint256 list, uint256 rows, uint256 cells, uint256 record) internal pure {
        assembly ("memory-safe") {
            let row := and(shr(224, header), 0xff)
            let end := add(row, and(shr(232, header), 0xff))
            let strikes := 0
            let magnitude := 0
            for {} lt(row, end) {
                row := add(row, 1)
            } {
                let put := mload(add(cells, shl(5, and(mload(add(list, row)), 0xff))))
                let size := signextend(15, put)
                put := sar(128, sub(put, size))
                if iszero(put) {
                    continue
                }
                let strike := shr(224, mload(add(add(rows, mul(row, 160)), 96)))
                let step := 1
                if shr(31, strike) {
                    strike := shl(9, and(strike, 0x7fffffff))
                    step := 512
                }
                switch slt(put, 0)
                case 1 {
                    strike := add(strike, step)
                    strikes := add(strikes, mul(put, strike))
                    magnitude := sub(magnitude, mul(put, add(0x100000000, shl(4, strike))))
                }
                default {
                    strikes := add(strikes, mul(put, strike))
                    magnitude := add(magnitude, mul(put, add(0x100000000, shl(4, add(strike, step)))))
                }
            }
            mstore(add(record, 32), strikes)
            let sizes := add(mload(add(record, 96)), shl(1, mload(add(record, 64))))
            mstore(add(record, 128), add(magnitude, shl(32, sizes)))
        }
    }

    /// @notice Adds the rows listed to a record's sums. Lanes are sums modulo 2^256 of signed multiples of unsigned lanes: odd ones apart, even
    /// ones as what is left of all. Four rows at a time, so that a sum is not stored after each.
    // Words are written out: a loop over them would cost each row a third more.
    // solhint-disable-next-line function-max-lines
    function addUp(uint256 record, uint256 past) internal pure {
        assembly ("memory-safe") {
            let from := add(record, RECORD)
            // The last four may be fewer. One is added by itself; else the missing ones are of size nothing, wherever they stand.
            switch and(sub(past, from), 192)
            case 0 {}
            case 64 {
                past := sub(past, 64)
                let row := mload(past)
                let size := mload(add(past, 32))
                let to := record
                for {
                    let end := add(row, 160)
                } lt(row, end) {
                    row := add(row, 32)
                } {
                    let word := mload(row)
                    mstore(to, add(mload(to), mul(size, word)))
                    to := add(to, 32)
                    mstore(to, add(mload(to), mul(size, and(shr(32, word), EVEN))))
                    to := add(to, 32)
                }
            }
            default {
                mstore(past, record)
                mstore(add(past, 32), 0)
                mstore(add(past, 64), record)
                mstore(add(past, 96), 0)
            }
            for {} lt(from, past) {
                from := add(from, 256)
            } {
                let a := mload(from)
                let sizeA := mload(add(from, 32))
                let b := mload(add(from, 64))
                let sizeB := mload(add(from, 96))
                let c := mload(add(from, 128))
                let sizeC := mload(add(from, 160))
                let d := mload(add(from, 192))
                let sizeD := mload(add(from, 224))
                {
                    let word := mload(a)
                    let all := mul(sizeA, word)
                    let odd := mul(sizeA, and(shr(32, word), EVEN))
                    word := mload(b)
                    all := add(all, mul(sizeB, word))
                    odd := add(odd, mul(sizeB, and(shr(32, word), EVEN)))
                    word := mload(c)
                    all := add(all, mul(sizeC, word))
                    odd := add(odd, mul(sizeC, and(shr(32, word), EVEN)))
                    word := mload(d)
                    all := add(all, mul(sizeD, word))
                    odd := add(odd, mul(sizeD, and(shr(32, word), EVEN)))
                    mstore(record, add(mload(record), all))
                    mstore(add(record, 32), add(mload(add(record, 32)), odd))
                }
                {
                    let word := mload(add(a, 32))
                    let all := mul(sizeA, word)
                    let odd := mul(sizeA, and(shr(32, word), EVEN))
                    word := mload(add(b, 32))
                    all := add(all, mul(sizeB, word))
                    odd := add(odd, mul(sizeB, and(shr(32, word), EVEN)))
                    word := mload(add(c, 32))
                    all := add(all, mul(sizeC, word))
                    odd := add(odd, mul(sizeC, and(shr(32, word), EVEN)))
                    word := mload(add(d, 32))
                    all := add(all, mul(sizeD, word))
                    odd := add(odd, mul(sizeD, and(shr(32, word), EVEN)))
                    mstore(add(record, 64), add(mload(add(record, 64)), all))
                    mstore(add(record, 96), add(mload(add(record, 96)), odd))
                }
                {
                    let word := mload(add(a, 64))
                    let all := mul(sizeA, word)
                    let odd := mul(sizeA, and(shr(32, word), EVEN))
                    word := mload(add(b, 64))
                    all := add(all, mul(sizeB, word))
                    odd := add(odd, mul(sizeB, and(shr(32, word), EVEN)))
                    word := mload(add(c, 64))
                    all := add(all, mul(sizeC, word))
                    odd := add(odd, mul(sizeC, and(shr(32, word), EVEN)))
                    word := mload(add(d, 64))
                    all := add(all, mul(sizeD, word))
                    odd := add(odd, mul(sizeD, and(shr(32, word), EVEN)))
                    mstore(add(record, 128), add(mload(add(record, 128)), all))
                    mstore(add(record, 160), add(mload(add(record, 160)), odd))
                }
                {
                    let word := mload(add(a, 96))
                    let all := mul(sizeA, word)
                    let odd := mul(sizeA, and(shr(32, word), EVEN))
                    word := mload(add(b, 96))
                    all := add(all, mul(sizeB, word))
                    odd := add(odd, mul(sizeB, and(shr(32, word), EVEN)))
                    word := mload(add(c, 96))
                    all := add(all, mul(sizeC, word))
                    odd := add(odd, mul(sizeC, and(shr(32, word), EVEN)))
                    word := mload(add(d, 96))
                    all := add(all, mul(sizeD, word))
                    odd := add(odd, mul(sizeD, and(shr(32, word), EVEN)))
                    mstore(add(record, 192), add(mload(add(record, 192)), all))
                    mstore(add(record, 224), add(mload(add(record, 224)), odd))
                }
                {
                    let word := mload(add(a, 128))
                    let all := mul(sizeA, word)
                    let odd := mul(sizeA, and(shr(32, word), EVEN))
                    word := mload(add(b, 128))
                    all := add(all, mul(sizeB, word))
                    odd := add(odd, mul(sizeB, and(shr(32, word), EVEN)))
                    word := mload(add(c, 128))
                    all := add(all, mul(sizeC, word))
                    odd := add(odd, mul(sizeC, and(shr(32, word), EVEN)))
                    word := mload(add(d, 128))
                    all := add(all, mul(sizeD, word))
                    odd := add(odd, mul(sizeD, and(shr(32, word), EVEN)))
                    mstore(add(record, 256), add(mload(add(record, 256)), all))
                    mstore(add(record, 288), add(mload(add(record, 288)), odd))
                }
            }
        }
    }
}
