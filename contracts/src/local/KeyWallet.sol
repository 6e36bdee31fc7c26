// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice For local chains: a contract wallet of one key. What the key signed, it vouches for (EIP-1271); what the key calls, it calls.
contract KeyWallet is IERC1271 {
    address public immutable key;

    error NotKey(address caller, address key);

    constructor(address key_) {
        key = key_;
    }

    /// @notice Calls another contract as the wallet. A revert is passed on.
    function execute(address target, bytes calldata data) external payable returns (bytes memory answer) {
        require(msg.sender == key, NotKey(msg.sender, key));
        bool passed;
        (passed, answer) = target.call{value: msg.value}(data);
        if (passed) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(digest, signature);
        bool valid = failure == ECDSA.RecoverError.NoError && signer == key;
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}
