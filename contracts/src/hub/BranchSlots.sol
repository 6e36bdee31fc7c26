// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IMessenger} from "../message/IMessenger.sol";

/// @notice Leaves of delivered entries that wait on the hub, each kept with the branch of its log. A rebase that re-opens a log below
///         an entry forgets it here at once, and a new peer's log, which counts from 1 again, meets no old one.
struct BranchSlots {
    // source eid → epoch 32 ‖ sequence 64 → leaf
    mapping(uint32 srcEid => mapping(uint256 key => bytes32 leaf)) leaves;
}

using BranchSlotsLib for BranchSlots global;

library BranchSlotsLib {
    uint256 private constant SEQUENCE_BITS = 64;

    /// @notice Keeps a leaf of the branch that is being delivered.
    /// @param leaf its kind byte may hold a mark instead: all leaves of one set are of one kind
    function put(
        BranchSlots storage self,
        IMessenger messenger,
        uint32 srcEid,
        uint64 sequence,
        bytes32 leaf
    ) internal {
        self.leaves[srcEid][_key(messenger.epochOf(srcEid), sequence)] = leaf;
    }

    /// @notice The newest leaf that waits at a sequence and that no rebase has forgotten.
    /// @return leaf zero if there is none
    /// @return key  where it is kept
    function find(
        BranchSlots storage self,
        IMessenger messenger,
        uint32 srcEid,
        uint64 sequence
    ) internal view returns (bytes32 leaf, uint256 key) {
        // Rebases and new peers are acts of governance: there are few epochs.
        for (uint32 epoch = messenger.epochOf(srcEid); epoch != 0; --epoch) {
            key = _key(epoch, sequence);
            leaf = self.leaves[srcEid][key];
            if (leaf != 0 && !messenger.isForgotten(srcEid, epoch, sequence)) return (leaf, key);
        }
        return (0, 0);
    }

    /// @notice As `find`, for one that is known.
    /// @return key   where it is kept
    /// @return found the newest leaf at that sequence; as `leaf`, but for the mark, if that is waiting
    function findLeaf(
        BranchSlots storage self,
        IMessenger messenger,
        uint32 srcEid,
        uint64 sequence,
        bytes32 leaf
    ) internal view returns (uint256 key, bytes32 found) {
        for (uint32 epoch = messenger.epochOf(srcEid); epoch != 0; --epoch) {
            key = _key(epoch, sequence);
            bytes32 kept = self.leaves[srcEid][key];
            if (kept == 0 || messenger.isForgotten(srcEid, epoch, sequence)) continue;
            if (isSame(kept, leaf)) return (key, kept);
            if (found == 0) found = kept;
        }
    }

    /// @notice Whether two leaves are the same but for the first byte.
    function isSame(bytes32 one, bytes32 other) internal pure returns (bool) {
        return (one ^ other) << 8 == 0;
    }

    function remove(BranchSlots storage self, uint32 srcEid, uint256 key) internal {
        delete self.leaves[srcEid][key];
    }

    function _key(uint32 epoch, uint64 sequence) private pure returns (uint256) {
        return (uint256(epoch) << SEQUENCE_BITS) | sequence;
    }
}
