// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {MarketsFixture} from "./MarketsFixture.sol";

/// @dev See Markets.tree.
contract MarketsTest is MarketsFixture {
    address private immutable _stranger = makeAddr("stranger");

    // ---- given a perpetual

    function test_GivenAPerpetual_WhenItTrades_ItMovesSizeAndQuoteOfBothAndNoCash() public {
        vm.expectEmit(address(_markets));
        emit IMarkets.Traded(HubAccount.unwrap(_alice), HubAccount.unwrap(_bob), BTC_PERP, 2e18, 60_500e18);
        (bool buyerReduced, bool sellerReduced) = _markets.trade(_alice, _bob, BTC_PERP, 2e18, 60_500e18);
        assertFalse(buyerReduced || sellerReduced);
        _holds(_alice, 2e18, -121_000e18);
        _holds(_bob, -2e18, 121_000e18);
        assertEq(_ledger.cashOf(_alice), int256(uint256(CASH)));
        (uint256 open, uint256 lots) = _markets.openInterestOf(BTC);
        assertEq(open, 2e18);
        assertEq(lots, 0);
        assertTrue(_markets.hasPositions(_alice));
        assertFalse(_markets.hasPositions(_carol));
        assertEq(_markets.sizeOf(_bob, BTC_PERP), -2e18);
    }

    function test_GivenAPerpetual_WhenAPositionGrows_ItOnlyAddsUp() public {
        _markets.trade(_alice, _bob, BTC_PERP, 2e18, 60_000e18);
        _markets.trade(_alice, _carol, BTC_PERP, 1e18, 61_000e18);
        _holds(_alice, 3e18, -181_000e18);
        _holds(_carol, -1e18, 61_000e18);
        assertEq(_ledger.clearing(), 0);
    }

    function test_GivenAPerpetual_WhenAPositionFalls_ThePartOfItsQuoteBecomesCash() public {
        _markets.trade(_alice, _bob, BTC_PERP, 4e18, 60_000e18);
        (bool buyerReduced, bool sellerReduced) = _markets.trade(_carol, _alice, BTC_PERP, 1e18, 61_000e18);
        assertFalse(buyerReduced);
        assertTrue(sellerReduced);
        _holds(_alice, 3e18, -180_000e18);
        assertEq(_ledger.cashOf(_alice), int256(uint256(CASH)) + 1000e18);
        assertEq(_ledger.clearing(), -1000e18);
        (uint256 open, ) = _markets.openInterestOf(BTC);
        assertEq(open, 4e18);
    }

    function test_GivenAPerpetual_WhenAPositionEnds_AllOfItsQuoteBecomesCash() public {
        _markets.trade(_alice, _bob, BTC_PERP, 3e18, 60_000e18);
        (bool buyerReduced, bool sellerReduced) = _markets.trade(_bob, _alice, BTC_PERP, 3e18, 59_000e18);
        assertTrue(buyerReduced && sellerReduced);
        assertEq(_ledger.cashOf(_alice), int256(uint256(CASH)) - 3000e18);
        assertEq(_ledger.cashOf(_bob), int256(uint256(CASH)) + 3000e18);
        assertEq(_ledger.clearing(), 0);
        assertFalse(_markets.hasPositions(_alice));
        (uint256 open, ) = _markets.openInterestOf(BTC);
        assertEq(open, 0);
    }

    function test_GivenAPerpetual_WhenAPositionTurns_TheOldOneIsCashAndTheNewOneStands() public {
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 60_000e18);
        (, bool sellerReduced) = _markets.trade(_carol, _alice, BTC_PERP, 3e18, 62_000e18);
        assertFalse(sellerReduced, "it came out on the other side");
        _holds(_alice, -2e18, 124_000e18);
        assertEq(_ledger.cashOf(_alice), int256(uint256(CASH)) + 2000e18);
        (uint256 open, ) = _markets.openInterestOf(BTC);
        assertEq(open, 3e18);
    }

    function test_GivenAPerpetual_WhenNumbersDoNotDivide_BothSidesLoseTheRounding() public {
        // 1e-18 at a price of 0.5: half of the least unit.
        _markets.trade(_alice, _bob, BTC_PERP, 1, 0.5e18);
        _holds(_alice, 1, -1);
        _holds(_bob, -1, 0);
        _markets.trade(_alice, _bob, BTC_PERP, 2, 0.5e18);
        _holds(_alice, 3, -2);
        // A third of -2 rounds to -1.
        _markets.trade(_carol, _alice, BTC_PERP, 1, 0.5e18);
        assertEq(_ledger.cashOf(_alice), int256(uint256(CASH)) - 1);
        _holds(_alice, 2, -1);
    }

    function test_GivenAPerpetual_WhenSizeOrWordIsNone_ItSaysSo() public {
        bytes4 invalid = IMarkets.SizeInvalid.selector;
        vm.expectRevert(abi.encodeWithSelector(invalid, BTC_PERP, 0, "above 0"));
        _markets.trade(_alice, _bob, BTC_PERP, 0, 1e18);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 word = [BTC_PERP | 3, BTC_PERP | (1 << 24), _call(BTC, EXPIRY, 0)][i];
            vm.expectRevert(
                abi.encodeWithSelector(IMarkets.InstrumentInvalid.selector, word, "a perpetual or an option series")
            );
            _markets.trade(_alice, _bob, word, 1e18, 1e18);
        }
        vm.expectRevert(abi.encodeWithSelector(IMarkets.SameAccount.selector, HubAccount.unwrap(_alice)));
        _markets.trade(_alice, _alice, BTC_PERP, 1e18, 1e18);
    }

    function test_GivenAPerpetual_WhenOpenInterestIsAtTheCap_ItOnlyChangesHands() public {
        _markets.trade(_alice, _bob, BTC_PERP, 1_000_000e18, 1e18);
        bytes memory reason = abi.encodeWithSelector(
            IMarkets.OpenInterestCap.selector,
            BTC,
            1_000_000e18 + 1,
            1_000_000e18
        );
        vm.expectRevert(reason);
        _markets.trade(_alice, _bob, BTC_PERP, 1, 1e18);
        _markets.trade(_carol, _alice, BTC_PERP, 400_000e18, 1e18);
        _markets.trade(_bob, _carol, BTC_PERP, 400_000e18, 1e18);
        (uint256 open, ) = _markets.openInterestOf(BTC);
        assertEq(open, 600_000e18);
    }

    function test_GivenAPerpetual_WhenAPositionWouldLeaveItsField_ItSaysSo() public {
        _markets.setUnderlying(
            BTC,
            IMarkets.Standing.Open,
            IMarkets.PerpetualTerms(type(uint104).max, 0, 0),
            IMarkets.OptionTerms(0)
        );
        uint128 most = uint128(uint104(type(int104).max));
        _markets.trade(_alice, _bob, BTC_PERP, most, 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMarkets.PositionOutOfRange.selector,
                HubAccount.unwrap(_alice),
                BTC_PERP,
                int256(uint256(most)) + 1
            )
        );
        _markets.trade(_alice, _bob, BTC_PERP, 1, 1);
    }

    function test_GivenAPerpetual_WhenAnAccountHoldsThreeUnderlyings_AFourthIsRefused() public {
        // Not in order, to be told in order.
        _markets.trade(_alice, _bob, uint256(SOL) << 8, 1e18, 150e18);
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 60_000e18);
        _markets.trade(_alice, _bob, ETH_PERP, 1e18, 3000e18);
        uint256[] memory words = _markets.holdingsOf(_alice);
        assertEq(words.length, 4);
        for (uint256 i = 1; i < 4; ++i) assertEq(uint16(words[i]), i);
        bytes memory reason = abi.encodeWithSelector(IMarkets.UnderlyingLimit.selector, HubAccount.unwrap(_alice), 3);
        vm.expectRevert(reason);
        _markets.trade(_alice, _carol, uint256(DOGE) << 8, 1e18, 1e18);
        // Whoever lets one go may take it.
        _markets.trade(_bob, _alice, BTC_PERP, 1e18, 60_000e18);
        _markets.trade(_alice, _carol, uint256(DOGE) << 8, 1e18, 1e18);
        words = _markets.holdingsOf(_alice);
        for (uint256 i = 1; i < 4; ++i) assertEq(uint16(words[i]), i + 1);
        (int256 size, int256 quote) = _markets.positionOf(_alice, ETH);
        assertEq(size, 1e18);
        assertEq(quote, -3000e18);
    }

    // ---- given funding

    function test_GivenFunding_WhenTheMarkStandsAboveSpot_LongsPayShorts() public {
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 60_000e18);
        vm.warp(START + 1 hours);
        _price(BTC, 60_000e18, 60_600e18);
        // Premium 1% over 8 hours and the base: 0.125% + 0.00125% of 60,000 an hour; the hour before was at the base.
        vm.expectEmit(address(_markets));
        emit IMarkets.Funded(BTC, 0.75e18, 75.75e18, START + 1 hours);
        _markets.fund(BTC);
        (int128 index, int128 perHour, uint40 since) = _markets.fundingOf(BTC);
        assertEq(perHour, 75.75e18);
        assertEq(since, START + 1 hours);
        assertEq(index, 0.75e18);
        vm.warp(START + 5 hours);
        _holds(_alice, 1e18, -60_303.75e18);
        _holds(_bob, -1e18, 60_303.75e18);
        // Closing at the entry leaves what was paid.
        _markets.trade(_bob, _alice, BTC_PERP, 1e18, 60_000e18);
        assertEq(_ledger.cashOf(_alice), int256(uint256(CASH)) - 303.75e18);
        assertEq(_ledger.cashOf(_bob), int256(uint256(CASH)) + 303.75e18);
    }

    function test_GivenFunding_WhenAPositionChanges_OnlyWhatItHeldPays() public {
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 60_000e18);
        vm.warp(START + 100);
        _price(BTC, 60_000e18, 60_000e18);
        _markets.trade(_alice, _carol, BTC_PERP, 3e18, 60_000e18);
        vm.warp(START + 200);
        // 0.75 an hour: one unit for 100 seconds, then four.
        (, int256 ofAlice) = _markets.positionOf(_alice, BTC);
        assertApproxEqAbs(-240_000e18 - ofAlice, int256(0.75e18 * 500) / 3600, 5);
        (, int256 ofBob) = _markets.positionOf(_bob, BTC);
        assertApproxEqAbs(ofBob - 60_000e18, int256(0.75e18 * 200) / 3600, 5);
        (, int256 ofCarol) = _markets.positionOf(_carol, BTC);
        assertApproxEqAbs(ofCarol - 180_000e18, int256(0.75e18 * 300) / 3600, 5);
        assertLe(ofAlice + ofBob + ofCarol, 0);
        assertGe(ofAlice + ofBob + ofCarol, -6);
    }

    function test_GivenFunding_WhenThePremiumIsFar_ItIsCapped() public {
        assertEq(_sampled(START + 10, 63_000e18), 240e18);
        assertEq(_sampled(START + 20, 57_000e18), -240e18);
        // In between both signs are truncated towards zero.
        assertEq(_sampled(START + 30, 60_000e18 - 1), 0.75e18);
    }

    function test_GivenFunding_WhenPricesAreOldOrHalted_NothingIsPaidFromThen() public {
        assertEq(_sampled(START + 10, 60_000e18), 0.75e18);
        vm.warp(START + 70);
        _markets.fund(BTC);
        (, int128 perHour, ) = _markets.fundingOf(BTC);
        assertEq(perHour, 0.75e18, "aged is good enough");
        vm.warp(START + 611);
        _markets.fund(BTC);
        (, perHour, ) = _markets.fundingOf(BTC);
        assertEq(perHour, 0);
        assertEq(_sampled(START + 620, 60_000e18), 0.75e18);
        _feeds.halt(FeedWord.id(BTC, Kind.Mark, 0));
        assertEq(_sampled(START + 630, 60_000e18), 0);
    }

    function test_GivenFunding_WhenItIsTouchedTwiceInASecond_TheFirstSampleHolds() public {
        vm.warp(START + 10);
        _markets.fund(BTC);
        _price(BTC, 60_000e18, 63_000e18);
        _markets.fund(BTC);
        (, int128 perHour, ) = _markets.fundingOf(BTC);
        assertEq(perHour, 0.75e18);
    }

    function test_GivenFunding_WhenTermsChange_WhatHasPassedIsPaidUnderTheOldOnes() public {
        vm.warp(START + 1 hours);
        _markets.setUnderlying(BTC, IMarkets.Standing.Open, IMarkets.PerpetualTerms(1, 0, 0), IMarkets.OptionTerms(0));
        (int128 index, , ) = _markets.fundingOf(BTC);
        assertEq(index, 0.75e18);
        (IMarkets.Standing standing, IMarkets.PerpetualTerms memory terms, ) = _markets.underlyingOf(BTC);
        assertEq(uint8(standing), uint8(IMarkets.Standing.Open));
        assertEq(terms.openCap, 1);
        assertEq(terms.fundingCap, 0);
    }

    function test_GivenFunding_WhenTheUnderlyingIsNotListed_ItSaysSo() public {
        bytes memory reason = abi.encodeWithSelector(IMarkets.TermsInvalid.selector, 9, "an underlying that is listed");
        vm.expectRevert(reason);
        _markets.fund(9);
    }

    // ---- given standings

    function test_GivenStandings_WhenReduceOnly_BothSidesMustShrink() public {
        _markets.trade(_alice, _bob, BTC_PERP, 2e18, 60_000e18);
        _markets.restrain(BTC, IMarkets.Standing.ReduceOnly);
        bytes memory reason = abi.encodeWithSelector(
            IMarkets.UnderlyingNotOpen.selector,
            BTC,
            IMarkets.Standing.ReduceOnly
        );
        vm.expectRevert(reason);
        _markets.trade(_carol, _alice, BTC_PERP, 1e18, 60_000e18);
        vm.expectRevert(reason);
        _markets.trade(_bob, _alice, BTC_PERP, 3e18, 60_000e18);
        _markets.trade(_bob, _alice, BTC_PERP, 1e18, 60_000e18);
        _holds(_alice, 1e18, -60_000e18);
    }

    function test_GivenStandings_WhenClosed_NothingTrades() public {
        _markets.trade(_alice, _bob, BTC_PERP, 2e18, 60_000e18);
        _markets.restrain(BTC, IMarkets.Standing.Closed);
        bytes memory reason = abi.encodeWithSelector(
            IMarkets.UnderlyingNotOpen.selector,
            BTC,
            IMarkets.Standing.Closed
        );
        vm.expectRevert(reason);
        _markets.trade(_bob, _alice, BTC_PERP, 1e18, 60_000e18);
        // The guardian cannot loosen what it tightened.
        vm.expectRevert(reason);
        _markets.restrain(BTC, IMarkets.Standing.ReduceOnly);
        _listUnderlying(BTC, IMarkets.Standing.Open);
        _markets.trade(_bob, _alice, BTC_PERP, 1e18, 60_000e18);
    }

    function test_GivenStandings_WhenTermsAreWrong_ItSaysSo() public {
        _refusesTerms(9, 0, 0, "an underlying the feeds know");
        _refusesTerms(BTC, 1e8 + 1, 0, "fundingCap at most 10^8");
        _refusesTerms(BTC, 1000, 1001, "fundingBase within the cap");
        _refusesTerms(BTC, 1000, -1001, "fundingBase within the cap");
    }

    function test_GivenStandings_WhenAStrangerCalls_ItIsClosed() public {
        IMarkets.PerpetualTerms memory perpetual;
        IMarkets.OptionTerms memory option;
        _closed(abi.encodeCall(IMarkets.setUnderlying, (BTC, IMarkets.Standing.Open, perpetual, option)));
        _closed(abi.encodeCall(IMarkets.restrain, (BTC, IMarkets.Standing.Closed)));
        _closed(abi.encodeCall(IMarkets.list, (BTC, EXPIRY, new uint128[](1))));
        _closed(abi.encodeCall(IMarkets.setModule, (_stranger, true)));
        bytes memory reason = abi.encodeWithSelector(IMarkets.NotModule.selector, _stranger);
        vm.startPrank(_stranger);
        vm.expectRevert(reason);
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 1e18);
        vm.expectRevert(reason);
        _markets.transferSlice(_alice, _bob, 1e18);
        vm.expectRevert(reason);
        _markets.setMode(_alice, IMarkets.Mode.Isolated);
        vm.expectRevert(reason);
        _markets.setProfile(_alice, 1, 1);
        vm.stopPrank();
    }

    // ---- given an account's mode and profile

    function test_GivenAMode_WhenIsolated_OneInstrumentIsHeld() public {
        _list(BTC, EXPIRY, 60_000e18);
        _markets.setMode(_alice, IMarkets.Mode.Isolated);
        assertEq(uint8(_markets.modeOf(_alice)), uint8(IMarkets.Mode.Isolated));
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 60_000e18);
        bytes memory reason = abi.encodeWithSelector(IMarkets.IsolatedHoldsOne.selector, HubAccount.unwrap(_alice), 2);
        vm.expectRevert(reason);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, 60_000e18), 1e18, 1e18);
        vm.expectRevert(reason);
        _markets.trade(_alice, _bob, ETH_PERP, 1e18, 3000e18);
        // It may turn, grow and fall.
        _markets.trade(_bob, _alice, BTC_PERP, 3e18, 60_000e18);
        _markets.trade(_alice, _bob, BTC_PERP, 2e18, 60_000e18);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, 60_000e18), 1e18, 1e18);
        vm.expectRevert(reason);
        _markets.trade(_alice, _bob, _put(BTC, EXPIRY, 60_000e18), 1e18, 1e18);
        _markets.setMode(_alice, IMarkets.Mode.Portfolio);
        _markets.trade(_alice, _bob, _put(BTC, EXPIRY, 60_000e18), 1e18, 1e18);
        vm.expectRevert(reason);
        _markets.setMode(_alice, IMarkets.Mode.Isolated);
        assertEq(uint8(_markets.modeOf(_alice)), uint8(IMarkets.Mode.Portfolio));
    }

    function test_GivenAMode_WhenAProfileIsSet_TheHeadOfHoldingsSaysIt() public {
        _markets.setProfile(_alice, 150, 2_000_000_000);
        (uint16 factor, uint32 leverage) = _markets.profileOf(_alice);
        assertEq(factor, 150);
        assertEq(leverage, 2_000_000_000);
        _markets.trade(_alice, _bob, BTC_PERP, 1e18, 60_000e18);
        _markets.setMode(_alice, IMarkets.Mode.Portfolio);
        uint256 head = _markets.holdingsOf(_alice)[0];
        assertEq(head >> 144, 150 | (uint256(2_000_000_000) << 16) | (uint256(IMarkets.Mode.Portfolio) << 49));
        assertEq(uint8(head >> 136), 1);
        _markets.setProfile(_alice, 0, 0);
        assertEq(_markets.holdingsOf(_alice)[0] >> 144, uint256(IMarkets.Mode.Portfolio) << 49);
        _markets.setMode(_alice, IMarkets.Mode.Cross);
        assertEq(_markets.holdingsOf(_alice)[0] >> 144, 0);
        _holds(_alice, 1e18, -60_000e18);
    }

    // ----

    function _holds(HubAccount account, int256 size, int256 quote) private view {
        (int256 s, int256 q) = _markets.positionOf(account, BTC);
        assertEq(s, size, "size");
        assertEq(q, quote, "quote");
    }

    /// @dev What is paid per hour after a touch at `time`, spot standing at 60,000.
    function _sampled(uint40 time, uint128 mark) private returns (int128 perHour) {
        vm.warp(time);
        _price(BTC, 60_000e18, mark);
        _markets.fund(BTC);
        (, perHour, ) = _markets.fundingOf(BTC);
    }

    function _refusesTerms(uint16 underlying, uint32 cap, int32 base, string memory expected) private {
        vm.expectRevert(abi.encodeWithSelector(IMarkets.TermsInvalid.selector, underlying, expected));
        _markets.setUnderlying(
            underlying,
            IMarkets.Standing.Open,
            IMarkets.PerpetualTerms(1, cap, base),
            IMarkets.OptionTerms(1)
        );
    }

    function _closed(bytes memory call) private {
        vm.prank(_stranger);
        (bool done, bytes memory answer) = address(_markets).call(call);
        assertFalse(done);
        assertEq(answer, abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _stranger));
    }
}
