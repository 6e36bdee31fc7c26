// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Fixed} from "../../math/Fixed.sol";
import {Normal} from "../../math/Normal.sol";
import {FeedGrade} from "./FeedGrade.sol";
import {FeedId, FeedWord, Kind} from "./FeedWord.sol";
import {IFeeds} from "./IFeeds.sol";
import {IListing} from "./IRiskEngine.sol";
import {SheetGrades} from "./SheetGrades.sol";
import {SheetRows} from "./SheetRows.sol";
import {Smile} from "./Smile.sol";

/// @title A sheet from the feeds
/// @notice The words hang on the places, their listing, the feed words and their bounds alone, not on the block: who builds it, and when,
/// does not matter. Time runs to the expiry from the time of its forward.
abstract contract SheetBuilder {
    /// @dev What a sheet is built of.
    /// @param first    each expiry's first place, counted from 1
    /// @param next     the place after each in its expiry, counted from 1; 0: none
    /// @param words    forward and surface of each expiry, then settlement averages
    /// @param averages where an expiry's average stands among them; 0: it has none yet
    struct Plan {
        uint8[] places;
        uint256[] strikes;
        uint40[] expiries;
        uint256[] first;
        uint256[] next;
        uint256[] words;
        uint256[] averages;
    }

    /// @dev The settlement price is the average of the last 30 minutes.
    uint256 private constant AVERAGED = 30 minutes;

    IFeeds public immutable feeds;
    IListing public immutable listing;
    /// @notice The normal distribution's table.
    address public immutable normalTable;

    error PlaceUnlisted(uint16 underlying, uint8 place);

    constructor(address feeds_, address listing_, address normalTable_) {
        feeds = IFeeds(feeds_);
        listing = IListing(listing_);
        normalTable = normalTable_;
    }

    /// @dev Rows by expiry, expiries in the order of their first place, places of an expiry ascending.
    function _build(uint16 underlying, uint256 bitmap) internal view returns (uint256[] memory sheet) {
        unchecked {
            Plan memory plan = _plan(underlying, bitmap);
            (, , IFeeds.Bounds memory bounds) = feeds.underlyingOf(underlying);
            sheet = _empty(bitmap, plan.expiries.length, plan.places.length);
            uint256 table = Normal.load(normalTable);
            uint256 row;
            for (uint256 e = 0; e < plan.expiries.length; ++e) {
                uint256 average = _at(plan.averages, e) == 0 ? 0 : _at(plan.words, _at(plan.averages, e));
                uint256 past = _addExpiry(sheet, row, table, plan, e, average);
                sheet[SheetRows.HEAD_WORDS + 2 * e + 1] =
                    SheetRows.spanOf(sheet, row, past - row) |
                    SheetGrades.headerOf(
                        _at(plan.words, 2 * e),
                        _at(plan.words, 2 * e + 1),
                        _isSettled(average),
                        plan.expiries[e],
                        bounds
                    );
                row = past;
            }
        }
    }

    function _isSettled(uint256 average) private pure returns (bool) {
        return FeedWord.isFinal(average) && !FeedWord.isHalted(average);
    }

    /// @dev Rows and first header. @return past The row after the last.
    function _addExpiry(
        uint256[] memory sheet,
        uint256 row,
        uint256 table,
        Plan memory plan,
        uint256 e,
        uint256 average
    ) private pure returns (uint256 past) {
        unchecked {
            SheetRows.Term memory term = _term(_at(plan.words, 2 * e), average, plan.expiries[e]);
            uint128 slice = FeedWord.value(_at(plan.words, 2 * e + 1));
            (uint256 place, uint256 out) = _rowAt(sheet, row);
            past = row;
            for (uint256 i = _at(plan.first, e); i != 0; i = _at(plan.next, i - 1)) {
                // CAST: the listing's low half is the strike.
                uint128 strike = uint128(_at(plan.strikes, i - 1));
                // CAST: termOf holds the forward below 2^96.
                int256 ratio = Fixed.lnRatio(strike, uint128(term.forward));
                uint256 sigma = slice == 0 ? 0 : Smile.volatility(slice, ratio);
                SheetRows.write(table, term, strike, ratio, sigma, out);
                _note(place, _at(plan.places, i - 1));
                (place, out, past) = (place + 1, out + SheetRows.ROW_WORDS * 32, past + 1);
            }
            sheet[SheetRows.HEAD_WORDS + 2 * e] = SheetRows.headerOf(term, row, past - row);
        }
    }

    function _empty(uint256 bitmap, uint256 expiries, uint256 rows) internal pure returns (uint256[] memory sheet) {
        sheet = new uint256[](SheetRows.rowsOf(expiries, rows) + rows * SheetRows.ROW_WORDS);
        sheet[0] = bitmap;
        sheet[1] = expiries | (rows << 16);
    }

    /// @dev Where a row's place and its words go.
    function _rowAt(uint256[] memory sheet, uint256 row) internal pure returns (uint256 place, uint256 out) {
        assembly ("memory-safe") {
            // SheetRows: the list of places, then the rows.
            let counts := mload(add(sheet, 64))
            place := add(add(sheet, 96), shl(6, and(counts, 0xffff)))
            out := add(add(place, and(add(shr(16, counts), 31), not(31))), mul(row, 160))
            place := add(place, row)
        }
    }

    function _note(uint256 at, uint256 place) internal pure {
        assembly ("memory-safe") {
            mstore8(at, place)
        }
    }

    /// @dev A member of an array that is known to have it.
    function _at(uint256[] memory words, uint256 i) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(words, 32), shl(5, i)))
        }
    }

    function _at(uint8[] memory places, uint256 i) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := mload(add(add(places, 32), shl(5, i)))
        }
    }

    function _plan(uint16 underlying, uint256 bitmap) private view returns (Plan memory plan) {
        unchecked {
            plan.places = _placesIn(bitmap);
            plan.strikes = _strikesAt(underlying, plan.places);
            uint256 unlisted;
            (plan.expiries, plan.first, plan.next, unlisted) = _byExpiry(plan.strikes);
            if (unlisted != 0) revert PlaceUnlisted(underlying, plan.places[unlisted - 1]);
            uint256 count = plan.expiries.length;
            FeedId[] memory ids = new FeedId[](3 * count);
            plan.averages = new uint256[](count);
            uint256 last = 2 * count;
            for (uint256 e = 0; e < count; ++e) {
                uint40 expiry = plan.expiries[e];
                ids[2 * e] = FeedWord.id(underlying, Kind.Forward, expiry);
                ids[2 * e + 1] = FeedWord.id(underlying, Kind.Surface, expiry);
                // Before its window nothing can have been signed.
                if (block.timestamp + FeedGrade.FUTURE_TOLERANCE + AVERAGED <= expiry) continue;
                plan.averages[e] = last;
                ids[last++] = FeedWord.id(underlying, Kind.Settlement, expiry);
            }
            assembly ("memory-safe") {
                mstore(ids, last)
            }
            plan.words = feeds.words(ids);
        }
    }

    /// @dev Members of Plan.
    /// @return expiries In the order of their first place
    /// @return first    Plan's
    /// @return next     Plan's
    /// @return unlisted A place where nothing is listed, counted from 1; 0: none
    function _byExpiry(
        uint256[] memory strikes
    ) private pure returns (uint40[] memory expiries, uint256[] memory first, uint256[] memory next, uint256 unlisted) {
        assembly ("memory-safe") {
            let size := add(32, shl(5, mload(strikes)))
            next := mload(0x40)
            expiries := add(next, size)
            first := add(expiries, size)
            // Of each expiry so far, where nothing is allocated.
            let last := add(first, size)
            mstore(0x40, last)
            calldatacopy(next, calldatasize(), size)
            mstore(next, mload(strikes))
            // An expiry is 32 times its number, counted from 1: that at hand, the last one found.
            let at := 0
            let found := 0
            for {
                let i := 32
            } lt(i, size) {
                i := add(i, 32)
            } {
                let expiry := mload(add(strikes, i))
                if iszero(shl(128, expiry)) {
                    unlisted := shr(5, i)
                    break
                }
                expiry := shr(128, expiry)
                // Mostly that of the place before.
                if or(iszero(at), xor(expiry, mload(add(expiries, at)))) {
                    at := 32
                    for {} xor(expiry, mload(add(expiries, at))) {
                        at := add(at, 32)
                    } {
                        if gt(at, found) {
                            break
                        }
                    }
                    if gt(at, found) {
                        found := at
                        mstore(add(expiries, at), expiry)
                        mstore(add(first, at), shr(5, i))
                        mstore(add(last, at), i)
                        continue
                    }
                }
                mstore(add(next, mload(add(last, at))), shr(5, i))
                mstore(add(last, at), i)
            }
            mstore(expiries, shr(5, found))
            mstore(first, shr(5, found))
        }
    }

    /// @dev With room for three words before it: _strikesAt asks with the array as it stands.
    function _placesIn(uint256 bitmap) private pure returns (uint8[] memory places) {
        assembly ("memory-safe") {
            places := add(mload(0x40), 96)
            let to := add(places, 32)
            for {
                let place := 0
            } bitmap {
                place := add(place, 1)
                bitmap := shr(1, bitmap)
            } {
                mstore(to, place)
                to := add(to, shl(5, and(bitmap, 1)))
            }
            mstore(places, shr(5, sub(to, add(places, 32))))
            mstore(0x40, to)
        }
    }

    /// @param places _placesIn's
    function _strikesAt(uint16 underlying, uint8[] memory places) private view returns (uint256[] memory strikes) {
        uint256 selector = uint32(IListing.strikesAt.selector);
        address source = address(listing);
        assembly ("memory-safe") {
            let count := mload(places)
            let question := sub(places, 96)
            mstore(question, selector)
            mstore(add(question, 32), underlying)
            mstore(add(question, 64), 64)
            strikes := mload(0x40)
            let size := add(64, shl(5, count))
            if iszero(staticcall(gas(), source, add(question, 28), add(100, shl(5, count)), strikes, size)) {
                returndatacopy(strikes, 0, returndatasize())
                revert(strikes, returndatasize())
            }
            if or(lt(returndatasize(), size), xor(mload(add(strikes, 32)), count)) {
                revert(0, 0)
            }
            mstore(0x40, add(strikes, size))
            strikes := add(strikes, 32)
        }
    }

    /// @dev The settlement price once it is final, else the forward, of which the part of the last 30 minutes that has passed is the
    /// average so far: no scenario moves that part.
    function _term(uint256 near, uint256 average, uint40 expiry) private pure returns (SheetRows.Term memory) {
        uint256 value = FeedWord.value(average);
        if (_isSettled(average)) return SheetRows.termOf(value, 0, SheetRows.ALL_AVERAGED);
        uint256 time = FeedWord.time(near);
        uint256 left = expiry > time ? expiry - time : 0;
        uint256 forward = FeedWord.value(near);
        uint256 seen = FeedWord.time(average);
        uint256 share;
        if (value != 0 && seen + AVERAGED > expiry) {
            uint256 passed = (seen < expiry ? seen : expiry) + AVERAGED - expiry;
            uint256 known = value * passed;
            forward = forward * (AVERAGED - passed) + known;
            share = (known * SheetRows.ALL_AVERAGED) / forward;
            forward /= AVERAGED;
        }
        return SheetRows.termOf(forward, (left << 64) / Smile.YEAR, share);
    }
}
