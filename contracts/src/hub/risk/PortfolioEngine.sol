// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ExpiryWords} from "./ExpiryWords.sol";
import {FeedGrade, Grade} from "./FeedGrade.sol";
import {FeedWord, Kind} from "./FeedWord.sol";
import {Haircuts} from "./Haircuts.sol";
import {Holdings} from "./Holdings.sol";
import {ICollateralRules} from "./ICollateralRules.sol";
import {IFeeds} from "./IFeeds.sol";
import {IPortfolioEngine} from "./IPortfolioEngine.sol";
import {IListing, IRiskEngine, Risk} from "./IRiskEngine.sol";
import {ISheets} from "./ISheets.sol";
import {PortfolioMargin} from "./PortfolioMargin.sol";
import {SheetRows} from "./SheetRows.sol";
import {Wad} from "./Wad.sol";

/// @notice Portfolio margin: 37 scenarios over an account's holdings, from the underlying's sheet where that is priced from the feeds as
/// they are, else from rows built here for the account's own strikes. Both give the same bits.
contract PortfolioEngine is IPortfolioEngine, ExpiryWords, AccessManaged {
    uint256 private constant RATE_TO_WAD = 1e9;
    uint256 private constant MOST_CORRELATED = 0.75e9;

    /// @dev What a valuation has read so far.
    struct Reading {
        Grade grade;
        uint40 oldest;
    }

    IListing public immutable listing;
    ICollateralRules public immutable collateralRules;
    ISheets public immutable sheets;
    /// @notice Underlying whose spot is the price of settlement cash; 0: it is 1.
    uint16 public immutable settlementUnderlying;

    mapping(uint16 underlying => Group) private _groups;

    constructor(
        address authority_,
        Links memory links,
        uint16 settlementUnderlying_
    ) AccessManaged(authority_) ExpiryWords(links.feeds) {
        listing = IListing(links.listing);
        collateralRules = ICollateralRules(links.collateralRules);
        sheets = ISheets(links.sheets);
        settlementUnderlying = settlementUnderlying_;
    }

    // ---- governance (restricted)

    /// @inheritdoc IPortfolioEngine
    function setGroup(uint16 underlying, uint8 group, uint32 correlation) external restricted {
        require(correlation <= MOST_CORRELATED, CorrelationInvalid(correlation, MOST_CORRELATED));
        _groups[underlying] = Group(group, correlation);
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
        PortfolioMargin.Account memory copy = account;
        for (uint256 i = 0; i < copy.underlyings.length; ++i) copy.underlyings[i].sheet = sheets.buildFor(expiries[i]);
        return PortfolioMargin.evaluate(copy);
    }

    function _riskOf(uint256[] calldata holdings, bool useSheet) private view returns (Risk memory risk) {
        Reading memory reading;
        PortfolioMargin.Result memory result = PortfolioMargin.evaluate(_resolve(holdings, reading, useSheet));
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
        bool useSheet
    ) private view returns (PortfolioMargin.Account memory account) {
        require(holdings.length != 0, HoldingsInvalid(0, "a head"));
        uint256 head = holdings[0];
        uint256 next = 1 + Holdings.collateralWords(head);
        require(next <= holdings.length, HoldingsInvalid(next, "the collateral the head counts"));
        account.cash = Holdings.cash(head);
        (account.initialFactor, account.maxLeverage) = Holdings.profile(head);
        account.underlyings = new PortfolioMargin.Underlying[](Holdings.underlyings(head));
        Haircuts.Lot[] memory lots = _collateral(holdings[1:next], account, reading);
        uint16[] memory priced = _pricedBy(holdings[1:next], lots.length);
        account.settlementPrice =
            settlementUnderlying == 0
                ? Wad.ONE
                : _read(reading, feeds.point(FeedWord.id(settlementUnderlying, Kind.Spot, 0)));
        for (uint256 i = 0; i < account.underlyings.length; ++i) {
            require(next < holdings.length, HoldingsInvalid(next, "a position"));
            uint256 position = holdings[next];
            uint256 end = ++next + Holdings.optionWords(position);
            require(end <= holdings.length, HoldingsInvalid(end, "the options the position counts"));
            PortfolioMargin.Underlying memory underlying = account.underlyings[i];
            underlying.options = holdings[next:end];
            _prices(underlying, position, reading);
            uint16 id = Holdings.underlying(position);
            for (uint256 k = 0; k < lots.length; ++k) if (priced[k] == id) underlying.followers += lots[k].value;
            if (end != next) underlying.sheet = _sheet(id, underlying.options, reading, useSheet);
            next = end;
        }
        require(next == holdings.length, HoldingsInvalid(next, "no word more"));
    }

    function _collateral(
        uint256[] calldata words,
        PortfolioMargin.Account memory account,
        Reading memory reading
    ) private view returns (Haircuts.Lot[] memory lots) {
        Haircuts.Tier[][] memory classes;
        (lots, classes, reading.grade, reading.oldest) = collateralRules.lotsOf(words);
        account.haircuts = Haircuts.sum(lots, classes);
        for (uint256 i = 0; i < lots.length; ++i) account.collateral += lots[i].value;
    }

    /// @dev Underlyings that price the lots, in the order in which the rules give lots.
    function _pricedBy(uint256[] calldata words, uint256 count) private view returns (uint16[] memory underlyings) {
        underlyings = new uint16[](count);
        uint256 at;
        for (uint256 i = 0; at < count && i < 2 * words.length; ++i) {
            (uint16 assetId, uint256 amount) = Holdings.lot(words[i / 2], i % 2);
            if (amount == 0) continue;
            (bool listed, ICollateralRules.AssetRule memory rule) = collateralRules.assetRuleOf(assetId);
            if (listed) underlyings[at++] = rule.underlying;
        }
    }

    function _prices(
        PortfolioMargin.Underlying memory underlying,
        uint256 position,
        Reading memory reading
    ) private view {
        uint16 id = Holdings.underlying(position);
        IFeeds.Point memory spot = feeds.point(FeedWord.id(id, Kind.Spot, 0));
        // Without a price every number here means nothing, and the grade says so; 1 only keeps divisions defined.
        underlying.spot = Wad.max(1, _read(reading, spot));
        underlying.confidence = int256(uint256(feeds.confidence(id, spot.spread)));
        underlying.perpetualSize = Holdings.perpetualSize(position);
        if (underlying.perpetualSize != 0) underlying.perpetualMark = _read(reading, feeds.mark(id));
        underlying.perpetualProfit =
            Wad.mulDown(underlying.perpetualSize, underlying.perpetualMark) + Holdings.perpetualQuote(position);
        Group memory group = _groups[id];
        underlying.group = group.id;
        underlying.correlation = int256(group.correlation * RATE_TO_WAD);
    }

    // ---- rows of the account's strikes

    function _sheet(
        uint16 id,
        uint256[] memory options,
        Reading memory reading,
        bool useSheet
    ) private view returns (uint256[] memory sheet) {
        uint8[] memory places = _places(options);
        if (places.length == 0) return new uint256[](SheetRows.MAP_WORDS + 1);
        uint40[] memory expiries = _gradeExpiries(id, places, reading);
        if (useSheet) {
            sheet = _load(sheets.sheetOf(id));
            if (_isCurrent(sheet, id, places, expiries)) return sheet;
        }
        return sheets.build(id, places);
    }

    /// @dev Places of the options, each once.
    function _places(uint256[] memory options) private pure returns (uint8[] memory places) {
        places = new uint8[](options.length * Holdings.SERIES_PER_WORD);
        uint256 seen;
        uint256 count;
        for (uint256 i = 0; i < options.length; ++i) {
            for (uint256 word = options[i]; word != 0; word >>= 42) {
                if ((word >> 9) & 0x1ffffffff == 0) continue;
                // CAST: the field's eight bits.
                uint8 place = uint8(word >> 1);
                if ((seen >> place) & 1 == 1) continue;
                seen |= 1 << place;
                places[count++] = place;
            }
        }
        assembly ("memory-safe") {
            mstore(places, count)
        }
    }

    /// @return of_ Expiry of each place.
    function _gradeExpiries(
        uint16 id,
        uint8[] memory places,
        Reading memory reading
    ) private view returns (uint40[] memory of_) {
        uint256[] memory strikes = listing.strikesAt(id, places);
        of_ = new uint40[](places.length);
        for (uint256 i = 0; i < places.length; ++i) {
            require(strikes[i] != 0, HoldingsInvalid(places[i], "a strike that is listed"));
            // CAST: 40 bits of the listing's word.
            of_[i] = uint40(strikes[i] >> 128);
            bool isNew = true;
            for (uint256 j = 0; j < i && isNew; ++j) isNew = of_[j] != of_[i];
            if (isNew) _gradeExpiry(id, of_[i], reading);
        }
    }

    function _gradeExpiry(uint16 id, uint40 expiry, Reading memory reading) private view {
        if (block.timestamp >= expiry) {
            (, , bool isFinal) = feeds.settlement(id, expiry);
            if (!isFinal) reading.grade = FeedGrade.worse(reading.grade, Grade.Zero);
            return;
        }
        _read(reading, feeds.point(FeedWord.id(id, Kind.Forward, expiry)));
        _read(reading, feeds.point(FeedWord.id(id, Kind.Surface, expiry)));
    }

    function _load(address sheet) private view returns (uint256[] memory words) {
        if (sheet == address(0)) return words;
        words = new uint256[](sheet.code.length / 32);
        assembly ("memory-safe") {
            extcodecopy(sheet, add(words, 32), 1, shl(5, mload(words)))
        }
    }

    /// @dev Whether every place is there and every expiry of theirs priced from the feed words as they are now.
    function _isCurrent(
        uint256[] memory sheet,
        uint16 id,
        uint8[] memory places,
        uint40[] memory expiries
    ) private view returns (bool) {
        if (sheet.length == 0) return false;
        uint256 checked;
        for (uint256 i = 0; i < places.length; ++i) {
            uint256 entry = (sheet[places[i] >> 4] >> ((places[i] & 15) * 16)) & 0xffff;
            if (entry == 0) return false;
            uint256 expiry = (entry >> 8) & 0x7f;
            if ((checked >> expiry) & 1 == 1) continue;
            checked |= 1 << expiry;
            uint256 stamp = sheet[SheetRows.MAP_WORDS + 1 + sheet[SheetRows.MAP_WORDS] + expiry];
            if (stamp != uint256(_stampOf(id, expiries[i]))) return false;
        }
        return true;
    }

    function _read(Reading memory reading, IFeeds.Point memory point) private pure returns (int256) {
        reading.grade = FeedGrade.worse(reading.grade, point.grade);
        if (point.time < reading.oldest) reading.oldest = point.time;
        return int256(uint256(point.value));
    }
}
