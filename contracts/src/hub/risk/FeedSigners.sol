// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {FeedId} from "./FeedWord.sol";
import {IFeeds} from "./IFeeds.sol";

/// @notice Who signs the feeds, and whether enough of them did.
abstract contract FeedSigners is IFeeds, EIP712 {
    bytes32 private constant REPORT_TYPEHASH = keccak256("Report(uint64 feed,uint128 value,uint32 spread)");
    bytes32 private constant SNAPSHOT_TYPEHASH = keccak256(
        "Snapshot(uint40 time,Report[] reports)Report(uint64 feed,uint128 value,uint32 spread)"
    );
    uint256 private constant SIGNATURE_LENGTH = 65;
    uint256 private constant MAX_SIGNERS = 32;

    /// @inheritdoc IFeeds
    uint8 public threshold;
    /// @inheritdoc IFeeds
    uint8 public settlementThreshold;
    address[] private _signers;
    mapping(address signer => bool) private _isSigner;

    constructor() EIP712("Lockstep Feeds", "1") {}

    /// @inheritdoc IFeeds
    function signers() external view returns (address[] memory) {
        return _signers;
    }

    function _digest(uint40 time, Report[] calldata reports) internal view returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](reports.length);
        for (uint256 i = 0; i < reports.length; ++i) {
            Report calldata report = reports[i];
            hashes[i] = keccak256(abi.encode(REPORT_TYPEHASH, FeedId.unwrap(report.feed), report.value, report.spread));
        }
        return _hashTypedDataV4(keccak256(abi.encode(SNAPSHOT_TYPEHASH, time, keccak256(abi.encodePacked(hashes)))));
    }

    /// @dev Exactly `expected` signatures, signers strictly ascending: no signer counts twice, no order is free to choose.
    function _checkSignatures(bytes32 hash, bytes calldata signatures, uint256 expected) internal view {
        require(
            signatures.length == expected * SIGNATURE_LENGTH,
            SignatureCount(signatures.length / SIGNATURE_LENGTH, expected)
        );
        address previous = address(0);
        for (uint256 i = 0; i < expected; ++i) {
            bytes calldata signature = signatures[i * SIGNATURE_LENGTH:(i + 1) * SIGNATURE_LENGTH];
            (address recovered, , ) = ECDSA.tryRecoverCalldata(hash, signature);
            require(recovered > previous && _isSigner[recovered], SignatureInvalid(i, recovered, previous));
            previous = recovered;
        }
    }

    function _setSigners(address[] memory signers_, uint8 threshold_, uint8 settlementThreshold_) internal {
        for (uint256 i = 0; i < _signers.length; ++i) _isSigner[_signers[i]] = false;
        require(
            threshold_ != 0 && threshold_ <= settlementThreshold_ && signers_.length <= MAX_SIGNERS,
            SignersInvalid(signers_.length, threshold_)
        );
        require(settlementThreshold_ <= signers_.length, SignersInvalid(signers_.length, settlementThreshold_));
        address previous = address(0);
        for (uint256 i = 0; i < signers_.length; ++i) {
            require(signers_[i] > previous, SignersInvalid(signers_.length, threshold_));
            previous = signers_[i];
            _isSigner[previous] = true;
        }
        _signers = signers_;
        threshold = threshold_;
        settlementThreshold = settlementThreshold_;
        emit SignersSet(signers_, threshold_, settlementThreshold_);
    }
}
