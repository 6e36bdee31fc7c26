// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Binary fixed point for the risk engine
/// @notice Q64: a number x is the integer floor(x * 2^64). Every function is total: it saturates, it never reverts for its domain.
/// @dev The TypeScript twin is shared/src/risk/math/fixed.ts, equal bit for bit; shared/vectors/risk/*.json bind both, and hold the
/// values of an independent 110-digit reference as well. All intermediate bounds are given where wrap-around arithmetic is used.
library Fixed {
    /// @notice 1 in Q64.
    uint256 internal constant ONE = 1 << 64;
    /// @notice From here up exp is 2^256 - 1.
    int256 internal constant EXP_SATURATES_AT = 133 << 64;
    /// @notice Below this exp is 0: e^-45 < 2^-64.
    int256 internal constant EXP_VANISHES_AT = -(45 << 64);

    /// @notice e^x. Relative error <= 2^-74 before the result is cut to Q64 (rounded down).
    /// @param x Exponent, Q64.
    /// @return result Q64; 2^256 - 1 from x = 133, 0 below x = -45.
    function exp(int256 x) internal pure returns (uint256 result) {
        if (x >= EXP_SATURATES_AT) return type(uint256).max;
        if (x < EXP_VANISHES_AT) return 0;
        assembly ("memory-safe") {
            // x = k ln 2 + r with |r| <= ln 2 / 2; |x| < 2^72, so every product here stays below 2^201.
            let k := sar(128, add(mul(x, 0x171547652b82fe177), shl(127, 1)))
            let r := sar(32, sub(shl(64, x), mul(k, 0xb17217f7d1cf79abc9e3b39803f2f6af)))
            // Diagonal Pade approximant of order 7: e^r = (E + O) / (E - O) with E even and O odd in r; truncation error 3e-23.
            let w := sar(96, mul(r, r))
            let e := add(mul(56, w), shl(96, 25200))
            e := add(shr(96, mul(e, w)), shl(96, 1995840))
            e := add(shr(96, mul(e, w)), shl(96, 17297280))
            let o := add(w, shl(96, 1512))
            o := add(shr(96, mul(o, w)), shl(96, 277200))
            o := add(shr(96, mul(o, w)), shl(96, 8648640))
            o := sar(96, mul(r, o))
            let q := div(shl(96, add(e, o)), sub(e, o))
            // k <= 192: q < 2^96.5, and x < 133 keeps q * 2^(k - 32) below 2^256.
            switch sgt(k, 32)
            case 0 {
                result := shr(sub(32, k), q)
            }
            default {
                result := shl(sub(k, 32), q)
            }
        }
    }

    /// @notice Natural logarithm; error <= 0.6 * 2^-64.
    /// @param x Q64; 0 counts as 2^-64, so the result saturates at -64 ln 2.
    /// @return Q64.
    function ln(uint256 x) internal pure returns (int256) {
        return _ln(x, 64);
    }

    /// @notice ln(a/b), both in the same unit; error <= 2^-64 plus that of cutting a/b at 2^-128.
    /// @return Q64; b = 0 gives ln(2^127), a = 0 gives ln(2^-128).
    function lnRatio(uint128 a, uint128 b) internal pure returns (int256) {
        uint256 ratio;
        assembly ("memory-safe") {
            ratio := div(shl(128, a), b)
            if iszero(b) {
                ratio := shl(255, 1)
            }
        }
        return _ln(ratio, 128);
    }

    /// @notice Square root, rounded down to Q64 (to Q32 from 2^192 up, where Q64 would not fit).
    function sqrt(uint256 x) internal pure returns (uint256 y) {
        assembly ("memory-safe") {
            // y = floor(sqrt(x * 2^64)), or floor(sqrt(x)) * 2^32 when that product has no room.
            let late := 0
            switch lt(sub(shr(63, x), 1), 3)
            case 1 {
                // Within a half and two the line (x + 1) / 2 is within 7% above the root.
                y := shr(1, add(x, shl(64, 1)))
                x := shl(64, x)
            }
            default {
                late := gt(x, 0xffffffffffffffffffffffffffffffffffffffffffffffff)
                x := shl(shl(6, iszero(late)), x)
                // r = the largest multiple of 8 with x >> r >= 1. On [1, 256) the line (s + 16) * 11 / 128 is within 46% of sqrt(s).
                let r := shl(7, lt(0xffffffffffffffffffffffffffffffff, x))
                r := or(r, shl(6, lt(0xffffffffffffffff, shr(r, x))))
                r := or(r, shl(5, lt(0xffffffff, shr(r, x))))
                r := or(r, shl(4, lt(0xffff, shr(r, x))))
                r := or(r, shl(3, lt(0xff, shr(r, x))))
                y := shr(7, shl(shr(1, r), mul(11, add(16, shr(r, x)))))
                // Newton, as below.
                y := shr(1, add(y, div(x, y)))
                y := shr(1, add(y, div(x, y)))
            }
            // Newton: relative errors 7e-2, 3e-3, 4e-6, 6e-12, 2e-23, 2e-46; then floor or floor + 1.
            y := shr(1, add(y, div(x, y)))
            y := shr(1, add(y, div(x, y)))
            y := shr(1, add(y, div(x, y)))
            y := shr(1, add(y, div(x, y)))
            y := shl(shl(5, late), sub(y, lt(div(x, y), y)))
        }
    }

    /// @notice Q64 from an 18-decimals value below 2^192, rounded down.
    function fromWad(uint256 value) internal pure returns (uint256) {
        return (value << 64) / 1e18;
    }

    /// @dev ln(x * 2^-bits), rounded to nearest.
    function _ln(uint256 x, uint256 bits) private pure returns (int256 result) {
        assembly ("memory-safe") {
            x := or(x, iszero(x))
            // top = position of the highest bit; the last four bits of the search come out of one 16-byte table.
            // Mostly x is within a half and two.
            let top := shr(sub(bits, 1), x)
            switch lt(sub(top, 1), 3)
            case 1 {
                top := sub(bits, lt(top, 2))
            }
            default {
                top := shl(7, lt(0xffffffffffffffffffffffffffffffff, x))
                top := or(top, shl(6, lt(0xffffffffffffffff, shr(top, x))))
                top := or(top, shl(5, lt(0xffffffff, shr(top, x))))
                top := or(top, shl(4, lt(0xffff, shr(top, x))))
                top := or(top, shl(3, lt(0xff, shr(top, x))))
                top := or(top, shl(2, lt(0xf, shr(top, x))))
                top := or(top, byte(shr(top, x), 0x0000010102020202030303030303030300000000000000000000000000000000))
            }
            // m in [1, 2), Q96, and z = (m - sqrt 2) / (m + sqrt 2): ln m = ln sqrt 2 + 2 atanh z with |z| < 0.172.
            let m := shr(159, shl(sub(255, top), x))
            let z := sdiv(shl(96, sub(m, 0x16a09e667f3bcc908b2fb1367)), add(m, 0x16a09e667f3bcc908b2fb1367))
            let w := shr(96, mul(z, z))
            let s := add(shr(96, mul(w, 0x21f373c78f93f11eac922ab9)), 0x21eab5998f2359cfb6c19e7f)
            s := add(shr(96, mul(w, s)), 0x276421398f730fbd2aa50bb0)
            s := add(shr(96, mul(w, s)), 0x2e8b9b73e16990ce09292569)
            s := add(shr(96, mul(w, s)), 0x38e38e4c6b1d8a2f59928840)
            s := add(shr(96, mul(w, s)), 0x4924924907e15a3abd1273f1)
            s := add(shr(96, mul(w, s)), 0x66666666667b7e58af06e995)
            s := add(shr(96, mul(w, s)), 0xaaaaaaaaaaaaa4b361072882)
            s := add(shr(96, mul(w, s)), 0x20000000000000000470ee9c4)
            // ln sqrt 2 and half an ulp of Q64 in one constant.
            let whole := add(mul(sub(top, bits), 0xb17217f7d1cf79abc9e3b398), 0x58b90bfbe8e7bcd664f1d9cc)
            result := sar(32, add(sar(96, mul(s, z)), whole))
        }
    }
}
