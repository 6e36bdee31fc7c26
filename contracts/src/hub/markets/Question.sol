// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {IRiskEngine, Risk} from "../risk/IRiskEngine.sol";
import {IMarkets} from "./IMarkets.sol";

/// @title Asking an engine about an account
/// @notice What the markets return as holdings is, as it stands, what an engine takes behind its selector: it is neither decoded nor encoded.
library Question {
    /// @dev Between the start of a question in memory and the array in it: the bytes' length, the selector, the array's place.
    uint256 private constant ARRAY = 68;

    /// @notice The call by which an engine values what an account holds.
    /// @return question IRiskEngine.riskOf of `holdings`
    /// @return holdings in the question: what changes one changes the other
    function about(
        IMarkets markets,
        Account account
    ) internal view returns (bytes memory question, uint256[] memory holdings) {
        bytes4 ask = IMarkets.holdingsOf.selector;
        bytes4 selector = IRiskEngine.riskOf.selector;
        assembly ("memory-safe") {
            question := mload(0x40)
            mstore(question, ask)
            mstore(add(question, 4), account)
            if iszero(staticcall(gas(), markets, question, 36, 0, 0)) {
                returndatacopy(question, 0, returndatasize())
                revert(question, returndatasize())
            }
            let size := returndatasize()
            // Place and length of the array, its head.
            if lt(size, 96) {
                revert(0, 0)
            }
            mstore(question, add(size, 4))
            mstore(add(question, 32), selector)
            returndatacopy(add(question, 36), 0, size)
            holdings := add(question, ARRAY)
            mstore(0x40, and(add(add(question, 67), size), not(31)))
        }
    }

    /// @notice An engine's answer. Reverts as it does.
    function answer(IRiskEngine engine, bytes memory question) internal view returns (Risk memory) {
        (bool done, bytes memory said) = address(engine).staticcall(question);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(said, 32), mload(said))
            }
        }
        return abi.decode(said, (Risk));
    }
}
