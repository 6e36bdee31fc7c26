// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AssetBooks, AssetState} from "./AssetBooks.sol";
import {AssetDesk} from "./AssetDesk.sol";
import {AssetStore} from "./AssetStore.sol";
import {ILedger} from "./ILedger.sol";

/// @notice The ledger's assets: what is listed, its limits, and its totals. What changes them by governance is AssetDesk's.
abstract contract AssetRegistry is AssetStore, ILedger {
    using AssetBooks for AssetState;

    /// @inheritdoc ILedger
    int256 public clearing;

    address private immutable _desk;

    constructor() {
        _desk = address(new AssetDesk(address(this)));
    }

    // ---- governance

    /// @inheritdoc ILedger
    function configureAsset(uint32, uint16, AssetConfig calldata) external returns (uint16) {
        _answer(_askDesk());
    }

    /// @inheritdoc ILedger
    function freezeAsset(uint16) external {
        _answer(_askDesk());
    }

    /// @dev Has AssetDesk do what was called, on this storage and for this caller. Reverts as it does.
    function _askDesk() internal returns (bytes memory answer) {
        bool done;
        (done, answer) = _desk.delegatecall(msg.data);
        if (done) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    /// @dev Ends the call.
    function _answer(bytes memory answer) private pure {
        assembly ("memory-safe") {
            return(add(answer, 32), mload(answer))
        }
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
    function configOf(uint16 assetId) external view returns (AssetConfig memory) {
        return _configOf(_stateOf(assetId));
    }

    /// @inheritdoc ILedger
    function custodyOf(uint16 assetId) external view returns (Custody memory) {
        AssetState storage state = _stateOf(assetId);
        // Its successor has what is left of one that was written down.
        if (state.totals.assetId != assetId) return Custody(0, 0, 0, 0, 0);
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
        return _totalCash();
    }

    /// @inheritdoc ILedger
    function lossOf(uint16 assetId) external view returns (uint256) {
        return _stateOf(assetId).lost;
    }

    /// @inheritdoc ILedger
    function writtenDownOf(uint16 assetId) external view returns (uint64 recovery, uint16 successor) {
        WrittenDown memory w = _writtenDown[assetId];
        return (w.recovery, w.successor);
    }

    /// @inheritdoc ILedger
    function anyWrittenDown() external view returns (bool) {
        return _losses & WRITTEN_DOWN != 0;
    }

    /// @inheritdoc ILedger
    function assetCount() external view returns (uint16) {
        return _assetCount;
    }

    /// @inheritdoc ILedger
    function isBraked() external view returns (bool) {
        return _braked;
    }

    /// @dev Σ booked cash.
    function _totalCash() internal view returns (int256) {
        return int256(_backing) - clearing;
    }
}
