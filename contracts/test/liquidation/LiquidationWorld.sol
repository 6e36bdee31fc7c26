// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {AuctionTerms} from "../../src/hub/liquidation/AuctionMath.sol";
import {IDeficits} from "../../src/hub/liquidation/IDeficits.sol";
import {IFund} from "../../src/hub/liquidation/IFund.sol";
import {IHandover} from "../../src/hub/liquidation/IHandover.sol";
import {ILevy} from "../../src/hub/liquidation/ILevy.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IPriceTimes} from "../../src/hub/liquidation/IPriceTimes.sol";
import {IRoutes} from "../../src/hub/liquidation/IRoutes.sol";
import {IShortfalls} from "../../src/hub/liquidation/IShortfalls.sol";
import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {MarketsWorld} from "../hub/MarketsWorld.sol";

/// @notice The whole hub with auctions and levies, and WETH on two chains. Options of BTC end far beyond every walk. Accounts are small: what is
///         large, and what may be owed, is small too.
abstract contract LiquidationWorld is MarketsWorld {
    uint40 internal constant FAR = START + 365 days - (START % 1 hours);
    uint128 internal constant LIMIT = 20_000e18;

    IFund internal insurance;
    IHandover internal handover;
    ILevy internal levy;
    ILiquidation internal liquidation;
    IRoutes internal routes;
    IShortfalls internal shortfalls;
    /// @dev WETH on the other chain.
    uint16 internal otherWethId;

    uint64 private _otherSequence;

    function setUp() public virtual override {
        super.setUp();
        _setLiquidation();
        _setLevy();
        _setCollateral();
        AuctionTerms memory terms = liquidation.termsOf();
        (terms.smallMargin, terms.largeMargin) = (500e18, 30_000e18);
        liquidation.setTerms(terms);
        shortfalls.setTerms(IShortfalls.ShortfallTerms(LIMIT, 0.5e18));
        uint32[] memory eids = new uint32[](2);
        (eids[0], eids[1]) = (HUB, SPOKE);
        routes.setRoutes(eids);
        liquidation.setRoutes(routes);
        uint128[] memory strikes = new uint128[](3);
        (strikes[0], strikes[1], strikes[2]) = (54_000e18, 60_000e18, 66_000e18);
        markets.list(BTC, FAR, strikes);
        expiries.push(FAR);
        vm.warp(_now() + 1);
        _publish();
        for (uint256 i; i < accounts.length; ++i) {
            _deposit(accounts[i], USDC, 50_000e6, true);
            _deposit(accounts[i], WETH, 5e18, true);
        }
        _deposit(insurance.account(), USDC, 30_000e6, false);
    }

    function _setLiquidation() private {
        insurance = IFund(_hub("src/hub/liquidation/Fund.sol:Fund", abi.encode(authority, ledger, delegates)));
        handover = IHandover(_hub("src/hub/liquidation/Handover.sol:Handover", abi.encode(authority, ledger, markets)));
        ILiquidation.Links memory links = ILiquidation.Links({
            ledger: ledger,
            margin: margin,
            fund: insurance,
            withdrawals: IWithdrawals(address(withdrawals)),
            handover: handover,
            priceTimes: IPriceTimes(
                _hub("src/hub/liquidation/PriceTimes.sol:PriceTimes", abi.encode(_feeds, markets, rules))
            )
        });
        liquidation = ILiquidation(
            _hub("src/hub/liquidation/Liquidation.sol:Liquidation", abi.encode(authority, links))
        );
        shortfalls = IShortfalls(
            _hub("src/hub/liquidation/Shortfalls.sol:Shortfalls", abi.encode(authority, liquidation, rules))
        );
        routes = IRoutes(_hub("src/hub/liquidation/Routes.sol:Routes", abi.encode(authority, hubLog, liquidation)));
        insurance.setLiquidation(address(liquidation));
        handover.setAuctioneer(address(liquidation), true);
        handover.setAuctioneer(address(shortfalls), true);
        ledger.setModule(address(insurance), true);
        ledger.setModule(address(liquidation), true);
        ledger.setModule(address(shortfalls), true);
        ledger.setModule(address(handover), true);
        markets.setModule(address(handover), true);
    }

    function _setLevy() private {
        levy = ILevy(_hub("src/hub/liquidation/Levy.sol:Levy", abi.encode(authority, ledger, margin, insurance)));
        ledger.setModule(address(levy), true);
        markets.setModule(address(levy), true);
        margin.setLevy(levy);
        levy.setLiquidation(IDeficits(address(liquidation)));
        liquidation.setDeficitSink(levy);
        insurance.setLevy(levy);
    }

    /// @dev WETH of the other chain, and what states of chains take.
    function _setCollateral() private {
        otherWethId = ledger.configureAsset(OTHER, WETH, _config(ILedger.AssetStanding.Collateral, 18));
        rules.setAssetRule(otherWethId, ICollateralRules.AssetRule(ETH, 18, 0, OTHER));
        rules.setStateRates(ICollateralRules.ChainState.Degraded, ICollateralRules.Rates(5e7, 5e7));
        rules.setStateRates(ICollateralRules.ChainState.Quarantined, ICollateralRules.Rates(3e8, 2e8));
        rules.setStateRates(ICollateralRules.ChainState.WrittenDown, ICollateralRules.Rates(1e9, 0));
    }

    /// @dev An own deposit of WETH on the other chain.
    function _depositOther(HubAccount account, uint128 amount) internal {
        bytes[] memory entries = new bytes[](1);
        entries[0] = _entry(account, WETH, amount, true);
        bytes memory stream = _stream(entries);
        vm.prank(messenger);
        gateway.applyEntries(OTHER, ++_otherSequence, stream, new uint256[](1));
    }

    function _setMode(HubAccount account, IMarkets.Mode mode) internal {
        vm.prank(account.owner(), account.owner());
        margin.setMode(account, mode, "");
    }

    /// @dev Cash of all without the losses they are yet to be charged, charged interest, and quotes: what no auction and no levy may change.
    function _total() internal view returns (int256) {
        (, uint256 pool, , ) = ledger.interestOf();
        (, int256 due) = ledger.spreadOf();
        return ledger.totalCash() + int256(pool) - due + _quotes();
    }

    function _quotes() internal view returns (int256 sum) {
        for (uint256 i; i < accounts.length; ++i) {
            (, int256 btc) = markets.positionOf(accounts[i], BTC);
            (, int256 eth) = markets.positionOf(accounts[i], ETH);
            sum += btc + eth;
        }
    }

    /// @dev Booked cash of every account there is.
    function _knownCash() internal view returns (int256 known) {
        known = ledger.bookedCashOf(matcher) + ledger.bookedCashOf(fund) + ledger.bookedCashOf(insurance.account());
        known += ledger.bookedCashOf(liquidation.escrow());
        for (uint256 i; i < accounts.length; ++i) known += ledger.bookedCashOf(accounts[i]);
        for (uint16 market; market <= ETH; ++market) known += ledger.bookedCashOf(liquidation.deficitAccount(market));
    }

    /// @dev Equity less maintenance margin.
    function _healthOf(HubAccount account) internal view returns (int256) {
        Risk memory risk = _riskOf(account);
        return risk.equity - int256(risk.maintenanceMargin);
    }

    /// @dev One fill of two orders signed now, without fees.
    function _fillOf(
        HubAccount buyer,
        HubAccount seller,
        uint256 instrument,
        uint128 size,
        uint128 price
    ) internal returns (IExchange.Fill[] memory) {
        return _fillsOf(IExchange.Order(buyer, instrument, int128(size), price, 0, 0, 0, false), seller);
    }

    function _option(uint256 strike, uint256 kind) internal pure returns (uint256) {
        return ((54_000e18 + strike * 6000e18) << 64) | (uint256(FAR) << 24) | (uint256(BTC) << 8) | kind;
    }
}
