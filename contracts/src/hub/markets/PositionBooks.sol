// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Account} from "../../types/Account.sol";
import {ILedger} from "../ILedger.sol";
import {Wad} from "../risk/Wad.sol";
import {BookHead} from "./BookHead.sol";
import {Funding} from "./Funding.sol";
import {IMarkets} from "./IMarkets.sol";
import {Instrument} from "./Instrument.sol";
import {Listing} from "./Listing.sol";
import {OptionWords} from "./OptionWords.sol";
import {StrikeEntry} from "./StrikeEntry.sol";

/// @notice Positions of an account, as the words an engine values.
/// @param head  see BookHead
/// @param words three areas of 32: a perpetual `quote 128 | size 104 | zeros 24`, then options as in holdings, six to a word, without holes
/// @dev The stored quote is free of funding: quote now = stored - ceil(size · index now), so that no position stores an index. What stands in
///      an area beyond what the head counts is old and means nothing; it is not cleared, because writing over it is cheaper.
struct Book {
    uint256 head;
    uint256[96] words;
}

/// @notice Who holds what.
abstract contract PositionBooks is Listing, Funding {
    using BookHead for uint256;
    using SafeCast for int256;
    using StrikeEntry for uint256;

    uint256 internal constant AREA = 32;
    uint256 internal constant MAX_OPTIONS = 128;
    uint256 internal constant MAX_EXPIRIES = 11;
    uint256 private constant SIZE_OFFSET = 24;
    uint256 private constant QUOTE_OFFSET = 128;

    /// @notice Whose cash moves with positions.
    ILedger public immutable ledger;

    mapping(Account account => Book) internal _books;

    constructor(ILedger ledger_) {
        ledger = ledger_;
    }

    // ---- perpetuals

    /// @dev Adds `change` to a size and `leg` to its quote; the part of the quote that belongs to what fell, with its part of the leg, is cash.
    /// @param index funding now
    /// @return before the size before
    /// @return cash   what left the quote
    function _movePerpetual(
        Account account,
        uint16 underlying,
        int256 change,
        int256 leg,
        int256 index
    ) internal returns (int256 before, int256 cash) {
        (uint256 head, uint256 at, uint256 lane) = _lane(account, underlying);
        Book storage book = _books[account];
        uint256 slot = lane.area() * AREA;
        int256 quote;
        if (lane.hasPerpetual()) (before, quote) = _perpetual(book.words[slot], index);
        int256 size = before + change;
        require(
            size <= type(int104).max && size >= type(int104).min,
            PositionOutOfRange(Account.unwrap(account), uint256(underlying) << 8, size)
        );
        int256 fall = Wad.min(Wad.abs(before), Wad.abs(change));
        if (fall != 0 && (before ^ change) < 0) {
            // All of either is exact: nothing is left behind in a position that ended.
            int256 part = fall == Wad.abs(before) ? quote : Wad.floorDiv(quote * fall, Wad.abs(before));
            int256 closing = fall == Wad.abs(change) ? leg : Wad.floorDiv(leg * fall, Wad.abs(change));
            cash = part + closing;
        }
        if (size != 0) {
            book.words[slot] = _packAt(size, quote + leg - cash, index);
        }
        if (lane.hasPerpetual() != (size != 0)) {
            head = head.settle(at, lane.withPerpetual(size != 0));
            _writeHead(account, head, size != 0);
        }
    }

    /// @dev What is stored of a perpetual whose quote now is `quote`.
    function _packAt(int256 size, int256 quote, int256 index) internal pure returns (uint256) {
        // A size of 104 bits by an index of 133 (Funding), beside what is far smaller; the field is checked.
        unchecked {
            return _packPerpetual(size, quote + Wad.floorDiv(size * index, Wad.ONE));
        }
    }

    /// @param size within its field
    function _packPerpetual(int256 size, int256 quote) internal pure returns (uint256) {
        // CAST: two's complement in their fields.
        return (uint256(uint104(int104(size))) << SIZE_OFFSET) | (uint256(uint128(quote.toInt128())) << QUOTE_OFFSET);
    }

    /// @dev Size and quote now of a stored perpetual.
    function _perpetual(uint256 word, int256 index) internal pure returns (int256 size, int256 quote) {
        // CAST: cut to the fields, then widened with their signs.
        size = int104(uint104(word >> SIZE_OFFSET));
        // Less the product rounded up. Bits as in _packAt.
        unchecked {
            quote = int128(uint128(word >> QUOTE_OFFSET)) + Wad.floorDiv(-size * index, Wad.ONE);
        }
    }

    // ---- options

    /// @dev Adds lots to a series. The words stay without holes: the last option takes the place of one that ends.
    /// @param series (place << 1) | put
    /// @param change not 0
    /// @return before lots before
    function _moveOption(
        Account account,
        uint16 underlying,
        uint256 series,
        int256 change
    ) internal returns (int256 before) {
        (uint256 head, uint256 at, uint256 lane) = _lane(account, underlying);
        Book storage book = _books[account];
        uint256 first = lane.area() * AREA + 1;
        uint256 count = lane.count();
        (uint256 place, uint256 word) = _findOption(book, first, count, series);
        before = OptionWords.lots(word, place);
        int256 lots = before + change;
        require(
            lots <= OptionWords.MAX_LOTS && lots >= -OptionWords.MAX_LOTS,
            PositionOutOfRange(Account.unwrap(account), series, lots)
        );
        if (lots != 0) {
            book.words[first + place / OptionWords.PER_WORD] = OptionWords.put(word, place, series, lots);
            if (place != count) return before;
            uint256 entry = _entryAt(underlying, series >> 1);
            uint256 hour = entry.hour();
            if (count != 0 && lane.firstHour() < hour) hour = lane.firstHour();
            lane = lane.withOptions(count + 1, lane.expiries() | (1 << entry.index()), hour);
            head = _checkOptions(account, head.withLane(at, lane));
            _writeHead(account, head, true);
            return before;
        }
        _removeOption(book, first, count, place, word);
        _writeHead(account, head.settle(at, lane.withOptions(count - 1, lane.expiries(), lane.firstHour())), false);
    }

    /// @return place where the series stands; where it would be appended: the count
    /// @return word  that holds this place; 0 where none does yet
    function _findOption(
        Book storage book,
        uint256 first,
        uint256 count,
        uint256 series
    ) internal view returns (uint256 place, uint256 word) {
        uint256[96] storage words = book.words;
        for (; place < count; place += OptionWords.PER_WORD) {
            assembly ("memory-safe") {
                word := sload(add(words.slot, first))
                first := add(first, 1)
            }
            uint256 at = OptionWords.find(word, series);
            if (at == OptionWords.PER_WORD) continue;
            // A match behind the last one is an empty field.
            return place + at < count ? (place + at, word) : (count, word);
        }
        place = count;
        if (count % OptionWords.PER_WORD == 0) word = 0;
    }

    function _removeOption(Book storage book, uint256 first, uint256 count, uint256 place, uint256 word) private {
        uint256 last = count - 1;
        uint256 lastSlot = first + last / OptionWords.PER_WORD;
        uint256 slot = first + place / OptionWords.PER_WORD;
        uint256 tail = slot == lastSlot ? word : book.words[lastSlot];
        if (place != last) {
            word = OptionWords.move(word, place, tail, last);
            if (slot == lastSlot) tail = word;
            else book.words[slot] = word;
        }
        // A word that holds nothing any more is not read.
        if (last % OptionWords.PER_WORD != 0) book.words[lastSlot] = OptionWords.clear(tail, last);
    }

    /// @dev Limits of what an account may hold. Bits of expiries are at least those held: only where they are too many, they are counted anew.
    function _checkOptions(Account account, uint256 head) private view returns (uint256) {
        require(head.options() <= MAX_OPTIONS, PositionLimit(Account.unwrap(account), MAX_OPTIONS));
        if (_expiriesHeld(head) <= MAX_EXPIRIES) return head;
        for (uint256 at = 0; at < BookHead.LANES; ++at) {
            uint256 lane = head.laneAt(at);
            if (lane.count() == 0) continue;
            uint256 first = lane.area() * AREA + 1;
            uint256 expiries;
            for (uint256 i = 0; i < lane.count(); ++i) {
                uint256 word = _books[account].words[first + i / OptionWords.PER_WORD];
                uint256 entry = _entryAt(lane.underlying(), OptionWords.series(word, i) >> 1);
                expiries |= 1 << entry.index();
            }
            head = head.withLane(at, lane.withOptions(lane.count(), expiries, lane.firstHour()));
        }
        require(_expiriesHeld(head) <= MAX_EXPIRIES, ExpiryLimit(Account.unwrap(account), MAX_EXPIRIES));
        return head;
    }

    function _expiriesHeld(uint256 head) private pure returns (uint256 n) {
        for (uint256 at = 0; at < BookHead.LANES; ++at)
            for (uint256 bits = head.laneAt(at).expiries(); bits != 0; bits &= bits - 1) ++n;
    }

    // ---- heads

    /// @dev The account's lane of an underlying, opened if it had none; that is written by whoever fills it.
    function _lane(Account account, uint16 underlying) private view returns (uint256 head, uint256 at, uint256 lane) {
        head = _books[account].head;
        (at, lane) = head.find(underlying);
        if (at != BookHead.ABSENT) return (head, at, lane);
        (head, at, lane) = head.open(underlying);
        require(head != 0, UnderlyingLimit(Account.unwrap(account), BookHead.LANES));
    }

    /// @param opens an instrument more than before
    function _writeHead(Account account, uint256 head, bool opens) internal {
        if (opens && head.mode() == uint256(Mode.Isolated)) _requireOne(account, head);
        _books[account].head = head;
    }

    function _requireOne(Account account, uint256 head) private pure {
        uint256 held = head.instruments();
        require(held <= 1, IsolatedHoldsOne(Account.unwrap(account), held));
    }

    /// @inheritdoc IMarkets
    function setMode(Account account, Mode mode) external onlyModule {
        _writeHead(account, _books[account].head.withMode(uint256(mode)), true);
        emit ModeSet(Account.unwrap(account), mode);
    }

    /// @inheritdoc IMarkets
    function setProfile(Account account, uint16 initialFactor, uint32 maxLeverage) external onlyModule {
        uint256 profile = uint256(initialFactor) | (uint256(maxLeverage) << 16);
        _books[account].head = _books[account].head.withProfile(profile);
        emit ProfileSet(Account.unwrap(account), initialFactor, maxLeverage);
    }

    /// @inheritdoc IMarkets
    function hold(Account account, bool on) external onlyModule {
        _books[account].head = _books[account].head.withHeld(on);
    }

    // ---- views

    /// @inheritdoc IMarkets
    function modeOf(Account account) external view returns (Mode) {
        return Mode(_books[account].head.mode());
    }

    /// @inheritdoc IMarkets
    function profileOf(Account account) external view returns (uint16 initialFactor, uint32 maxLeverage) {
        uint256 profile = _books[account].head.profile();
        // CAST: each field's bits.
        return (uint16(profile), uint32(profile >> 16));
    }

    /// @inheritdoc IMarkets
    function hasPositions(Account account) external view returns (bool) {
        return _books[account].head.hasPositions();
    }

    /// @inheritdoc IMarkets
    function positionOf(Account account, uint16 underlying) public view returns (int256 size, int256 quote) {
        Book storage book = _books[account];
        (, uint256 lane) = book.head.find(underlying);
        if (lane.hasPerpetual()) return _perpetual(book.words[lane.area() * AREA], _indexNow(_markets[underlying]));
    }

    /// @inheritdoc IMarkets
    function sizeOf(Account account, uint256 instrument) external view returns (int256 size) {
        uint16 underlying = Instrument.underlying(instrument);
        if (!Instrument.isWellFormed(instrument)) return 0;
        if (Instrument.isPerpetual(instrument)) {
            (size, ) = positionOf(account, underlying);
            return size;
        }
        uint256 place = _series[Instrument.seriesKey(instrument)].place;
        (, uint256 lane) = _books[account].head.find(underlying);
        uint256 count = lane.count();
        if (place == 0 || count == 0) return 0;
        uint256 series = ((place - 1) << 1) | (Instrument.isPut(instrument) ? 1 : 0);
        (uint256 at, uint256 word) = _findOption(_books[account], lane.area() * AREA + 1, count, series);
        return at == count ? int256(0) : OptionWords.lots(word, at) * OptionWords.LOT;
    }

    /// @inheritdoc IMarkets
    /// @dev Built where it is returned from: the ledger's answer `cash ‖ offset ‖ count ‖ collateral` is laid down so that its collateral already
    ///      stands where the array wants it, and the array grows behind it.
    function holdingsOf(Account account) external view returns (uint256[] memory) {
        Book storage book = _books[account];
        uint256 head = book.head;
        bytes4 selector = ILedger.packedBookOf.selector;
        address source = address(ledger);
        uint256 answer;
        uint256 end;
        assembly ("memory-safe") {
            answer := mload(0x40)
            mstore(answer, selector)
            mstore(add(answer, 0x04), account)
            if iszero(staticcall(gas(), source, answer, 0x24, 0, 0)) {
                returndatacopy(answer, 0, returndatasize())
                revert(answer, returndatasize())
            }
            returndatacopy(answer, 0, returndatasize())
            let collateral := mload(add(answer, 0x40))
            end := add(add(answer, 0x60), shl(5, collateral))
            // cash int128 | collateral words | (underlyings: below) | profile
            let cash := and(mload(answer), sub(shl(128, 1), 1))
            mstore(add(answer, 0x40), or(cash, shl(128, collateral)))
            // room for three lanes
            mstore(0x40, add(end, 0xc00))
        }
        uint256 lanes;
        for (; lanes < BookHead.LANES; ++lanes) {
            uint256 lane = head.laneAt(lanes);
            if (lane == 0) break;
            end = _writeLane(book, lane, end);
        }
        // profile 48 | held 1 | mode 2
        uint256 profile = head.profile() | (head.heldBit() << 48) | (head.mode() << 49);
        assembly ("memory-safe") {
            let at := add(answer, 0x40)
            mstore(at, or(mload(at), or(shl(136, lanes), shl(144, profile))))
            // the array's place, its length, its words
            mstore(answer, 0x20)
            mstore(add(answer, 0x20), shr(5, sub(end, at)))
            return(answer, sub(end, answer))
        }
    }

    /// @dev Writes a lane's words to memory from `end` on, where there is room. Returns where that ended.
    function _writeLane(Book storage book, uint256 lane, uint256 end) internal view returns (uint256) {
        uint16 underlying = lane.underlying();
        uint256 from = lane.area() * AREA;
        uint256 count = (lane.count() + OptionWords.PER_WORD - 1) / OptionWords.PER_WORD;
        uint256 position = uint256(underlying) | (count << 16);
        if (lane.hasPerpetual()) {
            (int256 size, int256 quote) = _perpetual(book.words[from], _indexNow(_markets[underlying]));
            position |= _packPerpetual(size, quote);
        }
        uint256[96] storage words = book.words;
        assembly ("memory-safe") {
            mstore(end, position)
            end := add(end, 0x20)
            let slot := add(words.slot, add(from, 1))
            for {
                let behind := add(slot, count)
            } lt(slot, behind) {
                slot := add(slot, 1)
            } {
                mstore(end, sload(slot))
                end := add(end, 0x20)
            }
        }
        return end;
    }
}
