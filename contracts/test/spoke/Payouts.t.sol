// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Entry} from "../../src/message/Entry.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {IPayouts} from "../../src/spoke/IPayouts.sol";
import {BlacklistToken} from "../mocks/tokens/Zoo.sol";
import {PayoutsFixture} from "./PayoutsFixture.sol";

/// @notice Follows Payouts.tree.
contract PayoutsTest is PayoutsFixture {
    function test_GivenAnOrder_ItPaysAndSaysSo() external {
        vm.recordLogs();
        uint64 sequence = _pay(asset, 5 * UNIT, bob);
        assertEq(token.balanceOf(bob), 5 * UNIT);
        Entry.Receipts memory r = _receipt();
        assertEq(r.first, sequence);
        assertEq(r.count, 1);
        assertEq(r.settled, 1);
        assertEq(r.paid, 1);
        assertEq(r.assets[0], asset);
        assertEq(r.sums[0], 5 * UNIT);
        assertEq(vault.assetOf(asset).paid, 5 * UNIT);
        _checkBacking(asset);
    }

    function test_GivenABlockedReceiver_ItIsClaimable_AndItsOwnerRedirectsIt() external {
        BlacklistToken black = new BlacklistToken();
        uint16 listed = _list(address(black));
        vault.setOutflow(listed, 1e12, 1);
        _fund(black, 1e9);
        _deposit(listed, 1e9);
        black.blockAccount(bob);

        vm.recordLogs();
        uint64 sequence = _pay(listed, 1e6, bob);
        Entry.Receipts memory r = _receipt();
        assertEq(r.settled, 1);
        assertEq(r.paid, 0, "never paid when not paid");
        assertEq(vault.assetOf(listed).claimable, 1e6);
        assertEq(vault.claimableOf(sequence).receiver, bob);

        vm.expectRevert();
        vault.claim(sequence);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotClaimParty.selector, address(this), bob, _account(alice)));
        vault.claimTo(sequence, address(this));
        vm.prank(alice, alice);
        vault.claimTo(sequence, makeAddr("safe"));
        assertEq(black.balanceOf(makeAddr("safe")), 1e6);
        vm.prank(alice, alice);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotClaimable.selector, sequence));
        vault.claimTo(sequence, alice);
        assertEq(vault.assetOf(listed).claimable, 0);
        assertEq(vault.assetOf(listed).paid, 1e6);
        _checkBacking(listed);
    }

    function test_GivenAPause_OrdersBecomeClaimable_AndAreClaimedAfterIt() external {
        vault.pausePayouts();
        uint64 sequence = _pay(asset, UNIT, bob);
        vm.expectRevert(IPayouts.PayoutsArePaused.selector);
        vault.claim(sequence);
        vault.unpausePayouts();
        vault.claim(sequence);
        assertEq(token.balanceOf(bob), UNIT);
    }

    function test_GivenAClaimable_WhenReturned_ItIsADepositOfItsAccount() external {
        vault.pausePayouts();
        uint64 sequence = _pay(asset, UNIT, bob);
        vm.expectRevert();
        vault.returnClaim(sequence);
        vm.warp(block.timestamp + vault.returnDelay());
        vm.recordLogs();
        vault.returnClaim(sequence);
        assertEq(uint8(_appended()[0][0]), 0x01);
        ICollateralVault.AssetView memory a = vault.assetOf(asset);
        assertEq(a.claimable, 0);
        assertEq(a.deposited - a.paid, 500_000 * UNIT);
        _checkBacking(asset);
    }

    function test_GivenLittleGas_TheChunkRevertsAndNothingIsDecided() external {
        bytes memory stream = _stream(_order(alice, asset, UNIT, bob));
        vm.prank(address(messenger));
        vm.expectPartialRevert(IPayouts.GasBelowFloor.selector);
        vault.applyEntries{gas: 190_000}(HUB, 1, stream, new uint256[](1));
    }

    function test_GivenAnOrderAboveTheBacking_ItIsRefused() external {
        vm.expectEmit(address(vault));
        emit IPayouts.ReleaseRefused(1, IPayouts.ReleaseRefusal.BackingExceeded);
        _pay(asset, 500_001 * UNIT, bob);
    }

    /// @dev A batch of fifty, whose receivers never held the token: the figure of the benchmark, less what the Messenger folds.
    function test_GivenFiftyOrders_TheGasOfEachIsBounded() external {
        bytes memory stream;
        for (uint160 i; i < 50; ++i)
            stream = abi.encodePacked(stream, _stream(_order(alice, asset, UNIT, address(0x1000 + i))));
        uint64 first = nextOrder;
        vm.prank(address(messenger));
        uint256 before = gasleft();
        vault.applyEntries(HUB, first, stream, new uint256[](1));
        uint256 each = (before - gasleft()) / 50;
        emit log_named_uint("gas of one payout in a batch of fifty", each);
        assertLt(each, 45_000);
    }
}
