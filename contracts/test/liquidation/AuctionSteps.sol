// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Wad} from "../../src/hub/risk/Wad.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationChecks} from "./LiquidationChecks.sol";

/// @notice Steps of a walk through auctions: they are started, bid for, undone, ended.
abstract contract AuctionSteps is LiquidationChecks {
    /// @dev The first that may be sold, mostly.
    function _startSome() internal {
        HubAccount account = _any();
        for (uint256 i; i < accounts.length && _next(8) != 0; ++i) {
            if (_isOpen(accounts[i]) || _healthOf(accounts[i]) >= 0) continue;
            account = accounts[i];
            break;
        }
        if (_next(3) == 0) _publish();
        _start(account);
    }

    function _start(HubAccount account) internal {
        _maybeSheet(account);
        Books memory before = _booksOf(account);
        Risk memory risk = _riskOf(account);
        try liquidation.start(account, "") returns (uint64 id) {
            if (id == 0) _judgeGrace(account, risk);
            else _judgeStart(account, risk, before);
        } catch (bytes memory reason) {
            if (bytes4(reason) == ILiquidation.HealthyAccount.selector)
                assertGe(risk.equity, int256(risk.maintenanceMargin), "refused below maintenance margin");
            _refused(reason);
        }
    }

    /// @dev The last that may be bid for, mostly.
    function _bidSome() internal {
        HubAccount account = _any();
        for (uint256 i; i < accounts.length; ++i)
            if (_isOpen(accounts[i]) && (_healthOf(accounts[i]) < 0 || _next(8) == 0)) account = accounts[i];
        if (_isOpen(account)) _bid(account);
    }

    function _bid(HubAccount account) internal {
        // Now and then in the same second as the last.
        if (_next(4) != 0) vm.warp(_now() + 1 + _next(_next(3) == 0 ? 2 hours : 60));
        if (_next(4) != 0) _publish();
        HubAccount bidder = _anyTrader();
        // Who is in auction himself may not, and under isolated margin there is rarely room.
        for (uint256 i; i < 8 && (_isOpen(bidder) || markets.modeOf(bidder) == IMarkets.Mode.Isolated); ++i)
            bidder = _anyTrader();
        // Whoever bids has money, and takes what is left of it away.
        bool brings = _next(2) == 0 && _riskOf(bidder).equity < 300_000e18;
        if (brings) _deposit(bidder, USDC, 300_000e6, true);
        _maybeSheet(account);
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
            if (bytes4(reason) == ILiquidation.HealthFell.selector) _judgeDust(before, share);
            _refused(reason);
        }
        if (brings) _withdrawFree(bidder);
    }

    /// @dev Where it matters, as often as not.
    function _maybeSheet(HubAccount account) private {
        if (_next(markets.modeOf(account) == IMarkets.Mode.Portfolio ? 2 : 16) == 0) _publishSheet(account);
    }

    function _isOpen(HubAccount account) internal view returns (bool) {
        return liquidation.auctionOf(account).id != 0;
    }

    /// @dev A jump is signed, somebody is below by it and is started; then prices come that were signed in between, as they were before the jump.
    function _undo() internal {
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
        if (_isOpen(account) || _healthOf(account) >= 0) return;
        int256 cash = ledger.cashOf(account);
        uint256[] memory books = markets.holdingsOf(account);
        try liquidation.start(account, "") returns (uint64 id) {
            if (id == 0) return;
        } catch (bytes memory reason) {
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

    function _endSome() internal {
        _publish();
        for (uint256 i; i < accounts.length; ++i) {
            if (!_isOpen(accounts[i])) continue;
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

    /// @dev All that initial margin leaves, or a part; now and then more.
    function _withdrawFree(HubAccount account) internal {
        _publish();
        Risk memory risk = _riskOf(account);
        int256 free = Wad.min(
            ledger.cashOf(account),
            risk.equity - int256(risk.initialMargin) - int256(risk.unrealisedGain)
        );
        if (free < 1e18) return;
        uint256 part = _next(3) == 0 ? _next(1.1e18) : 1e18;
        _withdrawFrom(account, SPOKE, USDC, uint128((uint256(free) * part) / 1e18 + 1e12));
    }

    /// @param asset USDC of cash, WETH of the balance
    function _withdrawFrom(HubAccount account, uint32 eid, uint16 asset, uint128 amount) internal {
        _publish();
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = IWithdrawals.Leg(eid, asset, asset == USDC, amount, alice);
        vm.prank(account.owner(), account.owner());
        try withdrawals.request(account, legs, "") {
            assertGe(_healthOf(account), 0, "value left an account below maintenance margin");
            ++done["withdraw"];
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }
}
