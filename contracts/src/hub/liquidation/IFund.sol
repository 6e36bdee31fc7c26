// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {IDelegates} from "../IDelegates.sol";
import {ILedger} from "../ILedger.sol";
import {ILevy} from "./ILevy.sol";

/// @notice The insurance fund: cash of one ledger account, owned by stakers in shares. It pays for insolvent accounts, and earns fees.
/// @dev Shares belong to hub accounts and cannot be moved. They are priced like those of an ERC-4626 vault with virtual shares (10^6 per unit of
///      cash), so that the first staker cannot be robbed by gifts to the fund; every rounding stays in the fund. Cash has 18 decimals,
///      shares 24. The fund's ledger account is (this contract, home = the hub, subaccount 0); whatever cash arrives there belongs to the
///      stakers.
///      When losses leave existing shares less than 10^-12 of what they cost at par, these are void for good: a new share epoch starts.
interface IFund {
    /// @notice A staker's exit: shares that wait, still bear losses and earn, and are priced when they leave.
    /// @param shares 24 decimals
    /// @param readyAt seconds from which on they can leave, for two days; then the exit is void
    /// @param epoch   of the shares; void in a later one
    struct Exit {
        uint256 shares;
        uint40 readyAt;
        uint40 epoch;
    }

    /// @notice ERC-4626's Deposit, with accounts where that has addresses: cash is its assets, the account both sender and owner.
    event Staked(bytes32 indexed account, uint256 indexed epoch, uint256 cash, uint256 shares);
    event ExitRequested(bytes32 indexed account, uint256 indexed epoch, uint256 shares, uint40 readyAt);
    event ExitCancelled(bytes32 indexed account, uint256 indexed epoch, uint256 shares);
    /// @notice ERC-4626's Withdraw, likewise: the account is owner and receiver, whoever called.
    event Exited(bytes32 indexed account, uint256 indexed epoch, uint256 shares, uint256 cash);
    /// @notice All shares of the epoch are void: its losses took all cash.
    event WipedOut(uint256 indexed epoch, uint256 shares);
    event Paid(bytes32 indexed account, uint16 indexed market, uint256 cash);
    /// @notice How many accounts are insolvent; without a levy nobody exits while it is above 0.
    event InsolventOpenChanged(uint256 count);
    event TrancheSet(uint16 indexed market, uint64 share);
    event ExitDelaySet(uint40 delay);
    event LiquidationSet(address liquidation);
    event LevySet(address levy);

    error NotPermitted(bytes32 account, address caller);
    error NotLiquidation(address caller, address liquidation);
    error CashTooLow(bytes32 account, int256 cash, uint256 needed);
    error SharesZero(uint256 cash);
    error SharesTooLow(bytes32 account, uint256 shares, uint256 needed);
    error NoExit(bytes32 account);
    error ExitPending(bytes32 account, uint40 readyAt);
    error ExitTooEarly(uint40 readyAt, uint256 time);
    error InsolvencyOpen(uint256 count);
    /// @notice More than that is known that it may have to pay: nobody leaves before it is borne.
    error LossKnown(uint256 worst, uint256 most);
    error TrancheInvalid(uint256 share, uint256 maximum);
    error DelayInvalid(uint256 delay, uint256 maximum);
    error NotInsolvent();

    // ---- owner of the account

    /// @notice Turns cash of the account into shares, rounded down. The account must stay at initial margin.
    /// @param prices as IMarginCheck.requireInitial takes them
    /// @return shares 24 decimals, above 0
    function stake(Account account, uint128 cash, bytes calldata prices) external returns (uint256 shares);
    /// @notice Announces that shares will leave. One exit at a time per account; they leave within two days of `readyAt`, or must be announced
    ///         anew.
    function requestExit(Account account, uint256 shares) external;
    /// @notice Keeps announced shares after all.
    function cancelExit(Account account) external;
    /// @notice Turns announced shares into cash of the account at the price of now, rounded down; anyone, once the delay is over and what is
    ///         known to be missing anywhere, with what bids on insolvent accounts may be paid at the most, is no more than 0.1% of the fund
    ///         (ILevy.worstLoss).
    function exit(Account account) external returns (uint256 cash);

    /// @notice Brings the interest that debtors were charged, and that waits in the ledger, to the fund: it belongs to the stakers. Anyone;
    ///         done too before cash is staked, leaves or is paid, so that it is theirs who bore the losses while it was charged.
    /// @return cash 18 decimals
    function collectInterest() external returns (uint256 cash);

    // ---- Liquidation

    /// @notice Pays cash to an account, as far as the market's tranche and the fund's cash go.
    /// @return paid at most `cash`
    function pay(Account account, uint16 market, uint256 cash) external returns (uint256 paid);
    /// @notice An account became insolvent.
    function openInsolvency() external;
    /// @notice It is no longer.
    function closeInsolvency() external;

    // ---- governance (restricted)

    /// @notice Who spends the fund. GOVERNOR, delayed.
    function setLiquidation(address liquidation) external;
    /// @notice Who knows what may have to be paid. GOVERNOR, delayed. Zero: exits wait while any account is insolvent.
    function setLevy(ILevy levy) external;
    /// @notice Tranche of a market: share of the fund's cash that its losses of a share epoch may take together, 18 decimals, at most 1;
    ///         0 = all of it. GOVERNOR, delayed.
    function setTranche(uint16 market, uint64 share) external;
    /// @notice From the announcement to the exit, seconds, at most 30 days; of exits announced later. GOVERNOR, delayed.
    function setExitDelay(uint40 delay) external;

    // ---- views

    /// @notice Cash of the fund's ledger account that belongs to shares; 0 while that account owes.
    function assets() external view returns (uint256);
    function totalShares() external view returns (uint256);
    function epoch() external view returns (uint256);
    /// @notice Shares of an account in the current epoch, announced exits included.
    function sharesOf(Account account) external view returns (uint256);
    function exitOf(Account account) external view returns (Exit memory);
    /// @notice Shares that cash would buy now, rounded down.
    function sharesFor(uint256 cash) external view returns (uint256);
    /// @notice Cash that shares would leave with now, rounded down.
    function cashFor(uint256 shares) external view returns (uint256);
    /// @notice What losses of a market may take now: its tranche of (cash + what they took in this epoch), less what they took.
    function available(uint16 market) external view returns (uint256);
    function trancheOf(uint16 market) external view returns (uint64);
    function insolventOpen() external view returns (uint256);
    function exitDelay() external view returns (uint40);
    function liquidation() external view returns (address);
    function levy() external view returns (ILevy);
    /// @notice The fund's ledger account.
    function account() external view returns (Account);
    function ledger() external view returns (ILedger);
    function delegates() external view returns (IDelegates);
}
