// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {IDelegates} from "../IDelegates.sol";
import {IMarginCheck} from "../IMarginCheck.sol";
import {ILevy} from "../liquidation/ILevy.sol";
import {Grade} from "../risk/FeedGrade.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {IRiskEngine, Risk} from "../risk/IRiskEngine.sol";
import {IMarkets} from "./IMarkets.sol";

/// @notice What an owner may do with his account: which engine judges it, and whether it may end the way an action leaves it
///         (INV-MARGIN-1). Holds no state of accounts.
/// @dev `prices` is empty, or a feed snapshot to submit first: abi.encode(uint40 time, IFeeds.Report[] reports, bytes signatures). An
///      account without positions that owes no cash needs no engine and no price: nothing of it can be lost.
interface IMargin is IMarginCheck {
    /// @notice Mode of an account has this engine from now on; 0: the mode is not offered.
    event EngineSet(IMarkets.Mode indexed mode, IRiskEngine engine);
    /// @param band 1e-9, of the cash that changed hands
    event ReduceBandSet(uint32 band);
    event LevySet(address levy);
    /// @notice Accounts keep what a levy that is open or in sight may claim, or need no more.
    event GuardSet(bool on);

    error NotPermitted(bytes32 account, address caller);
    error NotLevy(address caller, address levy);
    error ModeUnavailable(IMarkets.Mode mode);
    error PricesInvalid(string expected);
    error BandInvalid(uint256 band, uint256 maximum);
    /// @notice The account needs prices, and those known are not good enough for the action.
    error PricesNotFresh(bytes32 account, Grade grade);
    /// @notice A price was signed before the action was asked for.
    error PricesTooOld(bytes32 account, uint40 oldest, uint40 since);
    error BelowInitialMargin(
        bytes32 account,
        int256 equity,
        uint256 initialMargin,
        uint256 maintenanceMargin,
        Grade grade
    );
    /// @notice Equity covers initial margin only with gains that are not realised; those secure positions, but nothing may leave on them.
    error GainUnrealised(bytes32 account, int256 equity, uint256 unrealisedGain, uint256 initialMargin);
    /// @notice A levy may still take as much; equity has to cover it beside initial margin before anything leaves, and before any trade that is
    ///         more than a reduction.
    error LevyPending(bytes32 account, uint256 reserved, int256 equity, uint256 initialMargin);
    /// @notice A reduction left the account, which is below initial margin, worse off than it was.
    error HealthFell(
        bytes32 account,
        int256 equity,
        uint256 initialMargin,
        uint256 maintenanceMargin,
        Risk before,
        Grade grade
    );
    /// @notice A reduction of an account below initial margin lost more, at the last known values, than its part of the account's equity or,
    ///         without usable prices, than the band.
    error OutsideBand(bytes32 account, int256 equity, int256 equityBefore, uint256 allowed, Grade grade);

    // ---- checks, for modules

    /// @notice Reverts unless the account may end a trade as it stands now. View: the caller has submitted prices.
    /// @dev Fresh prices and equity ≥ initial margin allow everything, and so does an account that ends flat and owes nothing. Else only
    ///      what reduces, and by it no value but the account's own leaves: equity at the last known values falls by at most the part of itself that
    ///      the freed maintenance margin has of all, floor(equity⁺ · freed⁺ / maintenance margin before), and 10^-6 for roundings.
    ///      With prices no worse than aged before and after, equity − initial and equity − maintenance margin do not fall either; with
    ///      worse ones it falls by no more than the band of what was traded.
    ///      What levies may take of the account (ILevy.reservedOf; while one is open or in sight, ILevy.claimOf) is not its own: with it, equity
    ///      has to cover initial margin beside it, else the trade is judged as a reduction, of the equity without it.
    /// @param reduces  every position it traded came out smaller, and on its side
    /// @param turnover Σ size·price of what the account traded, 18 decimals
    /// @param before   riskOf before the first of these trades; ignored unless `reduces`
    function requireTrade(Account account, bool reduces, uint256 turnover, Risk calldata before) external view;

    // ---- owner, or a delegate with TRADE

    /// @notice Judges the account by another engine from now on; it must be at or above initial margin under it, at fresh prices.
    function setMode(Account account, IMarkets.Mode mode, bytes calldata prices) external;
    /// @notice The account's own, stricter initial margin; it must be met at fresh prices.
    /// @param initialFactor 1e-2, 0: none
    /// @param maxLeverage   1e-2, 0: none
    function setProfile(Account account, uint16 initialFactor, uint32 maxLeverage, bytes calldata prices) external;

    // ---- anyone

    /// @notice Hands prices to the feeds. Empty ones change nothing.
    function submit(bytes calldata prices) external;

    // ---- the levy

    /// @notice Has accounts asked for what a levy may claim of them (ILevy.claimOf), not only those that are held. The levy only.
    function setGuarded(bool on) external;

    // ---- governance (restricted)

    /// @notice GOVERNOR, delayed. 0: accounts of the mode are judged no more, and may do nothing that needs an engine.
    function setEngine(IMarkets.Mode mode, IRiskEngine engine) external;
    /// @notice How far from the last known value a reduction without prices may be, 1e-9, at most a tenth. GOVERNOR, delayed.
    function setReduceBand(uint32 band) external;

    /// @notice Who says what levies may still take of accounts that are held (IMarkets.hold). GOVERNOR, delayed.
    function setLevy(ILevy levy) external;

    // ---- views

    function levy() external view returns (ILevy);
    function isGuarded() external view returns (bool);
    /// @notice Risk of an account at the prices of this block, by the engine of its mode.
    function riskOf(Account account) external view returns (Risk memory);
    /// @notice Whether the account needs an engine: it holds positions or owes cash.
    function isExposed(Account account) external view returns (bool);
    function riskEngineOf(IMarkets.Mode mode) external view returns (IRiskEngine);
    function reduceBand() external view returns (uint32);
    function markets() external view returns (IMarkets);
    function feeds() external view returns (IFeeds);
    function delegates() external view returns (IDelegates);
}
