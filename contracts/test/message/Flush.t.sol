// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Checkpoint, CheckpointCodec} from "../../src/message/Checkpoint.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {PacketMock} from "../mocks/EndpointMock.sol";
import {MessengerFixture} from "./MessengerFixture.sol";

/// @notice Receives refunds as told: takes them, refuses them, burns their gas, or calls back.
contract RefundTaker {
    enum Mood {
        Takes,
        Refuses,
        Burns,
        CallsBack
    }

    Mood public mood;
    address public target;
    bytes public data;
    bytes4 public answer;

    function set(Mood mood_, address target_, bytes calldata data_) external {
        (mood, target, data) = (mood_, target_, data_);
    }

    receive() external payable {
        if (mood == Mood.Refuses) revert("no");
        if (mood == Mood.Burns) {
            assembly {
                invalid()
            }
        }
        if (mood == Mood.CallsBack) {
            (bool done, bytes memory result) = target.call(data);
            require(!done, "the lock is open");
            answer = bytes4(result);
        }
    }
}

contract FlushTest is MessengerFixture {
    RefundTaker internal taker;

    function setUp() public override {
        super.setUp();
        taker = new RefundTaker();
    }

    function flushPaying(uint256 value, address refundTo) internal {
        vm.prank(flusher);
        spoke.flush{value: value}(HUB, refundTo);
    }

    function test_GivenUnflushedEntries_WhenAnyoneFlushes_OneCheckpointCoversThemAll() external {
        append(1, 3);
        spokeEndpoint.setFee(7);
        (, bytes32 incoming) = spoke.genesis(HUB);
        bytes32 guid = keccak256(abi.encodePacked(uint64(1), SPOKE, id(address(spoke)), HUB, id(address(hub))));
        vm.expectEmit(address(spoke));
        emit IMessenger.Flushed(HUB, 3, headAfter(3), 0, incoming, guid, 7);
        flushPaying(7, flusher);

        assertEq(spokeEndpoint.sentCount(), 1);
        PacketMock memory p = lastPacket();
        assertEq(p.dstEid, HUB);
        assertEq(p.receiver, id(address(hub)));
        assertEq(p.message, CheckpointCodec.encode(Checkpoint(3, headAfter(3), 0, incoming)));
        assertEq(p.options, abi.encodePacked(uint16(3), uint8(1), uint16(17), uint8(1), uint128(200_000)));
        assertEq(spoke.outbox(HUB).flushed, 3);
    }

    function test_GivenReceiveGasOfThePath_WhenFlushed_TheOptionsCarryIt() external {
        spoke.setReceiveGas(HUB, 123_456);
        assertEq(spoke.receiveGas(HUB), 123_456);
        append(1, 1);
        assertEq(flush().options, abi.encodePacked(uint16(3), uint8(1), uint16(17), uint8(1), uint128(123_456)));
    }

    function test_GivenNothingNew_WhenFlushed_ItRefuses() external {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.NothingToFlush.selector, HUB, 0));
        spoke.flush(HUB, flusher);
        append(1, 1);
        flush();
        vm.expectRevert(abi.encodeWithSelector(IMessenger.NothingToFlush.selector, HUB, 1));
        spoke.flush(HUB, flusher);
    }

    function test_GivenAnUnknownPath_ItRefuses() external {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathUnknown.selector, 9));
        spoke.flush(9, flusher);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathUnknown.selector, 9));
        spoke.resend(9, flusher);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathUnknown.selector, 9));
        spoke.quoteFlush(9);
    }

    function test_GivenAQuarantinedPath_FlushRefusesAndResendRepeatsTheFlushedHead() external {
        append(1, 1);
        flush();
        append(2, 2);
        spoke.quarantine(HUB);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.PathInQuarantine.selector, HUB));
        spoke.flush(HUB, flusher);
        spoke.resend(HUB, flusher);
        (, bytes32 incoming) = spoke.genesis(HUB);
        assertEq(lastPacket().message, CheckpointCodec.encode(Checkpoint(1, headAfter(1), 0, incoming)));
        voidAs(writer, 2, 2);
    }

    function test_GivenNothingFlushedYet_ResendCarriesTheGenesisAndTheAcknowledgement() external {
        verified(2);
        hub.deliver(SPOKE, streamOf(1, 2));
        hub.resend(SPOKE, flusher);
        (bytes32 hubGenesis, ) = hub.genesis(SPOKE);
        PacketMock memory p = hubEndpoint.sent(0);
        assertEq(p.message, CheckpointCodec.encode(Checkpoint(0, hubGenesis, 2, headAfter(2))));
        spokeEndpoint.verify(p);
        spokeEndpoint.execute(p);
        assertEq(spoke.outbox(HUB).acknowledged, 2);
    }

    function test_GivenFarMoreThanARingSinceTheFlush_ResendStillRepeatsItsHead() external {
        append(1, 3);
        flush();
        append(4, 100);
        spoke.resend(HUB, flusher);
        (, bytes32 incoming) = spoke.genesis(HUB);
        assertEq(lastPacket().message, CheckpointCodec.encode(Checkpoint(3, headAfter(3), 0, incoming)));
        assertEq(spoke.outbox(HUB).flushed, 3);
    }

    function test_GivenTooLittleValue_ItRefuses() external {
        append(1, 1);
        spokeEndpoint.setFee(10);
        assertEq(spoke.quoteFlush(HUB), 10);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.FeeUnpaid.selector, 9, 10));
        flushPaying(9, flusher);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.FeeUnpaid.selector, 9, 10));
        vm.prank(flusher);
        spoke.resend{value: 9}(HUB, flusher);
    }

    function test_GivenMoreValueThanTheFee_TheExcessGoesToTheNamedAddress() external {
        append(1, 1);
        spokeEndpoint.setFee(10);
        flushPaying(15, address(taker));
        assertEq(address(taker).balance, 5);
        assertEq(address(spoke).balance, 0);
        vm.prank(flusher);
        spoke.resend{value: 16}(HUB, address(taker));
        assertEq(address(taker).balance, 11);
    }

    function test_GivenExcessAndNoRefundAddress_ItRefuses() external {
        append(1, 1);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.RefundFailed.selector, address(0), 1));
        flushPaying(1, address(0));
        flushPaying(0, address(0));
    }

    function test_GivenARefundThatFails_ItBecomesClaimable() external {
        append(1, 1);
        taker.set(RefundTaker.Mood.Refuses, address(0), "");
        vm.expectEmit(address(spoke));
        emit IMessenger.RefundClaimable(address(taker), 5);
        flushPaying(5, address(taker));
        assertEq(spoke.refundable(address(taker)), 5);

        vm.expectRevert(abi.encodeWithSelector(IMessenger.RefundFailed.selector, address(taker), 5));
        spoke.claimRefund(address(taker));
        taker.set(RefundTaker.Mood.Takes, address(0), "");
        vm.expectEmit(address(spoke));
        emit IMessenger.RefundClaimed(address(taker), 5);
        vm.prank(stranger);
        spoke.claimRefund(address(taker));
        assertEq(address(taker).balance, 5);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.NothingClaimable.selector, address(taker)));
        spoke.claimRefund(address(taker));
    }

    function test_GivenARefundThatBurnsGas_TheFlushCostsABoundedAmountMore() external {
        append(1, 1);
        taker.set(RefundTaker.Mood.Burns, address(0), "");
        uint256 before = gasleft();
        flushPaying(5, address(taker));
        assertLt(before - gasleft(), 700_000);
        assertEq(spoke.refundable(address(taker)), 5);
    }

    function test_GivenARefundThatCallsBack_TheLockHolds() external {
        bytes[4] memory calls = [
            abi.encodeCall(spoke.flush, (HUB, address(taker))),
            abi.encodeCall(spoke.resend, (HUB, address(taker))),
            abi.encodeCall(spoke.claimRefund, (address(taker))),
            abi.encodeCall(spoke.deliver, (HUB, hex"00"))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            append(1 + i, 1 + i);
            taker.set(RefundTaker.Mood.CallsBack, address(spoke), calls[i]);
            flushPaying(1, address(taker));
            assertEq(taker.answer(), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
            assertEq(address(taker).balance, i + 1, "the refund itself arrives");
        }
    }

    function test_GivenABatchOfEnoughEntries_TheFundPaysUpToTheQuote() external {
        spoke.setFlushPolicy(4, 3);
        for (uint256 salt = 1; salt <= 3; ++salt) {
            vm.prank(writer);
            spoke.append{value: 4}(HUB, entryOf(salt));
        }
        spokeEndpoint.setFee(10);
        vm.expectEmit(address(spoke));
        emit IMessenger.FlushReimbursed(HUB, address(taker), 10);
        flushPaying(10, address(taker));
        assertEq(address(taker).balance, 10);
        assertEq(spoke.flushFund(), 2);
    }

    function test_GivenAFundThatIsTooSmall_TheFlusherPaysTheRest() external {
        spoke.setFlushPolicy(2, 2);
        for (uint256 salt = 1; salt <= 2; ++salt) {
            vm.prank(writer);
            spoke.append{value: 2}(HUB, entryOf(salt));
        }
        spokeEndpoint.setFee(10);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.FeeUnpaid.selector, 5, 6));
        flushPaying(5, flusher);
        flushPaying(6, flusher);
        assertEq(spoke.flushFund(), 0);
    }

    function test_GivenASmallBatchOrAResend_TheCallerPays() external {
        spoke.setFlushPolicy(20, 2);
        vm.prank(writer);
        spoke.append{value: 20}(HUB, entryOf(1));
        spokeEndpoint.setFee(10);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.FeeUnpaid.selector, 0, 10));
        flushPaying(0, flusher);
        flushPaying(10, flusher);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.FeeUnpaid.selector, 0, 10));
        spoke.resend(HUB, flusher);
        assertEq(spoke.flushFund(), 20);
    }

    function test_GivenAGift_ItGoesToTheFund() external {
        vm.prank(flusher);
        (bool paid, ) = address(spoke).call{value: 3}("");
        assertTrue(paid);
        assertEq(spoke.flushFund(), 3);
    }

    function testFuzz_GivenAnyFeesAndValues_TheContractHoldsFundPlusClaimable(
        uint96 fee,
        uint96 entryFee,
        uint96 value,
        uint8 count,
        bool refuses
    ) external {
        count = uint8(bound(count, 1, 10));
        spoke.setFlushPolicy(entryFee, 3);
        vm.deal(writer, type(uint128).max);
        vm.deal(flusher, type(uint128).max);
        for (uint256 salt = 1; salt <= count; ++salt) {
            vm.prank(writer);
            spoke.append{value: entryFee}(HUB, entryOf(salt));
        }
        spokeEndpoint.setFee(fee);
        taker.set(refuses ? RefundTaker.Mood.Refuses : RefundTaker.Mood.Takes, address(0), "");
        vm.prank(flusher);
        try spoke.flush{value: value}(HUB, address(taker)) {
            assertEq(address(spokeEndpoint).balance, fee);
        } catch {
            assertEq(spoke.outbox(HUB).flushed, 0);
        }
        assertEq(address(spoke).balance, spoke.flushFund() + spoke.refundable(address(taker)));
    }
}
