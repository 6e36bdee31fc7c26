// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Entry, EntryKind} from "./Entry.sol";
import {IMessenger} from "./IMessenger.sol";

/// @notice Hashing of logs, and the reading of delivery streams `(length (1) ‖ entry)*`.
/// @dev Twin of `shared/src/message/log.ts`, bound by `shared/vectors/log.json`.
library LogFold {
    /// @notice Domain of the genesis hash: no head of another protocol or version can be one of ours.
    bytes32 internal constant DOMAIN = keccak256("lockstep.log.v1");

    /// @notice Head at sequence 0 of one direction of a path.
    function genesis(
        uint32 srcEid,
        bytes32 srcMessenger,
        uint32 dstEid,
        bytes32 dstMessenger
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, srcEid, srcMessenger, dstEid, dstMessenger));
    }

    /// @notice head' = keccak256(head ‖ leaf).
    function fold(bytes32 head, bytes32 leaf) internal pure returns (bytes32 next) {
        // Scratch space: no allocation per leaf.
        assembly ("memory-safe") {
            mstore(0x00, head)
            mstore(0x20, leaf)
            next := keccak256(0x00, 0x40)
        }
    }

    function foldLeaves(bytes32 head, bytes32[] calldata leaves) internal pure returns (bytes32) {
        for (uint256 i = 0; i < leaves.length; ++i) {
            head = fold(head, leaves[i]);
        }
        return head;
    }

    /// @notice The entry at `offset` of a stream: where its bytes are, its kind, and where the next one starts.
    /// @dev VOID and CLOSED have one length only: their leaf carries just the content, so a longer entry would fold alike.
    /// @param start offset of the entry's kind byte
    /// @param end   offset behind the entry
    function entryAt(
        bytes calldata stream,
        uint256 offset
    ) internal pure returns (uint8 kind, uint256 start, uint256 end) {
        unchecked {
            uint256 length = uint8(stream[offset]);
            start = offset + 1;
            end = start + length;
            require(
                length != 0 && length <= Entry.MAX_LENGTH && end <= stream.length,
                IMessenger.StreamMalformed(offset, stream.length)
            );
            kind = uint8(stream[start]);
            if (kind == EntryKind.VOID) {
                require(length == Entry.VOID_LENGTH, IMessenger.StreamMalformed(offset, stream.length));
            } else if (kind == EntryKind.CLOSED) {
                // Final: nothing can follow it in a log.
                require(
                    length == Entry.CLOSED_LENGTH && end == stream.length,
                    IMessenger.StreamMalformed(offset, stream.length)
                );
            }
        }
    }

    /// @notice Whether bit `i` is set in a bitmap of 256-bit words.
    function bitAt(uint256[] memory bitmap, uint256 i) internal pure returns (bool) {
        return (bitmap[i >> 8] >> (i & 0xff)) & 1 != 0;
    }

    /// @notice The bits `from … from + count − 1` of a bitmap as a bitmap of their own.
    function slice(uint256[] memory bitmap, uint256 from, uint256 count) internal pure returns (uint256[] memory part) {
        uint256 words = (count + 255) >> 8;
        part = new uint256[](words);
        uint256 first = from >> 8;
        uint256 shift = from & 0xff;
        for (uint256 w = 0; w < words; ++w) {
            uint256 low = bitmap[first + w] >> shift;
            // A shift by 256 gives 0, so an aligned slice takes nothing from the next word.
            uint256 high = first + w + 1 < bitmap.length ? bitmap[first + w + 1] << (256 - shift) : 0;
            part[w] = low | high;
        }
    }
}
