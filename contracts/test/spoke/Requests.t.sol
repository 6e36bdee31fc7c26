// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {IPayouts} from "../../src/spoke/IPayouts.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {MoodyPayee} from "../mocks/tokens/Moody.sol";
import {PayoutsFixture} from "./PayoutsFixture.sol";

/// @notice Follows Requests.tree: what an account says to the hub through its vault.
contract RequestsTest is PayoutsFixture {
    uint256 internal constant FEE = 0.1 ether;

    function _request(HubAccount account) private view returns (IPayouts.WithdrawParams memory) {
        return
            IPayouts.WithdrawParams({
                account: account,
                eid: HUB + 3,
                asset: 5,
                fromCash: true,
                amount: 12 * UNIT,
                receiver: bob,
                validUntil: uint40(block.timestamp + 1 days),
                express: false,
                refund: address(0)
            });
    }

    function decodeRequest(bytes calldata entry) external pure returns (Entry.WithdrawRequested memory) {
        require(entry.length == Entry.WITHDRAW_REQUESTED_LENGTH && uint8(entry[0]) == EntryKind.WITHDRAW_REQUESTED);
        return Entry.decodeWithdrawRequested(entry);
    }

    function decodeDelegate(bytes calldata entry) external pure returns (Entry.DelegateSet memory) {
        require(entry.length == Entry.DELEGATE_SET_LENGTH && uint8(entry[0]) == EntryKind.DELEGATE_SET);
        return Entry.decodeDelegateSet(entry);
    }

    function test_GivenTheOwner_ItsRequestIsInTheLog() external {
        vm.recordLogs();
        vm.prank(alice, alice);
        uint64 sequence = vault.requestWithdrawal(_request(_account(alice)));
        Entry.WithdrawRequested memory w = this.decodeRequest(_appended()[0]);
        assertEq(sequence, messenger.outbox(HUB).sequence);
        assertEq(HubAccount.unwrap(w.account), HubAccount.unwrap(_account(alice)));
        assertEq(w.eid, HUB + 3);
        assertEq(w.asset, 5);
        assertTrue(w.fromCash);
        assertEq(w.amount, 12 * UNIT);
        assertEq(w.receiver, bob);
        assertEq(w.validUntil, block.timestamp + 1 days);
        assertEq(w.timestamp, block.timestamp);
    }

    function test_GivenTheOwner_ItsDelegateIsInTheLog() external {
        vm.recordLogs();
        vm.expectEmit(address(vault));
        emit IPayouts.DelegateRequested(HubAccount.unwrap(_account(alice)), bob, 2);
        vm.prank(alice, alice);
        vault.setDelegate(_account(alice), bob, 3, 99);
        Entry.DelegateSet memory d = this.decodeDelegate(_appended()[0]);
        assertEq(HubAccount.unwrap(d.account), HubAccount.unwrap(_account(alice)));
        assertEq(d.delegate, bob);
        assertEq(d.permissions, 3);
        assertEq(d.validUntil, 99);
    }

    function _maySpeak(
        HubAccount account,
        address caller,
        address origin
    ) private returns (bool asked, bool appointed) {
        vm.prank(caller, origin);
        (asked, ) = address(vault).call(abi.encodeCall(vault.requestWithdrawal, (_request(account))));
        vm.prank(caller, origin);
        (appointed, ) = address(vault).call(abi.encodeCall(vault.setDelegate, (account, bob, 1, 1)));
    }

    function _check(HubAccount account, address caller, address origin, bool expected, string memory why) private {
        (bool asked, bool appointed) = _maySpeak(account, caller, origin);
        assertEq(asked, expected, why);
        assertEq(appointed, expected, why);
    }

    function test_GivenAnyCaller_OnlyThePrincipalHereMaySpeak() external {
        address wallet = address(new MoodyPayee());
        _check(_account(alice), alice, alice, true, "a key");
        _check(_account(alice), bob, bob, false, "a stranger");
        _check(_account(alice), alice, bob, false, "code that is being constructed at an address without code");
        _check(AccountLib.encode(wallet, SPOKE, 3), wallet, alice, true, "a contract at home here");
        _check(AccountLib.encode(wallet, HUB, 3), wallet, alice, false, "a contract at home elsewhere");
        _check(AccountLib.encode(wallet, 0, 3), wallet, alice, false, "a contract that poses as a key");
        _check(AccountLib.encode(alice, SPOKE, 0), alice, alice, false, "a key that poses as a contract");
        _check(HubAccount.wrap(0), address(0), address(0), false, "nobody");
        vm.etch(alice, abi.encodePacked(hex"ef0100", wallet));
        _check(_account(alice), alice, bob, true, "a key delegated by EIP-7702, in anyone's transaction");
        vm.etch(alice, hex"6000");
        _check(_account(alice), alice, alice, false, "a contract");

        vm.prank(bob, bob);
        vm.expectRevert(
            abi.encodeWithSelector(IPayouts.NotPrincipal.selector, bob, HubAccount.unwrap(_account(alice)))
        );
        vault.requestWithdrawal(_request(_account(alice)));
    }

    function _refuses(IPayouts.WithdrawParams memory p, bytes memory reason) private {
        vm.prank(alice, alice);
        vm.expectRevert(reason);
        vault.requestWithdrawal(p);
    }

    function test_GivenABadRequest_ItSaysWhy() external {
        IPayouts.WithdrawParams memory p = _request(_account(alice));
        p.amount = 0;
        _refuses(p, abi.encodeWithSelector(IPayouts.AmountZero.selector));
        p = _request(_account(alice));
        p.receiver = address(0);
        _refuses(p, abi.encodeWithSelector(ICollateralVault.ReceiverInvalid.selector, address(0)));
        p = _request(_account(alice));
        p.validUntil = uint40(block.timestamp - 1);
        _refuses(p, abi.encodeWithSelector(IPayouts.ValidUntilPassed.selector, p.validUntil, block.timestamp));
        p = _request(_account(alice));
        p.express = true;
        _refuses(p, abi.encodeWithSelector(ICollateralVault.ReceiverInvalid.selector, address(0)));
        vm.prank(alice, alice);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.ReceiverInvalid.selector, address(0)));
        vault.setDelegate(_account(alice), address(0), 1, 1);
        assertEq(messenger.outbox(HUB).sequence, 1);
    }

    function test_GivenAnEntryFee_ItIsTakenExactly() external {
        messenger.setFlushPolicy(FEE, 8);
        vm.startPrank(alice, alice);
        vm.expectRevert();
        vault.requestWithdrawal{value: FEE - 1}(_request(_account(alice)));
        vm.expectRevert();
        vault.requestWithdrawal{value: FEE + 1}(_request(_account(alice)));
        vault.requestWithdrawal{value: FEE}(_request(_account(alice)));
        vm.expectRevert();
        vault.setDelegate{value: FEE + 1}(_account(alice), bob, 1, 1);
        vault.setDelegate{value: FEE}(_account(alice), bob, 1, 1);
        vm.stopPrank();
        assertEq(messenger.flushFund(), 2 * FEE);
        assertEq(address(vault).balance, 0);
    }

    function test_GivenExpress_TheRequestIsFlushed_AndTheRestRefunded() external {
        messenger.setFlushPolicy(FEE, 8);
        IPayouts.WithdrawParams memory p = _request(_account(alice));
        (p.express, p.refund) = (true, bob);
        vm.prank(alice, alice);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.ValueMismatch.selector, FEE - 1, FEE));
        vault.requestWithdrawal{value: FEE - 1}(p);
        vm.prank(alice, alice);
        vault.requestWithdrawal{value: 1 ether}(p);
        assertEq(messenger.outbox(HUB).flushed, 2);
        assertEq(bob.balance, 1 ether - FEE - 0.01 ether);
    }
}
