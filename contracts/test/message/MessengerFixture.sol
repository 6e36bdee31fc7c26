// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Origin} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Test} from "forge-std/Test.sol";
import {Checkpoint, CheckpointCodec} from "../../src/message/Checkpoint.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {EndpointMock, PacketMock} from "../mocks/EndpointMock.sol";
import {HandlerMock} from "../mocks/HandlerMock.sol";
import {Deploy} from "../Deploy.sol";

/// @notice Two messengers, `spoke` (eid 1) and `hub` (eid 2), and the network between them in the test's hands.
abstract contract MessengerFixture is Test {
    uint32 internal constant SPOKE = 1;
    uint32 internal constant HUB = 2;
    uint8 internal constant KIND = EntryKind.DEPOSITED;

    AccessManager internal manager;
    EndpointMock internal spokeEndpoint;
    EndpointMock internal hubEndpoint;
    Messenger internal spoke;
    Messenger internal hub;
    HandlerMock internal handler;
    address internal writer = makeAddr("writer");
    address internal stranger = makeAddr("stranger");
    address internal flusher = makeAddr("flusher");

    function setUp() public virtual {
        manager = new AccessManager(address(this));
        spokeEndpoint = new EndpointMock(SPOKE);
        hubEndpoint = new EndpointMock(HUB);
        spoke = Deploy.messenger(address(spokeEndpoint), address(manager));
        hub = Deploy.messenger(address(hubEndpoint), address(manager));
        handler = new HandlerMock();
        spoke.setPeer(HUB, id(address(hub)));
        hub.setPeer(SPOKE, id(address(spoke)));
        spoke.setWriter(KIND, writer);
        hub.setHandler(KIND, address(handler));
        vm.deal(writer, 1000 ether);
        vm.deal(flusher, 1000 ether);
    }

    function id(address who) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(who)));
    }

    /// @dev An entry of kind KIND that differs for every salt.
    function entryOf(uint256 salt) internal pure returns (bytes memory) {
        return abi.encodePacked(KIND, keccak256(abi.encode(salt)), salt);
    }

    function leafOf(uint256 salt) internal pure returns (bytes32) {
        return Entry.leafOf(entryOf(salt));
    }

    function voidBytes(uint64 target) internal pure returns (bytes memory) {
        return abi.encodePacked(EntryKind.VOID, target);
    }

    function framed(bytes memory entry) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(entry.length), entry);
    }

    /// @dev Stream of entries with salts first … last.
    function streamOf(uint256 first, uint256 last) internal pure returns (bytes memory stream) {
        for (uint256 salt = first; salt <= last; ++salt) {
            stream = bytes.concat(stream, framed(entryOf(salt)));
        }
    }

    function genesisOut() internal view returns (bytes32) {
        return LogFold.genesis(SPOKE, id(address(spoke)), HUB, id(address(hub)));
    }

    /// @dev Head after the entries with salts 1 … last on the path spoke → hub.
    function headAfter(uint256 last) internal view returns (bytes32 head) {
        head = genesisOut();
        for (uint256 salt = 1; salt <= last; ++salt) {
            head = LogFold.fold(head, leafOf(salt));
        }
    }

    /// @dev Appends entries with salts first … last; salt = sequence when nothing else was appended.
    function append(uint256 first, uint256 last) internal {
        for (uint256 salt = first; salt <= last; ++salt) {
            vm.prank(writer);
            spoke.append(HUB, entryOf(salt));
        }
    }

    function flush() internal returns (PacketMock memory) {
        spoke.flush(HUB, flusher);
        return lastPacket();
    }

    function lastPacket() internal view returns (PacketMock memory) {
        return spokeEndpoint.sent(spokeEndpoint.sentCount() - 1);
    }

    /// @dev Verifies and executes a packet from the spoke at the hub.
    function arrive(PacketMock memory p) internal {
        hubEndpoint.verify(p);
        hubEndpoint.execute(p);
    }

    function flushAndArrive() internal {
        arrive(flush());
    }

    /// @dev Entries with salts 1 … count are appended, flushed and verified at the hub.
    function verified(uint256 count) internal {
        append(1, count);
        flushAndArrive();
    }

    /// @dev A checkpoint reaches the hub without regard to nonces.
    function inject(uint64 sequence, bytes32 head, uint64 ackSequence, bytes32 ackHead) internal {
        bytes memory message = CheckpointCodec.encode(Checkpoint(sequence, head, ackSequence, ackHead));
        hubEndpoint.inject(address(hub), Origin(SPOKE, id(address(spoke)), 1), message);
    }

    function injectHead(uint64 sequence, bytes32 head) internal {
        (bytes32 own, ) = hub.genesis(SPOKE);
        inject(sequence, head, 0, own);
    }

    function noLeaves() internal pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    /// @dev Leaves of the entries with salts first … last.
    function leaves(uint256 first, uint256 last) internal pure returns (bytes32[] memory all) {
        all = new bytes32[](last + 1 - first);
        for (uint256 i = 0; i < all.length; ++i) {
            all[i] = leafOf(first + i);
        }
    }

    function one(bytes32 leaf) internal pure returns (bytes32[] memory all) {
        all = new bytes32[](1);
        all[0] = leaf;
    }

    /// @dev Voids the entry `target` (salt = sequence, salts up to `newest` appended, no VOIDs in between).
    function voidAs(address caller, uint64 target, uint256 newest) internal {
        bytes32 before = headAfter(target - 1);
        bytes32[] memory after_ = leaves(target + 1, newest);
        vm.prank(caller);
        spoke.voidEntry(HUB, target, before, leafOf(target), after_);
    }

    function assertQuarantined(bool expected) internal view {
        assertEq(hub.isQuarantined(SPOKE), expected, "quarantine");
    }
}
