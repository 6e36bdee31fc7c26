// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Entry, EntryKind} from "./Entry.sol";
import {IMessenger} from "./IMessenger.sol";
import {LogFold} from "./LogFold.sol";

/// @notice The other side's log, as far as it is known here.
/// @dev `epoch` rises with every rebase and every new peer, so the verified heads and stored VOIDs of an old branch are
///      out of reach at once.
struct Inbox {
    uint64 consumed;
    uint64 verified;
    // highest target of a stored VOID: most chunks need not read the bitmap at all
    uint64 highestVoid;
    uint32 epoch;
    bool closed;
    bytes32 consumedHead;
    // epoch ‖ sequence → verified head
    mapping(uint256 => bytes32) heads;
    // epoch ‖ sequence / 256 → bits of entries voided by leaves that a split walked over
    mapping(uint256 => uint256) voids;
    // epoch → 1 + sequence a rebase re-opened the log at to start it; 0 if a new peer did
    mapping(uint256 => uint256) reopenedAt;
}

/// @notice What comparing a claim with what is known gave.
struct Comparison {
    bool conflict;
    IMessenger.Conflict kind;
    bytes32 expected;
}

/// @notice A chunk after it was read and folded.
/// @param count  entries
/// @param head   head after the last one
/// @param closed the last one is CLOSED
/// @param voided bit i: the i-th entry has no effect
/// @param anyVoided whether a bit of `voided` may be set
/// @param kinds bit k: an entry of kind k is there; without VOID and CLOSED
struct Chunk {
    uint64 count;
    bytes32 head;
    bool closed;
    uint256[] voided;
    bool anyVoided;
    uint256 kinds;
}

using InboxLib for Inbox global;
using InboxLib for Chunk global;

