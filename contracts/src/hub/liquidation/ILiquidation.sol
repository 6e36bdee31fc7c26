// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {ILedger} from "../ILedger.sol";
import {IWithdrawals} from "../IWithdrawals.sol";
import {IMargin} from "../markets/IMargin.sol";
import {Grade} from "../risk/FeedGrade.sol";
import {AuctionTerms} from "./AuctionMath.sol";
import {IAuctioneer} from "./IAuctioneer.sol";
import {IDeficitSink} from "./IDeficitSink.sol";
import {IFund} from "./IFund.sol";
import {IHandover} from "./IHandover.sol";
import {IPriceTimes} from "./IPriceTimes.sol";
import {IRoutes} from "./IRoutes.sol";

/// @notice Auctions of accounts below maintenance margin: shares of all an account has, positions, collateral on every chain and cash, for cash.
/// @dev Solvent while equity exceeds the reserve (cash that bids paid in): the bidder pays share · (equity − reserve) · discount, and only as much is
///      sold as brings the account to (1 + buffer) · maintenance margin. Insolvent after that: the bidder is paid, by the reserve, the fund's
///      tranche of the account's market, and what neither pays is booked on that market's deficit account. See AuctionMath for the formulas.
///      Everything is a ledger entry: no chain is waited for, custody stays where it is, and deposits from any chain count at the next bid.
///      The owner needs no freeze: below initial margin the margin check lets nothing leave, and lets him trade only what reduces risk.
///      `prices` as IMargin.submit takes them; values no worse than aged count. Aged ones: smaller steps. What is priced from worse ones and is
///      too little to matter (IPriceTimes.pricedPart, Auctioneer) shields nobody: the rest decides.
interface ILiquidation is IAuctioneer {
    /// @param id             counts all auctions, from 1; 0: none is open
    /// @param startedAt      seconds; moved on by the time the account rested at or above maintenance margin, and back by what it resumes
    /// @param startOldest    time of the oldest value it was started with
    /// @param openedAt       seconds, as it was
    /// @param restingSince   seconds, 0: the account was below maintenance margin when it was last looked at
    /// @param insolventSince seconds, 0: solvent when it was last looked at
    /// @param fee            start fee, in escrow until the auction ends, 18 decimals; held to its field
    /// @param books          first 20 bytes of keccak256(abi.encodePacked(holdings)) of the account as it was started; its mode is among them
    /// @param reserve        cash that bids paid in, 18 decimals
    /// @param lastBidAt      seconds, 0: no bid yet
    /// @param stepTaken      what bids have taken of a step as of lastBidAt, 1e-9, rounded up; see AuctionMath.stepLeft
    /// @param market         underlying whose tranche and deficit account bear its losses, as of when it became insolvent: the one in which the
    ///                       account has lost most (IPriceTimes.marketOf); 0: no positions
    struct Auction {
        uint56 id;
        uint40 startedAt;
        uint40 startOldest;
        uint40 openedAt;
        uint40 restingSince;
        uint40 insolventSince;
        uint96 fee;
        bytes20 books;
        uint128 reserve;
        uint40 lastBidAt;
        uint32 stepTaken;
        uint16 market;
    }

    /// @notice What it works with.
    /// @param fund       its liquidation must be this contract
    /// @param handover   its auctioneers must include this contract
    struct Links {
        ILedger ledger;
        IMargin margin;
        IFund fund;
        IWithdrawals withdrawals;
        IHandover handover;
        IPriceTimes priceTimes;
    }

    /// @notice What a bidder wants.
    /// @param account    in auction
    /// @param bidder     who takes the share
    /// @param share      most of it he takes, 18 decimals, above 0, at most 1
    /// @param priceLimit most he pays, cash, 18 decimals; negative: least he must be paid
    struct Bid {
        Account account;
        Account bidder;
        uint64 share;
        int256 priceLimit;
    }

