// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {IPositionWatcher} from "../markets/IPositionWatcher.sol";
import {IDeficits} from "./IDeficits.sol";
import {IDeficitSink} from "./IDeficitSink.sol";

/// @notice What losses nobody's equity and no fund paid cost those who won: a levy on profits in the same underlying, then a loss of all cash.
/// @dev The deficit of a market is the negative cash of its deficit account (ILiquidation). A levy fixes it together with one price; for a window
///      anyone registers accounts with what their positions in the underlying have gained at that price, as they stood when it was opened: who
///      trades, or is settled, is registered first. Each then pays ceil(registered · min(1, deficit / Σ registered)): independent of every
///      order, together never more than the deficit but for roundings, which go to the fund. Positions stay. What exceeds the profits is spread
///      over all positive cash by the ledger's cash index. While more is known to be missing than the fund has, no cash leaves.
///      A market is watched from the moment its losses exceed half of what the fund would pay and are no dust (see review): who changes his positions from then on is sighted
///      with what he has gained by then, and registered with no less; what a levy may come to claim of an account cannot leave it. While it stays watched, all levies together take no
///      more of an account than it has gained.
///      Money is settlement cash, 18 decimals. Twin: shared/src/liquidation/levy.ts.
interface ILevy is IPositionWatcher, IDeficitSink {
    /// @param underlying    whose profits pay
    /// @param deficit       to be covered
    /// @param total         Σ registered
    /// @param left          of the deficit, as payments have left it
    /// @param price         of the underlying, 18 decimals: profits are counted at it
    /// @param until         seconds; accounts can be registered before it
    /// @param closed        the window is over, the part that profits cannot cover is spread
    struct LevyView {
        uint16 underlying;
        uint128 deficit;
        uint128 total;
        uint128 left;
        uint128 price;
        uint40 until;
        bool closed;
    }

    /// @param seen       it is registered, if only with 0
    /// @param settled    it has paid
    /// @param profit     when it was first registered, or sighted if that was more, less what levies have taken since the market is watched; not
    ///                   below 0
    /// @param registered min(profit, equity − maintenance margin), not below 0: the most of all times it was registered
    struct Registration {
        bool seen;
        bool settled;
        uint112 profit;
        uint128 registered;
    }

    event DeficitReported(uint16 indexed underlying, uint256 cash);
    /// @notice What is missing in an insolvent account, as it was last looked at; 0: nothing.
    /// @param margin by which the payout to its bidders may grow beyond that
    event ShortfallReported(bytes32 indexed account, uint256 cash, uint256 margin);
    event LevyOpened(uint64 indexed id, uint16 indexed underlying, uint256 deficit, uint256 price, uint40 until);
    /// @notice An account is registered, or with more than before.
    /// @param profit size · price + quote + what options would pay at the price, or what was sighted if that was more; not below 0
    event Registered(
        uint64 indexed id,
        bytes32 indexed account,
        uint256 profit,
        int256 equity,
        uint256 maintenanceMargin,
        uint256 registered
    );
    /// @param spread part of the deficit that exceeded the profits: it became a loss of all cash
    event LevyClosed(uint64 indexed id, uint256 deficit, uint256 total, uint256 spread);
    /// @param levy ceil(registered · min(deficit, total) / total)
    /// @param fund part of it that was rounding
    event LevyPaid(uint64 indexed id, bytes32 indexed account, uint256 registered, uint256 levy, uint256 fund);
    /// @notice Whether cash may leave, and the two figures that decide it.
    event BrakeReviewed(bool braked, uint256 insolvency, uint256 fund);
    /// @notice Positions in the underlying are watched from now on, or no longer.
    event WatchChanged(uint16 indexed underlying, bool on);
    /// @notice What an account had gained before its positions changed for the first time since the underlying is watched.
    event Sighted(uint16 indexed underlying, bytes32 indexed account, uint256 profit);
    /// @notice What the guardian expects a chain's vault to have lost of pooled settlement, cash.
    event LossExpected(uint32 indexed eid, uint256 cash);
    event LiquidationSet(address liquidation);

