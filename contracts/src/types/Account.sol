// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice A hub account: `owner (20) ‖ home (4) ‖ subaccount (8)`, big-endian in 32 bytes.
/// @dev home = 0: the owner is a key and acts from any chain as that EOA, or by signature.
///      home = eid: the owner is the contract at that address on that chain only. The same address on another chain
///      is another principal. See docs/adr/0003-identity.md.
type Account is bytes32;

using AccountLib for Account global;

library AccountLib {
    /// @notice Packs an account identifier.
    function encode(address owner_, uint32 home_, uint64 subaccount_) internal pure returns (Account) {
        return Account.wrap(bytes32((uint256(uint160(owner_)) << 96) | (uint256(home_) << 64) | subaccount_));
    }

    function owner(Account account) internal pure returns (address) {
        return address(bytes20(Account.unwrap(account)));
    }

    /// @notice 0 for a key, else the LayerZero eid of the chain on which the owning contract lives.
    function home(Account account) internal pure returns (uint32) {
        return uint32(uint256(Account.unwrap(account)) >> 64);
    }

    function subaccount(Account account) internal pure returns (uint64) {
        return uint64(uint256(Account.unwrap(account)));
    }
}
