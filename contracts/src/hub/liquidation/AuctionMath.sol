// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Wad} from "../risk/Wad.sol";

/// @notice Governed numbers of every auction. Shares and rates are 18 decimals, money is settlement cash with 18 decimals, times are seconds.
/// @param fastFrom         part of the equity on sale that a bidder pays at first, at most 1
/// @param fastTo           the same when the fast leg ends, at most fastFrom
/// @param buffer           what an account must have above maintenance margin before its auction ends, of that margin
/// @param feeLeast         start fee at no breach, of the equity that will be sold
/// @param feeMost          the same from feeFullBreach on, at least feeLeast, below 1
/// @param feeFullBreach    part of maintenance margin that is missing, above 0
/// @param stepShare        most of an account that bids take at once in steps, above 0
/// @param fastSeconds      length of the fast leg, above 0
/// @param slowSeconds      from fastTo to nothing, above 0
/// @param resumeSeconds    an auction started again this soon after its end goes on at the discount it had
/// @param insolventSeconds until the payout has grown by a whole maintenance margin, above 0
/// @param coolOff          until a whole step may be taken again; it refills evenly
/// @param smallMargin      an account with less maintenance margin may be sold whole
/// @param largeMargin      an account with as much or more is sold in steps
struct AuctionTerms {
    uint64 fastFrom;
    uint64 fastTo;
    uint64 buffer;
    uint64 feeLeast;
    uint64 feeMost;
    uint64 feeFullBreach;
    uint64 stepShare;
    uint32 fastSeconds;
    uint32 slowSeconds;
    uint32 resumeSeconds;
    uint32 insolventSeconds;
    uint32 coolOff;
    uint128 smallMargin;
    uint128 largeMargin;
}

/// @notice What an auction reads of an account.
/// @param equity  before any haircut
/// @param margin  maintenance margin, not negative
/// @param reserve cash that bids paid in during this auction; not for sale; not negative
struct Health {
    int256 equity;
    int256 margin;
    int256 reserve;
}

