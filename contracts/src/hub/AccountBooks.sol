// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";
import {Book, CollateralList, Place} from "./CollateralList.sol";
import {Destination, NOWHERE} from "./Credit.sol";

/// @notice Cash, enabled collateral and idle balances of every account. An asset is in at most one of the last two.
/// @dev Every balance of an asset is part of its `credited` total, which stays ≤ MAX_AMOUNT: sums of them never overflow a field.
abstract contract AccountBooks {
    using CollateralList for Book;
    using CollateralList for Place;
    using CollateralList for uint256;

    mapping(Account account => Book) private _books;
    mapping(Account account => mapping(uint256 assetId => uint256 amount)) private _idle;

    /// @dev Adds signed cash; false, and nothing changed, if the account cannot hold the result.
    function _addCash(Account account, int256 amount) internal returns (bool) {
        Book storage book = _books[account];
        uint256 head = book.slots[0];
        int256 cash = head.cash() + amount;
        if (cash > CollateralList.MAX_CASH || cash < CollateralList.MIN_CASH) return false;
        book.slots[0] = head.withCash(cash);
        return true;
    }

    /// @dev Adds cash of a deposit. Returns a Destination, or NOWHERE (and nothing changed) if the account cannot hold it.
    function _creditCash(Account account, uint256 amount) internal returns (uint256) {
        // CAST: below 2^172.
        return _addCash(account, int256(amount)) ? uint256(Destination.Cash) : NOWHERE;
    }

    /// @dev Adds a balance, returns its Destination. Collateral if the asset is enabled, or if `enables` and there is room (idle balance then moves in); else idle.
    function _addBalance(Account account, uint256 assetId, uint256 amount, bool enables) internal returns (uint256) {
        Book storage book = _books[account];
        uint256 head = book.slots[0];
        if (head.idOf() == assetId) {
            // The common case, without walking the list; the amount stands at the bottom of the head.
            unchecked {
                book.slots[0] = head + amount;
            }
            return uint256(Destination.Collateral);
        }
        (bool found, Place memory p) = book.find(head, assetId);
        uint256 newHead;
        uint256 destination = uint256(Destination.Collateral);
        if (found) {
            unchecked {
                newHead = book.withAmount(head, p, p.amountAt() + amount);
            }
        } else if (enables && !p.isFull()) {
            newHead = book.append(head, p, assetId, amount + _drainIdle(account, head, assetId));
        } else {
            _idle[account][assetId] += amount;
            newHead = head.withIdle();
            destination = uint256(Destination.Idle);
        }
        if (newHead != head) book.slots[0] = newHead;
        return destination;
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

    function _cash(Account account) internal view returns (int256) {
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

    function _drainIdle(Account account, uint256 head, uint256 assetId) private returns (uint256 amount) {
        if (!head.hasIdle()) return 0;
        amount = _idle[account][assetId];
        if (amount != 0) delete _idle[account][assetId];
    }
}
