// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FeedId} from "./FeedWord.sol";
import {Grade} from "./FeedGrade.sol";

/// @notice Prices and volatilities the hub can verify: signed by k of n, or read from Pyth or Chainlink, all in one form.
/// @dev A value is one storage word that holds its own time, spread and halt (see FeedWord). Prices are 18-decimal, per unit of the
///      underlying, in settlement cash; spreads are the half-width of a value as a share of it, 1e-9; times are seconds.
interface IFeeds {
    /// @notice One signed value. `value`: a price, or a packed smile slice (see Smile) for Kind.Surface.
    struct Report {
        FeedId feed;
        uint128 value;
        uint32 spread;
    }

    /// @notice A value as a reader may use it.
    struct Point {
        uint128 value;
        uint40 time;
        uint32 spread;
        Grade grade;
    }

    /// @notice What margin needs of an underlying at once.
    /// @param spot       18 decimals, 0 before the first
    /// @param mark       see mark(); 0 where not asked
    /// @param confidence of the spot, see confidence()
    /// @param epoch      see epochOf()
    /// @param oldest     time of the oldest value given
    /// @param grade      the worst of theirs
    struct Quote {
        uint128 spot;
        uint128 mark;
        uint64 confidence;
        uint40 epoch;
        uint40 oldest;
        Grade grade;
    }

    /// @notice How the feeds of one underlying are graded. Ages in seconds, shares in 1e-4. Each `...Stale` is at least its `...Fresh`.
    /// @param spotFresh    age up to which spot, mark and a running settlement average are fresh
    /// @param spotStale    age up to which they are aged
    /// @param forwardFresh the same for forwards
    /// @param forwardStale the same for forwards
    /// @param surfaceFresh the same for surfaces
    /// @param surfaceStale the same for surfaces
    /// @param sourceStale  age up to which the other source counts as a check
    /// @param maxSpread    spread above which a value is uncertain, 1e-9 of it, 1 ... 10^9
    /// @param markBand     how far the perpetual's mark may stand from spot, 1e-4, below 10^4
    /// @param disagreement how far signed spot may stand from the other source, 1e-4, below 10^4
    struct Bounds {
        uint24 spotFresh;
        uint24 spotStale;
        uint24 forwardFresh;
        uint24 forwardStale;
        uint24 surfaceFresh;
        uint24 surfaceStale;
        uint24 sourceStale;
        uint32 maxSpread;
        uint16 markBand;
        uint16 disagreement;
    }

    /// @notice What an underlying's spot is read from.
    enum SpotMode {
        Unlisted,
        Signed, // the signed feed alone
        Checked, // the signed feed, compared with another source
        Source // the other source alone
    }

    event Reported(FeedId indexed feed, uint128 value, uint32 spread, uint40 time);
    event Settled(uint16 indexed underlying, uint40 indexed expiry, uint128 price);
    event SignersSet(address[] signers, uint8 threshold, uint8 settlementThreshold);
    event UnderlyingSet(uint16 indexed underlying, SpotMode mode, address source, Bounds bounds);
    event Halted(FeedId indexed feed);
    event Advanced(uint16 indexed underlying, uint40 epoch);
    event Resumed(FeedId indexed feed, bool cleared);

    error SignersInvalid(uint256 count, uint256 threshold);
    error SignatureCount(uint256 given, uint256 expected);
    error SignatureInvalid(uint256 index, address recovered, address previous);
    error UnderlyingUnknown(uint16 underlying);
    error UnderlyingInvalid(uint16 underlying, string expected);
    error FeedOrder(FeedId feed, FeedId previous);
    error FeedInvalid(FeedId feed, string expected);
    error NotHalted(FeedId feed);
    error ValueInvalid(FeedId feed, uint128 value, string expected);
    error TimeInvalid(uint40 time, uint256 blockTime, string expected);
    error CalendarArbitrage(FeedId near, FeedId far);

    // ---- anyone

