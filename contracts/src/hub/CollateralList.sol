// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice Cash and enabled collateral of one account, packed so that valuing it costs one cold read per two assets.
/// @param head  flags 8 | cash 124 (signed) | asset 0
/// @param pairs assets 1 and 2, 3 and 4, …: flags 8 (unused) | asset 124 | asset 124
/// @dev An asset is assetId 16 | amount 108. Cash shares the first slot with the first asset because nearly every account holds both.
struct Book {
    uint256 head;
    uint256[8] pairs;
}

/// @notice Reads and writes `Book`. Functions that change the head take and return its value: the caller writes it once.
library CollateralList {
    /// @notice Most assets an account may have enabled.
    uint256 internal constant MAX_ASSETS = 16;
    /// @notice `find` did not find the asset.
    uint256 internal constant NOT_FOUND = type(uint256).max;
    /// @notice Largest amount of one asset; the ledger's caps keep every balance below it.
    uint256 internal constant MAX_AMOUNT = (1 << 108) - 1;
    int256 internal constant MAX_CASH = int256((uint256(1) << 123) - 1);
    int256 internal constant MIN_CASH = -int256(uint256(1) << 123);

    uint256 private constant AMOUNT_BITS = 108;
    uint256 private constant ASSET_BITS = 124;
    uint256 private constant ASSET_MASK = (1 << ASSET_BITS) - 1;
    uint256 private constant CASH_OFFSET = 124;
    uint256 private constant COUNT_OFFSET = 248;
    uint256 private constant COUNT_MASK = 0x1f;
    uint256 private constant HAS_IDLE = 1 << 253;

    // ---- the head

    /// @notice Number of enabled assets.
    function count(uint256 head) internal pure returns (uint256) {
        return (head >> COUNT_OFFSET) & COUNT_MASK;
    }

    /// @notice Whether the account ever held an idle balance (never reset: it only saves a read).
    function hasIdle(uint256 head) internal pure returns (bool) {
        return head & HAS_IDLE != 0;
    }

    function withIdle(uint256 head) internal pure returns (uint256) {
        return head | HAS_IDLE;
    }

    /// @notice Signed settlement balance, 18 decimals.
    function cash(uint256 head) internal pure returns (int256) {
        // CAST: moves the 124-bit field to the top, then back with its sign.
        return int256(head << (256 - CASH_OFFSET - ASSET_BITS)) >> (256 - ASSET_BITS);
    }

    /// @dev `value` must lie within MIN_CASH … MAX_CASH.
    function withCash(uint256 head, int256 value) internal pure returns (uint256) {
        // CAST: two's complement, cut to the 124-bit field.
        return (head & ~(ASSET_MASK << CASH_OFFSET)) | ((uint256(value) & ASSET_MASK) << CASH_OFFSET);
    }

    // ---- the list

    /// @notice Position and amount of an asset, or NOT_FOUND and 0.
    function find(
        Book storage book,
        uint256 head,
        uint16 assetId
    ) internal view returns (uint256 position, uint256 amount) {
        uint256 n = count(head);
        if (n == 0) return (NOT_FOUND, 0);
        if (_idOf(head) == assetId) return (0, head & MAX_AMOUNT);
        for (position = 1; position < n; position += 2) {
            uint256 pair = book.pairs[position >> 1];
            if (_idOf(pair) == assetId) return (position, pair & MAX_AMOUNT);
            pair >>= ASSET_BITS;
            // An unused half has id 0, which no asset has.
            if (_idOf(pair) == assetId) return (position + 1, pair & MAX_AMOUNT);
        }
        return (NOT_FOUND, 0);
    }

    /// @notice Asset at a position below the count.
    function at(
        Book storage book,
        uint256 head,
        uint256 position
    ) internal view returns (uint16 assetId, uint256 amount) {
        uint256 packed = _packedAt(book, head, position);
        return (_idOf(packed), packed & MAX_AMOUNT);
    }

    /// @notice Replaces the amount at a position. Writes the slot, unless it is the head, which is returned.
    /// @dev `amount` must be at most MAX_AMOUNT.
    function withAmount(Book storage book, uint256 head, uint256 position, uint256 amount) internal returns (uint256) {
        uint256 packed = _packedAt(book, head, position);
        return _put(book, head, position, (packed & ~MAX_AMOUNT) | amount);
    }

    /// @notice Adds an asset at the end; the caller has checked that it is absent and that there is room.
    function append(Book storage book, uint256 head, uint16 assetId, uint256 amount) internal returns (uint256) {
        uint256 n = count(head);
        head = _put(book, head, n, (uint256(assetId) << AMOUNT_BITS) | amount);
        return _withCount(head, n + 1);
    }

    /// @notice Takes the asset at a position out; the last one takes its place.
    function remove(Book storage book, uint256 head, uint256 position) internal returns (uint256) {
        uint256 last = count(head) - 1;
        if (position != last) head = _put(book, head, position, _packedAt(book, head, last));
        head = _put(book, head, last, 0);
        return _withCount(head, last);
    }

    function _withCount(uint256 head, uint256 n) private pure returns (uint256) {
        return (head & ~(COUNT_MASK << COUNT_OFFSET)) | (n << COUNT_OFFSET);
    }

    function _idOf(uint256 packed) private pure returns (uint16) {
        return uint16(packed >> AMOUNT_BITS);
    }

    function _packedAt(Book storage book, uint256 head, uint256 position) private view returns (uint256) {
        if (position == 0) return head & ASSET_MASK;
        uint256 pair = book.pairs[(position - 1) >> 1];
        return (position & 1 == 1 ? pair : pair >> ASSET_BITS) & ASSET_MASK;
    }

    function _put(Book storage book, uint256 head, uint256 position, uint256 packed) private returns (uint256) {
        if (position == 0) return (head & ~ASSET_MASK) | packed;
        uint256 index = (position - 1) >> 1;
        uint256 pair = book.pairs[index];
        book.pairs[index] =
            position & 1 == 1
                ? (pair & ~ASSET_MASK) | packed
                : (pair & ~(ASSET_MASK << ASSET_BITS)) | (packed << ASSET_BITS);
        return head;
    }
}
