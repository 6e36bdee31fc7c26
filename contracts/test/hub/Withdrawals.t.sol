// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {IMarginCheck} from "../../src/hub/IMarginCheck.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Entry} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {MarginCheckMock, WithdrawalsFixture} from "./WithdrawalsFixture.sol";

/// @notice See Withdrawals.tree.
contract WithdrawalsTest is WithdrawalsFixture {
    // ---- requests

    function test_GivenTheOwner_WhenRequestingABalance_ItIsReservedAndOrderedAtOnce() public {
        bytes memory release = Entry.encodeRelease(Entry.Release(1, account, WETH, 4e18, bob));
        bytes32 before = hubLog.outbox(SPOKE).head;
        vm.expectEmit(address(ledger));
        emit ILedger.Reserved(HubAccount.unwrap(account), SPOKE, WETH, 4e18, ILedger.ReserveSource.Balance);
        vm.expectEmit(address(withdrawals));
        emit IWithdrawals.ClaimQueued(1, HubAccount.unwrap(account), SPOKE, WETH, 4e18, bob, false);
        vm.expectEmit(messenger);
        emit IMessenger.EntryAppended(SPOKE, 1, keccak256(abi.encode(before, Entry.leafOf(release))), release);
        vm.expectEmit(address(withdrawals));
        emit IWithdrawals.ReleaseOrdered(1, SPOKE, 1);
        uint64 claim = _request(_tokenLeg(SPOKE, WETH, 4e18));
        assertEq(claim, 1);
        _assertStatus(claim, IWithdrawals.Status.Ordered);
        _assertWaiting(claim, IWithdrawals.Waiting.NotQueued);
        assertEq(withdrawals.claimOf(claim).orderSequence, 1);
        assertEq(_weth(), 6e18);
        assertEq(ledger.custodyOf(wethId).reserved, 4e18);
        _assertQueue(SPOKE, WETH, 0, 0);
        _checkBooks();
    }

    function test_GivenCash_WhenRequested_ItIsFlooredAndTheRestStaysCash() public {
        uint64 claim = _request(_cashLeg(SPOKE, USDC, 5 * USD + 1.5e12));
        assertEq(withdrawals.claimOf(claim).units, 5e6 + 1);
        assertEq(ledger.cashOf(account), int256(uint256(995 * USD - 1e12)));
        _assertStatus(claim, IWithdrawals.Status.Ordered);
        assertEq(ledger.queuedCash(), 0);
        ILedger.Custody memory c = ledger.custodyOf(usdcId);
        assertEq(c.reserved, 5e6 + 1);
        assertEq(c.free, 995e6 - 1);
        _checkBooks();
    }

    function test_GivenSeveralLegs_TheyLeaveFromSeveralChains() public {
        _fund(OTHER, USDC, 300e6);
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](3);
        legs[0] = _cashLeg(SPOKE, USDC, 900 * USD);
        legs[1] = _cashLeg(OTHER, USDC, 300 * USD);
        legs[2] = _tokenLeg(SPOKE, WETH, 1e18);
        vm.prank(alice, alice);
        assertEq(withdrawals.request(account, legs, ""), 1);
        for (uint64 claim = 1; claim <= 3; ++claim) _assertStatus(claim, IWithdrawals.Status.Ordered);
        assertEq(hubLog.outbox(SPOKE).sequence, 2);
        assertEq(hubLog.outbox(OTHER).sequence, 1);
        assertEq(ledger.cashOf(account), int256(uint256(100 * USD)));
        _checkBooks();
    }

    function test_GivenOneLegTooMany_NothingHappens() public {
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](2);
        legs[0] = _cashLeg(SPOKE, USDC, 900 * USD);
        legs[1] = _cashLeg(SPOKE, USDC, 101 * USD);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILedger.CashTooLow.selector,
                HubAccount.unwrap(account),
                int256(uint256(100 * USD)),
                101 * USD
            )
        );
        vm.prank(alice, alice);
        withdrawals.request(account, legs, "");
        assertEq(withdrawals.claimCount(), 0);
    }

    function test_GivenABadLeg_ItSaysWhatWasExpected() public {
        vm.startPrank(alice, alice);
        vm.expectRevert(IWithdrawals.LegsEmpty.selector);
        withdrawals.request(account, new IWithdrawals.Leg[](0), "");
        _expectBadLeg(
            _cashLeg(SPOKE, USDC, 1e12 - 1),
            abi.encodeWithSelector(IWithdrawals.LegTooSmall.selector, 0, 1e12 - 1, 1e12)
        );
        _expectBadLeg(_tokenLeg(SPOKE, WETH, 0), abi.encodeWithSelector(IWithdrawals.LegTooSmall.selector, 0, 0, 1));
        _expectBadLeg(
            IWithdrawals.Leg(SPOKE, WETH, false, 1, address(0)),
            abi.encodeWithSelector(IWithdrawals.ReceiverInvalid.selector, 0, address(0))
        );
        _expectBadLeg(
            _cashLeg(SPOKE, WETH, 1e18),
            abi.encodeWithSelector(ILedger.AssetNotSettlement.selector, SPOKE, WETH)
        );
        _expectBadLeg(
            _cashLeg(SPOKE, UNLISTED, 1e18),
            abi.encodeWithSelector(ILedger.AssetUnknown.selector, SPOKE, UNLISTED)
        );
        _expectBadLeg(
            _tokenLeg(SPOKE, UNLISTED, 1),
            abi.encodeWithSelector(ILedger.AssetUnknown.selector, SPOKE, UNLISTED)
        );
        _expectBadLeg(
            _tokenLeg(SPOKE, WETH, 11e18),
            abi.encodeWithSelector(ILedger.BalanceTooLow.selector, HubAccount.unwrap(account), wethId, 10e18, 11e18)
        );
    }

    function _expectBadLeg(IWithdrawals.Leg memory leg, bytes memory refused) private {
        vm.expectRevert(refused);
        withdrawals.request(account, _one(leg), "");
    }

    function test_GivenAFrozenAsset_ItsWayOutStaysOpen() public {
        ledger.freezeAsset(usdcId);
        ledger.freezeAsset(wethId);
        _assertStatus(_request(_cashLeg(SPOKE, USDC, 5 * USD)), IWithdrawals.Status.Ordered);
        _assertStatus(_request(_tokenLeg(SPOKE, WETH, 1)), IWithdrawals.Status.Ordered);
        _checkBooks();
    }

    function test_GivenSettlementOffPeg_WhatIsFreeOfItCanStillLeaveAsCash() public {
        ledger.configureAsset(SPOKE, USDC, _config(ILedger.AssetStanding.Collateral, 6));
        uint64 claim = _request(_cashLeg(SPOKE, USDC, 1_000 * USD));
        _assertStatus(claim, IWithdrawals.Status.Ordered);
        assertEq(ledger.custodyOf(usdcId).free, 0);
        _checkBooks();
        vm.expectRevert(abi.encodeWithSelector(ILedger.AssetNotSettlement.selector, SPOKE, USDC));
        _request(_cashLeg(SPOKE, USDC, 1 * USD));
    }

    function test_GivenBalancesFromAnotherStanding_TheyLeaveAsTokens() public {
        ledger.configureAsset(SPOKE, USDC, _config(ILedger.AssetStanding.Collateral, 6));
        _fund(SPOKE, USDC, 7e6);
        ledger.configureAsset(SPOKE, USDC, _config(ILedger.AssetStanding.Settlement, 6));
        _request(_tokenLeg(SPOKE, USDC, 3e6));
        ILedger.Custody memory c = ledger.custodyOf(usdcId);
        assertEq(c.balances, 4e6);
        assertEq(c.free, 1_000e6);
        assertEq(c.reserved, 3e6);
        _checkBooks();
    }

    function test_GivenAnAccountThatOwes_NothingLeavesIt() public {
        // A rebase takes back what was spent already.
        vm.startPrank(address(gateway));
        ledger.correct(SPOKE, USDC, _account(bob, 0), 500e6, 1);
        ledger.correct(SPOKE, USDC, account, -1_200e6, 1);
        vm.stopPrank();
        int256 cash = ledger.cashOf(account);
        assertEq(cash, -200e18);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.CashNegative.selector, HubAccount.unwrap(account), cash));
        _request(_tokenLeg(SPOKE, WETH, 1));
        // Nor by way of a sibling account.
        vm.expectRevert(
            abi.encodeWithSelector(ILedger.CashTooLow.selector, HubAccount.unwrap(account), cash, uint256(0))
        );
        vm.prank(alice, alice);
        ledger.transfer(account, _account(alice, 1), wethId, 1);
    }

    function test_GivenAMinimum_ALegBelowItIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.OutflowInvalid.selector, "minimum up to capacity / 100"));
        withdrawals.setMinimum(SPOKE, USDC, BUCKET / 100 + 1);
        withdrawals.setMinimum(SPOKE, USDC, 10e6);
        withdrawals.setMinimum(SPOKE, WETH, 1e18);
        assertEq(withdrawals.minimumOf(SPOKE, USDC), 10e6);
        vm.startPrank(alice, alice);
        _expectBadLeg(
            _cashLeg(SPOKE, USDC, 10 * USD - 1),
            abi.encodeWithSelector(IWithdrawals.LegTooSmall.selector, 0, 10 * USD - 1, 10 * USD)
        );
        _expectBadLeg(
            _tokenLeg(SPOKE, WETH, 1e18 - 1),
            abi.encodeWithSelector(IWithdrawals.LegTooSmall.selector, 0, 1e18 - 1, 1e18)
        );
        vm.stopPrank();
        _request(_cashLeg(SPOKE, USDC, 10 * USD));
        _request(_tokenLeg(SPOKE, WETH, 1e18));
    }

    // ---- the margin check

    function test_GivenAMarginCheck_ItIsAskedWithTheTimeOfTheRequest() public {
        MarginCheckMock check = new MarginCheckMock();
        withdrawals.setMarginCheck(check);
        vm.prank(alice, alice);
        withdrawals.request(account, _one(_tokenLeg(SPOKE, WETH, 1)), "prices");
        assertEq(HubAccount.unwrap(check.account()), HubAccount.unwrap(account));
        assertEq(check.prices(), "prices");
        assertEq(check.since(), block.timestamp);
        check.setRefuses(true);
        vm.expectRevert(MarginCheckMock.BelowInitialMargin.selector);
        _request(_tokenLeg(SPOKE, WETH, 1));
        assertEq(withdrawals.claimCount(), 1);
        assertEq(_weth(), 10e18 - 1);
    }

    /// @dev What the margin check calls could be anybody's: nobody orders or cancels a claim before it is judged.
    function test_GivenACallBackFromTheMarginCheck_ItFindsNoClaim() public {
        MarginCheckMock check = new MarginCheckMock();
        withdrawals.setMarginCheck(check);
        uint64[] memory claims = new uint64[](1);
        claims[0] = 1;
        check.setCallBack(address(withdrawals), abi.encodeCall(withdrawals.order, (claims)));
        uint64 claim = _request(_tokenLeg(SPOKE, WETH, 1));
        assertEq(claim, 1);
        _assertStatus(claim, IWithdrawals.Status.Ordered);
        assertEq(hubLog.outbox(SPOKE).sequence, 1, "ordered once");
        _assertQueue(SPOKE, WETH, 0, 0);
        check.setCallBack(address(withdrawals), abi.encodeCall(withdrawals.cancel, (2)));
        vm.expectRevert(MarginCheckMock.BelowInitialMargin.selector);
        _request(_tokenLeg(SPOKE, WETH, 1));
        _checkBooks();
    }

    // ---- the queue

    function test_GivenTooLittleLiquidity_ItWaitsAndIsOrderedWhenItIsThere() public {
        // alice's cash came in on SPOKE; nothing is free on OTHER.
        uint64 claim = _request(_cashLeg(OTHER, USDC, 400 * USD));
        _assertStatus(claim, IWithdrawals.Status.Queued);
        _assertWaiting(claim, IWithdrawals.Waiting.Liquidity);
        _assertQueue(OTHER, USDC, 1, 400e6);
        assertEq(ledger.cashOf(account), int256(uint256(600 * USD)));
        assertEq(ledger.queuedCash(), 400 * USD);
        assertFalse(_order(claim));
        _checkBooks();
        _fund(OTHER, USDC, 400e6);
        _assertWaiting(claim, IWithdrawals.Waiting.None);
        assertTrue(_order(claim));
        assertFalse(_order(claim), "once");
        _assertStatus(claim, IWithdrawals.Status.Ordered);
        _assertQueue(OTHER, USDC, 0, 0);
        assertEq(ledger.queuedCash(), 0);
        _checkBooks();
    }

    function test_GivenAClaimThatDoesNotFit_ItBlocksNoOther() public {
        _fund(OTHER, USDC, 100e6);
        uint64 large = _request(_cashLeg(OTHER, USDC, 400 * USD));
        // It would fit, but an older claim waits: it takes its place in the queue, and anyone may order it.
        uint64 small = _request(_cashLeg(OTHER, USDC, 60 * USD));
        _assertStatus(small, IWithdrawals.Status.Queued);
        _assertQueue(OTHER, USDC, 2, 460e6);
        uint64[] memory claims = new uint64[](5);
        (claims[0], claims[1], claims[2], claims[3], claims[4]) = (large, 77, small, small, 0);
        vm.prank(makeAddr("anyone"));
        assertEq(withdrawals.order(claims), 1);
        _assertStatus(large, IWithdrawals.Status.Queued);
        _assertStatus(small, IWithdrawals.Status.Ordered);
        _assertQueue(OTHER, USDC, 1, 400e6);
        // Nor does it block another token.
        _assertStatus(_request(_cashLeg(SPOKE, USDC, 1 * USD)), IWithdrawals.Status.Ordered);
        _checkBooks();
    }

    function test_GivenTheBucket_AFifthOfItIsKeptForSmallOrders() public {
        withdrawals.setOutflow(SPOKE, WETH, 5e18, 0.01e18);
        (bool passes, uint256 room) = withdrawals.outflowAvailable(SPOKE, WETH, 4e18);
        assertTrue(passes);
        assertEq(room, 4e18);
        _assertStatus(_request(_tokenLeg(SPOKE, WETH, 4e18)), IWithdrawals.Status.Ordered);
        // One hundredth of the capacity is small; a little more is not.
        uint64 waits = _request(_tokenLeg(SPOKE, WETH, 0.05e18 + 1));
        _assertWaiting(waits, IWithdrawals.Waiting.OutflowLimit);
        (passes, room) = withdrawals.outflowAvailable(SPOKE, WETH, 0.05e18);
        assertTrue(passes);
        assertEq(room, 1e18);
        uint64 small = _request(_tokenLeg(SPOKE, WETH, 0.05e18));
        assertTrue(_order(small));
        skip(11);
        assertTrue(_order(waits), "and refills");
        _checkBooks();
    }

    function test_GivenABucketNeverSet_NothingPasses() public {
        uint16 id = _configure(50, ILedger.AssetStanding.Collateral, 18);
        assertEq(id, ledger.assetCount());
        _fund(SPOKE, 50, 10);
        _assertWaiting(_request(_tokenLeg(SPOKE, 50, 1)), IWithdrawals.Waiting.OutflowLimit);
    }

    function test_GivenAPathThatIsClosedOrQuarantined_ItWaits() public {
        hubLog.quarantine(SPOKE);
        uint64 claim = _request(_cashLeg(SPOKE, USDC, 5 * USD));
        _assertWaiting(claim, IWithdrawals.Waiting.PathQuarantined);
        assertFalse(_order(claim));
        // Other chains go on.
        _fund(OTHER, USDC, 5e6);
        _assertStatus(_request(_cashLeg(OTHER, USDC, 5 * USD)), IWithdrawals.Status.Ordered);
        hubLog.close(OTHER);
        uint64 late = _request(_cashLeg(OTHER, USDC, 1e12));
        _assertWaiting(late, IWithdrawals.Waiting.PathClosed);
        assertFalse(_order(late));
        // A chain without a path.
        ledger.configureAsset(7, USDC, _config(ILedger.AssetStanding.Settlement, 6));
        _assertWaiting(_request(_cashLeg(7, USDC, 1e12)), IWithdrawals.Waiting.PathClosed);
        _checkBooks();
    }

    // ---- pauses

    function test_GivenPauses_NoNewClaimsOrNoNewOrders() public {
        withdrawals.pauseOrders();
        uint64 claim = _request(_cashLeg(SPOKE, USDC, 5 * USD));
        _assertWaiting(claim, IWithdrawals.Waiting.OrdersPaused);
        assertFalse(_order(claim));
        withdrawals.pauseRequests();
        vm.expectRevert(IWithdrawals.RequestsArePaused.selector);
        _request(_cashLeg(SPOKE, USDC, 5 * USD));
        withdrawals.unpauseOrders();
        assertTrue(_order(claim));
        withdrawals.unpauseRequests();
        _assertStatus(_request(_cashLeg(SPOKE, USDC, 5 * USD)), IWithdrawals.Status.Ordered);
        assertFalse(withdrawals.requestsPaused() || withdrawals.ordersPaused());
    }

    // ---- cancelling

    function test_GivenAQueuedClaim_WhenCancelled_AllIsAsBefore() public {
        withdrawals.pauseOrders();
        uint64 cash = _request(_cashLeg(SPOKE, USDC, 5 * USD));
        uint64 weth = _request(_tokenLeg(SPOKE, WETH, 4e18));
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.NotPermitted.selector, HubAccount.unwrap(account), bob));
        vm.prank(bob, bob);
        withdrawals.cancel(cash);
        vm.startPrank(alice, alice);
        vm.expectEmit(address(ledger));
        emit ILedger.CashUnqueued(HubAccount.unwrap(account), 5 * USD);
        vm.expectEmit(address(withdrawals));
        emit IWithdrawals.ClaimCancelled(cash, HubAccount.unwrap(account), false);
        withdrawals.cancel(cash);
        withdrawals.cancel(weth);
        assertEq(ledger.cashOf(account), int256(uint256(1_000 * USD)));
        assertEq(_weth(), 10e18);
        _assertQueue(SPOKE, USDC, 0, 0);
        _assertQueue(SPOKE, WETH, 0, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IWithdrawals.ClaimNotQueued.selector, cash, IWithdrawals.Status.Cancelled)
        );
        withdrawals.cancel(cash);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.ClaimUnknown.selector, uint64(9)));
        withdrawals.cancel(9);
        vm.stopPrank();
        withdrawals.unpauseOrders();
        assertFalse(_order(cash), "a cancelled claim is never ordered");
        _checkBooks();
    }

    function test_GivenAnUnflushedOrder_WhenCancelled_ItIsVoided() public {
        uint64 cash = _request(_cashLeg(SPOKE, USDC, 5 * USD));
        uint64 weth = _request(_tokenLeg(SPOKE, WETH, 4e18));
        bytes32 genesis = hubLog.headInRing(SPOKE, 0);
        bytes32[] memory after_ = new bytes32[](1);
        after_[0] = Entry.leafOf(Entry.encodeRelease(Entry.Release(weth, account, WETH, 4e18, bob)));
        vm.startPrank(alice, alice);
        vm.expectRevert(
            abi.encodeWithSelector(IWithdrawals.CancelTooEarly.selector, block.timestamp, block.timestamp + 60)
        );
        withdrawals.cancelOrdered(cash, genesis, after_);
        skip(60);
        vm.stopPrank();
        // Works while the path is quarantined: it is the owner's way out.
        hubLog.quarantine(SPOKE);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.NotPermitted.selector, HubAccount.unwrap(account), bob));
        vm.prank(bob, bob);
        withdrawals.cancelOrdered(cash, genesis, after_);
        vm.startPrank(alice, alice);
        vm.expectEmit(address(ledger));
        emit ILedger.Unreserved(HubAccount.unwrap(account), SPOKE, USDC, 5e6, ILedger.ReserveSource.Cash);
        vm.expectEmit(address(withdrawals));
        emit IWithdrawals.ClaimCancelled(cash, HubAccount.unwrap(account), true);
        withdrawals.cancelOrdered(cash, genesis, after_);
        assertTrue(hubLog.isVoidedOutbound(SPOKE, 1));
        withdrawals.cancelOrdered(weth, hubLog.headInRing(SPOKE, 1), new bytes32[](0));
        assertEq(ledger.cashOf(account), int256(uint256(1_000 * USD)));
        assertEq(_weth(), 10e18);
        vm.expectRevert(
            abi.encodeWithSelector(IWithdrawals.ClaimNotOrdered.selector, cash, IWithdrawals.Status.Cancelled)
        );
        withdrawals.cancelOrdered(cash, genesis, after_);
        vm.stopPrank();
        _checkBooks();
    }

    function test_GivenAFlushedOrder_ItCannotBeCancelled() public {
        uint64 claim = _request(_cashLeg(SPOKE, USDC, 5 * USD));
        skip(60);
        hubLog.flush(SPOKE, address(this));
        bytes32 genesis = hubLog.headInRing(SPOKE, 0);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.AlreadyFlushed.selector, uint64(1), uint64(1)));
        vm.prank(alice, alice);
        withdrawals.cancelOrdered(claim, genesis, new bytes32[](0));
        _assertStatus(claim, IWithdrawals.Status.Ordered);
    }

    // ---- governance

    function test_GivenAStranger_EveryPrivilegedFunctionIsClosed() public {
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, bob);
        bytes[10] memory calls = [
            abi.encodeCall(withdrawals.setOutflow, (SPOKE, WETH, 1, 1)),
            abi.encodeCall(withdrawals.tightenOutflow, (SPOKE, WETH, 1, 1)),
            abi.encodeCall(withdrawals.setMinimum, (SPOKE, WETH, 1)),
            abi.encodeCall(withdrawals.pauseRequests, ()),
            abi.encodeCall(withdrawals.pauseOrders, ()),
            abi.encodeCall(withdrawals.unpauseRequests, ()),
            abi.encodeCall(withdrawals.unpauseOrders, ()),
            abi.encodeCall(withdrawals.setMarginCheck, (IMarginCheck(bob))),
            abi.encodeCall(gateway.setReturnDelay, (0)),
            abi.encodeCall(gateway.setWithdrawals, (IWithdrawals(bob)))
        ];
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(bob);
            (bool ok, bytes memory reason) = (i < 8 ? address(withdrawals) : address(gateway)).call(calls[i]);
            assertFalse(ok);
            assertEq(reason, refused);
        }
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.NotGateway.selector, bob, address(gateway)));
        withdrawals.queueReturn(SPOKE, WETH, 1, bob);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.NotMessenger.selector, bob, messenger));
        withdrawals.applyEntries(SPOKE, 1, "", new uint256[](0));
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.NotMessenger.selector, bob, messenger));
        withdrawals.applyCorrections(SPOKE, 1, "");
    }

    function test_GivenTheGuardian_TheBucketOnlyTightens() public {
        withdrawals.tightenOutflow(SPOKE, WETH, 100, 5);
        (, uint256 room) = withdrawals.outflowAvailable(SPOKE, WETH, 1);
        assertEq(room, 100);
        bytes memory refused = abi.encodeWithSelector(IWithdrawals.OutflowNotStricter.selector, SPOKE, WETH);
        vm.expectRevert(refused);
        withdrawals.tightenOutflow(SPOKE, WETH, 101, 5);
        vm.expectRevert(refused);
        withdrawals.tightenOutflow(SPOKE, WETH, 100, 6);
        withdrawals.tightenOutflow(SPOKE, WETH, 0, 0);
        _assertWaiting(_request(_tokenLeg(SPOKE, WETH, 1)), IWithdrawals.Waiting.OutflowLimit);
        // A larger bucket is not filled by the change.
        withdrawals.setOutflow(SPOKE, WETH, 1_000, 10);
        (, room) = withdrawals.outflowAvailable(SPOKE, WETH, 1);
        assertEq(room, 0);
        skip(7);
        (, room) = withdrawals.outflowAvailable(SPOKE, WETH, 1);
        assertEq(room, 70);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.OutflowInvalid.selector, "capacity below 2^108"));
        withdrawals.setOutflow(SPOKE, WETH, 1 << 108, 1);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.OutflowInvalid.selector, "perSecond below 2^88"));
        withdrawals.setOutflow(SPOKE, WETH, 1, 1 << 88);
    }
}
