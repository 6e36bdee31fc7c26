// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {IWithdrawals} from "../IWithdrawals.sol";
import {Grade} from "../risk/FeedGrade.sol";
import {Risk} from "../risk/IRiskEngine.sol";
import {Wad} from "../risk/Wad.sol";
import {Auctions} from "./Auctions.sol";
import {AuctionMath, AuctionTerms, Health} from "./AuctionMath.sol";
import {IDeficitSink} from "./IDeficitSink.sol";
import {ILiquidation} from "./ILiquidation.sol";
import {TermsCodec, TermsWords} from "./TermsWords.sol";

/// @notice See ILiquidation. This part takes bids.
/// @dev Needs no lock: it calls the hub's own contracts alone, and none of them calls out.
contract Liquidation is Auctions {
    using TermsCodec for TermsWords;

    /// @dev A millionth of a cash unit: what units of balances and sizes, and quotes by size, may keep from a share of everything.
    int256 private constant ROUNDINGS = 1e12;
    /// @dev Options in sizes beyond what lanes hold are valued in many lots at once (OptionLanes): two valuations may differ by this part of the
    ///      maintenance margin though nothing is amiss. What moves is exact and rounded against the bidder (Markets.transferSlice).
    int256 private constant COARSE_DIVISOR = 100_000;

    /// @inheritdoc ILiquidation
    IWithdrawals public immutable withdrawals;
    uint8 private immutable _withdraw;

    /// @dev A bid while it is taken.
    /// @param stepTaken of the running step once it is taken
    /// @param remains  what the account keeps, at the least, of what is for sale or of what is missing
    /// @param restores it takes all that leads to the target
    struct Taking {
        uint256 share;
        uint32 stepTaken;
        int256 price;
        int256 before;
        int256 remains;
        bool solvent;
        bool restores;
    }

    constructor(address authority, Links memory links) Auctions(authority, links) {
        withdrawals = links.withdrawals;
        _withdraw = _delegates.WITHDRAW();
    }

    /// @inheritdoc ILiquidation
    function bid(Bid calldata wanted, bytes calldata prices) external returns (uint256 share, int256 price) {
        return _bid(wanted, prices);
    }

    /// @inheritdoc ILiquidation
    function bidAndWithdraw(
        Bid calldata wanted,
        IWithdrawals.Leg[] calldata legs,
        bytes calldata prices
    ) external returns (uint256 share, int256 price, uint64 firstClaim) {
        require(
            _delegates.mayAct(wanted.bidder, msg.sender, _withdraw),
            NotPermitted(Account.unwrap(wanted.bidder), msg.sender)
        );
        uint64 id = _open(wanted.account).id;
        (share, price) = _bid(wanted, prices);
        firstClaim = withdrawals.request(wanted.bidder, legs, "");
        handover.routed(id, wanted.bidder, firstClaim, legs.length);
    }

    function _bid(Bid calldata wanted, bytes calldata prices) private returns (uint256, int256) {
        (Account account, Account bidder) = (wanted.account, wanted.bidder);
        _requireBid(account, bidder, wanted.share, _auctions[bidder].id != 0);
        Auction storage auction = _open(account);
        Risk memory risk = _appraise(account, prices);
        Health memory health = _health(risk, auction.reserve);
        require(
            health.equity < health.margin,
            HealthyAccount(Account.unwrap(account), risk.equity, risk.maintenanceMargin)
        );
        AuctionTerms memory terms = _terms.all();
        _follow(account, auction, health, AuctionMath.target(terms, health.margin));
        Taking memory taking = _price(terms, auction, health, risk.grade, wanted);
        // CAST: seconds.
        auction.lastBidAt = uint40(block.timestamp);
        auction.stepTaken = taking.stepTaken;
        // CAST: the share is at most 1e18.
        int256 cash = handover.slice(
            auction.id,
            account,
            bidder,
            uint64(taking.share),
            int256(uint256(auction.reserve))
        );
        emit BidTaken(auction.id, Account.unwrap(account), Account.unwrap(bidder), taking.share, taking.price, cash);
        _settle(auction, account, bidder, taking);
        _check(terms, auction, account, bidder, taking);
        return (taking.share, taking.price);
    }

    /// @dev How much is taken, and what it costs.
    function _price(
        AuctionTerms memory terms,
        Auction storage auction,
        Health memory health,
        Grade grade,
        Bid calldata wanted
    ) private view returns (Taking memory taking) {
        bool stepped = grade != Grade.Fresh;
        // A start can be undone before the first bid.
        require(block.timestamp > auction.openedAt, CoolOff(uint256(auction.openedAt) + 1, block.timestamp));
        int256 discount = AuctionMath.discountAt(terms, block.timestamp - auction.startedAt);
        int256 most = AuctionMath.shareLimit(terms, health, discount, stepped);
        int256 left = AuctionMath.stepLeft(terms, auction.stepTaken, block.timestamp - auction.lastBidAt);
        if (AuctionMath.inSteps(terms, health.margin, stepped)) {
            require(left != 0, CoolOff(block.timestamp + 1, block.timestamp));
            most = Wad.min(most, left);
        }
        // CAST: at most 1e18, above 0: the account is below its target.
        int256 share = Wad.min(int256(uint256(wanted.share)), most);
        taking.share = uint256(share);
        taking.stepTaken = AuctionMath.stepTaken(terms, left, share);
        taking.before = health.equity - health.margin;
        taking.remains = Wad.floorDiv((health.equity - health.reserve) * (Wad.ONE - share), Wad.ONE);
        taking.remains -= ROUNDINGS + health.margin / COARSE_DIVISOR;
        taking.solvent = AuctionMath.isSolvent(health);
        taking.restores = taking.solvent && share >= AuctionMath.maxFraction(terms, health, discount);
        taking.price =
            taking.solvent
                ? AuctionMath.bidPrice(health, share, discount)
                : -AuctionMath.payout(terms, health, share, block.timestamp - auction.insolventSince);
        require(taking.price <= wanted.priceLimit, PriceAboveLimit(taking.price, wanted.priceLimit));
    }

    /// @dev Cash for the share: from the bidder, or to him by the waterfall.
    function _settle(Auction storage auction, Account account, Account bidder, Taking memory taking) private {
        if (taking.solvent) {
            _moveCash(bidder, account, taking.price);
            // CAST: a part of the equity.
            auction.reserve += uint128(uint256(taking.price));
            return;
        }
        int256 amount = -taking.price;
        uint16 market = auction.market;
        (int256 own, , ) = AuctionMath.waterfall(amount, int256(uint256(auction.reserve)), 0);
        // CAST: at most the reserve.
        auction.reserve -= uint128(uint256(own));
        _moveCash(account, bidder, own);
        uint256 rest = uint256(amount - own);
        uint256 paid = rest == 0 ? 0 : fund.pay(bidder, market, rest);
        if (paid < rest) {
            _moveCash(deficitAccount(market), bidder, int256(rest - paid));
            IDeficitSink sink = deficitSink;
            if (address(sink) != address(0)) sink.reportDeficit(market, rest - paid);
        }
        emit InsolventPaid(auction.id, market, uint256(own), paid, rest - paid);
    }

    /// @dev INV-LIQ-2 for the account, initial margin for the bidder; then the auction follows what the account has become.
    function _check(
        AuctionTerms memory terms,
        Auction storage auction,
        Account account,
        Account bidder,
        Taking memory taking
    ) private {
        (Risk memory risk, ) = _valued(account);
        Health memory health = _health(risk, auction.reserve);
        int256 afterwards = health.equity - health.margin;
        require(
            !taking.solvent || afterwards >= taking.before,
            HealthFell(Account.unwrap(account), taking.before, afterwards)
        );
        int256 remaining = health.equity - health.reserve;
        require(remaining >= taking.remains, ShareNotTaken(Account.unwrap(account), taking.remains, remaining));
        _requireInitial(bidder);
        // What truncation leaves short of the target does not keep an auction open whose last bid took all that leads there.
        int256 enough = taking.restores ? health.margin : AuctionMath.target(terms, health.margin);
        _follow(account, auction, health, enough);
    }
}
