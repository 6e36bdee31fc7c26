// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAggregator} from "./IAggregator.sol";
import {IPriceSource} from "./IPriceSource.sol";

/// @notice One Chainlink aggregator as a source. On a rollup it says nothing while the sequencer is down, nor for a while after: prices
///         then are of before the outage, and users had no way to act on them.
contract ChainlinkSource is IPriceSource {
    error ConfigInvalid(string expected);
    error RoundInvalid(uint80 roundId, int256 answer, uint256 updatedAt);
    error SequencerDown(int256 answer, uint256 since);

    uint8 private constant MOST_DECIMALS = 36;
    uint256 private constant DECIMALS = 18;
    uint32 private constant SPREAD_ONE = 1e9;

    IAggregator public immutable aggregator;
    /// @notice The rollup's uptime feed, 0 where there is none.
    IAggregator public immutable sequencerUptime;
    /// @notice Seconds after the sequencer came back during which there is no price.
    uint256 public immutable gracePeriod;
    /// @notice The aggregator's deviation threshold, 1e-9: it may stand that far off without an update.
    uint32 public immutable deviation;
    uint8 private immutable _decimals;

    constructor(address aggregator_, address sequencerUptime_, uint256 gracePeriod_, uint32 deviation_) {
        require(deviation_ <= SPREAD_ONE, ConfigInvalid("deviation at most 10^9"));
        aggregator = IAggregator(aggregator_);
        sequencerUptime = IAggregator(sequencerUptime_);
        gracePeriod = gracePeriod_;
        deviation = deviation_;
        _decimals = IAggregator(aggregator_).decimals();
        require(_decimals <= MOST_DECIMALS, ConfigInvalid("an aggregator of at most 36 decimals"));
    }

    /// @inheritdoc IPriceSource
    function latest() external view returns (uint128 price, uint40 time, uint32 spread) {
        if (address(sequencerUptime) != address(0)) _requireSequencer();
        (uint80 roundId, int256 answer, , uint256 updatedAt, ) = aggregator.latestRoundData();
        require(
            answer > 0 &&
                answer <= int256(uint256(type(uint128).max)) &&
                updatedAt != 0 &&
                updatedAt <= type(uint40).max,
            RoundInvalid(roundId, answer, updatedAt)
        );
        // CAST: positive and below 2^128, checked above.
        uint256 value =
            _decimals <= DECIMALS
                ? uint256(answer) * 10 ** (DECIMALS - _decimals)
                : uint256(answer) / 10 ** (_decimals - DECIMALS);
        require(value != 0 && value <= type(uint128).max, RoundInvalid(roundId, answer, updatedAt));
        return (uint128(value), uint40(updatedAt), deviation);
    }

    function _requireSequencer() private view {
        (, int256 answer, uint256 startedAt, , ) = sequencerUptime.latestRoundData();
        require(
            answer == 0 && startedAt != 0 && block.timestamp >= startedAt + gracePeriod,
            SequencerDown(answer, startedAt)
        );
    }
}
