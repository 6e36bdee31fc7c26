// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {AssetBooks, AssetState, Inflow, Limits, Pools} from "./AssetBooks.sol";
import {CollateralList} from "./CollateralList.sol";
import {ILedger} from "./ILedger.sol";

/// @notice The ledger's assets: what is listed, its limits, and its totals.
abstract contract AssetRegistry is ILedger, AccessManaged {
    using AssetBooks for AssetState;

    struct AssetKey {
        uint32 eid;
        uint16 asset;
    }

    uint256 private constant MAX_DECIMALS = 36;

    /// @inheritdoc ILedger
    uint16 public assetCount;
    int240 internal _totalCash;

    mapping(uint32 eid => mapping(uint16 asset => AssetState)) internal _assets;
    mapping(uint16 assetId => AssetKey) private _keys;

    // ---- governance

    /// @inheritdoc ILedger
    function configureAsset(
        uint32 eid,
        uint16 asset,
        AssetConfig calldata config
    ) external restricted returns (uint16 assetId) {
        AssetState storage state = _assets[eid][asset];
        assetId = state.totals.assetId;
        _requireValid(assetId, state, config);
        uint256 free = state.free();
        uint256 level = config.inflowCapacity;
        if (assetId == 0) {
            // CAST: a part of custody. Read before the asset has an id.
            uint128 parked = uint128(state.suspense());
            assetId = ++assetCount;
            _keys[assetId] = AssetKey(eid, asset);
            state.totals.assetId = assetId;
            state.pools = Pools({listed: true, other: 0, suspense: parked});
        } else {
            // The bucket is settled at its old rate, and never gains by a change.
            level = Math.min(state.available(), level);
        }
        bool frozen = config.standing == AssetStanding.Frozen;
        // CAST: bounds were checked above.
        state.inflow = Inflow({
            level: uint112(level),
            updatedAt: uint40(block.timestamp),
            perSecond: uint88(config.inflowPerSecond),
            standing: frozen ? state.baseStanding() : config.standing,
            frozen: frozen
        });
        state.limits = Limits({
            cap: uint112(config.cap),
            inflowCapacity: uint112(config.inflowCapacity),
            decimals: config.decimals
        });
        // What was credited under another standing stays what it was.
        state.setFree(free);
        emit AssetConfigured(assetId, eid, asset, config);
    }

    function _requireValid(uint16 assetId, AssetState storage state, AssetConfig calldata config) private view {
        require(config.standing != AssetStanding.Unknown, AssetConfigInvalid(assetId, "standing not Unknown"));
        require(
            config.decimals <= (config.standing == AssetStanding.Settlement ? AssetBooks.CASH_DECIMALS : MAX_DECIMALS),
            AssetConfigInvalid(assetId, "decimals at most 18 for settlement, else at most 36")
        );
        require(
            assetId == 0 || config.decimals == state.limits.decimals,
            AssetConfigInvalid(assetId, "decimals as first configured")
        );
        require(config.cap <= CollateralList.MAX_AMOUNT, AssetConfigInvalid(assetId, "cap below 2^108"));
        require(
            config.inflowCapacity != 0 && config.inflowCapacity <= CollateralList.MAX_AMOUNT,
            AssetConfigInvalid(assetId, "inflowCapacity from 1, below 2^108")
        );
        require(
            config.inflowPerSecond != 0 && config.inflowPerSecond <= type(uint88).max,
            AssetConfigInvalid(assetId, "inflowPerSecond from 1, below 2^88")
        );
    }

    /// @inheritdoc ILedger
    function freezeAsset(uint16 assetId) external restricted {
        _stateOf(assetId).inflow.frozen = true;
        AssetKey memory key = _keys[assetId];
        emit AssetConfigured(assetId, key.eid, key.asset, configOf(assetId));
    }

    // ---- views

    /// @inheritdoc ILedger
    function assetIdOf(uint32 eid, uint16 asset) external view returns (uint16 assetId) {
        return _assets[eid][asset].totals.assetId;
    }

    /// @inheritdoc ILedger
    function assetKey(uint16 assetId) external view returns (uint32 eid, uint16 asset) {
        _requireKnown(assetId);
        AssetKey memory key = _keys[assetId];
        return (key.eid, key.asset);
    }

    /// @inheritdoc ILedger
    function configOf(uint16 assetId) public view returns (AssetConfig memory) {
        AssetState storage state = _stateOf(assetId);
        return
            AssetConfig({
                standing: state.inflow.frozen ? AssetStanding.Frozen : state.inflow.standing,
                decimals: state.limits.decimals,
                cap: state.limits.cap,
                inflowCapacity: state.limits.inflowCapacity,
                inflowPerSecond: state.inflow.perSecond
            });
    }

    /// @inheritdoc ILedger
    function custodyOf(uint16 assetId) external view returns (Custody memory) {
        AssetState storage state = _stateOf(assetId);
        uint256 free = state.free();
        return
            Custody({
                custody: state.totals.custody,
                balances: state.totals.credited - free - state.reserved,
                free: free,
                reserved: state.reserved,
                suspense: state.pools.suspense
            });
    }

    /// @inheritdoc ILedger
    function unlistedSuspense(uint32 eid, uint16 asset) external view returns (uint256) {
        AssetState storage state = _assets[eid][asset];
        return state.totals.assetId == 0 ? state.suspense() : 0;
    }

    /// @inheritdoc ILedger
    function inflowAvailable(uint16 assetId) external view returns (uint128) {
        // CAST: at most the capacity, below 2^108.
        return uint128(_stateOf(assetId).available());
    }

    /// @inheritdoc ILedger
    function totalCash() external view returns (int256) {
        return _totalCash;
    }

    /// @inheritdoc ILedger
    function lossOf(uint16 assetId) external view returns (uint256) {
        return _stateOf(assetId).lost;
    }

    function _requireKnown(uint16 assetId) internal view {
        require(assetId != 0 && assetId <= assetCount, AssetIdUnknown(assetId, assetCount));
    }

    function _stateOf(uint16 assetId) private view returns (AssetState storage) {
        _requireKnown(assetId);
        AssetKey memory key = _keys[assetId];
        return _assets[key.eid][key.asset];
    }
}
