// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IEntryHandler} from "../message/IEntryHandler.sol";
import {Account} from "../types/Account.sol";
import {IDelegates} from "./IDelegates.sol";
import {ILedger} from "./ILedger.sol";
import {IMarginCheck} from "./IMarginCheck.sol";
import {ISignedActions} from "./ISignedActions.sol";

/// @notice From a request to the receipt: checks and debits a withdrawal, queues it as a claim, orders it when the chain it leaves from
///         has the liquidity, and frees the reservation when the vault's receipt arrives.
/// @dev Handler of WITHDRAW_REQUESTED and RECEIPTS, writer of RELEASE. A token is (eid, asset index in that chain's vault), amounts are
///      its base units unless they say cash (18 decimals).
///      A claim on a balance is reserved when it is made. A claim on cash waits as `queued cash` and is reserved when it is ordered,
///      out of the free settlement of its token. Orders that do not fit now block no other.
interface IWithdrawals is IEntryHandler, ISignedActions {
    enum Status {
        None,
        Queued,
        Ordered,
        Cancelled
    }

    /// @notice Why a claim cannot be ordered now.
    enum Waiting {
        None, // it can
        NotQueued,
        Liquidity, // the token has less free settlement than the claim
        OutflowLimit,
        PathQuarantined,
        PathClosed,
        OrdersPaused
    }

    /// @notice Why a delivered entry was refused for good.
    enum Refusal {
        Malformed,
        UnknownKind,
        ForeignHome, // the account belongs to a contract of another chain
        ReceiptRepeated, // its range starts at or below what was receipted before
        ReceiptExceedsReserved
    }

    /// @notice One payout of a withdrawal.
    /// @param eid      chain it leaves from
    /// @param asset    index in that chain's vault
    /// @param fromCash true: `amount` is cash, 18 decimals, floored to the token's units, the rest stays cash; false: base units of a balance
    /// @param amount   see `fromCash`
    /// @param receiver on that chain
    struct Leg {
        uint32 eid;
        uint16 asset;
        bool fromCash;
        uint128 amount;
        address receiver;
    }

    /// @param account       0: a deposit sent home
    /// @param units         base units
    /// @param orderSequence of the Release in the log towards `eid`; 0 before it is ordered
    struct Claim {
        Account account;
        address receiver;
        uint32 eid;
        uint16 asset;
        Status status;
        bool fromCash;
        uint40 queuedAt;
        uint128 units;
        uint64 orderSequence;
    }

    /// @notice A rebase's corrections, which are `abi.encode(Corrections)`.
    /// @param receiptedUpTo what receipts of the branch that stays cover, see `receiptedUpTo`
    /// @param assets        of what receipts of the forgotten branch released: it is reserved again
    /// @param units         beside `assets`
    /// @param claims        made by requests and returns of the forgotten branch: those still queued go back to their accounts, and what
    ///                      was going home goes back to suspense, where a line for the Gateway books it off
    struct Corrections {
        uint64 receiptedUpTo;
        uint256[] assets;
        uint256[] units;
        uint256[] claims;
    }

    event ClaimQueued(
        uint64 indexed claim,
        bytes32 indexed account,
        uint32 indexed eid,
        uint16 asset,
        uint128 units,
        address receiver,
        bool fromCash
    );
    /// @notice A Release was appended.
    event ReleaseOrdered(uint64 indexed claim, uint32 indexed eid, uint64 indexed sequence);
    /// @param voided the claim was ordered already, and its unflushed order was voided
    event ClaimCancelled(uint64 indexed claim, bytes32 indexed account, bool voided);
    event RequestRecorded(uint32 indexed srcEid, uint64 indexed sequence, bytes32 leaf);
    event RequestProcessed(uint32 indexed srcEid, uint64 indexed sequence, uint64 indexed claim);
    event RequestExpired(uint32 indexed srcEid, uint64 indexed sequence);
    /// @notice See Entry.Receipts.
    event ReceiptsApplied(
        uint32 indexed srcEid,
        uint64 indexed sequence,
        uint64 first,
        uint8 count,
        uint64 settled,
        uint64 paid
    );
    /// @notice A rebase set what receipts cover.
    event ReceiptsCorrected(uint32 indexed srcEid, uint64 receiptedUpTo);
    event EntryRefused(uint32 indexed srcEid, uint64 indexed sequence, uint8 kind, Refusal reason);
    event OutflowSet(uint32 indexed eid, uint16 indexed asset, uint128 capacity, uint128 perSecond);
    event MinimumSet(uint32 indexed eid, uint16 indexed asset, uint128 units);
    event RequestsPaused(bool paused);
    event OrdersPaused(bool paused);
    event MarginCheckSet(address marginCheck);

    error NotMessenger(address caller, address messenger);
    error NotGateway(address caller, address gateway);
    error NotPermitted(bytes32 account, address caller);
    error LegsEmpty();
    error LegTooSmall(uint256 leg, uint256 amount, uint256 minimum);
    error ReceiverInvalid(uint256 leg, address receiver);
    error CashNegative(bytes32 account, int256 cash);
    error ClaimUnknown(uint64 claim);
    error ClaimNotQueued(uint64 claim, Status status);
    error ClaimNotOrdered(uint64 claim, Status status);
    error ClaimNotCancellable(uint64 claim);
    error ClaimWaits(uint64 claim, Waiting reason);
    error CancelTooEarly(uint256 nowSeconds, uint256 earliest);
    error RequestUnknown(uint32 srcEid, uint64 sequence, bytes32 leaf, bytes32 recorded);
    error RequestsArePaused();
    error OutflowInvalid(string expected);
    error OutflowNotStricter(uint32 eid, uint16 asset);
    error PathInQuarantine(uint32 eid);

