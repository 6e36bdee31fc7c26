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

    /// @dev Share of a capacity that large orders leave to small ones: a fifth.
    uint256 private constant RESERVE_DIVISOR = 5;
    /// @dev An order is small up to a hundredth of the capacity.
    uint256 private constant SMALL_DIVISOR = 100;

    /// @notice Whether an order passes a bucket of which a fifth is kept for small orders, and what it takes out.
    /// @dev Small: at most a hundredth of the capacity. A large order finds the level less the reserve; above that part of the capacity
    ///      it needs and takes all of that part (see `draw`), so that no order waits for ever.
    /// @param level what is in the bucket now, see `available`
    /// @return passes `drawn` is at most `room`
    /// @return drawn  what the order takes out
    /// @return room   what it finds
    function outflow(
        uint256 amount,
        uint256 capacity,
        uint256 level
    ) internal pure returns (bool passes, uint256 drawn, uint256 room) {
        uint256 kept = amount <= capacity / SMALL_DIVISOR ? 0 : capacity / RESERVE_DIVISOR;
        drawn = draw(amount, capacity - kept);
        room = level > kept ? level - kept : 0;
        // A bucket without capacity lets nothing through.
        passes = drawn <= room && capacity != 0;
    }
}
