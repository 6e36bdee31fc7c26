// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";

/// @notice Told of what neither an account's equity nor the fund paid, and of what is known to be missing. Money is cash, 18 decimals.
interface IDeficitSink {
    /// @notice A loss of a market was booked on its deficit account (ILiquidation.deficitAccount). 0: of accounts without positions.
    function reportDeficit(uint16 market, uint256 cash) external;
    /// @notice What an insolvent account is short of, as just looked at: reserve − equity. 0: it is solvent, or its auction is over.
    /// @param market that answers for what the fund leaves of it; 0: none
    /// @param margin maintenance margin: what bidders are paid begins at `cash` and grows by it (AuctionMath.payout)
    function reportShortfall(Account account, uint16 market, uint256 cash, uint256 margin) external;
}
