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
    uint256 private constant FOUR_EIGHTS = 0x00000008000000080000000800000008;

    /// @notice Writes the eight lanes at `out`.
    /// @param table  Normal.load's
    /// @param state  where argument of the forward unmoved, Q128, inverse, Q64, and total, Q128, of the higher volatility stand
    /// @param k      strike over forward, Q64
    /// @param strike what its lane stands for, in steps of 2^-28
    // The eight moves are written out: as calls or as a loop a cell would cost a third more.
    // solhint-disable-next-line function-max-lines
    function write(uint256 table, uint256 state, uint256 k, uint256 strike, uint256 out) internal pure {
        assembly ("memory-safe") {
            // One lane of a shocked forward, without its floor.
            function cell(table_, x, y, k_, shock) -> lane {
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
                lane := shr(100, mul(gt(x, y), sub(x, y)))
            }
            // What lanes are at least: the forward moved less the strike, or nothing; eight above it. Every other lane, in 64 bits each.
            function floors(shocks, strike_) -> lanes {
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
            // Where the table reaches all four moves: as SheetCells.within. The lower ones, then the higher, which are more often beyond it.
            function low(base, inverse, v, k_) -> lanes {
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
                lanes := mload(0x20)
            }
            function high(base, inverse, v, k_) -> lanes {
                let mask := iszero(mload(0x60))
                let bias := shl(103, mask)
                mask := sub(shl(192, mask), shl(128, mask))
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
                    mstore(0x20, shr(100, sub(add(x, bias), y)))
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
                    mstore(0x1c, shr(100, sub(add(x, bias), y)))
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
                    mstore(0x18, shr(100, sub(add(x, bias), y)))
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
                    mstore(0x14, shr(100, sub(add(x, bias), y)))
                }
                lanes := shl(128, mload(0x20))
            }

            // Above all moves it makes no difference.
            if gt(strike, 0xffffffff) {
                strike := 0xffffffff
            }
            let base := mload(state)
            let inverse := mload(add(state, 32))
            let v := mload(add(state, 64))
            let lanes := 0
            // Moves ascend, so all arguments of four lie between two. A strike of four forwards and more: see SheetCells.within.
            switch and(
                lt(k, 0x40000000000000000),
                and(
                    lt(add(base, mul(33052128370495595298, inverse)), INSIDE),
                    lt(sub(add(base, mul(20265819725292939638, inverse)), v), INSIDE)
                )
            )
            case 1 {
                lanes := high(add(base, shl(118, table)), inverse, v, k)
            }
            default {
                // Where both arguments are beyond the table, it is the floor.
                let x := 0
                let y := 0
                x := add(base, mul(33052128370495595298, inverse))
                y := sub(x, v)
                if gt(slt(y, INSIDE), slt(x, 0)) {
                    lanes := or(lanes, cell(table, x, y, k, 110680464442257309696))
                }
                lanes := shl(32, lanes)
                x := add(base, mul(29688889273197213359, inverse))
                y := sub(x, v)
                if gt(slt(y, INSIDE), slt(x, 0)) {
                    lanes := or(lanes, cell(table, x, y, k, 92233720368547758080))
                }
                lanes := shl(32, lanes)
                x := add(base, mul(25572617290405311319, inverse))
                y := sub(x, v)
                if gt(slt(y, INSIDE), slt(x, 0)) {
                    lanes := or(lanes, cell(table, x, y, k, 73786976294838206464))
                }
                lanes := shl(32, lanes)
                x := add(base, mul(20265819725292939638, inverse))
                y := sub(x, v)
                if gt(slt(y, INSIDE), slt(x, 0)) {
                    lanes := or(lanes, cell(table, x, y, k, 55340232221128654848))
                }
                lanes := shl(128, add(lanes, FOUR_EIGHTS))
            }
            switch and(
                lt(k, 0x40000000000000000),
                and(
                    lt(add(base, mul(12786308645202655659, inverse)), INSIDE),
                    lt(sub(sub(base, mul(19900525727573257516, inverse)), v), INSIDE)
                )
            )
            case 1 {
                lanes := or(lanes, low(add(base, shl(118, table)), inverse, v, k))
            }
            default {
                let all := lanes
                lanes := 0
                let x := 0
                let y := 0
                x := add(base, mul(12786308645202655659, inverse))
                y := sub(x, v)
                if gt(slt(y, INSIDE), slt(x, 0)) {
                    lanes := or(lanes, cell(table, x, y, k, 36893488147419103232))
                }
                lanes := shl(32, lanes)
                x := add(base, mul(7479511080090283978, inverse))
                y := sub(x, v)
                if gt(slt(y, INSIDE), slt(x, 0)) {
                    lanes := or(lanes, cell(table, x, y, k, 27670116110564327424))
                }
                lanes := shl(32, lanes)
                x := sub(base, mul(7387507178279143566, inverse))
                y := sub(x, v)
                if gt(slt(y, INSIDE), slt(x, 0)) {
                    lanes := or(lanes, cell(table, x, y, k, 12359318529385399582))
                }
                lanes := shl(32, lanes)
                x := sub(base, mul(19900525727573257516, inverse))
                y := sub(x, v)
                if gt(slt(y, INSIDE), slt(x, 0)) {
                    lanes := or(lanes, cell(table, x, y, k, 6271892985061247549))
                }
                lanes := or(all, add(lanes, FOUR_EIGHTS))
            }
            mstore(out, floored(lanes, floors(TAILS_EVEN, strike), floors(TAILS_ODD, strike)))
        }
    }
}
