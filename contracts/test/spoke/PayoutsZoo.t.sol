// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Entry} from "../../src/message/Entry.sol";
import {IPayouts} from "../../src/spoke/IPayouts.sol";
import {MoodyPayee, MoodyToken} from "../mocks/tokens/Moody.sol";
import {BlacklistToken, FeeOnTransferToken, HookToken, OverChargingToken, RebasingToken} from "../mocks/tokens/Zoo.sol";
import {PayoutsFixture} from "./PayoutsFixture.sol";

/// @notice Follows PayoutsZoo.tree: tokens and receivers that do what they should not.
contract PayoutsZooTest is PayoutsFixture {
    MoodyToken internal moody;
    uint16 internal odd;
    uint16 internal native;

    function setUp() public override {
        super.setUp();
        moody = new MoodyToken();
        odd = _stock(moody, 1000 * UNIT);
        native = _stockNative(1000 * UNIT);
    }

    function _check(uint16 asset_, uint64 sequence, bool paid, uint128 amount) private {
        Entry.Receipts memory r = _receipt();
        assertEq(r.settled, 1);
        assertEq(r.paid, paid ? 1 : 0);
        assertEq(vault.assetOf(asset_).paid, paid ? amount : 0);
        assertEq(vault.assetOf(asset_).claimable, paid ? 0 : amount);
        assertEq(vault.claimableOf(sequence).amount, paid ? 0 : amount);
        _checkBacking(asset_);
    }

    // ---- tokens

    function test_GivenATokenInAnyMood_ItIsPaidExactlyOrClaimable() external {
        for (uint8 m; m <= uint8(type(MoodyToken.Mood).max); ++m) {
            uint256 snapshot = vm.snapshotState();
            MoodyToken.Mood mood = MoodyToken.Mood(m);
            moody.setMood(mood);
            bool pays = moody.pays(mood);
            vm.recordLogs();
            uint64 sequence = _pay(odd, 10 * UNIT, bob);
            _check(odd, sequence, pays, 10 * UNIT);
            assertEq(moody.balanceOf(bob), pays ? 10 * UNIT : 0, "all of it, or nothing at all");
            if (!pays) {
                moody.setMood(MoodyToken.Mood.Plain);
                vault.claim(sequence);
                assertEq(moody.balanceOf(bob), 10 * UNIT);
            }
            // INV-VAULT-1
            assertEq(moody.balanceOf(address(vault)), 990 * UNIT);
            vm.revertToState(snapshot);
        }
    }

    function test_GivenABlockedReceiver_ItIsClaimable_AndOthersArePaid() external {
        BlacklistToken black = new BlacklistToken();
        uint16 listed = _stock(black, 1e9);
        black.blockAccount(bob);
        bytes memory toBob = _stream(_order(alice, listed, 1e6, bob));
        bytes memory toAlice = _stream(_order(alice, listed, 1e6, alice));
        vm.recordLogs();
        _apply(abi.encodePacked(toBob, toAlice, toBob), 3);
        Entry.Receipts memory r = _receipt();
        assertEq(r.settled, 7);
        assertEq(r.paid, 2);
        assertEq(r.sums[0], 3e6);
        assertEq(vault.assetOf(listed).claimable, 2e6);
        _checkBacking(listed);
    }

    /// @dev The fee is the receiver's loss; what leaves the vault is the amount.
    function test_GivenAFeeOnTransfer_TheVaultLosesTheAmountAndNoMore() external {
        FeeOnTransferToken fee = new FeeOnTransferToken();
        uint16 listed = _stock(fee, 1000);
        vm.recordLogs();
        uint64 sequence = _pay(listed, 100, bob);
        _check(listed, sequence, true, 100);
        assertEq(fee.balanceOf(bob), 99);
    }

    function test_GivenAnOverChargingToken_ItIsClaimable() external {
        OverChargingToken over = new OverChargingToken();
        over.mint(alice, 10);
        uint16 listed = _stock(over, 1000);
        vm.recordLogs();
        uint64 sequence = _pay(listed, 100, bob);
        _check(listed, sequence, false, 100);
    }

    function test_GivenATokenThatLostBalance_OrdersAboveItAreClaimable_AndNoOtherAssetIsTouched() external {
        RebasingToken shrunk = new RebasingToken();
        uint16 listed = _stock(shrunk, 1000);
        shrunk.shrink(address(vault), 950);
        bytes memory stream = abi.encodePacked(
            _stream(_order(alice, listed, 100, bob)),
            _stream(_order(alice, asset, 100, bob)),
            _stream(_order(alice, listed, 50, bob))
        );
        vm.recordLogs();
        _apply(stream, 3);
        assertEq(_receipt().paid, 6);
        assertEq(token.balanceOf(bob), 100);
        _checkBacking(asset);
    }

    // ---- receivers

    function test_GivenAPayeeInAnyMood_ItIsPaidOrClaimable() external {
        for (uint8 m; m <= uint8(type(MoodyPayee.Mood).max); ++m) {
            MoodyPayee payee = new MoodyPayee();
            payee.setMood(MoodyPayee.Mood(m));
            uint256 snapshot = vm.snapshotState();
            vm.recordLogs();
            uint64 sequence = _pay(native, UNIT, address(payee));
            _check(native, sequence, m == 0, UNIT);
            assertEq(address(payee).balance, m == 0 ? UNIT : 0);
            if (m != 0) {
                payee.setMood(MoodyPayee.Mood.Plain);
                vault.claim(sequence);
                assertEq(address(payee).balance, UNIT);
            }
            vm.revertToState(snapshot);
        }
    }

    /// @dev What a chunk does not give, a claim does: it takes as much gas as its caller pays for.
    function test_GivenAPayeeThatNeedsMoreGas_AClaimPaysIt() external {
        MoodyPayee payee = new MoodyPayee();
        payee.setMood(MoodyPayee.Mood.Hungry);
        uint64 sequence = _pay(native, UNIT, address(payee));
        assertEq(address(payee).balance, 0);
        vault.claim(sequence);
        assertEq(address(payee).balance, UNIT);
    }

    function test_GivenAnImpossibleReceiver_ItIsClaimable_AndItsAccountRedirectsIt() external {
        address[4] memory receivers = [address(0), address(vault), address(token), address(messenger)];
        for (uint256 i; i < receivers.length; ++i) {
            vm.expectEmit(address(vault));
            emit IPayouts.MadeClaimable(
                nextOrder,
                CLAIM,
                bytes32(uint256(uint160(alice)) << 96),
                receivers[i],
                asset,
                UNIT,
                IPayouts.ClaimReason.ReceiverInvalid
            );
            uint64 sequence = _pay(asset, UNIT, receivers[i]);
            vm.expectRevert();
            vault.claim(sequence);
            vm.prank(alice, alice);
            vault.claimTo(sequence, bob);
        }
        assertEq(token.balanceOf(bob), 4 * UNIT);
    }

    function test_GivenAReceiverOrTokenThatReenters_EveryDoorIsLocked() external {
        MoodyPayee payee = new MoodyPayee();
        HookToken hook = new HookToken();
        uint16 hooked = _stock(hook, 1000);
        vm.deal(address(payee), 1 ether);
        uint64 waiting = _makeClaimable(_account(alice), asset, UNIT, bob);
        bytes[] memory doors = new bytes[](9);
        doors[0] = abi.encodeCall(vault.claim, (waiting));
        doors[1] = abi.encodeCall(vault.claimTo, (waiting, alice));
        doors[2] = abi.encodeCall(vault.returnClaim, (waiting));
        doors[3] = abi.encodeCall(vault.deposit, (_params(asset, 1)));
        doors[4] = abi.encodeCall(vault.cancel, (1, bytes32(0), _entryOf(asset, 500_000 * UNIT), new bytes32[](0)));
        doors[5] = abi.encodeCall(vault.setDelegate, (_account(alice), bob, 1, 1));
        doors[6] = abi.encodeCall(vault.requestWithdrawal, (_request()));
        doors[7] = abi.encodeCall(vault.payOne, (address(token), alice, 1));
        doors[8] = abi.encodeCall(
            vault.applyEntries,
            (HUB, 9, _stream(_order(alice, asset, 1, alice)), new uint256[](1))
        );
        for (uint256 i; i < doors.length; ++i) {
            payee.arm(address(vault), doors[i]);
            hook.arm(address(vault), doors[i]);
            bytes memory stream = abi.encodePacked(
                _stream(_order(alice, native, 1, address(payee))),
                _stream(_order(alice, hooked, 1, bob))
            );
            vm.recordLogs();
            _apply(stream, 2);
            assertEq(_receipt().paid, 3);
            assertFalse(payee.succeeded());
            assertFalse(hook.succeeded());
        }
        assertEq(token.balanceOf(bob), 0);
        // While a claim pays, too.
        uint64 second = _makeClaimable(_account(alice), native, UNIT, address(payee));
        payee.arm(address(vault), abi.encodeCall(vault.claim, (second)));
        vault.claim(second);
        assertFalse(payee.succeeded());
        assertEq(vault.claimableOf(waiting).amount, UNIT);
        _checkBacking(native);
        _checkBacking(asset);
    }

    function _request() private view returns (IPayouts.WithdrawParams memory) {
        return
            IPayouts.WithdrawParams(
                _account(alice),
                HUB,
                asset,
                false,
                1,
                alice,
                uint40(block.timestamp),
                false,
                address(0)
            );
    }

    // ---- the caller's gas

    /// @dev Six orders whose outcome is known, with any gas: all of that, or a revert and nothing.
    function testFuzz_GivenAnyGas_TheChunkRevertsOrItsOutcomeIsTheSame(uint256 gas_, uint256 seed) external {
        gas_ = bound(gas_, 30_000, 2_500_000);
        bytes memory stream;
        uint256 paid;
        for (uint256 i; i < 6; ++i) {
            uint8 m = uint8((seed >> (8 * i)) % 6);
            if ((seed >> (8 * i + 7)) & 1 == 0) {
                MoodyPayee payee = new MoodyPayee();
                payee.setMood(MoodyPayee.Mood(m));
                if (m == 0) paid |= 1 << i;
                stream = abi.encodePacked(stream, _stream(_order(alice, native, UNIT, address(payee))));
            } else {
                // Receivers of a plain token, and of one that burns all gas.
                bool plain = m < 3;
                if (plain) paid |= 1 << i;
                stream = abi.encodePacked(
                    stream,
                    _stream(_order(alice, plain ? asset : odd, UNIT, address(uint160(0x99 + i))))
                );
            }
        }
        moody.setMood(MoodyToken.Mood.BurnGas);
        uint64 first = nextOrder;
        vm.recordLogs();
        vm.prank(address(messenger));
        try vault.applyEntries{gas: gas_}(HUB, first, stream, new uint256[](1)) {
            Entry.Receipts memory r = _receipt();
            assertEq(r.settled, 63);
            assertEq(r.paid, paid);
        } catch {
            assertEq(vault.assetOf(asset).paid + vault.assetOf(odd).paid + vault.assetOf(native).paid, 0);
            assertEq(vault.claimableOf(first).createdAt, 0);
            assertEq(address(vault).balance, 1000 * UNIT);
        }
        _checkBacking(asset);
        _checkBacking(odd);
        _checkBacking(native);
    }

    /// @dev At every gas around the floor, in small steps: the payee's gas is the same whenever the chunk passes.
    function test_GivenGasAroundTheFloor_TheOutcomeNeverFlips() external {
        MoodyPayee payee = new MoodyPayee();
        bytes memory stream = _stream(_order(alice, native, UNIT, address(payee)));
        uint256 passed;
        uint256 reverted;
        for (uint256 g = 150_000; g < 330_000; g += 500) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(address(messenger));
            (bool ok, ) = address(vault).call{gas: g}(
                abi.encodeCall(vault.applyEntries, (HUB, 1, stream, new uint256[](1)))
            );
            assertEq(address(payee).balance, ok ? UNIT : 0);
            assertEq(vault.assetOf(native).claimable, 0, "gas never makes an order claimable");
            if (ok) ++passed;
            else ++reverted;
            vm.revertToState(snapshot);
        }
        assertGt(passed, 0);
        assertGt(reverted, 0);
        vm.prank(address(messenger));
        vm.expectPartialRevert(IPayouts.GasBelowFloor.selector);
        vault.applyEntries{gas: 190_000}(HUB, 1, stream, new uint256[](1));
        assertEq(vault.payoutGasFloor(), 200_000);
    }
}
