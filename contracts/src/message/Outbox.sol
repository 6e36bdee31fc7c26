// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IMessenger} from "./IMessenger.sol";
import {LogFold} from "./LogFold.sol";

/// @notice Own log towards one eid. An append in steady state writes two slots: this first one and one of the ring.
/// @dev `generation` separates the logs towards successive peers of one eid in the mappings. `quarantined` covers both
///      directions of the path; it lives here because every append reads this slot anyway.
struct Outbox {
    uint64 sequence;
    uint64 flushed;
    uint64 acknowledged;
    uint32 generation;
    bool known;
    bool closed;
    bool quarantined;
    // head(n) at n % 64
    bytes32[64] ring;
    // generation ‖ sequence → head, at every sequence a checkpoint was sent for: acks stay comparable for ever
    mapping(uint256 => bytes32) flushedHeads;
    // generation ‖ sequence / 256 → bits of own entries that are voided
    mapping(uint256 => uint256) voided;
}

using OutboxLib for Outbox global;

library OutboxLib {
    uint64 internal constant RING = 64;

    /// @notice Starts an empty log at its genesis head.
    function open(Outbox storage self, bytes32 genesis) internal {
        self.sequence = 0;
        self.flushed = 0;
        self.acknowledged = 0;
        self.generation += 1;
        self.known = true;
        self.closed = false;
        self.ring[0] = genesis;
        self.flushedHeads[_key(self.generation, 0)] = genesis;
    }

    /// @notice Adds a leaf. The caller has checked who may.
    function push(Outbox storage self, bytes32 leaf) internal returns (uint64 sequence, bytes32 head) {
        uint64 last = self.sequence;
        sequence = last + 1;
        unchecked {
            head = LogFold.fold(self.ring[last % RING], leaf);
            self.ring[sequence % RING] = head;
        }
        self.sequence = sequence;
    }

    /// @notice Proves that `leaf` stands at `target` and is not flushed yet, and marks it voided. The caller pushes the VOID leaf.
    /// @dev Only while its target lies above the last flushed sequence: so at every flushed head all VOIDs of the entries
    ///      below it are below it too, and no receiver can apply an entry before it could see the VOID.
    function markVoided(
        Outbox storage self,
        uint32 dstEid,
        uint64 target,
        bytes32 headBefore,
        bytes32 leaf,
        bytes32[] calldata leavesAfter
    ) internal {
        uint64 newest = self.sequence;
        uint64 flushed_ = self.flushed;
        require(target > flushed_, IMessenger.AlreadyFlushed(target, flushed_));
        uint256 anchor = uint256(target) + leavesAfter.length;
        require(
            anchor <= newest && anchor + RING > newest,
            IMessenger.HeadNotInRing(
                uint64(anchor > type(uint64).max ? type(uint64).max : anchor),
                newest < RING ? 0 : newest - RING + 1,
                newest
            )
        );
        bytes32 folded = LogFold.foldLeaves(LogFold.fold(headBefore, leaf), leavesAfter);
        bytes32 expected = self.ring[anchor % RING];
        require(folded == expected, IMessenger.HeadMismatch(dstEid, uint64(anchor), expected, folded));
        uint256 key = _key(self.generation, target >> 8);
        uint256 bit = 1 << (target & 0xff);
        uint256 word = self.voided[key];
        require(word & bit == 0, IMessenger.AlreadyVoided(target));
        self.voided[key] = word | bit;
    }

    /// @notice Moves the flushed mark to the end of the log and keeps the head there.
    function markFlushed(Outbox storage self) internal returns (uint64 sequence, bytes32 head) {
        sequence = self.sequence;
        head = self.ring[sequence % RING];
        self.flushed = sequence;
        self.flushedHeads[_key(self.generation, sequence)] = head;
    }

    /// @notice Last head a checkpoint was sent for (genesis if none was).
    function flushedHead(Outbox storage self) internal view returns (uint64 sequence, bytes32 head) {
        sequence = self.flushed;
        head = self.flushedHeads[_key(self.generation, sequence)];
    }

    /// @notice Head at `sequence` if it is still known (ring or flush boundary), else zero.
    function headAt(Outbox storage self, uint64 sequence) internal view returns (bytes32) {
        bytes32 inRing = self.ringAt(sequence);
        return inRing != 0 ? inRing : self.flushedHeads[_key(self.generation, sequence)];
    }

    /// @notice Head at `sequence` if it is one of the last 64, else zero.
    function ringAt(Outbox storage self, uint64 sequence) internal view returns (bytes32) {
        uint64 newest = self.sequence;
        if (sequence > newest || uint256(sequence) + RING <= newest) return 0;
        return self.ring[sequence % RING];
    }

    function isVoided(Outbox storage self, uint64 sequence) internal view returns (bool) {
        return (self.voided[_key(self.generation, sequence >> 8)] >> (sequence & 0xff)) & 1 != 0;
    }

    function _key(uint32 generation, uint64 index) private pure returns (uint256) {
        return (uint256(generation) << 64) | index;
    }
}
