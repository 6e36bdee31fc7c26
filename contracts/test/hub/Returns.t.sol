// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IDelegates} from "../../src/hub/IDelegates.sol";
import {IGateway} from "../../src/hub/IGateway.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Checkpoint, CheckpointCodec} from "../../src/message/Checkpoint.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {Origin} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {EndpointMock} from "../mocks/EndpointMock.sol";
import {WithdrawalsFixture} from "./WithdrawalsFixture.sol";

/// @notice See Returns.tree.
contract ReturnsTest is WithdrawalsFixture {
    bytes32 private constant BRANCH = keccak256("another branch");

    /// @dev A deposit the hub cannot credit: its asset was never configured.
    function _park(uint128 amount) private returns (bytes memory entry, uint64 at) {
        entry = _entry(account, UNLISTED, amount, true);
        at = _deliver(gateway, SPOKE, entry);
        assertEq(gateway.parkedLeaf(SPOKE, at), Entry.leafOf(entry));
    }

    // ---- returns

    function test_GivenAParkedDeposit_WhenTheDelayIsOver_AnyoneSendsItHome() public {
        (bytes memory entry, uint64 at) = _park(9);
        vm.expectRevert(
            abi.encodeWithSelector(IGateway.ReturnTooEarly.selector, block.timestamp, block.timestamp + 1 hours)
        );
        gateway.returnDeposit(SPOKE, at, entry);
        skip(1 hours);
        vm.expectEmit(address(ledger));
        emit ILedger.Reserved(0, SPOKE, UNLISTED, 9, ILedger.ReserveSource.Suspense);
        vm.expectEmit(address(gateway));
        emit IGateway.DepositReturned(SPOKE, at, 1);
        vm.prank(makeAddr("anyone"));
        assertEq(gateway.returnDeposit(SPOKE, at, entry), 1);
        IWithdrawals.Claim memory c = withdrawals.claimOf(1);
        assertEq(HubAccount.unwrap(c.account), 0);
        assertEq(c.receiver, alice);
        assertEq(c.units, 9);
        _assertStatus(1, IWithdrawals.Status.Ordered);
        assertEq(ledger.unlistedSuspense(SPOKE, UNLISTED), 0);
        (uint256 reserved, ) = ledger.liquidityOf(SPOKE, UNLISTED);
        assertEq(reserved, 9);
        _endedOnce(at, entry);
        _deliver(withdrawals, SPOKE, _receipts(1, 1, UNLISTED, 9));
        (reserved, ) = ledger.liquidityOf(SPOKE, UNLISTED);
        assertEq(reserved, 0);
    }

    /// @dev Counted in steps of ten minutes, up to 255 of them.
    function test_GivenASlowPath_TheDelayCountsFromTheParking() public {
        _returnsFrom(0, 0);
        _returnsFrom(10 minutes - 1, 0);
        _returnsFrom(10 minutes, 10 minutes);
        _returnsFrom(2 hours + 9 minutes, 2 hours);
        _returnsFrom(42 hours + 30 minutes, 42 hours + 30 minutes);
        _returnsFrom(30 days, 42 hours + 30 minutes);
    }

    function _returnsFrom(uint256 late, uint256 counted) private {
        bytes memory entry = _entry(account, UNLISTED, 9, true);
        uint256 made = vm.getBlockTimestamp();
        vm.warp(made + late);
        uint64 at = _deliver(gateway, SPOKE, entry);
        assertEq(gateway.parkedLeaf(SPOKE, at), Entry.leafOf(entry));
        uint256 earliest = made + counted + 1 hours;
        if (vm.getBlockTimestamp() < earliest) {
            vm.warp(earliest - 1);
            vm.expectRevert(abi.encodeWithSelector(IGateway.ReturnTooEarly.selector, earliest - 1, earliest));
            gateway.returnDeposit(SPOKE, at, entry);
            vm.warp(earliest);
        }
        gateway.returnDeposit(SPOKE, at, entry);
        _endedOnce(at, entry);
    }

    /// @dev The clock of another chain may run ahead: then the delay counts from what it says.
    function test_GivenAClockAhead_NobodyReturnsEarly() public {
        bytes memory entry = _entry(account, UNLISTED, 9, true);
        rewind(30 minutes);
        uint64 at = _deliver(gateway, SPOKE, entry);
        skip(1 hours);
        vm.expectPartialRevert(IGateway.ReturnTooEarly.selector);
        gateway.returnDeposit(SPOKE, at, entry);
        skip(30 minutes);
        gateway.returnDeposit(SPOKE, at, entry);
    }

    function _endedOnce(uint64 at, bytes memory entry) private {
        bytes memory gone = abi.encodeWithSelector(
            IGateway.NotParked.selector,
            SPOKE,
            at,
            Entry.leafOf(entry),
            bytes32(0)
        );
        vm.expectRevert(gone);
        gateway.returnDeposit(SPOKE, at, entry);
        vm.expectRevert(gone);
        gateway.retry(SPOKE, at, entry);
    }

    function test_GivenACreditedOne_ItDoesNotGoHomeToo() public {
        (bytes memory entry, uint64 at) = _park(9);
        _configure(UNLISTED, ILedger.AssetStanding.Collateral, 18);
        gateway.retry(SPOKE, at, entry);
        skip(1 hours);
        _endedOnce(at, entry);
        assertEq(withdrawals.claimCount(), 0);
    }

    function test_GivenAReturnOnItsWay_WhenTheAssetIsConfigured_TheBooksHold() public {
        (bytes memory entry, uint64 at) = _park(9);
        _park(5);
        skip(1 hours);
        withdrawals.pauseOrders();
        uint64 claim = gateway.returnDeposit(SPOKE, at, entry);
        assertEq(ledger.unlistedSuspense(SPOKE, UNLISTED), 5);
        uint16 id = _configure(UNLISTED, ILedger.AssetStanding.Settlement, 6);
        ILedger.Custody memory c = ledger.custodyOf(id);
        assertEq(c.custody, 14);
        assertEq(c.reserved, 9);
        assertEq(c.suspense, 5);
        assertEq(c.free, 0);
        // Now it is an asset of the hub, it leaves by the hub's limit.
        withdrawals.unpauseOrders();
        _assertWaiting(claim, IWithdrawals.Waiting.OutflowLimit);
        withdrawals.setOutflow(SPOKE, UNLISTED, 1_000, 1);
        assertTrue(_order(claim));
        _deliver(withdrawals, SPOKE, _receipts(1, 1, UNLISTED, 9));
        c = ledger.custodyOf(id);
        assertEq(c.custody, 5);
        assertEq(c.reserved, 0);
        _checkBooks();
    }

    function test_GivenAListedAsset_WhenALimitParkedIt_ItComesOutOfSuspense() public {
        ledger.freezeAsset(usdcId);
        bytes memory entry = _entry(account, USDC, 30e6, true);
        uint64 at = _deliver(gateway, SPOKE, entry);
        skip(1 hours);
        gateway.returnDeposit(SPOKE, at, entry);
        ILedger.Custody memory c = ledger.custodyOf(usdcId);
        assertEq(c.suspense, 0);
        assertEq(c.reserved, 30e6);
        assertEq(c.free, 1_000e6);
        _checkBooks();
    }

    function test_GivenAReturn_NobodyCancelsIt() public {
        // A log cannot appoint anybody for account 0 either.
        _deliver(
            delegates,
            SPOKE,
            Entry.encodeDelegateSet(Entry.DelegateSet(HubAccount.wrap(0), bob, 3, type(uint40).max))
        );
        (bytes memory entry, uint64 at) = _park(9);
        skip(1 hours);
        withdrawals.pauseOrders();
        uint64 claim = gateway.returnDeposit(SPOKE, at, entry);
        bytes memory refused = abi.encodeWithSelector(IWithdrawals.ClaimNotCancellable.selector, claim);
        vm.startPrank(bob, bob);
        vm.expectRevert(refused);
        withdrawals.cancel(claim);
        vm.expectRevert(refused);
        withdrawals.cancelSigned(claim, 0, type(uint256).max, bob, "");
        vm.stopPrank();
        withdrawals.unpauseOrders();
        assertTrue(_order(claim));
        skip(60);
        vm.expectRevert(refused);
        vm.prank(bob, bob);
        withdrawals.cancelOrdered(claim, 0, new bytes32[](0));
    }

    function test_GivenAQuarantineOrAPause_TheDepositStaysParked() public {
        (bytes memory entry, uint64 at) = _park(9);
        skip(1 hours);
        withdrawals.pauseRequests();
        vm.expectRevert(IWithdrawals.RequestsArePaused.selector);
        gateway.returnDeposit(SPOKE, at, entry);
        withdrawals.unpauseRequests();
        hubLog.quarantine(SPOKE);
        vm.expectRevert(abi.encodeWithSelector(IGateway.PathInQuarantine.selector, SPOKE));
        gateway.returnDeposit(SPOKE, at, entry);
        assertEq(gateway.parkedLeaf(SPOKE, at), Entry.leafOf(entry));
        assertEq(ledger.unlistedSuspense(SPOKE, UNLISTED), 9);
    }

    function test_GivenTheDelay_ItHasAnUpperBound() public {
        vm.expectRevert(
            abi.encodeWithSelector(IGateway.ReturnDelayTooLong.selector, uint40(7 days + 1), uint40(7 days))
        );
        gateway.setReturnDelay(7 days + 1);
        gateway.setReturnDelay(0);
        (bytes memory entry, uint64 at) = _park(9);
        gateway.returnDeposit(SPOKE, at, entry);
    }

    // ---- rebases

    function _rebase(uint64 sequence, IMessenger.Corrections[] memory corrections) private {
        hubLog.quarantine(SPOKE);
        hubLog.rebase(SPOKE, sequence, BRANCH, corrections);
    }

    function _none() private pure returns (IMessenger.Corrections[] memory) {
        return new IMessenger.Corrections[](0);
    }

    function _for(uint8 kind, bytes memory data) private pure returns (IMessenger.Corrections[] memory list) {
        list = new IMessenger.Corrections[](1);
        list[0] = IMessenger.Corrections(kind, data);
    }

    function test_GivenAForgottenBranch_WhatWasParkedOnItIsGone_ThoughNoCorrectionNamesIt() public {
        (bytes memory kept, uint64 keptAt) = _park(3);
        (bytes memory lost, uint64 lostAt) = _park(9);
        _rebase(keptAt, _none());
        assertEq(gateway.parkedLeaf(SPOKE, lostAt), 0);
        _configure(UNLISTED, ILedger.AssetStanding.Collateral, 18);
        skip(1 hours);
        _endedOnce(lostAt, lost);
        // What both branches have is still there.
        assertEq(gateway.parkedLeaf(SPOKE, keptAt), Entry.leafOf(kept));
        gateway.retry(SPOKE, keptAt, kept);
        // The same place of the new branch is another deposit, even one of the same content.
        delivered[SPOKE] = keptAt;
        ledger.freezeAsset(ledger.assetIdOf(SPOKE, UNLISTED));
        assertEq(_deliver(gateway, SPOKE, lost), lostAt);
        skip(1 hours);
        gateway.returnDeposit(SPOKE, lostAt, lost);
        _endedOnce(lostAt, lost);
    }

    function test_GivenTwoRebases_TheLowerOneCounts() public {
        (, uint64 first) = _park(3);
        (bytes memory lost, uint64 second) = _park(9);
        _rebase(first, _none());
        _rebase(second + 5, _none());
        assertEq(gateway.parkedLeaf(SPOKE, second), 0);
        assertTrue(gateway.parkedLeaf(SPOKE, first) != 0);
        skip(1 hours);
        _endedOnce(second, lost);
    }

    function test_GivenAForgottenBranch_ItsRequestsAreGone() public {
        bytes memory entry = _requested(account, _tokenLeg(SPOKE, WETH, 4e18), type(uint40).max);
        uint64 keptAt = _deliver(withdrawals, SPOKE, entry);
        uint64 lostAt = _deliver(withdrawals, SPOKE, entry);
        _rebase(keptAt, _none());
        assertEq(withdrawals.requestLeaf(SPOKE, lostAt), 0);
        vm.expectPartialRevert(IWithdrawals.RequestUnknown.selector);
        withdrawals.processRequest(SPOKE, lostAt, entry, "");
        assertEq(withdrawals.processRequest(SPOKE, keptAt, entry, ""), 1);
    }

    function test_GivenForgottenReceipts_TheirSumsAreReservedAgain() public {
        _request(_cashLeg(SPOKE, USDC, 5 * USD));
        _request(_cashLeg(SPOKE, USDC, 7 * USD));
        uint64 first = _deliver(withdrawals, SPOKE, _receipts(1, 1, USDC, 5e6));
        _deliver(withdrawals, SPOKE, _receipts(2, 1, USDC, 7e6));
        uint256[] memory assets = new uint256[](1);
        uint256[] memory units = new uint256[](1);
        (assets[0], units[0]) = (USDC, 7e6);
        IWithdrawals.Corrections memory c = IWithdrawals.Corrections(1, assets, units, new uint256[](0));
        hubLog.quarantine(SPOKE);
        vm.expectEmit(address(withdrawals));
        emit IWithdrawals.ReceiptsCorrected(SPOKE, 1);
        vm.expectEmit(address(ledger));
        emit ILedger.Reinstated(SPOKE, USDC, 7e6);
        hubLog.rebase(SPOKE, first, BRANCH, _for(EntryKind.RECEIPTS, abi.encode(c)));
        assertEq(ledger.custodyOf(usdcId).reserved, 7e6);
        assertEq(withdrawals.receiptedUpTo(SPOKE), 1);
        _checkBooks();
        _deliver(withdrawals, SPOKE, _receipts(2, 1, USDC, 7e6));
        assertEq(ledger.custodyOf(usdcId).custody, 988e6);
        _checkBooks();
    }

    function test_GivenClaimsOfForgottenRequests_ThoseThatWaitAreGivenBack() public {
        withdrawals.pauseOrders();
        uint64 waits = _request(_cashLeg(SPOKE, USDC, 5 * USD));
        uint64 leaves = _request(_tokenLeg(SPOKE, WETH, 4e18));
        withdrawals.unpauseOrders();
        assertTrue(_order(leaves));
        uint256[] memory claims = new uint256[](2);
        (claims[0], claims[1]) = (waits, leaves);
        uint256[] memory none = new uint256[](0);
        _rebase(0, _for(EntryKind.RECEIPTS, abi.encode(IWithdrawals.Corrections(0, none, none, claims))));
        _assertStatus(waits, IWithdrawals.Status.Cancelled);
        _assertStatus(leaves, IWithdrawals.Status.Ordered);
        assertEq(ledger.cashOf(account), int256(uint256(1_000 * USD)));
        _checkBooks();
    }

    function test_GivenKeysOfAForgottenBranch_CorrectionsTakeThemBack() public {
        bytes memory entry = Entry.encodeDelegateSet(Entry.DelegateSet(account, bob, 3, type(uint40).max));
        _deliver(delegates, SPOKE, entry);
        assertTrue(delegates.mayAct(account, bob, 2));
        IDelegates.Correction[] memory list = new IDelegates.Correction[](1);
        list[0] = IDelegates.Correction(account, bob, 0, 0);
        _rebase(0, _for(EntryKind.DELEGATE_SET, abi.encode(list)));
        assertFalse(delegates.mayAct(account, bob, 2));
    }

    function test_GivenAReturnOfAForgottenDeposit_ItStaysAndIsBookedOff() public {
        (bytes memory entry, uint64 at) = _park(9);
        skip(1 hours);
        withdrawals.pauseOrders();
        uint256[] memory claims = new uint256[](1);
        claims[0] = gateway.returnDeposit(SPOKE, at, entry);
        uint256[] memory none = new uint256[](0);
        IMessenger.Corrections[] memory corrections = new IMessenger.Corrections[](2);
        corrections[0] = IMessenger.Corrections(
            EntryKind.RECEIPTS,
            abi.encode(IWithdrawals.Corrections(0, none, none, claims))
        );
        IGateway.Correction[] memory lines = new IGateway.Correction[](1);
        lines[0] = IGateway.Correction(HubAccount.wrap(0), UNLISTED, -9, at);
        corrections[1] = IMessenger.Corrections(EntryKind.DEPOSITED, abi.encode(lines));
        hubLog.quarantine(SPOKE);
        vm.expectEmit(address(ledger));
        emit ILedger.Unreserved(0, SPOKE, UNLISTED, 9, ILedger.ReserveSource.Suspense);
        hubLog.rebase(SPOKE, at - 1, BRANCH, corrections);
        _assertStatus(uint64(claims[0]), IWithdrawals.Status.Cancelled);
        assertEq(ledger.unlistedSuspense(SPOKE, UNLISTED), 0);
        (uint256 reserved, ) = ledger.liquidityOf(SPOKE, UNLISTED);
        assertEq(reserved, 0);
        withdrawals.unpauseOrders();
        assertFalse(_order(uint64(claims[0])));
        // The same deposit on the new branch is credited, once.
        delivered[SPOKE] = at - 1;
        _configure(UNLISTED, ILedger.AssetStanding.Collateral, 18);
        _deliver(gateway, SPOKE, entry);
        assertEq(ledger.custodyOf(ledger.assetIdOf(SPOKE, UNLISTED)).custody, 9);
        _endedOnce(at, entry);
    }

    function _newPeer() private {
        bytes32 peer = bytes32(uint256(SPOKE));
        (, bytes32 incoming) = hubLog.genesis(SPOKE);
        uint64 last = hubLog.close(SPOKE);
        hubLog.flush(SPOKE, address(this));
        bytes32 head = LogFold.fold(incoming, Entry.closedLeaf());
        bytes memory checkpoint = CheckpointCodec.encode(Checkpoint(1, head, last, hubLog.outbox(SPOKE).head));
        EndpointMock(address(hubLog.endpoint())).inject(messenger, Origin(SPOKE, peer, 1), checkpoint);
        hubLog.deliver(SPOKE, hex"01ff");
        hubLog.setPeer(SPOKE, bytes32(uint256(SPOKE) << 8));
    }

    /// @dev A new peer's log counts from 1 again: what waits from the closed one neither dies nor is written over.
    function test_GivenANewPeer_WhatWaitsFromTheClosedLogStays() public {
        (bytes memory old, uint64 at) = _park(3);
        _newPeer();
        delivered[SPOKE] = at - 1;
        (bytes memory fresh, uint64 again) = _park(4);
        assertEq(again, at);
        _configure(UNLISTED, ILedger.AssetStanding.Collateral, 18);
        gateway.retry(SPOKE, at, old);
        gateway.retry(SPOKE, at, fresh);
        (uint128 collateral, ) = ledger.balanceOf(account, ledger.assetIdOf(SPOKE, UNLISTED));
        assertEq(collateral, 7);
    }

    function test_GivenANewPeer_ItsReceiptsCountFromTheStart() public {
        for (uint256 i; i < 3; ++i) _request(_cashLeg(SPOKE, USDC, 5 * USD));
        _deliver(withdrawals, SPOKE, _receipts(1, 3, USDC, 15e6));
        _newPeer();
        assertEq(withdrawals.receiptedUpTo(SPOKE), 3);
        _request(_cashLeg(SPOKE, USDC, 7 * USD));
        assertEq(withdrawals.receiptedUpTo(SPOKE), 0);
        _deliver(withdrawals, SPOKE, _receipts(1, 1, USDC, 7e6));
        assertEq(ledger.custodyOf(usdcId).reserved, 0);
        assertEq(withdrawals.receiptedUpTo(SPOKE), 1);
        _checkBooks();
    }
}
