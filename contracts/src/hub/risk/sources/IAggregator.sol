// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice What is used of a Chainlink aggregator (version 3).
interface IAggregator {
    function decimals() external view returns (uint8);
    /// @dev For a sequencer's uptime feed: answer 0 = up, and startedAt is since when.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
