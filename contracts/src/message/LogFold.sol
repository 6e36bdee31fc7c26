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

    /// @notice Kind and length of the entry at `offset` of a stream, unchecked: past its end this reads what follows in calldata.
    function prefixAt(bytes calldata stream, uint256 offset) internal pure returns (uint256 kind, uint256 length) {
        uint256 word;
        assembly ("memory-safe") {
            word := calldataload(add(stream.offset, offset))
        }
        length = word >> 248;
        kind = (word >> 240) & 0xff;
    }

    /// @notice Reverts unless an entry of this prefix may stand at `offset`.
    /// @dev VOID and CLOSED have one length only: their leaf carries just the content, so a longer entry would fold alike.
    function requireWellFormed(bytes calldata stream, uint256 offset, uint256 kind, uint256 length) internal pure {
        unchecked {
            // A length of zero wraps round and is too long.
            bool ok = length - 1 < Entry.MAX_LENGTH && offset + length < stream.length;
            if (kind >= EntryKind.VOID) {
                if (kind == EntryKind.VOID) ok = ok && length == Entry.VOID_LENGTH;
                // Final: nothing can follow it in a log.
                if (kind == EntryKind.CLOSED) {
                    ok = ok && length == Entry.CLOSED_LENGTH && offset + 1 + length == stream.length;
                }
            }
            require(ok, IMessenger.StreamMalformed(offset, stream.length));
        }
    }

    /// @notice Folds the entry at `offset`, which must be well-formed, and all that follow it with the same length and kind.
    /// @dev Equivalent to `head = fold(head, Entry.leafOfCalldata(entry))` for each; not for VOID and CLOSED. Every deposit passes
    ///      here: what the compiler makes of that is four times as much gas.
    /// @return next head after the last one
    /// @return end  where it stopped
    function foldRun(
        bytes calldata stream,
        uint256 offset,
        bytes32 head
    ) internal pure returns (bytes32 next, uint256 end) {
        assembly ("memory-safe") {
            // Entries are hashed behind the free memory pointer, which need not move. The head stays in scratch space.
            let free := mload(0x40)
            let at := add(stream.offset, offset)
            let prefix := shr(240, calldataload(at))
            let length := shr(8, prefix)
            // an entry that starts here or later does not fit
            let tooLate := sub(add(stream.offset, stream.length), length)
            mstore(0x00, head)
            for {} 1 {} {
                calldatacopy(free, add(at, 1), length)
                mstore(0x20, keccak256(free, length))
                mstore8(0x20, prefix)
                mstore(0x00, keccak256(0x00, 0x40))
                at := add(add(at, 1), length)
                if iszero(lt(at, tooLate)) {
                    break
                }
                if iszero(eq(shr(240, calldataload(at)), prefix)) {
                    break
                }
            }
            next := mload(0x00)
            end := sub(at, stream.offset)
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
