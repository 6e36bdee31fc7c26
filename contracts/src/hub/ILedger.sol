// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";
import {CreditReceipt} from "./Credit.sol";
import {IInterestModel} from "./IInterestModel.sol";
import {IMarginCheck} from "./IMarginCheck.sol";
import {ICollateralRules} from "./risk/ICollateralRules.sol";

/// @notice The only state of accounts. Moved by registered modules through typed functions; every rounding favours the protocol.
/// @dev Collateral is held per (chain, token): an asset is (eid, index in that chain's vault) and gets a hub-wide `assetId` when
///      governance configures it. Amounts are in the token's base units, cash in 18 decimals. An account's collateral is a packed
///      list (two assets per storage slot, ≤ 16), so valuing it costs one cold read per two assets. What a stranger pays in for
///      an asset the account does not use is `idle`: it is owned, but is not margin until the owner enables it.
interface ILedger {
    /// @notice Standing of an asset on the hub.
    /// @dev Settlement (cash at par) is `Settlement`; everything else, and a settlement token off peg, is `Collateral`.
    enum AssetStanding {
        Unknown, // never configured
        Collateral,
        Settlement,
        Frozen
    }

    /// @notice Why a deposit was parked. `None` = credited.
    enum ParkReason {
        None,
        UnknownAsset,
        FrozenAsset,
        CapExceeded,
        InflowLimit,
        BalanceOverflow,
        AccountInvalid,
        AmountImpossible // above 2^108 − 1, which no vault takes: refused for good, neither parked nor booked
    }

    /// @notice What a reservation is made of, and where it goes back to.
    enum ReserveSource {
        Balance, // of the account
        Cash, // free settlement; the account's cash was queued before
        Suspense // a parked deposit
    }

    /// @param standing        not Unknown
    /// @param decimals        of the token: ≤ 18 for settlement, else ≤ 36; fixed once set
    /// @param cap             most of the asset that may be credited, base units, < 2^108
    /// @param inflowCapacity  size of the inflow bucket, base units, 1 … 2^108 − 1
    /// @param inflowPerSecond refill of the inflow bucket, base units per second, 1 … 2^88 − 1
    struct AssetConfig {
        AssetStanding standing;
        uint8 decimals;
        uint128 cap;
        uint128 inflowCapacity;
        uint128 inflowPerSecond;
    }

    /// @notice custody = balances + free + reserved + suspense (INV-LEDGER-1), base units of the token.
    /// @param custody  Σ deposited, applied or parked, − Σ receipted
    /// @param balances Σ of the accounts' collateral and idle balances
    /// @param free     pooled settlement behind cash, not reserved
    /// @param reserved ordered to be released
    /// @param suspense parked deposits
    struct Custody {
        uint256 custody;
        uint256 balances;
        uint256 free;
        uint256 reserved;
        uint256 suspense;
    }

