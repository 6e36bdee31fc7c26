// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Account} from "../../types/Account.sol";
import {IMarkets} from "../markets/IMarkets.sol";
import {FeedGrade, Grade} from "../risk/FeedGrade.sol";
import {FeedId, FeedWord, Kind} from "../risk/FeedWord.sol";
import {Holdings} from "../risk/Holdings.sol";
import {ICollateralRules} from "../risk/ICollateralRules.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {Wad} from "../risk/Wad.sol";
import {IPriceTimes} from "./IPriceTimes.sol";
import {Profits} from "./Profits.sol";

/// @notice See IPriceTimes.
/// @dev Takes more feeds than are used where that is simpler: a time that is too new only makes an undo wait for none.
contract PriceTimes is IPriceTimes {
    using Math for uint256;

    uint256 private constant ONE = 1e18;
    /// @dev In a word of collateral: what the second lot is moved by. In the head: a step of the number of underlyings.
    uint256 private constant LOT_BITS = 124;
    uint256 private constant ONE_UNDERLYING = 1 << 136;
    /// @dev What a value that is uncertain, disputed or halted may be off by, and what a token without any may be worth.
    uint256 private constant DOUBT = 10;
    uint256 private constant DEAREST = 1_000_000e18;

    IFeeds private immutable _feeds;
    IMarkets private immutable _markets;
    /// @inheritdoc IPriceTimes
    ICollateralRules public immutable collateralRules;

    constructor(IFeeds feeds, IMarkets markets, ICollateralRules rules) {
        (_feeds, _markets, collateralRules) = (feeds, markets, rules);
    }

    /// @inheritdoc IPriceTimes
    function newestOf(uint256[] calldata holdings) external view returns (uint40 newest) {
        uint256 place = 1;
        for (uint256 end = place + Holdings.collateralWords(holdings[0]); place < end; ++place) {
            newest = _later(newest, _collateral(holdings[place], 0));
            newest = _later(newest, _collateral(holdings[place], 1));
        }
        for (uint256 i; i < Holdings.underlyings(holdings[0]); ++i) {
            uint16 underlying = Holdings.underlying(holdings[place]);
            newest = _later(newest, _time(underlying, Kind.Spot, 0));
            newest = _later(newest, _time(underlying, Kind.Mark, 0));
            uint256 options = Holdings.optionWords(holdings[place]);
            if (options != 0) newest = _later(newest, _options(underlying));
            place += 1 + options;
        }
    }

    /// @inheritdoc IPriceTimes
    function pricedPart(uint256[] calldata holdings) external view returns (uint256[] memory kept, uint256 left) {
        kept = new uint256[](holdings.length);
        uint256 head = holdings[0];
        uint256 place = 1;
        uint256 end = 1;
        for (uint256 last = place + Holdings.collateralWords(head); place < last; ++place) {
            (uint256 first, uint256 lost) = _keptLot(holdings[place], 0);
            (uint256 second, uint256 more) = _keptLot(holdings[place], 1);
            // In its place: what is left out leaves a gap, which means no balance.
            kept[end++] = first | second;
            left += lost + more;
        }
        for (uint256 i = Holdings.underlyings(holdings[0]); i != 0; --i) {
            uint256 count = 1 + Holdings.optionWords(holdings[place]);
            (bool out, uint256 most) = _leavesOut(holdings[place:place + count]);
            if (out) {
                left += most;
                head -= ONE_UNDERLYING;
            } else for (uint256 j; j < count; ++j) kept[end++] = holdings[place + j];
            place += count;
        }
        kept[0] = head;
        assembly ("memory-safe") {
            mstore(kept, end)
        }
    }

    /// @inheritdoc IPriceTimes
    function marketOf(Account account) external view returns (uint16 market) {
        uint256[] memory words = _markets.holdingsOf(account);
        uint256 place = 1 + Holdings.collateralWords(words[0]);
        uint256 count = Holdings.underlyings(words[0]);
        if (count == 0) return 0;
        if (count == 1) return Holdings.underlying(words[place]);
        int256 least = type(int256).max;
        for (uint256 i; i < count; ++i) {
            uint16 underlying = Holdings.underlying(words[place]);
            int256 gained = Profits.within(_markets, words, place, _feeds.mark(underlying).value);
            if (gained < least) (least, market) = (gained, underlying);
            place += 1 + Holdings.optionWords(words[place]);
        }
    }

    // ---- inner

    /// @return lot  as it stands in its word, or nothing
    /// @return lost what it comes to, if nothing
    function _keptLot(uint256 word, uint256 half) private view returns (uint256 lot, uint256 lost) {
        lot = half == 0 ? word & ((1 << LOT_BITS) - 1) : word & ~((uint256(1) << LOT_BITS) - 1);
        (uint16 assetId, uint256 amount) = Holdings.lot(word, half);
        if (amount == 0) return (lot, 0);
        (bool listed, ICollateralRules.AssetRule memory rule) = collateralRules.assetRuleOf(assetId);
        if (!listed) return (lot, 0);
        IFeeds.Point memory spot = _feeds.point(FeedWord.id(rule.underlying, Kind.Spot, 0));
        if (spot.grade <= Grade.Aged) return (lot, 0);
        uint256 price = spot.value == 0 ? DEAREST : uint256(spot.value) * _doubt(spot.grade);
        return (0, amount.mulDiv(price, 10 ** rule.decimals, Math.Rounding.Ceil));
    }

    function _doubt(Grade grade) private pure returns (uint256) {
        return grade == Grade.Stale ? 1 : DOUBT;
    }

    /// @dev The worst grade of what may price positions in an underlying.
    function _gradeOf(uint16 underlying, bool withOptions) private view returns (Grade grade) {
        grade = _feeds.quoteOf(underlying, true).grade;
        if (!withOptions) return grade;
        (uint40[] memory expiries, ) = _markets.expiriesOf(underlying);
        FeedId[] memory feeds = new FeedId[](2);
        for (uint256 i; i < expiries.length; ++i) {
            // What is over is settled at prices of its own.
            if (expiries[i] <= block.timestamp) continue;
            feeds[0] = FeedWord.id(underlying, Kind.Forward, expiries[i]);
            feeds[1] = FeedWord.id(underlying, Kind.Surface, expiries[i]);
            grade = FeedGrade.worse(grade, _feeds.gradeOf(feeds));
        }
    }

    /// @param words a position and its options
    /// @return out  whether it stays out
    /// @return most it may come to, if so
    function _leavesOut(uint256[] calldata words) private view returns (bool out, uint256 most) {
        uint16 underlying = Holdings.underlying(words[0]);
        Grade grade = _gradeOf(underlying, words.length > 1);
        if (grade <= Grade.Aged) return (false, 0);
        IFeeds.Quote memory quote = _feeds.quoteOf(underlying, true);
        if (quote.spot == 0 || quote.mark == 0) return (false, 0);
        uint256 doubt = _doubt(grade);
        // CAST: absolute values.
        most = uint256(Wad.abs(Holdings.perpetualSize(words[0]))).mulDiv(
            uint256(quote.mark) * doubt,
            ONE,
            Math.Rounding.Ceil
        );
        most += uint256(Wad.abs(Holdings.perpetualQuote(words[0])));
        uint256 lots;
        for (uint256 i = 1; i < words.length; ++i)
            for (uint256 at; at < Holdings.SERIES_PER_WORD; ++at) {
                (, , int256 option) = Holdings.option(words[i], at);
                // CAST: an absolute value.
                lots += uint256(Wad.abs(option));
            }
        return (true, most + lots.mulDiv(uint256(quote.spot) * doubt, ONE, Math.Rounding.Ceil));
    }

    function _collateral(uint256 word, uint256 half) private view returns (uint40) {
        (uint16 assetId, uint256 amount) = Holdings.lot(word, half);
        if (amount == 0) return 0;
        (bool listed, ICollateralRules.AssetRule memory rule) = collateralRules.assetRuleOf(assetId);
        return listed ? _time(rule.underlying, Kind.Spot, 0) : 0;
    }

    function _options(uint16 underlying) private view returns (uint40 newest) {
        (uint40[] memory expiries, ) = _markets.expiriesOf(underlying);
        for (uint256 i; i < expiries.length; ++i) {
            newest = _later(newest, _time(underlying, Kind.Forward, expiries[i]));
            newest = _later(newest, _time(underlying, Kind.Surface, expiries[i]));
            newest = _later(newest, _time(underlying, Kind.Settlement, expiries[i]));
        }
    }

    function _time(uint16 underlying, Kind kind, uint40 expiry) private view returns (uint40) {
        return _feeds.point(FeedWord.id(underlying, kind, expiry)).time;
    }

    function _later(uint40 a, uint40 b) private pure returns (uint40) {
        return a > b ? a : b;
    }
}
