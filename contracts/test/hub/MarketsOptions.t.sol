// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {MarketsFixture} from "./MarketsFixture.sol";

/// @dev See MarketsOptions.tree.
contract MarketsOptionsTest is MarketsFixture {
    uint128 private constant STRIKE = 60_000e18;
    int256 private constant START_CASH = int256(uint256(CASH));

    // ---- given a series

    function test_GivenASeries_WhenItTrades_PremiumMovesAndLotsStand() public {
        uint8 place = _list(BTC, EXPIRY, STRIKE);
        uint256 put = _put(BTC, EXPIRY, STRIKE);
        _markets.trade(_alice, _bob, put, 1.5e18, 2000e18);
        assertEq(_ledger.cashOf(_alice), START_CASH - 3000e18);
        assertEq(_ledger.cashOf(_bob), START_CASH + 3000e18);
        assertEq(_ledger.clearing(), 0);
        assertEq(_markets.sizeOf(_alice, put), 1.5e18);
        assertEq(_markets.sizeOf(_bob, put), -1.5e18);
        assertEq(_markets.sizeOf(_bob, _call(BTC, EXPIRY, STRIKE)), 0);
        (bool listed, uint8 at, uint40 open) = _markets.seriesOf(put);
        assertTrue(listed);
        assertEq(at, place);
        assertEq(open, 1500);
        (, uint256 lots) = _markets.openInterestOf(BTC);
        assertEq(lots, 1500);
        uint256[] memory words = _markets.holdingsOf(_bob);
        assertEq(words.length, 3);
        assertEq(words[1], uint256(BTC) | (1 << 16));
        assertEq(words[2], (uint256(place) << 1) | 1 | (((1 << 33) - 1500) << 9));
    }

    function test_GivenASeries_WhenPremiumDoesNotDivide_BothMoveTheSame() public {
        _list(BTC, EXPIRY, STRIKE);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, STRIKE), 0.001e18, 1999);
        assertEq(_ledger.cashOf(_alice), START_CASH - 1);
        assertEq(_ledger.cashOf(_bob), START_CASH + 1);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, STRIKE), 0.001e18, 999);
        assertEq(_ledger.cashOf(_alice), START_CASH - 1);
    }

    function test_GivenASeries_WhenAPositionFalls_ItIsReduced() public {
        _list(BTC, EXPIRY, STRIKE);
        uint256 call = _call(BTC, EXPIRY, STRIKE);
        _markets.trade(_alice, _bob, call, 3e18, 1e18);
        (bool buyerReduced, bool sellerReduced) = _markets.trade(_carol, _alice, call, 1e18, 1e18);
        assertTrue(!buyerReduced && sellerReduced);
        (buyerReduced, sellerReduced) = _markets.trade(_bob, _alice, call, 4e18, 1e18);
        assertFalse(buyerReduced || sellerReduced, "both came out on the other side");
        assertEq(_markets.sizeOf(_alice, call), -2e18);
        assertEq(_markets.sizeOf(_bob, call), 1e18);
        (, , uint40 open) = _markets.seriesOf(call);
        assertEq(open, 2000);
    }

    function test_GivenASeries_WhenItCannotTrade_ItSaysWhy() public {
        _list(BTC, EXPIRY, STRIKE);
        uint256 call = _call(BTC, EXPIRY, STRIKE);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.SizeInvalid.selector, call, 1.0005e18, "a multiple of 0.001"));
        _markets.trade(_alice, _bob, call, 1.0005e18, 1e18);
        uint256 unknown = _call(BTC, EXPIRY, STRIKE + 1e18);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.SeriesUnknown.selector, unknown));
        _markets.trade(_alice, _bob, unknown, 1e18, 1e18);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.SeriesUnknown.selector, _call(ETH, EXPIRY, STRIKE)));
        _markets.trade(_alice, _bob, _call(ETH, EXPIRY, STRIKE), 1e18, 1e18);
        _markets.setUnderlying(
            BTC,
            IMarkets.Standing.Open,
            IMarkets.PerpetualTerms(0, 0, 0),
            IMarkets.OptionTerms(5000)
        );
        _markets.trade(_alice, _bob, call, 3e18, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.OpenInterestCap.selector, BTC, 5001, 5000));
        _markets.trade(_alice, _bob, call + 1, 2.001e18, 1);
        _markets.trade(_carol, _alice, call, 3e18, 1);
        vm.warp(EXPIRY);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.SeriesExpired.selector, call, EXPIRY));
        _markets.trade(_alice, _bob, call, 1e18, 1e18);
    }

    function test_GivenASeries_WhenLotsWouldLeaveTheirField_ItSaysSo() public {
        uint8 place = _list(BTC, EXPIRY, STRIKE);
        uint256 call = _call(BTC, EXPIRY, STRIKE);
        uint256 most = (1 << 32) - 1;
        _markets.trade(_alice, _bob, call, uint128(most * 1e15), 0);
        assertEq(_markets.sizeOf(_alice, call), int256(most * 1e15));
        assertEq(_markets.sizeOf(_bob, call), -int256(most * 1e15));
        vm.expectRevert(
            abi.encodeWithSelector(
                IMarkets.PositionOutOfRange.selector,
                HubAccount.unwrap(_alice),
                uint256(place) << 1,
                int256(most + 1)
            )
        );
        _markets.trade(_alice, _bob, call, 0.001e18, 0);
    }

    // ---- given many series

    function test_GivenManySeries_WhenOneEnds_TheLastTakesItsPlace() public {
        _listMany(BTC, EXPIRY, 50_000e18, 1000e18, 14);
        for (uint128 i = 0; i < 14; ++i) _markets.trade(_alice, _bob, _nth(i), (i + 1) * 1e18, 0);
        assertEq(_markets.holdingsOf(_alice).length, 1 + 1 + 3);
        // In the middle, the last, the first, and one more of the last word.
        uint128[4] memory ends = [uint128(7), 13, 0, 11];
        for (uint256 k = 0; k < 4; ++k) {
            _markets.trade(_bob, _alice, _nth(ends[k]), (ends[k] + 1) * 1e18, 0);
            uint256[] memory words = _markets.holdingsOf(_alice);
            assertEq(uint8(words[1] >> 16), (14 - k - 1 + 5) / 6);
            assertEq(words.length, 2 + (14 - k - 1 + 5) / 6);
            assertEq(_options(words), 14 - k - 1);
            for (uint128 i = 0; i < 14; ++i) {
                bool ended =
                    i == ends[0] || (k > 0 && i == ends[1]) || (k > 1 && i == ends[2]) || (k > 2 && i == ends[3]);
                assertEq(_markets.sizeOf(_alice, _nth(i)), ended ? int256(0) : int256(uint256(i + 1) * 1e18));
            }
        }
        // Places that became free are taken again.
        for (uint256 k = 0; k < 4; ++k) _markets.trade(_alice, _bob, _nth(ends[k]), 1e18, 0);
        assertEq(_options(_markets.holdingsOf(_alice)), 14);
        for (uint256 k = 0; k < 4; ++k) assertEq(_markets.sizeOf(_alice, _nth(ends[k])), 1e18);
    }

    function test_GivenManySeries_WhenAnAccountHolds128_OneMoreIsRefused() public {
        _listMany(BTC, EXPIRY, 50_000e18, 1000e18, 64);
        _listMany(ETH, EXPIRY, 3000e18, 100e18, 1);
        for (uint128 i = 0; i < 64; ++i) {
            _markets.trade(_alice, i < 32 ? _bob : _carol, _nth(i), 1e18, 0);
            _markets.trade(_alice, i < 32 ? _carol : _bob, _nth(i) + 1, 1e18, 0);
        }
        assertEq(_markets.holdingsOf(_alice).length, 2 + 22);
        bytes memory reason = abi.encodeWithSelector(IMarkets.PositionLimit.selector, HubAccount.unwrap(_alice), 128);
        vm.expectRevert(reason);
        _markets.trade(_alice, _bob, _call(ETH, EXPIRY, 3000e18), 1e18, 0);
        // What it holds may still grow, and its perpetual is no option.
        _markets.trade(_alice, _bob, _nth(3), 1e18, 0);
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 60_000e18);
    }

    function test_GivenManySeries_WhenAnAccountHoldsElevenExpiries_OneMoreIsRefused() public {
        for (uint40 i = 0; i < 11; ++i) {
            _list(BTC, EXPIRY + i * 1 days, STRIKE);
            if (i < 4) _list(ETH, EXPIRY + i * 1 days, 3000e18);
        }
        for (uint40 i = 0; i < 8; ++i) _markets.trade(_alice, _bob, _call(BTC, EXPIRY + i * 1 days, STRIKE), 1e18, 0);
        for (uint40 i = 0; i < 3; ++i)
            _markets.trade(_alice, _carol, _call(ETH, EXPIRY + i * 1 days, 3000e18), 1e18, 0);
        bytes memory reason = abi.encodeWithSelector(IMarkets.ExpiryLimit.selector, HubAccount.unwrap(_alice), 11);
        vm.expectRevert(reason);
        _markets.trade(_alice, _carol, _call(ETH, EXPIRY + 3 days, 3000e18), 1e18, 0);
        // Another series of an expiry it holds is welcome; an expiry it has left makes room, though the head's bits still name it.
        _markets.trade(_alice, _carol, _put(ETH, EXPIRY + 2 days, 3000e18), 1e18, 0);
        _markets.trade(_bob, _alice, _call(BTC, EXPIRY + 7 days, STRIKE), 1e18, 0);
        _markets.trade(_alice, _carol, _call(ETH, EXPIRY + 3 days, 3000e18), 1e18, 0);
        vm.expectRevert(reason);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY + 7 days, STRIKE), 1e18, 0);
    }

    // ---- given an expiry that is over

    function test_GivenAnExpiryThatIsOver_WhenSettled_EachGetsItsPayoff() public {
        _list(BTC, EXPIRY, STRIKE);
        _list(BTC, EXPIRY, 70_000e18);
        _list(BTC, EXPIRY + 1 days, STRIKE);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, STRIKE), 2e18, 0);
        _markets.trade(_alice, _bob, _put(BTC, EXPIRY, 70_000e18), 1e18, 0);
        _markets.trade(_alice, _bob, _put(BTC, EXPIRY, STRIKE), 5e18, 0);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY + 1 days, STRIKE), 7e18, 0);
        assertEq(_markets.settleExpired(_alice, BTC), 0);
        vm.warp(EXPIRY);
        assertEq(_markets.settleExpired(_alice, BTC), 0, "there is no price yet");
        _settleAt(BTC, EXPIRY, 61_000e18);
        vm.expectEmit(address(_markets));
        emit IMarkets.ExpirySettled(HubAccount.unwrap(_alice), BTC, EXPIRY, 11_000e18);
        vm.prank(makeAddr("anyone"));
        assertEq(_markets.settleExpired(_alice, BTC), 11_000e18);
        assertEq(_ledger.cashOf(_alice), START_CASH + 11_000e18);
        assertEq(_ledger.clearing(), -11_000e18);
        assertEq(_options(_markets.holdingsOf(_alice)), 1);
        assertEq(_markets.sizeOf(_alice, _call(BTC, EXPIRY + 1 days, STRIKE)), 7e18);
        assertEq(_markets.sizeOf(_alice, _call(BTC, EXPIRY, STRIKE)), 0);
        assertEq(_markets.settleExpired(_alice, BTC), 0, "once");
        (, uint256 lots) = _markets.openInterestOf(BTC);
        assertEq(lots, 7000);
        assertEq(_markets.settleExpired(_bob, BTC), -11_000e18);
        assertEq(_ledger.cashOf(_bob), START_CASH - 11_000e18);
        assertEq(_ledger.clearing(), 0);
    }

    function test_GivenAnExpiryThatIsOver_WhenPayoffsDoNotDivide_BothSidesLoseTheRounding() public {
        _list(BTC, EXPIRY, STRIKE);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, STRIKE), 0.001e18, 0);
        _settleAt(BTC, EXPIRY, STRIKE + 1999);
        assertEq(_markets.settleExpired(_alice, BTC), 1);
        assertEq(_markets.settleExpired(_bob, BTC), -2);
        assertEq(_ledger.clearing(), 1);
    }

    function test_GivenAnExpiryThatIsOver_WhenTheFeedsChangeTheirMind_TheFirstPriceHolds() public {
        _list(BTC, EXPIRY, STRIKE);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, STRIKE), 1e18, 0);
        _settleAt(BTC, EXPIRY, 61_000e18);
        _markets.settleExpired(_alice, BTC);
        _feeds.halt(FeedWord.id(BTC, Kind.Settlement, EXPIRY));
        _feeds.resume(FeedWord.id(BTC, Kind.Settlement, EXPIRY), true);
        vm.warp(EXPIRY + 10);
        _settleAt(BTC, EXPIRY, 65_000e18);
        assertEq(_markets.settleExpired(_bob, BTC), -1000e18);
        assertEq(_ledger.clearing(), 0);
        (uint40[] memory expiries, uint128[] memory prices) = _markets.expiriesOf(BTC);
        assertEq(expiries.length, 1);
        assertEq(expiries[0], EXPIRY);
        assertEq(prices[0], 61_000e18);
    }

    function test_GivenAnExpiryThatIsOver_WhenItsAccountsTrade_TheyAreSettledFirst() public {
        _list(BTC, EXPIRY, STRIKE);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, STRIKE), 1e18, 0);
        _settleAt(BTC, EXPIRY, 61_000e18);
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 61_000e18);
        assertEq(_ledger.cashOf(_alice), START_CASH + 1000e18);
        assertEq(_ledger.cashOf(_bob), START_CASH - 1000e18);
        assertEq(_markets.sizeOf(_bob, _call(BTC, EXPIRY, STRIKE)), 0);
    }

    function test_GivenAnExpiryThatIsOver_WhenThereIsNoPrice_TradesGoOnAndOptionsStay() public {
        _list(BTC, EXPIRY, STRIKE);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, STRIKE), 1e18, 0);
        vm.warp(EXPIRY + 1 hours);
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 61_000e18);
        assertEq(_markets.sizeOf(_bob, _call(BTC, EXPIRY, STRIKE)), -1e18);
    }

    function test_GivenAnExpiryThatIsOver_WhenManyEndAtOnce_TheRestStaysTogether() public {
        _listMany(BTC, EXPIRY, 50_000e18, 1000e18, 20);
        _listMany(BTC, EXPIRY + 1 hours, 50_000e18, 1000e18, 20);
        for (uint128 i = 0; i < 20; ++i) {
            _markets.trade(_alice, _bob, _nth(i), (i + 1) * 1e18, 0);
            _markets.trade(_alice, _bob, _put(BTC, EXPIRY + 1 hours, 50_000e18 + i * 1000e18), (i + 1) * 1e18, 0);
        }
        _settleAt(BTC, EXPIRY, 50_000e18);
        _markets.settleExpired(_alice, BTC);
        assertEq(_options(_markets.holdingsOf(_alice)), 20);
        assertEq(_markets.holdingsOf(_alice).length, 2 + 4);
        for (uint128 i = 0; i < 20; ++i) {
            assertEq(_markets.sizeOf(_alice, _nth(i)), 0);
            uint256 stays = _put(BTC, EXPIRY + 1 hours, 50_000e18 + i * 1000e18);
            assertEq(_markets.sizeOf(_alice, stays), int256(uint256(i + 1) * 1e18));
        }
        _settleAt(BTC, EXPIRY + 1 hours, 60_000e18);
        assertGt(_markets.settleExpired(_alice, BTC), 0);
        assertFalse(_markets.hasPositions(_alice));
    }

    // ----

    function _nth(uint128 i) private pure returns (uint256) {
        return _call(BTC, EXPIRY, 50_000e18 + i * 1000e18);
    }

    /// @dev Options in the words of an account that holds options of one underlying.
    function _options(uint256[] memory words) private pure returns (uint256 n) {
        for (uint256 i = 2; i < words.length; ++i)
            for (uint256 word = words[i]; word != 0; word >>= 42) if ((word >> 9) & ((1 << 33) - 1) != 0) ++n;
    }
}
