// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {Wad} from "../risk/Wad.sol";
import {BookHead} from "./BookHead.sol";
import {IMarkets} from "./IMarkets.sol";
import {Expiry} from "./Listing.sol";
import {OptionWords} from "./OptionWords.sol";
import {Book, PositionBooks} from "./PositionBooks.sol";
import {StrikeEntry} from "./StrikeEntry.sol";

/// @notice What happens to options at their end.
abstract contract Expiries is PositionBooks {
    using BookHead for uint256;
    using StrikeEntry for uint256;

    int256 private constant LOTS_PER_UNIT = 1000;
    /// @dev Later than every hour of an expiry.
    uint256 private constant NO_HOUR = type(uint24).max;

    /// @dev A lane while it is settled. By index of the expiry: its settlement price (0: not settled now), Σ lots · payoff, and Σ |lots|.
    struct Settlement {
        uint128[EXPIRIES] prices;
        int256[EXPIRIES] payoffs;
        uint256[EXPIRIES] lots;
        uint256 longs;
        uint256 kept;
        uint256 keptExpiries;
        uint256 keptHour;
    }

    /// @inheritdoc IMarkets
    function settleExpired(Account account, uint16 underlying) external returns (int256 cash) {
        return _settleExpired(account, underlying);
    }

    /// @dev Settles what can be; nothing is read beyond the head while the first expiry of the lane is still to come.
    function _settleExpired(Account account, uint16 underlying) internal returns (int256 cash) {
        // Whatever changes positions comes by here first.
        _announce(account, underlying);
        uint256 head = _books[account].head;
        (uint256 at, uint256 lane) = head.find(underlying);
        if (!_isOver(lane)) return 0;
        Settlement memory s;
        bool any = _priceExpiries(underlying, lane, s);
        if (any) _takeOut(account, underlying, lane, s);
        else s.kept = lane.count();
        uint256 newHead = head.settle(at, lane.withOptions(s.kept, s.keptExpiries, s.keptHour));
        if (newHead != head) _books[account].head = newHead;
        if (any) cash = _pay(account, underlying, s);
        if (cash != 0) ledger.changeCash(account, cash);
    }

    /// @dev Whether an expiry of the lane may have ended.
    function _isOver(uint256 lane) internal view returns (bool) {
        return lane.count() != 0 && lane.firstHour() * 1 hours <= block.timestamp;
    }

    /// @dev Which expiries of the lane end now, and at which price; the others stay. Their bits may be more than the lane holds, so what is
    ///      free in the table is dropped.
    function _priceExpiries(uint16 underlying, uint256 lane, Settlement memory s) private returns (bool any) {
        s.keptHour = NO_HOUR;
        uint256 bits = lane.expiries();
        for (uint256 index = 0; bits >> index != 0; ++index) {
            if ((bits >> index) & 1 == 0) continue;
            Expiry storage state = _expiries[underlying][index];
            uint256 hour = state.hour;
            if (hour == 0) continue;
            uint128 price = hour * 1 hours > block.timestamp ? 0 : _settlementPrice(underlying, state);
            if (price != 0) {
                (any, s.prices[index]) = (true, price);
                continue;
            }
            s.keptExpiries |= 1 << index;
            if (hour < s.keptHour) s.keptHour = hour;
        }
    }

    /// @dev The first to settle fixes it: longs and shorts of an expiry end at one price, whatever the feeds say later.
    function _settlementPrice(uint16 underlying, Expiry storage state) private returns (uint128 price) {
        price = state.price;
        if (price != 0) return price;
        bool isFinal;
        (price, , isFinal) = feeds.settlement(underlying, uint40(state.hour) * 1 hours);
        if (!isFinal) return 0;
        state.price = price;
    }

    /// @dev Takes settled options out of the lane's words and adds up what they are worth; what stays moves together.
    function _takeOut(Account account, uint16 underlying, uint256 lane, Settlement memory s) private {
        Book storage book = _books[account];
        uint256 first = lane.area() * AREA + 1;
        uint256 count = lane.count();
        uint256 word;
        uint256 target;
        for (uint256 i = 0; i < count; ++i) {
            if (i % OptionWords.PER_WORD == 0) word = book.words[first + i / OptionWords.PER_WORD];
            uint256 series = OptionWords.series(word, i);
            uint256 entry = _entryAt(underlying, series >> 1);
            uint256 index = entry.index();
            int256 lots = OptionWords.lots(word, i);
            if (s.prices[index] != 0) {
                s.payoffs[index] += lots * _payoff(entry.strike(), s.prices[index], series & 1 == 1);
                // CAST: an absolute value.
                s.lots[index] += uint256(Wad.abs(lots));
                if (lots > 0) s.longs += uint256(lots);
                continue;
            }
            target = OptionWords.move(target, s.kept, word, i);
            ++s.kept;
            // A place before the one just read.
            if (s.kept % OptionWords.PER_WORD == 0) {
                book.words[first + s.kept / OptionWords.PER_WORD - 1] = target;
                target = 0;
            }
        }
        if (target != 0) book.words[first + s.kept / OptionWords.PER_WORD] = target;
    }

    function _payoff(uint256 strike, uint256 price, bool isPut) private pure returns (int256) {
        // CAST: both at most 10^30.
        int256 value = int256(price) - int256(strike);
        return Wad.max(0, isPut ? -value : value);
    }

    function _pay(Account account, uint16 underlying, Settlement memory s) private returns (int256 cash) {
        for (uint256 index = 0; index < EXPIRIES; ++index) {
            if (s.lots[index] == 0) continue;
            Expiry storage state = _expiries[underlying][index];
            // CAST: longs of a series stay below 2^40 lots, so both sides of 512 series stay below 2^50, and caps keep them below 2^41.
            state.settled += uint48(s.lots[index]);
            int256 paid = Wad.floorDiv(s.payoffs[index], LOTS_PER_UNIT);
            cash += paid;
            emit ExpirySettled(Account.unwrap(account), underlying, uint40(state.hour) * 1 hours, paid);
        }
        // CAST: part of what is open.
        if (s.longs != 0) _markets[underlying].lots -= uint40(s.longs);
    }
}
