// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {ILedger} from "../ILedger.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {Wad} from "../risk/Wad.sol";
import {BookHead} from "./BookHead.sol";
import {IMarkets} from "./IMarkets.sol";
import {Instrument} from "./Instrument.sol";
import {MarketTerms} from "./MarketTerms.sol";
import {OptionWords} from "./OptionWords.sol";
import {Book, PositionBooks} from "./PositionBooks.sol";
import {StrikeEntry} from "./StrikeEntry.sol";
import {Trades} from "./Trades.sol";

/// @notice See IMarkets.
contract Markets is Trades {
    using BookHead for uint256;
    using StrikeEntry for uint256;

    uint64 private constant WHOLE = 1e18;
    /// @dev Of a lane: its position and its options.
    uint256 private constant LANE_WORDS = 1 + (MAX_OPTIONS + OptionWords.PER_WORD - 1) / OptionWords.PER_WORD;

    /// @param authority the AccessManager
    constructor(
        address authority,
        ILedger ledger_,
        IFeeds feeds_
    ) MarketTerms(authority, feeds_) PositionBooks(ledger_) {}

    /// @inheritdoc IMarkets
    function transferSlice(
        Account from,
        Account to,
        uint64 share
    ) external onlyModule returns (uint256[] memory words) {
        require(share != 0 && share <= WHOLE, ShareInvalid(share, WHOLE));
        require(Account.unwrap(from) != Account.unwrap(to), SameAccount(Account.unwrap(from)));
        _prepare(from, to);
        uint256 head = _books[from].head;
        words = new uint256[](BookHead.LANES * LANE_WORDS);
        uint256 end;
        for (uint256 at = 0; at < BookHead.LANES; ++at) {
            uint256 lane = head.laneAt(at);
            if (lane == 0) break;
            uint256 optionsEnd = end + 1;
            if (lane.count() != 0) optionsEnd = _sliceOptions(from, to, lane.underlying(), share, words, optionsEnd);
            uint256 position = lane.hasPerpetual() ? _slicePerpetual(from, to, lane, share) : 0;
            if (position == 0 && optionsEnd == end + 1) continue;
            words[end] = position | ((optionsEnd - end - 1) << 16) | lane.underlying();
            end = optionsEnd;
        }
        assembly ("memory-safe") {
            mstore(words, end)
        }
        emit SliceTransferred(Account.unwrap(from), Account.unwrap(to), share, words);
    }

    /// @dev Whatever changes positions is announced, and what has expired is settled, for both in each underlying that `from` holds.
    function _prepare(Account from, Account to) private {
        uint256 head = _books[from].head;
        uint256 other = _books[to].head;
        bool watched = _isAnyWatched();
        for (uint256 at = 0; at < BookHead.LANES; ++at) {
            uint256 lane = head.laneAt(at);
            if (lane == 0) return;
            uint16 underlying = lane.underlying();
            if (watched || _isOver(lane)) _settleExpired(from, underlying);
            (, lane) = other.find(underlying);
            if (watched || _isOver(lane)) _settleExpired(to, underlying);
        }
    }

    /// @dev At funding as it stands: nobody trades here, so no rate is sampled. What leaves takes its quote along, so nothing is realised where it
    ///      comes from.
    /// @param lane of the perpetual; its area stays its own whatever has become of other lanes
    /// @return word size and quote that moved, in their fields
    function _slicePerpetual(Account from, Account to, uint256 lane, uint64 share) private returns (uint256 word) {
        uint16 underlying = lane.underlying();
        int256 index = _indexNow(_markets[underlying]);
        Book storage book = _books[from];
        uint256 slot = lane.area() * AREA;
        (int256 size, int256 quote) = _perpetual(book.words[slot], index);
        int256 moved = _share(size, share, quote < 0);
        if (moved == 0) return 0;
        int256 part;
        // 128 bits by 104.
        unchecked {
            part = Wad.floorDiv(quote * Wad.abs(moved), Wad.abs(size));
        }
        int256 grown;
        if (moved == size) {
            (, grown) = _perpetualSide(from, underlying, -moved, -part, index);
        } else {
            book.words[slot] = _packAt(size - moved, quote - part, index);
            (, grown) = _compare(size, -moved);
        }
        (, int256 more) = _perpetualSide(to, underlying, moved, part, index);
        _growPerpetual(underlying, grown + more);
        return _packPerpetual(moved, part);
    }

    /// @dev Takes the slice out of every option of `from` in one pass over its words; what stays moves together.
    /// @param words what moved, written from `end` on
    /// @return where that ended
    function _sliceOptions(
        Account from,
        Account to,
        uint16 underlying,
        uint64 share,
        uint256[] memory words,
        uint256 end
    ) private returns (uint256) {
        uint256 head = _books[from].head;
        (uint256 at, uint256 lane) = head.find(underlying);
        uint256 count = lane.count();
        uint256[96] storage stored = _books[from].words;
        uint256 first = lane.area() * AREA + 1;
        uint256 kept;
        uint256 target;
        uint256 moved;
        uint256 word;
        for (uint256 i = 0; i < count; ++i) {
            if (i % OptionWords.PER_WORD == 0) word = stored[first + i / OptionWords.PER_WORD];
            int256 lots = OptionWords.lots(word, i);
            int256 slice = _share(lots, share, lots < 0);
            uint256 series = OptionWords.series(word, i);
            if (slice != 0) {
                uint256 slot = end + moved / OptionWords.PER_WORD;
                words[slot] = OptionWords.put(words[slot], moved, series, slice);
                ++moved;
                _giveOption(to, underlying, series, lots, slice);
            }
            if (slice == lots) continue;
            target = OptionWords.put(target, kept, series, lots - slice);
            ++kept;
            if (kept % OptionWords.PER_WORD == 0) {
                stored[first + kept / OptionWords.PER_WORD - 1] = target;
                target = 0;
            }
        }
        if (target != 0) stored[first + kept / OptionWords.PER_WORD] = target;
        _books[from].head = head.settle(at, lane.withOptions(kept, lane.expiries(), lane.firstHour()));
        return end + (moved + OptionWords.PER_WORD - 1) / OptionWords.PER_WORD;
    }

    /// @param lots  that the giver had
    /// @param slice of them that it gives
    function _giveOption(Account to, uint16 underlying, uint256 series, int256 lots, int256 slice) private {
        (, int256 grown) = _compare(lots, -slice);
        (, int256 more) = _compare(_moveOption(to, underlying, series, slice), slice);
        if (grown + more == 0) return;
        uint256 entry = _entryAt(underlying, series >> 1);
        uint256 key = Instrument.seriesKey(underlying, entry.expiry(), entry.strike());
        _growOption(underlying, _series[key], series & 1 == 1, grown + more);
    }

    /// @dev size · share, against who takes it: what is owed goes up to the next unit, what is owned down.
    function _share(int256 size, uint64 share, bool owed) private pure returns (int256 slice) {
        // 104 bits by 64.
        unchecked {
            slice = (Wad.abs(size) * int256(uint256(share)) + (owed ? Wad.ONE - 1 : int256(0))) / Wad.ONE;
            if (size < 0) slice = -slice;
        }
    }
}
