// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Vm} from "forge-std/Vm.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {ILevy} from "../../src/hub/liquidation/ILevy.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationWorld} from "./LiquidationWorld.sol";

/// @notice See Waterfall.tree. One loss from its auction to the last unit of cash, through the contracts that bear it: the loser's equity, the
///         fund, those who gained, all cash. The loser is long 15 BTC at 60,000 with 65,000 of equity, against two who are short 10 and 5; the
///         fund holds 30,000.
contract WaterfallTest is LiquidationWorld {
    uint256 private constant BTC_PERP = uint256(BTC) << 8;

    HubAccount private loser;
    HubAccount private holder;
    HubAccount private winner;
    HubAccount private second;
    HubAccount private bidder;
    /// @dev What all of it was worth when the first auction began.
    int256 private total;
    /// @dev Trades and slices: each may take 4e-18 out of what positions hold.
    uint256 private moves;

    function setUp() public override {
        super.setUp();
        (loser, holder, winner, bidder, second) = (accounts[0], accounts[1], accounts[2], accounts[3], accounts[4]);
        _deposit(bidder, USDC, 500_000e6, true);
        _trade(loser, winner, 10e18, 60_000e18);
        _trade(loser, second, 5e18, 60_000e18);
        total = _total();
    }

    // ---- the whole way

    function test_GivenALossBeyondEquityFundAndGains_EachBearsItsPartAndNothingIsLost() public {
        _fall(46_000e18);
        // Some gains are taken home before anybody knows of a loss: 14,000 for each of the two BTC left are none.
        _trade(winner, holder, 9e18, 46_000e18);
        _trade(second, holder, 4e18, 46_000e18);
        // 15 · 14,000 lost, 65,000 there.
        int256 missing = -_riskOf(loser).equity;
        assertApproxEqAbs(missing, 145_000e18, 1e18, "but for interest");
        liquidation.start(loser, "");
        _check();
        assertTrue(ledger.isBraked(), "more is missing than the fund has");

        // The loser's own equity and the fund.
        uint256 payout = uint256(-_take(20 minutes));
        assertGt(payout, uint256(missing), "a part of the maintenance margin on top");
        assertEq(insurance.assets(), 0);
        assertEq(liquidation.auctionOf(loser).id, 0);
        assertEq(insurance.insolventOpen(), 0);
        uint256 deficit = uint256(-ledger.cashOf(liquidation.deficitAccount(BTC)));
        assertEq(deficit, payout - 30_000e18, "what the fund had not");
        assertEq(levy.insolvency(), deficit);
        assertTrue(ledger.isBraked());

        // Those who gained; what they close from now on is their gain still.
        uint64 id = levy.newestOf(BTC);
        _trade(winner, holder, 1e18, 46_000e18);
        assertApproxEqRel(levy.levyOf(id).deficit, deficit, 1e12);
        for (uint256 i; i < accounts.length; ++i) levy.register(id, accounts[i]);
        _check();
        uint256 gains = levy.levyOf(id).total;
        assertApproxEqRel(gains, 28_000e18, 2e14, "but for funding");

        // All cash.
        vm.warp(_now() + 15 minutes);
        int256 held = ledger.cashOf(holder);
        levy.close(id);
        _check();
        (uint256 kept, int256 due) = ledger.spreadOf();
        assertEq(uint256(due), levy.levyOf(id).deficit - gains);
        assertEq(ledger.cashOf(holder), (held * int256(kept)) / 1e27, "in proportion to cash");
        assertFalse(ledger.isBraked(), "nothing is missing that nobody pays");
        uint256 paid = levy.settle(id, winner) + levy.settle(id, second);
        // The holder has gained some funding since he took positions over.
        assertEq(paid + levy.settle(id, holder), gains, "all of what they gained");
        _check();
        assertApproxEqAbs(ledger.cashOf(liquidation.deficitAccount(BTC)), 0, 1e18, "but for interest");
        _chargeAll();
        (, due) = ledger.spreadOf();
        assertLe(due, 0, "all of it was charged");
        assertGe(due, -20, "and no more than roundings");
    }

    // ---- receipts

    function test_GivenALoss_WhoeverIsHitCanCountItAgainFromReceipts() public {
        _fall(46_000e18);
        _trade(winner, holder, 9e18, 46_000e18);
        _trade(second, holder, 4e18, 46_000e18);
        liquidation.start(loser, "");
        vm.recordLogs();
        int256 price = _take(20 minutes);
        uint64 id = levy.newestOf(BTC);
        for (uint256 i; i < accounts.length; ++i) levy.register(id, accounts[i]);
        vm.warp(_now() + 15 minutes);
        uint256 held = uint256(ledger.bookedCashOf(holder));
        levy.close(id);
        levy.settle(id, winner);
        ledger.chargeInterest(holder);
        Vm.Log[] memory logs = vm.getRecordedLogs();

        _checkPayout(logs, uint256(-price));
        uint256 rest = _checkLevy(logs, id);
        _checkSpread(logs, rest, held);
    }

    function _checkPayout(Vm.Log[] memory logs, uint256 payout) private pure {
        bytes memory data = _receipt(logs, ILiquidation.InsolventPaid.selector, bytes32(uint256(1)), 1);
        (uint256 own, uint256 paid, uint256 deficit) = abi.decode(data, (uint256, uint256, uint256));
        assertEq(own + paid + deficit, payout, "who paid the bidder");
    }

    /// @dev What the winner paid, from what was registered of him and the two sums.
    function _checkLevy(Vm.Log[] memory logs, uint64 id) private view returns (uint256 rest) {
        bytes memory data = _receipt(logs, ILevy.LevyClosed.selector, bytes32(uint256(id)), 1);
        uint256 missing;
        uint256 gains;
        (missing, gains, rest) = abi.decode(data, (uint256, uint256, uint256));
        assertEq(rest, missing - gains, "what gains do not cover");
        data = _receipt(logs, ILevy.Registered.selector, HubAccount.unwrap(winner), 2);
        (uint256 profit, int256 equity, uint256 maintenance, uint256 registered) = abi.decode(
            data,
            (uint256, int256, uint256, uint256)
        );
        assertEq(registered, profit, "the gain");
        assertGt(equity - int256(maintenance), int256(profit), "which is less than what stands above margin");
        data = _receipt(logs, ILevy.LevyPaid.selector, HubAccount.unwrap(winner), 2);
        (uint256 again, uint256 levied, ) = abi.decode(data, (uint256, uint256, uint256));
        assertEq(again, registered);
        assertEq(levied, registered, "all of it: gains do not cover the deficit");
    }

    /// @dev What the holder lost, from his cash before and the index.
    function _checkSpread(Vm.Log[] memory logs, uint256 rest, uint256 held) private view {
        bytes32 debtor = HubAccount.unwrap(liquidation.deficitAccount(BTC));
        bytes memory data = _receipt(logs, ILedger.LossSpread.selector, debtor, 1);
        (uint256 spread, uint256 kept) = abi.decode(data, (uint256, uint256));
        assertEq(spread, rest);
        data = _receipt(logs, ILedger.LossCharged.selector, HubAccount.unwrap(holder), 1);
        assertEq(abi.decode(data, (uint256)), held - (held * kept) / 1e27, "by the index");
    }

    // ---- any loss

    /// @dev Whatever falls how far, whatever fund and bids there are, whoever takes gains home first, in whatever order they pay: what the bidders
    ///      got beyond what the loser had is what fund, gains and all cash lost, to the unit.
    function test_GivenAnyFallFundBidsAndOrder_ValueIsConservedAtEveryStep(
        uint256 price,
        uint64 cash,
        uint64 share,
        uint256 home,
        uint256 order
    ) public {
        price = bound(price, 40_000e18, 55_500e18);
        _deposit(insurance.account(), USDC, uint128(bound(cash, 1, 200_000e6)), false);
        total = _total();
        _fall(uint128(price));
        int256 equity = _riskOf(loser).equity;
        if (equity >= int256(_riskOf(loser).maintenanceMargin)) return;
        // The gains of some are cash before anybody knows of a loss.
        if (home % 3 != 0) _trade(winner, holder, uint128(bound(home, 1e15, 10e18)), uint128(price));
        if (home % 5 != 0) _trade(second, holder, uint128(bound(home >> 8, 1e15, 5e18)), uint128(price));
        liquidation.start(loser, "");
        _check();
        for (uint256 i; i < 8 && liquidation.auctionOf(loser).id != 0; ++i) _takeShare(share, 7 minutes);
        if (liquidation.auctionOf(loser).id != 0) _takeShare(1e18, 7 minutes);
        if (ledger.cashOf(liquidation.deficitAccount(BTC)) > -1e18) return;
        // A deficit of many bids takes many levies, one window at a time.
        if (levy.newestOf(BTC) == 0) levy.open(BTC);
        do _levyAll(levy.newestOf(BTC), order); while (_opensNext());
        assertApproxEqAbs(ledger.cashOf(liquidation.deficitAccount(BTC)), 0, 1e18, "covered, but for interest");
        assertFalse(ledger.isBraked());
        _chargeAll();
        (, int256 due) = ledger.spreadOf();
        assertLe(due, 0, "all of the loss was charged");
        assertGe(due, -20, "and no more than roundings");
    }

    /// @dev A whole levy, everybody registered and paid in some order.
    function _levyAll(uint64 id, uint256 order) private {
        if (_now() < levy.levyOf(id).until)
            for (uint256 i; i < accounts.length; ++i) levy.register(id, accounts[((order % 6) + i) % 6]);
        _check();
        uint256 until = levy.levyOf(id).until;
        if (_now() < until) vm.warp(until);
        levy.close(id);
        _check();
        uint256 paid;
        for (uint256 i; i < accounts.length; ++i) {
            HubAccount account = accounts[(((order >> 8) % 6) + 5 * i) % 6];
            if (levy.registrationOf(id, account).seen) paid += levy.settle(id, account);
        }
        _check();
        ILevy.LevyView memory l = levy.levyOf(id);
        uint256 covered = l.total < l.deficit ? l.total : l.deficit;
        assertGe(paid, covered);
        assertLe(paid, covered + accounts.length, "never more than the deficit, but for roundings");
        assertEq(l.left, 0);
    }

    function _opensNext() private returns (bool) {
        _publish();
        try levy.open(BTC) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev Data of the one event of this kind about this value.
    function _receipt(
        Vm.Log[] memory logs,
        bytes32 kind,
        bytes32 value,
        uint256 topic
    ) private pure returns (bytes memory data) {
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != kind || logs[i].topics[topic] != value) continue;
            assertEq(data.length, 0, "told twice");
            data = logs[i].data;
        }
        assertGt(data.length, 0, "no receipt");
    }

    // ---- steps

    function _trade(HubAccount buyer, HubAccount seller, uint128 size, uint128 price) private {
        _publish();
        exchange.settle(_fillOf(buyer, seller, BTC_PERP, size, price), matcher, "");
        ++moves;
        if (total != 0) _check();
    }

    function _fall(uint128 price) private {
        vm.warp(_now() + 1);
        (spots[0], marks[0]) = (price, price);
        _publish();
    }

    /// @dev Takes all there is, so long after the start.
    function _take(uint256 wait) private returns (int256 price) {
        return _takeShare(1e18, wait);
    }

    function _takeShare(uint64 share, uint256 wait) private returns (int256 price) {
        vm.warp(_now() + wait);
        _publish();
        vm.prank(bidder.owner(), bidder.owner());
        (, price) = liquidation.bid(
            ILiquidation.Bid(loser, bidder, uint64(bound(share, 1e15, 1e18)), type(int256).max),
            ""
        );
        ++moves;
        _check();
    }

    function _chargeAll() private {
        for (uint256 i; i < accounts.length; ++i) ledger.chargeInterest(accounts[i]);
        HubAccount[5] memory others = [
            matcher,
            fund,
            insurance.account(),
            liquidation.escrow(),
            liquidation.deficitAccount(BTC)
        ];
        for (uint256 i; i < others.length; ++i) ledger.chargeInterest(others[i]);
        _check();
    }

    // ---- the books

    /// @dev INV-LIQ-3 and INV-CASH-1.
    function _check() private view {
        assertEq(_knownCash(), ledger.totalCash(), "cash of all accounts");
        int256 lost = total - _total();
        assertGe(lost, 0, "INV-LIQ-3: value appeared");
        assertLe(lost, int256(4 * moves), "INV-LIQ-3: more lost than what quotes round");
        _checkCash(_quotes(), 4 * moves);
    }
}
