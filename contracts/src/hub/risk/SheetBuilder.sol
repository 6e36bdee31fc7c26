// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Fixed} from "../../math/Fixed.sol";
import {Normal} from "../../math/Normal.sol";
import {ExpiryWords} from "./ExpiryWords.sol";
import {FeedWord} from "./FeedWord.sol";
import {IListing} from "./IRiskEngine.sol";
import {SheetRows} from "./SheetRows.sol";
import {Smile} from "./Smile.sol";

/// @title A sheet from the feeds
/// @notice The bytes hang on the places, their listing and the feed words alone, not on the block: who builds it, and when, does not
/// matter. Time runs to the expiry from the time of its forward.
abstract contract SheetBuilder is ExpiryWords {
    /// @dev What one expiry is priced from.
    struct Quote {
        SheetRows.Term term;
        uint128 slice;
        bytes32 stamp;
    }

    /// @dev The settlement price is the average of the last 30 minutes.
    uint256 private constant AVERAGED = 30 minutes;

    IListing public immutable listing;
    /// @notice The normal distribution's table.
    address public immutable normalTable;

    error PlaceUnlisted(uint16 underlying, uint8 place);
    error PlaceTwice(uint8 place);

    constructor(address feeds_, address listing_, address normalTable_) ExpiryWords(feeds_) {
        listing = IListing(listing_);
        normalTable = normalTable_;
    }

    /// @dev Rows by expiry, expiries in the order of their first place, places of an expiry in the order given.
    function _build(uint16 underlying, uint8[] memory places) internal view returns (uint256[] memory sheet) {
        uint256[] memory strikes = listing.strikesAt(underlying, places);
        (uint40[] memory expiries, uint256[] memory of_) = _expiriesOf(underlying, places, strikes);
        uint256 first = SheetRows.firstRow(expiries.length);
        sheet = new uint256[](first + SheetRows.ROW_WORDS * places.length);
        sheet[SheetRows.MAP_WORDS] = expiries.length;
        uint256 table = Normal.load(normalTable);
        uint256 row;
        for (uint256 e = 0; e < expiries.length; ++e) {
            Quote memory quote = _quote(underlying, expiries[e]);
            uint256 start = row;
            for (uint256 i = 0; i < places.length; ++i) {
                if (of_[i] != e) continue;
                _mapPlace(sheet, places[i], (1 << 15) | (e << 8) | row);
                _row(table, quote, uint128(strikes[i]), sheet, first + SheetRows.ROW_WORDS * row++);
            }
            sheet[SheetRows.MAP_WORDS + 1 + e] = SheetRows.headerOf(quote.term, start, row - start);
            sheet[SheetRows.MAP_WORDS + 1 + expiries.length + e] = uint256(quote.stamp);
        }
    }

    /// @dev Feed words of an expiry, and what they mean: the settlement price once it is final, else the forward, of which the part of the
    /// last 30 minutes that has passed is the average so far.
    function _quote(uint16 underlying, uint40 expiry) internal view returns (Quote memory quote) {
        uint256[] memory words = _words(underlying, expiry);
        quote.stamp = _stamp(underlying, expiry, words);
        bool settled = FeedWord.isFinal(words[2]);
        uint256 forward = FeedWord.value(settled ? words[2] : words[0]);
        uint40 time = FeedWord.time(words[0]);
        uint256 left = expiry > time ? expiry - time : 0;
        if (!settled) forward = _averaged(forward, words[2], expiry);
        // Without a price every number means nothing, and the grade says so; 1 only keeps divisions defined.
        if (forward == 0) forward = 1;
        quote.term = SheetRows.termOf(forward, (left << 64) / Smile.YEAR, settled);
        quote.slice = FeedWord.value(words[1]);
    }

    function _averaged(uint256 forward, uint256 average, uint40 expiry) private pure returns (uint256) {
        uint256 seen = FeedWord.time(average);
        if (seen + AVERAGED <= expiry) return forward;
        uint256 passed = (seen < expiry ? seen : expiry) + AVERAGED - expiry;
        return (forward * (AVERAGED - passed) + uint256(FeedWord.value(average)) * passed) / AVERAGED;
    }

    function _row(
        uint256 table,
        Quote memory quote,
        uint128 strike,
        uint256[] memory sheet,
        uint256 index
    ) private pure {
        // CAST: termOf holds the forward below 2^96.
        int256 k = Fixed.lnRatio(strike, uint128(quote.term.forward));
        uint256 sigma = quote.slice == 0 ? 0 : Smile.volatility(quote.slice, k);
        uint256 out;
        assembly ("memory-safe") {
            out := add(add(sheet, 32), shl(5, index))
        }
        SheetRows.write(table, quote.term, strike, sigma, out);
    }

    function _mapPlace(uint256[] memory sheet, uint8 place, uint256 entry) internal pure {
        uint256 shift = (place & 15) * 16;
        require((sheet[place >> 4] >> shift) & 0xffff == 0, PlaceTwice(place));
        sheet[place >> 4] |= entry << shift;
    }

    function _expiriesOf(
        uint16 underlying,
        uint8[] memory places,
        uint256[] memory strikes
    ) private pure returns (uint40[] memory expiries, uint256[] memory of_) {
        expiries = new uint40[](places.length);
        of_ = new uint256[](places.length);
        uint256 count;
        for (uint256 i = 0; i < places.length; ++i) {
            require(uint128(strikes[i]) != 0, PlaceUnlisted(underlying, places[i]));
            // CAST: 40 bits of the listing's word.
            uint40 expiry = uint40(strikes[i] >> 128);
            uint256 e = 0;
            while (e < count && expiries[e] != expiry) ++e;
            if (e == count) expiries[count++] = expiry;
            of_[i] = e;
        }
        assembly ("memory-safe") {
            mstore(expiries, count)
        }
    }
}