library InboxLib {
    /// @notice Starts a log at a head that is consumed by definition.
    function open(Inbox storage self, uint64 sequence, bytes32 head) internal {
        self.consumed = sequence;
        self.verified = sequence;
        self.highestVoid = 0;
        self.epoch += 1;
        self.closed = false;
        self.consumedHead = head;
    }

    /// @notice Goes on at a head of another branch, and remembers where that left the old one.
    function reopen(Inbox storage self, uint64 sequence, bytes32 head) internal {
        open(self, sequence, head);
        self.reopenedAt[self.epoch] = uint256(sequence) + 1;
    }

    /// @notice Whether a rebase after `epoch` re-opened that log below `sequence`. What a closed log of an earlier peer said stays said.
    function isForgotten(Inbox storage self, uint32 epoch_, uint64 sequence) internal view returns (bool) {
        uint32 last = self.epoch;
        while (epoch_ < last) {
            uint256 reopened = self.reopenedAt[++epoch_];
            if (reopened == 0) return false;
            if (sequence >= reopened) return true;
        }
        return false;
    }

    /// @notice Takes a verified head. First one wins; another one for the same sequence is a conflict.
    /// @return fresh the head was not known before and is stored now
    function verify(
        Inbox storage self,
        uint64 sequence,
        bytes32 head
    ) internal returns (bool fresh, Comparison memory result) {
        uint64 consumed_ = self.consumed;
        if (sequence == consumed_) {
            bytes32 own = self.consumedHead;
            if (own != head) result = Comparison(true, IMessenger.Conflict.ConsumedHeadMismatch, own);
            return (false, result);
        }
        uint256 key = _key(self.epoch, sequence);
        bytes32 stored = self.heads[key];
        if (stored != 0) {
            if (stored != head) result = Comparison(true, IMessenger.Conflict.TwoHeads, stored);
            return (false, result);
        }
        // Below the consumed sequence an unknown head proves nothing: heads are chained, the next one above decides.
        if (sequence < consumed_) return (false, result);
        self.heads[key] = head;
        if (sequence > self.verified) self.verified = sequence;
        return (true, result);
    }

    /// @notice Proves the head at `to` from the verified one at `from`, and keeps every VOID in between that reaches back to or below `to`.
    function split(
        Inbox storage self,
        uint32 srcEid,
        uint64 from,
        uint64 to,
        bytes32 headAtTo,
        bytes32[] calldata leaves
    ) internal returns (bool fresh, Comparison memory result) {
        uint64 consumed_ = self.consumed;
        require(to >= consumed_ && to < from, IMessenger.SplitOutOfRange(from, to, consumed_));
        require(leaves.length == from - to, IMessenger.LeavesMismatch(leaves.length, from - to));
        uint32 epoch_ = self.epoch;
        bytes32 expected = self.heads[_key(epoch_, from)];
        require(expected != 0, IMessenger.HeadNotVerified(srcEid, from, self.verified));
        bytes32 head = headAtTo;
        uint64 highest = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            bytes32 leaf = leaves[i];
            head = LogFold.fold(head, leaf);
            if (Entry.kindOf(leaf) == EntryKind.VOID) {
                uint64 target = Entry.voidTarget(leaf);
                // Consumed ones are decided; targets above `to` are found again when their own chunk is read.
                if (target <= to && target > consumed_) {
                    self.voids[_key(epoch_, target >> 8)] |= 1 << (target & 0xff);
                    if (target > highest) highest = target;
                }
            }
        }
        require(head == expected, IMessenger.HeadMismatch(srcEid, from, expected, head));
        if (highest > self.highestVoid) self.highestVoid = highest;
        return self.verify(to, headAtTo);
    }

    /// @notice Reads the chunk that follows the consumed sequence and proves it against the verified head at its end.
    /// @dev All VOIDs of the chunk are collected before anything is applied.
    function read(Inbox storage self, uint32 srcEid, bytes calldata stream) internal view returns (Chunk memory chunk) {
        require(stream.length != 0, IMessenger.NothingToDeliver(srcEid));
        // An entry takes at least two bytes of the stream.
        chunk.voided = new uint256[]((stream.length >> 9) + 1);
        chunk.head = self.consumedHead;
        uint256 offset = 0;
        // Every deposit pays for this loop: lengths are bytes, offsets lie inside calldata, sequences have 64 bits.
        unchecked {
            while (offset < stream.length) {
                (uint256 kind, uint256 length) = LogFold.prefixAt(stream, offset);
                LogFold.requireWellFormed(stream, offset, kind, length);
                if (kind != EntryKind.VOID && kind != EntryKind.CLOSED) {
                    uint256 end;
                    (chunk.head, end) = LogFold.foldRun(stream, offset, chunk.head);
                    chunk.count += uint64((end - offset) / (1 + length));
                    chunk.kinds |= 1 << kind;
                    offset = end;
                    continue;
                }
                if (kind == EntryKind.VOID) {
                    uint64 target = uint64(bytes8(stream[offset + 2:offset + 1 + length]));
                    chunk.head = LogFold.fold(chunk.head, Entry.voidLeaf(target));
                    _collect(chunk, target, self.consumed);
                } else {
                    chunk.head = LogFold.fold(chunk.head, Entry.closedLeaf());
                    chunk.closed = true;
                }
                ++chunk.count;
                offset += 1 + length;
            }
        }
        uint64 consumed_ = self.consumed;
        uint64 last = consumed_ + chunk.count;
        bytes32 expected = self.heads[_key(self.epoch, last)];
        require(expected != 0, IMessenger.HeadNotVerified(srcEid, last, self.verified));
        require(chunk.head == expected, IMessenger.HeadMismatch(srcEid, last, expected, chunk.head));
        if (self.highestVoid > consumed_) {
            _addStored(self, self.epoch, consumed_ + 1, chunk.count, chunk.voided);
            chunk.anyVoided = true;
        }
    }

    /// @dev A VOID reaches backwards only; what it reaches below this chunk was kept by the split that cut here.
    function _collect(Chunk memory chunk, uint64 target, uint64 consumed_) private pure {
        if (target <= consumed_ || target > consumed_ + chunk.count) return;
        uint256 i = target - consumed_ - 1;
        chunk.voided[i >> 8] |= 1 << (i & 0xff);
        chunk.anyVoided = true;
    }

    /// @notice Whether one handler may take the chunk as it is: no entry is voided, and all but VOIDs and CLOSED are of one kind.
    function isPlain(Chunk memory chunk) internal pure returns (bool) {
        unchecked {
            return !chunk.anyVoided && chunk.kinds != 0 && chunk.kinds & (chunk.kinds - 1) == 0;
        }
    }

    /// @dev Adds the VOIDs kept by splits to the chunk's own.
    function _addStored(
        Inbox storage self,
        uint32 epoch_,
        uint64 first,
        uint256 count,
        uint256[] memory voided
    ) private view {
        uint256 word = self.voids[_key(epoch_, first >> 8)];
        for (uint256 i = 0; i < count; ++i) {
            uint256 target = first + i;
            if (target & 0xff == 0) word = self.voids[_key(epoch_, uint64(target >> 8))];
            if ((word >> (target & 0xff)) & 1 != 0) voided[i >> 8] |= 1 << (i & 0xff);
        }
    }

    /// @notice Marks a chunk as consumed.
    function consume(Inbox storage self, Chunk memory chunk) internal returns (uint64 first, uint64 last) {
        uint64 consumed_ = self.consumed;
        first = consumed_ + 1;
        last = consumed_ + chunk.count;
        self.consumed = last;
        self.consumedHead = chunk.head;
        if (chunk.closed) self.closed = true;
    }

    /// @notice Verified head at `sequence`, zero if none.
    function headAt(Inbox storage self, uint64 sequence) internal view returns (bytes32) {
        return sequence == self.consumed ? self.consumedHead : self.heads[_key(self.epoch, sequence)];
    }

    function isVoided(Inbox storage self, uint64 sequence) internal view returns (bool) {
        return (self.voids[_key(self.epoch, sequence >> 8)] >> (sequence & 0xff)) & 1 != 0;
    }

    function _key(uint32 epoch_, uint64 index) private pure returns (uint256) {
        return (uint256(epoch_) << 64) | index;
    }
}
