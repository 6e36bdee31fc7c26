// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";

/// @notice The only state of accounts. Moved by registered modules through typed functions; every rounding favours the protocol.
/// @dev Collateral is held per (chain, token): an asset is (eid, index in that chain's vault) and gets a hub-wide `assetId` when
///      it is first seen. Amounts are in the token's base units, cash in 18 decimals. An account's collateral is a packed list
///      (two assets per storage slot, ≤ 16), so valuing it costs one cold read per two assets. What a stranger pays in for an
///      asset the account does not use is `idle`: it is owned, but is not margin until the owner enables it.
interface ILedger {
    /// @notice Standing of an asset on the hub.
    /// @dev Settlement (cash at par) is `Settlement`; everything else, and a settlement token off peg, is `Collateral`.
    enum AssetStanding {
        Unknown, // seen in a deposit, never listed
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
        AccountInvalid
    }

    /// @param decimals        of the token
    /// @param cap             most of the asset that may be credited, base units
    /// @param inflowCapacity  size of the inflow bucket, base units
    /// @param inflowPerSecond refill of the inflow bucket, base units per second
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
        uint128 custody;
        uint128 balances;
        uint128 free;
        uint128 reserved;
        uint128 suspense;
    }

    /// @notice One deposit to credit.
    /// @param ownDeposit the account's principal paid it, so the asset is enabled as margin collateral
    struct Credit {
        uint64 sequence;
        Account account;
        uint16 asset;
        uint128 amount;
        bool ownDeposit;
    }

    /// @notice A deposit became a balance. `collateral`: margin collateral at once (else idle); settlement assets become cash.
    event Credited(
        bytes32 indexed account,
        uint32 srcEid,
        uint64 sequence,
        uint16 assetId,
        uint128 amount,
        Destination destination
    );

    enum Destination {
        Collateral,
        Idle,
        Cash
    }

    event AssetSeen(uint16 indexed assetId, uint32 eid, uint16 asset);
    event AssetConfigured(uint16 indexed assetId, uint32 eid, uint16 asset, AssetConfig config);
    event CollateralEnabled(bytes32 indexed account, uint16 indexed assetId, uint256 amount);
    event CollateralDisabled(bytes32 indexed account, uint16 indexed assetId, uint256 amount);
    event Transferred(bytes32 indexed from, bytes32 indexed to, uint16 indexed assetId, uint256 amount);
    event CashTransferred(bytes32 indexed from, bytes32 indexed to, uint256 amount);
    /// @notice A rebase correction, booked against the loss account.
    event Corrected(bytes32 indexed account, uint16 indexed assetId, int256 amount, uint64 sequence);
    event ModuleSet(address indexed module, bool enabled);

    error NotModule(address caller);
    error NotAccountOwner(bytes32 account, address caller);
    error AssetUnknown(uint32 eid, uint16 asset);
    error AssetConfigInvalid(uint16 assetId, string expected);
    error CollateralLimit(bytes32 account, uint256 maximum);
    error NotEnabled(bytes32 account, uint16 assetId);
    error BalanceTooLow(bytes32 account, uint16 assetId, uint256 balance, uint256 needed);
    error CashTooLow(bytes32 account, int256 cash, uint256 needed);
    error OwnerMismatch(bytes32 from, bytes32 to);
    error AmountTooLarge(uint256 amount, uint256 maximum);
    error AmountZero();

    // ---- modules (Gateway)

    /// @notice Credits deposits of one chain, in order; one that cannot be credited goes to suspense. Total.
    /// @return reasons one per credit; ParkReason.None = credited
    function credit(uint32 srcEid, Credit[] calldata credits) external returns (ParkReason[] memory reasons);

    /// @notice Credits one deposit out of suspense, or says why it still cannot be (then nothing changed).
    function creditFromSuspense(uint32 srcEid, Credit calldata c) external returns (ParkReason reason);

    /// @notice Books a correction of a rebase: `amount` on the account (or, account 0, on suspense) against the loss account.
    function correct(uint32 eid, uint16 asset, Account account, int256 amount, uint64 sequence) external;

    // ---- owners

    /// @notice Makes an asset of the account margin collateral; idle balance moves in. Owner only.
    function enableCollateral(Account account, uint16 assetId) external;
    /// @notice Takes an asset out of margin; its balance becomes idle. Owner only.
    function disableCollateral(Account account, uint16 assetId) external;
    /// @notice Moves a balance between sub-accounts of one owner and home.
    function transfer(Account from, Account to, uint16 assetId, uint128 amount) external;
    function transferCash(Account from, Account to, uint128 amount) external;

    // ---- governance (restricted)

    function configureAsset(uint32 eid, uint16 asset, AssetConfig calldata config) external returns (uint16 assetId);
    /// @notice Risk down, at once: no more credits of this asset.
    function freezeAsset(uint16 assetId) external;
    function setModule(address module, bool enabled) external;

    // ---- views

    function assetCount() external view returns (uint16);
    function assetIdOf(uint32 eid, uint16 asset) external view returns (uint16 assetId);
    function assetKey(uint16 assetId) external view returns (uint32 eid, uint16 asset);
    function configOf(uint16 assetId) external view returns (AssetConfig memory);
    function custodyOf(uint16 assetId) external view returns (Custody memory);
    /// @notice Inflow the bucket would let in now.
    function inflowAvailable(uint16 assetId) external view returns (uint128);
    /// @notice Enabled collateral of an account, in list order.
    function collateralOf(Account account) external view returns (uint16[] memory assetIds, uint128[] memory amounts);
    function balanceOf(Account account, uint16 assetId) external view returns (uint128 collateral, uint128 idle);
    /// @notice Signed settlement balance, 18 decimals.
    function cashOf(Account account) external view returns (int256);
    /// @notice Σ cash of all accounts, 18 decimals.
    function totalCash() external view returns (int256);
    /// @notice What rebase corrections took from (positive) or gave to the system, per asset, base units.
    function lossOf(uint16 assetId) external view returns (int256);
}
