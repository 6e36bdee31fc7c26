// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Fixed} from "../../math/Fixed.sol";
import {Normal} from "../../math/Normal.sol";
import {FeedGrade, Grade} from "./FeedGrade.sol";
import {FeedWord, Kind} from "./FeedWord.sol";
import {Holdings} from "./Holdings.sol";
import {ICollateralRules} from "./ICollateralRules.sol";
import {IFeeds} from "./IFeeds.sol";
import {IListing, IRiskEngine, NO_SCENARIO, Risk} from "./IRiskEngine.sol";
import {IStandardEngine} from "./IStandardEngine.sol";
import {PerpetualTiers} from "./PerpetualTiers.sol";
import {PriceQuestion} from "./PriceQuestion.sol";
import {Smile} from "./Smile.sol";
import {StandardMargin} from "./StandardMargin.sol";
import {Wad} from "./Wad.sol";

/// @notice Isolated and cross margin: reads an account's holdings, the feeds and the rules, and values them by the closed forms.
abstract contract StandardEngine is IStandardEngine, AccessManaged {
    using PerpetualTiers for uint256[8];

    int256 private constant RATE_TO_WAD = 1e9;
    uint256 private constant RATE_ONE = 1e9;
    uint256 private constant WAD = 1e18;
    /// @dev The settlement price is the average of the last 30 minutes.
    uint256 private constant AVERAGED = 30 minutes;

    IFeeds public immutable feeds;
    ICollateralRules public immutable collateralRules;
    IListing public immutable listing;
    /// @notice The normal distribution's table.
    address public immutable normalTable;
    bool private immutable _isIsolated;

    /// @dev See PerpetualTiers.
    uint256[8] private _tiers;
    OptionRates private _option;
    mapping(uint16 underlying => InterestBounds) private _interestBounds;

    constructor(Links memory links, bool isIsolated, PerpetualTier[] memory tiers, OptionRates memory option) {
        feeds = IFeeds(links.feeds);
        collateralRules = ICollateralRules(links.collateralRules);
        listing = IListing(links.listing);
        normalTable = links.normalTable;
        _isIsolated = isIsolated;
        _setRules(tiers, option);
    }

    // ---- governance (restricted)

    /// @inheritdoc IStandardEngine
    function setRules(PerpetualTier[] calldata tiers, OptionRates calldata option) external restricted {
        _setRules(tiers, option);
    }

    /// @inheritdoc IStandardEngine
    function setOpenInterestBounds(uint16 underlying, uint80 lower, uint80 upper) external restricted {
        _interestBounds[underlying] = InterestBounds(lower, upper);
        _tiers.setBounded(underlying);
        emit OpenInterestBoundsSet(underlying, lower, upper);
    }

    function _setRules(PerpetualTier[] memory tiers, OptionRates memory option) private {
        _tiers.set(tiers);
        require(
            option.maintenance <= option.initialMin && option.initialMin <= option.initialMax,
            RulesInvalid("option maintenance <= initialMin <= initialMax")
        );
        require(
            option.unpairedMaintenance >= RATE_ONE && option.unpairedInitial >= option.unpairedMaintenance,
            RulesInvalid("10^9 <= unpairedMaintenance <= unpairedInitial")
        );
        _option = option;
        emit RulesSet(tiers, option);
    }

    // ---- views

    /// @inheritdoc IRiskEngine
    function riskOf(uint256[] calldata holdings) external view returns (Risk memory risk) {
        _requireShape(holdings);
        unchecked {
            uint256 head = holdings[0];
            uint256 count = Holdings.underlyings(head);
            PriceQuestion.Answer memory reading = PriceQuestion.ask(feeds, collateralRules, holdings, count, 0);
            int256 worth = Holdings.cash(head);
            StandardMargin.Tally memory tally;
            if (reading.beside != 0) {
                // CAST: sums of values below 2^120.
                worth += int256(PriceQuestion.at(reading.beside, 0));
                tally.haircut = int256(PriceQuestion.at(reading.beside, 1));
                tally.initial = tally.haircut;
                tally.maintenance = int256(PriceQuestion.at(reading.beside, 2));
            }
            _addUp(tally, holdings, count, reading);
            StandardMargin.Profile memory profile;
            (profile.initialFactor, profile.maxLeverage) = Holdings.profile(head);
            StandardMargin.Result memory result = StandardMargin.finish(tally, worth, profile);
            risk.equity = result.equity;
            // CAST: margins are sums of what is not negative.
            risk.initialMargin = uint256(result.initialMargin);
            risk.maintenanceMargin = uint256(result.maintenanceMargin);
            risk.unrealisedGain = uint256(result.unrealisedGain);
            risk.worstScenario = NO_SCENARIO;
            risk.grade = reading.grade;
            risk.oldest = reading.oldest;
        }
    }

    /// @dev All underlyings; of rules and of the distribution's table only what these need.
    function _addUp(
        StandardMargin.Tally memory tally,
        uint256[] calldata holdings,
        uint256 count,
        PriceQuestion.Answer memory reading
    ) private view {
        unchecked {
            StandardMargin.Rules memory rules;
            rules.perpetual = PerpetualTiers.none();
            uint256 table;
            uint256 next = 1 + Holdings.collateralWords(holdings[0]);
            // Where the tiers that were read end, and the first's word.
            uint256 reach;
            uint256 first = count == 0 ? 0 : _tiers[0];
            for (uint256 i = 0; i < count; ++i) {
                uint256 position = holdings[next];
                uint256 end = ++next + Holdings.optionWords(position);
                uint16 id = Holdings.underlying(position);
                int256 size = Holdings.perpetualSize(position);
                tally.profits += Holdings.perpetualQuote(position);
                if (size != 0) {
                    int256 mark = PriceQuestion.markOf(reading, i);
                    // A size below 2^104 times a mark below 2^101.
                    tally.profits += Wad.floorDiv(size * mark, Wad.ONE);
                    int256 notional = StandardMargin.notionalOf(size, mark);
                    // CAST: it is not negative.
                    while (uint256(notional) > reach) reach = _tiers.readNext(rules.perpetual, first);
                    int256 crowded;
                    if (PerpetualTiers.isBounded(first, id)) crowded = StandardMargin.crowding(_interest(id, mark));
                    StandardMargin.addPerpetual(tally, rules.perpetual, notional, crowded);
                }
                if (end == next) continue;
                if (table == 0) {
                    table = Normal.load(normalTable);
                    rules.isIsolated = _isIsolated;
                    _fillOption(rules.option);
                }
                StandardMargin.addOptions(
                    tally,
                    table,
                    rules,
                    // Without a price every number here means nothing, and the grade says so; 1 only keeps divisions defined.
                    Wad.max(1, PriceQuestion.spotOf(reading, i)),
                    _expiries(id, holdings[next:end], reading)
                );
                next = end;
            }
        }
    }

    /// @inheritdoc IStandardEngine
    function whatIf(
        StandardMargin.Portfolio calldata portfolio,
        StandardMargin.Rules calldata rules
    ) external view returns (StandardMargin.Result memory) {
        return StandardMargin.evaluate(Normal.load(normalTable), portfolio, rules);
    }

    /// @inheritdoc IStandardEngine
    function portfolioOf(
        uint256[] calldata holdings
    ) external view returns (StandardMargin.Portfolio memory portfolio, StandardMargin.Rules memory rules) {
        _requireShape(holdings);
        uint256 head = holdings[0];
        uint256 count = Holdings.underlyings(head);
        uint256 next = 1 + Holdings.collateralWords(head);
        (portfolio.collateral, rules.haircuts, , ) = collateralRules.lotsOf(holdings[1:next]);
        rules.isIsolated = _isIsolated;
        rules.perpetual = PerpetualTiers.none();
        uint256 first = _tiers[0];
        for (uint256 reach = 0; reach != type(uint256).max;) reach = _tiers.readNext(rules.perpetual, first);
        _fillOption(rules.option);
        portfolio.cash = Holdings.cash(head);
        (portfolio.profile.initialFactor, portfolio.profile.maxLeverage) = Holdings.profile(head);
        portfolio.underlyings = new StandardMargin.Underlying[](count);
        PriceQuestion.Answer memory reading = PriceQuestion.ask(feeds, collateralRules, holdings, count, 0);
        for (uint256 i = 0; i < count; ++i) {
            uint256 position = holdings[next];
            uint256 end = ++next + Holdings.optionWords(position);
            StandardMargin.Underlying memory underlying = portfolio.underlyings[i];
            uint16 id = Holdings.underlying(position);
            int256 mark = PriceQuestion.markOf(reading, i);
            underlying.spot = Wad.max(1, PriceQuestion.spotOf(reading, i));
            underlying.perpetualSize = Holdings.perpetualSize(position);
            underlying.perpetualMark = mark;
            underlying.perpetualProfit =
                Wad.floorDiv(underlying.perpetualSize * mark, Wad.ONE) + Holdings.perpetualQuote(position);
            if (underlying.perpetualSize != 0) underlying.openInterest = _interest(id, mark);
            if (end != next) underlying.expiries = _expiries(id, holdings[next:end], reading);
            next = end;
        }
    }

    // ---- holdings and feeds to a portfolio

    /// @dev What the words count is there and nothing else, and underlyings ascend: one in two parts would pay the lower tiers twice.
    function _requireShape(uint256[] calldata holdings) private pure {
        unchecked {
            require(holdings.length != 0, HoldingsInvalid(0, "a head"));
            uint256 next = 1 + Holdings.collateralWords(holdings[0]);
            require(next <= holdings.length, HoldingsInvalid(next, "the collateral the head counts"));
            uint256 count = Holdings.underlyings(holdings[0]);
            uint256 least;
            for (uint256 i = 0; i < count; ++i) {
                require(next < holdings.length, HoldingsInvalid(next, "a position"));
                uint256 position = holdings[next];
                require(Holdings.underlying(position) >= least, HoldingsInvalid(position, "underlyings that ascend"));
                least = uint256(Holdings.underlying(position)) + 1;
                next += 1 + Holdings.optionWords(position);
                require(next <= holdings.length, HoldingsInvalid(next, "the options the position counts"));
            }
            require(next == holdings.length, HoldingsInvalid(next, "no word more"));
        }
    }

    /// @dev Options in the order of the holdings, gathered by expiry in the order in which expiries appear.
    function _expiries(
        uint16 id,
        uint256[] calldata words,
        PriceQuestion.Answer memory reading
    ) private view returns (StandardMargin.Expiry[] memory expiries) {
        (StandardMargin.Option[] memory options, uint256[] memory strikes) = _options(id, words);
        uint40[] memory times = new uint40[](options.length);
        uint256[] memory counts = new uint256[](options.length);
        unchecked {
            uint256 distinct;
            for (uint256 i = 0; i < options.length; ++i) {
                // CAST: 40 bits of the listing's word.
                uint40 expiry = uint40(strikes[i] >> 128);
                uint256 j = 0;
                while (j < distinct && times[j] != expiry) ++j;
                if (j == distinct) times[distinct++] = expiry;
                ++counts[j];
            }
            uint256 room = _room(distinct);
            assembly ("memory-safe") {
                expiries := room
            }
            for (uint256 j = 0; j < distinct; ++j) {
                (StandardMargin.Expiry memory expiry, uint128 slice) = _expiry(id, times[j], reading);
                expiries[j] = expiry;
                room = _room(counts[j]);
                StandardMargin.Option[] memory held;
                assembly ("memory-safe") {
                    held := room
                }
                expiry.options = held;
                uint256 filled;
                for (uint256 i = 0; filled < counts[j]; ++i) {
                    if (uint40(strikes[i] >> 128) != times[j]) continue;
                    options[i].sigma = _sigma(slice, options[i].strike, expiry.forward);
                    held[filled++] = options[i];
                }
            }
        }
    }

    /// @dev An array of structs that do not stand yet: each is set before it is read.
    function _room(uint256 count) private pure returns (uint256 array) {
        assembly ("memory-safe") {
            array := mload(0x40)
            mstore(array, count)
            mstore(0x40, add(array, shl(5, add(count, 1))))
        }
    }

    function _options(
        uint16 id,
        uint256[] calldata words
    ) private view returns (StandardMargin.Option[] memory options, uint256[] memory strikes) {
        unchecked {
            uint256 most = words.length * Holdings.SERIES_PER_WORD;
            uint256 room = _room(most);
            assembly ("memory-safe") {
                options := room
            }
            uint8[] memory places = new uint8[](most);
            uint256 count;
            for (uint256 i = 0; i < most; ++i) {
                (uint8 place, bool isPut, int256 size) = Holdings.option(
                    words[i / Holdings.SERIES_PER_WORD],
                    i % Holdings.SERIES_PER_WORD
                );
                if (size == 0) continue;
                StandardMargin.Option memory option;
                option.isCall = !isPut;
                option.size = size;
                options[count] = option;
                places[count++] = place;
            }
            assembly ("memory-safe") {
                mstore(options, count)
                mstore(places, count)
            }
            strikes = listing.strikesAt(id, places);
            for (uint256 i = 0; i < count; ++i) {
                // CAST: the low half of the listing's word.
                options[i].strike = int256(uint256(uint128(strikes[i])));
                require(options[i].strike != 0, HoldingsInvalid(places[i], "a strike that is listed"));
            }
        }
    }

    /// @dev Before expiry the forward, of which the part of the last 30 minutes that has passed is the average so far; from expiry on the
    /// settlement price, and without one no price at all.
    function _expiry(
        uint16 id,
        uint40 expiry,
        PriceQuestion.Answer memory reading
    ) private view returns (StandardMargin.Expiry memory resolved, uint128 slice) {
        resolved.discount = Fixed.ONE;
        uint128 average;
        uint64 share;
        bool isFinal;
        // Before its window nothing can have been signed.
        if (block.timestamp + FeedGrade.FUTURE_TOLERANCE + AVERAGED > expiry)
            (average, share, isFinal) = feeds.settlement(id, expiry);
        if (block.timestamp >= expiry) {
            if (isFinal) resolved.forward = int256(uint256(average));
            else reading.grade = FeedGrade.worse(reading.grade, Grade.Zero);
            return (resolved, 0);
        }
        int256 forward = _read(reading, feeds.point(FeedWord.id(id, Kind.Forward, expiry)));
        if (share != 0) {
            forward =
                Wad.mulDown(forward, int256(WAD - share)) +
                Wad.mulDown(int256(uint256(average)), int256(uint256(share)));
        }
        resolved.forward = forward;
        // In the steps of a parameter file: days of 18 decimals, then years in Q64.
        uint256 daysLeft = ((expiry - block.timestamp) * WAD) / 1 days;
        resolved.time = (daysLeft << 64) / (365 * WAD);
        IFeeds.Point memory surface = feeds.point(FeedWord.id(id, Kind.Surface, expiry));
        _read(reading, surface);
        slice = surface.value;
    }

    /// @dev A wad, as a parameter file has it: what is cut off is below 1e-18.
    function _sigma(uint128 slice, int256 strike, int256 forward) private pure returns (int256) {
        if (slice == 0) return 0;
        // CAST: prices are positive and below 2^128.
        int256 k = Fixed.lnRatio(uint128(uint256(strike)), uint128(uint256(forward)));
        return int256((Smile.volatility(slice, k) * WAD) >> 64);
    }

    function _read(PriceQuestion.Answer memory reading, IFeeds.Point memory point) private pure returns (int256) {
        reading.grade = FeedGrade.worse(reading.grade, point.grade);
        if (point.time < reading.oldest) reading.oldest = point.time;
        return int256(uint256(point.value));
    }

    // ---- rules as the closed forms take them

    /// @dev Filled where it stands: what is returned by a function is laid down a second time.
    function _fillOption(StandardMargin.OptionRates memory rates) private view {
        unchecked {
            OptionRates memory option = _option;
            rates.initialMax = int256(uint256(option.initialMax)) * RATE_TO_WAD;
            rates.initialMin = int256(uint256(option.initialMin)) * RATE_TO_WAD;
            rates.maintenance = int256(uint256(option.maintenance)) * RATE_TO_WAD;
            rates.putMaintenanceOfMark = int256(uint256(option.putMaintenanceOfMark)) * RATE_TO_WAD;
            rates.unpairedInitial = int256(uint256(option.unpairedInitial)) * RATE_TO_WAD;
            rates.unpairedMaintenance = int256(uint256(option.unpairedMaintenance)) * RATE_TO_WAD;
        }
    }

    /// @dev What is open counts at the mark; nobody asks for it where no bounds are set.
    function _interest(uint16 id, int256 mark) private view returns (StandardMargin.OpenInterest memory interest) {
        InterestBounds memory bounds = _interestBounds[id];
        if (bounds.upper <= bounds.lower) return interest;
        (uint256 open, ) = listing.openInterestOf(id);
        int256 unit = int256(WAD);
        // CAST: a listing's open interest stays below 2^104.
        interest.current = Wad.mulUp(int256(open), mark);
        interest.lower = int256(uint256(bounds.lower)) * unit;
        interest.upper = int256(uint256(bounds.upper)) * unit;
    }
}
