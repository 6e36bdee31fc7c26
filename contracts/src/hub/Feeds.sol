// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {FeedGrade, Grade} from "./risk/FeedGrade.sol";
import {FeedId, FeedWord, Kind} from "./risk/FeedWord.sol";
import {IFeeds} from "./risk/IFeeds.sol";
import {FeedQuotes} from "./risk/FeedQuotes.sol";
import {FeedSigners} from "./risk/FeedSigners.sol";
import {FeedTerms} from "./risk/FeedTerms.sol";
import {Smile} from "./risk/Smile.sol";
import {SpotSource} from "./risk/SpotSource.sol";

/// @notice The prices and volatilities the hub can verify. It decides nothing: it says what was signed, when, and how far that goes.
/// @dev One word per feed. A value is taken only if it is newer than the stored one, so whoever submits chooses neither order nor price.
contract Feeds is FeedQuotes, FeedSigners, AccessManaged {
    uint256 private constant WAD = 1e18;
    uint256 private constant NONE = type(uint256).max;
    /// @dev A settlement price is the average of this long before expiry, seconds.
    uint256 private constant SETTLEMENT_WINDOW = 30 minutes;

    /// @param authority_           AccessManager
    /// @param signers_             strictly ascending, at most 32
    /// @param threshold_           signatures needed
    /// @param settlementThreshold_ signatures needed for a settlement price
    constructor(
        address authority_,
        address[] memory signers_,
        uint8 threshold_,
        uint8 settlementThreshold_
    ) AccessManaged(authority_) {
        _setSigners(signers_, threshold_, settlementThreshold_);
    }

    // ---- anyone

    /// @inheritdoc IFeeds
    function submit(
        uint40 time,
        Report[] calldata reports,
        bytes calldata signatures
    ) external returns (uint256 taken) {
        require(
            time <= block.timestamp + FeedGrade.FUTURE_TOLERANCE,
            TimeInvalid(time, block.timestamp, "not after the block")
        );
        bool settles;
        for (uint256 i = 0; i < reports.length; ++i) {
            if (i != 0) _requireAfter(reports[i - 1], reports[i], time);
            _requireValid(reports[i], time);
            if (reports[i].feed.kindNumber() == uint8(Kind.Settlement)) settles = true;
        }
        _checkSignatures(digest(time, reports), signatures, settles ? settlementThreshold : threshold);
        uint256 moved = NONE;
        for (uint256 i = 0; i < reports.length; ++i) {
            if (!_take(reports[i], time)) continue;
            ++taken;
            FeedId feed = reports[i].feed;
            // Feeds ascend, so those of one underlying stand together: one epoch for all of them.
            if (feed.kindNumber() <= uint8(Kind.Mark) || feed.underlying() == moved) continue;
            moved = feed.underlying();
            _advance(feed.underlying());
        }
    }

    /// @return took false if it is not newer than what is stored, or that is final
    function _take(Report calldata report, uint40 time) private returns (bool took) {
        FeedId feed = report.feed;
        uint256 stored = _words[feed];
        if (time <= FeedWord.time(stored) || FeedWord.isFinal(stored)) return false;
        uint256 word = FeedWord.pack(report.value, time, report.spread);
        if (feed.kindNumber() == uint8(Kind.Settlement)) {
            // A price is not final while the guardian doubts it.
            if (FeedWord.isHalted(stored)) return false;
            if (time >= feed.expiry()) {
                word |= FeedWord.FINAL;
                emit Settled(feed.underlying(), feed.expiry(), report.value);
            }
        }
        _words[feed] = word | (stored & (FeedWord.HALTED | FeedWord.BESIDE));
        emit Reported(feed, report.value, report.spread, time);
        return true;
    }

    function _requireValid(Report calldata report, uint40 time) private view {
        FeedId feed = report.feed;
        uint16 underlying = feed.underlying();
        uint40 expiry = feed.expiry();
        require(FeedTerms.modeOf(_underlyings[underlying].terms) != SpotMode.Unlisted, UnderlyingUnknown(underlying));
        uint8 number = feed.kindNumber();
        require(number <= uint8(type(Kind).max), FeedInvalid(feed, "kind at most 4"));
        Kind kind = Kind(number);
        require(report.spread <= FeedWord.SPREAD_ONE, ValueInvalid(feed, report.value, "spread at most 10^9"));
        if (kind == Kind.Spot || kind == Kind.Mark) require(expiry == 0, FeedInvalid(feed, "no expiry"));
        else if (kind == Kind.Settlement)
            require(time + SETTLEMENT_WINDOW > expiry, TimeInvalid(time, block.timestamp, "in the settlement window"));
        else require(expiry > time, TimeInvalid(time, block.timestamp, "before the expiry"));
        if (kind == Kind.Surface) {
            require(Smile.isWellFormed(report.value), ValueInvalid(feed, report.value, "a smile slice"));
            require(
                Smile.isButterflyFree(report.value, expiry - time),
                ValueInvalid(feed, report.value, "a density that is nowhere negative")
            );
        } else {
            require(
                report.value != 0 && report.value <= SpotSource.MAX_PRICE,
                ValueInvalid(feed, report.value, "a price from 1, at most 10^30")
            );
        }
    }

    /// @dev Feeds ascend, so the surfaces of one underlying stand beside each other, nearest expiry first.
    function _requireAfter(Report calldata near, Report calldata far, uint40 time) private pure {
        require(FeedId.unwrap(far.feed) > FeedId.unwrap(near.feed), FeedOrder(far.feed, near.feed));
        if (far.feed.kindNumber() != uint8(Kind.Surface) || near.feed.kindNumber() != uint8(Kind.Surface)) return;
        if (far.feed.underlying() != near.feed.underlying()) return;
        // Both expiries are after `time`: `near` was checked before, and `far` is later.
        require(
            Smile.isCalendarFree(near.value, near.feed.expiry() - time, far.value, far.feed.expiry() - time),
            CalendarArbitrage(near.feed, far.feed)
        );
    }

    // ---- guardian, governance (restricted)

    /// @inheritdoc IFeeds
    function halt(FeedId feed) external restricted {
        _words[feed] |= FeedWord.HALTED;
        _advance(feed.underlying());
        emit Halted(feed);
    }

    /// @inheritdoc IFeeds
    function resume(FeedId feed, bool clear) external restricted {
        uint256 word = _words[feed];
        require(FeedWord.isHalted(word), NotHalted(feed));
        // The time stays: what was signed before cannot come back.
        _words[feed] =
            clear ? FeedWord.pack(0, FeedWord.time(word), 0) | (word & FeedWord.BESIDE) : word & ~FeedWord.HALTED;
        _advance(feed.underlying());
        emit Resumed(feed, clear);
    }

    /// @inheritdoc IFeeds
    function advance(uint16 underlying) external restricted {
        emit Advanced(underlying, _advance(underlying));
    }

    /// @inheritdoc IFeeds
    function setSigners(address[] calldata signers_, uint8 threshold_, uint8 settlementThreshold_) external restricted {
        _setSigners(signers_, threshold_, settlementThreshold_);
    }

    /// @inheritdoc IFeeds
    function setUnderlying(
        uint16 underlying,
        SpotMode mode,
        address source,
        Bounds calldata bounds
    ) external restricted {
        require(mode != SpotMode.Unlisted, UnderlyingInvalid(underlying, "a mode"));
        require(
            mode == SpotMode.Signed ? source == address(0) : source.code.length != 0,
            UnderlyingInvalid(underlying, "a source, except in mode Signed")
        );
        require(
            bounds.spotFresh <= bounds.spotStale &&
                bounds.forwardFresh <= bounds.forwardStale &&
                bounds.surfaceFresh <= bounds.surfaceStale,
            UnderlyingInvalid(underlying, "fresh at most stale")
        );
        require(
            bounds.maxSpread != 0 && bounds.maxSpread <= FeedWord.SPREAD_ONE,
            UnderlyingInvalid(underlying, "maxSpread 1 ... 10^9")
        );
        require(
            bounds.markBand < SHARE_ONE && bounds.disagreement < SHARE_ONE,
            UnderlyingInvalid(underlying, "markBand and disagreement below 10^4")
        );
        _setTerms(underlying, FeedTerms.pack(bounds, mode), source);
        _advance(underlying);
        emit UnderlyingSet(underlying, mode, source, bounds);
    }

    // ---- views

    /// @inheritdoc IFeeds
    function digest(uint40 time, Report[] calldata reports) public view returns (bytes32) {
        return _digest(time, reports);
    }

    /// @inheritdoc IFeeds
    function words(FeedId[] calldata feeds) external view returns (uint256[] memory read) {
        unchecked {
            read = new uint256[](feeds.length);
            for (uint256 i = 0; i < feeds.length; ++i) {
                FeedId feed = feeds[i];
                uint256 word = _wordOf(FeedId.unwrap(feed)) & ~FeedWord.BESIDE;
                if (feed.kindNumber() == uint8(Kind.Spot)) {
                    Underlying storage underlying = _underlyings[feed.underlying()];
                    if (FeedTerms.modeOf(underlying.terms) == SpotMode.Source)
                        word = SpotSource.wordOf(underlying.source, word);
                }
                assembly ("memory-safe") {
                    mstore(add(add(read, 32), shl(5, i)), word)
                }
            }
        }
    }

    /// @inheritdoc IFeeds
    function point(FeedId feed) external view returns (Point memory) {
        uint256 terms = _underlyings[feed.underlying()].terms;
        if (feed.kindNumber() == uint8(Kind.Forward) || feed.kindNumber() == uint8(Kind.Surface)) {
            require(FeedTerms.modeOf(terms) != SpotMode.Unlisted, UnderlyingUnknown(feed.underlying()));
            uint256 word = _wordOf(FeedId.unwrap(feed));
            (uint256 fresh, uint256 stale, uint256 spread) = FeedTerms.limitsIn(terms, feed.kindNumber());
            return
                Point({
                    value: FeedWord.value(word),
                    time: FeedWord.time(word),
                    spread: FeedWord.spread(word),
                    grade: FeedGrade.gradeOf(word, fresh, stale, spread, block.timestamp, false)
                });
        }
        (Underlying storage underlying, Bounds memory bounds, SpotMode mode) = _listed(feed.underlying());
        return _point(feed, _words[feed], underlying, bounds, mode);
    }

    /// @inheritdoc IFeeds
    function gradeOf(FeedId[] calldata feeds) external view returns (Grade grade) {
        for (uint256 i = 0; i < feeds.length; ++i) {
            (Underlying storage underlying, Bounds memory bounds, SpotMode mode) = _listed(feeds[i].underlying());
            grade = FeedGrade.worse(grade, _point(feeds[i], _words[feeds[i]], underlying, bounds, mode).grade);
        }
    }

    /// @inheritdoc IFeeds
    function mark(uint16 underlying) external view returns (Point memory) {
        (Underlying storage listed, Bounds memory bounds, SpotMode mode) = _listed(underlying);
        FeedId feed = FeedWord.id(underlying, Kind.Spot, 0);
        return _mark(underlying, _point(feed, _words[feed], listed, bounds, mode), bounds);
    }

    /// @inheritdoc IFeeds
    function epochOf(uint16 underlying) external view returns (uint40) {
        return _epochIn(_words[FeedWord.id(underlying, Kind.Spot, 0)]);
    }

    function _mark(
        uint16 underlying,
        Point memory spot,
        Bounds memory bounds
    ) private view returns (Point memory marked) {
        uint256 word = _words[FeedWord.id(underlying, Kind.Mark, 0)];
        if (word == 0) return spot;
        marked = _graded(word, uint8(Kind.Mark), bounds, false);
        marked.grade = FeedGrade.worse(marked.grade, spot.grade);
        uint256 band = (uint256(spot.value) * bounds.markBand) / SHARE_ONE;
        // CAST: between 0 and twice a price, below 2^101.
        marked.value = uint128(Math.max(spot.value - band, Math.min(spot.value + band, marked.value)));
    }

    /// @inheritdoc IFeeds
    function settlement(
        uint16 underlying,
        uint40 expiry
    ) external view returns (uint128 price, uint64 share, bool isFinal) {
        uint256 word = _words[FeedWord.id(underlying, Kind.Settlement, expiry)];
        price = FeedWord.value(word);
        if (price == 0) return (0, 0, false);
        isFinal = FeedWord.isFinal(word) && !FeedWord.isHalted(word);
        // A report inside the window only is taken, so the sum is above the expiry.
        uint256 elapsed = FeedWord.time(word) + SETTLEMENT_WINDOW - expiry;
        // CAST: at most 10^18.
        share = uint64((Math.min(elapsed, SETTLEMENT_WINDOW) * WAD) / SETTLEMENT_WINDOW);
    }

    /// @inheritdoc IFeeds
    function confidence(uint16 underlying, uint32 spread) external view returns (uint64) {
        (, Bounds memory bounds, ) = _listed(underlying);
        return FeedTerms.confidence(spread, bounds.maxSpread);
    }

    /// @inheritdoc IFeeds
    function underlyingOf(
        uint16 underlying
    ) external view returns (SpotMode mode, address source, Bounds memory bounds) {
        Underlying storage listed = _underlyings[underlying];
        return (FeedTerms.modeOf(listed.terms), listed.source, FeedTerms.boundsOf(listed.terms));
    }

    function _point(
        FeedId feed,
        uint256 word,
        Underlying storage underlying,
        Bounds memory bounds,
        SpotMode mode
    ) private view returns (Point memory) {
        if (feed.kindNumber() != uint8(Kind.Spot) || mode == SpotMode.Signed)
            return _graded(word, feed.kindNumber(), bounds, false);
        if (mode == SpotMode.Source)
            return _graded(SpotSource.wordOf(underlying.source, word), uint8(Kind.Spot), bounds, false);
        (bool disagrees, Grade floor) = SpotSource.check(underlying.source, bounds, FeedWord.value(word));
        Point memory spot = _graded(word, uint8(Kind.Spot), bounds, disagrees);
        spot.grade = FeedGrade.worse(spot.grade, floor);
        return spot;
    }

    function _graded(
        uint256 word,
        uint8 kind,
        Bounds memory bounds,
        bool disagrees
    ) private view returns (Point memory) {
        return
            Point({
                value: FeedWord.value(word),
                time: FeedWord.time(word),
                spread: FeedWord.spread(word),
                grade: FeedGrade.gradeOf(word, FeedTerms.limits(bounds, kind), block.timestamp, disagrees)
            });
    }

    // ---- an underlying's words

    function _advance(uint16 underlying) private returns (uint40 epoch) {
        FeedId spot = FeedWord.id(underlying, Kind.Spot, 0);
        uint256 word = _words[spot];
        epoch = _epochIn(word) + 1;
        _words[spot] = (word & ~FeedWord.EPOCH) | (uint256(epoch) << FeedWord.EPOCH_SHIFT);
    }

    function _epochIn(uint256 word) private pure returns (uint40) {
        // CAST: the field's forty bits.
        return uint40(word >> FeedWord.EPOCH_SHIFT);
    }

    function _listed(
        uint16 id
    ) private view returns (Underlying storage underlying, Bounds memory bounds, SpotMode mode) {
        underlying = _underlyings[id];
        uint256 terms = underlying.terms;
        mode = FeedTerms.modeOf(terms);
        require(mode != SpotMode.Unlisted, UnderlyingUnknown(id));
        bounds = FeedTerms.boundsOf(terms);
    }
}
