// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Entry} from "../message/Entry.sol";
import {TokenBucket} from "../math/TokenBucket.sol";
import {Account} from "../types/Account.sol";
import {Principal} from "../types/Principal.sol";
import {IPayouts} from "./IPayouts.sol";
import {VaultBase} from "./VaultBase.sol";

/// @notice Orders that wait in the vault for their owner, and the bucket that bounds what leaves it. See IPayouts.
abstract contract Claims is VaultBase {
    using SafeCast for uint256;

    uint40 private constant RETURN_DELAY = 7 days;
    /// @dev Added to the number of a claimable order for each older one that waits under it. No log gets that long.
    uint64 private constant AGAIN = 1 << 48;

    mapping(uint64 sequence => Claimable) private _claimables;

    // ---- claimable orders

    /// @inheritdoc IPayouts
    function claim(uint64 sequence) external nonReentrant {
        Claimable memory c = _claimableAt(sequence);
        _payClaim(sequence, c, c.receiver);
    }

    /// @inheritdoc IPayouts
    function claimTo(uint64 sequence, address to) external nonReentrant {
        Claimable memory c = _claimableAt(sequence);
        require(_isParty(c), NotClaimParty(msg.sender, c.receiver, Account.unwrap(c.account)));
        _payClaim(sequence, c, to);
    }

    /// @inheritdoc IPayouts
    function returnClaim(uint64 sequence) external payable nonReentrant returns (uint64 depositSequence) {
        Claimable memory c = _claimableAt(sequence);
        require(Account.unwrap(c.account) != 0, ClaimHasNoAccount(sequence));
        uint256 earliest = uint256(c.createdAt) + RETURN_DELAY;
        require(_isParty(c) || block.timestamp >= earliest, ReturnTooEarly(block.timestamp, earliest));
        require(!depositsPaused, DepositsArePaused());
        Asset storage asset = _assets[c.asset];
        require(asset.status == AssetStatus.Open, AssetNotOpen(c.asset, asset.status));
        delete _claimables[sequence];
        // The hub may send it home again: to its owner, unless that address is another principal here.
        uint32 home = c.account.home();
        address refund = home == 0 || home == _localEid ? c.account.owner() : c.receiver;
        // Out as a payment and in as a deposit: the tokens stay where they are.
        asset.claimable -= c.amount;
        asset.left += c.amount;
        asset.deposited = (uint256(asset.deposited) + c.amount).toUint128();
        depositSequence = _messenger.append{value: msg.value}(
            hubEid,
            Entry.encodeDeposited(
                Entry.Deposited({
                    account: c.account,
                    asset: c.asset,
                    amount: c.amount,
                    timestamp: uint40(block.timestamp),
                    // The vault itself: no one may cancel this deposit, or the limits of payouts would not bind.
                    payer: address(this),
                    refund: refund,
                    flags: 0
                })
            )
        );
        emit ClaimReturned(sequence, c.claim, depositSequence, c.asset, c.amount);
    }

    function _payClaim(uint64 sequence, Claimable memory c, address to) private {
        require(!payoutsPaused, PayoutsArePaused());
        require(!_messenger.isQuarantined(hubEid), PathInQuarantine(hubEid));
        Asset storage asset = _assets[c.asset];
        require(asset.status != AssetStatus.Frozen, AssetNotOpen(c.asset, AssetStatus.Frozen));
        address token = asset.token;
        require(_isReceiver(token, to), ReceiverInvalid(to));
        uint256 level = _outflowLevel(asset);
        (, , uint256 room) = TokenBucket.outflow(c.amount, asset.outflowCapacity, level);
        // CAST: the smaller one of it and 128 bits.
        uint128 part = room < c.amount ? uint128(room) : c.amount;
        require(part != 0 || c.amount == 0, OutflowLimitReached(c.asset, c.amount, room));
        _setOutflowLevel(asset, level - part);
        if (part == c.amount) delete _claimables[sequence];
        else _claimables[sequence].amount = c.amount - part;
        asset.claimable -= part;
        asset.left += part;
        emit Claimed(sequence, c.claim, to, c.asset, part);
        require(_send(token, to, part), PayoutFailed(c.asset, to, part));
    }

    /// @dev The amount backs other orders again.
    function _annul(uint64 sequence) internal {
        Claimable memory c = _claimableAt(sequence);
        delete _claimables[sequence];
        _assets[c.asset].claimable -= c.amount;
        emit ClaimAnnulled(sequence, c.claim, c.asset, c.amount);
    }

    function _claimableAt(uint64 sequence) private view returns (Claimable memory c) {
        c = _claimables[sequence];
        require(c.createdAt != 0, NotClaimable(sequence));
    }

    function _isParty(Claimable memory c) private view returns (bool) {
        return msg.sender == c.receiver || Principal.owns(msg.sender, c.account, _localEid);
    }

    /// @dev A new log of the hub starts from sequence 1: an order that still waits from an older one keeps its place.
    function _keep(uint64 sequence, Entry.Release memory order, ClaimReason reason) internal {
        uint64 number = sequence;
        while (_claimables[number].createdAt != 0) number += AGAIN;
        _claimables[number] = Claimable({
            account: order.account,
            receiver: order.receiver,
            asset: order.asset,
            amount: order.amount,
            claim: order.claim,
            createdAt: uint40(block.timestamp)
        });
        emit MadeClaimable(
            number,
            order.claim,
            Account.unwrap(order.account),
            order.receiver,
            order.asset,
            order.amount,
            reason
        );
    }

    // ---- governance

    /// @inheritdoc IPayouts
    function pausePayouts() external restricted {
        payoutsPaused = true;
        emit PayoutsPaused(true);
    }

    /// @inheritdoc IPayouts
    function unpausePayouts() external restricted {
        payoutsPaused = false;
        emit PayoutsPaused(false);
    }

    /// @inheritdoc IPayouts
    function setOutflow(uint16 asset, uint128 capacity, uint128 perSecond) external restricted {
        _setOutflow(_listed(asset), asset, capacity, perSecond);
    }

    /// @inheritdoc IPayouts
    function tightenOutflow(uint16 asset, uint128 capacity, uint128 perSecond) external restricted {
        Asset storage a = _listed(asset);
        require(
            capacity <= a.outflowCapacity && perSecond <= a.outflowPerSecond,
            OutflowNotStricter(asset, a.outflowCapacity, a.outflowPerSecond)
        );
        _setOutflow(a, asset, capacity, perSecond);
    }

    /// @dev The level is settled at the old rate and cut to the new capacity. Only a bucket that never was starts full.
    function _setOutflow(Asset storage a, uint16 asset, uint128 capacity, uint128 perSecond) private {
        uint256 level = a.outflowUpdatedAt == 0 ? capacity : _outflowLevel(a);
        (a.outflowCapacity, a.outflowPerSecond) = (capacity, perSecond);
        _setOutflowLevel(a, level < capacity ? level : capacity);
        emit OutflowSet(asset, capacity, perSecond);
    }

    // ---- views

    /// @inheritdoc IPayouts
    function claimableOf(uint64 sequence) external view returns (Claimable memory) {
        return _claimables[sequence];
    }

    /// @inheritdoc IPayouts
    function outflowAvailable(uint16 asset, uint128 amount) external view returns (bool passes, uint256 room) {
        Asset storage a = _listed(asset);
        uint256 drawn;
        (passes, drawn, room) = TokenBucket.outflow(amount, a.outflowCapacity, _outflowLevel(a));
        passes = passes && drawn == amount;
    }

    /// @inheritdoc IPayouts
    function outflowOf(uint16 asset) external view returns (uint128 capacity, uint128 perSecond) {
        Asset storage a = _listed(asset);
        return (a.outflowCapacity, a.outflowPerSecond);
    }

    /// @inheritdoc IPayouts
    function returnDelay() external pure returns (uint40) {
        return RETURN_DELAY;
    }

    function _outflowLevel(Asset storage a) internal view returns (uint256) {
        return
            TokenBucket.available(
                a.outflowLevel,
                a.outflowUpdatedAt,
                a.outflowCapacity,
                a.outflowPerSecond,
                block.timestamp
            );
    }

    function _setOutflowLevel(Asset storage a, uint256 level) internal {
        // CAST: at most the capacity.
        (a.outflowLevel, a.outflowUpdatedAt) = (uint128(level), uint40(block.timestamp));
    }
}
