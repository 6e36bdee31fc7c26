// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Grade} from "./FeedGrade.sol";
import {FeedWord} from "./FeedWord.sol";
import {IFeeds} from "./IFeeds.sol";
import {IPriceSource} from "./sources/IPriceSource.sol";

/// @title A spot's other source: Pyth, Chainlink, instead of the signed feed or beside it
library SpotSource {
    uint256 private constant SHARE_ONE = 10_000;
    /// @dev Keeps products of a price with a size and a wad inside 256 bits everywhere.
    uint128 internal constant MAX_PRICE = 1e30;

    /// @dev A source that is silent or old contradicts nothing, but nothing new may be risked on the signers' word alone.
    function check(
        address source,
        IFeeds.Bounds memory bounds,
        uint256 value
    ) internal view returns (bool disagrees, Grade floor) {
        (uint128 price, uint40 time, ) = _read(source);
        if (price == 0 || block.timestamp > uint256(time) + bounds.sourceStale) return (false, Grade.Aged);
        uint256 gap = value > price ? value - price : price - value;
        disagrees = gap * SHARE_ONE > uint256(price) * bounds.disagreement;
    }

    function wordOf(address source, uint256 stored) internal view returns (uint256) {
        (uint128 price, uint40 time, uint32 spread) = _read(source);
        return FeedWord.pack(price, time, spread) | (stored & FeedWord.HALTED);
    }

    /// @dev No price when the source has none: a revert there must not stop what needs no price.
    function _read(address source) private view returns (uint128 price, uint40 time, uint32 spread) {
        try IPriceSource(source).latest() returns (uint128 price_, uint40 time_, uint32 spread_) {
            if (price_ <= MAX_PRICE) return (price_, time_, spread_);
        } catch {
            return (0, 0, 0);
        }
    }
}
