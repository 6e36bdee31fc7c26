// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";

/// @notice Actions that a signature allows and anyone may bring: EIP-712, each nonce of an account once, in any order.
interface ISignedActions {
    event NonceDropped(bytes32 indexed account, uint256 nonce);

    error ActionExpired(uint256 deadline, uint256 nowSeconds);
    error NonceUsed(bytes32 account, uint256 nonce);
    error SignatureInvalid(bytes32 account, address signer);

    /// @notice Makes what was signed with this nonce worthless. Whoever could have signed it.
    function dropNonce(Account account, uint256 nonce) external;
    /// @notice Whether a nonce of the account was used or dropped here.
    function isNonceUsed(Account account, uint256 nonce) external view returns (bool);
}
