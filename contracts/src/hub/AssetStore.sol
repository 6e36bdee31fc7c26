// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {AssetBooks, AssetState} from "./AssetBooks.sol";
import {ILedger} from "./ILedger.sol";

/// @notice Where the ledger keeps its assets. First in its storage, so that AssetDesk, which it delegates to, finds them at the same slots.
abstract contract AssetStore is AccessManaged {
    using AssetBooks for AssetState;

    /// @dev A loss was spread over all cash.
    uint8 internal constant SPREAD = 1;
    /// @dev An asset was written down.
    uint8 internal constant WRITTEN_DOWN = 2;

    struct AssetKey {
        uint32 eid;
        uint16 asset;
    }

    /// @notice What became of an asset whose vault lost a part of it.
    /// @param recovery  of what was held, 18 decimals
    /// @param successor asset that holds what was recovered; 0: not written down
    struct WrittenDown {
        uint64 recovery;
        uint16 successor;
    }

    /// @dev Σ booked cash + clearing: what a module's move of cash leaves as it is. In one slot with what every move has to know.
    int224 internal _backing;
    uint16 internal _assetCount;
    /// @dev Cash is kept from leaving.
    bool internal _braked;
    /// @dev Which losses there ever were, SPREAD | WRITTEN_DOWN: bits of one field, because the slot is full.
    uint8 internal _losses;

    mapping(uint32 eid => mapping(uint16 asset => AssetState)) internal _assets;
    mapping(uint16 assetId => AssetKey) internal _keys;
    mapping(uint16 assetId => WrittenDown) internal _writtenDown;

    function _configOf(AssetState storage state) internal view returns (ILedger.AssetConfig memory) {
        return
            ILedger.AssetConfig({
                standing: state.inflow.frozen ? ILedger.AssetStanding.Frozen : state.inflow.standing,
                decimals: state.limits.decimals,
                cap: state.limits.cap,
                inflowCapacity: state.limits.inflowCapacity,
                inflowPerSecond: state.inflow.perSecond
            });
    }

    function _requireKnown(uint16 assetId) internal view {
        require(assetId != 0 && assetId <= _assetCount, ILedger.AssetIdUnknown(assetId, _assetCount));
    }

    function _stateOf(uint16 assetId) internal view returns (AssetState storage) {
        _requireKnown(assetId);
        AssetKey memory key = _keys[assetId];
        return _assets[key.eid][key.asset];
    }
}
