// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Option words to sizes by place
/// @notice A cell holds what a strike's calls come to in lots, plus its puts times 2^128. Series that come twice add up.
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
                    used := or(used, shl(place, gt(size, 0)))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), shl(shl(7, and(word, 1)), size)))
                }
                {
                    let size := sar(223, shl(172, word))
                    let place := and(shr(43, word), 0xff)
                    used := or(used, shl(place, gt(size, 0)))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), shl(and(shr(35, word), 128), size)))
                }
                {
                    let size := sar(223, shl(130, word))
                    let place := and(shr(85, word), 0xff)
                    used := or(used, shl(place, gt(size, 0)))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), shl(and(shr(77, word), 128), size)))
                }
                {
                    let size := sar(223, shl(88, word))
                    let place := and(shr(127, word), 0xff)
                    used := or(used, shl(place, gt(size, 0)))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), shl(and(shr(119, word), 128), size)))
                }
                {
                    let size := sar(223, shl(46, word))
                    let place := and(shr(169, word), 0xff)
                    used := or(used, shl(place, gt(size, 0)))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), shl(and(shr(161, word), 128), size)))
                }
                {
                    let size := sar(223, shl(4, word))
                    let place := and(shr(211, word), 0xff)
                    used := or(used, shl(place, gt(size, 0)))
                    let cell := add(cells, shl(5, place))
                    mstore(cell, add(mload(cell), shl(and(shr(203, word), 128), size)))
                }
            }
        }
    }

    /// @notice Takes sizes in 2^coarse lots, calls and puts each rounded down.
    function coarsen(uint256 cells, uint256 coarse) internal pure {
        assembly ("memory-safe") {
            for {
                let end := add(cells, 8192)
            } lt(cells, end) {
                cells := add(cells, 32)
            } {
                let calls := signextend(15, mload(cells))
                let puts := sar(128, sub(mload(cells), calls))
                mstore(cells, add(sar(coarse, calls), shl(128, sar(coarse, puts))))
            }
        }
    }
}
