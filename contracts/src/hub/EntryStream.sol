// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice Walks a run of entries as handlers get it: `(length (1) ‖ entry)*`, checked by the Messenger.
library EntryStream {
    uint256 private constant WORD_BITS = 256;

    /// @notice The entry at `offset`, which must be below the stream's length, and where the next one starts.
    function at(bytes calldata stream, uint256 offset) internal pure returns (bytes calldata entry, uint256 next) {
        uint256 start = offset + 1;
        next = start + uint8(stream[offset]);
        entry = stream[start:next];
    }

    /// @notice Kind of an entry; 0, which no kind has, if it is empty.
    function kindOf(bytes calldata entry) internal pure returns (uint8) {
        return entry.length == 0 ? 0 : uint8(entry[0]);
    }

    /// @notice Whether the index-th entry of the run has no effect.
    function isVoided(uint256[] calldata voided, uint256 index) internal pure returns (bool) {
        return (voided[index / WORD_BITS] >> (index % WORD_BITS)) & 1 != 0;
    }
}
