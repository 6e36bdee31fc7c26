// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";
import {Checkpoint, CheckpointCodec} from "../../src/message/Checkpoint.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";

/// @notice The golden vectors of shared/vectors, read by both languages; shared/test/message/vectors.spec.ts is the twin.
contract VectorsTest is Test {
    // ---- doors for calldata

    function decodeCheckpoint(bytes calldata message) external pure returns (Checkpoint memory) {
        return CheckpointCodec.decode(message);
    }

    function decodeDeposited(bytes calldata entry) external pure returns (Entry.Deposited memory) {
        return Entry.decodeDeposited(entry);
    }

    function decodeWithdrawRequested(bytes calldata entry) external pure returns (Entry.WithdrawRequested memory) {
        return Entry.decodeWithdrawRequested(entry);
    }

    function decodeDelegateSet(bytes calldata entry) external pure returns (Entry.DelegateSet memory) {
        return Entry.decodeDelegateSet(entry);
    }

    function isReceipts(bytes calldata entry) external pure returns (bool) {
        return Entry.isReceipts(entry);
    }

    function decodeReceipts(bytes calldata entry) external pure returns (Entry.Receipts memory) {
        return Entry.decodeReceipts(entry);
    }

    function decodeRelease(bytes calldata entry) external pure returns (Entry.Release memory) {
        return Entry.decodeRelease(entry);
    }

    function leafOf(bytes calldata entry) external pure returns (bytes32) {
        uint8 kind = uint8(entry[0]);
        if (kind == EntryKind.VOID) return Entry.voidLeaf(uint64(bytes8(entry[1:])));
        if (kind == EntryKind.CLOSED) return Entry.closedLeaf();
        assertEq(Entry.leafOf(entry), Entry.leafOfCalldata(entry));
        return Entry.leafOfCalldata(entry);
    }

    function foldLeaves(bytes32 head, bytes32[] calldata leaves) external pure returns (bytes32) {
        return LogFold.foldLeaves(head, leaves);
    }

    function entryAt(bytes calldata stream, uint256 offset) external pure returns (bytes memory entry, uint256 next) {
        (uint256 kind, uint256 length) = LogFold.prefixAt(stream, offset);
        LogFold.requireWellFormed(stream, offset, kind, length);
        next = offset + 1 + length;
        entry = stream[offset + 1:next];
        assertEq(kind, uint8(entry[0]));
    }

    function foldRun(bytes calldata stream, bytes32 head) external pure returns (bytes32, uint256) {
        return LogFold.foldRun(stream, 0, head);
    }

    // ---- reading

    function file(string memory name) internal view returns (string memory) {
        return vm.readFile(string.concat("../shared/vectors/", name, ".json"));
    }

    function at(string memory list, uint256 i, string memory key) internal pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(i), "]", key);
    }

    function exists(string memory json, string memory list, uint256 i) internal view returns (bool) {
        return vm.keyExistsJson(json, at(list, i, ""));
    }

    function test_GivenTheDepositVectors_WhenCoded_BytesFieldsAndLeafAgree() external view {
        string memory json = file("entry");
        uint256 i = 0;
        for (; exists(json, "deposited", i); ++i) {
            HubAccount account = AccountLib.encode(
                vm.parseJsonAddress(json, at("deposited", i, ".owner")),
                uint32(vm.parseJsonUint(json, at("deposited", i, ".home"))),
                uint64(vm.parseJsonUint(json, at("deposited", i, ".subaccount")))
            );
            assertEq(HubAccount.unwrap(account), vm.parseJsonBytes32(json, at("deposited", i, ".account")));
            assertEq(account.owner(), vm.parseJsonAddress(json, at("deposited", i, ".owner")));
            assertEq(account.home(), vm.parseJsonUint(json, at("deposited", i, ".home")));
            assertEq(account.subaccount(), vm.parseJsonUint(json, at("deposited", i, ".subaccount")));
            Entry.Deposited memory d = Entry.Deposited(
                account,
                uint16(vm.parseJsonUint(json, at("deposited", i, ".asset"))),
                uint128(vm.parseJsonUint(json, at("deposited", i, ".amount"))),
                uint40(vm.parseJsonUint(json, at("deposited", i, ".timestamp"))),
                vm.parseJsonAddress(json, at("deposited", i, ".payer")),
                vm.parseJsonAddress(json, at("deposited", i, ".refund")),
                vm.parseJsonBool(json, at("deposited", i, ".ownDeposit")) ? Entry.FLAG_OWN_DEPOSIT : 0
            );
            bytes memory entry = vm.parseJsonBytes(json, at("deposited", i, ".entry"));
            assertEq(Entry.encodeDeposited(d), entry);
            assertEq(abi.encode(this.decodeDeposited(entry)), abi.encode(d));
            assertEq(this.leafOf(entry), vm.parseJsonBytes32(json, at("deposited", i, ".leaf")));
        }
        assertEq(i, 5);
    }

    // One field of vector i, which is at `list[i]`.
    function uintAt(
        string memory json,
        string memory list,
        uint256 i,
        string memory key
    ) internal pure returns (uint256) {
        return vm.parseJsonUint(json, at(list, i, key));
    }

    function addressAt(
        string memory json,
        string memory list,
        uint256 i,
        string memory key
    ) internal pure returns (address) {
        return vm.parseJsonAddress(json, at(list, i, key));
    }

    function accountAt(string memory json, string memory list, uint256 i) internal pure returns (HubAccount) {
        return HubAccount.wrap(vm.parseJsonBytes32(json, at(list, i, ".account")));
    }

    function entryAndLeafAt(
        string memory json,
        string memory list,
        uint256 i
    ) internal view returns (bytes memory entry) {
        entry = vm.parseJsonBytes(json, at(list, i, ".entry"));
        assertEq(this.leafOf(entry), vm.parseJsonBytes32(json, at(list, i, ".leaf")));
    }

    function test_GivenTheRequestVectors_WhenCoded_BytesFieldsAndLeafAgree() external view {
        string memory json = file("entry");
        string memory list = "withdrawRequested";
        uint256 i = 0;
        for (; exists(json, list, i); ++i) {
            Entry.WithdrawRequested memory w = Entry.WithdrawRequested(
                accountAt(json, list, i),
                uint32(uintAt(json, list, i, ".eid")),
                uint16(uintAt(json, list, i, ".asset")),
                vm.parseJsonBool(json, at(list, i, ".fromCash")),
                uint128(uintAt(json, list, i, ".amount")),
                addressAt(json, list, i, ".receiver"),
                uint40(uintAt(json, list, i, ".validUntil")),
                uint40(uintAt(json, list, i, ".timestamp"))
            );
            bytes memory entry = entryAndLeafAt(json, list, i);
            assertEq(Entry.encodeWithdrawRequested(w), entry);
            assertEq(abi.encode(this.decodeWithdrawRequested(entry)), abi.encode(w));
        }
        assertEq(i, 4);
    }

    function test_GivenTheDelegateVectors_WhenCoded_BytesFieldsAndLeafAgree() external view {
        string memory json = file("entry");
        string memory list = "delegateSet";
        uint256 i = 0;
        for (; exists(json, list, i); ++i) {
            Entry.DelegateSet memory d = Entry.DelegateSet(
                accountAt(json, list, i),
                addressAt(json, list, i, ".delegate"),
                uint8(uintAt(json, list, i, ".permissions")),
                uint40(uintAt(json, list, i, ".validUntil"))
            );
            bytes memory entry = entryAndLeafAt(json, list, i);
            assertEq(Entry.encodeDelegateSet(d), entry);
            assertEq(abi.encode(this.decodeDelegateSet(entry)), abi.encode(d));
        }
        assertEq(i, 3);
    }

    function test_GivenTheReceiptVectors_WhenCoded_BytesFieldsAndLeafAgree() external view {
        string memory json = file("entry");
        string memory list = "receipts";
        uint256 i = 0;
        for (; exists(json, list, i); ++i) {
            uint256 n = 0;
            while (vm.keyExistsJson(json, at(list, i, string.concat(".sums[", vm.toString(n), "]")))) ++n;
            Entry.Receipts memory r = Entry.Receipts(
                uint64(uintAt(json, list, i, ".first")),
                uint8(uintAt(json, list, i, ".count")),
                uint64(uintAt(json, list, i, ".settled")),
                uint64(uintAt(json, list, i, ".paid")),
                new uint16[](n),
                new uint128[](n)
            );
            for (uint256 k = 0; k < n; ++k) {
                string memory sum = string.concat(".sums[", vm.toString(k), "]");
                r.assets[k] = uint16(uintAt(json, list, i, string.concat(sum, ".asset")));
                r.sums[k] = uint128(uintAt(json, list, i, string.concat(sum, ".amount")));
            }
            bytes memory entry = entryAndLeafAt(json, list, i);
            assertEq(Entry.encodeReceipts(r), entry);
            assertTrue(this.isReceipts(entry));
            assertEq(abi.encode(this.decodeReceipts(entry)), abi.encode(r));
        }
        assertEq(i, 5);
        for (i = 0; exists(json, "invalidReceipts", i); ++i)
            assertFalse(this.isReceipts(vm.parseJsonBytes(json, at("invalidReceipts", i, ".entry"))));
        assertEq(i, 4);
        // Of a wrong length, among the entries that are none.
        for (i = 0; exists(json, "invalid", i); ++i)
            assertFalse(this.isReceipts(vm.parseJsonBytes(json, at("invalid", i, ".entry"))));
        assertEq(i, 11);
    }

    function test_GivenTheReleaseVectors_WhenCoded_BytesFieldsAndLeafAgree() external view {
        string memory json = file("entry");
        string memory list = "release";
        uint256 i = 0;
        for (; exists(json, list, i); ++i) {
            Entry.Release memory r = Entry.Release(
                uint64(uintAt(json, list, i, ".claim")),
                accountAt(json, list, i),
                uint16(uintAt(json, list, i, ".asset")),
                uint128(uintAt(json, list, i, ".amount")),
                addressAt(json, list, i, ".receiver")
            );
            bytes memory entry = entryAndLeafAt(json, list, i);
            assertEq(Entry.encodeRelease(r), entry);
            assertEq(abi.encode(this.decodeRelease(entry)), abi.encode(r));
        }
        assertEq(i, 4);
    }

    function test_GivenTheOtherEntryVectors_TheirLeavesAgree() external view {
        string memory json = file("entry");
        uint256 i = 0;
        for (; exists(json, "void", i); ++i) {
            uint64 target = uint64(vm.parseJsonUint(json, at("void", i, ".target")));
            bytes32 leaf = vm.parseJsonBytes32(json, at("void", i, ".leaf"));
            assertEq(vm.parseJsonBytes(json, at("void", i, ".entry")), abi.encodePacked(EntryKind.VOID, target));
            assertEq(Entry.voidLeaf(target), leaf);
            assertEq(Entry.voidTarget(leaf), target);
            assertEq(Entry.kindOf(leaf), EntryKind.VOID);
        }
        assertEq(i, 6);
        assertEq(vm.parseJsonBytes(json, ".closed.entry"), abi.encodePacked(EntryKind.CLOSED));
        assertEq(vm.parseJsonBytes32(json, ".closed.leaf"), Entry.closedLeaf());
        for (i = 0; exists(json, "opaque", i); ++i) {
            bytes memory entry = vm.parseJsonBytes(json, at("opaque", i, ".entry"));
            assertEq(this.leafOf(entry), vm.parseJsonBytes32(json, at("opaque", i, ".leaf")));
        }
        assertEq(i, 3);
    }

    function test_GivenTheGenesisVectors_TheHeadsAgree() external view {
        string memory json = file("log");
        assertEq(LogFold.DOMAIN, vm.parseJsonBytes32(json, ".domain"));
        uint256 i = 0;
        for (; exists(json, "genesis", i); ++i)
            assertEq(genesisAt(json, at("genesis", i, "")), vm.parseJsonBytes32(json, at("genesis", i, ".head")));
        assertEq(i, 4);
    }

    function genesisAt(string memory json, string memory key) internal pure returns (bytes32) {
        return
            LogFold.genesis(
                uint32(vm.parseJsonUint(json, string.concat(key, ".srcEid"))),
                bytes32(uint256(uint160(vm.parseJsonAddress(json, string.concat(key, ".srcMessenger"))))),
                uint32(vm.parseJsonUint(json, string.concat(key, ".dstEid"))),
                bytes32(uint256(uint160(vm.parseJsonAddress(json, string.concat(key, ".dstMessenger")))))
            );
    }

    function test_GivenTheLogVectors_LeavesHeadsAndStreamAgree() external view {
        string memory json = file("log");
        uint256 i = 0;
        for (; exists(json, "logs", i); ++i) {
            bytes32[] memory leaves = vm.parseJsonBytes32Array(json, at("logs", i, ".leaves"));
            bytes32[] memory heads = vm.parseJsonBytes32Array(json, at("logs", i, ".heads"));
            bytes memory stream = vm.parseJsonBytes(json, at("logs", i, ".stream"));
            assertEq(heads[0], genesisAt(json, at("logs", i, ".path")));
            uint256 offset = 0;
            for (uint256 n = 0; n < leaves.length; ++n) {
                bytes memory entry;
                (entry, offset) = this.entryAt(stream, offset);
                assertEq(this.leafOf(entry), leaves[n]);
                assertEq(LogFold.fold(heads[n], leaves[n]), heads[n + 1]);
            }
            assertEq(offset, stream.length);
            assertEq(this.foldLeaves(heads[0], leaves), heads[leaves.length]);
        }
        assertEq(i, 3);
    }

    function test_GivenTheCheckpointVectors_WhenCoded_BytesAndFieldsAgree() external {
        string memory json = file("checkpoint");
        uint256 i = 0;
        for (; exists(json, "checkpoints", i); ++i) {
            Checkpoint memory c = Checkpoint(
                uint64(vm.parseJsonUint(json, at("checkpoints", i, ".sequence"))),
                vm.parseJsonBytes32(json, at("checkpoints", i, ".head")),
                uint64(vm.parseJsonUint(json, at("checkpoints", i, ".ackSequence"))),
                vm.parseJsonBytes32(json, at("checkpoints", i, ".ackHead"))
            );
            bytes memory message = vm.parseJsonBytes(json, at("checkpoints", i, ".message"));
            assertEq(CheckpointCodec.encode(c), message);
            assertEq(abi.encode(this.decodeCheckpoint(message)), abi.encode(c));
        }
        assertEq(i, 3);
        for (i = 0; exists(json, "invalid", i); ++i) {
            bytes memory message = vm.parseJsonBytes(json, at("invalid", i, ".message"));
            vm.expectPartialRevert(CheckpointCodec.CheckpointMalformed.selector);
            this.decodeCheckpoint(message);
        }
        assertEq(i, 4);
    }

    function test_GivenThePacketVectors_GuidHeaderAndHashesAgree() external view {
        string memory json = file("packet");
        uint256 i = 0;
        for (; exists(json, "packets", i); ++i) {
            bytes memory parties = abi.encodePacked(
                uint64(vm.parseJsonUint(json, at("packets", i, ".nonce"))),
                uint32(vm.parseJsonUint(json, at("packets", i, ".srcEid"))),
                uint256(uint160(vm.parseJsonAddress(json, at("packets", i, ".sender")))),
                uint32(vm.parseJsonUint(json, at("packets", i, ".dstEid"))),
                uint256(uint160(vm.parseJsonAddress(json, at("packets", i, ".receiver"))))
            );
            bytes32 guid = keccak256(parties);
            bytes memory header = abi.encodePacked(uint8(1), parties);
            bytes memory message = vm.parseJsonBytes(json, at("packets", i, ".message"));
            assertEq(vm.parseJsonBytes32(json, at("packets", i, ".guid")), guid);
            assertEq(vm.parseJsonBytes(json, at("packets", i, ".header")), header);
            assertEq(vm.parseJsonBytes32(json, at("packets", i, ".headerHash")), keccak256(header));
            assertEq(
                vm.parseJsonBytes32(json, at("packets", i, ".payloadHash")),
                keccak256(abi.encodePacked(guid, message))
            );
            assertEq(vm.parseJsonBytes(json, at("packets", i, ".encoded")), abi.encodePacked(header, guid, message));
        }
        assertEq(i, 3);
    }

    function testFuzz_GivenAnyEntries_WhenARunIsFolded_ItEqualsFoldingOneByOneAndStopsAtTheFirstOther(
        bytes32 head,
        uint8 length,
        uint8 count,
        uint8 otherKind,
        bytes32 seed,
        bytes calldata tail
    ) external view {
        length = uint8(bound(length, 1, 97));
        count = uint8(bound(count, 1, 20));
        bytes memory stream;
        bytes32 expected = head;
        for (uint256 i = 0; i < count; ++i) {
            bytes memory entry = new bytes(length);
            for (uint256 b = 1; b < length; ++b) entry[b] = bytes1(uint8(uint256(keccak256(abi.encode(seed, i, b)))));
            entry[0] = 0x01;
            expected = LogFold.fold(expected, Entry.leafOf(entry));
            stream = bytes.concat(stream, bytes1(length), entry);
        }
        // Whatever follows is of another kind, too short, or nothing.
        uint256 end = stream.length;
        if (otherKind != 1 && tail.length > 0) stream = bytes.concat(stream, bytes1(length), bytes1(otherKind), tail);
        else if (length > 1 && otherKind == 1) stream = bytes.concat(stream, bytes1(length), bytes1(uint8(1)));
        (bytes32 folded, uint256 stopped) = this.foldRun(stream, head);
        assertEq(folded, expected);
        assertEq(stopped, end);
    }
}
