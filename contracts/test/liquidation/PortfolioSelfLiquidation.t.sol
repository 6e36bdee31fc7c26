// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AuctionTerms} from "../../src/hub/liquidation/AuctionMath.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationWorld} from "./LiquidationWorld.sol";

/// @notice See PortfolioSelfLiquidation.tree. Two accounts of one owner under portfolio margin, with perpetuals, options, cash and WETH on two
///         chains; all they hold is held against a third.
contract PortfolioSelfLiquidationTest is LiquidationWorld {
    /// @dev In 1e-18, of one bid: each of the two holds two perpetuals, options and two balances, valued to the next unit down; cash and price.
    int256 private constant ROUNDINGS = 12;
    /// @dev In 1e-18: sizes go up to the next unit with a part of their quote, of either perpetual. At most the mark itself.
    int256 private constant UNIT_GAIN = 2 * (60_000 + 3000);
    /// @dev A portfolio's short puts count a step of the row (2^-31 of the forward) and one of the strike (2^-27) too much, as far as they are short
    ///      (LaneRows.find): 17 steps. The bidder is long 0.7 of those that the victim is short of; where they meet, that is counted no more.
    int256 private constant STEPS = 12;
    uint256 private constant ROUNDS = 4;

    /// @dev What a game came to.
    struct Game {
        uint256 solvent;
        uint256 insolvent;
        uint256 bySheet;
        uint256 beyondLimit;
        uint256 restored;
    }

    HubAccount private victim;
    HubAccount private bidder;
    uint256 private _drawn;

    function setUp() public override {
        super.setUp();
        (victim, bidder) = (accounts[0], accounts[1]);
        HubAccount other = accounts[2];
        _setMode(victim, IMarkets.Mode.Portfolio);
        _setMode(bidder, IMarkets.Mode.Portfolio);
        _deposit(other, USDC, 5_000_000e6, true);
        _deposit(bidder, USDC, 2_000_000e6, true);
        _depositOther(victim, 10e18);
        _depositOther(bidder, 1e18);
        _buy(victim, other, uint256(BTC) << 8, 5e18, 60_000e18);
        _buy(other, victim, uint256(ETH) << 8, 10e18, 3000e18);
        _buy(other, victim, _option(0, 2), 2e18, 9000e18);
        _buy(other, victim, _option(2, 1), 1e18, 11_000e18);
        _buy(victim, other, _option(1, 1), 0.5e18, 12_000e18);
        _buy(other, bidder, uint256(BTC) << 8, 1e18, 60_000e18);
        _buy(bidder, other, _option(0, 2), 0.7e18, 9000e18);
    }

    /// @dev INV-LIQ-3 of a pair: the fee is theirs to lose, and no bid makes them richer together, whatever moves between them. Once the one is
    ///      insolvent others pay, and this proves only that the bidder gets what anyone could have had by bidding then: share · margin · age / T.
    function testFuzz_GivenTwoPortfoliosOfOneOwner_WhenOneBidsForTheOther_SolventTheyGainNothing_InsolventNoMoreThanIsOffered(
        uint256 seed
    ) public {
        _play(seed);
    }

    /// @dev The game is played: where nobody is ever sold a pair gains nothing either.
    function test_GivenManyGames_BothLegsAreSeen_WithAndWithoutASheet() public {
        Game memory all;
        for (uint256 seed; seed < 64; ++seed) {
            uint256 state = vm.snapshotState();
            Game memory game = _play(seed);
            vm.revertToState(state);
            all.solvent += game.solvent;
            all.insolvent += game.insolvent;
            all.bySheet += game.bySheet;
            all.beyondLimit += game.beyondLimit;
            all.restored += game.restored;
        }
        assertGt(all.solvent, 10, "solvent");
        assertGt(all.insolvent, 5, "insolvent");
        assertGt(all.bySheet, 5, "by a sheet");
        assertGt(all.solvent + all.insolvent, all.bySheet + 5, "without one");
        assertGt(all.beyondLimit, 0, "refused at its limit");
        assertGt(all.restored, 0, "restored");
    }

    function _play(uint256 seed) private returns (Game memory game) {
        _drawn = seed;
        // Of every second one any share may be taken at once.
        AuctionTerms memory terms = liquidation.termsOf();
        if (_next(2) == 0) terms.largeMargin = 1_000_000e18;
        liquidation.setTerms(terms);
        for (uint256 i; i < ROUNDS; ++i) {
            _jump(i == 0);
            if (_healthOf(victim) >= 0) continue;
            if (_next(2) == 0) sheets.publish(BTC, 0);
            if (liquidation.auctionOf(victim).id == 0) _start();
            else _bid(game);
        }
    }

    /// @dev Seconds or hours later; the first of all downwards, the others anywhere.
    function _jump(bool down) private {
        vm.warp(_now() + 1 + _next(_next(2) == 0 ? 60 : 2 hours));
        spots[0] = marks[0] = uint128((60_000e18 * (down ? 70 + _next(25) : 65 + _next(45))) / 100 + _next(1e18));
        spots[1] = marks[1] = uint128((3000e18 * (80 + _next(45))) / 100 + _next(1e18));
        _publish();
    }

    function _start() private {
        int256 pair = _pair();
        vm.prank(victim.owner(), victim.owner());
        liquidation.start(victim, "");
        assertEq(pair - _pair(), int256(uint256(liquidation.auctionOf(victim).fee)), "the fee is theirs");
    }

    function _bid(Game memory game) private {
        ILiquidation.Auction memory auction = liquidation.auctionOf(victim);
        Risk memory risk = _riskOf(victim);
        int256 reserve = int256(uint256(auction.reserve));
        (int256 pair, int256 alone) = (_pair(), _riskOf(bidder).equity);
        // Of every size as often as of any other, and the whole; now and then at a price that may be too high for it.
        uint64 share = _next(3) == 0 ? 1e18 : uint64(1 + _next(10 ** (1 + _next(18))));
        int256 limit = type(int256).max;
        if (_next(3) == 0) limit = ((risk.equity - reserve) * int256(_next(share))) / 1e18;
        vm.prank(bidder.owner(), bidder.owner());
        try liquidation.bid(ILiquidation.Bid(victim, bidder, share, limit), "") returns (uint256 taken, int256 price) {
            assertLe(price, limit);
            if (sheets.sheetOf(BTC, 0) != address(0)) ++game.bySheet;
            if (risk.equity > reserve) {
                assertLe(_pair(), pair + ROUNDINGS + _steps(), "solvent: a gain out of nothing");
                assertGe(price, 0, "solvent: nobody pays them");
                ++game.solvent;
                if (liquidation.auctionOf(victim).id == 0) ++game.restored;
                return;
            }
            uint256 since = auction.insolventSince == 0 ? _now() : auction.insolventSince;
            uint256 age = _now() - since < 1 hours ? _now() - since : 1 hours;
            int256 offered = (int256(taken) * int256((risk.maintenanceMargin * age) / 1 hours)) / 1e18;
            assertLe(
                _riskOf(bidder).equity - alone,
                offered + ROUNDINGS + UNIT_GAIN + _steps(),
                "insolvent: more than is offered to all"
            );
            ++game.insolvent;
        } catch (bytes memory reason) {
            assertEq(bytes4(reason), ILiquidation.PriceAboveLimit.selector, "another refusal");
            ++game.beyondLimit;
        }
    }

    function _steps() private view returns (int256) {
        return (STEPS * int256(uint256(marks[0]))) >> 31;
    }

    /// @dev What the two are worth, by the engine that judges both.
    function _pair() private view returns (int256) {
        return _riskOf(victim).equity + _riskOf(bidder).equity;
    }

    function _buy(HubAccount buyer, HubAccount seller, uint256 instrument, uint128 size, uint128 price) private {
        IExchange.Fill[] memory fills = _fillOf(buyer, seller, instrument, size, price);
        exchange.settle(fills, matcher, "");
    }

    function _next(uint256 below) private returns (uint256) {
        _drawn = uint256(keccak256(abi.encode(_drawn)));
        return (_drawn >> 8) % below;
    }
}
