// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Fixed} from "../../math/Fixed.sol";
import {Normal} from "../../math/Normal.sol";
import {FeedGrade, Grade} from "./FeedGrade.sol";
import {FeedWord, Kind} from "./FeedWord.sol";
import {Holdings} from "./Holdings.sol";
import {ICollateralRules} from "./ICollateralRules.sol";
import {Requirement} from "./Haircuts.sol";
import {IFeeds} from "./IFeeds.sol";
import {IListing, IRiskEngine, NO_SCENARIO, Risk} from "./IRiskEngine.sol";
import {IStandardEngine} from "./IStandardEngine.sol";
import {PriceQuestion} from "./PriceQuestion.sol";
import {Smile} from "./Smile.sol";
import {StandardMargin} from "./StandardMargin.sol";
import {Wad} from "./Wad.sol";

/// @notice Isolated and cross margin: reads an account's holdings, the feeds and the rules, and values them by the closed forms.
abstract contract StandardEngine is IStandardEngine, AccessManaged {
    int256 private constant RATE_TO_WAD = 1e9;
    uint256 private constant RATE_ONE = 1e9;
    uint256 private constant MAX_TIERS = 8;
    uint256 private constant WAD = 1e18;
    /// @dev The settlement price is the average of the last 30 minutes.
    uint256 private constant AVERAGED = 30 minutes;

    IFeeds public immutable feeds;
    ICollateralRules public immutable collateralRules;
    IListing public immutable listing;
    /// @notice The normal distribution's table.
    address public immutable normalTable;
    bool private immutable _isIsolated;

    PerpetualTier[] private _perpetual;
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
        emit OpenInterestBoundsSet(underlying, lower, upper);
    }

    function _setRules(PerpetualTier[] memory tiers, OptionRates memory option) private {
        require(tiers.length != 0 && tiers.length <= MAX_TIERS, RulesInvalid("1 ... 8 tiers"));
        delete _perpetual;
        for (uint256 i = 0; i < tiers.length; ++i) {
            PerpetualTier memory tier = tiers[i];
            require(i == 0 ? tier.from == 0 : tier.from > tiers[i - 1].from, RulesInvalid("tiers from 0 that rise"));
            require(
                i == 0 || (tier.initial >= tiers[i - 1].initial && tier.maintenance >= tiers[i - 1].maintenance),
                RulesInvalid("rates that do not fall")
            );
            require(
                tier.maintenance != 0 && tier.maintenance <= tier.initial && tier.initial <= RATE_ONE,
                RulesInvalid("0 < maintenance <= initial <= 10^9")
            );
            _perpetual.push(tier);
        }
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
        PriceQuestion.Answer memory reading;
        (StandardMargin.Portfolio memory portfolio, StandardMargin.Rules memory rules) = _resolve(holdings, reading);
        int256 collateral;
        Requirement memory haircuts;
        if (reading.beside != 0) {
            // CAST: sums of values below 2^120.
            collateral = int256(PriceQuestion.at(reading.beside, 0));
            haircuts.initial = int256(PriceQuestion.at(reading.beside, 1));
            haircuts.maintenance = int256(PriceQuestion.at(reading.beside, 2));
        }
        uint256 table = _hasOptions(portfolio) ? Normal.load(normalTable) : 0;
        StandardMargin.Result memory result = StandardMargin.evaluateWith(
            table,
            portfolio,
            rules,
            collateral,
            haircuts
        );
        return
            Risk({
                equity: result.equity,
                initialMargin: uint256(result.initialMargin),
                maintenanceMargin: uint256(result.maintenanceMargin),
                unrealisedGain: uint256(result.unrealisedGain),
                worstScenario: NO_SCENARIO,
                grade: reading.grade,
                oldest: reading.oldest
            });
    }

    /// @dev The distribution's table is dear where nothing is priced with it.
    function _hasOptions(StandardMargin.Portfolio memory portfolio) private pure returns (bool) {
        unchecked {
            for (uint256 i = 0; i < portfolio.underlyings.length; ++i)
                if (portfolio.underlyings[i].expiries.length != 0) return true;
            return false;
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
        PriceQuestion.Answer memory reading;
        (portfolio, rules) = _resolve(holdings, reading);
        (portfolio.collateral, rules.haircuts, , ) = collateralRules.lotsOf(
            holdings[1:1 + Holdings.collateralWords(holdings[0])]
        );
    }

    // ---- holdings and feeds to a portfolio

    /// @dev All but the lots of collateral.
    /// @param reading takes what was read
    function _resolve(
        uint256[] calldata holdings,
        PriceQuestion.Answer memory reading
    ) private view returns (StandardMargin.Portfolio memory portfolio, StandardMargin.Rules memory rules) {
        unchecked {
            _requireShape(holdings);
            uint256 head = holdings[0];
            uint256 next = 1 + Holdings.collateralWords(head);
            uint256 count = Holdings.underlyings(head);
            PriceQuestion.Answer memory answer = PriceQuestion.ask(feeds, collateralRules, holdings, count, 0);
            (reading.grade, reading.oldest, reading.beside) = (answer.grade, answer.oldest, answer.beside);
            _fillRules(rules);
            portfolio.cash = Holdings.cash(head);
            (int256 factor, int256 leverage) = Holdings.profile(head);
            portfolio.profile = StandardMargin.Profile(factor, leverage);
            portfolio.underlyings = new StandardMargin.Underlying[](count);
            for (uint256 i = 0; i < count; ++i) {
                uint256 position = holdings[next];
                uint256 end = ++next + Holdings.optionWords(position);
                StandardMargin.Underlying memory resolved = portfolio.underlyings[i];
                // Without a price every number here means nothing, and the grade says so; 1 only keeps divisions defined.
                resolved.spot = Wad.max(1, PriceQuestion.spotOf(answer, i));
                resolved.perpetualMark = PriceQuestion.markOf(answer, i);
                _fill(resolved, position, holdings[next:end], reading);
                next = end;
            }
        }
    }

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

    /// @dev What hangs on the position, at its prices.
    function _fill(
        StandardMargin.Underlying memory resolved,
        uint256 position,
        uint256[] calldata options,
        PriceQuestion.Answer memory reading
    ) private view {
        uint16 id = Holdings.underlying(position);
        resolved.perpetualSize = Holdings.perpetualSize(position);
        if (resolved.perpetualSize != 0) _fillInterest(resolved.openInterest, id, resolved.perpetualMark);
        // A size below 2^104 times a mark below 2^101.
        unchecked {
            resolved.perpetualProfit =
                Wad.floorDiv(resolved.perpetualSize * resolved.perpetualMark, Wad.ONE) +
                Holdings.perpetualQuote(position);
        }
        if (options.length != 0) resolved.expiries = _expiries(id, options, reading);
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

    /// @dev Filled where they stand: what is returned by a function is laid down a second time.
    function _fillRules(StandardMargin.Rules memory rules) private view {
        unchecked {
            rules.isIsolated = _isIsolated;
            uint256 count = _perpetual.length;
            StandardMargin.Tier[] memory tiers = new StandardMargin.Tier[](count);
            for (uint256 i = 0; i < count; ++i) {
                PerpetualTier memory tier = _perpetual[i];
                StandardMargin.Tier memory to = tiers[i];
                to.from = int256(uint256(tier.from));
                to.initial = int256(uint256(tier.initial)) * RATE_TO_WAD;
                to.maintenance = int256(uint256(tier.maintenance)) * RATE_TO_WAD;
            }
            rules.perpetual = tiers;
            OptionRates memory option = _option;
            StandardMargin.OptionRates memory rates = rules.option;
            rates.initialMax = int256(uint256(option.initialMax)) * RATE_TO_WAD;
            rates.initialMin = int256(uint256(option.initialMin)) * RATE_TO_WAD;
            rates.maintenance = int256(uint256(option.maintenance)) * RATE_TO_WAD;
            rates.putMaintenanceOfMark = int256(uint256(option.putMaintenanceOfMark)) * RATE_TO_WAD;
            rates.unpairedInitial = int256(uint256(option.unpairedInitial)) * RATE_TO_WAD;
            rates.unpairedMaintenance = int256(uint256(option.unpairedMaintenance)) * RATE_TO_WAD;
        }
    }

    /// @dev What is open counts at the mark; nobody asks for it where no bounds are set.
    function _fillInterest(StandardMargin.OpenInterest memory interest, uint16 id, int256 mark) private view {
        InterestBounds memory bounds = _interestBounds[id];
        if (bounds.upper <= bounds.lower) return;
        (uint256 open, ) = listing.openInterestOf(id);
        int256 unit = int256(WAD);
        // CAST: a listing's open interest stays below 2^104.
        interest.current = Wad.mulUp(int256(open), mark);
        interest.lower = int256(uint256(bounds.lower)) * unit;
        interest.upper = int256(uint256(bounds.upper)) * unit;
    }
}
