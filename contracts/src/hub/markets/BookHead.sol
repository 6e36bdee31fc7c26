// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title The first word of an account's positions
/// @notice `held 1 | used 1 | maxLeverage 32 | initialFactor 16 | mode 2 | lane 68 · 3`, a lane being one underlying:
///         `underlying 16 | hour 24 | expiries 16 | count 8 | perpetual 1 | area 2 | open 1`, all from the high bits to the low ones. Open lanes
///         come first, underlyings ascending.
/// @dev hour: no later than the first expiry that the lane holds; expiries: at least those it holds, by index in the underlying's table; count:
///      of options; perpetual: whether there is one; area: which third of the account's storage is the lane's.
library BookHead {
    uint256 internal constant LANES = 3;
    /// @notice What `find` says of an underlying that is not held.
    uint256 internal constant ABSENT = LANES;

    uint256 private constant LANE_BITS = 68;
    uint256 private constant LANE_MASK = (1 << LANE_BITS) - 1;
    uint256 private constant MODE_OFFSET = LANES * LANE_BITS;
    uint256 private constant PROFILE_OFFSET = MODE_OFFSET + 2;
    uint256 private constant PROFILE_MASK = (1 << 48) - 1;
    /// @dev Set once and for ever: a head that never is zero never pays for a fresh slot twice.
    uint256 private constant USED = 1 << 254;
    uint256 private constant HELD_OFFSET = 255;

    uint256 private constant OPEN = 1;
    uint256 private constant AREA_OFFSET = 1;
    uint256 private constant PERPETUAL = 1 << 3;
    uint256 private constant COUNT_OFFSET = 4;
    uint256 private constant EXPIRIES_OFFSET = 12;
    uint256 private constant HOUR_OFFSET = 28;
    uint256 private constant UNDERLYING_OFFSET = 52;
    /// @dev Of every lane's bit `perpetual`.
    uint256 private constant PERPETUALS = PERPETUAL | (PERPETUAL << LANE_BITS) | (PERPETUAL << (2 * LANE_BITS));

    // ---- the account

    function mode(uint256 head) internal pure returns (uint256) {
        return (head >> MODE_OFFSET) & 3;
    }

    function withMode(uint256 head, uint256 value) internal pure returns (uint256) {
        return (head & ~(uint256(3) << MODE_OFFSET)) | (value << MODE_OFFSET) | USED;
    }

    /// @notice `maxLeverage 32 | initialFactor 16`, as in the head of holdings.
    function profile(uint256 head) internal pure returns (uint256) {
        return (head >> PROFILE_OFFSET) & PROFILE_MASK;
    }

    function withProfile(uint256 head, uint256 value) internal pure returns (uint256) {
        return (head & ~(PROFILE_MASK << PROFILE_OFFSET)) | (value << PROFILE_OFFSET) | USED;
    }

    /// @notice See IMarkets.hold. 0 or 1.
    function heldBit(uint256 head) internal pure returns (uint256) {
        return head >> HELD_OFFSET;
    }

    function withHeld(uint256 head, bool on) internal pure returns (uint256) {
        return on ? head | (1 << HELD_OFFSET) | USED : head & ~(uint256(1) << HELD_OFFSET);
    }

    function hasPositions(uint256 head) internal pure returns (bool) {
        return head & OPEN != 0;
    }

    /// @notice Perpetuals and options held.
    function instruments(uint256 head) internal pure returns (uint256 n) {
        n = options(head);
        for (uint256 bits = head & PERPETUALS; bits != 0; bits &= bits - 1) ++n;
    }

    /// @notice Options held.
    function options(uint256 head) internal pure returns (uint256) {
        return count(head) + count(head >> LANE_BITS) + count(head >> (2 * LANE_BITS));
    }

    // ---- lanes

    /// @notice The lane at a position, 0 if it is not open.
    function laneAt(uint256 head, uint256 at) internal pure returns (uint256) {
        return (head >> (at * LANE_BITS)) & LANE_MASK;
    }

    function withLane(uint256 head, uint256 at, uint256 lane) internal pure returns (uint256) {
        return (head & ~(LANE_MASK << (at * LANE_BITS))) | (lane << (at * LANE_BITS)) | USED;
    }

    /// @return at   its position; ABSENT: it has no lane
    /// @return lane 0 if it has none
    function find(uint256 head, uint16 underlying_) internal pure returns (uint256 at, uint256 lane) {
        for (; at < LANES; ++at) {
            lane = laneAt(head, at);
            if (lane == 0) break;
            if (underlying(lane) == underlying_) return (at, lane);
        }
        return (ABSENT, 0);
    }

    /// @notice Opens a lane where its underlying belongs.
    /// @return newHead 0: all lanes are open
    function open(uint256 head, uint16 underlying_) internal pure returns (uint256 newHead, uint256 at, uint256 lane) {
        if (laneAt(head, LANES - 1) != 0) return (0, ABSENT, 0);
        uint256 free = 3;
        uint256 end;
        for (; end < LANES; ++end) {
            lane = laneAt(head, end);
            if (lane == 0) break;
            if (underlying(lane) < underlying_) at = end + 1;
            // Areas 0, 1, 2 as bits: what is left is free.
            free |= 4 << area(lane);
        }
        free = ~free >> 2;
        uint256 unused =
            free & 1 != 0
                ? 0
                : free & 2 != 0
                    ? 1
                    : 2;
        lane = (uint256(underlying_) << UNDERLYING_OFFSET) | (unused << AREA_OFFSET) | OPEN;
        newHead = head;
        for (; end > at; --end) newHead = withLane(newHead, end, laneAt(head, end - 1));
        newHead = withLane(newHead, at, lane);
    }

    /// @notice Writes a lane back; one that holds nothing any more is closed and those after it move up.
    function settle(uint256 head, uint256 at, uint256 lane) internal pure returns (uint256) {
        if (hasPerpetual(lane) || count(lane) != 0) return withLane(head, at, lane);
        for (; at + 1 < LANES; ++at) head = withLane(head, at, laneAt(head, at + 1));
        return withLane(head, LANES - 1, 0);
    }

    function underlying(uint256 lane) internal pure returns (uint16) {
        // CAST: the field's sixteen bits.
        return uint16(lane >> UNDERLYING_OFFSET);
    }

    function area(uint256 lane) internal pure returns (uint256) {
        return (lane >> AREA_OFFSET) & 3;
    }

    function hasPerpetual(uint256 lane) internal pure returns (bool) {
        return lane & PERPETUAL != 0;
    }

    function withPerpetual(uint256 lane, bool held) internal pure returns (uint256) {
        return held ? lane | PERPETUAL : lane & ~PERPETUAL;
    }

    /// @notice Options of the lane.
    function count(uint256 lane) internal pure returns (uint256) {
        return (lane >> COUNT_OFFSET) & type(uint8).max;
    }

    /// @notice Bits by index in the underlying's table.
    function expiries(uint256 lane) internal pure returns (uint256) {
        return (lane >> EXPIRIES_OFFSET) & type(uint16).max;
    }

    /// @notice Hours since 1970.
    function firstHour(uint256 lane) internal pure returns (uint256) {
        return (lane >> HOUR_OFFSET) & type(uint24).max;
    }

    /// @notice Sets what the lane says of its options; none: no expiries and no hour.
    function withOptions(
        uint256 lane,
        uint256 count_,
        uint256 expiries_,
        uint256 hour_
    ) internal pure returns (uint256) {
        uint256 kept = lane & ~(((uint256(1) << (UNDERLYING_OFFSET - COUNT_OFFSET)) - 1) << COUNT_OFFSET);
        if (count_ == 0) return kept;
        return kept | (count_ << COUNT_OFFSET) | (expiries_ << EXPIRIES_OFFSET) | (hour_ << HOUR_OFFSET);
    }
}
