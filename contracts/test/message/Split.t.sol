// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Entry} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {MessengerFixture} from "./MessengerFixture.sol";

contract SplitTest is MessengerFixture {
    function refuses(bytes memory error, uint64 from, uint64 to, bytes32 head, bytes32[] memory part) internal {
        vm.expectRevert(error);
        hub.split(SPOKE, from, to, head, part);
    }

    function test_GivenAVerifiedHead_WhenTheLeavesBelowItAreWalked_TheEarlierHeadIsVerified() external {
        verified(5);
        vm.expectEmit(address(hub));
        emit IMessenger.HeadSplit(SPOKE, 5, 2, headAfter(2));
        vm.prank(stranger);
        hub.split(SPOKE, 5, 2, headAfter(2), leaves(3, 5));
        assertEq(hub.verifiedHead(SPOKE, 2), headAfter(2));
        assertEq(hub.inbox(SPOKE).verified, 5);
        hub.deliver(SPOKE, streamOf(1, 2));
        hub.deliver(SPOKE, streamOf(3, 5));
    }

    function test_GivenABacklog_ItIsCutByWalkingBackwardsOnce() external {
        verified(30);
        hub.split(SPOKE, 30, 20, headAfter(20), leaves(21, 30));
        hub.split(SPOKE, 20, 10, headAfter(10), leaves(11, 20));
        hub.deliver(SPOKE, streamOf(1, 10));
        hub.deliver(SPOKE, streamOf(11, 20));
        hub.deliver(SPOKE, streamOf(21, 30));
        assertEq(hub.inbox(SPOKE).consumed, 30);
    }

    function test_GivenVoidsBetween_ThoseThatReachTheNewEndOrBelowAreKept() external {
        append(1, 4);
        voidAs(writer, 1, 4);
        voidAs(writer, 3, 4);
        flushAndArrive();
        bytes32[] memory part = new bytes32[](4);
        (part[0], part[1], part[2], part[3]) = (leafOf(3), leafOf(4), Entry.voidLeaf(1), Entry.voidLeaf(3));
        hub.split(SPOKE, 6, 2, headAfter(2), part);
        assertTrue(hub.isVoidedInbound(SPOKE, 1));
        assertFalse(hub.isVoidedInbound(SPOKE, 3), "found again when its own chunk is read");
        hub.deliver(SPOKE, streamOf(1, 2));
        assertEq(handler.appliedCount(SPOKE, 1), 0);
        assertEq(handler.voidedCount(SPOKE, 1), 1);
        hub.deliver(SPOKE, bytes.concat(streamOf(3, 4), framed(voidBytes(1)), framed(voidBytes(3))));
        assertEq(handler.appliedCount(SPOKE, 3), 0);
        assertEq(handler.appliedCount(SPOKE, 4), 1);
    }

    function test_GivenAVoidAcrossTwoSplits_ItReachesTheFirstChunk() external {
        append(1, 6);
        voidAs(writer, 2, 6);
        flushAndArrive();
        bytes32[] memory part = new bytes32[](3);
        (part[0], part[1], part[2]) = (leafOf(5), leafOf(6), Entry.voidLeaf(2));
        hub.split(SPOKE, 7, 4, headAfter(4), part);
        hub.split(SPOKE, 4, 2, headAfter(2), leaves(3, 4));
        hub.deliver(SPOKE, streamOf(1, 2));
        assertEq(handler.voidedCount(SPOKE, 2), 1);
        assertEq(handler.appliedCount(SPOKE, 2), 0);
    }

    function test_GivenVoidsFarApart_BitmapsOfSeveralWordsAreRead() external {
        append(1, 600);
        uint64[4] memory targets = [uint64(255), 256, 511, 512];
        bytes32[] memory part = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            voidAs(writer, targets[i], 600);
            part[i] = Entry.voidLeaf(targets[i]);
        }
        flushAndArrive();
        hub.split(SPOKE, 604, 600, headAfter(600), part);
        hub.split(SPOKE, 600, 250, headAfter(250), leaves(251, 600));
        hub.deliver(SPOKE, streamOf(1, 250));
        hub.deliver(SPOKE, streamOf(251, 600));
        for (uint64 s = 1; s <= 600; ++s) {
            bool voided = s == 255 || s == 256 || s == 511 || s == 512;
            assertEq(handler.voidedCount(SPOKE, s), voided ? 1 : 0);
            assertEq(handler.appliedCount(SPOKE, s), voided ? 0 : 1);
        }
    }

    function test_GivenNoVerifiedHeadAtTheStart_ItRefuses() external {
        verified(3);
        refuses(
            abi.encodeWithSelector(IMessenger.HeadNotVerified.selector, SPOKE, 2, 3),
            2,
            1,
            headAfter(1),
            leaves(2, 2)
        );
        refuses(
            abi.encodeWithSelector(IMessenger.HeadNotVerified.selector, SPOKE, 4, 3),
            4,
            3,
            headAfter(3),
            leaves(4, 4)
        );
    }

    function test_GivenARangeOutside_ItRefuses() external {
        verified(3);
        hub.split(SPOKE, 3, 2, headAfter(2), leaves(3, 3));
        hub.deliver(SPOKE, streamOf(1, 2));
        refuses(abi.encodeWithSelector(IMessenger.SplitOutOfRange.selector, 3, 1, 2), 3, 1, headAfter(1), leaves(2, 3));
        refuses(abi.encodeWithSelector(IMessenger.SplitOutOfRange.selector, 3, 3, 2), 3, 3, headAfter(3), noLeaves());
        refuses(abi.encodeWithSelector(IMessenger.SplitOutOfRange.selector, 2, 3, 2), 2, 3, headAfter(3), noLeaves());
    }

    function test_GivenAnotherNumberOfLeaves_ItRefuses() external {
        verified(4);
        // Head and leaf are true, but the head stands at 3: without the count it would be stored for 1.
        refuses(abi.encodeWithSelector(IMessenger.LeavesMismatch.selector, 1, 3), 4, 1, headAfter(3), leaves(4, 4));
    }

    function test_GivenLeavesThatDoNotFoldToTheHead_ItRefuses() external {
        verified(3);
        bytes32 wrong = LogFold.fold(headAfter(1), leafOf(3));
        refuses(
            abi.encodeWithSelector(IMessenger.HeadMismatch.selector, SPOKE, uint64(3), headAfter(3), wrong),
            3,
            2,
            headAfter(1),
            leaves(3, 3)
        );
        assertFalse(hub.isVoidedInbound(SPOKE, 1));
    }

    function test_GivenASplitToTheConsumedSequence_WhenTheHeadAgrees_NothingHappens() external {
        verified(3);
        hub.split(SPOKE, 3, 0, genesisOut(), leaves(1, 3));
        assertQuarantined(false);
        assertEq(hub.inbox(SPOKE).verified, 3);
    }

    function test_GivenAVerifiedHeadOfAnotherBranch_WhenItIsSplitToTheConsumedSequence_ThePathIsQuarantined() external {
        verified(2);
        hub.deliver(SPOKE, streamOf(1, 2));
        bytes32 fork = keccak256("head at 2 on the branch that won");
        injectHead(3, LogFold.fold(fork, leafOf(9)));
        vm.expectEmit(address(hub));
        emit IMessenger.PathQuarantined(SPOKE, IMessenger.Conflict.ConsumedHeadMismatch, 2, headAfter(2), fork);
        hub.split(SPOKE, 3, 2, fork, one(leafOf(9)));
    }

    function test_GivenAnotherVerifiedHeadAtTheNewEnd_ThePathIsQuarantined() external {
        verified(2);
        bytes32 fork = keccak256("head at 2 on the branch that won");
        injectHead(3, LogFold.fold(fork, leafOf(9)));
        vm.expectEmit(address(hub));
        emit IMessenger.PathQuarantined(SPOKE, IMessenger.Conflict.TwoHeads, 2, headAfter(2), fork);
        hub.split(SPOKE, 3, 2, fork, one(leafOf(9)));
        assertEq(hub.verifiedHead(SPOKE, 2), headAfter(2));
    }

    function test_GivenAnUnknownOrQuarantinedPath_ItRefuses() external {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathUnknown.selector, 9));
        hub.split(9, 2, 1, 0, noLeaves());
        verified(2);
        hub.quarantine(SPOKE);
        refuses(abi.encodeWithSelector(IMessenger.PathInQuarantine.selector, SPOKE), 2, 1, headAfter(1), leaves(2, 2));
    }

    function testFuzz_GivenAnyClaim_OnlyTrueHeadsBecomeVerified(
        uint64 from,
        uint64 to,
        bytes32 head,
        uint8 lie
    ) external {
        verified(12);
        from = uint64(bound(from, 0, 13));
        to = uint64(bound(to, 0, 13));
        bytes32[] memory part = from > to && from <= 12 ? leaves(to + 1, from) : noLeaves();
        if (lie % 4 == 1 && part.length > 0) part[0] = head;
        bytes32 claim = lie % 4 == 2 ? head : headAfter(to);
        try hub.split(SPOKE, from, to, claim, part) {
            assertEq(from, 12);
            assertEq(claim, headAfter(to));
        } catch {}
        for (uint64 s = 1; s <= 13; ++s) {
            bytes32 stored = hub.verifiedHead(SPOKE, s);
            assertTrue(stored == 0 || stored == headAfter(s));
        }
    }
}
