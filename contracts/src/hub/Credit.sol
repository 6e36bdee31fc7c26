// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";

/// @notice Where a credited deposit went.
enum Destination {
    Collateral,
    Idle,
    Cash
}

/// @notice One deposit to credit: two words, because fifty of them travel from the gateway to the ledger in one call.
struct Credit {
    Account account;
    CreditTerms terms;
}

/// @notice `sequence 64 | asset 16 | ownDeposit 8 | amount 128`, right-aligned.
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

    /// @param sequence_   of the deposit in its log
    /// @param asset_      index in the spoke's vault
    /// @param ownDeposit_ the account's principal paid it, so the asset is enabled as margin collateral
    /// @param amount_     base units of the token
    function terms(
        uint64 sequence_,
        uint16 asset_,
        bool ownDeposit_,
        uint128 amount_
    ) internal pure returns (CreditTerms) {
        return
            CreditTerms.wrap(
                (uint256(sequence_) << SEQUENCE_OFFSET) |
                    (uint256(asset_) << ASSET_OFFSET) |
                    (uint256(ownDeposit_ ? 1 : 0) << FLAG_OFFSET) |
                    amount_
            );
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
        uint32 srcEid_,
        uint16 assetId_,
        Destination destination_
    ) internal pure returns (CreditReceipt) {
        return
            CreditReceipt.wrap(
                (uint256(srcEid_) << EID_OFFSET) |
                    (uint256(t.sequence()) << SEQUENCE_OFFSET) |
                    (uint256(assetId_) << ASSET_OFFSET) |
                    (uint256(uint8(destination_)) << FLAG_OFFSET) |
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
