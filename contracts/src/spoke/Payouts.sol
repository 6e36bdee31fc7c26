// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IEntryHandler} from "../message/IEntryHandler.sol";
import {Entry, EntryKind} from "../message/Entry.sol";
import {TokenBucket} from "../math/TokenBucket.sol";
import {Account} from "../types/Account.sol";
import {Principal} from "../types/Principal.sol";
import {Claims} from "./Claims.sol";
import {IPayouts} from "./IPayouts.sol";

/// @notice See IPayouts.
abstract contract Payouts is Claims {
    /// @dev An asset while a chunk is paid: read once, written once.
    struct AssetRun {
        uint16 index;
        address token;
        bool frozen;
        uint256 backing; // deposited − left − claimable, less what this run settled
        uint256 paid;
        uint256 madeClaimable;
        uint256 capacity;
        uint256 level;
    }

    /// @dev Orders that one receipt will cover.
    struct Batch {
        uint64 first;
        uint256 count;
        uint256 settled;
        uint256 paid;
        uint256 assets;
        AssetRun[3] runs;
    }

    /// @dev Gas of one payout, whatever the caller has: any listable token and any plain wallet needs far less; what needs more is
    ///      claimable, and `claim` gives it what its caller pays for.
    uint256 private constant PAYOUT_GAS = 150_000;
    /// @dev Gas of the native receiver inside of that.
    uint256 private constant NATIVE_PAYOUT_GAS = 50_000;
    /// @dev 63/64 of it, less what is done before the call, exceed PAYOUT_GAS.
    uint256 private constant PAYOUT_GAS_FLOOR = 200_000;

    modifier onlyMessenger() {
        require(msg.sender == address(_messenger), NotMessenger(msg.sender, address(_messenger)));
        _;
    }

    // ---- orders

    /// @inheritdoc IEntryHandler
    function applyEntries(
        uint32 srcEid,
        uint64 firstSequence,
        bytes calldata stream,
        uint256[] calldata voided
    ) external onlyMessenger nonReentrant {
        Batch memory batch;
        batch.first = firstSequence;
        uint256 offset;
        // The Messenger has checked the stream.
        for (uint256 index; offset < stream.length; ++index) {
            uint256 end = offset + 1 + uint8(stream[offset]);
            if (batch.count == Entry.RECEIPTS_MAX_COUNT) _close(batch);
            bool isVoided = voided[index >> 8] & (1 << (index & 0xff)) != 0;
            // CAST: a log is far shorter than 2^64.
            if (!isVoided) _apply(batch, srcEid, uint64(firstSequence + index), stream[offset + 1:end]);
            ++batch.count;
            offset = end;
        }
        _close(batch);
    }

    /// @inheritdoc IEntryHandler
    /// @dev `corrections`: abi.encode(uint64[]), the claimable orders that the hub never gave: of a branch it forgot, or forged. What was
    ///      paid already is corrected on the hub, against its loss account.
    function applyCorrections(uint32 eid, uint64, bytes calldata corrections) external onlyMessenger nonReentrant {
        require(eid == hubEid, NotHub(eid, hubEid));
        uint64[] memory numbers = abi.decode(corrections, (uint64[]));
        for (uint256 i; i < numbers.length; ++i) _annul(numbers[i]);
    }

    function _apply(Batch memory batch, uint32 srcEid, uint64 sequence, bytes calldata entry) private {
        uint8 kind = entry.length == 0 ? 0 : uint8(entry[0]);
        if (kind == EntryKind.VOID || kind == EntryKind.CLOSED) return;
        // On the hub's chain every log arrives at the same Messenger; only the hub's own orders.
        if (srcEid != hubEid) {
            emit ReleaseRefused(sequence, ReleaseRefusal.ForeignLog);
            return;
        }
        if (kind != EntryKind.RELEASE || entry.length != Entry.RELEASE_LENGTH) {
            emit ReleaseRefused(sequence, ReleaseRefusal.Malformed);
            return;
        }
        Entry.Release memory order = Entry.decodeRelease(entry);
        if (_assets[order.asset].status == AssetStatus.Unlisted) {
            emit ReleaseRefused(sequence, ReleaseRefusal.AssetNotListed);
            return;
        }
        AssetRun memory run = _runOf(batch, order.asset);
        if (order.amount > run.backing) {
            emit ReleaseRefused(sequence, ReleaseRefusal.BackingExceeded);
            return;
        }
        run.backing -= order.amount;
        // The batch may have been closed and opened again for this asset: then its count starts here.
        uint256 bit = 1 << batch.count;
        batch.settled |= bit;
        (bool paid, ClaimReason reason) = _tryPay(run, order);
        if (paid) {
            batch.paid |= bit;
            run.paid += order.amount;
            emit Paid(sequence, order.claim, order.receiver, order.asset, order.amount);
        } else {
            run.madeClaimable += order.amount;
            _keep(sequence, order, reason);
        }
    }

    /// @dev Pays, or says why not. The gas it may take does not depend on what the caller has: below the floor the chunk reverts.
    function _tryPay(AssetRun memory run, Entry.Release memory order) private returns (bool, ClaimReason) {
        if (payoutsPaused) return (false, ClaimReason.PayoutsPaused);
        if (run.frozen) return (false, ClaimReason.AssetFrozen);
        if (!_isReceiver(run.token, order.receiver)) return (false, ClaimReason.ReceiverInvalid);
        (bool passes, uint256 drawn, ) = TokenBucket.outflow(order.amount, run.capacity, run.level);
        // More than a full bucket gives is never paid at once, or one forged order could empty the vault: `claim` pays it in parts.
        if (!passes || drawn < order.amount) return (false, ClaimReason.OutflowLimit);
        uint256 left = gasleft();
        require(left >= PAYOUT_GAS_FLOOR, GasBelowFloor(left, PAYOUT_GAS_FLOOR));
        bytes memory data = abi.encodeCall(this.payOne, (run.token, order.receiver, order.amount));
        bool paid;
        assembly ("memory-safe") {
            paid := call(PAYOUT_GAS, address(), 0, add(data, 32), mload(data), 0, 0)
        }
        if (!paid) return (false, ClaimReason.TransferFailed);
        run.level -= drawn;
        return (true, ClaimReason.TransferFailed);
    }

    /// @notice One payout, so that it can fail alone. Only the vault calls it.
    function payOne(address token, address to, uint256 amount) external {
        require(msg.sender == address(this), NotVault(msg.sender));
        bool sent = token == NATIVE ? _sendNative(to, amount, NATIVE_PAYOUT_GAS) : _send(token, to, amount);
        require(sent, PayoutFailed(_indexOf[token], to, amount));
    }

    /// @dev The asset's run in the batch; closes the batch first if it has no room for another asset.
    function _runOf(Batch memory batch, uint16 index) private returns (AssetRun memory run) {
        for (uint256 i; i < batch.assets; ++i) {
            if (batch.runs[i].index == index) return batch.runs[i];
        }
        if (batch.assets == Entry.RECEIPTS_MAX_SUMS) _close(batch);
        run = batch.runs[batch.assets++];
        Asset storage asset = _assets[index];
        run.index = index;
        run.token = asset.token;
        run.frozen = asset.status == AssetStatus.Frozen;
        run.backing = _backing(asset);
        (run.paid, run.madeClaimable) = (0, 0);
        run.capacity = asset.outflowCapacity;
        run.level = _outflowLevel(asset);
    }

    /// @dev Writes the batch's assets back, appends its receipt, and starts the next one behind it.
    function _close(Batch memory batch) private {
        if (batch.settled != 0) _sendReceipts(batch);
        // CAST: a log is far shorter than 2^64.
        batch.first += uint64(batch.count);
        (batch.count, batch.settled, batch.paid, batch.assets) = (0, 0, 0, 0);
    }

    function _sendReceipts(Batch memory batch) private {
        uint256 n;
        uint16[] memory assets = new uint16[](batch.assets);
        uint128[] memory sums = new uint128[](batch.assets);
        for (uint256 i; i < batch.assets; ++i) {
            AssetRun memory run = batch.runs[i];
            uint256 sum = run.paid + run.madeClaimable;
            if (sum == 0) continue;
            // CAST: at most what was deposited.
            (assets[n], sums[n]) = (run.index, uint128(sum));
            ++n;
            _write(run);
        }
        // Assets whose orders were all of amount zero, or refused, have no sum.
        assembly ("memory-safe") {
            mstore(assets, n)
            mstore(sums, n)
        }
        // A closed log takes no entry; whoever closes it must have settled its orders first.
        if (_messenger.outbox(hubEid).closed) {
            emit ReceiptsUnsent(batch.first, uint64(batch.count));
            return;
        }
        _messenger.append(
            hubEid,
            Entry.encodeReceipts(
                Entry.Receipts({
                    first: batch.first,
                    // CAST: at most RECEIPTS_MAX_COUNT.
                    count: uint8(batch.count),
                    // CAST: only the lowest `count` bits are set.
                    settled: uint64(batch.settled),
                    paid: uint64(batch.paid),
                    assets: assets,
                    sums: sums
                })
            )
        );
    }

    function _write(AssetRun memory run) private {
        Asset storage asset = _assets[run.index];
        // CAST: within the backing.
        if (run.madeClaimable != 0) asset.claimable += uint128(run.madeClaimable);
        if (run.paid == 0) return;
        asset.left += uint128(run.paid);
        _setOutflowLevel(asset, run.level);
    }

    // ---- requests to the hub

    /// @inheritdoc IPayouts
    function requestWithdrawal(WithdrawParams calldata params) external payable nonReentrant returns (uint64 sequence) {
        _requirePrincipal(params.account);
        require(params.amount != 0, AmountZero());
        require(params.receiver != address(0), ReceiverInvalid(params.receiver));
        require(params.validUntil >= block.timestamp, ValidUntilPassed(params.validUntil, block.timestamp));
        require(!params.express || params.refund != address(0), ReceiverInvalid(params.refund));
        uint256 fee = params.express ? _messenger.entryFee() : msg.value;
        require(msg.value >= fee, ValueMismatch(msg.value, fee));
        sequence = _messenger.append{value: fee}(
            hubEid,
            Entry.encodeWithdrawRequested(
                Entry.WithdrawRequested({
                    account: params.account,
                    eid: params.eid,
                    asset: params.asset,
                    fromCash: params.fromCash,
                    amount: params.amount,
                    receiver: params.receiver,
                    validUntil: params.validUntil,
                    timestamp: uint40(block.timestamp)
                })
            )
        );
        emit WithdrawalRequested(Account.unwrap(params.account), sequence);
        if (params.express) _messenger.flush{value: msg.value - fee}(hubEid, params.refund);
    }

    /// @inheritdoc IPayouts
    function setDelegate(
        Account account,
        address delegate,
        uint8 permissions,
        uint40 validUntil
    ) external payable nonReentrant returns (uint64 sequence) {
        _requirePrincipal(account);
        require(delegate != address(0), ReceiverInvalid(delegate));
        sequence = _messenger.append{value: msg.value}(
            hubEid,
            Entry.encodeDelegateSet(
                Entry.DelegateSet({
                    account: account,
                    delegate: delegate,
                    permissions: permissions,
                    validUntil: validUntil
                })
            )
        );
        emit DelegateRequested(Account.unwrap(account), delegate, sequence);
    }

    function _requirePrincipal(Account account) private view {
        require(Principal.owns(msg.sender, account, _localEid), NotPrincipal(msg.sender, Account.unwrap(account)));
    }

    /// @inheritdoc IPayouts
    function payoutGasFloor() external pure returns (uint256) {
        return PAYOUT_GAS_FLOOR;
    }
}
