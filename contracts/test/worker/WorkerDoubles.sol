// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Origin} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";

/// @notice Records what DVNs verify and who withdraws; the real libraries are used by the deployment's tests.
contract LibraryDouble {
    mapping(address dvn => mapping(bytes32 headerHash => mapping(bytes32 payloadHash => uint64)))
        public confirmationsOf;
    uint256 public verifications;
    address public withdrawnTo;
    uint256 public withdrawn;

    function verify(bytes calldata header, bytes32 payloadHash, uint64 confirmations) external {
        confirmationsOf[msg.sender][keccak256(header)][payloadHash] = confirmations;
        ++verifications;
    }

    function withdrawFee(address to, uint256 amount) external {
        (withdrawnTo, withdrawn) = (to, amount);
    }
}

/// @notice The endpoint's rules that the executor meets: committed hashes, the lazy nonce, clearing before the call.
contract EndpointDouble {
    struct Channel {
        uint64 lazyNonce;
        mapping(uint64 nonce => bytes32) committed;
    }

    mapping(address receiver => Channel) private _channels;
    uint256 public alerts;
    bytes public lastReason;

    error PayloadHashNotFound(bytes32 expected, bytes32 actual);

    function commit(address receiver, uint64 nonce, bytes32 payloadHash) external {
        _channels[receiver].committed[nonce] = payloadHash;
    }

    function inboundPayloadHash(address receiver, uint32, bytes32, uint64 nonce) external view returns (bytes32) {
        return _channels[receiver].committed[nonce];
    }

    function lazyInboundNonce(address receiver, uint32, bytes32) external view returns (uint64) {
        return _channels[receiver].lazyNonce;
    }

    function lzReceive(
        Origin calldata origin,
        address receiver,
        bytes32 guid,
        bytes calldata message,
        bytes calldata
    ) external payable {
        Channel storage channel = _channels[receiver];
        bytes32 actual = keccak256(bytes.concat(guid, message));
        bytes32 expected = channel.committed[origin.nonce];
        require(actual == expected, PayloadHashNotFound(expected, actual));
        delete channel.committed[origin.nonce];
        if (origin.nonce > channel.lazyNonce) channel.lazyNonce = origin.nonce;
        ReceiverDouble(receiver).handle(message);
    }

    function lzReceiveAlert(
        Origin calldata,
        address,
        bytes32,
        uint256,
        uint256,
        bytes calldata,
        bytes calldata,
        bytes calldata reason
    ) external {
        ++alerts;
        lastReason = reason;
    }
}

/// @notice Commits what was attested, like the receive library.
contract ReceiveLibraryDouble {
    EndpointDouble private immutable _endpoint;
    mapping(bytes32 payloadHash => bool) private _verified;

    error Verifying();

    constructor(EndpointDouble endpoint) {
        _endpoint = endpoint;
    }

    function attest(bytes32 payloadHash) external {
        _verified[payloadHash] = true;
    }

    /// @dev header here: abi.encode(receiver, nonce)
    function commitVerification(bytes calldata header, bytes32 payloadHash) external {
        require(_verified[payloadHash], Verifying());
        (address receiver, uint64 nonce) = abi.decode(header, (address, uint64));
        _endpoint.commit(receiver, nonce, payloadHash);
    }
}

/// @notice Counts; or fails in the way its message's first byte says.
contract ReceiverDouble {
    uint256 public handled;
    uint256 public gasSeen;

    error Refused(uint256 code);

    function handle(bytes calldata message) external {
        gasSeen = gasleft();
        uint8 way = uint8(message[0]);
        if (way == 1) revert Refused(7);
        if (way == 2) while (true) gasSeen = gasleft();
        if (way == 3) {
            assembly {
                revert(0, 100000)
            }
        }
        ++handled;
    }
}
