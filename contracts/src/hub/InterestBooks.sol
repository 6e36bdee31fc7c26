// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Account} from "../types/Account.sol";
import {AccountBooks} from "./AccountBooks.sol";
import {AssetRegistry} from "./AssetRegistry.sol";
import {CollateralList} from "./CollateralList.sol";
import {IInterestModel} from "./IInterestModel.sol";
import {ILedger} from "./ILedger.sol";
import {LedgerModules} from "./LedgerModules.sol";

/// @notice Interest of negative cash, and losses of positive cash. Either changes with one index for all; what it changed by is booked before the
///         account's cash moves.
/// @dev The rate of an interval is sampled at its start, when cash has just moved: nobody can pick a moment for it. A deposit does not
///      sample, because what a vault's log says is applied without asking another contract: until the next move the rate is then
///      that of a higher utilisation. Nor does what auctions, the fund and levies move between accounts, of which a start has to be cheap: until
///      the next move the rate is that of what was owed before. While nobody owes, nothing is sampled or stored.
abstract contract InterestBooks is AssetRegistry, AccountBooks, LedgerModules {
    /// @param index     what a debt of 1 at the beginning has become, 1e-27; holds at its end (never reached) rather than to overflow
    /// @param perSecond what it grows by per second, 1e-18 of the index at `time`
    /// @param time      seconds, of the last sample
    struct Accrual {
        uint128 index;
        uint64 perSecond;
        uint40 time;
    }

    /// @param kept what a unit of positive cash has been left by the losses spread, 1e-27
    /// @param due  spread and not charged yet, 18 decimals; roundings charge more than was spread
    struct Spread {
        uint128 kept;
        int128 due;
    }

    uint256 private constant INDEX_ONE = 1e27;
    /// @dev Beyond it, roundings of what is left would show.
    uint256 private constant LEAST_KEPT = INDEX_ONE / 1e12;
    uint256 private constant WAD = 1e18;
    /// @dev About three thousand percent a year: what a wrong model could do at most until it is replaced.
    uint256 private constant MAX_PER_SECOND = 1e12;

    /// @inheritdoc ILedger
    IInterestModel public interestModel;
    Accrual private _accrual = Accrual(uint128(INDEX_ONE), 0, 0);
    /// @dev Σ of negative cash as booked, 18 decimals.
    uint128 private _debt;
    /// @dev Charged, and not collected yet, 18 decimals.
    uint128 private _interest;
    Spread private _spread = Spread(uint128(INDEX_ONE), 0);
    /// @dev As of what an account's cash is booked: of a debtor the interest's index, 10^27 or more; of a holder what was kept, 10^27 or less, where
    ///      0 and any index of a former debt mean that nothing was lost since. For others it means nothing.
    mapping(Account account => uint256 index) private _bookedAt;

    // ---- moves

    /// @dev Adds signed cash after the interest, or the losses, that are due; false, and nothing changed, if the account cannot hold the result.
    ///      Leaves the sum of all accounts' cash, but for these, and the rate to the caller.
    function _addCash(Account account, int256 amount) internal returns (bool) {
        int256 booked = _bookedCash(account);
        uint256 index = booked < 0 ? _index() : 0;
        // CAST: an account's cash has 124 bits.
        uint256 owed = booked < 0 ? uint256(-booked) : 0;
        bool spread = _losses & SPREAD != 0;
        uint256 due;
        if (owed != 0) due = _due(account, owed, index);
        else if (spread) due = _lossDue(account, booked);
        // CAST: below 2^251.
        int256 cash = booked - int256(due);
        if (cash < CollateralList.MIN_CASH) return false;
        cash += amount;
        if (cash > CollateralList.MAX_CASH || cash < CollateralList.MIN_CASH) return false;
        uint256 owes = cash < 0 ? uint256(-cash) : 0;
        if (due != 0) _charge(account, owed != 0, due);
        if (owed | owes != 0) {
            // CAST: each at most 2^124.
            _debt = _debt - uint128(owed) + uint128(owes);
            if (owes != 0) _bookedAt[account] = index == 0 ? _index() : index;
        }
        if (spread && cash > 0) _bookedAt[account] = _spread.kept;
        _setCash(account, cash);
        return true;
    }

    function _charge(Account account, bool interest, uint256 due) private {
        // CAST: each at most 2^124.
        _backing -= int224(int256(due));
        if (interest) {
            _interest += uint128(due);
            emit InterestCharged(Account.unwrap(account), due);
        } else {
            _spread.due -= int128(int256(due));
            emit LossCharged(Account.unwrap(account), due);
        }
    }

    /// @dev Cash of an account and what backs all of it; the rate follows.
    function _moveCash(Account account, int256 change) internal {
        // CAST: refused below unless within the range of an account's cash.
        _backing += int224(change);
        _addCashOrRevert(account, change);
        _sampleIfOwed();
    }

    /// @dev Leaves the sum and the rate to the caller, as _addCash.
    function _addCashOrRevert(Account account, int256 change) internal {
        require(_addCash(account, change), CashOutOfRange(Account.unwrap(account), _bookedCash(account), change));
    }

    /// @dev After cash, and what backs it or clearing, have changed.
    function _sampleIfOwed() internal {
        if (_debt != 0) _sample();
    }

    /// @inheritdoc ILedger
    function chargeInterest(Account account) external {
        _moveCash(account, 0);
    }

    /// @inheritdoc ILedger
    function collectInterest(Account to) external onlyModule returns (uint256 amount) {
        amount = _interest;
        _interest = 0;
        // CAST: 128 bits.
        _moveCash(to, int256(amount));
        emit InterestCollected(Account.unwrap(to), amount);
    }

    /// @inheritdoc ILedger
    function spreadLoss(Account account, uint256 amount) external onlyModule returns (uint256 borne) {
        int256 cash = _cash(account);
        // CAST: an account's cash has 124 bits.
        uint256 owed = cash < 0 ? uint256(-cash) : 0;
        require(amount <= owed, AmountTooLarge(amount, owed));
        Spread memory s = _spread;
        // CAST: what is not owed is held by somebody; a loss that is due is held no more.
        uint256 held = uint256(_totalCash() + int256(uint256(_debt)) - s.due);
        borne = amount;
        uint256 kept = amount < held ? (s.kept * (held - amount)) / held : 0;
        if (kept < LEAST_KEPT) {
            kept = LEAST_KEPT;
            borne = held - Math.ceilDiv(held * LEAST_KEPT, s.kept);
        }
        require(borne != 0, AmountTooLarge(amount, 0));
        // CAST: it only falls; a part of an account's cash.
        _spread = Spread(uint128(kept), s.due + int128(int256(borne)));
        _losses |= SPREAD;
        _moveCash(account, int256(borne));
        emit LossSpread(Account.unwrap(account), borne, kept);
    }

    // ---- governance

    /// @inheritdoc ILedger
    function setInterestModel(IInterestModel model) external restricted {
        interestModel = model;
        _sample();
        emit InterestModelSet(address(model));
    }

    // ---- views

    /// @inheritdoc ILedger
    function cashOf(Account account) external view returns (int256) {
        return _cash(account);
    }

    /// @inheritdoc ILedger
    function bookedCashOf(Account account) external view returns (int256) {
        return _bookedCash(account);
    }

    /// @inheritdoc ILedger
    function interestOf() external view returns (uint256 debt, uint256 pool, uint256 index, uint256 perSecond) {
        return (_debt, _interest, _index(), _accrual.perSecond);
    }

    /// @inheritdoc ILedger
    function spreadOf() external view returns (uint256 kept, int256 due) {
        return (_spread.kept, _spread.due);
    }

    /// @dev With the interest, or the losses, that are due.
    function _cash(Account account) internal view returns (int256 cash) {
        cash = _bookedCash(account);
        // CAST: as in _addCash.
        if (cash < 0) cash -= int256(_due(account, uint256(-cash), _index()));
        else if (cash != 0 && _losses & SPREAD != 0) cash -= int256(_lossDue(account, cash));
    }

    // ---- inner

    function _due(Account account, uint256 owed, uint256 index) private view returns (uint256) {
        uint256 at = _bookedAt[account];
        // Below 2^123 times below 2^128, by an index of at least one; and an index does not fall.
        unchecked {
            return (owed * (index - at) + at - 1) / at;
        }
    }

    /// @param cash booked, not negative
    function _lossDue(Account account, int256 cash) private view returns (uint256) {
        uint256 at = _bookedAt[account];
        if (at == 0 || at > INDEX_ONE) at = INDEX_ONE;
        // CAST: not negative. Below 2^123 times below 2^90; and what is kept does not rise.
        unchecked {
            return (uint256(cash) * (at - _spread.kept) + at - 1) / at;
        }
    }

    function _index() private view returns (uint256) {
        Accrual storage a = _accrual;
        uint256 index = a.index;
        // 128, 64 and 40 bits.
        unchecked {
            index += (index * a.perSecond * (block.timestamp - a.time) + WAD - 1) / WAD;
        }
        return Math.min(index, type(uint128).max);
    }

    function _sample() private {
        uint256 debt = _debt;
        uint256 rate;
        // CAST: what is not owed is held by somebody.
        if (address(interestModel) != address(0))
            rate = interestModel.perSecond(debt, uint256(_totalCash() + int256(debt)));
        // CAST: compared with what fits.
        _accrual = Accrual(uint128(_index()), uint64(Math.min(rate, MAX_PER_SECOND)), uint40(block.timestamp));
    }
}
