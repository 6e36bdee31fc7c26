// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {OAppReceiver} from "@layerzerolabs/lz-evm-oapp-v2/contracts/oapp/OAppReceiver.sol";
import {IOAppCore} from "@layerzerolabs/lz-evm-oapp-v2/contracts/oapp/interfaces/IOAppCore.sol";
import {Origin} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {CheckpointCodec} from "../../src/message/Checkpoint.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {PacketMock} from "../mocks/EndpointMock.sol";
import {MessengerFixture} from "./MessengerFixture.sol";

contract ReceiveTest is MessengerFixture {
    function expectQuarantine(
        IMessenger.Conflict conflict,
        uint64 sequence,
        bytes32 expected,
        bytes32 actual
    ) internal {
        vm.expectEmit(address(hub));
        emit IMessenger.PathQuarantined(SPOKE, conflict, sequence, expected, actual);
    }

    function test_GivenACheckpoint_WhenItArrives_ItsHeadIsVerified() external {
        append(1, 3);
        PacketMock memory p = flush();
        hubEndpoint.verify(p);
        vm.expectEmit(address(hub));
        emit IMessenger.CheckpointReceived(SPOKE, 3, headAfter(3));
        hubEndpoint.execute(p);
        assertEq(hub.verifiedHead(SPOKE, 3), headAfter(3));
        assertEq(hub.verifiedHead(SPOKE, 2), 0);
        assertEq(hub.inbox(SPOKE).verified, 3);
        assertEq(hub.inbox(SPOKE).consumed, 0);
    }

    function test_GivenAnOlderCheckpointAfterANewerOne_BothHeadsAreKept() external {
        injectHead(5, headAfter(5));
        injectHead(2, headAfter(2));
        assertEq(hub.inbox(SPOKE).verified, 5);
        assertEq(hub.verifiedHead(SPOKE, 2), headAfter(2));
        assertQuarantined(false);
    }

    function test_GivenTheSameCheckpointTwice_TheSecondIsDropped() external {
        injectHead(2, headAfter(2));
        vm.expectEmit(address(hub));
        emit IMessenger.CheckpointDropped(SPOKE, 2, headAfter(2));
        injectHead(2, headAfter(2));
        assertQuarantined(false);
    }

    function test_GivenACheckpointBelowTheConsumedSequence_WhenItAgreesOrIsUnknown_ItIsDropped() external {
        verified(3);
        hub.deliver(SPOKE, streamOf(1, 3));
        append(4, 5);
        flushAndArrive();
        hub.deliver(SPOKE, streamOf(4, 5));
        injectHead(3, headAfter(3));
        injectHead(5, headAfter(5));
        injectHead(4, bytes32(uint256(1)));
        injectHead(0, genesisOut());
        assertQuarantined(false);
        assertEq(hub.verifiedHead(SPOKE, 4), 0, "a head below the consumed one is never stored");
    }

    function test_GivenTwoHeadsForOneSequence_ThePathIsQuarantined() external {
        injectHead(2, headAfter(2));
        expectQuarantine(IMessenger.Conflict.TwoHeads, 2, headAfter(2), bytes32(uint256(1)));
        injectHead(2, bytes32(uint256(1)));
        assertQuarantined(true);
        assertEq(hub.verifiedHead(SPOKE, 2), headAfter(2), "the first stays");
    }

    function test_GivenAnotherHeadForAConsumedBoundary_ThePathIsQuarantined() external {
        verified(2);
        hub.deliver(SPOKE, streamOf(1, 2));
        append(3, 3);
        flushAndArrive();
        hub.deliver(SPOKE, streamOf(3, 3));
        expectQuarantine(IMessenger.Conflict.TwoHeads, 2, headAfter(2), bytes32(uint256(1)));
        injectHead(2, bytes32(uint256(1)));
    }

    function test_GivenAnotherHeadForTheConsumedSequence_ThePathIsQuarantined() external {
        verified(2);
        hub.deliver(SPOKE, streamOf(1, 2));
        expectQuarantine(IMessenger.Conflict.ConsumedHeadMismatch, 2, headAfter(2), bytes32(uint256(1)));
        injectHead(2, bytes32(uint256(1)));
    }

    function test_GivenAnotherGenesis_ThePathIsQuarantined() external {
        expectQuarantine(IMessenger.Conflict.ConsumedHeadMismatch, 0, genesisOut(), bytes32(uint256(1)));
        injectHead(0, bytes32(uint256(1)));
    }

    function test_GivenAnAckAheadOfTheOwnLog_ThePathIsQuarantined() external {
        (bytes32 own, ) = hub.genesis(SPOKE);
        expectQuarantine(IMessenger.Conflict.AckAhead, 1, own, bytes32(uint256(1)));
        inject(0, genesisOut(), 1, bytes32(uint256(1)));
    }

    function test_GivenAnAckWithAnotherHead_ThePathIsQuarantined() external {
        (bytes32 own, ) = hub.genesis(SPOKE);
        expectQuarantine(IMessenger.Conflict.AckHeadMismatch, 0, own, bytes32(uint256(1)));
        inject(0, genesisOut(), 0, bytes32(uint256(1)));
    }

    /// @dev The spoke's side of an ack: it appended `count`, flushed at `flushed`, and the hub acks.
    function ackToSpoke(uint64 sequence, bytes32 head) internal {
        (, bytes32 incoming) = spoke.genesis(HUB);
        bytes memory message = abi.encodePacked(uint8(1), uint64(0), incoming, sequence, head);
        spokeEndpoint.inject(address(spoke), Origin(HUB, id(address(hub)), 1), message);
    }

    function test_GivenAcksInAnyOrder_TheHighestComparableOneCounts() external {
        append(1, 10);
        ackToSpoke(4, headAfter(4));
        assertEq(spoke.outbox(HUB).acknowledged, 4);
        ackToSpoke(2, headAfter(2));
        assertEq(spoke.outbox(HUB).acknowledged, 4, "an older ack changes nothing");
        ackToSpoke(10, headAfter(10));
        assertEq(spoke.outbox(HUB).acknowledged, 10);
        assertFalse(spoke.isQuarantined(HUB));
        ackToSpoke(3, headAfter(4));
        assertTrue(spoke.isQuarantined(HUB), "an older ack is compared all the same");
    }

    function test_GivenAnAckOutsideTheRing_ItCountsAtAFlushBoundaryAndIsIgnoredElsewhere() external {
        append(1, 5);
        flush();
        append(6, 100);
        ackToSpoke(4, bytes32(uint256(1)));
        assertEq(spoke.outbox(HUB).acknowledged, 0, "not comparable: neither proof nor conflict");
        assertFalse(spoke.isQuarantined(HUB));
        ackToSpoke(5, headAfter(5));
        assertEq(spoke.outbox(HUB).acknowledged, 5);
        ackToSpoke(5, bytes32(uint256(1)));
        assertTrue(spoke.isQuarantined(HUB));
    }

    function test_GivenTheEdgesOfTheRing_AcksAreComparedThere() external {
        append(1, 100);
        ackToSpoke(37, headAfter(37));
        assertEq(spoke.outbox(HUB).acknowledged, 37);
        ackToSpoke(36, bytes32(uint256(1)));
        assertFalse(spoke.isQuarantined(HUB), "36 has left the ring");
        ackToSpoke(37, bytes32(uint256(1)));
        assertTrue(spoke.isQuarantined(HUB));
    }

    function test_GivenAMalformedCheckpoint_ItIsRefused() external {
        Origin memory origin = Origin(SPOKE, id(address(spoke)), 1);
        vm.expectRevert(abi.encodeWithSelector(CheckpointCodec.CheckpointMalformed.selector, 0, 81, 0, 1));
        hubEndpoint.inject(address(hub), origin, "");
        bytes memory old = bytes.concat(bytes1(uint8(2)), new bytes(80));
        vm.expectRevert(abi.encodeWithSelector(CheckpointCodec.CheckpointMalformed.selector, 81, 81, 2, 1));
        hubEndpoint.inject(address(hub), origin, old);
    }

    function test_GivenAnotherSenderOrCaller_ItIsRefused() external {
        vm.expectRevert(abi.encodeWithSelector(IOAppCore.OnlyPeer.selector, SPOKE, id(stranger)));
        hubEndpoint.inject(address(hub), Origin(SPOKE, id(stranger), 1), "");
        vm.expectRevert(abi.encodeWithSelector(IOAppCore.NoPeer.selector, 9));
        hubEndpoint.inject(address(hub), Origin(9, id(address(spoke)), 1), "");
        vm.expectRevert(abi.encodeWithSelector(OAppReceiver.OnlyEndpoint.selector, address(this)));
        hub.lzReceive(Origin(SPOKE, id(address(spoke)), 1), 0, "", address(0), "");
    }

    function test_GivenValueFromTheExecutor_ItGoesToTheFundAndChangesNothing() external {
        append(1, 1);
        PacketMock memory p = flush();
        hubEndpoint.verify(p);
        vm.deal(address(this), 5);
        hubEndpoint.execute{value: 5}(p);
        assertEq(hub.flushFund(), 5);
        assertEq(hub.verifiedHead(SPOKE, 1), headAfter(1));
    }

    function test_GivenTooLittleGas_NothingChangesAndItCanBeTriedAgain() external {
        append(1, 1);
        PacketMock memory p = flush();
        hubEndpoint.verify(p);
        for (uint256 gas_ = 5_000; gas_ <= 100_000; gas_ += 5_000) {
            (bool done, ) = address(hubEndpoint).call{gas: gas_}(abi.encodeCall(hubEndpoint.execute, (p)));
            assertEq(hub.verifiedHead(SPOKE, 1) != 0, done, "all or nothing");
            if (done) return;
        }
        hubEndpoint.execute(p);
        assertEq(hub.verifiedHead(SPOKE, 1), headAfter(1));
    }

    function test_GivenAQuarantinedPath_CheckpointsAreStillTaken() external {
        hub.quarantine(SPOKE);
        verified(1);
        assertEq(hub.verifiedHead(SPOKE, 1), headAfter(1));
    }

    function testFuzz_GivenAnyCheckpointFromThePeer_ItNeverFails(uint64 s, bytes32 h, uint64 a, bytes32 ah) external {
        append(1, 3);
        flushAndArrive();
        hub.deliver(SPOKE, streamOf(1, 3));
        inject(s, h, a, ah);
        assertEq(hub.inbox(SPOKE).consumed, 3);
    }
}
