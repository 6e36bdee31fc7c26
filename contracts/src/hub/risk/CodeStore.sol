// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Words kept as contract code: what is read often and written seldom costs one cold account instead of a slot per word
/// @dev The code is a STOP byte and the words; nothing in it can run.
library CodeStore {
    /// @notice Most words that fit a contract's code.
    uint256 internal constant MOST_WORDS = 767;

    error WordsTooMany(uint256 count, uint256 most);

    function write(uint256[] memory words) internal returns (address store) {
        require(words.length <= MOST_WORDS, WordsTooMany(words.length, MOST_WORDS));
        // Eleven bytes that return what follows them, the STOP byte, the words.
        bytes memory creation = abi.encodePacked(hex"600b5981380380925939f300", words);
        assembly ("memory-safe") {
            store := create(0, add(creation, 32), mload(creation))
            if iszero(store) {
                let pointer := mload(0x40)
                returndatacopy(pointer, 0, returndatasize())
                revert(pointer, returndatasize())
            }
        }
    }

    /// @return words None where there is no code.
    function read(address store) internal view returns (uint256[] memory words) {
        assembly ("memory-safe") {
            words := mload(0x40)
            let count := shr(5, extcodesize(store))
            mstore(words, count)
            let first := add(words, 32)
            extcodecopy(store, first, 1, shl(5, count))
            mstore(0x40, add(first, shl(5, count)))
        }
    }
}
