// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {StrikeEntry} from "../../src/hub/markets/StrikeEntry.sol";
import {MarketsFixture} from "./MarketsFixture.sol";

/// @dev See MarketsListing.tree.
contract MarketsListingTest is MarketsFixture {
    // ---- given strikes

    function test_GivenStrikes_WhenListed_PlacesSayThem() public {
        uint128[] memory strikes = new uint128[](4);
        (strikes[0], strikes[1], strikes[2], strikes[3]) = (60_000e18, 1, 0.00001234567890123e18, 1e30);
        uint8[] memory expected = new uint8[](4);
        for (uint8 i = 0; i < 4; ++i) expected[i] = i;
        vm.expectEmit(address(_markets));
        emit IMarkets.Listed(BTC, EXPIRY, strikes, expected);
        uint8[] memory places = _markets.list(BTC, EXPIRY, strikes);
        assertEq(_list(BTC, EXPIRY + 1 hours, 60_000e18), 4);
        assertEq(_list(ETH, EXPIRY, 3000e18), 0);
        uint256[] memory words = _markets.strikesAt(BTC, places);
        for (uint256 i = 0; i < 4; ++i) assertEq(words[i], (uint256(EXPIRY) << 128) | strikes[i]);
        uint8[] memory more = new uint8[](3);
        (more[0], more[1], more[2]) = (4, 5, 255);
        words = _markets.strikesAt(BTC, more);
        assertEq(words[0], (uint256(EXPIRY + 1 hours) << 128) | 60_000e18);
        assertEq(words[1] | words[2], 0);
        assertEq(_markets.placesOf(BTC), 31);
        assertEq(_markets.placesOf(SOL), 0);
        (uint40[] memory expiries, uint128[] memory prices) = _markets.expiriesOf(BTC);
        assertEq(expiries.length, 2);
        assertEq(expiries[1], EXPIRY + 1 hours);
        assertEq(prices[0] | prices[1], 0);
    }

    function test_GivenStrikes_WhenTheyCannotBeListed_ItSaysWhy() public {
        _list(BTC, EXPIRY, 60_000e18);
        _refusesStrike(60_000e18, "a strike that is not listed yet");
        _refusesStrike(0, "1 ... 10^30");
        _refusesStrike(1e30 + 1, "1 ... 10^30");
        _refusesStrike(12_345_678_901_234_567, "at most 15 significant digits");
        _refusesExpiry(EXPIRY + 1, "a full hour");
        _refusesExpiry(START - (START % 1 hours), "a time after now");
        _refusesExpiry(uint40(1 << 24) * 1 hours, "at most 2^24 - 1 hours");
        vm.expectRevert(abi.encodeWithSelector(IMarkets.TermsInvalid.selector, 9, "an underlying that is listed"));
        _listMany(9, EXPIRY, 60_000e18, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.PlacesInvalid.selector, BTC, "at least one strike"));
        _markets.list(BTC, EXPIRY + 1 hours, new uint128[](0));
    }

    function test_GivenStrikes_WhenAllPlacesAreTaken_OneMoreIsRefused() public {
        _listMany(BTC, EXPIRY, 10_000e18, 10e18, 200);
        _listMany(BTC, EXPIRY + 1 days, 10_000e18, 10e18, 56);
        assertEq(_markets.placesOf(BTC), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.ListingFull.selector, BTC, 256));
        _listMany(BTC, EXPIRY, 60_000e18, 0, 1);
        uint8[] memory places = new uint8[](2);
        (places[0], places[1]) = (255, 199);
        uint256[] memory words = _markets.strikesAt(BTC, places);
        assertEq(words[0], (uint256(EXPIRY + 1 days) << 128) | 10_550e18);
        assertEq(words[1], (uint256(EXPIRY) << 128) | 11_990e18);
    }

    function test_GivenStrikes_WhenElevenExpiriesLive_OneMoreWaits() public {
        for (uint40 i = 0; i < 11; ++i) _list(BTC, EXPIRY + i * 1 days, 60_000e18);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.ListingFull.selector, BTC, 11));
        _listMany(BTC, EXPIRY + 11 days, 60_000e18, 0, 1);
        for (uint40 i = 0; i < 5; ++i) {
            vm.warp(EXPIRY + i * 1 days);
            _list(BTC, EXPIRY + (11 + i) * 1 days, 60_000e18);
        }
        // Sixteen stand in the table, live and unretired ones.
        vm.warp(EXPIRY + 5 days);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.ListingFull.selector, BTC, 16));
        _listMany(BTC, EXPIRY + 16 days, 60_000e18, 0, 1);
        _retire(BTC, 2);
        _list(BTC, EXPIRY + 16 days, 60_000e18);
        (uint40[] memory expiries, ) = _markets.expiriesOf(BTC);
        assertEq(expiries.length, 16);
        uint256 later;
        for (uint256 i = 0; i < 16; ++i) {
            if (expiries[i] == EXPIRY + 16 days) ++later;
            for (uint256 j = 0; j < i; ++j) assertNotEq(expiries[i], expiries[j]);
        }
        assertEq(later, 1, "at the place that became free");
    }

    function testFuzz_GivenAStrike_WhenItIsAShortDecimal_ItComesBackWhole(uint64 digits, uint8 zeros) public pure {
        uint256 strike = (1 + (uint256(digits) % 1e15)) * 10 ** (zeros % 16);
        uint256 entry = StrikeEntry.pack(strike, 500_168, 11);
        assertEq(StrikeEntry.strike(entry), strike);
        assertEq(StrikeEntry.hour(entry), 500_168);
        assertEq(StrikeEntry.index(entry), 11);
        assertLt(entry, 1 << 85);
        uint256 word = StrikeEntry.put(StrikeEntry.put(type(uint256).max, 1, 0), 1, entry);
        assertEq(StrikeEntry.at(word, 1), entry);
        assertEq(StrikeEntry.at(word, 2), (1 << 85) - 1);
    }

    // ---- given an expiry that is over

    function test_GivenAnExpiryThatIsOver_WhenNothingIsOpen_ItsPlacesAreFree() public {
        _listMany(BTC, EXPIRY, 60_000e18, 1000e18, 3);
        _list(BTC, EXPIRY + 1 days, 60_000e18);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, 60_000e18), 1e18, 0);
        _markets.trade(_alice, _bob, _put(BTC, EXPIRY, 61_000e18), 1e18, 0);
        _markets.trade(_carol, _alice, _put(BTC, EXPIRY, 61_000e18), 0.5e18, 0);
        _refusesPlaces(_range(3), IMarkets.ExpiryInvalid.selector);
        _settleAt(BTC, EXPIRY, 60_500e18);
        _markets.settleExpired(_alice, BTC);
        _stillOpen(2500);
        _markets.settleExpired(_bob, BTC);
        _stillOpen(500);
        _markets.settleExpired(_carol, BTC);
        vm.expectEmit(address(_markets));
        emit IMarkets.Retired(BTC, EXPIRY, _range(3));
        vm.prank(makeAddr("anyone"));
        _markets.retire(BTC, _range(3));
        assertEq(_markets.placesOf(BTC), 8);
        assertEq(_markets.strikesAt(BTC, _range(1))[0], 0);
        (bool listed, , ) = _markets.seriesOf(_call(BTC, EXPIRY, 60_000e18));
        assertFalse(listed);
        (, uint256 lots) = _markets.openInterestOf(BTC);
        assertEq(lots, 0);
        assertEq(_list(BTC, EXPIRY + 2 days, 65_000e18), 0);
        (, , uint40 open) = _markets.seriesOf(_call(BTC, EXPIRY + 2 days, 65_000e18));
        assertEq(open, 0);
    }

    function test_GivenAnExpiryThatIsOver_WhenPlacesAreNotAllOfIt_ItSaysSo() public {
        _listMany(BTC, EXPIRY, 60_000e18, 1000e18, 3);
        _list(BTC, EXPIRY + 1 hours, 60_000e18);
        vm.warp(EXPIRY + 2 hours);
        bytes4 invalid = IMarkets.PlacesInvalid.selector;
        _refusesPlaces(_range(0), invalid);
        _refusesPlaces(_range(2), invalid);
        _refusesPlaces(_range(4), invalid);
        uint8[] memory places = _range(3);
        places[2] = 1;
        _refusesPlaces(places, invalid);
        places[2] = 3;
        _refusesPlaces(places, invalid);
        places[0] = 200;
        _refusesPlaces(places, invalid);
        _markets.retire(BTC, _range(3));
        _refusesPlaces(_range(3), invalid);
    }

    function test_GivenAnExpiryThatIsOver_WhenAPlaceIsTakenAgain_OldBitsDoNotCount() public {
        _list(BTC, EXPIRY, 60_000e18);
        _list(BTC, EXPIRY + 1 days, 60_000e18);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY, 60_000e18), 1e18, 0);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY + 1 days, 60_000e18), 1e18, 0);
        // Both leave the first expiry before it ends: their heads still name it.
        _markets.trade(_bob, _alice, _call(BTC, EXPIRY, 60_000e18), 1e18, 0);
        vm.warp(EXPIRY);
        _retire(BTC, 0);
        _list(BTC, EXPIRY + 2 days, 60_000e18);
        _markets.trade(_alice, _bob, _call(BTC, EXPIRY + 2 days, 60_000e18), 3e18, 0);
        _settleAt(BTC, EXPIRY + 1 days, 61_000e18);
        assertEq(_markets.settleExpired(_alice, BTC), 1000e18);
        assertEq(_markets.sizeOf(_alice, _call(BTC, EXPIRY + 2 days, 60_000e18)), 3e18);
    }

    // ----

    function _range(uint8 count) private pure returns (uint8[] memory places) {
        places = new uint8[](count);
        for (uint8 i = 0; i < count; ++i) places[i] = i;
    }

    function _retire(uint16 underlying, uint8 place) private {
        uint8[] memory places = new uint8[](1);
        places[0] = place;
        _markets.retire(underlying, places);
    }

    function _stillOpen(uint256 lots) private {
        vm.expectRevert(abi.encodeWithSelector(IMarkets.StillOpen.selector, BTC, EXPIRY, lots));
        _markets.retire(BTC, _range(3));
    }

    function _refusesStrike(uint128 strike, string memory expected) private {
        vm.expectRevert(abi.encodeWithSelector(IMarkets.StrikeInvalid.selector, strike, expected));
        _listMany(BTC, EXPIRY, strike, 0, 1);
    }

    function _refusesExpiry(uint40 expiry, string memory expected) private {
        vm.expectRevert(abi.encodeWithSelector(IMarkets.ExpiryInvalid.selector, BTC, expiry, expected));
        _listMany(BTC, expiry, 60_000e18, 0, 1);
    }

    function _refusesPlaces(uint8[] memory places, bytes4 error) private {
        vm.expectPartialRevert(error);
        _markets.retire(BTC, places);
    }
}
