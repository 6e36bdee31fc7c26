// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {
    MessagingFee,
    MessagingParams,
    MessagingReceipt,
    Origin
} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Test} from "forge-std/Test.sol";
import {Checkpoint, CheckpointCodec} from "../../src/message/Checkpoint.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IEntryHandler} from "../../src/message/IEntryHandler.sol";
import {Inbox} from "../../src/message/Inbox.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {Outbox} from "../../src/message/Outbox.sol";
import {ActionKind, LogAction, LogModel, LogState} from "./LogModel.sol";

/// @notice The Messenger itself, with a door to put one path into a state of the model and to read it back as one.
contract MessengerProbe is Messenger {
    constructor(address endpoint_, address authority_) Messenger(endpoint_, authority_) {}

    function setSender(uint32 eid, LogState calldata s, bytes32[7] calldata heads) external {
        Outbox storage box = _outboxes[eid];
        (box.sequence, box.flushed) = (uint64(s.length), uint64(s.flushed));
        for (uint256 n = 0; n <= s.length; ++n) box.ring[n] = heads[n];
        box.flushedHeads[(uint256(box.generation) << 64) | s.flushed] = heads[s.flushed];
        box.voided[uint256(box.generation) << 64] = LogModel.targets(s) << 1;
    }

    /// @return the sender's part of the state, packed; everything else zero
    function sender(uint32 eid, bytes32[7] calldata heads) external view returns (uint256) {
        Outbox storage box = _outboxes[eid];
        LogState memory s;
        (s.length, s.flushed) = (box.sequence, box.flushed);
        for (uint256 n = 0; n <= s.length; ++n) require(box.ring[n] == heads[n], "ring");
        (, bytes32 flushedHead) = box.flushedHead();
        require(flushedHead == heads[s.flushed], "flushed head");
        require(!box.closed && !box.quarantined && box.acknowledged == 0, "sender flags");
        uint256 targets = box.voided[uint256(box.generation) << 64] >> 1;
        return LogModel.pack(s) | (targets << 64);
    }

    function setReceiver(uint32 eid, LogState calldata s, bytes32[7] calldata heads) external {
        Inbox storage box = _inboxes[eid];
        box.consumed = uint64(s.consumed);
        box.verified = highest(s.verified);
        box.highestVoid = highest(s.kept);
        box.consumedHead = heads[s.consumed];
        for (uint256 n = 1; n <= 6; ++n) {
            box.heads[(uint256(box.epoch) << 64) | n] = LogModel.has(s.verified, n) ? heads[n] : bytes32(0);
        }
        box.voids[uint256(box.epoch) << 64] = s.kept << 1;
    }

    /// @return the receiver's part of the state, packed; everything else zero
    function receiver(uint32 eid, bytes32[7] calldata heads) external view returns (uint256) {
        Inbox storage box = _inboxes[eid];
        LogState memory s;
        s.consumed = box.consumed;
        require(box.consumedHead == heads[s.consumed], "consumed head");
        for (uint256 n = 1; n <= 6; ++n) {
            bytes32 head = box.heads[(uint256(box.epoch) << 64) | n];
            if (head == 0) continue;
            require(head == heads[n], "verified head");
            s.verified |= LogModel.bit(n);
        }
        s.kept = box.voids[uint256(box.epoch) << 64] >> 1;
        require(box.verified == highest(s.verified) && box.highestVoid == highest(s.kept), "highest");
        require(!box.closed && !_outboxes[eid].quarantined, "receiver flags");
        return LogModel.pack(s);
    }

    function highest(uint256 mask) private pure returns (uint64 n) {
        while (mask != 0) (mask, n) = (mask >> 1, n + 1);
    }
}

/// @notice Effects as two masks in one slot.
contract EffectMasks is IEntryHandler {
    uint128 public applied;
    uint128 public voided;

    function set(uint128 applied_, uint128 voided_) external {
        (applied, voided) = (applied_, voided_);
    }

    function applyEntries(uint32, uint64 first, bytes calldata stream, uint256[] calldata dead) external {
        (uint128 a, uint128 v) = (applied, voided);
        uint256 index = 0;
        for (uint256 offset = 0; offset < stream.length; ++index) {
            if (uint8(stream[offset + 1]) != EntryKind.VOID) {
                uint128 mask = uint128(LogModel.bit(first + index));
                require((a | v) & mask == 0, "a second effect");
                if ((dead[0] >> index) & 1 != 0) v |= mask;
                else a |= mask;
            }
            offset += 1 + uint8(stream[offset]);
        }
        (applied, voided) = (a, v);
    }

    function applyCorrections(uint32, uint64, bytes calldata) external {}
}

