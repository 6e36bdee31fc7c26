// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IMessenger} from "../message/IMessenger.sol";
import {ICollateralVault} from "./ICollateralVault.sol";
import {IPayouts} from "./IPayouts.sol";

/// @notice What deposits and payouts of a vault share: its assets, and how tokens leave.
abstract contract VaultBase is ICollateralVault, IPayouts, AccessManaged, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev One slot per pair: a deposit reads the first three and writes the third; a chunk of payouts writes the third, the fifth if
    ///      one became claimable, and the sixth.
    struct Asset {
        address token;
        AssetStatus status;
        uint8 decimals;
        uint128 minDeposit;
        uint128 cap;
        uint128 deposited;
        // cancelled + paid: a deposit needs only the sum, so it reads one slot less
        uint128 left;
        uint128 cancelled;
        uint128 claimable;
        uint128 outflowCapacity;
        uint128 outflowPerSecond;
        uint128 outflowLevel;
        uint40 outflowUpdatedAt;
    }

    address internal constant NATIVE = address(0);

    IMessenger internal immutable _messenger;
    uint32 internal immutable _localEid;
    /// @inheritdoc ICollateralVault
    uint32 public immutable hubEid;

    /// @inheritdoc ICollateralVault
    uint16 public assetCount;
    /// @inheritdoc ICollateralVault
    uint40 public cancelDelay;
    /// @inheritdoc ICollateralVault
    bool public depositsPaused;
    /// @inheritdoc IPayouts
    bool public payoutsPaused;

    mapping(uint16 asset => Asset) internal _assets;
    /// @dev Index plus nothing: indices start at 1, so 0 means not listed.
    mapping(address token => uint16 asset) internal _indexOf;

    constructor(IMessenger messenger_, uint32 hubEid_) {
        _messenger = messenger_;
        _localEid = messenger_.localEid();
        hubEid = hubEid_;
    }

    function _listed(uint16 asset) internal view returns (Asset storage a) {
        a = _assets[asset];
        require(a.status != AssetStatus.Unlisted, AssetNotListed(asset));
    }

    /// @dev Tokens sent to the others could not be taken out again.
    function _isReceiver(address token, address receiver) internal view returns (bool) {
        return
            receiver != address(0) && receiver != address(this) && receiver != token && receiver != address(_messenger);
    }

    /// @dev What may still leave: neither left already nor claimed by an order.
    function _backing(Asset storage asset) internal view returns (uint256) {
        return uint256(asset.deposited) - asset.left - asset.claimable;
    }

    /// @dev Whether exactly `amount` left the vault. A token that takes another amount is refused: the difference would be other users'
    ///      money, or the receiver's. What was moved stays moved, so whoever gets `false` must revert.
    function _send(address token, address to, uint256 amount) internal returns (bool) {
        if (token == NATIVE) return _sendNative(to, amount, gasleft());
        uint256 before = IERC20(token).balanceOf(address(this));
        return IERC20(token).trySafeTransfer(to, amount) && IERC20(token).balanceOf(address(this)) + amount == before;
    }

    /// @dev Copies no return data: the receiver cannot make the caller pay for memory.
    function _sendNative(address to, uint256 amount, uint256 gas_) internal returns (bool sent) {
        assembly ("memory-safe") {
            sent := call(gas_, to, amount, 0, 0, 0, 0)
        }
    }
}
