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
        _changeCash(account, change);
        emit CashChanged(Account.unwrap(account), change);
    }

    /// @inheritdoc ILedger
    function setBrake(bool braked) external onlyModule {
        _braked = braked;
        emit BrakeSet(braked);
    }

    /// @inheritdoc ILedger
    function holdingsOf(Account account) external view returns (int256 cash, uint256[] memory words) {
        return (_cash(account), _collateralWords(account));
    }
}
