// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IHandover} from "../../src/hub/liquidation/IHandover.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IShortfalls} from "../../src/hub/liquidation/IShortfalls.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice See Shortfalls.tree. bob owes 1,200,000 with 40 WBTC (2,400,000) and 100 WETH (300,000); he is short 100 BTC, and healthy.
contract ShortfallsTest is LiquidationFixture {
    uint64 private constant FIRST = (1 << 63) + 1;

    function setUp() public override {
        super.setUp();
        _collateralOf(_bob, SPOKE, WBTC, _wbtcId, 40e8);
        _collateralOf(_bob, OTHER, WETH, _wethId, 100e18);
        _cash(_bob, -1_200_000e18);
        _cash(_carol, 5_000_000e18);
        _priceAll(60_000e18);
    }

    function test_GivenADebtWithinTheLimit_WhenStarted_ItReverts() public {
        _cash(_bob, -1_000_000e18);
        vm.expectRevert(
            abi.encodeWithSelector(
                IShortfalls.DebtWithinLimit.selector,
                HubAccount.unwrap(_bob),
                1_000_000e18,
                1_000_000e18
            )
        );
        _shortfalls.start(_bob, "");
    }

    function test_GivenADebtPastTheLimit_WhenBid_CollateralBecomesCashUntilTheGoalIsOwed() public {
        assertEq(_shortfalls.start(_bob, ""), FIRST);
        vm.expectRevert(abi.encodeWithSelector(IShortfalls.ShortfallOpen.selector, HubAccount.unwrap(_bob), FIRST));
        _shortfalls.start(_bob, "");
        vm.warp(vm.getBlockTimestamp() + 89);
        _priceAll(60_000e18);
        int256 before = _ledger.cashOf(_fund.account());
        (uint256 taken, uint256 price) = _take(1e18);
        // A tenth of the fast leg: d = 0.95 − 0.025.
        assertApproxEqRel(price, (2_700_000e18 * taken * 925) / 1e21, 1e9);
        assertEq(_ledger.cashOf(_fund.account()) - before, int256(price / 100), "the fee");
        int256 owed = -_ledger.cashOf(_bob);
        assertLe(owed, 500_000e18);
        assertGt(owed, 500_000e18 - 1e9, "no more than needed");
        assertEq(_shortfalls.shortfallOf(_bob).id, 0, "over");
        // Both cost the same to sell: the lower id goes first, and covers all.
        (uint128 wbtc, ) = _ledger.balanceOf(_carol, _wbtcId);
        assertEq(wbtc, (40e8 * ((2_700_000e18 * taken) / 1e18)) / 2_400_000e18);
        assertEq(_markets.sizeOf(_bob, BTC_PERP), -100e18, "positions stay");
        (IHandover.Touched[] memory touched, IHandover.Route[] memory routes) = _handover.recordOf(FIRST);
        assertEq(touched.length, 1);
        assertEq(touched[0].eid, SPOKE);
        assertEq(touched[0].amount, wbtc);
        assertEq(routes.length, 0);
    }

    function test_GivenAChainThatIsDegraded_WhenBid_TheOthersCollateralGoesFirstAndWhole() public {
        _rules.setStateRates(ICollateralRules.ChainState.Degraded, ICollateralRules.Rates(0, 1e7));
        _rules.worsenChain(SPOKE, ICollateralRules.ChainState.Degraded, 0);
        _shortfalls.start(_bob, "");
        vm.warp(vm.getBlockTimestamp() + 1);
        _priceAll(60_000e18);
        (uint256 taken, ) = _take(1e18);
        (IHandover.Touched[] memory touched, ) = _handover.recordOf(FIRST);
        assertEq(touched.length, 2);
        assertEq(touched[0].eid, OTHER);
        assertEq(touched[0].amount, 100e18, "all of it");
        assertEq(touched[1].eid, SPOKE);
        // What the other chain's 300,000 do not cover.
        assertEq(touched[1].amount, (40e8 * ((2_700_000e18 * taken) / 1e18 - 300_000e18)) / 2_400_000e18);
        assertLe(-_ledger.cashOf(_bob), 500_000e18);
    }

    /// @dev A unit of an asset that nobody prices any more used to keep everything from being sold.
    function test_GivenDustWithoutAUsablePrice_WhenBid_ItStaysAndTheRestIsSold() public {
        _ledger.correct(OTHER, WETH, _bob, -99.99e18, 0);
        _cash(_bob, -1_200_000e18);
        vm.warp(vm.getBlockTimestamp() + 601);
        _priceBtc(60_000e18);
        assertEq(uint8(_margin.riskOf(_bob).grade), uint8(Grade.Stale));
        _shortfalls.start(_bob, "");
        vm.warp(vm.getBlockTimestamp() + 1);
        _priceBtc(60_000e18);
        _take(1e18);
        assertEq(_shortfalls.shortfallOf(_bob).id, 0, "over");
        (uint128 weth, ) = _ledger.balanceOf(_bob, _wethId);
        assertEq(weth, 0.01e18);
        // Healthy only with it: nobody knows.
        Risk memory risk = _margin.riskOf(_bob);
        _ledger.changeCash(_bob, int256(risk.maintenanceMargin) - risk.equity + 1e18);
        vm.expectPartialRevert(IShortfalls.BelowMaintenance.selector);
        _shortfalls.start(_bob, "");
        // All of his collateral: too much to be left out.
        _ledger.correct(OTHER, WETH, _bob, 100e18, 0);
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidation.PricesUnusable.selector, HubAccount.unwrap(_bob), Grade.Stale)
        );
        _shortfalls.start(_bob, "");
    }

    function test_GivenARoute_WhenBid_ItsClaimsAreOrderedAndStandInTheRecord() public {
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](2);
        legs[0] = IWithdrawals.Leg(SPOKE, WBTC, false, 1e8, makeAddr("payee"));
        legs[1] = IWithdrawals.Leg(SPOKE, USDC, true, 1000e18, makeAddr("payee"));
        _shortfalls.start(_bob, "");
        vm.warp(vm.getBlockTimestamp() + 1);
        _priceAll(60_000e18);
        _as(_carol);
        vm.expectRevert(
            abi.encodeWithSelector(IWithdrawals.NotPermitted.selector, HubAccount.unwrap(_carol), address(_shortfalls))
        );
        _shortfalls.bidAndWithdraw(_bob, _carol, 0.1e18, type(uint256).max, legs, "");
        address trader = makeAddr("trader");
        _as(_carol);
        _delegates.setDelegate(_carol, trader, 1, type(uint40).max);
        vm.prank(trader);
        vm.expectRevert(abi.encodeWithSelector(IShortfalls.NotPermitted.selector, HubAccount.unwrap(_carol), trader));
        _shortfalls.bidAndWithdraw(_bob, _carol, 0.1e18, type(uint256).max, legs, "");
        _as(_carol);
        _delegates.setDelegate(_carol, address(_shortfalls), 2, type(uint40).max);
        _as(_carol);
        (, , uint64 claim) = _shortfalls.bidAndWithdraw(_bob, _carol, 0.1e18, type(uint256).max, legs, "");
        (, IHandover.Route[] memory routes) = _handover.recordOf(FIRST);
        assertEq(routes.length, 1);
        assertEq(HubAccount.unwrap(routes[0].bidder), HubAccount.unwrap(_carol));
        assertEq(routes[0].firstClaim, claim);
        assertEq(routes[0].legs, 2);
        for (uint64 i; i < legs.length; ++i)
            assertEq(HubAccount.unwrap(_withdrawals.claimOf(claim + i).account), HubAccount.unwrap(_carol));
    }

    function test_GivenAnAssetThatCountsNothing_WhenBid_ItStays() public {
        _rules.setChainRates(SPOKE, ICollateralRules.Rates(1e9, 0));
        _priceAll(61_000e18);
        _cash(_alice, 0);
        _collateralOf(_alice, SPOKE, WBTC, _wbtcId, 1e8);
        _collateralOf(_alice, OTHER, WETH, _wethId, 1000e18);
        _cash(_alice, -1_100_000e18);
        _shortfalls.start(_alice, "");
        vm.warp(vm.getBlockTimestamp() + 1);
        _as(_carol);
        _shortfalls.bid(_alice, _carol, 1e18, type(uint256).max, "");
        (uint128 wbtc, ) = _ledger.balanceOf(_alice, _wbtcId);
        assertEq(wbtc, 1e8);
        (uint128 weth, ) = _ledger.balanceOf(_carol, _wethId);
        assertGt(weth, 0);
    }

    function test_GivenLessThanTheShortfall_WhenBid_ItGoesOn() public {
        _shortfalls.start(_bob, "");
        vm.warp(vm.getBlockTimestamp() + 1);
        (uint256 taken, ) = _take(0.01e18);
        assertEq(taken, 0.01e18);
        assertEq(_shortfalls.shortfallOf(_bob).id, FIRST);
        vm.expectPartialRevert(IShortfalls.DebtAboveGoal.selector);
        _shortfalls.end(_bob, "");
        _ledger.changeCash(_bob, 1_000_000e18);
        _shortfalls.end(_bob, "");
        assertEq(_shortfalls.shortfallOf(_bob).id, 0);
        vm.expectRevert(abi.encodeWithSelector(IShortfalls.ShortfallNotOpen.selector, HubAccount.unwrap(_bob)));
        _shortfalls.end(_bob, "");
    }

    function test_GivenNoBidForADay_WhenBid_NothingIsSoldBelowTheFastLegsEnd() public {
        _shortfalls.start(_bob, "");
        vm.warp(vm.getBlockTimestamp() + 1 days);
        _priceAll(60_000e18);
        (uint256 taken, uint256 price) = _take(0.1e18);
        assertApproxEqRel(price, (2_700_000e18 * taken * 7) / 1e19, 1e9);
    }

    function test_GivenAnAccountBelowMaintenance_ItIsLiquidations() public {
        _shortfalls.start(_bob, "");
        // 100 short at 73,000: a loss of 1,300,000.
        _priceAll(80_000e18);
        Risk memory risk = _margin.riskOf(_bob);
        _as(_carol);
        vm.expectRevert(
            abi.encodeWithSelector(
                IShortfalls.BelowMaintenance.selector,
                HubAccount.unwrap(_bob),
                risk.equity,
                risk.maintenanceMargin
            )
        );
        _shortfalls.bid(_bob, _carol, 1e18, type(uint256).max, "");
        uint64 id = _liquidation.start(_bob, "");
        _as(_carol);
        vm.expectRevert(abi.encodeWithSelector(IShortfalls.InLiquidation.selector, HubAccount.unwrap(_bob), id));
        _shortfalls.bid(_bob, _carol, 1e18, type(uint256).max, "");
        _shortfalls.end(_bob, "");
        vm.expectRevert(abi.encodeWithSelector(IShortfalls.InLiquidation.selector, HubAccount.unwrap(_bob), id));
        _shortfalls.start(_bob, "");
    }

    function test_GivenABadBid_WhenBid_ItReverts() public {
        _shortfalls.start(_bob, "");
        uint256 time = vm.getBlockTimestamp();
        _expect(abi.encodeWithSelector(IShortfalls.TooEarly.selector, time + 1, time));
        _shortfalls.bid(_bob, _carol, 1e18, type(uint256).max, "");
        vm.warp(time + 1);
        _expect(abi.encodeWithSelector(IShortfalls.ShareInvalid.selector, 0));
        _shortfalls.bid(_bob, _carol, 0, type(uint256).max, "");
        _expect(abi.encodeWithSelector(IShortfalls.NotPermitted.selector, HubAccount.unwrap(_alice), _carol.owner()));
        _shortfalls.bid(_bob, _alice, 1e18, type(uint256).max, "");
        _as(_carol);
        vm.expectPartialRevert(IShortfalls.PriceAboveLimit.selector);
        _shortfalls.bid(_bob, _carol, 1e18, 1, "");
        _as(_bob);
        vm.expectRevert(abi.encodeWithSelector(IShortfalls.BidderInvalid.selector, HubAccount.unwrap(_bob)));
        _shortfalls.bid(_bob, _bob, 1e18, type(uint256).max, "");
        // What she buys is cut by a tenth.
        _cash(_carol, 1e18);
        _as(_carol);
        vm.expectPartialRevert(IShortfalls.BidderBelowInitialMargin.selector);
        _shortfalls.bid(_bob, _carol, 1e18, type(uint256).max, "");
        vm.warp(time + 1 days);
        _as(_carol);
        vm.expectPartialRevert(IShortfalls.PricesUnusable.selector);
        _shortfalls.bid(_bob, _carol, 1e18, type(uint256).max, "");
    }

    function test_GivenNoCollateral_WhenBid_ItReverts() public {
        // alice's gain on her position carries her debt.
        _priceAll(90_000e18);
        _cash(_alice, -1_100_000e18);
        _shortfalls.start(_alice, "");
        vm.warp(vm.getBlockTimestamp() + 1);
        _expect(abi.encodeWithSelector(IShortfalls.CollateralWorthless.selector, HubAccount.unwrap(_alice)));
        _shortfalls.bid(_alice, _carol, 1e18, type(uint256).max, "");
    }

    function test_GivenAStrangerOrImpossibleTerms_WhenSet_ItReverts() public {
        IShortfalls.ShortfallTerms memory terms = _shortfalls.termsOf();
        vm.prank(makeAddr("stranger"));
        vm.expectRevert(
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, makeAddr("stranger"))
        );
        _shortfalls.setTerms(terms);
        terms.restore = 1e18 + 1;
        vm.expectRevert(abi.encodeWithSelector(IShortfalls.TermsInvalid.selector, "restore <= 1"));
        _shortfalls.setTerms(terms);
        terms.limit = 0;
        vm.expectRevert(abi.encodeWithSelector(IShortfalls.TermsInvalid.selector, "limit above 0"));
        _shortfalls.setTerms(terms);
    }

    /// @dev INV-LIQ-3 of these auctions: what one pays the others get, and the account stays at or above maintenance margin.
    function testFuzz_GivenAnyBids_CashIsConserved_AndHealthKept(
        uint64[4] memory shares,
        uint16[4] memory waits
    ) public {
        _shortfalls.start(_bob, "");
        int256 total = _wealth();
        for (uint256 i; i < shares.length && _shortfalls.shortfallOf(_bob).id != 0; ++i) {
            vm.warp(vm.getBlockTimestamp() + waits[i]);
            _priceAll(60_000e18);
            _take(uint64(bound(shares[i], 1, 1e18)));
            assertGe(_healthOf(_bob), 0);
        }
        // Debts are booked with interest when they move.
        (, uint256 pool, , ) = _ledger.interestOf();
        assertEq(_wealth() + int256(pool), total);
        (uint128 carols, ) = _ledger.balanceOf(_carol, _wbtcId);
        (uint128 bobs, ) = _ledger.balanceOf(_bob, _wbtcId);
        assertEq(carols + bobs, 40e8);
    }

    function _take(uint64 share) private returns (uint256, uint256) {
        _as(_carol);
        return _shortfalls.bid(_bob, _carol, share, type(uint256).max, "");
    }

    function _expect(bytes memory reason) private {
        _as(_carol);
        vm.expectRevert(reason);
    }

    function _priceAll(uint128 btc) private {
        _priceBtc(btc);
        _price(ETH, 3000e18, 3000e18);
    }
}
