// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";

/// @notice Where losses stand that nobody's equity covered, and what the fund can still do about them.
interface IDeficits {
    /// @notice Ledger account whose negative cash is what losses of a market left uncovered. 0 stands for accounts without positions.
    function deficitAccount(uint16 market) external view returns (Account);
    /// @notice Pays the market's deficit out of the fund, as far as its tranche goes. Anyone.
    /// @return paid cash, 18 decimals; 0 where nothing is owed or nothing left
    function cover(uint16 market) external returns (uint256 paid);
}
