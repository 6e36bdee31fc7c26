// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IListing} from "../risk/IRiskEngine.sol";
import {IMarkets} from "./IMarkets.sol";
import {Instrument} from "./Instrument.sol";
import {MarketTerms} from "./MarketTerms.sol";
import {StrikeEntry} from "./StrikeEntry.sol";

/// @notice An expiry of an underlying.
/// @param hour    since 1970; 0: this place of the table is free
/// @param places  listed strikes
/// @param price   at which it settles, fixed by its first settlement; 0 before
/// @param settled lots settled, longs and shorts together
struct Expiry {
    uint24 hour;
    uint16 places;
    uint128 price;
    uint48 settled;
}

/// @notice Call and put of a strike.
/// @param place + 1; 0: not listed
/// @param index of the expiry in the underlying's table
/// @param calls lots open, Σ long; settled ones are not taken off
/// @param puts  the same
struct Series {
    uint16 place;
    uint8 index;
    uint40 calls;
    uint40 puts;
}

/// @notice Which options there are: 256 places for strikes and 16 for expiries in each underlying.
abstract contract Listing is MarketTerms {
    using StrikeEntry for uint256;

    uint256 internal constant EXPIRIES = 16;
    uint256 private constant MAX_LIVE = 11;
    uint256 private constant MAX_PLACES = 256;
    uint256 private constant STRIKE_WORDS = 86;

    mapping(uint16 underlying => Expiry[EXPIRIES]) internal _expiries;
    mapping(uint16 underlying => uint256[STRIKE_WORDS]) internal _strikes;
    mapping(uint256 seriesKey => Series) internal _series;
    /// @inheritdoc IListing
    mapping(uint16 underlying => uint256 bits) public placesOf;

    // ---- listing

    /// @inheritdoc IMarkets
    function list(
        uint16 underlying,
        uint40 expiry,
        uint128[] calldata strikes
    ) external restricted returns (uint8[] memory places) {
        _requireListed(underlying);
        require(expiry % 1 hours == 0, ExpiryInvalid(underlying, expiry, "a full hour"));
        require(expiry > block.timestamp, ExpiryInvalid(underlying, expiry, "a time after now"));
        require(expiry / 1 hours <= type(uint24).max, ExpiryInvalid(underlying, expiry, "at most 2^24 - 1 hours"));
        uint256 index = _openExpiry(underlying, expiry, strikes.length);
        places = new uint8[](strikes.length);
        uint256[STRIKE_WORDS] storage words = _strikes[underlying];
        uint256 used = placesOf[underlying];
        uint256 place;
        for (uint256 i = 0; i < strikes.length; ++i) {
            uint256 entry = _entry(strikes[i], expiry, index);
            require(used != type(uint256).max, ListingFull(underlying, MAX_PLACES));
            // The lowest that is free.
            while ((used >> place) & 1 == 1) ++place;
            used |= 1 << place;
            Series storage series = _series[Instrument.seriesKey(underlying, expiry, strikes[i])];
            require(series.place == 0, StrikeInvalid(strikes[i], "a strike that is not listed yet"));
            // CAST: below 256, below 16.
            (series.place, series.index) = (uint16(place + 1), uint8(index));
            places[i] = uint8(place);
            _putEntry(words, place, entry);
        }
        placesOf[underlying] = used;
        // A place may have meant another strike before: no sheet of that time is used again.
        feeds.advance(underlying);
        emit Listed(underlying, expiry, strikes, places);
    }

    function _entry(uint128 strike, uint40 expiry, uint256 index) private pure returns (uint256 entry) {
        require(strike != 0 && strike <= StrikeEntry.MAX_STRIKE, StrikeInvalid(strike, "1 ... 10^30"));
        entry = StrikeEntry.pack(strike, expiry / 1 hours, index);
        require(entry != 0, StrikeInvalid(strike, "at most 15 significant digits"));
    }

    /// @dev Finds the expiry in the table, or gives it a free place there.
    function _openExpiry(uint16 underlying, uint40 expiry, uint256 strikes) private returns (uint256 index) {
        Expiry[EXPIRIES] storage expiries = _expiries[underlying];
        uint256 hour = expiry / 1 hours;
        uint256 live;
        index = EXPIRIES;
        for (uint256 i = 0; i < EXPIRIES; ++i) {
            uint256 other = expiries[i].hour;
            if (other == hour) {
                // CAST: at most 256 strikes are listed.
                expiries[i].places += uint16(strikes);
                return i;
            }
            if (other == 0 && index == EXPIRIES) index = i;
            if (other * 1 hours > block.timestamp) ++live;
        }
        require(live < MAX_LIVE, ListingFull(underlying, MAX_LIVE));
        require(index != EXPIRIES, ListingFull(underlying, EXPIRIES));
        require(strikes != 0, PlacesInvalid(underlying, "at least one strike"));
        // CAST: checked by the caller; at most 256 strikes are listed.
        (expiries[index].hour, expiries[index].places) = (uint24(hour), uint16(strikes));
    }

    /// @inheritdoc IMarkets
    function retire(uint16 underlying, uint8[] calldata places) external {
        require(places.length != 0, PlacesInvalid(underlying, "the places of an expiry"));
        uint256[STRIKE_WORDS] storage words = _strikes[underlying];
        uint256 first = _entryAt(underlying, places[0]);
        require(first != 0, PlacesInvalid(underlying, "places that are listed"));
        uint40 expiry = first.expiry();
        require(expiry <= block.timestamp, ExpiryInvalid(underlying, expiry, "a time that has passed"));
        Expiry storage state = _expiries[underlying][first.index()];
        require(state.places == places.length, PlacesInvalid(underlying, "all places of the expiry"));
        uint256 open;
        uint256 used = placesOf[underlying];
        for (uint256 i = 0; i < places.length; ++i) {
            uint256 entry = _entryAt(underlying, places[i]);
            // A place given twice is empty the second time.
            require(
                entry != 0 && entry.expiry() == expiry,
                PlacesInvalid(underlying, "places of one expiry, each once")
            );
            uint256 key = Instrument.seriesKey(underlying, expiry, entry.strike());
            Series storage series = _series[key];
            open += uint256(series.calls) + series.puts;
            delete _series[key];
            _putEntry(words, places[i], 0);
            used &= ~(1 << places[i]);
        }
        placesOf[underlying] = used;
        require(2 * open == state.settled, StillOpen(underlying, expiry, 2 * open - state.settled));
        delete _expiries[underlying][first.index()];
        emit Retired(underlying, expiry, places);
    }

    // ---- views

    /// @inheritdoc IListing
    function strikesAt(uint16 underlying, uint8[] calldata places) external view returns (uint256[] memory listed) {
        return StrikeEntry.read(_strikes[underlying], places);
    }

    /// @inheritdoc IMarkets
    function seriesOf(uint256 instrument) external view returns (bool listed, uint8 place, uint40 open) {
        Series storage series = _series[Instrument.seriesKey(instrument)];
        if (series.place == 0 || Instrument.isPerpetual(instrument) || !Instrument.isWellFormed(instrument))
            return (false, 0, 0);
        // CAST: 1 ... 256, less one.
        return (true, uint8(series.place - 1), Instrument.isPut(instrument) ? series.puts : series.calls);
    }

    /// @inheritdoc IMarkets
    function expiriesOf(uint16 underlying) external view returns (uint40[] memory expiries, uint128[] memory prices) {
        expiries = new uint40[](EXPIRIES);
        prices = new uint128[](EXPIRIES);
        uint256 count;
        for (uint256 i = 0; i < EXPIRIES; ++i) {
            Expiry storage state = _expiries[underlying][i];
            if (state.hour == 0) continue;
            (expiries[count], prices[count]) = (uint40(state.hour) * 1 hours, state.price);
            ++count;
        }
        assembly ("memory-safe") {
            mstore(expiries, count)
            mstore(prices, count)
        }
    }

    function _putEntry(uint256[STRIKE_WORDS] storage words, uint256 place, uint256 entry) private {
        uint256 at = place / StrikeEntry.PER_WORD;
        words[at] = words[at].put(place % StrikeEntry.PER_WORD, entry);
    }

    /// @dev 0: nothing is listed there.
    function _entryAt(uint16 underlying, uint256 place) internal view returns (uint256) {
        return _strikes[underlying][place / StrikeEntry.PER_WORD].at(place % StrikeEntry.PER_WORD);
    }
}
