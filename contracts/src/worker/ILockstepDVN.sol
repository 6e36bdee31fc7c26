// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice A k-of-n DVN for Lockstep's routes: takes jobs and fees on the source chain, attests in batches on the destination.
interface ILockstepDVN {
    /// @param packetHeader  81 bytes of the LayerZero packet
    /// @param payloadHash   keccak256(guid ‖ message)
    /// @param confirmations source confirmations the signers waited for
    struct Attestation {
        bytes packetHeader;
        bytes32 payloadHash;
        uint64 confirmations;
    }

    event SignersSet(address[] signers, uint8 threshold);
    event FeeSet(uint32 indexed dstEid, uint256 fee);
    event JobAssigned(uint32 indexed dstEid, bytes32 payloadHash, uint64 confirmations, address sender, uint256 fee);
    event Attested(bytes32 indexed payloadHash, uint64 confirmations);
    event FeesWithdrawn(address indexed to, uint256 amount);

    error SignersInvalid(uint256 count, uint256 threshold);
    error SignatureCount(uint256 actual, uint256 expected);
    error SignatureInvalid(uint256 index, address recovered, address previous);
    error Expired(uint256 expiration, uint256 nowSeconds);
    error DestinationUnknown(uint32 dstEid);
    error NotSendLibrary(address caller);
    error OptionsUnsupported(uint256 length);

    /// @notice Verifies `attestations` in the receive library. Anyone may submit; only signatures count.
    /// @dev Digest: EIP-712 over (receiveLib, keccak of the attestations, expiration), domain (name, version, chainId, this), so
    ///      signatures are worth nothing on another chain, DVN or library. Signers strictly ascending, exactly `threshold` of them.
    function attest(Attestation[] calldata attestations, uint64 expiration, bytes calldata signatures) external;

    function digest(Attestation[] calldata attestations, uint64 expiration) external view returns (bytes32);
    function signers() external view returns (address[] memory);
    function threshold() external view returns (uint8);
    function receiveLib() external view returns (address);
}