    /// @notice Takes signed values, in the same transaction as their use if wanted. All reports share `time`.
    /// @dev EIP-712 `Snapshot(uint40 time,Report[] reports)Report(uint64 feed,uint128 value,uint32 spread)`, signed by exactly the
    ///      threshold (the settlement threshold if any report is of that kind). Surfaces of one underlying in a snapshot must be free of
    ///      calendar arbitrage among each other, each must be free of butterfly arbitrage.
    /// @param reports    feeds strictly ascending
    /// @param signatures 65 bytes each, signers strictly ascending
    /// @return taken how many were newer than what is stored (and not final); the others changed nothing
    function submit(uint40 time, Report[] calldata reports, bytes calldata signatures) external returns (uint256 taken);

    // ---- guardian, governance

    /// @notice Risk down, at once: nothing may rely on this feed. GUARDIAN.
    function halt(FeedId feed) external;
    /// @notice Ends a halt; `clear` also drops the value, a final settlement price included; only a later one replaces it. GOVERNOR,
    ///         delayed.
    function resume(FeedId feed, bool clear) external;
    /// @notice A new epoch of the underlying: what it is priced from changed elsewhere, its listing. Restricted to who lists.
    function advance(uint16 underlying) external;
    /// @notice Replaces the signers. GOVERNOR, delayed.
    /// @param signers_             strictly ascending, at most 32
    /// @param threshold_           signatures needed, 1 … number of signers
    /// @param settlementThreshold_ signatures needed for a settlement price, threshold … number of signers
    function setSigners(address[] calldata signers_, uint8 threshold_, uint8 settlementThreshold_) external;
    /// @notice Lists an underlying or changes how it is read and graded. GOVERNOR, delayed.
    /// @param source an IPriceSource; 0 in mode Signed, and only there
    function setUnderlying(uint16 underlying, SpotMode mode, address source, Bounds calldata bounds) external;

    // ---- views

    /// @notice What signers sign.
    function digest(uint40 time, Report[] calldata reports) external view returns (bytes32);
    /// @notice Raw words in the order asked, to be decoded with FeedWord; a spot read from another source is packed alike. What an epoch
    ///         commits to. Epochs are left out.
    function words(FeedId[] calldata feeds) external view returns (uint256[] memory);
    /// @notice A value with its grade now.
    function point(FeedId feed) external view returns (Point memory);
    /// @notice Spot and, if asked, mark with all that margin reads beside them.
    function quoteOf(uint16 underlying, bool withMark) external view returns (Quote memory);
    /// @notice quoteOf of several, packed.
    /// @param asked underlying uint16 | with its mark uint1
    /// @return answers oldest uint40 | worst grade uint8; then for each asked two words: spot uint128 | mark uint128, and epoch uint40 |
    ///         confidence uint64
    function packedQuotesOf(uint256[] calldata asked) external view returns (uint256[] memory answers);
    /// @notice Counts the changes of anything an underlying's options are priced from: forwards, surfaces, settlement prices, halts, how
    ///         they are graded, the listing. Spot and mark do not count.
    function epochOf(uint16 underlying) external view returns (uint40);
    /// @notice The worst grade of several; Fresh for none.
    function gradeOf(FeedId[] calldata feeds) external view returns (Grade);
    /// @notice The perpetual's mark: the signed mark held within the band around spot, spot itself while none was ever signed; the worse
    ///         grade of both.
    function mark(uint16 underlying) external view returns (Point memory);
    /// @notice The average price of the 30 minutes before expiry.
    /// @param underlying whose
    /// @param expiry     seconds
    /// @return price   the average over the part elapsed, 0 before the first report
    /// @return share   the part elapsed, 18 decimals
    /// @return isFinal it is the settlement price and will not change
    function settlement(
        uint16 underlying,
        uint40 expiry
    ) external view returns (uint128 price, uint64 share, bool isFinal);
    /// @notice How sure a spread is, 18 decimals: 1 - spread/maxSpread of the underlying, at least 0.
    function confidence(uint16 underlying, uint32 spread) external view returns (uint64);

    function signers() external view returns (address[] memory);
    function threshold() external view returns (uint8);
    function settlementThreshold() external view returns (uint8);
    function underlyingOf(
        uint16 underlying
    ) external view returns (SpotMode mode, address source, Bounds memory bounds);
}
