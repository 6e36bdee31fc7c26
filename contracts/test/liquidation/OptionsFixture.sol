// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice Auctions of accounts with options: 128 strikes, far in the money for calls. alice has no positions and no cash; carol is rich.
abstract contract OptionsFixture is LiquidationFixture {
    uint40 internal constant FAR = BEGIN + 365 days - (BEGIN % 1 hours);
    uint256 internal constant MOST = 128;
    uint128 internal constant LOT = 1e15;
    uint128 private constant LOWEST = 39_000e18;
    uint128 private constant STEP = 10e18;

    function setUp() public virtual override {
        super.setUp();
        _markets.trade(_bob, _alice, BTC_PERP, 100e18, 60_000e18);
        _listMany(BTC, FAR, LOWEST, STEP, MOST);
        _ledger.changeCash(_carol, 10_000_000e18);
        _cash(_alice, 0);
        _publish(60_000e18);
    }

    /// @dev Worth about 20 a lot at 60,000; the put stands behind it.
    function _callAt(uint256 at) internal pure returns (uint256) {
        return _call(BTC, FAR, LOWEST + uint128(at) * STEP);
    }

    /// @dev Everything of BTC and ETH, a second later.
    function _publish(uint128 price) internal {
        vm.warp(_now() + 1);
        _publishBtc(price);
        _price(ETH, 3000e18, 3000e18);
    }

    function _publishBtc(uint128 price) internal {
        IFeeds.Report[] memory reports = new IFeeds.Report[](4);
        reports[0] = IFeeds.Report(FeedWord.id(BTC, Kind.Spot, 0), price, 0);
        reports[1] = IFeeds.Report(FeedWord.id(BTC, Kind.Mark, 0), price, 0);
        reports[2] = IFeeds.Report(FeedWord.id(BTC, Kind.Forward, FAR), price, 0);
        reports[3] = IFeeds.Report(FeedWord.id(BTC, Kind.Surface, FAR), _slice(6e7, -3e8, 1e9), 0);
        _submit(_now(), reports);
    }
}
