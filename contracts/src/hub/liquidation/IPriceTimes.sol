// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICollateralRules} from "../risk/ICollateralRules.sol";

/// @notice When the prices of an account were signed.
interface IPriceTimes {
    /// @notice Time of the newest value that holdings (IRiskEngine's layout) are priced from: spots of collateral, spots and marks of positions,
    ///         and forwards, surfaces and settlement prices of every expiry of an underlying in which options are held; 0 without any.
    function newestOf(uint256[] calldata holdings) external view returns (uint40);
    function collateralRules() external view returns (ICollateralRules);
}
