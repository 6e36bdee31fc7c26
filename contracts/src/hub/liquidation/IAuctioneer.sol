// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../ILedger.sol";
import {IMargin} from "../markets/IMargin.sol";
import {IHandover} from "./IHandover.sol";
import {IPriceTimes} from "./IPriceTimes.sol";

/// @notice What every contract that auctions an account's things works with.
interface IAuctioneer {
    function ledger() external view returns (ILedger);
    function margin() external view returns (IMargin);
    /// @notice Its auctioneers must include this contract.
    function handover() external view returns (IHandover);
    /// @notice What it asks about the prices of accounts.
    function priceTimes() external view returns (IPriceTimes);
}
