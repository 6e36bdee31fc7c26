// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Kind} from "../../src/hub/risk/FeedWord.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {IListing} from "../../src/hub/risk/IRiskEngine.sol";
import {IStandardEngine} from "../../src/hub/risk/IStandardEngine.sol";
import {FeedsFixture} from "./FeedsFixture.sol";
import {StandardRates} from "./StandardRates.sol";

/// @notice Four strikes of one expiry: 60,000, 66,000, 72,000, 78,000; nothing after them.
contract ListingDouble is IListing {
    uint40 private immutable _expiry;
    uint256 private _open;

    constructor(uint40 expiry) {
        _expiry = expiry;
    }

    function strikesAt(uint16, uint8[] calldata places) external view returns (uint256[] memory words) {
        words = new uint256[](places.length);
        for (uint256 i = 0; i < places.length; ++i)
            if (places[i] < 4) words[i] = (60_000e18 + uint256(places[i]) * 6000e18) | (uint256(_expiry) << 128);
    }

    function setOpen(uint256 open) external {
        _open = open;
    }

    function placesOf(uint16) external pure returns (uint256) {
        return 15;
    }

    function openInterestOf(uint16) external view returns (uint256 perpetual, uint256 optionLots) {
        return (_open, 0);
    }
}

/// @notice Both engines over fresh feeds: spot, mark and forward 60,000, and one asset of BTC on one chain.
abstract contract HoldingsFixture is FeedsFixture {
    uint16 internal constant ASSET = 3;
    uint32 internal constant EID = 40_002;

    ICollateralRules internal _rules;
    IStandardEngine internal _cross;
    IStandardEngine internal _isolated;
    ListingDouble internal _listing;

    function setUp() public virtual override {
        super.setUp();
        IFeeds.Report[] memory reports = new IFeeds.Report[](3);
        reports[0] = IFeeds.Report(_spotId(), 60_000e18, 0);
        reports[1] = IFeeds.Report(_id(Kind.Forward, EXPIRY), 60_000e18, 0);
        reports[2] = IFeeds.Report(_id(Kind.Surface, EXPIRY), _slice(6e7, -3e8, 1e9), 0);
        _submit(START, reports);
        address rules = _create(
            "src/hub/risk/CollateralRules.sol:CollateralRules",
            abi.encode(_manager, address(_feeds))
        );
        _rules = ICollateralRules(rules);
        ICollateralRules.ClassTier[] memory tiers = new ICollateralRules.ClassTier[](2);
        tiers[0] = ICollateralRules.ClassTier(0, 5e7, 5e7);
        tiers[1] = ICollateralRules.ClassTier(300_000e18, 1e8, 5e7);
        _rules.setClass(0, tiers);
        _rules.setAssetRule(ASSET, ICollateralRules.AssetRule(BTC, 8, 0, EID));
        _listing = new ListingDouble(EXPIRY);
        IStandardEngine.Links memory links = IStandardEngine.Links({
            feeds: address(_feeds),
            collateralRules: rules,
            listing: address(_listing),
            normalTable: _create("src/math/NormalTable.sol:NormalTable", "")
        });
        bytes memory args = abi.encode(_manager, links, _tiers(), _rates());
        _cross = IStandardEngine(_create("src/hub/risk/CrossEngine.sol:CrossEngine", args));
        _isolated = IStandardEngine(_create("src/hub/risk/IsolatedEngine.sol:IsolatedEngine", args));
    }

    function _tiers() internal pure returns (IStandardEngine.PerpetualTier[] memory) {
        return StandardRates.perpetual(5_000_000e18);
    }

    function _rates() internal pure returns (IStandardEngine.OptionRates memory) {
        return StandardRates.option();
    }

    // ---- holdings, as IRiskEngine lays them out

    function _head(int128 cash, uint8 collateral, uint8 underlyings) internal pure returns (uint256) {
        return uint256(uint128(cash)) | (uint256(collateral) << 128) | (uint256(underlyings) << 136);
    }

    function _lot(uint16 asset, uint256 amount) internal pure returns (uint256) {
        return uint256(amount) | (uint256(asset) << 108);
    }

    function _position(uint8 options, int104 size, int128 quote) internal pure returns (uint256) {
        return
            uint256(BTC) | (uint256(options) << 16) | (uint256(uint104(size)) << 24) | (uint256(uint128(quote)) << 128);
    }

    /// @param lots of 0.001
    function _option(uint256 at, uint8 place, bool isPut, int256 lots) internal pure returns (uint256) {
        uint256 series = (uint256(place) << 1) | (isPut ? 1 : 0);
        return (series | ((uint256(lots) & ((1 << 33) - 1)) << 9)) << (at * 42);
    }

    /// @return before  options at one place
    /// @return withLong  the same, and at another place options that are held long
    function _withLong(
        int16 held,
        uint8 place,
        bool isPut,
        uint16 added
    ) internal pure returns (uint256 before, uint256 withLong) {
        place = place % 4;
        before = _option(0, (place + 1) % 4, isPut, held);
        withLong = before | _option(1, place, isPut, int256(uint256(added)));
    }

    function _words(uint256 a) internal pure returns (uint256[] memory words) {
        words = new uint256[](1);
        words[0] = a;
    }

    function _words(uint256 a, uint256 b) internal pure returns (uint256[] memory words) {
        words = new uint256[](2);
        (words[0], words[1]) = (a, b);
    }

    function _words(uint256 a, uint256 b, uint256 c) internal pure returns (uint256[] memory words) {
        words = new uint256[](3);
        (words[0], words[1], words[2]) = (a, b, c);
    }

    function _words(uint256 a, uint256 b, uint256 c, uint256 d) internal pure returns (uint256[] memory words) {
        words = new uint256[](4);
        (words[0], words[1], words[2], words[3]) = (a, b, c, d);
    }
}
