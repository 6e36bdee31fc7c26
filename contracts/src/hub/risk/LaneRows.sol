// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Rows of a sheet times what is held of them, summed in packed lanes
/// @notice Part of OptionLanes: what is done for each strike.
library LaneRows {
    uint256 private constant EVEN = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;

    /// @notice Lists the rows an expiry's options are of, place and size, where nothing is allocated, and counts what is counted by row.
    /// @param header the expiry's
    /// @param list   the last byte of the word that ends at the first row's place
    /// @param rows   where the sheet's rows begin
    /// @param cells  OptionCells.gather's
    /// @param acc    OptionLanes' memory of a summing
    /// @return past Where the list ends; 0 if none is held.
    function find(
        uint256 header,
        uint256 list,
        uint256 rows,
        uint256 cells,
        uint256 acc
    ) internal pure returns (uint256 past) {
        assembly ("memory-safe") {
            past := mload(0x40)
            let row := and(shr(224, header), 0xff)
            let end := add(row, and(shr(232, header), 0xff))
            let naked := 0
            let net := 0
            let puts := 0
            let strikes := 0
            let magnitude := 0
            for {} lt(row, end) {
                row := add(row, 1)
            } {
                let size := mload(add(cells, shl(5, and(mload(add(list, row)), 0xff))))
                if iszero(size) {
                    continue
                }
                // size: calls, then with the puts, each of which counts as a call, and again in what parity takes off.
                let put := size
                size := signextend(15, size)
                mstore(past, add(rows, mul(row, 160)))
                if xor(put, size) {
                    put := sar(128, sub(put, size))
                    size := add(size, put)
                    let strike := shr(224, mload(add(mload(past), 96)))
                    let step := 1
                    if shr(31, strike) {
                        strike := shl(9, and(strike, 0x7fffffff))
                        step := 512
                    }
                    puts := add(puts, put)
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
                mstore(add(past, 32), size)
                past := add(past, 64)
                net := add(net, size)
                if slt(size, 0) {
                    naked := sub(naked, size)
                }
            }
            // None: nothing is held.
            switch eq(past, mload(0x40))
            case 1 {
                past := 0
            }
            default {
                acc := add(acc, 320)
                mstore(acc, puts)
                mstore(add(acc, 32), strikes)
                mstore(add(acc, 64), naked)
                mstore(add(acc, 96), net)
                // Sizes without sign are what they come to, and twice the short ones.
                mstore(add(acc, 128), add(magnitude, shl(32, add(net, shl(1, naked)))))
            }
        }
    }

    /// @notice Sums the rows listed. Lanes are sums modulo 2^256 of signed multiples of unsigned lanes: odd ones apart, even ones as what is left
    /// of all. Four rows at a time, so that a sum is not stored after each.
    // Words are written out: a loop over them would cost each row a third more.
    // solhint-disable-next-line function-max-lines
    function addUp(uint256 acc, uint256 past) internal pure {
        assembly ("memory-safe") {
            calldatacopy(acc, calldatasize(), 320)
            mstore(0x00, EVEN)
            // The last four may be fewer: the missing ones are of size nothing, wherever they stand.
            for {
                let gap := add(past, 192)
            } gt(gap, past) {} {
                gap := sub(gap, 64)
                mstore(gap, acc)
                mstore(add(gap, 32), 0)
            }
            for {
                let from := mload(0x40)
            } lt(from, past) {
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
                    let odd := mul(sizeA, and(shr(32, word), mload(0x00)))
                    word := mload(b)
                    all := add(all, mul(sizeB, word))
                    odd := add(odd, mul(sizeB, and(shr(32, word), mload(0x00))))
                    word := mload(c)
                    all := add(all, mul(sizeC, word))
                    odd := add(odd, mul(sizeC, and(shr(32, word), mload(0x00))))
                    word := mload(d)
                    all := add(all, mul(sizeD, word))
                    odd := add(odd, mul(sizeD, and(shr(32, word), mload(0x00))))
                    mstore(acc, add(mload(acc), all))
                    mstore(add(acc, 32), add(mload(add(acc, 32)), odd))
                }
                {
                    let word := mload(add(a, 32))
                    let all := mul(sizeA, word)
                    let odd := mul(sizeA, and(shr(32, word), mload(0x00)))
                    word := mload(add(b, 32))
                    all := add(all, mul(sizeB, word))
                    odd := add(odd, mul(sizeB, and(shr(32, word), mload(0x00))))
                    word := mload(add(c, 32))
                    all := add(all, mul(sizeC, word))
                    odd := add(odd, mul(sizeC, and(shr(32, word), mload(0x00))))
                    word := mload(add(d, 32))
                    all := add(all, mul(sizeD, word))
                    odd := add(odd, mul(sizeD, and(shr(32, word), mload(0x00))))
                    mstore(add(acc, 64), add(mload(add(acc, 64)), all))
                    mstore(add(acc, 96), add(mload(add(acc, 96)), odd))
                }
                {
                    let word := mload(add(a, 64))
                    let all := mul(sizeA, word)
                    let odd := mul(sizeA, and(shr(32, word), mload(0x00)))
                    word := mload(add(b, 64))
                    all := add(all, mul(sizeB, word))
                    odd := add(odd, mul(sizeB, and(shr(32, word), mload(0x00))))
                    word := mload(add(c, 64))
                    all := add(all, mul(sizeC, word))
                    odd := add(odd, mul(sizeC, and(shr(32, word), mload(0x00))))
                    word := mload(add(d, 64))
                    all := add(all, mul(sizeD, word))
                    odd := add(odd, mul(sizeD, and(shr(32, word), mload(0x00))))
                    mstore(add(acc, 128), add(mload(add(acc, 128)), all))
                    mstore(add(acc, 160), add(mload(add(acc, 160)), odd))
                }
                {
                    let word := mload(add(a, 96))
                    let all := mul(sizeA, word)
                    let odd := mul(sizeA, and(shr(32, word), mload(0x00)))
                    word := mload(add(b, 96))
                    all := add(all, mul(sizeB, word))
                    odd := add(odd, mul(sizeB, and(shr(32, word), mload(0x00))))
                    word := mload(add(c, 96))
                    all := add(all, mul(sizeC, word))
                    odd := add(odd, mul(sizeC, and(shr(32, word), mload(0x00))))
                    word := mload(add(d, 96))
                    all := add(all, mul(sizeD, word))
                    odd := add(odd, mul(sizeD, and(shr(32, word), mload(0x00))))
                    mstore(add(acc, 192), add(mload(add(acc, 192)), all))
                    mstore(add(acc, 224), add(mload(add(acc, 224)), odd))
                }
                {
                    let word := mload(add(a, 128))
                    let all := mul(sizeA, word)
                    let odd := mul(sizeA, and(shr(32, word), mload(0x00)))
                    word := mload(add(b, 128))
                    all := add(all, mul(sizeB, word))
                    odd := add(odd, mul(sizeB, and(shr(32, word), mload(0x00))))
                    word := mload(add(c, 128))
                    all := add(all, mul(sizeC, word))
                    odd := add(odd, mul(sizeC, and(shr(32, word), mload(0x00))))
                    word := mload(add(d, 128))
                    all := add(all, mul(sizeD, word))
                    odd := add(odd, mul(sizeD, and(shr(32, word), mload(0x00))))
                    mstore(add(acc, 256), add(mload(add(acc, 256)), all))
                    mstore(add(acc, 288), add(mload(add(acc, 288)), odd))
                }
            }
        }
    }
}
