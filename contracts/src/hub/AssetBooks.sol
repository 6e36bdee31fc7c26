// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {TokenBucket} from "../math/TokenBucket.sol";
import {ILedger} from "./ILedger.sol";

/// @notice What every deposit writes. Never zero once the asset is configured, so that no deposit pays for a fresh slot.
/// @dev A vault books at most 2^128 of an asset, so an honest log never takes custody past that; a forged one reverts there.
struct Totals {
    uint16 assetId;
    uint112 credited; // balances + free + reserved
    uint128 custody;
}

/// @notice Inflow bucket and standing.
struct Inflow {
    uint112 level;
    uint40 updatedAt;
    uint88 perSecond;
    ILedger.AssetStanding standing;
    uint8 decimals;
}

struct Limits {
    uint112 cap;
    uint112 inflowCapacity;
}

/// @notice What a settlement credit and a parked deposit write. `listed` keeps the slot from being zero.
struct Pools {
    bool listed;
    uint112 free;
    uint128 suspense;
}

/// @notice One asset of one chain: a slot per struct. Before it is configured only `totals.custody` is used, and is all suspense.
struct AssetState {
    Totals totals;
    Inflow inflow;
    Limits limits;
    Pools pools;
    uint112 reserved;
    uint128 lost;
}

/// @notice An asset while a run of deposits is booked: read once, written once.
struct AssetBook {
    uint256 assetId;
    uint256 credited;
    uint256 custody;
    ILedger.AssetStanding standing;
    uint256 decimals;
    uint256 scale; // cash per base unit, settlement only
    uint256 cap;
    uint256 available; // of the inflow bucket, now
    uint256 capacity;
    uint256 perSecond;
    int256 freeChange;
    int256 suspenseChange;
}

library AssetBooks {
    using SafeCast for uint256;

    uint256 internal constant CASH_DECIMALS = 18;

    /// @notice Reads what a credit needs; the pools are touched only when they change.
    function load(AssetState storage state, AssetBook memory open) internal view {
        Totals memory totals = state.totals;
        open.assetId = totals.assetId;
        open.credited = totals.credited;
        open.custody = totals.custody;
        open.freeChange = 0;
        open.suspenseChange = 0;
        if (totals.assetId == 0) {
            open.standing = ILedger.AssetStanding.Unknown;
            return;
        }
        Inflow memory inflow = state.inflow;
        Limits memory limits = state.limits;
        open.standing = inflow.standing;
        open.decimals = inflow.decimals;
        open.scale = inflow.standing == ILedger.AssetStanding.Settlement ? 10 ** (CASH_DECIMALS - inflow.decimals) : 0;
        open.cap = limits.cap;
        open.capacity = limits.inflowCapacity;
        open.perSecond = inflow.perSecond;
        open.available = TokenBucket.available(
            inflow.level,
            inflow.updatedAt,
            limits.inflowCapacity,
            inflow.perSecond,
            block.timestamp
        );
    }

    /// @notice Writes back what changed.
    /// @dev Casts: `credited` and `free` stay ≤ cap < 2^108, the bucket's level ≤ capacity < 2^108, and suspense ≤ custody.
    function store(AssetState storage state, AssetBook memory open) internal {
        state.totals = Totals(uint16(open.assetId), uint112(open.credited), open.custody.toUint128());
        if (open.assetId == 0) return;
        state.inflow = Inflow(
            uint112(open.available),
            uint40(block.timestamp),
            uint88(open.perSecond),
            open.standing,
            uint8(open.decimals)
        );
        if (open.freeChange == 0 && open.suspenseChange == 0) return;
        Pools memory pools = state.pools;
        // CAST: changes are sums of amounts of 128 bits; the results are not negative, see above.
        pools.free = uint112(uint256(int256(uint256(pools.free)) + open.freeChange));
        pools.suspense = uint128(uint256(int256(uint256(pools.suspense)) + open.suspenseChange));
        state.pools = pools;
    }
}
