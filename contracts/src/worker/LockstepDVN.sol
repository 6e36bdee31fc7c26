// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ISendLib} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ISendLib.sol";
import {ILayerZeroDVN} from "@layerzerolabs/lz-evm-messagelib-v2/contracts/uln/interfaces/ILayerZeroDVN.sol";
import {IReceiveUlnE2} from "@layerzerolabs/lz-evm-messagelib-v2/contracts/uln/interfaces/IReceiveUlnE2.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ILockstepDVN} from "./ILockstepDVN.sol";

/// @notice One verifier of Lockstep's routes. A job is priced from a table at the source; at the destination a batch of packets is
///         attested with k signatures in one transaction, whoever sends it.
/// @dev Immutable towards its libraries: a new library needs a new DVN, so no signature can be carried from one to the other.
///      A repeated attestation writes the same value, so replay inside the expiration changes nothing.
contract LockstepDVN is ILockstepDVN, ILayerZeroDVN, EIP712, AccessManaged {
    /// @dev EIP-712 types, so that a wallet, a KMS or viem's signTypedData can sign the same bytes as `digest` returns.
    bytes32 private constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(bytes packetHeader,bytes32 payloadHash,uint64 confirmations)"
    );
    bytes32 private constant ATTEST_TYPEHASH = keccak256(
        "Attest(address receiveLib,Attestation[] attestations,uint64 expiration)Attestation(bytes packetHeader,bytes32 payloadHash,uint64 confirmations)"
    );
    uint256 private constant SIGNATURE_LENGTH = 65;

    /// @notice The only caller whose jobs count; it also keeps the fees until they are withdrawn.
    address public immutable sendLib;
    address public immutable override receiveLib;

    uint8 public override threshold;
    address[] private _signers;
    mapping(address signer => bool) public isSigner;
    /// @notice Fee of one job in wei; 0: the destination is not served.
    mapping(uint32 dstEid => uint256) public feeOf;

    /// @param sendLib_    SendUln302 of this chain
    /// @param receiveLib_ ReceiveUln302 of this chain
    /// @param signers_    strictly ascending
    /// @param threshold_  signatures needed
    /// @param authority_  AccessManager
    constructor(
        address sendLib_,
        address receiveLib_,
        address[] memory signers_,
        uint8 threshold_,
        address authority_
    ) EIP712("LockstepDVN", "1") AccessManaged(authority_) {
        sendLib = sendLib_;
        receiveLib = receiveLib_;
        _setSigners(signers_, threshold_);
    }

    // ---- destination: attestations

    /// @inheritdoc ILockstepDVN
    function attest(Attestation[] calldata attestations, uint64 expiration, bytes calldata signatures) external {
        require(block.timestamp < expiration, Expired(expiration, block.timestamp));
        _checkSignatures(digest(attestations, expiration), signatures);
        for (uint256 i = 0; i < attestations.length; ++i) {
            Attestation calldata a = attestations[i];
            IReceiveUlnE2(receiveLib).verify(a.packetHeader, a.payloadHash, a.confirmations);
            emit Attested(a.payloadHash, a.confirmations);
        }
    }

    /// @inheritdoc ILockstepDVN
    function digest(Attestation[] calldata attestations, uint64 expiration) public view returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](attestations.length);
        for (uint256 i = 0; i < attestations.length; ++i) {
            Attestation calldata a = attestations[i];
            hashes[i] = keccak256(
                abi.encode(ATTESTATION_TYPEHASH, keccak256(a.packetHeader), a.payloadHash, a.confirmations)
            );
        }
        return
            _hashTypedDataV4(
                keccak256(abi.encode(ATTEST_TYPEHASH, receiveLib, keccak256(abi.encodePacked(hashes)), expiration))
            );
    }

    /// @dev Exactly `threshold` signatures, signers strictly ascending: no signer counts twice, no order is free to choose.
    function _checkSignatures(bytes32 hash, bytes calldata signatures) private view {
        uint256 expected = threshold;
        require(
            signatures.length == expected * SIGNATURE_LENGTH,
            SignatureCount(signatures.length / SIGNATURE_LENGTH, expected)
        );
        address previous = address(0);
        for (uint256 i = 0; i < expected; ++i) {
            bytes calldata signature = signatures[i * SIGNATURE_LENGTH:(i + 1) * SIGNATURE_LENGTH];
            (address recovered, , ) = ECDSA.tryRecoverCalldata(hash, signature);
            require(recovered > previous && isSigner[recovered], SignatureInvalid(i, recovered, previous));
            previous = recovered;
        }
    }

    // ---- source: jobs and fees

    /// @inheritdoc ILayerZeroDVN
    function assignJob(AssignJobParam calldata job, bytes calldata options) external payable returns (uint256 fee) {
        require(msg.sender == sendLib, NotSendLibrary(msg.sender));
        fee = _fee(job.dstEid, options);
        emit JobAssigned(job.dstEid, job.payloadHash, job.confirmations, job.sender, fee);
    }

    /// @inheritdoc ILayerZeroDVN
    function getFee(uint32 dstEid, uint64, address, bytes calldata options) external view returns (uint256 fee) {
        return _fee(dstEid, options);
    }

    function _fee(uint32 dstEid, bytes calldata options) private view returns (uint256 fee) {
        require(options.length == 0, OptionsUnsupported(options.length));
        fee = feeOf[dstEid];
        require(fee != 0, DestinationUnknown(dstEid));
    }

    // ---- governance (restricted)

    /// @notice Replaces the signer set. Signatures of the old set end at once.
    /// @param signers_   strictly ascending
    /// @param threshold_ signatures needed, 1 … number of signers
    function setSigners(address[] calldata signers_, uint8 threshold_) external restricted {
        for (uint256 i = 0; i < _signers.length; ++i) isSigner[_signers[i]] = false;
        _setSigners(signers_, threshold_);
    }

    /// @notice Sets what a job towards `dstEid` costs, wei; 0 ends the service.
    function setFee(uint32 dstEid, uint256 fee) external restricted {
        feeOf[dstEid] = fee;
        emit FeeSet(dstEid, fee);
    }

    /// @notice Sends earned fees, kept by the send library, to `to`.
    function withdrawFees(address to, uint256 amount) external restricted {
        ISendLib(sendLib).withdrawFee(to, amount);
        emit FeesWithdrawn(to, amount);
    }

    function _setSigners(address[] memory signers_, uint8 threshold_) private {
        require(threshold_ != 0 && threshold_ <= signers_.length, SignersInvalid(signers_.length, threshold_));
        address previous = address(0);
        for (uint256 i = 0; i < signers_.length; ++i) {
            require(signers_[i] > previous, SignersInvalid(signers_.length, threshold_));
            previous = signers_[i];
            isSigner[previous] = true;
        }
        _signers = signers_;
        threshold = threshold_;
        emit SignersSet(signers_, threshold_);
    }

    // ---- views

    /// @inheritdoc ILockstepDVN
    function signers() external view returns (address[] memory) {
        return _signers;
    }
}
