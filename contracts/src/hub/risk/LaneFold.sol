// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title An expiry's sums to totals: parity, then the discount, lane by lane
/// @notice Part of OptionLanes: what is done for each expiry. Lanes are 64 bits wide, 2^63 above their value; totals 128 bits, odd ones apart and
/// even ones as what is left of all.
library LaneFold {
    uint256 private constant ONES = 0x0000000000000001000000000000000100000000000000010000000000000001;
    uint256 private constant BIAS = 0x8000000000000000800000000000000080000000000000008000000000000000;
    uint256 private constant WIDE = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;

    /// @dev The ten half words are written out: in a loop an expiry would cost a third more. The lanes of
    /// the fourth word are left in the first.
    /// @param acc   OptionLanes' memory of a summing
    /// @param moves where the forward stands after each lane's move
    /// @param gain  what a positive value counts for
    /// @param rest  what a negative one counts for beside that
    // solhint-disable-next-line function-max-lines
    function fold(uint256 acc, uint256 moves, uint256 gain, uint256 rest) internal pure {
        assembly ("memory-safe") {
            let put := mload(add(acc, 320))
            let base := mload(add(acc, 352))
            base := add(mul(sub(shl(4, base), mload(add(acc, 384))), ONES), BIAS)
            {
                let value := add(sub(mload(acc), shl(32, mload(add(acc, 32)))), sub(base, mul(put, mload(moves))))
                let all := mul(gain, value)
                let odd := mul(gain, and(shr(64, value), WIDE))
                let sign := and(not(value), BIAS)
                if sign {
                    // What lanes are below zero, without sign.
                    let unit := shr(63, sign)
                    value := add(and(not(value), sub(sign, unit)), unit)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(add(acc, 512), add(mload(add(acc, 512)), all))
                mstore(add(acc, 576), add(mload(add(acc, 576)), odd))
            }
            {
                let value := add(mload(add(acc, 32)), sub(base, mul(put, mload(add(moves, 32)))))
                let all := mul(gain, value)
                let odd := mul(gain, and(shr(64, value), WIDE))
                let sign := and(not(value), BIAS)
                if sign {
                    let unit := shr(63, sign)
                    value := add(and(not(value), sub(sign, unit)), unit)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(add(acc, 544), add(mload(add(acc, 544)), all))
                mstore(add(acc, 608), add(mload(add(acc, 608)), odd))
            }
            {
                let value := add(
                    sub(mload(add(acc, 64)), shl(32, mload(add(acc, 96)))),
                    sub(base, mul(put, mload(add(moves, 64))))
                )
                let all := mul(gain, value)
                let odd := mul(gain, and(shr(64, value), WIDE))
                let sign := and(not(value), BIAS)
                if sign {
                    let unit := shr(63, sign)
                    value := add(and(not(value), sub(sign, unit)), unit)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(add(acc, 640), add(mload(add(acc, 640)), all))
                mstore(add(acc, 704), add(mload(add(acc, 704)), odd))
            }
            {
                let value := add(mload(add(acc, 96)), sub(base, mul(put, mload(add(moves, 96)))))
                let all := mul(gain, value)
                let odd := mul(gain, and(shr(64, value), WIDE))
                let sign := and(not(value), BIAS)
                if sign {
                    let unit := shr(63, sign)
                    value := add(and(not(value), sub(sign, unit)), unit)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(add(acc, 672), add(mload(add(acc, 672)), all))
                mstore(add(acc, 736), add(mload(add(acc, 736)), odd))
            }
            {
                let value := add(
                    sub(mload(add(acc, 128)), shl(32, mload(add(acc, 160)))),
                    sub(base, mul(put, mload(add(moves, 128))))
                )
                let all := mul(gain, value)
                let odd := mul(gain, and(shr(64, value), WIDE))
                let sign := and(not(value), BIAS)
                if sign {
                    let unit := shr(63, sign)
                    value := add(and(not(value), sub(sign, unit)), unit)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(add(acc, 768), add(mload(add(acc, 768)), all))
                mstore(add(acc, 832), add(mload(add(acc, 832)), odd))
            }
            {
                let value := add(mload(add(acc, 160)), sub(base, mul(put, mload(add(moves, 160)))))
                let all := mul(gain, value)
                let odd := mul(gain, and(shr(64, value), WIDE))
                let sign := and(not(value), BIAS)
                if sign {
                    let unit := shr(63, sign)
                    value := add(and(not(value), sub(sign, unit)), unit)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(add(acc, 800), add(mload(add(acc, 800)), all))
                mstore(add(acc, 864), add(mload(add(acc, 864)), odd))
            }
            {
                let value := add(
                    sub(mload(add(acc, 192)), shl(32, mload(add(acc, 224)))),
                    sub(base, mul(put, mload(add(moves, 192))))
                )
                mstore(acc, value)
                let all := mul(gain, value)
                let odd := mul(gain, and(shr(64, value), WIDE))
                let sign := and(not(value), BIAS)
                if sign {
                    let unit := shr(63, sign)
                    value := add(and(not(value), sub(sign, unit)), unit)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(add(acc, 896), add(mload(add(acc, 896)), all))
                mstore(add(acc, 960), add(mload(add(acc, 960)), odd))
            }
            {
                let value := add(mload(add(acc, 224)), sub(base, mul(put, mload(add(moves, 224)))))
                mstore(add(acc, 32), value)
                let all := mul(gain, value)
                let odd := mul(gain, and(shr(64, value), WIDE))
                let sign := and(not(value), BIAS)
                if sign {
                    let unit := shr(63, sign)
                    value := add(and(not(value), sub(sign, unit)), unit)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(add(acc, 928), add(mload(add(acc, 928)), all))
                mstore(add(acc, 992), add(mload(add(acc, 992)), odd))
            }
            // The tails' steps are eight times as large.
            base := mload(add(acc, 352))
            base := add(mul(sub(shl(1, base), mload(add(acc, 384))), ONES), BIAS)
            {
                let value := add(
                    sub(mload(add(acc, 256)), shl(32, mload(add(acc, 288)))),
                    sub(base, mul(put, mload(add(moves, 256))))
                )
                let all := mul(gain, value)
                let odd := mul(gain, and(shr(64, value), WIDE))
                let sign := and(not(value), BIAS)
                if sign {
                    let unit := shr(63, sign)
                    value := add(and(not(value), sub(sign, unit)), unit)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(add(acc, 1024), add(mload(add(acc, 1024)), all))
                mstore(add(acc, 1088), add(mload(add(acc, 1088)), odd))
            }
            {
                let value := add(mload(add(acc, 288)), sub(base, mul(put, mload(add(moves, 288)))))
                let all := mul(gain, value)
                let odd := mul(gain, and(shr(64, value), WIDE))
                let sign := and(not(value), BIAS)
                if sign {
                    let unit := shr(63, sign)
                    value := add(and(not(value), sub(sign, unit)), unit)
                    all := sub(all, mul(rest, value))
                    odd := sub(odd, mul(rest, and(shr(64, value), WIDE)))
                }
                mstore(add(acc, 1056), add(mload(add(acc, 1056)), all))
                mstore(add(acc, 1120), add(mload(add(acc, 1120)), odd))
            }
        }
    }
}
