// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Option words to sizes by place
/// @notice A cell holds what a strike's calls come to in lots, plus its puts times 2^128. Series that come twice add up.
library OptionCells {
    /// @param words as holdings have them, six options each (see IRiskEngine)
    /// @return used  a bit per place
    /// @return cells where words stand by place: 128, or 256 if any place from 128 on is used
    function gather(uint256[] memory words) internal pure returns (uint256 used, uint256 cells) {
        assembly ("memory-safe") {
            cells := mload(0x40)
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
                    let cell := and(shl(4, word), 0x1fe0)
                    used := or(used, shl(shr(5, cell), 1))
                    cell := add(cells, cell)
                    mstore(cell, add(mload(cell), shl(and(shl(7, word), 128), size)))
                }
                {
                    let size := sar(223, shl(172, word))
                    let cell := and(shr(38, word), 0x1fe0)
                    used := or(used, shl(shr(5, cell), 1))
                    cell := add(cells, cell)
                    mstore(cell, add(mload(cell), shl(and(shr(35, word), 128), size)))
                }
                {
                    let size := sar(223, shl(130, word))
                    let cell := and(shr(80, word), 0x1fe0)
                    used := or(used, shl(shr(5, cell), 1))
                    cell := add(cells, cell)
                    mstore(cell, add(mload(cell), shl(and(shr(77, word), 128), size)))
                }
                {
                    let size := sar(223, shl(88, word))
                    let cell := and(shr(122, word), 0x1fe0)
                    used := or(used, shl(shr(5, cell), 1))
                    cell := add(cells, cell)
                    mstore(cell, add(mload(cell), shl(and(shr(119, word), 128), size)))
                }
                {
                    let size := sar(223, shl(46, word))
                    let cell := and(shr(164, word), 0x1fe0)
                    used := or(used, shl(shr(5, cell), 1))
                    cell := add(cells, cell)
                    mstore(cell, add(mload(cell), shl(and(shr(161, word), 128), size)))
                }
                {
                    let size := sar(223, shl(4, word))
                    let cell := and(shr(206, word), 0x1fe0)
                    used := or(used, shl(shr(5, cell), 1))
                    cell := add(cells, cell)
                    mstore(cell, add(mload(cell), shl(and(shr(203, word), 128), size)))
                }
            }
            // What is left of the last word names the first place without holding it.
            used := and(used, sub(0, add(1, iszero(mload(cells)))))
            mstore(0x40, add(cells, shl(12, add(1, gt(used, 0xffffffffffffffffffffffffffffffff)))))
        }
    }

    /// @notice Takes sizes in 2^coarse lots, calls and puts each rounded down.
    /// @param used  as gather says
    function coarsen(uint256 cells, uint256 used, uint256 coarse) internal pure {
        assembly ("memory-safe") {
            for {
                let end := add(cells, shl(12, add(1, gt(used, 0xffffffffffffffffffffffffffffffff))))
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
