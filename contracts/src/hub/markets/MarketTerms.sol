// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Account} from "../../types/Account.sol";
import {IListing} from "../risk/IRiskEngine.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {IMarkets} from "./IMarkets.sol";
import {IPositionWatcher} from "./IPositionWatcher.sol";

/// @notice An underlying: a slot per line of fields.
/// @param index   Σ funding per unit held long, 18 decimals
/// @param perHour what it grows by, cash per unit, 18 decimals
/// @param since   when that was sampled; 0: never listed
/// @param open    perpetual held long, units, 18 decimals
/// @param openCap see IMarkets.PerpetualTerms
/// @param lots    options held long, over all series
/// @param state   Standing, in its low two bits, and WATCHED
/// @param lotCap  see IMarkets.OptionTerms; the rest as in PerpetualTerms
struct Market {
    int112 index;
    int104 perHour;
    uint40 since;
    // what trades write
    uint104 open;
    uint104 openCap;
    uint40 lots;
    uint8 state;
    // what they only read
    uint40 lotCap;
    uint32 fundingCap;
    int32 fundingBase;
}

/// @notice What may be traded, on which terms, and who may trade for accounts.
abstract contract MarketTerms is IMarkets, AccessManaged {
    /// @dev 10% an hour: further than any venue goes, and an index stays within its field for years at the largest price.
    uint32 internal constant MOST_FUNDING = 1e8;

    /// @notice Where prices come from.
    IFeeds public immutable feeds;

    /// @dev Of a market's state: somebody is told of positions before they change.
    uint8 internal constant WATCHED = 4;

    /// @inheritdoc IMarkets
    mapping(address module => bool) public isModule;
    mapping(uint16 underlying => Market) internal _markets;
    IPositionWatcher private _watcher;
    /// @dev Underlyings that are watched: where there is none, no market's state has to be read for it.
    uint16 private _watched;

    modifier onlyModule() {
        _checkModule();
        _;
    }

    constructor(address authority_, IFeeds feeds_) AccessManaged(authority_) {
        feeds = feeds_;
    }

    /// @inheritdoc IMarkets
    function setModule(address module, bool enabled) external restricted {
        isModule[module] = enabled;
        emit ModuleSet(module, enabled);
    }

    /// @inheritdoc IMarkets
    function restrain(uint16 underlying, Standing standing) external restricted {
        Market storage market = _markets[underlying];
        Standing before = _standing(market.state);
        require(
            before == Standing.Open ? standing != Standing.Open : standing == Standing.Closed,
            UnderlyingNotOpen(underlying, before)
        );
        _setStanding(market, standing);
        emit StandingSet(underlying, standing);
    }

    /// @inheritdoc IMarkets
    function setUnderlying(
        uint16 underlying,
        Standing standing,
        PerpetualTerms calldata perpetual,
        OptionTerms calldata option
    ) external restricted {
        (IFeeds.SpotMode mode, , ) = feeds.underlyingOf(underlying);
        require(mode != IFeeds.SpotMode.Unlisted, TermsInvalid(underlying, "an underlying the feeds know"));
        require(perpetual.fundingCap <= MOST_FUNDING, TermsInvalid(underlying, "fundingCap at most 10^8"));
        int256 cap = int256(uint256(perpetual.fundingCap));
        require(
            perpetual.fundingBase <= cap && perpetual.fundingBase >= -cap,
            TermsInvalid(underlying, "fundingBase within the cap")
        );
        Market storage market = _markets[underlying];
        // What has passed is paid under the terms it passed under.
        if (market.since != 0) _touch(underlying);
        market.openCap = perpetual.openCap;
        _setStanding(market, standing);
        market.lotCap = option.openCap;
        market.fundingCap = perpetual.fundingCap;
        market.fundingBase = perpetual.fundingBase;
        if (market.since == 0) _touch(underlying);
        emit UnderlyingSet(underlying, standing, perpetual, option);
    }

    /// @dev Apart from the modifier, whose code is copied to wherever it stands.
    function _checkModule() private view {
        require(isModule[msg.sender], NotModule(msg.sender));
    }

    function _requireListed(uint16 underlying) internal view {
        require(_markets[underlying].since != 0, TermsInvalid(underlying, "an underlying that is listed"));
    }

    /// @dev Unchecked: only standings were ever written.
    function _standing(uint8 state) internal pure returns (Standing standing) {
        assembly ("memory-safe") {
            standing := and(state, 3)
        }
    }

    function _setStanding(Market storage market, Standing standing) private {
        market.state = (market.state & WATCHED) | uint8(standing);
    }

    /// @inheritdoc IMarkets
    function watch(uint16 underlying, bool on) external onlyModule {
        _watcher = IPositionWatcher(msg.sender);
        Market storage market = _markets[underlying];
        uint8 state = market.state;
        if ((state & WATCHED != 0) == on) return;
        market.state = state ^ WATCHED;
        if (on) ++_watched;
        else --_watched;
    }

    function _isAnyWatched() internal view returns (bool) {
        return _watched != 0;
    }

    /// @dev Before positions of an account change.
    function _announce(Account account, uint16 underlying) internal {
        if (_markets[underlying].state & WATCHED != 0) _watcher.beforeChange(account, underlying);
    }

    /// @inheritdoc IMarkets
    function underlyingOf(
        uint16 underlying
    ) external view returns (Standing standing, PerpetualTerms memory perpetual, OptionTerms memory option) {
        Market storage market = _markets[underlying];
        perpetual = PerpetualTerms(market.openCap, market.fundingCap, market.fundingBase);
        return (_standing(market.state), perpetual, OptionTerms(market.lotCap));
    }

    /// @inheritdoc IListing
    function openInterestOf(uint16 underlying) external view returns (uint256 perpetual, uint256 optionLots) {
        Market storage market = _markets[underlying];
        return (market.open, market.lots);
    }

    /// @dev Brings funding to now.
    function _touch(uint16 underlying) internal virtual returns (int256 index);
}
