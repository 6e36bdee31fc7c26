// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AuctionTerms} from "../../src/hub/liquidation/AuctionMath.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice See SelfLiquidation.tree. alice and carol are one person.
contract SelfLiquidationTest is LiquidationFixture {
    /// @dev Of one bid: quotes and shares are rounded against her, risks valued twice.
    int256 private constant ROUNDINGS = 4;
    /// @dev Sizes with a negative quote go up to the next 1e-18: worth that much to who takes it, bought at 60,000, at most 61,000 now.
    int256 private constant UNIT_GAIN = 1000;
    /// @dev A millionth of a cash unit: what the margin check lets a reduction lose for roundings.
    int256 private constant SALE_ROUNDINGS = 1e12;

    /// @dev Together they lose the fee and gain at no bid while alice is solvent. Once she is not, carol's gain is what anyone could have had by
    ///      bidding then, share · margin · age / T: it is 0 at first, and nothing the two do makes it grow faster.
    function testFuzz_GivenTwoColludingAccounts_WhenOneBidsForTheOther_SolventTheyGainNothing_InsolventNoMoreThanIsOffered(
        uint128[5] memory prices,
        uint64[5] memory shares,
        uint16[5] memory waits,
        uint256 small,
        uint256[5] memory sales
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
            _sell(sales[i]);
            if (_healthOf(_alice) >= 0) continue;
            // Large ones as often as next to nothing.
            _judge(uint64(bound(shares[i], 1, 10 ** (1 + (sales[i] % 18)))));
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

    /// @dev 100 BTC long at 60,000 with 300,000: at 58,000 100,000 are left for 174,000. All sold to her friend at as much below as the margin that
    ///      is freed used to leave the account 74,000 short and the friend 174,000 richer.
    function test_GivenAnAccountBelowMargin_WhenItSellsEverythingToAFriendFarBelowTheMark_ItIsRefused() public {
        _cash(_carol, 20_000_000e18);
        _priceBtc(58_000e18);
        bytes4 outside = IMargin.OutsideBand.selector;
        vm.expectPartialRevert(outside);
        this.sellToCarol(100e18, 56_260e18);
        _liquidation.start(_alice, "");
        vm.expectPartialRevert(outside);
        this.sellToCarol(100e18, 56_300e18);
        int256 taken = _takeable();
        for (uint256 i; i < 10; ++i) {
            // The most each time, or more.
            try this.sellToCarol(10e18, 57_710e18) {} catch {}
        }
        assertLe(_takeable(), taken + 10 * SALE_ROUNDINGS, "nothing that is not theirs");
        assertGe(_margin.riskOf(_alice).equity, 0);
    }

    function _judge(uint64 share) private {
        ILiquidation.Auction memory auction = _liquidation.auctionOf(_alice);
        int256 reserve = int256(uint256(auction.reserve));
        int256 equity = _margin.riskOf(_alice).equity;
        int256 margin = int256(_margin.riskOf(_alice).maintenanceMargin);
        int256 carol = _margin.riskOf(_carol).equity;
        int256 pair = _pair();
        (uint256 taken, int256 price) = _bid(_carol, share);
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
        assertLe(gained, offered + ROUNDINGS + UNIT_GAIN, "insolvent: more than is offered to all");
    }

    /// @dev A reduction at any price, as the exchange settles it: what they could walk away with if alice's account were left behind does not grow.
    function _sell(uint256 drawn) private {
        int256 size = _markets.sizeOf(_alice, BTC_PERP);
        if (size <= 0 || drawn % 3 == 0) return;
        // CAST: a part of a position; a price near the mark or far away.
        uint128 sold = uint128(1 + ((uint256(size) - 1) * (drawn % 1e6)) / 1e6);
        uint128 price = uint128(((drawn >> 128) % 2 == 0 ? 50_000e18 : 10e18) + (drawn % 9000e18));
        int256 taken = _takeable();
        try this.sellToCarol(sold, price) {
            assertLe(_takeable(), taken + SALE_ROUNDINGS, "a reduction carried out more than the account had");
        } catch (bytes memory refusal) {
            assertTrue(
                bytes4(refusal) == IMargin.OutsideBand.selector || bytes4(refusal) == IMargin.HealthFell.selector,
                "another refusal"
            );
        }
    }

    function sellToCarol(uint128 size, uint128 price) external {
        Risk memory before = _margin.riskOf(_alice);
        _markets.trade(_carol, _alice, BTC_PERP, size, price);
        _margin.requireTrade(_alice, true, (uint256(size) * price) / 1e18, before);
    }

    /// @dev What the two have, if nobody makes good what one of them owes.
    function _takeable() private view returns (int256) {
        int256 alice = _margin.riskOf(_alice).equity;
        return _margin.riskOf(_carol).equity + (alice > 0 ? alice : int256(0));
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
