// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {IFeeds} from "../risk/IFeeds.sol";

/// @notice Settles pairs of signed orders. Anyone may bring them; nobody can do more with an order than its signer agreed to.
/// @dev Prices and sizes as in IMarkets, fees in cash, all 18 decimals. An order is EIP-712 typed data of the domain
///      ("Lockstep Exchange", "1"); twin: shared/src/exchange/order.ts. It is signed by the account's owner (a key; for a contract at home
///      on the hub EIP-1271) or by a delegate with TRADE; a delegate's orders die with his permission. One nonce of an account names one
///      order: it fills in any number of parts up to its amount.
interface IExchange {
    /// @param amount     size, above 0 to buy, below 0 to sell
    /// @param limit      worst price
    /// @param feeCap     most fee for the whole amount; a part may cost its share, rounded down
    /// @param expiry     last second at which it may be settled
    /// @param nonce      any value, once per account; cheapest counted upwards (128 share a slot)
    /// @param reduceOnly it may only bring the position nearer to zero; then it passes below initial margin too (see IMargin.requireTrade)
    struct Order {
        Account account;
        uint256 instrument;
        int128 amount;
        uint128 limit;
        uint128 feeCap;
        uint40 expiry;
        uint256 nonce;
        bool reduceOnly;
    }

    struct SignedOrder {
        Order order;
        address signer;
        bytes signature;
    }

    /// @notice A part of two orders that meet.
    /// @param price at most the buyer's limit, at least the seller's
    struct Fill {
        SignedOrder buy;
        SignedOrder sell;
        uint128 size;
        uint128 price;
        uint128 buyFee;
        uint128 sellFee;
    }

    event Filled(
        bytes32 indexed buyOrder,
        bytes32 indexed sellOrder,
        uint256 indexed instrument,
        uint128 size,
        uint128 price,
        uint128 buyFee,
        uint128 sellFee
    );
    /// @notice What the fees of one call came to and who has them.
    event FeesPaid(bytes32 indexed matcher, uint256 toMatcher, uint256 toFund);
    event Cancelled(bytes32 indexed account, uint256 nonce);
    event FeeSharesSet(bytes32 indexed fund, uint32 fundShare);
    event Paused(bool isPaused);

    error FillsEmpty();
    error ExchangePaused();
    error NotPermitted(bytes32 account, address caller);
    error SizeZero(bytes32 order);
    error SideInvalid(bytes32 order, int128 amount, string expected);
    error InstrumentsDiffer(bytes32 buyOrder, bytes32 sellOrder);
    error PriceOutsideLimit(bytes32 order, uint128 price, uint128 limit);
    /// @notice Perpetuals trade from a quarter of the last spot price to four times as much, calls at up to four times of it, puts at up to
    ///         their strike: no honest price is beyond, at any grade.
    error PriceUnreasonable(uint256 instrument, uint128 price, uint256 least, uint256 most);
    /// @notice Nothing is traded of an underlying without a spot price: its source fails, or its feed was cleared.
    error SpotUnknown(uint16 underlying);
    error FeeAboveCap(bytes32 order, uint128 fee, uint256 cap);
    error OrderExpired(bytes32 order, uint40 expiry, uint256 blockTime);
    error OrderCancelled(bytes32 order);
    error OverFilled(bytes32 order, uint256 filled, uint256 size, uint256 amount);
    /// @notice Another order has used the nonce.
    error NonceTaken(bytes32 order, uint256 nonce);
    /// @notice An order with the nonce was filled in full at once.
    error NonceSpent(bytes32 order, uint256 nonce);
    error SignatureInvalid(bytes32 order, address signer);
    /// @notice A reduce-only order would not have brought the position nearer to zero.
    error NotReduced(bytes32 order);
    /// @notice Both sides belong to one owner.
    error SelfTrade(bytes32 buyOrder, bytes32 sellOrder);
    error FundShareInvalid(uint32 fundShare, uint32 maximum);

    // ---- anyone

    /// @notice Settles fills in order, all or none. Each account that took part is judged once, as all fills and fees have left it.
    /// @dev Errors about one order carry its hash, those of margin its account: a matcher knows whose it has to drop.
    /// @param fills   at least one
    /// @param matcher account that gets the fees less the fund's share; it must have an owner unless there are no fees
    /// @param prices  feed snapshot to submit first, see IMargin; may be empty
    function settle(Fill[] calldata fills, Account matcher, bytes calldata prices) external;
    /// @notice Cancels by signature: EIP-712 `Cancel(bytes32 account,uint256 nonce)` of the same domain, by whoever may sign orders.
    function cancelSigned(Account account, uint256 nonce, address signer, bytes calldata signature) external;

    // ---- owner, or a delegate with TRADE

    /// @notice Makes every order with this nonce worthless, as far as it is not filled.
    function cancel(Account account, uint256 nonce) external;

    // ---- guardian, governance (restricted)

    /// @notice Stops settling, at once. GUARDIAN.
    function pause() external;
    /// @notice GOVERNOR, delayed.
    function unpause() external;
    /// @notice Who gets fees. GOVERNOR, delayed.
    /// @param fund      account of the insurance fund; no owner: there is none, and the share must be 0
    /// @param fundShare 1e-9 of every fee
    function setFeeShares(Account fund, uint32 fundShare) external;

    // ---- views

    /// @notice EIP-712 digest of an order: its identity everywhere.
    function hashOf(Order calldata order) external view returns (bytes32);
    /// @notice What became of a nonce.
    /// @param filled  size settled of an order that is filled in parts, 18 decimals
    /// @param tag     the first 120 bits of the hash of that order, 0: none yet
    /// @param isSpent one fill has filled the whole of its order; then `filled` and `tag` are 0
    function statusOf(
        Account account,
        uint256 nonce
    ) external view returns (uint128 filled, bool isCancelled, uint120 tag, bool isSpent);
    function isPaused() external view returns (bool);
    function feeds() external view returns (IFeeds);
    function feeShares() external view returns (Account fund, uint32 fundShare);
}
