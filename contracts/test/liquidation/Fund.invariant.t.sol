// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account as HubAccount} from "../../src/types/Account.sol";
import {FundFixture} from "./FundFixture.sol";

/// @notice Random histories of stakes, exits, gains, losses and insolvencies.
contract FundInvariant is FundFixture {
    HubAccount[] internal stakers;
    uint256 internal given;

    function setUp() public override {
        super.setUp();
        for (uint256 i; i < 4; ++i) stakers.push(_staker(i));
        fund.setTranche(ETH, 0.4e18);
        bytes4[] memory selectors = new bytes4[](8);
        selectors[0] = this.stake.selector;
        selectors[1] = this.announce.selector;
        selectors[2] = this.cancel.selector;
        selectors[3] = this.leave.selector;
        selectors[4] = this.earn.selector;
        selectors[5] = this.lose.selector;
        selectors[6] = this.insolvency.selector;
        selectors[7] = this.loseAll.selector;
        targetSelector(FuzzSelector({addr: address(this), selectors: selectors}));
        targetContract(address(this));
    }

    function stake(uint256 who, uint96 cash) external {
        HubAccount staker = stakers[who % stakers.length];
        if (fund.sharesFor(cash) == 0) return;
        given += cash;
        uint256 before = fund.cashFor(1e30);
        _stake(staker, cash);
        assertGe(fund.cashFor(1e30), before, "a stake takes nothing from others");
    }

    function announce(uint256 who, uint256 part) external {
        HubAccount staker = stakers[who % stakers.length];
        uint256 shares = (fund.sharesOf(staker) * (part % 101)) / 100;
        if (shares == 0 || fund.exitOf(staker).shares != 0) return;
        _announce(staker, shares);
    }

    function cancel(uint256 who) external {
        HubAccount staker = stakers[who % stakers.length];
        if (fund.exitOf(staker).shares == 0) return;
        _as(staker);
        fund.cancelExit(staker);
    }

    function leave(uint256 who, uint256 wait) external {
        HubAccount staker = stakers[who % stakers.length];
        vm.warp(block.timestamp + (wait % 10 days));
        if (fund.exitOf(staker).shares == 0 || fund.exitOf(staker).readyAt > block.timestamp) return;
        if (fund.insolventOpen() != 0) {
            vm.expectRevert();
            fund.exit(staker);
            return;
        }
        uint256 before = fund.cashFor(1e30);
        fund.exit(staker);
        assertGe(fund.cashFor(1e30), before, "an exit takes nothing from others");
    }

    function earn(uint96 cash) external {
        given += cash;
        _give(fund.account(), cash);
    }

    function lose(uint96 cash, bool ofEth) external {
        uint256 before = fund.assets();
        uint256 most = fund.available(ofEth ? ETH : BTC);
        uint256 paid = fund.pay(_account(alice, 0), ofEth ? ETH : BTC, cash);
        assertLe(paid, most);
        assertLe(paid, cash);
        assertEq(fund.assets(), before - paid);
    }

    function loseAll(uint256 chance) external {
        if (chance % 16 != 0) return;
        fund.pay(_account(alice, 0), BTC, fund.assets());
        assertEq(fund.totalShares(), 0);
    }

    function insolvency(bool opens) external {
        if (opens) fund.openInsolvency();
        else if (fund.insolventOpen() != 0) fund.closeInsolvency();
    }

    function invariant_INV_LIQ_3_SharesAreCoveredAndCashIsWhatWasGiven() public view {
        _checkCovered(stakers);
        int256 sum = ledger.cashOf(fund.account()) + ledger.cashOf(_account(alice, 0));
        for (uint256 i; i < stakers.length; ++i) sum += ledger.cashOf(stakers[i]);
        assertEq(sum, int256(given), "INV-LIQ-3");
        assertGe(ledger.cashOf(fund.account()), 0, "the fund never owes");
    }
}
