// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";

/// @notice The kinds of log entries. A layout never changes: a new layout is a new kind.
library EntryKind {
    // spoke → hub
    uint8 internal constant DEPOSITED = 0x01;
    uint8 internal constant WITHDRAW_REQUESTED = 0x02;
    uint8 internal constant DELEGATE_SET = 0x03;
    uint8 internal constant RECEIPTS = 0x04;
    // hub → spoke
    uint8 internal constant RELEASE = 0x11;
    // both; leaves that are readable in themselves, appended by the Messenger alone
    uint8 internal constant VOID = 0xF0;
    uint8 internal constant CLOSED = 0xFF;
}

/// @notice Wire format of log entries. An entry is `kind (1) ‖ payload (≤ 96)`; every field sits at a named offset.
/// @dev The golden vectors of `shared/vectors/entry.json` bind this file to `shared/src/message/entry.ts`.
library Entry {
    /// @notice Most bytes one entry may have: the kind byte and 96 bytes of payload.
    uint256 internal constant MAX_LENGTH = 97;

    // Deposited: kind 1 | account 32 | asset 2 | amount 16 | timestamp 5 | payer 20 | refund 20 | flags 1
    uint256 internal constant DEPOSITED_ACCOUNT = 1;
    uint256 internal constant DEPOSITED_ASSET = 33;
    uint256 internal constant DEPOSITED_AMOUNT = 35;
    uint256 internal constant DEPOSITED_TIMESTAMP = 51;
    uint256 internal constant DEPOSITED_PAYER = 56;
    uint256 internal constant DEPOSITED_REFUND = 76;
    uint256 internal constant DEPOSITED_FLAGS = 96;
    uint256 internal constant DEPOSITED_LENGTH = 97;

    /// @notice Flag of a `Deposited` entry: the vault saw the account's own principal pay (see AccountLib).
    uint8 internal constant FLAG_OWN_DEPOSIT = 0x01;

    // VOID: kind 1 | target sequence 8
    uint256 internal constant VOID_LENGTH = 9;
    // CLOSED: kind 1
    uint256 internal constant CLOSED_LENGTH = 1;

    error EntryLength(uint8 kind, uint256 actual, uint256 expected);

    /// @notice A deposit as the spoke's vault saw it.
    /// @param account   hub account that is credited
    /// @param asset     index of the token in the spoke's vault
    /// @param amount    measured balance delta, in the token's own base units
    /// @param timestamp block time of the deposit on the spoke, unix seconds
    /// @param payer     who paid on the spoke
    /// @param refund    who receives the tokens if the deposit is cancelled or sent home
    /// @param flags     FLAG_OWN_DEPOSIT or 0
    struct Deposited {
        Account account;
        uint16 asset;
        uint128 amount;
        uint40 timestamp;
        address payer;
        address refund;
        uint8 flags;
    }

    function encodeDeposited(Deposited memory d) internal pure returns (bytes memory) {
        return
            abi.encodePacked(
                EntryKind.DEPOSITED,
                Account.unwrap(d.account),
                d.asset,
                d.amount,
                d.timestamp,
                d.payer,
                d.refund,
                d.flags
            );
    }

    /// @notice Reads a `Deposited` entry of exactly DEPOSITED_LENGTH bytes; the caller has checked kind and length.
    function decodeDeposited(bytes calldata e) internal pure returns (Deposited memory d) {
        d.account = Account.wrap(bytes32(e[DEPOSITED_ACCOUNT:DEPOSITED_ASSET]));
        d.asset = uint16(bytes2(e[DEPOSITED_ASSET:DEPOSITED_AMOUNT]));
        d.amount = uint128(bytes16(e[DEPOSITED_AMOUNT:DEPOSITED_TIMESTAMP]));
        d.timestamp = uint40(bytes5(e[DEPOSITED_TIMESTAMP:DEPOSITED_PAYER]));
        d.payer = address(bytes20(e[DEPOSITED_PAYER:DEPOSITED_REFUND]));
        d.refund = address(bytes20(e[DEPOSITED_REFUND:DEPOSITED_FLAGS]));
        d.flags = uint8(e[DEPOSITED_FLAGS]);
    }

    /// @notice The leaf of an entry: `kind byte ‖ low 31 bytes of keccak256(entry)`.
    /// @dev Not for VOID and CLOSED, whose leaves carry their content (see voidLeaf, CLOSED_LEAF).
    function leafOf(bytes memory entry) internal pure returns (bytes32) {
        return _leaf(uint8(entry[0]), keccak256(entry));
    }

    function leafOfCalldata(bytes calldata entry) internal pure returns (bytes32) {
        return _leaf(uint8(entry[0]), keccak256(entry));
    }

    function _leaf(uint8 kind, bytes32 hash) private pure returns (bytes32) {
        return bytes32((uint256(kind) << 248) | (uint256(hash) & (type(uint256).max >> 8)));
    }

    /// @notice The leaf that voids the entry at `target`: `kind byte ‖ 23 zero bytes ‖ target`.
    function voidLeaf(uint64 target) internal pure returns (bytes32) {
        return bytes32((uint256(EntryKind.VOID) << 248) | target);
    }

    /// @notice The leaf that ends a log: `kind byte ‖ 31 zero bytes`.
    function closedLeaf() internal pure returns (bytes32) {
        return bytes32(uint256(EntryKind.CLOSED) << 248);
    }

    function kindOf(bytes32 leaf) internal pure returns (uint8) {
        return uint8(leaf[0]);
    }

    /// @notice Target of a VOID leaf.
    function voidTarget(bytes32 leaf) internal pure returns (uint64) {
        return uint64(uint256(leaf));
    }
}
