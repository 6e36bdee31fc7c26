// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {TokenBucket} from "../math/TokenBucket.sol";
import {Account} from "../types/Account.sol";
import {Principal} from "../types/Principal.sol";
import {AccountBooks} from "./AccountBooks.sol";
import {AssetBook, AssetBooks, AssetState, Inflow, Limits, Pools, Totals} from "./AssetBooks.sol";
import {CollateralList} from "./CollateralList.sol";
import {Credit, CreditTerms, Destination} from "./Credit.sol";
import {ILedger} from "./ILedger.sol";

/// @notice See ILedger.
contract Ledger is ILedger, AccountBooks, AccessManaged {
    using AssetBooks for AssetState;

    struct AssetKey {
        uint32 eid;
        uint16 asset;
    }

    uint256 private constant MAX_SETTLEMENT_DECIMALS = 18;
    uint256 private constant MAX_DECIMALS = 36;

    /// @inheritdoc ILedger
    uint32 public immutable hubEid;

    /// @inheritdoc ILedger
    uint16 public assetCount;
    /// @dev Shares its slot with assetCount, so that it is never a fresh one.
    int240 private _totalCash;

    mapping(uint32 eid => mapping(uint16 asset => AssetState)) private _assets;
    mapping(uint16 assetId => AssetKey) private _keys;
    /// @inheritdoc ILedger
    mapping(address module => bool) public isModule;

    modifier onlyModule() {
        require(isModule[msg.sender], NotModule(msg.sender));
        _;
    }

    modifier onlyOwnerOf(Account account) {
        require(Principal.owns(msg.sender, account, hubEid), NotAccountOwner(Account.unwrap(account), msg.sender));
        _;
    }

    /// @param authority the AccessManager
    /// @param hubEid_   LayerZero eid of this chain: accounts of this home are owned by contracts here
    constructor(address authority, uint32 hubEid_) AccessManaged(authority) {
        hubEid = hubEid_;
    }

    // ---- modules

    /// @inheritdoc ILedger
    function credit(uint32 srcEid, Credit[] calldata credits) external onlyModule returns (bytes memory reasons) {
        uint256 n = credits.length;
        reasons = new bytes(n);
        if (n == 0) return reasons;

        mapping(uint16 asset => AssetState) storage assets = _assets[srcEid];
        AssetBook memory open;
        uint16 openAsset = credits[0].terms.asset();
        assets[openAsset].load(open);
        int256 cashAdded;
        for (uint256 i; i < n; ++i) {
            CreditTerms terms = credits[i].terms;
            if (terms.asset() != openAsset) {
                assets[openAsset].store(open);
                openAsset = terms.asset();
                assets[openAsset].load(open);
            }
            uint256 amount = terms.amount();
            open.custody += amount;
            (ParkReason reason, int256 cash) = _place(open, srcEid, credits[i].account, terms);
            cashAdded += cash;
            if (reason != ParkReason.None) {
                // CAST: an amount of 128 bits.
                open.suspenseChange += int256(amount);
                reasons[i] = bytes1(uint8(reason));
            }
        }
        assets[openAsset].store(open);
        // CAST: the sum of cash amounts below 2^123 each.
        if (cashAdded != 0) _totalCash += int240(cashAdded);
    }

    /// @inheritdoc ILedger
    function creditFromSuspense(uint32 srcEid, Credit calldata c) external onlyModule returns (ParkReason reason) {
        AssetState storage state = _assets[srcEid][c.terms.asset()];
        AssetBook memory open;
        state.load(open);
        int256 cash;
        (reason, cash) = _place(open, srcEid, c.account, c.terms);
        if (reason != ParkReason.None) return reason;
        // CAST: an amount of 128 bits; cash of one credit is below 2^123.
        open.suspenseChange = -int256(uint256(c.terms.amount()));
        state.store(open);
        _totalCash += int240(cash);
    }

    /// @dev Books a credit on the account and the asset, or changes nothing and says why not.
    function _place(
        AssetBook memory open,
        uint32 srcEid,
        Account account,
        CreditTerms terms
    ) private returns (ParkReason, int256 cash) {
        if (open.standing == AssetStanding.Unknown) return (ParkReason.UnknownAsset, 0);
        if (open.standing == AssetStanding.Frozen) return (ParkReason.FrozenAsset, 0);
        if (account.owner() == address(0)) return (ParkReason.AccountInvalid, 0);
        uint256 amount = terms.amount();
        if (open.credited + amount > open.cap) return (ParkReason.CapExceeded, 0);
        (bool passes, uint256 left) = TokenBucket.take(open.available, amount, open.capacity);
        if (!passes) return (ParkReason.InflowLimit, 0);

        Destination destination;
        if (open.standing == AssetStanding.Settlement) {
            // CAST: amount ≤ cap < 2^108 and scale ≤ 10^18, so the product is below 2^168.
            cash = int256(amount * open.scale);
            if (!_addCash(account, cash)) return (ParkReason.BalanceOverflow, 0);
            open.freeChange += int256(amount);
            destination = Destination.Cash;
        } else {
            destination = _addBalance(account, uint16(open.assetId), amount, terms.ownDeposit());
        }
        open.credited += amount;
        open.available = left;
        emit Credited(Account.unwrap(account), terms.receiptOf(srcEid, uint16(open.assetId), destination));
        return (ParkReason.None, cash);
    }

    /// @inheritdoc ILedger
    function correct(uint32 eid, uint16 asset, Account account, int256 amount, uint64 sequence) external onlyModule {
        require(amount != 0, AmountZero());
        AssetState storage state = _assets[eid][asset];
        AssetBook memory open;
        state.load(open);
        uint256 size = SignedMath.abs(amount);
        bool onSuspense = Account.unwrap(account) == 0;
        require(onSuspense || open.assetId != 0, AssetUnknown(eid, asset));
        uint256 booked =
            onSuspense
                ? _correctSuspense(open, state, amount > 0, size)
                : _correctAccount(open, state, account, amount > 0, size);
        open.custody = amount > 0 ? open.custody + booked : open.custody - booked;
        state.store(open);
        uint256 uncovered = size - booked;
        // CAST: negative corrections are bounded by MAX_CORRECTION, so the sum stays far below 2^132.
        if (uncovered != 0) state.lost += uint128(uncovered);
        // CAST: |booked| ≤ |amount|.
        emit Corrected(
            Account.unwrap(account),
            uint16(open.assetId),
            amount > 0 ? int256(booked) : -int256(booked),
            uncovered,
            sequence
        );
    }

    /// @dev All or nothing: suspense is moved by parked deposits alone, so a governed figure can be exact.
    function _correctSuspense(
        AssetBook memory open,
        AssetState storage state,
        bool positive,
        uint256 size
    ) private view returns (uint256) {
        if (positive) {
            require(size <= CollateralList.MAX_AMOUNT, AmountTooLarge(size, CollateralList.MAX_AMOUNT));
            open.suspenseChange = int256(size);
            return size;
        }
        uint256 suspense = open.assetId == 0 ? open.custody : state.pools.suspense;
        require(size <= suspense, BalanceTooLow(0, uint16(open.assetId), suspense, size));
        open.suspenseChange = -int256(size);
        return size;
    }

    /// @dev Positive: no cap or inflow limit applies, governance has decided. Negative: the balance first, then cash as far as the
    ///      asset has free settlement behind it.
    function _correctAccount(
        AssetBook memory open,
        AssetState storage state,
        Account account,
        bool positive,
        uint256 size
    ) private returns (uint256 booked) {
        uint16 assetId = uint16(open.assetId);
        if (positive) {
            uint256 room = CollateralList.MAX_AMOUNT - open.credited;
            require(size <= room, AmountTooLarge(size, room));
            open.credited += size;
            if (open.standing == AssetStanding.Settlement) _correctCash(open, account, int256(size));
            else _addBalance(account, assetId, size, false);
            return size;
        }
        booked = _takeBalance(account, assetId, size);
        uint256 fromCash = Math.min(size - booked, state.pools.free);
        if (fromCash != 0) {
            _correctCash(open, account, -int256(fromCash));
            booked += fromCash;
        }
        open.credited -= booked;
    }

    function _correctCash(AssetBook memory open, Account account, int256 size) private {
        // CAST: ≤ 10^18.
        int256 cash = size * int256(10 ** (AssetBooks.CASH_DECIMALS - open.decimals));
        require(_addCash(account, cash), CashOutOfRange(Account.unwrap(account), _cash(account), cash));
        open.freeChange += size;
        // CAST: below 2^168.
        _totalCash += int240(cash);
    }

    // ---- owners

    /// @inheritdoc ILedger
    function enableCollateral(Account account, uint16 assetId) external onlyOwnerOf(account) {
        _requireKnown(assetId);
        (bool absent, bool room, uint256 amount) = _enable(account, assetId);
        require(absent, AlreadyEnabled(Account.unwrap(account), assetId));
        require(room, CollateralLimit(Account.unwrap(account), CollateralList.MAX_ASSETS));
        emit CollateralEnabled(Account.unwrap(account), assetId, amount);
    }

    /// @inheritdoc ILedger
    function disableCollateral(Account account, uint16 assetId) external onlyOwnerOf(account) {
        (bool present, uint256 amount) = _disable(account, assetId);
        require(present, NotEnabled(Account.unwrap(account), assetId));
        emit CollateralDisabled(Account.unwrap(account), assetId, amount);
    }

    /// @inheritdoc ILedger
    function transfer(Account from, Account to, uint16 assetId, uint128 amount) external onlyOwnerOf(from) {
        _requireSibling(from, to);
        require(amount != 0, AmountZero());
        uint256 taken = _takeBalance(from, assetId, amount);
        require(taken == amount, BalanceTooLow(Account.unwrap(from), assetId, taken, amount));
        _addBalance(to, assetId, amount, true);
        emit Transferred(Account.unwrap(from), Account.unwrap(to), assetId, amount);
    }

    /// @inheritdoc ILedger
    function transferCash(Account from, Account to, uint128 amount) external onlyOwnerOf(from) {
        _requireSibling(from, to);
        require(amount != 0, AmountZero());
        // CAST: 128 bits.
        int256 cash = int256(uint256(amount));
        int256 held = _cash(from);
        require(held >= cash, CashTooLow(Account.unwrap(from), held, amount));
        _addCash(from, -cash);
        require(_addCash(to, cash), CashOutOfRange(Account.unwrap(to), _cash(to), cash));
        emit CashTransferred(Account.unwrap(from), Account.unwrap(to), amount);
    }

    /// @dev Sub-accounts of one principal: the same owner and home.
    function _requireSibling(Account from, Account to) private pure {
        require(
            from.owner() == to.owner() && from.home() == to.home() && from.subaccount() != to.subaccount(),
            OwnerMismatch(Account.unwrap(from), Account.unwrap(to))
        );
    }

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
        uint256 level = config.inflowCapacity;
        if (assetId == 0) {
            assetId = ++assetCount;
            _keys[assetId] = AssetKey(eid, asset);
            state.totals.assetId = assetId;
            state.pools = Pools({listed: true, free: 0, suspense: state.totals.custody});
        } else {
            // The bucket is settled at its old rate, and never gains by a change.
            level = Math.min(_available(state), level);
        }
        // CAST: bounds were checked above.
        state.inflow = Inflow({
            level: uint112(level),
            updatedAt: uint40(block.timestamp),
            perSecond: uint88(config.inflowPerSecond),
            standing: config.standing,
            decimals: config.decimals
        });
        state.limits = Limits({cap: uint112(config.cap), inflowCapacity: uint112(config.inflowCapacity)});
        emit AssetConfigured(assetId, eid, asset, config);
    }

    function _requireValid(uint16 assetId, AssetState storage state, AssetConfig calldata config) private view {
        require(config.standing != AssetStanding.Unknown, AssetConfigInvalid(assetId, "standing not Unknown"));
        require(
            config.decimals <= (config.standing == AssetStanding.Settlement ? MAX_SETTLEMENT_DECIMALS : MAX_DECIMALS),
            AssetConfigInvalid(assetId, "decimals at most 18 for settlement, else at most 36")
        );
        require(
            assetId == 0 || config.decimals == state.inflow.decimals,
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
        AssetState storage state = _stateOf(assetId);
        state.inflow.standing = AssetStanding.Frozen;
        AssetKey memory key = _keys[assetId];
        emit AssetConfigured(assetId, key.eid, key.asset, configOf(assetId));
    }

    /// @inheritdoc ILedger
    function setModule(address module, bool enabled) external restricted {
        isModule[module] = enabled;
        emit ModuleSet(module, enabled);
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
                standing: state.inflow.standing,
                decimals: state.inflow.decimals,
                cap: state.limits.cap,
                inflowCapacity: state.limits.inflowCapacity,
                inflowPerSecond: state.inflow.perSecond
            });
    }

    /// @inheritdoc ILedger
    function custodyOf(uint16 assetId) external view returns (Custody memory) {
        AssetState storage state = _stateOf(assetId);
        return
            Custody({
                custody: state.totals.custody,
                balances: state.totals.credited - state.pools.free - state.reserved,
                free: state.pools.free,
                reserved: state.reserved,
                suspense: state.pools.suspense
            });
    }

    /// @inheritdoc ILedger
    function unlistedSuspense(uint32 eid, uint16 asset) external view returns (uint256) {
        Totals memory totals = _assets[eid][asset].totals;
        return totals.assetId == 0 ? totals.custody : 0;
    }

    /// @inheritdoc ILedger
    function inflowAvailable(uint16 assetId) external view returns (uint128) {
        // CAST: at most the capacity, below 2^108.
        return uint128(_available(_stateOf(assetId)));
    }

    /// @inheritdoc ILedger
    function collateralOf(Account account) external view returns (uint16[] memory assetIds, uint128[] memory amounts) {
        return _collateral(account);
    }

    /// @inheritdoc ILedger
    function balanceOf(Account account, uint16 assetId) external view returns (uint128 collateral, uint128 idle) {
        (uint256 enabled, uint256 unused) = _balance(account, assetId);
        // CAST: both are part of a total below 2^108.
        return (uint128(enabled), uint128(unused));
    }

    /// @inheritdoc ILedger
    function cashOf(Account account) external view returns (int256) {
        return _cash(account);
    }

    /// @inheritdoc ILedger
    function totalCash() external view returns (int256) {
        return _totalCash;
    }

    /// @inheritdoc ILedger
    function lossOf(uint16 assetId) external view returns (uint256) {
        return _stateOf(assetId).lost;
    }

    function _requireKnown(uint16 assetId) private view {
        require(assetId != 0 && assetId <= assetCount, AssetIdUnknown(assetId, assetCount));
    }

    function _stateOf(uint16 assetId) private view returns (AssetState storage) {
        _requireKnown(assetId);
        AssetKey memory key = _keys[assetId];
        return _assets[key.eid][key.asset];
    }

    function _available(AssetState storage state) private view returns (uint256) {
        Inflow memory inflow = state.inflow;
        return
            TokenBucket.available(
                inflow.level,
                inflow.updatedAt,
                state.limits.inflowCapacity,
                inflow.perSecond,
                block.timestamp
            );
    }
}
