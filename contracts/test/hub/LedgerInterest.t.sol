// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IInterestModel} from "../../src/hub/IInterestModel.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {IMarginCheck} from "../../src/hub/IMarginCheck.sol";
import {InterestModel} from "../../src/hub/InterestModel.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {HubFixture} from "./HubFixture.sol";
import {Deploy} from "../Deploy.sol";

/// @notice See LedgerInterest.tree.
contract LedgerInterestTest is HubFixture {
    uint256 private constant YEAR = 365 days;
    uint256 private constant ONE = 1e27;

    InterestModel private model;
    HubAccount private lender;
    HubAccount private debtor;

    function setUp() public override {
        super.setUp();
        ledger.setModule(address(this), true);
        model = Deploy.interestModel();
        ledger.setInterestModel(model);
        lender = _account(alice, 0);
        debtor = _account(makeAddr("debtor"), 0);
        _deposit(lender, USDC, 1_000e6, true);
    }

    function _due() private view returns (uint256) {
        return uint256(ledger.bookedCashOf(debtor) - ledger.cashOf(debtor));
    }

    function _pool() private view returns (uint256 pool) {
        (, pool, , ) = ledger.interestOf();
    }

    function _debt() private view returns (uint256 debt) {
        (debt, , , ) = ledger.interestOf();
    }

    function _rate() private view returns (uint256 perSecond) {
        (, , , perSecond) = ledger.interestOf();
    }

    /// @dev All that is free is cash, in clearing, or charged.
    function _checkCash() private view {
        int256 free = int256(ledger.custodyOf(usdcId).free * 1e12);
        assertEq(
            free,
            ledger.totalCash() + ledger.clearing() + int256(ledger.queuedCash()) + int256(_pool()),
            "INV-CASH-1"
        );
    }

    // ---- a debtor

    function test_GivenADebtor_WhenAYearPasses_ItOwesTheRateOfTheUtilisation() public {
        ledger.changeCash(debtor, -500e18);
        // Half is borrowed: 2% + 8% / 2.
        assertEq(_rate(), Math.ceilDiv(0.06e18, YEAR));
        assertEq(_due(), 0);
        skip(YEAR);
        assertApproxEqAbs(_due(), 30e18, 1e12);
        assertGe(_due(), 30e18, "never in the debtor's favour");
        assertEq(ledger.bookedCashOf(debtor), -500e18);
        (int256 cash, ) = ledger.packedBookOf(debtor);
        assertEq(cash, ledger.cashOf(debtor));
        assertEq(ledger.cashOf(lender), 1_000e18, "who owes nothing pays nothing");
    }

    function test_GivenADebtor_WhenAnyoneCharges_WhatIsDueStandsInThePool() public {
        ledger.changeCash(debtor, -500e18);
        skip(YEAR);
        uint256 due = _due();
        int256 total = ledger.totalCash();
        vm.expectEmit(address(ledger));
        emit ILedger.InterestCharged(HubAccount.unwrap(debtor), due);
        vm.prank(makeAddr("anyone"));
        ledger.chargeInterest(debtor);
        assertEq(_due(), 0);
        assertEq(ledger.bookedCashOf(debtor), -500e18 - int256(due));
        assertEq(ledger.totalCash(), total - int256(due));
        assertEq(_pool(), due);
        assertEq(_debt(), 500e18 + due);
        _checkCash();
        // Utilisation has risen, and so has the rate.
        assertEq(_rate(), model.perSecond(500e18 + due, 1_000e18));
    }

    function test_GivenADebtor_WhenHisCashMoves_InterestIsChargedFirst() public {
        ledger.changeCash(debtor, -500e18);
        skip(30 days);
        uint256 due = _due();
        ledger.changeCash(debtor, 200e18);
        assertEq(ledger.bookedCashOf(debtor), -300e18 - int256(due));
        assertEq(_pool(), due);
        _checkCash();
        skip(30 days);
        due += _due();
        ledger.changeCash(debtor, 400e18);
        assertEq(ledger.bookedCashOf(debtor), 100e18 - int256(due));
        assertEq(_debt(), 0);
        skip(30 days);
        assertEq(ledger.cashOf(debtor), 100e18 - int256(due), "who owes no more pays no more");
        _checkCash();
    }

    function test_GivenADebtor_WhenAModuleMovesCashBetweenTwo_BothAreBookedAndTheRateStays() public {
        ledger.changeCash(debtor, -500e18);
        skip(30 days);
        uint256 due = _due();
        uint256 rate = _rate();
        ledger.moveCash(debtor, lender, 100e18);
        assertEq(ledger.bookedCashOf(debtor), -600e18 - int256(due));
        assertEq(ledger.cashOf(lender), 1_100e18);
        assertEq(_debt(), 600e18 + due);
        assertEq(_pool(), due);
        assertEq(_rate(), rate, "sampled by whoever wants it");
        _checkCash();
        ledger.chargeInterest(lender);
        assertEq(_rate(), model.perSecond(600e18 + due, 1_100e18));
    }

    function test_GivenADebtor_WhenADepositComes_ItIsBookedWithoutAskingTheModel() public {
        ledger.changeCash(debtor, -500e18);
        skip(30 days);
        uint256 due = _due();
        uint256 rate = _rate();
        vm.mockCallRevert(address(model), abi.encodeWithSelector(IInterestModel.perSecond.selector), "down");
        _deposit(debtor, USDC, 100e6, true);
        assertFalse(_isParked(sequence));
        assertEq(ledger.bookedCashOf(debtor), -400e18 - int256(due));
        assertEq(_debt(), 400e18 + due);
        assertEq(_rate(), rate, "sampled by the next move");
        _checkCash();
        _checkCustody(usdcId);
        vm.clearMockedCalls();
        ledger.chargeInterest(debtor);
        assertLt(_rate(), rate);
    }

    function test_GivenADepositAndADebtorInOneBatch_SumsHold() public {
        ledger.changeCash(debtor, -500e18);
        skip(30 days);
        uint256 due = _due();
        bytes[] memory entries = new bytes[](3);
        entries[0] = _entry(lender, USDC, 7e6, true);
        entries[1] = _entry(debtor, USDC, 600e6, true);
        entries[2] = _entry(lender, USDC, 8e6, true);
        _apply(entries, new uint256[](1));
        assertEq(ledger.cashOf(lender), 1_015e18);
        assertEq(ledger.cashOf(debtor), 100e18 - int256(due));
        assertEq(ledger.totalCash(), ledger.cashOf(lender) + ledger.cashOf(debtor));
        _checkCash();
    }

    function test_GivenADebtor_WhenASiblingPays_BothAreBooked() public {
        HubAccount sibling = _account(debtor.owner(), 1);
        _deposit(sibling, USDC, 50e6, true);
        ledger.changeCash(debtor, -500e18);
        skip(30 days);
        uint256 due = _due();
        vm.prank(debtor.owner(), debtor.owner());
        ledger.transferCash(sibling, debtor, 50e18);
        assertEq(ledger.cashOf(sibling), 0);
        assertEq(ledger.bookedCashOf(debtor), -450e18 - int256(due));
        assertEq(_debt(), 450e18 + due);
        _checkCash();
    }

    function test_GivenTwoDebtors_EachPaysFromWhenHeOwed() public {
        HubAccount late = _account(makeAddr("late"), 0);
        ledger.changeCash(debtor, -100e18);
        skip(100 days);
        uint256 first = _due();
        ledger.changeCash(late, -100e18);
        assertEq(ledger.cashOf(late), -100e18);
        skip(100 days);
        uint256 ofLate = uint256(-100e18 - ledger.cashOf(late));
        assertGt(ofLate, 0);
        // The index compounds where the rate was sampled: what stands since the beginning has grown on what it grew by.
        assertGe(_due(), first + ofLate);
        ledger.chargeInterest(debtor);
        ledger.chargeInterest(late);
        assertEq(_debt(), uint256(-ledger.cashOf(debtor)) + uint256(-ledger.cashOf(late)));
        _checkCash();
    }

    // ---- the pool

    function test_GivenAPool_WhenCollected_ItIsCashOfTheFund() public {
        ledger.changeCash(debtor, -500e18);
        skip(YEAR);
        ledger.chargeInterest(debtor);
        uint256 pool = _pool();
        HubAccount fund = _account(makeAddr("fund"), 0);
        vm.expectEmit(address(ledger));
        emit ILedger.InterestCollected(HubAccount.unwrap(fund), pool);
        assertEq(ledger.collectInterest(fund), pool);
        assertEq(ledger.cashOf(fund), int256(pool));
        assertEq(_pool(), 0);
        _checkCash();
        assertEq(ledger.collectInterest(fund), 0);
    }

    // ---- governance

    function test_GivenNoModel_DebtsAreFree_AndAChangeDoesNotReachBack() public {
        ledger.changeCash(debtor, -500e18);
        skip(10 days);
        uint256 due = _due();
        ledger.setInterestModel(IInterestModel(address(0)));
        assertEq(_due(), due, "what is due stays");
        skip(YEAR);
        assertEq(_due(), due);
        vm.expectEmit(address(ledger));
        emit ILedger.InterestModelSet(address(model));
        ledger.setInterestModel(model);
        assertEq(_due(), due);
        skip(1);
        assertGt(_due(), due);
    }

    function test_GivenAWrongModel_ItsRateIsBounded() public {
        vm.mockCall(
            address(model),
            abi.encodeWithSelector(IInterestModel.perSecond.selector),
            abi.encode(type(uint256).max)
        );
        ledger.changeCash(debtor, -1e18);
        assertEq(_rate(), 1e12);
        // Even so nothing overflows: the index stops at its end.
        for (uint256 i; i < 40; ++i) {
            skip(YEAR);
            ledger.chargeInterest(lender);
        }
        (, , uint256 index, ) = ledger.interestOf();
        assertEq(index, type(uint128).max);
        ledger.chargeInterest(debtor);
        assertEq(uint256(-ledger.cashOf(debtor)), Math.ceilDiv(1e18 * index, ONE));
        _checkCash();
    }

    function test_GivenAStranger_NeitherModelNorCheckNorPoolIsHis() public {
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice);
        vm.startPrank(alice, alice);
        vm.expectRevert(refused);
        ledger.setInterestModel(model);
        vm.expectRevert(refused);
        ledger.setMarginCheck(IMarginCheck(alice));
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotModule.selector, alice));
        ledger.collectInterest(lender);
        vm.expectRevert(abi.encodeWithSelector(ILedger.NotModule.selector, alice));
        ledger.changeCash(lender, 1);
    }

    // ---- any history

    /// @dev However often it is booked: each booking rounds up by less than one, and nothing is ever cheaper.
    function testFuzz_GivenAnySplitOfTime_BookingCostsOneAtMost(uint128 owed, uint32[8] memory waits) public {
        owed = uint128(bound(owed, 1, 1e30));
        ledger.changeCash(debtor, -int256(uint256(owed)));
        HubAccount rare = _account(makeAddr("rare"), 0);
        ledger.changeCash(rare, -int256(uint256(owed)));
        for (uint256 i; i < waits.length; ++i) {
            skip(waits[i] % YEAR);
            ledger.chargeInterest(debtor);
        }
        int256 often = ledger.cashOf(debtor);
        int256 once = ledger.cashOf(rare);
        assertLe(often, once, "booking never helps");
        // What a rounding added grows with the debt, like all of it.
        (, , uint256 index, ) = ledger.interestOf();
        assertLe(uint256(once - often), Math.ceilDiv(waits.length * index, ONE), "and costs the roundings");
        assertGe(uint256(-once) * ONE, uint256(owed) * index, "at least what the index says");
    }

    function testFuzz_GivenTimeAndDebt_InterestIsMonotone(uint128 a, uint128 b, uint32 first, uint32 second) public {
        a = uint128(bound(a, 0, 1e30));
        b = uint128(bound(b, a, 1e30));
        HubAccount larger = _account(makeAddr("larger"), 0);
        ledger.changeCash(debtor, -int256(uint256(a)));
        ledger.changeCash(larger, -int256(uint256(b)));
        skip(first);
        uint256 due = _due();
        assertLe(due, uint256(ledger.bookedCashOf(larger) - ledger.cashOf(larger)), "more debt pays no less");
        skip(second);
        assertGe(_due(), due, "and so does more time");
        if (a != 0 && first != 0) assertGt(due, 0, "rounded up");
    }

    /// @dev Moves, deposits, bookings and collections of four accounts in any order: nothing is made or lost, and the sums are those of
    ///      the accounts.
    function testFuzz_GivenAnyHistory_CashIsConserved(uint256 seed) public {
        HubAccount[4] memory accounts;
        for (uint64 i; i < 4; ++i) accounts[i] = _account(alice, i);
        for (uint256 step; step < 40; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            HubAccount one = accounts[(seed >> 8) % 4];
            HubAccount other = accounts[(seed >> 16) % 4];
            uint256 amount = (seed >> 32) % 2_000e18;
            int256 held = ledger.cashOf(one);
            uint256 kind = seed % 6;
            if (kind == 0) {
                ledger.changeCash(one, -int256(amount));
                ledger.changeCash(other, int256(amount));
            } else if (kind == 1) {
                ledger.changeCash(one, -int256(amount));
            } else if (kind == 2) {
                _deposit(one, USDC, uint128(amount / 1e12), true);
            } else if (kind == 3) {
                skip(amount % 90 days);
            } else if (kind == 4) {
                ledger.chargeInterest(one);
                assertEq(ledger.cashOf(one), held, "booking changes no one's cash");
            } else {
                ledger.collectInterest(one);
            }
            int256 sum;
            uint256 debt;
            for (uint256 i; i < 4; ++i) {
                int256 cash = ledger.bookedCashOf(accounts[i]);
                sum += cash;
                if (cash < 0) debt += uint256(-cash);
            }
            assertEq(ledger.totalCash(), sum, "the sum is that of the accounts");
            assertEq(_debt(), debt, "and so is the debt");
            _checkCash();
        }
    }
}
