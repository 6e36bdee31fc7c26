// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Account} from "../types/Account.sol";
import {ISignedActions} from "./ISignedActions.sol";

/// @notice Deadlines and unordered nonces of signed actions. Who may sign is the contract's own question.
abstract contract SignedActions is ISignedActions, EIP712 {
    uint256 private constant WORD_BITS = 256;

    mapping(Account account => mapping(uint256 word => uint256 bits)) private _usedNonces;

    /// @inheritdoc ISignedActions
    function isNonceUsed(Account account, uint256 nonce) public view returns (bool) {
        return (_usedNonces[account][nonce / WORD_BITS] >> (nonce % WORD_BITS)) & 1 != 0;
    }

    /// @dev Uses the nonce up; the caller has checked the signature.
    function _useNonce(Account account, uint256 nonce) internal {
        require(!isNonceUsed(account, nonce), NonceUsed(Account.unwrap(account), nonce));
        _usedNonces[account][nonce / WORD_BITS] |= 1 << (nonce % WORD_BITS);
    }

    /// @dev The caller has checked who asks.
    function _dropNonce(Account account, uint256 nonce) internal {
        _useNonce(account, nonce);
        emit NonceDropped(Account.unwrap(account), nonce);
    }

    /// @param deadline unix seconds, the last one at which the action may be brought
    function _requireInTime(uint256 deadline) internal view {
        require(block.timestamp <= deadline, ActionExpired(deadline, block.timestamp));
    }
}
