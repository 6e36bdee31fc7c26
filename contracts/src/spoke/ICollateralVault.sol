// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../types/Account.sol";

/// @notice Custody of one chain: takes deposits, appends them to the log, pays what the hub orders. Knows no risk.
/// @dev Listable: plain ERC-20 with a fixed balance per holder, and the native coin (token = address(0)). Not listable:
///      rebasing, over-charging and exit-hook tokens. Amounts are in the token's own base units.
interface ICollateralVault {
    enum AssetStatus {
        Unlisted,
        Open,
        DepositsPaused,
        Frozen
    }

    /// @param token      address(0) = native coin
    /// @param status     see AssetStatus
    /// @param decimals   of the token when it was listed; 18 for the native coin
    /// @param minDeposit smallest deposit
    /// @param cap        most that may be in custody (deposited − cancelled − paid)
    struct AssetView {
        address token;
        AssetStatus status;
        uint8 decimals;
        uint128 minDeposit;
        uint128 cap;
        uint128 deposited;
        uint128 cancelled;
        uint128 paid;
        uint128 claimable;
    }

    /// @notice Tokens came in and an entry was appended to the log of the hub path.
    event Deposited(
        bytes32 indexed account,
        address indexed payer,
        uint16 indexed asset,
        uint128 amount,
        uint64 sequence
    );
    /// @notice An unflushed deposit was voided and its tokens went to the refund address.
    event DepositCancelled(uint64 indexed sequence, address indexed refund, uint16 indexed asset, uint128 amount);
    event AssetListed(uint16 indexed asset, address token, uint8 decimals, uint128 minDeposit, uint128 cap);
    event AssetLimitsSet(uint16 indexed asset, uint128 minDeposit, uint128 cap);
    event AssetStatusSet(uint16 indexed asset, AssetStatus status);
    event CancelDelaySet(uint40 seconds_);
    event DepositsPaused(bool paused);

    error AssetNotListed(uint16 asset);
    error AssetAlreadyListed(address token, uint16 asset);
    error TokenInvalid(address token);
    error AssetNotOpen(uint16 asset, AssetStatus status);
    error DepositsArePaused();
    error DepositBelowMinimum(uint16 asset, uint256 received, uint256 minimum);
    error CapExceeded(uint16 asset, uint256 custody, uint256 cap);
    error AmountTooLarge(uint256 amount, uint256 maximum);
    error ValueMismatch(uint256 sent, uint256 expected);
    error AccountInvalid(bytes32 account);
    error ReceiverInvalid(address receiver);
    error NotDepositParty(address caller, address payer, address refund);
    error CancelTooEarly(uint256 nowSeconds, uint256 earliest);
    error EntryNotDeposit(uint8 kind, uint256 length);
    error StatusNotStricter(uint16 asset, AssetStatus current, AssetStatus wanted);
    error CancelDelayTooLong(uint256 wanted, uint256 maximum);
    /// @notice More than deposited − cancelled − paid − claimable: another owns it already.
    error BackingExceeded(uint16 asset, uint256 amount, uint256 backing);
    error Permit2Unavailable();
    error RefundFailed(address to, uint256 amount);

    /// @notice How a deposit travels: with the next batch, or at once at the caller's cost.
    /// @dev Batched: msg.value = entry fee (+ amount for the native coin). Express: msg.value also pays the checkpoint; what is
    ///      left goes to `refund`.
    struct DepositParams {
        Account account;
        uint16 asset;
        uint256 amount;
        address refund;
        bool express;
    }

    /// @notice Takes `amount` from the caller, at most 2^108 − 1 (allowance to the vault, or msg.value for the native coin).
    /// @return sequence of the entry; (hub path, sequence) identifies the deposit everywhere
    function deposit(DepositParams calldata params) external payable returns (uint64 sequence);

    /// @notice `deposit` after an ERC-2612 permit of the caller. A permit that was already used is not an error.
    function depositWithPermit(
        DepositParams calldata params,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external payable returns (uint64 sequence);

    /// @notice `deposit` through Permit2 (signature transfer) of the caller.
    function depositWithPermit2(
        DepositParams calldata params,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external payable returns (uint64 sequence);

    /// @notice Takes an unflushed deposit back. Payer or refund address, after the cancel delay; pays the refund address. Not a claimable
    ///         order that was returned (IPayouts.returnClaim).
    /// @param sequence    of the deposit
    /// @param headBefore  head at sequence − 1
    /// @param entry       the deposit's entry, from its event
    /// @param leavesAfter leaves of sequence + 1 … N where head(N) is in the Messenger's ring
    function cancel(uint64 sequence, bytes32 headBefore, bytes calldata entry, bytes32[] calldata leavesAfter) external;

    // ---- governance (restricted)

    /// @notice Lists a token; `address(0)` is the native coin. GOVERNOR, delayed.
    /// @param minDeposit smallest deposit, base units; 0 = any but nothing
    /// @param cap        most that may be in custody, base units
    function listAsset(address token, uint128 minDeposit, uint128 cap) external returns (uint16 asset);
    /// @notice GOVERNOR, delayed.
    function setAssetLimits(uint16 asset, uint128 minDeposit, uint128 cap) external;
    /// @notice Re-opens an asset (risk up). GOVERNOR, delayed.
    function openAsset(uint16 asset) external;
    /// @notice Pauses deposits of one asset, or freezes it (neither deposit nor cancel); never loosens. GUARDIAN, at once.
    function restrictAsset(uint16 asset, AssetStatus status) external;
    /// @notice At most one day. GOVERNOR, delayed.
    function setCancelDelay(uint40 seconds_) external;
    /// @notice Every asset; cancelling stays possible. GUARDIAN, at once.
    function pauseDeposits() external;
    /// @notice GOVERNOR, delayed.
    function unpauseDeposits() external;

    // ---- views
    function hubEid() external view returns (uint32);
    function messenger() external view returns (address);
    function permit2() external view returns (address);
    function assetCount() external view returns (uint16);
    function assetOf(uint16 asset) external view returns (AssetView memory);
    function assetIndexOf(address token) external view returns (uint16 asset);
    function cancelDelay() external view returns (uint40);
    function depositsPaused() external view returns (bool);
    /// @notice Tokens the vault holds now and what it must hold at least: deposited − cancelled − paid.
    function backing(uint16 asset) external view returns (uint256 held, uint256 owed);
}
