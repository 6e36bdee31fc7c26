// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IHandover} from "../../src/hub/liquidation/IHandover.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IRoutes} from "../../src/hub/liquidation/IRoutes.sol";
import {IShortfalls} from "../../src/hub/liquidation/IShortfalls.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice See LostVault.tree. alice is long 100 BTC at 60,000 with cash and 2 BTC in the vault of SPOKE, which counts for nothing an hour after
///         its chain is quarantined.
contract LostVaultTest is LiquidationFixture {
    uint64 private constant RECOVERY = 0.4e18;
    HubAccount private _dave = AccountLib.encode(makeAddr("dave"), 0, 0);
    uint256 private constant GRACE = 60 minutes;

    function setUp() public override {
        super.setUp();
        _rules.setStateRates(ICollateralRules.ChainState.Quarantined, ICollateralRules.Rates(1e9, 0));
        _rules.setStateRates(ICollateralRules.ChainState.WrittenDown, ICollateralRules.Rates(1e9, 0));
        _collateralOf(_alice, SPOKE, WBTC, _wbtcId, 2e8);
        _cash(_alice, 150_000e18);
    }

    // ---- written down

    function test_GivenABalanceThatWasWrittenDown_WhenBid_WhatIsLeftMoves() public {
        _collateralOf(_alice, OTHER, WETH, _wethId, 10e18);
        _priceAll(57_500e18);
        _start(_alice);
        uint16 successor = _writeDown();
        _priceAll(57_500e18);
        int256 wealth = _wealth();
        (uint256 share, ) = _bid(_carol, 0.1e18);
        _checkWealth(wealth, 1);
        (uint128 old, uint128 idle) = _ledger.balanceOf(_alice, _wbtcId);
        assertEq(uint256(old) + idle, 0);
        (uint128 left, ) = _ledger.balanceOf(_alice, successor);
        (uint128 taken, ) = _ledger.balanceOf(_carol, successor);
        assertEq(uint256(left) + taken, 0.8e8, "two fifths");
        assertEq(taken, (0.8e8 * share) / 1e18);
        (IHandover.Touched[] memory touched, ) = _handover.recordOf(1);
        assertEq(touched.length, 2);
        // The successor stands at the end of the list.
        assertEq(touched[1].assetId, successor);
        assertEq(touched[1].eid, SPOKE);
        assertEq(touched[1].amount, taken);
    }

    function test_GivenABalanceWrittenDownTwiceOrWhole_WhenSettledByAnyone_NoOldOneIsLeft() public {
        uint16 first = _writeDown();
        _ledger.freezeAsset(first);
        uint16 second = _ledger.writeDown(SPOKE, WBTC, 0.5e18, _liquidation.deficitAccount(0), _rules);
        vm.prank(makeAddr("anyone"));
        _handover.settleWrittenDown(_alice);
        (uint16[] memory assetIds, uint128[] memory amounts) = _ledger.collateralOf(_alice);
        assertEq(assetIds.length, 1);
        assertEq(assetIds[0], second);
        assertEq(amounts[0], 0.4e8);
        _ledger.freezeAsset(second);
        _ledger.writeDown(SPOKE, WBTC, 0, _liquidation.deficitAccount(0), _rules);
        _handover.settleWrittenDown(_alice);
        (assetIds, ) = _ledger.collateralOf(_alice);
        assertEq(assetIds.length, 0);
        _handover.settleWrittenDown(_bob);
    }

    /// @dev At 60,000 it has 270,000 for 186,000 before, 198,000 for 182,400 after; at 59,700 it is 30,000 poorer. The start settles it first.
    function test_GivenABalanceThatWasWrittenDown_WhenStarted_ItCountsForWhatIsLeft() public {
        _writeDown();
        _priceBtc(59_700e18);
        _start(_alice);
        assertLt(_healthOf(_alice), 0, "as it is");
        (uint256 share, ) = _bid(_carol, 1e18);
        assertGt(share, 0);
    }

    function test_GivenABalanceThatWasWrittenDown_WhenItsOwnerOwesTooMuch_ShortfallsSellWhatIsLeft() public {
        _markets.trade(_bob, _alice, BTC_PERP, 100e18, 60_000e18);
        _shortfalls.setTerms(IShortfalls.ShortfallTerms(100_000e18, 0.5e18));
        // What is left is cheaper to sell than what the other chain holds, so it goes first.
        _rules.setStateRates(ICollateralRules.ChainState.Quarantined, ICollateralRules.Rates(0, 0));
        _rules.setStateRates(ICollateralRules.ChainState.WrittenDown, ICollateralRules.Rates(0, 0));
        _rules.setChainRates(OTHER, ICollateralRules.Rates(0, 1e7));
        _collateralOf(_alice, OTHER, WETH, _wethId, 100e18);
        _cash(_alice, -150_000e18);
        uint16 successor = _writeDown();
        _priceAll(60_000e18);
        _shortfalls.start(_alice, "");
        _priceAll(60_000e18);
        _as(_carol);
        _shortfalls.bid(_alice, _carol, 1e18, type(uint256).max, "");
        (uint128 moved, ) = _ledger.balanceOf(_carol, successor);
        assertEq(moved, 0.8e8);
    }

    /// @dev 10 BTC of 600,000, of which 60% are left, less a tenth and a twentieth, secure a debt of 100,000 with ease: nobody may be paid to take
    ///      them over, in the block of the write-down or later.
    function test_GivenADebtorWhoseCollateralIsWrittenDown_WhenStartedInTheSameBlock_HeIsHealthy() public {
        _collateralOf(_dave, SPOKE, WBTC, _wbtcId, 10e8);
        _cash(_dave, -100_000e18);
        _priceBtc(60_000e18);
        _ledger.freezeAsset(_wbtcId);
        uint16 successor = _ledger.writeDown(SPOKE, WBTC, 0.6e18, _liquidation.deficitAccount(0), _rules);
        vm.expectPartialRevert(ILiquidation.HealthyAccount.selector);
        _liquidation.start(_dave, "");
        vm.prank(makeAddr("anyone"));
        _handover.settleWrittenDown(_dave);
        (uint128 left, ) = _ledger.balanceOf(_dave, successor);
        assertEq(left, 6e8);
        // 95% of 360,000.
        assertApproxEqRel(_healthOf(_dave), 242_000e18, 1e14);
    }

    /// @dev INV-MARGIN-1: what is gone secures nothing, though nobody has settled it yet, and though its chain is well.
    function test_GivenABalanceThatWasWrittenDownAndNotSettled_ItSecuresNothing() public {
        _collateralOf(_dave, SPOKE, WBTC, _wbtcId, 10e8);
        uint16 successor = _writeDown();
        _priceBtc(60_000e18);
        assertEq(_margin.riskOf(_dave).equity, 0);
        _as(_dave);
        vm.expectRevert();
        _ledger.transferCash(_dave, _sibling(_dave), 1);
        (bool listed, ) = _rules.assetRuleOf(_wbtcId);
        assertFalse(listed);
        (listed, ) = _rules.assetRuleOf(successor);
        assertTrue(listed);
        _handover.settleWrittenDown(_dave);
        assertEq(_margin.riskOf(_dave).equity, 240_000e18);
    }

    function test_GivenStrangers_TheyEndNoRule() public {
        address stranger = makeAddr("stranger");
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        _rules.succeed(_wbtcId, 9);
        // Of an asset without a rule nothing is handed on.
        vm.prank(address(_ledger));
        _rules.succeed(999, 9);
        (bool listed, ) = _rules.assetRuleOf(9);
        assertFalse(listed);
        vm.prank(address(_ledger));
        vm.expectRevert(
            abi.encodeWithSelector(ICollateralRules.RuleInvalid.selector, _wethId, "an asset without a rule")
        );
        _rules.succeed(_wbtcId, _wethId);
    }

    // ---- the grace

    function test_GivenAnAccountThatALostVaultAlonePutsBelow_WhenStarted_ItHasOneGrace() public {
        _quarantine();
        vm.warp(_now() + 1 hours);
        _priceBtc(60_000e18);
        uint256 until = _now() + GRACE;
        vm.expectEmit(address(_liquidation));
        // 300,000 of 6,000,000 are margin; 5% of 120,000, and the rest of it.
        emit ILiquidation.GraceBegan(HubAccount.unwrap(_alice), until, 270_000e18, 300_000e18, 114_000e18);
        assertEq(_liquidation.start(_alice, ""), 0);
        assertEq(_liquidation.auctionOf(_alice).id, 0);
        _expectGrace(until);
        vm.warp(until - 1);
        _price(BTC, 60_000e18, 60_000e18);
        _expectGrace(until);
        vm.warp(until);
        _price(BTC, 60_000e18, 60_000e18);
        assertEq(_liquidation.start(_alice, ""), 1);
    }

    function test_GivenAGrace_WhenToppedUpFromAnyChain_NothingStarts() public {
        _quarantine();
        vm.warp(_now() + 1 hours);
        _priceBtc(60_000e18);
        _liquidation.start(_alice, "");
        _collateralOf(_alice, OTHER, WETH, _wethId, 20e18);
        vm.warp(_now() + GRACE);
        _priceAll(60_000e18);
        vm.expectPartialRevert(ILiquidation.HealthyAccount.selector);
        _liquidation.start(_alice, "");
    }

    function test_GivenAGraceThatIsOver_AnotherBeginsOnlyWithAnotherChangeOfTheChain() public {
        _quarantine();
        vm.warp(_now() + 1 hours);
        _priceBtc(60_000e18);
        _liquidation.start(_alice, "");
        vm.warp(_now() + 10 days);
        _rules.worsenChain(SPOKE, ICollateralRules.ChainState.WrittenDown, 0);
        _priceBtc(60_000e18);
        assertEq(_liquidation.start(_alice, ""), 0, "for what is new");
        vm.warp(_now() + 10 days);
        _priceBtc(60_000e18);
        assertEq(_liquidation.start(_alice, ""), 1);
    }

    /// @dev The same lost balance, moved on to the next account of its owner, bought an hour there as well.
    function test_GivenAnotherAccountOfTheSameOwner_WhenItHoldsWhatIsLost_ItHasNoGraceOfItsOwn() public {
        HubAccount second = AccountLib.encode(_alice.owner(), 0, 1);
        _collateralOf(second, SPOKE, WBTC, _wbtcId, 2e8);
        _markets.trade(second, _bob, BTC_PERP, 100e18, 60_000e18);
        _cash(second, 150_000e18);
        _quarantine();
        vm.warp(_now() + 1 hours);
        _priceBtc(60_000e18);
        uint256 until = _now() + GRACE;
        assertEq(_liquidation.start(_alice, ""), 0);
        vm.warp(until - 1);
        _priceBtc(60_000e18);
        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.GracePeriod.selector, HubAccount.unwrap(second), until));
        _liquidation.start(second, "");
        vm.warp(until);
        assertEq(_liquidation.start(second, ""), 1);
    }

    function test_GivenAnAccountThatLacksMore_WhenStarted_NothingWaits() public {
        _quarantine();
        vm.warp(_now() + 1 hours);
        _priceBtc(58_900e18);
        assertEq(_liquidation.start(_alice, ""), 1, "below without the chain's state");
    }

    function test_GivenAnAccountWithoutEquity_NothingWaits() public {
        _cash(_alice, -130_000e18);
        _quarantine();
        vm.warp(_now() + 1 hours);
        _priceBtc(60_000e18);
        assertLt(_healthOf(_alice), 0);
        assertEq(_liquidation.start(_alice, ""), 1);
    }

    function test_GivenNoRoutesOrCollateralElsewhere_ThereIsNoGrace() public {
        _rules.worsenChain(OTHER, ICollateralRules.ChainState.Quarantined, 0);
        _priceBtc(58_900e18);
        assertEq(_liquidation.start(_alice, ""), 1, "another chain");
        _priceBtc(60_500e18);
        _liquidation.end(_alice, "");
        vm.warp(_now() + 1 days);
        _quarantine();
        vm.warp(_now() + 1 hours);
        _liquidation.setRoutes(IRoutes(address(0)));
        _priceBtc(60_000e18);
        assertEq(_liquidation.start(_alice, ""), 2);
    }

    // ---- what a state takes

    /// @dev By any ramp, any part of it, any rates and prices: what maintenance would be less by in a healthy chain.
    function test_GivenAnyState_ImpairmentIsWhatItTakesAtMaintenance(
        uint32 rate,
        uint32 own,
        uint32 ramp,
        uint32 elapsed,
        uint128 price
    ) public {
        rate = uint32(bound(rate, 1, 1e9));
        price = uint128(bound(price, 1e18, 1e24));
        _rules.setStateRates(ICollateralRules.ChainState.Quarantined, ICollateralRules.Rates(rate, 1e8));
        _rules.setChainRates(SPOKE, ICollateralRules.Rates(uint32(bound(own, 0, 1e9)), 1e7));
        (, uint256[] memory words) = _ledger.packedBookOf(_alice);
        assertEq(_rules.chainsImpaired(), 0);
        _rules.worsenChain(SPOKE, ICollateralRules.ChainState.Quarantined, ramp);
        assertEq(_rules.chainsImpaired(), 1);
        uint40 began = _now();
        vm.warp(began + (elapsed % 10 days));
        _priceBtc(price);
        int256 impaired = _rules.valueOf(words).haircuts.maintenance;
        (uint256 impairment, uint40 since) = _rules.impairmentOf(words);
        assertEq(since, began);
        _rules.restoreChain(SPOKE, ICollateralRules.ChainState.Healthy);
        assertEq(_rules.chainsImpaired(), 0);
        assertEq(int256(impairment), impaired - _rules.valueOf(words).haircuts.maintenance);
        (impairment, since) = _rules.impairmentOf(words);
        assertEq(impairment + since, 0);
    }

    // ---- steps

    function _quarantine() private {
        _rules.worsenChain(SPOKE, ICollateralRules.ChainState.Quarantined, 1 hours);
    }

    function _writeDown() private returns (uint16 successor) {
        _ledger.freezeAsset(_wbtcId);
        successor = _ledger.writeDown(SPOKE, WBTC, RECOVERY, _liquidation.deficitAccount(0), _rules);
    }

    function _priceAll(uint128 btc) private {
        _priceBtc(btc);
        _price(ETH, 3000e18, 3000e18);
    }

    function _sibling(HubAccount account) private pure returns (HubAccount) {
        return HubAccount.wrap(bytes32(uint256(HubAccount.unwrap(account)) + 1));
    }

    function _expectGrace(uint256 until) private {
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.GracePeriod.selector, HubAccount.unwrap(_alice), until));
        _liquidation.start(_alice, "");
    }
}
