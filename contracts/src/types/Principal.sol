// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Account} from "./Account.sol";

/// @notice Decides whether a caller on this chain is the principal of a hub account.
library Principal {
    /// @dev EIP-7702: the code of a delegated key is `0xef0100 ‖ address`.
    bytes3 private constant DELEGATION_PREFIX = 0xef0100;
    uint256 private constant DELEGATION_LENGTH = 23;

    /// @notice Whether `caller`, the sender of this call, owns `account`.
    /// @dev home = 0: a key. home = the local eid: the contract at that address here. Any other home acts through its own log.
    function owns(address caller, Account account, uint32 localEid) internal view returns (bool) {
        if (account.owner() != caller || caller == address(0)) return false;
        uint32 home = account.home();
        if (home == 0) return isKey(caller);
        return home == localEid && caller.code.length > 0;
    }

    /// @notice Whether `caller`, the sender of this call, is a key: plain, or delegated by EIP-7702.
    /// @dev A sender without code is a key only if it also signed the transaction: a contract has no code while it is constructed.
    function isKey(address caller) internal view returns (bool) {
        // solhint-disable-next-line avoid-tx-origin
        if (caller.code.length == 0) return caller == tx.origin;
        return isDelegated(caller);
    }

    /// @notice Whether the key made the signature (65 bytes, the lower s).
    function isSignedBy(address key, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        (address recovered, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(digest, signature);
        return failure == ECDSA.RecoverError.NoError && recovered == key;
    }

    /// @notice Whether there is a key behind the code at `account_` (EIP-7702).
    function isDelegated(address account_) internal view returns (bool) {
        return account_.code.length == DELEGATION_LENGTH && bytes3(account_.code) == DELEGATION_PREFIX;
    }
}
