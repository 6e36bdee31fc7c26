// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {WithdrawalWorld} from "./WithdrawalWorld.sol";

/// @notice What should have become of every deposit and claim, told without the contracts; each action is taken by both, and compared.
/// @dev Nothing is summed as it happens: every total is added up anew from the state of each deposit and claim, so none can be counted
///      twice. Orders are paused, so that request, order and cancel of a claim are steps of their own.
abstract contract WithdrawalModel is WithdrawalWorld {
    enum Action {
        Deposit,
        CancelDeposit, // of a sequence
        FlushUp,
        ArriveAtHub,
        DeliverOneAtHub, // splits if more is verified
        DeliverAllAtHub,
        ChangeStanding, // unlisted → open → frozen → open …
        Retry, // of a sequence
        ReturnDeposit, // of a sequence
        Request,
        Order, // of a claim
        CancelClaim, // of a claim
        CancelOrdered, // of a claim
        FlushDown,
        ArriveAtSpoke,
        DeliverOneAtSpoke,
        DeliverAllAtSpoke,
        DeliverOneWhilePaused,
        Claim, // of a claim
        ReturnClaim // of a claim
    }

    enum Deposited {
        OnItsWay,
        Credited,
        Parked,
        SentHome
    }

    enum Claimed {
        None,
        Queued,
        Cancelled,
        Ordered,
        Paid,
        Claimable,
        Redeposited
    }

    struct ClaimModel {
        Claimed state;
        bool sentHome; // of a parked deposit, not of an account
        bool receipted;
        uint64 order; // sequence
        uint256 units;
    }

    uint256 internal constant REQUESTED = 4;

    bool internal fromCash;
    uint256 internal scale = 1;
    bool internal open;
    uint256 internal changes;
    uint256 internal deposits;
    mapping(uint64 sequence => Deposited) internal stateOf;
    ClaimModel[] internal claims; // index = number
    mapping(uint64 order => uint64 claim) internal claimAt;

    function _start(bool fromCash_, uint8 decimals) internal {
        fromCash = fromCash_;
        if (fromCash_) scale = 10 ** (18 - decimals);
        _build(decimals);
        claims.push();
        withdrawals.pauseOrders();
    }

    // ---- what the model allows

    function _can(Action a, uint64 n) internal view returns (bool) {
        if (a == Action.CancelDeposit) {
            // A returned claim is paid by the vault, and cannot be cancelled.
            return !up.items[n].voided && n > up.flushed && _payer(n) != address(vault);
        }
        if (a == Action.FlushUp) return up.items.length - 1 > up.flushed;
        if (a == Action.FlushDown) return down.items.length - 1 > down.flushed;
        if (a == Action.Retry) return stateOf[n] == Deposited.Parked && open;
        if (a == Action.ReturnDeposit) return stateOf[n] == Deposited.Parked;
        if (a == Action.Request) return _owned() >= REQUESTED;
        if (a == Action.Order) return claims[n].state == Claimed.Queued;
        if (a == Action.CancelClaim) return claims[n].state == Claimed.Queued && !claims[n].sentHome;
        if (a == Action.CancelOrdered) {
            return claims[n].state == Claimed.Ordered && !claims[n].sentHome && claims[n].order > down.flushed;
        }
        if (a == Action.Claim) return claims[n].state == Claimed.Claimable;
        if (a == Action.ReturnClaim) return claims[n].state == Claimed.Claimable && !claims[n].sentHome;
        if (a == Action.Deposit || a == Action.ChangeStanding) return true;
        if (a <= Action.DeliverAllAtHub)
            return a == Action.ArriveAtHub ? up.verified < up.flushed : up.consumed < up.verified;
        return a == Action.ArriveAtSpoke ? down.verified < down.flushed : down.consumed < down.verified;
    }

    function _payer(uint64 sequence) private view returns (address) {
        return address(bytes20(_word(up.items[sequence].entry, Entry.DEPOSITED_PAYER)));
    }

    // ---- one action, by the contracts and by the model

    /// @dev Reverts with what the contracts revert with. Only this contract calls it.
    function run(Action a, uint64 n) external {
        require(msg.sender == address(this));
        skip(61);
        vm.recordLogs();
        if (a < Action.Request) _runDeposit(a, n);
        else if (a < Action.FlushDown) _runClaim(a, n);
        else _runSpoke(a, n);
        _collect();
        _learn();
    }

    function _runDeposit(Action a, uint64 n) private {
        if (a == Action.Deposit) {
            ++deposits;
            _deposit(deposits == 1 ? 5 : 7);
        } else if (a == Action.CancelDeposit) {
            _cancelDeposit(n);
        } else if (a == Action.FlushUp) {
            spoke.flush(HUB, alice);
            up.flushed = uint64(up.items.length - 1);
        } else if (a == Action.ArriveAtHub) {
            _arriveAtHub();
        } else if (a == Action.ChangeStanding) {
            (open, changes) = (!open, changes + 1);
            if (!open) ledger.freezeAsset(1);
            else _configure(fromCash ? ILedger.AssetStanding.Settlement : ILedger.AssetStanding.Collateral);
        } else if (a == Action.Retry) {
            gateway.retry(SPOKE, n, up.items[n].entry);
            stateOf[n] = Deposited.Credited;
        } else if (a == Action.ReturnDeposit) {
            gateway.returnDeposit(SPOKE, n, up.items[n].entry);
            stateOf[n] = Deposited.SentHome;
            claims.push(ClaimModel(Claimed.Queued, true, false, 0, _units(n)));
        } else {
            uint64 from = up.consumed;
            _deliver(up, hub, SPOKE, a == Action.DeliverOneAtHub ? from + 1 : up.verified);
            for (uint64 s = from + 1; s <= up.consumed; ++s) _applyAtHub(s);
        }
    }

    function _applyAtHub(uint64 s) private {
        LogItem storage item = up.items[s];
        if (item.voided) return;
        if (item.kind == EntryKind.DEPOSITED) stateOf[s] = open ? Deposited.Credited : Deposited.Parked;
        if (item.kind != EntryKind.RECEIPTS) return;
        bytes memory entry = item.entry;
        uint64 first = uint64(uint256(_word(entry, Entry.RECEIPTS_FIRST)) >> 192);
        uint256 settled = uint256(_word(entry, Entry.RECEIPTS_SETTLED)) >> 192;
        for (uint64 i; i < 64; ++i) {
            if ((settled >> i) & 1 == 0) continue;
            ClaimModel storage c = claims[claimAt[first + i]];
            require(!c.receipted, "INV-RELEASE-1: receipted twice");
            c.receipted = true;
        }
    }

    function _runClaim(Action a, uint64 n) private {
        if (a == Action.Request) {
            _request(fromCash, uint128(REQUESTED * scale));
            claims.push(ClaimModel(Claimed.Queued, false, false, 0, REQUESTED));
        } else if (a == Action.Order) {
            withdrawals.unpauseOrders();
            require(_order(n) == 1, "not ordered");
            withdrawals.pauseOrders();
            uint64 order = withdrawals.claimOf(n).orderSequence;
            (claims[n].state, claims[n].order) = (Claimed.Ordered, order);
            claimAt[order] = n;
        } else if (a == Action.CancelClaim) {
            vm.prank(alice, alice);
            withdrawals.cancel(n);
            claims[n].state = Claimed.Cancelled;
        } else {
            _cancelOrdered(n);
            claims[n].state = Claimed.Cancelled;
        }
    }

    function _runSpoke(Action a, uint64 n) private {
        if (a == Action.FlushDown) {
            hub.flush(SPOKE, alice);
            down.flushed = uint64(down.items.length - 1);
        } else if (a == Action.ArriveAtSpoke) {
            _arriveAtSpoke();
        } else if (a == Action.Claim) {
            vault.claim(claims[n].order);
            claims[n].state = Claimed.Paid;
        } else if (a == Action.ReturnClaim) {
            vm.prank(alice, alice);
            vault.returnClaim(claims[n].order);
            claims[n].state = Claimed.Redeposited;
        } else {
            bool paused = a == Action.DeliverOneWhilePaused;
            if (paused) vault.pausePayouts();
            uint64 from = down.consumed;
            _deliver(down, spoke, HUB, a == Action.DeliverAllAtSpoke ? down.verified : from + 1);
            if (paused) vault.unpausePayouts();
            for (uint64 s = from + 1; s <= down.consumed; ++s) {
                if (down.items[s].kind != EntryKind.RELEASE || down.items[s].voided) continue;
                require(claims[claimAt[s]].state == Claimed.Ordered, "INV-RELEASE-1: settled twice");
                claims[claimAt[s]].state = paused ? Claimed.Claimable : Claimed.Paid;
            }
        }
    }

    /// @dev A void is in the log before the model hears of it: nothing else to learn, but that it was allowed.
    function _learn() private view {
        require(spoke.outbox(HUB).head == up.items[up.items.length - 1].head, "the log up is not what was recorded");
        require(
            hub.outbox(SPOKE).head == down.items[down.items.length - 1].head,
            "the log down is not what was recorded"
        );
    }

    // ---- totals, in base units

    function _units(uint64 sequence) internal view returns (uint256) {
        return _amountIn(up.items[sequence].entry, Entry.DEPOSITED_AMOUNT);
    }

    struct Totals {
        uint256 deposited;
        uint256 voided;
        uint256 undelivered;
        uint256 credited;
        uint256 parked;
        uint256 queued; // of accounts
        uint256 left; // of accounts: neither cancelled nor queued
        uint256 sentHome;
        uint256 receipted;
        uint256 unreceipted; // settled
        uint256 paid;
        uint256 redeposited;
        uint256 claimable;
    }

    function _totals() internal view returns (Totals memory t) {
        for (uint64 s = 1; s < up.items.length; ++s) {
            if (up.items[s].kind != EntryKind.DEPOSITED) continue;
            uint256 units = _units(s);
            t.deposited += units;
            if (up.items[s].voided) t.voided += units;
            else if (s > up.consumed) t.undelivered += units;
            else if (stateOf[s] == Deposited.Credited) t.credited += units;
            else if (stateOf[s] == Deposited.Parked) t.parked += units;
        }
        for (uint256 i = 1; i < claims.length; ++i) {
            ClaimModel storage c = claims[i];
            if (c.state == Claimed.Cancelled) continue;
            if (c.sentHome) t.sentHome += c.units;
            else if (c.state == Claimed.Queued) t.queued += c.units;
            else t.left += c.units;
            if (c.receipted) t.receipted += c.units;
            else if (c.state > Claimed.Ordered) t.unreceipted += c.units;
            if (c.state == Claimed.Paid) t.paid += c.units;
            if (c.state == Claimed.Redeposited) t.redeposited += c.units;
            if (c.state == Claimed.Claimable) t.claimable += c.units;
        }
    }

    /// @dev What the account owns on the hub.
    function _owned() internal view returns (uint256) {
        Totals memory t = _totals();
        return t.credited - t.queued - t.left;
    }

    // ---- the contracts against the model

    function _check() internal view {
        Totals memory t = _totals();
        _checkVault(t);
        _checkLedger(t);
    }

    function _checkVault(Totals memory t) private view {
        ICollateralVault.AssetView memory a = vault.assetOf(ASSET);
        require(a.deposited == t.deposited && a.cancelled == t.voided, "deposited or cancelled");
        require(a.paid == t.paid + t.redeposited && a.claimable == t.claimable, "INV-RELEASE-1: paid or claimable");
        uint256 held = token.balanceOf(address(vault));
        require(held == t.deposited - t.voided - t.paid - t.redeposited, "INV-VAULT-1");
        require(held >= a.claimable, "INV-VAULT-1: claimable");
        // Every unit that was ever made is in one place.
        require(token.balanceOf(alice) + token.balanceOf(bob) == t.voided + t.paid, "credited and refunded");
    }

    function _checkLedger(Totals memory t) private view {
        uint256 owned = t.credited - t.queued - t.left;
        uint256 reserved = t.sentHome + t.left + (fromCash ? 0 : t.queued) - t.receipted;
        uint256 balances = fromCash ? 0 : owned;
        uint256 free = fromCash ? owned + t.queued : 0;
        (uint256 actuallyReserved, uint256 actuallyFree) = ledger.liquidityOf(SPOKE, ASSET);
        require(actuallyReserved == reserved && actuallyFree == free, "reserved or free");
        uint16 assetId = ledger.assetIdOf(SPOKE, ASSET);
        if (assetId == 0) {
            require(ledger.unlistedSuspense(SPOKE, ASSET) == t.parked, "suspense of an unlisted asset");
        } else {
            ILedger.Custody memory c = ledger.custodyOf(assetId);
            require(c.custody == c.balances + c.free + c.reserved + c.suspense, "INV-LEDGER-1");
            require(c.balances == balances && c.suspense == t.parked, "balances or suspense");
        }
        // INV-CASH-1, exactly: here nothing is ever rounded.
        require(ledger.cashOf(_account()) == int256(fromCash ? owned * scale : 0), "cash");
        require(ledger.queuedCash() == (fromCash ? t.queued * scale : 0), "INV-CASH-1: queued cash");
        ICollateralVault.AssetView memory a = vault.assetOf(ASSET);
        uint256 unpaid = reserved - t.unreceipted;
        uint256 onHub = balances + free + unpaid + t.parked + t.undelivered;
        require(a.deposited == uint256(a.cancelled) + a.paid + a.claimable + onHub, "INV-FLOW-1");
        // INV-LEDGER-2
        uint256 custody = balances + free + reserved + t.parked;
        uint256 held = token.balanceOf(address(vault));
        require(held + t.unreceipted >= custody + t.undelivered + a.claimable, "INV-LEDGER-2");
    }

    // ---- the model's state in one word

    function _key() internal view returns (bytes32 key) {
        key = keccak256(
            abi.encode(
                open,
                changes,
                deposits,
                up.flushed,
                up.verified,
                up.consumed,
                down.flushed,
                down.verified,
                down.consumed
            )
        );
        for (uint64 s = 1; s < up.items.length; ++s) {
            LogItem storage item = up.items[s];
            uint256 units = item.kind == EntryKind.DEPOSITED ? _units(s) : 0;
            key = keccak256(abi.encode(key, item.kind, item.voided, stateOf[s], units));
        }
        for (uint64 s = 1; s < down.items.length; ++s) key = keccak256(abi.encode(key, down.items[s].kind));
        for (uint256 i = 1; i < claims.length; ++i) key = keccak256(abi.encode(key, claims[i]));
    }
}
