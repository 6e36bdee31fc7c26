// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Entry, EntryKind} from "../message/Entry.sol";
import {IEntryHandler} from "../message/IEntryHandler.sol";
import {IMessenger} from "../message/IMessenger.sol";
import {Account} from "../types/Account.sol";
import {BranchSlots} from "./BranchSlots.sol";
import {ClaimQueue} from "./ClaimQueue.sol";
import {EntryStream} from "./EntryStream.sol";
import {IDelegates} from "./IDelegates.sol";
import {ILedger} from "./ILedger.sol";
import {IMarginCheck} from "./IMarginCheck.sol";
import {ISignedActions} from "./ISignedActions.sol";
import {IWithdrawals} from "./IWithdrawals.sol";
import {SignedActions} from "./SignedActions.sol";

/// @notice See IWithdrawals. This part decides who may ask, and reads the entries; ClaimQueue holds the claims.
/// @dev Needs no lock: the margin check is the one call to where others may be called, it comes after everything was taken and written,
///      and a claim can be neither ordered nor cancelled before it is settled.
contract Withdrawals is ClaimQueue, SignedActions {
    using EntryStream for bytes;
    using EntryStream for uint256[];
    using SafeCast for uint256;

    uint40 private constant CANCEL_DELAY = 1 minutes;

    bytes32 private constant LEG_TYPEHASH = keccak256(
        "Leg(uint32 eid,uint16 asset,bool fromCash,uint128 amount,address receiver)"
    );
    bytes32 private constant WITHDRAW_TYPEHASH = keccak256(
        "Withdraw(bytes32 account,Leg[] legs,uint256 nonce,uint256 deadline)Leg(uint32 eid,uint16 asset,bool fromCash,uint128 amount,address receiver)"
    );
    bytes32 private constant CANCEL_TYPEHASH = keccak256("Cancel(uint64 claim,uint256 nonce,uint256 deadline)");

    /// @inheritdoc IWithdrawals
    IDelegates public immutable delegates;
    address private immutable _gateway;
    uint8 private immutable _withdraw;

    /// @inheritdoc IWithdrawals
    IMarginCheck public marginCheck;
    BranchSlots private _requests;

    modifier onlyMessenger() {
        require(msg.sender == address(_messenger), NotMessenger(msg.sender, address(_messenger)));
        _;
    }

    constructor(
        address authority,
        IMessenger messenger_,
        ILedger ledger_,
        IDelegates delegates_,
        address gateway
    ) EIP712("Lockstep Withdrawals", "1") AccessManaged(authority) ClaimQueue(messenger_, ledger_) {
        delegates = delegates_;
        _withdraw = delegates_.WITHDRAW();
        _gateway = gateway;
    }

    // ---- requests

    /// @inheritdoc IWithdrawals
    function request(Account account, Leg[] calldata legs, bytes calldata prices) external returns (uint64 first) {
        _requireMayAct(account);
        return _request(account, legs, prices);
    }

    /// @inheritdoc IWithdrawals
    function requestSigned(
        Account account,
        Leg[] calldata legs,
        uint256 nonce,
        uint256 deadline,
        address signer,
        bytes calldata signature,
        bytes calldata prices
    ) external returns (uint64 first) {
        bytes32 body = keccak256(
            abi.encode(WITHDRAW_TYPEHASH, Account.unwrap(account), _hashLegs(legs), nonce, deadline)
        );
        _useSignature(account, body, nonce, deadline, signer, signature);
        return _request(account, legs, prices);
    }

    /// @inheritdoc IWithdrawals
    function processRequest(
        uint32 srcEid,
        uint64 sequence,
        bytes calldata entry,
        bytes calldata prices
    ) external returns (uint64 claim) {
        require(!_messenger.isQuarantined(srcEid), PathInQuarantine(srcEid));
        bytes32 leaf = entry.length == 0 ? bytes32(0) : Entry.leafOfCalldata(entry);
        (uint256 key, bytes32 recorded) = _requests.findLeaf(_messenger, srcEid, sequence, leaf);
        require(recorded != 0 && recorded == leaf, RequestUnknown(srcEid, sequence, leaf, recorded));
        _requests.remove(srcEid, key);
        // A recorded leaf is that of a well-formed request.
        Entry.WithdrawRequested memory w = Entry.decodeWithdrawRequested(entry);
        if (block.timestamp > w.validUntil) {
            emit RequestExpired(srcEid, sequence);
            return 0;
        }
        claim = _open(w.account, 0, Leg(w.eid, w.asset, w.fromCash, w.amount, w.receiver));
        // The clock of another chain may run ahead; the request was made by now.
        uint40 since = block.timestamp < w.timestamp ? uint40(block.timestamp) : w.timestamp;
        _requireHealthy(w.account, prices, since);
        _settle(claim);
        emit RequestProcessed(srcEid, sequence, claim);
    }

    function _request(Account account, Leg[] calldata legs, bytes calldata prices) private returns (uint64 first) {
        require(legs.length != 0, LegsEmpty());
        first = claimCount + 1;
        for (uint256 i; i < legs.length; ++i) _open(account, i, legs[i]);
        _requireHealthy(account, prices, uint40(block.timestamp));
        // Only now: an order cannot be taken back.
        for (uint64 i; i < legs.length; ++i) _settle(first + i);
    }

    /// @dev Takes what a leg asks for out of the account.
    function _open(Account account, uint256 index, Leg memory leg) private returns (uint64 claim) {
        require(leg.receiver != address(0), ReceiverInvalid(index, leg.receiver));
        uint256 units = leg.amount;
        uint256 scale = 1;
        if (leg.fromCash) (units, scale) = ledger.queueCash(account, leg.eid, leg.asset, leg.amount);
        uint256 least = Math.max(minimumOf(leg.eid, leg.asset), 1);
        require(units >= least, LegTooSmall(index, leg.amount, least * scale));
        if (!leg.fromCash) ledger.take(account, leg.eid, leg.asset, units);
        return _newClaim(account, leg.eid, leg.asset, units.toUint128(), leg.receiver, leg.fromCash);
    }

    /// @dev With no margin check: who owes cash takes nothing out.
    function _requireHealthy(Account account, bytes calldata prices, uint40 since) private {
        IMarginCheck check = marginCheck;
        if (address(check) != address(0)) return check.requireInitial(account, prices, since);
        int256 cash = ledger.cashOf(account);
        require(cash >= 0, CashNegative(Account.unwrap(account), cash));
    }

    // ---- claims

    /// @inheritdoc IWithdrawals
    function order(uint64[] calldata claims) external returns (uint256 ordered) {
        return _orderAll(claims);
    }

    /// @inheritdoc IWithdrawals
    function cancel(uint64 claim) external {
        _requireMayAct(_accountOf(claim, Status.Queued));
        _giveBackQueued(claim);
    }

    /// @inheritdoc IWithdrawals
    function cancelSigned(
        uint64 claim,
        uint256 nonce,
        uint256 deadline,
        address signer,
        bytes calldata signature
    ) external {
        bytes32 body = keccak256(abi.encode(CANCEL_TYPEHASH, claim, nonce, deadline));
        _useSignature(_accountOf(claim, Status.Queued), body, nonce, deadline, signer, signature);
        _giveBackQueued(claim);
    }

    /// @inheritdoc IWithdrawals
    function cancelOrdered(uint64 claim, bytes32 headBefore, bytes32[] calldata leavesAfter) external {
        _requireMayAct(_accountOf(claim, Status.Ordered));
        uint256 earliest = uint256(_claims[claim].queuedAt) + CANCEL_DELAY;
        require(block.timestamp >= earliest, CancelTooEarly(block.timestamp, earliest));
        _giveBackOrdered(claim, headBefore, leavesAfter);
    }

    /// @dev Whose claim it is; refuses one that has another status, or no account to go back to.
    function _accountOf(uint64 claim, Status expected) private view returns (Account account) {
        Status status = _claims[claim].status;
        account = _claims[claim].account;
        require(status != Status.None, ClaimUnknown(claim));
        require(Account.unwrap(account) != 0, ClaimNotCancellable(claim));
        if (status == expected) return account;
        if (expected == Status.Queued) revert ClaimNotQueued(claim, status);
        revert ClaimNotOrdered(claim, status);
    }

    // ---- who may act

    function _requireMayAct(Account account) private view {
        require(delegates.mayAct(account, msg.sender, _withdraw), NotPermitted(Account.unwrap(account), msg.sender));
    }

    function _useSignature(
        Account account,
        bytes32 body,
        uint256 nonce,
        uint256 deadline,
        address signer,
        bytes calldata signature
    ) private {
        _requireInTime(deadline);
        require(
            delegates.isSignedBy(account, signer, _withdraw, _hashTypedDataV4(body), signature),
            SignatureInvalid(Account.unwrap(account), signer)
        );
        _useNonce(account, nonce);
    }

    function _hashLegs(Leg[] calldata legs) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](legs.length);
        for (uint256 i; i < legs.length; ++i) hashes[i] = keccak256(abi.encode(LEG_TYPEHASH, legs[i]));
        return keccak256(abi.encodePacked(hashes));
    }

    /// @inheritdoc ISignedActions
    function dropNonce(Account account, uint256 nonce) external {
        _requireMayAct(account);
        _dropNonce(account, nonce);
    }

    // ---- the gateway

    /// @inheritdoc IWithdrawals
    function queueReturn(uint32 eid, uint16 asset, uint128 units, address receiver) external returns (uint64 claim) {
        require(msg.sender == _gateway, NotGateway(msg.sender, _gateway));
        claim = _newClaim(Account.wrap(0), eid, asset, units, receiver, false);
        _settle(claim);
    }

    // ---- entries

    /// @inheritdoc IEntryHandler
    function applyEntries(
        uint32 srcEid,
        uint64 firstSequence,
        bytes calldata stream,
        uint256[] calldata voided
    ) external onlyMessenger {
        uint256 offset;
        for (uint256 i; offset < stream.length; ++i) {
            bytes calldata entry;
            (entry, offset) = stream.at(offset);
            uint8 kind = EntryStream.kindOf(entry);
            if (kind == EntryKind.VOID || kind == EntryKind.CLOSED || voided.isVoided(i)) continue;
            // CAST: a log has far fewer than 2^64 entries.
            uint64 sequence = uint64(firstSequence + i);
            if (kind == EntryKind.WITHDRAW_REQUESTED) _record(srcEid, sequence, entry);
            else if (kind == EntryKind.RECEIPTS) _receipts(srcEid, sequence, entry);
            else emit EntryRefused(srcEid, sequence, kind, Refusal.UnknownKind);
        }
    }

    function _record(uint32 srcEid, uint64 sequence, bytes calldata entry) private {
        if (entry.length != Entry.WITHDRAW_REQUESTED_LENGTH) {
            return _refuse(srcEid, sequence, EntryKind.WITHDRAW_REQUESTED, Refusal.Malformed);
        }
        Account account = Account.wrap(bytes32(entry[Entry.WITHDRAW_REQUESTED_ACCOUNT:Entry.WITHDRAW_REQUESTED_EID]));
        if (account.owner() == address(0)) {
            return _refuse(srcEid, sequence, EntryKind.WITHDRAW_REQUESTED, Refusal.Malformed);
        }
        uint32 home = account.home();
        if (home != 0 && home != srcEid) {
            return _refuse(srcEid, sequence, EntryKind.WITHDRAW_REQUESTED, Refusal.ForeignHome);
        }
        bytes32 leaf = Entry.leafOfCalldata(entry);
        _requests.put(_messenger, srcEid, sequence, leaf);
        emit RequestRecorded(srcEid, sequence, leaf);
    }

    function _receipts(uint32 srcEid, uint64 sequence, bytes calldata entry) private {
        if (!Entry.isReceipts(entry)) return _refuse(srcEid, sequence, EntryKind.RECEIPTS, Refusal.Malformed);
        Entry.Receipts memory r = Entry.decodeReceipts(entry);
        if (!_areDistinct(r.assets)) return _refuse(srcEid, sequence, EntryKind.RECEIPTS, Refusal.Malformed);
        Orders storage orders = _orders[srcEid];
        if (r.first <= orders.receiptedUpTo) {
            return _refuse(srcEid, sequence, EntryKind.RECEIPTS, Refusal.ReceiptRepeated);
        }
        if (!ledger.release(srcEid, r.assets, r.sums)) {
            return _refuse(srcEid, sequence, EntryKind.RECEIPTS, Refusal.ReceiptExceedsReserved);
        }
        // A run may end with VOIDs; beyond the last order there is nothing to receipt, so nothing is covered there.
        // CAST: at most the sequence of an order.
        orders.receiptedUpTo = uint64(Math.min(uint256(r.first) + r.count - 1, orders.last));
        emit ReceiptsApplied(srcEid, sequence, r.first, r.count, r.settled, r.paid);
    }

    function _areDistinct(uint16[] memory assets) private pure returns (bool) {
        for (uint256 i = 1; i < assets.length; ++i) {
            for (uint256 k; k < i; ++k) if (assets[i] == assets[k]) return false;
        }
        return true;
    }

    function _refuse(uint32 srcEid, uint64 sequence, uint8 kind, Refusal reason) private {
        emit EntryRefused(srcEid, sequence, kind, reason);
    }

    /// @inheritdoc IEntryHandler
    function applyCorrections(uint32 eid, uint64, bytes calldata corrections) external onlyMessenger {
        Corrections memory c = abi.decode(corrections, (Corrections));
        _orders[eid].receiptedUpTo = c.receiptedUpTo;
        emit ReceiptsCorrected(eid, c.receiptedUpTo);
        for (uint256 i; i < c.assets.length; ++i) ledger.reinstate(eid, c.assets[i].toUint16(), c.units[i]);
        for (uint256 i; i < c.claims.length; ++i) {
            uint64 claim = c.claims[i].toUint64();
            // One that was ordered or cancelled since these were written is left alone: nobody may spoil a rebase by that.
            if (_claims[claim].status == Status.Queued) _giveBackQueued(claim);
        }
    }

    // ---- governance

    /// @inheritdoc IWithdrawals
    function setMarginCheck(IMarginCheck marginCheck_) external restricted {
        marginCheck = marginCheck_;
        emit MarginCheckSet(address(marginCheck_));
    }

    // ---- views

    /// @inheritdoc IWithdrawals
    function requestLeaf(uint32 srcEid, uint64 sequence) external view returns (bytes32 leaf) {
        (leaf, ) = _requests.find(_messenger, srcEid, sequence);
    }

    /// @inheritdoc IWithdrawals
    function cancelDelay() external pure returns (uint40) {
        return CANCEL_DELAY;
    }

    /// @inheritdoc IWithdrawals
    function receiptedUpTo(uint32 eid) external view returns (uint64) {
        return _orders[eid].receiptedUpTo;
    }
}
