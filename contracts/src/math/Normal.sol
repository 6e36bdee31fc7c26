// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Fixed} from "./Fixed.sol";

/// @title Normal distribution in Q64
/// @notice The distribution function is a table of cubics held as contract code (NormalTable) and copied to memory once per call.
/// @dev Segment i spans [-6.5 + i/32, -6.5 + (i+1)/32). Its word is c0 * 2^192 + c1 * 2^128 + c2 * 2^64 + c3, Q64 coefficients (c2 and c3
/// signed) of c0 + c1 u + c2 u^2 + c3 u^3 with u in [0, 1), Q64. The lanes stand exactly where Horner's rule wants them, so no step
/// shifts: (((c2|c3) + c3 u) u + c1) u + word, where the lower lanes that ride along weigh less than the last bit. The sum stays below
/// 2^256 because the function stays below 1. Twin: shared/src/risk/math/normal.ts.
library Normal {
    /// @notice The code at `table` is not a NormalTable.
    error NotANormalTable(address table, uint256 size);

    /// @dev A byte of STOP, then 416 words.
    uint256 private constant CODE_SIZE = 1 + 416 * 32;

    /// @notice Copies the table to fresh memory: under 8k gas with a cold address, once per transaction.
    /// @return pointer What cdf takes.
    function load(address table) internal view returns (uint256 pointer) {
        uint256 size = table.code.length;
        if (size != CODE_SIZE) revert NotANormalTable(table, size);
        assembly ("memory-safe") {
            pointer := mload(0x40)
            extcodecopy(table, pointer, 1, 13312)
            mstore(0x40, add(pointer, 13312))
        }
    }

    /// @notice Distribution function; absolute error <= 2.4e-10, exactly 0 below -6.5 and 1 from 6.5 up, continuous and non-decreasing
    /// up to 3 * 2^-64.
    /// @param table Pointer from load().
    /// @param d Q64.
    /// @return p Q64, 0 ... 2^64.
    function cdf(uint256 table, int256 d) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            let x := add(d, 0x68000000000000000)
            switch lt(x, 0xd0000000000000000)
            case 1 {
                let word := mload(add(table, and(shr(54, x), 0x3fe0)))
                let u := and(shl(5, x), 0xffffffffffffffff)
                p := add(signextend(15, word), mul(signextend(7, word), u))
                p := add(and(word, 0xffffffffffffffff00000000000000000000000000000000), mul(p, u))
                p := shr(192, add(word, mul(p, u)))
            }
            default {
                p := shl(64, sgt(d, 0))
            }
        }
    }

    /// @notice cdf of two points, cheaper than one by one: what an option needs.
    /// @return p cdf(d).
    /// @return q cdf(e).
    function cdfs(uint256 table, int256 d, int256 e) internal pure returns (uint256 p, uint256 q) {
        bool inside;
        assembly ("memory-safe") {
            inside := and(
                lt(add(d, 0x68000000000000000), 0xd0000000000000000),
                lt(add(e, 0x68000000000000000), 0xd0000000000000000)
            )
        }
        if (!inside) return (cdf(table, d), cdf(table, e));
        assembly ("memory-safe") {
            let x := add(d, 0x68000000000000000)
            let word := mload(add(table, and(shr(54, x), 0x3fe0)))
            x := and(shl(5, x), 0xffffffffffffffff)
            p := add(signextend(15, word), mul(signextend(7, word), x))
            p := add(and(word, 0xffffffffffffffff00000000000000000000000000000000), mul(p, x))
            p := shr(192, add(word, mul(p, x)))
            x := add(e, 0x68000000000000000)
            word := mload(add(table, and(shr(54, x), 0x3fe0)))
            x := and(shl(5, x), 0xffffffffffffffff)
            q := add(signextend(15, word), mul(signextend(7, word), x))
            q := add(and(word, 0xffffffffffffffff00000000000000000000000000000000), mul(q, x))
            q := shr(192, add(word, mul(q, x)))
        }
    }

    /// @notice Density; absolute error <= 2 * 2^-64.
    /// @param d Q64.
    /// @return Q64; 0 from |d| = 10 up.
    function pdf(int256 d) internal pure returns (uint256) {
        unchecked {
            // The negation of the smallest integer is itself and, unsigned, far above the bound.
            uint256 size = uint256(d < 0 ? -d : d);
            if (size >= 10 << 64) return 0;
            return (Fixed.exp(-int256((size * size) >> 65)) * 0x662114cf50d94234) >> 64;
        }
    }
}
