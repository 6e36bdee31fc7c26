// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {MessengerFixture} from "./MessengerFixture.sol";

contract VoidTest is MessengerFixture {
    function test_GivenAnUnflushedEntry_WhenItsWriterVoidsIt_ItAppendsAVoidLeaf() external {
        append(1, 3);
        bytes32 expected = LogFold.fold(headAfter(3), Entry.voidLeaf(2));
        vm.expectEmit(address(spoke));
        emit IMessenger.EntryAppended(HUB, 4, expected, voidBytes(2));
        voidAs(writer, 2, 3);
        assertEq(spoke.outbox(HUB).head, expected);
        assertTrue(spoke.isVoidedOutbound(HUB, 2));
        assertFalse(spoke.isVoidedOutbound(HUB, 1));
        assertFalse(spoke.isVoidedOutbound(HUB, 3));
    }

    function test_GivenAnEntryProvedAgainstAnOlderHeadOfTheRing_ItIsVoided() external {
        append(1, 40);
        voidAs(writer, 2, 5);
        assertTrue(spoke.isVoidedOutbound(HUB, 2));
    }

    function test_GivenAnEntryOlderThanTheRing_WhenTheLeavesSinceAreGiven_ItIsVoided() external {
        append(1, 200);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.HeadNotInRing.selector, 136, 137, 200));
        voidAs(writer, 2, 136);
        voidAs(writer, 2, 137);
        assertTrue(spoke.isVoidedOutbound(HUB, 2));
    }

    function test_GivenTheFirstEntry_WhenItIsVoided_TheGenesisHeadIsTheHeadBefore() external {
        append(1, 1);
        voidAs(writer, 1, 1);
        assertTrue(spoke.isVoidedOutbound(HUB, 1));
    }

    function test_GivenAFlushedEntry_ItIsOutOfReach() external {
        append(1, 2);
        flush();
        append(3, 3);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.AlreadyFlushed.selector, 2, 2));
        voidAs(writer, 2, 3);
        voidAs(writer, 3, 3);
    }

    function test_GivenAVoidedEntry_WhenItIsVoidedAgain_ItRefuses() external {
        append(1, 2);
        voidAs(writer, 1, 2);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.AlreadyVoided.selector, 1));
        voidAs(writer, 1, 2);
    }

    function test_GivenAStranger_ItRefuses() external {
        append(1, 1);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.NotWriter.selector, KIND, stranger, writer));
        voidAs(stranger, 1, 1);
    }

    function test_GivenAWrongProof_ItRefuses() external {
        append(1, 3);
        bytes32 wrong = LogFold.fold(LogFold.fold(headAfter(1), leafOf(3)), leafOf(3));
        bytes32[] memory after_ = leaves(3, 3);
        bytes32 before = headAfter(1);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.HeadMismatch.selector, HUB, uint64(3), headAfter(3), wrong));
        vm.prank(writer);
        spoke.voidEntry(HUB, 2, before, leafOf(3), after_);
    }

    function test_GivenATrueLeafAtAnotherPlace_ItRefuses() external {
        append(1, 4);
        bytes32 before = headAfter(1);
        // Leaf of 2, proved against the head at 2, but claimed to be 3 by naming 3 as its sequence.
        bytes32 wrong = LogFold.fold(before, leafOf(2));
        vm.expectRevert(abi.encodeWithSelector(IMessenger.HeadMismatch.selector, HUB, uint64(3), headAfter(3), wrong));
        vm.prank(writer);
        spoke.voidEntry(HUB, 3, before, leafOf(2), noLeaves());
    }

    function test_GivenAHeadThatDoesNotExistYet_ItRefuses() external {
        append(1, 2);
        bytes32 before = headAfter(1);
        vm.startPrank(writer);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.HeadNotInRing.selector, 3, 0, 2));
        spoke.voidEntry(HUB, 3, before, leafOf(3), noLeaves());
        vm.expectRevert(abi.encodeWithSelector(IMessenger.HeadNotInRing.selector, type(uint64).max, 0, 2));
        spoke.voidEntry(HUB, type(uint64).max, before, leafOf(3), leaves(1, 2));
    }

    function test_GivenAVoidOrClosedLeaf_ItCannotBeVoided() external {
        append(1, 1);
        voidAs(writer, 1, 1);
        vm.startPrank(writer);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.KindReserved.selector, EntryKind.VOID));
        spoke.voidEntry(HUB, 2, headAfter(1), Entry.voidLeaf(1), noLeaves());
        vm.expectRevert(abi.encodeWithSelector(IMessenger.KindReserved.selector, EntryKind.CLOSED));
        spoke.voidEntry(HUB, 2, headAfter(1), Entry.closedLeaf(), noLeaves());
    }

    function test_GivenAClosedPath_NothingIsVoidedAnyMore() external {
        append(1, 1);
        spoke.close(HUB);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathClosedForWriting.selector, HUB, 2));
        voidAs(writer, 1, 1);
    }

    function test_GivenAnUnknownPath_ItRefuses() external {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathUnknown.selector, 9));
        vm.prank(writer);
        spoke.voidEntry(9, 1, 0, leafOf(1), noLeaves());
    }

    function test_GivenAQuarantinedPath_AnEntryCanStillBeVoided() external {
        append(1, 2);
        spoke.quarantine(HUB);
        voidAs(writer, 1, 2);
        assertTrue(spoke.isVoidedOutbound(HUB, 1));
    }

    function test_GivenAnEntryFee_AVoidIsFree() external {
        append(1, 1);
        spoke.setFlushPolicy(1 ether, 1);
        voidAs(writer, 1, 1);
    }

    function testFuzz_GivenALogAndARingHead_AnyUnflushedEntryIsVoidedOnceAndOthersAreNot(
        uint64 count,
        uint64 target,
        uint64 anchor,
        uint64 flushed
    ) external {
        count = uint64(bound(count, 1, 90));
        flushed = uint64(bound(flushed, 0, count - 1));
        target = uint64(bound(target, flushed + 1, count));
        uint64 oldest = count < 64 ? 0 : count - 63;
        anchor = uint64(bound(anchor, target > oldest ? target : oldest, count));
        if (flushed > 0) {
            append(1, flushed);
            flush();
        }
        append(flushed + 1, count);
        voidAs(writer, target, anchor);
        for (uint64 s = 1; s <= count + 1; ++s) {
            assertEq(spoke.isVoidedOutbound(HUB, s), s == target);
        }
    }
}
