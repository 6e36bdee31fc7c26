// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice What negative cash pays, by utilisation: what is owed as a share of what others hold.
interface IInterestModel {
    /// @notice The rate that holds until cash moves again. Called with amounts of 18 decimals below 2^128.
    /// @param debt Σ of negative cash
    /// @param cash Σ of positive cash
    /// @return share of a debt per second, 1e-18, rounded up
    function perSecond(uint256 debt, uint256 cash) external view returns (uint256);
}
