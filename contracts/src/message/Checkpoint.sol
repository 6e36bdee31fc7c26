// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice The only message that crosses LayerZero: how long the sender's log is, and how far it has consumed ours.
/// @dev version 1 | sequence 8 | head 32 | ackSequence 8 | ackHead 32 = 81 bytes, big-endian.
///      Bound to `shared/src/message/checkpoint.ts` by `shared/vectors/checkpoint.json`.
struct Checkpoint {
    uint64 sequence;
    bytes32 head;
    uint64 ackSequence;
    bytes32 ackHead;
}

library CheckpointCodec {
    uint8 internal constant VERSION = 1;
    uint256 internal constant SEQUENCE = 1;
    uint256 internal constant HEAD = 9;
    uint256 internal constant ACK_SEQUENCE = 41;
    uint256 internal constant ACK_HEAD = 49;
    uint256 internal constant LENGTH = 81;

    error CheckpointMalformed(uint256 length, uint256 expectedLength, uint8 version, uint8 expectedVersion);

    function encode(Checkpoint memory c) internal pure returns (bytes memory) {
        return abi.encodePacked(VERSION, c.sequence, c.head, c.ackSequence, c.ackHead);
    }

    function decode(bytes calldata m) internal pure returns (Checkpoint memory c) {
        uint8 version = m.length == 0 ? 0 : uint8(m[0]);
        require(m.length == LENGTH && version == VERSION, CheckpointMalformed(m.length, LENGTH, version, VERSION));
        c.sequence = uint64(bytes8(m[SEQUENCE:HEAD]));
        c.head = bytes32(m[HEAD:ACK_SEQUENCE]);
        c.ackSequence = uint64(bytes8(m[ACK_SEQUENCE:ACK_HEAD]));
        c.ackHead = bytes32(m[ACK_HEAD:LENGTH]);
    }
}
