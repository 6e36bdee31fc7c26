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
struct AssetRun {
    Totals totals;
    Inflow inflow;
    Limits limits;
    uint256 available; // of the inflow bucket, now
    uint256 suspended; // parked in this run
    ILedger.ParkReason refusal; // of every credit, by standing
}

library AssetBooks {
    using SafeCast for uint256;

    uint256 internal constant CASH_DECIMALS = 18;

    /// @notice Reads what a credit needs.
    function open(AssetState storage state) internal view returns (AssetRun memory run) {
        run.totals = state.totals;
        if (run.totals.assetId == 0) {
            run.refusal = ILedger.ParkReason.UnknownAsset;
            return run;
        }
        run.inflow = state.inflow;
        run.limits = state.limits;
        if (run.inflow.frozen) run.refusal = ILedger.ParkReason.FrozenAsset;
        run.available = TokenBucket.available(
            run.inflow.level,
            run.inflow.updatedAt,
            run.limits.inflowCapacity,
            run.inflow.perSecond,
            block.timestamp
        );
    }

    /// @notice Amounts below this are certain to pass cap and bucket; 0 = none.
    function passesBelow(AssetRun memory run) internal pure returns (uint256) {
        if (run.refusal != ILedger.ParkReason.None || run.totals.credited > run.limits.cap) return 0;
        unchecked {
            uint256 room = run.limits.cap - run.totals.credited;
            return (room < run.available ? room : run.available) + 1;
        }
    }

    /// @notice Why an amount does not pass; None if it does.
    function refusalOf(AssetRun memory run, uint256 amount) internal pure returns (ILedger.ParkReason) {
        if (run.refusal != ILedger.ParkReason.None) return run.refusal;
        if (run.totals.credited + amount > run.limits.cap) return ILedger.ParkReason.CapExceeded;
        if (TokenBucket.draw(amount, run.limits.inflowCapacity) > run.available) return ILedger.ParkReason.InflowLimit;
        return ILedger.ParkReason.None;
    }

    /// @notice Books a credit that passes.
    function take(AssetRun memory run, uint256 amount) internal pure {
        // CAST: the total stays within the cap.
        run.totals.credited = uint112(run.totals.credited + amount);
        run.available -= TokenBucket.draw(amount, run.limits.inflowCapacity);
    }

    /// @notice Cash per base unit of a settlement asset; 0 for any other.
    function scaleOf(AssetRun memory run) internal pure returns (uint256) {
        if (run.inflow.standing != ILedger.AssetStanding.Settlement) return 0;
        return 10 ** (CASH_DECIMALS - run.limits.decimals);
    }

    /// @notice Writes a run back: `custodyAdded` base units came in, of which `suspended` were parked.
    function close(AssetState storage state, AssetRun memory run, uint256 custodyAdded) internal {
        run.totals.custody = (run.totals.custody + custodyAdded).toUint128();
        state.totals = run.totals;
        if (run.totals.assetId == 0) return;
        // CAST: at most the capacity.
        run.inflow.level = uint112(run.available);
        run.inflow.updatedAt = uint40(block.timestamp);
        state.inflow = run.inflow;
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

    /// @notice The standing under an asset's freeze; Collateral if it never had one.
    function baseStanding(AssetState storage state) internal view returns (ILedger.AssetStanding) {
        ILedger.AssetStanding standing = state.inflow.standing;
        return standing == ILedger.AssetStanding.Unknown ? ILedger.AssetStanding.Collateral : standing;
    }
}
