// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {IListing} from "../risk/IRiskEngine.sol";

/// @notice Perpetuals and options: what is listed, who holds what, funding and expiry. The only state of positions.
/// @dev An instrument is one word, from the low bits to the high ones: kind uint8 (0 perpetual, 1 call, 2 put) | underlying uint16 |
///      expiry uint40, seconds | strike uint112, 18 decimals; a perpetual has neither of the last two. Twin:
///      shared/src/exchange/instrument.ts. Sizes are units of the underlying, prices settlement cash per unit, both 18 decimals; options
///      trade in lots of 0.001. Cash stands in the ledger: a position holds its quote, and what leaves the quote becomes cash.
///      Every rounding is against the account whose position it is.
interface IMarkets is IListing {
    /// @notice Which engine judges an account. Isolated: one instrument at a time.
    enum Mode {
        Cross,
        Isolated,
        Portfolio
    }

    /// @notice What may be traded of an underlying. ReduceOnly: where both sides come out smaller.
    enum Standing {
        Closed,
        Open,
        ReduceOnly
    }

    /// @notice Terms of an underlying's perpetual.
    /// @param openCap     most that may be open, units, 18 decimals; binds what raises it
    /// @param fundingCap  most that funding pays per hour either way, 1e-9 of the notional, at most 10^8
    /// @param fundingBase paid by longs to shorts per hour at no premium, 1e-9 of the notional; within the cap
    struct PerpetualTerms {
        uint104 openCap;
        uint32 fundingCap;
        int32 fundingBase;
    }

    /// @notice Terms of an underlying's options.
    /// @param openCap most lots that may be open, over all series; binds what raises it
    struct OptionTerms {
        uint40 openCap;
    }

    // ---- what was traded
    event Traded(
        bytes32 indexed buyer,
        bytes32 indexed seller,
        uint256 indexed instrument,
        uint128 size,
        uint128 price
    );
    /// @notice Funding of an underlying was brought to `time`.
    /// @param index   Σ paid per unit held long since the listing, 18 decimals
    /// @param perHour what it grows by from now on, cash per unit, 18 decimals
    event Funded(uint16 indexed underlying, int128 index, int128 perHour, uint40 time);
    /// @notice An account's options of one expiry ended; `cash` moved on it.
    event ExpirySettled(bytes32 indexed account, uint16 indexed underlying, uint40 indexed expiry, int256 cash);
    /// @notice A part of every position of `from` went to `to`, with the quotes that belong to it.
    /// @param share of each position, 18 decimals
    /// @param words what went, as positions and options stand in holdings (see IRiskEngine)
    event SliceTransferred(bytes32 indexed from, bytes32 indexed to, uint64 share, uint256[] words);
    event ModeSet(bytes32 indexed account, Mode mode);
    event ProfileSet(bytes32 indexed account, uint16 initialFactor, uint32 maxLeverage);

    // ---- what is listed
    event UnderlyingSet(uint16 indexed underlying, Standing standing, PerpetualTerms perpetual, OptionTerms option);
    event StandingSet(uint16 indexed underlying, Standing standing);
    event Listed(uint16 indexed underlying, uint40 indexed expiry, uint128[] strikes, uint8[] places);
    event Retired(uint16 indexed underlying, uint40 indexed expiry, uint8[] places);
    event ModuleSet(address indexed module, bool enabled);

    error NotModule(address caller);
    error InstrumentInvalid(uint256 instrument, string expected);
    /// @notice The underlying is closed, or only lets positions shrink.
    error UnderlyingNotOpen(uint16 underlying, Standing standing);
    error TermsInvalid(uint16 underlying, string expected);
    error SeriesUnknown(uint256 instrument);
    error SeriesExpired(uint256 instrument, uint256 blockTime);
    error SizeInvalid(uint256 instrument, uint256 size, string expected);
    /// @notice More would be open than may be; both in units (18 decimals) or in lots.
    error OpenInterestCap(uint16 underlying, uint256 open, uint256 cap);
    /// @notice A position would leave its field: |size| < 2^103 units of 1e-18, or |lots| < 2^32.
    error PositionOutOfRange(bytes32 account, uint256 instrument, int256 size);
    error SameAccount(bytes32 account);
    error PositionLimit(bytes32 account, uint256 maximum);
    error ExpiryLimit(bytes32 account, uint256 maximum);
    error UnderlyingLimit(bytes32 account, uint256 maximum);
    /// @notice An isolated account holds one instrument at a time.
    error IsolatedHoldsOne(bytes32 account, uint256 instruments);
    error ShareInvalid(uint64 share, uint64 maximum);
    error ExpiryInvalid(uint16 underlying, uint40 expiry, string expected);
    error StrikeInvalid(uint128 strike, string expected);
    error ListingFull(uint16 underlying, uint256 maximum);
    error PlacesInvalid(uint16 underlying, string expected);
    /// @notice Positions of the expiry are not settled yet: `lots` longs and shorts together.
    error StillOpen(uint16 underlying, uint40 expiry, uint256 lots);

    // ---- modules

