// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Black76} from "../../math/Black76.sol";
import {Haircuts, Requirement} from "./Haircuts.sol";
import {Wad} from "./Wad.sol";

/// @title Closed forms of isolated and cross margin
/// @notice Pure: prices and positions in, margins out. Money in wads of settlement cash, every rounding against the account. The shape is
/// that of the published standard margins of Deribit and Derive, tiers marginal by notional. Twin, bit for bit:
/// shared/src/risk/standard.ts, evaluate.ts and profile.ts; vectors: shared/vectors/risk/standard.json.
library StandardMargin {
    /// @notice Rates of the part of a notional from `from` up to the next tier; wads.
    struct Tier {
        int256 from;
        int256 initial;
        int256 maintenance;
    }

    /// @notice Short options, as shares of spot; see StandardParameters in shared/src/risk/parameters.ts. Wads.
    struct OptionRates {
        int256 initialMax;
        int256 initialMin;
        int256 maintenance;
        int256 putMaintenanceOfMark;
        int256 unpairedInitial;
        int256 unpairedMaintenance;
    }

    struct Rules {
        bool isIsolated;
        Tier[] perpetual;
        OptionRates option;
        Haircuts.Tier[][] haircuts;
    }

    /// @notice `mark` is filled in by `evaluate`: value of the whole position. sigma is a wad.
    struct Option {
        bool isCall;
        int256 strike;
        int256 size;
        int256 sigma;
        int256 mark;
    }

    /// @notice time in years and discount are Q64.
    struct Expiry {
        int256 forward;
        uint256 time;
        uint256 discount;
        Option[] options;
    }

    /// @notice Open interest (notional): initial rates rise to 1 as it goes from lower to upper; upper <= lower: they do not.
    struct OpenInterest {
        int256 current;
        int256 lower;
        int256 upper;
    }

    struct Underlying {
        int256 spot;
        int256 perpetualSize;
        int256 perpetualMark;
        int256 perpetualProfit;
        OpenInterest openInterest;
        Expiry[] expiries;
    }

    /// @notice The account's own wish beyond the rules, wads: initialFactor from 1; maxLeverage 0 = none. Neither can loosen.
    struct Profile {
        int256 initialFactor;
        int256 maxLeverage;
    }

    struct Portfolio {
        int256 cash;
        Haircuts.Lot[] collateral;
        Underlying[] underlyings;
        Profile profile;
    }

    struct Result {
        int256 equity;
        int256 initialMargin;
        int256 maintenanceMargin;
        int256 unrealisedGain;
    }

    /// @notice What underlyings come to, as far as they were added.
    /// @param haircut     initial margin of collateral alone
    /// @param initial     with it
    /// @param maintenance with collateral's
    struct Tally {
        int256 haircut;
        int256 initial;
        int256 maintenance;
        int256 profits;
        int256 marks;
        int256 notional;
    }

    /// @param table Pointer from Normal.load.
    function evaluate(
        uint256 table,
        Portfolio memory portfolio,
        Rules memory rules
    ) internal pure returns (Result memory) {
        int256 collateral;
        for (uint256 i = 0; i < portfolio.collateral.length; ++i) collateral += portfolio.collateral[i].value;
        Requirement memory haircuts = Haircuts.sum(portfolio.collateral, rules.haircuts);
        Tally memory tally;
        (tally.haircut, tally.initial, tally.maintenance) = (haircuts.initial, haircuts.initial, haircuts.maintenance);
        for (uint256 i = 0; i < portfolio.underlyings.length; ++i) {
            Underlying memory underlying = portfolio.underlyings[i];
            tally.profits += underlying.perpetualProfit;
            if (underlying.perpetualSize != 0)
                addPerpetual(
                    tally,
                    rules.perpetual,
                    notionalOf(underlying.perpetualSize, underlying.perpetualMark),
                    crowding(underlying.openInterest)
                );
            addOptions(tally, table, rules, underlying.spot, underlying.expiries);
        }
        return finish(tally, portfolio.cash + collateral, portfolio.profile);
    }

    /// @notice What a perpetual comes to at its mark, without regard to its side.
    function notionalOf(int256 size, int256 mark) internal pure returns (int256) {
        return _up(Wad.abs(size), mark);
    }

    /// @notice Requirement of a perpetual under size tiers: each tier's rate applies to the part of the notional within it, which is what
    /// a whole-size rate less a continuous deduction comes to. Open interest scales the initial rates.
    /// @param tiers   of those beyond the notional none is needed
    /// @param crowded crowding
    function addPerpetual(Tally memory tally, Tier[] memory tiers, int256 notional, int256 crowded) internal pure {
        // Sizes are below 2^104, marks below 2^101, rates at most 1: every product is below 2^206.
        unchecked {
            (int256 initial, int256 maintenance) = (tally.initial, tally.maintenance);
            uint256 count = tiers.length;
            for (uint256 i = 0; i < count; ++i) {
                Tier memory tier = tiers[i];
                int256 part = notional;
                if (i + 1 < count) part = Wad.min(part, tiers[i + 1].from);
                part -= tier.from;
                if (part <= 0) continue;
                int256 rate = tier.initial;
                if (crowded != 0) rate += _up(Wad.ONE - rate, crowded);
                initial += _up(part, Wad.min(Wad.ONE, rate));
                maintenance += _up(part, tier.maintenance);
            }
            (tally.initial, tally.maintenance) = (initial, maintenance);
            tally.notional += notional;
        }
    }

    /// @notice Marks and requirements of an underlying's options.
    /// @param table not read if there are none
    function addOptions(
        Tally memory tally,
        uint256 table,
        Rules memory rules,
        int256 spot,
        Expiry[] memory expiries
    ) internal pure {
        unchecked {
            // Sums of products that fit.
            int256 contracts;
            for (uint256 i = 0; i < expiries.length; ++i) {
                (int256 value, int256 size) = _mark(table, expiries[i]);
                Requirement memory charge = _expiry(rules, spot, expiries[i], value);
                contracts += size;
                tally.marks += value;
                tally.initial += charge.initial;
                tally.maintenance += charge.maintenance;
            }
            if (contracts != 0) tally.notional += Wad.mulUp(contracts, spot);
        }
    }

    /// @notice What all that was added comes to.
    /// @param worth   cash and collateral
    /// @param profile the account's
    function finish(
        Tally memory tally,
        int256 worth,
        Profile memory profile
    ) internal pure returns (Result memory result) {
        unchecked {
            (int256 haircut, int256 profits, int256 marks) = (tally.haircut, tally.profits, tally.marks);
            result.equity = worth + profits + marks;
            result.maintenanceMargin = tally.maintenance;
            result.initialMargin = _tightened(
                profile,
                Wad.max(tally.initial, tally.maintenance),
                haircut,
                tally.notional
            );
            // What positions may lose includes their gains: margin that holds a gain back already does not hold it back twice.
            result.unrealisedGain = Wad.max(
                0,
                haircut + Wad.max(0, profits) + Wad.max(0, marks) - result.initialMargin
            );
        }
    }

    /// @dev Wad.mulUp of what is known to fit.
    function _up(int256 a, int256 b) private pure returns (int256) {
        unchecked {
            return -Wad.floorDiv(-a * b, Wad.ONE);
        }
    }

    /// @notice How far open interest has gone from its lower to its upper bound, 0 ... 1 (wad).
    function crowding(OpenInterest memory interest) internal pure returns (int256) {
        if (interest.upper <= interest.lower) return 0;
        int256 share = Wad.floorDiv((interest.current - interest.lower) * Wad.ONE, interest.upper - interest.lower);
        return Wad.max(0, Wad.min(share, Wad.ONE));
    }

    /// @dev Marks every option of an expiry.
    /// @return value Sum of the marks.
    /// @return contracts Sum of the sizes without their signs.
    function _mark(uint256 table, Expiry memory expiry) private pure returns (int256 value, int256 contracts) {
        for (uint256 i = 0; i < expiry.options.length; ++i) {
            Option memory option = expiry.options[i];
            if (option.size == 0) continue;
            // CAST: prices are positive and below 2^128.
            uint256 price = Black76.price(
                table,
                Black76.Terms({
                    forward: uint128(uint256(expiry.forward)),
                    strike: uint128(uint256(option.strike)),
                    sigma: (uint256(option.sigma) << 64) / 1e18,
                    time: expiry.time,
                    discount: expiry.discount,
                    isCall: option.isCall
                })
            );
            option.mark = Wad.mulDown(option.size, int256(price));
            value += option.mark;
            contracts += Wad.abs(option.size);
        }
    }

    /// @dev Under cross margin the sum of the options by themselves, or the greatest loss of the expiry if that is less.
    function _expiry(
        Rules memory rules,
        int256 spot,
        Expiry memory expiry,
        int256 value
    ) private pure returns (Requirement memory charge) {
        int256 netCalls;
        for (uint256 i = 0; i < expiry.options.length; ++i) {
            Option memory option = expiry.options[i];
            _add(charge, _option(rules.option, spot, option));
            if (option.isCall) netCalls += option.size;
        }
        if (rules.isIsolated) return charge;
        int256 unpaired = Wad.mulUp(Wad.max(0, -netCalls), expiry.forward);
        int256 loss = Wad.max(0, value - _leastPayoff(expiry.options));
        charge.initial = Wad.min(charge.initial, loss + Wad.mulUp(unpaired, rules.option.unpairedInitial));
        charge.maintenance = Wad.min(charge.maintenance, loss + Wad.mulUp(unpaired, rules.option.unpairedMaintenance));
    }

    /// @dev A long option asks for its mark: it is worth nothing as margin and can lose no more. A short one asks for a share of spot,
    /// less for being out of the money.
    function _option(
        OptionRates memory rates,
        int256 spot,
        Option memory option
    ) private pure returns (Requirement memory charge) {
        if (option.size >= 0) return Requirement({initial: option.mark, maintenance: option.mark});
        int256 contracts = -option.size;
        int256 outOfMoney = Wad.max(0, option.isCall ? option.strike - spot : spot - option.strike);
        int256 share = Wad.max(rates.initialMax - Wad.floorDiv(outOfMoney * Wad.ONE, spot), rates.initialMin);
        charge.maintenance = Wad.mulUp(contracts, Wad.mulUp(rates.maintenance, spot));
        if (!option.isCall) {
            charge.maintenance = Wad.max(charge.maintenance, Wad.mulUp(rates.putMaintenanceOfMark, -option.mark));
        }
        charge.initial = Wad.max(Wad.mulUp(contracts, Wad.mulUp(share, spot)), charge.maintenance);
    }

    /// @dev The smallest payoff over all settlement prices, rounded down; unbounded short calls are charged apart. It is at 0 or at a
    /// strike: a sweep over the strikes in order keeps the value and the slope of the payoff, exactly (in wads squared).
    function _leastPayoff(Option[] memory options) private pure returns (int256) {
        Option[] memory sorted = _byStrike(options);
        int256 payoff;
        int256 slope;
        for (uint256 i = 0; i < sorted.length; ++i) {
            if (sorted[i].isCall) continue;
            payoff += sorted[i].size * sorted[i].strike;
            slope -= sorted[i].size;
        }
        int256 least = Wad.min(0, payoff);
        int256 at;
        for (uint256 i = 0; i < sorted.length; ++i) {
            Option memory option = sorted[i];
            payoff += slope * (option.strike - at);
            at = option.strike;
            // A call begins to pay here, a put ends: either way the slope rises by the size.
            slope += option.size;
            least = Wad.min(least, payoff);
        }
        return Wad.floorDiv(least, Wad.ONE);
    }

    /// @dev Insertion sort of the references: a listing is in order already as a rule, so this is one pass.
    function _byStrike(Option[] memory options) private pure returns (Option[] memory sorted) {
        sorted = new Option[](options.length);
        for (uint256 i = 0; i < options.length; ++i) {
            uint256 j = i;
            for (; j > 0 && sorted[j - 1].strike > options[i].strike; --j) sorted[j] = sorted[j - 1];
            sorted[j] = options[i];
        }
    }

    /// @dev Initial margin under the profile: multiplied, and at least what the leverage cap asks for beside the haircuts; never below
    /// the rules'.
    function _tightened(
        Profile memory profile,
        int256 initial,
        int256 haircut,
        int256 notional
    ) private pure returns (int256 tightened) {
        tightened =
            profile.initialFactor > Wad.ONE ? Wad.max(initial, Wad.mulUp(initial, profile.initialFactor)) : initial;
        if (profile.maxLeverage == 0) return tightened;
        int256 byLeverage = haircut + (notional * Wad.ONE + profile.maxLeverage - 1) / profile.maxLeverage;
        tightened = Wad.max(tightened, byLeverage);
    }

    function _add(Requirement memory sum, Requirement memory more) private pure {
        sum.initial += more.initial;
        sum.maintenance += more.maintenance;
    }
}
