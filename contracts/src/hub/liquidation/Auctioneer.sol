// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Account} from "../../types/Account.sol";
import {IDelegates} from "../IDelegates.sol";
import {ILedger} from "../ILedger.sol";
import {IMargin} from "../markets/IMargin.sol";
import {Grade} from "../risk/FeedGrade.sol";
import {Risk} from "../risk/IRiskEngine.sol";
import {IAuctioneer} from "./IAuctioneer.sol";
import {IHandover} from "./IHandover.sol";
import {ILiquidation} from "./ILiquidation.sol";

/// @notice How auctions value an account, and whom they let bid. IShortfalls names the same errors.
abstract contract Auctioneer is IAuctioneer, AccessManaged {
    /// @inheritdoc IAuctioneer
    ILedger public immutable ledger;
    /// @inheritdoc IAuctioneer
    IMargin public immutable margin;
    /// @inheritdoc IAuctioneer
    IHandover public immutable handover;
    IDelegates internal immutable _delegates;
    uint8 private immutable _trade;

    constructor(address authority, ILedger ledger_, IMargin margin_, IHandover handover_) AccessManaged(authority) {
        (ledger, margin, handover) = (ledger_, margin_, handover_);
        _delegates = margin_.delegates();
        _trade = _delegates.TRADE();
    }

    /// @dev What it is by now: after what was written down, at prices that may be newer.
    function _appraise(Account account, bytes calldata prices) internal returns (Risk memory) {
        handover.settleWrittenDown(account);
        margin.submit(prices);
        return _usable(account);
    }

    function _usable(Account account) internal view returns (Risk memory risk) {
        risk = margin.riskOf(account);
        require(risk.grade <= Grade.Aged, ILiquidation.PricesUnusable(Account.unwrap(account), risk.grade));
    }

    /// @param inAuction the bidder's own things are being sold
    function _requireBid(Account account, Account bidder, uint256 share, bool inAuction) internal view {
        require(
            _delegates.mayAct(bidder, msg.sender, _trade),
            ILiquidation.NotPermitted(Account.unwrap(bidder), msg.sender)
        );
        require(
            Account.unwrap(account) != Account.unwrap(bidder) && !inAuction,
            ILiquidation.BidderInvalid(Account.unwrap(bidder))
        );
        require(share != 0 && share <= 1e18, ILiquidation.ShareInvalid(share));
    }

    /// @dev Who took something ends at initial margin.
    function _requireInitial(Account bidder) internal view {
        Risk memory risk = _usable(bidder);
        require(
            risk.equity >= int256(risk.initialMargin),
            ILiquidation.BidderBelowInitialMargin(Account.unwrap(bidder), risk.equity, risk.initialMargin)
        );
    }
}
