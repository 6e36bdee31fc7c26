// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Account} from "../../types/Account.sol";
import {ILedger} from "../ILedger.sol";
import {IMargin} from "../markets/IMargin.sol";
import {IMarkets} from "../markets/IMarkets.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {IDeficits} from "./IDeficits.sol";
import {IDeficitSink} from "./IDeficitSink.sol";
import {IFund} from "./IFund.sol";
import {ILevy} from "./ILevy.sol";
import {Profits} from "./Profits.sol";

/// @notice What is known to be missing: the brake that keeps cash from leaving, and the watch over positions in markets whose winners will pay.
abstract contract LossWatch is ILevy, AccessManaged {
    using SafeCast for uint256;

    /// @dev A deficit of less than a unit of cash is dust: nobody is bothered for it.
    uint256 internal constant LEAST = 1e18;
    /// @dev Nobody is stopped for less than this part of all cash: whoever leaves before it is borne saves no more than that of what he takes.
    uint256 private constant LEAST_DIVISOR = 1000;

    /// @param cash   what an insolvent account was short of when it was last looked at
    /// @param growth of its payout at the most: a maintenance margin; held to its field
    /// @param market that answers for it
    struct Shortfall {
        uint128 cash;
        uint112 growth;
        uint16 market;
    }

    /// @dev Whether positions in an underlying are watched, because a levy on it is open or in sight.
    /// @param period  counts the times it began; what was sighted in another means nothing
    /// @param endedAt seconds; what begins again in the same second goes on
    /// @param isHit   it had a deficit or a shortfall once
    struct Watch {
        uint64 period;
        uint40 endedAt;
        bool on;
        bool isHit;
    }

    /// @dev What an account had gained before its positions changed for the first time in a period.
    struct Sighting {
        uint64 period;
        uint128 profit;
    }

    /// @dev What levies of a period took of an account.
    struct Paid {
        uint64 period;
        uint192 cash;
    }

    ILedger internal immutable _ledger;
    IMargin internal immutable _margin;
    IMarkets internal immutable _markets;
    IFeeds internal immutable _feeds;
    IFund internal immutable _fund;

    IDeficits internal _liquidation;
    mapping(uint64 id => LevyView) internal _levies;
    /// @inheritdoc ILevy
    mapping(uint16 underlying => uint64 id) public newestOf;
    /// @dev What closed levies of an underlying have yet to collect.
    mapping(uint16 underlying => uint256 cash) internal _collectible;
    mapping(Account account => Shortfall) private _shortfalls;
    mapping(uint16 market => uint256 cash) private _shortfallOf;
    /// @dev Σ of what was reported, in one slot: a report writes both.
    uint128 private _shortfall;
    uint128 private _growth;
    /// @dev Underlyings that ever had a deficit or a shortfall.
    uint16[] private _marketsHit;
    mapping(uint16 underlying => Watch) internal _watches;
    /// @dev Underlyings that are watched now.
    uint16[] internal _watched;
    mapping(uint16 underlying => mapping(Account account => Sighting)) private _sightings;
    mapping(uint16 underlying => mapping(Account account => Paid)) private _paid;
    /// @inheritdoc ILevy
    mapping(uint32 eid => uint256 cash) public expectedLossOf;
    uint256 private _expectedLoss;

    modifier onlyLiquidation() {
        require(msg.sender == address(_liquidation), NotLiquidation(msg.sender, address(_liquidation)));
        _;
    }

    constructor(address authority, ILedger ledger_, IMargin margin_, IFund fund_) AccessManaged(authority) {
        (_ledger, _margin, _fund) = (ledger_, margin_, fund_);
        (_markets, _feeds) = (margin_.markets(), margin_.feeds());
    }

    // ---- Liquidation

    /// @inheritdoc IDeficitSink
    function reportShortfall(Account account, uint16 market, uint256 cash, uint256 margin) external onlyLiquidation {
        Shortfall memory known = _shortfalls[account];
        // CAST: capped; no fund pays more.
        Shortfall memory now_ = Shortfall(cash.toUint128(), uint112(Math.min(margin, type(uint112).max)), market);
        _shortfallOf[known.market] -= known.cash;
        _shortfallOf[market] += cash;
        (_shortfall, _growth) = (_shortfall - known.cash + now_.cash, _growth - known.growth + now_.growth);
        _shortfalls[account] = now_;
        _hit(market);
        emit ShortfallReported(Account.unwrap(account), cash, margin);
        review();
    }

    function _hit(uint16 market) internal {
        if (_watches[market].isHit) return;
        _watches[market].isHit = true;
        _marketsHit.push(market);
    }

    // ---- sighting

    /// @dev Notes what the account has gained, once a period: what it closes now, or expires, is its gain still when a levy opens.
    function _sight(Account account, uint16 underlying) internal {
        Watch memory watch = _watches[underlying];
        Sighting storage sighting = _sightings[underlying][account];
        if (!watch.on || sighting.period == watch.period) return;
        int256 profit = Profits.at(_markets, account, underlying, _priceOf(underlying));
        // CAST: not negative.
        uint256 gained = profit > 0 ? uint256(profit) : 0;
        (sighting.period, sighting.profit) = (watch.period, gained.toUint128());
        emit Sighted(underlying, Account.unwrap(account), gained);
    }

    /// @dev That of the levy which is open, else the last mark, of whatever grade: there is no better one.
    function _priceOf(uint16 underlying) internal view returns (uint256) {
        LevyView storage levy = _levies[newestOf[underlying]];
        return _isOpen(underlying) ? levy.price : _feeds.mark(underlying).value;
    }

    /// @dev At a price, or when the account was sighted, whichever is more; less what levies of the period have taken of it.
    function _gained(Account account, uint16 underlying, uint256 price, uint64 period) internal view returns (uint256) {
        int256 profit = Profits.at(_markets, account, underlying, price);
        Sighting memory sighting = _sightings[underlying][account];
        // CAST: not negative.
        uint256 gained = profit > 0 ? uint256(profit) : 0;
        if (sighting.period == period) gained = Math.max(gained, sighting.profit);
        Paid memory paid = _paid[underlying][account];
        return paid.period == period ? Math.saturatingSub(gained, paid.cash) : gained;
    }

    function _notePaid(Account account, uint16 underlying, uint64 period, uint256 cash) internal {
        Paid memory paid = _paid[underlying][account];
        // One of an earlier period limits nothing any more.
        if (period < paid.period) return;
        // CAST: sums of what has 128 bits.
        uint192 sum = uint192((paid.period == period ? paid.cash : 0) + cash);
        _paid[underlying][account] = Paid(period, sum);
    }

    // ---- the brake, and what is watched

    /// @inheritdoc ILevy
    function review() public returns (bool braked) {
        uint256 missing = insolvency();
        uint256 fund = _fund.assets();
        braked = missing > fund && missing - fund >= least();
        if (braked != _ledger.isBraked()) {
            _ledger.setBrake(braked);
            emit BrakeReviewed(braked, missing, fund);
        }
        for (uint256 i; i < _marketsHit.length; ++i) if (_marketsHit[i] != 0) _follow(_marketsHit[i], braked);
    }

    /// @dev Watches an underlying while a levy on it is open, or in sight: its losses are more than half of what the fund would pay of them (an
    ///      auction pays more than what is missing), or nothing may leave because of all of them together.
    function _follow(uint16 underlying, bool braked) internal {
        bool due = _isOpen(underlying);
        if (!due) {
            uint256 missing = _shortfallOf[underlying] + _uncovered(underlying);
            due = missing >= LEAST && (braked || missing >= Math.max(least(), _fund.available(underlying) / 2));
        }
        Watch storage watch = _watches[underlying];
        if (due == watch.on) return;
        watch.on = due;
        if (due) {
            if (block.timestamp != watch.endedAt) ++watch.period;
            _watched.push(underlying);
        } else {
            // CAST: seconds.
            watch.endedAt = uint40(block.timestamp);
            uint256 i;
            while (_watched[i] != underlying) ++i;
            _watched[i] = _watched[_watched.length - 1];
            _watched.pop();
        }
        _markets.watch(underlying, due);
        emit WatchChanged(underlying, due);
        bool guarded = _watched.length != 0;
        // Where another levy has been put in its place, that one guards.
        if (_margin.levy() == this && guarded != _margin.isGuarded()) _margin.setGuarded(guarded);
    }

    function _isOpen(uint16 underlying) internal view returns (bool) {
        uint64 id = newestOf[underlying];
        return id != 0 && !_levies[id].closed;
    }

    /// @inheritdoc ILevy
    function insolvency() public view returns (uint256 cash) {
        cash = _shortfall + _expectedLoss + _uncovered(0);
        for (uint256 i; i < _marketsHit.length; ++i) {
            if (_marketsHit[i] != 0) cash += _uncovered(_marketsHit[i]);
        }
    }

    /// @inheritdoc ILevy
    function worstLoss() external view returns (uint256 cash) {
        return insolvency() + _growth;
    }

    /// @inheritdoc ILevy
    function least() public view returns (uint256) {
        int256 cash = _ledger.totalCash();
        // CAST: above 0.
        return cash > 0 ? Math.max(LEAST, uint256(cash) / LEAST_DIVISOR) : LEAST;
    }

    /// @dev Deficit that no closed levy collects.
    function _uncovered(uint16 underlying) internal view returns (uint256) {
        return Math.saturatingSub(_owes(_liquidation.deficitAccount(underlying)), _collectible[underlying]);
    }

    function _owes(Account account) internal view returns (uint256) {
        int256 cash = _ledger.cashOf(account);
        // CAST: not negative.
        return cash < 0 ? uint256(-cash) : 0;
    }

    // ---- guardian, governance

    /// @inheritdoc ILevy
    function expectLoss(uint32 eid, uint128 cash) external restricted {
        require(cash > expectedLossOf[eid], ExpectedLossInvalid(eid, cash, "above", expectedLossOf[eid]));
        _expect(eid, cash);
    }

    /// @inheritdoc ILevy
    function lowerExpectedLoss(uint32 eid, uint128 cash) external restricted {
        require(cash < expectedLossOf[eid], ExpectedLossInvalid(eid, cash, "below", expectedLossOf[eid]));
        _expect(eid, cash);
    }

    function _expect(uint32 eid, uint128 cash) private {
        _expectedLoss = _expectedLoss - expectedLossOf[eid] + cash;
        expectedLossOf[eid] = cash;
        emit LossExpected(eid, cash);
        review();
    }

    /// @inheritdoc ILevy
    function setLiquidation(IDeficits liquidation_) external restricted {
        _liquidation = liquidation_;
        emit LiquidationSet(address(liquidation_));
    }
}
