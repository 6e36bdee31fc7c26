// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Grade} from "../risk/FeedGrade.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {Wad} from "../risk/Wad.sol";
import {IMarkets} from "./IMarkets.sol";
import {Market, MarketTerms} from "./MarketTerms.sol";

/// @notice What longs pay shorts while the perpetual stands above spot, by an index that grows linearly between touches.
abstract contract Funding is MarketTerms {
    using SafeCast for int256;

    int256 private constant RATE_ONE = 1e9;
    /// @dev The premium is spread over eight hours.
    int256 private constant PREMIUM_HOURS = 8;
    int256 private constant HOUR = 1 hours;

    /// @inheritdoc IMarkets
    function fund(uint16 underlying) external returns (int128 index) {
        _requireListed(underlying);
        // CAST: kept in 112 bits.
        return int128(_touch(underlying));
    }

    /// @inheritdoc IMarkets
    function fundingOf(uint16 underlying) external view returns (int128 index, int128 perHour, uint40 since) {
        Market storage market = _markets[underlying];
        return (market.index, market.perHour, market.since);
    }

    /// @inheritdoc MarketTerms
    function _touch(uint16 underlying) internal override returns (int256 index) {
        Market storage market = _markets[underlying];
        index = _indexNow(market);
        // The first touch of a second samples: whoever comes later in it cannot choose.
        if (market.since == block.timestamp) return index;
        int256 perHour = _sample(underlying, market);
        market.index = index.toInt112();
        market.perHour = perHour.toInt104();
        market.since = uint40(block.timestamp);
        // CAST: they fit their fields.
        emit Funded(underlying, int128(index), int128(perHour), uint40(block.timestamp));
    }

    /// @dev floor(perHour · elapsed / hour) on top of what was; rounding is the same for both sides of a position, so none is lost.
    function _indexNow(Market storage market) internal view returns (int256 index) {
        index = market.index;
        int256 perHour = market.perHour;
        if (perHour == 0) return index;
        // 104 bits by 40, and 112: an index of 133 bits at most.
        unchecked {
            return index + Wad.floorDiv(perHour * int256(block.timestamp - market.since), HOUR);
        }
    }

    /// @dev trunc(rate · spot / 10^9) with rate = clamp(trunc(premium / 8) + base, ±cap), in 1e-9 per hour.
    function _sample(uint16 underlying, Market storage market) private view returns (int256) {
        IFeeds.Quote memory quote = feeds.quoteOf(underlying, true);
        // Nothing is paid on a price nobody would trade at; the grade is the worse of the mark's and of spot's.
        if (quote.grade > Grade.Aged) return 0;
        int256 spot = int256(uint256(quote.spot));
        // Prices of 128 bits, rates of 32.
        unchecked {
            int256 premium = ((int256(uint256(quote.mark)) - spot) * RATE_ONE) / (spot * PREMIUM_HOURS);
            int256 cap = int256(uint256(market.fundingCap));
            int256 rate = Wad.max(-cap, Wad.min(cap, premium + market.fundingBase));
            return (rate * spot) / RATE_ONE;
        }
    }
}