    /// @notice A deposit became a balance; see CreditReceipt for the fields.
    event Credited(bytes32 indexed account, CreditReceipt receipt);
    event AssetConfigured(uint16 indexed assetId, uint32 eid, uint16 asset, AssetConfig config);
    event CollateralEnabled(bytes32 indexed account, uint16 indexed assetId, uint256 amount);
    event CollateralDisabled(bytes32 indexed account, uint16 indexed assetId, uint256 amount);
    event Transferred(bytes32 indexed from, bytes32 indexed to, uint16 indexed assetId, uint256 amount);
    event CashTransferred(bytes32 indexed from, bytes32 indexed to, uint256 amount);
    /// @notice A rebase correction. `booked` moved on the account (0: suspense) and on custody, base units; `uncovered` is what a
    ///         negative correction could not take back: it went to the loss account.
    event Corrected(bytes32 indexed account, uint16 indexed assetId, int256 booked, uint256 uncovered, uint64 sequence);
    /// @notice Units were put aside to be released. From Cash: free settlement became reserved, and what the account had queued for it
    ///         (units at par) left the queued cash.
    /// @param account 0: a parked deposit that is sent home
    event Reserved(
        bytes32 indexed account,
        uint32 indexed eid,
        uint16 indexed asset,
        uint256 units,
        ReserveSource from
    );
    /// @notice A reservation was undone. To Cash: the units are free settlement again, and the account has their cash.
    event Unreserved(
        bytes32 indexed account,
        uint32 indexed eid,
        uint16 indexed asset,
        uint256 units,
        ReserveSource to
    );
    /// @notice Cash of an account waits for an order, 18 decimals.
    event CashQueued(bytes32 indexed account, uint256 cash);
    /// @notice Queued cash went back to its account.
    event CashUnqueued(bytes32 indexed account, uint256 cash);
    /// @notice A vault settled orders: reserved and custody fell by as much.
    event Released(uint32 indexed eid, uint16 indexed asset, uint256 units);
    /// @notice A rebase took back what a receipt of a forgotten branch had released: reserved and custody rose by as much.
    event Reinstated(uint32 indexed eid, uint16 indexed asset, uint256 units);
    /// @notice Cash moved between an account and `clearing`, 18 decimals: a premium, a fee, what a position realised.
    event CashChanged(bytes32 indexed account, int256 change);
    /// @notice Interest that was due left a debtor's cash, 18 decimals; it stands in the pool until collected.
    event InterestCharged(bytes32 indexed account, uint256 amount);
    /// @notice The pool of interest became cash of an account, 18 decimals.
    event InterestCollected(bytes32 indexed account, uint256 amount);
    event InterestModelSet(address indexed model);
    /// @notice A loss of all cash covered what an account owed, 18 decimals. Holders bear it when their cash is next looked at: see LossCharged.
    /// @param kept what a unit of cash held since the beginning has been left, 1e-27
    event LossSpread(bytes32 indexed account, uint256 amount, uint256 kept);
    /// @notice An account's part of losses that were spread left its cash, 18 decimals: cash - floor(cash · kept / kept when it was last booked).
    event LossCharged(bytes32 indexed account, uint256 amount);
    /// @notice Cash may not leave, or may again.
    event BrakeSet(bool braked);
    /// @notice A vault lost a part of an asset: what is held of it counts as `recovery` (18 decimals) of as much of its successor.
    /// @param balances what accounts lost together, base units
    /// @param free     what pooled settlement lost, base units; cash of `bearer` fell by as much at par
    event AssetWrittenDown(
        uint16 indexed assetId,
        uint16 indexed successor,
        uint32 eid,
        uint16 asset,
        uint64 recovery,
        uint256 balances,
        uint256 free,
        bytes32 bearer
    );
    /// @notice An account's balance of an asset that was written down became one of its successor, base units.
    event BalanceWrittenDown(
        bytes32 indexed account,
        uint16 indexed assetId,
        uint16 indexed successor,
        uint256 held,
        uint256 kept
    );
    event MarginCheckSet(address indexed marginCheck);
    event ModuleSet(address indexed module, bool enabled);

    error NotModule(address caller);
    error NotAccountOwner(bytes32 account, address caller);
    error AssetUnknown(uint32 eid, uint16 asset);
    error AssetIdUnknown(uint16 assetId, uint16 assetCount);
    error AssetConfigInvalid(uint16 assetId, string expected);
    error CollateralLimit(bytes32 account, uint256 maximum);
    error NotEnabled(bytes32 account, uint16 assetId);
    error AlreadyEnabled(bytes32 account, uint16 assetId);
    error BalanceTooLow(bytes32 account, uint16 assetId, uint256 balance, uint256 needed);
    error CashTooLow(bytes32 account, int256 cash, uint256 needed);
    error CashOutOfRange(bytes32 account, int256 cash, int256 change);
    error OwnerMismatch(bytes32 from, bytes32 to);
    error AmountTooLarge(uint256 amount, uint256 maximum);
    error AmountZero();
    error NotReserved(uint32 eid, uint16 asset, uint256 reserved, uint256 needed);
    error AssetNotSettlement(uint32 eid, uint16 asset);
    /// @notice More is known to be missing than the insurance fund has: cash waits.
    error CashBraked();
    error AssetNotFrozen(uint16 assetId);
    error RecoveryInvalid(uint64 recovery, uint256 below);
    error NotWrittenDown(uint16 assetId);