/// @title Arithmetic of liquidation auctions
/// @notice Twin of shared/src/liquidation/auction.ts, bit for bit. Every rounding is against the bidder, or against the account where the fund is
///         the other side.
/// @dev Money is below 2^127 (an engine's values are), shares and rates at most 2^64: no product here passes 2^255.
library AuctionMath {
    int256 internal constant ONE = 1e18;
    uint256 private constant STEP_UNIT = 1e9;

    /// @notice What an account needs for its auction to end: (1 + buffer) · margin, rounded up.
    function target(AuctionTerms memory terms, int256 margin) internal pure returns (int256) {
        return Wad.mulUp(margin, ONE + int256(uint256(terms.buffer)));
    }

    /// @notice Which leg an account is in: solvent while something of value is for sale.
    function isSolvent(Health memory health) internal pure returns (bool) {
        return health.equity > health.reserve;
    }

    /// @notice Part of the equity on sale that a bidder pays after `age` seconds; linear in two legs, rounded up, never rises with age.
    function discountAt(AuctionTerms memory terms, uint256 age) internal pure returns (int256) {
        uint256 from = terms.fastFrom;
        uint256 to = terms.fastTo;
        // CAST: both results are at most fastFrom, below 2^64.
        if (age < terms.fastSeconds) return int256(from - ((from - to) * age) / terms.fastSeconds);
        uint256 late = age - terms.fastSeconds;
        return late < terms.slowSeconds ? int256(to - (to * late) / terms.slowSeconds) : int256(0);
    }

    /// @notice Age at which an auction starts: where the last one of that account stood, if it ended lately, else 0.
    function resumedAge(AuctionTerms memory terms, uint256 lastAge, uint256 sinceEnd) internal pure returns (uint256) {
        return sinceEnd <= terms.resumeSeconds ? lastAge : 0;
    }

    /// @notice Cash that a share of a solvent account costs: share · (equity − reserve) · discount, rounded up once.
    function bidPrice(Health memory health, int256 share, int256 discount) internal pure returns (int256) {
        return _ceilDiv(share * (health.equity - health.reserve) * discount, ONE * ONE);
    }

    /// @notice The share of a solvent account after whose sale it stands at its target T: (T − E) / (T − (E − R)(1 − d)), rounded up.
    /// @dev From E' = E − s(E − R)(1 − d) and T' = (1 − s)T. T > E ≥ (E − R)(1 − d), so the divisor is above 0.
    /// @return 0 if it stands there already, at most 1
    function maxFraction(
        AuctionTerms memory terms,
        Health memory health,
        int256 discount
    ) internal pure returns (int256) {
        int256 goal = target(terms, health.margin);
        if (health.equity >= goal) return 0;
        int256 given = health.equity - health.reserve - bidPrice(health, ONE, discount);
        return Wad.min(ONE, _ceilDiv((goal - health.equity) * ONE, goal - given));
    }

    /// @notice What bids in steps may take now: a step refills evenly within `coolOff`, whoever took how much of it. Many small bids take no more
    ///         than a large one, and none keeps others from what it leaves.
    /// @param taken  of a step as of the last bid, 1e-9
    /// @param passed since that bid, seconds
    /// @return left at most stepShare; rounded down
    function stepLeft(AuctionTerms memory terms, uint256 taken, uint256 passed) internal pure returns (int256 left) {
        uint256 step = terms.stepShare;
        if (passed >= terms.coolOff) return int256(step);
        taken *= STEP_UNIT;
        uint256 free = (taken < step ? step - taken : 0) + (step * passed) / terms.coolOff;
        // CAST: at most twice 2^64.
        return int256(free < step ? free : step);
    }

    /// @notice What is taken of a step once a bid has taken `share` while `left` was left: 1e-9, rounded up, at most what 32 bits hold.
    function stepTaken(AuctionTerms memory terms, int256 left, int256 share) internal pure returns (uint32) {
        // CAST: left is at most stepShare, shares are not negative.
        uint256 taken = uint256(int256(uint256(terms.stepShare)) - left + share);
        taken = (taken + STEP_UNIT - 1) / STEP_UNIT;
        // CAST: held below.
        return taken < type(uint32).max ? uint32(taken) : type(uint32).max;
    }

    /// @notice Whether bids on an account of this margin are steps, refilled within `coolOff`.
    /// @param stepped prices are aged
    function inSteps(AuctionTerms memory terms, int256 margin, bool stepped) internal pure returns (bool) {
        return stepped || margin >= int256(uint256(terms.largeMargin));
    }

    /// @notice The most one bid may take: small and insolvent accounts whole, others what restores them, in steps of at most stepShare (of which
    ///         stepLeft may be left).
    function shareLimit(
        AuctionTerms memory terms,
        Health memory health,
        int256 discount,
        bool stepped
    ) internal pure returns (int256 most) {
        bool whole = !isSolvent(health) || health.margin < int256(uint256(terms.smallMargin));
        most = whole ? ONE : maxFraction(terms, health, discount);
        if (inSteps(terms, health.margin, stepped)) most = Wad.min(most, int256(uint256(terms.stepShare)));
    }

    /// @notice Penalty by size of breach: the start fee's rate, linear from feeLeast at maintenance margin to feeMost; rounded down.
    function feeRate(AuctionTerms memory terms, Health memory health) internal pure returns (int256) {
        int256 least = int256(uint256(terms.feeLeast));
        if (health.margin <= 0) return least;
        int256 full = int256(uint256(terms.feeFullBreach));
        int256 breach = Wad.max(0, Wad.min(full, ((health.margin - health.equity) * ONE) / health.margin));
        return least + ((int256(uint256(terms.feeMost)) - least) * breach) / full;
    }

    /// @notice Fee for starting an auction: its rate of the equity that restoring the account will sell; rounded down, below the equity.
    /// @return 0 if the account is insolvent
    function startFee(AuctionTerms memory terms, Health memory health, int256 discount) internal pure returns (int256) {
        if (!isSolvent(health)) return 0;
        int256 sold = maxFraction(terms, health, discount) * (health.equity - health.reserve);
        return (sold * feeRate(terms, health)) / (ONE * ONE);
    }

    /// @notice Cash a bidder is paid for a share of an insolvent account: share · (reserve − equity + margin · min(age, T) / T); rounded down.
    function payout(
        AuctionTerms memory terms,
        Health memory health,
        int256 share,
        uint256 age
    ) internal pure returns (int256) {
        int256 whole = int256(uint256(terms.insolventSeconds));
        // CAST: a time.
        int256 grown = (health.margin * Wad.min(int256(age), whole)) / whole;
        return (share * (health.reserve - health.equity + grown)) / ONE;
    }

    /// @notice Who pays a payout: the account's own reserve, then the fund; what is left is a deficit. The three sum to the amount.
    /// @param available what the fund may spend on it
    function waterfall(
        int256 amount,
        int256 reserve,
        int256 available
    ) internal pure returns (int256 own, int256 fund, int256 deficit) {
        own = Wad.min(amount, Wad.max(0, reserve));
        fund = Wad.min(amount - own, Wad.max(0, available));
        deficit = amount - own - fund;
    }

    // ---- levies; twin of shared/src/liquidation/levy.ts

    /// @notice What an account is registered with: min(profit, equity − margin), never negative.
    function registered(int256 profit, int256 equity, int256 margin) internal pure returns (int256) {
        return Wad.max(0, Wad.min(profit, equity - margin));
    }

    /// @notice What an account pays: own · min(deficit, total) / total, rounded up; never more than it is registered with.
    /// @param total sum of what is registered, this account included
    function levyOf(int256 own, int256 deficit, int256 total) internal pure returns (int256) {
        if (total <= 0 || own <= 0 || deficit <= 0) return 0;
        return deficit >= total ? own : _ceilDiv(own * deficit, total);
    }

    /// @dev ceil(a / b) for b > 0.
    function _ceilDiv(int256 a, int256 b) private pure returns (int256) {
        return -Wad.floorDiv(-a, b);
    }
}
