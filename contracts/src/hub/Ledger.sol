// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {Account} from "../types/Account.sol";
import {Principal} from "../types/Principal.sol";
import {AssetBooks, AssetRun, AssetState} from "./AssetBooks.sol";
import {CollateralList} from "./CollateralList.sol";
import {CreditBatch, CreditLib, CreditReceipt, CreditTerms, Destination} from "./Credit.sol";
import {ExitMoves} from "./ExitMoves.sol";
import {ILedger} from "./ILedger.sol";
import {ICollateralRules} from "./risk/ICollateralRules.sol";

/// @notice See ILedger.
contract Ledger is ExitMoves {
    using AssetBooks for AssetRun;
    using AssetBooks for AssetState;
    using SafeCast for uint256;

    /// @dev No index of an asset, which has 16 bits.
    uint256 private constant NO_ASSET = type(uint256).max;

    /// @inheritdoc ILedger
    uint32 public immutable hubEid;
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
    function credit(uint32 srcEid, bytes calldata credits) external onlyModule returns (bytes memory reasons) {
        return _credit(srcEid, credits);
    }

    /// @inheritdoc ILedger
    function creditFromSuspense(uint32 srcEid, bytes calldata credits) external onlyModule returns (ParkReason reason) {
        // Booked like one that has just come in; then what stood for it in custody and suspense goes.
        bytes memory reasons = _credit(srcEid, credits);
        (, CreditTerms terms) = CreditBatch.at(credits, 0);
        AssetState storage state = _assets[srcEid][terms.asset()];
        state.totals.custody -= terms.amount();
        if (state.totals.assetId != 0) state.pools.suspense -= terms.amount();
        return reasons.length == 0 ? ParkReason.None : ParkReason(uint8(reasons[0]));
    }

    /// @dev Books credits in order; the state of an asset is read and written once per consecutive credits of it.
    function _credit(uint32 srcEid, bytes calldata credits) private returns (bytes memory reasons) {
        AssetRun memory run;
        uint256 asset = NO_ASSET;
        uint256 offset;
        while (offset < credits.length) {
            (Account account, CreditTerms terms) = CreditBatch.at(credits, offset);
            if (terms.asset() != asset) {
                // CAST: an index of 16 bits, once one is open.
                if (asset != NO_ASSET) _close(_assets[srcEid][uint16(asset)], run);
                asset = terms.asset();
                _assets[srcEid][terms.asset()].open(run);
            }
            uint256 next = _bookRun(srcEid, asset, run, credits, offset);
            if (next != offset) {
                offset = next;
                continue;
            }
            ParkReason reason = _bookOne(srcEid, run, account, terms);
            if (reason != ParkReason.None) {
                if (reason != ParkReason.AmountImpossible) run.suspended += terms.amount();
                if (reasons.length == 0) reasons = new bytes(credits.length / CreditBatch.SIZE);
                reasons[offset / CreditBatch.SIZE] = bytes1(uint8(reason));
            }
            offset += CreditBatch.SIZE;
        }
        if (asset != NO_ASSET) _close(_assets[srcEid][uint16(asset)], run);
    }

    /// @dev Books what needs one read and one write each (see AccountBooks), from `offset` on. Returns where that ended.
    function _bookRun(
        uint32 srcEid,
        uint256 asset,
        AssetRun memory run,
        bytes calldata credits,
        uint256 offset
    ) private returns (uint256 next) {
        uint256 passesBelow = run.passesBelow();
        if (passesBelow == 0) return offset;
        bool isCash = run.scale != 0;
        // What holders lost is charged before they hold more, one by one.
        if (isCash && _losses & SPREAD != 0) return offset;
        uint256 receipt = CreditReceipt.unwrap(
            CreditLib.receipt(
                srcEid,
                0,
                // CAST: it was read from 16 bits.
                uint16(run.assetId),
                isCash ? Destination.Cash : Destination.Collateral,
                0
            )
        );
        uint256 left;
        (next, left) = isCash
            ? _bookCash(credits, offset, asset, run.scale, passesBelow, receipt)
            : _bookFirst(credits, offset, asset, run.assetId, passesBelow, receipt);
        if (left != passesBelow) run.take(passesBelow - left);
    }

    /// @dev Books one credit on its account and the asset, or changes nothing and says why not.
    function _bookOne(
        uint32 srcEid,
        AssetRun memory run,
        Account account,
        CreditTerms terms
    ) private returns (ParkReason reason) {
        uint256 amount = terms.amount();
        // It would take custody past its field, and no vault can have written it.
        if (amount > CollateralList.MAX_AMOUNT) return ParkReason.AmountImpossible;
        reason = run.refusalOf(amount);
        if (reason != ParkReason.None) return reason;
        if (account.owner() == address(0)) return ParkReason.AccountInvalid;
        Destination destination = Destination.Cash;
        if (run.scale == 0)
            destination = _addBalance(account, run.assetId, amount, terms.ownDeposit());
            // CAST: below 2^112 · 10^18.
        else if (!_addCash(account, int256(amount * run.scale))) return ParkReason.BalanceOverflow;
        run.take(amount);
        CreditReceipt receipt = CreditLib.receipt(
            srcEid,
            terms.sequence(),
            // CAST: it was read from 16 bits.
            uint16(run.assetId),
            destination,
            terms.amount()
        );
        emit Credited(Account.unwrap(account), receipt);
    }

    function _close(AssetState storage state, AssetRun memory run) private {
        // CAST: below 2^112 · 10^18.
        if (run.scale != 0) _backing += int224(uint224(run.credits() * run.scale));
        state.close(run);
    }

    /// @inheritdoc ILedger
    function correct(uint32 eid, uint16 asset, Account account, int256 amount, uint64 sequence) external onlyModule {
        require(amount != 0, AmountZero());
        AssetState storage state = _assets[eid][asset];
        bool positive = amount > 0;
        uint256 size = SignedMath.abs(amount);
        uint256 booked =
            Account.unwrap(account) == 0
                ? _correctSuspense(state, positive, size)
                : _correctAccount(eid, asset, account, positive, size);
        uint256 custody = state.totals.custody;
        state.totals.custody = (positive ? custody + booked : custody - booked).toUint128();
        uint256 uncovered = size - booked;
        if (uncovered != 0) state.lost += uncovered.toUint128();
        // CAST: at most |amount|.
        int256 moved = positive ? int256(booked) : -int256(booked);
        emit Corrected(Account.unwrap(account), state.totals.assetId, moved, uncovered, sequence);
    }

    /// @dev All or nothing: suspense is moved by parked deposits alone, so a governed figure can be exact.
    function _correctSuspense(AssetState storage state, bool positive, uint256 size) private returns (uint256) {
        uint16 assetId = state.totals.assetId;
        uint256 suspense = state.suspense();
        if (positive) require(size <= CollateralList.MAX_AMOUNT, AmountTooLarge(size, CollateralList.MAX_AMOUNT));
        else require(size <= suspense, BalanceTooLow(0, assetId, suspense, size));
        // Before it is configured, an asset's suspense follows from its totals.
        if (assetId != 0) state.pools.suspense = (positive ? suspense + size : suspense - size).toUint128();
        return size;
    }

    /// @dev Positive: no cap or inflow limit applies, governance has decided. Negative: the balance first, then cash as far as the
    ///      asset has free settlement behind it.
    function _correctAccount(
        uint32 eid,
        uint16 asset,
        Account account,
        bool positive,
        uint256 size
    ) private returns (uint256 booked) {
        AssetState storage state = _assets[eid][asset];
        uint256 assetId = state.totals.assetId;
        require(assetId != 0, AssetUnknown(eid, asset));
        uint256 credited = state.totals.credited;
        uint256 free = state.free();
        if (positive) {
            uint256 room = CollateralList.MAX_AMOUNT - credited;
            require(size <= room, AmountTooLarge(size, room));
            booked = size;
            credited += size;
            if (state.inflow.standing != AssetStanding.Settlement) {
                _addBalance(account, assetId, size, false);
            } else {
                _correctCash(account, state.limits.decimals, int256(size));
                free += size;
            }
        } else {
            booked = _takeBalance(account, assetId, size);
            uint256 fromCash = Math.min(size - booked, free);
            if (fromCash != 0) _correctCash(account, state.limits.decimals, -int256(fromCash));
            free -= fromCash;
            booked += fromCash;
            credited -= booked;
        }
        // CAST: at most MAX_AMOUNT.
        state.totals.credited = uint112(credited);
        state.setFree(free);
    }

    /// @param change base units of a settlement asset, below MAX_AMOUNT either way
    function _correctCash(Account account, uint256 decimals, int256 change) private {
        // CAST: at most 10^18.
        _moveCash(account, change * int256(AssetBooks.cashPerUnit(decimals)));
    }

    /// @inheritdoc ILedger
    function writeDown(uint32, uint16, uint64, Account bearer, ICollateralRules) external returns (uint16 successor) {
        uint256 lostCash;
        (successor, lostCash) = abi.decode(_askDesk(), (uint16, uint256));
        // CAST: at most 2^112 · 10^18.
        if (lostCash != 0) _moveCash(bearer, -int256(lostCash));
    }

    /// @inheritdoc ILedger
    function settleWrittenDown(Account account, uint16 assetId) external returns (uint256 kept) {
        WrittenDown memory w = _writtenDown[assetId];
        require(w.successor != 0, NotWrittenDown(assetId));
        (bool enabled, ) = _disable(account, assetId);
        uint256 held = _takeBalance(account, assetId, CollateralList.MAX_AMOUNT);
        kept = (held * w.recovery) / 1e18;
        if (kept != 0) _addBalance(account, w.successor, kept, enabled);
        emit BalanceWrittenDown(Account.unwrap(account), assetId, w.successor, held, kept);
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
        _requireKnown(assetId);
        (bool present, uint256 amount) = _disable(account, assetId);
        require(present, NotEnabled(Account.unwrap(account), assetId));
        emit CollateralDisabled(Account.unwrap(account), assetId, amount);
        _requireInitial(account);
    }

    /// @inheritdoc ILedger
    function transfer(Account from, Account to, uint16 assetId, uint128 amount) external onlyOwnerOf(from) {
        _requireSibling(from, to);
        _requireKnown(assetId);
        require(amount != 0, AmountZero());
        uint256 taken = _takeBalance(from, assetId, amount);
        require(taken == amount, BalanceTooLow(Account.unwrap(from), assetId, taken, amount));
        _addBalance(to, assetId, amount, true);
        emit Transferred(Account.unwrap(from), Account.unwrap(to), assetId, amount);
        // Where nothing judges the account, who owes cash keeps what stands for it together.
        if (_requireInitial(from)) return;
        int256 held = _bookedCash(from);
        require(held >= 0, CashTooLow(Account.unwrap(from), held, 0));
    }

    /// @inheritdoc ILedger
    function transferCash(Account from, Account to, uint128 amount) external onlyOwnerOf(from) {
        _requireSibling(from, to);
        require(amount != 0, AmountZero());
        // CAST: 128 bits.
        int256 cash = int256(uint256(amount));
        int256 held = _cash(from);
        require(held >= cash, CashTooLow(Account.unwrap(from), held, amount));
        _moveCash(from, -cash);
        _moveCash(to, cash);
        emit CashTransferred(Account.unwrap(from), Account.unwrap(to), amount);
        _requireInitial(from);
    }

    /// @dev At the prices the feeds have: who needs newer ones submits them first. Returns whether anything judges accounts.
    function _requireInitial(Account account) private returns (bool) {
        if (address(marginCheck) == address(0)) return false;
        marginCheck.requireInitial(account, "", 0);
        return true;
    }

    /// @dev Sub-accounts of one principal: the same owner and home.
    function _requireSibling(Account from, Account to) private pure {
        require(
            from.owner() == to.owner() && from.home() == to.home() && from.subaccount() != to.subaccount(),
            OwnerMismatch(Account.unwrap(from), Account.unwrap(to))
        );
    }

    // ---- views

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
}