    // ---- modules (Gateway)

    /// @notice Credits deposits of one chain, in order; one that cannot be credited goes to suspense. Total. Modules only.
    /// @param credits see CreditBatch
    /// @return reasons one byte per credit, a ParkReason, 0 = credited; empty if all were credited
    function credit(uint32 srcEid, bytes calldata credits) external returns (bytes memory reasons);

    /// @notice Credits one deposit out of suspense, or says why it still cannot be (then nothing changed). Modules only.
    /// @param credits see CreditBatch; exactly one
    function creditFromSuspense(uint32 srcEid, bytes calldata credits) external returns (ParkReason reason);

    /// @notice Books a correction of a rebase on the account (account 0: on suspense) and on custody. Modules only.
    /// @dev Total for an account: a negative correction takes what the account holds of the asset (a settlement asset: what is free
    ///      of it, from the account's cash, which may become negative) and books the rest on the loss account.
    /// @param amount base units of the token; positive: a deposit of the new branch, negative: one of the old branch
    function correct(uint32 eid, uint16 asset, Account account, int256 amount, uint64 sequence) external;

    // ---- modules (Gateway, Withdrawals): value on its way out

    /// @notice Puts a part of the account's balance aside, from wherever it is. Modules only. Reverts if it holds less.
    /// @param units base units, above 0; so in all functions below
    function take(Account account, uint32 eid, uint16 asset, uint256 units) external;
    /// @notice Takes cash for a later `reserveCash`, floored to units of the token at par; the rest stays cash. Modules only.
    /// @dev The token must be settlement, or have free settlement from when it was. Reverts if the account has less cash.
    /// @param cash 18 decimals
    /// @return units may be 0: then nothing happened
    /// @return scale cash per unit
    function queueCash(
        Account account,
        uint32 eid,
        uint16 asset,
        uint256 cash
    ) external returns (uint256 units, uint256 scale);
    /// @notice Undoes `queueCash`. Modules only.
    function unqueueCash(Account account, uint32 eid, uint16 asset, uint256 units) external;
    /// @notice Puts free settlement aside for cash that `queueCash` took. Modules only.
    /// @return reserved false, and nothing changed: the token has less free settlement
    function reserveCash(Account account, uint32 eid, uint16 asset, uint256 units) external returns (bool reserved);
    /// @notice Undoes a reservation. To Balance: the asset is enabled, if there is room, as by an own deposit. To Cash: free settlement
    ///         again, and cash of the account. To Suspense: parked again, in the books alone. Modules only.
    function unreserve(Account account, uint32 eid, uint16 asset, uint256 units, ReserveSource to) external;
    /// @notice Puts a parked deposit aside to be sent home, of an asset that was never configured too. Modules only.
    function reserveSuspense(uint32 eid, uint16 asset, uint256 units) external;
    /// @notice Books what a vault settled: reserved and custody fall. All or nothing. Modules only.
    /// @param assets distinct
    /// @return released false, and nothing changed: one of the sums exceeds what is reserved of its asset
    function release(uint32 eid, uint16[] calldata assets, uint128[] calldata sums) external returns (bool released);
    /// @notice Undoes a release that stood on a forgotten branch: reserved and custody rise. Modules only.
    function reinstate(uint32 eid, uint16 asset, uint256 units) external;

    // ---- modules (Markets, Exchange)

