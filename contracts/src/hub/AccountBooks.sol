// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";
import {Book, CollateralList} from "./CollateralList.sol";
import {Destination} from "./Credit.sol";

/// @notice Cash, enabled collateral and idle balances of every account. An asset is in exactly one of the last two.
/// @dev Every balance of an asset is part of its `credited` total, which stays ≤ MAX_AMOUNT: sums of them never overflow a field.
abstract contract AccountBooks {
    using CollateralList for Book;
    using CollateralList for uint256;

    mapping(Account account => Book) private _books;
    mapping(Account account => mapping(uint16 assetId => uint256 amount)) private _idle;

    /// @dev Adds signed cash; false, and nothing changed, if the account cannot hold the result.
    function _addCash(Account account, int256 amount) internal returns (bool) {
        Book storage book = _books[account];
        uint256 head = book.head;
        int256 cash = head.cash() + amount;
        if (cash > CollateralList.MAX_CASH || cash < CollateralList.MIN_CASH) return false;
        book.head = head.withCash(cash);
        return true;
    }

    /// @dev Adds a balance. Collateral if the asset is enabled, or if `enables` and there is room (idle balance then moves in); else idle.
    function _addBalance(Account account, uint16 assetId, uint256 amount, bool enables) internal returns (Destination) {
        Book storage book = _books[account];
        uint256 head = book.head;
        (uint256 position, uint256 held) = book.find(head, assetId);
        uint256 newHead = head;
        Destination destination = Destination.Collateral;
        if (position != CollateralList.NOT_FOUND) {
            newHead = book.withAmount(head, position, held + amount);
        } else if (enables && head.count() < CollateralList.MAX_ASSETS) {
            newHead = book.append(head, assetId, amount + _drainIdle(account, head, assetId));
        } else {
            _idle[account][assetId] += amount;
            newHead = head.withIdle();
            destination = Destination.Idle;
        }
        if (newHead != head) book.head = newHead;
        return destination;
    }

    /// @dev Takes up to `amount` of an asset out of an account, from wherever it is.
    function _takeBalance(Account account, uint16 assetId, uint256 amount) internal returns (uint256 taken) {
        Book storage book = _books[account];
        uint256 head = book.head;
        (uint256 position, uint256 held) = book.find(head, assetId);
        if (position == CollateralList.NOT_FOUND) held = _idle[account][assetId];
        taken = amount < held ? amount : held;
        if (position == CollateralList.NOT_FOUND) _idle[account][assetId] = held - taken;
        else book.head = book.withAmount(head, position, held - taken);
    }

    /// @dev Puts an asset on the list; `room` and `absent` say why not.
    function _enable(Account account, uint16 assetId) internal returns (bool absent, bool room, uint256 amount) {
        Book storage book = _books[account];
        uint256 head = book.head;
        (uint256 position, ) = book.find(head, assetId);
        absent = position == CollateralList.NOT_FOUND;
        room = head.count() < CollateralList.MAX_ASSETS;
        if (!absent || !room) return (absent, room, 0);
        amount = _drainIdle(account, head, assetId);
        book.head = book.append(head, assetId, amount);
    }

    /// @dev Takes an asset off the list; its amount becomes idle.
    function _disable(Account account, uint16 assetId) internal returns (bool present, uint256 amount) {
        Book storage book = _books[account];
        uint256 head = book.head;
        uint256 position;
        (position, amount) = book.find(head, assetId);
        if (position == CollateralList.NOT_FOUND) return (false, 0);
        head = book.remove(head, position);
        if (amount != 0) {
            _idle[account][assetId] = amount;
            head = head.withIdle();
        }
        book.head = head;
        return (true, amount);
    }

    function _cash(Account account) internal view returns (int256) {
        return _books[account].head.cash();
    }

    function _balance(Account account, uint16 assetId) internal view returns (uint256 collateral, uint256 idle) {
        Book storage book = _books[account];
        (, collateral) = book.find(book.head, assetId);
        idle = _idle[account][assetId];
    }

    function _collateral(Account account) internal view returns (uint16[] memory assetIds, uint128[] memory amounts) {
        Book storage book = _books[account];
        uint256 head = book.head;
        uint256 n = head.count();
        assetIds = new uint16[](n);
        amounts = new uint128[](n);
        for (uint256 i; i < n; ++i) {
            uint256 amount;
            (assetIds[i], amount) = book.at(head, i);
            // CAST: an amount has 108 bits.
            amounts[i] = uint128(amount);
        }
    }

    function _drainIdle(Account account, uint256 head, uint16 assetId) private returns (uint256 amount) {
        if (!head.hasIdle()) return 0;
        amount = _idle[account][assetId];
        if (amount != 0) delete _idle[account][assetId];
    }
}
