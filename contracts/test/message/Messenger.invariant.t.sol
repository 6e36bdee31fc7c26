// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Test} from "forge-std/Test.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {EndpointMock, PacketMock} from "../mocks/EndpointMock.sol";
import {HandlerMock} from "../mocks/HandlerMock.sol";
import {Deploy} from "../Deploy.sol";

/// @notice Random actors on both ends, and a network that loses, repeats, reorders and stalls packets.
/// @dev Keeps the whole history of both logs, so that what the contracts know can be compared with what was written.
contract LogActors is Test {
    struct Side {
        Messenger messenger;
        EndpointMock endpoint;
        HandlerMock handler;
        uint32 eid;
        uint8 kind;
    }

    Side[2] internal _sides;
    // [side][sequence]: what this side wrote; index 0 is the genesis
    bytes[][2] internal _entries;
    bytes32[][2] internal _heads;
    PacketMock[][2] internal _packets;
    mapping(uint256 side => mapping(uint64 sequence => bool)) public isVoid;
    mapping(bytes32 what => uint256) public done;
    // Highest sequence a checkpoint was ever sent for.
    uint64[2] public flushed;

    constructor() {
        AccessManager manager = new AccessManager(address(this));
        for (uint256 i = 0; i < 2; ++i) {
            EndpointMock endpoint = new EndpointMock(uint32(i + 1));
            _sides[i] = Side(
                Deploy.messenger(address(endpoint), address(manager)),
                endpoint,
                new HandlerMock(),
                uint32(i + 1),
                i == 0 ? EntryKind.DEPOSITED : EntryKind.RELEASE
            );
        }
        for (uint256 i = 0; i < 2; ++i) {
            Side storage me = _sides[i];
            Side storage peer = _sides[1 - i];
            me.messenger.setPeer(peer.eid, bytes32(uint256(uint160(address(peer.messenger)))));
            me.messenger.setWriter(me.kind, address(this));
            peer.messenger.setHandler(me.kind, address(peer.handler));
        }
        for (uint256 i = 0; i < 2; ++i) {
            (bytes32 own, ) = _sides[i].messenger.genesis(_sides[1 - i].eid);
            _heads[i].push(own);
            _entries[i].push("");
        }
    }

    function side(uint256 i) external view returns (Side memory) {
        return _sides[i];
    }

    function headAt(uint256 i, uint64 sequence) external view returns (bytes32) {
        return _heads[i][sequence];
    }

    function length(uint256 i) public view returns (uint64) {
        return uint64(_heads[i].length - 1);
    }

    function _note(uint256 i, bytes memory entry, bytes32 leaf) private {
        _entries[i].push(entry);
        _heads[i].push(LogFold.fold(_heads[i][_heads[i].length - 1], leaf));
    }

    function _leaf(uint256 i, uint64 sequence) private view returns (bytes32) {
        bytes memory entry = _entries[i][sequence];
        return isVoid[i][sequence] ? Entry.voidLeaf(uint64(bytes8(this.tail(entry)))) : Entry.leafOf(entry);
    }

    function tail(bytes calldata entry) external pure returns (bytes memory) {
        return entry[1:];
    }

    function _leaves(uint256 i, uint64 first, uint64 last) private view returns (bytes32[] memory all) {
        all = new bytes32[](last + 1 - first);
        for (uint64 s = first; s <= last; ++s) all[s - first] = _leaf(i, s);
    }

    // ---- actions

    function append(uint256 who, uint256 salt, uint8 count) external {
        uint256 i = who % 2;
        // Now and then more than a ring at once.
        uint256 n = count == 0 ? 70 : 1 + (count % 4);
        for (uint256 k = 0; k < n; ++k) {
            bytes memory entry = abi.encodePacked(_sides[i].kind, salt, k, length(i));
            _sides[i].messenger.append(_sides[1 - i].eid, entry);
            _note(i, entry, Entry.leafOf(entry));
        }
        ++done["append"];
    }

    function voidEntry(uint256 who, uint64 pick, uint64 anchorPick) external {
        uint256 i = who % 2;
        Messenger m = _sides[i].messenger;
        uint32 dst = _sides[1 - i].eid;
        uint64 newest = length(i);
        if (newest == flushed[i]) return;
        uint64 target = uint64(bound(pick, flushed[i] + 1, newest));
        if (isVoid[i][target] || m.isVoidedOutbound(dst, target)) return;
        uint64 oldest = newest < 64 ? 0 : newest - 63;
        uint64 anchor = uint64(bound(anchorPick, target > oldest ? target : oldest, newest));
        bytes32[] memory rest = _leaves(i, target + 1, anchor);
        m.voidEntry(dst, target, _heads[i][target - 1], _leaf(i, target), rest);
        isVoid[i][newest + 1] = true;
        _note(i, abi.encodePacked(EntryKind.VOID, target), Entry.voidLeaf(target));
        ++done["void"];
    }

    function flush(uint256 who, bool again) external {
        uint256 i = who % 2;
        Messenger m = _sides[i].messenger;
        uint32 dst = _sides[1 - i].eid;
        if (again) {
            m.resend(dst, address(this));
        } else {
            if (length(i) == flushed[i]) return;
            m.flush(dst, address(this));
            flushed[i] = length(i);
        }
        _packets[i].push(_sides[i].endpoint.sent(_sides[i].endpoint.sentCount() - 1));
        ++done["flush"];
    }

    /// @dev The way LayerZero goes: verified, then executed in nonce order as far as there is no gap. Not choosing a packet is
    ///      how it is lost.
    function relay(uint256 who, uint256 pick) external {
        uint256 i = who % 2;
        if (_packets[i].length == 0) return;
        EndpointMock endpoint = _sides[1 - i].endpoint;
        PacketMock memory p = _packets[i][pick % _packets[i].length];
        try endpoint.verify(p) {} catch {}
        try endpoint.execute(p) {
            ++done["relay"];
        } catch {}
    }

    function skipStalled(uint256 who, uint64 committed) external {
        uint256 i = who % 2;
        Side storage to = _sides[1 - i];
        bytes32 sender = bytes32(uint256(uint160(address(_sides[i].messenger))));
        uint64 next = to.endpoint.inboundNonce(address(to.messenger), _sides[i].eid, sender) + 1;
        try to.messenger.skipStalled(_sides[i].eid, next, uint64(bound(committed, 0, _packets[i].length + 1))) {
            ++done["skip"];
        } catch {}
    }

    /// @dev Any packet once more or out of any order, past the endpoint's nonces.
    function repeat(uint256 who, uint256 pick) external {
        uint256 i = who % 2;
        if (_packets[i].length == 0) return;
        PacketMock memory p = _packets[i][pick % _packets[i].length];
        _sides[1 - i].endpoint.inject(address(_sides[1 - i].messenger), p.origin, p.message);
        ++done["repeat"];
    }

    function split(uint256 who, uint64 pickFrom, uint64 pickTo) external {
        uint256 i = who % 2;
        Messenger m = _sides[1 - i].messenger;
        uint32 src = _sides[i].eid;
        uint64 consumed = m.inbox(src).consumed;
        uint64 from = _verifiedAtOrBelow(m, src, consumed, uint64(bound(pickFrom, 0, length(i))));
        if (from <= consumed) return;
        uint64 to = uint64(bound(pickTo, consumed, from - 1));
        m.split(src, from, to, _heads[i][to], _leaves(i, to + 1, from));
        ++done["split"];
    }

    function deliver(uint256 who, uint64 pick) external {
        uint256 i = who % 2;
        Messenger m = _sides[1 - i].messenger;
        uint32 src = _sides[i].eid;
        uint64 consumed = m.inbox(src).consumed;
        uint64 last = _verifiedAtOrBelow(m, src, consumed, uint64(bound(pick, 0, length(i))));
        if (last <= consumed) return;
        bytes memory stream;
        for (uint64 s = consumed + 1; s <= last; ++s) {
            stream = bytes.concat(stream, bytes1(uint8(_entries[i][s].length)), _entries[i][s]);
        }
        m.deliver(src, stream);
        ++done["deliver"];
    }

    function _verifiedAtOrBelow(Messenger m, uint32 src, uint64 consumed, uint64 from) private view returns (uint64 s) {
        for (s = from; s > consumed && m.verifiedHead(src, s) == 0;) --s;
    }
}

