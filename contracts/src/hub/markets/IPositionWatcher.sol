// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";

/// @notice Is told of positions before they change, of the underlyings it watches. See IMarkets.watch.
interface IPositionWatcher {
    /// @notice The account's positions in the underlying are about to change. Markets only.
    function beforeChange(Account account, uint16 underlying) external;
}
