// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {IPayouts} from "../../src/spoke/IPayouts.sol";
import {PlainToken} from "../mocks/tokens/Zoo.sol";
import {PayoutsFixture} from "./PayoutsFixture.sol";

/// @notice Follows Payouts.tree. Odd tokens and receivers: PayoutsZoo.t.sol; what becomes of claimable orders: Claims.t.sol.
contract PayoutsTest is PayoutsFixture {
    function test_GivenAnOrder_ItPaysAndSaysSo() external {
        vm.expectEmit(address(vault));
        emit IPayouts.Paid(1, CLAIM, bob, asset, 5 * UNIT);
        vm.recordLogs();
        uint64 sequence = _pay(asset, 5 * UNIT, bob);
        assertEq(token.balanceOf(bob), 5 * UNIT);
        Entry.Receipts memory r = _receipt();
        assertEq(r.first, sequence);
        assertEq(r.count, 1);
        assertEq(r.settled, 1);
        assertEq(r.paid, 1);
        assertEq(r.assets.length, 1);
        assertEq(r.assets[0], asset);
        assertEq(r.sums[0], 5 * UNIT);
        assertEq(vault.assetOf(asset).paid, 5 * UNIT);
        assertEq(vault.claimableOf(sequence).createdAt, 0);
        _checkBacking(asset);
    }

    function test_GivenVoidedOrders_TheyHaveNoEffect() external {
        bytes memory stream = abi.encodePacked(
            _stream(_order(alice, asset, 1, bob)),
            _stream(abi.encodePacked(EntryKind.VOID, uint64(1))),
            _stream(_order(alice, asset, 2, bob)),
            _stream(abi.encodePacked(EntryKind.CLOSED))
        );
        uint256[] memory voided = new uint256[](1);
        voided[0] = 1;
        vm.recordLogs();
        _applyVoided(stream, 4, voided);
        Entry.Receipts memory r = _receipt();
        assertEq(r.count, 4);
        assertEq(r.settled, 4);
        assertEq(r.sums[0], 2);
        assertEq(token.balanceOf(bob), 2);
    }

    function test_GivenNothingSettled_ThereIsNoReceipt() external {
        uint256[] memory voided = new uint256[](1);
        voided[0] = 1;
        vm.recordLogs();
        _applyVoided(_stream(_order(alice, asset, 1, bob)), 1, voided);
        _pay(asset, 500_001 * UNIT, bob);
        assertEq(_appended().length, 0);
    }

    function test_GivenWhatIsNoOrder_ItIsRefusedForGood() external {
        bytes[] memory entries = new bytes[](5);
        IPayouts.ReleaseRefusal[5] memory reasons = [
            IPayouts.ReleaseRefusal.Malformed,
            IPayouts.ReleaseRefusal.Malformed,
            IPayouts.ReleaseRefusal.Malformed,
            IPayouts.ReleaseRefusal.AssetNotListed,
            IPayouts.ReleaseRefusal.BackingExceeded
        ];
        entries[0] = "";
        entries[1] = abi.encodePacked(_order(alice, asset, 1, bob), uint8(0));
        entries[2] = _order(alice, asset, 1, bob);
        entries[2][0] = bytes1(EntryKind.DEPOSITED);
        entries[3] = _order(alice, 99, 1, bob);
        entries[4] = _order(alice, asset, 500_000 * UNIT + 1, bob);
        bytes memory stream;
        for (uint256 i; i < 5; ++i) stream = abi.encodePacked(stream, _stream(entries[i]));
        stream = abi.encodePacked(stream, _stream(_order(alice, asset, 1, bob)));
        for (uint64 i; i < 5; ++i) {
            vm.expectEmit(address(vault));
            emit IPayouts.ReleaseRefused(nextOrder + i, reasons[i]);
        }
        vm.recordLogs();
        _apply(stream, 6);
        Entry.Receipts memory r = _receipt();
        assertEq(r.count, 6);
        assertEq(r.settled, 32, "one bad order stops no other");
        assertEq(token.balanceOf(bob), 1);
    }

    function test_GivenAnotherChainsLog_ItsOrdersAreRefused() external {
        vm.expectEmit(address(vault));
        emit IPayouts.ReleaseRefused(1, IPayouts.ReleaseRefusal.ForeignLog);
        vm.prank(address(messenger));
        vault.applyEntries(HUB + 7, 1, _stream(_order(alice, asset, 1, bob)), new uint256[](1));
        assertEq(token.balanceOf(bob), 0);
    }

    /// @dev Orders of one chunk share one backing: none is counted twice.
    function test_GivenOrdersThatTogetherExceedTheBacking_TheLastIsRefused() external {
        bytes memory half = _stream(_order(alice, asset, 250_001 * UNIT, bob));
        vm.recordLogs();
        _apply(abi.encodePacked(half, half), 2);
        assertEq(_receipt().settled, 1);
        uint64 sequence = _makeClaimable(_account(alice), asset, 200_000 * UNIT, bob);
        vm.expectEmit(address(vault));
        emit IPayouts.ReleaseRefused(sequence + 1, IPayouts.ReleaseRefusal.BackingExceeded);
        _pay(asset, 50_000 * UNIT, bob);
        _pay(asset, 49_999 * UNIT, bob);
        assertEq(token.balanceOf(bob), 300_000 * UNIT);
        _checkBacking(asset);
    }

    // ---- receipts

    function test_GivenMoreThan64Entries_TheReceiptsFollowEachOther() external {
        bytes memory stream;
        for (uint256 i; i < 130; ++i) stream = abi.encodePacked(stream, _stream(_order(alice, asset, 1, bob)));
        vm.recordLogs();
        uint64 first = _apply(stream, 130);
        bytes[] memory entries = _appended();
        assertEq(entries.length, 3);
        uint8[3] memory counts = [64, 64, 2];
        for (uint256 i; i < 3; ++i) {
            Entry.Receipts memory r = this.decodeReceipts(entries[i]);
            assertEq(r.first, first);
            assertEq(r.count, counts[i]);
            assertEq(r.sums[0], counts[i]);
            first += r.count;
        }
    }

    /// @dev Whatever a chunk holds, its receipts cover each settled order once, in order, within the format's bounds, with exact sums.
    function testFuzz_GivenAnyChunk_ItsReceiptsAddUp(uint256 seed) external {
        uint16[5] memory assets = [asset, 0, 0, 0, 0];
        for (uint256 i = 1; i < 5; ++i) assets[i] = _stock(new PlainToken(18), 50);
        uint256 count = 1 + (seed % 90);
        bytes memory stream;
        uint256[] memory voided = new uint256[](1);
        for (uint256 i; i < count; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            // The fifth asset has only fifty units: some of its orders are refused.
            bytes memory order = _order(alice, assets[seed % 5], uint128((seed >> 8) % 9), bob);
            uint256 what = (seed >> 16) % 16;
            if (what == 0) order = abi.encodePacked(EntryKind.VOID, uint64(i));
            if (what == 1) order = _order(alice, 99, 1, bob);
            if (what == 2) voided[0] |= 1 << i;
            stream = abi.encodePacked(stream, _stream(order));
        }
        uint256[5] memory before;
        for (uint256 i; i < 5; ++i) before[i] = vault.assetOf(assets[i]).paid;
        vm.recordLogs();
        uint64 next = _applyVoided(stream, count, voided);
        bytes[] memory entries = _appended();
        uint256[] memory sums = new uint256[](100);
        for (uint256 k; k < entries.length; ++k) {
            Entry.Receipts memory r = this.decodeReceipts(entries[k]);
            assertGe(r.first, next, "in order");
            assertEq(r.settled, r.paid);
            next = r.first + r.count;
            assertLe(next, nextOrder);
            for (uint256 i; i < r.assets.length; ++i) sums[r.assets[i]] += r.sums[i];
        }
        for (uint256 i; i < 5; ++i) {
            assertEq(sums[assets[i]], vault.assetOf(assets[i]).paid - before[i]);
            _checkBacking(assets[i]);
        }
    }

    function test_GivenAClosedLog_TheOrdersArePaidAndTheReceiptsUnsent() external {
        messenger.close(HUB);
        vm.expectEmit(address(vault));
        emit IPayouts.ReceiptsUnsent(1, 1);
        _pay(asset, UNIT, bob);
        assertEq(token.balanceOf(bob), UNIT);
    }

    function test_GivenAnEntryFee_ReceiptsAreFree() external {
        messenger.setFlushPolicy(0.1 ether, 8);
        vm.recordLogs();
        _pay(asset, UNIT, bob);
        assertEq(_receipt().paid, 1);
    }

    // ---- pause, freeze, bucket

    function test_GivenPausedPayouts_OrdersBecomeClaimable_AndAreClaimedAfterIt() external {
        vault.pausePayouts();
        vm.expectEmit(address(vault));
        emit IPayouts.MadeClaimable(
            1,
            CLAIM,
            bytes32(uint256(uint160(alice)) << 96),
            bob,
            asset,
            UNIT,
            IPayouts.ClaimReason.PayoutsPaused
        );
        vm.recordLogs();
        uint64 sequence = _pay(asset, UNIT, bob);
        Entry.Receipts memory r = _receipt();
        assertEq(r.settled, 1);
        assertEq(r.paid, 0, "never paid when not paid");
        assertEq(r.sums[0], UNIT);
        vm.expectRevert(IPayouts.PayoutsArePaused.selector);
        vault.claim(sequence);
        vault.unpausePayouts();
        vault.claim(sequence);
        assertEq(token.balanceOf(bob), UNIT);
    }

    function test_GivenAFrozenAsset_OrdersBecomeClaimable_AndWaitForIt() external {
        vault.restrictAsset(asset, ICollateralVault.AssetStatus.Frozen);
        uint64 sequence = _pay(asset, UNIT, bob);
        bytes memory frozen = abi.encodeWithSelector(
            ICollateralVault.AssetNotOpen.selector,
            asset,
            ICollateralVault.AssetStatus.Frozen
        );
        vm.expectRevert(frozen);
        vault.claim(sequence);
        vm.prank(alice, alice);
        vm.expectRevert(frozen);
        vault.returnClaim(sequence);
        vault.openAsset(asset);
        vault.claim(sequence);
        assertEq(token.balanceOf(bob), UNIT);
    }

    function test_GivenPausedDepositsOfAnAsset_OrdersArePaid() external {
        vault.restrictAsset(asset, ICollateralVault.AssetStatus.DepositsPaused);
        vault.pauseDeposits();
        _pay(asset, UNIT, bob);
        assertEq(token.balanceOf(bob), UNIT);
    }

    /// @dev Capacity 100: large orders (above 1) find 80 of it, small ones all.
    function test_GivenABucket_LargeOrdersLeaveAFifthToSmallOnes() external {
        vault.setOutflow(asset, 100 * UNIT, UNIT);
        bytes memory large = _stream(_order(alice, asset, 50 * UNIT, bob));
        bytes memory fits = _stream(_order(alice, asset, 30 * UNIT, bob));
        bytes memory small = _stream(_order(alice, asset, UNIT, bob));
        vm.recordLogs();
        _apply(abi.encodePacked(large, large, fits, large, small), 5);
        // 50, then 50 does not fit in 30, 30 does, 50 does not, 1 comes out of the fifth.
        assertEq(_receipt().paid, 1 + 4 + 16);
        assertEq(token.balanceOf(bob), 81 * UNIT);
        (bool passes, uint256 room) = vault.outflowAvailable(asset, 2 * UNIT);
        assertFalse(passes);
        assertEq(room, 0);
        (passes, room) = vault.outflowAvailable(asset, UNIT);
        assertTrue(passes);
        assertEq(room, 19 * UNIT);

        vm.expectRevert(abi.encodeWithSelector(IPayouts.OutflowLimitReached.selector, asset, 50 * UNIT, uint256(0)));
        vault.claim(2);
        skip(51);
        vault.claim(2);
        assertEq(token.balanceOf(bob), 131 * UNIT);
        vm.expectRevert();
        vault.claim(4);
    }

    /// @dev A bucket of 100 gives 80 to large orders, and refills one a second.
    function test_GivenAnOrderAboveTheBucket_ItIsPaidInParts_NeverFasterThanTheBucket() external {
        vault.setOutflow(asset, 100 * UNIT, UNIT);
        (bool passes, uint256 room) = vault.outflowAvailable(asset, 81 * UNIT);
        assertFalse(passes);
        assertEq(room, 80 * UNIT);
        (passes, ) = vault.outflowAvailable(asset, 80 * UNIT);
        assertTrue(passes);
        uint64 first = _pay(asset, 100 * UNIT, bob);
        uint64 second = _pay(asset, 400 * UNIT, bob);
        assertEq(token.balanceOf(bob), 0);
        vault.claim(first);
        assertEq(token.balanceOf(bob), 80 * UNIT);
        assertEq(vault.claimableOf(first).amount, 20 * UNIT);
        bytes memory empty = abi.encodeWithSelector(IPayouts.OutflowLimitReached.selector, asset, 400 * UNIT, 0);
        vm.expectRevert(empty);
        vault.claim(second);
        skip(30);
        vm.expectEmit(address(vault));
        emit IPayouts.Claimed(second, CLAIM, bob, asset, 30 * UNIT);
        vault.claim(second);
        assertEq(vault.claimableOf(second).amount, 370 * UNIT);
        assertEq(vault.assetOf(asset).claimable, 390 * UNIT);
        _checkBacking(asset);
        // The rest may still go back to the hub.
        vm.prank(alice, alice);
        vault.returnClaim(second);
        skip(20);
        vault.claim(first);
        assertEq(token.balanceOf(bob), 130 * UNIT);
        assertEq(vault.assetOf(asset).claimable, 0);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotClaimable.selector, first));
        vault.claim(first);
        _checkBacking(asset);
    }

    /// @dev However many orders of whatever size: what leaves in any time is at most the bucket and its refill.
    function testFuzz_GivenAnyOrdersAndClaims_NoMoreThanTheBucketLeaves(uint256 seed) external {
        vault.setOutflow(asset, 1000, 10);
        uint256 elapsed;
        uint64 first = nextOrder;
        for (uint256 i; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 pause = seed % 3 == 0 ? (seed >> 8) % 60 : 0;
            skip(pause);
            elapsed += pause;
            if (i < 4) _pay(asset, uint128((seed >> 16) % 3001), bob);
            uint64 sequence = uint64(first + ((seed >> 32) % 4));
            if (vault.claimableOf(sequence).createdAt != 0) try vault.claim(sequence) {} catch {}
            assertLe(token.balanceOf(bob), 1000 + 10 * elapsed);
        }
        _checkBacking(asset);
    }

    function test_GivenNoBucket_NothingPasses() external {
        PlainToken other = new PlainToken(18);
        uint16 listed = _list(address(other));
        _fund(other, 10);
        _deposit(listed, 10);
        uint64 sequence = _pay(listed, 1, bob);
        assertEq(vault.claimableOf(sequence).amount, 1);
        vault.setOutflow(listed, 1000, 1);
        (uint128 capacity, uint128 perSecond) = vault.outflowOf(listed);
        assertEq(capacity, 1000);
        assertEq(perSecond, 1);
        vault.claim(sequence);
    }

    function test_GivenAGuardian_BucketsOnlyTighten_AndNeverRefill() external {
        vault.setOutflow(asset, 100, 10);
        vault.tightenOutflow(asset, 90, 10);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.OutflowNotStricter.selector, asset, uint128(90), uint128(10)));
        vault.tightenOutflow(asset, 91, 0);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.OutflowNotStricter.selector, asset, uint128(90), uint128(10)));
        vault.tightenOutflow(asset, 0, 11);
        vault.tightenOutflow(asset, 0, 0);
        vault.setOutflow(asset, 1000, 1);
        (, uint256 room) = vault.outflowAvailable(asset, 1);
        assertEq(room, 0);
        skip(7);
        (, room) = vault.outflowAvailable(asset, 1);
        assertEq(room, 7);
        vm.expectRevert(abi.encodeWithSelector(ICollateralVault.AssetNotListed.selector, 99));
        vault.setOutflow(99, 1, 1);
    }

    // ---- who may

    function test_GivenAStranger_EveryInnerAndPrivilegedFunctionIsClosed() external {
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice);
        bytes[4] memory calls = [
            abi.encodeCall(vault.pausePayouts, ()),
            abi.encodeCall(vault.unpausePayouts, ()),
            abi.encodeCall(vault.setOutflow, (asset, 1, 1)),
            abi.encodeCall(vault.tightenOutflow, (asset, 0, 0))
        ];
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(alice);
            (bool ok, bytes memory reason) = address(vault).call(calls[i]);
            assertFalse(ok);
            assertEq(reason, refused);
        }
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotVault.selector, address(this)));
        vault.payOne(address(token), alice, 1);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotMessenger.selector, address(this), address(messenger)));
        vault.applyEntries(HUB, 1, _stream(_order(alice, asset, 1, alice)), new uint256[](1));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotMessenger.selector, address(this), address(messenger)));
        vault.applyCorrections(HUB, 1, abi.encode(new uint64[](0)));
    }

    // ---- gas

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