contract MessengerInvariantTest is Test {
    LogActors internal actors;

    function setUp() external {
        actors = new LogActors();
        targetContract(address(actors));
    }

    /// @dev The walk of the invariants is not empty: with this many random steps every action has happened, and both hold.
    function test_GivenALongRandomWalk_EveryActionHappensAndTheInvariantsHold() external {
        for (uint256 i = 0; i < 600; ++i) {
            uint256 r = uint256(keccak256(abi.encode("walk", i)));
            uint256 who = (r >> 8) & 1;
            uint64 x = uint64(r >> 16);
            uint64 y = uint64(r >> 80);
            if (r % 9 == 0) actors.append(who, r, uint8(x));
            else if (r % 9 == 1) actors.voidEntry(who, x, y);
            else if (r % 9 == 2) actors.flush(who, x % 4 == 0);
            else if (r % 9 <= 4) actors.relay(who, x);
            else if (r % 9 == 5) actors.skipStalled(who, x);
            else if (r % 9 == 6) actors.repeat(who, x);
            else if (r % 9 == 7) actors.split(who, x, y);
            else actors.deliver(who, x);
        }
        bytes32[8] memory kinds = [bytes32("append"), "void", "flush", "relay", "skip", "repeat", "split", "deliver"];
        for (uint256 i = 0; i < kinds.length; ++i) assertGt(actors.done(kinds[i]), 0, string(abi.encode(kinds[i])));
        this.invariant_INV_LOG_1();
        this.invariant_INV_LOG_2();
    }

    /// @notice INV-LOG-1: consumed ≤ verified ≤ appended, heads agree at each.
    function invariant_INV_LOG_1() external view {
        for (uint256 i = 0; i < 2; ++i) {
            LogActors.Side memory from = actors.side(i);
            LogActors.Side memory to = actors.side(1 - i);
            IMessenger.OutboxView memory out = from.messenger.outbox(to.eid);
            IMessenger.InboxView memory box = to.messenger.inbox(from.eid);
            assertEq(out.sequence, actors.length(i));
            assertEq(out.head, actors.headAt(i, out.sequence));
            assertLe(box.consumed, box.verified);
            assertLe(box.verified, out.flushed);
            assertLe(out.flushed, out.sequence);
            assertLe(out.acknowledged, box.consumed);
            assertEq(box.consumedHead, actors.headAt(i, box.consumed));
            assertFalse(box.quarantined, "an honest path is never quarantined");
            for (uint64 s = box.consumed + 1; s <= out.sequence; ++s) {
                bytes32 head = to.messenger.verifiedHead(from.eid, s);
                assertTrue(head == 0 || head == actors.headAt(i, s));
            }
        }
    }

    /// @notice INV-LOG-2: each (path, sequence) takes effect once or is voided once; and a voided one never takes effect.
    function invariant_INV_LOG_2() external view {
        for (uint256 i = 0; i < 2; ++i) {
            LogActors.Side memory from = actors.side(i);
            LogActors.Side memory to = actors.side(1 - i);
            uint64 consumed = to.messenger.inbox(from.eid).consumed;
            uint64 newest = actors.length(i);
            for (uint64 s = 1; s <= newest; ++s) {
                uint256 applied = to.handler.appliedCount(from.eid, s);
                uint256 voided = to.handler.voidedCount(from.eid, s);
                bool dead = from.messenger.isVoidedOutbound(to.eid, s);
                assertEq(applied + voided, s <= consumed && !actors.isVoid(i, s) ? 1 : 0);
                if (dead) assertEq(applied, 0);
                else assertEq(voided, 0);
            }
        }
    }
}
