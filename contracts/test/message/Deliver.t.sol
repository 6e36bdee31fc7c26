// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {HandlerMock} from "../mocks/HandlerMock.sol";
import {MessengerFixture} from "./MessengerFixture.sol";

contract DeliverTest is MessengerFixture {
    uint8 internal constant OTHER = EntryKind.DELEGATE_SET;
    uint8 internal constant UNHANDLED = 0x66;

    HandlerMock internal other;

    function setUp() public override {
        super.setUp();
        other = new HandlerMock();
        hub.setHandler(OTHER, address(other));
        spoke.setWriter(OTHER, writer);
        spoke.setWriter(UNHANDLED, writer);
    }

    function refuses(bytes4 selector, bytes memory stream) internal {
        vm.expectPartialRevert(selector);
        hub.deliver(SPOKE, stream);
    }

    function assertEnds(uint64 sequence, uint256 applied, uint256 voided) internal view {
        assertEq(handler.appliedCount(SPOKE, sequence), applied, "applied");
        assertEq(handler.voidedCount(SPOKE, sequence), voided, "voided");
    }

    function test_GivenAVerifiedHead_WhenAnyoneDelivers_TheHandlerGetsOneRun() external {
        verified(3);
        vm.expectEmit(address(hub));
        emit IMessenger.EntriesDelivered(SPOKE, 1, 3, headAfter(3));
        vm.prank(stranger);
        hub.deliver(SPOKE, streamOf(1, 3));

        IMessenger.InboxView memory box = hub.inbox(SPOKE);
        assertEq(box.consumed, 3);
        assertEq(box.consumedHead, headAfter(3));
        assertEq(handler.callCount(), 1);
        HandlerMock.Call memory run = handler.callAt(0);
        assertEq(run.srcEid, SPOKE);
        assertEq(run.firstSequence, 1);
        assertEq(run.stream, streamOf(1, 3));
        assertEq(run.voided.length, 1);
        assertEq(run.voided[0], 0);
    }

    function test_GivenADeliveredChunk_WhenItIsDeliveredAgain_ItRefuses() external {
        verified(3);
        hub.deliver(SPOKE, streamOf(1, 3));
        vm.expectRevert(abi.encodeWithSelector(IMessenger.HeadNotVerified.selector, SPOKE, 6, 3));
        hub.deliver(SPOKE, streamOf(1, 3));
    }

    function test_GivenNoVerifiedHeadAtTheEnd_ItRefuses() external {
        verified(3);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.HeadNotVerified.selector, SPOKE, 2, 3));
        hub.deliver(SPOKE, streamOf(1, 2));
        append(4, 4);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.HeadNotVerified.selector, SPOKE, 4, 3));
        hub.deliver(SPOKE, streamOf(1, 4));
    }

    function test_GivenAStreamThatDoesNotFoldToTheHead_ItRevertsAndNeverQuarantines() external {
        verified(2);
        bytes memory wrong = bytes.concat(framed(entryOf(1)), framed(entryOf(3)));
        bytes32 folded = LogFold.fold(headAfter(1), leafOf(3));
        vm.expectRevert(
            abi.encodeWithSelector(IMessenger.HeadMismatch.selector, SPOKE, uint64(2), headAfter(2), folded)
        );
        hub.deliver(SPOKE, wrong);
        assertQuarantined(false);
    }

    function test_GivenAMalformedStream_ItRefuses() external {
        verified(2);
        refuses(IMessenger.NothingToDeliver.selector, "");
        refuses(IMessenger.StreamMalformed.selector, hex"00");
        refuses(IMessenger.StreamMalformed.selector, hex"01");
        refuses(IMessenger.StreamMalformed.selector, hex"0201");
        refuses(IMessenger.StreamMalformed.selector, bytes.concat(bytes1(uint8(98)), new bytes(98)));
        refuses(IMessenger.StreamMalformed.selector, bytes.concat(streamOf(1, 2), hex"05"));
        // VOID and CLOSED leaves carry their content alone: other lengths would fold alike, so they are refused.
        refuses(IMessenger.StreamMalformed.selector, framed(bytes.concat(voidBytes(1), hex"00")));
        refuses(IMessenger.StreamMalformed.selector, hex"02ff00");
        refuses(IMessenger.StreamMalformed.selector, bytes.concat(hex"01ff", framed(entryOf(1))));
    }

    function test_GivenAnUnknownOrQuarantinedPath_ItRefuses() external {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathUnknown.selector, 9));
        hub.deliver(9, streamOf(1, 1));
        verified(1);
        hub.quarantine(SPOKE);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathInQuarantine.selector, SPOKE));
        hub.deliver(SPOKE, streamOf(1, 1));
    }

    function test_GivenAVoidInTheChunk_TheEntryBeforeItHasNoEffect() external {
        append(1, 3);
        voidAs(writer, 2, 3);
        flushAndArrive();
        vm.expectEmit(address(hub));
        emit IMessenger.EntryVoided(SPOKE, 2);
        hub.deliver(SPOKE, bytes.concat(streamOf(1, 3), framed(voidBytes(2))));
        assertEnds(1, 1, 0);
        assertEnds(2, 0, 1);
        assertEnds(3, 1, 0);
        assertEq(handler.callCount(), 1, "a VOID rides along");
        assertEq(handler.callAt(0).voided[0], 2);
    }

    function test_GivenRunsOfTwoHandlersAndNone_EachRunIsOneCall() external {
        // 1 2 KIND | 3 OTHER | 4 none | 5 OTHER | 6 VOID(3) | 7 OTHER | 8 KIND
        uint8[8] memory kinds = [KIND, KIND, OTHER, UNHANDLED, OTHER, EntryKind.VOID, OTHER, KIND];
        bytes memory stream;
        bytes32 head = genesisOut();
        bytes32 beforeThree;
        for (uint256 i = 0; i < 8; ++i) {
            bytes memory entry = abi.encodePacked(kinds[i], i);
            if (i == 2) beforeThree = head;
            if (i == 5) {
                entry = voidBytes(3);
                bytes32[] memory after_ = new bytes32[](2);
                after_[0] = Entry.leafOf(abi.encodePacked(UNHANDLED, uint256(3)));
                after_[1] = Entry.leafOf(abi.encodePacked(OTHER, uint256(4)));
                vm.prank(writer);
                spoke.voidEntry(HUB, 3, beforeThree, Entry.leafOf(abi.encodePacked(OTHER, uint256(2))), after_);
                head = LogFold.fold(head, Entry.voidLeaf(3));
            } else {
                vm.prank(writer);
                spoke.append(HUB, entry);
                head = LogFold.fold(head, Entry.leafOf(entry));
            }
            stream = bytes.concat(stream, framed(entry));
        }
        flushAndArrive();
        vm.expectEmit(address(hub));
        emit IMessenger.EntryVoided(SPOKE, 3);
        vm.expectEmit(address(hub));
        emit IMessenger.EntryUnhandled(SPOKE, 4, UNHANDLED);
        hub.deliver(SPOKE, stream);

        assertEq(handler.callCount(), 2);
        assertEq(handler.callAt(0).firstSequence, 1);
        assertEq(handler.callAt(1).firstSequence, 8);
        assertEq(other.callCount(), 2);
        assertEq(other.callAt(0).firstSequence, 3);
        assertEq(other.callAt(0).voided[0], 1, "bits are relative to the run");
        assertEq(other.callAt(1).firstSequence, 5);
        assertEq(other.callAt(1).stream.length, framed(abi.encodePacked(OTHER, uint256(4))).length * 2 + 10);
        assertEq(other.appliedCount(SPOKE, 3), 0);
        assertEq(other.appliedCount(SPOKE, 5), 1);
        assertEq(other.appliedCount(SPOKE, 7), 1);
    }

    function test_GivenAVoidedEntryWithoutHandler_ItIsVoidedAndNotRefused() external {
        bytes memory entry = abi.encodePacked(UNHANDLED, uint8(1));
        vm.startPrank(writer);
        spoke.append(HUB, entry);
        spoke.voidEntry(HUB, 1, genesisOut(), Entry.leafOf(entry), noLeaves());
        vm.stopPrank();
        flushAndArrive();
        vm.recordLogs();
        hub.deliver(SPOKE, bytes.concat(framed(entry), framed(voidBytes(1))));
        assertEq(vm.getRecordedLogs().length, 2, "EntriesDelivered and EntryVoided");
    }

    function test_GivenAHandlerThatRevertsOrBurnsAllGas_TheWholeChunkIsAsBefore() external {
        verified(2);
        handler.setMood(HandlerMock.Mood.Reverts);
        vm.expectRevert(HandlerMock.HandlerRefuses.selector);
        hub.deliver(SPOKE, streamOf(1, 2));
        handler.setMood(HandlerMock.Mood.BurnsGas);
        (bool done, ) = address(hub).call{gas: 1_000_000}(abi.encodeCall(hub.deliver, (SPOKE, streamOf(1, 2))));
        assertFalse(done);
        assertEq(hub.inbox(SPOKE).consumed, 0);
        handler.setMood(HandlerMock.Mood.Calm);
        hub.deliver(SPOKE, streamOf(1, 2));
        assertEnds(1, 1, 0);
    }

    function test_GivenAnyCallerGas_ThereIsNoOutcomeBetweenAllAndNothing() external {
        verified(5);
        bytes memory call_ = abi.encodeCall(hub.deliver, (SPOKE, streamOf(1, 5)));
        for (uint256 gas_ = 30_000; gas_ < 3_000_000; gas_ += 30_000) {
            (bool done, ) = address(hub).call{gas: gas_}(call_);
            for (uint64 s = 1; s <= 5; ++s) assertEnds(s, done ? 1 : 0, 0);
            assertEq(hub.inbox(SPOKE).consumed, done ? 5 : 0);
            if (done) return;
        }
        fail();
    }

    function test_GivenAHandlerThatCallsBack_TheLockHolds() external {
        verified(1);
        append(2, 2);
        flushAndArrive();
        bytes[4] memory calls = [
            abi.encodeCall(hub.deliver, (SPOKE, streamOf(2, 2))),
            abi.encodeCall(hub.split, (SPOKE, 2, 1, headAfter(1), one(leafOf(2)))),
            abi.encodeCall(hub.flush, (SPOKE, stranger)),
            abi.encodeCall(hub.resend, (SPOKE, stranger))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            handler.setCallBack(address(hub), calls[i]);
            hub.deliver(SPOKE, streamOf(1, 1));
            assertFalse(handler.calledBack());
            assertEq(
                handler.callBackResult(),
                abi.encodePacked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
            );
            vm.revertToState(snapshot);
        }
    }

    function test_GivenAHandlerThatIsAWriter_ItMayAppendWhileItApplies() external {
        verified(1);
        hub.setWriter(EntryKind.RELEASE, address(handler));
        handler.setCallBack(
            address(hub),
            abi.encodeCall(hub.append, (SPOKE, abi.encodePacked(EntryKind.RELEASE, uint8(1))))
        );
        hub.deliver(SPOKE, streamOf(1, 1));
        assertTrue(handler.calledBack());
        assertEq(hub.outbox(SPOKE).sequence, 1);
    }

    function test_GivenClosed_WhenItIsDelivered_TheLogEnds() external {
        append(1, 1);
        spoke.close(HUB);
        flushAndArrive();
        vm.expectEmit(address(hub));
        emit IMessenger.PathClosed(SPOKE, 2);
        hub.deliver(SPOKE, bytes.concat(streamOf(1, 1), hex"01ff"));
        assertTrue(hub.inbox(SPOKE).closed);
        injectHead(3, LogFold.fold(hub.inbox(SPOKE).consumedHead, leafOf(2)));
        refuses(IMessenger.NothingToDeliver.selector, streamOf(2, 2));
    }

    /// @dev A log only a forging verifier set could attest: VOIDs that reach forwards, to themselves, and below the chunk.
    function test_GivenForgedVoids_OnlyEntriesBeforeTheVoidAreReached() external {
        bytes memory stream = bytes.concat(
            framed(voidBytes(2)),
            framed(entryOf(1)),
            framed(voidBytes(3)),
            framed(voidBytes(0)),
            framed(voidBytes(2))
        );
        bytes32 head = genesisOut();
        head = LogFold.fold(head, Entry.voidLeaf(2));
        head = LogFold.fold(head, leafOf(1));
        bytes32 prefix = head;
        head = LogFold.fold(LogFold.fold(head, Entry.voidLeaf(3)), Entry.voidLeaf(0));
        head = LogFold.fold(head, Entry.voidLeaf(2));
        injectHead(5, head);
        uint256 snapshot = vm.snapshotState();
        hub.deliver(SPOKE, stream);
        assertEnds(2, 0, 1);

        // The same cut in two chunks ends the same.
        vm.revertToState(snapshot);
        bytes32[] memory rest = new bytes32[](3);
        (rest[0], rest[1], rest[2]) = (Entry.voidLeaf(3), Entry.voidLeaf(0), Entry.voidLeaf(2));
        hub.split(SPOKE, 5, 2, prefix, rest);
        hub.deliver(SPOKE, bytes.concat(framed(voidBytes(2)), framed(entryOf(1))));
        assertEnds(2, 0, 1);
        hub.deliver(SPOKE, bytes.concat(framed(voidBytes(3)), framed(voidBytes(0)), framed(voidBytes(2))));
        assertEq(hub.inbox(SPOKE).consumed, 5);
    }

    function testFuzz_GivenAnyCutOfALogWithVoids_EachEntryEndsOnceAndTheSame(
        uint16 count,
        uint256 voidSeed,
        uint256 cutSeed
    ) external {
        count = uint16(bound(count, 1, 40));
        append(1, count);
        // Void about a third, in the order of the log.
        uint256 length = count;
        bytes32[] memory all = new bytes32[](2 * uint256(count));
        bytes[] memory entries = new bytes[](2 * uint256(count));
        for (uint256 s = 1; s <= count; ++s) (all[s - 1], entries[s - 1]) = (leafOf(s), entryOf(s));
        for (uint64 s = 1; s <= count; ++s) {
            if (uint256(keccak256(abi.encode(voidSeed, s))) % 3 != 0) continue;
            voidAs(writer, s, count);
            (all[length], entries[length]) = (Entry.voidLeaf(s), voidBytes(s));
            ++length;
        }
        flushAndArrive();
        // Walk backwards once, cutting where the seed says.
        uint256 from = length;
        for (uint256 to = length - 1; to > 0; --to) {
            if (uint256(keccak256(abi.encode(cutSeed, to))) % 4 != 0) continue;
            split(all, from, to);
            from = to;
        }
        // Deliver forwards.
        bytes memory stream;
        for (uint64 s = 1; s <= length; ++s) {
            stream = bytes.concat(stream, framed(entries[s - 1]));
            if (hub.verifiedHead(SPOKE, s) == 0) continue;
            hub.deliver(SPOKE, stream);
            stream = "";
        }
        assertEq(hub.inbox(SPOKE).consumed, length);
        assertEq(hub.inbox(SPOKE).consumedHead, spoke.outbox(HUB).head);
        for (uint64 s = 1; s <= count; ++s) {
            bool voided = spoke.isVoidedOutbound(HUB, s);
            assertEnds(s, voided ? 0 : 1, voided ? 1 : 0);
        }
    }

    function split(bytes32[] memory all, uint256 from, uint256 to) internal {
        bytes32 head = genesisOut();
        for (uint256 i = 0; i < to; ++i) head = LogFold.fold(head, all[i]);
        bytes32[] memory part = new bytes32[](from - to);
        for (uint256 i = 0; i < part.length; ++i) part[i] = all[to + i];
        hub.split(SPOKE, uint64(from), uint64(to), head, part);
    }
}
