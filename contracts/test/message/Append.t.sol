// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {MessengerFixture} from "./MessengerFixture.sol";

contract AppendTest is MessengerFixture {
    function test_GivenAKnownPath_WhenTheWriterAppends_ItExtendsTheLogByOne() external {
        bytes memory entry = entryOf(1);
        vm.expectEmit(address(spoke));
        emit IMessenger.EntryAppended(HUB, 1, headAfter(1), entry);
        vm.prank(writer);
        assertEq(spoke.append(HUB, entry), 1);

        IMessenger.OutboxView memory box = spoke.outbox(HUB);
        assertEq(box.sequence, 1);
        assertEq(box.flushed, 0);
        assertEq(box.head, headAfter(1));
        assertEq(spoke.headInRing(HUB, 0), genesisOut());
    }

    function test_GivenAKnownPath_WhenSixtyFiveAreAppended_ItKeepsTheLastSixtyFourHeads() external {
        append(1, 65);
        assertEq(spoke.headInRing(HUB, 65), headAfter(65));
        assertEq(spoke.headInRing(HUB, 2), headAfter(2));
        assertEq(spoke.headInRing(HUB, 1), 0, "overwritten by 65");
        assertEq(spoke.headInRing(HUB, 0), 0);
        assertEq(spoke.headInRing(HUB, 66), 0, "not appended yet");
        assertEq(spoke.headInRing(HUB, type(uint64).max), 0);
    }

    function test_GivenAKnownPath_WhenAnotherCallerAppends_ItRefuses() external {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.NotWriter.selector, KIND, stranger, writer));
        vm.prank(stranger);
        spoke.append(HUB, entryOf(1));
    }

    function test_GivenAKindWithoutWriter_WhenAnyoneAppends_ItRefuses() external {
        bytes memory entry = abi.encodePacked(uint8(0x7f), uint8(1));
        vm.expectRevert(abi.encodeWithSelector(IMessenger.NotWriter.selector, uint8(0x7f), writer, address(0)));
        vm.prank(writer);
        spoke.append(HUB, entry);
    }

    function test_GivenTheKindsOfTheMessenger_WhenAWriterAppendsThem_ItRefuses() external {
        vm.startPrank(writer);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.KindReserved.selector, EntryKind.VOID));
        spoke.append(HUB, voidBytes(1));
        vm.expectRevert(abi.encodeWithSelector(IMessenger.KindReserved.selector, EntryKind.CLOSED));
        spoke.append(HUB, abi.encodePacked(EntryKind.CLOSED));
    }

    function test_GivenAnEntry_WhenItIsEmptyOrTooLong_ItRefuses() external {
        vm.startPrank(writer);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.EntryTooLong.selector, 0, 97));
        spoke.append(HUB, "");
        vm.expectRevert(abi.encodeWithSelector(IMessenger.EntryTooLong.selector, 98, 97));
        spoke.append(HUB, bytes.concat(bytes1(KIND), new bytes(97)));
        assertEq(spoke.append(HUB, bytes.concat(bytes1(KIND), new bytes(96))), 1);
    }

    function test_GivenAnUnknownPath_WhenTheWriterAppends_ItRefuses() external {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathUnknown.selector, 9));
        vm.prank(writer);
        spoke.append(9, entryOf(1));
    }

    function test_GivenAClosedPath_WhenTheWriterAppends_ItRefuses() external {
        append(1, 1);
        spoke.close(HUB);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathClosedForWriting.selector, HUB, 2));
        vm.prank(writer);
        spoke.append(HUB, entryOf(2));
    }

    function test_GivenAQuarantinedPath_WhenTheWriterAppends_ItRefuses() external {
        spoke.quarantine(HUB);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathInQuarantine.selector, HUB));
        vm.prank(writer);
        spoke.append(HUB, entryOf(1));
    }

    function test_GivenAnEntryFee_WhenItIsPaidExactly_ItGoesToTheFlushFund() external {
        spoke.setFlushPolicy(5, 10);
        vm.startPrank(writer);
        spoke.append{value: 5}(HUB, entryOf(1));
        assertEq(spoke.flushFund(), 5);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.EntryFeeUnpaid.selector, 4, 5));
        spoke.append{value: 4}(HUB, entryOf(2));
        vm.expectRevert(abi.encodeWithSelector(IMessenger.EntryFeeUnpaid.selector, 6, 5));
        spoke.append{value: 6}(HUB, entryOf(2));
    }

    function testFuzz_GivenAnyEntries_WhenTheyAreAppended_TheHeadIsTheFoldOfTheirLeaves(
        bytes[8] calldata payloads
    ) external {
        bytes32 head = genesisOut();
        for (uint256 i = 0; i < payloads.length; ++i) {
            uint256 length = payloads[i].length < 96 ? payloads[i].length : 96;
            bytes memory entry = bytes.concat(bytes1(KIND), payloads[i][:length]);
            vm.prank(writer);
            spoke.append(HUB, entry);
            head = keccak256(bytes.concat(head, bytes.concat(bytes1(KIND), bytes31(keccak256(entry) << 8))));
            assertEq(spoke.outbox(HUB).head, head);
        }
    }

    function testFuzz_GivenAnyTwoPaths_TheirGenesisHeadsDiffer(
        uint32 e1,
        bytes32 m1,
        uint32 e2,
        bytes32 m2
    ) external pure {
        vm.assume(e1 != e2 || m1 != m2);
        assertNotEq(LogFold.genesis(e1, m1, e2, m2), LogFold.genesis(e2, m2, e1, m1));
        assertNotEq(LogFold.genesis(e1, m1, 7, m1), LogFold.genesis(e2, m2, 7, m1));
    }
}
