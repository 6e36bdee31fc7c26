// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {TokenBucket} from "../math/TokenBucket.sol";
import {Entry} from "../message/Entry.sol";
import {IMessenger} from "../message/IMessenger.sol";
import {Account} from "../types/Account.sol";
import {CollateralList} from "./CollateralList.sol";
import {ILedger} from "./ILedger.sol";
import {IWithdrawals} from "./IWithdrawals.sol";

/// @notice Claims and their orders: what waits, for what, and what leaves.
/// @dev A claim on a balance is reserved in the ledger from the start, one on cash when it is ordered. It has no status until it is settled:
///      whoever is called in between finds no claim.
abstract contract ClaimQueue is IWithdrawals, AccessManaged {
    using SafeCast for uint256;

    /// @notice One token: (eid, asset).
    struct Token {
        uint112 level;
        uint40 updatedAt; // 0: its bucket was never set
        uint104 perSecond;
        uint112 capacity;
        uint112 minimum; // of a leg; bounds what a chain of tiny orders can cost whoever delivers them
        uint32 claims; // that wait
        uint128 units; // their sum
    }

    /// @dev A minimum is never more than what the bucket calls small.
    uint256 private constant SMALL_DIVISOR = 100;

    /// @notice How far a log towards a chain was ordered and receipted. A receipt finds the slot opened by its order.
    struct Orders {
        uint64 last;
        uint64 receiptedUpTo;
    }

    IMessenger internal immutable _messenger;
    /// @inheritdoc IWithdrawals
    ILedger public immutable ledger;

    /// @inheritdoc IWithdrawals
    uint64 public claimCount;
    /// @inheritdoc IWithdrawals
    bool public requestsPaused;
    /// @inheritdoc IWithdrawals
    bool public ordersPaused;
    mapping(uint32 eid => Orders) internal _orders;
    mapping(uint64 claim => Claim) internal _claims;
    mapping(uint32 eid => mapping(uint16 asset => Token)) private _tokens;

    constructor(IMessenger messenger_, ILedger ledger_) {
        _messenger = messenger_;
        ledger = ledger_;
    }

    // ---- making claims

    /// @dev Stores a claim whose value was taken already. `_settle` must follow.
    function _newClaim(
        Account account,
        uint32 eid,
        uint16 asset,
        uint128 units,
        address receiver,
        bool fromCash
    ) internal returns (uint64 id) {
        require(!requestsPaused, RequestsArePaused());
        id = ++claimCount;
        _claims[id] = Claim({
            account: account,
            receiver: receiver,
            eid: eid,
            asset: asset,
            status: Status.None,
            fromCash: fromCash,
            queuedAt: uint40(block.timestamp),
            units: units,
            orderSequence: 0
        });
        emit ClaimQueued(id, Account.unwrap(account), eid, asset, units, receiver, fromCash);
    }

    /// @dev Orders a new claim if it can be and no older one of its token waits; else lets it wait.
    function _settle(uint64 id) internal {
        Claim storage claim = _claims[id];
        claim.status = Status.Queued;
        Token storage token = _tokens[claim.eid][claim.asset];
        if (token.claims == 0 && _tryOrder(id, claim) == Waiting.None) return;
        token.claims += 1;
        token.units += claim.units;
    }

    // ---- orders

    /// @dev Orders those that wait and can be ordered.
    function _orderAll(uint64[] calldata ids) internal returns (uint256 ordered) {
        for (uint256 i; i < ids.length; ++i) {
            Claim storage claim = _claims[ids[i]];
            if (_tryOrder(ids[i], claim) != Waiting.None) continue;
            _leaveQueue(claim);
            ++ordered;
        }
    }

    /// @dev Orders a claim, or changes nothing and says what it waits for.
    function _tryOrder(uint64 id, Claim storage claim) private returns (Waiting waiting) {
        Claim memory c = claim;
        bool limited;
        uint256 level;
        (waiting, limited, level) = _blockedBy(c);
        if (waiting != Waiting.None) return waiting;
        if (c.fromCash && !ledger.reserveCash(c.account, c.eid, c.asset, c.units)) return Waiting.Liquidity;
        if (limited) {
            Token storage token = _tokens[c.eid][c.asset];
            // CAST: at most the capacity.
            (token.level, token.updatedAt) = (uint112(level), uint40(block.timestamp));
        }
        uint64 sequence = _messenger.append(c.eid, _releaseOf(id, c));
        (claim.status, claim.orderSequence) = (Status.Ordered, sequence);
        Orders storage orders = _orders[c.eid];
        // A log counts upwards: this one is that of a new peer.
        if (sequence <= orders.last) orders.receiptedUpTo = 0;
        orders.last = sequence;
        emit ReleaseOrdered(id, c.eid, sequence);
    }

    /// @dev What a claim waits for, but for liquidity; whether the outflow bucket counts it, and what the bucket holds once it is
    ///      ordered.
    function _blockedBy(Claim memory c) private view returns (Waiting waiting, bool limited, uint256 level) {
        if (c.status != Status.Queued) return (Waiting.NotQueued, false, 0);
        if (ordersPaused) return (Waiting.OrdersPaused, false, 0);
        if (_messenger.isQuarantined(c.eid)) return (Waiting.PathQuarantined, false, 0);
        IMessenger.OutboxView memory box = _messenger.outbox(c.eid);
        // A log has a head from its genesis on.
        if (box.closed || box.head == 0) return (Waiting.PathClosed, false, 0);
        // A deposit of an asset that was never configured goes home by the vault's own limit.
        limited = Account.unwrap(c.account) != 0 || ledger.assetIdOf(c.eid, c.asset) != 0;
        if (!limited) return (Waiting.None, false, 0);
        Token storage token = _tokens[c.eid][c.asset];
        level = _available(token);
        (bool passes, uint256 drawn, ) = TokenBucket.outflow(c.units, token.capacity, level);
        if (!passes) return (Waiting.OutflowLimit, true, level);
        return (Waiting.None, true, level - drawn);
    }

    function _releaseOf(uint64 id, Claim memory c) internal pure returns (bytes memory) {
        return Entry.encodeRelease(Entry.Release(id, c.account, c.asset, c.units, c.receiver));
    }

    /// @dev How much the outflow bucket holds now.
    function _available(Token storage token) private view returns (uint256) {
        return TokenBucket.available(token.level, token.updatedAt, token.capacity, token.perSecond, block.timestamp);
    }

    // ---- the end of claims

    /// @dev Gives a claim that waits back: to its account, or to suspense.
    function _giveBackQueued(uint64 id) internal {
        Claim memory c = _claims[id];
        _leaveQueue(_claims[id]);
        _giveBack(id, c, false);
    }

    /// @dev Voids the order of a claim and gives it back. The bucket keeps what the order drew: given back, it would let the next burst
    ///      be as large again.
    function _giveBackOrdered(uint64 id, bytes32 headBefore, bytes32[] calldata leavesAfter) internal {
        Claim memory c = _claims[id];
        _messenger.voidEntry(c.eid, c.orderSequence, headBefore, Entry.leafOf(_releaseOf(id, c)), leavesAfter);
        _giveBack(id, c, true);
    }

    function _giveBack(uint64 id, Claim memory c, bool voided) private {
        _claims[id].status = Status.Cancelled;
        if (c.fromCash && !voided) {
            ledger.unqueueCash(c.account, c.eid, c.asset, c.units);
        } else {
            ILedger.ReserveSource to =
                Account.unwrap(c.account) == 0
                    ? ILedger.ReserveSource.Suspense
                    : c.fromCash
                        ? ILedger.ReserveSource.Cash
                        : ILedger.ReserveSource.Balance;
            ledger.unreserve(c.account, c.eid, c.asset, c.units, to);
        }
        emit ClaimCancelled(id, Account.unwrap(c.account), voided);
    }

    function _leaveQueue(Claim storage claim) private {
        Token storage token = _tokens[claim.eid][claim.asset];
        token.claims -= 1;
        token.units -= claim.units;
    }

    // ---- governance

    /// @inheritdoc IWithdrawals
    function setOutflow(uint32 eid, uint16 asset, uint128 capacity, uint128 perSecond) external restricted {
        Token storage token = _tokens[eid][asset];
        require(capacity <= CollateralList.MAX_AMOUNT, OutflowInvalid("capacity below 2^108"));
        require(perSecond <= type(uint88).max, OutflowInvalid("perSecond below 2^88"));
        // The bucket is settled at its old rate, and never gains by a change.
        uint256 level = token.updatedAt == 0 ? capacity : Math.min(_available(token), capacity);
        _setOutflow(eid, asset, level, capacity, perSecond);
    }

    /// @inheritdoc IWithdrawals
    function tightenOutflow(uint32 eid, uint16 asset, uint128 capacity, uint128 perSecond) external restricted {
        Token storage token = _tokens[eid][asset];
        require(capacity <= token.capacity && perSecond <= token.perSecond, OutflowNotStricter(eid, asset));
        _setOutflow(eid, asset, Math.min(_available(token), capacity), capacity, perSecond);
    }

    function _setOutflow(uint32 eid, uint16 asset, uint256 level, uint128 capacity, uint128 perSecond) private {
        Token storage token = _tokens[eid][asset];
        // CAST: bounds were checked by the callers.
        (token.level, token.updatedAt) = (uint112(level), uint40(block.timestamp));
        (token.capacity, token.perSecond) = (uint112(capacity), uint104(perSecond));
        emit OutflowSet(eid, asset, capacity, perSecond);
    }

    /// @inheritdoc IWithdrawals
    function setMinimum(uint32 eid, uint16 asset, uint128 units) external restricted {
        require(units <= _tokens[eid][asset].capacity / SMALL_DIVISOR, OutflowInvalid("minimum up to capacity / 100"));
        // CAST: below the capacity.
        _tokens[eid][asset].minimum = uint112(units);
        emit MinimumSet(eid, asset, units);
    }

    /// @inheritdoc IWithdrawals
    function pauseRequests() external restricted {
        _pauseRequests(true);
    }

    /// @inheritdoc IWithdrawals
    function unpauseRequests() external restricted {
        _pauseRequests(false);
    }

    function _pauseRequests(bool paused) private {
        requestsPaused = paused;
        emit RequestsPaused(paused);
    }

    /// @inheritdoc IWithdrawals
    function pauseOrders() external restricted {
        _pauseOrders(true);
    }

    /// @inheritdoc IWithdrawals
    function unpauseOrders() external restricted {
        _pauseOrders(false);
    }

    function _pauseOrders(bool paused) private {
        ordersPaused = paused;
        emit OrdersPaused(paused);
    }

    // ---- views

    /// @inheritdoc IWithdrawals
    function claimOf(uint64 claim) public view returns (Claim memory) {
        return _claims[claim];
    }

    /// @inheritdoc IWithdrawals
    function waitingFor(uint64 claim) external view returns (Waiting waiting) {
        Claim memory c = _claims[claim];
        (waiting, , ) = _blockedBy(c);
        if (waiting != Waiting.None || !c.fromCash) return waiting;
        (, uint256 free) = ledger.liquidityOf(c.eid, c.asset);
        return c.units > free ? Waiting.Liquidity : Waiting.None;
    }

    /// @inheritdoc IWithdrawals
    function minimumOf(uint32 eid, uint16 asset) public view returns (uint128) {
        return _tokens[eid][asset].minimum;
    }

    /// @inheritdoc IWithdrawals
    function queueOf(uint32 eid, uint16 asset) external view returns (uint64 claims, uint128 units) {
        Token storage token = _tokens[eid][asset];
        return (token.claims, token.units);
    }

    /// @inheritdoc IWithdrawals
    function outflowAvailable(
        uint32 eid,
        uint16 asset,
        uint128 amount
    ) external view returns (bool passes, uint256 room) {
        Token storage token = _tokens[eid][asset];
        (passes, , room) = TokenBucket.outflow(amount, token.capacity, _available(token));
    }

    /// @inheritdoc IWithdrawals
    function messenger() external view returns (address) {
        return address(_messenger);
    }
}