/// @notice EXHAUSTIVE: every reachable state of a path with up to six log leaves, and from each of them every action, in all orders
///         of append / void / flush / receive / lose / split / deliver. In each state the invariants hold; each action takes the
///         real contracts exactly where it takes the model; what the model does not allow, the contracts refuse.
/// @dev setUp walks the model breadth first. The two ends are two contracts that share nothing, so an action is run once for
///      every state of the end it happens at (its own part of the model's state, with every history that leads there);
///      the tests share these pairs out, so that no transaction grows too big.
///      `shared/test/message/enumeration.spec.ts` walks the same states and shows that no rule can be left out.
contract EnumerationTest is Test {
    uint32 internal constant SPOKE = 1;
    uint32 internal constant HUB = 2;
    uint256 internal constant BOUND = 6;
    // As counted by the model in shared/test/message.
    uint256 internal constant STATES = 91_886;
    uint256 internal constant TRANSITIONS = 709_672;
    uint256 internal constant PAIRS = 109_082;

    uint256 internal constant TABLE = 1 << 19;
    uint256 internal constant PAIR = 1 << 100;
    uint256 internal constant SENDER = 1 << 101;
    uint256 internal constant RECEIVER = 1 << 102;

    // An end's part of a state, SENDER or RECEIVER, and in the lowest nine bits the action.
    uint256[] internal pairs;
    // An end's part of a state, SENDER or RECEIVER.
    uint256[] internal parts;
    uint256 internal stateCount;
    uint256 internal transitions;
    uint32 public eid;
    MessengerProbe internal spoke;
    MessengerProbe internal hub;
    EffectMasks internal effects;
    bytes32 internal genesis;
    bytes32 internal ackHead;
    bytes32 internal lastMessage;

    // ---- the endpoint of both, as far as a Messenger calls it

    function setDelegate(address) external {}

    function quote(MessagingParams calldata, address) external pure returns (MessagingFee memory) {}

    function send(MessagingParams calldata p, address) external payable returns (MessagingReceipt memory) {
        lastMessage = keccak256(p.message);
    }

    function setUp() public {
        AccessManager manager = new AccessManager(address(this));
        effects = new EffectMasks();
        eid = SPOKE;
        spoke = new MessengerProbe(address(this), address(manager));
        eid = HUB;
        hub = new MessengerProbe(address(this), address(manager));
        spoke.setPeer(HUB, bytes32(uint256(uint160(address(hub)))));
        hub.setPeer(SPOKE, bytes32(uint256(uint160(address(spoke)))));
        spoke.setWriter(EntryKind.DEPOSITED, address(this));
        hub.setHandler(EntryKind.DEPOSITED, address(effects));
        (genesis, ackHead) = spoke.genesis(HUB);
        walk();
    }

    /// @dev Breadth first over the model, with all that was seen in an open hash table in memory.
    function walk() private {
        uint256[] memory seen = new uint256[](TABLE);
        uint256[] memory queue = new uint256[](STATES);
        uint256 tail = 1;
        uint256 steps = 0;
        uint256 free = freePointer();
        for (uint256 i = 0; i < tail; ++i) {
            release(free);
            uint256 packed = queue[i];
            LogAction[] memory actions = LogModel.actionsOf(LogModel.unpack(packed), BOUND);
            for (uint256 j = 0; j < actions.length; ++j) {
                LogAction memory x = actions[j];
                LogState memory s = LogModel.unpack(packed);
                if (x.kind != ActionKind.Lose) {
                    uint256 part = partOf(s, atSender(x));
                    if (fresh(seen, part)) parts.push(part);
                    uint256 pair = (part << 9) | (uint256(x.kind) << 6) | (x.a << 3) | x.b;
                    if (fresh(seen, PAIR | pair)) pairs.push(pair);
                }
                LogModel.step(s, x);
                uint256 key = LogModel.pack(s);
                ++steps;
                if (!fresh(seen, key)) continue;
                require(LogModel.holds(s), "an invariant is broken in the model");
                queue[tail++] = key;
            }
        }
        stateCount = tail;
        transitions = steps;
    }

    function atSender(LogAction memory x) private pure returns (bool) {
        return x.kind == ActionKind.Append || x.kind == ActionKind.Void || x.kind == ActionKind.Flush;
    }

    /// @dev What one end knows of a state: the sender its log, the receiver what was ever flushed and all it did with it.
    function partOf(LogState memory s, bool sender) private pure returns (uint256) {
        LogState memory part;
        part.flushed = s.flushed;
        if (sender) {
            (part.leaves, part.length) = (s.leaves, s.length);
            return LogModel.pack(part) | SENDER;
        }
        (part.leaves, part.length) = (s.leaves & ((1 << (3 * s.flushed)) - 1), s.flushed);
        (part.consumed, part.verified, part.kept) = (s.consumed, s.verified, s.kept);
        (part.applied, part.voided) = (s.applied, s.voided);
        return LogModel.pack(part) | RECEIVER;
    }

    /// @dev Adds a key to the table; false if it was there, or is the empty state.
    function fresh(uint256[] memory seen, uint256 key) private pure returns (bool) {
        unchecked {
            uint256 slot = (key * 0x9e3779b97f4a7c15f39cc0605cedc8341082276bf3a27251f86c6a11d0c18e95) >> 237;
            while (true) {
                uint256 found;
                assembly ("memory-safe") {
                    found := mload(add(add(seen, 0x20), shl(5, slot)))
                }
                if (found == key) return false;
                if (found == 0) break;
                slot = (slot + 1) & (TABLE - 1);
            }
            seen[slot] = key;
            return true;
        }
    }

    function freePointer() private pure returns (uint256 pointer) {
        assembly {
            pointer := mload(0x40)
        }
    }

    /// @dev What a round allocated is garbage after it.
    function release(uint256 pointer) private pure {
        assembly {
            mstore(0x40, pointer)
        }
    }

    // ---- one action on the real contracts

    struct Case {
        LogState s;
        bytes32[7] heads;
        bytes32[] leaves;
        bytes[] entries;
    }

    function check(uint256 share, uint256 shares) private {
        uint256 free = freePointer();
        for (uint256 i = share; i < pairs.length; i += shares) {
            release(free);
            uint256 pair = pairs[i];
            checkPair(pair >> 9, LogAction(ActionKind((pair >> 6) & 7), (pair >> 3) & 7, pair & 7));
        }
    }

    function checkPair(uint256 part, LogAction memory x) private {
        LogState memory next = LogModel.unpack(part);
        if (x.kind == ActionKind.Receive) next.inFlight = LogModel.bit(x.a);
        Case memory c = caseOf(part);
        LogModel.step(next, x);
        install(c, part);
        act(c, x);
        LogState memory expected;
        if (part & SENDER != 0) {
            (expected.length, expected.flushed) = (next.length, next.flushed);
            require(
                spoke.sender(HUB, caseOf(LogModel.pack(next)).heads) ==
                    LogModel.pack(expected) | (LogModel.targets(next) << 64),
                "the sender differs from the model"
            );
        } else {
            (expected.consumed, expected.verified, expected.kept) = (next.consumed, next.verified, next.kept);
            require(hub.receiver(SPOKE, c.heads) == LogModel.pack(expected), "the receiver differs from the model");
            require(effects.applied() == next.applied && effects.voided() == next.voided, "the effects differ");
        }
    }

    function install(Case memory c, uint256 part) private {
        if (part & SENDER != 0) {
            spoke.setSender(HUB, c.s, c.heads);
        } else {
            hub.setReceiver(SPOKE, c.s, c.heads);
            effects.set(uint128(c.s.applied), uint128(c.s.voided));
        }
    }

    function act(Case memory c, LogAction memory x) private {
        if (x.kind == ActionKind.Append) {
            spoke.append(HUB, entryAt(c.s.length + 1));
        } else if (x.kind == ActionKind.Void) {
            spoke.voidEntry(HUB, uint64(x.a), c.heads[x.a - 1], c.leaves[x.a - 1], leavesOf(c, x.a + 1, c.s.length));
        } else if (x.kind == ActionKind.Flush) {
            spoke.flush(HUB, address(this));
            require(lastMessage == keccak256(messageAt(c, c.s.length)), "checkpoint");
        } else if (x.kind == ActionKind.Receive) {
            Origin memory origin = Origin(SPOKE, bytes32(uint256(uint160(address(spoke)))), 1);
            hub.lzReceive(origin, 0, messageAt(c, x.a), address(this), "");
        } else if (x.kind == ActionKind.Split) {
            hub.split(SPOKE, uint64(x.a), uint64(x.b), c.heads[x.b], leavesOf(c, x.b + 1, x.a));
        } else {
            hub.deliver(SPOKE, streamOf(c, x.a));
        }
    }

    /// @dev Everything of the same shape that the model does not offer must fail.
    function checkRefusals(uint256 part) private {
        Case memory c = caseOf(part);
        install(c, part);
        uint256 dead = LogModel.targets(c.s);
        bool sender = part & SENDER != 0;
        if (sender && c.s.length == c.s.flushed) {
            refused(address(spoke), abi.encodeCall(spoke.flush, (HUB, address(this))));
        }
        for (uint256 n = 1; n <= c.s.length; ++n) {
            bytes32 before = c.heads[n - 1];
            if (sender) {
                bool voidable = LogModel.targetAt(c.s, n) == 0 && n > c.s.flushed && !LogModel.has(dead, n);
                if (voidable) continue;
                bytes32[] memory rest = leavesOf(c, n + 1, c.s.length);
                refused(
                    address(spoke),
                    abi.encodeCall(spoke.voidEntry, (HUB, uint64(n), before, c.leaves[n - 1], rest))
                );
            } else if (n > c.s.consumed && !LogModel.has(c.s.verified, n)) {
                refused(address(hub), abi.encodeCall(hub.deliver, (SPOKE, streamOf(c, n))));
                bytes32[] memory walked = leavesOf(c, n, n);
                refused(address(hub), abi.encodeCall(hub.split, (SPOKE, uint64(n), uint64(n - 1), before, walked)));
            }
        }
    }

    function refused(address to, bytes memory data) private {
        (bool done, ) = to.call(data);
        require(!done, "allowed what the model does not");
    }

    function test_GivenTheWholeModel_ItHasAsManyStatesAsItsTwin() external view {
        assertEq(stateCount, STATES);
        assertEq(transitions, TRANSITIONS);
        assertEq(pairs.length, PAIRS);
    }

    function test_GivenEveryStateOfAnEnd_WhatTheModelDoesNotOfferIsRefused() external {
        uint256 free = freePointer();
        for (uint256 i = 0; i < parts.length; ++i) {
            release(free);
            checkRefusals(parts[i]);
        }
    }

    function test_GivenEveryStateOfAnEnd_EveryActionAgreesWithTheModel_Part1() external {
        check(0, 4);
    }

    function test_GivenEveryStateOfAnEnd_EveryActionAgreesWithTheModel_Part2() external {
        check(1, 4);
    }

    function test_GivenEveryStateOfAnEnd_EveryActionAgreesWithTheModel_Part3() external {
        check(2, 4);
    }

    function test_GivenEveryStateOfAnEnd_EveryActionAgreesWithTheModel_Part4() external {
        check(3, 4);
    }

    // ---- bytes of a state

    function entryAt(uint256 sequence) private pure returns (bytes memory) {
        return abi.encodePacked(EntryKind.DEPOSITED, uint8(sequence));
    }

    function caseOf(uint256 packed) private view returns (Case memory c) {
        c.s = LogModel.unpack(packed);
        c.leaves = new bytes32[](c.s.length);
        c.entries = new bytes[](c.s.length);
        c.heads[0] = genesis;
        for (uint256 n = 1; n <= c.s.length; ++n) {
            uint64 target = uint64(LogModel.targetAt(c.s, n));
            c.entries[n - 1] = target == 0 ? entryAt(n) : abi.encodePacked(EntryKind.VOID, target);
            c.leaves[n - 1] = target == 0 ? Entry.leafOf(c.entries[n - 1]) : Entry.voidLeaf(target);
            c.heads[n] = LogFold.fold(c.heads[n - 1], c.leaves[n - 1]);
        }
    }

    function messageAt(Case memory c, uint256 sequence) private view returns (bytes memory) {
        return CheckpointCodec.encode(Checkpoint(uint64(sequence), c.heads[sequence], 0, ackHead));
    }

    function leavesOf(Case memory c, uint256 first, uint256 last) private pure returns (bytes32[] memory part) {
        part = new bytes32[](last + 1 - first);
        for (uint256 i = 0; i < part.length; ++i) part[i] = c.leaves[first - 1 + i];
    }

    function streamOf(Case memory c, uint256 last) private pure returns (bytes memory stream) {
        for (uint256 n = c.s.consumed + 1; n <= last; ++n) {
            stream = bytes.concat(stream, bytes1(uint8(c.entries[n - 1].length)), c.entries[n - 1]);
        }
    }
}
