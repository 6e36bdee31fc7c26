// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {TokenBucket} from "../math/TokenBucket.sol";
import {ILedger} from "./ILedger.sol";

/// @notice What every deposit writes. Never zero once the asset is configured, so that no deposit pays for a fresh slot.
/// @dev A vault books at most 2^128 of an asset, so an honest log never takes custody past that; a forged one needs more than 2^20 of
///      the largest deposits, and then reverts.
struct Totals {
    uint16 assetId;
    uint112 credited; // balances + free + reserved
    uint128 custody;
}

/// @notice Inflow bucket and standing, which deposits write too.
struct Inflow {
    uint112 level;
    uint40 updatedAt;
    uint88 perSecond;
    ILedger.AssetStanding standing; // Collateral or Settlement
    bool frozen;
}

/// @notice Limits and units, which deposits only read.
struct Limits {
    uint112 cap;
    uint112 inflowCapacity;
    uint8 decimals;
}

/// @notice What a deposit writes only when it is parked. `listed` keeps the slot from being zero.
/// @dev `other` is what was credited under the other standing: while the asset is Settlement, its balances; while it is Collateral,
///      its free settlement. The larger part follows from `credited`, so that no credit has to write it.
struct Pools {
    bool listed;
    uint112 other;
    uint128 suspense;
}

/// @notice One asset of one chain: a slot per struct. Before it is configured its custody is suspense but for `credited`, which is what is
///         reserved to be sent home.
struct AssetState {
    Totals totals;
    Inflow inflow;
    Limits limits;
    Pools pools;
    uint112 reserved;
    uint128 lost;
}

/// @notice An asset while a run of deposits is booked: read once, written once. Flat words, because every deposit pays for it.
struct AssetRun {
    uint256 assetId;
    uint256 credited;
    uint256 creditedBefore;
    uint256 custody;
    uint256 suspended; // parked in this run
    uint256 scale; // cash per base unit of a settlement asset, else 0
    uint256 cap;
    uint256 capacity; // of the inflow bucket
    uint256 available; // in it, now
    ILedger.ParkReason refusal; // of every credit, by standing
}

library AssetBooks {
    using SafeCast for uint256;

    uint256 internal constant CASH_DECIMALS = 18;

    /// @notice Cash (18 decimals) that one base unit of a settlement token is worth at par.
    function cashPerUnit(uint256 decimals) internal pure returns (uint256) {
        // A settlement asset has at most 18 decimals.
        unchecked {
            return 10 ** (CASH_DECIMALS - decimals);
        }
    }

    /// @notice Reads what a credit needs into `run`.
    function open(AssetState storage state, AssetRun memory run) internal view {
        Totals storage totals = state.totals;
        run.assetId = totals.assetId;
        run.credited = totals.credited;
        run.creditedBefore = run.credited;
        run.custody = totals.custody;
        run.suspended = 0;
        if (run.assetId == 0) {
            run.refusal = ILedger.ParkReason.UnknownAsset;
            return;
        }
        Inflow storage inflow = state.inflow;
        Limits storage limits = state.limits;
        run.refusal = inflow.frozen ? ILedger.ParkReason.FrozenAsset : ILedger.ParkReason.None;
        run.scale = inflow.standing == ILedger.AssetStanding.Settlement ? cashPerUnit(limits.decimals) : 0;
        run.cap = limits.cap;
        run.capacity = limits.inflowCapacity;
        run.available = available(state);
    }

    /// @notice What the inflow bucket would let through now.
    function available(AssetState storage state) internal view returns (uint256) {
        Inflow storage inflow = state.inflow;
        return
            TokenBucket.available(
                inflow.level,
                inflow.updatedAt,
                state.limits.inflowCapacity,
                inflow.perSecond,
                block.timestamp
            );
    }

    /// @notice Amounts below this are certain to pass cap and bucket; 0 = none.
    function passesBelow(AssetRun memory run) internal pure returns (uint256) {
        if (run.refusal != ILedger.ParkReason.None || run.credited > run.cap) return 0;
        unchecked {
            uint256 room = run.cap - run.credited;
            return (room < run.available ? room : run.available) + 1;
        }
    }

    /// @notice Why an amount does not pass; None if it does.
    function refusalOf(AssetRun memory run, uint256 amount) internal pure returns (ILedger.ParkReason) {
        if (run.refusal != ILedger.ParkReason.None) return run.refusal;
        if (run.credited + amount > run.cap) return ILedger.ParkReason.CapExceeded;
        if (TokenBucket.draw(amount, run.capacity) > run.available) return ILedger.ParkReason.InflowLimit;
        return ILedger.ParkReason.None;
    }

    /// @notice Books a credit that passes.
    function take(AssetRun memory run, uint256 amount) internal pure {
        run.credited += amount;
        run.available -= TokenBucket.draw(amount, run.capacity);
    }

    /// @notice Σ credited in this run.
    function credits(AssetRun memory run) internal pure returns (uint256) {
        return run.credited - run.creditedBefore;
    }

    /// @notice Writes a run back: what was credited and what was parked came into custody.
    function close(AssetState storage state, AssetRun memory run) internal {
        Totals storage totals = state.totals;
        // CAST: within the cap.
        totals.credited = uint112(run.credited);
        totals.custody = (run.custody + credits(run) + run.suspended).toUint128();
        if (run.assetId == 0) return;
        Inflow storage inflow = state.inflow;
        // CAST: at most the capacity.
        inflow.level = uint112(run.available);
        inflow.updatedAt = uint40(block.timestamp);
        // CAST: parked amounts are part of custody, which was checked above.
        if (run.suspended != 0) state.pools.suspense += uint128(run.suspended);
    }

    /// @notice Pooled settlement behind cash, not reserved.
    function free(AssetState storage state) internal view returns (uint256) {
        if (state.inflow.standing != ILedger.AssetStanding.Settlement) return state.pools.other;
        return uint256(state.totals.credited) - state.reserved - state.pools.other;
    }

    /// @notice Says how much of what is credited is free settlement.
    /// @dev `value` + reserved must be at most credited.
    function setFree(AssetState storage state, uint256 value) internal {
        bool settlement = state.inflow.standing == ILedger.AssetStanding.Settlement;
        // CAST: parts of `credited`.
        uint112 other = uint112(settlement ? uint256(state.totals.credited) - state.reserved - value : value);
        if (state.pools.other != other) state.pools.other = other;
    }

    /// @notice Parked deposits.
    function suspense(AssetState storage state) internal view returns (uint256) {
        Totals storage totals = state.totals;
        return totals.assetId == 0 ? uint256(totals.custody) - totals.credited : state.pools.suspense;
    }

    /// @notice Moves units between reserved and free (`fromFree`) or balances; credited stays.
    /// @dev What is added must be there: `units` ≤ free, or ≤ balances.
    function reserve(AssetState storage state, uint256 units, bool fromFree) internal {
        uint256 pool = free(state);
        // CAST: a part of `credited`.
        state.reserved += uint112(units);
        setFree(state, fromFree ? pool - units : pool);
    }

    /// @notice The standing under an asset's freeze; Collateral if it never had one.
    function baseStanding(AssetState storage state) internal view returns (ILedger.AssetStanding) {
        ILedger.AssetStanding standing = state.inflow.standing;
        return standing == ILedger.AssetStanding.Unknown ? ILedger.AssetStanding.Collateral : standing;
    }
}