    /// @notice Moves `size` from seller to buyer at `price`. Both sides' funding is brought to now; expired options of both in this
    ///         underlying are settled first, where a settlement price exists. Modules only; margin is theirs to check.
    /// @dev Perpetual: the quote moves by -ceil(size·price) for the buyer and +floor(size·price) for the seller. Where |position| falls,
    ///      floor(quote · fall / |position|) and the price leg of what fell become cash at once. Option: premium moves as cash,
    ///      ceil and floor alike.
    /// @param size  above 0; options: a multiple of 0.001
    /// @return buyerReduced  the buyer's position came out smaller and on the same side, or nothing
    /// @return sellerReduced the same of the seller's
    function trade(
        Account buyer,
        Account seller,
        uint256 instrument,
        uint128 size,
        uint128 price
    ) external returns (bool buyerReduced, bool sellerReduced);
    /// @notice Moves a share of every position of `from` to `to`, options of all underlyings of `from` that can be settled being settled
    ///         first for both. Modules only; standing and caps do not bind it.
    /// @dev size·share and lots·share, rounded against `to`: options held short and perpetuals with a negative quote up, others down; all of it
    ///      at a share of 1. A perpetual takes floor(quote · moved / size) of its quote along. Where `to` held the other side, what meets is
    ///      realised as in `trade`. No cash moves between the two.
    /// @param share 18 decimals, above 0, at most 1
    /// @return words what moved: for each underlying a position and its options, as in holdings; empty positions are left out
    function transferSlice(Account from, Account to, uint64 share) external returns (uint256[] memory words);
    /// @notice Which engine judges the account from now on. Modules only.
    function setMode(Account account, Mode mode) external;
    /// @notice The account's own, stricter initial margin. Modules only.
    /// @param initialFactor 1e-2, 0: none
    /// @param maxLeverage   1e-2, 0: none
    function setProfile(Account account, uint16 initialFactor, uint32 maxLeverage) external;

    /// @notice Whether the caller, an IPositionWatcher, is told of positions in the underlying before they change; by trade, slice or expiry. Modules
    ///         only; one caller for all.
    function watch(uint16 underlying, bool on) external;
    /// @notice Marks an account, or unmarks it: something may still be taken of it, which the margin check asks for before anything leaves.
    ///         Modules only.
    function hold(Account account, bool on) external;

    // ---- anyone

    /// @notice Brings funding to now and samples the rate that holds until the next touch.
    /// @dev rate = clamp(premium / 8 + base, ±cap) per hour of spot, premium = (mark - spot) / spot; 0 while mark or spot is neither fresh
    ///      nor aged. The first touch of a second samples, later ones find it done.
    function fund(uint16 underlying) external returns (int128 index);
    /// @notice Ends the account's options of every expiry of the underlying that is over and has a settlement price.
    /// @dev Per expiry floor(Σ lots · payoff / 1000), signed. The first settlement of an expiry fixes its price here.
    /// @return cash what moved on the account, 18 decimals
    function settleExpired(Account account, uint16 underlying) external returns (int256 cash);
    /// @notice Frees the places of an expiry that is over and in which nothing is open: all of them at once.
    function retire(uint16 underlying, uint8[] calldata places) external;

    // ---- guardian, governance (restricted)

    /// @notice Lists an underlying or changes its terms. GOVERNOR, delayed.
    function setUnderlying(
        uint16 underlying,
        Standing standing,
        PerpetualTerms calldata perpetual,
        OptionTerms calldata option
    ) external;
    /// @notice Risk down, at once: ReduceOnly or Closed, never a looser standing than it has. GUARDIAN.
    function restrain(uint16 underlying, Standing standing) external;
    /// @notice Lists strikes of an expiry. KEEPER.
    /// @param expiry  a full hour, after now; at most 11 of an underlying are live
    /// @param strikes not listed yet for this expiry; at most 15 significant digits
    /// @return places in the underlying's listing, at most 256 in use
    function list(
        uint16 underlying,
        uint40 expiry,
        uint128[] calldata strikes
    ) external returns (uint8[] memory places);
    /// @notice Registers who may trade for accounts. GOVERNOR, delayed.
    function setModule(address module, bool enabled) external;

    // ---- views

    /// @notice What an engine values: cash and collateral as the ledger has them, profile, positions with quotes funded to now.
    function holdingsOf(Account account) external view returns (uint256[] memory words);
    function modeOf(Account account) external view returns (Mode);
    function profileOf(Account account) external view returns (uint16 initialFactor, uint32 maxLeverage);
    /// @notice Whether the account holds any position.
    function hasPositions(Account account) external view returns (bool);
    /// @notice Signed, 18 decimals; 0 where nothing is held or listed.
    function sizeOf(Account account, uint256 instrument) external view returns (int256);
    /// @notice The account's perpetual, its quote funded to now; 18 decimals.
    function positionOf(Account account, uint16 underlying) external view returns (int256 size, int256 quote);
    /// @notice Funding as of the last touch; see Funded.
    function fundingOf(uint16 underlying) external view returns (int128 index, int128 perHour, uint40 since);
    function underlyingOf(
        uint16 underlying
    ) external view returns (Standing standing, PerpetualTerms memory perpetual, OptionTerms memory option);
    /// @notice An option series. `open`: lots traded open, Σ long; what is settled is not taken off.
    function seriesOf(uint256 instrument) external view returns (bool listed, uint8 place, uint40 open);
    /// @notice Live and unretired expiries of an underlying, in the order of its table, with the settlement price fixed by the first settlement (0:
    ///         none).
    function expiriesOf(uint16 underlying) external view returns (uint40[] memory expiries, uint128[] memory prices);
    function isModule(address module) external view returns (bool);
}
