// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Account} from "../types/Account.sol";
import {AssetBooks, AssetState, Totals} from "./AssetBooks.sol";
import {CashMoves} from "./CashMoves.sol";
import {ILedger} from "./ILedger.sol";

/// @notice The ledger's moves for value on its way out. Each keeps custody = balances + free + reserved + suspense (INV-LEDGER-1) and
///         Σ free at par − Σ cash − queued cash (INV-CASH-1, see CashMoves and InterestBooks for the rest of it).
abstract contract ExitMoves is CashMoves {
    using AssetBooks for AssetState;
    using SafeCast for uint256;

    /// @inheritdoc ILedger
    uint256 public queuedCash;

    // ---- balances

    /// @inheritdoc ILedger
    function take(Account account, uint32 eid, uint16 asset, uint256 units) external onlyModule {
        require(units != 0, AmountZero());
        AssetState storage state = _configured(eid, asset);
        uint16 assetId = state.totals.assetId;
        uint256 taken = _takeBalance(account, assetId, units);
        require(taken == units, BalanceTooLow(Account.unwrap(account), assetId, taken, units));
        state.reserve(units, false);
        emit Reserved(Account.unwrap(account), eid, asset, units, ReserveSource.Balance);
    }

    // ---- cash

    /// @inheritdoc ILedger
    function queueCash(
        Account account,
        uint32 eid,
        uint16 asset,
        uint256 cash
    ) external onlyModule returns (uint256 units, uint256 scale) {
        AssetState storage state = _configured(eid, asset);
        require(state.baseStanding() == AssetStanding.Settlement || state.free() != 0, AssetNotSettlement(eid, asset));
        scale = AssetBooks.cashPerUnit(state.limits.decimals);
        units = cash / scale;
        if (units == 0) return (0, scale);
        require(!_braked, CashBraked());
        cash = units * scale;
        int256 held = _cash(account);
        // CAST: an account's cash has 124 bits; compared before the amount is.
        require(held >= 0 && uint256(held) >= cash, CashTooLow(Account.unwrap(account), held, cash));
        _moveCash(account, -int256(cash));
        queuedCash += cash;
        emit CashQueued(Account.unwrap(account), cash);
    }

    /// @inheritdoc ILedger
    function unqueueCash(Account account, uint32 eid, uint16 asset, uint256 units) external onlyModule {
        uint256 cash = units * AssetBooks.cashPerUnit(_configured(eid, asset).limits.decimals);
        queuedCash -= cash;
        // CAST: a part of the queued cash, which came out of accounts.
        _moveCash(account, int256(cash));
        emit CashUnqueued(Account.unwrap(account), cash);
    }

    /// @inheritdoc ILedger
    function reserveCash(
        Account account,
        uint32 eid,
        uint16 asset,
        uint256 units
    ) external onlyModule returns (bool reserved) {
        AssetState storage state = _configured(eid, asset);
        if (units > state.free()) return false;
        queuedCash -= units * AssetBooks.cashPerUnit(state.limits.decimals);
        state.reserve(units, true);
        emit Reserved(Account.unwrap(account), eid, asset, units, ReserveSource.Cash);
        return true;
    }

    // ---- parked deposits, orders and receipts

    /// @inheritdoc ILedger
    function reserveSuspense(uint32, uint16, uint256) external onlyModule {
        _askDesk();
    }

    /// @inheritdoc ILedger
    function unreserve(Account account, uint32 eid, uint16 asset, uint256 units, ReserveSource to) external onlyModule {
        require(units != 0, AmountZero());
        AssetState storage state = _assets[eid][asset];
        require(units <= state.reserved, NotReserved(eid, asset, state.reserved, units));
        uint256 pool = state.free();
        // CAST: at most `reserved`.
        uint112 part = uint112(units);
        state.reserved -= part;
        if (to == ReserveSource.Cash) {
            pool += units;
            // CAST: at most 2^108 · 10^18.
            _moveCash(account, int256(units * AssetBooks.cashPerUnit(state.limits.decimals)));
        } else if (to == ReserveSource.Balance) {
            _addBalance(account, state.totals.assetId, units, true);
        } else {
            state.totals.credited -= part;
            if (state.totals.assetId != 0) state.pools.suspense += part;
        }
        state.setFree(pool);
        emit Unreserved(Account.unwrap(account), eid, asset, units, to);
    }

    /// @inheritdoc ILedger
    function release(
        uint32 eid,
        uint16[] calldata assets,
        uint128[] calldata sums
    ) external onlyModule returns (bool released) {
        mapping(uint16 asset => AssetState) storage states = _assets[eid];
        uint256 n = assets.length;
        for (uint256 i; i < n; ++i) {
            if (sums[i] > states[assets[i]].reserved) return false;
        }
        for (uint256 i; i < n; ++i) {
            uint16 asset = assets[i];
            AssetState storage state = states[asset];
            // CAST: at most `reserved`, which is a part of `credited`, as that is of custody.
            uint112 units = uint112(sums[i]);
            Totals memory totals = state.totals;
            unchecked {
                state.reserved -= units;
                totals.credited -= units;
                totals.custody -= units;
            }
            state.totals = totals;
            emit Released(eid, asset, units);
        }
        return true;
    }

    /// @inheritdoc ILedger
    function reinstate(uint32, uint16, uint256) external onlyModule {
        _askDesk();
    }

    // ---- views

    /// @inheritdoc ILedger
    function liquidityOf(uint32 eid, uint16 asset) external view returns (uint256 reserved, uint256 free) {
        AssetState storage state = _assets[eid][asset];
        return (state.reserved, state.free());
    }

    // ---- inner

    function _configured(uint32 eid, uint16 asset) private view returns (AssetState storage state) {
        state = _assets[eid][asset];
        require(state.totals.assetId != 0, AssetUnknown(eid, asset));
    }
}
