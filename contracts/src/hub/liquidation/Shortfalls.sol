// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Account} from "../../types/Account.sol";
import {IWithdrawals} from "../IWithdrawals.sol";
import {ICollateralRules} from "../risk/ICollateralRules.sol";
import {Risk} from "../risk/IRiskEngine.sol";
import {Auctioneer} from "./Auctioneer.sol";
import {AuctionMath, AuctionTerms} from "./AuctionMath.sol";
import {ILiquidation} from "./ILiquidation.sol";
import {IShortfalls} from "./IShortfalls.sol";
import {SaleOrder} from "./SaleOrder.sol";

/// @notice See IShortfalls. A module of the ledger and an auctioneer of the handover.
contract Shortfalls is IShortfalls, Auctioneer {
    using Math for uint256;

    uint256 private constant ONE = 1e18;
    /// @dev Its ids and ILiquidation's name records in the same place.
    uint64 private constant FIRST_ID = 1 << 63;

    /// @inheritdoc IShortfalls
    ILiquidation public immutable liquidation;
    /// @inheritdoc IShortfalls
    ICollateralRules public immutable collateralRules;

    uint8 private immutable _withdraw;

    uint64 private _count;
    ShortfallTerms private _terms;
    mapping(Account account => Shortfall) private _shortfalls;

    constructor(
        address authority,
        ILiquidation liquidation_,
        ICollateralRules rules
    )
        Auctioneer(
            authority,
            liquidation_.ledger(),
            liquidation_.margin(),
            liquidation_.handover(),
            liquidation_.priceTimes()
        )
    {
        (liquidation, collateralRules) = (liquidation_, rules);
        _withdraw = _delegates.WITHDRAW();
        _setTerms(ShortfallTerms(1_000_000e18, 0.5e18));
    }

    // ---- anyone

    /// @inheritdoc IShortfalls
    function start(Account account, bytes calldata prices) external returns (uint64 id) {
        Shortfall storage shortfall = _shortfalls[account];
        require(shortfall.id == 0, ShortfallOpen(Account.unwrap(account), shortfall.id));
        uint256 debt = _debtOf(account);
        require(debt > _terms.limit, DebtWithinLimit(Account.unwrap(account), debt, _terms.limit));
        _renew(account, prices);
        _requireOurs(account);
        id = FIRST_ID + ++_count;
        // CAST: seconds.
        _shortfalls[account] = Shortfall(id, uint40(block.timestamp));
        emit ShortfallStarted(id, Account.unwrap(account), debt, _terms.limit);
    }

    /// @inheritdoc IShortfalls
    function end(Account account, bytes calldata prices) external {
        _open(account);
        uint256 debt = _debtOf(account);
        if (liquidation.auctionOf(account).id == 0) {
            _renew(account, prices);
            (Risk memory risk, uint256 dust) = _valued(account);
            require(!_isHealthy(risk, dust) || debt <= goal(), DebtAboveGoal(Account.unwrap(account), debt, goal()));
        }
        _close(account, debt);
    }

    // ---- bidders

    /// @inheritdoc IShortfalls
    function bid(
        Account account,
        Account bidder,
        uint64 share,
        uint256 priceLimit,
        bytes calldata prices
    ) external returns (uint256 taken, uint256 price) {
        return _bid(account, bidder, share, priceLimit, prices);
    }

    /// @inheritdoc IShortfalls
    function bidAndWithdraw(
        Account account,
        Account bidder,
        uint64 share,
        uint256 priceLimit,
        IWithdrawals.Leg[] calldata legs,
        bytes calldata prices
    ) external returns (uint256 taken, uint256 price, uint64 firstClaim) {
        require(_delegates.mayAct(bidder, msg.sender, _withdraw), NotPermitted(Account.unwrap(bidder), msg.sender));
        uint64 id = _open(account).id;
        (taken, price) = _bid(account, bidder, share, priceLimit, prices);
        firstClaim = liquidation.withdrawals().request(bidder, legs, "");
        handover.routed(id, bidder, firstClaim, legs.length);
    }

    function _bid(
        Account account,
        Account bidder,
        uint64 share,
        uint256 priceLimit,
        bytes calldata prices
    ) private returns (uint256 taken, uint256 price) {
        _requireBid(account, bidder, share, liquidation.auctionOf(bidder).id != 0);
        Shortfall memory shortfall = _open(account);
        require(block.timestamp > shortfall.startedAt, TooEarly(uint256(shortfall.startedAt) + 1, block.timestamp));
        _renew(account, prices);
        _requireOurs(account);
        ICollateralRules.Offer[] memory offers = _offersOf(account);
        uint256 value = SaleOrder.valueOf(offers);
        (taken, price) = _price(account, value, share, block.timestamp - shortfall.startedAt);
        require(price <= priceLimit, PriceAboveLimit(price, priceLimit));
        (uint16[] memory assetIds, uint128[] memory amounts) = SaleOrder.take(offers, value.mulDiv(taken, ONE));
        handover.give(shortfall.id, account, bidder, assetIds, amounts);
        _pay(shortfall.id, account, bidder, taken, price);
        _requireOurs(account);
        _requireInitial(bidder);
        uint256 debt = _debtOf(account);
        if (debt <= goal()) _close(account, debt);
    }

    /// @dev share · value · discount, rounded up; no more of it than leaves the account owing the goal, rounded up.
    function _price(
        Account account,
        uint256 value,
        uint64 share,
        uint256 age
    ) private view returns (uint256 taken, uint256 price) {
        uint256 debt = _debtOf(account);
        uint256 least = goal();
        require(debt > least, DebtWithinLimit(Account.unwrap(account), debt, least));
        AuctionTerms memory terms = liquidation.termsOf();
        // Its owner can pay in full: nothing is sold below where the fast leg ends.
        // CAST: not negative.
        uint256 discount = uint256(AuctionMath.discountAt(terms, Math.min(age, terms.fastSeconds)));
        uint256 whole = value.mulDiv(discount, ONE);
        // What the fee takes of the price does not pay the debt.
        uint256 paying = whole - whole.mulDiv(terms.feeLeast, ONE);
        require(paying != 0, CollateralWorthless(Account.unwrap(account)));
        taken = Math.min(share, (debt - least).mulDiv(ONE, paying, Math.Rounding.Ceil));
        price = whole.mulDiv(taken, ONE, Math.Rounding.Ceil);
    }

    function _pay(uint64 id, Account account, Account bidder, uint256 taken, uint256 price) private {
        uint256 fee = price.mulDiv(liquidation.termsOf().feeLeast, ONE);
        // CAST: values of collateral are below 2^127.
        ledger.moveCash(bidder, account, int256(price - fee));
        ledger.moveCash(bidder, liquidation.fund().account(), int256(fee));
        emit ShortfallBidTaken(id, Account.unwrap(account), Account.unwrap(bidder), taken, price, fee);
    }

    // ---- governance

    /// @inheritdoc IShortfalls
    function setTerms(ShortfallTerms calldata terms) external restricted {
        _setTerms(terms);
    }

    function _setTerms(ShortfallTerms memory terms) private {
        require(terms.limit != 0, TermsInvalid("limit above 0"));
        require(terms.restore <= ONE, TermsInvalid("restore <= 1"));
        _terms = terms;
        emit ShortfallTermsSet(terms);
    }

    // ---- views

    /// @inheritdoc IShortfalls
    function shortfallOf(Account account) external view returns (Shortfall memory) {
        return _shortfalls[account];
    }

    /// @inheritdoc IShortfalls
    function termsOf() external view returns (ShortfallTerms memory) {
        return _terms;
    }

    /// @inheritdoc IShortfalls
    function goal() public view returns (uint256) {
        return uint256(_terms.limit).mulDiv(_terms.restore, ONE);
    }

    // ---- inner

    function _open(Account account) private view returns (Shortfall memory shortfall) {
        shortfall = _shortfalls[account];
        require(shortfall.id != 0, ShortfallNotOpen(Account.unwrap(account)));
    }

    function _close(Account account, uint256 debt) private {
        emit ShortfallEnded(_shortfalls[account].id, Account.unwrap(account), debt);
        delete _shortfalls[account];
    }

    function _debtOf(Account account) private view returns (uint256) {
        int256 cash = ledger.cashOf(account);
        // CAST: above 0.
        return cash < 0 ? uint256(-cash) : 0;
    }

    function _offersOf(Account account) private view returns (ICollateralRules.Offer[] memory) {
        (, uint256[] memory words) = ledger.packedBookOf(account);
        return collateralRules.offersOf(words);
    }

    /// @dev Not ILiquidation's.
    function _requireOurs(Account account) private view {
        uint64 id = liquidation.auctionOf(account).id;
        require(id == 0, InLiquidation(Account.unwrap(account), id));
        (Risk memory risk, uint256 dust) = _valued(account);
        require(_isHealthy(risk, dust), BelowMaintenance(Account.unwrap(account), risk.equity, risk.maintenanceMargin));
    }

    /// @dev Without what no usable price values, too.
    function _isHealthy(Risk memory risk, uint256 dust) private pure returns (bool) {
        // CAST: dust is a part of a margin.
        return risk.equity - int256(dust) >= int256(risk.maintenanceMargin);
    }
}
