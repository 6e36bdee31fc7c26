// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {SheetGrades} from "./SheetGrades.sol";
import {SheetRows} from "./SheetRows.sol";
import {Wad} from "./Wad.sol";

/// @title Options of one underlying through the lanes of its sheets
/// @notice A position is a multiple of its strike's row; the rows of an expiry are summed in packed lanes, puts follow by parity, and the
/// expiry's discount acts on the sum. Sizes are lots of 0.001. Twin: shared/src/risk/fixed/option-lanes.ts, which has no lanes.
library OptionLanes {
    /// @notice What an underlying's options come to.
    /// @param lanes 40 signed values in 1/UNIT wads times 2^-scale: discounted values, without the mark; the tails are eighths of it
    /// @param mark  as the lanes: value undiscounted, unmoved
    /// @param basis as the lanes: charge for the basis, not positive
    /// @param naked lots by which strikes are short, calls and puts netted
    /// @param net   sum over expiries of what calls and puts net to, without sign
    /// @param header what SheetGrades says of the expiries held
    struct Sums {
        uint256 lanes;
        uint256 scale;
        int256 mark;
        int256 basis;
        int256 naked;
        int256 net;
        uint256 header;
    }

    /// @dev While an underlying is summed.
    /// @param cells     256 words by place: calls and puts net, plus puts times 2^128
    /// @param acc       ten words of rows' sums, then what _rows counts
    /// @param bias      of the lanes' totals so far
    /// @param coarse    sizes are taken in 2^coarse lots, rounded down
    /// @param shift     forwards are taken in 2^shift
    /// @param magnitude most that a lane may come to
    /// @param forward   greatest seen
    struct Work {
        uint256 cells;
        uint256 acc;
        uint256 bias;
        uint256 coarse;
        uint256 shift;
        uint256 magnitude;
        uint256 forward;
    }

    /// @notice 1 / UNIT: 0.001 of a lot's step 2^-31.
    int256 internal constant UNIT = 1000 << 31;
    uint256 private constant LANES = 40;
    uint256 private constant EVEN = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    uint256 private constant ONES = 0x0000000000000001000000000000000100000000000000010000000000000001;
    uint256 private constant BIAS = 0x8000000000000000800000000000000080000000000000008000000000000000;
    uint256 private constant WIDE = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
    /// @dev Bits of what a lane may come to, of a forward, and of a forward as far as spot tells: sixty-four expiries stay below 2^127.
    uint256 private constant LANE_BITS = 59;
    uint256 private constant FORWARD_BITS = 57;
    uint256 private constant SPOT_BITS = 50;

    // ---- cells and sheets to sums

    /// @param sheets that hold every place used, none twice
    /// @param spot   18 decimals; only sets how forwards are cut
    function sum(uint256[][] memory sheets, uint256 cells, uint256 spot) internal pure returns (Sums memory sums) {
        unchecked {
            uint256 shift = _excess(spot, SPOT_BITS);
            Work memory work = _begin(cells, 0, shift);
            sums.header = SheetGrades.NONE;
            for (uint256 i = 0; i < sheets.length; ++i) _addSheet(sheets[i], work, sums);
            uint256 coarse = _excess(work.magnitude, LANE_BITS);
            uint256 least = _excess(work.forward, FORWARD_BITS);
            if (coarse != 0 || least > shift) {
                // Sizes or forwards beyond what lanes hold: coarser ones, against the account. Charges keep the exact sizes.
                (int256 naked, int256 net) = (sums.naked, sums.net);
                sums.mark = sums.basis = 0;
                work = _begin(cells, coarse, least > shift ? least : shift);
                for (uint256 i = 0; i < sheets.length; ++i) _addSheet(sheets[i], work, sums);
                (sums.naked, sums.net) = (naked, net);
            }
            sums.scale = work.shift + work.coarse;
            sums.lanes = _unpack(work);
        }
    }

    /// @dev Memory of a summing: 0 ... 9 an expiry's sums | 10 ... 14 its puts, puts times strike, naked, net, magnitude | 16 ... 35 totals |
    /// 36 ... 55 the forward after each word's moves, then of an expiry of which a part is fixed. Behind it, where nothing is allocated: the rows of an
    /// expiry, where and size.
    function _begin(uint256 cells, uint256 coarse, uint256 shift) private pure returns (Work memory work) {
        (work.cells, work.coarse, work.shift) = (cells, coarse, shift);
        uint256 acc;
        assembly ("memory-safe") {
            acc := mload(0x40)
            mstore(0x40, add(acc, 1792))
            calldatacopy(add(acc, 512), calldatasize(), 640)
            let to := add(acc, 1152)
            mstore(to, 0x0000000075c28f5c0000000070a3d70a000000006b851eb8000000006b851eb8)
            mstore(add(to, 32), 0x0000000075c28f5c0000000070a3d70a0000000070a3d70a000000006b851eb8)
            mstore(add(to, 64), 0x00000000800000000000000080000000000000007ae147ae0000000075c28f5c)
            mstore(add(to, 96), 0x00000000851eb8510000000080000000000000007ae147ae000000007ae147ae)
            mstore(add(to, 128), 0x000000008f5c28f5000000008a3d70a3000000008a3d70a300000000851eb851)
            mstore(add(to, 160), 0x000000008f5c28f5000000008f5c28f5000000008a3d70a300000000851eb851)
            mstore(add(to, 192), 0x000000007a3d70a3000000008000000000000000947ae14700000000947ae147)
            mstore(add(to, 224), 0x00000000000000000000000085c28f5c000000008000000000000000947ae147)
            mstore(add(to, 256), 0x000000005000000000000000300000000000000018000000000000000570a3d7)
            mstore(add(to, 288), 0x000000006000000000000000400000000000000020000000000000000ab851eb)
        }
        work.acc = acc;
    }

    /// @dev Bits of a value beyond `most`.
    function _excess(uint256 value, uint256 most) private pure returns (uint256 bits) {
        unchecked {
            for (value >>= most; value != 0; value >>= 1) ++bits;
        }
    }

    function _addSheet(uint256[] memory sheet, Work memory work, Sums memory sums) private pure {
        unchecked {
            uint256 expiries = sheet[1] & 0xffff;
            uint256 list;
            uint256 rows;
            assembly ("memory-safe") {
                // The last byte of the word that ends at a row's place.
                list := add(sheet, add(1, shl(5, add(2, shl(1, expiries)))))
            }
            rows = SheetRows.rowsOf(expiries, sheet[1] >> 16);
            assembly ("memory-safe") {
                rows := add(sheet, add(32, shl(5, rows)))
            }
            for (uint256 e = 0; e < expiries; ++e) {
                uint256 header;
                assembly ("memory-safe") {
                    header := mload(add(sheet, add(96, shl(6, e))))
                }
                uint256 past = _find(header, list, rows, work);
                if (past == 0) continue;
                _addRows(work.acc, past);
                _value(header, work, sums);
                assembly ("memory-safe") {
                    header := mload(add(sheet, add(128, shl(6, e))))
                }
                sums.header = SheetGrades.both(sums.header, header);
            }
        }
    }

    /// @dev The rows an expiry's options are of, and what is counted by row. @return past Where the list of rows ends; 0 if none is held.
    function _find(uint256 header, uint256 list, uint256 rows, Work memory work) private pure returns (uint256 past) {
        assembly ("memory-safe") {
            let acc := mload(add(work, 32))
            past := mload(0x40)
            let row := and(shr(224, header), 0xff)
            let end := add(row, and(shr(232, header), 0xff))
            let cells := mload(work)
            let coarse := mload(add(work, 96))
            let naked := 0
            let net := 0
            let magnitude := 0
            mstore(add(acc, 320), 0)
            mstore(add(acc, 352), 0)
            for {} lt(row, end) {
                row := add(row, 1)
            } {
                let size := mload(add(cells, shl(5, and(mload(add(list, row)), 0xff))))
                if iszero(size) {
                    continue
                }
                let at := add(rows, mul(row, 160))
                // size: calls and puts together; put: the puts.
                let put := sar(128, sub(size, signextend(15, size)))
                size := signextend(15, size)
                if coarse {
                    let calls := sar(coarse, sub(size, put))
                    put := sar(coarse, put)
                    size := add(calls, put)
                }
                mstore(past, at)
                mstore(add(past, 32), size)
                past := add(past, 64)
                if put {
                    let strike := shr(224, mload(add(at, 96)))
                    let step := 1
                    if shr(31, strike) {
                        strike := shl(9, and(strike, 0x7fffffff))
                        step := 512
                    }
                    mstore(add(acc, 320), add(mload(add(acc, 320)), put))
                    at := add(acc, 352)
                    switch slt(put, 0)
                    case 1 {
                        strike := add(strike, step)
                        mstore(at, add(mload(at), mul(put, strike)))
                        magnitude := sub(magnitude, mul(put, add(shl(32, 1), shl(4, strike))))
                    }
                    default {
                        mstore(at, add(mload(at), mul(put, strike)))
                        magnitude := add(magnitude, mul(put, add(shl(32, 1), shl(4, add(strike, step)))))
                    }
                }
                net := add(net, size)
                if slt(size, 0) {
                    size := sub(0, size)
                    naked := add(naked, size)
                }
                magnitude := add(magnitude, shl(32, size))
            }
            mstore(add(acc, 384), naked)
            mstore(add(acc, 416), net)
            mstore(add(acc, 448), magnitude)
            // None: nothing is held.
            past := mul(past, sub(1, eq(past, mload(0x40))))
        }
    }

    /// @dev Sums the rows listed. Lanes are sums modulo 2^256 of signed multiples of unsigned lanes: odd ones apart, even ones as what is left
    /// of all. Four rows at a time, so that a sum is not stored after each.
    function _addRows(uint256 acc, uint256 past) private pure {
        assembly ("memory-safe") {
            calldatacopy(acc, calldatasize(), 320)
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
                let b := mload(add(from, 64))
                let c := mload(add(from, 128))
                let d := mload(add(from, 192))
                for {
                    let to := acc
                } lt(to, add(acc, 320)) {
                    to := add(to, 64)
                } {
                    let word := mload(a)
                    let size := mload(add(from, 32))
                    let all := mul(size, word)
                    let odd := mul(size, and(shr(32, word), EVEN))
                    word := mload(b)
                    size := mload(add(from, 96))
                    all := add(all, mul(size, word))
                    odd := add(odd, mul(size, and(shr(32, word), EVEN)))
                    word := mload(c)
                    size := mload(add(from, 160))
                    all := add(all, mul(size, word))
                    odd := add(odd, mul(size, and(shr(32, word), EVEN)))
                    word := mload(d)
                    size := mload(add(from, 224))
                    all := add(all, mul(size, word))
                    odd := add(odd, mul(size, and(shr(32, word), EVEN)))
                    mstore(to, add(mload(to), all))
                    mstore(add(to, 32), add(mload(add(to, 32)), odd))
                    a := add(a, 32)
                    b := add(b, 32)
                    c := add(c, 32)
                    d := add(d, 32)
                }
            }
        }
    }

    /// @dev Parity, discount and totals of one expiry.
    function _value(uint256 header, Work memory work, Sums memory sums) private pure {
        unchecked {
            uint256 acc = work.acc;
            uint256 forward = header & 0xffffffffffffffffffffffff;
            if (forward > work.forward) work.forward = forward;
            forward >>= work.shift;
            uint256 gain = (forward * ((header >> 96) & 0xffffffffffffffff)) >> 64;
            work.bias += gain << 63;
            _count(acc, work, sums);
            uint256 moves = acc + 1152;
            if (header >> 240 != 0) moves = _moved(acc, header >> 240);
            _fold(acc, moves, gain, forward - gain);
            int256 mark = _laneOf(acc + 96, 128) * int256(forward);
            int256 up = _laneOf(acc + 224, 128);
            int256 down = _laneOf(acc + 192, 192);
            up = (up * int256(up > 0 ? gain : forward)) - mark;
            down = (down * int256(down > 0 ? gain : forward)) - mark;
            sums.mark += mark;
            if (down < up) up = down;
            if (up < 0) sums.basis += Wad.floorDiv(up * int256((header >> 160) & 0xffffffffffffffff), Wad.ONE);
        }
    }

    function _count(uint256 acc, Work memory work, Sums memory sums) private pure {
        assembly ("memory-safe") {
            let magnitude := mload(add(acc, 448))
            if gt(magnitude, mload(add(work, 160))) {
                mstore(add(work, 160), magnitude)
            }
            mstore(add(sums, 128), add(mload(add(sums, 128)), mload(add(acc, 384))))
            let net := mload(add(acc, 416))
            if slt(net, 0) {
                net := sub(0, net)
            }
            mstore(add(sums, 160), add(mload(add(sums, 160)), net))
        }
    }

    /// @dev The forward after the moves of an expiry of which a share is fixed, laid out as the lanes are summed.
    function _moved(uint256 acc, uint256 averaged) private pure returns (uint256 moves) {
        unchecked {
            moves = acc + 1472;
            assembly ("memory-safe") {
                calldatacopy(moves, calldatasize(), 320)
            }
            for (uint256 lane = 0; lane < LANES; ++lane) {
                (uint256 shock, ) = SheetRows.movedOf(SheetRows.moveOfLane(lane), averaged);
                shock >>= lane < SheetRows.TAILS ? 33 : 36;
                // Eight lanes in two words: the even ones, then the odd ones.
                uint256 word = moves + (lane / 8) * 64 + (lane % 2) * 32;
                assembly ("memory-safe") {
                    mstore(word, or(mload(word), shl(mul(64, div(mod(lane, 8), 2)), shock)))
                }
            }
        }
    }

    /// @dev A lane, 2^63 above its value, after _fold.
    function _laneOf(uint256 at, uint256 bits) private pure returns (int256 value) {
        assembly ("memory-safe") {
            value := sub(and(shr(bits, mload(at)), 0xffffffffffffffff), shl(63, 1))
        }
    }

    /// @dev Word by word: parity, then the discount, then the totals. What was summed is left as lanes 2^63 above their value.
    function _fold(uint256 acc, uint256 moves, uint256 gain, uint256 rest) private pure {
        assembly ("memory-safe") {
            // What lanes are below zero, without sign.
            function below(value, sign) -> short {
                let unit := shr(63, sign)
                short := add(and(not(value), sub(sign, unit)), unit)
            }

            let put := mload(add(acc, 320))
            let base := mload(add(acc, 352))
            base := add(mul(sub(shl(4, base), mload(add(acc, 384))), ONES), BIAS)
            let to := add(acc, 512)
            for {
                let at := acc
            } lt(at, add(acc, 320)) {
                at := add(at, 64)
            } {
                if eq(at, add(acc, 256)) {
                    // The tails' steps are eight times as large.
                    base := mload(add(acc, 352))
                    base := add(mul(sub(shl(1, base), mload(add(acc, 384))), ONES), BIAS)
                }
                let odd := mload(add(at, 32))
                let value := add(sub(mload(at), shl(32, odd)), sub(base, mul(put, mload(moves))))
                let all := 0
                let sign := 0
                let other := add(odd, sub(base, mul(put, mload(add(moves, 32)))))
                mstore(at, value)
                all := mul(gain, value)
                odd := mul(gain, and(shr(64, value), WIDE))
                sign := and(not(value), BIAS)
                if sign {
                    value := below(value, sign)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(to, add(mload(to), all))
                mstore(add(to, 64), add(mload(add(to, 64)), odd))
                value := other
                to := add(to, 32)
                mstore(add(at, 32), value)
                all := mul(gain, value)
                odd := mul(gain, and(shr(64, value), WIDE))
                sign := and(not(value), BIAS)
                if sign {
                    value := below(value, sign)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(to, add(mload(to), all))
                mstore(add(to, 64), add(mload(add(to, 64)), odd))
                moves := add(moves, 64)
                to := add(to, 96)
            }
        }
    }

    /// @dev Totals to forty signed words, by lane.
    function _unpack(Work memory work) private pure returns (uint256 lanes) {
        uint256 acc = work.acc;
        uint256 bias = work.bias;
        assembly ("memory-safe") {
            lanes := mload(0x40)
            mstore(0x40, add(lanes, 1280))
            let out := lanes
            let from := add(acc, 512)
            for {
                let end := add(from, 640)
            } lt(from, end) {
                from := add(from, 128)
            } {
                let odd := mload(add(from, 64))
                let even := sub(mload(from), shl(64, odd))
                mstore(out, sub(and(even, 0xffffffffffffffffffffffffffffffff), bias))
                mstore(add(out, 64), sub(and(odd, 0xffffffffffffffffffffffffffffffff), bias))
                mstore(add(out, 128), sub(shr(128, even), bias))
                mstore(add(out, 192), sub(shr(128, odd), bias))
                odd := mload(add(from, 96))
                even := sub(mload(add(from, 32)), shl(64, odd))
                mstore(add(out, 32), sub(and(even, 0xffffffffffffffffffffffffffffffff), bias))
                mstore(add(out, 96), sub(and(odd, 0xffffffffffffffffffffffffffffffff), bias))
                mstore(add(out, 160), sub(shr(128, even), bias))
                mstore(add(out, 224), sub(shr(128, odd), bias))
                out := add(out, 256)
            }
        }
    }
}
