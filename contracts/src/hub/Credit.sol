// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";

/// @notice Where a credited deposit went.
enum Destination {
    Collateral,
    Idle,
    Cash
}

/// @dev No Destination: an account that cannot hold an amount. Inside the ledger a destination is its number: checking an enum's range
///      for every deposit would only cost.
uint256 constant NOWHERE = type(uint256).max;

/// @notice One deposit to credit: `note 40 | sequence 64 | asset 16 | ownDeposit 8 | amount 128`. The note is the sender's own.
type CreditTerms is uint256;

/// @notice What the `Credited` event says: `srcEid 32 | sequence 64 | assetId 16 | destination 8 | amount 128`, right-aligned.
/// @dev One word, because every byte of an event is paid by every deposit. Bound to `shared/src/message/credited.ts`.
type CreditReceipt is uint256;

using CreditLib for CreditTerms global;
using CreditLib for CreditReceipt global;

library CreditLib {
    uint256 private constant FLAG_OFFSET = 128;
    uint256 private constant ASSET_OFFSET = 136;
    uint256 private constant SEQUENCE_OFFSET = 152;
    uint256 private constant EID_OFFSET = 216;
    uint256 private constant NOTE_OFFSET = 216;
    uint256 private constant SEQUENCE_MASK = uint256(type(uint64).max) << SEQUENCE_OFFSET;

    /// @param note_       for the sender, < 2^40
    /// @param sequence_   of the deposit in its log, < 2^64
    /// @param asset_      index in the spoke's vault, < 2^16
    /// @param ownDeposit_ 1: the account's principal paid it, so the asset is enabled as margin collateral; else 0
    /// @param amount_     base units of the token, < 2^128
    function terms(
        uint256 note_,
        uint256 sequence_,
        uint256 asset_,
        uint256 ownDeposit_,
        uint256 amount_
    ) internal pure returns (CreditTerms) {
        return
            CreditTerms.wrap(
                (note_ << NOTE_OFFSET) |
                    (sequence_ << SEQUENCE_OFFSET) |
                    (asset_ << ASSET_OFFSET) |
                    (ownDeposit_ << FLAG_OFFSET) |
                    amount_
            );
    }

    function note(CreditTerms t) internal pure returns (uint256) {
        return CreditTerms.unwrap(t) >> NOTE_OFFSET;
    }

    function sequence(CreditTerms t) internal pure returns (uint64) {
        return uint64(CreditTerms.unwrap(t) >> SEQUENCE_OFFSET);
    }

    function asset(CreditTerms t) internal pure returns (uint16) {
        return uint16(CreditTerms.unwrap(t) >> ASSET_OFFSET);
    }

    function ownDeposit(CreditTerms t) internal pure returns (bool) {
        return uint8(CreditTerms.unwrap(t) >> FLAG_OFFSET) != 0;
    }

    function amount(CreditTerms t) internal pure returns (uint128) {
        return uint128(CreditTerms.unwrap(t));
    }

    /// @notice The receipt of credited terms.
    function receiptOf(
        CreditTerms t,
        uint256 srcEid_,
        uint256 assetId_,
        uint256 destination_
    ) internal pure returns (CreditReceipt) {
        return
            CreditReceipt.wrap(
                (srcEid_ << EID_OFFSET) |
                    (CreditTerms.unwrap(t) & SEQUENCE_MASK) |
                    (assetId_ << ASSET_OFFSET) |
                    (destination_ << FLAG_OFFSET) |
                    t.amount()
            );
    }

    function srcEid(CreditReceipt r) internal pure returns (uint32) {
        return uint32(CreditReceipt.unwrap(r) >> EID_OFFSET);
    }

    function sequence(CreditReceipt r) internal pure returns (uint64) {
        return uint64(CreditReceipt.unwrap(r) >> SEQUENCE_OFFSET);
    }

    function assetId(CreditReceipt r) internal pure returns (uint16) {
        return uint16(CreditReceipt.unwrap(r) >> ASSET_OFFSET);
    }

    function destination(CreditReceipt r) internal pure returns (Destination) {
        return Destination(uint8(CreditReceipt.unwrap(r) >> FLAG_OFFSET));
    }

    function amount(CreditReceipt r) internal pure returns (uint128) {
        return uint128(CreditReceipt.unwrap(r));
    }
}

/// @notice Credits on their way from the gateway to the ledger: `(account 32 ‖ terms 32)*` in one byte string, because fifty of
///         them travel in one call and a byte string is copied whole.
library CreditBatch {
    uint256 internal constant SIZE = 64;

    /// @notice Room for `most` credits.
    /// @return batch empty until `finish`
    /// @return end   where the first credit goes
    function allocate(uint256 most) internal pure returns (bytes memory batch, uint256 end) {
        assembly ("memory-safe") {
            batch := mload(0x40)
            mstore(batch, 0)
            end := add(batch, 0x20)
            mstore(0x40, add(end, mul(most, SIZE)))
        }
    }

    /// @notice Writes a credit at `end`; the caller stays within the room it allocated.
    /// @return where the next one goes
    function push(uint256 end, Account account, CreditTerms terms) internal pure returns (uint256) {
        assembly ("memory-safe") {
            mstore(end, account)
            mstore(add(end, 0x20), terms)
        }
        unchecked {
            return end + SIZE;
        }
    }

    /// @notice Sets the length of a batch that was written up to `end`.
    function finish(bytes memory batch, uint256 end) internal pure {
        assembly ("memory-safe") {
            mstore(batch, sub(end, add(batch, 0x20)))
        }
    }

    /// @notice The terms at `index`, which must be below the count, of a batch that is still in memory.
    function termsAt(bytes memory batch, uint256 index) internal pure returns (CreditTerms terms) {
        assembly ("memory-safe") {
            terms := mload(add(batch, add(0x40, mul(index, SIZE))))
        }
    }

    /// @notice The credit at `offset`, which must lie inside the batch.
    function at(bytes calldata batch, uint256 offset) internal pure returns (Account account, CreditTerms terms) {
        assembly ("memory-safe") {
            let start := add(batch.offset, offset)
            account := calldataload(start)
            terms := calldataload(add(start, 0x20))
        }
    }
}
