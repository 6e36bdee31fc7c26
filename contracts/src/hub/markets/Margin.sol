// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
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

/// @notice See IMargin.
/// @dev Money is below 2^200 either way (an engine's sums of fields of 128 bits), so differences of it do not overflow.
contract Margin is IMargin, AccessManaged {
    uint256 private constant RATE_ONE = 1e9;
    uint32 private constant MAX_BAND = 1e8;
    uint256 private constant SPREAD_DIVISOR = 10;

    /// @inheritdoc IMargin
    IMarkets public immutable markets;
    /// @inheritdoc IMargin
    IFeeds public immutable feeds;
    /// @inheritdoc IMargin
    IDelegates public immutable delegates;
    uint8 private immutable _trade;

    /// @inheritdoc IMargin
    mapping(IMarkets.Mode mode => IRiskEngine) public engineOf;
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
        uint256 reserved = Holdings.isHeld(head) ? levy.reservedOf(account) : 0;
        if (!_isExposed(head)) return _requireReserved(account, reserved, Holdings.cash(head), 0);
        Risk memory risk = _answer(account, question);
        _requireInitial(account, risk);
        _requireReserved(account, reserved, risk.equity, risk.initialMargin);
        require(risk.oldest >= since, PricesTooOld(Account.unwrap(account), risk.oldest, since));
        require(
            risk.equity - int256(risk.unrealisedGain) >= int256(risk.initialMargin),
            GainUnrealised(Account.unwrap(account), risk.equity, risk.unrealisedGain, risk.initialMargin)
        );
    }

    /// @dev Gains that a levy was registered with may have been realised since: they are cash now, and wait.
    function _requireReserved(Account account, uint256 reserved, int256 equity, uint256 initialMargin) private pure {
        require(
            reserved == 0 || equity - int256(reserved) >= int256(initialMargin),
            LevyPending(Account.unwrap(account), reserved, equity, initialMargin)
        );
    }

    /// @inheritdoc IMargin
    function requireTrade(Account account, bool reduces, uint256 turnover, Risk calldata before) external view {
        (bool exposed, Risk memory risk) = _riskIfExposed(account);
        if (!exposed || _isInitial(risk)) return;
        if (!reduces) return _requireInitial(account, risk);
        // What was valued at bad prices before says as little as what is valued at them now.
        Grade grade = FeedGrade.worse(before.grade, risk.grade);
        uint256 allowed = (turnover * reduceBand) / RATE_ONE;
        if (grade <= Grade.Aged) {
            _requireHealth(account, risk, before);
            uint256 spread = _spread(risk, before);
            if (spread > allowed) allowed = spread;
        }
        require(
            risk.equity + int256(allowed) >= before.equity,
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

    /// @dev What a reduction at usable prices may cost beside the band: closing costs a spread, which of an option is far more than the band of
    ///      its premium. No more than what the account has: with more, an accomplice on the other side would carry out what the fund then pays.
    function _spread(Risk memory risk, Risk calldata before) private pure returns (uint256 spread) {
        if (before.equity <= 0 || risk.maintenanceMargin >= before.maintenanceMargin) return 0;
        spread = (before.maintenanceMargin - risk.maintenanceMargin) / SPREAD_DIVISOR;
        // CAST: above 0.
        if (spread > uint256(before.equity)) spread = uint256(before.equity);
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
        (bool exposed, Risk memory risk) = _riskIfExposed(account);
        if (exposed) _requireInitial(account, risk);
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
        engineOf[mode] = engine;
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
        emit LevySet(address(levy_));
    }

    // ---- views

    /// @inheritdoc IMargin
    function riskOf(Account account) external view returns (Risk memory) {
        (, bytes memory question) = _question(account);
        return _answer(account, question);
    }

    /// @inheritdoc IMargin
    function isExposed(Account account) external view returns (bool) {
        (uint256 head, ) = _question(account);
        return _isExposed(head);
    }

    function _riskIfExposed(Account account) private view returns (bool exposed, Risk memory risk) {
        (uint256 head, bytes memory question) = _question(account);
        exposed = _isExposed(head);
        if (exposed) risk = _answer(account, question);
    }

    /// @dev The call of an engine: what the markets return as holdings is, as it stands, what it takes behind its selector.
    /// @return head of the holdings
    function _question(Account account) private view returns (uint256 head, bytes memory question) {
        address source = address(markets);
        bytes4 ask = IMarkets.holdingsOf.selector;
        bytes4 selector = IRiskEngine.riskOf.selector;
        assembly ("memory-safe") {
            question := mload(0x40)
            mstore(question, ask)
            mstore(add(question, 4), account)
            if iszero(staticcall(gas(), source, question, 36, 0, 0)) {
                returndatacopy(question, 0, returndatasize())
                revert(question, returndatasize())
            }
            let size := returndatasize()
            // Place and length of the array, its head.
            if lt(size, 96) {
                revert(0, 0)
            }
            mstore(question, add(size, 4))
            mstore(add(question, 32), selector)
            returndatacopy(add(question, 36), 0, size)
            head := mload(add(question, 100))
            mstore(0x40, and(add(add(question, 67), size), not(31)))
        }
    }

    function _answer(Account account, bytes memory question) private view returns (Risk memory) {
        (bool done, bytes memory answer) = address(_engine(markets.modeOf(account))).staticcall(question);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return abi.decode(answer, (Risk));
    }

    /// @param head of holdings
    function _isExposed(uint256 head) private pure returns (bool) {
        return Holdings.underlyings(head) != 0 || Holdings.cash(head) < 0;
    }

    function _engine(IMarkets.Mode mode) private view returns (IRiskEngine engine) {
        engine = engineOf[mode];
        require(address(engine) != address(0), ModeUnavailable(mode));
    }
}
