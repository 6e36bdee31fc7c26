// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {AuctionTerms} from "../../src/hub/liquidation/AuctionMath.sol";
import {IFund} from "../../src/hub/liquidation/IFund.sol";
import {ILevy} from "../../src/hub/liquidation/ILevy.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IShortfalls} from "../../src/hub/liquidation/IShortfalls.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Wad} from "../../src/hub/risk/Wad.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LossSteps} from "./LossSteps.sol";

/// @notice Six accounts under cross, isolated and portfolio margin, with collateral on two chains, that trade with leverage and borrow while prices
///         jump and chains fail; anyone starts, bids, undoes, ends, covers, levies, publishes sheets.
contract LiquidationWalk is LossSteps {
    /// @dev The one that stays under isolated margin.
    uint256 private constant ISOLATED = 4;
    /// @dev The part of the fund that stands for accounts without positions: small, so that walks see it used up.
    uint64 private constant TRANCHE = 0.001e18;

    function setUp() public override {
        super.setUp();
        bytes4[36] memory expected = [
            ILevy.DeficitTooSmall.selector,
            ILevy.LevyOpen.selector,
            IMargin.LevyPending.selector,
            ILedger.CashBraked.selector,
            IMargin.BelowInitialMargin.selector,
            IMargin.PricesNotFresh.selector,
            IMargin.GainUnrealised.selector,
            IMargin.HealthFell.selector,
            IMargin.OutsideBand.selector,
            IMarkets.IsolatedHoldsOne.selector,
            IMarkets.OpenInterestCap.selector,
            ILedger.CashTooLow.selector,
            ILedger.BalanceTooLow.selector,
            IWithdrawals.LegTooSmall.selector,
            ILiquidation.AuctionOpen.selector,
            ILiquidation.HealthyAccount.selector,
            ILiquidation.PricesUnusable.selector,
            ILiquidation.HealthFell.selector,
            ILiquidation.BidderInvalid.selector,
            ILiquidation.GracePeriod.selector,
            ILiquidation.CoolOff.selector,
            ILiquidation.BidderBelowInitialMargin.selector,
            ILiquidation.UndoInvalid.selector,
            ILiquidation.BelowTarget.selector,
            IShortfalls.DebtWithinLimit.selector,
            IShortfalls.DebtAboveGoal.selector,
            IShortfalls.BelowMaintenance.selector,
            IShortfalls.InLiquidation.selector,
            IShortfalls.BidderInvalid.selector,
            IShortfalls.BidderBelowInitialMargin.selector,
            IShortfalls.CollateralWorthless.selector,
            IShortfalls.TooEarly.selector,
            IShortfalls.ShortfallOpen.selector,
            IShortfalls.PricesUnusable.selector,
            IFund.LossKnown.selector,
            IFund.NoExit.selector
        ];
        for (uint256 i; i < expected.length; ++i) _expect(expected[i]);
        AuctionTerms memory terms = liquidation.termsOf();
        terms.largeMargin = 150_000e18;
        liquidation.setTerms(terms);
        insurance.setExitDelay(EXIT_DELAY);
        insurance.setTranche(0, TRANCHE);
        withdrawals.setOutflow(OTHER, WETH, 1e24, 1e18);
        for (uint256 i; i < accounts.length; ++i) _depositOther(accounts[i], 3e18);
        _setMode(accounts[1], IMarkets.Mode.Portfolio);
        _setMode(accounts[3], IMarkets.Mode.Portfolio);
        _setMode(accounts[ISOLATED], IMarkets.Mode.Isolated);
    }

    // ---- steps

    function _act() internal override {
        uint256 kind = _next(32);
        if (kind < 6) _trade();
        else if (kind < 8) _move(300);
        else if (kind == 8) _crash();
        else if (kind < 12) _startSome();
        else if (kind < 17) _bidSome();
        else if (kind == 17) _undo();
        else if (kind == 18) _endSome();
        else if (kind == 19) _topUp();
        else if (kind == 20) _withdraw();
        else if (kind == 21) _shortfall();
        else if (kind < 24) _fund();
        else if (kind == 24) _others();
        else if (kind == 25) _changeMode();
        else if (kind == 26) _changeChain();
        else if (kind == 27) _borrow();
        else if (kind < 30) _withdraw();
        else _levy(_next(2) == 0 ? BTC : ETH);
    }

    /// @dev Time goes on, prices jump by at most `most` / 10,000; mostly they are published.
    function _move(uint256 most) private {
        vm.warp(_now() + 1 + _next(20 minutes));
        for (uint256 i; i < 2; ++i) {
            uint256 around = i == 0 ? 60_000e18 : 3000e18;
            uint256 spot = (spots[i] * (10_000 - most + _next(2 * most + 1))) / 10_000;
            if (spot < around / 2 || spot > around * 2) spot = around;
            spots[i] = marks[i] = uint128(spot);
        }
        if (_next(6) != 0) _publish();
        ++done["move"];
    }

    function _crash() private {
        _move(2500);
        _publish();
        _startSome();
    }

    function _trade() private {
        HubAccount buyer = _anyTrader();
        HubAccount seller = _anyTrader();
        if (_next(8) == 0) buyer = accounts[ISOLATED];
        if (buyer.owner() == seller.owner()) return;
        _publish();
        // Under isolated margin there is room for one instrument.
        uint256 kind = markets.modeOf(buyer) == IMarkets.Mode.Isolated ? 2 : _next(5);
        uint256 instrument = kind < 2 ? uint256(BTC) << 8 : uint256(ETH) << 8;
        uint256 size = kind < 2 ? 1 + _next(15e18) : 1 + _next(300e18);
        uint256 price = marks[kind < 2 ? 0 : 1] + _next(1e9);
        if (_next(2) == 0) size = _leveraged(buyer, price);
        if (_next(8) == 0) size = 1 + _next(3);
        if (kind == 4) (instrument, size, price) = (_option(_next(3), 1 + _next(2)), (1 + _next(4000)) * 1e15, 9000e18);
        try exchange.settle(_fillOf(buyer, seller, instrument, uint128(size), uint128(price)), matcher, "") {
            _roundings += 8;
            ++done[kind == 4 ? bytes32("option") : bytes32("trade")];
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }

    /// @dev Up to sixteen times what the buyer is worth: whoever got rich by bids may fall again.
    function _leveraged(HubAccount buyer, uint256 price) private returns (uint256) {
        int256 worth = Wad.min(_riskOf(buyer).equity, 60_000e18);
        return 1 + (worth > 0 ? (uint256(worth) * _next(16e18)) / price : 0);
    }

    /// @dev Mostly of who has the least cash.
    function _topUp() private {
        HubAccount account = _any();
        for (uint256 i; i < accounts.length && _next(8) != 0; ++i)
            if (ledger.cashOf(accounts[i]) < ledger.cashOf(account)) account = accounts[i];
        _deposit(account, USDC, uint128(1 + _next(30_000e6)), true);
        _deposit(_any(), WETH, uint128(1 + _next(10e18)), _next(2) == 0);
        _depositOther(_any(), uint128(1 + _next(10e18)));
        ++done["top-up"];
    }

    /// @dev Mostly of who has the most cash: else nobody would fall any more.
    function _withdraw() private {
        HubAccount account = _any();
        for (uint256 i; i < accounts.length && _next(8) != 0; ++i)
            if (ledger.cashOf(accounts[i]) > ledger.cashOf(account)) account = accounts[i];
        uint256 kind = _next(3);
        (uint128 held, ) = ledger.balanceOf(account, kind == 0 ? wethId : otherWethId);
        if (kind == 2) _withdrawFree(account);
        else _withdrawFrom(account, kind == 0 ? SPOKE : OTHER, WETH, uint128(1 + _next(uint256(held) + 1)));
    }

    function _changeMode() private {
        uint256 drawn = _next(accounts.length);
        HubAccount account = accounts[drawn == ISOLATED ? 0 : drawn];
        _publish();
        IMarkets.Mode mode = _next(3) == 0 ? IMarkets.Mode.Portfolio : IMarkets.Mode(_next(3));
        vm.prank(account.owner(), account.owner());
        try margin.setMode(account, mode, "") {
            Risk memory risk = _riskOf(account);
            if (margin.isExposed(account))
                assertGe(risk.equity, int256(risk.initialMargin), "INV-MARGIN-1: a mode below initial margin");
            ++done["mode"];
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }

    /// @dev A chain that holds collateral fails, or is well again; mostly both are well.
    function _changeChain() private {
        uint32 eid = _next(2) == 0 ? SPOKE : OTHER;
        if (_chainState(eid) == 0 && rules.chainsImpaired() != 0 && _next(4) != 0) eid = eid == SPOKE ? OTHER : SPOKE;
        uint8 state = _chainState(eid);
        if (state != 0 && _next(4) != 0) {
            rules.restoreChain(eid, ICollateralRules.ChainState(_next(4) == 0 ? _next(state) : 0));
            ++done["chain better"];
        } else if (state != uint8(type(ICollateralRules.ChainState).max)) {
            uint256 worse = state + 1 + _next(uint8(type(ICollateralRules.ChainState).max) - state);
            rules.worsenChain(eid, ICollateralRules.ChainState(worse), uint32(_next(2 hours)));
            ++done["chain worse"];
        }
    }

    function _chainState(uint32 eid) private view returns (uint8) {
        (ICollateralRules.ChainState state, ) = rules.chainStateOf(eid);
        return uint8(state);
    }

    /// @dev What needs nobody's leave, and the guardian.
    function _others() private {
        for (uint16 market; market <= ETH; ++market) {
            int256 total = _total();
            if (liquidation.cover(market) != 0) ++done["cover"];
            assertEq(_total(), total, "INV-LIQ-3: cover");
        }
        markets.fund(_next(2) == 0 ? BTC : ETH);
        ledger.chargeInterest(_any());
        uint32 eid = _next(2) == 0 ? HUB : SPOKE;
        routes.declare(eid, routes.isOpen(eid));
        ++done["others"];
        if (routes.isOpen(HUB) || routes.isOpen(SPOKE)) return;
        // Prices fall while nobody can top up.
        _move(2500);
        _startSome();
    }
}
