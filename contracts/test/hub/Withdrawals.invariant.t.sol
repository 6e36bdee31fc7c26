// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Entry} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {WithdrawalsFixture} from "./WithdrawalsFixture.sol";
import {Deploy} from "../Deploy.sol";

/// @notice One account that withdraws, one that owes cash, two chains, tokens of 0, 6, 18 and 24 decimals, and everything that can happen to value on its way out. Beside
///         the contracts it keeps a plain count of what came in, what is claimed, what was receipted.
contract ExitWalk is WithdrawalsFixture {
    struct Token {
        uint32 eid;
        uint16 asset;
        uint16 id;
        uint8 decimals;
        uint256 deposited;
        uint256 receipted;
        uint256 parked;
    }

    struct Parked {
        uint256 token;
        uint64 at;
        bytes entry;
    }

    Token[] public tokens;
    Parked[] private _parked;
    mapping(uint64 claim => bool) public receipted;
    mapping(uint32 eid => uint64) private _receiptedTo;
    mapping(uint32 eid => uint256) public voids;
    mapping(bytes32 action => uint256) public done;
    HubAccount private _debtor;

    function setUp() public override {
        super.setUp();
        _debtor = _account(makeAddr("debtor"), 0);
        ledger.setModule(address(this), true);
        ledger.setInterestModel(Deploy.interestModel());
        _add(SPOKE, USDC, 6, ILedger.AssetStanding.Settlement, 1_000e6);
        _add(OTHER, USDC, 6, ILedger.AssetStanding.Settlement, 0);
        _add(OTHER, DAI, 18, ILedger.AssetStanding.Settlement, 0);
        _add(SPOKE, 30, 0, ILedger.AssetStanding.Settlement, 0);
        _add(SPOKE, WETH, 18, ILedger.AssetStanding.Collateral, 10e18);
        _add(OTHER, 41, 24, ILedger.AssetStanding.Collateral, 0);
    }

    function _add(uint32 eid, uint16 asset, uint8 decimals, ILedger.AssetStanding standing, uint256 held) private {
        ledger.configureAsset(eid, asset, _config(standing, decimals));
        withdrawals.setOutflow(eid, asset, uint128(10_000 * 10 ** decimals), uint128(10 ** decimals));
        tokens.push(Token(eid, asset, ledger.assetIdOf(eid, asset), decimals, held, 0, 0));
    }

    function tokenCount() external view returns (uint256) {
        return tokens.length;
    }

    // ---- steps

    function step(uint256 seed) external {
        uint256 kind = seed % 17;
        seed >>= 8;
        if (kind < 3) _depositSome(seed);
        else if (kind < 6) _requestSome(seed);
        else if (kind == 6) _forced(seed);
        else if (kind < 9) _orderSome(seed);
        else if (kind == 9) _cancelSome(seed);
        else if (kind == 10) _cancelLast(seed);
        else if (kind == 11) _flush(seed);
        else if (kind < 14) _receipt(seed);
        else if (kind == 14) _endParked(seed);
        else if (kind == 15) _owe(seed);
        else _govern(seed);
    }

    function _depositSome(uint256 seed) private {
        uint256 i = seed % tokens.length;
        Token storage t = tokens[i];
        uint128 amount = uint128(1 + ((seed >> 8) % (5_000 * 10 ** t.decimals)));
        bytes memory entry = _entry(account, t.asset, amount, (seed >> 160) % 3 != 0);
        uint64 at = _deliver(gateway, t.eid, entry);
        t.deposited += amount;
        if (gateway.parkedLeaf(t.eid, at) != 0) {
            t.parked += amount;
            _parked.push(Parked(i, at, entry));
            ++done["park"];
        }
        ++done["deposit"];
    }

    /// @dev A leg the account can afford, or none.
    function _leg(uint256 seed) private view returns (bool, IWithdrawals.Leg memory leg) {
        Token storage t = tokens[seed % tokens.length];
        leg = IWithdrawals.Leg(t.eid, t.asset, (seed >> 8) % 4 != 0, 0, bob);
        (uint128 collateral, uint128 idle) = ledger.balanceOf(account, t.id);
        uint256 held = uint256(collateral) + idle;
        if (leg.fromCash) {
            bool free = ledger.custodyOf(t.id).free != 0;
            if (ledger.configOf(t.id).standing != ILedger.AssetStanding.Settlement && !free) return (false, leg);
            int256 cash = ledger.cashOf(account);
            held = cash > 0 ? uint256(cash) : 0;
            if (held < 10 ** (18 - t.decimals)) return (false, leg);
        }
        uint256 least = leg.fromCash ? 10 ** (18 - t.decimals) : 1;
        if (held == 0) return (false, leg);
        leg.amount = uint128(least + ((seed >> 16) % (held - least + 1)));
        return (true, leg);
    }

    function _requestSome(uint256 seed) private {
        (bool can, IWithdrawals.Leg memory leg) = _leg(seed);
        if (!can) return;
        _request(leg);
        ++done["request"];
    }

    function _forced(uint256 seed) private {
        (bool can, IWithdrawals.Leg memory leg) = _leg(seed);
        if (!can) return;
        bytes memory entry = _requested(account, leg, uint40(block.timestamp));
        uint64 at = _deliver(withdrawals, SPOKE, entry);
        if ((seed >> 200) % 4 == 0) skip(1);
        withdrawals.processRequest(SPOKE, at, entry, "");
        assertEq(withdrawals.requestLeaf(SPOKE, at), 0);
        ++done["forced"];
    }

    function _orderSome(uint256 seed) private {
        uint64 count = withdrawals.claimCount();
        uint64[] memory claims = new uint64[](count);
        for (uint64 i; i < count; ++i) claims[i] = 1 + uint64((seed + i) % count);
        done["order"] += withdrawals.order(claims);
    }

    function _cancelSome(uint256 seed) private {
        uint64 count = withdrawals.claimCount();
        for (uint64 i; i < count; ++i) {
            uint64 claim = 1 + uint64((seed + i) % count);
            IWithdrawals.Claim memory c = withdrawals.claimOf(claim);
            if (c.status != IWithdrawals.Status.Queued || HubAccount.unwrap(c.account) == 0) continue;
            vm.prank(alice, alice);
            withdrawals.cancel(claim);
            ++done["cancel"];
            return;
        }
    }

    function _cancelLast(uint256 seed) private {
        uint32 eid = seed % 2 == 0 ? SPOKE : OTHER;
        IMessenger.OutboxView memory box = hubLog.outbox(eid);
        uint64 claim = _claimAt(eid, box.sequence);
        if (box.sequence == box.flushed || claim == 0) return;
        IWithdrawals.Claim memory c = withdrawals.claimOf(claim);
        if (c.status != IWithdrawals.Status.Ordered || HubAccount.unwrap(c.account) == 0) return;
        skip(60);
        bytes32 before = hubLog.headInRing(eid, box.sequence - 1);
        vm.prank(alice, alice);
        withdrawals.cancelOrdered(claim, before, new bytes32[](0));
        ++voids[eid];
        ++done["void"];
    }

    function _claimAt(uint32 eid, uint64 sequence) private view returns (uint64) {
        for (uint64 claim = withdrawals.claimCount(); claim != 0 && sequence != 0; --claim) {
            IWithdrawals.Claim memory c = withdrawals.claimOf(claim);
            if (c.eid == eid && c.orderSequence == sequence) return claim;
        }
        return 0;
    }

    function _flush(uint256 seed) private {
        uint32 eid = seed % 2 == 0 ? SPOKE : OTHER;
        IMessenger.OutboxView memory box = hubLog.outbox(eid);
        if (box.sequence == box.flushed) return;
        hubLog.flush(eid, address(this));
        ++done["flush"];
    }

    /// @dev What an honest vault says of the next flushed orders: voided ones did not settle, at most three assets.
    function _receipt(uint256 seed) private {
        uint32 eid = seed % 2 == 0 ? SPOKE : OTHER;
        uint64 first = _receiptedTo[eid] + 1;
        uint64 flushed = hubLog.outbox(eid).flushed;
        if (flushed < first) return;
        uint64 most = 1 + uint64((seed >> 8) % (flushed - first + 1));
        if (most > 64) most = 64;
        Entry.Receipts memory r = Entry.Receipts(first, 0, 0, 0, new uint16[](0), new uint128[](0));
        for (uint64 i; i < most; ++i) {
            uint64 claim = _claimAt(eid, first + i);
            if (claim != 0 && withdrawals.claimOf(claim).status == IWithdrawals.Status.Ordered) {
                if (!_addTo(r, claim)) break;
                r.settled |= uint64(1) << i;
            }
            ++r.count;
        }
        r.paid = r.settled & uint64(seed >> 64);
        _receiptedTo[eid] = first + r.count - 1;
        if (r.settled == 0) return;
        _deliver(withdrawals, eid, Entry.encodeReceipts(r));
        ++done["receipt"];
        // Whoever says it again is not heard.
        _deliver(withdrawals, eid, Entry.encodeReceipts(r));
    }

    function _addTo(Entry.Receipts memory r, uint64 claim) private returns (bool) {
        IWithdrawals.Claim memory c = withdrawals.claimOf(claim);
        uint256 n = r.assets.length;
        uint256 k;
        while (k < n && r.assets[k] != c.asset) ++k;
        if (k == 3) return false;
        if (k == n) {
            (uint16[] memory assets, uint128[] memory sums) = (new uint16[](n + 1), new uint128[](n + 1));
            for (uint256 i; i < n; ++i) (assets[i], sums[i]) = (r.assets[i], r.sums[i]);
            (r.assets, r.sums) = (assets, sums);
            r.assets[k] = c.asset;
        }
        r.sums[k] += c.units;
        receipted[claim] = true;
        for (uint256 i; i < tokens.length; ++i) {
            if (tokens[i].eid == c.eid && tokens[i].asset == c.asset) tokens[i].receipted += c.units;
        }
        return true;
    }

    function _endParked(uint256 seed) private {
        if (_parked.length == 0) return;
        uint256 i = seed % _parked.length;
        Parked memory p = _parked[i];
        Token storage t = tokens[p.token];
        uint256 suspense = ledger.custodyOf(t.id).suspense;
        if ((seed >> 8) % 2 == 0) {
            skip(1 hours);
            gateway.returnDeposit(t.eid, p.at, p.entry);
            ++done["return"];
        } else {
            // Whatever parked it was a freeze: it ends now.
            _standing(t, t.decimals == 24 ? ILedger.AssetStanding.Collateral : _kept(t));
            try gateway.retry(t.eid, p.at, p.entry) {
                ++done["retry"];
            } catch {
                return;
            }
        }
        t.parked -= suspense - ledger.custodyOf(t.id).suspense;
        _parked[i] = _parked[_parked.length - 1];
        _parked.pop();
    }

    function _govern(uint256 seed) private {
        Token storage t = tokens[(seed >> 8) % tokens.length];
        uint256 what = seed % 5;
        if (what == 0) ledger.freezeAsset(t.id);
        else if (what == 1 && t.decimals <= 18) _standing(t, ILedger.AssetStanding.Collateral);
        else if (what == 2 && t.decimals <= 18 && t.asset != WETH) _standing(t, ILedger.AssetStanding.Settlement);
        else if (what == 3) _standing(t, t.decimals == 24 ? ILedger.AssetStanding.Collateral : _kept(t));
        else skip((seed >> 16) % 1 hours);
        ++done["govern"];
    }

    /// @dev Positions' cash: a loss or a gain of another account, interest that is booked, and what of it is collected.
    function _owe(uint256 seed) private {
        uint256 what = seed % 4;
        // CAST: below 2^64.
        if (what < 2) ledger.changeCash(_debtor, (what == 0 ? int256(1) : -1) * int256((seed >> 8) % 3_000e18));
        else if (what == 2) ledger.chargeInterest(_debtor);
        else if (ledger.collectInterest(account) != 0) ++done["interest"];
        ++done["owe"];
    }

    function _kept(Token storage t) private view returns (ILedger.AssetStanding) {
        return t.asset == WETH && t.eid == SPOKE ? ILedger.AssetStanding.Collateral : ILedger.AssetStanding.Settlement;
    }

    function _standing(Token storage t, ILedger.AssetStanding standing) private {
        ledger.configureAsset(t.eid, t.asset, _config(standing, t.decimals));
    }

    // ---- what must hold

    /// @dev INV-LEDGER-1 and INV-CASH-1, and each part is what the plain count says.
    function check() external view {
        _checkBooks();
        uint256 queuedCash;
        uint256[6] memory reserved;
        uint256[6] memory waiting;
        uint64[6] memory waits;
        uint256[2] memory orders;
        for (uint64 claim = 1; claim <= withdrawals.claimCount(); ++claim) {
            IWithdrawals.Claim memory c = withdrawals.claimOf(claim);
            uint256 i = _tokenOf(c);
            bool queued = c.status == IWithdrawals.Status.Queued;
            if (c.orderSequence != 0) ++orders[c.eid == SPOKE ? 0 : 1];
            if (queued) {
                waiting[i] += c.units;
                ++waits[i];
                if (c.fromCash) queuedCash += c.units * 10 ** (18 - tokens[i].decimals);
            }
            bool aside = c.status == IWithdrawals.Status.Ordered ? !receipted[claim] : queued && !c.fromCash;
            if (aside) reserved[i] += c.units;
        }
        assertEq(ledger.queuedCash(), queuedCash, "queued cash is that of the claims that wait");
        for (uint256 i; i < tokens.length; ++i) {
            Token storage t = tokens[i];
            ILedger.Custody memory c = ledger.custodyOf(t.id);
            (uint128 collateral, uint128 idle) = ledger.balanceOf(account, t.id);
            assertEq(c.custody, t.deposited - t.receipted, "custody = deposited - receipted");
            assertEq(c.reserved, reserved[i], "reserved is that of the claims under way");
            assertEq(c.suspense, t.parked, "suspense is what is parked");
            assertEq(c.balances, uint256(collateral) + idle, "balances are the account's");
            (uint64 claims, uint128 units) = withdrawals.queueOf(t.eid, t.asset);
            assertEq(claims, waits[i], "the queue counts what waits");
            assertEq(units, waiting[i]);
        }
        // INV-RELEASE-1, on the hub's side: one order per claim, and nothing else is in the log.
        assertEq(hubLog.outbox(SPOKE).sequence, orders[0] + voids[SPOKE], "INV-RELEASE-1");
        assertEq(hubLog.outbox(OTHER).sequence, orders[1] + voids[OTHER], "INV-RELEASE-1");
    }

    function _tokenOf(IWithdrawals.Claim memory c) private view returns (uint256 i) {
        while (tokens[i].eid != c.eid || tokens[i].asset != c.asset) ++i;
    }
}

