// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Wad} from "../../src/hub/risk/Wad.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {Walk} from "./Walk.sol";

/// @notice What must hold of the hub's markets: after an action of an owner, judged by the engine itself, apart from the contract that let it
///         pass; and at any time.
abstract contract MarketsChecks is Walk {
    uint256 internal constant EXPIRIES = 3;
    uint256 internal constant STRIKES = 3;

    uint128[STRIKES][] internal _strikes;

    function _option(uint256 expiry, uint256 strike, uint256 kind) internal view returns (uint256) {
        return
            (uint256(_strikes[expiry][strike]) << 64) | (uint256(expiries[expiry]) << 24) | (uint256(BTC) << 8) | kind;
    }

    // ---- INV-MARGIN-1

    function _isExposed(HubAccount account) internal view returns (bool) {
        return markets.hasPositions(account) || ledger.cashOf(account) < 0;
    }

    function _judgeTrade(HubAccount account, bool reduced, uint256 turnover, Risk memory before) internal view {
        if (!_isExposed(account)) return;
        Risk memory risk = _riskOf(account);
        if (risk.grade == Grade.Fresh && risk.equity >= int256(risk.initialMargin)) return;
        assertTrue(reduced, "INV-MARGIN-1: below initial margin by what does not only reduce");
        int256 freed = int256(before.maintenanceMargin) - int256(risk.maintenanceMargin);
        // Its own equity alone, and of that no more than its part.
        int256 most =
            before.equity > 0 && freed > 0 ? (before.equity * freed) / int256(before.maintenanceMargin) : int256(0);
        if (risk.grade <= Grade.Aged && before.grade <= Grade.Aged) {
            int256 gained = risk.equity - before.equity;
            assertGe(gained, int256(risk.initialMargin) - int256(before.initialMargin), "INV-MARGIN-1: equity - IM");
            assertGe(
                gained,
                int256(risk.maintenanceMargin) - int256(before.maintenanceMargin),
                "INV-MARGIN-1: equity - MM"
            );
        } else {
            most = Wad.min(most, int256((turnover * REDUCE_BAND) / 1e9));
        }
        assertGe(risk.equity + most + 1e12, before.equity, "INV-MARGIN-1: value left");
    }

    function _judgeLeaving(HubAccount account) internal view {
        if (!_isExposed(account)) return;
        Risk memory risk = _riskOf(account);
        assertEq(uint8(risk.grade), uint8(Grade.Fresh), "INV-MARGIN-1: value left at prices that are not fresh");
        assertGe(
            risk.equity - int256(risk.unrealisedGain),
            int256(risk.initialMargin),
            "INV-MARGIN-1: value left below initial margin"
        );
    }

    // ---- at any time

    function check() external view override {
        _checkLedger();
        _checkPositions();
    }

    /// @dev INV-LEDGER-1 of both assets, INV-CASH-1 in the ledger, and positions hold no more than what left accounts for them.
    function _checkLedger() private view {
        _checkCustody(usdcId);
        _checkCustody(wethId);
        int256 known;
        int256 held;
        for (uint256 i = 0; i < accounts.length; ++i) {
            known += ledger.bookedCashOf(accounts[i]);
            held += _heldByPositions(accounts[i]);
        }
        known += ledger.bookedCashOf(matcher) + ledger.bookedCashOf(fund);
        assertEq(known, ledger.totalCash(), "cash of all accounts");
        _checkCash(held, _roundings + accounts.length * (2 + EXPIRIES));
    }

    /// @dev Quotes now, and what options of expiries with a final price are worth: before a price is known longs and shorts cancel.
    function _heldByPositions(HubAccount account) private view returns (int256 held) {
        for (uint16 underlying = BTC; underlying <= ETH; ++underlying) {
            (, int256 quote) = markets.positionOf(account, underlying);
            held += quote;
        }
        for (uint256 e = 0; e < expiries.length; ++e) {
            (uint128 price, , bool isFinal) = _feeds.settlement(BTC, expiries[e]);
            if (!isFinal) continue;
            int256 sum;
            for (uint256 s = 0; s < STRIKES; ++s) {
                int256 gain = int256(uint256(price)) - int256(uint256(_strikes[e][s]));
                sum += markets.sizeOf(account, _option(e, s, 1)) * Wad.max(gain, 0);
                sum += markets.sizeOf(account, _option(e, s, 2)) * Wad.max(-gain, 0);
            }
            held += Wad.floorDiv(sum, 1e18);
        }
    }

    /// @dev INV-POS-1, and what is said to be open is what is held long.
    function _checkPositions() private view {
        uint256 options;
        for (uint256 e = 0; e < expiries.length; ++e) {
            for (uint256 s = 0; s < 2 * STRIKES; ++s) {
                uint256 instrument = _option(e, s / 2, 1 + (s % 2));
                (int256 all, uint256 long) = _sizes(instrument);
                // Some are settled: longs and shorts do not cancel until all are.
                (, , bool isFinal) = _feeds.settlement(BTC, expiries[e]);
                if (!isFinal) assertEq(all, 0, "INV-POS-1");
                options += long;
            }
        }
        for (uint16 underlying = BTC; underlying <= ETH; ++underlying) {
            (int256 all, uint256 long) = _sizes(uint256(underlying) << 8);
            assertEq(all, 0, "INV-POS-1");
            (uint256 perpetual, uint256 lots) = markets.openInterestOf(underlying);
            assertEq(perpetual, long, "open interest");
            assertEq(lots * 1e15, underlying == BTC ? options : 0, "open lots");
        }
    }

    function _sizes(uint256 instrument) private view returns (int256 all, uint256 long) {
        for (uint256 i = 0; i < accounts.length; ++i) {
            int256 size = markets.sizeOf(accounts[i], instrument);
            all += size;
            if (size > 0) long += uint256(size);
        }
    }
}
