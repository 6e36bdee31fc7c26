// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {AssetBooks, AssetState, Inflow, Limits, Pools} from "./AssetBooks.sol";
import {AssetStore} from "./AssetStore.sol";
import {CollateralList} from "./CollateralList.sol";
import {ILedger} from "./ILedger.sol";
import {ICollateralRules} from "./risk/ICollateralRules.sol";

/// @notice What governance, and seldom a module, does to the ledger's assets: code that the ledger runs on its own storage (delegatecall), because one contract has
///         no room for it. Called directly it does nothing: nobody holds a role here.
contract AssetDesk is AssetStore {
    using AssetBooks for AssetState;

    uint256 private constant MAX_DECIMALS = 36;
    uint256 private constant WAD = 1e18;

    address private immutable _self = address(this);

    /// @dev For what no role guards.
    modifier onlyDelegated() {
        require(address(this) != _self, ILedger.NotModule(msg.sender));
        _;
    }

    /// @param ledger that delegates here; of no use to anybody as an authority
    constructor(address ledger) AccessManaged(ledger) {}

    /// @notice See ILedger.
    function configureAsset(
        uint32 eid,
        uint16 asset,
        ILedger.AssetConfig calldata config
    ) external restricted returns (uint16 assetId) {
        AssetState storage state = _assets[eid][asset];
        assetId = state.totals.assetId;
        _requireValid(assetId, state, config);
        uint256 free = state.free();
        uint256 level = config.inflowCapacity;
        if (assetId == 0) {
            // CAST: a part of custody. Read before the asset has an id.
            uint128 parked = uint128(state.suspense());
            assetId = ++_assetCount;
            _keys[assetId] = AssetKey(eid, asset);
            state.totals.assetId = assetId;
            state.pools = Pools({listed: true, other: 0, suspense: parked});
        } else {
            // The bucket is settled at its old rate, and never gains by a change.
            level = Math.min(state.available(), level);
        }
        bool frozen = config.standing == ILedger.AssetStanding.Frozen;
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
        emit ILedger.AssetConfigured(assetId, eid, asset, config);
    }

    function _requireValid(uint16 assetId, AssetState storage state, ILedger.AssetConfig calldata config) private view {
        require(
            config.standing != ILedger.AssetStanding.Unknown,
            ILedger.AssetConfigInvalid(assetId, "standing not Unknown")
        );
        require(
            config.decimals <=
                (config.standing == ILedger.AssetStanding.Settlement ? AssetBooks.CASH_DECIMALS : MAX_DECIMALS),
            ILedger.AssetConfigInvalid(assetId, "decimals at most 18 for settlement, else at most 36")
        );
        require(
            assetId == 0 || config.decimals == state.limits.decimals,
            ILedger.AssetConfigInvalid(assetId, "decimals as first configured")
        );
        require(config.cap <= CollateralList.MAX_AMOUNT, ILedger.AssetConfigInvalid(assetId, "cap below 2^108"));
        require(
            config.inflowCapacity != 0 && config.inflowCapacity <= CollateralList.MAX_AMOUNT,
            ILedger.AssetConfigInvalid(assetId, "inflowCapacity from 1, below 2^108")
        );
        require(
            config.inflowPerSecond != 0 && config.inflowPerSecond <= type(uint88).max,
            ILedger.AssetConfigInvalid(assetId, "inflowPerSecond from 1, below 2^88")
        );
    }

    /// @notice See ILedger.
    function freezeAsset(uint16 assetId) external restricted {
        _stateOf(assetId).inflow.frozen = true;
        AssetKey memory key = _keys[assetId];
        emit ILedger.AssetConfigured(assetId, key.eid, key.asset, _configOf(_stateOf(assetId)));
    }

    /// @notice See ILedger.writeDown.
    /// @return successor as there
    /// @return lostCash  what pooled settlement lost, at par, 18 decimals
    function writeDown(
        uint32 eid,
        uint16 asset,
        uint64 recovery,
        bytes32 bearer,
        ICollateralRules rules
    ) external restricted returns (uint16 successor, uint256 lostCash) {
        AssetState storage state = _assets[eid][asset];
        uint16 assetId = state.totals.assetId;
        require(assetId != 0, ILedger.AssetUnknown(eid, asset));
        require(recovery < WAD, ILedger.RecoveryInvalid(recovery, WAD));
        // What still came in would be credited in full to an asset that is not there in full.
        require(state.inflow.frozen, ILedger.AssetNotFrozen(assetId));
        uint256 free = state.free();
        uint256 balances = state.totals.credited - free - state.reserved;
        uint256 lostFree = free - Math.mulDiv(free, recovery, WAD);
        uint256 lostBalances = balances - Math.mulDiv(balances, recovery, WAD);
        // CAST: parts of `credited`, as that is of custody.
        state.totals.credited -= uint112(lostFree + lostBalances);
        state.totals.custody -= uint128(lostFree + lostBalances);
        state.setFree(free - lostFree);
        // CAST: what was credited under settlement has at most 18 decimals.
        if (free != 0) lostCash = lostFree * AssetBooks.cashPerUnit(state.limits.decimals);
        successor = ++_assetCount;
        state.totals.assetId = successor;
        _keys[successor] = AssetKey(eid, asset);
        _writtenDown[assetId] = WrittenDown(recovery, successor);
        _losses |= WRITTEN_DOWN;
        emit ILedger.AssetWrittenDown(assetId, successor, eid, asset, recovery, lostBalances, lostFree, bearer);
        emit ILedger.AssetConfigured(successor, eid, asset, _configOf(state));
        // Between the two, accounts would be worth what is not there any more, or nothing of what is.
        rules.succeed(assetId, successor);
    }

    // ---- what modules do seldom: the ledger asks who they are

    /// @notice See ILedger.
    function reserveSuspense(uint32 eid, uint16 asset, uint256 units) external onlyDelegated {
        require(units != 0, ILedger.AmountZero());
        AssetState storage state = _assets[eid][asset];
        uint16 assetId = state.totals.assetId;
        uint256 parked = state.suspense();
        require(units <= parked, ILedger.BalanceTooLow(0, assetId, parked, units));
        uint256 free = state.free();
        uint256 credited = state.totals.credited;
        uint256 room = CollateralList.MAX_AMOUNT - credited;
        require(units <= room, ILedger.AmountTooLarge(units, room));
        // CAST: all three at most what was compared above.
        state.totals.credited = uint112(credited + units);
        state.reserved += uint112(units);
        if (assetId != 0) state.pools.suspense = uint128(parked - units);
        state.setFree(free);
        emit ILedger.Reserved(0, eid, asset, units, ILedger.ReserveSource.Suspense);
    }

    /// @notice See ILedger.
    function reinstate(uint32 eid, uint16 asset, uint256 units) external onlyDelegated {
        require(units != 0, ILedger.AmountZero());
        AssetState storage state = _assets[eid][asset];
        uint256 room = CollateralList.MAX_AMOUNT - state.totals.credited;
        require(units <= room, ILedger.AmountTooLarge(units, room));
        // CAST: at most MAX_AMOUNT.
        uint112 more = uint112(units);
        state.totals.credited += more;
        state.totals.custody += more;
        // Free settlement is what is credited and neither reserved nor a balance, so it stays.
        state.reserved += more;
        emit ILedger.Reinstated(eid, asset, units);
    }
}
