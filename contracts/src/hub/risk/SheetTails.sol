// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title The tails of a sheet's row: a call over its forward after eight far moves
/// @notice Part of SheetCells, and as there; steps are eight times as large.
library SheetTails {
    /// @dev 13, Q128.
    uint256 private constant INSIDE = 0xd00000000000000000000000000000000;
    // Every other lane in 64 bits: ones; the bit above each lane; its 32 bits; eight; the moved forward, in a lane's steps.
    uint256 private constant ONES = 0x0000000000000001000000000000000100000000000000010000000000000001;
    uint256 private constant GUARD = 0x0000000100000000000000010000000000000001000000000000000100000000;
    uint256 private constant EVEN = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    uint256 private constant EIGHTS = 0x0000000000000008000000000000000800000000000000080000000000000008;
    uint256 private constant TAILS_EVEN = 0x000000005000000000000000300000000000000018000000000000000570a3d7;
    uint256 private constant TAILS_ODD = 0x000000006000000000000000400000000000000020000000000000000ab851eb;
    /// @dev Eight in each lane.
    uint256 private constant EIGHT_LANES = 0x0000000800000008000000080000000800000008000000080000000800000008;
    // Moves: shock | its logarithm << 128, Q64 each.
    uint256 private constant TAIL_0 = 0xfffffffffffffffeebd32149cc7952d40000000000000000570a3d70a3d70a3d;
    uint256 private constant TAIL_1 = 0xffffffffffffffff997a4d5caf05f7720000000000000000ab851eb851eb851e;
    uint256 private constant TAIL_2 = 0x000000000000000067cc8fb2fe612fca00000000000000018000000000000000;
    uint256 private constant TAIL_3 = 0x0000000000000000b17217f7d1cf79ab00000000000000020000000000000000;
    uint256 private constant TAIL_4 = 0x0000000000000001193ea7aad030a97600000000000000030000000000000000;
    uint256 private constant TAIL_5 = 0x000000000000000162e42fefa39ef35700000000000000040000000000000000;
    uint256 private constant TAIL_6 = 0x00000000000000019c041f7ed8d336af00000000000000050000000000000000;
    uint256 private constant TAIL_7 = 0x0000000000000001cab0bfa2a200232200000000000000060000000000000000;

    /// @notice Writes the eight lanes at `out`.
    /// @param table  Normal.load's
    /// @param state  where argument of the forward unmoved, Q128, inverse, Q64, and total, Q128, of the higher volatility stand
    /// @param k      strike over forward, Q64
    /// @param strike what its lane stands for, in steps of 2^-28
    // The eight moves are written out: as calls or as a loop a cell would cost a third more.
    // solhint-disable-next-line function-max-lines
    function write(uint256 table, uint256 state, uint256 k, uint256 strike, uint256 out) internal pure {
        assembly ("memory-safe") {
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
            // Where the table reaches all of them: SheetCells.within, without the middle.
            function far(base, inverse, v, k_) -> lanes {
                let mask := iszero(mload(0x60))
                let bias := shl(103, mask)
                mask := sub(shl(192, mask), shl(128, mask))
                {
                    let x := sub(base, mul(19900525727573257516, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(6271892985061247549, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x20, shr(100, sub(add(x, bias), y)))
                }
                {
                    let x := sub(base, mul(7387507178279143566, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(12359318529385399582, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x1c, shr(100, sub(add(x, bias), y)))
                }
                {
                    let x := add(base, mul(7479511080090283978, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(27670116110564327424, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x18, shr(100, sub(add(x, bias), y)))
                }
                {
                    let x := add(base, mul(12786308645202655659, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(36893488147419103232, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x14, shr(100, sub(add(x, bias), y)))
                }
                {
                    let x := add(base, mul(20265819725292939638, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(55340232221128654848, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x10, shr(100, sub(add(x, bias), y)))
                }
                {
                    let x := add(base, mul(25572617290405311319, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(73786976294838206464, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x0c, shr(100, sub(add(x, bias), y)))
                }
                {
                    let x := add(base, mul(29688889273197213359, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(92233720368547758080, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x08, shr(100, sub(add(x, bias), y)))
                }
                {
                    let x := add(base, mul(33052128370495595298, inverse))
                    let y := sub(x, v)
                    let word := mload(and(shr(118, x), 0x1fffe0))
                    x := and(shr(59, x), 0xffffffffffffffe0)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, mask), mul(p, x))
                    x := mul(110680464442257309696, shr(192, add(word, mul(p, x))))
                    word := mload(and(shr(118, y), 0x1fffe0))
                    y := and(shr(59, y), 0xffffffffffffffe0)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, mask), mul(p, y))
                    y := mul(k_, shr(192, add(word, mul(p, y))))
                    mstore(0x04, shr(100, sub(add(x, bias), y)))
                }
                lanes := mload(0x20)
            }

            let base := mload(state)
            let inverse := mload(add(state, 32))
            let v := mload(add(state, 64))
            let lanes := 0
            // Moves ascend, so all arguments lie between these two.
            switch and(
                lt(k, 0x40000000000000000),
                and(
                    lt(add(base, mul(33052128370495595298, inverse)), INSIDE),
                    lt(sub(sub(base, mul(19900525727573257516, inverse)), v), INSIDE)
                )
            )
            case 1 {
                lanes := far(add(base, shl(118, table)), inverse, v, k)
                lanes := floored(lanes, floors(TAILS_EVEN, strike), floors(TAILS_ODD, strike))
            }
            default {
                lanes := moved(table, base, inverse, v, k, strike, 36, TAIL_7)
                lanes := or(shl(32, lanes), moved(table, base, inverse, v, k, strike, 36, TAIL_6))
                lanes := or(shl(32, lanes), moved(table, base, inverse, v, k, strike, 36, TAIL_5))
                lanes := or(shl(32, lanes), moved(table, base, inverse, v, k, strike, 36, TAIL_4))
                lanes := or(shl(32, lanes), moved(table, base, inverse, v, k, strike, 36, TAIL_3))
                lanes := or(shl(32, lanes), moved(table, base, inverse, v, k, strike, 36, TAIL_2))
                lanes := or(shl(32, lanes), moved(table, base, inverse, v, k, strike, 36, TAIL_1))
                lanes := or(shl(32, lanes), moved(table, base, inverse, v, k, strike, 36, TAIL_0))
            }
            mstore(out, lanes)
        }
    }
}
