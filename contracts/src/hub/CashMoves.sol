// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";
import {ILedger} from "./ILedger.sol";
import {InterestBooks} from "./InterestBooks.sol";

/// @notice Cash that moves for positions: premiums, realised profits and losses, fees, settlements. What leaves accounts for positions
///         stands in `clearing`, so that Σ cash + clearing changes by deposits, withdrawals and corrections alone (INV-CASH-1).
abstract contract CashMoves is InterestBooks {
    /// @inheritdoc ILedger
    function changeCash(Account account, int256 change) external onlyModule {
        if (change == 0) return;
        clearing -= change;
        _shift(account, change);
        _sampleIfOwed();
    }

    /// @inheritdoc ILedger
    /// @dev Leaves the rate as it was sampled, as deposits do: all cash there is stays as it was, and whoever thinks that debts have changed enough
    ///      samples by `chargeInterest`.
    function moveCash(Account from, Account to, int256 amount) external onlyModule {
        if (amount == 0) return;
        _shift(from, -amount);
        _shift(to, amount);
    }

    function _shift(Account account, int256 change) private {
        _addCashOrRevert(account, change);
        emit CashChanged(Account.unwrap(account), change);
    }

    /// @inheritdoc ILedger
    function setBrake(bool braked) external onlyModule {
        _braked = braked;
        emit BrakeSet(braked);
    }

    /// @inheritdoc ILedger
    /// @dev Written where it is returned from: every valuation asks.
    function packedBookOf(Account account) external view returns (int256, uint256[] memory) {
        int256 cash = _cash(account);
        uint256 answer;
        assembly ("memory-safe") {
            answer := mload(0x40)
            mstore(answer, cash)
            // where the array is
            mstore(add(answer, 32), 64)
        }
        uint256 end = _writeCollateral(account, answer + 64);
        assembly ("memory-safe") {
            return(answer, sub(end, answer))
        }
    }
}
