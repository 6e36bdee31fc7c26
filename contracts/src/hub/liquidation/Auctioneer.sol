// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Account} from "../../types/Account.sol";
import {IDelegates} from "../IDelegates.sol";
import {ILedger} from "../ILedger.sol";
import {IMargin} from "../markets/IMargin.sol";
import {IMarkets} from "../markets/IMarkets.sol";
import {Grade} from "../risk/FeedGrade.sol";
import {Holdings} from "../risk/Holdings.sol";
import {IRiskEngine, Risk} from "../risk/IRiskEngine.sol";
import {IAuctioneer} from "./IAuctioneer.sol";
import {IHandover} from "./IHandover.sol";
import {ILiquidation} from "./ILiquidation.sol";
import {IPriceTimes} from "./IPriceTimes.sol";

/// @notice How auctions value an account, and whom they let bid. IShortfalls names the same errors.
/// @dev Grades: of all an account holds the worst one decides, so dust of each asset would keep everything safe whenever one price cannot be used.
///      What is priced from such values alone, and comes to a hundredth of the maintenance margin of all else at the very most
///      (IPriceTimes.pricedPart), does not count for the grade; but the account must be below even if it were worth that much more, and a
///      bidder above even without it.
abstract contract Auctioneer is IAuctioneer, AccessManaged {
    uint256 private constant DUST_DIVISOR = 100;

    /// @inheritdoc IAuctioneer
    ILedger public immutable ledger;
    /// @inheritdoc IAuctioneer
    IMargin public immutable margin;
    /// @inheritdoc IAuctioneer
    IHandover public immutable handover;
    /// @inheritdoc IAuctioneer
    IPriceTimes public immutable priceTimes;
    IMarkets internal immutable _markets;
    IDelegates internal immutable _delegates;
    uint8 private immutable _trade;

    constructor(
        address authority,
        ILedger ledger_,
        IMargin margin_,
        IHandover handover_,
        IPriceTimes priceTimes_
    ) AccessManaged(authority) {
        (ledger, margin, handover, priceTimes) = (ledger_, margin_, handover_, priceTimes_);
        _markets = margin_.markets();
        _delegates = margin_.delegates();
        _trade = _delegates.TRADE();
    }

    /// @dev Before an account is valued: after what was written down, at prices that may be newer.
    function _renew(Account account, bytes calldata prices) internal {
        // Asked here: mostly there is nothing to turn and nothing to submit, and no other contract is needed.
        if (ledger.anyWrittenDown()) handover.settleWrittenDown(account);
        if (prices.length != 0) margin.submit(prices);
    }

    /// @return risk of all it holds
    /// @return dust what is left out of the grade, 18 decimals
    function _valued(Account account) internal view returns (Risk memory risk, uint256 dust) {
        risk = margin.riskOf(account);
        if (risk.grade > Grade.Aged) dust = _grade(account, risk, _markets.holdingsOf(account));
    }

    /// @dev Values holdings at the feeds of this block, in the mode they say.
    function _riskOf(uint256[] memory holdings) internal view returns (Risk memory) {
        return _engineOf(holdings[0]).riskOf(holdings);
    }

    /// @param head of holdings
    function _engineOf(uint256 head) internal view returns (IRiskEngine) {
        return margin.riskEngineOf(IMarkets.Mode(Holdings.mode(head)));
    }

    /// @dev Sees to the grade of a value that is not usable as it stands: without dust it may be.
    /// @return dust what is left out, 18 decimals
    function _grade(Account account, Risk memory risk, uint256[] memory holdings) internal view returns (uint256 dust) {
        if (risk.grade <= Grade.Aged) return 0;
        uint256[] memory kept;
        (kept, dust) = priceTimes.pricedPart(holdings);
        Risk memory rest = _riskOf(kept);
        require(
            rest.grade <= Grade.Aged && dust * DUST_DIVISOR <= rest.maintenanceMargin,
            ILiquidation.PricesUnusable(Account.unwrap(account), risk.grade)
        );
        (risk.grade, risk.oldest) = (Grade.Aged, rest.oldest);
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
        (Risk memory risk, uint256 dust) = _valued(bidder);
        // CAST: dust is a part of a margin.
        require(
            risk.equity - int256(dust) >= int256(risk.initialMargin),
            ILiquidation.BidderBelowInitialMargin(Account.unwrap(bidder), risk.equity, risk.initialMargin)
        );
    }
}
