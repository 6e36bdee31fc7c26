// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {ILayerZeroDVN} from "@layerzerolabs/lz-evm-messagelib-v2/contracts/uln/interfaces/ILayerZeroDVN.sol";

import {ILockstepDVN} from "../../src/worker/ILockstepDVN.sol";
import {LockstepDVN} from "../../src/worker/LockstepDVN.sol";
import {LibraryDouble} from "./WorkerDoubles.sol";
import {Deploy} from "../Deploy.sol";

/// given a DVN with three signers, of whom two must sign
contract LockstepDVNTest is Test {
    uint256 private constant KEYS = 3;
    uint8 private constant THRESHOLD = 2;
    uint32 private constant DESTINATION = 40_002;
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    LibraryDouble private _sendLib = new LibraryDouble();
    LibraryDouble private _receiveLib = new LibraryDouble();
    AccessManager private _manager = new AccessManager(address(this));
    LockstepDVN private _dvn;
    uint256[KEYS] private _keys;

    function setUp() public {
        _keys = _sortedKeys("signer");
        _dvn = _deploy(_addresses(_keys), THRESHOLD);
        vm.warp(1_000_000);
    }

    // ---- when enough signers attest

    function testFuzz_itVerifiesEveryPacketOfTheBatch(uint8 count, bytes32 seed, uint8 absent) public {
        ILockstepDVN.Attestation[] memory batch = _batch(bound(count, 1, 20), seed);
        uint64 expiration = uint64(block.timestamp) + 60;

        _dvn.attest(batch, expiration, _sign(_dvn, batch, expiration, absent % KEYS));

        assertEq(_receiveLib.verifications(), batch.length);
        for (uint256 i = 0; i < batch.length; ++i) {
            assertEq(
                _receiveLib.confirmationsOf(address(_dvn), keccak256(batch[i].packetHeader), batch[i].payloadHash),
                batch[i].confirmations
            );
        }
    }

    function test_itTakesTheSignaturesFromAnyCaller() public {
        (ILockstepDVN.Attestation[] memory batch, uint64 expiration, bytes memory signatures) = _signed();
        vm.prank(makeAddr("stranger"));
        _dvn.attest(batch, expiration, signatures);
        assertEq(_receiveLib.verifications(), batch.length);
    }

    // ---- when a signature is not worth it

    function testFuzz_itRefusesAnyOtherBatch(bytes32 other) public {
        (ILockstepDVN.Attestation[] memory batch, uint64 expiration, bytes memory signatures) = _signed();
        vm.assume(other != batch[0].payloadHash);
        batch[0].payloadHash = other;
        vm.expectPartialRevert(ILockstepDVN.SignatureInvalid.selector);
        _dvn.attest(batch, expiration, signatures);
    }

    function testFuzz_itRefusesOtherConfirmationsAndExpirations(uint64 confirmations, uint64 later) public {
        (ILockstepDVN.Attestation[] memory batch, uint64 expiration, bytes memory signatures) = _signed();
        later = uint64(bound(later, uint256(expiration) + 1, type(uint64).max));
        vm.expectPartialRevert(ILockstepDVN.SignatureInvalid.selector);
        _dvn.attest(batch, later, signatures);
        vm.assume(confirmations != batch[0].confirmations);
        batch[0].confirmations = confirmations;
        vm.expectPartialRevert(ILockstepDVN.SignatureInvalid.selector);
        _dvn.attest(batch, expiration, signatures);
    }

    function testFuzz_itRefusesADamagedSignature(uint256 position, uint8 flip) public {
        (ILockstepDVN.Attestation[] memory batch, uint64 expiration, bytes memory signatures) = _signed();
        vm.assume(flip != 0);
        position = bound(position, 0, signatures.length - 1);
        signatures[position] = bytes1(uint8(signatures[position]) ^ flip);
        vm.expectPartialRevert(ILockstepDVN.SignatureInvalid.selector);
        _dvn.attest(batch, expiration, signatures);
    }

    function test_itRefusesTheMirroredSignature() public {
        ILockstepDVN.Attestation[] memory batch = _batch(1, "mirror");
        uint64 expiration = uint64(block.timestamp) + 60;
        bytes32 hash = _dvn.digest(batch, expiration);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keys[0], hash);
        bytes memory mirrored = abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.SignatureInvalid.selector, 0, address(0), address(0)));
        _dvn.attest(batch, expiration, bytes.concat(mirrored, _signature(_keys[1], hash)));
    }

    function test_itRefusesOneSignerTwice() public {
        ILockstepDVN.Attestation[] memory batch = _batch(1, "twice");
        uint64 expiration = uint64(block.timestamp) + 60;
        bytes memory once = _signature(_keys[0], _dvn.digest(batch, expiration));
        address signer = vm.addr(_keys[0]);
        vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.SignatureInvalid.selector, 1, signer, signer));
        _dvn.attest(batch, expiration, bytes.concat(once, once));
    }

    function test_itRefusesDescendingSigners() public {
        ILockstepDVN.Attestation[] memory batch = _batch(1, "order");
        uint64 expiration = uint64(block.timestamp) + 60;
        bytes32 hash = _dvn.digest(batch, expiration);
        vm.expectPartialRevert(ILockstepDVN.SignatureInvalid.selector);
        _dvn.attest(batch, expiration, bytes.concat(_signature(_keys[1], hash), _signature(_keys[0], hash)));
    }

    function testFuzz_itRefusesAStranger(uint256 key) public {
        key = bound(key, 1, CURVE_ORDER - 1);
        for (uint256 i = 0; i < KEYS; ++i) vm.assume(key != _keys[i]);
        ILockstepDVN.Attestation[] memory batch = _batch(1, "stranger");
        uint64 expiration = uint64(block.timestamp) + 60;
        bytes32 hash = _dvn.digest(batch, expiration);
        bytes memory known = _signature(_keys[0], hash);
        bytes memory strange = _signature(key, hash);
        bytes memory both =
            vm.addr(key) < vm.addr(_keys[0]) ? bytes.concat(strange, known) : bytes.concat(known, strange);
        vm.expectPartialRevert(ILockstepDVN.SignatureInvalid.selector);
        _dvn.attest(batch, expiration, both);
    }

    function test_itRefusesAnotherNumberOfSignatures() public {
        (ILockstepDVN.Attestation[] memory batch, uint64 expiration, ) = _signed();
        bytes32 hash = _dvn.digest(batch, expiration);
        bytes memory all;
        for (uint256 i = 0; i < KEYS; ++i) {
            all = bytes.concat(all, _signature(_keys[i], hash));
            if (i + 1 == THRESHOLD) continue;
            vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.SignatureCount.selector, i + 1, THRESHOLD));
            _dvn.attest(batch, expiration, all);
        }
        vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.SignatureCount.selector, 0, THRESHOLD));
        _dvn.attest(batch, expiration, "");
    }

    function testFuzz_itRefusesAfterTheExpiration(uint32 age) public {
        (ILockstepDVN.Attestation[] memory batch, uint64 expiration, bytes memory signatures) = _signed();
        vm.warp(uint256(expiration) + age);
        vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.Expired.selector, expiration, block.timestamp));
        _dvn.attest(batch, expiration, signatures);
    }

    // ---- when the same signers serve elsewhere

    function test_itRefusesSignaturesOfAnotherDvnOrLibraryOrChain() public {
        ILockstepDVN.Attestation[] memory batch = _batch(2, "elsewhere");
        uint64 expiration = uint64(block.timestamp) + 60;
        LockstepDVN sibling = _deploy(_addresses(_keys), THRESHOLD);
        bytes memory forSibling = _sign(sibling, batch, expiration, 2);
        vm.expectPartialRevert(ILockstepDVN.SignatureInvalid.selector);
        _dvn.attest(batch, expiration, forSibling);

        LockstepDVN otherLib = _deploy(address(_sendLib), _addresses(_keys), THRESHOLD);
        assertNotEq(otherLib.digest(batch, expiration), _dvn.digest(batch, expiration));

        bytes memory here = _sign(_dvn, batch, expiration, 2);
        vm.chainId(block.chainid + 1);
        vm.expectPartialRevert(ILockstepDVN.SignatureInvalid.selector);
        _dvn.attest(batch, expiration, here);
    }

    /// The digest is plain EIP-712: any wallet that signs typed data signs the same bytes.
    function test_itSignsTypedData() public view {
        ILockstepDVN.Attestation[] memory batch = _batch(1, "typed");
        bytes32 item = keccak256(
            abi.encode(
                keccak256("Attestation(bytes packetHeader,bytes32 payloadHash,uint64 confirmations)"),
                keccak256(batch[0].packetHeader),
                batch[0].payloadHash,
                batch[0].confirmations
            )
        );
        bytes32 content = keccak256(
            abi.encode(
                keccak256(
                    "Attest(address receiveLib,Attestation[] attestations,uint64 expiration)Attestation(bytes packetHeader,bytes32 payloadHash,uint64 confirmations)"
                ),
                address(_receiveLib),
                keccak256(abi.encodePacked(item)),
                uint64(77)
            )
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("LockstepDVN"),
                keccak256("1"),
                block.chainid,
                address(_dvn)
            )
        );
        assertEq(_dvn.digest(batch, 77), keccak256(abi.encodePacked(hex"1901", domain, content)));
    }

    // ---- when a job is assigned

    function testFuzz_itChargesTheTable(uint128 fee, bytes32 payloadHash, uint64 confirmations) public {
        vm.assume(fee != 0);
        _dvn.setFee(DESTINATION, fee);
        assertEq(_dvn.getFee(DESTINATION, confirmations, address(this), ""), fee);
        ILayerZeroDVN.AssignJobParam memory job = ILayerZeroDVN.AssignJobParam(
            DESTINATION,
            "header",
            payloadHash,
            confirmations,
            address(this)
        );
        vm.expectEmit(address(_dvn));
        emit ILockstepDVN.JobAssigned(DESTINATION, payloadHash, confirmations, address(this), fee);
        vm.prank(address(_sendLib));
        assertEq(_dvn.assignJob(job, ""), fee);
    }

    function test_itRefusesJobsFromOthersUnknownDestinationsAndOptions() public {
        ILayerZeroDVN.AssignJobParam memory job = ILayerZeroDVN.AssignJobParam(
            DESTINATION,
            "header",
            "hash",
            1,
            address(this)
        );
        vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.NotSendLibrary.selector, address(this)));
        _dvn.assignJob(job, "");
        vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.DestinationUnknown.selector, DESTINATION));
        _dvn.getFee(DESTINATION, 1, address(this), "");
        vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.OptionsUnsupported.selector, 2));
        _dvn.getFee(DESTINATION, 1, address(this), hex"0102");
    }

    // ---- when it is governed

    function test_itReplacesSignersAtOnce() public {
        uint256[KEYS] memory fresh = _sortedKeys("fresh");
        (ILockstepDVN.Attestation[] memory batch, uint64 expiration, bytes memory old) = _signed();
        _dvn.setSigners(_addresses(fresh), THRESHOLD);
        vm.expectPartialRevert(ILockstepDVN.SignatureInvalid.selector);
        _dvn.attest(batch, expiration, old);
        _keys = fresh;
        _dvn.attest(batch, expiration, _sign(_dvn, batch, expiration, 0));
        assertEq(_dvn.signers(), _addresses(fresh));
    }

    function test_itRefusesImpossibleSignerSets() public {
        address[] memory sorted = _addresses(_keys);
        for (uint256 wrong = 0; wrong <= KEYS + 1; wrong += KEYS + 1) {
            vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.SignersInvalid.selector, KEYS, wrong));
            _dvn.setSigners(sorted, uint8(wrong));
        }
        address[] memory twice = _addresses(_keys);
        twice[1] = twice[0];
        vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.SignersInvalid.selector, KEYS, 1));
        _dvn.setSigners(twice, 1);
        address[] memory zero = new address[](1);
        vm.expectRevert(abi.encodeWithSelector(ILockstepDVN.SignersInvalid.selector, 1, 1));
        _dvn.setSigners(zero, 1);
    }

    function test_itPaysFeesOut() public {
        _dvn.withdrawFees(makeAddr("treasury"), 5 ether);
        assertEq(_sendLib.withdrawnTo(), makeAddr("treasury"));
        assertEq(_sendLib.withdrawn(), 5 ether);
    }

    function testFuzz_itObeysOnlyTheAccessManager(address caller) public {
        vm.assume(caller != address(this) && caller != address(_manager));
        bytes memory refusal = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller);
        vm.startPrank(caller);
        vm.expectRevert(refusal);
        _dvn.setFee(DESTINATION, 1);
        vm.expectRevert(refusal);
        _dvn.setSigners(new address[](1), 1);
        vm.expectRevert(refusal);
        _dvn.withdrawFees(caller, 1);
    }

    // ---- helpers

    function _deploy(address[] memory signers, uint8 threshold) private returns (LockstepDVN) {
        return _deploy(address(_receiveLib), signers, threshold);
    }

    function _deploy(address receiveLib, address[] memory signers, uint8 threshold) private returns (LockstepDVN) {
        bytes memory args = abi.encode(address(_sendLib), receiveLib, signers, threshold, address(_manager));
        return LockstepDVN(Deploy.create("src/worker/LockstepDVN.sol:LockstepDVN", args));
    }

    function _signed()
        private
        view
        returns (ILockstepDVN.Attestation[] memory batch, uint64 expiration, bytes memory signatures)
    {
        batch = _batch(3, "signed");
        expiration = uint64(block.timestamp) + 60;
        signatures = _sign(_dvn, batch, expiration, 2);
    }

    function _batch(uint256 count, bytes32 seed) private pure returns (ILockstepDVN.Attestation[] memory batch) {
        batch = new ILockstepDVN.Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 word = keccak256(abi.encode(seed, i));
            bytes memory header = abi.encodePacked(word, word, bytes17(word));
            batch[i] = ILockstepDVN.Attestation(header, keccak256(header), uint64(uint256(word)));
        }
    }

    /// All signers but one, ascending.
    function _sign(
        LockstepDVN dvn,
        ILockstepDVN.Attestation[] memory batch,
        uint64 expiration,
        uint256 absent
    ) private view returns (bytes memory signatures) {
        bytes32 hash = dvn.digest(batch, expiration);
        for (uint256 i = 0; i < KEYS; ++i) {
            if (i != absent) signatures = bytes.concat(signatures, _signature(_keys[i], hash));
        }
    }

    function _signature(uint256 key, bytes32 hash) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, hash);
        return abi.encodePacked(r, s, v);
    }

    function _sortedKeys(string memory label) private returns (uint256[KEYS] memory keys) {
        for (uint256 i = 0; i < KEYS; ++i) {
            (, keys[i]) = makeAddrAndKey(string.concat(label, vm.toString(i)));
        }
        for (uint256 i = 0; i < KEYS; ++i) {
            for (uint256 j = i + 1; j < KEYS; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
        }
    }

    function _addresses(uint256[KEYS] memory keys) private pure returns (address[] memory list) {
        list = new address[](KEYS);
        for (uint256 i = 0; i < KEYS; ++i) list[i] = vm.addr(keys[i]);
    }
}
