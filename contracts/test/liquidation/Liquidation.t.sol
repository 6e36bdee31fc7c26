// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {AuctionTerms} from "../../src/hub/liquidation/AuctionMath.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @dev alice is long 100 BTC at 60,000 with 300,000 in cash (margin 180,000 = 3%); bob sold them; carol bids.
contract LiquidationTest is LiquidationFixture {
    // ---- start

    function test_GivenAHealthyAccount_WhenAnAuctionIsStarted_ItReverts_INV_LIQ_1() public {
        _priceBtc(58_900e18);
        Risk memory risk = _margin.riskOf(_alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILiquidation.HealthyAccount.selector,
                HubAccount.unwrap(_alice),
                risk.equity,
                risk.maintenanceMargin
            )
        );
        _liquidation.start(_alice, "");
    }

    function test_GivenAnAccountBelowMaintenance_WhenStarted_ItRecordsItAndTakesTheFeeIntoEscrow() public {
        _priceBtc(58_500e18);
        // Equity 150,000 against 175,500.
        assertEq(_liquidation.start(_alice, ""), 1);
        ILiquidation.Auction memory auction = _liquidation.auctionOf(_alice);
        assertEq(auction.id, 1);
        assertEq(auction.startedAt, vm.getBlockTimestamp());
        assertEq(auction.market, 0, "of an insolvent account alone");
        // Breach 25,500 of 175,500; rate 1% + 9% · 0.145… / 0.5 of what will be sold.
        // The quote may read a unit lower.
        assertApproxEqAbs(auction.fee, _expectedFee(), 10);
        assertEq(_ledger.cashOf(_liquidation.escrow()), int256(uint256(auction.fee)));
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.AuctionOpen.selector, HubAccount.unwrap(_alice), 1));
        _liquidation.start(_alice, "");
    }

    /// @dev By hand: T = 1.15 · 175,500, E = 150,000, d = 0.95.
    function _expectedFee() private pure returns (uint256) {
        uint256 target = (175_500e18 * 115) / 100;
        uint256 share = Math.ceilDiv((target - 150_000e18) * 1e18, target - 7_500e18);
        uint256 breach = (25_500e18 * 1e18) / uint256(175_500e18);
        uint256 rate = 0.01e18 + (0.09e18 * breach) / 0.5e18;
        return (share * 150_000e18 * rate) / 1e36;
    }

    function test_GivenDeeperBreaches_WhenStarted_TheFeeRateRisesUpToItsMost() public {
        uint256 last;
        uint128[4] memory prices = [uint128(58_700e18), 58_300e18, 57_800e18, 57_300e18];
        for (uint256 i; i < prices.length; ++i) {
            uint256 state = vm.snapshotState();
            _priceBtc(prices[i]);
            Risk memory risk = _margin.riskOf(_alice);
            _liquidation.start(_alice, "");
            uint256 rate = (uint256(_liquidation.auctionOf(_alice).fee) * 1e18) / uint256(risk.equity);
            assertGt(rate, last, "of the equity, by size of breach");
            assertLe(rate, _liquidation.termsOf().feeMost);
            last = rate;
            vm.revertToState(state);
        }
    }

    function test_GivenAnAccountOfTheAuctionsOwn_WhenStarted_ItReverts() public {
        HubAccount debtor = _liquidation.deficitAccount(BTC);
        _ledger.changeCash(debtor, -1e18);
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.AccountInvalid.selector, HubAccount.unwrap(debtor)));
        _liquidation.start(debtor, "");
    }

    function test_GivenTheSecondOfTheStart_WhenBid_ItReverts() public {
        _priceBtc(58_500e18);
        _liquidation.start(_alice, "");
        ILiquidation.Bid memory wanted = _wanted(_carol, 1e18);
        uint256 time = vm.getBlockTimestamp();
        _as(_carol);
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.CoolOff.selector, time + 1, time));
        _liquidation.bid(wanted, "");
    }

    function test_GivenStalePrices_WhenStarted_ItReverts() public {
        _priceBtc(58_500e18);
        vm.warp(vm.getBlockTimestamp() + 1 days);
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidation.PricesUnusable.selector, HubAccount.unwrap(_alice), Grade.Stale)
        );
        _liquidation.start(_alice, "");
    }

    // ---- bids

    function test_GivenAnAuction_WhenBidInSteps_HealthRisesUntilItEndsAboveTheBuffer_INV_LIQ_2() public {
        _priceBtc(58_000e18);
        _liquidation.start(_alice, "");
        int256 total = _wealth();
        int256 health = _healthOf(_alice);
        uint256 bids;
        for (; _liquidation.auctionOf(_alice).id != 0 && _healthOf(_alice) < 0 && bids < 20; ++bids) {
            vm.warp(vm.getBlockTimestamp() + 30);
            _priceBtc(58_000e18);
            (uint256 share, int256 price) = _bid(_carol, 1e18);
            assertLe(share, 0.2e18, "a step");
            assertGt(price, 0);
            assertGe(_healthOf(_alice), health, "INV-LIQ-2");
            health = _healthOf(_alice);
        }
        assertGt(bids, 1);
        assertGe(health, 0);
        _checkWealth(total, bids);
        assertGt(_markets.sizeOf(_carol, BTC_PERP), 0);
    }

    function test_GivenTheLargestShare_WhenBid_TheAuctionEndsWhateverTruncationLeaves() public {
        AuctionTerms memory terms = _liquidation.termsOf();
        terms.largeMargin = 1e30;
        _liquidation.setTerms(terms);
        // Amounts of which no share is whole.
        _collateralOf(_alice, SPOKE, WBTC, _wbtcId, 12_345_677);
        _priceBtc(58_401e18 + 7);
        _start(_alice);
        (uint256 share, ) = _bid(_carol, 1e18);
        assertLt(share, 1e18);
        assertEq(_liquidation.auctionOf(_alice).id, 0);
        Risk memory risk = _margin.riskOf(_alice);
        assertApproxEqRel(risk.equity, int256((risk.maintenanceMargin * 115) / 100), 1e11, "at the target");
    }

    function test_GivenAnAccountThatIsHealthyAgain_WhenBid_ItReverts_INV_LIQ_1() public {
        _priceBtc(58_500e18);
        _liquidation.start(_alice, "");
        _ledger.changeCash(_alice, 1_000_000e18);
        Risk memory risk = _margin.riskOf(_alice);
        ILiquidation.Bid memory wanted = _wanted(_carol, 1e18);
        _as(_carol);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILiquidation.HealthyAccount.selector,
                HubAccount.unwrap(_alice),
                risk.equity,
                risk.maintenanceMargin
            )
        );
        _liquidation.bid(wanted, "");
        _liquidation.end(_alice, "");
        assertEq(_liquidation.auctionOf(_alice).id, 0);
        assertGt(_ledger.cashOf(_fund.account()), 1_000_000e18, "the fee went to the fund");
    }

    function test_GivenATopUpBetweenMarginAndTarget_WhenTouched_TheDiscountStandsStill() public {
        _priceBtc(58_500e18);
        _liquidation.start(_alice, "");
        uint40 startedAt = _liquidation.auctionOf(_alice).startedAt;
        vm.warp(vm.getBlockTimestamp() + 300);
        _priceBtc(58_500e18);
        int256 missing = -_healthOf(_alice);
        _ledger.changeCash(_alice, missing + 1e18);
        assertFalse(_liquidation.touch(_alice, ""));
        vm.warp(vm.getBlockTimestamp() + 500);
        _priceBtc(58_450e18);
        assertFalse(_liquidation.touch(_alice, ""));
        assertEq(_liquidation.auctionOf(_alice).startedAt, startedAt + 501);
        assertEq(_liquidation.auctionOf(_alice).restingSince, 0);
    }

    function test_GivenAPriceAboveTheLimit_WhenBid_ItReverts() public {
        _priceBtc(58_500e18);
        _start(_alice);
        ILiquidation.Bid memory wanted = _wanted(_carol, 1e18);
        wanted.priceLimit = 1;
        _as(_carol);
        vm.expectPartialRevert(ILiquidation.PriceAboveLimit.selector);
        _liquidation.bid(wanted, "");
    }

    function test_GivenABidderWhoCannotCarryIt_WhenBid_ItReverts() public {
        _priceBtc(58_500e18);
        _start(_alice);
        _ledger.changeCash(_carol, 1000e18 - _ledger.cashOf(_carol));
        ILiquidation.Bid memory wanted = _wanted(_carol, 0.2e18);
        _as(_carol);
        vm.expectPartialRevert(ILiquidation.BidderBelowInitialMargin.selector);
        _liquidation.bid(wanted, "");
    }

    function test_GivenAStrangerOrTheAccountItself_WhenBid_ItReverts() public {
        _priceBtc(58_500e18);
        _start(_alice);
        ILiquidation.Bid memory wanted = _wanted(_carol, 1e18);
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidation.NotPermitted.selector, HubAccount.unwrap(_carol), address(this))
        );
        _liquidation.bid(wanted, "");
        wanted.bidder = _alice;
        _as(_alice);
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.BidderInvalid.selector, HubAccount.unwrap(_alice)));
        _liquidation.bid(wanted, "");
        wanted.bidder = _carol;
        wanted.share = 0;
        _as(_carol);
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.ShareInvalid.selector, 0));
        _liquidation.bid(wanted, "");
    }

    function test_GivenCollateral_WhenBid_ItsShareMovesWithThePositions() public {
        _ledger.correct(SPOKE, WBTC, _alice, 1e8, 0);
        _as(_alice);
        _ledger.enableCollateral(_alice, _wbtcId);
        _ledger.changeCash(_alice, -60_000e18);
        _priceBtc(58_500e18);
        _start(_alice);
        (uint256 share, ) = _bid(_carol, 0.1e18);
        (uint128 taken, ) = _ledger.balanceOf(_carol, _wbtcId);
        assertEq(taken, (1e8 * share) / 1e18);
        (uint128 left, ) = _ledger.balanceOf(_alice, _wbtcId);
        assertEq(taken + left, 1e8);
    }

    // ---- the end

    function test_GivenAnAuctionRestartedInTime_ItGoesOnAtItsDiscountAndTakesNoSecondFee() public {
        _priceBtc(58_500e18);
        _liquidation.start(_alice, "");
        vm.warp(vm.getBlockTimestamp() + 600);
        _priceBtc(61_000e18);
        _liquidation.end(_alice, "");
        vm.warp(vm.getBlockTimestamp() + 1799);
        _priceBtc(58_500e18);
        _liquidation.start(_alice, "");
        assertEq(_liquidation.auctionOf(_alice).startedAt, vm.getBlockTimestamp() - 601);
        assertEq(_liquidation.auctionOf(_alice).fee, 0);
    }

    function test_GivenAnAuctionBelowItsTarget_WhenEnded_ItReverts() public {
        _priceBtc(58_500e18);
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.AuctionNotOpen.selector, HubAccount.unwrap(_alice)));
        _liquidation.end(_alice, "");
        _liquidation.start(_alice, "");
        vm.expectPartialRevert(ILiquidation.BelowTarget.selector);
        _liquidation.end(_alice, "");
    }

    // ---- insolvent

    function test_GivenAnInsolventAccount_WhenBid_TheFundPaysMoreWithTimeAndTheRestIsADeficit_INV_LIQ_3() public {
        _priceBtc(56_000e18);
        // Equity −100,000; margin 168,000: a large account, so in five steps and more.
        _liquidation.start(_alice, "");
        assertEq(_fund.insolventOpen(), 1);
        int256 total = _wealth();
        vm.warp(vm.getBlockTimestamp() + 1799);
        _priceBtc(56_000e18);
        (uint256 share, int256 price) = _bid(_carol, 1e18);
        assertEq(share, 0.2e18);
        // 0.2 · (100,000 + 84,000)
        assertEq(price, -36_800e18);
        _checkWealth(total, 1);
        _fund.setTranche(BTC, 1);
        vm.warp(vm.getBlockTimestamp() + 30);
        _priceBtc(56_000e18);
        (, price) = _bid(_carol, 1e18);
        assertEq(_ledger.bookedCashOf(_liquidation.deficitAccount(BTC)), price, "all of it is a deficit");
        assertEq(_wealth(), total, "INV-LIQ-3");
        assertEq(_sink.deficitOf(BTC), uint256(-price), "reported");
        // Reserve 0: short of what is negative.
        assertEq(int256(_sink.shortfallOf(_alice)), -_margin.riskOf(_alice).equity);
        assertEq(_sink.marginOf(_alice), _margin.riskOf(_alice).maintenanceMargin, "by which its payout may grow");
        _fund.setTranche(BTC, 0);
        assertEq(_liquidation.cover(BTC), uint256(-price));
        assertEq(_ledger.cashOf(_liquidation.deficitAccount(BTC)), 0);
        assertEq(_liquidation.cover(BTC), 0);
        assertEq(_wealth(), total, "INV-LIQ-3");
    }

    function test_GivenASmallInsolventAccount_WhenTakenWhole_ItIsEmptyAndTheAuctionEnds() public {
        AuctionTerms memory terms = _liquidation.termsOf();
        (terms.smallMargin, terms.largeMargin) = (1e30, 1e30);
        _liquidation.setTerms(terms);
        _priceBtc(56_000e18);
        _start(_alice);
        _ledger.changeCash(_carol, 10_000_000e18);
        (uint256 share, ) = _bid(_carol, 1e18);
        assertEq(share, 1e18);
        assertEq(_liquidation.auctionOf(_alice).id, 0);
        assertEq(_ledger.cashOf(_alice), 0);
        assertFalse(_markets.hasPositions(_alice));
        assertEq(_fund.insolventOpen(), 0);
        assertEq(_sink.shortfallOf(_alice), 0);
    }

    // ---- governance

    function test_GivenAStrangerOrImpossibleTerms_WhenSet_ItReverts() public {
        AuctionTerms memory terms = _liquidation.termsOf();
        vm.prank(makeAddr("stranger"));
        vm.expectRevert(
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, makeAddr("stranger"))
        );
        _liquidation.setTerms(terms);
        terms.fastTo = terms.fastFrom + 1;
        vm.expectRevert(abi.encodeWithSelector(ILiquidation.TermsInvalid.selector, "fastTo <= fastFrom <= 1"));
        _liquidation.setTerms(terms);
        // What its field does not hold.
        AuctionTerms[6] memory cut;
        for (uint256 i; i < cut.length; ++i) cut[i] = _liquidation.termsOf();
        cut[0].feeLeast += 1;
        cut[1].stepShare -= 1;
        cut[2].slowSeconds = 1 << 24;
        cut[3].insolventSeconds = 1 << 24;
        cut[4].smallMargin = 1;
        cut[5].largeMargin = 1e9 << 95;
        for (uint256 i; i < cut.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    ILiquidation.TermsInvalid.selector,
                    "whole 1e-9, margins below 2^95 of it, times below 2^24 seconds"
                )
            );
            _liquidation.setTerms(cut[i]);
        }
    }

    function testFuzz_GivenTermsThatFit_WhenSet_TheyAreWhatIsRead(uint256 seed) public {
        AuctionTerms memory terms = AuctionTerms({
            fastTo: _rate(seed, 1, 1e9),
            fastFrom: 1e18,
            buffer: _rate(seed, 2, 1e9),
            feeLeast: _rate(seed, 3, 1e8),
            feeMost: 0.1e18 + _rate(seed, 4, 15e7),
            feeFullBreach: 1e9 + _rate(seed, 5, 1e9 - 1),
            stepShare: 1e9 + _rate(seed, 6, 1e9 - 1),
            fastSeconds: 1 + _seconds(seed, 7),
            slowSeconds: 1 + _seconds(seed, 8),
            resumeSeconds: 1 + _seconds(seed, 9),
            insolventSeconds: 1 + _seconds(seed, 10),
            coolOff: _seconds(seed, 11) % 3601,
            smallMargin: _margin95(seed, 12),
            largeMargin: _margin95(seed, 13)
        });
        _liquidation.setTerms(terms);
        assertEq(abi.encode(_liquidation.termsOf()), abi.encode(terms));
    }

    /// @dev 0 ... most, 1e-9.
    function _rate(uint256 seed, uint256 salt, uint256 most) private pure returns (uint64) {
        return uint64((uint256(keccak256(abi.encode(seed, salt))) % (most + 1)) * 1e9);
    }

    function _seconds(uint256 seed, uint256 salt) private pure returns (uint32) {
        return uint32(uint256(keccak256(abi.encode(seed, salt))) % ((1 << 24) - 1));
    }

    function _margin95(uint256 seed, uint256 salt) private pure returns (uint128) {
        return uint128((uint256(keccak256(abi.encode(seed, salt))) >> 161) * 1e9);
    }

    // ---- properties

    function testFuzz_GivenAnyFallAndBids_HealthRises_ValueStays_NobodyIsTakenAtOrAboveMargin(
        uint128 price,
        uint64[6] memory shares,
        uint16[6] memory waits
    ) public {
        uint128 fallen = uint128(bound(price, 50_000e18, 58_900e18));
        _priceBtc(fallen);
        _ledger.changeCash(_carol, 10_000_000e18);
        if (_healthOf(_alice) >= 0) {
            vm.expectPartialRevert(ILiquidation.HealthyAccount.selector);
            _liquidation.start(_alice, "");
            return;
        }
        int256 total = _wealth();
        _liquidation.start(_alice, "");
        for (uint256 i; i < shares.length && _liquidation.auctionOf(_alice).id != 0; ++i) {
            vm.warp(vm.getBlockTimestamp() + 30 + waits[i]);
            _priceBtc(fallen);
            int256 health = _healthOf(_alice);
            if (health >= 0) break;
            bool solvent = _margin.riskOf(_alice).equity > int256(uint256(_liquidation.auctionOf(_alice).reserve));
            _bid(_carol, uint64(bound(shares[i], 1, 1e18)));
            if (solvent) assertGe(_healthOf(_alice), health, "INV-LIQ-2");
        }
        _checkWealth(total, shares.length);
    }
}
