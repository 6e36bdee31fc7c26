// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Origin} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Checkpoint, CheckpointCodec} from "../../src/message/Checkpoint.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {IPayouts} from "../../src/spoke/IPayouts.sol";
import {AccountLib, Account as HubAccount} from "../../src/types/Account.sol";
import {Claimed, Fate, Flow, FlowModel, Leaf, Status} from "./FlowModel.sol";
import {FlowSteps, Step} from "./FlowSteps.sol";
import {WithdrawalWorld} from "./WithdrawalWorld.sol";

/// @notice Takes the steps of the model with the real contracts, and compares all that they store with the model's state.
/// @dev The two ends share nothing but what the logs carry, so each is driven alone: what comes from the other side is made from the
///      model, and what leaves must fold to the head that the model's log has.
abstract contract FlowDriver is WithdrawalWorld {
    using FlowModel for Flow;

    uint40 private constant START = 1_790_000_000;
    uint40 private constant VALID_UNTIL = START + 365 days;

    bool internal fromCash;
    uint256 internal scale = 1;
    uint256 private _now;
    // Times of the entries of the spoke's own log.
    mapping(uint256 sequence => uint40) private _madeAt;

    function _buildFlow(bool fromCash_, uint8 decimals) internal {
        fromCash = fromCash_;
        if (fromCash_) scale = 10 ** (18 - decimals);
        _build(decimals);
        withdrawals.pauseOrders();
        _now = START;
    }

    // ---- one step

    /// @dev Reverts with what the contracts revert with.
    function _act(Flow memory s, Step x, uint256 n, Flow memory next) internal {
        _now += 61;
        if (x == Step.Expire && _now <= VALID_UNTIL) _now = VALID_UNTIL + 1;
        vm.warp(_now);
        if (!FlowSteps.atSpoke(x)) return _actAtHub(s, x, uint64(n), next);
        _madeAt[s.upLength + 1] = uint40(_now);
        if (x < Step.Claim) return _actAtSpoke(s, x, uint64(n), next);
        if (x == Step.Claim) {
            vault.claim(uint64(n));
        } else if (x == Step.ClaimPart) {
            vault.setOutflow(ASSET, 1, 0);
            vault.claim(uint64(n));
            vault.setOutflow(ASSET, WIDE, WIDE);
        } else {
            vm.prank(alice, alice);
            vault.returnClaim(uint64(n));
        }
    }

    function _actAtSpoke(Flow memory s, Step x, uint64 n, Flow memory next) private {
        if (x == Step.Deposit) {
            _deposit(next.unitsAt(next.upLength));
        } else if (x == Step.CancelDeposit) {
            bytes memory entry = _upEntry(s, n);
            bytes32[] memory leaves = _upLeaves(s, n + 1, s.upLength);
            bytes32 before = _upHead(s, n - 1);
            vm.prank(alice, alice);
            vault.cancel(n, before, entry, leaves);
        } else if (x == Step.Ask) {
            vm.prank(alice, alice);
            vault.requestWithdrawal(
                IPayouts.WithdrawParams({
                    account: _account(),
                    eid: SPOKE,
                    asset: ASSET,
                    fromCash: fromCash,
                    amount: uint128(3 * scale),
                    receiver: bob,
                    validUntil: VALID_UNTIL,
                    express: false,
                    refund: alice
                })
            );
        } else if (x == Step.FlushUp) {
            spoke.flush(HUB, alice);
        } else if (x == Step.ArriveAtSpoke) {
            uint256 top = FlowModel.highest(next.downKnown);
            (bytes32 own, ) = spoke.genesis(HUB);
            bytes memory message = CheckpointCodec.encode(Checkpoint(uint64(top), _downHead(next, top), 0, own));
            spokeEndpoint.inject(address(spoke), Origin(HUB, _id(address(hub)), 1), message);
        } else if (x == Step.SplitAtSpoke) {
            uint64 from = uint64(FlowModel.highest(s.downKnown));
            spoke.split(HUB, from, n, _downHead(s, n), _downLeaves(s, n + 1, from));
        } else {
            bytes memory stream;
            for (uint256 i = s.downConsumed + 1; i <= n; ++i) stream = _framed(stream, _downEntry(s, i));
            if (x == Step.DeliverWhilePaused) vault.pausePayouts();
            spoke.deliver(HUB, stream);
            if (x == Step.DeliverWhilePaused) vault.unpausePayouts();
        }
    }

    function _actAtHub(Flow memory s, Step x, uint64 n, Flow memory next) private {
        if (x == Step.ArriveAtHub) {
            uint256 top = FlowModel.highest(next.upKnown);
            (bytes32 own, ) = hub.genesis(SPOKE);
            bytes memory message = CheckpointCodec.encode(Checkpoint(uint64(top), _upHead(next, top), 0, own));
            hubEndpoint.inject(address(hub), Origin(SPOKE, _id(address(spoke)), 1), message);
        } else if (x == Step.SplitAtHub) {
            uint64 from = uint64(FlowModel.highest(s.upKnown));
            hub.split(SPOKE, from, n, _upHead(s, n), _upLeaves(s, n + 1, from));
        } else if (x == Step.DeliverAtHub) {
            bytes memory stream;
            for (uint256 i = s.upConsumed + 1; i <= n; ++i) stream = _framed(stream, _upEntry(s, i));
            hub.deliver(SPOKE, stream);
        } else if (x == Step.ChangeStanding) {
            if (s.listed == 1) ledger.freezeAsset(1);
            else _configure(fromCash ? ILedger.AssetStanding.Settlement : ILedger.AssetStanding.Collateral);
        } else if (x == Step.Retry) {
            gateway.retry(SPOKE, n, _upEntry(s, n));
        } else if (x == Step.ReturnDeposit) {
            gateway.returnDeposit(SPOKE, n, _upEntry(s, n));
        } else if (x == Step.Decide || x == Step.Expire) {
            uint64 claim = withdrawals.processRequest(SPOKE, n, _upEntry(s, n), "");
            require((claim == 0) == (x == Step.Expire), "decided or expired");
        } else if (x == Step.Request) {
            _request(fromCash, uint128(4 * scale));
        } else if (x == Step.Order) {
            withdrawals.unpauseOrders();
            require(_order(n) == 1, "not ordered");
            withdrawals.pauseOrders();
        } else if (x == Step.CancelClaim) {
            vm.prank(alice, alice);
            withdrawals.cancel(n);
        } else if (x == Step.CancelOrdered) {
            uint256 at = s.orderOf(n);
            bytes32[] memory leaves = at == 0 ? new bytes32[](0) : _downLeaves(s, at + 1, s.downLength);
            bytes32 before = at == 0 ? bytes32(0) : _downHead(s, at - 1);
            vm.prank(alice, alice);
            withdrawals.cancelOrdered(n, before, leaves);
        } else {
            hub.flush(SPOKE, alice);
        }
    }

    // ---- all that is stored, against the model

    function _compareSpoke(Flow memory s) internal view {
        IMessenger.OutboxView memory box = spoke.outbox(HUB);
        require(box.sequence == s.upLength && box.flushed == s.upFlushed, "log up: length or flushed");
        require(box.head == _upHead(s, s.upLength), "log up: head");
        _compareInbox(spoke.inbox(HUB), s.downConsumed, s.downKnown, _downHead(s, s.downConsumed));
        uint256 dead = s.voidedUp();
        uint256 deposited;
        uint256 minted;
        uint256 cancelled;
        for (uint256 n = 1; n <= s.upLength; ++n) {
            if (!s.isDeposit(n)) continue;
            deposited += s.unitsAt(n);
            if (s.kindAt(n) == Leaf.DEPOSIT) minted += s.unitsAt(n);
            if (FlowModel.has(dead, n)) cancelled += s.unitsAt(n);
        }
        ICollateralVault.AssetView memory a = vault.assetOf(ASSET);
        require(a.deposited == deposited && a.cancelled == cancelled, "deposited or cancelled");
        require(a.claimable == s.claimable() && a.paid == _paid(s), "INV-RELEASE-1: paid or claimable");
        uint256 held = token.balanceOf(address(vault));
        require(held == minted + FlowModel.OFFSET - s.out && held >= a.claimable, "INV-VAULT-1");
        require(token.balanceOf(alice) + token.balanceOf(bob) == s.out - FlowModel.OFFSET, "credited and refunded");
        for (uint256 n = 1; n <= s.downConsumed; ++n) {
            require(vault.claimableOf(uint64(n)).amount == s.claimableAt(n), "claimable order");
        }
    }

    /// @dev Out of the vault's books: paid, claimed, or booked in again.
    function _paid(Flow memory s) private pure returns (uint256 sum) {
        for (uint256 n = 1; n <= s.downConsumed; ++n) {
            if (s.fateAt(n) != 0) sum += s.unitsOf(s.orderAt(n)) - s.claimableAt(n);
        }
    }

    function _compareInbox(
        IMessenger.InboxView memory box,
        uint256 consumed,
        uint256 known,
        bytes32 head
    ) private pure {
        uint256 top = FlowModel.highest(known);
        require(box.consumed == consumed && box.consumedHead == head, "INV-LOG-1: consumed");
        require(box.verified == (top > consumed ? top : consumed), "INV-LOG-1: verified");
        require(!box.quarantined && !box.closed, "path");
    }

    function _compareHub(Flow memory s) internal view {
        IMessenger.OutboxView memory box = hub.outbox(SPOKE);
        require(box.sequence == s.downLength && box.flushed == s.downFlushed, "log down: length or flushed");
        require(box.head == _downHead(s, s.downLength), "log down: head");
        _compareInbox(hub.inbox(SPOKE), s.upConsumed, s.upKnown, _upHead(s, s.upConsumed));
        require(withdrawals.receiptedUpTo(SPOKE) == s.receipted, "receipted");
        for (uint256 n = 1; n <= s.upConsumed; ++n) {
            bytes32 waits = s.statusAt(n) == Status.PARKED ? Entry.leafOf(_upEntry(s, n)) : bytes32(0);
            bool request = s.kindAt(n) == Leaf.REQUEST;
            require(gateway.parkedLeaf(SPOKE, uint64(n)) == (request ? bytes32(0) : waits), "parked");
            require(withdrawals.requestLeaf(SPOKE, uint64(n)) == (request ? waits : bytes32(0)), "recorded");
        }
        _compareLedger(s, _compareClaims(s));
    }

    /// @return queued units of accounts that wait
    function _compareClaims(Flow memory s) private view returns (uint256 queued) {
        require(withdrawals.claimCount() == s.claimCount, "claims");
        for (uint256 c = 1; c <= s.claimCount; ++c) {
            IWithdrawals.Claim memory claim = withdrawals.claimOf(uint64(c));
            uint256 state = s.stateOf(c);
            if (state == Claimed.QUEUED && !s.isSentHome(c)) queued += s.unitsOf(c);
            IWithdrawals.Status expected =
                state == Claimed.QUEUED
                    ? IWithdrawals.Status.Queued
                    : state == Claimed.ORDERED
                        ? IWithdrawals.Status.Ordered
                        : IWithdrawals.Status.Cancelled;
            require(claim.status == expected && claim.orderSequence == s.orderOf(c), "claim");
            require(claim.units == s.unitsOf(c), "units of a claim");
        }
    }

    function _compareLedger(Flow memory s, uint256 queued) private view {
        uint256 balance = s.balance - FlowModel.OFFSET;
        uint256 suspense = s.suspense - FlowModel.OFFSET;
        // A claim on cash is reserved when it is ordered, one on a balance when it is made.
        uint256 reserved = s.reserved - FlowModel.OFFSET - (fromCash ? queued : 0);
        (uint256 actuallyReserved, uint256 free) = ledger.liquidityOf(SPOKE, ASSET);
        require(actuallyReserved == reserved && free == (fromCash ? balance + queued : 0), "reserved or free");
        uint16 assetId = ledger.assetIdOf(SPOKE, ASSET);
        if (assetId == 0) {
            require(ledger.unlistedSuspense(SPOKE, ASSET) == suspense, "suspense of an unlisted asset");
        } else {
            ILedger.Custody memory c = ledger.custodyOf(assetId);
            require(c.custody == c.balances + c.free + c.reserved + c.suspense, "INV-LEDGER-1");
            require(c.balances == (fromCash ? 0 : balance) && c.suspense == suspense, "balances or suspense");
        }
        require(ledger.cashOf(_account()) == int256(fromCash ? balance * scale : 0), "cash");
        require(ledger.queuedCash() == (fromCash ? queued * scale : 0), "INV-CASH-1: queued cash");
    }

    // ---- the logs of the model, in bytes

    function _upEntry(Flow memory s, uint256 n) private view returns (bytes memory) {
        (uint256 kind, uint256 subject, uint256 extra) = s.leafAt(n);
        uint40 at = _madeAt[n] == 0 ? START : _madeAt[n];
        if (kind == Leaf.VOID) return abi.encodePacked(EntryKind.VOID, uint64(subject));
        if (kind == Leaf.RECEIPT) return _receiptEntry(s, subject, extra + 1);
        if (kind == Leaf.REQUEST) {
            uint128 amount = uint128(3 * scale);
            return
                Entry.encodeWithdrawRequested(
                    Entry.WithdrawRequested(_account(), SPOKE, ASSET, fromCash, amount, bob, VALID_UNTIL, at)
                );
        }
        bool fresh = kind == Leaf.DEPOSIT;
        return
            Entry.encodeDeposited(
                Entry.Deposited({
                    account: _account(),
                    asset: ASSET,
                    amount: uint128(s.unitsAt(n)),
                    timestamp: at,
                    payer: fresh ? alice : address(vault),
                    refund: alice,
                    flags: fresh ? Entry.FLAG_OWN_DEPOSIT : 0
                })
            );
    }

    function _receiptEntry(Flow memory s, uint256 first, uint256 count) private pure returns (bytes memory) {
        uint16[] memory assets = new uint16[](1);
        uint128[] memory sums = new uint128[](1);
        assets[0] = ASSET;
        uint64 settled;
        uint64 paid;
        for (uint256 i; i < count; ++i) {
            uint256 fate = s.fateAt(first + i);
            if (fate == 0) continue;
            settled |= uint64(1 << i);
            if (fate == Fate.PAID) paid |= uint64(1 << i);
            sums[0] += uint128(s.unitsOf(s.orderAt(first + i)));
        }
        return Entry.encodeReceipts(Entry.Receipts(uint64(first), uint8(count), settled, paid, assets, sums));
    }

    function _downEntry(Flow memory s, uint256 n) private view returns (bytes memory) {
        uint256 claim = s.orderAt(n);
        if (claim & Leaf.VOID_DOWN != 0) return abi.encodePacked(EntryKind.VOID, uint64(claim & 7));
        bool home = s.isSentHome(claim);
        HubAccount account = home ? HubAccount.wrap(0) : _account();
        uint128 units = uint128(s.unitsOf(claim));
        return Entry.encodeRelease(Entry.Release(uint64(claim), account, ASSET, units, home ? alice : bob));
    }

    function _leafOf(bytes memory entry) private pure returns (bytes32) {
        if (uint8(entry[0]) != EntryKind.VOID) return Entry.leafOf(entry);
        return Entry.voidLeaf(uint64(uint256(_word(entry, 1)) >> 192));
    }

    function _upHead(Flow memory s, uint256 n) private view returns (bytes32 head) {
        (head, ) = spoke.genesis(HUB);
        for (uint256 i = 1; i <= n; ++i) head = LogFold.fold(head, _leafOf(_upEntry(s, i)));
    }

    function _downHead(Flow memory s, uint256 n) private view returns (bytes32 head) {
        (head, ) = hub.genesis(SPOKE);
        for (uint256 i = 1; i <= n; ++i) head = LogFold.fold(head, _leafOf(_downEntry(s, i)));
    }

    function _upLeaves(Flow memory s, uint256 first, uint256 last) private view returns (bytes32[] memory part) {
        part = new bytes32[](last + 1 - first);
        for (uint256 i; i < part.length; ++i) part[i] = _leafOf(_upEntry(s, first + i));
    }

    function _downLeaves(Flow memory s, uint256 first, uint256 last) private view returns (bytes32[] memory part) {
        part = new bytes32[](last + 1 - first);
        for (uint256 i; i < part.length; ++i) part[i] = _leafOf(_downEntry(s, first + i));
    }

    function _framed(bytes memory stream, bytes memory entry) private pure returns (bytes memory) {
        return bytes.concat(stream, bytes1(uint8(entry.length)), entry);
    }
}
