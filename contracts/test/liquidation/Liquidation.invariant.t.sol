// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {IFund} from "../../src/hub/liquidation/IFund.sol";
import {ILevy} from "../../src/hub/liquidation/ILevy.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IShortfalls} from "../../src/hub/liquidation/IShortfalls.sol";
import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {MarketsWorld} from "../hub/MarketsWorld.sol";
import {Walk, WalkActor, WalkTest} from "../hub/Walk.sol";
import {LiquidationWorld} from "./LiquidationWorld.sol";

/// @notice Six accounts that trade with leverage while prices jump; anyone starts, bids, undoes, ends, covers, levies. Each is judged here by the
///         engines and the books, apart from the contracts.
contract LiquidationWalk is Walk, LiquidationWorld {
    /// @dev In 1e-18: a unit of the size of each perpetual at twice what it is worth at first, and some for each position and balance.
    int256 private constant SHARE_ROUNDINGS = 2 * (60_000 + 3000) + 100;
    /// @dev A lot of each of six series, at no more than 60 each.
    int256 private constant LOTS = 360e18;

    /// @dev What a bid may change, in the books.
    struct Books {
        int256 equity;
        int256 margin;
        int256 reserve;
        int256 total;
    }

    function setUp() public override(MarketsWorld, LiquidationWorld) {
        super.setUp();
        bytes4[35] memory expected = [
            ILevy.DeficitTooSmall.selector,
            ILevy.LevyOpen.selector,
            IMargin.LevyPending.selector,
            ILedger.CashBraked.selector,
            IMargin.BelowInitialMargin.selector,
            IMargin.PricesNotFresh.selector,
            IMargin.GainUnrealised.selector,
            IMargin.HealthFell.selector,
            IMargin.OutsideBand.selector,
            IMarkets.IsolatedHoldsOne.selector,
            IMarkets.OpenInterestCap.selector,
            ILedger.CashTooLow.selector,
            ILedger.BalanceTooLow.selector,
            IWithdrawals.LegTooSmall.selector,
            ILiquidation.AuctionOpen.selector,
            ILiquidation.HealthyAccount.selector,
            ILiquidation.PricesUnusable.selector,
            ILiquidation.BidderInvalid.selector,
            ILiquidation.GracePeriod.selector,
            ILiquidation.CoolOff.selector,
            ILiquidation.BidderBelowInitialMargin.selector,
            ILiquidation.UndoInvalid.selector,
            ILiquidation.BelowTarget.selector,
            IShortfalls.DebtWithinLimit.selector,
            IShortfalls.DebtAboveGoal.selector,
            IShortfalls.BelowMaintenance.selector,
            IShortfalls.InLiquidation.selector,
            IShortfalls.BidderInvalid.selector,
            IShortfalls.BidderBelowInitialMargin.selector,
            IShortfalls.CollateralWorthless.selector,
            IShortfalls.TooEarly.selector,
            IShortfalls.ShortfallOpen.selector,
            IShortfalls.PricesUnusable.selector,
            IFund.LossKnown.selector,
            IFund.NoExit.selector
        ];
        for (uint256 i; i < expected.length; ++i) _expect(expected[i]);
    }

    // ---- steps

    function _act() internal override {
        uint256 kind = _next(26);
        if (kind < 6) _trade();
        else if (kind < 9) _move(kind == 8 ? 2500 : 300);
        else if (kind < 12) _startSome();
        else if (kind < 17) _bidSome();
        else if (kind == 17) _undo();
        else if (kind == 18) _endSome();
        else if (kind == 19) _topUp();
        else if (kind == 20) _withdraw();
        else if (kind == 21) _shortfall();
        else if (kind == 22) _fund();
        else if (kind == 23) _others();
        else _levy(_next(2) == 0 ? BTC : ETH);
    }

    /// @dev Time goes on, prices jump by at most `most` / 10,000; mostly they are published.
    function _move(uint256 most) private {
        vm.warp(_now() + 1 + _next(20 minutes));
        for (uint256 i; i < 2; ++i) {
            uint256 around = i == 0 ? 60_000e18 : 3000e18;
            uint256 spot = (spots[i] * (10_000 - most + _next(2 * most + 1))) / 10_000;
            if (spot < around / 2 || spot > around * 2) spot = around;
            spots[i] = marks[i] = uint128(spot);
        }
        if (_next(6) != 0) _publish();
        ++done["move"];
    }

    function _trade() private {
        HubAccount buyer = _any();
        HubAccount seller = _any();
        if (buyer.owner() == seller.owner()) return;
        _publish();
        uint256 kind = _next(5);
        uint256 instrument = kind < 2 ? uint256(BTC) << 8 : uint256(ETH) << 8;
        uint256 size = kind < 2 ? 1 + _next(15e18) : 1 + _next(300e18);
        if (_next(8) == 0) size = 1 + _next(3);
        uint256 price = marks[kind < 2 ? 0 : 1] + _next(1e9);
        if (kind == 4) (instrument, size, price) = (_option(_next(3), 1 + _next(2)), (1 + _next(4000)) * 1e15, 9000e18);
        try exchange.settle(_fillOf(buyer, seller, instrument, uint128(size), uint128(price)), matcher, "") {
            _roundings += 8;
            ++done[kind == 4 ? bytes32("option") : bytes32("trade")];
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }

    function _startSome() private {
        HubAccount account = _any();
        // The first that may be sold, mostly.
        for (uint256 i; i < accounts.length && _next(8) != 0; ++i) {
            if (liquidation.auctionOf(accounts[i]).id != 0 || _healthOf(accounts[i]) >= 0) continue;
            account = accounts[i];
            break;
        }
        if (_next(3) == 0) _publish();
        Risk memory risk = _riskOf(account);
        bool below = risk.equity < int256(risk.maintenanceMargin);
        try liquidation.start(account, "") {
            assertTrue(below, "INV-LIQ-1: started at or above maintenance margin");
            assertLe(uint8(risk.grade), uint8(Grade.Aged), "INV-LIQ-1: at prices that are not usable");
            int256 fee = int256(uint256(liquidation.auctionOf(account).fee));
            assertLe(fee, risk.equity > 0 ? risk.equity : int256(0), "a fee above the equity");
            ++done["start"];
        } catch (bytes memory reason) {
            if (bytes4(reason) == ILiquidation.HealthyAccount.selector) assertFalse(below, "refused below margin");
            _refused(reason);
        }
    }

    function _bidSome() private {
        HubAccount account = accounts[_next(accounts.length)];
        for (uint256 i; i < accounts.length; ++i) if (liquidation.auctionOf(accounts[i]).id != 0) account = accounts[i];
        if (liquidation.auctionOf(account).id == 0) return;
        // Now and then in the same second as the last.
        if (_next(4) != 0) vm.warp(_now() + 1 + _next(_next(3) == 0 ? 2 hours : 60));
        if (_next(4) != 0) _publish();
        HubAccount bidder = _any();
        // Whoever bids has money.
        if (_next(2) == 0) _deposit(bidder, USDC, 300_000e6, true);
        Books memory before = _booksOf(account);
        // All, or any size of share as often as any other.
        uint64 share = _next(2) == 0 ? 1e18 : uint64(1 + _next(10 ** (1 + _next(18))));
        vm.prank(bidder.owner(), bidder.owner());
        try liquidation.bid(ILiquidation.Bid(account, bidder, share, type(int256).max), "") returns (
            uint256 taken,
            int256 price
        ) {
            assertLe(taken, share);
            _judge(account, bidder, before, price);
            _judgeShare(account, before, taken, price);
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }

    /// @dev What is left of what was for sale, or was missing, is its share of it: less only by roundings, more by whole units that stay or go.
    function _judgeShare(HubAccount account, Books memory before, uint256 taken, int256 price) private {
        int256 reserve = before.reserve;
        if (price >= 0) reserve += price;
        else reserve -= -price < reserve ? -price : reserve;
        int256 left = _riskOf(account).equity - reserve;
        int256 expected = ((before.equity - before.reserve) * int256(1e18 - taken)) / 1e18;
        assertGe(left, expected - SHARE_ROUNDINGS, "INV-LIQ-3: less left than the account's share");
        assertLe(left, expected + LOTS, "INV-LIQ-3: more left than whole units make");
        if (taken < 1e12) ++done["dust bid"];
    }

    function _judge(HubAccount account, HubAccount bidder, Books memory before, int256 price) private {
        assertLt(before.equity, before.margin, "INV-LIQ-1: a bid at or above maintenance margin");
        bool solvent = before.equity > before.reserve;
        if (solvent) assertGe(_healthOf(account), before.equity - before.margin, "INV-LIQ-2: health fell");
        assertTrue(solvent == (price >= 0) || price == 0, "a solvent account is paid for");
        Risk memory risk = _riskOf(bidder);
        assertGe(risk.equity, int256(risk.initialMargin), "a bidder below initial margin");
        // Two accounts, two perpetuals each.
        _roundings += 4;
        int256 lost = before.total - _total();
        assertGe(lost, 0, "INV-LIQ-3: value appeared");
        assertLe(lost, 4, "INV-LIQ-3: more lost than what quotes round");
        ++done[solvent ? bytes32("bid") : bytes32("insolvent bid")];
        if (solvent && liquidation.auctionOf(account).id == 0) ++done["restored"];
    }

    /// @dev A jump is signed, somebody is below by it and is started; then prices come that were signed in between, as they were before the jump.
    function _undo() private {
        _publish();
        (uint128[2] memory spots_, uint128[2] memory marks_) = (spots, marks);
        vm.warp(_now() + 1);
        uint256 factor = _next(2) == 0 ? 70 : 140;
        for (uint256 i; i < 2; ++i) spots[i] = marks[i] = uint128((spots_[i] * factor) / 100);
        _publish();
        vm.warp(_now() + 20);
        for (uint256 i; i < accounts.length; ++i) _startAndUndo(accounts[i], spots_, marks_);
        (spots, marks) = (spots_, marks_);
    }

    function _startAndUndo(HubAccount account, uint128[2] memory spots_, uint128[2] memory marks_) private {
        if (liquidation.auctionOf(account).id != 0 || _healthOf(account) >= 0) return;
        int256 cash = ledger.cashOf(account);
        uint256[] memory books = markets.holdingsOf(account);
        try liquidation.start(account, "") {} catch (bytes memory reason) {
            return _refused(reason);
        }
        (spots, marks) = (spots_, marks_);
        uint40 time = _now() - 1;
        IFeeds.Report[] memory reports = _reports();
        bytes memory prices = abi.encode(time, reports, _sign(time, reports, THRESHOLD, 0));
        // What comes in between does not count, and hinders nobody.
        if (_next(3) == 0) _deposit(account, USDC, uint128(1 + _next(30_000e6)), true);
        try liquidation.undo(account, books, prices) {
            Risk memory risk = margin.riskEngineOf(markets.modeOf(account)).riskOf(books);
            assertGe(risk.equity, int256(risk.maintenanceMargin), "undone below maintenance margin");
            assertGe(ledger.cashOf(account), cash - 1, "the fee went back");
            ++done["undo"];
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }

    function _endSome() private {
        _publish();
        for (uint256 i; i < accounts.length; ++i) {
            if (liquidation.auctionOf(accounts[i]).id == 0) continue;
            Risk memory risk = _riskOf(accounts[i]);
            try liquidation.end(accounts[i], "") {
                assertGe(risk.equity, int256((risk.maintenanceMargin * 115) / 100), "ended below its target");
                ++done["end"];
            } catch (bytes memory reason) {
                _refused(reason);
                assertFalse(liquidation.touch(accounts[i], ""), "touch ends what end does not");
            }
        }
    }

    function _topUp() private {
        _deposit(_any(), USDC, uint128(1 + _next(30_000e6)), true);
        _deposit(_any(), WETH, uint128(1 + _next(10e18)), _next(2) == 0);
        ++done["top-up"];
    }

    function _withdraw() private {
        HubAccount account = _any();
        _publish();
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        bool cash = _next(2) == 0;
        legs[0] = IWithdrawals.Leg(
            SPOKE,
            cash ? USDC : WETH,
            cash,
            uint128(1e12 + _next(cash ? 90_000e18 : 5e18)),
            alice
        );
        vm.prank(account.owner(), account.owner());
        try withdrawals.request(account, legs, "") {
            assertGe(_healthOf(account), 0, "value left an account below maintenance margin");
            ++done["withdraw"];
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }

    function _shortfall() private {
        _publish();
        HubAccount account = _any();
        for (uint256 i; i < accounts.length; ++i)
            if (ledger.cashOf(accounts[i]) < -int256(uint256(LIMIT))) account = accounts[i];
        if (shortfalls.shortfallOf(account).id == 0) {
            try shortfalls.start(account, "") {
                assertLt(ledger.cashOf(account), -int256(uint256(LIMIT)));
                ++done["shortfall"];
            } catch (bytes memory reason) {
                return _refused(reason);
            }
        }
        vm.warp(_now() + 1 + _next(10 minutes));
        _publish();
        HubAccount bidder = _any();
        _deposit(bidder, USDC, 100_000e6, true);
        int256 total = _total();
        vm.prank(bidder.owner(), bidder.owner());
        try shortfalls.bid(account, bidder, uint64(1 + _next(1e18)), type(uint256).max, "") {
            assertGe(_healthOf(account), 0, "a shortfall's auction took health");
            assertEq(_total(), total, "INV-LIQ-3");
            ++done["shortfall bid"];
        } catch (bytes memory reason) {
            _refused(reason);
            try shortfalls.end(account, "") {
                ++done["shortfall end"];
            } catch (bytes memory again) {
                _refused(again);
            }
        }
    }

    /// @dev Stakers come and go.
    function _fund() private {
        HubAccount account = _any();
        _publish();
        if (insurance.exitOf(account).shares != 0) {
            vm.warp(_now() + (_next(3) == 0 ? 7 days : 1 hours));
            if (_now() < insurance.exitOf(account).readyAt) return;
            insurance.collectInterest();
            uint256 worst = _worstPayouts();
            uint256 most = insurance.assets() / 1000;
            try insurance.exit(account) {
                assertLe(worst, most, "left before a loss that is known, or that bids may still make");
                ++done["exit"];
            } catch (bytes memory reason) {
                _refused(reason);
            }
            return;
        }
        uint256 shares = insurance.sharesOf(account);
        vm.prank(account.owner(), account.owner());
        if (shares != 0) return insurance.requestExit(account, 1 + _next(shares));
        try insurance.stake(account, uint128(1e18 + _next(10_000e18)), "") {
            ++done["stake"];
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }

    /// @dev What is missing, and the maintenance margins by which the payouts of insolvent accounts may grow; of those that can be looked at now.
    function _worstPayouts() private returns (uint256 worst) {
        for (uint256 i; i < accounts.length; ++i) {
            if (liquidation.auctionOf(accounts[i]).id == 0) continue;
            try liquidation.touch(accounts[i], "") {
                if (liquidation.auctionOf(accounts[i]).insolventSince != 0)
                    worst += _riskOf(accounts[i]).maintenanceMargin;
            } catch (bytes memory reason) {
                _refused(reason);
            }
        }
        worst += levy.insolvency();
    }

    /// @dev A levy goes through its life: it is opened, everybody is registered, its window ends, everybody pays.
    function _levy(uint16 market) private {
        _publish();
        int256 total = _total();
        uint64 id = levy.newestOf(market);
        ILevy.LevyView memory l = levy.levyOf(id);
        bool isOpen = id != 0 && _now() < l.until;
        if (isOpen) {
            for (uint256 i; i < accounts.length; ++i) if (levy.register(id, accounts[i]) != 0) ++done["registered"];
        } else {
            if (id != 0) _settleAll(id);
            try levy.open(market) {} catch (bytes memory reason) {
                _refused(reason);
            }
            try levy.spread() {
                ++done["spread"];
            } catch (bytes memory reason) {
                _refused(reason);
            }
        }
        assertEq(_total(), total, "INV-LIQ-3: levy");
        if (isOpen) vm.warp(l.until);
    }

    function _settleAll(uint64 id) private {
        // As a keeper does: a deficit opens its levy itself.
        if (!levy.levyOf(id).closed) ++done["levy"];
        levy.close(id);
        ILevy.LevyView memory l = levy.levyOf(id);
        if (l.total < l.deficit) ++done["spread of a levy"];
        uint256 covered = l.total < l.deficit ? l.total : l.deficit;
        uint256 paid;
        for (uint256 i; i < accounts.length; ++i) {
            ILevy.Registration memory r = levy.registrationOf(id, accounts[i]);
            if (r.settled || !r.seen) continue;
            uint256 levied = levy.settle(id, accounts[i]);
            assertLe(levied, r.registered, "INV-LIQ-3: more than was registered");
            paid += levied;
            if (levied != 0) ++done["levied"];
        }
        assertLe(paid, covered + accounts.length, "INV-LIQ-3: more than the deficit");
        assertEq(levy.levyOf(id).left, 0, "INV-LIQ-3: left though all have paid");
    }

    /// @dev What needs nobody's leave, and the guardian.
    function _others() private {
        for (uint16 market; market <= ETH; ++market) {
            int256 total = _total();
            if (liquidation.cover(market) != 0) ++done["cover"];
            assertEq(_total(), total, "INV-LIQ-3: cover");
        }
        markets.fund(_next(2) == 0 ? BTC : ETH);
        ledger.chargeInterest(_any());
        uint32 eid = _next(2) == 0 ? HUB : SPOKE;
        routes.declare(eid, routes.isOpen(eid));
        ++done["others"];
        if (routes.isOpen(HUB) || routes.isOpen(SPOKE)) return;
        // Prices fall while nobody can top up.
        _move(2500);
        _startSome();
    }

    // ---- the books

    function _booksOf(HubAccount account) private view returns (Books memory books) {
        Risk memory risk = _riskOf(account);
        (books.equity, books.margin) = (risk.equity, int256(risk.maintenanceMargin));
        books.reserve = int256(uint256(liquidation.auctionOf(account).reserve));
        books.total = _total();
    }

    // ---- what must hold

    function check() external view override {
        _checkCustody(usdcId);
        _checkCustody(wethId);
        int256 escrow = ledger.bookedCashOf(liquidation.escrow());
        int256 fees;
        uint256 insolvent;
        int256[2] memory sizes;
        for (uint256 i; i < accounts.length; ++i) {
            ILiquidation.Auction memory auction = liquidation.auctionOf(accounts[i]);
            fees += int256(uint256(auction.fee));
            if (auction.insolventSince != 0) ++insolvent;
            for (uint16 underlying = BTC; underlying <= ETH; ++underlying)
                sizes[underlying - 1] += markets.sizeOf(accounts[i], uint256(underlying) << 8);
        }
        for (uint16 market; market <= ETH; ++market) {
            int256 deficit = ledger.bookedCashOf(liquidation.deficitAccount(market));
            assertLe(deficit, 0, "a deficit account with cash");
        }
        assertEq(_knownCash(), ledger.totalCash(), "cash of all accounts");
        (uint256 kept, ) = ledger.spreadOf();
        if (kept == 1e27) assertEq(escrow, fees, "escrow holds the fees of open auctions");
        else assertLe(escrow, fees, "but for losses of all cash");
        assertEq(insurance.insolventOpen(), insolvent, "insolvent auctions");
        assertGe(ledger.bookedCashOf(insurance.account()), 0, "the fund owes");
        assertEq(sizes[0], 0, "INV-POS-1");
        assertEq(sizes[1], 0, "INV-POS-1");
        _checkCash(_quotes(), _roundings + accounts.length * 2);
    }
}

contract LiquidationActor is WalkActor {
    constructor(Walk walk) WalkActor(walk) {}
}

/// @notice See Liquidation.invariant.tree.
contract LiquidationInvariantTest is WalkTest {
    function setUp() public {
        walk = new LiquidationWalk();
        walk.setUp();
        targetContract(address(new LiquidationActor(walk)));
    }

    function invariant_INV_LIQ_1_INV_LIQ_2_INV_LIQ_3_INV_CASH_1() public view {
        walk.check();
    }

    /// @dev The actor does what it says: a walk in which nobody is ever liquidated would keep every invariant.
    function test_GivenALongWalk_EveryActionAndRefusalHappens() public {
        _walkLong(11, 3000);
        bytes32[22] memory actions = [
            bytes32("trade"),
            "option",
            "move",
            "start",
            "bid",
            "insolvent bid",
            "dust bid",
            "restored",
            "undo",
            "end",
            "top-up",
            "withdraw",
            "stake",
            "cover",
            "levy",
            "registered",
            "levied",
            "spread of a levy",
            "others",
            bytes32(ILiquidation.HealthyAccount.selector),
            bytes32(ILiquidation.CoolOff.selector),
            bytes32(ILiquidation.GracePeriod.selector)
        ];
        for (uint256 i; i < actions.length; ++i) _assertDone(actions[i]);
    }
}
