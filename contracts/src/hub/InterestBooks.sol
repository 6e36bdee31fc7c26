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

/// @notice Interest of negative cash. A debt grows with one index for all; what it grew by is booked before the debtor's cash moves.
/// @dev The rate of an interval is sampled at its start, when cash has just moved: nobody can pick a moment for it. A deposit does not
///      sample, because what a vault's log says is applied without asking another contract: until the next move the rate is then
///      that of a higher utilisation. While nobody owes, nothing is sampled or stored.
abstract contract InterestBooks is AssetRegistry, AccountBooks, LedgerModules {
    /// @param index     what a debt of 1 at the beginning has become, 1e-27; holds at its end (never reached) rather than to overflow
    /// @param perSecond what it grows by per second, 1e-18 of the index at `time`
    /// @param time      seconds, of the last sample
    struct Accrual {
        uint128 index;
        uint64 perSecond;
        uint40 time;
    }

    uint256 private constant INDEX_ONE = 1e27;
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
    /// @dev Index as of which a debtor's cash is booked; means nothing for others.
    mapping(Account account => uint256 index) private _bookedAt;

    // ---- moves

    /// @dev Adds signed cash after the interest that is due; false, and nothing changed, if the account cannot hold the result. Leaves
    ///      the sum of all accounts' cash, but for interest, and the rate to the caller.
    function _addCash(Account account, int256 amount) internal returns (bool) {
        int256 booked = _bookedCash(account);
        uint256 index = booked < 0 || amount < 0 ? _index() : 0;
        // CAST: an account's cash has 124 bits.
        uint256 owed = booked < 0 ? uint256(-booked) : 0;
        uint256 due = owed == 0 ? 0 : _due(account, owed, index);
        // CAST: below 2^251.
        int256 cash = booked - int256(due);
        if (cash < CollateralList.MIN_CASH) return false;
        cash += amount;
        if (cash > CollateralList.MAX_CASH || cash < CollateralList.MIN_CASH) return false;
        uint256 owes = cash < 0 ? uint256(-cash) : 0;
        if (owed | owes != 0) {
            // CAST: each at most 2^124.
            _debt = _debt - uint128(owed) + uint128(owes);
            if (due != 0) {
                _interest += uint128(due);
                _totalCash -= int240(int256(due));
                emit InterestCharged(Account.unwrap(account), due);
            }
            if (owes != 0) _bookedAt[account] = index;
        }
        _setCash(account, cash);
        return true;
    }

    /// @dev Cash of an account and the sum of all; the rate follows.
    function _moveCash(Account account, int256 change) internal {
        require(_addCash(account, change), CashOutOfRange(Account.unwrap(account), _bookedCash(account), change));
        // CAST: within the range of an account's cash.
        _totalCash += int240(change);
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

    /// @dev With the interest that is due.
    function _cash(Account account) internal view returns (int256 cash) {
        cash = _bookedCash(account);
        // CAST: as in _addCash.
        if (cash < 0) cash -= int256(_due(account, uint256(-cash), _index()));
    }

    // ---- inner

    function _due(Account account, uint256 owed, uint256 index) private view returns (uint256) {
        uint256 at = _bookedAt[account];
        // Below 2^123 times below 2^128, by an index of at least one; and an index does not fall.
        unchecked {
            return (owed * (index - at) + at - 1) / at;
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
            rate = interestModel.perSecond(debt, uint256(int256(_totalCash) + int256(debt)));
        // CAST: compared with what fits.
        _accrual = Accrual(uint128(_index()), uint64(Math.min(rate, MAX_PER_SECOND)), uint40(block.timestamp));
    }
}
