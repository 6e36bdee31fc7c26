// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IMarkets} from "../markets/IMarkets.sol";
import {FeedWord, Kind} from "../risk/FeedWord.sol";
import {Holdings} from "../risk/Holdings.sol";
import {ICollateralRules} from "../risk/ICollateralRules.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {IPriceTimes} from "./IPriceTimes.sol";

/// @notice See IPriceTimes.
/// @dev Takes more feeds than are used where that is simpler: a time that is too new only makes an undo wait for none.
contract PriceTimes is IPriceTimes {
    IFeeds private immutable _feeds;
    IMarkets private immutable _markets;
    /// @inheritdoc IPriceTimes
    ICollateralRules public immutable collateralRules;

    constructor(IFeeds feeds, IMarkets markets, ICollateralRules rules) {
        (_feeds, _markets, collateralRules) = (feeds, markets, rules);
    }

    /// @inheritdoc IPriceTimes
    function newestOf(uint256[] calldata holdings) external view returns (uint40 newest) {
        uint256 place = 1;
        for (uint256 end = place + Holdings.collateralWords(holdings[0]); place < end; ++place) {
            newest = _later(newest, _collateral(holdings[place], 0));
            newest = _later(newest, _collateral(holdings[place], 1));
        }
        for (uint256 i; i < Holdings.underlyings(holdings[0]); ++i) {
            uint16 underlying = Holdings.underlying(holdings[place]);
            newest = _later(newest, _time(underlying, Kind.Spot, 0));
            newest = _later(newest, _time(underlying, Kind.Mark, 0));
            uint256 options = Holdings.optionWords(holdings[place]);
            if (options != 0) newest = _later(newest, _options(underlying));
            place += 1 + options;
        }
    }

    function _collateral(uint256 word, uint256 half) private view returns (uint40) {
        (uint16 assetId, uint256 amount) = Holdings.lot(word, half);
        if (amount == 0) return 0;
        (bool listed, ICollateralRules.AssetRule memory rule) = collateralRules.assetRuleOf(assetId);
        return listed ? _time(rule.underlying, Kind.Spot, 0) : 0;
    }

    function _options(uint16 underlying) private view returns (uint40 newest) {
        (uint40[] memory expiries, ) = _markets.expiriesOf(underlying);
        for (uint256 i; i < expiries.length; ++i) {
            newest = _later(newest, _time(underlying, Kind.Forward, expiries[i]));
            newest = _later(newest, _time(underlying, Kind.Surface, expiries[i]));
            newest = _later(newest, _time(underlying, Kind.Settlement, expiries[i]));
        }
    }

    function _time(uint16 underlying, Kind kind, uint40 expiry) private view returns (uint40) {
        return _feeds.point(FeedWord.id(underlying, kind, expiry)).time;
    }

    function _later(uint40 a, uint40 b) private pure returns (uint40) {
        return a > b ? a : b;
    }
}
