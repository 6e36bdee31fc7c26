// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Account} from "../../types/Account.sol";
import {IDelegates} from "../IDelegates.sol";
import {IMarginCheck} from "../IMarginCheck.sol";
import {ILevy} from "../liquidation/ILevy.sol";
import {FeedGrade, Grade} from "../risk/FeedGrade.sol";
import {Holdings} from "../risk/Holdings.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {IRiskEngine, Risk} from "../risk/IRiskEngine.sol";
import {IMargin} from "./IMargin.sol";
import {IMarkets} from "./IMarkets.sol";
import {Question} from "./Question.sol";

/// @notice See IMargin.
/// @dev Money is below 2^200 either way (an engine's sums of fields of 128 bits), so differences of it do not overflow.
contract Margin is IMargin, AccessManaged {
    uint256 private constant RATE_ONE = 1e9;
    uint32 private constant MAX_BAND = 1e8;
    /// @dev A millionth of a cash unit: what divisions of margins and quotes may take beside.
    uint256 private constant ROUNDINGS = 1e12;

    /// @dev Of a mode. That accounts are guarded stands with every engine: whoever is judged has that slot read anyway.
    struct Judge {
        IRiskEngine engine;
        bool guarded;
    }

    /// @inheritdoc IMargin
    IMarkets public immutable markets;
    /// @inheritdoc IMargin
    IFeeds public immutable feeds;
    /// @inheritdoc IMargin
    IDelegates public immutable delegates;
    uint8 private immutable _trade;

    mapping(IMarkets.Mode mode => Judge) private _judges;
    /// @inheritdoc IMargin
    uint32 public reduceBand = 5e6;
    /// @inheritdoc IMargin
    ILevy public levy;

    /// @param authority the AccessManager
    constructor(address authority, IMarkets markets_, IFeeds feeds_, IDelegates delegates_) AccessManaged(authority) {
        (markets, feeds, delegates) = (markets_, feeds_, delegates_);
        _trade = delegates_.TRADE();
    }

    // ---- checks

    /// @inheritdoc IMarginCheck
    function requireInitial(Account account, bytes calldata prices, uint40 since) external {
        submit(prices);
        (uint256 head, bytes memory question) = _question(account);
        IMarkets.Mode mode = _judgeOf(head);
        uint256 reserved = _reservedOf(account, head, mode);
        if (!_isExposed(head)) return _requireReserved(account, reserved, Holdings.cash(head), 0);
        Risk memory risk = _answer(mode, question);
        _requireInitial(account, risk);
        _requireReserved(account, reserved, risk.equity, risk.initialMargin);
        require(risk.oldest >= since, PricesTooOld(Account.unwrap(account), risk.oldest, since));
        require(
            risk.equity - int256(risk.unrealisedGain) >= int256(risk.initialMargin),
            GainUnrealised(Account.unwrap(account), risk.equity, risk.unrealisedGain, risk.initialMargin)
        );
    }

    /// @dev What levies may take of the account: what it is registered with; while one is open or in sight, also what it may come to be.
    function _reservedOf(Account account, uint256 head, IMarkets.Mode mode) private view returns (uint256) {
        if (_judges[mode].guarded) return levy.claimOf(account);
        return Holdings.isHeld(head) ? levy.reservedOf(account) : 0;
    }

    /// @dev Gains that a levy was registered with may have been realised since: they are cash now, and wait.
    function _requireReserved(Account account, uint256 reserved, int256 equity, uint256 initialMargin) private pure {
        require(
            _isKept(reserved, equity, initialMargin),
            LevyPending(Account.unwrap(account), reserved, equity, initialMargin)
        );
    }

    /// @inheritdoc IMargin
    function requireTrade(Account account, bool reduces, uint256 turnover, Risk calldata before) external view {
        (uint256 head, bytes memory question) = _question(account);
        IMarkets.Mode mode = _judgeOf(head);
        uint256 reserved = _reservedOf(account, head, mode);
        if (reserved == 0 && !_isExposed(head)) return;
        // Without positions too where a levy may take something: collateral counts then as it did before.
        Risk memory risk = _answer(mode, question);
        bool initial = _isInitial(risk);
        if (initial && _isKept(reserved, risk.equity, risk.initialMargin)) return;
        if (!reduces) {
            _requireInitial(account, risk);
            return _requireReserved(account, reserved, risk.equity, risk.initialMargin);
        }
        // What was valued at bad prices before says as little as what is valued at them now.
        Grade grade = FeedGrade.worse(before.grade, risk.grade);
        uint256 allowed = _part(risk, before, reserved);
        if (grade <= Grade.Aged) {
            if (!initial) _requireHealth(account, risk, before);
        } else {
            uint256 band = (turnover * reduceBand) / RATE_ONE;
            if (allowed > band) allowed = band;
        }
        require(
            risk.equity + int256(allowed + ROUNDINGS) >= before.equity,
            OutsideBand(Account.unwrap(account), risk.equity, before.equity, allowed, grade)
        );
    }

    function _requireHealth(Account account, Risk memory risk, Risk calldata before) private pure {
        int256 gained = risk.equity - before.equity;
        require(
            gained >= int256(risk.initialMargin) - int256(before.initialMargin) &&
                gained >= int256(risk.maintenanceMargin) - int256(before.maintenanceMargin),
            HealthFell(
                Account.unwrap(account),
                risk.equity,
                risk.initialMargin,
                risk.maintenanceMargin,
                before,
                risk.grade
            )
        );
    }

    /// @dev What a reduction may cost: the part of the account's own equity that its part of the maintenance margin has, as a bid takes it. What is
    ///      left keeps its share, and nothing but the account's own can go: with more, an accomplice on the other side would carry out what the
    ///      fund then pays, or what a levy may take. Prices of fills are nobody's but the two sides', so turnover at them bounds nothing.
    function _part(Risk memory risk, Risk calldata before, uint256 reserved) private pure returns (uint256) {
        int256 own = before.equity - int256(reserved);
        if (own <= 0 || risk.maintenanceMargin >= before.maintenanceMargin) return 0;
        // CAST: above 0.
        return Math.mulDiv(uint256(own), before.maintenanceMargin - risk.maintenanceMargin, before.maintenanceMargin);
    }

    function _isKept(uint256 reserved, int256 equity, uint256 initialMargin) private pure returns (bool) {
        return reserved == 0 || equity - int256(reserved) >= int256(initialMargin);
    }

    function _isInitial(Risk memory risk) private pure returns (bool) {
        return risk.grade == Grade.Fresh && risk.equity >= int256(risk.initialMargin);
    }

    function _requireInitial(Account account, Risk memory risk) private pure {
        require(risk.grade == Grade.Fresh, PricesNotFresh(Account.unwrap(account), risk.grade));
        require(
            risk.equity >= int256(risk.initialMargin),
            BelowInitialMargin(
                Account.unwrap(account),
                risk.equity,
                risk.initialMargin,
                risk.maintenanceMargin,
                risk.grade
            )
        );
    }

    // ---- owner, or a delegate with TRADE

    /// @inheritdoc IMargin
    function setMode(Account account, IMarkets.Mode mode, bytes calldata prices) external {
        _requireMayAct(account);
        _engine(mode);
        submit(prices);
        markets.setMode(account, mode);
        _requireInitialIfExposed(account);
    }

    /// @inheritdoc IMargin
    function setProfile(Account account, uint16 initialFactor, uint32 maxLeverage, bytes calldata prices) external {
        _requireMayAct(account);
        submit(prices);
        markets.setProfile(account, initialFactor, maxLeverage);
        _requireInitialIfExposed(account);
    }

    function _requireMayAct(Account account) private view {
        require(delegates.mayAct(account, msg.sender, _trade), NotPermitted(Account.unwrap(account), msg.sender));
    }

    function _requireInitialIfExposed(Account account) private view {
        (uint256 head, bytes memory question) = _question(account);
        if (!_isExposed(head)) return;
        IMarkets.Mode mode = _modeOf(head);
        Risk memory risk = _answer(mode, question);
        _requireInitial(account, risk);
        _requireReserved(account, _reservedOf(account, head, mode), risk.equity, risk.initialMargin);
    }

    // ---- prices

    /// @inheritdoc IMargin
    function submit(bytes calldata prices) public {
        if (prices.length == 0) return;
        // The same bytes are the arguments of submit: read once, by the feeds.
        (bool taken, bytes memory answer) = address(feeds).call(bytes.concat(IFeeds.submit.selector, prices));
        if (taken) return;
        require(answer.length != 0, PricesInvalid("abi.encode(uint40 time, Report[] reports, bytes signatures)"));
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    // ---- governance

    /// @inheritdoc IMargin
    function setEngine(IMarkets.Mode mode, IRiskEngine engine) external restricted {
        _judges[mode].engine = engine;
        emit EngineSet(mode, engine);
    }

    /// @inheritdoc IMargin
    function setReduceBand(uint32 band) external restricted {
        require(band <= MAX_BAND, BandInvalid(band, MAX_BAND));
        reduceBand = band;
        emit ReduceBandSet(band);
    }

    /// @inheritdoc IMargin
    function setLevy(ILevy levy_) external restricted {
        levy = levy_;
        _guard(false);
        emit LevySet(address(levy_));
    }

    // ---- the levy

    /// @inheritdoc IMargin
    function setGuarded(bool on) external {
        require(msg.sender == address(levy), NotLevy(msg.sender, address(levy)));
        _guard(on);
        emit GuardSet(on);
    }

    function _guard(bool on) private {
        for (uint8 mode; mode <= uint8(type(IMarkets.Mode).max); ++mode) _judges[IMarkets.Mode(mode)].guarded = on;
    }

    // ---- views

    /// @inheritdoc IMargin
    function riskOf(Account account) external view returns (Risk memory) {
        (uint256 head, bytes memory question) = _question(account);
        return _answer(_modeOf(head), question);
    }

    /// @inheritdoc IMargin
    function riskEngineOf(IMarkets.Mode mode) external view returns (IRiskEngine) {
        return _judges[mode].engine;
    }

    /// @inheritdoc IMargin
    function isGuarded() external view returns (bool) {
        return _judges[IMarkets.Mode.Cross].guarded;
    }

    /// @inheritdoc IMargin
    function isExposed(Account account) external view returns (bool) {
        (uint256 head, ) = _question(account);
        return _isExposed(head);
    }

    /// @dev What the account holds, and the call of an engine about it.
    function _question(Account account) private view returns (uint256 head, bytes memory question) {
        uint256[] memory holdings;
        (question, holdings) = Question.about(markets, account);
        // A head is always there.
        assembly ("memory-safe") {
            head := mload(add(holdings, 32))
        }
    }

    function _answer(IMarkets.Mode mode, bytes memory question) private view returns (Risk memory) {
        return Question.answer(_engine(mode), question);
    }

    /// @param head of holdings
    function _isExposed(uint256 head) private pure returns (bool) {
        return Holdings.underlyings(head) != 0 || Holdings.cash(head) < 0;
    }

    /// @dev Whom to ask: where nothing is to be judged by a mode, any.
    function _judgeOf(uint256 head) private pure returns (IMarkets.Mode) {
        return _isExposed(head) ? _modeOf(head) : IMarkets.Mode.Cross;
    }

    function _modeOf(uint256 head) private pure returns (IMarkets.Mode) {
        return IMarkets.Mode(Holdings.mode(head));
    }

    function _engine(IMarkets.Mode mode) private view returns (IRiskEngine engine) {
        engine = _judges[mode].engine;
        require(address(engine) != address(0), ModeUnavailable(mode));
    }
}
