// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IEntryHandler} from "../message/IEntryHandler.sol";
import {Account} from "../types/Account.sol";

/// @notice The vault's way out: pays what the hub orders, keeps claimable what cannot be paid, and carries requests to the hub.
/// @dev Handler of RELEASE; writer of RECEIPTS, WITHDRAW_REQUESTED and DELEGATE_SET. An order is named by its sequence in the hub's log.
///      Amounts are base units of the token. At any time, per asset: paid + claimable + cancelled ≤ deposited.
///      A claimable order's number is its sequence, plus 2^48 for each older one of that sequence, from a log before, that still waits.
interface IPayouts is IEntryHandler {
    /// @notice Why an order was made claimable and not paid.
    enum ClaimReason {
        TransferFailed, // the receiver or the token refused, or the token moved another amount
        PayoutsPaused,
        AssetFrozen,
        OutflowLimit, // the bucket holds too little, or never holds that much: `claim` pays in parts
        ReceiverInvalid // zero, the vault or the token itself
    }

    /// @notice Why an order was refused for good. No honest hub gives such an order: the amount stays reserved there, and is an alarm.
    enum ReleaseRefusal {
        Malformed,
        AssetNotListed,
        BackingExceeded, // more than deposited − cancelled − paid − claimable
        ForeignLog // not from the hub
    }

    /// @notice An order that could not be paid.
    /// @param account   whose claim it was on the hub; 0: a deposit sent home, which only the receiver may redirect
    /// @param claim     number of the claim on the hub
    /// @param createdAt unix seconds
    struct Claimable {
        Account account;
        address receiver;
        uint16 asset;
        uint128 amount;
        uint64 claim;
        uint40 createdAt;
    }

    /// @notice A withdrawal from the hub, asked for here. See Entry.WithdrawRequested for the fields.
    /// @param express flushes the request in the same call, at the caller's cost; what is left of msg.value goes to `refund`
    struct WithdrawParams {
        Account account;
        uint32 eid;
        uint16 asset;
        bool fromCash;
        uint128 amount;
        address receiver;
        uint40 validUntil;
        bool express;
        address refund;
    }

    event Paid(uint64 indexed sequence, uint64 indexed claim, address indexed receiver, uint16 asset, uint128 amount);
    event MadeClaimable(
        uint64 indexed sequence,
        uint64 indexed claim,
        bytes32 indexed account,
        address receiver,
        uint16 asset,
        uint128 amount,
        ClaimReason reason
    );
    event ReleaseRefused(uint64 indexed sequence, ReleaseRefusal reason);
    /// @notice A claimable order was paid, to its receiver or to where its owner redirected it: all of it, or as much as the bucket held.
    event Claimed(uint64 indexed sequence, uint64 indexed claim, address indexed to, uint16 asset, uint128 amount);
    /// @notice A claimable order became a deposit into the account it came from.
    event ClaimReturned(
        uint64 indexed sequence,
        uint64 indexed claim,
        uint64 indexed depositSequence,
        uint16 asset,
        uint128 amount
    );
    /// @notice The log to the hub is closed, so the receipts of these orders cannot be sent any more.
    event ReceiptsUnsent(uint64 first, uint64 count);
    /// @notice A governed rebase of the path found that the hub never gave this order.
    event ClaimAnnulled(uint64 indexed sequence, uint64 indexed claim, uint16 indexed asset, uint128 amount);
    event WithdrawalRequested(bytes32 indexed account, uint64 indexed sequence);
    event DelegateRequested(bytes32 indexed account, address indexed delegate, uint64 indexed sequence);
    event PayoutsPaused(bool paused);
    event OutflowSet(uint16 indexed asset, uint128 capacity, uint128 perSecond);

    error AmountZero();
    error NotVault(address caller);
    error NotMessenger(address caller, address messenger);
    /// @notice The chunk needs more gas for its next payout: a caller's gas must never decide between paid and claimable.
    error GasBelowFloor(uint256 left, uint256 floor);
    error NotClaimable(uint64 sequence);
    error NotClaimParty(address caller, address receiver, bytes32 account);
    error PayoutsArePaused();
    error PathInQuarantine(uint32 eid);
    error NotHub(uint32 eid, uint32 hub);
    error OutflowLimitReached(uint16 asset, uint256 amount, uint256 available);
    error PayoutFailed(uint16 asset, address to, uint256 amount);
    error ReturnTooEarly(uint256 nowSeconds, uint256 earliest);
    error ClaimHasNoAccount(uint64 sequence);
    error NotPrincipal(address caller, bytes32 account);
    error ValidUntilPassed(uint40 validUntil, uint256 nowSeconds);
    error OutflowNotStricter(uint16 asset, uint128 capacity, uint128 perSecond);

    // ---- claimable orders

    /// @notice Pays a claimable order to its receiver. Anyone; not while the hub's path is quarantined.
    /// @dev As much of it as the outflow bucket holds; the rest stays claimable. So nothing waits for ever, and no order, however large,
    ///      takes more than the bucket.
    function claim(uint64 sequence) external;
    /// @notice Pays a claimable order to another address. Its receiver, or the principal of its account on this chain.
    function claimTo(uint64 sequence, address to) external;
    /// @notice Turns a claimable order back into a deposit of its account on the hub. Its receiver or principal at once, anyone after
    ///         `returnDelay`: so that an owner whose home is another chain gets it back too. Takes the entry fee. This deposit cannot be
    ///         cancelled: what leaves again leaves as an order, under the limits. Its payer is the vault, its refund address the account's
    ///         owner, or the receiver if the account's home is another chain.
    function returnClaim(uint64 sequence) external payable returns (uint64 depositSequence);

    // ---- requests to the hub

    /// @notice Asks the hub for a withdrawal through the log: works when no relayer takes requests. The account's principal here.
    function requestWithdrawal(WithdrawParams calldata params) external payable returns (uint64 sequence);
    /// @notice Appoints or revokes a hub key of the account through the log. The account's principal here.
    /// @param permissions bits, see IDelegates on the hub; 0 revokes
    function setDelegate(
        Account account,
        address delegate,
        uint8 permissions,
        uint40 validUntil
    ) external payable returns (uint64 sequence);

    // ---- governance (restricted)

    /// @notice Orders become claimable, claims wait. GUARDIAN, at once.
    function pausePayouts() external;
    /// @notice GOVERNOR, delayed.
    function unpausePayouts() external;
    /// @notice Outflow bucket of an asset. GOVERNOR, delayed. A fifth of the capacity is kept for small orders (TokenBucket).
    function setOutflow(uint16 asset, uint128 capacity, uint128 perSecond) external;
    /// @notice As setOutflow, but only downwards. GUARDIAN, at once.
    function tightenOutflow(uint16 asset, uint128 capacity, uint128 perSecond) external;

    // ---- views

    /// @notice A claimable order; receiver zero if there is none at that sequence.
    function claimableOf(uint64 sequence) external view returns (Claimable memory);
    /// @notice Whether an order of this amount would be paid on arrival now, as far as the outflow bucket goes, and what it finds in it,
    ///         base units (TokenBucket.outflow).
    function outflowAvailable(uint16 asset, uint128 amount) external view returns (bool passes, uint256 room);
    /// @notice Outflow bucket: capacity in base units, refill in base units per second.
    function outflowOf(uint16 asset) external view returns (uint128 capacity, uint128 perSecond);
    function payoutsPaused() external view returns (bool);
    /// @notice Seconds after which anyone may return a claimable order.
    function returnDelay() external view returns (uint40);
    /// @notice Gas that must be left before each payout of a chunk.
    function payoutGasFloor() external view returns (uint256);
}