    event AuctionStarted(
        uint64 indexed id,
        bytes32 indexed account,
        int256 equity,
        uint256 maintenanceMargin,
        uint256 fee,
        uint256 age
    );
    /// @notice What undo takes as `holdings`: what the account held when its auction started, before the fee, in IRiskEngine's layout.
    event StartedWith(uint64 indexed id, uint256[] holdings);
    /// @notice What moved of collateral: IHandover.AssetHandedOver; of positions: IMarkets.SliceTransferred.
    /// @param share taken, 18 decimals
    /// @param price cash the bidder paid; negative: was paid
    /// @param cash  that was part of what he took, signed
    event BidTaken(
        uint64 indexed id,
        bytes32 indexed account,
        bytes32 indexed bidder,
        uint256 share,
        int256 price,
        int256 cash
    );
    /// @notice Who paid a payout; the three sum to it.
    event InsolventPaid(uint64 indexed id, uint16 indexed market, uint256 reserve, uint256 fund, uint256 deficit);
    /// @notice Nothing but the states of chains puts an account below maintenance margin: its auction may start from `until` on, seconds.
    /// @param impairment what they take from its collateral at maintenance, 18 decimals
    event GraceBegan(
        bytes32 indexed account,
        uint256 until,
        int256 equity,
        uint256 maintenanceMargin,
        uint256 impairment
    );
    event InsolvencyOpened(uint64 indexed id, bytes32 indexed account);
    event InsolvencyClosed(uint64 indexed id, bytes32 indexed account);
    event AuctionEnded(uint64 indexed id, bytes32 indexed account, bool undone);
    /// @notice The fund paid into a market's deficit account.
    event DeficitCovered(uint16 indexed market, uint256 cash);
    event DeficitSinkSet(IDeficitSink deficitSink);
    event RoutesSet(IRoutes routes);
    event TermsSet(AuctionTerms terms);

    error AuctionOpen(bytes32 account, uint64 id);
    error AuctionNotOpen(bytes32 account);
    error HealthyAccount(bytes32 account, int256 equity, uint256 maintenanceMargin);
    error BelowTarget(bytes32 account, int256 equity, uint256 target);
    error PricesUnusable(bytes32 account, Grade grade);
    error NotPermitted(bytes32 account, address caller);
    /// @notice One of the accounts that this contract keeps: what it owes is no trader's loss.
    error AccountInvalid(bytes32 account);
    error BidderInvalid(bytes32 bidder);
    error ShareInvalid(uint256 share);
    /// @notice Every top-up route is closed, or the account is below maintenance margin by the state of a chain alone: with equity, a new auction
    ///         waits.
    error GracePeriod(bytes32 account, uint256 until);
    error CoolOff(uint256 until, uint256 time);
    error PriceAboveLimit(int256 price, int256 limit);
    error HealthFell(bytes32 account, int256 before, int256 afterwards);
    /// @notice A bid left the account less of what was for sale than its share, by more than roundings: no bid does, as positions move in units that
    ///         are rounded against the bidder.
    error ShareNotTaken(bytes32 account, int256 expected, int256 found);
    error BidderBelowInitialMargin(bytes32 bidder, int256 equity, uint256 initialMargin);
    error UndoInvalid(bytes32 account, uint256 time, string expected);
    /// @notice Not what the account held, with the mode it had, when its auction started.
    error BooksInvalid(bytes32 account, bytes20 given, bytes20 expected);
    error TermsInvalid(string expected);
    error NotRoutes(address caller);

    // ---- anyone

