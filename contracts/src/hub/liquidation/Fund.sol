// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Account, AccountLib} from "../../types/Account.sol";
import {IDelegates} from "../IDelegates.sol";
import {ILedger} from "../ILedger.sol";
import {IMarginCheck} from "../IMarginCheck.sol";
import {IFund} from "./IFund.sol";
import {ILevy} from "./ILevy.sol";

/// @notice See IFund.
/// @dev A ledger module that moves cash between its own account and others, always by two changes that sum to zero. Needs no lock: the margin
///      check is the only call to where others may be called, and it comes last.
contract Fund is IFund, AccessManaged {
    using Math for uint256;

    uint256 private constant ONE = 1e18;
    /// @dev Virtual shares stand beside one virtual unit of cash: shares have six decimals more than cash.
    uint256 private constant VIRTUAL_SHARES = 1e6;
    /// @dev Shares per unit of cash from which on they are worthless: 10^6 at par, over 10^-12. Bounds the growth of share numbers.
    uint256 private constant WORTHLESS = 1e18;
    uint40 private constant MAX_EXIT_DELAY = 30 days;
    /// @dev How long shares that may leave wait for it: an exit that stayed ready would be a way out of every loss to come.
    uint40 private constant EXIT_WINDOW = 2 days;
    /// @dev Nobody is kept for less than this part of the fund: of what is known, stayers bear no more for a leaver.
    uint256 private constant LEAST_DIVISOR = 1000;

    /// @inheritdoc IFund
    ILedger public immutable ledger;
    /// @inheritdoc IFund
    IDelegates public immutable delegates;
    /// @inheritdoc IFund
    Account public immutable account;
    uint8 private immutable _withdraw;

    /// @inheritdoc IFund
    address public liquidation;
    /// @inheritdoc IFund
    ILevy public levy;
    /// @inheritdoc IFund
    uint40 public exitDelay = 7 days;
    uint40 private _epoch;
    /// @inheritdoc IFund
    uint256 public totalShares;
    /// @inheritdoc IFund
    uint256 public insolventOpen;
    /// @inheritdoc IFund
    mapping(uint16 market => uint64 share) public trancheOf;
    mapping(uint256 epoch => mapping(Account staker => uint256 shares)) private _shares;
    mapping(uint256 epoch => mapping(uint16 market => uint256 cash)) private _spent;
    mapping(Account staker => Exit) private _exits;

    modifier onlyLiquidation() {
        require(msg.sender == liquidation, NotLiquidation(msg.sender, liquidation));
        _;
    }

    modifier onlyFor(Account staker) {
        require(delegates.mayAct(staker, msg.sender, _withdraw), NotPermitted(Account.unwrap(staker), msg.sender));
        _;
    }

    /// @dev What debtors were charged so far belongs to the shares of so far: it is there before somebody joins, leaves or loses.
    modifier afterInterest() {
        (, uint256 pool, , ) = ledger.interestOf();
        if (pool != 0) ledger.collectInterest(account);
        _;
    }

    constructor(address authority, ILedger ledger_, IDelegates delegates_) AccessManaged(authority) {
        ledger = ledger_;
        delegates = delegates_;
        _withdraw = delegates_.WITHDRAW();
        account = AccountLib.encode(address(this), ledger_.hubEid(), 0);
    }

    // ---- stakers

    /// @inheritdoc IFund
    function stake(
        Account staker,
        uint128 cash,
        bytes calldata prices
    ) external onlyFor(staker) afterInterest returns (uint256 shares) {
        int256 held = ledger.cashOf(staker);
        // CAST: 128 bits.
        require(held >= int256(uint256(cash)), CashTooLow(Account.unwrap(staker), held, cash));
        shares = sharesFor(cash);
        require(shares != 0, SharesZero(cash));
        totalShares += shares;
        _shares[_epoch][staker] += shares;
        emit Staked(Account.unwrap(staker), _epoch, cash, shares);
        _move(staker, account, cash);
        IMarginCheck check = ledger.marginCheck();
        if (address(check) != address(0)) check.requireInitial(staker, prices, 0);
    }

    /// @inheritdoc IFund
    function requestExit(Account staker, uint256 shares) external onlyFor(staker) {
        require(shares != 0, SharesZero(0));
        Exit memory pending = exitOf(staker);
        require(pending.shares == 0, ExitPending(Account.unwrap(staker), pending.readyAt));
        uint256 held = _shares[_epoch][staker];
        require(shares <= held, SharesTooLow(Account.unwrap(staker), held, shares));
        // CAST: seconds.
        uint40 readyAt = uint40(block.timestamp) + exitDelay;
        _exits[staker] = Exit(shares, readyAt, _epoch);
        emit ExitRequested(Account.unwrap(staker), _epoch, shares, readyAt);
    }

    /// @inheritdoc IFund
    function cancelExit(Account staker) external onlyFor(staker) {
        Exit memory pending = exitOf(staker);
        require(pending.shares != 0, NoExit(Account.unwrap(staker)));
        delete _exits[staker];
        emit ExitCancelled(Account.unwrap(staker), _epoch, pending.shares);
    }

    /// @inheritdoc IFund
    function exit(Account staker) external afterInterest returns (uint256 cash) {
        Exit memory pending = exitOf(staker);
        require(pending.shares != 0, NoExit(Account.unwrap(staker)));
        require(block.timestamp >= pending.readyAt, ExitTooEarly(pending.readyAt, block.timestamp));
        _requireSolvent();
        cash = cashFor(pending.shares);
        delete _exits[staker];
        totalShares -= pending.shares;
        _shares[_epoch][staker] -= pending.shares;
        emit Exited(Account.unwrap(staker), _epoch, pending.shares, cash);
        _move(account, staker, cash);
    }

    /// @dev What bids on insolvent accounts may still draw counts, not only what these are short of: a payout grows by a whole maintenance margin.
    ///      Without a levy nobody knows how much is missing: then any insolvent account counts.
    function _requireSolvent() private view {
        if (address(levy) == address(0)) {
            require(insolventOpen == 0, InsolvencyOpen(insolventOpen));
            return;
        }
        uint256 worst = levy.worstLoss();
        uint256 most = assets() / LEAST_DIVISOR;
        require(worst <= most, LossKnown(worst, most));
    }

    /// @inheritdoc IFund
    function collectInterest() external returns (uint256 cash) {
        return ledger.collectInterest(account);
    }

    // ---- Liquidation

    /// @inheritdoc IFund
    function pay(
        Account to,
        uint16 market,
        uint256 cash
    ) external onlyLiquidation afterInterest returns (uint256 paid) {
        paid = Math.min(cash, available(market));
        if (paid == 0) return 0;
        _spent[_epoch][market] += paid;
        _move(account, to, paid);
        emit Paid(Account.unwrap(to), market, paid);
        uint256 shares = totalShares;
        if (shares > assets() * WORTHLESS) {
            emit WipedOut(_epoch, shares);
            totalShares = 0;
            ++_epoch;
        }
    }

    /// @inheritdoc IFund
    function openInsolvency() external onlyLiquidation {
        emit InsolventOpenChanged(++insolventOpen);
    }

    /// @inheritdoc IFund
    function closeInsolvency() external onlyLiquidation {
        require(insolventOpen != 0, NotInsolvent());
        emit InsolventOpenChanged(--insolventOpen);
    }

    // ---- governance

    /// @inheritdoc IFund
    function setLiquidation(address liquidation_) external restricted {
        liquidation = liquidation_;
        emit LiquidationSet(liquidation_);
    }

    /// @inheritdoc IFund
    function setLevy(ILevy levy_) external restricted {
        levy = levy_;
        emit LevySet(address(levy_));
    }

    /// @inheritdoc IFund
    function setTranche(uint16 market, uint64 share) external restricted {
        require(share <= ONE, TrancheInvalid(share, ONE));
        trancheOf[market] = share;
        emit TrancheSet(market, share);
    }

    /// @inheritdoc IFund
    function setExitDelay(uint40 delay) external restricted {
        require(delay <= MAX_EXIT_DELAY, DelayInvalid(delay, MAX_EXIT_DELAY));
        exitDelay = delay;
        emit ExitDelaySet(delay);
    }

    // ---- views

    /// @inheritdoc IFund
    function assets() public view returns (uint256) {
        int256 cash = ledger.cashOf(account);
        // CAST: not negative.
        return cash > 0 ? uint256(cash) : 0;
    }

    /// @inheritdoc IFund
    function available(uint16 market) public view returns (uint256) {
        uint256 cash = assets();
        uint256 share = trancheOf[market];
        if (share == 0) return cash;
        uint256 spent = _spent[_epoch][market];
        return Math.min(cash, (cash + spent).mulDiv(share, ONE).saturatingSub(spent));
    }

    /// @inheritdoc IFund
    function sharesFor(uint256 cash) public view returns (uint256) {
        return cash.mulDiv(totalShares + VIRTUAL_SHARES, assets() + 1);
    }

    /// @inheritdoc IFund
    function cashFor(uint256 shares) public view returns (uint256) {
        return shares.mulDiv(assets() + 1, totalShares + VIRTUAL_SHARES);
    }

    /// @inheritdoc IFund
    function epoch() external view returns (uint256) {
        return _epoch;
    }

    /// @inheritdoc IFund
    function sharesOf(Account staker) external view returns (uint256) {
        return _shares[_epoch][staker];
    }

    /// @inheritdoc IFund
    function exitOf(Account staker) public view returns (Exit memory pending) {
        pending = _exits[staker];
        // What is left of an epoch, or of a window, that is over is void.
        if (pending.epoch != _epoch || block.timestamp > uint256(pending.readyAt) + EXIT_WINDOW)
            pending = Exit(0, 0, 0);
    }

    function _move(Account from, Account to, uint256 cash) private {
        // CAST: at most what an account holds.
        ledger.moveCash(from, to, int256(cash));
    }
}
