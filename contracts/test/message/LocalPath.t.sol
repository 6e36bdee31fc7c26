// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Checkpoint} from "../../src/message/Checkpoint.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {MessengerFixture} from "./MessengerFixture.sol";

/// @notice The path of the hub chain's own vault: both directions are one log.
contract LocalPathTest is MessengerFixture {
    bytes32 internal genesis;

    function setUp() public override {
        super.setUp();
        hub.setPeer(HUB, id(address(hub)));
        hub.setWriter(KIND, writer);
        genesis = LogFold.genesis(HUB, id(address(hub)), HUB, id(address(hub)));
        hubEndpoint.setFee(1 ether);
    }

    function write(uint256 salt) internal {
        vm.prank(writer);
        hub.append(HUB, entryOf(salt));
    }

    function test_GivenEntries_WhenFlushed_TheCheckpointIsVerifiedInTheSameTransaction() external {
        write(1);
        write(2);
        bytes32 head = LogFold.fold(LogFold.fold(genesis, leafOf(1)), leafOf(2));
        assertEq(hub.quoteFlush(HUB), 0);
        vm.expectEmit(address(hub));
        emit IMessenger.Flushed(HUB, 2, head, 0, genesis, bytes32(0), 0);
        vm.expectEmit(address(hub));
        emit IMessenger.CheckpointReceived(HUB, 2, head);
        assertEq(hub.flush(HUB, flusher), bytes32(0));
        assertEq(hubEndpoint.sentCount(), 0);

        hub.deliver(HUB, streamOf(1, 2));
        assertEq(handler.appliedCount(HUB, 2), 1);
        hub.resend(HUB, flusher);
        assertEq(hub.outbox(HUB).acknowledged, 2, "the ack of the own inbox");
        assertFalse(hub.isQuarantined(HUB));
    }

    function test_GivenValue_ItIsRefundedWhole() external {
        write(1);
        vm.prank(flusher);
        hub.flush{value: 3}(HUB, makeAddr("refund"));
        assertEq(makeAddr("refund").balance, 3);
    }

    function test_GivenABatchOfEnoughEntries_NothingIsReimbursedBecauseNothingIsPaid() external {
        hub.setFlushPolicy(2, 1);
        vm.prank(writer);
        hub.append{value: 2}(HUB, entryOf(1));
        hub.flush(HUB, flusher);
        assertEq(hub.flushFund(), 2);
    }

    function test_GivenAVoid_ItHoldsOnTheSameChainToo() external {
        write(1);
        vm.prank(writer);
        hub.voidEntry(HUB, 1, genesis, leafOf(1), noLeaves());
        hub.flush(HUB, flusher);
        hub.deliver(HUB, bytes.concat(streamOf(1, 1), framed(voidBytes(1))));
        assertEq(handler.appliedCount(HUB, 1), 0);
        assertEq(handler.voidedCount(HUB, 1), 1);
    }

    function test_GivenTheLogIsClosed_OneLeafEndsBothDirections() external {
        write(1);
        hub.close(HUB);
        hub.flush(HUB, flusher);
        hub.deliver(HUB, bytes.concat(streamOf(1, 1), framed(abi.encodePacked(EntryKind.CLOSED))));
        assertTrue(hub.inbox(HUB).closed);
        assertTrue(hub.outbox(HUB).closed);
        assertEq(hub.inbox(HUB).consumedHead, hub.outbox(HUB).head);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PeerInUse.selector, HUB, id(address(hub))));
        hub.setPeer(HUB, id(address(hub)));
    }

    function testFuzz_GivenAnyMix_TheInboxFollowsTheOutbox(uint8[20] calldata steps) external {
        uint256 salt = 0;
        for (uint256 i = 0; i < steps.length; ++i) {
            IMessenger.OutboxView memory box = hub.outbox(HUB);
            uint64 consumed = hub.inbox(HUB).consumed;
            if (steps[i] % 3 == 0) write(++salt);
            else if (steps[i] % 3 == 1 && box.sequence > box.flushed) hub.flush(HUB, flusher);
            else if (box.flushed > consumed) hub.deliver(HUB, streamOf(consumed + 1, box.flushed));
            assertLe(hub.inbox(HUB).consumed, hub.inbox(HUB).verified);
            assertEq(hub.inbox(HUB).verified, hub.outbox(HUB).flushed);
            assertFalse(hub.isQuarantined(HUB));
        }
    }
}
