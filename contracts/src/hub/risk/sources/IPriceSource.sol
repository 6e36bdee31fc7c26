// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice A spot price from elsewhere, in the form of a signed feed.
interface IPriceSource {
    /// @notice The newest price it has. Whether that is new enough is for the reader to say.
    /// @dev Reverts when there is none to be relied on; readers take that as no price.
    /// @return price  18 decimals, above 0
    /// @return time   when it was true, seconds
    /// @return spread half-width of the price, 1e-9 of it, at most 10^9
    function latest() external view returns (uint128 price, uint40 time, uint32 spread);
}
