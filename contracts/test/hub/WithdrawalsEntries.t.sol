// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IEntryHandler} from "../../src/message/IEntryHandler.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {MarginCheckMock, WithdrawalsFixture} from "./WithdrawalsFixture.sol";

/// @notice See WithdrawalsEntries.tree.
contract WithdrawalsEntriesTest is WithdrawalsFixture {
    address private stranger = makeAddr("stranger");

    // ---- requests that came by the log

    function _record(IWithdrawals.Leg memory leg, uint40 validFor) private returns (bytes memory entry, uint64 at) {
        entry = _requested(account, leg, uint40(block.timestamp) + validFor);
        at = _deliver(withdrawals, SPOKE, entry);
    }

    function test_GivenARecordedRequest_AnyoneDecidesItOnce() public {
        bytes memory entry = _requested(account, _tokenLeg(SPOKE, WETH, 4e18), uint40(block.timestamp) + 1 hours);
        bytes32 leaf = Entry.leafOf(entry);
        vm.expectEmit(address(withdrawals));
        emit IWithdrawals.RequestRecorded(SPOKE, delivered[SPOKE] + 1, leaf);
        uint64 at = _deliver(withdrawals, SPOKE, entry);
        assertEq(withdrawals.requestLeaf(SPOKE, at), leaf);
        assertEq(_weth(), 10e18, "recorded, not decided");
        vm.expectEmit(address(withdrawals));
        emit IWithdrawals.RequestProcessed(SPOKE, at, 1);
        vm.prank(stranger);
        assertEq(withdrawals.processRequest(SPOKE, at, entry, ""), 1);
        _assertStatus(1, IWithdrawals.Status.Ordered);
        assertEq(withdrawals.claimOf(1).receiver, bob);
        assertEq(_weth(), 6e18);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.RequestUnknown.selector, SPOKE, at, leaf, bytes32(0)));
        withdrawals.processRequest(SPOKE, at, entry, "");
        _checkBooks();
    }

    function test_GivenAnAccountThatCannotAfford_NoStrangerEndsItsRequest() public {
        (bytes memory entry, uint64 at) = _record(_cashLeg(SPOKE, USDC, 2_000 * USD), 1 hours);
        vm.startPrank(stranger);
        vm.expectPartialRevert(ILedger.CashTooLow.selector);
        withdrawals.processRequest(SPOKE, at, entry, "");
        // Nor with too little gas, at any point of it.
        for (uint256 gas_ = 40_000; gas_ < 250_000; gas_ += 10_000) {
            try withdrawals.processRequest{gas: gas_}(SPOKE, at, entry, "") {
                fail();
            } catch {}
        }
        bytes memory other = bytes.concat(entry);
        other[60] ^= 0x01;
        vm.expectPartialRevert(IWithdrawals.RequestUnknown.selector);
        withdrawals.processRequest(SPOKE, at, other, "");
        vm.expectPartialRevert(IWithdrawals.RequestUnknown.selector);
        withdrawals.processRequest(SPOKE, at, "", "");
        vm.stopPrank();
        assertEq(withdrawals.requestLeaf(SPOKE, at), Entry.leafOf(entry));
        _fund(SPOKE, USDC, 1_000e6);
        assertEq(withdrawals.processRequest(SPOKE, at, entry, ""), 1);
        assertEq(ledger.cashOf(account), 0);
    }

    function test_GivenAMarginCheckThatRefuses_TheRequestStays() public {
        MarginCheckMock check = new MarginCheckMock();
        withdrawals.setMarginCheck(check);
        check.setRefuses(true);
        uint256 asked = vm.getBlockTimestamp();
        (bytes memory entry, uint64 at) = _record(_tokenLeg(SPOKE, WETH, 1), 1 hours);
        skip(10 minutes);
        vm.expectRevert(MarginCheckMock.BelowInitialMargin.selector);
        withdrawals.processRequest(SPOKE, at, entry, "");
        check.setRefuses(false);
        assertEq(withdrawals.processRequest(SPOKE, at, entry, "fresh"), 1);
        assertEq(check.since(), asked, "prices from after the request");
        assertEq(check.prices(), "fresh");
    }

    function test_GivenAClockAhead_TheRequestWasMadeByNow() public {
        MarginCheckMock check = new MarginCheckMock();
        withdrawals.setMarginCheck(check);
        skip(1 hours);
        (bytes memory entry, uint64 at) = _record(_tokenLeg(SPOKE, WETH, 1), 2 hours);
        rewind(30 minutes);
        withdrawals.processRequest(SPOKE, at, entry, "");
        assertEq(check.since(), block.timestamp);
    }

    function test_GivenAnExpiredRequest_ItEndsWithoutEffect() public {
        (bytes memory entry, uint64 at) = _record(_tokenLeg(SPOKE, WETH, 4e18), 1 hours);
        skip(1 hours);
        uint256 lastMoment = vm.snapshotState();
        assertEq(withdrawals.processRequest(SPOKE, at, entry, ""), 1, "valid to the last second");
        vm.revertToState(lastMoment);
        skip(1);
        vm.expectEmit(address(withdrawals));
        emit IWithdrawals.RequestExpired(SPOKE, at);
        vm.prank(stranger);
        assertEq(withdrawals.processRequest(SPOKE, at, entry, ""), 0);
        assertEq(_weth(), 10e18);
        assertEq(withdrawals.claimCount(), 0);
        assertEq(withdrawals.requestLeaf(SPOKE, at), 0);
    }

    function test_GivenAPauseOrAQuarantine_TheRequestWaits() public {
        (bytes memory entry, uint64 at) = _record(_tokenLeg(SPOKE, WETH, 4e18), 1 hours);
        withdrawals.pauseRequests();
        vm.expectRevert(IWithdrawals.RequestsArePaused.selector);
        withdrawals.processRequest(SPOKE, at, entry, "");
        withdrawals.unpauseRequests();
        hubLog.quarantine(SPOKE);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.PathInQuarantine.selector, SPOKE));
        withdrawals.processRequest(SPOKE, at, entry, "");
        assertEq(withdrawals.requestLeaf(SPOKE, at), Entry.leafOf(entry));
    }

    function test_GivenAnotherHome_OnlyItsOwnLogSpeaksForIt() public {
        HubAccount here = AccountLib.encode(alice, SPOKE, 0);
        _deliver(gateway, SPOKE, _entry(here, WETH, 5, true));
        bytes memory entry = _requested(here, _tokenLeg(SPOKE, WETH, 5), type(uint40).max);
        _expectRefused(OTHER, EntryKind.WITHDRAW_REQUESTED, IWithdrawals.Refusal.ForeignHome);
        uint64 at = _deliver(withdrawals, OTHER, entry);
        assertEq(withdrawals.requestLeaf(OTHER, at), 0);
        at = _deliver(withdrawals, SPOKE, entry);
        assertEq(withdrawals.processRequest(SPOKE, at, entry, ""), 1);
    }

    function test_GivenBadEntries_TheyAreRefusedWithAReason() public {
        bytes memory good = _requested(account, _tokenLeg(SPOKE, WETH, 5), 0);
        _expectRefused(SPOKE, EntryKind.WITHDRAW_REQUESTED, IWithdrawals.Refusal.Malformed);
        _deliver(withdrawals, SPOKE, bytes.concat(good, hex"00"));
        _expectRefused(SPOKE, EntryKind.WITHDRAW_REQUESTED, IWithdrawals.Refusal.Malformed);
        _deliver(withdrawals, SPOKE, hex"02");
        _expectRefused(SPOKE, EntryKind.WITHDRAW_REQUESTED, IWithdrawals.Refusal.Malformed);
        _deliver(withdrawals, SPOKE, _requested(HubAccount.wrap(0), _tokenLeg(SPOKE, WETH, 5), 0));
        _expectRefused(SPOKE, 0x77, IWithdrawals.Refusal.UnknownKind);
        _deliver(withdrawals, SPOKE, hex"77");
        vm.recordLogs();
        _deliver(withdrawals, SPOKE, abi.encodePacked(EntryKind.CLOSED));
        _deliver(withdrawals, SPOKE, abi.encodePacked(EntryKind.VOID, uint64(1)));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_GivenARunWithVoids_OnlyTheOthersTakeEffect() public {
        bytes[] memory run = new bytes[](3);
        run[0] = _requested(account, _tokenLeg(SPOKE, WETH, 1), type(uint40).max);
        run[1] = _requested(account, _tokenLeg(SPOKE, WETH, 2), type(uint40).max);
        run[2] = abi.encodePacked(EntryKind.VOID, uint64(1));
        uint256[] memory voided = new uint256[](1);
        voided[0] = 1;
        vm.prank(messenger);
        withdrawals.applyEntries(SPOKE, 100, _stream(run), voided);
        assertEq(withdrawals.requestLeaf(SPOKE, 100), 0);
        assertEq(withdrawals.requestLeaf(SPOKE, 101), Entry.leafOf(run[1]));
    }

    // ---- receipts

    function test_GivenAReceipt_CustodyFallsAndTheReservationIsFree() public {
        _request(_cashLeg(SPOKE, USDC, 5 * USD));
        _request(_cashLeg(SPOKE, USDC, 7 * USD));
        vm.expectEmit(address(ledger));
        emit ILedger.Released(SPOKE, USDC, 5e6);
        vm.expectEmit(address(withdrawals));
        emit IWithdrawals.ReceiptsApplied(SPOKE, delivered[SPOKE] + 1, 1, 1, 1, 1);
        _deliver(withdrawals, SPOKE, _receipts(1, 1, USDC, 5e6));
        ILedger.Custody memory c = ledger.custodyOf(usdcId);
        assertEq(c.reserved, 7e6);
        assertEq(c.custody, 995e6);
        assertEq(withdrawals.receiptedUpTo(SPOKE), 1);
        _deliver(withdrawals, SPOKE, _receipts(2, 1, USDC, 7e6));
        assertEq(ledger.custodyOf(usdcId).reserved, 0);
        assertEq(withdrawals.receiptedUpTo(SPOKE), 2);
        _checkBooks();
    }

    function test_GivenAReceiptThatIsWrong_ItIsRefusedWhole() public {
        _request(_cashLeg(SPOKE, USDC, 5 * USD));
        _request(_tokenLeg(SPOKE, WETH, 3));
        _request(_tokenLeg(SPOKE, WETH, 4));
        uint16[] memory assets = new uint16[](2);
        uint128[] memory sums = new uint128[](2);
        (assets[0], assets[1], sums[0], sums[1]) = (USDC, WETH, 5e6, 8);
        _refusedReceipt(_sums(1, 3, assets, sums), IWithdrawals.Refusal.ReceiptExceedsReserved);
        (assets[1], sums[0], sums[1]) = (USDC, 2e6, 3e6);
        _refusedReceipt(_sums(1, 3, assets, sums), IWithdrawals.Refusal.Malformed);
        _refusedReceipt(hex"0400", IWithdrawals.Refusal.Malformed);
        _refusedReceipt(_receipts(0, 1, USDC, 5e6), IWithdrawals.Refusal.ReceiptRepeated);
        _refusedReceipt(_receipts(1, 1, UNLISTED, 1), IWithdrawals.Refusal.ReceiptExceedsReserved);
        // The good ones, with a gap: nothing of order 2 took effect.
        _deliver(withdrawals, SPOKE, _receipts(1, 1, USDC, 5e6));
        _refusedReceipt(_receipts(1, 1, USDC, 1), IWithdrawals.Refusal.ReceiptRepeated);
        _deliver(withdrawals, SPOKE, _receipts(3, 1, WETH, 4));
        _refusedReceipt(_receipts(2, 1, WETH, 3), IWithdrawals.Refusal.ReceiptRepeated);
        assertEq(ledger.custodyOf(wethId).reserved, 3);
        // Another chain has its own count.
        _fund(OTHER, USDC, 5e6);
        _request(_cashLeg(OTHER, USDC, 5 * USD));
        _deliver(withdrawals, OTHER, _receipts(1, 1, USDC, 5e6));
        assertEq(withdrawals.receiptedUpTo(OTHER), 1);
        _checkBooks();
    }

    function test_GivenAReceiptBeyondTheLastOrder_ItCoversWhatWasOrdered() public {
        _request(_cashLeg(SPOKE, USDC, 5 * USD));
        _deliver(withdrawals, SPOKE, _receipts(1, 64, USDC, 3e6));
        assertEq(withdrawals.receiptedUpTo(SPOKE), 1);
        _deliver(withdrawals, SPOKE, _receipts(type(uint64).max, 2, USDC, 2e6));
        assertEq(withdrawals.receiptedUpTo(SPOKE), 1);
        // So no receipt of a later order is shut out.
        _request(_cashLeg(SPOKE, USDC, 7 * USD));
        _deliver(withdrawals, SPOKE, _receipts(2, 1, USDC, 7e6));
        assertEq(withdrawals.receiptedUpTo(SPOKE), 2);
        assertEq(ledger.custodyOf(usdcId).reserved, 0);
    }

    function _sums(
        uint64 first,
        uint8 count,
        uint16[] memory assets,
        uint128[] memory sums
    ) private pure returns (bytes memory) {
        return Entry.encodeReceipts(Entry.Receipts(first, count, 1, 1, assets, sums));
    }

    function _refusedReceipt(bytes memory entry, IWithdrawals.Refusal reason) private {
        (uint256 usdc, ) = ledger.liquidityOf(SPOKE, USDC);
        (uint256 weth, ) = ledger.liquidityOf(SPOKE, WETH);
        uint64 upTo = withdrawals.receiptedUpTo(SPOKE);
        _expectRefused(SPOKE, EntryKind.RECEIPTS, reason);
        _deliver(withdrawals, SPOKE, entry);
        (uint256 usdcAfter, ) = ledger.liquidityOf(SPOKE, USDC);
        (uint256 wethAfter, ) = ledger.liquidityOf(SPOKE, WETH);
        assertEq(usdcAfter, usdc);
        assertEq(wethAfter, weth);
        assertEq(withdrawals.receiptedUpTo(SPOKE), upTo);
    }

    // ---- rounding

    /// @dev Every number of decimals: a leg never takes more than was asked, leaves less than one unit, and comes back whole.
    function testFuzz_GivenAnyDecimals_RoundingFavoursTheProtocolByLessThanAUnit(
        uint8 pick,
        uint128 deposited,
        uint128 asked
    ) public {
        uint8 decimals = [0, 6, 8, 18][pick % 4];
        uint256 scale = 10 ** (18 - decimals);
        ledger.configureAsset(OTHER, 40, _config(ILedger.AssetStanding.Settlement, decimals));
        withdrawals.setOutflow(OTHER, 40, CAP, 1);
        // At most what the cap admits and an account's cash holds.
        deposited = uint128(bound(deposited, 1, scale < 1e6 ? CAP : 1e36 / scale));
        asked = uint128(bound(asked, scale, deposited * scale));
        _fund(OTHER, 40, deposited);
        int256 before = ledger.cashOf(account);
        uint64 claim = _request(_cashLeg(OTHER, 40, asked));
        uint256 units = withdrawals.claimOf(claim).units;
        assertLe(units * scale, asked);
        assertLt(asked - units * scale, scale);
        assertEq(ledger.cashOf(account), before - int256(units * scale));
        _checkBooks();
        skip(60);
        bytes32 genesis = hubLog.headInRing(OTHER, 0);
        if (withdrawals.claimOf(claim).status == IWithdrawals.Status.Ordered) {
            vm.prank(alice, alice);
            withdrawals.cancelOrdered(claim, genesis, new bytes32[](0));
        } else {
            vm.prank(alice, alice);
            withdrawals.cancel(claim);
        }
        assertEq(ledger.cashOf(account), before);
        _checkBooks();
    }

    function testFuzz_GivenCollateralOf24Decimals_ItLeavesToTheUnit(uint128 deposited, uint128 asked) public {
        uint16 id = ledger.configureAsset(OTHER, 41, _config(ILedger.AssetStanding.Collateral, 24));
        withdrawals.setOutflow(OTHER, 41, CAP, 1);
        deposited = uint128(bound(deposited, 1, CAP));
        asked = uint128(bound(asked, 1, deposited));
        _fund(OTHER, 41, deposited);
        _request(_tokenLeg(OTHER, 41, asked));
        (uint128 collateral, ) = ledger.balanceOf(account, id);
        assertEq(collateral, deposited - asked);
        _deliver(withdrawals, OTHER, _receipts(1, 1, 41, asked));
        ILedger.Custody memory c = ledger.custodyOf(id);
        assertEq(c.custody, deposited - asked);
        assertEq(c.reserved, 0);
        _checkBooks();
    }

    // ---- gas

    /// @dev Each kind at its worst: cold storage, fresh slots, three assets.
    function test_GivenTheWorstCase_AnEntryCostsAtMostSixtyThousandGas() public {
        _configure(60, ILedger.AssetStanding.Collateral, 18);
        _fund(SPOKE, 60, 10);
        withdrawals.setOutflow(SPOKE, 60, CAP, 1);
        _request(_cashLeg(SPOKE, USDC, 5 * USD));
        _request(_tokenLeg(SPOKE, WETH, 3));
        _request(_tokenLeg(SPOKE, 60, 4));
        uint16[] memory assets = new uint16[](3);
        uint128[] memory sums = new uint128[](3);
        (assets[0], assets[1], assets[2]) = (USDC, WETH, 60);
        (sums[0], sums[1], sums[2]) = (4e6, 2, 3);
        assertLt(_marginal(_sums(1, 3, assets, sums)), 60_000, "receipts of three assets");
        sums[2] = 1e20;
        assertLt(_marginal(_sums(1, 3, assets, sums)), 60_000, "receipts that are refused");
        bytes memory request = _requested(account, _tokenLeg(SPOKE, WETH, 1), type(uint40).max);
        assertLt(_marginal(request), 60_000, "request");
        assertLt(_marginal(hex"7700"), 60_000, "unknown kind");
    }

    /// @dev Gross: what an entry adds to the chunk's gas limit, refunds not counted.
    function _marginal(bytes memory entry) private returns (uint256) {
        bytes[] memory entries = new bytes[](1);
        entries[0] = hex"77";
        uint256 without = _measure(entries);
        entries = new bytes[](2);
        (entries[0], entries[1]) = (bytes(hex"77"), entry);
        return _measure(entries) - without;
    }

    function _measure(bytes[] memory entries) private returns (uint256) {
        bytes memory stream = _stream(entries);
        uint64 first = delivered[SPOKE] + 1;
        delivered[SPOKE] += uint64(entries.length);
        vm.cool(address(ledger));
        vm.cool(address(withdrawals));
        vm.cool(messenger);
        vm.prank(messenger);
        withdrawals.applyEntries(SPOKE, first, stream, new uint256[](1));
        return vm.lastCallGas().gasTotalUsed;
    }

    /// @dev The caller's gas selects between all and nothing, never an outcome.
    function test_GivenAnyGas_AllOrNothing() public {
        _request(_cashLeg(SPOKE, USDC, 5 * USD));
        bytes[] memory entries = new bytes[](3);
        entries[0] = _receipts(1, 1, USDC, 5e6);
        entries[1] = hex"7701";
        entries[2] = _requested(account, _tokenLeg(SPOKE, WETH, 1), type(uint40).max);
        bytes memory call = abi.encodeCall(IEntryHandler.applyEntries, (SPOKE, 50, _stream(entries), new uint256[](1)));
        bool done;
        for (uint256 gas_ = 5_000; gas_ < 300_000; gas_ += 2_503) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(messenger);
            (bool ok, ) = address(withdrawals).call{gas: gas_}(call);
            assertEq(ledger.custodyOf(usdcId).reserved, ok ? 0 : 5e6);
            assertEq(withdrawals.requestLeaf(SPOKE, 52) != 0, ok);
            assertTrue(ok || !done, "more gas never fails");
            done = ok;
            vm.revertToState(snapshot);
        }
        assertTrue(done);
    }
}
