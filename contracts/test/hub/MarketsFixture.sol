// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {Ledger} from "../../src/hub/Ledger.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {Deploy} from "../Deploy.sol";
import {FeedsFixture} from "./FeedsFixture.sol";

/// @notice Markets over a real ledger and real feeds; the test itself is their module.
abstract contract MarketsFixture is FeedsFixture {
    uint32 internal constant HUB = 40_001;
    uint32 internal constant SPOKE = 40_002;
    uint16 internal constant USDC = 1;
    uint16 internal constant ETH = 2;
    uint16 internal constant SOL = 3;
    uint16 internal constant DOGE = 4;
    uint32 internal constant FUNDING_CAP = 4_000_000;
    int32 internal constant FUNDING_BASE = 12_500;
    uint128 internal constant CASH = 1_000_000e18;
    uint256 internal constant BTC_PERP = uint256(BTC) << 8;
    uint256 internal constant ETH_PERP = uint256(ETH) << 8;
    uint64 private constant LISTER = 7;

    Ledger internal _ledger;
    IMarkets internal _markets;
    HubAccount internal _alice = AccountLib.encode(makeAddr("alice"), 0, 0);
    HubAccount internal _bob = AccountLib.encode(makeAddr("bob"), 0, 0);
    HubAccount internal _carol = AccountLib.encode(makeAddr("carol"), 0, 0);

    function setUp() public virtual override {
        super.setUp();
        _ledger = Deploy.ledger(address(_manager), HUB);
        ILedger.AssetConfig memory config = ILedger.AssetConfig(
            ILedger.AssetStanding.Settlement,
            6,
            type(uint104).max,
            type(uint104).max,
            1e20
        );
        _ledger.configureAsset(SPOKE, USDC, config);
        _markets = IMarkets(
            _create(
                "src/hub/markets/Markets.sol:Markets",
                abi.encode(address(_manager), address(_ledger), address(_feeds))
            )
        );
        _ledger.setModule(address(this), true);
        _ledger.setModule(address(_markets), true);
        _markets.setModule(address(this), true);
        bytes4[] memory advance = new bytes4[](1);
        advance[0] = IFeeds.advance.selector;
        _manager.setTargetFunctionRole(address(_feeds), advance, LISTER);
        _manager.grantRole(LISTER, address(_markets), 0);
        _feeds.setUnderlying(ETH, IFeeds.SpotMode.Signed, address(0), _bounds());
        _feeds.setUnderlying(SOL, IFeeds.SpotMode.Signed, address(0), _bounds());
        _feeds.setUnderlying(DOGE, IFeeds.SpotMode.Signed, address(0), _bounds());
        _price(BTC, 60_000e18, 60_000e18);
        _price(ETH, 3000e18, 3000e18);
        _price(SOL, 150e18, 150e18);
        for (uint16 underlying = BTC; underlying <= DOGE; ++underlying)
            _listUnderlying(underlying, IMarkets.Standing.Open);
        _deposit(_alice, CASH);
        _deposit(_bob, CASH);
        _deposit(_carol, CASH);
    }

    function _listUnderlying(uint16 underlying, IMarkets.Standing standing) internal {
        _markets.setUnderlying(
            underlying,
            standing,
            IMarkets.PerpetualTerms(1_000_000e18, FUNDING_CAP, FUNDING_BASE),
            IMarkets.OptionTerms(1e10)
        );
    }

    /// @dev Spot and mark, signed now.
    function _price(uint16 underlying, uint128 spot, uint128 mark) internal {
        IFeeds.Report[] memory reports = new IFeeds.Report[](2);
        reports[0] = IFeeds.Report(FeedWord.id(underlying, Kind.Spot, 0), spot, 0);
        reports[1] = IFeeds.Report(FeedWord.id(underlying, Kind.Mark, 0), mark, 0);
        _submit(uint40(vm.getBlockTimestamp()), reports);
    }

    /// @dev The settlement price of an expiry that is over.
    function _settleAt(uint16 underlying, uint40 expiry, uint128 price) internal {
        // The compiler takes the block's time for the same throughout a call.
        uint40 time = uint40(vm.getBlockTimestamp());
        if (time < expiry) time = expiry;
        vm.warp(time);
        IFeeds.Report[] memory reports = _one(FeedWord.id(underlying, Kind.Settlement, expiry), price, 0);
        _feeds.submit(time, reports, _sign(time, reports, SETTLEMENT_THRESHOLD, 0));
    }

    /// @dev Settlement tokens come into custody, and cash to the account.
    function _deposit(HubAccount account, uint256 cash) internal {
        _ledger.correct(SPOKE, USDC, account, int256(cash / 1e12), 0);
    }

    function _call(uint16 underlying, uint40 expiry, uint128 strike) internal pure returns (uint256) {
        return (uint256(strike) << 64) | (uint256(expiry) << 24) | (uint256(underlying) << 8) | 1;
    }

    function _put(uint16 underlying, uint40 expiry, uint128 strike) internal pure returns (uint256) {
        return _call(underlying, expiry, strike) + 1;
    }

    function _list(uint16 underlying, uint40 expiry, uint128 strike) internal returns (uint8 place) {
        uint128[] memory strikes = new uint128[](1);
        strikes[0] = strike;
        return _markets.list(underlying, expiry, strikes)[0];
    }

    /// @dev `count` strikes from `first` on, `step` apart.
    function _listMany(uint16 underlying, uint40 expiry, uint128 first, uint128 step, uint256 count) internal {
        uint128[] memory strikes = new uint128[](count);
        for (uint256 i = 0; i < count; ++i) strikes[i] = first + uint128(i) * step;
        _markets.list(underlying, expiry, strikes);
    }

    /// @dev INV-CASH-1 of the books here, with nothing queued or lost: cash, quotes and what is not settled yet are what came in, less at most
    ///      `roundings` of 1e-18.
    function _checkCash(HubAccount[] memory accounts, uint16[] memory underlyings, uint256 roundings) internal view {
        int256 quotes;
        for (uint256 i = 0; i < accounts.length; ++i)
            for (uint256 j = 0; j < underlyings.length; ++j) {
                (, int256 quote) = _markets.positionOf(accounts[i], underlyings[j]);
                quotes += quote;
            }
        int256 rest = _ledger.clearing() - quotes;
        assertGe(rest, 0, "INV-CASH-1: more in quotes than left cash");
        assertLe(rest, int256(roundings), "INV-CASH-1: more lost than roundings");
    }
}
