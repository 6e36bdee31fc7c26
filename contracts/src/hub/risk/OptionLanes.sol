// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {LaneFold} from "./LaneFold.sol";
import {LaneRows} from "./LaneRows.sol";
import {OptionCells} from "./OptionCells.sol";
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
    /// @param cells     OptionCells.gather's
    /// @param acc       ten words of rows' sums, then what LaneRows counts
    /// @param bias      of the lanes' totals so far
    /// @param coarse    sizes are taken in 2^coarse lots, rounded down
    /// @param shift     forwards are taken in 2^shift
    /// @param magnitude most that a lane may come to
    /// @param forward   greatest seen
    /// @param used      a bit per place
    /// @param list      of the sheet at hand: the last byte of the word that ends at the first row's place
    /// @param rows      and where its rows begin
    struct Work {
        uint256 cells;
        uint256 acc;
        uint256 bias;
        uint256 coarse;
        uint256 shift;
        uint256 magnitude;
        uint256 forward;
        uint256 used;
        uint256 list;
        uint256 rows;
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
            Work memory work = _begin(cells, 0, shift);
            work.used = used;
            sums.header = SheetGrades.NONE;
            for (uint256 i = 0; i < sheets.length; ++i) _addSheet(sheets[i], work, sums);
            uint256 coarse = _excess(work.magnitude, LANE_BITS);
            uint256 least = _excess(work.forward, FORWARD_BITS);
            if (coarse != 0 || least > shift) {
                // Sizes or forwards beyond what lanes hold: coarser ones, against the account. Charges keep the exact sizes.
                if (coarse != 0) OptionCells.coarsen(cells, used, coarse);
                (int256 naked, int256 net) = (sums.naked, sums.net);
                sums.mark = sums.basis = 0;
                work = _begin(cells, coarse, least > shift ? least : shift);
                work.used = used;
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
            for {
                let end := add(to, 192)
            } lt(to, end) {
                to := add(to, 64)
            } {
                mstore(to, 0x000000008f5c28f500000000851eb8510000000075c28f5c000000006b851eb8)
                mstore(add(to, 32), 0x00000000947ae147000000008a3d70a3000000007ae147ae0000000070a3d70a)
            }
            mstore(to, 0x000000007a3d70a3000000008000000000000000800000000000000080000000)
            mstore(add(to, 32), 0x00000000000000000000000085c28f5c00000000800000000000000080000000)
            mstore(add(to, 64), 0x000000005000000000000000300000000000000018000000000000000570a3d7)
            mstore(add(to, 96), 0x000000006000000000000000400000000000000020000000000000000ab851eb)
        }
        work.acc = acc;
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
            assembly ("memory-safe") {
                // As SheetRows has it: two words, headers, places, rows.
                at := add(sheet, 96)
                let counts := mload(add(sheet, 64))
                end := add(at, shl(6, and(counts, 0xffff)))
                mstore(add(work, 256), sub(end, 31))
                mstore(add(work, 288), add(end, and(add(shr(16, counts), 31), not(31))))
            }
            for (; at < end; at += 64) {
                uint256 header;
                uint256 second;
                bool touched;
                assembly ("memory-safe") {
                    header := mload(at)
                    second := mload(add(at, 32))
                    // SheetRows.touches
                    let first := and(shr(168, second), 0xff)
                    touched := shl(sub(add(255, first), and(shr(176, second), 0xff)), shr(first, mload(add(work, 224))))
                }
                if (!touched) continue;
                // From two places, so that the compiler keeps it a function, with a stack of its own.
                uint256 past =
                    work.coarse == 0
                        ? LaneRows.find(header, work.list, work.rows, work.cells, work.acc)
                        : LaneRows.find(header, work.list, work.rows, work.cells, work.acc);
                if (past == 0) continue;
                uint256 magnitude;
                uint256 acc = work.acc;
                assembly ("memory-safe") {
                    magnitude := mload(add(acc, 448))
                }
                if (magnitude >> LANE_BITS != 0) LaneRows.count(header, work.list, work.rows, work.cells, acc);
                LaneRows.addUp(work.acc, past);
                _value(header, work, sums);
                sums.header = SheetGrades.both(sums.header, second & SheetGrades.MASK);
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
            // From two places, so that the compiler keeps it a function, with a stack of its own.
            if (header >> 240 != 0) LaneFold.fold(acc, _moved(acc, header >> 240), gain, forward - gain);
            else LaneFold.fold(acc, acc + 1152, gain, forward - gain);
            int256 mark = _laneOf(acc + 32, 0) * int256(forward);
            int256 up = _laneOf(acc + 32, 128);
            int256 down = _laneOf(acc, 192);
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

    /// @dev A lane, 2^63 above its value, after _fold.
    function _laneOf(uint256 at, uint256 bits) private pure returns (int256 value) {
        assembly ("memory-safe") {
            value := sub(and(shr(bits, mload(at)), 0xffffffffffffffff), shl(63, 1))
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
