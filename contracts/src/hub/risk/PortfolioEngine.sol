// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {CodeStore} from "./CodeStore.sol";
import {FeedGrade} from "./FeedGrade.sol";
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
import {PriceQuestion} from "./PriceQuestion.sol";
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
        return _riskOf(holdings);
    }

    /// @inheritdoc IPortfolioEngine
    function riskWithoutSheet(uint256[] calldata holdings) external view returns (Risk memory) {
        return _riskOf(holdings);
    }

    // ---- holdings and feeds to an account

    /// @dev The same code for both: there is room for it once.
    function _riskOf(uint256[] calldata holdings) private view returns (Risk memory risk) {
        _requireShape(holdings);
        unchecked {
            uint256 head = _word(holdings, 0);
            uint256 count = Holdings.underlyings(head);
            PriceQuestion.Answer memory reading = PriceQuestion.ask(
                feeds,
                collateralRules,
                holdings,
                count,
                settlementUnderlying
            );
            PortfolioMargin.Account memory account;
            account.cash = Holdings.cash(head);
            (account.initialFactor, account.maxLeverage) = Holdings.profile(head);
            account.settlementPrice = settlementUnderlying == 0 ? Wad.ONE : PriceQuestion.spotOf(reading, count);
            if (reading.beside != 0) {
                account.collateral = int256(PriceQuestion.at(reading.beside, 0));
                account.haircuts.initial = int256(PriceQuestion.at(reading.beside, 1));
                account.haircuts.maintenance = int256(PriceQuestion.at(reading.beside, 2));
            }
            PortfolioMargin.Whole memory whole = PortfolioMargin.begin(account, count);
            _addAll(whole, holdings, reading, msg.sig == IRiskEngine.riskOf.selector);
            PortfolioMargin.Result memory result = PortfolioMargin.finish(whole, account);
            risk.equity = result.equity;
            // CAST: margins are sums of what is not negative; a scenario is below 37.
            risk.initialMargin = uint256(result.initialMargin);
            risk.maintenanceMargin = uint256(result.maintenanceMargin);
            risk.unrealisedGain = uint256(result.unrealisedGain);
            risk.worstScenario = uint8(result.worstScenario);
            risk.grade = reading.grade;
            risk.oldest = reading.oldest;
        }
    }

    /// @dev One underlying after the other in the same memory: it is the dearer the more there is.
    function _addAll(
        PortfolioMargin.Whole memory whole,
        uint256[] calldata holdings,
        PriceQuestion.Answer memory reading,
        bool useSheets
    ) private view {
        unchecked {
            PortfolioMargin.Underlying memory underlying;
            PortfolioMargin.Book memory book;
            uint256[] memory none = underlying.options;
            uint256 count = whole.count;
            uint256 next = 1 + Holdings.collateralWords(_word(holdings, 0));
            uint256 sixth = type(uint256).max;
            uint256 groups;
            for (uint256 i = 0; i < count; ++i) {
                uint256 position = _word(holdings, next++);
                uint256 id = Holdings.underlying(position);
                uint40 epoch = _prices(underlying, position, reading.quotes + (i << 6));
                if (reading.beside != 0) underlying.followers = int256(PriceQuestion.at(reading.beside, 3 + i));
                // A group of one offsets nothing.
                if (count != 1) {
                    if (id / GROUPS != sixth) {
                        sixth = id / GROUPS;
                        groups = _groups[sixth];
                    }
                    uint256 group = groups >> (GROUP_BITS * (id % GROUPS));
                    underlying.group = group & 0xff;
                    // CAST: the field's 32 bits.
                    underlying.correlation = int256(uint256(uint32(group >> 8)) * RATE_TO_WAD);
                }
                uint256 end = next + Holdings.optionWords(position);
                uint256 free;
                if (end != next) {
                    PortfolioMargin.makeRoom(whole, underlying.group);
                    assembly ("memory-safe") {
                        free := mload(0x40)
                    }
                    underlying.options = holdings[next:end];
                    next = end;
                    (book.used, book.cells) = OptionCells.gather(underlying.options);
                    // CAST: it came with sixteen bits.
                    book.sheets = _sheets(uint16(id), epoch, book.used, useSheets);
                }
                PortfolioMargin.add(whole, underlying, book);
                if (free == 0) continue;
                if (book.used != 0) _grade(reading, book.header);
                (underlying.options, book.used) = (none, 0);
                assembly ("memory-safe") {
                    mstore(0x40, free)
                }
            }
        }
    }

    /// @dev What expiries add to the prices' grade and age.
    function _grade(PriceQuestion.Answer memory reading, uint256 header) private view {
        reading.grade = FeedGrade.worse(reading.grade, SheetGrades.gradeOf(header, block.timestamp));
        uint40 oldest = SheetGrades.oldestOf(header);
        if (oldest < reading.oldest) reading.oldest = oldest;
    }

    /// @dev HoldingsInvalid, if something is wrong with their shape.
    function _requireShape(uint256[] calldata holdings) private pure {
        (uint256 word, bytes32 expected) = _faultIn(holdings);
        if (expected == 0) return;
        bytes4 selector = HoldingsInvalid.selector;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 4), word)
            mstore(add(data, 36), 64)
            let length := 0
            for {} and(lt(length, 32), iszero(iszero(byte(length, expected)))) {} {
                length := add(length, 1)
            }
            mstore(add(data, 68), length)
            mstore(add(data, 100), expected)
            revert(data, 132)
        }
    }

    /// @dev What the words count is there and nothing else, underlyings ascend, and there is no more than an account may hold.
    /// @return word     at fault
    /// @return expected instead, at most 32 bytes; 0: nothing is wrong
    function _faultIn(uint256[] calldata holdings) private pure returns (uint256 word, bytes32 expected) {
        unchecked {
            if (holdings.length == 0) return (0, "a head");
            uint256 words = Holdings.collateralWords(holdings[0]);
            uint256 count = Holdings.underlyings(holdings[0]);
            uint256 next = 1 + words;
            if (next > holdings.length) return (next, "the collateral the head counts");
            if (words > MOST_COLLATERAL_WORDS) return (words, "at most 16 balances, in 9 words");
            if (count > MOST_UNDERLYINGS) return (count, "at most 8 underlyings");
            uint256 optionWords;
            uint256 withOptions;
            uint256 least;
            for (; count != 0; --count) {
                if (next >= holdings.length) return (next, "a position");
                uint256 position = _word(holdings, next);
                if (Holdings.underlying(position) < least) return (position, "underlyings that ascend");
                least = uint256(Holdings.underlying(position)) + 1;
                words = Holdings.optionWords(position);
                next += 1 + words;
                if (words == 0) continue;
                if (next > holdings.length) return (next, "the options the position counts");
                optionWords += words;
                if (++withOptions > MOST_WITH_OPTIONS) return (withOptions, "options of at most 3 underlyings");
                if (optionWords > MOST_OPTION_WORDS) return (optionWords, "at most 128 options, in 24 words");
            }
            if (next != holdings.length) return (next, "no word more");
        }
    }

    /// @dev A word that is known to be there.
    function _word(uint256[] calldata words, uint256 i) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(words.offset, shl(5, i)))
        }
    }

    /// @param quote where the underlying's pair of words stands
    function _prices(
        PortfolioMargin.Underlying memory underlying,
        uint256 position,
        uint256 quote
    ) private pure returns (uint40) {
        unchecked {
            uint256 prices = PriceQuestion.at(quote, 0);
            uint256 rest = PriceQuestion.at(quote, 1);
            int256 size = Holdings.perpetualSize(position);
            // Without a price every number here means nothing, and the grade says so; 1 only keeps divisions defined.
            underlying.spot = Wad.max(1, int256(prices & type(uint128).max));
            // CAST: fields of their words.
            underlying.confidence = int256(uint256(uint64(rest >> 40)));
            underlying.perpetualSize = size;
            underlying.perpetualMark = int256(prices >> 128);
            underlying.perpetualProfit =
                Wad.floorDiv(size * underlying.perpetualMark, Wad.ONE) + Holdings.perpetualQuote(position);
            return uint40(rest);
        }
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
            if (sheet.length == 0 || wanted & ~sheet[0] != 0) sheet = _built(id, wanted);
            read[count++] = sheet;
        }
    }

    /// @dev ISheets.build, where its answer stands: word by word, as the compiler takes it, each row would cost half as much again to read.
    function _built(uint16 id, uint256 wanted) private view returns (uint256[] memory sheet) {
        uint256 selector = uint32(ISheets.build.selector);
        address source = address(sheets);
        assembly ("memory-safe") {
            sheet := mload(0x40)
            mstore(sheet, selector)
            mstore(add(sheet, 32), id)
            mstore(add(sheet, 64), wanted)
            if iszero(staticcall(gas(), source, add(sheet, 28), 68, 0, 0)) {
                returndatacopy(sheet, 0, returndatasize())
                revert(sheet, returndatasize())
            }
            // What Sheets says is the array's place, its length, its words and nothing else.
            let size := sub(returndatasize(), 32)
            returndatacopy(sheet, 32, size)
            if xor(size, shl(5, add(1, mload(sheet)))) {
                revert(0, 0)
            }
            mstore(0x40, add(sheet, size))
        }
    }
}