    error NotLiquidation(address caller, address liquidation);
    error NotMarkets(address caller, address markets);
    error LevyOpen(uint16 underlying, uint64 id, uint40 until);
    error LevyUnknown(uint64 id);
    error DeficitTooSmall(uint16 underlying, uint256 deficit, uint256 least);
    error PriceUnusable(uint16 underlying);
    error WindowOver(uint64 id, uint40 until);
    error WindowOpen(uint64 id, uint40 until);
    error NotRegistered(uint64 id, bytes32 account);
    error ExpectedLossInvalid(uint32 eid, uint256 cash, string relation, uint256 expected);
    error AlreadySettled(uint64 id, bytes32 account);

    // ---- anyone

    /// @notice Opens a levy for what the fund leaves of a market's deficit, at the mark of now (no worse than aged). One window at a time per
    ///         underlying. A deficit that is reported opens one by itself, if it can be.
    function open(uint16 underlying) external returns (uint64 id);
    /// @notice Registers an account; what it still owes an earlier levy of the underlying is taken first. Again: its profit stays what it was, but
    ///         what maintenance margin left out of it is registered as far as equity allows by now; never less than before.
    function register(uint64 id, Account account) external returns (uint256 registered);
    /// @notice After the window: spreads what profits cannot cover, lets trades pass unseen again.
    function close(uint64 id) external;
    /// @notice Takes what a registered account owes, once its window is closed (closes it, if that is due).
    function settle(uint64 id, Account account) external returns (uint256 levy);
    /// @notice Spreads the loss of accounts without positions, which no profit answers for, over all cash; as much as that can bear.
    function spread() external returns (uint256 cash);
    /// @notice Stops cash from leaving while known insolvency exceeds the fund by `least` or more, and lets it leave again; watches markets whose
    ///         losses exceed half of what the fund would pay of them and are at least `least`, or a unit while cash is stopped; and ceases to.
    function review() external returns (bool braked);

    // ---- guardian, governance (restricted)

    /// @notice Risk down, at once: says what a chain's vault is expected to have lost of pooled settlement, before it is known and written down. It
    ///         counts as insolvency. Only upwards. GUARDIAN.
    /// @param cash at par, 18 decimals, all of it
    function expectLoss(uint32 eid, uint128 cash) external;
    /// @notice Lowers it: it was written down, and stands as a deficit now, or it was not lost. GOVERNOR, delayed.
    function lowerExpectedLoss(uint32 eid, uint128 cash) external;

    /// @notice Who reports. GOVERNOR, delayed.
    function setLiquidation(IDeficits liquidation) external;

    // ---- views

    function levyOf(uint64 id) external view returns (LevyView memory);
    /// @notice The newest levy of an underlying, 0: none yet.
    function newestOf(uint16 underlying) external view returns (uint64 id);
    function registrationOf(uint64 id, Account account) external view returns (Registration memory);
    /// @notice What an account pays at the sums of now; they are final once the window is over. 0 once settled.
    function owedBy(uint64 id, Account account) external view returns (uint256);
    /// @notice Most that levies may still take of an account: nothing of it may leave.
    function reservedOf(Account account) external view returns (uint256);
    /// @notice The same, with what the account has gained in underlyings that are watched and is not registered with yet, at the levy's price or the
    ///         last mark, or when it was sighted if that was more.
    function claimOf(Account account) external view returns (uint256);
    /// @notice What is expected to be lost with a chain's vault and is not written down yet, cash.
    function expectedLossOf(uint32 eid) external view returns (uint256);
    /// @notice Least excess of insolvency over the fund that stops cash from leaving: a unit of cash, or 0.1% of all cash if that is more.
    function least() external view returns (uint256);
    /// @notice Deficits that nobody has covered yet, what insolvent accounts are short of, and what is expected to be lost with vaults.
    function insolvency() external view returns (uint256);
    /// @notice The same with what bidders on insolvent accounts may be paid at the most instead of what these are short of: reserve − equity and a
    ///         whole maintenance margin, the end of AuctionMath.payout. Fund: nobody leaves it before that is dust. The brake does not count it.
    function worstLoss() external view returns (uint256);
    function levyCount() external view returns (uint64);
}
