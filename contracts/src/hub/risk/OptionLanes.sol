// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {LaneFold} from "./LaneFold.sol";
import {LaneRows} from "./LaneRows.sol";
import {OptionCells} from "./OptionCells.sol";
import {SheetGrades} from "./SheetGrades.sol";
import {SheetRows} from "./SheetRows.sol";

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
    /// @param cells     OptionCells.gather's
    /// @param bias      of the lanes' totals so far
    /// @param coarse    sizes are taken in 2^coarse lots, rounded down
    /// @param shift     forwards are taken in 2^shift
    /// @param magnitude most that a lane may come to
    /// @param forward   greatest seen
    /// @param used      a bit per place
    /// @param first     of the records, one for each expiry held: see LaneRows.find and LaneFold
    struct Work {
        uint256 cells;
        uint256 bias;
        uint256 coarse;
        uint256 shift;
        uint256 magnitude;
        uint256 forward;
        uint256 used;
        uint256 first;
    }

    /// @notice 1 / UNIT: 0.001 of a lot's step 2^-31.
    int256 internal constant UNIT = 1000 << 31;
    uint256 private constant LANES = 40;
    /// @dev Bits of what a lane may come to, of a forward, and of a forward as far as spot tells: sixty-four expiries stay below 2^127.
    uint256 private constant LANE_BITS = 59;
    uint256 private constant FORWARD_BITS = 57;
    uint256 private constant SPOT_BITS = 50;

    // ---- cells and sheets to sums

    /// @param sheets that hold every place used, none twice
    /// @param used   a bit per place
    /// @param spot   18 decimals; only sets how forwards are cut
    function sum(
        uint256[][] memory sheets,
        uint256 used,
        uint256 cells,
        uint256 spot
    ) internal pure returns (Sums memory sums) {
        unchecked {
            uint256 shift = _excess(spot, SPOT_BITS);
            Work memory work = _begin(cells, used, 0, shift);
            sums.header = SheetGrades.NONE;
            for (uint256 i = 0; i < sheets.length; ++i) _addSheet(sheets[i], work, sums);
            uint256 coarse = _excess(work.magnitude, LANE_BITS);
            uint256 least = _excess(work.forward, FORWARD_BITS);
            if (coarse != 0 || least > shift) {
                // Sizes or forwards beyond what lanes hold: coarser ones, against the account. Charges keep the exact sizes.
                if (coarse != 0) OptionCells.coarsen(cells, used, coarse);
                (int256 naked, int256 net) = (sums.naked, sums.net);
                sums.mark = sums.basis = 0;
                work = _begin(cells, used, coarse, least > shift ? least : shift);
                for (uint256 i = 0; i < sheets.length; ++i) _addSheet(sheets[i], work, sums);
                (sums.naked, sums.net) = (naked, net);
            }
            sums.scale = work.shift + work.coarse;
            sums.lanes = _totals(work);
        }
    }

    /// @dev Records are laid down from here on, one behind the other.
    function _begin(
        uint256 cells,
        uint256 used,
        uint256 coarse,
        uint256 shift
    ) private pure returns (Work memory work) {
        (work.cells, work.used, work.coarse, work.shift) = (cells, used, coarse, shift);
        assembly ("memory-safe") {
            mstore(add(work, 224), mload(0x40))
        }
    }

    /// @dev Bits of a value beyond `most`.
    function _excess(uint256 value, uint256 most) private pure returns (uint256 bits) {
        assembly ("memory-safe") {
            value := shr(most, value)
            if value {
                bits := shl(7, lt(0xffffffffffffffffffffffffffffffff, value))
                bits := or(bits, shl(6, lt(0xffffffffffffffff, shr(bits, value))))
                bits := or(bits, shl(5, lt(0xffffffff, shr(bits, value))))
                bits := or(bits, shl(4, lt(0xffff, shr(bits, value))))
                bits := or(bits, shl(3, lt(0xff, shr(bits, value))))
                bits := or(bits, shl(2, lt(0xf, shr(bits, value))))
                bits := add(
                    bits,
                    byte(shr(bits, value), 0x0001020203030303040404040404040400000000000000000000000000000000)
                )
            }
        }
    }

    function _addSheet(uint256[] memory sheet, Work memory work, Sums memory sums) private pure {
        unchecked {
            uint256 at;
            uint256 end;
            // Of the sheet: the last byte of the word that ends at the first row's place, and where its rows begin.
            uint256 list;
            uint256 rows;
            assembly ("memory-safe") {
                // As SheetRows has it: two words, headers, places, rows.
                at := add(sheet, 96)
                let counts := mload(add(sheet, 64))
                end := add(at, shl(6, and(counts, 0xffff)))
                list := sub(end, 31)
                rows := add(end, and(add(shr(16, counts), 31), not(31)))
            }
            for (; at < end; at += 64) {
                uint256 header;
                uint256 second;
                bool touched;
                assembly ("memory-safe") {
                    header := mload(at)
                    second := mload(add(at, 32))
                    // Whether any of the places used lies between the expiry's.
                    let first := and(shr(168, second), 0xff)
                    touched := shl(sub(add(255, first), and(shr(176, second), 0xff)), shr(first, mload(add(work, 192))))
                }
                if (!touched) continue;
                uint256 record = _free();
                // From two places, so that the compiler keeps it a function, with a stack of its own.
                uint256 past =
                    work.coarse == 0
                        ? LaneRows.find(header, list, rows, work.cells)
                        : LaneRows.find(header, list, rows, work.cells);
                if (past == 0) continue;
                uint256 magnitude;
                assembly ("memory-safe") {
                    magnitude := mload(add(record, 128))
                }
                if (magnitude >> LANE_BITS != 0) LaneRows.count(header, list, rows, work.cells, record);
                _count(record, work, sums);
                if (header >> 240 == 0) LaneFold.begin(record);
                else LaneFold.beginMoved(record, _moved(past, header >> 240));
                LaneRows.addUp(record, past);
                _value(header, record, work, sums);
                sums.header = SheetGrades.both(sums.header, second & SheetGrades.MASK);
            }
        }
    }

    function _free() private pure returns (uint256 free) {
        assembly ("memory-safe") {
            free := mload(0x40)
        }
    }

    function _count(uint256 record, Work memory work, Sums memory sums) private pure {
        assembly ("memory-safe") {
            let magnitude := mload(add(record, 128))
            if gt(magnitude, mload(add(work, 128))) {
                mstore(add(work, 128), magnitude)
            }
            mstore(add(sums, 128), add(mload(add(sums, 128)), mload(add(record, 64))))
            let net := mload(add(record, 96))
            if slt(net, 0) {
                net := sub(0, net)
            }
            mstore(add(sums, 160), add(mload(add(sums, 160)), net))
        }
    }

    /// @dev What the fold needs beside the sums, and what is charged by expiry: mark and basis.
    function _value(uint256 header, uint256 record, Work memory work, Sums memory sums) private pure {
        assembly ("memory-safe") {
            let forward := and(header, 0xffffffffffffffffffffffff)
            if gt(forward, mload(add(work, 160))) {
                mstore(add(work, 160), forward)
            }
            forward := shr(mload(add(work, 96)), forward)
            let gain := shr(64, mul(forward, and(shr(96, header), 0xffffffffffffffff)))
            // Lanes stand 2^63 gains above their value: what gains nothing, but loses something, would be below nothing. A gain is at least an eighth
            // (SheetRows): the forward is less than eight units, each 10^-18 or some 2^-50 of the spot, and counts nothing.
            if iszero(gain) {
                forward := 0
            }
            mstore(add(record, 320), gain)
            mstore(add(record, 352), sub(forward, gain))
            mstore(add(work, 32), add(mload(add(work, 32)), shl(63, gain)))
            // Lanes of the fourth word, 2^63 above their value: the middle one, and the forward at +-4.5%.
            let odd := mload(add(record, 224))
            let down := sub(shr(192, sub(mload(add(record, 192)), shl(32, odd))), 0x8000000000000000)
            let up := sub(and(shr(128, odd), 0xffffffffffffffff), 0x8000000000000000)
            let mark := mul(sub(and(odd, 0xffffffffffffffff), 0x8000000000000000), forward)
            mstore(add(sums, 64), add(mload(add(sums, 64)), mark))
            // A positive value counts for the gain.
            up := mul(up, xor(forward, mul(sgt(up, 0), xor(forward, gain))))
            down := mul(down, xor(forward, mul(sgt(down, 0), xor(forward, gain))))
            if slt(down, up) {
                up := down
            }
            up := sub(up, mark)
            if slt(up, 0) {
                // Rounded down.
                up := mul(sub(0, up), and(shr(160, header), 0xffffffffffffffff))
                up := div(add(up, 999999999999999999), 1000000000000000000)
                mstore(add(sums, 96), sub(mload(add(sums, 96)), up))
            }
        }
    }

    /// @dev The forward after the moves of an expiry of which a share is fixed, laid out as the lanes are summed, behind the rows listed.
    function _moved(uint256 past, uint256 averaged) private pure returns (uint256 moves) {
        unchecked {
            moves = past;
            assembly ("memory-safe") {
                calldatacopy(moves, calldatasize(), 320)
            }
            for (uint256 lane = 0; lane < LANES; ++lane) {
                uint256 shock = SheetRows.movedShockOf(SheetRows.moveOfLane(lane), averaged);
                shock >>= lane < SheetRows.TAILS ? 33 : 36;
                // Eight lanes in two words: the even ones, then the odd ones.
                uint256 word = moves + (lane / 8) * 64 + (lane % 2) * 32;
                assembly ("memory-safe") {
                    mstore(word, or(mload(word), shl(mul(64, div(mod(lane, 8), 2)), shock)))
                }
            }
        }
    }

    /// @dev Records to forty signed words, by lane.
    function _totals(Work memory work) private pure returns (uint256 lanes) {
        unchecked {
            uint256 past = _free();
            uint256 first = work.first;
            uint256 bias = work.bias;
            lanes = past;
            assembly ("memory-safe") {
                mstore(0x40, add(lanes, 1280))
            }
            for (uint256 word = 0; word < 320; word += 64) {
                (uint256 evens, uint256 besides, uint256 odds, uint256 others) = LaneFold.fold(
                    first + word,
                    past,
                    word
                );
                uint256 out = lanes + 4 * word;
                assembly ("memory-safe") {
                    evens := sub(evens, shl(64, besides))
                    mstore(out, sub(and(evens, 0xffffffffffffffffffffffffffffffff), bias))
                    mstore(add(out, 64), sub(and(besides, 0xffffffffffffffffffffffffffffffff), bias))
                    mstore(add(out, 128), sub(shr(128, evens), bias))
                    mstore(add(out, 192), sub(shr(128, besides), bias))
                    odds := sub(odds, shl(64, others))
                    mstore(add(out, 32), sub(and(odds, 0xffffffffffffffffffffffffffffffff), bias))
                    mstore(add(out, 96), sub(and(others, 0xffffffffffffffffffffffffffffffff), bias))
                    mstore(add(out, 160), sub(shr(128, odds), bias))
                    mstore(add(out, 224), sub(shr(128, others), bias))
                }
            }
        }
    }
}
