// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILevy} from "../../src/hub/liquidation/ILevy.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {AuctionSteps} from "./AuctionSteps.sol";

/// @notice Steps of a walk that are about losses: who owes cash, who stakes for others, who pays what is missing.
abstract contract LossSteps is AuctionSteps {
    /// @dev Of stakers; short, so that walks see exits.
    uint40 internal constant EXIT_DELAY = 6 hours;

    // ---- debts

    /// @dev Somebody comes to owe cash that WETH of his secures, and mostly it falls at once.
    function _borrow() internal {
        HubAccount debtor = _next(4) == 0 ? _anyTrader() : _borrower();
        HubAccount other = _anyTrader();
        for (uint256 i; i < 8 && (debtor.owner() == other.owner() || _healthOf(other) <= 0); ++i) other = _anyTrader();
        _publish();
        uint256 weth = _secure(debtor, (LIMIT / 2 + _next(4 * LIMIT)));
        if (debtor.owner() == other.owner() || !_owe(debtor, other, (weth * (0.6e18 + _next(0.25e18))) / 1e18)) return;
        if (_next(3) == 0) return;
        vm.warp(_now() + 1);
        if (spots[1] > 2000e18) spots[1] = marks[1] = uint128((spots[1] * (55 + _next(30))) / 100);
        _publish();
        _start(debtor);
        if (!_isOpen(debtor)) return;
        _bid(debtor);
        if (_next(2) == 0) _spread();
    }

    /// @dev He buys options dear and sells them for nothing, both in one, until he owes as much.
    function _owe(HubAccount debtor, HubAccount other, uint256 debt) private returns (bool) {
        int256 paid = ledger.cashOf(debtor) + int256(debt);
        if (paid <= 0) return false;
        // Nobody pays more than a few times the spot for an option on one.
        uint256 size = (1 + uint256(paid) / 60_000e18) * 1e18;
        IExchange.Fill[] memory fills = new IExchange.Fill[](2);
        uint256 option = _option(_next(3), 1);
        fills[0] = _fillOf(debtor, other, option, uint128(size), uint128((uint256(paid) * 1e18) / size + 1))[0];
        fills[1] = _fillOf(other, debtor, option, uint128(size), 1)[0];
        try exchange.settle(fills, matcher, "") {
            _roundings += 16;
            ++done["debt"];
            return true;
        } catch (bytes memory reason) {
            _refused(reason);
            return false;
        }
    }

    /// @dev Has an account hold WETH worth as much, on both chains together.
    /// @return worth of what it holds
    function _secure(HubAccount account, uint256 least) private returns (uint256 worth) {
        (uint128 here, ) = ledger.balanceOf(account, wethId);
        (uint128 there, ) = ledger.balanceOf(account, otherWethId);
        worth = ((uint256(here) + there) * spots[1]) / 1e18;
        if (worth >= least) return worth;
        uint128 missing = uint128(((least - worth) * 1e18) / spots[1] + 1);
        if (_next(2) == 0) _deposit(account, WETH, missing, true);
        else _depositOther(account, missing);
        return least;
    }

    function _shortfall() internal {
        _publish();
        HubAccount account = _any();
        for (uint256 i; i < accounts.length; ++i)
            if (ledger.cashOf(accounts[i]) < -int256(uint256(LIMIT)) && liquidation.auctionOf(accounts[i]).id == 0)
                account = accounts[i];
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
        HubAccount bidder = _anyTrader();
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

    // ---- the fund and the levy

    /// @dev Stakers come and go; now and then what is missing is made good, else none of them could ever leave.
    function _fund() internal {
        _publish();
        if (_next(8) == 0) return _makeGood();
        HubAccount account = _any();
        for (uint256 i; i < accounts.length; ++i) if (insurance.exitOf(accounts[i]).shares != 0) account = accounts[i];
        if (insurance.exitOf(account).shares != 0) {
            vm.warp(_now() + (_next(3) == 0 ? EXIT_DELAY : 1 hours));
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
            if (!_isOpen(accounts[i])) continue;
            try liquidation.touch(accounts[i], "") {
                if (liquidation.auctionOf(accounts[i]).insolventSince != 0)
                    worst += _riskOf(accounts[i]).maintenanceMargin;
            } catch (bytes memory reason) {
                _refused(reason);
            }
        }
        worst += levy.insolvency();
    }

    /// @dev Whoever is insolvent is topped up, and the fund gets what deficits came to.
    function _makeGood() private {
        for (uint256 i; i < accounts.length; ++i) {
            ILiquidation.Auction memory auction = liquidation.auctionOf(accounts[i]);
            if (auction.insolventSince == 0) continue;
            int256 missing = int256(uint256(auction.reserve)) - _riskOf(accounts[i]).equity;
            if (missing > 0) _deposit(accounts[i], USDC, uint128(uint256(missing) / 1e12 + 1), true);
            liquidation.touch(accounts[i], "");
        }
        _deposit(insurance.account(), USDC, uint128(levy.insolvency() / 1e12 + 1000e6), false);
        for (uint16 market; market <= ETH; ++market) liquidation.cover(market);
        levy.review();
        ++done["made good"];
    }

    /// @dev A levy goes through its life: it is opened, everybody is registered, its window ends, everybody pays.
    function _levy(uint16 market) internal {
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
        }
        assertEq(_total(), total, "INV-LIQ-3: levy");
        _spread();
        if (isOpen) vm.warp(l.until);
    }

    /// @dev What accounts without positions left missing, over all cash.
    function _spread() private {
        int256 total = _total();
        try levy.spread() {
            ++done["spread"];
        } catch (bytes memory reason) {
            _refused(reason);
        }
        assertEq(_total(), total, "INV-LIQ-3: spread");
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
}
