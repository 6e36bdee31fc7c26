// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {OptionsFixture} from "./OptionsFixture.sol";

/// @notice See PriceTimes.tree.
contract PriceTimesTest is OptionsFixture {
    // ---- whose market bears a loss

    /// @dev She lost on BTC and holds a dollar of ETH: whoever won BTC pays, not whoever won ETH.
    function test_GivenALossOnOptionsAndADollarOfAPerpetual_WhenInsolvent_TheMarketIsWhereTheLossIs() public {
        for (uint256 i; i < 64; ++i) _markets.trade(_bob, _alice, _callAt(i), 100 * LOT, 20_000e18);
        _markets.trade(_alice, _bob, ETH_PERP, 1e15, 3000e18);
        _cash(_alice, 0);
        _start(_alice);
        assertEq(_liquidation.auctionOf(_alice).market, BTC);
    }

    /// @dev What is large is not what lost.
    function test_GivenALargePerpetualThatGainedAndASmallOneThatLost_WhenInsolvent_TheMarketIsWhereTheLossIs() public {
        _markets.trade(_alice, _bob, BTC_PERP, 100e18, 59_990e18);
        _markets.trade(_alice, _bob, ETH_PERP, 10e18, 30_000e18);
        _cash(_alice, 0);
        _start(_alice);
        assertEq(_liquidation.auctionOf(_alice).market, ETH);
        HubAccount debtor = _liquidation.deficitAccount(ETH);
        _fund.setTranche(ETH, 1);
        (, int256 price) = _bid(_carol, 1e18);
        // The fund's tranche is a billionth of a million.
        assertApproxEqAbs(_ledger.bookedCashOf(debtor), price, 1e15);
    }

    function test_GivenOneUnderlyingOrNone_WhenInsolvent_TheMarketIsThatOne() public {
        _cash(_alice, -1e18);
        _start(_alice);
        assertEq(_liquidation.auctionOf(_alice).market, 0, "cash alone");
        _markets.trade(_bob, _carol, ETH_PERP, 1e18, 3000e18);
        _cash(_carol, -1e18);
        _liquidation.start(_carol, "");
        assertEq(_liquidation.auctionOf(_carol).market, ETH);
    }

    // ---- stale dust

    /// @dev A unit of each asset and of each underlying, of which one is not priced any more, used to keep all of an account from being sold.
    function test_GivenDustWhosePriceIsStale_WhenStartedAndBid_TheRestDecides() public {
        _dusty();
        assertEq(uint8(_margin.riskOf(_alice).grade), uint8(Grade.Stale));
        _start(_alice);
        int256 wealth = _wealth();
        (uint256 share, int256 price) = _bid(_carol, 1e18);
        assertEq(share, _liquidation.termsOf().stepShare, "in steps");
        assertGt(price, 0);
        _checkWealth(wealth, 2);
        assertEq(uint8(_margin.riskOf(_carol).grade), uint8(Grade.Stale), "with its part of the dust");
    }

    /// @dev Halted for good, it would be a shield for good.
    function test_GivenDustWhosePriceIsHalted_WhenStarted_TheRestDecides() public {
        _dusty();
        _feeds.halt(FeedWord.id(ETH, Kind.Spot, 0));
        assertEq(uint8(_margin.riskOf(_alice).grade), uint8(Grade.Halted));
        uint256 state = vm.snapshotState();
        assertGt(_liquidation.start(_alice, ""), 0);
        vm.revertToState(state);
        // Ten times 200 of it are more than a hundredth of 174,000: the last value may be what is wrong.
        _ledger.correct(OTHER, WETH, _alice, 0.07e18, 0);
        _expectUnusable(Grade.Halted);
        _liquidation.start(_alice, "");
    }

    function test_GivenABalanceWithoutAPrice_WhenStarted_OnlyNextToNothingOfItIsLeftOut() public {
        uint16 assetId = _ledger.configureAsset(
            OTHER,
            WETH + 1,
            ILedger.AssetConfig(ILedger.AssetStanding.Collateral, 18, type(uint104).max, type(uint104).max, 1e20)
        );
        _rules.setAssetRule(assetId, ICollateralRules.AssetRule(DOGE, 18, 0, OTHER));
        _markets.trade(_alice, _bob, BTC_PERP, 100e18, 60_000e18);
        _collateralOf(_alice, OTHER, WETH + 1, assetId, 1);
        _cash(_alice, 300_000e18);
        vm.warp(_now() + 1);
        _publishBtc(58_000e18);
        assertEq(uint8(_margin.riskOf(_alice).grade), uint8(Grade.Zero));
        uint256 state = vm.snapshotState();
        assertGt(_liquidation.start(_alice, ""), 0);
        vm.revertToState(state);
        // Whose price was cleared may have all his margin in it: he is not sold as if it were worth nothing.
        _ledger.correct(OTHER, WETH + 1, _alice, 1e18, 0);
        _expectUnusable(Grade.Zero);
        _liquidation.start(_alice, "");
    }

    /// @dev What it comes to says at which prices it is nothing: more of it may be what keeps the account.
    function test_GivenMoreThanDustWhosePriceIsStale_WhenStarted_ItReverts() public {
        _dusty();
        // A hundredth of 174,000.
        _ledger.correct(OTHER, WETH, _alice, 0.6e18, 0);
        _expectUnusable(Grade.Stale);
        _liquidation.start(_alice, "");
    }

    function test_GivenAnAccountThatIsBelowOnlyIfDustIsWorthNothing_WhenStarted_ItReverts() public {
        _dusty();
        Risk memory risk = _margin.riskOf(_alice);
        _ledger.changeCash(_alice, int256(risk.maintenanceMargin) - risk.equity - 1e18);
        assertLt(_healthOf(_alice), 0);
        _expectUnusable(Grade.Stale);
        _liquidation.start(_alice, "");
        _ledger.changeCash(_alice, -100e18);
        _liquidation.start(_alice, "");
    }

    function test_GivenABidderWhoseOwnPricesAreStale_WhenBid_HeIsJudgedWithoutDustAlone() public {
        _dusty();
        _start(_alice);
        _collateralOf(_carol, OTHER, WETH, _wethId, 100e18);
        ILiquidation.Bid memory wanted = _wanted(_carol, 1e18);
        _as(_carol);
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidation.PricesUnusable.selector, HubAccount.unwrap(_carol), Grade.Stale)
        );
        _liquidation.bid(wanted, "");
    }

    /// @dev Spot and mark are fresh; the forward of one expiry is not, and with it a lot of an option cannot be valued.
    function test_GivenALotOfAnOptionWhoseForwardIsStale_WhenStarted_TheRestDecides() public {
        _cash(_alice, 0);
        _markets.trade(_alice, _bob, ETH_PERP, 1000e18, 3000e18);
        _markets.trade(_alice, _bob, _callAt(0), LOT, 0);
        _cash(_alice, 50_000e18);
        vm.warp(_now() + 1201);
        _price(ETH, 3000e18, 3000e18);
        _price(BTC, 60_000e18, 60_000e18);
        assertEq(uint8(_margin.riskOf(_alice).grade), uint8(Grade.Stale));
        assertGt(_liquidation.start(_alice, ""), 0);
    }

    /// @dev Long 100 BTC at 58,000, below its margin; some units of WETH and of an ETH perpetual, whose prices are too old.
    function _dusty() private {
        _markets.trade(_alice, _bob, BTC_PERP, 100e18, 60_000e18);
        _markets.trade(_alice, _bob, ETH_PERP, 1e15, 3000e18);
        _collateralOf(_alice, OTHER, WETH, _wethId, 1e15);
        _cash(_alice, 300_000e18);
        vm.warp(_now() + 601);
        _publishBtc(58_000e18);
    }

    function _expectUnusable(Grade grade) private {
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.PricesUnusable.selector, HubAccount.unwrap(_alice), grade));
    }
}