    /// @notice Starts an auction of an account below maintenance margin. One with equity waits while IRoutes gives grace, unless it resumes.
    ///         One that is below by what the states of chains take from its collateral alone (ICollateralRules.impairmentOf) waits as long, once
    ///         after each change of such a state: the first call begins the grace instead of an auction.
    /// @return id 0: the grace began
    function start(Account account, bytes calldata prices) external returns (uint64 id);
    /// @notice Ends an auction as if it had not been started: at prices newer than those of the start, dated no later than 60 seconds after it, what
    ///         the account held at its start was, in the mode it had, at or above maintenance margin. Its fee goes back. Top-ups, trades and bids
    ///         since then change nothing of it, so nobody earns it or prevents it by them; what bids took stays taken. An auction that had gone on
    ///         with the discount of an earlier one leaves that discount to the next, for as long from its own start as an end would.
    /// @param holdings of StartedWith
    function undo(Account account, uint256[] calldata holdings, bytes calldata prices) external;
    /// @notice Looks at the account: ends the auction at (1 + buffer) · maintenance margin; between that and maintenance margin the discount stands
    ///         still until it is below again; switches between the solvent and the insolvent leg.
    /// @return ended whether it ended
    function touch(Account account, bytes calldata prices) external returns (bool ended);
    /// @notice As touch, but reverts unless the auction ends.
    function end(Account account, bytes calldata prices) external;
    /// @notice Lets the fund pay what a market's deficit account owes, as far as its tranche goes.
    function cover(uint16 market) external returns (uint256 paid);

    // ---- the bidder's owner, or his delegate with TRADE

    /// @notice Takes a share of an account in auction; less than asked if less may be sold, or others took a part of the running step. The bidder
    ///         must end at initial margin. The auction ends with the bid that takes the largest share.
    /// @return share taken, 18 decimals
    /// @return price cash paid; negative: received
    function bid(Bid calldata wanted, bytes calldata prices) external returns (uint256 share, int256 price);
    /// @notice The same, and withdraws along the bidder's route from what he then holds. The caller also needs WITHDRAW, and so does this
    ///         contract, as a delegate of the bidder.
    /// @return share      as bid
    /// @return price      as bid
    /// @return firstClaim of the legs, see IWithdrawals.request
    function bidAndWithdraw(
        Bid calldata wanted,
        IWithdrawals.Leg[] calldata legs,
        bytes calldata prices
    ) external returns (uint256 share, int256 price, uint64 firstClaim);

    // ---- the routes

    /// @notice Until when new auctions of accounts with equity wait, seconds; 0: no outage. Said when the last open route closes, and when one opens.
    function reportOutage(uint32 graceUntil) external;

    // ---- governance (restricted)

    /// @notice GOVERNOR, delayed. Running auctions follow the new terms. They are kept in two words: rates and margins in whole 1e-9,
    ///         margins below 2^95 of it, times below 2^24 seconds.
    function setTerms(AuctionTerms calldata terms) external;
    /// @notice Who is told of deficits and of insolvent accounts; 0: nobody. GOVERNOR, delayed.
    function setDeficitSink(IDeficitSink deficitSink) external;
    /// @notice Who says whether accounts can be topped up, and says it to this contract (IRoutes.inform); 0: nobody, there is never a grace.
    ///         GOVERNOR, delayed.
    function setRoutes(IRoutes routes) external;

    // ---- views

    /// @notice While id is 0 there is none: openedAt is when the last one ended, startedAt as long before that as its discount was old, the rest 0.
    function auctionOf(Account account) external view returns (Auction memory);
    function termsOf() external view returns (AuctionTerms memory);
    /// @notice Ledger account that owes what losses of a market left uncovered. 0 stands for accounts without positions.
    function deficitAccount(uint16 market) external view returns (Account);
    /// @notice Ledger account that holds start fees while their auctions run.
    function escrow() external view returns (Account);
    function auctionCount() external view returns (uint64);
    function fund() external view returns (IFund);
    function withdrawals() external view returns (IWithdrawals);
    function deficitSink() external view returns (IDeficitSink);
    function routes() external view returns (IRoutes);
    /// @notice What the routes reported last: until when new auctions wait, seconds; 0: no outage.
    function graceUntil() external view returns (uint32);
}
