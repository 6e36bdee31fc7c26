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

    /// @notice Takes `amount` out of `level`; an amount above the capacity needs, and drains, a full bucket.
    /// @dev Without that rule an amount above the capacity could never pass; with it the bound holds per passing amount.
    /// @return ok      whether it passes
    /// @return drained level afterwards (unchanged if it does not pass)
    function take(uint256 level, uint256 amount, uint256 capacity) internal pure returns (bool ok, uint256 drained) {
        uint256 needed = amount < capacity ? amount : capacity;
        return level < needed ? (false, level) : (true, level - needed);
    }
}
