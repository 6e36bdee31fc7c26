// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";
import {Book, CollateralList, Place} from "./CollateralList.sol";
import {Destination} from "./Credit.sol";
import {ILedger} from "./ILedger.sol";

/// @notice Cash, enabled collateral and idle balances of every account. An asset is in at most one of the last two.
/// @dev Every balance of an asset is part of its `credited` total, which stays ≤ MAX_AMOUNT: sums of them never overflow a field.
abstract contract AccountBooks {
    using CollateralList for Book;
    using CollateralList for Place;
    using CollateralList for uint256;

    mapping(Account account => Book) private _books;
    mapping(Account account => mapping(uint256 assetId => uint256 amount)) private _idle;

    /// @dev Books the cash of the credits from `offset` on, up to the first that is not simple: of another asset, not below
    ///      `passesBelow`, without an owner, of an account that owes cash or could not hold it.
    ///      Equivalent to InterestBooks' `_addCash` and the event `Credited` for each, at a third of the gas the compiler needs: with `_bookFirst` this
    ///      is where nearly every deposit is booked.
    /// @param scale       cash per base unit
    /// @param passesBelow amounts below it pass cap and inflow limit; falls by what is taken
    /// @param receiptBase the receipt, without sequence and amount
    /// @return next where it stopped
    /// @return left of `passesBelow`
    function _bookCash(
        bytes calldata credits,
        uint256 offset,
        uint256 asset,
        uint256 scale,
        uint256 passesBelow,
        uint256 receiptBase
    ) internal returns (uint256 next, uint256 left) {
        bytes32 topic = ILedger.Credited.selector;
        assembly ("memory-safe") {
            // asset 16 | amount 128, of which only an amount remains where the asset is the one that is booked
            let amountMask := sub(shl(144, 1), 1)
            let sequenceMask := shl(152, sub(shl(64, 1), 1))
            let assetBits := shl(128, asset)
            let place := add(credits.offset, offset)
            let behind := add(credits.offset, credits.length)
            mstore(0x20, _books.slot)
            for {} lt(place, behind) {} {
                let account := calldataload(place)
                let terms := calldataload(add(place, 0x20))
                // wraps round, or stays above 2^128, for any other asset
                let amount := sub(and(terms, amountMask), assetBits)
                // the owner is the upper 20 bytes of the account
                if iszero(and(lt(amount, passesBelow), gt(shr(96, account), 0))) {
                    break
                }
                mstore(0x00, account)
                let slot := keccak256(0x00, 0x40)
                let head := sload(slot)
                // cash: 124 bits, signed; what owes, or would pass 2^123, is left to the ledger
                let cash := mul(amount, scale)
                if shr(123, add(and(shr(124, head), sub(shl(124, 1), 1)), cash)) {
                    break
                }
                sstore(slot, add(head, shl(124, cash)))
                passesBelow := sub(passesBelow, amount)
                mstore(0x00, or(receiptBase, or(and(terms, sequenceMask), amount)))
                log2(0x00, 0x20, topic, account)
                place := add(place, 0x40)
            }
            next := sub(place, credits.offset)
            left := passesBelow
        }
    }

    /// @dev As `_bookCash`, for collateral: simple is what goes to the first asset of its account's list. Equivalent to `_addBalance`
    ///      and the event.
    function _bookFirst(
        bytes calldata credits,
        uint256 offset,
        uint256 asset,
        uint256 assetId,
        uint256 passesBelow,
        uint256 receiptBase
    ) internal returns (uint256 next, uint256 left) {
        bytes32 topic = ILedger.Credited.selector;
        assembly ("memory-safe") {
            let amountMask := sub(shl(144, 1), 1)
            let sequenceMask := shl(152, sub(shl(64, 1), 1))
            let assetBits := shl(128, asset)
            let place := add(credits.offset, offset)
            let behind := add(credits.offset, credits.length)
            mstore(0x20, _books.slot)
            for {} lt(place, behind) {} {
                let account := calldataload(place)
                let terms := calldataload(add(place, 0x20))
                let amount := sub(and(terms, amountMask), assetBits)
                if iszero(and(lt(amount, passesBelow), gt(shr(96, account), 0))) {
                    break
                }
                mstore(0x00, account)
                let slot := keccak256(0x00, 0x40)
                let head := sload(slot)
                // the head's asset is assetId 16 | amount 108 at its bottom
                if sub(and(shr(108, head), 0xffff), assetId) {
                    break
                }
                sstore(slot, add(head, amount))
                passesBelow := sub(passesBelow, amount)
                mstore(0x00, or(receiptBase, or(and(terms, sequenceMask), amount)))
                log2(0x00, 0x20, topic, account)
                place := add(place, 0x40)
            }
            next := sub(place, credits.offset)
            left := passesBelow
        }
    }

    /// @dev `cash` must lie within MIN_CASH … MAX_CASH.
    function _setCash(Account account, int256 cash) internal {
        Book storage book = _books[account];
        book.slots[0] = book.slots[0].withCash(cash);
    }

    /// @dev Adds a balance, returns its Destination. Collateral if the asset is enabled, or if `enables` and there is room (idle
    ///      balance then moves in); else idle.
    function _addBalance(
        Account account,
        uint256 assetId,
        uint256 amount,
        bool enables
    ) internal returns (Destination destination) {
        Book storage book = _books[account];
        uint256 head = book.slots[0];
        (bool found, Place memory p) = book.find(head, assetId);
        uint256 newHead;
        if (found) {
            newHead = book.withAmount(head, p, p.amountAt() + amount);
            destination = Destination.Collateral;
        } else if (enables && !p.isFull()) {
            newHead = book.append(head, p, assetId, amount + _drainIdle(account, head, assetId));
            destination = Destination.Collateral;
        } else {
            _idle[account][assetId] += amount;
            newHead = head.withIdle();
            destination = Destination.Idle;
        }
        if (newHead != head) book.slots[0] = newHead;
    }

    /// @dev Takes up to `amount` of an asset out of an account, from wherever it is.
    function _takeBalance(Account account, uint256 assetId, uint256 amount) internal returns (uint256 taken) {
        Book storage book = _books[account];
        uint256 head = book.slots[0];
        (bool found, Place memory p) = book.find(head, assetId);
        uint256 held = found ? p.amountAt() : _idle[account][assetId];
        taken = amount < held ? amount : held;
        if (taken == 0) return 0;
        if (!found) _idle[account][assetId] = held - taken;
        else book.slots[0] = book.withAmount(head, p, held - taken);
    }

    /// @dev Puts an asset on the list; if it is there already, or there is no room, nothing changes.
    function _enable(Account account, uint256 assetId) internal returns (bool absent, bool room, uint256 amount) {
        Book storage book = _books[account];
        uint256 head = book.slots[0];
        (bool found, Place memory p) = book.find(head, assetId);
        if (found || p.isFull()) return (!found, !p.isFull(), 0);
        amount = _drainIdle(account, head, assetId);
        book.slots[0] = book.append(head, p, assetId, amount);
        return (true, true, amount);
    }

    /// @dev Takes an asset off the list; its amount becomes idle.
    function _disable(Account account, uint256 assetId) internal returns (bool found, uint256 amount) {
        Book storage book = _books[account];
        uint256 head = book.slots[0];
        Place memory p;
        (found, p) = book.find(head, assetId);
        if (!found) return (false, 0);
        amount = p.amountAt();
        head = book.remove(head, p);
        if (amount != 0) {
            _idle[account][assetId] = amount;
            head = head.withIdle();
        }
        book.slots[0] = head;
    }

    function _bookedCash(Account account) internal view returns (int256) {
        return _books[account].slots[0].cash();
    }

    function _balance(Account account, uint256 assetId) internal view returns (uint256 collateral, uint256 idle) {
        Book storage book = _books[account];
        (bool found, Place memory p) = book.find(book.slots[0], assetId);
        return found ? (p.amountAt(), uint256(0)) : (uint256(0), _idle[account][assetId]);
    }

    function _collateral(Account account) internal view returns (uint16[] memory assetIds, uint128[] memory amounts) {
        Book storage book = _books[account];
        uint256 head = book.slots[0];
        uint256 n = book.count(head);
        assetIds = new uint16[](n);
        amounts = new uint128[](n);
        for (uint256 i; i < n; ++i) {
            (uint256 id, uint256 amount) = book.at(head, i);
            // CAST: fields of 16 and 108 bits.
            (assetIds[i], amounts[i]) = (uint16(id), uint128(amount));
        }
    }

    /// @dev Writes collateral as it is packed to memory, from `place` on: how many words, then the head's asset alone and the slots after it. None if
    ///      none is enabled. Returns where that ended.
    function _writeCollateral(Account account, uint256 place) internal view returns (uint256 end) {
        uint256[9] storage slots = _books[account].slots;
        uint256 head = slots[0];
        uint256 count = head.wordCount();
        uint256 first = head.first();
        assembly ("memory-safe") {
            mstore(place, count)
            mstore(add(place, 32), first)
            end := add(add(place, 32), shl(5, count))
            let slot := slots.slot
            for {
                let word := add(place, 64)
            } lt(word, end) {
                word := add(word, 32)
            } {
                slot := add(slot, 1)
                mstore(word, sload(slot))
            }
        }
    }

    function _drainIdle(Account account, uint256 head, uint256 assetId) private returns (uint256 amount) {
        if (!head.hasIdle()) return 0;
        amount = _idle[account][assetId];
        if (amount != 0) delete _idle[account][assetId];
    }
}
