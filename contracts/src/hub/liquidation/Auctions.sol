// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account, AccountLib} from "../../types/Account.sol";
import {Grade} from "../risk/FeedGrade.sol";
import {ICollateralRules} from "../risk/ICollateralRules.sol";
import {Question} from "../markets/Question.sol";
import {Risk} from "../risk/IRiskEngine.sol";
import {Wad} from "../risk/Wad.sol";
import {Auctioneer} from "./Auctioneer.sol";
import {AuctionMath, AuctionTerms, Health} from "./AuctionMath.sol";
import {IDeficitSink} from "./IDeficitSink.sol";
import {IFund} from "./IFund.sol";
import {ILiquidation} from "./ILiquidation.sol";
import {IRoutes} from "./IRoutes.sol";
import {TermsCodec, TermsWords} from "./TermsWords.sol";

/// @notice When auctions start, rest, change legs and end. What bids do is Liquidation's.
/// @dev Money of accounts is below 2^127: engines sum fields of at most 128 bits.
abstract contract Auctions is ILiquidation, Auctioneer {
    using TermsCodec for TermsWords;

    uint64 private constant ONE = 1e18;
    uint64 private constant DEFICITS = 1 << 32;
    /// @dev Prices dated up to this long after a start may undo it, seconds. Not only earlier ones: who starts with an old price could hand in a
    ///      later one at once, after which no earlier one is taken any more.
    uint40 private constant UNDO_SECONDS = 60;

    /// @inheritdoc ILiquidation
    IFund public immutable fund;
    ICollateralRules private immutable _rules;
    uint32 private immutable _hubEid;

    /// @inheritdoc ILiquidation
    IRoutes public routes;
    /// @inheritdoc ILiquidation
    /// @dev In the slot of the routes, as the next: a start reads all three.
    uint64 public auctionCount;
    /// @inheritdoc ILiquidation
    uint32 public graceUntil;
    /// @inheritdoc ILiquidation
    IDeficitSink public deficitSink;
    TermsWords internal _terms;
    mapping(Account account => Auction) internal _auctions;
    /// @dev When the last grace of an owner, on his home, began that a chain's state gave him, seconds: what moves between his accounts gives no
    ///      other.
    mapping(Account account => uint40) private _graces;

    constructor(
        address authority,
        Links memory links
    ) Auctioneer(authority, links.ledger, links.margin, links.handover, links.priceTimes) {
        fund = links.fund;
        _rules = links.priceTimes.collateralRules();
        _hubEid = links.ledger.hubEid();
        _setTerms(
            AuctionTerms({
                fastFrom: 0.95e18,
                fastTo: 0.7e18,
                buffer: 0.15e18,
                feeLeast: 0.01e18,
                feeMost: 0.1e18,
                feeFullBreach: 0.5e18,
                stepShare: 0.2e18,
                fastSeconds: 900,
                slowSeconds: 43_200,
                resumeSeconds: 1800,
                insolventSeconds: 3600,
                coolOff: 30,
                smallMargin: 1000e18,
                largeMargin: 100_000e18
            })
        );
    }

    // ---- anyone

    /// @inheritdoc ILiquidation
    function start(Account account, bytes calldata prices) external returns (uint64 id) {
        require(account.owner() != address(this), AccountInvalid(Account.unwrap(account)));
        Auction storage auction = _auctions[account];
        require(auction.id == 0, AuctionOpen(Account.unwrap(account), auction.id));
        _renew(account, prices);
        (bytes memory question, uint256[] memory holdings) = Question.about(_markets, account);
        Risk memory risk = Question.answer(_engineOf(holdings[0]), question);
        _requireBelow(account, risk, _grade(account, risk, holdings));
        Health memory health = _health(risk, 0);
        require(
            health.equity < health.margin,
            HealthyAccount(Account.unwrap(account), risk.equity, risk.maintenanceMargin)
        );
        AuctionTerms memory terms = _terms.openingOf();
        uint256 since = block.timestamp - auction.openedAt;
        bool resumes = since <= terms.resumeSeconds;
        // What nobody could top up in time has no equity to lose by waiting, or has waited before.
        if (!resumes && health.equity > 0 && _beginsGrace(account, health)) return 0;
        id = ++auctionCount;
        uint256 age = AuctionMath.resumedAge(terms, auction.openedAt - auction.startedAt, since);
        // One that goes on has paid.
        int256 fee = resumes ? int256(0) : AuctionMath.startFee(terms, health, AuctionMath.discountAt(terms, age));
        fee = Wad.min(fee, int256(uint256(type(uint96).max)));
        _write(auction, id, age, risk.oldest, uint256(fee), _hash(holdings));
        _moveCash(account, escrow(), fee);
        emit AuctionStarted(id, Account.unwrap(account), risk.equity, risk.maintenanceMargin, uint256(fee), age);
        _emitStartedWith(id, question);
        health.equity -= fee;
        _follow(account, auction, health, AuctionMath.target(terms, health.margin));
    }

    /// @inheritdoc ILiquidation
    function undo(Account account, uint256[] calldata holdings, bytes calldata prices) external {
        Auction storage auction = _open(account);
        bytes20 books = _hash(holdings);
        require(books == auction.books, BooksInvalid(Account.unwrap(account), books, auction.books));
        margin.submit(prices);
        Risk memory risk = _riskOf(holdings);
        require(risk.grade <= Grade.Aged, PricesUnusable(Account.unwrap(account), risk.grade));
        require(
            risk.oldest > auction.startOldest,
            UndoInvalid(Account.unwrap(account), risk.oldest, "prices newer than those of the start")
        );
        uint40 newest = priceTimes.newestOf(holdings);
        require(
            newest <= auction.openedAt + UNDO_SECONDS,
            UndoInvalid(Account.unwrap(account), newest, "prices dated within a minute of the start")
        );
        require(
            risk.equity >= int256(risk.maintenanceMargin),
            UndoInvalid(Account.unwrap(account), newest, "an account at or above maintenance margin")
        );
        _close(account, auction, account, true);
    }

    /// @inheritdoc ILiquidation
    function touch(Account account, bytes calldata prices) external returns (bool ended) {
        (ended, ) = _touch(account, prices);
    }

    /// @inheritdoc ILiquidation
    function end(Account account, bytes calldata prices) external {
        (bool ended, Health memory health) = _touch(account, prices);
        require(
            ended,
            BelowTarget(
                Account.unwrap(account),
                health.equity,
                uint256(AuctionMath.target(_terms.openingOf(), health.margin))
            )
        );
    }

    /// @inheritdoc ILiquidation
    function cover(uint16 market) external returns (uint256 paid) {
        Account debtor = deficitAccount(market);
        int256 cash = ledger.cashOf(debtor);
        if (cash >= 0) return 0;
        // CAST: above 0.
        paid = fund.pay(debtor, market, uint256(-cash));
        if (paid != 0) emit DeficitCovered(market, paid);
    }

    // ---- governance

    /// @inheritdoc ILiquidation
    function setTerms(AuctionTerms calldata terms) external restricted {
        _setTerms(terms);
    }

    /// @inheritdoc ILiquidation
    function setDeficitSink(IDeficitSink deficitSink_) external restricted {
        deficitSink = deficitSink_;
        emit DeficitSinkSet(deficitSink_);
    }

    /// @inheritdoc ILiquidation
    function setRoutes(IRoutes routes_) external restricted {
        (routes, graceUntil) = (routes_, 0);
        emit RoutesSet(routes_);
        if (address(routes_) != address(0)) routes_.inform();
    }

    // ---- the routes

    /// @inheritdoc ILiquidation
    function reportOutage(uint32 graceUntil_) external {
        require(msg.sender == address(routes), NotRoutes(msg.sender));
        graceUntil = graceUntil_;
    }

    function _setTerms(AuctionTerms memory terms) private {
        require(terms.fastTo <= terms.fastFrom && terms.fastFrom <= ONE, TermsInvalid("fastTo <= fastFrom <= 1"));
        require(
            terms.feeLeast <= terms.feeMost && terms.feeMost <= ONE / 4,
            TermsInvalid("feeLeast <= feeMost <= 0.25")
        );
        require(terms.feeFullBreach != 0 && terms.feeFullBreach <= ONE, TermsInvalid("0 < feeFullBreach <= 1"));
        require(terms.stepShare != 0 && terms.stepShare <= ONE, TermsInvalid("0 < stepShare <= 1"));
        require(terms.buffer <= ONE, TermsInvalid("buffer <= 1"));
        require(
            terms.fastSeconds != 0 && terms.slowSeconds != 0 && terms.insolventSeconds != 0,
            TermsInvalid("legs of at least a second")
        );
        require(terms.coolOff <= 1 hours, TermsInvalid("coolOff <= 3600"));
        TermsWords memory words = TermsCodec.pack(terms);
        require(
            TermsCodec.hold(words, terms),
            TermsInvalid("whole 1e-9, margins below 2^95 of it, times below 2^24 seconds")
        );
        _terms = words;
        emit TermsSet(terms);
    }

    // ---- views

    /// @inheritdoc ILiquidation
    function auctionOf(Account account) external view returns (Auction memory) {
        return _auctions[account];
    }

    /// @inheritdoc ILiquidation
    function termsOf() external view returns (AuctionTerms memory) {
        return _terms.all();
    }

    /// @inheritdoc ILiquidation
    function deficitAccount(uint16 market) public view returns (Account) {
        return AccountLib.encode(address(this), _hubEid, DEFICITS | market);
    }

    /// @inheritdoc ILiquidation
    function escrow() public view returns (Account) {
        return AccountLib.encode(address(this), _hubEid, 0);
    }

    // ---- inner

    function _open(Account account) internal view returns (Auction storage auction) {
        auction = _auctions[account];
        require(auction.id != 0, AuctionNotOpen(Account.unwrap(account)));
    }

    /// @dev A new auction's words, each written once: id 56 | startedAt 40 | startOldest 40 | openedAt 40 | no rest 40 | solvent 40, and fee 96 | books
    ///      160, from the low bits to the high ones, as Auction has them. Numbers of auctions, ages and the fee are within their fields.
    function _write(
        Auction storage auction,
        uint256 id,
        uint256 age,
        uint256 oldest,
        uint256 fee,
        bytes20 books
    ) private {
        assembly ("memory-safe") {
            let time := timestamp()
            sstore(auction.slot, or(or(id, shl(56, sub(time, age))), or(shl(96, oldest), shl(136, time))))
            sstore(add(auction.slot, 1), or(fee, books))
        }
    }

    /// @dev Reverts while there is a grace. True: one begins now, because chains' states alone put the account below maintenance margin.
    function _beginsGrace(Account account, Health memory health) private returns (bool) {
        _requireOver(account, graceUntil);
        IRoutes routes_ = routes;
        if (address(routes_) == address(0) || _rules.chainsImpaired() == 0) return false;
        (, uint256[] memory words) = ledger.packedBookOf(account);
        (uint256 impairment, uint40 since) = _rules.impairmentOf(words);
        // CAST: a part of the value of collateral.
        if (health.equity + int256(impairment) < health.margin) return false;
        Account owner = AccountLib.encode(account.owner(), account.home(), 0);
        uint256 began = _graces[owner];
        if (began >= since) {
            _requireOver(account, began + routes_.grace());
            return false;
        }
        // CAST: seconds; a margin is not negative.
        _graces[owner] = uint40(block.timestamp);
        uint256 until = block.timestamp + routes_.grace();
        emit GraceBegan(Account.unwrap(account), until, health.equity, uint256(health.margin), impairment);
        return true;
    }

    /// @dev What a start keeps of holdings: the first 20 bytes of the hash of their words.
    function _hash(uint256[] memory holdings) private pure returns (bytes20 hash) {
        assembly ("memory-safe") {
            hash := shl(96, shr(96, keccak256(add(holdings, 32), shl(5, mload(holdings)))))
        }
    }

    /// @dev `emit StartedWith(id, holdings)`: a question carries its holdings as the event does, place and length before the words.
    function _emitStartedWith(uint64 id, bytes memory question) private {
        bytes32 topic = StartedWith.selector;
        assembly ("memory-safe") {
            log2(add(question, 36), sub(mload(question), 4), topic, id)
        }
    }

    /// @dev What it is by now.
    function _appraise(Account account, bytes calldata prices) internal returns (Risk memory risk) {
        _renew(account, prices);
        uint256 dust;
        (risk, dust) = _valued(account);
        _requireBelow(account, risk, dust);
    }

    /// @dev Where something was left out, only accounts that are below whatever it is worth.
    function _requireBelow(Account account, Risk memory risk, uint256 dust) private pure {
        // CAST: dust is a part of a margin.
        require(
            dust == 0 || risk.equity + int256(dust) < int256(risk.maintenanceMargin),
            PricesUnusable(Account.unwrap(account), Grade.Stale)
        );
    }

    function _requireOver(Account account, uint256 until) private view {
        require(block.timestamp >= until, GracePeriod(Account.unwrap(account), until));
    }

    function _health(Risk memory risk, uint128 reserve) internal pure returns (Health memory) {
        return Health(risk.equity, int256(risk.maintenanceMargin), int256(uint256(reserve)));
    }

    function _touch(Account account, bytes calldata prices) private returns (bool ended, Health memory health) {
        Auction storage auction = _open(account);
        health = _health(_appraise(account, prices), auction.reserve);
        return (_follow(account, auction, health, AuctionMath.target(_terms.openingOf(), health.margin)), health);
    }

    /// @dev Brings the auction to what the account is now: over, resting, solvent or insolvent.
    /// @param enough equity that ends it
    function _follow(
        Account account,
        Auction storage auction,
        Health memory health,
        int256 enough
    ) internal returns (bool ended) {
        // CAST: seconds.
        uint40 time = uint40(block.timestamp);
        if (health.equity >= enough) {
            _close(account, auction, fund.account(), false);
            return true;
        }
        bool insolvent = !AuctionMath.isSolvent(health);
        if (insolvent != (auction.insolventSince != 0)) {
            auction.insolventSince = insolvent ? time : 0;
            if (insolvent) {
                auction.market = priceTimes.marketOf(account);
                fund.openInsolvency();
                emit InsolvencyOpened(auction.id, Account.unwrap(account));
            } else {
                _closeInsolvency(account, auction.id);
            }
        }
        // CAST: not negative in an insolvent account; a margin never is.
        if (insolvent) {
            uint256 missing = uint256(health.reserve - health.equity);
            _reportShortfall(account, auction.market, missing, uint256(health.margin));
        }
        if (health.equity >= health.margin) {
            if (auction.restingSince == 0) auction.restingSince = time;
        } else if (auction.restingSince != 0) {
            auction.startedAt += time - auction.restingSince;
            auction.restingSince = 0;
        }
    }

    /// @param feeTo who gets the start fee
    function _close(Account account, Auction storage auction, Account feeTo, bool undone) private {
        if (auction.insolventSince != 0) _closeInsolvency(account, auction.id);
        int256 fee = int256(uint256(auction.fee));
        emit AuctionEnded(auction.id, Account.unwrap(account), undone);
        // CAST: seconds.
        uint40 at = undone ? auction.openedAt : uint40(block.timestamp);
        uint40 until = undone || auction.restingSince == 0 ? at : auction.restingSince;
        uint40 from = auction.startedAt;
        // One that should not have been leaves what it went on with itself. Rests may have used that up.
        if (undone && until <= from) (at, until, from) = (0, 0, 0);
        delete _auctions[account];
        (auction.openedAt, auction.startedAt) = (at, at + from - until);
        // A loss of all cash is one of the escrow's too.
        _moveCash(escrow(), feeTo, Wad.max(0, Wad.min(fee, ledger.cashOf(escrow()))));
    }

    function _closeInsolvency(Account account, uint64 id) private {
        fund.closeInsolvency();
        _reportShortfall(account, 0, 0, 0);
        emit InsolvencyClosed(id, Account.unwrap(account));
    }

    function _reportShortfall(Account account, uint16 market, uint256 cash, uint256 margin_) private {
        IDeficitSink sink = deficitSink;
        if (address(sink) != address(0)) sink.reportShortfall(account, market, cash, margin_);
    }

    function _moveCash(Account from, Account to, int256 cash) internal {
        if (cash != 0) ledger.moveCash(from, to, cash);
    }
}
