// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IEntryHandler} from "../message/IEntryHandler.sol";
import {Account} from "../types/Account.sol";
import {ISignedActions} from "./ISignedActions.sol";

/// @notice Who may act for an account on the hub: its owner, and keys the owner appointed.
/// @dev Handler of DELEGATE_SET. Owner: see Principal (home 0: a key; home = the hub: the contract at that address here). A principal
///      on another chain acts through its log, and appoints a hub key by it.
///      Owners who can act on the hub (home 0, home = the hub): an entry appoints a key only until the owner has set that key on the hub, or
///      has taken anything back from it by an entry. After that entries only take away, so that none that was still on its way gives
///      again what was revoked in the meantime.
interface IDelegates is IEntryHandler, ISignedActions {
    /// @notice The hub ignored a DELEGATE_SET for good.
    enum Refusal {
        Malformed, // wrong kind or length, unknown permissions, an account without an owner
        ForeignHome, // an account of another home: only that chain's log speaks for it
        Superseded // it would give what its owner took back, or what he set on the hub: only a call or signature on the hub gives again
    }

    /// @notice One line of a rebase's corrections, which are `abi.encode(Correction[])`: what a key that entries of the forgotten branch
    ///         appointed or changed is to be.
    struct Correction {
        Account account;
        address delegate;
        uint8 permissions;
        uint40 validUntil;
    }

    /// @param validUntil unix seconds, the last one
    event DelegateSet(bytes32 indexed account, address indexed delegate, uint8 permissions, uint40 validUntil);
    event EntryRefused(uint32 indexed srcEid, uint64 indexed sequence, Refusal reason);

    error NotMessenger(address caller, address messenger);
    error NotAccountOwner(bytes32 account, address caller);
    error PermissionsUnknown(uint8 permissions);

    /// @notice Bit of a key that may trade. Trusted with value: who trades badly on purpose can lose all of it to somebody else.
    function TRADE() external view returns (uint8);
    /// @notice Bit of a key that may request and cancel withdrawals.
    function WITHDRAW() external view returns (uint8);

    /// @notice Appoints, changes or (permissions 0) revokes a key. Owner, on the hub.
    function setDelegate(Account account, address delegate, uint8 permissions, uint40 validUntil) external;
    /// @notice The same by the owner's EIP-712 signature (EIP-1271 for a contract at home on the hub); anyone may bring it.
    /// @param nonce unordered: each value once per account
    function setDelegateSigned(
        Account account,
        address delegate,
        uint8 permissions,
        uint40 validUntil,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Whether `actor`, as the sender of a call, may act for the account with this permission. The owner may do everything.
    function mayAct(Account account, address actor, uint8 permission) external view returns (bool);
    /// @notice Whether `signature` over `digest` is by `signer`, who may act for the account with this permission.
    /// @param signer the owner's address or a delegate
    function isSignedBy(
        Account account,
        address signer,
        uint8 permission,
        bytes32 digest,
        bytes calldata signature
    ) external view returns (bool);
    function delegateOf(Account account, address delegate) external view returns (uint8 permissions, uint40 validUntil);
}
