// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice Cash and enabled collateral of one account, packed so that valuing it costs one cold read per two assets.
/// @param slots slot 0, the head: flags 8 | cash 124 (signed) | asset. Slots 1 … 8: unused 8 | asset | asset.
///              An asset is assetId 16 | amount 108. The list has no holes; slot 8 uses its lower half only.
/// @dev Cash shares the head with the first asset because nearly every account holds both.
struct Book {
    uint256[9] slots;
}

/// @notice Place of one asset in a book.
/// @param slot  index of its slot
/// @param shift bits it stands above the bottom of the slot
/// @param word  the slot's content
struct Place {
    uint256 slot;
    uint256 shift;
    uint256 word;
}

/// @notice Reads and writes `Book`. What changes the head takes and returns its value: the caller reads and writes it once.
library CollateralList {
    /// @notice Most assets an account may have enabled.
    uint256 internal constant MAX_ASSETS = 16;
    /// @notice Largest amount of one asset; the ledger's caps keep every balance below it.
    uint256 internal constant MAX_AMOUNT = (1 << 108) - 1;
    int256 internal constant MAX_CASH = int256((uint256(1) << 123) - 1);
    int256 internal constant MIN_CASH = -int256(uint256(1) << 123);

    uint256 private constant LAST_SLOT = 8;
    uint256 private constant ID_OFFSET = 108;
    uint256 private constant ASSET_BITS = 124;
    uint256 private constant ASSET_MASK = (1 << ASSET_BITS) - 1;
    uint256 private constant CASH_OFFSET = 124;
    // Flags of the head: slots in use after it, and whether the account ever held an idle balance.
    uint256 private constant OPENED_OFFSET = 248;
    uint256 private constant OPENED_MASK = 0xf;
    uint256 private constant HAS_IDLE = 1 << 252;

    // ---- the head

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

    /// @notice Place of an asset; if it is absent, the place where it would be appended.
    function find(Book storage book, uint256 head, uint256 assetId) internal view returns (bool found, Place memory p) {
        uint256 firstId = idOf(head);
        if (firstId == assetId) return (true, Place(0, 0, head));
        if (firstId == 0) return (false, Place(0, 0, head));
        uint256 last = (head >> OPENED_OFFSET) & OPENED_MASK;
        uint256 word;
        for (uint256 slot = 1; slot <= last; ++slot) {
            word = book.slots[slot];
            if (idOf(word) == assetId) return (true, Place(slot, 0, word));
            uint256 upperId = idOf(word >> ASSET_BITS);
            if (upperId == assetId) return (true, Place(slot, ASSET_BITS, word));
            if (upperId == 0 && slot != LAST_SLOT) return (false, Place(slot, ASSET_BITS, word));
        }
        return (false, Place(last + 1, 0, 0));
    }

    /// @notice Whether `find` returned a place that does not exist.
    function isFull(Place memory p) internal pure returns (bool) {
        return p.slot > LAST_SLOT;
    }

    function amountAt(Place memory p) internal pure returns (uint256) {
        return (p.word >> p.shift) & MAX_AMOUNT;
    }

    /// @notice Replaces the amount at a place. Writes the slot, unless it is the head, whose new value is returned.
    /// @dev `amount` must be at most MAX_AMOUNT.
    function withAmount(Book storage book, uint256 head, Place memory p, uint256 amount) internal returns (uint256) {
        return _put(book, head, p.slot, (p.word & ~(MAX_AMOUNT << p.shift)) | (amount << p.shift));
    }

    /// @notice Appends an asset at the place `find` returned; there must be room.
    function append(
        Book storage book,
        uint256 head,
        Place memory p,
        uint256 assetId,
        uint256 amount
    ) internal returns (uint256) {
        head = _put(book, head, p.slot, p.word | (((assetId << ID_OFFSET) | amount) << p.shift));
        return p.slot != 0 && p.shift == 0 ? head + (1 << OPENED_OFFSET) : head;
    }

    /// @notice Takes the asset at a place out; the last one of the list takes its place.
    function remove(Book storage book, uint256 head, Place memory p) internal returns (uint256) {
        uint256 slot = (head >> OPENED_OFFSET) & OPENED_MASK;
        uint256 word = slot == 0 ? head : book.slots[slot];
        uint256 shift = slot != 0 && idOf(word >> ASSET_BITS) != 0 ? ASSET_BITS : 0;
        uint256 moved = (word >> shift) & ASSET_MASK;
        if (slot != p.slot || shift != p.shift) {
            uint256 kept = (p.word & ~(ASSET_MASK << p.shift)) | (moved << p.shift);
            head = _put(book, head, p.slot, kept);
            if (slot == p.slot) word = kept;
        }
        // The head may have changed in the lines above; as the last slot it is the hole itself.
        head = _put(book, head, slot, (slot == 0 ? head : word) & ~(ASSET_MASK << shift));
        return slot != 0 && shift == 0 ? head - (1 << OPENED_OFFSET) : head;
    }

    /// @notice Number of enabled assets.
    function count(Book storage book, uint256 head) internal view returns (uint256) {
        if (idOf(head) == 0) return 0;
        uint256 last = (head >> OPENED_OFFSET) & OPENED_MASK;
        if (last == 0) return 1;
        return idOf(book.slots[last] >> ASSET_BITS) == 0 ? 2 * last : 2 * last + 1;
    }

    /// @notice Number of slots that hold enabled assets.
    function wordCount(uint256 head) internal pure returns (uint256) {
        return idOf(head) == 0 ? 0 : 1 + ((head >> OPENED_OFFSET) & OPENED_MASK);
    }

    /// @notice The head's asset without cash and flags.
    function first(uint256 head) internal pure returns (uint256) {
        return head & ASSET_MASK;
    }

    /// @notice Asset at a position below the count.
    function at(Book storage book, uint256 head, uint256 position) internal view returns (uint256 id, uint256 amount) {
        uint256 packed = head;
        if (position != 0) packed = book.slots[(position + 1) >> 1] >> (position & 1 == 1 ? 0 : ASSET_BITS);
        return (idOf(packed), packed & MAX_AMOUNT);
    }

    function idOf(uint256 packed) internal pure returns (uint256) {
        return (packed >> ID_OFFSET) & type(uint16).max;
    }

    function _put(Book storage book, uint256 head, uint256 slot, uint256 word) private returns (uint256) {
        if (slot == 0) return word;
        book.slots[slot] = word;
        return head;
    }
}
