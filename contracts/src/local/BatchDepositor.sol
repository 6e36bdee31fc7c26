// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ICollateralVault} from "../spoke/ICollateralVault.sol";
import {Account} from "../types/Account.sol";

/// @notice For local chains: makes many deposits in one transaction, as an exchange that pays out to its users would.
/// @dev Spends the tokens it holds itself, for whoever calls; nobody may leave any in it.
contract BatchDepositor {
    /// @notice Deposits `amount` base units for each account, with the next batch. msg.value: the entry fee of each.
    function depositMany(
        ICollateralVault vault,
        uint16 asset,
        uint256 amount,
        Account[] calldata accounts
    ) external payable {
        IERC20(vault.assetOf(asset).token).approve(address(vault), amount * accounts.length);
        uint256 fee = msg.value / accounts.length;
        for (uint256 i; i < accounts.length; ++i) {
            vault.deposit{value: fee}(
                ICollateralVault.DepositParams({
                    account: accounts[i],
                    asset: asset,
                    amount: amount,
                    refund: msg.sender,
                    express: false
                })
            );
        }
    }
}
