// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Entry, EntryKind} from "../message/Entry.sol";
import {Account} from "../types/Account.sol";

/// @notice Where a credited deposit went.
enum Destination {
    Collateral,
    Idle,
    Cash
}

/// @notice One deposit to credit: `note 40 | sequence 64 | ownDeposit 8 | asset 16 | amount 128`. The note is the sender's own.
/// @dev Asset and amount stand as in a `Deposited` entry.
type CreditTerms is uint256;

/// @notice What the `Credited` event says: `srcEid 32 | sequence 64 | assetId 16 | destination 8 | amount 128`, right-aligned.
/// @dev One word, because every byte of an event is paid by every deposit. Bound to `shared/src/message/credited.ts`.
type CreditReceipt is uint256;

using CreditLib for CreditTerms global;
using CreditLib for CreditReceipt global;

library CreditLib {
    // Of terms.
    uint256 private constant ASSET_OFFSET = 128;
    uint256 private constant OWN_OFFSET = 144;
    uint256 private constant NOTE_OFFSET = 216;
    // Of receipts.
    uint256 private constant DESTINATION_OFFSET = 128;
    uint256 private constant ASSET_ID_OFFSET = 136;
    uint256 private constant EID_OFFSET = 216;
    // Of both.
    uint256 private constant SEQUENCE_OFFSET = 152;

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
                    (ownDeposit_ << OWN_OFFSET) |
                    (asset_ << ASSET_OFFSET) |
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
        return uint8(CreditTerms.unwrap(t) >> OWN_OFFSET) != 0;
    }

    function amount(CreditTerms t) internal pure returns (uint128) {
        return uint128(CreditTerms.unwrap(t));
    }

    /// @notice The receipt of a credit.
    function receipt(
        uint32 srcEid_,
        uint64 sequence_,
        uint16 assetId_,
        Destination destination_,
        uint128 amount_
    ) internal pure returns (CreditReceipt) {
        return
            CreditReceipt.wrap(
                (uint256(srcEid_) << EID_OFFSET) |
                    (uint256(sequence_) << SEQUENCE_OFFSET) |
                    (uint256(assetId_) << ASSET_ID_OFFSET) |
                    (uint256(uint8(destination_)) << DESTINATION_OFFSET) |
                    amount_
            );
    }

    function srcEid(CreditReceipt r) internal pure returns (uint32) {
        return uint32(CreditReceipt.unwrap(r) >> EID_OFFSET);
    }

    function sequence(CreditReceipt r) internal pure returns (uint64) {
        return uint64(CreditReceipt.unwrap(r) >> SEQUENCE_OFFSET);
    }

    function assetId(CreditReceipt r) internal pure returns (uint16) {
        return uint16(CreditReceipt.unwrap(r) >> ASSET_ID_OFFSET);
    }

    function destination(CreditReceipt r) internal pure returns (Destination) {
        return Destination(uint8(CreditReceipt.unwrap(r) >> DESTINATION_OFFSET));
    }

    function amount(CreditReceipt r) internal pure returns (uint128) {
        return uint128(CreditReceipt.unwrap(r));
    }
}

/// @notice Credits on their way from the gateway to the ledger: `(account 32 ‖ terms 32)*` in one byte string, because fifty of
///         them travel in one call and a byte string is copied whole.
library CreditBatch {
    uint256 internal constant SIZE = 64;
    uint256 private constant NOTE_OFFSET = 216;
    uint256 private constant SEQUENCE_OFFSET = 152;

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

    /// @notice Note and sequence of the entry whose length byte stands at `place` of calldata: its note is where its kind byte stands.
    function cursor(uint256 place, uint256 sequence) internal pure returns (uint256) {
        return ((place + 1) << NOTE_OFFSET) | (sequence << SEQUENCE_OFFSET);
    }

    /// @notice The cursor of the next entry, `size` bytes further.
    function advance(uint256 cursor_, uint256 size) internal pure returns (uint256) {
        unchecked {
            return cursor_ + ((size << NOTE_OFFSET) | (1 << SEQUENCE_OFFSET));
        }
    }

    /// @notice Writes a credit for each `Deposited` entry from `place` of calldata on, up to the first other entry or `behind`. The
    ///         caller stays within the room it allocated, and the stream is well-formed.
    /// @dev Equivalent to `push(end, d.account, CreditLib.terms(note, sequence, d.asset, d.flags & FLAG_OWN_DEPOSIT, d.amount))` with
    ///      `d = Entry.decodeDeposited(entry)`. Every deposit passes here: compiled, that is four times as much gas.
    /// @return where the next credit goes, the next entry is, and its cursor
    function pushDeposits(
        uint256 end,
        uint256 place,
        uint256 behind,
        uint256 cursor_
    ) internal pure returns (uint256, uint256, uint256) {
        // Length and kind, as they stand in the stream.
        uint256 prefix = (Entry.DEPOSITED_LENGTH << 8) | EntryKind.DEPOSITED;
        uint256 step = 1 + Entry.DEPOSITED_LENGTH;
        uint256 cursorStep = (step << NOTE_OFFSET) | (1 << SEQUENCE_OFFSET);
        uint256 accountAt = 1 + Entry.DEPOSITED_ACCOUNT;
        uint256 assetAt = 1 + Entry.DEPOSITED_ASSET;
        // the last byte of the word that is read there
        uint256 flagsAt = 1 + Entry.DEPOSITED_FLAGS - 31;
        uint256 flag = Entry.FLAG_OWN_DEPOSIT;
        assembly ("memory-safe") {
            for {} lt(place, behind) {} {
                if sub(shr(240, calldataload(place)), prefix) {
                    break
                }
                mstore(end, calldataload(add(place, accountAt)))
                // asset 16 and amount 128 are the upper bits of their word
                mstore(
                    add(end, 0x20),
                    or(
                        or(cursor_, shr(112, calldataload(add(place, assetAt)))),
                        shl(144, and(calldataload(add(place, flagsAt)), flag))
                    )
                )
                end := add(end, SIZE)
                place := add(place, step)
                cursor_ := add(cursor_, cursorStep)
            }
        }
        return (end, place, cursor_);
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
