// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";

/// @notice Judges an account after value has left it. The risk engine's place; without one, balances and cash ≥ 0 are the rule.
interface IMarginCheck {
    /// @notice Reverts unless the account is at or above initial margin.
    /// @param prices feed updates to submit first; encoding owned by the implementation
    /// @param since  unix seconds: prices must be signed after it, so that nobody picks an old one in his favour
    function requireInitial(Account account, bytes calldata prices, uint40 since) external;
}
