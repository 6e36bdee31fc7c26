// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {IMarkets} from "../markets/IMarkets.sol";
import {Holdings} from "../risk/Holdings.sol";
import {Wad} from "../risk/Wad.sol";

/// @title What positions in one underlying have gained at one price
/// @notice size · price + quote of the perpetual, and what each option would pay at the price: all of it what the market owes the account, less what
///         it owes the market, so that hedges count. What time adds to an option nobody has gained; a premium was cash when it was paid.
library Profits {
    uint256 private constant PER_WORD = 6;

    /// @return gained settlement cash, 18 decimals, each product rounded down; 0 where the account holds nothing
    function at(
        IMarkets markets,
        Account account,
        uint16 underlying,
        uint256 price
    ) internal view returns (int256 gained) {
        uint256[] memory words = markets.holdingsOf(account);
        uint256 place = 1 + Holdings.collateralWords(words[0]);
        for (uint256 i; i < Holdings.underlyings(words[0]); ++i) {
            if (Holdings.underlying(words[place]) == underlying) return within(markets, words, place, price);
            place += 1 + Holdings.optionWords(words[place]);
        }
    }

    /// @notice The same of one underlying's positions within holdings (IRiskEngine's layout).
    /// @param place of the position's word; its options follow
    /// @param price below 2^128
    function within(
        IMarkets markets,
        uint256[] memory words,
        uint256 place,
        uint256 price
    ) internal view returns (int256 gained) {
        // CAST: a price has 128 bits, a size 104.
        gained = Wad.mulDown(Holdings.perpetualSize(words[place]), int256(price));
        gained += Holdings.perpetualQuote(words[place]) + _options(markets, words, place, price);
    }

    /// @param place of the position's word; its options follow
    function _options(
        IMarkets markets,
        uint256[] memory words,
        uint256 place,
        uint256 price
    ) private view returns (int256 sum) {
        uint256 count = Holdings.optionWords(words[place]);
        if (count == 0) return 0;
        (uint8[] memory places, bool[] memory puts, int256[] memory sizes) = _held(words, place + 1, count);
        uint256[] memory strikes = markets.strikesAt(Holdings.underlying(words[place]), places);
        // Lots of 33 bits, each 1e15, times a price of 128: below 2^211.
        unchecked {
            for (uint256 i; i < strikes.length; ++i) {
                // CAST: a strike is the low 128 bits; both below 2^128.
                int256 above = int256(price) - int256(uint256(uint128(strikes[i])));
                sum += Wad.floorDiv(sizes[i] * Wad.max(0, puts[i] ? -above : above), Wad.ONE);
            }
        }
    }

    /// @dev Each option that words hold, unpacked once: the largest account has 128 of them.
    /// @return places of their strikes, as many as there are; the others may be longer
    function _held(
        uint256[] memory words,
        uint256 first,
        uint256 count
    ) private pure returns (uint8[] memory places, bool[] memory puts, int256[] memory sizes) {
        places = new uint8[](count * PER_WORD);
        (puts, sizes) = (new bool[](places.length), new int256[](places.length));
        uint256 held;
        // Counts of at most 255 words.
        unchecked {
            for (uint256 i = first; i < first + count; ++i) {
                uint256 word = words[i];
                for (uint256 at; at < PER_WORD; ++at) {
                    (uint8 strike, bool isPut, int256 size) = Holdings.option(word, at);
                    if (size == 0) continue;
                    (places[held], puts[held], sizes[held]) = (strike, isPut, size);
                    ++held;
                }
            }
        }
        assembly ("memory-safe") {
            mstore(places, held)
        }
    }
}
