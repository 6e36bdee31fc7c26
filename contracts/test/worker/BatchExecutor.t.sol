// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Origin} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";

import {BatchExecutor} from "../../src/worker/BatchExecutor.sol";
import {IBatchExecutor} from "../../src/worker/IBatchExecutor.sol";
import {EndpointDouble, LibraryDouble, ReceiveLibraryDouble, ReceiverDouble} from "./WorkerDoubles.sol";
import {Deploy} from "../Deploy.sol";

/// given an executor with an endpoint, its libraries and one receiver
contract BatchExecutorTest is Test {
    uint32 private constant SOURCE = 40_002;
    uint32 private constant DESTINATION = 40_003;
    uint128 private constant GAS_LIMIT = 200_000;
    uint8 private constant GOOD = 0;
    uint8 private constant REFUSING = 1;
    uint8 private constant BURNING = 2;
    uint8 private constant BOMBING = 3;

    AccessManager private _manager = new AccessManager(address(this));
    EndpointDouble private _endpoint = new EndpointDouble();
    ReceiveLibraryDouble private _receiveLib = new ReceiveLibraryDouble(_endpoint);
    LibraryDouble private _sendLib = new LibraryDouble();
    ReceiverDouble private _receiver = new ReceiverDouble();
    BatchExecutor private _executor = BatchExecutor(
        Deploy.create(
            "src/worker/BatchExecutor.sol:BatchExecutor",
            abi.encode(address(_endpoint), address(_sendLib), address(_receiveLib), address(_manager))
        )
    );

    // ---- when packets are verified

    function testFuzz_itCommitsAndExecutesAll(uint8 count) public {
        IBatchExecutor.Item[] memory items = _items(bound(count, 1, 50), GOOD);
        IBatchExecutor.Outcome[] memory outcomes = _executor.commitAndExecute(items);
        for (uint256 i = 0; i < items.length; ++i) _assertOutcome(outcomes[i], IBatchExecutor.Outcome.Executed);
        assertEq(_receiver.handled(), items.length);
    }

    function test_itSkipsWhatWasExecuted() public {
        IBatchExecutor.Item[] memory items = _items(3, GOOD);
        _executor.commitAndExecute(items);
        IBatchExecutor.Outcome[] memory again = _executor.commitAndExecute(items);
        for (uint256 i = 0; i < items.length; ++i) _assertOutcome(again[i], IBatchExecutor.Outcome.AlreadyExecuted);
        assertEq(_receiver.handled(), 3);
        assertEq(_endpoint.alerts(), 0);
    }

    function test_itExecutesWhatSomeoneElseCommitted() public {
        IBatchExecutor.Item[] memory items = _items(1, GOOD);
        _receiveLib.commitVerification(items[0].packetHeader, _payloadHash(items[0]));
        _assertOutcome(_executor.commitAndExecute(items)[0], IBatchExecutor.Outcome.Executed);
    }

    function test_itReplacesAnOrphanOfAReorg() public {
        IBatchExecutor.Item[] memory items = _items(1, GOOD);
        _endpoint.commit(address(_receiver), 1, keccak256("orphan"));
        _assertOutcome(_executor.commitAndExecute(items)[0], IBatchExecutor.Outcome.Executed);
    }

    // ---- when one item is bad

    function testFuzz_itNeverLetsOneItemStopTheOthers(uint8 bad, uint8 way) public {
        IBatchExecutor.Item[] memory items = _items(5, GOOD);
        uint256 at = bad % items.length;
        way = uint8(bound(way, REFUSING, BOMBING));
        items[at].message[0] = bytes1(way);
        _receiveLib.attest(_payloadHash(items[at]));

        IBatchExecutor.Outcome[] memory outcomes = _executor.commitAndExecute(items);

        for (uint256 i = 0; i < items.length; ++i) {
            _assertOutcome(
                outcomes[i],
                i == at ? IBatchExecutor.Outcome.ReceiveFailed : IBatchExecutor.Outcome.Executed
            );
        }
        assertEq(_receiver.handled(), 4);
        assertEq(_endpoint.alerts(), 1);
    }

    function test_itTellsWhyAReceiverFailed() public {
        IBatchExecutor.Item[] memory items = _items(1, REFUSING);
        bytes memory reason = abi.encodeWithSelector(ReceiverDouble.Refused.selector, 7);
        vm.expectEmit(address(_executor));
        emit IBatchExecutor.ItemOutcome(items[0].guid, IBatchExecutor.Outcome.ReceiveFailed, reason);
        _executor.commitAndExecute(items);
        assertEq(_endpoint.lastReason(), reason);
    }

    function test_itCopiesLittleOfAHugeReason() public {
        _executor.commitAndExecute(_items(1, BOMBING));
        assertEq(_endpoint.lastReason().length, 256);
    }

    function test_itLeavesAFailedPacketForALaterTry() public {
        IBatchExecutor.Item[] memory items = _items(1, BURNING);
        _assertOutcome(_executor.commitAndExecute(items)[0], IBatchExecutor.Outcome.ReceiveFailed);
        _assertOutcome(_executor.commitAndExecute(items)[0], IBatchExecutor.Outcome.ReceiveFailed);
        assertEq(_endpoint.inboundPayloadHash(address(_receiver), SOURCE, bytes32(0), 1), _payloadHash(items[0]));
    }

    function test_itReportsWhatIsNotVerified() public {
        IBatchExecutor.Item[] memory items = _items(2, GOOD);
        items[0].message = hex"00beef";
        IBatchExecutor.Outcome[] memory outcomes = _executor.commitAndExecute(items);
        _assertOutcome(outcomes[0], IBatchExecutor.Outcome.NotVerifiable);
        _assertOutcome(outcomes[1], IBatchExecutor.Outcome.Executed);
    }

    // ---- when the caller is short of gas

    function testFuzz_itNeverBlamesTheReceiverForTheCallersGas(uint256 gasGiven) public {
        IBatchExecutor.Item[] memory items = _items(1, GOOD);
        gasGiven = bound(gasGiven, 60_000, 900_000);
        try _executor.commitAndExecute{gas: gasGiven}(items) returns (IBatchExecutor.Outcome[] memory outcomes) {
            _assertOutcome(outcomes[0], IBatchExecutor.Outcome.Executed);
            assertGe(_receiver.gasSeen(), 100_000);
        } catch (bytes memory reason) {
            assertEq(_receiver.handled(), 0);
            if (reason.length != 0) assertEq(bytes4(reason), IBatchExecutor.OutOfGasFor.selector);
        }
        assertEq(_endpoint.alerts(), 0);
    }

    // ---- when a job is priced

    function testFuzz_itChargesBaseAndGas(uint64 base, uint64 perGas, uint64 gasLimit) public {
        vm.assume(gasLimit != 0 && (base != 0 || perGas != 0));
        _executor.setFee(DESTINATION, base, perGas);
        uint256 price = base + uint256(perGas) * gasLimit;
        assertEq(_executor.getFee(DESTINATION, address(this), 81, _option(gasLimit)), price);
        vm.prank(address(_sendLib));
        assertEq(_executor.assignJob(DESTINATION, address(this), 81, _option(gasLimit)), price);
        bytes memory twice = bytes.concat(_option(gasLimit), _option(gasLimit));
        assertEq(_executor.getFee(DESTINATION, address(this), 81, twice), base + 2 * uint256(perGas) * gasLimit);
    }

    function test_itRefusesOptionsItWouldNotHonour() public {
        _executor.setFee(DESTINATION, 1, 1);
        bytes[6] memory options = [
            bytes(""),
            _option(0),
            hex"01",
            // lzReceive with native value, native drop, another worker
            abi.encodePacked(uint8(1), uint16(33), uint8(1), GAS_LIMIT, uint128(1)),
            abi.encodePacked(uint8(1), uint16(17), uint8(2), GAS_LIMIT),
            abi.encodePacked(uint8(2), uint16(17), uint8(1), GAS_LIMIT)
        ];
        for (uint256 i = 0; i < options.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IBatchExecutor.OptionsInvalid.selector, options[i]));
            _executor.getFee(DESTINATION, address(this), 81, options[i]);
        }
    }

    function test_itRefusesUnknownDestinationsAndCallers() public {
        vm.expectRevert(abi.encodeWithSelector(IBatchExecutor.DestinationUnknown.selector, DESTINATION));
        _executor.getFee(DESTINATION, address(this), 81, _option(GAS_LIMIT));
        vm.expectRevert(abi.encodeWithSelector(IBatchExecutor.NotSendLibrary.selector, address(this)));
        _executor.assignJob(DESTINATION, address(this), 81, _option(GAS_LIMIT));
    }

    // ---- when it is governed

    function test_itPaysFeesOut() public {
        _executor.withdrawFees(makeAddr("treasury"), 3 ether);
        assertEq(_sendLib.withdrawnTo(), makeAddr("treasury"));
        assertEq(_sendLib.withdrawn(), 3 ether);
    }

    function testFuzz_itObeysOnlyTheAccessManager(address caller) public {
        vm.assume(caller != address(this) && caller != address(_manager));
        bytes memory refusal = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller);
        vm.startPrank(caller);
        vm.expectRevert(refusal);
        _executor.setFee(DESTINATION, 1, 1);
        vm.expectRevert(refusal);
        _executor.withdrawFees(caller, 1);
    }

    // ---- helpers

    function _items(uint256 count, uint8 way) private returns (IBatchExecutor.Item[] memory items) {
        items = new IBatchExecutor.Item[](count);
        for (uint64 i = 0; i < count; ++i) {
            items[i] = IBatchExecutor.Item({
                packetHeader: abi.encode(address(_receiver), i + 1),
                origin: Origin(SOURCE, bytes32(0), i + 1),
                receiver: address(_receiver),
                guid: keccak256(abi.encode("guid", i)),
                message: abi.encodePacked(way, i),
                gasLimit: GAS_LIMIT
            });
            _receiveLib.attest(_payloadHash(items[i]));
        }
    }

    function _payloadHash(IBatchExecutor.Item memory item) private pure returns (bytes32) {
        return keccak256(bytes.concat(item.guid, item.message));
    }

    function _option(uint128 gasLimit) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(1), uint16(17), uint8(1), gasLimit);
    }

    function _assertOutcome(IBatchExecutor.Outcome actual, IBatchExecutor.Outcome expected) private pure {
        assertEq(uint8(actual), uint8(expected));
    }
}
