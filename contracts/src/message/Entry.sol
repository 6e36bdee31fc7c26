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

    // WithdrawRequested: kind 1 | account 32 | eid 4 | asset 2 | flags 1 | amount 16 | receiver 20 | validUntil 5 | timestamp 5
    uint256 internal constant WITHDRAW_REQUESTED_ACCOUNT = 1;
    uint256 internal constant WITHDRAW_REQUESTED_EID = 33;
    uint256 internal constant WITHDRAW_REQUESTED_ASSET = 37;
    uint256 internal constant WITHDRAW_REQUESTED_FLAGS = 39;
    uint256 internal constant WITHDRAW_REQUESTED_AMOUNT = 40;
    uint256 internal constant WITHDRAW_REQUESTED_RECEIVER = 56;
    uint256 internal constant WITHDRAW_REQUESTED_VALID_UNTIL = 76;
    uint256 internal constant WITHDRAW_REQUESTED_TIMESTAMP = 81;
    uint256 internal constant WITHDRAW_REQUESTED_LENGTH = 86;

    /// @notice Flag of a `WithdrawRequested` entry: the amount is cash (18 decimals), not a balance of the token (base units).
    uint8 internal constant FLAG_FROM_CASH = 0x01;

    // DelegateSet: kind 1 | account 32 | delegate 20 | permissions 1 | validUntil 5
    uint256 internal constant DELEGATE_SET_ACCOUNT = 1;
    uint256 internal constant DELEGATE_SET_DELEGATE = 33;
    uint256 internal constant DELEGATE_SET_PERMISSIONS = 53;
    uint256 internal constant DELEGATE_SET_VALID_UNTIL = 54;
    uint256 internal constant DELEGATE_SET_LENGTH = 59;

    // Receipts: kind 1 | first 8 | count 1 | settled 8 | paid 8 | n 1 | n × (asset 2 | amount 16)
    uint256 internal constant RECEIPTS_FIRST = 1;
    uint256 internal constant RECEIPTS_COUNT = 9;
    uint256 internal constant RECEIPTS_SETTLED = 10;
    uint256 internal constant RECEIPTS_PAID = 18;
    uint256 internal constant RECEIPTS_SUMS = 26;
    uint256 internal constant RECEIPTS_SUM_SIZE = 18;
    /// @notice Most orders and most assets that one `Receipts` entry covers; a chunk that needs more gets several, one after another.
    uint256 internal constant RECEIPTS_MAX_COUNT = 64;
    uint256 internal constant RECEIPTS_MAX_SUMS = 3;

    // Release: kind 1 | claim 8 | account 32 | asset 2 | amount 16 | receiver 20
    uint256 internal constant RELEASE_CLAIM = 1;
    uint256 internal constant RELEASE_ACCOUNT = 9;
    uint256 internal constant RELEASE_ASSET = 41;
    uint256 internal constant RELEASE_AMOUNT = 43;
    uint256 internal constant RELEASE_RECEIVER = 59;
    uint256 internal constant RELEASE_LENGTH = 79;

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

    /// @notice A withdrawal asked for on a spoke: recorded on the hub, decided there by `processRequest`.
    /// @param account    that pays; the vault saw its principal ask
    /// @param eid        chain the tokens are to leave from
    /// @param asset      index of the token in that chain's vault
    /// @param fromCash   true: `amount` is cash, 18 decimals; false: base units of the account's balance of the token
    /// @param amount     see `fromCash`
    /// @param receiver   on that chain
    /// @param validUntil hub time, unix seconds, after which it can no longer take effect
    /// @param timestamp  block time of the request on the spoke, unix seconds
    struct WithdrawRequested {
        Account account;
        uint32 eid;
        uint16 asset;
        bool fromCash;
        uint128 amount;
        address receiver;
        uint40 validUntil;
        uint40 timestamp;
    }

    /// @notice A hub key that may act for an account whose principal lives on a spoke.
    /// @param permissions bits, see IDelegates; 0 revokes
    /// @param validUntil  hub time, unix seconds
    struct DelegateSet {
        Account account;
        address delegate;
        uint8 permissions;
        uint40 validUntil;
    }

    /// @notice What became of the hub's orders first … first + count − 1. Bit i of a bitmap stands for sequence first + i.
    /// @param settled the order took effect: paid out, or made claimable. Not set: voided, or not an order, or refused
    /// @param paid    subset of `settled`: the receiver has the tokens
    /// @param assets  of the settled orders, each once
    /// @param sums    Σ of their amounts, base units
    struct Receipts {
        uint64 first;
        uint8 count;
        uint64 settled;
        uint64 paid;
        uint16[] assets;
        uint128[] sums;
    }

    /// @notice The hub's order to pay.
    /// @param claim    number of the claim on the hub
    /// @param account  whose claim it was; 0: a deposit that is sent home
    /// @param asset    index of the token in the vault that pays
    /// @param amount   base units
    /// @param receiver who is paid
    struct Release {
        uint64 claim;
        Account account;
        uint16 asset;
        uint128 amount;
        address receiver;
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

    function encodeWithdrawRequested(WithdrawRequested memory w) internal pure returns (bytes memory) {
        return
            abi.encodePacked(
                EntryKind.WITHDRAW_REQUESTED,
                Account.unwrap(w.account),
                w.eid,
                w.asset,
                w.fromCash ? FLAG_FROM_CASH : 0,
                w.amount,
                w.receiver,
                w.validUntil,
                w.timestamp
            );
    }

    /// @notice Reads a `WithdrawRequested` entry of exactly WITHDRAW_REQUESTED_LENGTH bytes; the caller has checked kind and length.
    function decodeWithdrawRequested(bytes calldata e) internal pure returns (WithdrawRequested memory w) {
        w.account = Account.wrap(bytes32(e[WITHDRAW_REQUESTED_ACCOUNT:WITHDRAW_REQUESTED_EID]));
        w.eid = uint32(bytes4(e[WITHDRAW_REQUESTED_EID:WITHDRAW_REQUESTED_ASSET]));
        w.asset = uint16(bytes2(e[WITHDRAW_REQUESTED_ASSET:WITHDRAW_REQUESTED_FLAGS]));
        w.fromCash = uint8(e[WITHDRAW_REQUESTED_FLAGS]) & FLAG_FROM_CASH != 0;
        w.amount = uint128(bytes16(e[WITHDRAW_REQUESTED_AMOUNT:WITHDRAW_REQUESTED_RECEIVER]));
        w.receiver = address(bytes20(e[WITHDRAW_REQUESTED_RECEIVER:WITHDRAW_REQUESTED_VALID_UNTIL]));
        w.validUntil = uint40(bytes5(e[WITHDRAW_REQUESTED_VALID_UNTIL:WITHDRAW_REQUESTED_TIMESTAMP]));
        w.timestamp = uint40(bytes5(e[WITHDRAW_REQUESTED_TIMESTAMP:WITHDRAW_REQUESTED_LENGTH]));
    }

    function encodeDelegateSet(DelegateSet memory d) internal pure returns (bytes memory) {
        return
            abi.encodePacked(
                EntryKind.DELEGATE_SET,
                Account.unwrap(d.account),
                d.delegate,
                d.permissions,
                d.validUntil
            );
    }

    /// @notice Reads a `DelegateSet` entry of exactly DELEGATE_SET_LENGTH bytes; the caller has checked kind and length.
    function decodeDelegateSet(bytes calldata e) internal pure returns (DelegateSet memory d) {
        d.account = Account.wrap(bytes32(e[DELEGATE_SET_ACCOUNT:DELEGATE_SET_DELEGATE]));
        d.delegate = address(bytes20(e[DELEGATE_SET_DELEGATE:DELEGATE_SET_PERMISSIONS]));
        d.permissions = uint8(e[DELEGATE_SET_PERMISSIONS]);
        d.validUntil = uint40(bytes5(e[DELEGATE_SET_VALID_UNTIL:DELEGATE_SET_LENGTH]));
    }

    /// @dev `assets` and `sums` have the same length, at most RECEIPTS_MAX_SUMS.
    function encodeReceipts(Receipts memory r) internal pure returns (bytes memory e) {
        // CAST: at most RECEIPTS_MAX_SUMS.
        uint8 n = uint8(r.assets.length);
        e = abi.encodePacked(EntryKind.RECEIPTS, r.first, r.count, r.settled, r.paid, n);
        for (uint256 i; i < n; ++i) e = abi.encodePacked(e, r.assets[i], r.sums[i]);
    }

    /// @notice Whether these bytes are a well-formed `Receipts` entry.
    function isReceipts(bytes calldata e) internal pure returns (bool) {
        if (e.length <= RECEIPTS_SUMS || uint8(e[0]) != EntryKind.RECEIPTS) return false;
        uint256 n = uint8(e[RECEIPTS_SUMS]);
        uint256 count = uint8(e[RECEIPTS_COUNT]);
        if (n > RECEIPTS_MAX_SUMS || count == 0 || count > RECEIPTS_MAX_COUNT) return false;
        if (e.length != RECEIPTS_SUMS + 1 + n * RECEIPTS_SUM_SIZE) return false;
        uint256 settled = uint64(bytes8(e[RECEIPTS_SETTLED:RECEIPTS_PAID]));
        uint256 paid = uint64(bytes8(e[RECEIPTS_PAID:RECEIPTS_SUMS]));
        return settled >> count == 0 && paid & ~settled == 0;
    }

    /// @notice Reads a `Receipts` entry that `isReceipts`.
    function decodeReceipts(bytes calldata e) internal pure returns (Receipts memory r) {
        r.first = uint64(bytes8(e[RECEIPTS_FIRST:RECEIPTS_COUNT]));
        r.count = uint8(e[RECEIPTS_COUNT]);
        r.settled = uint64(bytes8(e[RECEIPTS_SETTLED:RECEIPTS_PAID]));
        r.paid = uint64(bytes8(e[RECEIPTS_PAID:RECEIPTS_SUMS]));
        uint256 n = uint8(e[RECEIPTS_SUMS]);
        r.assets = new uint16[](n);
        r.sums = new uint128[](n);
        for (uint256 i; i < n; ++i) {
            uint256 at = RECEIPTS_SUMS + 1 + i * RECEIPTS_SUM_SIZE;
            r.assets[i] = uint16(bytes2(e[at:at + 2]));
            r.sums[i] = uint128(bytes16(e[at + 2:at + RECEIPTS_SUM_SIZE]));
        }
    }

    function encodeRelease(Release memory r) internal pure returns (bytes memory) {
        return abi.encodePacked(EntryKind.RELEASE, r.claim, Account.unwrap(r.account), r.asset, r.amount, r.receiver);
    }

    /// @notice Reads a `Release` entry of exactly RELEASE_LENGTH bytes; the caller has checked kind and length.
    function decodeRelease(bytes calldata e) internal pure returns (Release memory r) {
        r.claim = uint64(bytes8(e[RELEASE_CLAIM:RELEASE_ACCOUNT]));
        r.account = Account.wrap(bytes32(e[RELEASE_ACCOUNT:RELEASE_ASSET]));
        r.asset = uint16(bytes2(e[RELEASE_ASSET:RELEASE_AMOUNT]));
        r.amount = uint128(bytes16(e[RELEASE_AMOUNT:RELEASE_RECEIVER]));
        r.receiver = address(bytes20(e[RELEASE_RECEIVER:RELEASE_LENGTH]));
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
