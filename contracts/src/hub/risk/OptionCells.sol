// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Option words to sizes by place
/// @notice A cell holds what calls and puts of a strike come to in lots, plus the puts times 2^128: a put counts as a call, and again in what
/// parity takes off. Series that come twice add up.
library OptionCells {
    /// @param words as holdings have them, six options each (see IRiskEngine)
    /// @return used  a bit per place
    /// @return cells where 256 words stand, by place
    function gather(uint256[] memory words) internal pure returns (uint256 used, uint256 cells) {
        assembly ("memory-safe") {
            cells := mload(0x40)
            mstore(0x40, add(cells, 8192))
            calldatacopy(cells, calldatasize(), 8192)
            let at := add(words, 32)
            // The six are written out: a call for each would cost a third more.
            for {
                let end := add(at, shl(5, mload(words)))
            } lt(at, end) {
                at := add(at, 32)
            } {
                let word := mload(at)
                {
                    let size := sar(223, shl(214, word))
                    let place := and(shr(1, word), 0xff)
                    used := or(used, shl(place, iszero(iszero(size))))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), mul(size, add(1, shl(128, and(word, 1))))))
                }
                {
                    let size := sar(223, shl(172, word))
                    let place := and(shr(43, word), 0xff)
                    used := or(used, shl(place, iszero(iszero(size))))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), mul(size, add(1, shl(128, and(shr(42, word), 1))))))
                }
                {
                    let size := sar(223, shl(130, word))
                    let place := and(shr(85, word), 0xff)
                    used := or(used, shl(place, iszero(iszero(size))))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), mul(size, add(1, shl(128, and(shr(84, word), 1))))))
                }
                {
                    let size := sar(223, shl(88, word))
                    let place := and(shr(127, word), 0xff)
                    used := or(used, shl(place, iszero(iszero(size))))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), mul(size, add(1, shl(128, and(shr(126, word), 1))))))
                }
                {
                    let size := sar(223, shl(46, word))
                    let place := and(shr(169, word), 0xff)
                    used := or(used, shl(place, iszero(iszero(size))))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), mul(size, add(1, shl(128, and(shr(168, word), 1))))))
                }
                {
                    let size := sar(223, shl(4, word))
                    let place := and(shr(211, word), 0xff)
                    used := or(used, shl(place, iszero(iszero(size))))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), mul(size, add(1, shl(128, and(shr(210, word), 1))))))
                }
            }
        }
    }
}
