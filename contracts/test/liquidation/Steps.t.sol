// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AuctionTerms} from "../../src/hub/liquidation/AuctionMath.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice See Steps.tree. alice's maintenance margin is above 100,000: she is sold by fifths.
contract StepsTest is LiquidationFixture {
    function test_GivenAnAgedPrice_WhenBid_ItIsTakenInSteps() public {
        AuctionTerms memory terms = _liquidation.termsOf();
        terms.largeMargin = 1e30;
        _liquidation.setTerms(terms);
        _priceBtc(58_000e18);
        _liquidation.start(_alice, "");
        vm.warp(vm.getBlockTimestamp() + 61);
        assertEq(uint8(_margin.riskOf(_alice).grade), uint8(Grade.Aged));
        (uint256 share, ) = _bid(_carol, 1e18);
        assertEq(share, terms.stepShare);
        vm.warp(vm.getBlockTimestamp() + 5);
        (share, ) = _bid(_carol, 1e18);
        assertEq(share, uint256(terms.stepShare) / 6, "what has refilled");
        _priceBtc(58_000e18);
        (share, ) = _bid(_carol, 1e18);
        assertGt(share, terms.stepShare, "at fresh prices as much as is needed");
    }

    function test_GivenAStepThatIsTaken_WhenBidInTheSameSecond_ItReverts() public {
        _priceBtc(58_000e18);
        _start(_alice);
        (uint256 share, ) = _bid(_carol, 0.2e18);
        assertEq(share, 0.2e18);
        ILiquidation.Bid memory wanted = _wanted(_carol, 0.01e18);
        _as(_carol);
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidation.CoolOff.selector, vm.getBlockTimestamp() + 1, vm.getBlockTimestamp())
        );
        _liquidation.bid(wanted, "");
    }

    /// @dev The owner's friend takes next to nothing whenever a step begins: others take all of it but that.
    function test_GivenDustBids_WhenOthersBid_TheyTakeTheRestOfTheStep() public {
        _priceBtc(58_000e18);
        _start(_alice);
        _ledger.changeCash(_bob, 2_000_000e18);
        for (uint256 i; i < 3; ++i) {
            uint256 before = vm.getBlockTimestamp();
            for (uint256 j; j < 5; ++j) _bid(_bob, 1e9);
            (uint256 share, ) = _bid(_carol, 0.2e18);
            assertGe(share, 0.2e18 - 5e9, "but for what the dust took");
            assertEq(vm.getBlockTimestamp(), before);
            vm.warp(before + 30);
            _price(BTC, 58_000e18, 58_000e18);
        }
    }

    /// @dev However bids are cut and timed, within a time they take no more than one step and what refills in it.
    function testFuzz_GivenAnyBidsInSteps_TheyTakeNoMoreThanAStepAndWhatRefills(
        uint64[12] memory shares,
        uint8[12] memory waits
    ) public {
        _ledger.changeCash(_carol, 20_000_000e18);
        _priceBtc(56_500e18);
        _start(_alice);
        uint256 begin = vm.getBlockTimestamp();
        uint256 sum;
        for (uint256 i; i < shares.length; ++i) {
            vm.warp(vm.getBlockTimestamp() + (waits[i] % 40));
            _price(BTC, 56_500e18, 56_500e18);
            if (_margin.riskOf(_alice).maintenanceMargin < 100_000e18 || _healthOf(_alice) >= 0) break;
            try this.bidOfCarol(uint64(bound(shares[i], 1, 1e18))) returns (uint256 taken) {
                sum += taken;
            } catch (bytes memory reason) {
                assertEq(bytes4(reason), ILiquidation.CoolOff.selector);
            }
            assertLe(sum, 0.2e18 + (0.2e18 * (vm.getBlockTimestamp() - begin)) / 30, "a step and what refilled");
        }
    }

    function bidOfCarol(uint64 share) external returns (uint256 taken) {
        (taken, ) = _bid(_carol, share);
    }
}
