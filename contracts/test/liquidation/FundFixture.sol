// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Fund} from "../../src/hub/liquidation/Fund.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {HubFixture} from "../hub/HubFixture.sol";

/// @notice A fund on the hub; this contract plays Liquidation and gives accounts cash as other modules would.
abstract contract FundFixture is HubFixture {
    uint16 internal constant BTC = 1;
    uint16 internal constant ETH = 2;
    Fund internal fund;

    function setUp() public virtual override {
        super.setUp();
        bytes memory code = bytes.concat(
            vm.getCode("src/hub/liquidation/Fund.sol:Fund"),
            abi.encode(authority, ledger, delegates)
        );
        address created;
        assembly ("memory-safe") {
            created := create(0, add(code, 32), mload(code))
        }
        fund = Fund(created);
        ledger.setModule(created, true);
        ledger.setModule(address(this), true);
        fund.setLiquidation(address(this));
    }

    function _staker(uint256 index) internal returns (HubAccount) {
        return _account(makeAddr(string(abi.encodePacked("staker", index))), 0);
    }

    function _give(HubAccount to, uint256 cash) internal {
        ledger.changeCash(to, int256(cash));
    }

    /// @dev As the owner's own transaction: without code, an owner is known by the transaction's origin.
    function _as(HubAccount account) internal {
        vm.prank(account.owner(), account.owner());
    }

    function _stake(HubAccount staker, uint256 cash) internal returns (uint256 shares) {
        _give(staker, cash);
        _as(staker);
        return fund.stake(staker, uint128(cash), "");
    }

    function _announce(HubAccount staker, uint256 shares) internal {
        _as(staker);
        fund.requestExit(staker, shares);
    }

    /// @dev What the shares known are worth together never exceeds the cash of the fund's account.
    function _checkCovered(HubAccount[] memory stakers) internal view {
        uint256 shares;
        uint256 worth;
        for (uint256 i; i < stakers.length; ++i) {
            uint256 own = fund.sharesOf(stakers[i]);
            shares += own;
            worth += fund.cashFor(own);
        }
        assertEq(shares, fund.totalShares(), "shares sum");
        assertLe(worth, fund.assets(), "shares are covered");
    }
}
