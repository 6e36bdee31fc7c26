// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {
    MessagingFee,
    MessagingParams,
    MessagingReceipt,
    Origin
} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {ILayerZeroReceiver} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroReceiver.sol";

/// @notice A packet as a test holds it between two endpoints.
struct PacketMock {
    Origin origin;
    uint32 dstEid;
    bytes32 receiver;
    bytes32 guid;
    bytes message;
    bytes options;
}

/// @notice LayerZero's endpoint reduced to its nonce rules, with the network in the test's hands: a packet is whatever the
///         test does with it (verify, execute, again, later, never). The real endpoint runs in the system tests.
contract EndpointMock {
    bytes32 internal constant NIL = bytes32(type(uint256).max);

    uint32 public immutable eid;
    uint256 public fee;
    PacketMock[] private _sent;
    mapping(address oapp => address) public delegates;
    mapping(address receiver => mapping(uint32 eid => mapping(bytes32 sender => uint64))) public lazyInboundNonce;
    mapping(address receiver => mapping(uint32 eid => mapping(bytes32 sender => mapping(uint64 nonce => bytes32))))
        public inboundPayloadHash;
    mapping(address sender => mapping(uint32 eid => mapping(bytes32 receiver => uint64))) public outboundNonce;

    error FeeMismatch(uint256 paid, uint256 expected);
    error NonceInvalid(uint64 nonce);
    error PayloadUnknown(bytes32 expected, bytes32 actual);
    error PathNotInitializable();
    error Unauthorized(address caller);

    constructor(uint32 eid_) {
        eid = eid_;
    }

    function setFee(uint256 fee_) external {
        fee = fee_;
    }

    function setDelegate(address delegate) external {
        delegates[msg.sender] = delegate;
    }

    function quote(MessagingParams calldata, address) external view returns (MessagingFee memory) {
        return MessagingFee(fee, 0);
    }

    function send(MessagingParams calldata p, address) external payable returns (MessagingReceipt memory) {
        require(msg.value == fee, FeeMismatch(msg.value, fee));
        uint64 nonce = ++outboundNonce[msg.sender][p.dstEid][p.receiver];
        bytes32 sender = bytes32(uint256(uint160(msg.sender)));
        bytes32 guid = keccak256(abi.encodePacked(nonce, eid, sender, p.dstEid, p.receiver));
        _sent.push(PacketMock(Origin(eid, sender, nonce), p.dstEid, p.receiver, guid, p.message, p.options));
        return MessagingReceipt(guid, nonce, MessagingFee(fee, 0));
    }

    function sentCount() external view returns (uint256) {
        return _sent.length;
    }

    function sent(uint256 index) external view returns (PacketMock memory) {
        return _sent[index];
    }

    /// @notice What the verifiers do: from now on the packet may be executed once all nonces before it are verified or skipped.
    function verify(PacketMock calldata p) external {
        address receiver = address(uint160(uint256(p.receiver)));
        uint64 lazy = lazyInboundNonce[receiver][p.origin.srcEid][p.origin.sender];
        require(lazy > 0 || ILayerZeroReceiver(receiver).allowInitializePath(p.origin), PathNotInitializable());
        require(p.origin.nonce > lazy, NonceInvalid(p.origin.nonce));
        inboundPayloadHash[receiver][p.origin.srcEid][p.origin.sender][p.origin.nonce] = keccak256(
            abi.encodePacked(p.guid, p.message)
        );
    }

    /// @notice What the endpoint's owner-by-delegation can do: forbid the execution of a packet.
    function nilify(PacketMock calldata p) external {
        address receiver = address(uint160(uint256(p.receiver)));
        inboundPayloadHash[receiver][p.origin.srcEid][p.origin.sender][p.origin.nonce] = NIL;
    }

    /// @notice What anyone can do with a verified packet.
    function execute(PacketMock calldata p) external payable {
        address receiver = address(uint160(uint256(p.receiver)));
        mapping(uint64 => bytes32) storage hashes = inboundPayloadHash[receiver][p.origin.srcEid][p.origin.sender];
        uint64 lazy = lazyInboundNonce[receiver][p.origin.srcEid][p.origin.sender];
        for (uint64 n = lazy + 1; n <= p.origin.nonce; ++n) {
            require(hashes[n] != 0, NonceInvalid(n));
        }
        if (p.origin.nonce > lazy) lazyInboundNonce[receiver][p.origin.srcEid][p.origin.sender] = p.origin.nonce;
        bytes32 actual = keccak256(abi.encodePacked(p.guid, p.message));
        require(hashes[p.origin.nonce] == actual, PayloadUnknown(hashes[p.origin.nonce], actual));
        delete hashes[p.origin.nonce];
        ILayerZeroReceiver(receiver).lzReceive{value: msg.value}(p.origin, p.guid, p.message, msg.sender, "");
    }

    /// @notice Hands over a message without nonces: reordered, repeated or forged, as the test likes.
    function inject(address receiver, Origin calldata origin, bytes calldata message) external payable {
        ILayerZeroReceiver(receiver).lzReceive{value: msg.value}(origin, bytes32(0), message, msg.sender, "");
    }

    function inboundNonce(address receiver, uint32 srcEid, bytes32 sender) public view returns (uint64 nonce) {
        nonce = lazyInboundNonce[receiver][srcEid][sender];
        while (inboundPayloadHash[receiver][srcEid][sender][nonce + 1] != 0) ++nonce;
    }

    function skip(address oapp, uint32 srcEid, bytes32 sender, uint64 nonce) external {
        require(msg.sender == oapp || msg.sender == delegates[oapp], Unauthorized(msg.sender));
        require(nonce == inboundNonce(oapp, srcEid, sender) + 1, NonceInvalid(nonce));
        lazyInboundNonce[oapp][srcEid][sender] = nonce;
    }
}
