// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {HubFixture} from "./HubFixture.sol";

/// @notice Remembers what it was told.
contract RulesDouble {
    uint16 public last;
    uint16 public successor;

    function succeed(uint16 assetId, uint16 successor_) external {
        (last, successor) = (assetId, successor_);
    }
}

/// @notice See LedgerLosses.tree. This contract plays the modules that spread losses and set the brake.
contract LedgerLossesTest is HubFixture {
    uint256 private constant ONE = 1e27;

    HubAccount private holder;
    HubAccount private other;
    HubAccount private late;
    HubAccount private deficit;
    RulesDouble private _rules = new RulesDouble();
    ICollateralRules private rules = ICollateralRules(address(_rules));

    function setUp() public override {
        super.setUp();
        ledger.setModule(address(this), true);
        holder = _account(alice, 0);
        other = _account(makeAddr("other"), 0);
        late = _account(makeAddr("late"), 0);
        deficit = _account(address(this), 77);
        _deposit(holder, USDC, 900e6, true);
        _deposit(other, USDC, 100e6, true);
    }

    /// @dev A loss: somebody was paid more than there was, and this account owes it. The payment goes back to what positions hold.
    function _lose(uint256 amount) private {
        ledger.changeCash(deficit, -int256(amount));
        ledger.spreadLoss(deficit, amount);
    }

    function _kept() private view returns (uint256 kept) {
        (kept, ) = ledger.spreadOf();
    }

    function _due() private view returns (int256 due) {
        (, due) = ledger.spreadOf();
    }

    /// @dev With losses that were spread and not charged yet, exactly.
    function _checkCash() private view {
        (, uint256 pool, , ) = ledger.interestOf();
        assertEq(
            int256(ledger.custodyOf(usdcId).free * 1e12),
            ledger.totalCash() + ledger.clearing() + int256(ledger.queuedCash()) + int256(pool) - _due(),
            "INV-CASH-1"
        );
    }

    // ---- losses of all cash

    function test_GivenADebtNobodyPays_WhenItIsSpread_EveryHolderLosesInProportion() public {
        ledger.changeCash(deficit, -100e18);
        vm.expectEmit(address(ledger));
        emit ILedger.LossSpread(HubAccount.unwrap(deficit), 100e18, 9e26);
        ledger.spreadLoss(deficit, 100e18);
        assertEq(ledger.cashOf(deficit), 0);
        assertEq(ledger.cashOf(holder), 810e18);
        assertEq(ledger.cashOf(other), 90e18);
        (int256 cash, ) = ledger.packedBookOf(holder);
        assertEq(cash, 810e18, "margin knows at once");
        assertEq(ledger.bookedCashOf(holder), 900e18, "booked later");
        assertEq(_due(), 100e18);
        _checkCash();
    }

    function test_GivenALoss_WhenCashMovesOrAnyoneAsks_ItIsChargedOnce() public {
        _lose(100e18);
        vm.expectEmit(address(ledger));
        emit ILedger.LossCharged(HubAccount.unwrap(holder), 90e18);
        vm.prank(makeAddr("anyone"));
        ledger.chargeInterest(holder);
        assertEq(ledger.bookedCashOf(holder), 810e18);
        assertEq(_due(), 10e18);
        ledger.chargeInterest(holder);
        assertEq(ledger.bookedCashOf(holder), 810e18, "once");
        ledger.changeCash(other, 5e18);
        assertEq(ledger.bookedCashOf(other), 95e18);
        assertEq(_due(), 0);
        _checkCash();
    }

    function test_GivenALoss_WhoHeldNothingThenOrComesLater_PaysNothing() public {
        _deposit(late, USDC, 1, true);
        ledger.changeCash(late, -int256(ledger.cashOf(late)));
        _lose(100e18);
        _deposit(late, USDC, 50e6, true);
        assertEq(ledger.cashOf(late), 50e18);
        HubAccount never = _account(makeAddr("never"), 0);
        _deposit(never, USDC, 70e6, true);
        ledger.chargeInterest(never);
        assertEq(ledger.bookedCashOf(never), 70e18);
        _checkCash();
    }

    function test_GivenALoss_WhenHoldersDeposit_WhatTheyHeldLosesAndWhatComesDoesNot() public {
        _lose(100e18);
        bytes[] memory entries = new bytes[](3);
        entries[0] = _entry(holder, USDC, 10e6, true);
        entries[1] = _entry(late, USDC, 20e6, true);
        entries[2] = _entry(holder, USDC, 30e6, true);
        _apply(entries, new uint256[](1));
        assertEq(ledger.bookedCashOf(holder), 850e18);
        assertEq(ledger.bookedCashOf(late), 20e18);
        _checkCash();
        _checkCustody(usdcId);
    }

    function test_GivenASecondLoss_ItFallsOnWhatTheFirstLeft() public {
        _lose(100e18);
        ledger.chargeInterest(holder);
        _lose(450e18);
        assertEq(_kept(), 45e25);
        assertEq(ledger.cashOf(holder), 405e18, "charged between the two");
        assertEq(ledger.cashOf(other), 45e18, "charged for both at once");
        _checkCash();
    }

    function test_GivenAHolderWhoOwesInBetween_HeLosesWhatHeHeldAlone() public {
        ledger.changeCash(holder, -1000e18);
        assertEq(ledger.bookedCashOf(holder), -100e18);
        ledger.changeCash(other, 900e18);
        _lose(500e18);
        assertEq(ledger.cashOf(holder), -100e18, "who owes holds nothing");
        assertEq(ledger.cashOf(other), 500e18);
        ledger.changeCash(holder, 300e18);
        assertEq(ledger.cashOf(holder), 200e18, "what came after is whole");
        _lose(350e18);
        assertEq(ledger.cashOf(holder), 100e18);
        assertEq(ledger.cashOf(other), 250e18);
        _checkCash();
    }

    function test_GivenAFormerDebtor_HisOldInterestIndexIsNoLossIndex() public {
        ledger.changeCash(late, -10e18);
        skip(365 days);
        ledger.changeCash(late, 110e18);
        int256 held = ledger.cashOf(late);
        _lose(uint256(held + 1000e18) / 2);
        assertApproxEqAbs(ledger.cashOf(late), held / 2, 1);
        _checkCash();
    }

    function test_GivenMoreThanIsOwed_ItIsRefused_AndOfMoreThanIsHeldAsMuchAsCanBeIsSpread() public {
        ledger.changeCash(deficit, -2000e18);
        vm.expectRevert(abi.encodeWithSelector(ILedger.AmountTooLarge.selector, 2001e18, 2000e18));
        ledger.spreadLoss(deficit, 2001e18);
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotModule.selector, alice));
        vm.prank(alice);
        ledger.spreadLoss(deficit, 1);
        vm.expectEmit(address(ledger));
        emit ILedger.LossSpread(HubAccount.unwrap(deficit), 1000e18 - 1e9, 1e15);
        assertEq(ledger.spreadLoss(deficit, 1500e18), 1000e18 - 1e9, "but for a part of 10^-12");
        assertEq(ledger.cashOf(deficit), -1000e18 - 1e9);
        assertEq(ledger.cashOf(holder), 9e8);
        assertEq(ledger.cashOf(other), 1e8);
        _checkCash();
        vm.expectRevert(abi.encodeWithSelector(ILedger.AmountTooLarge.selector, 500e18, 0));
        ledger.spreadLoss(deficit, 500e18);
        _checkCash();
    }

    function test_GivenALossThatIsDue_WhatIsLostCannotLeave() public {
        _lose(100e18);
        vm.expectRevert(abi.encodeWithSelector(ILedger.CashTooLow.selector, HubAccount.unwrap(holder), 810e18, 811e18));
        ledger.queueCash(holder, SPOKE, USDC, 811e18);
        HubAccount sibling = _account(alice, 1);
        vm.prank(alice, alice);
        vm.expectRevert(abi.encodeWithSelector(ILedger.CashTooLow.selector, HubAccount.unwrap(holder), 810e18, 811e18));
        ledger.transferCash(holder, sibling, 811e18);
        ledger.queueCash(holder, SPOKE, USDC, 810e18);
        assertEq(ledger.cashOf(holder), 0);
        _checkCash();
    }

    /// @dev Deposits, moves, losses and charges in any order: sums hold to the unit, and nobody keeps more than his part.
    function test_GivenAnyHistory_SumsHoldAndRoundingsAreAgainstHolders(uint256 seed) public {
        HubAccount[4] memory all = [holder, other, late, _account(makeAddr("fourth"), 0)];
        for (uint256 step; step < 24; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            HubAccount account = all[(seed >> 8) % 4];
            uint256 amount = ((seed >> 16) % 200e18) + 1;
            if (seed % 5 == 0) _deposit(account, USDC, uint128(amount / 1e12) + 1, true);
            else if (seed % 5 == 1) ledger.changeCash(account, int256(amount));
            else if (seed % 5 == 2) ledger.changeCash(account, -int256(amount));
            else if (seed % 5 == 3) ledger.chargeInterest(account);
            else {
                uint256 held = _held(all);
                if (held > 2) _lose(((seed >> 16) % (held / 2)) + 1);
            }
            _checkCash();
        }
        for (uint256 i; i < 4; ++i) ledger.chargeInterest(all[i]);
        _checkCash();
        assertLe(_due(), 0, "all of every loss was charged");
        assertGe(_due(), -200, "and no more than roundings beyond it");
    }

    function _held(HubAccount[4] memory all) private view returns (uint256 sum) {
        for (uint256 i; i < 4; ++i) if (ledger.cashOf(all[i]) > 0) sum += uint256(ledger.cashOf(all[i]));
    }

    // ---- the brake

    function test_GivenTheBrake_CashWaitsAndEverythingElsePasses() public {
        ledger.queueCash(holder, SPOKE, USDC, 10e18);
        vm.expectEmit(address(ledger));
        emit ILedger.BrakeSet(true);
        ledger.setBrake(true);
        assertTrue(ledger.isBraked());
        vm.expectRevert(ILedger.CashBraked.selector);
        ledger.queueCash(holder, SPOKE, USDC, 10e18);
        _deposit(holder, USDC, 1e6, true);
        _deposit(holder, WETH, 1 ether, true);
        assertEq(ledger.cashOf(holder), 891e18, "deposits never wait");
        ledger.take(holder, SPOKE, WETH, 1 ether);
        assertTrue(ledger.reserveCash(holder, SPOKE, USDC, 5e6), "what was queued before is owed");
        ledger.unqueueCash(holder, SPOKE, USDC, 5e6);
        ledger.setBrake(false);
        ledger.queueCash(holder, SPOKE, USDC, 10e18);
        _checkCash();
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotModule.selector, alice));
        vm.prank(alice);
        ledger.setBrake(true);
    }

    function test_GivenTheBrake_WhenCashIsWithdrawn_TheRequestIsRefusedWhole() public {
        ledger.setBrake(true);
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = IWithdrawals.Leg(SPOKE, USDC, true, 10e18, alice);
        vm.prank(alice, alice);
        vm.expectRevert(ILedger.CashBraked.selector);
        withdrawals.request(holder, legs, "");
        assertEq(ledger.cashOf(holder), 900e18);
    }

    // ---- write-down

    function test_GivenALostVault_WhenItsAssetIsWrittenDown_HoldersKeepThePartThatIsThere() public {
        _deposit(holder, WETH, 3 ether, true);
        _deposit(other, WETH, 1 ether, false);
        ledger.take(holder, SPOKE, WETH, 1 ether);
        _deposit(holder, UNLISTED, 5, true);
        ledger.freezeAsset(wethId);
        _deposit(late, WETH, 7, true);
        ILedger.Custody memory before = ledger.custodyOf(wethId);
        vm.expectEmit(address(ledger));
        emit ILedger.AssetWrittenDown(wethId, 3, SPOKE, WETH, 0.25e18, 2.25 ether, 0, HubAccount.unwrap(deficit));
        uint16 successor = ledger.writeDown(SPOKE, WETH, 0.25e18, deficit, rules);
        assertEq(successor, 3);
        assertEq(_rules.last(), wethId, "its rule goes on");
        assertEq(_rules.successor(), successor);
        assertEq(ledger.assetIdOf(SPOKE, WETH), successor);
        ILedger.Custody memory c = ledger.custodyOf(successor);
        assertEq(c.balances, 0.75 ether, "a quarter is left");
        assertEq(c.reserved, before.reserved, "orders are the vault's own debt");
        assertEq(c.suspense, 7, "and so is what is parked");
        assertEq(ledger.custodyOf(wethId).custody, 0, "the old one has ended");
        _checkCustody(successor);
        vm.expectRevert(
            abi.encodeWithSelector(ILedger.BalanceTooLow.selector, HubAccount.unwrap(holder), successor, 0, 1)
        );
        ledger.take(holder, SPOKE, WETH, 1);

        vm.expectEmit(address(ledger));
        emit ILedger.BalanceWrittenDown(HubAccount.unwrap(holder), wethId, successor, 2 ether, 0.5 ether);
        vm.prank(makeAddr("anyone"));
        assertEq(ledger.settleWrittenDown(holder, wethId), 0.5 ether);
        ledger.settleWrittenDown(other, wethId);
        (uint128 collateral, uint128 idle) = ledger.balanceOf(holder, successor);
        assertEq(collateral, 0.5 ether, "enabled, as it was");
        (collateral, idle) = ledger.balanceOf(other, successor);
        assertEq(idle, 0.25 ether, "idle, as it was");
        (collateral, idle) = ledger.balanceOf(holder, wethId);
        assertEq(collateral + idle, 0);
        assertEq(ledger.settleWrittenDown(holder, wethId), 0, "once");
        ledger.take(holder, SPOKE, WETH, 0.5 ether);
        _checkCustody(successor);
    }

    function test_GivenALostVault_WhenItsSettlementIsWrittenDown_OneAccountBearsItAndSumsHold() public {
        ledger.queueCash(holder, SPOKE, USDC, 100e18);
        ledger.reserveCash(holder, SPOKE, USDC, 100e6);
        ledger.freezeAsset(usdcId);
        uint16 successor = ledger.writeDown(SPOKE, USDC, 0.4e18, deficit, rules);
        assertEq(ledger.cashOf(deficit), -540e18, "three fifths of what was free");
        assertEq(ledger.custodyOf(successor).free, 360e6);
        assertEq(ledger.custodyOf(successor).reserved, 100e6);
        assertEq(ledger.cashOf(holder), 800e18, "nobody else, until it is spread");
        _checkCustody(successor);
        usdcId = successor;
        _checkCash();
        ledger.spreadLoss(deficit, 540e18);
        assertEq(ledger.cashOf(holder), 320e18);
        assertEq(ledger.cashOf(other), 40e18);
        _checkCash();
    }

    function test_GivenAWriteDown_ItNeedsGovernanceAFrozenAssetAndAPartBelowOne() public {
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice));
        ledger.writeDown(SPOKE, WETH, 0, deficit, rules);
        vm.expectRevert(abi.encodeWithSelector(ILedger.AssetUnknown.selector, SPOKE, UNLISTED));
        ledger.writeDown(SPOKE, UNLISTED, 0, deficit, rules);
        vm.expectRevert(abi.encodeWithSelector(ILedger.AssetNotFrozen.selector, wethId));
        ledger.writeDown(SPOKE, WETH, 0, deficit, rules);
        ledger.freezeAsset(wethId);
        vm.expectRevert(abi.encodeWithSelector(ILedger.RecoveryInvalid.selector, 1e18, 1e18));
        ledger.writeDown(SPOKE, WETH, 1e18, deficit, rules);
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotWrittenDown.selector, wethId));
        ledger.settleWrittenDown(holder, wethId);
    }

    function test_GivenTheCodeTheLedgerDelegatesTo_WhenItIsCalledItself_ItRefuses() public {
        address desk = vm.computeCreateAddress(address(ledger), 1);
        assertGt(desk.code.length, 0);
        vm.expectRevert();
        ILedger(desk).configureAsset(SPOKE, WETH, _config(ILedger.AssetStanding.Collateral, 18));
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotModule.selector, address(this)));
        ILedger(desk).reserveSuspense(SPOKE, WETH, 1);
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotModule.selector, address(this)));
        ILedger(desk).reinstate(SPOKE, WETH, 1);
    }

    /// @dev Any recoveries, one after the other, of any balances: what accounts can take out never exceeds what is there.
    function test_GivenAnyRecoveries_AccountsNeverHoldMoreThanTheBooks(
        uint64 first,
        uint64 second,
        uint96 a,
        uint96 b
    ) public {
        first = uint64(bound(first, 0, 1e18 - 1));
        second = uint64(bound(second, 0, 1e18 - 1));
        a = uint96(bound(a, 1, 1e27));
        b = uint96(bound(b, 1, 1e27));
        _deposit(holder, WETH, a, true);
        _deposit(other, WETH, b, true);
        ledger.freezeAsset(wethId);
        uint16 next = ledger.writeDown(SPOKE, WETH, first, deficit, rules);
        ledger.settleWrittenDown(holder, wethId);
        uint16 last = ledger.writeDown(SPOKE, WETH, second, deficit, rules);
        ledger.settleWrittenDown(other, wethId);
        ledger.settleWrittenDown(holder, next);
        ledger.settleWrittenDown(other, next);
        (uint128 x, ) = ledger.balanceOf(holder, last);
        (uint128 y, ) = ledger.balanceOf(other, last);
        uint256 books = ledger.custodyOf(last).balances;
        assertLe(uint256(x) + y, books);
        assertLe(books - x - y, 4, "but for roundings");
        _checkCustody(last);
    }
}
