// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AuctionTerms} from "../../src/hub/liquidation/AuctionMath.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice See SelfLiquidation.tree. alice and carol are one person.
contract SelfLiquidationTest is LiquidationFixture {
    /// @dev Of one bid: quotes and shares are rounded against her, risks valued twice.
    int256 private constant ROUNDINGS = 4;
    /// @dev Sizes are truncated: of a position that has lost up to 6,000 per unit, up to 1e-18 units stay behind.
    int256 private constant UNIT_LOSS = 6000;
    /// @dev A share, 18 decimals, of an account of some thousands: its part of the margin is about such a unit.
    uint64 private constant NEXT_TO_NOTHING = 1000;

    /// @dev Together they lose the fee and gain at no bid while alice is solvent. Once she is not, carol's gain is what anyone could have had by
    ///      bidding then, share · margin · age / T: it is 0 at first, and nothing the two do makes it grow faster.
    function testFuzz_GivenTwoColludingAccounts_WhenOneBidsForTheOther_TheyGainNothing(
        uint128[5] memory prices,
        uint64[5] memory shares,
        uint16[5] memory waits,
        uint256 small
    ) public {
        if (small % 2 == 0) _everyAccountSmall();
        _cash(_carol, 20_000_000e18);
        bool started;
        for (uint256 i; i < prices.length; ++i) {
            vm.warp(vm.getBlockTimestamp() + 30 + waits[i]);
            _priceBtc(uint128(bound(prices[i], 54_000e18, 61_000e18)));
            if (_liquidation.auctionOf(_alice).id == 0) {
                if (_healthOf(_alice) >= 0) continue;
                int256 pair = _pair();
                _liquidation.start(_alice, "");
                assertEq(pair - _pair(), int256(uint256(_liquidation.auctionOf(_alice).fee)), "the fee is theirs");
                started = true;
                vm.warp(vm.getBlockTimestamp() + 1);
            }
            if (_healthOf(_alice) >= 0) continue;
            _judge(uint64(bound(shares[i], 1, 1e18)));
        }
        if (started && _liquidation.auctionOf(_alice).id == 0) assertGe(_healthOf(_alice), 0);
    }

    /// @dev Before a start nobody pays for what waits: who starts, undoes and starts again has nothing of it either.
    function test_GivenAPairThatEndsItsOwnAuctionByATopUp_WhenStartedAgainLater_ThePairPaysTwice() public {
        _priceBtc(58_500e18);
        int256 pair = _pair();
        _liquidation.start(_alice, "");
        uint256 fee = _liquidation.auctionOf(_alice).fee;
        assertGt(fee, 0);
        _ledger.changeCash(_carol, -200_000e18);
        _ledger.changeCash(_alice, 200_000e18);
        _liquidation.end(_alice, "");
        assertEq(_pair(), pair - int256(fee));
        _ledger.changeCash(_alice, -200_000e18);
        _ledger.changeCash(_carol, 200_000e18);
        vm.warp(vm.getBlockTimestamp() + 1801);
        _priceBtc(58_500e18);
        _liquidation.start(_alice, "");
        assertGt(_liquidation.auctionOf(_alice).fee, 0);
    }

    function _judge(uint64 share) private {
        ILiquidation.Auction memory auction = _liquidation.auctionOf(_alice);
        int256 reserve = int256(uint256(auction.reserve));
        int256 equity = _margin.riskOf(_alice).equity;
        int256 margin = int256(_margin.riskOf(_alice).maintenanceMargin);
        int256 carol = _margin.riskOf(_carol).equity;
        int256 pair = _pair();
        uint256 taken;
        int256 price;
        try this.bidOfCarol(share) returns (uint256 taken_, int256 price_) {
            (taken, price) = (taken_, price_);
        } catch (bytes memory refusal) {
            // A share that brings less than the unit cut off its size costs is refused: nobody gains.
            assertEq(bytes4(refusal), ILiquidation.HealthFell.selector);
            assertLt(share, NEXT_TO_NOTHING);
            return;
        }
        if (equity > reserve) {
            assertLe(_pair(), pair + ROUNDINGS, "solvent: a gain out of nothing");
            assertGt(price, -1, "solvent: nobody pays them");
            return;
        }
        // Since when it is insolvent, if only this bid found it.
        uint256 since = auction.insolventSince == 0 ? vm.getBlockTimestamp() : auction.insolventSince;
        uint256 passed = vm.getBlockTimestamp() - since;
        int256 age = int256(passed < 3600 ? passed : 3600);
        int256 offered = (int256(taken) * ((margin * age) / 3600)) / 1e18;
        int256 gained = _margin.riskOf(_carol).equity - carol;
        assertLe(gained, offered + ROUNDINGS + UNIT_LOSS, "insolvent: more than is offered to all");
    }

    function bidOfCarol(uint64 share) external returns (uint256 taken, int256 price) {
        return _bid(_carol, share);
    }

    function _pair() private view returns (int256) {
        return _margin.riskOf(_alice).equity + _margin.riskOf(_carol).equity;
    }

    function _everyAccountSmall() private {
        AuctionTerms memory terms = _liquidation.termsOf();
        (terms.smallMargin, terms.largeMargin) = (1e30, 1e30);
        _liquidation.setTerms(terms);
    }
}
