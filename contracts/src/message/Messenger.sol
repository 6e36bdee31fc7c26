// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {MessagingFee, Origin} from "@layerzerolabs/lz-evm-oapp-v2/contracts/oapp/OApp.sol";
import {MessagingParams} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoint, CheckpointCodec} from "./Checkpoint.sol";
import {Entry, EntryKind} from "./Entry.sol";
import {IEntryHandler} from "./IEntryHandler.sol";
import {IMessenger} from "./IMessenger.sol";
import {Chunk, Comparison, Inbox} from "./Inbox.sol";
import {LogFold} from "./LogFold.sol";
import {Outbox} from "./Outbox.sol";
import {Paths} from "./Paths.sol";

/// @notice The log of one chain (see IMessenger). Immutable: a new version is a new path, after CLOSED on the old one.
/// @dev The OApp's owner and its LayerZero delegate are the AccessManager, so what LayerZero reserves for them goes through
///      `AccessManager.execute`; every other privileged function is `restricted`.
contract Messenger is Paths, ReentrancyGuardTransient {
    /// @dev A refund may not take more gas than this from whoever flushes for others.
    uint256 internal constant REFUND_GAS = 50_000;
    /// @dev LayerZero marks a nilified packet with this hash: it cannot be executed, so it heals nothing.
    bytes32 internal constant NIL_PAYLOAD_HASH = bytes32(type(uint256).max);

    /// @param endpoint_  LayerZero V2 endpoint of this chain
    /// @param authority_ AccessManager: owner, delegate and authority
    constructor(address endpoint_, address authority_) Paths(endpoint_, authority_) {}

    /// @notice Gifts to the flush fund. The endpoint returns nothing here: it is always paid exactly.
    receive() external payable {
        flushFund += msg.value;
    }

    // ---- own log

    /// @inheritdoc IMessenger
    /// @dev Without the reentrancy lock: a handler appends its receipts while a chunk is delivered. It calls nobody.
    function append(uint32 dstEid, bytes calldata entry) external payable returns (uint64 sequence) {
        require(entry.length != 0 && entry.length <= Entry.MAX_LENGTH, EntryTooLong(entry.length, Entry.MAX_LENGTH));
        uint8 kind = uint8(entry[0]);
        require(kind != EntryKind.VOID && kind != EntryKind.CLOSED, KindReserved(kind));
        address writer = writerOf[kind];
        require(msg.sender == writer, NotWriter(kind, msg.sender, writer));
        Outbox storage box = _open(dstEid);
        require(!box.quarantined, PathInQuarantine(dstEid));
        // What contracts append while they deliver or order is carried by those who asked for it first.
        uint256 fee = kind == EntryKind.RECEIPTS || kind == EntryKind.RELEASE ? 0 : _entryFee;
        require(msg.value == fee, EntryFeeUnpaid(msg.value, fee));
        if (fee != 0) flushFund += fee;
        bytes32 head;
        (sequence, head) = box.push(Entry.leafOfCalldata(entry));
        emit EntryAppended(dstEid, sequence, head, entry);
    }

    /// @inheritdoc IMessenger
    function voidEntry(
        uint32 dstEid,
        uint64 target,
        bytes32 headBefore,
        bytes32 leaf,
        bytes32[] calldata leavesAfter
    ) external returns (uint64 sequence) {
        uint8 kind = Entry.kindOf(leaf);
        require(kind != EntryKind.VOID && kind != EntryKind.CLOSED, KindReserved(kind));
        address writer = writerOf[kind];
        require(msg.sender == writer, NotWriter(kind, msg.sender, writer));
        Outbox storage box = _open(dstEid);
        box.markVoided(dstEid, target, headBefore, leaf, leavesAfter);
        bytes32 head;
        (sequence, head) = box.push(Entry.voidLeaf(target));
        emit EntryAppended(dstEid, sequence, head, abi.encodePacked(EntryKind.VOID, target));
    }

    /// @inheritdoc IMessenger
    function close(uint32 dstEid) external restricted returns (uint64 sequence) {
        Outbox storage box = _open(dstEid);
        bytes32 head;
        (sequence, head) = box.push(Entry.closedLeaf());
        box.closed = true;
        emit EntryAppended(dstEid, sequence, head, abi.encodePacked(EntryKind.CLOSED));
    }

    /// @inheritdoc IMessenger
    function flush(uint32 dstEid, address refundTo) external payable nonReentrant returns (bytes32 guid) {
        Outbox storage box = _known(dstEid);
        require(!box.quarantined, PathInQuarantine(dstEid));
        uint64 batch = box.sequence - box.flushed;
        require(batch != 0, NothingToFlush(dstEid, box.sequence));
        (uint64 sequence, bytes32 head) = box.markFlushed();
        return _send(dstEid, sequence, head, batch >= minReimbursedEntries, refundTo);
    }

    /// @inheritdoc IMessenger
    function resend(uint32 dstEid, address refundTo) external payable nonReentrant returns (bytes32 guid) {
        (uint64 sequence, bytes32 head) = _known(dstEid).flushedHead();
        return _send(dstEid, sequence, head, false, refundTo);
    }

    /// @inheritdoc IMessenger
    function quoteFlush(uint32 dstEid) public view returns (uint256 nativeFee) {
        Outbox storage box = _known(dstEid);
        uint64 sequence = box.sequence;
        return _quoteCheckpoint(dstEid, _checkpoint(dstEid, sequence, box.ringAt(sequence)));
    }

    /// @inheritdoc IMessenger
    function claimRefund(address to) external nonReentrant {
        uint256 amount = refundable[to];
        require(amount != 0, NothingClaimable(to));
        refundable[to] = 0;
        require(_pay(to, amount, gasleft()), RefundFailed(to, amount));
        emit RefundClaimed(to, amount);
    }

    // ---- the other side's log

    /// @inheritdoc IMessenger
    function deliver(uint32 srcEid, bytes calldata stream) external nonReentrant {
        require(!_known(srcEid).quarantined, PathInQuarantine(srcEid));
        Inbox storage box = _inboxes[srcEid];
        require(!box.closed, NothingToDeliver(srcEid));
        Chunk memory chunk = box.read(srcEid, stream);
        (uint64 first, uint64 last) = box.consume(chunk);
        emit EntriesDelivered(srcEid, first, last, chunk.head);
        if (chunk.closed) emit PathClosed(srcEid, last);
        _apply(srcEid, first, stream, chunk);
    }

    /// @inheritdoc IMessenger
    function split(
        uint32 srcEid,
        uint64 from,
        uint64 to,
        bytes32 headAt,
        bytes32[] calldata leaves
    ) external nonReentrant {
        require(!_known(srcEid).quarantined, PathInQuarantine(srcEid));
        (bool fresh, Comparison memory result) = _inboxes[srcEid].split(srcEid, from, to, headAt, leaves);
        if (fresh) emit HeadSplit(srcEid, from, to, headAt);
        if (result.conflict) _quarantine(srcEid, result.kind, to, result.expected, headAt);
    }

    /// @inheritdoc IMessenger
    /// @dev Loses nothing: the later checkpoint covers every entry the skipped one did.
    function skipStalled(uint32 srcEid, uint64 nonce, uint64 committedNonce) external {
        bytes32 peer = _getPeerOrRevert(srcEid);
        bytes32 committed = endpoint.inboundPayloadHash(address(this), srcEid, peer, committedNonce);
        require(
            committedNonce > nonce &&
                committed != 0 &&
                committed != NIL_PAYLOAD_HASH &&
                uint256(endpoint.inboundNonce(address(this), srcEid, peer)) + 1 == nonce,
            NonceNotStalled(srcEid, nonce, committedNonce)
        );
        endpoint.skip(address(this), srcEid, peer, nonce);
        emit StalledSkipped(srcEid, nonce, committedNonce);
    }

    // ---- emergency and governance

    /// @inheritdoc IMessenger
    function quarantine(uint32 eid) external restricted {
        _known(eid);
        Inbox storage box = _inboxes[eid];
        _quarantine(eid, Conflict.Reported, box.consumed, box.consumedHead, box.consumedHead);
    }

    /// @inheritdoc IMessenger
    function rebase(
        uint32 eid,
        uint64 sequence,
        bytes32 head,
        Corrections[] calldata corrections
    ) external restricted nonReentrant {
        Outbox storage out = _known(eid);
        require(out.quarantined, PathNotQuarantined(eid));
        Inbox storage box = _inboxes[eid];
        bool stillClosed = box.closed && sequence == box.consumed && head == box.consumedHead;
        box.reopen(sequence, head);
        box.closed = stillClosed;
        out.quarantined = false;
        emit PathRebased(eid, sequence, head);
        for (uint256 i = 0; i < corrections.length; ++i) {
            address handler = handlerOf[corrections[i].kind];
            require(handler != address(0), HandlerUnknown(corrections[i].kind));
            IEntryHandler(handler).applyCorrections(eid, sequence, corrections[i].data);
        }
    }

    /// @inheritdoc IMessenger
    /// @dev A new writer of a kind may void what the old one wrote, so everything written must be out of reach first.
    function setWriter(uint8 kind, address writer) external restricted {
        require(kind != EntryKind.VOID && kind != EntryKind.CLOSED, KindReserved(kind));
        for (uint256 i = 0; i < _eids.length; ++i) {
            Outbox storage box = _outboxes[_eids[i]];
            require(box.sequence == box.flushed, WriterBusy(_eids[i], box.sequence, box.flushed));
        }
        writerOf[kind] = writer;
        emit WriterSet(kind, writer);
    }

    /// @inheritdoc IMessenger
    function setHandler(uint8 kind, address handler) external restricted {
        require(kind != EntryKind.VOID && kind != EntryKind.CLOSED, KindReserved(kind));
        handlerOf[kind] = handler;
        emit HandlerSet(kind, handler);
    }

    /// @inheritdoc IMessenger
    function setReceiveGas(uint32 dstEid, uint128 gas) external restricted {
        _receiveGas[dstEid] = gas;
        emit ReceiveGasSet(dstEid, gas);
    }

    /// @inheritdoc IMessenger
    function setFlushPolicy(uint256 entryFee_, uint64 minReimbursedEntries_) external restricted {
        _entryFee = SafeCast.toUint192(entryFee_);
        minReimbursedEntries = minReimbursedEntries_;
        emit FlushPolicySet(entryFee_, minReimbursedEntries_);
    }

    /// @notice Opens the path to a messenger, or to this one itself for the local eid. Restricted.
    /// @dev A peer changes only after both logs are closed and consumed, and never back to one that was used: its genesis, and so its
    ///      whole old log, would be valid again. The own log counts as consumed when the peer's checkpoint says so; before that a lost
    ///      packet could not be sent again, and what it covered would be lost with it.
    function setPeer(uint32 eid, bytes32 peer) public override restricted {
        Outbox storage out = _outboxes[eid];
        Inbox storage box = _inboxes[eid];
        bytes32 self = _self();
        require(peer != 0 && (eid == localEid) == (peer == self), PeerInvalid(eid, peer));
        if (out.known) {
            require(!out.quarantined, PathInQuarantine(eid));
            require(
                box.closed && out.closed && out.sequence == out.acknowledged && !_peerUsed[eid][peer],
                PeerInUse(eid, peers[eid])
            );
        } else {
            _eids.push(eid);
        }
        _peerUsed[eid][peer] = true;
        out.open(LogFold.genesis(localEid, self, eid, peer));
        box.open(0, LogFold.genesis(eid, peer, localEid, self));
        _setPeer(eid, peer);
    }

    // ---- inner

    /// @dev OAppReceiver has checked the endpoint and the peer. Fails for a malformed checkpoint only, which no entry can cause.
    ///      Value that an executor sends along is a gift to the flush fund: refusing it would let nobody gain.
    function _lzReceive(
        Origin calldata origin,
        bytes32,
        bytes calldata message,
        address,
        bytes calldata
    ) internal override {
        if (msg.value != 0) flushFund += msg.value;
        _receiveCheckpoint(origin.srcEid, CheckpointCodec.decode(message));
    }

    function _receiveCheckpoint(uint32 srcEid, Checkpoint memory c) private {
        (bool fresh, Comparison memory result) = _inboxes[srcEid].verify(c.sequence, c.head);
        if (fresh) emit CheckpointReceived(srcEid, c.sequence, c.head);
        else emit CheckpointDropped(srcEid, c.sequence, c.head);
        if (result.conflict) _quarantine(srcEid, result.kind, c.sequence, result.expected, c.head);

        Outbox storage out = _outboxes[srcEid];
        uint64 appended = out.sequence;
        if (c.ackSequence > appended) {
            _quarantine(srcEid, Conflict.AckAhead, c.ackSequence, out.ringAt(appended), c.ackHead);
            return;
        }
        bytes32 own = out.headAt(c.ackSequence);
        // Unknown head: heads are chained, so the next comparable ack proves or refutes this one too.
        if (own == 0) return;
        if (own != c.ackHead) {
            _quarantine(srcEid, Conflict.AckHeadMismatch, c.ackSequence, own, c.ackHead);
        } else if (c.ackSequence > out.acknowledged) {
            out.acknowledged = c.ackSequence;
            emit Acknowledged(srcEid, c.ackSequence);
        }
    }

    /// @dev Hands each run of consecutive entries of one handler to it in one call. VOID and CLOSED ride along.
    function _apply(uint32 srcEid, uint64 first, bytes calldata stream, Chunk memory chunk) private {
        if (chunk.isPlain()) {
            // CAST: a bit's index in a word.
            address handler = handlerOf[uint8(Math.log2(chunk.kinds))];
            if (handler != address(0)) return _applyRun(handler, srcEid, first, 0, chunk.count, stream, chunk.voided);
        }
        uint256[] memory voided = chunk.voided;
        uint256 index = 0;
        uint256 runIndex = 0;
        uint256 runStart = 0;
        address runHandler = address(0);
        // No entry has kind 0xF0 with a handler: a safe "none yet".
        uint256 cachedKind = EntryKind.VOID;
        address cachedHandler = address(0);
        for (uint256 offset = 0; offset < stream.length; ++index) {
            (uint256 kind, uint256 length) = LogFold.prefixAt(stream, offset);
            if (kind != EntryKind.VOID && kind != EntryKind.CLOSED) {
                if (kind != cachedKind) {
                    cachedKind = kind;
                    cachedHandler = handlerOf[uint8(kind)];
                }
                if (cachedHandler != runHandler) {
                    if (runHandler != address(0)) {
                        _applyRun(runHandler, srcEid, first, runIndex, index, stream[runStart:offset], voided);
                    }
                    (runHandler, runIndex, runStart) = (cachedHandler, index, offset);
                }
                if (LogFold.bitAt(voided, index)) emit EntryVoided(srcEid, uint64(first + index));
                else if (cachedHandler == address(0)) emit EntryUnhandled(srcEid, uint64(first + index), uint8(kind));
            }
            offset += 1 + length;
        }
        if (runHandler != address(0)) {
            _applyRun(runHandler, srcEid, first, runIndex, index, stream[runStart:], voided);
        }
    }

    function _applyRun(
        address handler,
        uint32 srcEid,
        uint64 first,
        uint256 from,
        uint256 to,
        bytes calldata run,
        uint256[] memory voided
    ) private {
        IEntryHandler(handler).applyEntries(srcEid, uint64(first + from), run, LogFold.slice(voided, from, to - from));
    }

    /// @dev Sends a checkpoint, or on the same-chain path (LayerZero does not send to its own eid) hands it over at once.
    function _send(
        uint32 dstEid,
        uint64 sequence,
        bytes32 head,
        bool reimbursed,
        address refundTo
    ) private returns (bytes32 guid) {
        Checkpoint memory c = _checkpoint(dstEid, sequence, head);
        uint256 fee = _quoteCheckpoint(dstEid, c);
        uint256 fromFund = reimbursed && fee != 0 ? _min(fee, flushFund) : 0;
        require(msg.value + fromFund >= fee, FeeUnpaid(msg.value, fee - fromFund));
        if (fromFund != 0) {
            flushFund -= fromFund;
            emit FlushReimbursed(dstEid, refundTo, fromFund);
        }
        if (dstEid != localEid) {
            guid = endpoint.send{value: fee}(_params(dstEid, c), refundTo).guid;
        }
        emit Flushed(dstEid, sequence, head, c.ackSequence, c.ackHead, guid, fee);
        if (dstEid == localEid) _receiveCheckpoint(dstEid, c);
        _refund(refundTo, msg.value + fromFund - fee);
    }

    function _checkpoint(uint32 dstEid, uint64 sequence, bytes32 head) private view returns (Checkpoint memory) {
        Inbox storage box = _inboxes[dstEid];
        return Checkpoint(sequence, head, box.consumed, box.consumedHead);
    }

    function _quoteCheckpoint(uint32 dstEid, Checkpoint memory c) private view returns (uint256) {
        if (dstEid == localEid) return 0;
        MessagingFee memory fee = endpoint.quote(_params(dstEid, c), address(this));
        return fee.nativeFee;
    }

    function _params(uint32 dstEid, Checkpoint memory c) private view returns (MessagingParams memory) {
        // Options of type 3 with one item: worker 1 (executor), length 17, option 1 (lzReceive), gas.
        bytes memory options = abi.encodePacked(uint16(3), uint8(1), uint16(17), uint8(1), receiveGas(dstEid));
        return MessagingParams(dstEid, _getPeerOrRevert(dstEid), CheckpointCodec.encode(c), options, false);
    }

    function _refund(address to, uint256 amount) private {
        if (amount == 0) return;
        require(to != address(0), RefundFailed(to, amount));
        if (!_pay(to, amount, REFUND_GAS)) {
            refundable[to] += amount;
            emit RefundClaimable(to, amount);
        }
    }

    /// @dev Copies no return data: the receiver cannot make the caller pay for memory.
    function _pay(address to, uint256 amount, uint256 gas_) private returns (bool paid) {
        assembly ("memory-safe") {
            paid := call(gas_, to, amount, 0, 0, 0, 0)
        }
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
