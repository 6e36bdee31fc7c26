// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Entry, EntryKind} from "../message/Entry.sol";
import {IMessenger} from "../message/IMessenger.sol";
import {Account} from "../types/Account.sol";
import {Principal} from "../types/Principal.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {IPermit2} from "./IPermit2.sol";
import {Payouts} from "./Payouts.sol";
import {VaultBase} from "./VaultBase.sol";

/// @notice See ICollateralVault. Immutable: replaced by closing its log and migrating, never upgraded.
contract CollateralVault is Payouts {
    using SafeERC20 for IERC20;

    /// @notice Largest single deposit: what the hub's packed balances can hold.
    uint128 public constant MAX_DEPOSIT = (1 << 108) - 1;
    /// @notice Longest cancel delay governance may set: cancelling is the user's own way out.
    uint40 public constant MAX_CANCEL_DELAY = 1 days;
    uint8 private constant NATIVE_DECIMALS = 18;

    /// @inheritdoc ICollateralVault
    address public immutable permit2;

    /// @param authority  the AccessManager
    /// @param messenger_ of this chain; the vault must become its writer of DEPOSITED
    /// @param hubEid_    chain of the hub; may be this one
    /// @param permit2_   Uniswap's Permit2 on this chain; zero: depositWithPermit2 is refused
    constructor(
        address authority,
        IMessenger messenger_,
        uint32 hubEid_,
        address permit2_
    ) AccessManaged(authority) VaultBase(messenger_, hubEid_) {
        permit2 = permit2_;
        cancelDelay = 1 minutes;
    }

    // ---- deposit

    /// @inheritdoc ICollateralVault
    function deposit(DepositParams calldata params) external payable nonReentrant returns (uint64 sequence) {
        Asset storage asset = _checked(params);
        return _book(asset, params, _pull(asset.token, params.amount));
    }

    /// @inheritdoc ICollateralVault
    function depositWithPermit(
        DepositParams calldata params,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external payable nonReentrant returns (uint64 sequence) {
        Asset storage asset = _checked(params);
        address token = asset.token;
        require(token != NATIVE, TokenInvalid(token));
        // Anyone may have used the signature already: then the allowance is there and the pull decides.
        try IERC20Permit(token).permit(msg.sender, address(this), params.amount, deadline, v, r, s) {} catch {}
        return _book(asset, params, _pull(token, params.amount));
    }

    /// @inheritdoc ICollateralVault
    function depositWithPermit2(
        DepositParams calldata params,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external payable nonReentrant returns (uint64 sequence) {
        Asset storage asset = _checked(params);
        address token = asset.token;
        require(token != NATIVE, TokenInvalid(token));
        require(permit2 != address(0), Permit2Unavailable());
        uint256 before = IERC20(token).balanceOf(address(this));
        IPermit2(permit2).permitTransferFrom(
            IPermit2.PermitTransferFrom({
                permitted: IPermit2.TokenPermissions({token: token, amount: params.amount}),
                nonce: nonce,
                deadline: deadline
            }),
            IPermit2.SignatureTransferDetails({to: address(this), requestedAmount: params.amount}),
            msg.sender,
            signature
        );
        return _book(asset, params, _received(token, before, params.amount));
    }

    /// @dev What can be refused before tokens move.
    function _checked(DepositParams calldata params) private view returns (Asset storage asset) {
        require(!depositsPaused, DepositsArePaused());
        asset = _assets[params.asset];
        AssetStatus status = asset.status;
        require(status != AssetStatus.Unlisted, AssetNotListed(params.asset));
        require(status == AssetStatus.Open, AssetNotOpen(params.asset, status));
        require(params.account.owner() != address(0), AccountInvalid(Account.unwrap(params.account)));
        require(_isReceiver(asset.token, params.refund), ReceiverInvalid(params.refund));
        require(params.amount <= MAX_DEPOSIT, AmountTooLarge(params.amount, MAX_DEPOSIT));
    }

    function _pull(address token, uint256 amount) private returns (uint256 received) {
        // The value is checked against the amount when the fee is known.
        if (token == NATIVE) return amount;
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        return _received(token, before, amount);
    }

    /// @dev The measured delta; never more than was asked for, so that a donation from a transfer hook is nobody's deposit.
    function _received(address token, uint256 before, uint256 amount) private view returns (uint256) {
        uint256 held = IERC20(token).balanceOf(address(this));
        uint256 delta = held > before ? held - before : 0;
        return delta < amount ? delta : amount;
    }

    /// @dev Books what came in, appends the entry and, if asked to, flushes it.
    function _book(
        Asset storage asset,
        DepositParams calldata params,
        uint256 received
    ) private returns (uint64 sequence) {
        uint256 minimum = asset.minDeposit;
        require(received >= minimum && received != 0, DepositBelowMinimum(params.asset, received, minimum));
        // CAST: at most MAX_DEPOSIT.
        uint128 amount = uint128(received);
        uint256 deposited = uint256(asset.deposited) + amount;
        uint256 custody = deposited - asset.left;
        require(custody <= asset.cap, CapExceeded(params.asset, custody, asset.cap));
        require(deposited <= type(uint128).max, AmountTooLarge(deposited, type(uint128).max));
        // CAST: checked in the line above.
        asset.deposited = uint128(deposited);

        uint256 native = asset.token == NATIVE ? amount : 0;
        require(msg.value >= native, ValueMismatch(msg.value, native));
        uint256 rest = msg.value - native;
        if (!params.express) {
            // The Messenger takes exactly its fee.
            sequence = _append(params, amount, rest);
            return sequence;
        }
        uint256 fee = _messenger.entryFee();
        require(rest >= fee, ValueMismatch(msg.value, native + fee));
        sequence = _append(params, amount, fee);
        _messenger.flush{value: rest - fee}(hubEid, params.refund);
    }

    function _append(DepositParams calldata params, uint128 amount, uint256 fee) private returns (uint64 sequence) {
        sequence = _messenger.append{value: fee}(hubEid, _entry(params, amount));
        emit Deposited(Account.unwrap(params.account), msg.sender, params.asset, amount, sequence);
    }

    function _entry(DepositParams calldata params, uint128 amount) private view returns (bytes memory) {
        bool own = Principal.owns(msg.sender, params.account, _localEid);
        return
            Entry.encodeDeposited(
                Entry.Deposited({
                    account: params.account,
                    asset: params.asset,
                    amount: amount,
                    timestamp: uint40(block.timestamp),
                    payer: msg.sender,
                    refund: params.refund,
                    flags: own ? Entry.FLAG_OWN_DEPOSIT : 0
                })
            );
    }

    // ---- cancel

    /// @inheritdoc ICollateralVault
    function cancel(
        uint64 sequence,
        bytes32 headBefore,
        bytes calldata entry,
        bytes32[] calldata leavesAfter
    ) external nonReentrant {
        uint8 kind = entry.length == 0 ? 0 : uint8(entry[0]);
        require(
            kind == EntryKind.DEPOSITED && entry.length == Entry.DEPOSITED_LENGTH,
            EntryNotDeposit(kind, entry.length)
        );
        Entry.Deposited memory d = Entry.decodeDeposited(entry);
        // The vault as payer: a returned claim (see returnClaim).
        require(
            d.payer != address(this) && (msg.sender == d.payer || msg.sender == d.refund),
            NotDepositParty(msg.sender, d.payer, d.refund)
        );
        uint256 earliest = uint256(d.timestamp) + cancelDelay;
        require(block.timestamp >= earliest, CancelTooEarly(block.timestamp, earliest));
        Asset storage asset = _assets[d.asset];
        require(asset.status != AssetStatus.Frozen, AssetNotOpen(d.asset, AssetStatus.Frozen));

        // Proves that the entry is in the log, unflushed and not voided. Only this vault can have written it: the writer of a
        // kind cannot change while entries are unflushed.
        _messenger.voidEntry(hubEid, sequence, headBefore, Entry.leafOfCalldata(entry), leavesAfter);
        // No honest hub orders what was never delivered to it. A forged order may have: then there is nothing left to cancel.
        uint256 available = _backing(asset);
        require(d.amount <= available, BackingExceeded(d.asset, d.amount, available));
        asset.cancelled += d.amount;
        asset.left += d.amount;
        emit DepositCancelled(sequence, d.refund, d.asset, d.amount);
        require(_send(asset.token, d.refund, d.amount), RefundFailed(d.refund, d.amount));
    }

    // ---- governance

    /// @inheritdoc ICollateralVault
    function listAsset(address token, uint128 minDeposit, uint128 cap) external restricted returns (uint16 asset) {
        require(_indexOf[token] == 0, AssetAlreadyListed(token, _indexOf[token]));
        asset = ++assetCount;
        _indexOf[token] = asset;
        uint8 decimals = _decimalsOf(token);
        Asset storage a = _assets[asset];
        (a.token, a.status, a.decimals) = (token, AssetStatus.Open, decimals);
        (a.minDeposit, a.cap) = (minDeposit, cap);
        emit AssetListed(asset, token, decimals, minDeposit, cap);
    }

    function _decimalsOf(address token) private view returns (uint8) {
        if (token == NATIVE) return NATIVE_DECIMALS;
        require(token.code.length > 0, TokenInvalid(token));
        try IERC20Metadata(token).decimals() returns (uint8 decimals) {
            return decimals;
        } catch {
            revert TokenInvalid(token);
        }
    }

    /// @inheritdoc ICollateralVault
    function setAssetLimits(uint16 asset, uint128 minDeposit, uint128 cap) external restricted {
        Asset storage a = _listed(asset);
        (a.minDeposit, a.cap) = (minDeposit, cap);
        emit AssetLimitsSet(asset, minDeposit, cap);
    }

    /// @inheritdoc ICollateralVault
    function openAsset(uint16 asset) external restricted {
        _listed(asset).status = AssetStatus.Open;
        emit AssetStatusSet(asset, AssetStatus.Open);
    }

    /// @inheritdoc ICollateralVault
    function restrictAsset(uint16 asset, AssetStatus status) external restricted {
        Asset storage a = _listed(asset);
        require(status > a.status, StatusNotStricter(asset, a.status, status));
        a.status = status;
        emit AssetStatusSet(asset, status);
    }

    /// @inheritdoc ICollateralVault
    function setCancelDelay(uint40 seconds_) external restricted {
        require(seconds_ <= MAX_CANCEL_DELAY, CancelDelayTooLong(seconds_, MAX_CANCEL_DELAY));
        cancelDelay = seconds_;
        emit CancelDelaySet(seconds_);
    }

    /// @inheritdoc ICollateralVault
    function pauseDeposits() external restricted {
        depositsPaused = true;
        emit DepositsPaused(true);
    }

    /// @inheritdoc ICollateralVault
    function unpauseDeposits() external restricted {
        depositsPaused = false;
        emit DepositsPaused(false);
    }

    // ---- views

    /// @inheritdoc ICollateralVault
    function messenger() external view returns (address) {
        return address(_messenger);
    }

    /// @inheritdoc ICollateralVault
    function assetOf(uint16 asset) external view returns (AssetView memory) {
        Asset storage a = _assets[asset];
        return
            AssetView({
                token: a.token,
                status: a.status,
                decimals: a.decimals,
                minDeposit: a.minDeposit,
                cap: a.cap,
                deposited: a.deposited,
                cancelled: a.cancelled,
                paid: a.left - a.cancelled,
                claimable: a.claimable
            });
    }

    /// @inheritdoc ICollateralVault
    function assetIndexOf(address token) external view returns (uint16 asset) {
        return _indexOf[token];
    }

    /// @inheritdoc ICollateralVault
    function backing(uint16 asset) external view returns (uint256 held, uint256 owed) {
        Asset storage a = _listed(asset);
        held = a.token == NATIVE ? address(this).balance : IERC20(a.token).balanceOf(address(this));
        owed = uint256(a.deposited) - a.left;
    }
}
