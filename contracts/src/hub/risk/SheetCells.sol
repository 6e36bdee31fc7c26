// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {SheetTails} from "./SheetTails.sol";

/// @title Cells of a risk sheet: a call over its forward in each scenario, as lanes
/// @notice A lane is Black76.cell, which is at most the shocked forward, cut to the lane's steps, and held at or above the put's parity bound in
/// them, so that no put is worth less than nothing. The distribution function is Normal.cdfs, its argument 6.5 higher and Q128: the low bits are
/// those that Q64 would have cut. Twin: shared/src/risk/fixed/sheet-rows.ts.
library SheetCells {
    /// @dev 13, Q128.
    uint256 private constant INSIDE = 0xd00000000000000000000000000000000;
    /// @dev The second of a segment's four coefficients.
    uint256 private constant MASK = 0xffffffffffffffff00000000000000000000000000000000;
    /// @dev Below this a volatility is as good as none, and its inverse still fits; Black76.MAX_TOTAL_VOL.
    uint256 internal constant MIN_TOTAL_VOL = 0x100000000;
    uint256 internal constant MAX_TOTAL_VOL = 0x400000000000000000;
    uint256 private constant ONE = 0x10000000000000000;
    // Every other lane in 64 bits: ones; the bit above each lane; its 32 bits; eight; shocks of the core, in a lane's steps.
    uint256 private constant ONES = 0x0000000000000001000000000000000100000000000000010000000000000001;
    uint256 private constant GUARD = 0x0000000100000000000000010000000000000001000000000000000100000000;
    uint256 private constant EVEN = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    uint256 private constant EIGHTS = 0x0000000000000008000000000000000800000000000000080000000000000008;
    uint256 private constant SHOCKS_EVEN = 0x000000008f5c28f500000000851eb8510000000075c28f5c000000006b851eb8;
    uint256 private constant SHOCKS_ODD = 0x00000000947ae147000000008a3d70a3000000007ae147ae0000000070a3d70a;
    /// @dev Eight in each lane.
    uint256 private constant EIGHT_LANES = 0x0000000800000008000000080000000800000008000000080000000800000008;
    // Moves: shock | its logarithm << 128, Q64 each.
    uint256 private constant DOWN_16 = 0xffffffffffffffffd35d9390442fb15d0000000000000000d70a3d70a3d70a3d;
    uint256 private constant DOWN_12 = 0xffffffffffffffffdf464fea071283430000000000000000e147ae147ae147ae;
    uint256 private constant DOWN_8 = 0xffffffffffffffffeaa780bc84d793c20000000000000000eb851eb851eb851e;
    uint256 private constant DOWN_4 = 0xfffffffffffffffff58cb09493f8a91a0000000000000000f5c28f5c28f5c28f;
    uint256 private constant UNMOVED = 0x0000000000000000000000000000000000000000000000010000000000000000;
    uint256 private constant UP_4 = 0x00000000000000000a0a5e6051b32c1c00000000000000010a3d70a3d70a3d70;
    uint256 private constant UP_8 = 0x000000000000000013b3b802beeb8f040000000000000001147ae147ae147ae1;
    uint256 private constant UP_12 = 0x00000000000000001d031bd5179dfb3e00000000000000011eb851eb851eb851;
    uint256 private constant UP_16 = 0x000000000000000025feda7c0e1d6a4d000000000000000128f5c28f5c28f5c2;
    uint256 private constant BASIS_UP = 0x00000000000000000b44b0cb563a2ad400000000000000010b851eb851eb851e;
    uint256 private constant BASIS_DOWN = 0xfffffffffffffffff43676e5f519a47e0000000000000000f47ae147ae147ae1;

    /// @notice Writes the five words of a strike at `out` (see SheetRows). Moves of the forward and their logarithms are
    /// literals, Q64.
    /// @param table  Normal.load's
    /// @param ratio  ln(strike / forward), Q64
    /// @param root   of the time, Q64
    /// @param k      strike over forward, Q64
    /// @param code   of the strike, its lane
    /// @param strike what that stands for, in steps of 2^-31
    /// @param vols   where five volatilities stand, per sqrt year, Q64: up, same, down, the tilts; and room for five words
    // The nine moves are written out: as calls or as a loop a cell would cost a third more.
    // solhint-disable-next-line function-max-lines
    function write(
        uint256 table,
        int256 ratio,
        uint256 root,
        uint256 k,
        uint256 code,
        uint256 strike,
        uint256 vols,
        uint256 out
    ) internal pure {
        assembly ("memory-safe") {
            // A volatility of the strike: argument of the forward unmoved, Q128; inverse, Q64; total, Q128.
            function state(sigma, root_, ratio_) -> base, inverse, v {
                v := shr(64, mul(sigma, root_))
                // Mostly neither.
                if gt(sub(v, MIN_TOTAL_VOL), sub(MAX_TOTAL_VOL, MIN_TOTAL_VOL)) {
                    switch lt(v, MIN_TOTAL_VOL)
                    case 1 {
                        v := MIN_TOTAL_VOL
                    }
                    default {
                        v := MAX_TOTAL_VOL
                    }
                }
                inverse := div(0x100000000000000000000000000000000, v)
                base := shl(64, add(add(sar(64, mul(sub(0, ratio_), inverse)), shr(1, v)), 0x68000000000000000))
                v := shl(64, v)
            }
            // One lane of a shocked forward.
            function cell(table_, x, v, k_, shock, strike_, bits) -> lane {
                let y := sub(x, v)
                // Where both are certain it is the floor below, or nothing.
                if gt(slt(y, INSIDE), slt(x, 0)) {
                    switch lt(x, INSIDE)
                    case 1 {
                        let word := mload(add(table_, and(shr(118, x), 0x3fe0)))
                        x := and(shr(59, x), 0xffffffffffffffe0)
                        let p := add(signextend(15, word), mul(signextend(7, word), x))
                        p := add(and(word, 0xffffffffffffffff00000000000000000000000000000000), mul(p, x))
                        x := mul(shock, shr(192, add(word, mul(p, x))))
                    }
                    default {
                        x := shl(64, shock)
                    }
                    switch lt(y, INSIDE)
                    case 1 {
                        let word := mload(add(table_, and(shr(118, y), 0x3fe0)))
                        y := and(shr(59, y), 0xffffffffffffffe0)
                        let p := add(signextend(15, word), mul(signextend(7, word), y))
                        p := add(and(word, 0xffffffffffffffff00000000000000000000000000000000), mul(p, y))
                        y := mul(k_, shr(192, add(word, mul(p, y))))
                    }
                    default {
                        y := mul(k_, shl(64, sgt(y, 0)))
                    }
                    lane := shr(add(64, bits), mul(gt(x, y), sub(x, y)))
                }
                shock := sub(shr(bits, shock), strike_)
                if sgt(shock, lane) {
                    lane := shock
                }
            }
            // One lane of a move.
            function moved(table_, base, inverse, v, k_, strike_, bits, move) -> lane {
                let x := add(base, mul(sar(128, move), inverse))
                lane := cell(table_, x, v, k_, and(move, 0xffffffffffffffffffffffffffffffff), strike_, bits)
            }
            // The nine moves of the core, the middle one apart.
            function core(table_, base, inverse, v, k_, strike_, scratch) -> lanes, middle {
                // Moves ascend, so all arguments lie between these two. A strike of four forwards and more: see within.
                switch and(
                    lt(k_, 0x40000000000000000),
                    and(
                        lt(add(base, mul(2737865849835448909, inverse)), INSIDE),
                        lt(sub(sub(base, mul(3216252311044116131, inverse)), v), INSIDE)
                    )
                )
                case 1 {
                    lanes, middle := within(add(base, shl(118, table_)), inverse, v, k_, strike_)
                    lanes := floored(lanes, mload(add(scratch, 160)), mload(add(scratch, 192)))
                }
                default {
                    lanes := moved(table_, base, inverse, v, k_, strike_, 33, UP_16)
                    lanes := or(shl(32, lanes), moved(table_, base, inverse, v, k_, strike_, 33, UP_12))
                    lanes := or(shl(32, lanes), moved(table_, base, inverse, v, k_, strike_, 33, UP_8))
                    lanes := or(shl(32, lanes), moved(table_, base, inverse, v, k_, strike_, 33, UP_4))
                    lanes := or(shl(32, lanes), moved(table_, base, inverse, v, k_, strike_, 33, DOWN_4))
                    lanes := or(shl(32, lanes), moved(table_, base, inverse, v, k_, strike_, 33, DOWN_8))
                    lanes := or(shl(32, lanes), moved(table_, base, inverse, v, k_, strike_, 33, DOWN_12))
                    lanes := or(shl(32, lanes), moved(table_, base, inverse, v, k_, strike_, 33, DOWN_16))
                    middle := moved(table_, base, inverse, v, k_, strike_, 33, UNMOVED)
                }
            }
            // What lanes are at least: the forward moved less the strike, or nothing; eight above it. Every other lane, in 64 bits each.
            function floors(shocks, strike_) -> lanes {
                // Above all moves it makes no difference.
                if gt(strike_, 0xffffffff) {
                    strike_ := 0xffffffff
                }
                lanes := sub(or(shocks, GUARD), mul(strike_, ONES))
                let above := and(lanes, GUARD)
                lanes := add(and(lanes, sub(above, shr(32, above))), EIGHTS)
            }
            // The greater of lanes, eight above what they are, and their floors; without the eight.
            function floored(lanes, even, odd) -> greater {
                let over := sub(or(and(lanes, EVEN), GUARD), even)
                let above := and(over, GUARD)
                greater := add(even, and(over, sub(above, shr(32, above))))
                over := sub(or(and(shr(32, lanes), EVEN), GUARD), odd)
                above := and(over, GUARD)
                greater := or(greater, shl(32, add(odd, and(over, sub(above, shr(32, above))))))
                greater := sub(greater, EIGHT_LANES)
            }
            // Where the table reaches all of them: lanes eight above what they are, middle as it is. The base says where the table stands.
            // Written out: as calls a cell would cost a third more. No lane is negative: up to four forwards the distribution's error, 2.4e-10 of
            // either term, is below three steps. Each is stored four bytes before the last one, and so they stand packed.
            function within(base, inverse, v, k_, strike_) -> lanes, middle {
                // MASK, from the word that is always zero: a constant would be made anew at each use.
                let mask := iszero(mload(0x60))
                let bias := shl(100, mask)
                mask := sub(shl(192, mask), shl(128, mask))
                {
                    let x := sub(base, mul(3216252311044116131, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(15495265021916023357, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x20, shr(97, sub(add(x, bias), y)))
                }
                {
                    let x := sub(base, mul(2358109488322280637, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(16233134784864405422, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x1c, shr(97, sub(add(x, bias), y)))
                }
                {
                    let x := sub(base, mul(1538119200552807486, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(16971004547812787486, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x18, shr(97, sub(add(x, bias), y)))
                }
                {
                    let x := sub(base, mul(753032885493520102, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(17708874310761169551, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x14, shr(97, sub(add(x, bias), y)))
                }
                {
                    let x := add(base, mul(723494457926954012, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(19184613836657933680, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x10, shr(97, sub(add(x, bias), y)))
                }
                {
                    let x := add(base, mul(1419680629484392196, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(19922483599606315745, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x0c, shr(97, sub(add(x, bias), y)))
                }
                {
                    let x := add(base, mul(2090545254068255550, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(20660353362554697809, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x08, shr(97, sub(add(x, bias), y)))
                }
                {
                    let x := add(base, mul(2737865849835448909, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(21398223125503079874, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x04, shr(97, sub(add(x, bias), y)))
                }
                {
                    let x := base
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(18446744073709551616, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    x := shr(97, mul(gt(x, y), sub(x, y)))
                    y := sub(2147483648, strike_)
                    if sgt(y, x) {
                        x := y
                    }
                    middle := x
                }
                lanes := mload(0x20)
            }
            // One lane of a move within those of the core, where all of them are inside.
            function near(base, inverse, v, k_, strike_, log, shock) -> lane {
                let x := add(base, mul(log, inverse))
                let y := sub(x, v)
                let word := mload(and(shr(118, x), 0x1fffe0))
                x := and(shr(59, x), 0xffffffffffffffe0)
                let p := add(signextend(15, word), mul(signextend(7, word), x))
                p := add(and(word, MASK), mul(p, x))
                x := mul(shock, shr(192, add(word, mul(p, x))))
                word := mload(and(shr(118, y), 0x1fffe0))
                y := and(shr(59, y), 0xffffffffffffffe0)
                p := add(signextend(15, word), mul(signextend(7, word), y))
                p := add(and(word, MASK), mul(p, y))
                y := mul(k_, shr(192, add(word, mul(p, y))))
                lane := shr(97, mul(gt(x, y), sub(x, y)))
                y := sub(shr(33, shock), strike_)
                if sgt(y, lane) {
                    lane := y
                }
            }
            // The forward at +-4.5%.
            function basis(table_, base, inverse, v, k_, strike_) -> lanes {
                // As for the core: these are among its moves.
                switch and(
                    lt(add(base, mul(2737865849835448909, inverse)), INSIDE),
                    lt(sub(sub(base, mul(3216252311044116131, inverse)), v), INSIDE)
                )
                case 1 {
                    base := add(base, shl(118, table_))
                    lanes := near(base, inverse, v, k_, strike_, sub(0, 849360749681073026), 17616640590392621793)
                    lanes := shl(32, lanes)
                    lanes := or(lanes, near(base, inverse, v, k_, strike_, 811968220205034196, 19276847557026481438))
                }
                default {
                    lanes := shl(32, moved(table_, base, inverse, v, k_, strike_, 33, BASIS_DOWN))
                    lanes := or(lanes, moved(table_, base, inverse, v, k_, strike_, 33, BASIS_UP))
                }
            }
            // The forward unmoved at a volatility.
            function tilted(table_, sigma, root_, ratio_, k_, strike_) -> lane {
                let base, inverse, v := state(sigma, root_, ratio_)
                switch and(lt(base, INSIDE), lt(sub(base, v), INSIDE))
                case 1 {
                    lane := near(add(base, shl(118, table_)), inverse, v, k_, strike_, 0, ONE)
                }
                default {
                    lane := cell(table_, base, v, k_, ONE, strike_, 33)
                }
            }
            mstore(add(vols, 160), floors(SHOCKS_EVEN, strike))
            mstore(add(vols, 192), floors(SHOCKS_ODD, strike))
            let base, inverse, v := state(mload(vols), root, ratio)
            let lanes, rest := core(table, base, inverse, v, k, strike, vols)
            mstore(out, lanes)
            // For the tails.
            mstore(add(vols, 224), base)
            mstore(add(vols, 256), inverse)
            mstore(add(vols, 288), v)
            rest := or(rest, shl(224, code))
            base, inverse, v := state(mload(add(vols, 32)), root, ratio)
            code := basis(table, base, inverse, v, k, strike)
            rest := or(rest, shl(160, code))
            lanes, code := core(table, base, inverse, v, k, strike, vols)
            mstore(add(out, 32), lanes)
            rest := or(rest, shl(32, code))
            base, inverse, v := state(mload(add(vols, 64)), root, ratio)
            lanes, code := core(table, base, inverse, v, k, strike, vols)
            mstore(add(out, 64), lanes)
            rest := or(rest, shl(64, code))
            code := shl(32, tilted(table, mload(add(vols, 128)), root, ratio, k, strike))
            code := or(code, tilted(table, mload(add(vols, 96)), root, ratio, k, strike))
            mstore(add(out, 96), or(rest, shl(96, code)))
        }
        SheetTails.write(table, vols + 224, k, strike >> 3, out + 128);
    }
}
