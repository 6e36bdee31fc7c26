// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice A bucket that refills at a steady rate and bounds what passes in any window to capacity + rate · window.
/// @dev Amounts in any one unit, time in seconds. Arguments are far below 2^128, so no sum overflows.
library TokenBucket {
    /// @notice What the bucket would let through at `nowSeconds`.
    function available(
        uint256 level,
        uint256 updatedAt,
        uint256 capacity,
        uint256 ratePerSecond,
        uint256 nowSeconds
    ) internal pure returns (uint256) {
        uint256 refilled = level + ratePerSecond * (nowSeconds - updatedAt);
        return refilled < capacity ? refilled : capacity;
    }

    /// @notice What `amount` needs in the bucket, and takes out of it: the amount, or all of a full bucket if it is larger.
    /// @dev Without that rule an amount above the capacity could never pass; with it the bound holds for all but one of what passes.
    function draw(uint256 amount, uint256 capacity) internal pure returns (uint256) {
        return amount < capacity ? amount : capacity;
    }
}
