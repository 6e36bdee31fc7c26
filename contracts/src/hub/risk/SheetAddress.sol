// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Where a sheet is kept: known from what it is a sheet of, so that no slot has to be read
/// @notice A sheet is contract code. Its creation code is the same for all: it asks its creator for the words. So the address (EIP-1014)
/// hangs on the underlying, the chunk and the epoch alone, and what stands there was computed by the creator's code.
library SheetAddress {
    /// @notice Places of a chunk: as many rows as fit a contract's code.
    uint256 internal constant CHUNK_PLACES = 128;
    /// @notice Returns what `content()` (0x8a4d5a67) of the creator returns, as code.
    bytes internal constant CREATION = hex"638a4d5a675f525f5f6004601c335afa3d5f5f3e601a573d5ffd5b3d5ff3";

    function salt(uint16 underlying, uint256 chunk, uint40 epoch) internal pure returns (bytes32) {
        return bytes32((uint256(underlying) << 48) | (chunk << 40) | epoch);
    }

    function of_(
        address creator,
        uint16 underlying,
        uint256 chunk,
        uint40 epoch
    ) internal pure returns (address sheet) {
        bytes32 key = salt(underlying, chunk, epoch);
        bytes32 code = keccak256(CREATION);
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, or(shl(248, 0xff), shl(88, creator)))
            mstore(add(free, 21), key)
            mstore(add(free, 53), code)
            sheet := and(keccak256(free, 85), 0xffffffffffffffffffffffffffffffffffffffff)
        }
    }
}