    /// @notice Adds signed cash to an account and takes it out of `clearing`. Modules only, which keep `clearing` equal to what positions
    ///         owe. Reverts where an account could not hold the result; cash may become negative.
    /// @param change 18 decimals; 0 changes nothing
    function changeCash(Account account, int256 change) external;
    /// @notice Moves signed cash from one account to another, as two calls of `changeCash` would: with an event of each, and the same refusals. Modules
    ///         only.
    /// @dev Does not sample the rate of interest.
    /// @param amount 18 decimals, negative: the other way; 0 changes nothing
    function moveCash(Account from, Account to, int256 amount) external;
    /// @notice Makes the interest charged so far cash of an account (the fund's). Modules only.
    /// @return amount 18 decimals
    function collectInterest(Account to) external returns (uint256 amount);

    // ---- modules (Levy)

    /// @notice Covers what an account owes by a loss of all positive cash, in proportion. Modules only.
    /// @dev Applied lazily by an index, as interest is: cash - floor(cash · kept now / kept then). At least 10^-12 of what cash was at the
    ///      beginning must be left.
    /// @param account whose cash is negative
    /// @param amount  18 decimals, at most what it owes
    /// @return borne  of it; less where all cash can bear no more, never 0
    function spreadLoss(Account account, uint256 amount) external returns (uint256 borne);
    /// @notice Keeps cash from being queued to leave, or lets it leave. What is queued stays queued. Modules only.
    function setBrake(bool braked) external;

    // ---- anyone

    /// @notice Books the interest an account owes by now, or its part of losses spread since its cash was last booked, and samples the rate. Any
    ///         move of its cash does it too; what is due is the same however often it is booked, but for roundings, each at most 1 and
    ///         against the account.
    function chargeInterest(Account account) external;
    /// @notice Turns what an account holds of an asset that was written down into what was recovered of it, rounded down; enabled if it was.
    ///         Until somebody does, it can neither be moved nor withdrawn.
    function settleWrittenDown(Account account, uint16 assetId) external returns (uint256 kept);

    // ---- owners

    /// @notice Makes an asset of the account margin collateral; idle balance moves in. Owner only.
    function enableCollateral(Account account, uint16 assetId) external;
    /// @notice Takes an asset out of margin; its balance becomes idle. Owner only.
    /// @dev This and the transfers end with the margin check, if one is set, of the account that gives; at the prices the feeds have.
    function disableCollateral(Account account, uint16 assetId) external;
    /// @notice Moves a balance between sub-accounts of one owner and home; enabled there if there is room. Owner only. With no margin
    ///         check, refused to who owes cash.
    function transfer(Account from, Account to, uint16 assetId, uint128 amount) external;
    /// @notice Moves cash (18 decimals) between sub-accounts of one owner and home, of which there must be as much. Owner only.
    function transferCash(Account from, Account to, uint128 amount) external;

    // ---- governance (restricted)

    /// @notice Lists an asset or changes its limits. GOVERNOR, delayed.
    function configureAsset(uint32 eid, uint16 asset, AssetConfig calldata config) external returns (uint16 assetId);
    /// @notice Risk down, at once: no more credits of this asset. GUARDIAN.
    function freezeAsset(uint16 assetId) external;
    /// @notice Says that a vault holds no more than a part of an asset: balances and pooled settlement fall to `recovery` (18 decimals, below 1)
    ///         of what they were; what is reserved or parked is that vault's own debt and stays. GOVERNOR, delayed. The asset must be frozen.
    /// @dev Balances become shares of an asset that has ended; settleWrittenDown turns them into its successor, at the same place of the
    ///      vault, frozen like it. So no valuation ever pays for an index. In the same transaction the successor takes over the asset's rule as
    ///      margin: what is not settled yet counts nothing, and what is settled counts at once.
    /// @param bearer account whose cash bears what pooled settlement lost
    /// @param rules  that say what the asset counts for; the ledger must be permitted to call its `succeed`
    function writeDown(
        uint32 eid,
        uint16 asset,
        uint64 recovery,
        Account bearer,
        ICollateralRules rules
    ) external returns (uint16 successor);
    /// @notice Registers who may move the ledger. GOVERNOR, delayed.
    function setModule(address module, bool enabled) external;
    /// @notice Who judges accounts that owners take from. GOVERNOR, delayed. Zero: balances and cash alone decide.
    function setMarginCheck(IMarginCheck marginCheck) external;
    /// @notice What debts pay from now on; what is due till now stays at the old rate. GOVERNOR, delayed. Zero: nothing.
    function setInterestModel(IInterestModel model) external;

