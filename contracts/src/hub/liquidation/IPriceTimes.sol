// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {ICollateralRules} from "../risk/ICollateralRules.sol";

/// @notice What auctions ask about the prices of what an account holds: when they were signed, what too old ones leave out, where it lost.
interface IPriceTimes {
    /// @notice Time of the newest value that holdings (IRiskEngine's layout) are priced from: spots of collateral, spots and marks of positions,
    ///         and forwards, surfaces and settlement prices of every expiry of an underlying in which options are held; 0 without any.
    function newestOf(uint256[] calldata holdings) external view returns (uint40);
    /// @notice Holdings without what is priced from values worse than aged: balances by their spot, all positions in an underlying by the worst of spot
    ///         and mark and, with options, of the forwards and surfaces of all its expiries. Positions without a spot or mark at all stay.
    /// @return kept the same layout
    /// @return left the most that the others may come to, 18 decimals, each rounded up: balances, |size · mark| + |quote| of perpetuals,
    ///              |size| · spot of options; prices at their last values where these are stale, at ten times as much where they are worse, and a
    ///              balance without any at 1,000,000 a token
    function pricedPart(uint256[] calldata holdings) external view returns (uint256[] memory kept, uint256 left);
    /// @notice The underlying in which an account has lost most: of which Profits at the mark are least, the first of several; 0 without positions.
    function marketOf(Account account) external view returns (uint16 market);
    function collateralRules() external view returns (ICollateralRules);
}