    // ---- requests

    /// @notice Debits the account and queues one claim per leg; each is ordered at once if it can be and none of its token waits.
    ///         Owner, or a delegate with WITHDRAW.
    /// @param prices handed to the margin check
    /// @return first number of the first leg's claim; the others follow it
    function request(Account account, Leg[] calldata legs, bytes calldata prices) external returns (uint64 first);
    /// @notice The same by EIP-712 signature of the owner or of a delegate with WITHDRAW; anyone may bring it.
    /// @param nonce unordered: each value once per account
    function requestSigned(
        Account account,
        Leg[] calldata legs,
        uint256 nonce,
        uint256 deadline,
        address signer,
        bytes calldata signature,
        bytes calldata prices
    ) external returns (uint64 first);
    /// @notice Decides a request that a spoke's log recorded. Anyone. Reverts while the account cannot afford it: it stays until it can,
    ///         or until `validUntil`, when this ends it.
    /// @param entry the request's entry, from its event on the spoke
    /// @return claim 0: expired
    function processRequest(
        uint32 srcEid,
        uint64 sequence,
        bytes calldata entry,
        bytes calldata prices
    ) external returns (uint64 claim);

    // ---- claims

    /// @notice Orders those of the claims that can be ordered now. Anyone.
    /// @return ordered how many
    function order(uint64[] calldata claims) external returns (uint256 ordered);
    /// @notice Gives a queued claim back to its account. Owner, or a delegate with WITHDRAW.
    function cancel(uint64 claim) external;
    function cancelSigned(
        uint64 claim,
        uint256 nonce,
        uint256 deadline,
        address signer,
        bytes calldata signature
    ) external;
    /// @notice Voids an order that no checkpoint covers yet and gives its claim back, after `cancelDelay`. Owner, or a delegate with
    ///         WITHDRAW; works while the path is quarantined.
    /// @param headBefore  head at the order's sequence − 1
    /// @param leavesAfter leaves after it, up to a head in the Messenger's ring
    function cancelOrdered(uint64 claim, bytes32 headBefore, bytes32[] calldata leavesAfter) external;

    // ---- the gateway

    /// @notice Queues a parked deposit to be sent home; its amount has moved from suspense to reserved. Gateway only.
    function queueReturn(uint32 eid, uint16 asset, uint128 units, address receiver) external returns (uint64 claim);

    // ---- governance (restricted)

    /// @notice Outflow bucket of a token. GOVERNOR, delayed. A fifth of the capacity is kept for small orders (TokenBucket).
    function setOutflow(uint32 eid, uint16 asset, uint128 capacity, uint128 perSecond) external;
    /// @notice As setOutflow, but only downwards. GUARDIAN, at once.
    function tightenOutflow(uint32 eid, uint16 asset, uint128 capacity, uint128 perSecond) external;
    /// @notice Least a leg may take of a token, base units, at most a hundredth of the bucket's capacity: every order costs whoever
    ///         delivers it. Deposits on their way home are not asked. GOVERNOR, delayed.
    function setMinimum(uint32 eid, uint16 asset, uint128 units) external;
    /// @notice No new claims. GUARDIAN, at once.
    function pauseRequests() external;
    /// @notice No new orders. GUARDIAN, at once.
    function pauseOrders() external;
    /// @notice GOVERNOR, delayed.
    function unpauseRequests() external;
    /// @notice GOVERNOR, delayed.
    function unpauseOrders() external;
    /// @notice GOVERNOR, delayed. Zero: balances and cash alone decide.
    function setMarginCheck(IMarginCheck marginCheck) external;

    // ---- views

    function claimOf(uint64 claim) external view returns (Claim memory);
    function claimCount() external view returns (uint64);
    /// @notice Why a claim cannot be ordered now; None if it can.
    function waitingFor(uint64 claim) external view returns (Waiting);
    /// @notice Least a leg may take of a token, base units; 0: never set.
    function minimumOf(uint32 eid, uint16 asset) external view returns (uint128);
    /// @notice Claims that wait for a token, and their sum in base units.
    function queueOf(uint32 eid, uint16 asset) external view returns (uint64 claims, uint128 units);
    /// @notice Whether an order of this amount passes the outflow bucket now, and what it finds in it, base units (TokenBucket.outflow).
    function outflowAvailable(
        uint32 eid,
        uint16 asset,
        uint128 amount
    ) external view returns (bool passes, uint256 room);
    /// @notice Leaf of a request that waits to be decided, zero if none does at that place.
    function requestLeaf(uint32 srcEid, uint64 sequence) external view returns (bytes32);
    /// @notice Highest sequence of the log towards `eid` that a receipt covered, at most that of the last order.
    function receiptedUpTo(uint32 eid) external view returns (uint64);
    /// @notice Seconds between a claim and the voiding of its order.
    function cancelDelay() external view returns (uint40);
    function requestsPaused() external view returns (bool);
    function ordersPaused() external view returns (bool);
    function marginCheck() external view returns (IMarginCheck);
    function ledger() external view returns (ILedger);
    function delegates() external view returns (IDelegates);
    function messenger() external view returns (address);
}
