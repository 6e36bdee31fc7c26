// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Entry} from "../../src/message/Entry.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {IPayouts} from "../../src/spoke/IPayouts.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {MoodyPayee} from "../mocks/tokens/Moody.sol";
import {BlacklistToken} from "../mocks/tokens/Zoo.sol";
import {PayoutsFixture} from "./PayoutsFixture.sol";

/// @notice Follows Claims.tree: what becomes of orders that could not be paid, and of deposits under forged orders.
contract ClaimsTest is PayoutsFixture {
    address internal safe = makeAddr("safe");

    function _refusesReturn(bytes memory reason, uint64 sequence, address caller) private {
        vm.prank(caller, caller);
        vm.expectRevert(reason);
        vault.returnClaim(sequence);
    }

    // ---- claim, claimTo

    function test_GivenABlockedReceiver_ItsOwnerRedirectsTheOrder_Once() external {
        BlacklistToken black = new BlacklistToken();
        uint16 listed = _stock(black, 1e9);
        black.blockAccount(bob);
        uint64 sequence = _pay(listed, 1e6, bob);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.PayoutFailed.selector, listed, bob, uint256(1e6)));
        vault.claim(sequence);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotClaimParty.selector, address(this), bob, _account(alice)));
        vault.claimTo(sequence, address(this));
        vm.expectEmit(address(vault));
        emit IPayouts.Claimed(sequence, CLAIM, safe, listed, 1e6);
        vm.prank(alice, alice);
        vault.claimTo(sequence, safe);
        assertEq(black.balanceOf(safe), 1e6);
        bytes memory gone = abi.encodeWithSelector(IPayouts.NotClaimable.selector, sequence);
        vm.startPrank(alice, alice);
        vm.expectRevert(gone);
        vault.claimTo(sequence, alice);
        vm.expectRevert(gone);
        vault.claim(sequence);
        vm.expectRevert(gone);
        vault.returnClaim(sequence);
        vm.stopPrank();
        assertEq(vault.assetOf(listed).claimable, 0);
        assertEq(vault.assetOf(listed).paid, 1e6);
        _checkBacking(listed);
    }

    function test_GivenTheReceiver_ItRedirectsToo_EvenWithoutAnAccount() external {
        uint64 sequence = _makeClaimable(HubAccount.wrap(0), asset, UNIT, bob);
        vm.prank(alice, alice);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotClaimParty.selector, alice, bob, bytes32(0)));
        vault.claimTo(sequence, alice);
        vm.prank(bob);
        vault.claimTo(sequence, safe);
        assertEq(token.balanceOf(safe), UNIT);
    }

    function test_GivenAnImpossiblePlace_RedirectingIsRefused() external {
        uint64 sequence = _makeClaimable(_account(alice), asset, UNIT, bob);
        address[4] memory places = [address(0), address(vault), address(token), address(messenger)];
        for (uint256 i; i < places.length; ++i) {
            vm.prank(alice, alice);
            vm.expectRevert(abi.encodeWithSelector(ICollateralVault.ReceiverInvalid.selector, places[i]));
            vault.claimTo(sequence, places[i]);
        }
    }

    /// @dev The same address elsewhere is another principal.
    function test_GivenAccountsOfContracts_OnlyTheirOwnChainSpeaksForThem() external {
        MoodyPayee wallet = new MoodyPayee();
        bytes memory redirect = abi.encodeCall(vault.claimTo, (2, safe));
        uint64 foreign = _makeClaimable(AccountLib.encode(address(wallet), HUB, 0), asset, UNIT, bob);
        uint64 local = _makeClaimable(AccountLib.encode(address(wallet), SPOKE, 0), asset, UNIT, bob);
        assertEq(local, 2);
        vm.expectRevert();
        wallet.act(address(vault), abi.encodeCall(vault.claimTo, (foreign, safe)));
        wallet.act(address(vault), redirect);
        assertEq(token.balanceOf(safe), UNIT);
    }

    function test_GivenAQuarantinedPath_ClaimsWait() external {
        uint64 sequence = _makeClaimable(_account(alice), asset, UNIT, bob);
        messenger.quarantine(HUB);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.PathInQuarantine.selector, HUB));
        vault.claim(sequence);
        vm.prank(alice, alice);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.PathInQuarantine.selector, HUB));
        vault.claimTo(sequence, alice);
    }

    /// @dev The first one's record is not overwritten by the second one of that number: nobody's money is forgotten.
    function test_GivenANewLogWhoseSequencesRepeat_OlderClaimablesKeepTheirPlace() external {
        uint64 first = _makeClaimable(_account(alice), asset, 1, bob);
        nextOrder = first;
        _makeClaimable(_account(alice), asset, 2, safe);
        nextOrder = first;
        _makeClaimable(_account(alice), asset, 3, alice);
        assertEq(vault.claimableOf(first).amount, 1);
        assertEq(vault.claimableOf(first + (1 << 48)).amount, 2);
        assertEq(vault.claimableOf(first + (2 << 48)).amount, 3);
        vault.claim(first + (1 << 48));
        vault.claim(first);
        vault.claim(first + (2 << 48));
        assertEq(token.balanceOf(bob), 1);
        assertEq(token.balanceOf(safe), 2);
        assertEq(vault.assetOf(asset).claimable, 0);
    }

    // ---- returnClaim

    function test_GivenAClaimable_WhenReturned_ItIsADepositOfItsAccount() external {
        uint64 sequence = _makeClaimable(_account(alice), asset, UNIT, bob);
        uint256 earliest = block.timestamp + vault.returnDelay();
        _refusesReturn(
            abi.encodeWithSelector(IPayouts.ReturnTooEarly.selector, block.timestamp, earliest),
            sequence,
            safe
        );
        vm.warp(earliest);
        vm.recordLogs();
        vm.prank(safe, safe);
        uint64 depositSequence = vault.returnClaim(sequence);
        assertEq(depositSequence, messenger.outbox(HUB).sequence);
        Entry.Deposited memory d = this.decodeDeposited(_appended()[0]);
        assertEq(HubAccount.unwrap(d.account), HubAccount.unwrap(_account(alice)));
        assertEq(d.asset, asset);
        assertEq(d.amount, UNIT);
        assertEq(d.timestamp, block.timestamp);
        assertEq(d.payer, address(vault));
        assertEq(d.refund, alice);
        assertEq(d.flags, 0, "not an own deposit: it enables nothing");
        ICollateralVault.AssetView memory a = vault.assetOf(asset);
        assertEq(a.claimable, 0);
        assertEq(a.paid, UNIT);
        assertEq(a.deposited, 500_001 * UNIT);
        assertEq(token.balanceOf(address(vault)), 500_000 * UNIT, "the tokens stay where they are");
        _checkBacking(asset);
    }

    function test_GivenAParty_ItReturnsAtOnce() external {
        uint64 first = _makeClaimable(_account(alice), asset, UNIT, bob);
        uint64 second = _makeClaimable(_account(alice), asset, UNIT, bob);
        vm.prank(alice, alice);
        vault.returnClaim(first);
        vm.prank(bob);
        vault.returnClaim(second);
        assertEq(vault.assetOf(asset).claimable, 0);
    }

    function test_GivenADepositThatWasSentHome_ItHasNoAccountToReturnTo() external {
        uint64 sequence = _makeClaimable(HubAccount.wrap(0), asset, UNIT, bob);
        _refusesReturn(abi.encodeWithSelector(IPayouts.ClaimHasNoAccount.selector, sequence), sequence, bob);
    }

    function test_GivenPausedDeposits_NothingIsReturned() external {
        uint64 sequence = _makeClaimable(_account(alice), asset, UNIT, bob);
        vault.pauseDeposits();
        _refusesReturn(abi.encodeWithSelector(ICollateralVault.DepositsArePaused.selector), sequence, bob);
        vault.unpauseDeposits();
        vault.restrictAsset(asset, ICollateralVault.AssetStatus.DepositsPaused);
        _refusesReturn(
            abi.encodeWithSelector(
                ICollateralVault.AssetNotOpen.selector,
                asset,
                ICollateralVault.AssetStatus.DepositsPaused
            ),
            sequence,
            bob
        );
    }

    /// @dev Otherwise whoever receives a forged order would have it out of a full vault past every limit, a minute later.
    function test_GivenAReturnedClaim_ItCannotBeCancelled() external {
        vault.setOutflow(asset, 0, 0);
        uint64 sequence = _pay(asset, 1000 * UNIT, bob);
        (, bytes32 head) = (uint64(0), messenger.outbox(HUB).head);
        vm.recordLogs();
        vm.prank(bob);
        uint64 deposited = vault.returnClaim(sequence);
        bytes memory entry = _appended()[0];
        skip(1 days);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.NotDepositParty.selector, bob, address(vault), alice));
        vault.cancel(deposited, head, entry, new bytes32[](0));
        assertEq(token.balanceOf(bob), 0);
    }

    /// @dev An address of another chain may be somebody else here, or nobody.
    function test_GivenTheOwnersHome_TheRefundOfAReturnedClaimIsItsOwnerHere_ElseTheReceiver() external {
        address wallet = address(new MoodyPayee());
        uint32[3] memory homes = [0, SPOKE, HUB];
        for (uint256 i; i < 3; ++i) {
            uint64 sequence = _makeClaimable(AccountLib.encode(wallet, homes[i], 0), asset, UNIT, bob);
            vm.recordLogs();
            vm.prank(bob);
            vault.returnClaim(sequence);
            assertEq(this.decodeDeposited(_appended()[0]).refund, i == 2 ? bob : wallet);
        }
    }

    function test_GivenAnEntryFee_ReturningTakesIt() external {
        messenger.setFlushPolicy(0.1 ether, 8);
        vm.deal(bob, 1 ether);
        uint64 sequence = _makeClaimable(_account(alice), asset, UNIT, bob);
        vm.prank(bob);
        vm.expectRevert();
        vault.returnClaim(sequence);
        vm.prank(bob);
        vault.returnClaim{value: 0.1 ether}(sequence);
        assertEq(messenger.flushFund(), 0.1 ether);
    }

    // ---- forged orders

    /// @dev A hub that orders what was never delivered to it: the vault stays solvent, and its deliveries and views go on.
    function test_GivenAForgedOrderOverAnUnflushedDeposit_ItCannotBeCancelledTwice() external {
        (bytes32 genesis, ) = messenger.genesis(HUB);
        bytes memory entry = _entryOf(asset, 500_000 * UNIT);
        uint64 sequence = _makeClaimable(_account(bob), asset, 500_000 * UNIT, bob);
        skip(1 days);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralVault.BackingExceeded.selector, asset, 500_000 * UNIT, uint256(0))
        );
        vault.cancel(1, genesis, entry, new bytes32[](0));
        _checkBacking(asset);

        // The governed rebase says the hub never gave it.
        uint64[] memory forged = new uint64[](1);
        forged[0] = sequence;
        vm.expectEmit(address(vault));
        emit IPayouts.ClaimAnnulled(sequence, CLAIM, asset, 500_000 * UNIT);
        vm.prank(address(messenger));
        vault.applyCorrections(HUB, sequence, abi.encode(forged));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotClaimable.selector, sequence));
        vault.claim(sequence);
        _pay(asset, UNIT, bob);
        assertEq(token.balanceOf(bob), UNIT);
        _checkBacking(asset);

        vm.prank(address(messenger));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotHub.selector, HUB + 1, HUB));
        vault.applyCorrections(HUB + 1, 1, abi.encode(forged));
    }

    function test_GivenARefundToWhereNothingCanBePaid_TheDepositIsRefused() external {
        address[4] memory places = [address(0), address(vault), address(token), address(messenger)];
        for (uint256 i; i < places.length; ++i) {
            ICollateralVault.DepositParams memory p = _params(asset, 1);
            p.refund = places[i];
            vm.prank(alice, alice);
            vm.expectRevert(abi.encodeWithSelector(ICollateralVault.ReceiverInvalid.selector, places[i]));
            vault.deposit(p);
        }
    }
}
