// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Account} from "../../types/Account.sol";
import {Principal} from "../../types/Principal.sol";
import {IDelegates} from "../IDelegates.sol";
import {ILedger} from "../ILedger.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {Risk} from "../risk/IRiskEngine.sol";
import {IExchange} from "./IExchange.sol";
import {IMargin} from "./IMargin.sol";
import {IMarkets} from "./IMarkets.sol";
import {Instrument} from "./Instrument.sol";

/// @notice See IExchange.
contract Exchange is IExchange, EIP712, AccessManaged {
    bytes32 private constant ORDER_TYPEHASH = keccak256(
        "Order(bytes32 account,uint256 instrument,int128 amount,uint128 limit,uint128 feeCap,uint40 expiry,uint256 nonce,bool reduceOnly)"
    );
    bytes32 private constant CANCEL_TYPEHASH = keccak256("Cancel(bytes32 account,uint256 nonce)");
    uint32 private constant SHARE_ONE = 1e9;
    uint256 private constant WAD = 1e18;
    /// @dev No price is further from spot than this factor.
    uint256 private constant REASON = 4;
    /// @dev Upper bits of a hash that stay in `Use.tag`.
    uint256 private constant TAG_SHIFT = 136;

    /// @dev What became of a nonce: nothing, parts of its order were filled (see Use), one fill filled the whole of it, it was cancelled.
    enum State {
        Unused,
        InParts,
        Spent,
        Cancelled
    }

    /// @dev What was filled of an order in parts, and the order.
    struct Use {
        uint128 filled;
        uint120 tag;
    }

    /// @dev An account while fills are settled. `before` is taken where its first order is reduce-only.
    struct Trader {
        Account account;
        bool reduces;
        uint256 turnover;
        uint256 fee;
        Risk before;
    }

    /// @dev All accounts of one call, and the spot price that was asked for last.
    struct Traders {
        Trader[] list;
        uint256 count;
        uint16 underlying;
        uint256 spot;
    }

    ILedger public immutable ledger;
    IMarkets public immutable markets;
    IMargin public immutable margin;
    IDelegates public immutable delegates;
    /// @inheritdoc IExchange
    IFeeds public immutable feeds;
    uint8 private immutable _trade;

    /// @inheritdoc IExchange
    bool public isPaused;
    uint32 private _fundShare;
    Account private _fund;
    /// @dev Two bits a nonce, 128 of them a word: most orders cost these instead of a slot.
    mapping(Account account => mapping(uint256 word => uint256 states)) private _states;
    mapping(Account account => mapping(uint256 nonce => Use)) private _uses;

    constructor(
        address authority,
        ILedger ledger_,
        IMarkets markets_,
        IMargin margin_,
        IDelegates delegates_
    ) EIP712("Lockstep Exchange", "1") AccessManaged(authority) {
        ledger = ledger_;
        markets = markets_;
        margin = margin_;
        delegates = delegates_;
        feeds = margin_.feeds();
        _trade = delegates_.TRADE();
    }

    // ---- anyone

    /// @inheritdoc IExchange
    function settle(Fill[] calldata fills, Account matcher, bytes calldata prices) external {
        require(!isPaused, ExchangePaused());
        require(fills.length != 0, FillsEmpty());
        if (prices.length != 0) margin.submit(prices);
        Traders memory traders = Traders(new Trader[](2 * fills.length), 0, 0, 0);
        for (uint256 i = 0; i < fills.length; ++i) _settle(fills[i], traders);
        _payFees(traders, matcher);
        for (uint256 i = 0; i < traders.count; ++i) {
            Trader memory trader = traders.list[i];
            margin.requireTrade(trader.account, trader.reduces, trader.turnover, trader.before);
        }
    }

    /// @inheritdoc IExchange
    function cancelSigned(Account account, uint256 nonce, address signer, bytes calldata signature) external {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CANCEL_TYPEHASH, Account.unwrap(account), nonce)));
        require(delegates.isSignedBy(account, signer, _trade, digest, signature), SignatureInvalid(digest, signer));
        _cancel(account, nonce);
    }

    // ---- owner, or a delegate with TRADE

    /// @inheritdoc IExchange
    function cancel(Account account, uint256 nonce) external {
        require(delegates.mayAct(account, msg.sender, _trade), NotPermitted(Account.unwrap(account), msg.sender));
        _cancel(account, nonce);
    }

    function _cancel(Account account, uint256 nonce) private {
        _setState(account, nonce, State.Cancelled);
        emit Cancelled(Account.unwrap(account), nonce);
    }

    // ---- one fill

    function _settle(Fill calldata fill, Traders memory traders) private {
        Order calldata buy = fill.buy.order;
        Order calldata sell = fill.sell.order;
        (bytes32 buyHash, bytes32 sellHash) = (_hash(buy), _hash(sell));
        require(buy.amount > 0, SideInvalid(buyHash, buy.amount, "above 0 to buy"));
        require(sell.amount < 0, SideInvalid(sellHash, sell.amount, "below 0 to sell"));
        require(buy.instrument == sell.instrument, InstrumentsDiffer(buyHash, sellHash));
        require(fill.price <= buy.limit, PriceOutsideLimit(buyHash, fill.price, buy.limit));
        require(fill.price >= sell.limit, PriceOutsideLimit(sellHash, fill.price, sell.limit));
        require(
            buy.account.owner() != sell.account.owner() || buy.account.home() != sell.account.home(),
            SelfTrade(buyHash, sellHash)
        );
        // CAST: the signs were checked; the least int128 has no opposite in its type, but one here.
        _use(fill.buy, buyHash, uint256(int256(buy.amount)), fill.size, fill.buyFee);
        _use(fill.sell, sellHash, uint256(-int256(sell.amount)), fill.size, fill.sellFee);
        Trader memory buyer = _enter(traders, buy);
        Trader memory seller = _enter(traders, sell);
        (bool buyerReduced, bool sellerReduced) = markets.trade(
            buy.account,
            sell.account,
            buy.instrument,
            fill.size,
            fill.price
        );
        require(!buy.reduceOnly || buyerReduced, NotReduced(buyHash));
        require(!sell.reduceOnly || sellerReduced, NotReduced(sellHash));
        _requireReasonable(buy.instrument, fill.price, traders);
        uint256 turnover = (uint256(fill.size) * fill.price) / WAD;
        buyer.turnover += turnover;
        seller.turnover += turnover;
        buyer.fee += fill.buyFee;
        seller.fee += fill.sellFee;
        emit Filled(buyHash, sellHash, buy.instrument, fill.size, fill.price, fill.buyFee, fill.sellFee);
    }

    /// @dev Two legs at absurd prices cancel in equity and still leave amounts no field, interest or auction is made for: each price is bounded
    ///      by itself. The last spot of any grade does for that. While none is known, whatever positions are worth, any trade looks fair.
    function _requireReasonable(uint256 instrument, uint128 price, Traders memory traders) private view {
        uint16 underlying = Instrument.underlying(instrument);
        if (traders.underlying != underlying)
            (traders.underlying, traders.spot) = (underlying, feeds.quoteOf(underlying, false).spot);
        uint256 spot = traders.spot;
        require(spot != 0, SpotUnknown(underlying));
        uint256 least = Instrument.isPerpetual(instrument) ? spot / REASON : 0;
        uint256 most = Instrument.isPut(instrument) ? Instrument.strike(instrument) : spot * REASON;
        require(price >= least && price <= most, PriceUnreasonable(instrument, price, least, most));
    }

    /// @dev Takes `size` off what the order still allows, at a fee it allows.
    /// @param amount of the order, without its sign
    function _use(SignedOrder calldata signed, bytes32 hash, uint256 amount, uint128 size, uint128 fee) private {
        Order calldata order = signed.order;
        require(size != 0, SizeZero(hash));
        require(block.timestamp <= order.expiry, OrderExpired(hash, order.expiry, block.timestamp));
        uint256 cap = (uint256(order.feeCap) * size) / amount;
        require(fee <= cap, FeeAboveCap(hash, fee, cap));
        State state = _stateOf(order.account, order.nonce);
        require(state != State.Cancelled, OrderCancelled(hash));
        require(state != State.Spent, NonceSpent(hash, order.nonce));
        // CAST: the upper 120 bits.
        Use memory used = Use(0, uint120(uint256(hash) >> TAG_SHIFT));
        if (state == State.InParts) {
            used = _uses[order.account][order.nonce];
            require(used.tag == uint256(hash) >> TAG_SHIFT, NonceTaken(hash, order.nonce));
        }
        uint256 filled = uint256(used.filled) + size;
        require(filled <= amount, OverFilled(hash, used.filled, size, amount));
        require(_isSigned(signed, hash), SignatureInvalid(hash, signed.signer));
        if (size == amount) return _setState(order.account, order.nonce, State.Spent);
        if (state == State.Unused) _setState(order.account, order.nonce, State.InParts);
        // CAST: at most the amount, which has 128 bits.
        used.filled = uint128(filled);
        _uses[order.account][order.nonce] = used;
    }

    /// @dev An owner's key is known by the account alone, without a call; anybody else is the delegates' question.
    function _isSigned(SignedOrder calldata signed, bytes32 hash) private view returns (bool) {
        Account account = signed.order.account;
        address signer = signed.signer;
        if (account.home() == 0 && signer == account.owner() && Principal.isSignedBy(signer, hash, signed.signature))
            return true;
        return delegates.isSignedBy(account, signer, _trade, hash, signed.signature);
    }

    function _stateOf(Account account, uint256 nonce) private view returns (State) {
        // CAST: two bits.
        return State(uint8((_states[account][nonce >> 7] >> ((nonce & 127) << 1)) & 3));
    }

    /// @dev Sets bits: InParts is never followed by Spent, whose fill is the first and the whole; anything may be followed by Cancelled, both bits.
    function _setState(Account account, uint256 nonce, State state) private {
        _states[account][nonce >> 7] |= uint256(state) << ((nonce & 127) << 1);
    }

    /// @dev The order's account among those of this call; its risk before its first order, if that is reduce-only.
    function _enter(Traders memory traders, Order calldata order) private view returns (Trader memory trader) {
        for (uint256 i = 0; i < traders.count; ++i) {
            trader = traders.list[i];
            if (Account.unwrap(trader.account) != Account.unwrap(order.account)) continue;
            trader.reduces = trader.reduces && order.reduceOnly;
            return trader;
        }
        trader = traders.list[traders.count++];
        trader.account = order.account;
        if (!order.reduceOnly) return trader;
        trader.reduces = true;
        trader.before = margin.riskOf(order.account);
    }

    /// @dev Takes every trader's fee; the fund's share is rounded in its favour.
    function _payFees(Traders memory traders, Account matcher) private {
        uint256 total;
        for (uint256 i = 0; i < traders.count; ++i) {
            Trader memory trader = traders.list[i];
            if (trader.fee == 0) continue;
            total += trader.fee;
            // CAST: a sum of 128-bit fees.
            ledger.changeCash(trader.account, -int256(trader.fee));
        }
        if (total == 0) return;
        uint256 toFund = (total * _fundShare + SHARE_ONE - 1) / SHARE_ONE;
        uint256 toMatcher = total - toFund;
        if (toFund != 0) ledger.changeCash(_fund, int256(toFund));
        if (toMatcher != 0) {
            require(matcher.owner() != address(0), NotPermitted(Account.unwrap(matcher), msg.sender));
            ledger.changeCash(matcher, int256(toMatcher));
        }
        emit FeesPaid(Account.unwrap(matcher), toMatcher, toFund);
    }

    // ---- guardian, governance

    /// @inheritdoc IExchange
    function pause() external restricted {
        isPaused = true;
        emit Paused(true);
    }

    /// @inheritdoc IExchange
    function unpause() external restricted {
        isPaused = false;
        emit Paused(false);
    }

    /// @inheritdoc IExchange
    function setFeeShares(Account fund, uint32 fundShare) external restricted {
        uint32 most = fund.owner() == address(0) ? 0 : SHARE_ONE;
        require(fundShare <= most, FundShareInvalid(fundShare, most));
        (_fund, _fundShare) = (fund, fundShare);
        emit FeeSharesSet(Account.unwrap(fund), fundShare);
    }

    // ---- views

    /// @inheritdoc IExchange
    function hashOf(Order calldata order) external view returns (bytes32) {
        return _hash(order);
    }

    /// @inheritdoc IExchange
    function statusOf(
        Account account,
        uint256 nonce
    ) external view returns (uint128 filled, bool isCancelled, uint120 tag, bool isSpent) {
        State state = _stateOf(account, nonce);
        Use memory used = _uses[account][nonce];
        return (used.filled, state == State.Cancelled, used.tag, state == State.Spent);
    }

    /// @inheritdoc IExchange
    function feeShares() external view returns (Account fund, uint32 fundShare) {
        return (_fund, _fundShare);
    }

    function _hash(Order calldata order) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ORDER_TYPEHASH, order)));
    }
}