    // ---- views

    function hubEid() external view returns (uint32);
    function isModule(address module) external view returns (bool);
    function assetCount() external view returns (uint16);
    /// @notice Hub-wide id of an asset, 0 if it was never configured.
    function assetIdOf(uint32 eid, uint16 asset) external view returns (uint16 assetId);
    function assetKey(uint16 assetId) external view returns (uint32 eid, uint16 asset);
    function configOf(uint16 assetId) external view returns (AssetConfig memory);
    function custodyOf(uint16 assetId) external view returns (Custody memory);
    /// @notice Parked deposits of an asset that was never configured, base units, without those on their way home; moves to its
    ///         suspense when it is.
    function unlistedSuspense(uint32 eid, uint16 asset) external view returns (uint256);
    /// @notice Inflow the bucket would let in now.
    function inflowAvailable(uint16 assetId) external view returns (uint128);
    /// @notice Enabled collateral of an account, in list order.
    function collateralOf(Account account) external view returns (uint16[] memory assetIds, uint128[] memory amounts);
    function balanceOf(Account account, uint16 assetId) external view returns (uint128 collateral, uint128 idle);
    /// @notice Cash and enabled collateral as the risk engines read them (see IRiskEngine).
    /// @return cash  as cashOf
    /// @return words amount 108 | assetId 16, twice per word; an empty place is 0
    function packedBookOf(Account account) external view returns (int256 cash, uint256[] memory words);
    /// @notice Cash that stands in open positions and unsettled expiries instead of in accounts, 18 decimals.
    function clearing() external view returns (int256);
    /// @notice Signed settlement balance with the interest, or the losses, due by now, 18 decimals.
    function cashOf(Account account) external view returns (int256);
    /// @notice The same without what is due but not booked: what the events add up to.
    function bookedCashOf(Account account) external view returns (int256);
    /// @notice Interest as of now.
    /// @return debt      Σ of negative cash as booked, 18 decimals
    /// @return pool      charged, and not collected yet, 18 decimals
    /// @return index     what a debt of 1 at the beginning has become, 1e-27
    /// @return perSecond what it grows by per second since the last sample, 1e-18
    function interestOf() external view returns (uint256 debt, uint256 pool, uint256 index, uint256 perSecond);
    /// @notice Losses spread over all cash, as of now.
    /// @return kept what a unit of cash held since the beginning has been left, 1e-27
    /// @return due  spread and not yet charged to holders, 18 decimals; below 0 by what roundings charged beyond it
    function spreadOf() external view returns (uint256 kept, int256 due);
    /// @notice Whether cash is kept from leaving.
    function isBraked() external view returns (bool);
    /// @notice What became of an asset that was written down; zeros for others.
    function writtenDownOf(uint16 assetId) external view returns (uint64 recovery, uint16 successor);
    /// @notice Whether any asset was ever written down: while none was, no balance waits for settleWrittenDown.
    function anyWrittenDown() external view returns (bool);
    function interestModel() external view returns (IInterestModel);
    function marginCheck() external view returns (IMarginCheck);
    /// @notice Σ booked cash of all accounts, 18 decimals.
    function totalCash() external view returns (int256);
    /// @notice Σ cash that waits for orders, 18 decimals.
    function queuedCash() external view returns (uint256);
    /// @notice What is reserved of an asset, configured or not, and its free settlement, base units.
    function liquidityOf(uint32 eid, uint16 asset) external view returns (uint256 reserved, uint256 free);
    /// @notice What negative corrections could not take back, per asset, base units: owed to accounts, but no longer in a vault.
    function lossOf(uint16 assetId) external view returns (uint256);
}
