// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {MarketsFixture} from "./MarketsFixture.sol";

/// @dev See MarketsSlice.tree.
contract MarketsSliceTest is MarketsFixture {
    uint128 private constant STRIKE = 60_000e18;
    int256 private constant START_CASH = int256(uint256(CASH));

    // ---- given a slice

    function test_GivenASlice_WhenItIsAQuarter_AQuarterOfEverythingMoves() public {
        uint8 place = _list(BTC, EXPIRY, STRIKE);
        _markets.trade(_alice, _bob, BTC_PERP, 4e18, 60_000e18);
        _markets.trade(_alice, _bob, ETH_PERP, 10e18, 3000e18);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, STRIKE), 2e18, 0);
        _markets.trade(_bob, _alice, _put(BTC, EXPIRY, STRIKE), 0.006e18, 0);
        uint256[] memory words = new uint256[](3);
        words[0] = uint256(BTC) | (1 << 16) | (uint256(1e18) << 24) | _quote(-60_000e18);
        // 1.5 lots of the put, halves away from zero.
        words[1] =
            (uint256(place) << 1) |
            (uint256(500) << 9) |
            (((uint256(place) << 1) | 1 | (((1 << 33) - uint256(2)) << 9)) << 42);
        words[2] = uint256(ETH) | (uint256(2.5e18) << 24) | _quote(-7500e18);
        vm.expectEmit(address(_markets));
        emit IMarkets.SliceTransferred(HubAccount.unwrap(_alice), HubAccount.unwrap(_carol), 0.25e18, words);
        uint256[] memory moved = _markets.transferSlice(_alice, _carol, 0.25e18);
        assertEq(moved, words);
        _holds(_alice, BTC, 3e18, -180_000e18);
        _holds(_carol, BTC, 1e18, -60_000e18);
        _holds(_alice, ETH, 7.5e18, -22_500e18);
        _holds(_carol, ETH, 2.5e18, -7500e18);
        assertEq(_markets.sizeOf(_alice, _call(BTC, EXPIRY, STRIKE)), 1.5e18);
        assertEq(_markets.sizeOf(_carol, _call(BTC, EXPIRY, STRIKE)), 0.5e18);
        assertEq(_markets.sizeOf(_alice, _put(BTC, EXPIRY, STRIKE)), -0.004e18);
        assertEq(_markets.sizeOf(_carol, _put(BTC, EXPIRY, STRIKE)), -0.002e18);
        assertEq(_ledger.clearing(), 0);
        (uint256 open, uint256 lots) = _markets.openInterestOf(BTC);
        assertEq(open, 4e18);
        assertEq(lots, 2006);
    }

    function test_GivenASlice_WhenItIsTheWhole_NothingIsLeft() public {
        _listMany(BTC, EXPIRY, 50_000e18, 1000e18, 13);
        for (uint128 i = 0; i < 13; ++i)
            _markets.trade(_alice, _bob, _call(BTC, EXPIRY, 50_000e18 + i * 1000e18), (i + 1) * 0.001e18, 0);
        _markets.trade(_bob, _alice, ETH_PERP, 7, 3e18);
        uint256[] memory before = _markets.holdingsOf(_alice);
        uint256[] memory moved = _markets.transferSlice(_alice, _carol, 1e18);
        uint256[] memory taken = _markets.holdingsOf(_carol);
        assertEq(moved.length, before.length - 1);
        assertEq(taken.length, before.length);
        for (uint256 i = 1; i < before.length; ++i) {
            assertEq(moved[i - 1], before[i]);
            assertEq(taken[i], before[i]);
        }
        assertFalse(_markets.hasPositions(_alice));
        assertEq(_markets.transferSlice(_alice, _carol, 1e18).length, 0);
    }

    function test_GivenASlice_WhenTheTakerHoldsTheOtherSide_WhatMeetsIsRealised() public {
        _list(BTC, EXPIRY, STRIKE);
        _markets.trade(_alice, _bob, BTC_PERP, 4e18, 60_000e18);
        _markets.trade(_bob, _carol, BTC_PERP, 1e18, 61_000e18);
        _markets.trade(_alice, _carol, _call(BTC, EXPIRY, STRIKE), 3e18, 0);
        _markets.transferSlice(_alice, _carol, 0.5e18);
        // Two come at their entry of 60,000, one meets what was sold at 61,000.
        _holds(_carol, BTC, 1e18, -60_000e18);
        assertEq(_ledger.cashOf(_carol), START_CASH + 1000e18);
        assertEq(_ledger.cashOf(_alice), START_CASH);
        assertEq(_markets.sizeOf(_carol, _call(BTC, EXPIRY, STRIKE)), -1.5e18);
        (uint256 open, uint256 lots) = _markets.openInterestOf(BTC);
        assertEq(open, 3e18);
        assertEq(lots, 1500);
        (, , uint40 ofSeries) = _markets.seriesOf(_call(BTC, EXPIRY, STRIKE));
        assertEq(ofSeries, 1500);
    }

    function test_GivenASlice_WhenOptionsAreOver_TheyAreSettledFirst() public {
        _list(BTC, EXPIRY, STRIKE);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, STRIKE), 1e18, 0);
        _markets.trade(_alice, _carol, _call(BTC, EXPIRY, STRIKE), 1e18, 0);
        _markets.trade(_alice, _bob, ETH_PERP, 1e18, 3000e18);
        _settleAt(BTC, EXPIRY, 61_000e18);
        uint256[] memory moved = _markets.transferSlice(_alice, _carol, 1e18);
        assertEq(moved.length, 1);
        assertEq(_ledger.cashOf(_alice), START_CASH + 2000e18);
        assertEq(_ledger.cashOf(_carol), START_CASH - 1000e18);
    }

    function test_GivenASlice_WhenTheUnderlyingIsClosed_ItMovesAllTheSame() public {
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 60_000e18);
        _markets.restrain(BTC, IMarkets.Standing.Closed);
        _markets.transferSlice(_alice, _carol, 0.1e18);
        _holds(_carol, BTC, 0.1e18, -6000e18);
    }

    function test_GivenASlice_WhenFundingRuns_ItMovesAtWhatIsDueAndSamplesNoRate() public {
        _markets.trade(_alice, _bob, BTC_PERP, 4e18, 60_000e18);
        (int128 index, int128 perHour, uint40 since) = _markets.fundingOf(BTC);
        vm.warp(vm.getBlockTimestamp() + 4 hours);
        _price(BTC, 60_000e18, 60_600e18);
        // Four hours at the base, 0.75 each.
        _holds(_alice, BTC, 4e18, -240_012e18);
        vm.recordLogs();
        _markets.transferSlice(_alice, _carol, 0.25e18);
        assertEq(vm.getRecordedLogs().length, 1, "the slice alone");
        _holds(_alice, BTC, 3e18, -180_009e18);
        _holds(_carol, BTC, 1e18, -60_003e18);
        (int128 index_, int128 perHour_, uint40 since_) = _markets.fundingOf(BTC);
        assertEq(index_, index);
        assertEq(perHour_, perHour);
        assertEq(since_, since);
        assertEq(_ledger.cashOf(_alice), START_CASH);
    }

    function test_GivenASlice_WhenTheShareIsNone_ItSaysSo() public {
        vm.expectRevert(abi.encodeWithSelector(IMarkets.ShareInvalid.selector, 0, 1e18));
        _markets.transferSlice(_alice, _carol, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.ShareInvalid.selector, 1e18 + 1, 1e18));
        _markets.transferSlice(_alice, _carol, 1e18 + 1);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.SameAccount.selector, HubAccount.unwrap(_alice)));
        _markets.transferSlice(_alice, _alice, 1e18);
    }

    function testFuzz_GivenASlice_WhenSharesFollow_NoSizeAndNoQuoteIsLost(
        int96 size,
        uint96 price,
        uint64[4] memory shares,
        uint32 lots
    ) public {
        _list(BTC, EXPIRY, STRIKE);
        uint128 units = uint128(uint256(size < 0 ? -int256(size) : int256(size)) % 1e24) + 1;
        uint128 options = uint128((lots % 1e6) + 1) * 1e15;
        (HubAccount long, HubAccount short) = size < 0 ? (_bob, _alice) : (_alice, _bob);
        _markets.trade(long, short, BTC_PERP, units, price);
        _markets.trade(short, long, _put(BTC, EXPIRY, STRIKE), options, 0);
        (int256 held, int256 quote) = _markets.positionOf(_alice, BTC);
        int256 optionsHeld = _markets.sizeOf(_alice, _put(BTC, EXPIRY, STRIKE));
        for (uint256 i = 0; i < 4; ++i) {
            _markets.transferSlice(_alice, _carol, uint64(1 + (shares[i] % 1e18)));
            (int256 s1, int256 q1) = _markets.positionOf(_alice, BTC);
            (int256 s2, int256 q2) = _markets.positionOf(_carol, BTC);
            assertEq(s1 + s2, held);
            assertEq(q1 + q2, quote);
            int256 mine = _markets.sizeOf(_alice, _put(BTC, EXPIRY, STRIKE));
            int256 theirs = _markets.sizeOf(_carol, _put(BTC, EXPIRY, STRIKE));
            assertEq(mine + theirs, optionsHeld);
            // A slice never turns what is left.
            assertTrue(held > 0 ? s1 >= 0 && mine <= 0 : s1 <= 0 && mine >= 0);
        }
        assertEq(_ledger.clearing(), 0);
        (uint256 open, uint256 openLots) = _markets.openInterestOf(BTC);
        assertEq(open, units);
        assertEq(openLots * 1e15, options);
    }

    /// @dev In its field.
    function _quote(int128 quote) private pure returns (uint256) {
        return uint256(uint128(quote)) << 128;
    }

    function _holds(HubAccount account, uint16 underlying, int256 size, int256 quote) private view {
        (int256 s, int256 q) = _markets.positionOf(account, underlying);
        assertEq(s, size, "size");
        assertEq(q, quote, "quote");
    }
}
