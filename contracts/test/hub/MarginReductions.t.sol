// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {FeedId, FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {LongFixture} from "./LongFixture.sol";

/// @notice See MarginReductions.tree.
contract MarginReductionsTest is LongFixture {
    function _expectOutside(int256 equity, int256 before, uint256 allowed, Grade grade) private {
        vm.expectRevert(abi.encodeWithSelector(IMargin.OutsideBand.selector, _raw, equity, before, allowed, grade));
    }

    function test_GivenAnUnhealthyAccount_WhenItReduces_ItMay_AtTheMark() public {
        _open(5_000e18);
        Risk memory before = _margin.riskOf(_alice);
        _sell(1e18, 60_000e18);
        _margin.requireTrade(_alice, true, 60_000e18, before);
        // The same trade, but said not to reduce: it must be healthy.
        _expectBelow(5_000e18, 27_000e18, 16_200e18);
        _margin.requireTrade(_alice, false, 60_000e18, before);
    }

    function test_GivenAnUnhealthyAccount_WhenAReductionCostsMoreThanItFrees_ItMayNot() public {
        _open(5_000e18);
        Risk memory before = _margin.riskOf(_alice);
        // One BTC frees 1,800 of maintenance margin: sold 1,800 below the mark, health stands still.
        _sell(1e18, 58_200e18 - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMargin.HealthFell.selector,
                _raw,
                3_200e18 - 1,
                27_000e18,
                16_200e18,
                before,
                Grade.Fresh
            )
        );
        _margin.requireTrade(_alice, true, 58_200e18, before);
    }

    /// @dev INV-MARGIN-1: health would stand still, but the other side would have carried out what the fund then pays.
    function test_GivenAnUnhealthyAccount_WhenAReductionIsFarFromTheMark_ItMayNot() public {
        _open(5_000e18);
        Risk memory before = _margin.riskOf(_alice);
        uint256 snapshot = vm.snapshotState();
        // A tenth of the position may take a tenth of the equity along.
        _sell(1e18, 59_500e18);
        _margin.requireTrade(_alice, true, 59_500e18, before);
        vm.revertToState(snapshot);
        _sell(1e18, 59_499e18);
        _expectOutside(4_499e18, 5_000e18, 500e18, Grade.Fresh);
        _margin.requireTrade(_alice, true, 59_499e18, before);
    }

    /// @dev INV-MARGIN-1: prices of fills are nobody's but the two sides'. Two legs far above the mark net out to what is handed over, and make any
    ///      turnover.
    function test_GivenTwoReductionsAtAbsurdPrices_WhenTheyNetOut_NoMoreThanThePartLeaves() public {
        _open(1_000e18);
        _markets.trade(_bob, _alice, ETH_PERP, 200e18, 3_000e18);
        _cash(_alice, 1_000e18);
        Risk memory before = _margin.riskOf(_alice);
        // Half of both: 18,000 of maintenance margin are freed.
        uint256 snapshot = vm.snapshotState();
        _netOut(17_000e18);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_alice, true, 35_000_000_000e18, before);
        vm.revertToState(snapshot);
        _netOut(500e18 + 1e12 + 100);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_alice, true, 35_000_000_000e18, before);
        vm.revertToState(snapshot);
        _netOut(500e18);
        _margin.requireTrade(_alice, true, 35_000_000_000e18, before);
        vm.revertToState(snapshot);
        // Without a usable price too.
        _feeds.halt(FeedWord.id(ETH, Kind.Mark, 0));
        before = _margin.riskOf(_alice);
        snapshot = vm.snapshotState();
        _netOut(501e18);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_alice, true, 35_000_000_000e18, before);
        vm.revertToState(snapshot);
        _netOut(10_000_000e18);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_alice, true, 1e60, before);
    }

    /// @dev alice sells half of her BTC and buys half of her ETH back, both far above the mark, and loses so much by it.
    function _netOut(uint128 loss) private {
        _sell(5e18, 60_000e18 + 1_000_000_000e18);
        // 5 · 10^9 more for BTC are 100 · 5 · 10^7 more for ETH.
        _markets.trade(_alice, _bob, ETH_PERP, 100e18, 3_000e18 + 50_000_000e18 + loss / 100);
    }

    function test_GivenAFeeToTheMatcher_WhenAnUnhealthyAccountReduces_ItIsPartOfWhatLeaves() public {
        _open(5_000e18);
        Risk memory before = _margin.riskOf(_alice);
        _sell(1e18, 60_000e18);
        _ledger.changeCash(_alice, -501e18);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_alice, true, 60_000e18, before);
        _ledger.changeCash(_alice, 1e18);
        _margin.requireTrade(_alice, true, 60_000e18, before);
    }

    function test_GivenAnAccountBelowNothing_WhenItReduces_NothingLeaves() public {
        _open(-5_000e18);
        Risk memory before = _margin.riskOf(_alice);
        uint256 snapshot = vm.snapshotState();
        _sell(1e18, 59_999e18);
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_alice, true, 59_999e18, before);
        vm.revertToState(snapshot);
        _sell(1e18, 60_000e18);
        _margin.requireTrade(_alice, true, 60_000e18, before);
    }

    function test_GivenAgedPrices_WhenAnAccountReduces_ItMay_IfHealthDoesNotFall() public {
        _open(500_000e18);
        skip(61);
        Risk memory before = _margin.riskOf(_alice);
        assertEq(uint8(before.grade), uint8(Grade.Aged));
        uint256 snapshot = vm.snapshotState();
        _sell(1e18, 59_800e18);
        _margin.requireTrade(_alice, true, 59_800e18, before);
        vm.revertToState(snapshot);
        _sell(1e18, 50_000e18);
        vm.expectPartialRevert(IMargin.HealthFell.selector);
        _margin.requireTrade(_alice, true, 50_000e18, before);
    }

    function test_GivenNoUsablePrice_WhenAnAccountReduces_TheBandHolds() public {
        _open(500_000e18);
        FeedId mark = FeedWord.id(BTC, Kind.Mark, 0);
        _feeds.halt(mark);
        Risk memory before = _margin.riskOf(_alice);
        assertEq(uint8(before.grade), uint8(Grade.Halted));
        _margin.setReduceBand(1e7);
        uint256 snapshot = vm.snapshotState();
        // 1% of what is paid: 594.05 of 59,405.95 is the edge.
        _sell(1e18, 59_406e18);
        _margin.requireTrade(_alice, true, 59_406e18, before);
        vm.revertToState(snapshot);
        _sell(1e18, 59_405e18);
        _expectOutside(before.equity - 595e18, before.equity, 594.05e18, Grade.Halted);
        _margin.requireTrade(_alice, true, 59_405e18, before);
        // What does not reduce waits for a price.
        vm.expectRevert(abi.encodeWithSelector(IMargin.PricesNotFresh.selector, _raw, Grade.Halted));
        _margin.requireTrade(_alice, false, 59_405e18, before);
    }

    function test_GivenABadPriceBefore_WhenOnlyGoodOnesRemain_TheBandStillHolds() public {
        _open(5_000e18);
        _markets.trade(_alice, _bob, ETH_PERP, 10e18, 3_000e18);
        _cash(_alice, 5_000e18);
        _feeds.halt(FeedWord.id(ETH, Kind.Mark, 0));
        Risk memory before = _margin.riskOf(_alice);
        _markets.trade(_bob, _alice, ETH_PERP, 10e18, 2_900e18);
        assertEq(uint8(_margin.riskOf(_alice).grade), uint8(Grade.Fresh));
        vm.expectPartialRevert(IMargin.OutsideBand.selector);
        _margin.requireTrade(_alice, true, 29_000e18, before);
    }

    function test_GivenAnyPrices_WhenAnAccountEndsFlat_ItMay() public {
        _open(5_000e18);
        _feeds.halt(FeedWord.id(BTC, Kind.Mark, 0));
        Risk memory before = _margin.riskOf(_alice);
        _sell(SIZE, 60_000e18);
        _margin.requireTrade(_alice, true, TURNOVER, before);
    }
}
