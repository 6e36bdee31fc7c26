// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {OAppReceiver} from "@layerzerolabs/lz-evm-oapp-v2/contracts/oapp/OAppReceiver.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {PacketMock} from "../mocks/EndpointMock.sol";
import {MessengerFixture} from "./MessengerFixture.sol";
import {Deploy} from "../Deploy.sol";

contract GovernanceTest is MessengerFixture {
    function test_GivenAStranger_EveryPrivilegedFunctionRefuses() external {
        bytes[9] memory calls = [
            abi.encodeCall(hub.setPeer, (9, id(stranger))),
            abi.encodeCall(hub.setWriter, (KIND, stranger)),
            abi.encodeCall(hub.setHandler, (KIND, stranger)),
            abi.encodeCall(hub.setReceiveGas, (SPOKE, 1)),
            abi.encodeCall(hub.setFlushPolicy, (1, 1)),
            abi.encodeCall(hub.close, (SPOKE)),
            abi.encodeCall(hub.quarantine, (SPOKE)),
            abi.encodeCall(hub.rebase, (SPOKE, 0, 0, none())),
            abi.encodeCall(hub.setAuthority, (stranger))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(stranger);
            (bool done, bytes memory answer) = address(hub).call(calls[i]);
            assertFalse(done);
            assertEq(answer, abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        }
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger));
        hub.setDelegate(stranger);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger));
        hub.transferOwnership(stranger);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger));
        hub.renounceOwnership();
    }

    function test_GivenTheAccessManager_ItIsOwnerDelegateAndAuthority() external {
        assertEq(hub.owner(), address(manager));
        assertEq(hub.authority(), address(manager));
        assertEq(hubEndpoint.delegates(address(hub)), address(manager));
        manager.execute(address(hub), abi.encodeCall(hub.setDelegate, (flusher)));
        assertEq(hubEndpoint.delegates(address(hub)), flusher);
    }

    function test_GivenSettings_TheyAreReadBack() external {
        vm.expectEmit(address(hub));
        emit IMessenger.WriterSet(7, writer);
        hub.setWriter(7, writer);
        assertEq(hub.writerOf(7), writer);
        vm.expectEmit(address(hub));
        emit IMessenger.HandlerSet(8, stranger);
        hub.setHandler(8, stranger);
        assertEq(hub.handlerOf(8), stranger);
        vm.expectEmit(address(hub));
        emit IMessenger.ReceiveGasSet(SPOKE, 5);
        hub.setReceiveGas(SPOKE, 5);
        assertEq(hub.receiveGas(SPOKE), 5);
        vm.expectEmit(address(hub));
        emit IMessenger.FlushPolicySet(3, 4);
        hub.setFlushPolicy(3, 4);
        assertEq(hub.entryFee(), 3);
        assertEq(hub.minReimbursedEntries(), 4);
        assertEq(hub.localEid(), HUB);
        vm.expectRevert(
            abi.encodeWithSelector(SafeCast.SafeCastOverflowedUintDowncast.selector, 192, uint256(1) << 192)
        );
        hub.setFlushPolicy(uint256(1) << 192, 4);
    }

    function test_GivenReservedKinds_TheyGetNoWriterAndNoHandler() external {
        uint8[2] memory kinds = [EntryKind.VOID, EntryKind.CLOSED];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IMessenger.KindReserved.selector, kinds[i]));
            hub.setWriter(kinds[i], writer);
            vm.expectRevert(abi.encodeWithSelector(IMessenger.KindReserved.selector, kinds[i]));
            hub.setHandler(kinds[i], writer);
        }
    }

    function test_GivenUnflushedEntries_NoWriterChanges() external {
        append(1, 2);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.WriterBusy.selector, HUB, 2, 0));
        spoke.setWriter(KIND, stranger);
        flush();
        spoke.setWriter(KIND, stranger);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.AlreadyFlushed.selector, 1, 2));
        voidAs(stranger, 1, 2);
    }

    function test_GivenANewPath_ItStartsAtItsGenesis() external {
        (bytes32 outgoing, bytes32 incoming) = hub.genesis(SPOKE);
        assertEq(
            incoming,
            keccak256(abi.encode(keccak256("lockstep.log.v1"), SPOKE, id(address(spoke)), HUB, id(address(hub))))
        );
        assertEq(hub.outbox(SPOKE).head, outgoing);
        assertEq(hub.inbox(SPOKE).consumedHead, incoming);
        (bytes32 other, ) = spoke.genesis(HUB);
        assertEq(other, incoming);
    }

    function test_GivenAnInvalidPeer_ItRefuses() external {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PeerInvalid.selector, 9, bytes32(0)));
        hub.setPeer(9, 0);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PeerInvalid.selector, 9, id(address(hub))));
        hub.setPeer(9, id(address(hub)));
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PeerInvalid.selector, HUB, id(address(spoke))));
        hub.setPeer(HUB, id(address(spoke)));
    }

    function peerInUse() internal {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PeerInUse.selector, SPOKE, id(address(spoke))));
    }

    /// @dev Both directions closed and consumed.
    function closeBoth() internal {
        spoke.close(HUB);
        flushAndArrive();
        hub.deliver(SPOKE, bytes.concat(streamOf(1, spoke.outbox(HUB).sequence - 1), hex"01ff"));
        hub.close(SPOKE);
        hub.flush(SPOKE, flusher);
    }

    /// @dev The spoke consumes the hub's CLOSED, and a checkpoint of it says so.
    function acknowledge() internal {
        PacketMock memory closed = hubEndpoint.sent(hubEndpoint.sentCount() - 1);
        spokeEndpoint.inject(address(spoke), closed.origin, closed.message);
        spoke.deliver(HUB, hex"01ff");
        spoke.resend(HUB, flusher);
        arrive(lastPacket());
    }

    function test_GivenALivePath_ThePeerStays() external {
        Messenger next = Deploy.messenger(address(spokeEndpoint), address(manager));
        peerInUse();
        hub.setPeer(SPOKE, id(address(next)));
        append(1, 1);
        spoke.close(HUB);
        flushAndArrive();
        hub.deliver(SPOKE, bytes.concat(streamOf(1, 1), hex"01ff"));
        peerInUse();
        hub.setPeer(SPOKE, id(address(next)));
        hub.close(SPOKE);
        peerInUse();
        hub.setPeer(SPOKE, id(address(next)));
        hub.flush(SPOKE, flusher);
        // Flushed is not consumed: the packet may be lost, and only the old peer's path can carry another.
        peerInUse();
        hub.setPeer(SPOKE, id(address(next)));
        acknowledge();
        hub.setPeer(SPOKE, id(address(next)));
        assertEq(hub.peers(SPOKE), id(address(next)));
    }

    function test_GivenAClosedPath_ANewPeerStartsWithAnEmptyLog() external {
        append(1, 3);
        voidAs(writer, 2, 3);
        voidAs(writer, 1, 3);
        spoke.close(HUB);
        PacketMock memory old = flush();
        flushedAndClosed(old);

        Messenger next = Deploy.messenger(address(spokeEndpoint), address(manager));
        hub.setPeer(SPOKE, id(address(next)));
        next.setPeer(HUB, id(address(hub)));
        IMessenger.InboxView memory box = hub.inbox(SPOKE);
        assertEq(box.consumed, 0);
        assertEq(box.verified, 0);
        assertFalse(box.closed);
        assertEq(hub.verifiedHead(SPOKE, 6), 0, "heads of the old log are out of reach");
        assertEq(hub.outbox(SPOKE).sequence, 0);
        assertEq(hub.headInRing(SPOKE, 1), 0);
        assertFalse(hub.isVoidedInbound(SPOKE, 1));

        next.setWriter(KIND, writer);
        vm.prank(writer);
        next.append(HUB, entryOf(1));
        next.flush(HUB, flusher);
        arrive(lastPacket());
        hub.deliver(SPOKE, streamOf(1, 1));
        assertEq(hub.inbox(SPOKE).consumed, 1);
        vm.expectRevert(abi.encodeWithSelector(OAppReceiver.OnlyEndpoint.selector, address(this)));
        hub.lzReceive(old.origin, old.guid, old.message, address(0), "");
    }

    function flushedAndClosed(PacketMock memory p) internal {
        arrive(p);
        hub.deliver(SPOKE, bytes.concat(streamOf(1, 3), framed(voidBytes(2)), framed(voidBytes(1)), hex"01ff"));
        hub.close(SPOKE);
        hub.flush(SPOKE, flusher);
        acknowledge();
    }

    function test_GivenAPeerThatWasUsedBefore_ItNeverComesBack() external {
        closeBoth();
        acknowledge();
        peerInUse();
        hub.setPeer(SPOKE, id(address(spoke)));
    }

    function test_GivenAQuarantinedClosedPath_ThePeerStays() external {
        closeBoth();
        hub.quarantine(SPOKE);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathInQuarantine.selector, SPOKE));
        hub.setPeer(SPOKE, id(stranger));
    }

    function test_GivenTheGuardian_ItQuarantinesAndTwiceIsNoError() external {
        vm.expectEmit(address(hub));
        emit IMessenger.PathQuarantined(SPOKE, IMessenger.Conflict.Reported, 0, genesisOut(), genesisOut());
        hub.quarantine(SPOKE);
        hub.quarantine(SPOKE);
        assertQuarantined(true);
        assertTrue(hub.inbox(SPOKE).quarantined);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathUnknown.selector, 9));
        hub.quarantine(9);
    }

    function test_GivenAQuarantinedPath_OthersGoOn() external {
        Messenger third = Deploy.messenger(address(spokeEndpoint), address(manager));
        hub.setPeer(3, id(address(third)));
        hub.quarantine(3);
        verified(1);
        hub.deliver(SPOKE, streamOf(1, 1));
    }

    function none() private pure returns (IMessenger.Corrections[] memory) {
        return new IMessenger.Corrections[](0);
    }

    function corrections(uint8 kind, bytes memory data) private pure returns (IMessenger.Corrections[] memory list) {
        list = new IMessenger.Corrections[](1);
        list[0] = IMessenger.Corrections(kind, data);
    }

    function test_GivenAHealthyPath_ItIsNotRebased() external {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathNotQuarantined.selector, SPOKE));
        hub.rebase(SPOKE, 0, genesisOut(), none());
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathUnknown.selector, 9));
        hub.rebase(9, 0, genesisOut(), none());
    }

    function test_GivenAReorgDeeperThanFinality_RebaseReopensOnTheNewBranch() external {
        // The hub consumed 1 2 3; the branch that won has 1 7.
        append(1, 1);
        uint256 before = vm.snapshotState();
        append(2, 5);
        voidAs(writer, 2, 5);
        PacketMock memory orphan = flush();
        bytes32[] memory part = new bytes32[](3);
        (part[0], part[1], part[2]) = (leafOf(4), leafOf(5), bytes32((uint256(0xF0) << 248) | 2));
        vm.revertToState(before);
        arrive(orphan);
        hub.split(SPOKE, 6, 3, headAfter(3), part);
        hub.deliver(SPOKE, streamOf(1, 3));
        assertTrue(hub.isVoidedInbound(SPOKE, 2));

        append(7, 7);
        PacketMock memory won = flush();
        won.origin.nonce = 2;
        hubEndpoint.inject(address(hub), won.origin, won.message);
        assertQuarantined(false);
        // The spoke sees the hub's ack of an entry it does not have.
        hub.resend(SPOKE, flusher);
        PacketMock memory ack = hubEndpoint.sent(0);
        spokeEndpoint.inject(address(spoke), ack.origin, ack.message);
        assertTrue(spoke.isQuarantined(HUB), "ack ahead");
        hub.quarantine(SPOKE);

        vm.expectEmit(address(hub));
        emit IMessenger.PathRebased(SPOKE, 1, headAfter(1));
        hub.rebase(SPOKE, 1, headAfter(1), corrections(KIND, "take back 2 and 3"));
        assertEq(handler.corrections(), "take back 2 and 3");
        assertEq(handler.correctedAt(), 1);
        IMessenger.InboxView memory box = hub.inbox(SPOKE);
        assertEq(box.consumed, 1);
        assertEq(box.verified, 1);
        assertFalse(box.quarantined);
        assertEq(hub.verifiedHead(SPOKE, 6), 0, "heads of the old branch are forgotten");
        assertFalse(hub.isVoidedInbound(SPOKE, 2), "and so are its VOIDs");
        assertEq(hub.epochOf(SPOKE), 2);
        assertFalse(hub.isForgotten(SPOKE, 1, 1), "what both branches have stays");
        assertTrue(hub.isForgotten(SPOKE, 1, 2), "what only the old one had does not");
        assertFalse(hub.isForgotten(SPOKE, 2, 2), "the new one's own entries are another matter");

        // The spoke is re-opened where it was, and both go on.
        (, bytes32 incoming) = spoke.genesis(HUB);
        spoke.rebase(HUB, 0, incoming, none());
        spoke.resend(HUB, flusher);
        PacketMock memory again = lastPacket();
        hubEndpoint.inject(address(hub), again.origin, again.message);
        hub.deliver(SPOKE, streamOf(7, 7));
        assertEq(hub.inbox(SPOKE).consumedHead, spoke.outbox(HUB).head);
        hub.resend(SPOKE, flusher);
        ack = hubEndpoint.sent(1);
        spokeEndpoint.inject(address(spoke), ack.origin, ack.message);
        assertFalse(spoke.isQuarantined(HUB));
        assertEq(spoke.outbox(HUB).acknowledged, 2);
    }

    function test_GivenCorrectionsWithoutHandler_ItRefuses() external {
        hub.quarantine(SPOKE);
        bytes32 head = genesisOut();
        vm.expectRevert(abi.encodeWithSelector(IMessenger.HandlerUnknown.selector, uint8(0x55)));
        hub.rebase(SPOKE, 0, head, corrections(0x55, "x"));
    }

    function test_GivenAConsumedClosed_OnlyARebaseToAnotherPlaceReopensTheLog() external {
        closeBoth();
        IMessenger.InboxView memory box = hub.inbox(SPOKE);
        hub.quarantine(SPOKE);
        hub.rebase(SPOKE, box.consumed, box.consumedHead, none());
        assertTrue(hub.inbox(SPOKE).closed);
        hub.quarantine(SPOKE);
        hub.rebase(SPOKE, 0, genesisOut(), none());
        assertFalse(hub.inbox(SPOKE).closed);
    }

    function test_GivenClose_TheLogEndsOnce() external {
        vm.expectEmit(address(spoke));
        emit IMessenger.EntryAppended(HUB, 1, LogFold.fold(genesisOut(), bytes32(uint256(0xFF) << 248)), hex"ff");
        assertEq(spoke.close(HUB), 1);
        assertTrue(spoke.outbox(HUB).closed);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathClosedForWriting.selector, HUB, 1));
        spoke.close(HUB);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathUnknown.selector, 9));
        spoke.close(9);
    }
}
