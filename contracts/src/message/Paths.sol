// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {OApp} from "@layerzerolabs/lz-evm-oapp-v2/contracts/oapp/OApp.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IMessenger} from "./IMessenger.sol";
import {Inbox} from "./Inbox.sol";
import {LogFold} from "./LogFold.sol";
import {Outbox} from "./Outbox.sol";

/// @notice What a messenger knows of its paths and of who uses them, and what can be read of it (see IMessenger).
abstract contract Paths is IMessenger, OApp, AccessManaged {
    /// @dev Gas of a checkpoint on the destination unless governance sets another: storing a head and an acknowledgement takes
    ///      below 100k (see the gas snapshot), the rest is margin for chains that price storage otherwise.
    uint128 internal constant DEFAULT_RECEIVE_GAS = 200_000;

    uint32 public immutable localEid;

    mapping(uint32 eid => Outbox) internal _outboxes;
    mapping(uint32 eid => Inbox) internal _inboxes;
    mapping(uint32 eid => mapping(bytes32 peer => bool)) internal _peerUsed;
    mapping(uint32 eid => uint128) internal _receiveGas;
    uint32[] internal _eids;

    mapping(uint8 kind => address) public writerOf;
    mapping(uint8 kind => address) public handlerOf;

    // One slot: both are read together when entries are paid for.
    uint192 internal _entryFee;
    uint64 public minReimbursedEntries;
    uint256 public flushFund;
    mapping(address to => uint256) public refundable;

    /// @param endpoint_  LayerZero V2 endpoint of this chain
    /// @param authority_ AccessManager: owner, delegate and authority
    constructor(
        address endpoint_,
        address authority_
    ) OApp(endpoint_, authority_) Ownable(authority_) AccessManaged(authority_) {
        localEid = endpoint.eid();
    }

    // ---- views

    /// @inheritdoc IMessenger
    function outbox(uint32 dstEid) external view returns (OutboxView memory) {
        Outbox storage box = _outboxes[dstEid];
        return OutboxView(box.sequence, box.flushed, box.acknowledged, box.closed, box.ringAt(box.sequence));
    }

    /// @inheritdoc IMessenger
    function inbox(uint32 srcEid) external view returns (InboxView memory) {
        Inbox storage box = _inboxes[srcEid];
        return InboxView(box.consumed, box.verified, box.closed, _outboxes[srcEid].quarantined, box.consumedHead);
    }

    /// @inheritdoc IMessenger
    function headInRing(uint32 dstEid, uint64 sequence) external view returns (bytes32) {
        return _outboxes[dstEid].ringAt(sequence);
    }

    /// @inheritdoc IMessenger
    function verifiedHead(uint32 srcEid, uint64 sequence) external view returns (bytes32) {
        return _inboxes[srcEid].headAt(sequence);
    }

    /// @inheritdoc IMessenger
    function isVoidedInbound(uint32 srcEid, uint64 sequence) external view returns (bool) {
        return _inboxes[srcEid].isVoided(sequence);
    }

    /// @inheritdoc IMessenger
    function isVoidedOutbound(uint32 dstEid, uint64 sequence) external view returns (bool) {
        return _outboxes[dstEid].isVoided(sequence);
    }

    /// @inheritdoc IMessenger
    function isQuarantined(uint32 eid) external view returns (bool) {
        return _outboxes[eid].quarantined;
    }

    /// @inheritdoc IMessenger
    function epochOf(uint32 srcEid) external view returns (uint32) {
        return _inboxes[srcEid].epoch;
    }

    /// @inheritdoc IMessenger
    function isForgotten(uint32 srcEid, uint32 epoch, uint64 sequence) external view returns (bool) {
        return _inboxes[srcEid].isForgotten(epoch, sequence);
    }

    /// @inheritdoc IMessenger
    function genesis(uint32 eid) external view returns (bytes32 outgoing, bytes32 incoming) {
        bytes32 peer = _getPeerOrRevert(eid);
        return (LogFold.genesis(localEid, _self(), eid, peer), LogFold.genesis(eid, peer, localEid, _self()));
    }

    /// @inheritdoc IMessenger
    function entryFee() external view returns (uint256) {
        return _entryFee;
    }

    /// @inheritdoc IMessenger
    function receiveGas(uint32 dstEid) public view returns (uint128) {
        uint128 gas = _receiveGas[dstEid];
        return gas == 0 ? DEFAULT_RECEIVE_GAS : gas;
    }

    // ---- inner

    function _quarantine(uint32 eid, Conflict conflict, uint64 sequence, bytes32 expected, bytes32 actual) internal {
        Outbox storage box = _outboxes[eid];
        if (box.quarantined) return;
        box.quarantined = true;
        emit PathQuarantined(eid, conflict, sequence, expected, actual);
    }

    function _open(uint32 eid) internal view returns (Outbox storage box) {
        box = _known(eid);
        require(!box.closed, PathClosedForWriting(eid, box.sequence));
    }

    function _known(uint32 eid) internal view returns (Outbox storage box) {
        box = _outboxes[eid];
        require(box.known, PathUnknown(eid));
    }

    function _self() internal view returns (bytes32) {
        return bytes32(uint256(uint160(address(this))));
    }
}
