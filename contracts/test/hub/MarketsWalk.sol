// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Wad} from "../../src/hub/risk/Wad.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {MarketsChecks} from "./MarketsChecks.sol";

/// @notice Three owners with two accounts each, and everything that can happen to value on the hub, by chance. What an owner was let do is
///         judged at once.
contract MarketsWalk is MarketsChecks {
    uint8[STRIKES][] private _places;

    function setUp() public override {
        super.setUp();
        bytes4[19] memory expected = [
            IMargin.BelowInitialMargin.selector,
            IMargin.PricesNotFresh.selector,
            IMargin.PricesTooOld.selector,
            IMargin.GainUnrealised.selector,
            IMargin.HealthFell.selector,
            IMargin.OutsideBand.selector,
            IMarkets.IsolatedHoldsOne.selector,
            IMarkets.SeriesExpired.selector,
            IMarkets.SizeInvalid.selector,
            IExchange.NotReduced.selector,
            IExchange.PriceUnreasonable.selector,
            ILedger.CashTooLow.selector,
            ILedger.BalanceTooLow.selector,
            ILedger.NotEnabled.selector,
            ILedger.CollateralLimit.selector,
            IWithdrawals.LegTooSmall.selector,
            IMarkets.OpenInterestCap.selector,
            IMarkets.UnderlyingLimit.selector,
            IMarkets.ExpiryLimit.selector
        ];
        for (uint256 i = 0; i < expected.length; ++i) _expect(expected[i]);
        for (uint256 i = 0; i < accounts.length; ++i) {
            _deposit(accounts[i], USDC, 50_000e6, true);
            _deposit(accounts[i], WETH, 5e18, true);
        }
        _roll();
        _publish();
    }

    // ---- steps

    function _act() internal override {
        uint256 kind = _next(20);
        if (kind < 7) _trade(false);
        else if (kind < 9) _trade(true);
        else if (kind == 9) _depositSome();
        else if (kind == 10) _withdraw();
        else if (kind == 11) _transfer();
        else if (kind == 12) _toggle();
        else if (kind == 13) _setMode();
        else if (kind == 14) _anyone();
        else if (kind == 15) _expire();
        else if (kind == 16) _gap();
        else _move();
    }

    /// @dev Time and prices go on; mostly the prices are published.
    function _move() private {
        vm.warp(_now() + 1 + _next(40 minutes));
        for (uint256 i = 0; i < 2; ++i) {
            uint256 around = i == 0 ? 60_000e18 : 3000e18;
            uint256 spot = (spots[i] * (9_400 + _next(1_201))) / 10_000;
            if (spot < around / 2 || spot > around * 2) spot = around;
            spots[i] = uint128(spot);
            marks[i] = uint128((spot * (990 + _next(21))) / 1000);
        }
        if (_next(4) != 0) _publish();
        ++done["move"];
    }

    /// @dev Nobody signs for a while: aged, then stale.
    function _gap() private {
        vm.warp(_now() + 1 minutes + _next(20) * 1 minutes);
        ++done["gap"];
    }

    function _depositSome() private {
        HubAccount account = _any();
        if (_next(2) == 0) _deposit(account, USDC, uint128(1 + _next(20_000e6)), true);
        else _deposit(account, WETH, uint128(1 + _next(5e18)), _next(2) == 0);
        ++done["deposit"];
    }

    /// @dev Two orders around the mark; now and then with prices, at a fee, or far from it.
    function _trade(bool reduceOnly) private {
        uint256 instrument = _instrument();
        HubAccount buyer = _any();
        HubAccount seller = _any();
        if (reduceOnly) {
            // Whoever is short buys, whoever is long sells.
            for (uint256 i = 0; i < accounts.length; ++i) {
                int256 held = markets.sizeOf(accounts[i], instrument);
                if (held < 0) buyer = accounts[i];
                if (held > 0) seller = accounts[i];
            }
        }
        if (buyer.owner() == seller.owner()) return;
        IExchange.Order memory buy;
        (buy.account, buy.instrument, buy.reduceOnly) = (buyer, instrument, reduceOnly);
        uint128 size = _size(instrument);
        buy.amount = int128(reduceOnly ? _within(size, buyer, seller, instrument) : size);
        buy.feeCap = uint128(_next(3) == 0 ? _next(1e18) : 0);
        buy.limit = _priceOf(instrument);
        margin.submit(_somePrices());
        Risk[2] memory before = [_riskOf(buyer), _riskOf(seller)];
        try exchange.settle(_fillsOf(buy, seller), matcher, "") {
            uint256 turnover = (uint256(uint128(buy.amount)) * buy.limit) / 1e18;
            _judgeTrade(buyer, reduceOnly, turnover, before[0]);
            _judgeTrade(seller, reduceOnly, turnover, before[1]);
            _roundings += 8;
            ++done[reduceOnly ? bytes32("reduce") : bytes32("trade")];
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }

    /// @dev Prices of now if nobody told them yet, or none.
    function _somePrices() private returns (bytes memory prices) {
        if (_next(2) == 0 && publishedAt != _now()) (prices, publishedAt) = (_prices(), _now());
    }

    /// @dev At most what both hold.
    function _within(
        uint128 size,
        HubAccount buyer,
        HubAccount seller,
        uint256 instrument
    ) private view returns (uint128) {
        int256 most = Wad.min(-markets.sizeOf(buyer, instrument), markets.sizeOf(seller, instrument));
        return most > 0 && most < int256(uint256(size)) ? uint128(uint256(most)) : size;
    }

    function _withdraw() private {
        HubAccount account = _any();
        bool fromCash = _next(2) == 0;
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = IWithdrawals.Leg({
            eid: SPOKE,
            asset: fromCash ? USDC : WETH,
            fromCash: fromCash,
            amount: uint128(fromCash ? 1e12 + _next(30_000e18) : 1 + _next(4e18)),
            receiver: account.owner()
        });
        if (_next(3) == 0) _publish();
        vm.prank(account.owner(), account.owner());
        try withdrawals.request(account, legs, "") returns (uint64 claim) {
            _judgeLeaving(account);
            if (_next(2) == 0) {
                uint64[] memory claims = new uint64[](1);
                claims[0] = claim;
                withdrawals.order(claims);
            }
            ++done["withdraw"];
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }

    function _transfer() private {
        uint256 i = _next(accounts.length);
        (HubAccount from, HubAccount to) = (accounts[i], accounts[i ^ 1]);
        if (_next(3) == 0) _publish();
        bool isCash = _next(2) == 0;
        uint128 amount = uint128(1 + _next(isCash ? 40_000e18 : 3e18));
        uint16 asset = isCash ? 0 : wethId;
        vm.startPrank(from.owner(), from.owner());
        (bool ok, bytes memory reason) = address(ledger).call(
            isCash
                ? abi.encodeCall(ILedger.transferCash, (from, to, amount))
                : abi.encodeCall(ILedger.transfer, (from, to, asset, amount))
        );
        vm.stopPrank();
        if (!ok) return _refused(reason);
        _judgeLeaving(from);
        ++done["transfer"];
    }

    /// @dev Takes WETH out of margin, or back in.
    function _toggle() private {
        HubAccount account = _any();
        if (_next(2) == 0) _publish();
        (uint16[] memory enabled, ) = ledger.collateralOf(account);
        vm.prank(account.owner(), account.owner());
        if (enabled.length == 0) {
            ledger.enableCollateral(account, wethId);
            ++done["enable"];
            return;
        }
        try ledger.disableCollateral(account, wethId) {
            _judgeLeaving(account);
            ++done["disable"];
        } catch (bytes memory reason) {
            _refused(reason);
        }
    }

    function _setMode() private {
        HubAccount account = _any();
        if (_next(2) == 0) _publish();
        bool profile = _next(3) == 0;
        IMarkets.Mode mode = IMarkets.Mode(_next(3));
        uint16 factor = uint16(_next(200));
        vm.prank(account.owner(), account.owner());
        (bool ok, bytes memory reason) = address(margin).call(
            profile
                ? abi.encodeCall(IMargin.setProfile, (account, factor, 0, ""))
                : abi.encodeCall(IMargin.setMode, (account, mode, ""))
        );
        if (!ok) return _refused(reason);
        _judgeTrade(account, false, 0, _riskOf(account));
        ++done[profile ? bytes32("profile") : bytes32("mode")];
    }

    /// @dev What needs nobody's leave.
    function _anyone() private {
        markets.fund(_next(2) == 0 ? BTC : ETH);
        ledger.chargeInterest(_any());
        markets.settleExpired(_any(), BTC);
        _roundings += EXPIRIES;
        ++done["anyone"];
    }

    /// @dev The first expiry ends; its price comes at once or later, some accounts settle, the places go when all have.
    function _expire() private {
        uint40 expiry = expiries[0];
        if (_now() < expiry) {
            if (_next(2) == 0) return;
            vm.warp(expiry + _next(10 minutes));
        }
        (, , bool isFinal) = _feeds.settlement(BTC, expiry);
        if (!isFinal) {
            if (_next(4) == 0) return;
            IFeeds.Report[] memory report = _one(FeedWord.id(BTC, Kind.Settlement, expiry), spots[0], 0);
            _feeds.submit(_now(), report, _sign(_now(), report, SETTLEMENT_THRESHOLD, 0));
        }
        bool all = _next(2) == 0;
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (!all && _next(2) == 0) continue;
            markets.settleExpired(accounts[i], BTC);
            ++_roundings;
        }
        ++done["settle"];
        if (!all) return;
        uint8[] memory places = new uint8[](STRIKES);
        for (uint256 i = 0; i < STRIKES; ++i) places[i] = _places[0][i];
        markets.retire(BTC, places);
        for (uint256 i = 1; i < expiries.length; ++i)
            (expiries[i - 1], _strikes[i - 1], _places[i - 1]) = (expiries[i], _strikes[i], _places[i]);
        expiries.pop();
        _strikes.pop();
        _places.pop();
        _roll();
        ++done["retire"];
    }

    /// @dev Lists expiries until there are enough, at strikes around spot.
    function _roll() private {
        uint40 next = _now() - (_now() % 1 hours) + 8 hours;
        for (uint256 i = 0; i < expiries.length; ++i) if (expiries[i] >= next) next = expiries[i] + 8 hours;
        for (; expiries.length < EXPIRIES; next += 8 hours) {
            uint128[] memory strikes = new uint128[](STRIKES);
            uint128[STRIKES] memory kept;
            for (uint128 i = 0; i < STRIKES; ++i)
                strikes[i] = kept[i] = ((spots[0] * (90 + i * 10)) / 100 / 100e18) * 100e18;
            uint8[] memory places = markets.list(BTC, next, strikes);
            expiries.push(next);
            _strikes.push(kept);
            _places.push([places[0], places[1], places[2]]);
        }
    }

    // ---- what is traded

    function _instrument() private returns (uint256) {
        uint256 kind = _next(5);
        if (kind < 2) return uint256(kind == 0 ? BTC : ETH) << 8;
        uint256 i = _next(expiries.length);
        return _option(i, _next(STRIKES), 1 + (kind & 1));
    }

    function _size(uint256 instrument) private returns (uint128) {
        if (instrument & 0xff != 0) return uint128((1 + _next(2000)) * 1e15);
        uint256 most = uint16(instrument >> 8) == BTC ? 3e18 : 60e18;
        return uint128(1 + _next(most));
    }

    /// @dev Within 2% of the mark, now and then anywhere; an option's up to a tenth of it.
    function _priceOf(uint256 instrument) private returns (uint128) {
        uint256 mark = marks[uint16(instrument >> 8) == BTC ? 0 : 1];
        if (instrument & 0xff != 0) return uint128(_next(mark / 10));
        if (_next(8) == 0) return uint128(1 + _next(2 * mark));
        return uint128((mark * (9_800 + _next(401))) / 10_000 + _next(1e9));
    }
}
