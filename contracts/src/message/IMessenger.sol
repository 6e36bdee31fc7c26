// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice The log of one chain: an outbox and an inbox per remote eid, and the LayerZero endpoint between them.
/// @dev A path is (source eid, source messenger, destination eid, destination messenger). Sequences start at 1; the
///      head at sequence 0 is the genesis hash of the path, `head(n) = keccak256(head(n-1) ‖ leaf(n))`.
interface IMessenger {
    /// @notice Why a path was quarantined.
    enum Conflict {
        AckHeadMismatch, // the other side consumed a log of ours that we do not have
        AckAhead, // the other side consumed more than we ever appended
        TwoHeads, // two verified heads for one sequence
        ConsumedHeadMismatch, // a verified head or a split contradicts what was consumed
        Reported // raised by the guardian
    }

    /// @notice Own log towards `eid`.
    /// @param sequence     entries appended
    /// @param flushed      highest sequence a checkpoint was sent for
    /// @param acknowledged highest own sequence that the other side proved to have consumed
    /// @param closed       the CLOSED leaf was appended
    /// @param head         head at `sequence`
    struct OutboxView {
        uint64 sequence;
        uint64 flushed;
        uint64 acknowledged;
        bool closed;
        bytes32 head;
    }

    /// @notice The other side's log, as far as it is known here.
    /// @param consumed     highest sequence delivered
    /// @param verified     highest sequence with a verified head
    /// @param closed       the CLOSED leaf was consumed
    /// @param quarantined  a conflict was seen; nothing is delivered or appended until a rebase
    /// @param consumedHead head at `consumed`
    struct InboxView {
        uint64 consumed;
        uint64 verified;
        bool closed;
        bool quarantined;
        bytes32 consumedHead;
    }

    /// @notice What a rebase tells one handler.
    /// @param kind of entries, names the handler
    /// @param data encoding owned by the handler
    struct Corrections {
        uint8 kind;
        bytes data;
    }

    event EntryAppended(uint32 indexed dstEid, uint64 indexed sequence, bytes32 head, bytes entry);
    /// @param guid LayerZero guid; zero on the same-chain path
    /// @param fee  native fee of the packet, wei
    event Flushed(
        uint32 indexed dstEid,
        uint64 indexed sequence,
        bytes32 head,
        uint64 ackSequence,
        bytes32 ackHead,
        bytes32 guid,
        uint256 fee
    );
    event CheckpointReceived(uint32 indexed srcEid, uint64 indexed sequence, bytes32 head);
    /// @notice A checkpoint at or below the consumed sequence: compared and dropped.
    event CheckpointDropped(uint32 indexed srcEid, uint64 indexed sequence, bytes32 head);
    event Acknowledged(uint32 indexed dstEid, uint64 indexed sequence);
    event HeadSplit(uint32 indexed srcEid, uint64 indexed from, uint64 indexed to, bytes32 head);
    event EntriesDelivered(uint32 indexed srcEid, uint64 firstSequence, uint64 lastSequence, bytes32 head);
    /// @notice A delivered entry that takes no effect because its log voided it.
    event EntryVoided(uint32 indexed srcEid, uint64 indexed sequence);
    /// @notice A delivered entry that no handler is registered for: refused for good.
    event EntryUnhandled(uint32 indexed srcEid, uint64 indexed sequence, uint8 kind);
    event PathQuarantined(uint32 indexed eid, Conflict conflict, uint64 sequence, bytes32 expected, bytes32 actual);
    event PathRebased(uint32 indexed eid, uint64 sequence, bytes32 head);
    event PathClosed(uint32 indexed srcEid, uint64 sequence);
    event StalledSkipped(uint32 indexed srcEid, uint64 nonce, uint64 committedNonce);
    event WriterSet(uint8 indexed kind, address writer);
    event HandlerSet(uint8 indexed kind, address handler);
    event ReceiveGasSet(uint32 indexed dstEid, uint128 gas);
    event FlushPolicySet(uint256 entryFee, uint64 minReimbursedEntries);
    event FlushReimbursed(uint32 indexed dstEid, address indexed to, uint256 amount);
    event RefundClaimable(address indexed to, uint256 amount);
    event RefundClaimed(address indexed to, uint256 amount);

    error NotWriter(uint8 kind, address caller, address writer);
    error KindReserved(uint8 kind);
    error EntryTooLong(uint256 length, uint256 maximum);
    error PathUnknown(uint32 eid);
    error PathClosedForWriting(uint32 eid, uint64 sequence);
    error PathInQuarantine(uint32 eid);
    error PathNotQuarantined(uint32 eid);
    error NothingToFlush(uint32 dstEid, uint64 sequence);
    error EntryFeeUnpaid(uint256 paid, uint256 expected);
    error FeeUnpaid(uint256 paid, uint256 expected);
    error HeadNotVerified(uint32 srcEid, uint64 sequence, uint64 highestVerified);
    error HeadMismatch(uint32 srcEid, uint64 sequence, bytes32 expected, bytes32 actual);
    error StreamMalformed(uint256 offset, uint256 length);
    error NothingToDeliver(uint32 srcEid);
    error SplitOutOfRange(uint64 from, uint64 to, uint64 consumed);
    error LeavesMismatch(uint256 actual, uint256 expected);
    error AlreadyFlushed(uint64 target, uint64 flushed);
    error AlreadyVoided(uint64 target);
    error HeadNotInRing(uint64 sequence, uint64 oldest, uint64 newest);
    error NonceNotStalled(uint32 srcEid, uint64 nonce, uint64 committedNonce);
    error PeerInUse(uint32 eid, bytes32 peer);
    error PeerInvalid(uint32 eid, bytes32 peer);
    error HandlerUnknown(uint8 kind);
    error WriterBusy(uint32 eid, uint64 sequence, uint64 flushed);
    error NothingClaimable(address to);
    error RefundFailed(address to, uint256 amount);

