// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {TestToken} from "../../src/local/TestToken.sol";
import {CollateralVault} from "../../src/spoke/CollateralVault.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {IPermit2} from "../../src/spoke/IPermit2.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import "../mocks/tokens/Zoo.sol";
import {VaultFixture} from "./VaultFixture.sol";
import {Deploy} from "../Deploy.sol";

/// @notice See CollateralVault.tree.
contract CollateralVaultTest is VaultFixture {
    // ---- deposit

    function test_GivenAToken_WhenDeposited_ItIsBookedAndLogged() public {
        _fund(token, 100);
        (bytes32 head, ) = messenger.genesis(HUB);
        head;
        vm.expectEmit(address(vault));
        emit ICollateralVault.Deposited(HubAccount.unwrap(AccountLib.encode(alice, 0, 0)), alice, asset, 60, 1);
        assertEq(_deposit(asset, 60), 1);
        assertEq(vault.assetOf(asset).deposited, 60);
        assertEq(messenger.outbox(HUB).sequence, 1);
        _checkBacking(asset);
    }

    function test_GivenNativeCoin_WhenDeposited_TheValueMustMatch() public {
        uint16 native = _list(NATIVE);
        messenger.setFlushPolicy(3, 1);
        vm.startPrank(alice, alice);
        vm.expectRevert();
        vault.deposit{value: 10}(_params(native, 10));
        assertEq(vault.deposit{value: 13}(_params(native, 10)), 1);
        assertEq(address(vault).balance, 10);
        assertEq(messenger.flushFund(), 3);
        _checkBacking(native);
    }

    function test_GivenExpress_WhenDeposited_ItIsFlushedAndTheRestRefunded() public {
        _fund(token, 100);
        ICollateralVault.DepositParams memory p = _params(asset, 60);
        p.express = true;
        p.refund = bob;
        vm.prank(alice, alice);
        vault.deposit{value: 1 ether}(p);
        assertEq(messenger.outbox(HUB).flushed, 1);
        assertEq(bob.balance, 0.99 ether);
    }

    function test_GivenExpressWithTooLittle_ItIsRefused() public {
        uint16 native = _list(NATIVE);
        ICollateralVault.DepositParams memory p = _params(native, 60);
        p.express = true;
        vm.prank(alice, alice);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.ValueMismatch.selector, 59, 60));
        vault.deposit{value: 59}(p);
    }

    function test_GivenAPermit_WhenItWasUsedByAnother_TheDepositStillPasses() public {
        (address owner, uint256 key) = makeAddrAndKey("signer");
        TestToken t = new TestToken("T", "T", 6);
        uint16 a = _list(address(t));
        t.mint(owner, 100);
        bytes32 digest = keccak256(
            abi.encodePacked(
                hex"1901",
                t.DOMAIN_SEPARATOR(),
                keccak256(
                    abi.encode(
                        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                        owner,
                        address(vault),
                        50,
                        0,
                        block.timestamp
                    )
                )
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        t.permit(owner, address(vault), 50, block.timestamp, v, r, s);
        vm.prank(owner, owner);
        vault.depositWithPermit(_params(a, 50), block.timestamp, v, r, s);
        assertEq(vault.assetOf(a).deposited, 50);
        uint16 native = _list(NATIVE);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.TokenInvalid.selector, NATIVE));
        vault.depositWithPermit(_params(native, 1), 0, 0, 0, 0);
    }

    function test_GivenPermit2_TheMeasuredDeltaIsBooked() public {
        vm.etch(permit2, address(new Permit2Double(token, alice)).code);
        _fund(token, 100);
        vm.prank(alice, alice);
        token.approve(permit2, 100);
        vm.store(permit2, 0, bytes32(0));
        vm.prank(alice, alice);
        vault.depositWithPermit2(_params(asset, 40), 0, block.timestamp, hex"00");
        assertEq(vault.assetOf(asset).deposited, 40);
        uint16 native = _list(NATIVE);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.TokenInvalid.selector, NATIVE));
        vault.depositWithPermit2(_params(native, 1), 0, 0, "");
        CollateralVault without = Deploy.vault(address(authority), address(messenger), HUB, address(0));
        without.listAsset(address(token), 1, 100);
        vm.expectRevert(ICollateralVault.Permit2Unavailable.selector);
        without.depositWithPermit2(_params(1, 1), 0, 0, "");
    }

    function test_GivenABadDeposit_ItSaysWhy() public {
        _fund(token, 1_000);
        vault.setAssetLimits(asset, 10, 100);
        _refuses(_params(7, 50), abi.encodeWithSelector(ICollateralVault.AssetNotListed.selector, 7));
        _refuses(
            _params(asset, 9),
            abi.encodeWithSelector(ICollateralVault.DepositBelowMinimum.selector, asset, 9, 10)
        );
        _refuses(_params(asset, 101), abi.encodeWithSelector(ICollateralVault.CapExceeded.selector, asset, 101, 100));
        _refuses(
            _params(asset, 1 << 108),
            abi.encodeWithSelector(ICollateralVault.AmountTooLarge.selector, 1 << 108, (1 << 108) - 1)
        );
        ICollateralVault.DepositParams memory p = _params(asset, 50);
        p.account = AccountLib.encode(address(0), 0, 9);
        _refuses(p, abi.encodeWithSelector(ICollateralVault.AccountInvalid.selector, HubAccount.unwrap(p.account)));
        p = _params(asset, 50);
        p.refund = address(0);
        _refuses(p, abi.encodeWithSelector(ICollateralVault.ReceiverInvalid.selector, address(0)));
        p.refund = address(vault);
        _refuses(p, abi.encodeWithSelector(ICollateralVault.ReceiverInvalid.selector, address(vault)));
        vault.restrictAsset(asset, ICollateralVault.AssetStatus.DepositsPaused);
        _refuses(
            _params(asset, 50),
            abi.encodeWithSelector(
                ICollateralVault.AssetNotOpen.selector,
                asset,
                ICollateralVault.AssetStatus.DepositsPaused
            )
        );
        vault.openAsset(asset);
        vault.pauseDeposits();
        _refuses(_params(asset, 50), abi.encodeWithSelector(ICollateralVault.DepositsArePaused.selector));
        vault.unpauseDeposits();
        _deposit(asset, 50);
    }

    function _refuses(ICollateralVault.DepositParams memory p, bytes memory error) private {
        vm.expectRevert(error);
        vm.prank(alice, alice);
        vault.deposit(p);
    }

    // ---- the zoo

    function testFuzz_GivenAnyDecimals_AmountsAreBaseUnits(uint8 places, uint104 amount) public {
        vm.assume(amount != 0);
        PlainToken t = new PlainToken(uint8(bound(places, 0, 24)));
        uint16 a = _list(address(t));
        _fund(t, amount);
        _deposit(a, amount);
        assertEq(vault.assetOf(a).deposited, amount);
        assertEq(vault.assetOf(a).decimals, t.decimals());
        _checkBacking(a);
    }

    function test_GivenAFeeOnTransfer_WhatCameInIsBooked() public {
        FeeOnTransferToken t = new FeeOnTransferToken();
        uint16 a = _list(address(t));
        _fund(t, 1_000);
        _deposit(a, 1_000);
        assertEq(vault.assetOf(a).deposited, 990);
        _checkBacking(a);
    }

    function test_GivenOldTokens_NothingOrFalseIsRead() public {
        OldToken silent = new OldToken(true);
        uint16 a = _list(address(silent));
        silent.mint(alice, 10);
        _deposit(a, 10);
        assertEq(vault.assetOf(a).deposited, 10);
        OldToken loud = new OldToken(false);
        uint16 b = _list(address(loud));
        loud.mint(alice, 10);
        _deposit(b, 10);
        _refusesAny(b, 11);
        _checkBacking(a);
        _checkBacking(b);
    }

    function test_GivenARevertingOrBlockingToken_NothingIsBooked() public {
        RevertingToken t = new RevertingToken();
        uint16 a = _list(address(t));
        _fund(t, 10);
        _refusesAny(a, 10);
        BlacklistToken b = new BlacklistToken();
        uint16 c = _list(address(b));
        _fund(b, 10);
        b.blockAccount(alice);
        _refusesAny(c, 10);
        assertEq(messenger.outbox(HUB).sequence, 0);
    }

    function _refusesAny(uint16 a, uint256 amount) private {
        vm.expectRevert();
        vm.prank(alice, alice);
        vault.deposit(_params(a, amount));
    }

    function test_GivenAHookThatReenters_ItIsLockedOut() public {
        HookToken t = new HookToken();
        uint16 a = _list(address(t));
        _fund(t, 100);
        _fund(token, 100);
        t.arm(address(vault), abi.encodeCall(vault.deposit, (_params(asset, 50))));
        _deposit(a, 10);
        assertFalse(t.succeeded());
        assertEq(vault.assetOf(a).deposited, 10);
        assertEq(vault.assetOf(asset).deposited, 0);
        // A donation from the hook is nobody's deposit.
        t.arm(address(0), "");
        _fund(t, 100);
        _deposit(a, 10);
        assertEq(vault.assetOf(a).deposited, 20);
    }

    function test_GivenAnOverChargingToken_ItCannotLeaveAtOthersCost() public {
        OverChargingToken t = new OverChargingToken();
        uint16 a = _list(address(t));
        _fund(t, 10_000);
        (bytes32 genesis, ) = messenger.genesis(HUB);
        _deposit(a, 1_000);
        bytes memory entry = _entryOf(a, 1_000);
        skip(1 days);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.RefundFailed.selector, alice, 1_000));
        vm.prank(alice);
        vault.cancel(1, genesis, entry, new bytes32[](0));
        _checkBacking(a);
    }

    function test_GivenARebasingTokenListedByMistake_ItIsSeenAndFrozenAlone() public {
        RebasingToken t = new RebasingToken();
        uint16 a = _list(address(t));
        _fund(t, 100);
        _fund(token, 100);
        (bytes32 genesis, ) = messenger.genesis(HUB);
        _deposit(a, 100);
        bytes memory entry = _entryOf(a, 100);
        t.shrink(address(vault), 30);
        (uint256 held, uint256 owed) = vault.backing(a);
        assertLt(held, owed);
        vault.restrictAsset(a, ICollateralVault.AssetStatus.Frozen);
        skip(1 days);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralVault.AssetNotOpen.selector, a, ICollateralVault.AssetStatus.Frozen)
        );
        vm.prank(alice);
        vault.cancel(1, genesis, entry, new bytes32[](0));
        _deposit(asset, 100);
        _checkBacking(asset);
    }

    // ---- cancel

    function test_GivenAnUnflushedDeposit_WhenCancelled_TheRefundAddressIsPaidOnce() public {
        _fund(token, 100);
        (bytes32 genesis, ) = messenger.genesis(HUB);
        _deposit(asset, 60);
        bytes memory entry = _entryOf(asset, 60);
        uint256 earliest = block.timestamp + vault.cancelDelay();
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.CancelTooEarly.selector, block.timestamp, earliest));
        vault.cancel(1, genesis, entry, new bytes32[](0));
        vm.warp(earliest);
        vm.expectEmit(address(vault));
        emit ICollateralVault.DepositCancelled(1, alice, asset, 60);
        vault.cancel(1, genesis, entry, new bytes32[](0));
        assertEq(token.balanceOf(alice), 100);
        assertEq(vault.assetOf(asset).cancelled, 60);
        _checkBacking(asset);
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = bytes32((uint256(0xF0) << 248) | 1);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.AlreadyVoided.selector, 1));
        vault.cancel(1, genesis, entry, leaves);
    }

    function test_GivenAFlushedDeposit_ItCannotBeCancelled() public {
        _fund(token, 100);
        (bytes32 genesis, ) = messenger.genesis(HUB);
        _deposit(asset, 60);
        bytes memory entry = _entryOf(asset, 60);
        messenger.flush{value: 0.01 ether}(HUB, alice);
        skip(1 days);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.AlreadyFlushed.selector, 1, 1));
        vm.prank(alice);
        vault.cancel(1, genesis, entry, new bytes32[](0));
    }

    function test_GivenAStrangerOrAForgery_CancelIsRefused() public {
        _fund(token, 100);
        (bytes32 genesis, ) = messenger.genesis(HUB);
        _deposit(asset, 60);
        bytes memory entry = _entryOf(asset, 60);
        bytes memory forged = _entryOf(asset, 61);
        skip(1 days);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.NotDepositParty.selector, bob, alice, alice));
        vm.prank(bob);
        vault.cancel(1, genesis, entry, new bytes32[](0));
        vm.startPrank(alice);
        vm.expectRevert();
        vault.cancel(1, genesis, forged, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.EntryNotDeposit.selector, 0x11, 2));
        vault.cancel(1, genesis, hex"1122", new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.EntryNotDeposit.selector, 0, 0));
        vault.cancel(1, genesis, "", new bytes32[](0));
    }

    function test_GivenABlockedRefundAddress_CancelFailsAndTheDepositStays() public {
        BlacklistToken b = new BlacklistToken();
        uint16 a = _list(address(b));
        _fund(b, 10);
        (bytes32 genesis, ) = messenger.genesis(HUB);
        _deposit(a, 10);
        bytes memory entry = _entryOf(a, 10);
        b.blockAccount(alice);
        skip(1 days);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.RefundFailed.selector, alice, 10));
        vm.prank(alice);
        vault.cancel(1, genesis, entry, new bytes32[](0));
        assertEq(messenger.outbox(HUB).sequence, 1);
        assertFalse(messenger.isVoidedOutbound(HUB, 1));
    }

    function test_GivenNativeCoin_WhenCancelled_ItComesBack() public {
        uint16 native = _list(NATIVE);
        (bytes32 genesis, ) = messenger.genesis(HUB);
        vm.prank(alice, alice);
        vault.deposit{value: 10}(_params(native, 10));
        bytes memory entry = _entryOf(native, 10);
        skip(1 days);
        vm.prank(alice);
        vault.cancel(1, genesis, entry, new bytes32[](0));
        assertEq(alice.balance, 100 ether);
        assertEq(address(vault).balance, 0);
    }

    // ---- governance

    function test_GivenAStranger_EveryPrivilegedFunctionIsClosed() public {
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice);
        bytes[] memory calls = new bytes[](7);
        calls[0] = abi.encodeCall(vault.listAsset, (address(1), 1, 1));
        calls[1] = abi.encodeCall(vault.setAssetLimits, (asset, 1, 1));
        calls[2] = abi.encodeCall(vault.openAsset, (asset));
        calls[3] = abi.encodeCall(vault.restrictAsset, (asset, ICollateralVault.AssetStatus.Frozen));
        calls[4] = abi.encodeCall(vault.setCancelDelay, (1));
        calls[5] = abi.encodeCall(vault.pauseDeposits, ());
        calls[6] = abi.encodeCall(vault.unpauseDeposits, ());
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(alice);
            (bool ok, bytes memory reason) = address(vault).call(calls[i]);
            assertFalse(ok);
            assertEq(reason, refused);
        }
    }

    function test_GivenABadSetting_ItSaysWhy() public {
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.AssetAlreadyListed.selector, address(token), asset));
        vault.listAsset(address(token), 1, 1);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.TokenInvalid.selector, alice));
        vault.listAsset(alice, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.TokenInvalid.selector, address(this)));
        vault.listAsset(address(this), 1, 1);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.AssetNotListed.selector, 9));
        vault.openAsset(9);
        vault.restrictAsset(asset, ICollateralVault.AssetStatus.Frozen);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICollateralVault.StatusNotStricter.selector,
                asset,
                ICollateralVault.AssetStatus.Frozen,
                ICollateralVault.AssetStatus.DepositsPaused
            )
        );
        vault.restrictAsset(asset, ICollateralVault.AssetStatus.DepositsPaused);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.CancelDelayTooLong.selector, 1 days + 1, 1 days));
        vault.setCancelDelay(1 days + 1);
    }
}

/// @notice Permit2's transfer without its signature: here only what the vault asks of it is of interest.
contract Permit2Double {
    PlainToken private immutable _token;
    address private immutable _owner;

    constructor(PlainToken token, address owner) {
        (_token, _owner) = (token, owner);
    }

    function permitTransferFrom(
        IPermit2.PermitTransferFrom calldata permit,
        IPermit2.SignatureTransferDetails calldata details,
        address owner,
        bytes calldata
    ) external {
        require(permit.permitted.token == address(_token) && owner == _owner);
        _token.transferFrom(owner, details.to, details.requestedAmount);
    }
}
