// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Vm} from "forge-std/Vm.sol";
import {Gateway} from "../../src/hub/Gateway.sol";
import {IGateway} from "../../src/hub/IGateway.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {HubFixture} from "./HubFixture.sol";

/// @notice See Gateway.tree.
contract GatewayTest is HubFixture {
    function test_GivenAStranger_ItMayNotApply() public {
        bytes memory refused = abi.encodeWithSelector(IGateway.NotMessenger.selector, alice, messenger);
        vm.startPrank(alice);
        vm.expectRevert(refused);
        gateway.applyEntries(SPOKE, 1, "", new uint256[](0));
        vm.expectRevert(refused);
        gateway.applyCorrections(SPOKE, 1, "");
    }

    function test_GivenPoisonAmongAHundred_TheHundredAreCredited() public {
        ledger.freezeAsset(_configure(3, ILedger.AssetStanding.Collateral, 18));
        ILedger.AssetConfig memory small = _config(ILedger.AssetStanding.Collateral, 18);
        small.cap = 5;
        ledger.configureAsset(SPOKE, 4, small);

        bytes[] memory poison = new bytes[](9);
        poison[0] = _entry(_account(alice, 0), UNLISTED, 1, true);
        poison[1] = _entry(_account(alice, 0), 3, 1, true);
        poison[2] = _entry(_account(alice, 0), 4, 6, true);
        poison[3] = hex"01";
        poison[4] = hex"7742";
        poison[5] = _entry(HubAccount.wrap(0), WETH, 1, true);
        poison[6] = _entry(_account(alice, 0), WETH, type(uint128).max, true);
        poison[7] = abi.encodePacked(EntryKind.VOID, uint64(3));
        poison[8] = _entry(_account(alice, 0), USDC, type(uint128).max, false);
        bytes[] memory entries = new bytes[](109);
        uint256 k;
        for (uint256 i = 0; i < 109; ++i) {
            entries[i] =
                i % 12 == 5
                    ? poison[k++]
                    : _entry(_account(address(uint160(1000 + i)), 0), i % 2 == 0 ? USDC : WETH, uint128(i + 1), true);
        }
        assertEq(k, 9);
        _apply(entries, new uint256[](1));
        for (uint256 i = 0; i < 109; ++i) {
            if (i % 12 == 5) continue;
            HubAccount account = _account(address(uint160(1000 + i)), 0);
            if (i % 2 == 0) {
                assertEq(ledger.cashOf(account), int256((i + 1) * 1e12));
            } else {
                (uint128 collateral, ) = ledger.balanceOf(account, wethId);
                assertEq(collateral, i + 1);
            }
        }
        for (uint256 i = 0; i < 9; ++i) {
            bool parks = poison[i].length == Entry.DEPOSITED_LENGTH && i != 6 && i != 8;
            assertEq(_isParked(uint64(12 * i + 6)), parks);
        }
        _checkCustody(usdcId);
        _checkCustody(wethId);
    }

    function test_GivenWhatIsNoDeposit_ItIsRefusedWithAReason() public {
        vm.expectEmit(address(gateway));
        emit IGateway.EntryRefused(SPOKE, 1, EntryKind.DEPOSITED, IGateway.Refusal.Malformed);
        _applyOne(hex"010203");
        vm.expectEmit(address(gateway));
        emit IGateway.EntryRefused(SPOKE, 2, 0x77, IGateway.Refusal.UnknownKind);
        _applyOne(hex"77");
        vm.recordLogs();
        _applyOne(abi.encodePacked(EntryKind.CLOSED));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function testFuzz_GivenVoidedEntries_TheyHaveNoEffect(uint256 bitmap, uint8 n) public {
        uint256 count = bound(n, 1, 90);
        bytes[] memory entries = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            entries[i] =
                i % 7 == 3
                    ? bytes(hex"7701")
                    : _entry(_account(address(uint160(1000 + i)), 0), USDC, uint128(i + 1), true);
        }
        uint256[] memory voided = new uint256[](1);
        voided[0] = bitmap;
        _apply(entries, voided);
        for (uint256 i = 0; i < count; ++i) {
            bool credited = i % 7 != 3 && bitmap & (1 << i) == 0;
            assertEq(
                ledger.cashOf(_account(address(uint160(1000 + i)), 0)),
                credited ? int256((i + 1) * 1e12) : int256(0)
            );
        }
    }

    // ---- retry

    function test_GivenAParkedDeposit_WhenItsReasonIsGone_AnyoneCreditsItOnce() public {
        bytes memory entry = _deposit(_account(alice, 0), UNLISTED, 9, true);
        uint64 parked = sequence;
        vm.expectRevert(
            abi.encodeWithSelector(IGateway.StillParked.selector, SPOKE, parked, ILedger.ParkReason.UnknownAsset)
        );
        gateway.retry(SPOKE, parked, entry);
        assertTrue(_isParked(parked));
        uint16 id = _configure(UNLISTED, ILedger.AssetStanding.Collateral, 18);
        gateway.retry(SPOKE, parked, entry);
        (uint128 collateral, ) = ledger.balanceOf(_account(alice, 0), id);
        assertEq(collateral, 9);
        ILedger.Custody memory c = ledger.custodyOf(id);
        assertEq(c.suspense, 0);
        assertEq(c.custody, 9);
        bytes32 leaf = Entry.leafOf(entry);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotParked.selector, SPOKE, parked, leaf, bytes32(0)));
        gateway.retry(SPOKE, parked, entry);
    }

    function test_GivenAnotherEntry_RetryRefusesIt() public {
        bytes memory entry = _deposit(_account(alice, 0), UNLISTED, 9, true);
        entry[60] ^= 0x01;
        vm.expectRevert();
        gateway.retry(SPOKE, sequence, entry);
        vm.expectRevert();
        gateway.retry(SPOKE, sequence, "");
    }

    function test_GivenAQuarantinedPath_RetryWaits() public {
        bytes memory entry = _deposit(_account(alice, 0), UNLISTED, 9, true);
        hubLog.quarantine(SPOKE);
        vm.expectRevert(abi.encodeWithSelector(IGateway.PathInQuarantine.selector, SPOKE));
        gateway.retry(SPOKE, sequence, entry);
    }

    // ---- corrections

    function _correct(HubAccount account, uint16 asset, int256 amount, uint64 seq) private {
        IGateway.Correction[] memory list = new IGateway.Correction[](1);
        list[0] = IGateway.Correction(account, asset, amount, seq);
        vm.prank(messenger);
        gateway.applyCorrections(SPOKE, seq, abi.encode(list));
    }

    function test_GivenARebase_WhenADepositNeverWas_ItIsTakenBack() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, WETH, 9, true);
        _correct(account, WETH, -9, sequence);
        (uint128 collateral, ) = ledger.balanceOf(account, wethId);
        assertEq(collateral, 0);
        assertEq(ledger.custodyOf(wethId).custody, 0);
        assertEq(ledger.lossOf(wethId), 0);
    }

    function test_GivenARebase_WhenTheBalanceIsGone_TheRestIsALoss() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, WETH, 9, true);
        vm.prank(alice, alice);
        ledger.transfer(account, _account(alice, 1), wethId, 5);
        _correct(account, WETH, -9, sequence);
        assertEq(ledger.lossOf(wethId), 5);
        assertEq(ledger.custodyOf(wethId).custody, 5);
        _checkCustody(wethId);
    }

    function test_GivenARebase_CashMayBecomeNegative() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, USDC, 9e6, true);
        vm.prank(alice, alice);
        ledger.transferCash(account, _account(alice, 1), 5e18);
        _correct(account, USDC, -9e6, sequence);
        assertEq(ledger.cashOf(account), -5e18);
        assertEq(ledger.totalCash(), 0);
        assertEq(ledger.custodyOf(usdcId).free, 0);
        _checkCustody(usdcId);
        // What owes is paid down by the next deposit.
        _deposit(account, USDC, 6e6, true);
        assertEq(ledger.cashOf(account), 1e18);
        assertEq(ledger.totalCash(), 6e18);
    }

    function test_GivenARebase_WhenADepositIsNew_ItIsGiven() public {
        HubAccount account = _account(alice, 0);
        _correct(account, USDC, 4e6, 1);
        _correct(account, WETH, 4, 2);
        assertEq(ledger.cashOf(account), 4e18);
        (, uint128 idle) = ledger.balanceOf(account, wethId);
        assertEq(idle, 4);
        _checkCustody(usdcId);
        _checkCustody(wethId);
    }

    function test_GivenARebase_WhenAParkedDepositNeverWas_ItsLeafAndSuspenseGo() public {
        bytes memory entry = _deposit(_account(alice, 0), UNLISTED, 9, true);
        _correct(HubAccount.wrap(0), UNLISTED, -9, sequence);
        assertFalse(_isParked(sequence));
        assertEq(ledger.unlistedSuspense(SPOKE, UNLISTED), 0);
        vm.expectRevert();
        gateway.retry(SPOKE, sequence, entry);
        vm.expectRevert(
            abi.encodeWithSelector(ILedger.BalanceTooLow.selector, bytes32(0), uint16(0), uint256(0), uint256(1))
        );
        this.correctSuspense(UNLISTED, -1);
    }

    /// @dev A call of its own, so that its revert can be expected.
    function correctSuspense(uint16 asset, int256 amount) external {
        _correct(HubAccount.wrap(0), asset, amount, 1);
    }

    function test_GivenABadCorrection_ItIsRefused() public {
        vm.startPrank(address(gateway));
        vm.expectRevert(ILedger.AmountZero.selector);
        ledger.correct(SPOKE, WETH, HubAccount.wrap(0), 0, 1);
        vm.expectRevert(abi.encodeWithSelector(ILedger.AssetUnknown.selector, SPOKE, UNLISTED));
        ledger.correct(SPOKE, UNLISTED, _account(alice, 0), 1, 1);
        vm.expectRevert(
            abi.encodeWithSelector(ILedger.AmountTooLarge.selector, uint256(1 << 108), uint256((1 << 108) - 1))
        );
        ledger.correct(SPOKE, WETH, _account(alice, 0), 1 << 108, 1);
    }

    // ---- gas

    /// @dev Each kind at its worst: cold storage, sixteen assets, fresh slots.
    function test_GivenTheWorstCase_AnEntryCostsAtMostSixtyThousandGas() public {
        HubAccount account = _account(alice, 0);
        for (uint16 i = 0; i < 15; ++i) {
            _configure(100 + i, ILedger.AssetStanding.Collateral, 18);
            _deposit(account, 100 + i, 10, true);
        }
        _configure(120, ILedger.AssetStanding.Collateral, 18);
        _deposit(account, 120, 10, false);
        assertLt(_marginal(_entry(account, 120, 5, true)), 60_000, "own deposit merging idle balance");
        _configure(121, ILedger.AssetStanding.Collateral, 18);
        assertLt(_marginal(_entry(account, 121, 5, true)), 60_000, "a full list");
        assertLt(_marginal(_entry(account, 122, 5, true)), 60_000, "unknown asset");
        assertLt(_marginal(_entry(_account(makeAddr("bob"), 0), USDC, 5, true)), 60_000, "cash");
        assertLt(_marginal(_entry(account, 121, CAP + 1, true)), 60_000, "parked");
        assertLt(_marginal(hex"7700"), 60_000, "unknown kind");
    }

    /// @dev What an entry adds to a chunk that holds another one already; net of the refund for a slot it clears, as transactions are.
    function _marginal(bytes memory entry) private returns (uint256) {
        bytes[] memory entries = new bytes[](2);
        (entries[0], entries[1]) = (_entry(_account(address(1), 0), WETH, 1, true), hex"7700");
        uint256 without = _measure(entries);
        assertGt(without, 20_000);
        entries[1] = entry;
        return _measure(entries) - without;
    }

    function _measure(bytes[] memory entries) private returns (uint256 used) {
        bytes memory stream = _stream(entries);
        uint256[] memory voided = new uint256[](1);
        vm.cool(address(ledger));
        vm.cool(address(gateway));
        vm.prank(messenger);
        gateway.applyEntries(SPOKE, sequence + 1, stream, voided);
        sequence += uint64(entries.length);
        Vm.Gas memory gas_ = vm.lastCallGas();
        return uint256(gas_.gasTotalUsed) - uint256(uint64(gas_.gasRefunded > 0 ? gas_.gasRefunded : int64(0)));
    }

    /// @dev The caller's gas selects between all and nothing, never an outcome.
    function test_GivenAnyGas_AllOrNothing() public {
        bytes[] memory entries = new bytes[](4);
        entries[0] = _entry(_account(alice, 0), USDC, 1e6, true);
        entries[1] = _entry(_account(alice, 0), UNLISTED, 1, true);
        entries[2] = hex"7701";
        entries[3] = _entry(_account(alice, 0), WETH, 3, true);
        bytes memory call = abi.encodeCall(Gateway.applyEntries, (SPOKE, 1, _stream(entries), new uint256[](1)));
        bool done;
        for (uint256 gas_ = 5_000; gas_ < 400_000; gas_ += 1_501) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(messenger);
            (bool ok, ) = address(gateway).call{gas: gas_}(call);
            (uint128 collateral, ) = ledger.balanceOf(_account(alice, 0), wethId);
            assertEq(ledger.cashOf(_account(alice, 0)), ok ? int256(1e18) : int256(0));
            assertEq(collateral, ok ? 3 : 0);
            assertEq(_isParked(2), ok);
            assertTrue(ok || !done, "more gas never fails");
            done = ok;
            vm.revertToState(snapshot);
        }
        assertTrue(done);
    }
}
