// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {Holdings} from "../../src/hub/risk/Holdings.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {HubFixture} from "./HubFixture.sol";

/// @notice See Ledger.tree.
contract LedgerTest is HubFixture {
    function test_GivenSettlement_WhenCredited_ItIsCashAtPar() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, USDC, 5e6, true);
        assertEq(ledger.cashOf(account), 5e18);
        assertEq(ledger.totalCash(), 5e18);
        assertEq(ledger.custodyOf(usdcId).free, 5e6);
        _checkCustody(usdcId);
    }

    function test_GivenCollateral_WhenTheOwnerDeposits_ItIsEnabled() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, WETH, 7, true);
        (uint128 collateral, uint128 idle) = ledger.balanceOf(account, wethId);
        assertEq(collateral, 7);
        assertEq(idle, 0);
        (uint16[] memory ids, uint128[] memory amounts) = ledger.collateralOf(account);
        assertEq(ids.length, 1);
        assertEq(ids[0], wethId);
        assertEq(amounts[0], 7);
    }

    function test_GivenCollateral_WhenAStrangerDeposits_ItIsIdleUntilTheOwnerUsesTheAsset() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, WETH, 7, false);
        (uint128 collateral, uint128 idle) = ledger.balanceOf(account, wethId);
        assertEq(collateral, 0);
        assertEq(idle, 7);
        _deposit(account, WETH, 5, true);
        (collateral, idle) = ledger.balanceOf(account, wethId);
        assertEq(collateral, 12);
        assertEq(idle, 0);
        _deposit(account, WETH, 3, false);
        (collateral, ) = ledger.balanceOf(account, wethId);
        assertEq(collateral, 15);
        _checkCustody(wethId);
    }

    function test_GivenAModule_WhenCashMovesForPositions_ItStandsInClearing() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, USDC, 5e6, true);
        ledger.setModule(address(this), true);
        vm.expectEmit();
        emit ILedger.CashChanged(HubAccount.unwrap(account), -7e18);
        ledger.changeCash(account, -7e18);
        assertEq(ledger.cashOf(account), -2e18);
        assertEq(ledger.totalCash(), -2e18);
        assertEq(ledger.clearing(), 7e18);
        ledger.changeCash(account, 8e18);
        assertEq(ledger.cashOf(account), 6e18);
        assertEq(ledger.clearing(), -1e18);
        assertEq(ledger.totalCash() + ledger.clearing(), 5e18, "INV-CASH-1");
    }

    function test_GivenAModule_WhenCashMovesBetweenAccounts_ClearingStays() public {
        HubAccount from = _account(alice, 0);
        HubAccount to = _account(alice, 1);
        _deposit(from, USDC, 5e6, true);
        ledger.setModule(address(this), true);
        vm.expectEmit();
        emit ILedger.CashChanged(HubAccount.unwrap(from), -7e18);
        vm.expectEmit();
        emit ILedger.CashChanged(HubAccount.unwrap(to), 7e18);
        ledger.moveCash(from, to, 7e18);
        assertEq(ledger.cashOf(from), -2e18);
        assertEq(ledger.cashOf(to), 7e18);
        assertEq(ledger.clearing(), 0);
        assertEq(ledger.totalCash(), 5e18, "INV-CASH-1");
        ledger.moveCash(from, to, -3e18);
        assertEq(ledger.cashOf(from), 1e18);
        assertEq(ledger.cashOf(to), 4e18);
        vm.recordLogs();
        ledger.moveCash(from, to, 0);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_GivenNoModule_WhenCashMovesForPositions_ItIsRefused() public {
        HubAccount account = _account(alice, 0);
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotModule.selector, address(this)));
        ledger.changeCash(account, 1);
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotModule.selector, address(this)));
        ledger.moveCash(account, _account(alice, 1), 1);
        ledger.setModule(address(this), true);
        int256 most = int256((uint256(1) << 123) - 1);
        ledger.changeCash(account, most);
        vm.expectRevert(
            abi.encodeWithSelector(ILedger.CashOutOfRange.selector, HubAccount.unwrap(account), most, int256(1))
        );
        ledger.changeCash(account, 1);
        vm.expectRevert(
            abi.encodeWithSelector(ILedger.CashOutOfRange.selector, HubAccount.unwrap(account), most, int256(1))
        );
        ledger.moveCash(_account(alice, 1), account, 1);
    }

    function testFuzz_GivenAList_WhenReadAsHoldings_ItIsCashAndThePackedList(uint8 count, int120 cash) public {
        HubAccount account = _account(alice, 0);
        count %= 17;
        for (uint16 i = 0; i < count; ++i) {
            _configure(100 + i, ILedger.AssetStanding.Collateral, 18);
            _deposit(account, 100 + i, uint128(i) + 1, true);
        }
        ledger.setModule(address(this), true);
        ledger.changeCash(account, cash);
        (int256 held, uint256[] memory words) = ledger.packedBookOf(account);
        assertEq(held, cash);
        (uint16[] memory ids, uint128[] memory amounts) = ledger.collateralOf(account);
        uint256 found;
        for (uint256 i = 0; i < 2 * words.length; ++i) {
            (uint16 id, uint256 amount) = Holdings.lot(words[i / 2], i % 2);
            assertEq(words[i / 2] >> 248, 0);
            if (id == 0) {
                assertEq(amount, 0);
                continue;
            }
            assertEq(id, ids[found]);
            assertEq(amount, amounts[found++]);
        }
        assertEq(found, ids.length);
    }

    /// @dev Every length, every position, both halves of each slot; against a plain model.
    function testFuzz_GivenAList_WhenAssetsComeAndGo_ItIsThatOfTheModel(uint256 seed) public {
        HubAccount account = _account(alice, 0);
        uint16[] memory ids = new uint16[](20);
        uint256[] memory held = new uint256[](20);
        bool[] memory enabled = new bool[](20);
        for (uint16 i = 0; i < 20; ++i) ids[i] = _configure(100 + i, ILedger.AssetStanding.Collateral, 18);
        uint256 count;
        for (uint256 step = 0; step < 40; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint16 i = uint16(seed % 20);
            uint128 amount = uint128((seed >> 16) % 1e24) + 1;
            if ((seed >> 8) % 3 != 0) {
                bool own = (seed >> 12) % 4 != 0;
                _deposit(account, 100 + i, amount, own);
                held[i] += amount;
                if (own && !enabled[i] && count < 16) {
                    enabled[i] = true;
                    ++count;
                }
            } else if (enabled[i]) {
                vm.prank(alice, alice);
                ledger.disableCollateral(account, ids[i]);
                enabled[i] = false;
                --count;
            }
            (uint16[] memory list, uint128[] memory amounts) = ledger.collateralOf(account);
            assertEq(list.length, count);
            for (uint256 k = 0; k < list.length; ++k) {
                assertTrue(enabled[list[k] - ids[0]]);
                assertEq(amounts[k], held[list[k] - ids[0]]);
            }
            for (uint256 k = 0; k < 20; ++k) {
                (uint128 collateral, uint128 idle) = ledger.balanceOf(account, ids[k]);
                assertEq(uint256(collateral) + idle, held[k]);
                if (!enabled[k]) assertEq(collateral, 0);
                else assertEq(idle, 0);
            }
        }
    }

    function test_GivenSixteenEnabled_WhenTheOwnerDepositsAnother_ItIsIdle() public {
        HubAccount account = _account(alice, 0);
        for (uint16 i = 0; i < 17; ++i) {
            _configure(100 + i, ILedger.AssetStanding.Collateral, 18);
            _deposit(account, 100 + i, 10, true);
        }
        (uint16[] memory ids, ) = ledger.collateralOf(account);
        assertEq(ids.length, 16);
        uint16 last = ledger.assetIdOf(SPOKE, 116);
        (, uint128 idle) = ledger.balanceOf(account, last);
        assertEq(idle, 10);
        vm.expectRevert(abi.encodeWithSelector(ILedger.CollateralLimit.selector, HubAccount.unwrap(account), 16));
        vm.prank(alice, alice);
        ledger.enableCollateral(account, last);
    }

    // ---- park reasons

    function test_GivenAnUnlistedAsset_ItWaitsInSuspense_AndMovesWhenConfigured() public {
        _deposit(_account(alice, 0), UNLISTED, 9, true);
        assertTrue(_isParked(sequence));
        assertEq(ledger.unlistedSuspense(SPOKE, UNLISTED), 9);
        uint16 id = _configure(UNLISTED, ILedger.AssetStanding.Collateral, 18);
        assertEq(ledger.unlistedSuspense(SPOKE, UNLISTED), 0);
        assertEq(ledger.custodyOf(id).suspense, 9);
        _checkCustody(id);
    }

    function test_GivenAFrozenAsset_ItParks_AndItsFreeSettlementStaysSo() public {
        _deposit(_account(alice, 0), USDC, 5, true);
        ledger.freezeAsset(usdcId);
        assertEq(uint8(ledger.configOf(usdcId).standing), uint8(ILedger.AssetStanding.Frozen));
        _deposit(_account(alice, 0), USDC, 6, true);
        assertTrue(_isParked(sequence));
        ILedger.Custody memory c = ledger.custodyOf(usdcId);
        assertEq(c.free, 5);
        assertEq(c.suspense, 6);
        _checkCustody(usdcId);
    }

    function test_GivenTheCap_WhatExceedsItParks() public {
        ILedger.AssetConfig memory config = _config(ILedger.AssetStanding.Collateral, 18);
        config.cap = 100;
        ledger.configureAsset(SPOKE, WETH, config);
        _deposit(_account(alice, 0), WETH, 100, true);
        assertFalse(_isParked(sequence));
        _deposit(_account(alice, 0), WETH, 1, true);
        assertTrue(_isParked(sequence));
    }

    function test_GivenTheInflowLimit_ItParksWhatExceedsIt_AndRefills() public {
        ILedger.AssetConfig memory config = _config(ILedger.AssetStanding.Collateral, 18);
        (config.inflowCapacity, config.inflowPerSecond) = (100, 10);
        ledger.configureAsset(SPOKE, WETH, config);
        assertEq(ledger.inflowAvailable(wethId), 100);
        _deposit(_account(alice, 0), WETH, 60, true);
        bytes memory entry = _deposit(_account(alice, 0), WETH, 60, true);
        assertTrue(_isParked(sequence));
        skip(2);
        assertEq(ledger.inflowAvailable(wethId), 60);
        gateway.retry(SPOKE, sequence, entry);
        assertEq(ledger.inflowAvailable(wethId), 0);
        // More than the capacity passes a full bucket only, and empties it.
        entry = _deposit(_account(alice, 0), WETH, 5_000, true);
        assertTrue(_isParked(sequence));
        skip(9);
        vm.expectRevert();
        gateway.retry(SPOKE, sequence, entry);
        skip(1);
        gateway.retry(SPOKE, sequence, entry);
        assertEq(ledger.inflowAvailable(wethId), 0);
        _checkCustody(wethId);
    }

    function test_GivenNoOwner_ItParks() public {
        _deposit(HubAccount.wrap(bytes32(uint256(7))), WETH, 1, false);
        assertTrue(_isParked(sequence));
        _deposit(HubAccount.wrap(bytes32(uint256(7))), USDC, 1, false);
        assertTrue(_isParked(sequence));
    }

    function test_GivenMoreCashThanAnAccountHolds_ItParks() public {
        ILedger.AssetConfig memory config = _config(ILedger.AssetStanding.Settlement, 0);
        config.cap = (1 << 108) - 1;
        config.inflowCapacity = config.cap;
        ledger.configureAsset(SPOKE, 50, config);
        _deposit(_account(alice, 0), 50, 1e20, true);
        assertTrue(_isParked(sequence));
        _deposit(_account(alice, 0), 50, 1e18, true);
        assertFalse(_isParked(sequence));
        _deposit(_account(alice, 0), 50, 1e19, true);
        assertTrue(_isParked(sequence));
    }

    function testFuzz_GivenAnyDeposit_CustodyIsItsParts(uint128 amount, uint16 asset, bool own, bytes32 raw) public {
        asset = uint16(bound(asset, 1, 4));
        _deposit(HubAccount.wrap(raw), asset, amount, own);
        _checkCustody(usdcId);
        _checkCustody(wethId);
        uint256 booked =
            asset == USDC
                ? ledger.custodyOf(usdcId).custody
                : asset == WETH
                    ? ledger.custodyOf(wethId).custody
                    : ledger.unlistedSuspense(SPOKE, asset);
        assertEq(booked, amount < 1 << 108 ? amount : 0);
    }

    // ---- standing changes

    function test_GivenSettlementOffPeg_WhatIsCashStaysCash() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, USDC, 5e6, true);
        _configure(USDC, ILedger.AssetStanding.Collateral, 6);
        _deposit(account, USDC, 3e6, true);
        ILedger.Custody memory c = ledger.custodyOf(usdcId);
        assertEq(c.free, 5e6);
        assertEq(c.balances, 3e6);
        _configure(USDC, ILedger.AssetStanding.Settlement, 6);
        _deposit(account, USDC, 1e6, true);
        c = ledger.custodyOf(usdcId);
        assertEq(c.free, 6e6);
        assertEq(c.balances, 3e6);
        _checkCustody(usdcId);
        assertEq(ledger.cashOf(account), 6e18);
    }

    // ---- owners

    function test_GivenAKeysAccount_OnlyThatKeyActs() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, WETH, 7, false);
        vm.expectRevert(
            abi.encodeWithSelector(ILedger.NotAccountOwner.selector, HubAccount.unwrap(account), address(this))
        );
        ledger.enableCollateral(account, wethId);
        vm.prank(alice, alice);
        ledger.enableCollateral(account, wethId);
        (uint128 collateral, ) = ledger.balanceOf(account, wethId);
        assertEq(collateral, 7);
        vm.expectRevert(abi.encodeWithSelector(ILedger.AlreadyEnabled.selector, HubAccount.unwrap(account), wethId));
        vm.prank(alice, alice);
        ledger.enableCollateral(account, wethId);
    }

    function test_GivenADelegatedKey_ItActsAsAKey() public {
        HubAccount account = _account(alice, 0);
        vm.etch(alice, abi.encodePacked(hex"ef0100", address(this)));
        vm.prank(alice, address(this));
        ledger.enableCollateral(account, wethId);
    }

    function test_GivenAContractsAccount_OnlyTheContractOnTheHubActs() public {
        HubAccount here = AccountLib.encode(address(this), HUB, 0);
        ledger.enableCollateral(here, wethId);
        HubAccount elsewhere = AccountLib.encode(address(this), SPOKE, 0);
        vm.expectRevert();
        ledger.enableCollateral(elsewhere, wethId);
        HubAccount asKey = AccountLib.encode(address(this), 0, 0);
        vm.expectRevert();
        ledger.enableCollateral(asKey, wethId);
    }

    function test_GivenAnEnabledAsset_WhenDisabled_ItsBalanceIsIdle() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, WETH, 7, true);
        vm.startPrank(alice, alice);
        ledger.disableCollateral(account, wethId);
        (uint128 collateral, uint128 idle) = ledger.balanceOf(account, wethId);
        assertEq(collateral, 0);
        assertEq(idle, 7);
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotEnabled.selector, HubAccount.unwrap(account), wethId));
        ledger.disableCollateral(account, wethId);
        vm.expectRevert(abi.encodeWithSelector(ILedger.AssetIdUnknown.selector, uint16(77), uint16(2)));
        ledger.enableCollateral(account, 77);
    }

    function test_GivenSiblings_WhenTransferring_ValueMoves() public {
        HubAccount from = _account(alice, 0);
        HubAccount to = _account(alice, 1);
        _deposit(from, WETH, 7, true);
        _deposit(from, USDC, 2e6, true);
        vm.startPrank(alice, alice);
        ledger.transfer(from, to, wethId, 3);
        ledger.transferCash(from, to, 5e17);
        (uint128 collateral, ) = ledger.balanceOf(to, wethId);
        assertEq(collateral, 3);
        assertEq(ledger.cashOf(from), 15e17);
        assertEq(ledger.cashOf(to), 5e17);
        vm.expectRevert(abi.encodeWithSelector(ILedger.BalanceTooLow.selector, HubAccount.unwrap(from), wethId, 4, 5));
        ledger.transfer(from, to, wethId, 5);
        vm.expectRevert(
            abi.encodeWithSelector(ILedger.CashTooLow.selector, HubAccount.unwrap(from), int256(15e17), 16e17)
        );
        ledger.transferCash(from, to, 16e17);
        vm.expectRevert(ILedger.AmountZero.selector);
        ledger.transfer(from, to, wethId, 0);
        vm.expectRevert(ILedger.AmountZero.selector);
        ledger.transferCash(from, to, 0);
        vm.expectRevert();
        ledger.transfer(from, from, wethId, 1);
        HubAccount other = _account(makeAddr("bob"), 0);
        vm.expectRevert(
            abi.encodeWithSelector(ILedger.OwnerMismatch.selector, HubAccount.unwrap(from), HubAccount.unwrap(other))
        );
        ledger.transfer(from, other, wethId, 1);
        HubAccount otherHome = AccountLib.encode(alice, HUB, 1);
        vm.expectRevert();
        ledger.transferCash(from, otherHome, 1);
    }

    // ---- governance

    function test_GivenAStranger_EveryPrivilegedFunctionIsClosed() public {
        ILedger.AssetConfig memory config = _config(ILedger.AssetStanding.Collateral, 18);
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice);
        vm.startPrank(alice, alice);
        vm.expectRevert(refused);
        ledger.configureAsset(SPOKE, WETH, config);
        vm.expectRevert(refused);
        ledger.freezeAsset(wethId);
        vm.expectRevert(refused);
        ledger.setModule(alice, true);
        bytes memory notModule = abi.encodeWithSelector(ILedger.NotModule.selector, alice);
        vm.expectRevert(notModule);
        ledger.credit(SPOKE, "");
        vm.expectRevert(notModule);
        ledger.creditFromSuspense(SPOKE, "");
        vm.expectRevert(notModule);
        ledger.correct(SPOKE, WETH, HubAccount.wrap(0), 1, 1);
        HubAccount account = _account(alice, 0);
        bytes[8] memory moves = [
            abi.encodeCall(ledger.take, (account, SPOKE, WETH, 1)),
            abi.encodeCall(ledger.queueCash, (account, SPOKE, USDC, 1)),
            abi.encodeCall(ledger.unqueueCash, (account, SPOKE, USDC, 1)),
            abi.encodeCall(ledger.reserveCash, (account, SPOKE, USDC, 1)),
            abi.encodeCall(ledger.unreserve, (account, SPOKE, WETH, 1, ILedger.ReserveSource.Balance)),
            abi.encodeCall(ledger.reserveSuspense, (SPOKE, WETH, 1)),
            abi.encodeCall(ledger.release, (SPOKE, new uint16[](0), new uint128[](0))),
            abi.encodeCall(ledger.reinstate, (SPOKE, WETH, 1))
        ];
        for (uint256 i; i < moves.length; ++i) {
            (bool ok, bytes memory reason) = address(ledger).call(moves[i]);
            assertFalse(ok);
            assertEq(reason, notModule);
        }
    }

    function test_GivenMovesOut_TheirRefusalsSayWhy() public {
        HubAccount account = _account(alice, 0);
        _deposit(account, WETH, 5, true);
        vm.startPrank(address(withdrawals));
        bytes32 raw = HubAccount.unwrap(account);
        vm.expectRevert(abi.encodeWithSelector(ILedger.BalanceTooLow.selector, raw, wethId, 5, 6));
        ledger.take(account, SPOKE, WETH, 6);
        vm.expectRevert(ILedger.AmountZero.selector);
        ledger.take(account, SPOKE, WETH, 0);
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotReserved.selector, SPOKE, WETH, 0, 1));
        ledger.unreserve(account, SPOKE, WETH, 1, ILedger.ReserveSource.Balance);
        vm.expectRevert(abi.encodeWithSelector(ILedger.BalanceTooLow.selector, bytes32(0), wethId, 0, 1));
        ledger.reserveSuspense(SPOKE, WETH, 1);
        vm.expectRevert(abi.encodeWithSelector(ILedger.AmountTooLarge.selector, 1 << 108, (1 << 108) - 6));
        ledger.reinstate(SPOKE, WETH, 1 << 108);
        // A balance that comes back is enabled, as an own deposit is.
        vm.stopPrank();
        vm.prank(alice, alice);
        ledger.disableCollateral(account, wethId);
        vm.startPrank(address(withdrawals));
        ledger.take(account, SPOKE, WETH, 5);
        ledger.unreserve(account, SPOKE, WETH, 5, ILedger.ReserveSource.Balance);
        (uint128 collateral, uint128 idle) = ledger.balanceOf(account, wethId);
        assertEq(collateral, 5);
        assertEq(idle, 0);
        _checkCustody(wethId);
    }

    function test_GivenABadConfiguration_ItSaysWhatWasExpected() public {
        ILedger.AssetConfig memory c = _config(ILedger.AssetStanding.Unknown, 18);
        _expectInvalid(c, "standing not Unknown");
        c = _config(ILedger.AssetStanding.Settlement, 19);
        _expectInvalid(c, "decimals at most 18 for settlement, else at most 36");
        c = _config(ILedger.AssetStanding.Collateral, 17);
        _expectInvalid(c, "decimals as first configured");
        c = _config(ILedger.AssetStanding.Collateral, 18);
        c.cap = 1 << 108;
        _expectInvalid(c, "cap below 2^108");
        c.cap = CAP;
        c.inflowCapacity = 0;
        _expectInvalid(c, "inflowCapacity from 1, below 2^108");
        c.inflowCapacity = CAP;
        c.inflowPerSecond = 0;
        _expectInvalid(c, "inflowPerSecond from 1, below 2^88");
    }

    function _expectInvalid(ILedger.AssetConfig memory c, string memory expected) private {
        vm.expectRevert(abi.encodeWithSelector(ILedger.AssetConfigInvalid.selector, wethId, expected));
        ledger.configureAsset(SPOKE, WETH, c);
    }

    function test_GivenALargerBucket_ItIsNotFilledByTheChange() public {
        ILedger.AssetConfig memory config = _config(ILedger.AssetStanding.Collateral, 18);
        (config.inflowCapacity, config.inflowPerSecond) = (100, 10);
        ledger.configureAsset(SPOKE, WETH, config);
        _deposit(_account(alice, 0), WETH, 90, true);
        config.inflowCapacity = 1_000;
        ledger.configureAsset(SPOKE, WETH, config);
        assertEq(ledger.inflowAvailable(wethId), 10);
    }
}
