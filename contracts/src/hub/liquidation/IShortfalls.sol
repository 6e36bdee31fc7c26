// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {Grade} from "../risk/FeedGrade.sol";
import {IWithdrawals} from "../IWithdrawals.sol";
import {ICollateralRules} from "../risk/ICollateralRules.sol";
import {IAuctioneer} from "./IAuctioneer.sol";
import {ILiquidation} from "./ILiquidation.sol";

/// @notice Settlement shortfall: who owes more cash than the limit, though he is above maintenance margin, has collateral auctioned until he owes
///         a part of the limit. Positions are not touched.
/// @dev Enabled collateral on every chain, that of the cheapest expected cost first (ICollateralRules.offersOf: haircut, chain and its state),
///      because less than everything is needed. Dutch, along the fast leg of ILiquidation's terms and no lower: a share of the value costs
///      share · value · discount, value before haircuts, in cash, rounded up. What counts nothing, or has no usable price, is not sold. The account
///      must end at or above maintenance margin and the bidder at initial margin. A fee of the price (feeLeast of ILiquidation's terms) goes to the fund. An account below maintenance margin is ILiquidation's.
///      `prices` as IMargin.submit takes them; values no worse than aged count.
interface IShortfalls is IAuctioneer {
    /// @param limit   cash that an account may owe, 18 decimals, above 0
    /// @param restore part of it that is still owed when the auction is over, 18 decimals, at most 1
    struct ShortfallTerms {
        uint128 limit;
        uint64 restore;
    }

    /// @param id        from 2^63 + 1; 0: none is open
    /// @param startedAt seconds
    struct Shortfall {
        uint64 id;
        uint40 startedAt;
    }

    event ShortfallStarted(uint64 indexed id, bytes32 indexed account, uint256 debt, uint256 limit);
    event ShortfallBidTaken(
        uint64 indexed id,
        bytes32 indexed account,
        bytes32 indexed bidder,
        uint256 share,
        uint256 price,
        uint256 fee
    );
    event ShortfallEnded(uint64 indexed id, bytes32 indexed account, uint256 debt);
    event ShortfallTermsSet(ShortfallTerms terms);

    error ShortfallOpen(bytes32 account, uint64 id);
    error ShortfallNotOpen(bytes32 account);
    error DebtWithinLimit(bytes32 account, uint256 debt, uint256 limit);
    error DebtAboveGoal(bytes32 account, uint256 debt, uint256 goal);
    /// @notice ILiquidation's: below maintenance margin, or in auction there; or a bid would leave it so.
    error BelowMaintenance(bytes32 account, int256 equity, uint256 maintenanceMargin);
    error InLiquidation(bytes32 account, uint64 id);
    error CollateralWorthless(bytes32 account);
    error PricesUnusable(bytes32 account, Grade grade);
    error NotPermitted(bytes32 account, address caller);
    error BidderInvalid(bytes32 bidder);
    error ShareInvalid(uint256 share);
    error PriceAboveLimit(uint256 price, uint256 limit);
    error BidderBelowInitialMargin(bytes32 bidder, int256 equity, uint256 initialMargin);
    error TooEarly(uint256 from, uint256 time);
    error TermsInvalid(string expected);

    // ---- anyone

    /// @notice Starts an auction of the collateral of an account that owes more than the limit.
    function start(Account account, bytes calldata prices) external returns (uint64 id);
    /// @notice Ends it once the account owes no more than the goal, or is ILiquidation's.
    function end(Account account, bytes calldata prices) external;

    // ---- the bidder's owner, or his delegate with TRADE

    /// @notice Takes a share of the collateral's value, less than asked if less covers the shortfall; from the second after the start on.
    /// @param share      most of it he takes, 18 decimals, above 0, at most 1; the balances that are cheapest to sell go first, whole
    /// @param priceLimit most he pays, cash, 18 decimals
    /// @return taken     share
    /// @return price     cash paid
    function bid(
        Account account,
        Account bidder,
        uint64 share,
        uint256 priceLimit,
        bytes calldata prices
    ) external returns (uint256 taken, uint256 price);

    /// @notice The same, and asks for payouts to wherever the bidder wants them; the record names the claims. All or nothing. The caller needs
    ///         WITHDRAW too, and so does this contract, as a delegate of the bidder.
    /// @return taken      as bid
    /// @return price      as bid
    /// @return firstClaim of the legs, see IWithdrawals.request
    function bidAndWithdraw(
        Account account,
        Account bidder,
        uint64 share,
        uint256 priceLimit,
        IWithdrawals.Leg[] calldata legs,
        bytes calldata prices
    ) external returns (uint256 taken, uint256 price, uint64 firstClaim);

    // ---- governance (restricted)

    /// @notice GOVERNOR, delayed.
    function setTerms(ShortfallTerms calldata terms) external;

    // ---- views

    function shortfallOf(Account account) external view returns (Shortfall memory);
    function termsOf() external view returns (ShortfallTerms memory);
    /// @notice Cash an account may still owe when its auction is over.
    function goal() external view returns (uint256);
    function liquidation() external view returns (ILiquidation);
    function collateralRules() external view returns (ICollateralRules);
}