    // ---- own log

    /// @notice Appends an entry to the log towards `dstEid`. Only the registered writer of its kind.
    /// @dev msg.value must equal the entry fee (0 for RECEIPTS and RELEASE). Reverts on an unknown, closed or quarantined path.
    /// @param entry `kind (1) ‖ payload (≤ 96)`; VOID and CLOSED are reserved
    /// @return sequence of the entry
    function append(uint32 dstEid, bytes calldata entry) external payable returns (uint64 sequence);

    /// @notice Voids an own, unflushed entry by proving it against a head of the ring (the last 64).
    /// @dev Only the writer of the target's kind. `head(target-1)`, the target's leaf and the leaves after it must fold
    ///      to the head at `target + leavesAfter.length`.
    function voidEntry(
        uint32 dstEid,
        uint64 target,
        bytes32 headBefore,
        bytes32 leaf,
        bytes32[] calldata leavesAfter
    ) external returns (uint64 sequence);

    /// @notice Ends the log towards `dstEid` for good. Restricted.
    function close(uint32 dstEid) external returns (uint64 sequence);

    /// @notice Sends one checkpoint that covers everything appended. Anyone; never empty; not during quarantine, where
    ///         unflushed entries stay voidable.
    /// @dev A batch of at least `minReimbursedEntries` is reimbursed from the flush fund, up to the quote.
    /// @param refundTo who receives what msg.value exceeds the fee by, and the reimbursement
    function flush(uint32 dstEid, address refundTo) external payable returns (bytes32 guid);

    /// @notice Repeats the last flushed head (genesis before the first flush) with the newest acknowledgement, at the
    ///         caller's cost. Works during quarantine, so that the other side can see the conflict.
    function resend(uint32 dstEid, address refundTo) external payable returns (bytes32 guid);

    /// @notice Native fee of a checkpoint now, wei; 0 on the same-chain path.
    function quoteFlush(uint32 dstEid) external view returns (uint256 nativeFee);

    function claimRefund(address to) external;

    // ---- the other side's log

    /// @notice Proves the entries after the consumed sequence against a verified head and has them applied. Anyone.
    /// @param stream `(length (1) ‖ entry)*`, consecutive from consumed + 1; the last one must end at a verified head
    function deliver(uint32 srcEid, bytes calldata stream) external;

    /// @notice Proves an earlier head from a verified one by walking the leaves in between. Anyone.
    /// @param from   sequence with a verified head
    /// @param to     earlier sequence, above the consumed one (equal: a contradiction quarantines the path)
    /// @param headAt head claimed at `to`
    /// @param leaves leaves of to + 1 … from
    function split(uint32 srcEid, uint64 from, uint64 to, bytes32 headAt, bytes32[] calldata leaves) external;

    /// @notice Skips a LayerZero nonce that is not verified while a later one is committed. Anyone.
    function skipStalled(uint32 srcEid, uint64 nonce, uint64 committedNonce) external;

    // ---- emergency and governance (restricted)

    /// @notice Quarantines a path by hand (guardian).
    function quarantine(uint32 eid) external;

    /// @notice Re-opens a quarantined path at (sequence, head) of the other side's log.
    /// @dev Forgets every verified head of the old branch, and starts an epoch. Each item of `corrections` goes to its handler.
    function rebase(uint32 eid, uint64 sequence, bytes32 head, Corrections[] calldata corrections) external;

    function setWriter(uint8 kind, address writer) external;
    function setHandler(uint8 kind, address handler) external;
    function setReceiveGas(uint32 dstEid, uint128 gas) external;
    function setFlushPolicy(uint256 entryFee, uint64 minReimbursedEntries) external;

    // ---- views

    function localEid() external view returns (uint32);
    function outbox(uint32 dstEid) external view returns (OutboxView memory);
    function inbox(uint32 srcEid) external view returns (InboxView memory);
    /// @notice Head of the own log at `sequence` if it is one of the last 64, else zero.
    function headInRing(uint32 dstEid, uint64 sequence) external view returns (bytes32);
    /// @notice Verified head of the other side's log at `sequence`, zero if none.
    function verifiedHead(uint32 srcEid, uint64 sequence) external view returns (bytes32);
    /// @notice Whether an entry of the other side's log is known to be voided (from splits; VOIDs inside an undelivered
    ///         chunk are found when it is delivered).
    function isVoidedInbound(uint32 srcEid, uint64 sequence) external view returns (bool);
    function isVoidedOutbound(uint32 dstEid, uint64 sequence) external view returns (bool);
    function isQuarantined(uint32 eid) external view returns (bool);
    /// @notice Branch of the other side's log that is consumed now: rises with every rebase and every new peer, from 1.
    function epochOf(uint32 srcEid) external view returns (uint32);
    /// @notice Whether an entry consumed in `epoch` at `sequence` lies on a branch that a later rebase left below it.
    function isForgotten(uint32 srcEid, uint32 epoch, uint64 sequence) external view returns (bool);
    /// @notice Genesis heads of the two directions of a path.
    function genesis(uint32 eid) external view returns (bytes32 outgoing, bytes32 incoming);
    function writerOf(uint8 kind) external view returns (address);
    function handlerOf(uint8 kind) external view returns (address);
    function entryFee() external view returns (uint256);
    function minReimbursedEntries() external view returns (uint64);
    function flushFund() external view returns (uint256);
    function refundable(address to) external view returns (uint256);
    function receiveGas(uint32 dstEid) external view returns (uint128);
}
