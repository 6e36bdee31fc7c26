// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IInterestModel} from "../../src/hub/IInterestModel.sol";
import {IFund} from "../../src/hub/liquidation/IFund.sol";
import {ILevy} from "../../src/hub/liquidation/ILevy.sol";
import {IMarginCheck} from "../../src/hub/IMarginCheck.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {FundFixture} from "./FundFixture.sol";

/// @notice Refuses every account.
contract StrictCheck is IMarginCheck {
    error Refused(bytes32 account);

    function requireInitial(HubAccount account, bytes calldata, uint40) external pure {
        revert Refused(HubAccount.unwrap(account));
    }
}

/// @notice Says what may have to be paid. Nothing is missing by now.
contract LossesDouble {
    uint256 public constant insolvency = 0;
    uint256 public worstLoss;

    function set(uint256 cash) external {
        worstLoss = cash;
    }
}

contract FundTest is FundFixture {
    HubAccount internal a;
    HubAccount internal b;
    uint256 private _debtors;

    function setUp() public override {
        super.setUp();
        a = _staker(0);
        b = _staker(1);
    }

    // ---- staking

    function test_GivenAnEmptyFund_WhenCashIsStaked_ItBecomesSharesAtPar() public {
        int256 clearing = ledger.clearing();
        assertEq(_stake(a, 100e18), 100e24);
        assertEq(ledger.cashOf(a), 0);
        assertEq(fund.assets(), 100e18);
        assertEq(fund.cashFor(100e24), 100e18);
        assertEq(ledger.clearing(), clearing - 100e18, "only the gift of the test stands against clearing");
    }

    function test_GivenLessCash_WhenStaked_ItReverts() public {
        _give(a, 1e18);
        _as(a);
        vm.expectRevert(abi.encodeWithSelector(IFund.CashTooLow.selector, HubAccount.unwrap(a), int256(1e18), 2e18));
        fund.stake(a, 2e18, "");
    }

    function test_GivenNothing_WhenStaked_ItReverts() public {
        _as(a);
        vm.expectRevert(abi.encodeWithSelector(IFund.SharesZero.selector, 0));
        fund.stake(a, 0, "");
    }

    function test_GivenAStranger_WhenHeActsForAStaker_ItReverts() public {
        _stake(a, 1e18);
        bytes memory expected = abi.encodeWithSelector(
            IFund.NotPermitted.selector,
            HubAccount.unwrap(a),
            address(this)
        );
        vm.expectRevert(expected);
        fund.stake(a, 1, "");
        vm.expectRevert(expected);
        fund.requestExit(a, 1);
        vm.expectRevert(expected);
        fund.cancelExit(a);
    }

    function test_GivenAMarginCheckThatRefuses_WhenStaked_ItReverts() public {
        StrictCheck check = new StrictCheck();
        ledger.setMarginCheck(check);
        _give(a, 1e18);
        _as(a);
        vm.expectRevert(abi.encodeWithSelector(StrictCheck.Refused.selector, HubAccount.unwrap(a)));
        fund.stake(a, 1e18, "");
    }

    function test_GivenInterestThatADebtorWasCharged_WhenAnyoneCollectsIt_ItBelongsToTheStakers() public {
        _stake(a, 100e18);
        HubAccount debtor = _owing();
        assertEq(fund.collectInterest(), 0, "nothing was charged yet");
        ledger.chargeInterest(debtor);
        int256 total = ledger.totalCash();
        vm.prank(makeAddr("anyone"));
        uint256 collected = fund.collectInterest();
        assertApproxEqRel(collected, 0.01e18, 1e12);
        assertEq(fund.assets(), 100e18 + collected);
        assertEq(ledger.totalCash(), total + int256(collected), "out of the pool, into cash");
        assertEq(fund.cashFor(fund.sharesOf(a)), 100e18 + collected - 1, "rounded in favour of the fund");
        assertEq(fund.collectInterest(), 0, "once");
    }

    function test_GivenInterestThatWaits_WhenSomebodyJoinsOrLeaves_ItIsTheirsWhoWereThere() public {
        uint256 shares = _stake(a, 100e18);
        _announce(a, shares);
        skip(7 days);
        ledger.chargeInterest(_owing());
        (, uint256 pool, , ) = ledger.interestOf();
        uint256 later = _stake(b, 1_000_000e18);
        assertLe(fund.cashFor(later), 1_000_000e18, "who comes later has no part of it");
        ledger.chargeInterest(_owing());
        (, uint256 second, , ) = ledger.interestOf();
        assertGt(second, 0);
        assertApproxEqAbs(fund.exit(a), 100e18 + pool + second / 10_001, second / 1e6, "who leaves takes his along");
    }

    function test_GivenInterestThatWaits_WhenALossWipesTheFundOut_ItIsPaidBefore() public {
        _stake(a, 10e18);
        ledger.chargeInterest(_owing());
        (, uint256 pool, , ) = ledger.interestOf();
        assertEq(fund.pay(b, BTC, 1000e18), 10e18 + pool);
        assertEq(fund.epoch(), 1);
        _stake(b, 1e18);
        assertEq(fund.collectInterest(), 0, "the first of the next epoch finds none");
    }

    /// @dev A debtor of 10 cash for 1000 seconds, at a millionth a second.
    function _owing() private returns (HubAccount debtor) {
        debtor = _staker(++_debtors + 10);
        _give(debtor, 1e18);
        address model = makeAddr("model");
        vm.mockCall(model, abi.encodeWithSelector(IInterestModel.perSecond.selector), abi.encode(uint256(1e12)));
        ledger.setInterestModel(IInterestModel(model));
        ledger.changeCash(debtor, -11e18);
        skip(1000);
    }

    // ---- exits

    function test_GivenAnExit_WhenTheDelayIsOver_AnyoneCompletesItAtThePriceOfNow() public {
        _stake(a, 100e18);
        _stake(b, 100e18);
        _announce(a, 100e24);
        _give(fund.account(), 20e18);
        uint40 readyAt = uint40(block.timestamp) + 7 days;
        vm.expectRevert(abi.encodeWithSelector(IFund.ExitTooEarly.selector, readyAt, block.timestamp));
        fund.exit(a);
        vm.warp(readyAt);
        // A loss after the announcement is borne too: (200 + 20 − 60) / 2, less the rounding that stays.
        fund.pay(b, BTC, 60e18);
        uint256 cash = fund.exit(a);
        assertApproxEqAbs(cash, 80e18, 1);
        assertLe(cash, 80e18);
        assertEq(ledger.cashOf(a), int256(cash));
        assertEq(fund.sharesOf(a), 0);
        vm.expectRevert(abi.encodeWithSelector(IFund.NoExit.selector, HubAccount.unwrap(a)));
        fund.exit(a);
    }

    function test_GivenAnOpenInsolvency_WhenAnExitIsDue_ItWaitsUntilTheLastIsClosed() public {
        _stake(a, 100e18);
        _announce(a, 100e24);
        vm.warp(block.timestamp + 7 days);
        fund.openInsolvency();
        fund.openInsolvency();
        fund.closeInsolvency();
        vm.expectRevert(abi.encodeWithSelector(IFund.InsolvencyOpen.selector, 1));
        fund.exit(a);
        fund.closeInsolvency();
        assertEq(fund.exit(a), 100e18);
        vm.expectRevert(IFund.NotInsolvent.selector);
        fund.closeInsolvency();
    }

    /// @dev Whoever is ready on the seventh day and stays ready would leave before every loss that he sees come.
    function test_GivenAnExitThatIsReady_WhenTwoDaysHavePassed_ItIsVoid() public {
        _stake(a, 100e18);
        _announce(a, 100e24);
        uint256 readyAt = block.timestamp + 7 days;
        vm.warp(readyAt + 2 days);
        assertEq(fund.exitOf(a).shares, 100e24);
        uint256 snapshot = vm.snapshotState();
        fund.exit(a);
        vm.revertToState(snapshot);
        vm.warp(readyAt + 2 days + 1);
        assertEq(fund.exitOf(a).shares, 0);
        vm.expectRevert(abi.encodeWithSelector(IFund.NoExit.selector, HubAccount.unwrap(a)));
        fund.exit(a);
        _announce(a, 100e24);
        vm.warp(readyAt + 9 days + 1);
        assertEq(fund.exit(a), 100e18);
    }

    function test_GivenALossThatMayCome_WhenAnExitIsDue_ItWaitsUnlessThatIsDust() public {
        LossesDouble losses = new LossesDouble();
        fund.setLevy(ILevy(address(losses)));
        _stake(a, 50e18);
        _stake(b, 50e18);
        _announce(a, 50e24);
        vm.warp(block.timestamp + 7 days);
        losses.set(0.1e18 + 1);
        vm.expectRevert(abi.encodeWithSelector(IFund.LossKnown.selector, 0.1e18 + 1, 0.1e18));
        fund.exit(a);
        // An account that may cost a thousandth of the fund keeps nobody.
        losses.set(0.1e18);
        fund.openInsolvency();
        assertEq(fund.exit(a), 50e18);
    }

    function test_GivenAPendingExit_WhenAnotherIsAnnouncedOrMoreThanIsHeld_ItReverts() public {
        _stake(a, 10e18);
        _as(a);
        vm.expectRevert(abi.encodeWithSelector(IFund.SharesTooLow.selector, HubAccount.unwrap(a), 10e24, 10e24 + 1));
        fund.requestExit(a, 10e24 + 1);
        _as(a);
        vm.expectRevert(abi.encodeWithSelector(IFund.SharesZero.selector, 0));
        fund.requestExit(a, 0);
        _announce(a, 4e24);
        uint40 readyAt = uint40(block.timestamp) + 7 days;
        _as(a);
        vm.expectRevert(abi.encodeWithSelector(IFund.ExitPending.selector, HubAccount.unwrap(a), readyAt));
        fund.requestExit(a, 1);
        _as(a);
        fund.cancelExit(a);
        assertEq(fund.exitOf(a).shares, 0);
        _as(a);
        vm.expectRevert(abi.encodeWithSelector(IFund.NoExit.selector, HubAccount.unwrap(a)));
        fund.cancelExit(a);
    }

    // ---- payments

    function test_GivenATranche_WhenAMarketLosesAgainAndAgain_ItTakesNoMoreThanItsPart() public {
        _stake(a, 100e18);
        fund.setTranche(BTC, 0.3e18);
        assertEq(fund.pay(b, BTC, 20e18), 20e18);
        assertEq(fund.available(BTC), 10e18);
        assertEq(fund.pay(b, BTC, 20e18), 10e18);
        assertEq(fund.pay(b, BTC, 20e18), 0);
        assertEq(fund.available(ETH), 70e18, "a market without a tranche may take all");
        assertEq(ledger.cashOf(b), 30e18);
    }

    function test_GivenLessThanIsAsked_WhenTheFundPays_ItPaysAllItHas() public {
        _stake(a, 10e18);
        assertEq(fund.pay(b, BTC, 11e18), 10e18);
        assertEq(fund.assets(), 0);
    }

    function test_GivenAWipeOut_WhenOthersStake_OldSharesAndExitsAreVoid() public {
        _stake(a, 10e18);
        _announce(a, 5e24);
        vm.expectEmit(address(fund));
        emit IFund.WipedOut(0, 10e24);
        fund.pay(b, BTC, 10e18);
        assertEq(fund.epoch(), 1);
        assertEq(fund.totalShares(), 0);
        assertEq(fund.sharesOf(a), 0);
        assertEq(fund.exitOf(a).shares, 0);
        vm.warp(block.timestamp + 7 days);
        vm.expectRevert(abi.encodeWithSelector(IFund.NoExit.selector, HubAccount.unwrap(a)));
        fund.exit(a);
        assertEq(_stake(b, 1e18), 1e24, "at par again");
        _announce(b, 1e24);
    }

    function test_GivenALossToAllButDust_WhenPaid_ItIsAWipeOutAsWell() public {
        _stake(a, 1e30);
        fund.pay(b, BTC, 1e30 - 1);
        assertEq(fund.epoch(), 1);
        // What is left belongs to the next epoch's stakers, together with the virtual shares.
        assertEq(fund.assets(), 1);
        assertGt(_stake(b, 1e18), 0);
    }

    function test_GivenAnyoneButLiquidation_WhenHeSpends_ItReverts() public {
        bytes memory expected = abi.encodeWithSelector(IFund.NotLiquidation.selector, alice, address(this));
        vm.startPrank(alice);
        vm.expectRevert(expected);
        fund.pay(a, BTC, 1);
        vm.expectRevert(expected);
        fund.openInsolvency();
        vm.expectRevert(expected);
        fund.closeInsolvency();
    }

    // ---- governance

    function test_GivenAStranger_WhenHeGoverns_ItReverts() public {
        bytes memory expected = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice);
        vm.startPrank(alice);
        vm.expectRevert(expected);
        fund.setLiquidation(alice);
        vm.expectRevert(expected);
        fund.setTranche(BTC, 1);
        vm.expectRevert(expected);
        fund.setExitDelay(1);
    }

    function test_GivenValuesOutOfBounds_WhenSet_ItReverts() public {
        vm.expectRevert(abi.encodeWithSelector(IFund.TrancheInvalid.selector, 1e18 + 1, 1e18));
        fund.setTranche(BTC, 1e18 + 1);
        vm.expectRevert(abi.encodeWithSelector(IFund.DelayInvalid.selector, 30 days + 1, 30 days));
        fund.setExitDelay(30 days + 1);
        fund.setExitDelay(1 days);
        assertEq(fund.exitDelay(), 1 days);
    }

    // ---- properties

    function testFuzz_GivenAFirstStakeAndAGift_WhenAnotherStakes_HeLosesNoMoreThanAMillionthOfTheGift(
        uint96 first,
        uint96 gift,
        uint96 second
    ) public {
        uint256 stake1 = bound(first, 1, type(uint96).max);
        uint256 stake2 = bound(second, 1, type(uint96).max);
        _stake(a, stake1);
        _give(fund.account(), gift);
        _give(b, stake2);
        if (fund.sharesFor(stake2) == 0) return;
        _as(b);
        uint256 shares = fund.stake(b, uint128(stake2), "");
        uint256 lost = stake2 - fund.cashFor(shares);
        // One share is the most that rounding takes; a gift of g makes it worth g / 10^6 at the least stake.
        assertLe(lost, (uint256(gift) + stake1) / (stake1 * 1e6) + 2);
    }

    function testFuzz_GivenAnyPrice_WhenStakedAndExitedAtOnce_NothingIsWon(
        uint96 held,
        uint96 gift,
        uint96 cash
    ) public {
        _stake(a, bound(held, 1, type(uint96).max));
        _give(fund.account(), gift);
        fund.setExitDelay(0);
        uint256 own = bound(cash, 1, type(uint96).max);
        if (fund.sharesFor(own) == 0) return;
        uint256 shares = _stake(b, own);
        _announce(b, shares);
        assertLe(fund.exit(b), own);
    }
}