/// @notice What the fuzzer may touch.
contract ExitActor {
    ExitWalk private immutable _walk;

    constructor(ExitWalk walk) {
        _walk = walk;
    }

    function step(uint256 seed) external {
        _walk.step(seed);
    }
}

/// @notice See Withdrawals.invariant.tree.
contract WithdrawalsInvariantTest is Test {
    ExitWalk private walk;

    function setUp() public {
        walk = new ExitWalk();
        walk.setUp();
        targetContract(address(new ExitActor(walk)));
    }

    function invariant_INV_LEDGER_1_INV_CASH_1_INV_RELEASE_1() public view {
        walk.check();
    }

    /// @dev The actor does what it says: a walk that never orders would keep every invariant.
    function test_GivenALongWalk_EveryActionHappens() public {
        uint256 seed = 1;
        for (uint256 i = 0; i < 600; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            walk.step(seed);
            if (i % 20 == 0) walk.check();
        }
        walk.check();
        bytes32[14] memory actions = [
            bytes32("deposit"),
            "park",
            "request",
            "forced",
            "order",
            "cancel",
            "void",
            "flush",
            "receipt",
            "return",
            "retry",
            "govern",
            "owe",
            "interest"
        ];
        for (uint256 i = 0; i < actions.length; ++i) {
            assertGt(walk.done(actions[i]), 0, string(abi.encodePacked(actions[i])));
        }
    }
}
