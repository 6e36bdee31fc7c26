// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {FeedGrade, Grade} from "./risk/FeedGrade.sol";
import {FeedId, FeedWord, Kind} from "./risk/FeedWord.sol";
import {IFeeds} from "./risk/IFeeds.sol";
import {FeedSigners} from "./risk/FeedSigners.sol";
import {Smile} from "./risk/Smile.sol";
import {IPriceSource} from "./risk/sources/IPriceSource.sol";

/// @notice The prices and volatilities the hub can verify. It decides nothing: it says what was signed, when, and how far that goes.
/// @dev One word per feed. A value is taken only if it is newer than the stored one, so whoever submits chooses neither order nor price.
contract Feeds is IFeeds, FeedSigners, AccessManaged {
    uint256 private constant SHARE_ONE = 10_000;
    uint256 private constant WAD = 1e18;
    /// @dev Keeps products of a price with a size and a wad inside 256 bits everywhere.
    uint128 private constant MAX_PRICE = 1e30;
    /// @dev A settlement price is the average of this long before expiry, seconds.
    uint256 private constant SETTLEMENT_WINDOW = 30 minutes;

    struct Underlying {
        Bounds bounds;
        SpotMode mode;
        address source;
    }

    mapping(FeedId feed => uint256 word) private _words;
    mapping(uint16 underlying => Underlying) private _underlyings;

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
        for (uint256 i = 0; i < reports.length; ++i) if (_take(reports[i], time)) ++taken;
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
        _words[feed] = word | (stored & FeedWord.HALTED);
        emit Reported(feed, report.value, report.spread, time);
        return true;
    }

    function _requireValid(Report calldata report, uint40 time) private view {
        FeedId feed = report.feed;
        uint16 underlying = feed.underlying();
        uint40 expiry = feed.expiry();
        require(_underlyings[underlying].mode != SpotMode.Unlisted, UnderlyingUnknown(underlying));
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
                report.value != 0 && report.value <= MAX_PRICE,
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
        emit Halted(feed);
    }

    /// @inheritdoc IFeeds
    function resume(FeedId feed, bool clear) external restricted {
        uint256 word = _words[feed];
        require(FeedWord.isHalted(word), NotHalted(feed));
        // The time stays: what was signed before cannot come back.
        _words[feed] = clear ? FeedWord.pack(0, FeedWord.time(word), 0) : word & ~FeedWord.HALTED;
        emit Resumed(feed, clear);
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
        _underlyings[underlying] = Underlying({bounds: bounds, mode: mode, source: source});
        emit UnderlyingSet(underlying, mode, source, bounds);
    }

    // ---- views

    /// @inheritdoc IFeeds
    function digest(uint40 time, Report[] calldata reports) public view returns (bytes32) {
        return _digest(time, reports);
    }

    /// @inheritdoc IFeeds
    function words(FeedId[] calldata feeds) external view returns (uint256[] memory read) {
        read = new uint256[](feeds.length);
        for (uint256 i = 0; i < feeds.length; ++i) {
            FeedId feed = feeds[i];
            Underlying storage underlying = _underlyings[feed.underlying()];
            read[i] =
                feed.kindNumber() == uint8(Kind.Spot) && underlying.mode == SpotMode.Source
                    ? _sourceWord(underlying, feed)
                    : _words[feed];
        }
    }

    /// @inheritdoc IFeeds
    function point(FeedId feed) external view returns (Point memory) {
        return _point(feed);
    }

    /// @inheritdoc IFeeds
    function gradeOf(FeedId[] calldata feeds) external view returns (Grade grade) {
        for (uint256 i = 0; i < feeds.length; ++i) grade = FeedGrade.worse(grade, _point(feeds[i]).grade);
    }

    /// @inheritdoc IFeeds
    function mark(uint16 underlying) external view returns (Point memory marked) {
        Point memory spot = _point(FeedWord.id(underlying, Kind.Spot, 0));
        FeedId feed = FeedWord.id(underlying, Kind.Mark, 0);
        if (_words[feed] == 0) return spot;
        marked = _point(feed);
        marked.grade = FeedGrade.worse(marked.grade, spot.grade);
        uint256 band = (uint256(spot.value) * _underlyings[underlying].bounds.markBand) / SHARE_ONE;
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
        uint256 widest = _underlyings[underlying].bounds.maxSpread;
        require(widest != 0, UnderlyingUnknown(underlying));
        // CAST: at most 10^18.
        return spread >= widest ? 0 : uint64(WAD - (spread * WAD) / widest);
    }

    /// @inheritdoc IFeeds
    function underlyingOf(
        uint16 underlying
    ) external view returns (SpotMode mode, address source, Bounds memory bounds) {
        Underlying storage listed = _underlyings[underlying];
        return (listed.mode, listed.source, listed.bounds);
    }

    function _point(FeedId feed) private view returns (Point memory) {
        Underlying storage underlying = _underlyings[feed.underlying()];
        require(underlying.mode != SpotMode.Unlisted, UnderlyingUnknown(feed.underlying()));
        bool isSpot = feed.kindNumber() == uint8(Kind.Spot);
        uint256 word = isSpot && underlying.mode == SpotMode.Source ? _sourceWord(underlying, feed) : _words[feed];
        (bool disagrees, Grade floor) = isSpot && underlying.mode == SpotMode.Checked
            ? _check(underlying, FeedWord.value(word))
            : (false, Grade.Fresh);
        Grade grade = FeedGrade.gradeOf(
            word,
            _limits(underlying.bounds, feed.kindNumber()),
            block.timestamp,
            disagrees
        );
        return
            Point({
                value: FeedWord.value(word),
                time: FeedWord.time(word),
                spread: FeedWord.spread(word),
                grade: FeedGrade.worse(grade, floor)
            });
    }

    /// @dev A source that is silent or old contradicts nothing, but nothing new may be risked on the signers' word alone.
    function _check(Underlying storage underlying, uint256 value) private view returns (bool disagrees, Grade floor) {
        (uint128 price, uint40 time, ) = _readSource(underlying.source);
        if (price == 0 || block.timestamp > uint256(time) + underlying.bounds.sourceStale) return (false, Grade.Aged);
        uint256 gap = value > price ? value - price : price - value;
        disagrees = gap * SHARE_ONE > uint256(price) * underlying.bounds.disagreement;
    }

    function _sourceWord(Underlying storage underlying, FeedId feed) private view returns (uint256) {
        (uint128 price, uint40 time, uint32 spread) = _readSource(underlying.source);
        return FeedWord.pack(price, time, spread) | (_words[feed] & FeedWord.HALTED);
    }

    /// @dev No price when the source has none: a revert there must not stop what needs no price.
    function _readSource(address source) private view returns (uint128 price, uint40 time, uint32 spread) {
        try IPriceSource(source).latest() returns (uint128 price_, uint40 time_, uint32 spread_) {
            if (price_ <= MAX_PRICE) return (price_, time_, spread_);
        } catch {
            return (0, 0, 0);
        }
    }

    function _limits(Bounds memory bounds, uint8 kind) private pure returns (FeedGrade.Limits memory) {
        if (kind == uint8(Kind.Forward))
            return FeedGrade.Limits(bounds.forwardFresh, bounds.forwardStale, bounds.maxSpread);
        if (kind == uint8(Kind.Surface))
            return FeedGrade.Limits(bounds.surfaceFresh, bounds.surfaceStale, bounds.maxSpread);
        return FeedGrade.Limits(bounds.spotFresh, bounds.spotStale, bounds.maxSpread);
    }
}
