// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {CodeStore} from "./CodeStore.sol";
import {FeedGrade, Grade} from "./FeedGrade.sol";
import {Holdings} from "./Holdings.sol";
import {ICollateralRules} from "./ICollateralRules.sol";
import {IFeeds} from "./IFeeds.sol";
import {IPortfolioEngine} from "./IPortfolioEngine.sol";
import {IRiskEngine, Risk} from "./IRiskEngine.sol";
import {ISheets} from "./ISheets.sol";
import {OptionCells} from "./OptionCells.sol";
import {PortfolioMargin} from "./PortfolioMargin.sol";
import {SheetAddress} from "./SheetAddress.sol";
import {SheetGrades} from "./SheetGrades.sol";
import {Wad} from "./Wad.sol";

/// @notice Portfolio margin: 37 scenarios over an account's holdings, from the sheets of the epoch that runs where they were published, else
/// from rows built here for the account's own strikes. Both give the same bits.
contract PortfolioEngine is IPortfolioEngine, AccessManaged {
    uint256 private constant RATE_TO_WAD = 1e9;
    uint256 private constant MOST_CORRELATED = 0.75e9;
    uint256 private constant GROUPS = 6;
    uint256 private constant GROUP_BITS = 40;
    uint256 private constant GROUP_MASK = (1 << GROUP_BITS) - 1;
    uint256 private constant MOST_COLLATERAL_WORDS = 9;
    uint256 private constant MOST_UNDERLYINGS = 8;
    uint256 private constant MOST_WITH_OPTIONS = 3;
    /// @dev 128 options of three underlyings, each without holes.
    uint256 private constant MOST_OPTION_WORDS = 24;
    uint256 private constant FIRST_CHUNK = (1 << 128) - 1;

    /// @dev What a valuation has read so far.
    struct Reading {
        Grade grade;
        uint40 oldest;
    }

    IFeeds public immutable feeds;
    ICollateralRules public immutable collateralRules;
    ISheets public immutable sheets;
    /// @notice Underlying whose spot is the price of settlement cash; 0: it is 1.
    uint16 public immutable settlementUnderlying;

    /// @dev Six underlyings a word, 40 bits each: id uint8 | correlation uint32.
    mapping(uint256 sixth => uint256) private _groups;

    constructor(address authority_, Links memory links, uint16 settlementUnderlying_) AccessManaged(authority_) {
        feeds = IFeeds(links.feeds);
        collateralRules = ICollateralRules(links.collateralRules);
        sheets = ISheets(links.sheets);
        settlementUnderlying = settlementUnderlying_;
    }

    // ---- governance (restricted)

    /// @inheritdoc IPortfolioEngine
    function setGroup(uint16 underlying, uint8 group, uint32 correlation) external restricted {
        require(correlation <= MOST_CORRELATED, CorrelationInvalid(correlation, MOST_CORRELATED));
        uint256 shift = GROUP_BITS * (underlying % GROUPS);
        uint256 word = _groups[underlying / GROUPS] & ~(GROUP_MASK << shift);
        _groups[underlying / GROUPS] = word | ((group | (uint256(correlation) << 8)) << shift);
        emit GroupSet(underlying, group, correlation);
    }

    // ---- views

    /// @inheritdoc IRiskEngine
    function riskOf(uint256[] calldata holdings) external view returns (Risk memory) {
        return _riskOf(holdings, true);
    }

    /// @inheritdoc IPortfolioEngine
    function riskWithoutSheet(uint256[] calldata holdings) external view returns (Risk memory) {
        return _riskOf(holdings, false);
    }

    /// @inheritdoc IPortfolioEngine
    function whatIf(
        PortfolioMargin.Account calldata account,
        ISheets.Expiry[][] calldata expiries
    ) external view returns (PortfolioMargin.Result memory) {
        PortfolioMargin.Book[] memory books = new PortfolioMargin.Book[](expiries.length);
        for (uint256 i = 0; i < expiries.length; ++i) {
            (books[i].used, books[i].cells) = OptionCells.gather(account.underlyings[i].options);
            books[i].sheets = new uint256[][](1);
            books[i].sheets[0] = sheets.buildFor(expiries[i]);
        }
        return PortfolioMargin.evaluate(account, books);
    }

    function _riskOf(uint256[] calldata holdings, bool useSheets) private view returns (Risk memory risk) {
        Reading memory reading;
        (PortfolioMargin.Account memory account, PortfolioMargin.Book[] memory books) = _resolve(
            holdings,
            reading,
            useSheets
        );
        PortfolioMargin.Result memory result = PortfolioMargin.evaluate(account, books);
        for (uint256 i = 0; i < books.length; ++i) {
            if (books[i].used == 0) continue;
            uint256 header = books[i].header;
            _read(reading, SheetGrades.gradeOf(header, block.timestamp), SheetGrades.oldestOf(header));
        }
        risk.equity = result.equity;
        // CAST: margins are sums of what is not negative; a scenario is below 37.
        risk.initialMargin = uint256(result.initialMargin);
        risk.maintenanceMargin = uint256(result.maintenanceMargin);
        risk.unrealisedGain = uint256(result.unrealisedGain);
        risk.worstScenario = uint8(result.worstScenario);
        risk.grade = reading.grade;
        risk.oldest = reading.oldest;
    }

    // ---- holdings and feeds to an account

    function _resolve(
        uint256[] calldata holdings,
        Reading memory reading,
        bool useSheets
    ) private view returns (PortfolioMargin.Account memory account, PortfolioMargin.Book[] memory books) {
        _requireShape(holdings);
        unchecked {
            uint256 head = _word(holdings, 0);
            uint256 count = Holdings.underlyings(head);
            uint256 next = 1 + Holdings.collateralWords(head);
            account.cash = Holdings.cash(head);
            (account.initialFactor, account.maxLeverage) = Holdings.profile(head);
            PortfolioMargin.Underlying[] memory underlyings = new PortfolioMargin.Underlying[](count);
            account.underlyings = underlyings;
            books = new PortfolioMargin.Book[](count);
            account.settlementPrice = _settlementPrice(reading);
            uint256[] memory balances = _collateral(holdings[1:next], account, reading);
            for (uint256 i = 0; i < count; ++i) {
                uint256 position = _word(holdings, next);
                uint256 end = ++next + Holdings.optionWords(position);
                PortfolioMargin.Underlying memory underlying = underlyings[i];
                uint40 epoch = _prices(underlying, position, reading);
                uint16 id = Holdings.underlying(position);
                underlying.followers = _followers(balances, id);
                // A group of one offsets nothing.
                if (count != 1) {
                    uint256 group = _groups[id / GROUPS] >> (GROUP_BITS * (id % GROUPS));
                    underlying.group = group & 0xff;
                    // CAST: the field's 32 bits.
                    underlying.correlation = int256(uint256(uint32(group >> 8)) * RATE_TO_WAD);
                }
                if (end != next) {
                    PortfolioMargin.Book memory book = books[i];
                    underlying.options = holdings[next:end];
                    (book.used, book.cells) = OptionCells.gather(underlying.options);
                    book.sheets = _sheets(id, epoch, book.used, useSheets);
                }
                next = end;
            }
        }
    }

    /// @dev What the words count is there and nothing else, underlyings ascend, and there is no more than an account may hold.
    function _requireShape(uint256[] calldata holdings) private pure {
        unchecked {
            require(holdings.length != 0, HoldingsInvalid(0, "a head"));
            uint256 words = Holdings.collateralWords(holdings[0]);
            uint256 count = Holdings.underlyings(holdings[0]);
            uint256 next = 1 + words;
            require(next <= holdings.length, HoldingsInvalid(next, "the collateral the head counts"));
            require(words <= MOST_COLLATERAL_WORDS, HoldingsInvalid(words, "at most 16 balances, in 9 words"));
            require(count <= MOST_UNDERLYINGS, HoldingsInvalid(count, "at most 8 underlyings"));
            uint256 optionWords;
            uint256 withOptions;
            uint256 least;
            for (; count != 0; --count) {
                require(next < holdings.length, HoldingsInvalid(next, "a position"));
                uint256 position = _word(holdings, next);
                require(Holdings.underlying(position) >= least, HoldingsInvalid(position, "underlyings that ascend"));
                least = uint256(Holdings.underlying(position)) + 1;
                words = Holdings.optionWords(position);
                next += 1 + words;
                require(next <= holdings.length, HoldingsInvalid(next, "the options the position counts"));
                if (words == 0) continue;
                optionWords += words;
                require(
                    ++withOptions <= MOST_WITH_OPTIONS,
                    HoldingsInvalid(withOptions, "options of at most 3 underlyings")
                );
                require(
                    optionWords <= MOST_OPTION_WORDS,
                    HoldingsInvalid(optionWords, "at most 128 options, in 24 words")
                );
            }
            require(next == holdings.length, HoldingsInvalid(next, "no word more"));
        }
    }

    /// @dev A word that is known to be there.
    function _word(uint256[] calldata words, uint256 i) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(words.offset, shl(5, i)))
        }
    }

    function _settlementPrice(Reading memory reading) private view returns (int256) {
        reading.oldest = type(uint40).max;
        if (settlementUnderlying == 0) return Wad.ONE;
        IFeeds.Quote memory quote = feeds.quoteOf(settlementUnderlying, false);
        _read(reading, quote.grade, quote.oldest);
        return int256(uint256(quote.spot));
    }

    function _collateral(
        uint256[] calldata words,
        PortfolioMargin.Account memory account,
        Reading memory reading
    ) private view returns (uint256[] memory balances) {
        if (words.length == 0) return balances;
        ICollateralRules.Value memory value = collateralRules.valueOf(words);
        (account.collateral, account.haircuts) = (value.total, value.haircuts);
        _read(reading, value.grade, value.oldest);
        return value.balances;
    }

    /// @dev Value of the balances that the underlying prices.
    function _followers(uint256[] memory balances, uint256 id) private pure returns (int256 followers) {
        unchecked {
            uint256 count = balances.length;
            for (uint256 i = 0; i < count; ++i) {
                uint256 word;
                assembly ("memory-safe") {
                    word := mload(add(add(balances, 32), shl(5, i)))
                }
                // CAST: the value's 240 bits.
                if (word >> 240 == id) followers += int256(word & ((1 << 240) - 1));
            }
        }
    }

    function _prices(
        PortfolioMargin.Underlying memory underlying,
        uint256 position,
        Reading memory reading
    ) private view returns (uint40) {
        int256 size = Holdings.perpetualSize(position);
        IFeeds.Quote memory quote = feeds.quoteOf(Holdings.underlying(position), size != 0);
        _read(reading, quote.grade, quote.oldest);
        // Without a price every number here means nothing, and the grade says so; 1 only keeps divisions defined.
        underlying.spot = Wad.max(1, int256(uint256(quote.spot)));
        underlying.confidence = int256(uint256(quote.confidence));
        underlying.perpetualSize = size;
        underlying.perpetualMark = int256(uint256(quote.mark));
        underlying.perpetualProfit = Wad.mulDown(size, underlying.perpetualMark) + Holdings.perpetualQuote(position);
        return quote.epoch;
    }

    // ---- rows of the account's strikes

    /// @dev A sheet per chunk in which the account has places.
    function _sheets(
        uint16 id,
        uint40 epoch,
        uint256 used,
        bool useSheets
    ) private view returns (uint256[][] memory read) {
        read = new uint256[][](
            used & FIRST_CHUNK != 0 && used > FIRST_CHUNK
                ? 2
                : used == 0
                    ? 0
                    : 1
        );
        uint256 count;
        for (uint256 chunk = 0; chunk < 2; ++chunk) {
            uint256 wanted = used & (FIRST_CHUNK << (chunk * SheetAddress.CHUNK_PLACES));
            if (wanted == 0) continue;
            uint256[] memory sheet;
            if (useSheets) sheet = CodeStore.read(SheetAddress.of_(address(sheets), id, chunk, epoch));
            // A place listed within the epoch is not in its sheet.
            if (sheet.length == 0 || wanted & ~sheet[0] != 0) sheet = sheets.build(id, wanted);
            read[count++] = sheet;
        }
    }

    function _read(Reading memory reading, Grade grade, uint40 oldest) private pure {
        reading.grade = FeedGrade.worse(reading.grade, grade);
        if (oldest < reading.oldest) reading.oldest = oldest;
    }
}
