// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IInterestModel} from "../../src/hub/IInterestModel.sol";
import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {IPortfolioEngine} from "../../src/hub/risk/IPortfolioEngine.sol";
import {IRiskEngine, Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {ISheets} from "../../src/hub/risk/ISheets.sol";
import {IStandardEngine} from "../../src/hub/risk/IStandardEngine.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {FeedsFixture} from "./FeedsFixture.sol";
import {HubFixture} from "./HubFixture.sol";
import {StandardRates} from "./StandardRates.sol";

/// @notice The whole hub as it is deployed: ledger, gateway, withdrawals, feeds, rules, engines, markets, margin, exchange. BTC has a perpetual
///         and options, ETH a perpetual; collateral is WETH. Prices follow the test.
abstract contract MarketsWorld is HubFixture, FeedsFixture {
    uint16 internal constant ETH = 2;
    uint32 internal constant REDUCE_BAND = 2e7;
    uint64 internal constant LISTER = 7;
    uint256 internal constant TRADERS = 3;
    uint256 internal constant SUBACCOUNTS = 2;

    IMarkets internal markets;
    IMargin internal margin;
    IExchange internal exchange;
    /// @dev By mode.
    IRiskEngine[3] internal engines;
    ICollateralRules internal rules;
    ISheets internal sheets;
    HubAccount internal matcher = AccountLib.encode(makeAddr("matcher"), 0, 0);
    HubAccount internal fund = AccountLib.encode(makeAddr("fund"), 0, 0);
    uint256[TRADERS] internal keys;
    address[TRADERS] internal owners;
    HubAccount[] internal accounts;
    uint40[] internal expiries;
    uint128[2] internal spots = [uint128(60_000e18), 3000e18];
    uint128[2] internal marks = [uint128(60_000e18), 3000e18];
    uint40 internal publishedAt;

    uint256 private _nonce;

    function setUp() public virtual override(HubFixture, FeedsFixture) {
        HubFixture.setUp();
        FeedsFixture.setUp();
        _feeds.setUnderlying(ETH, IFeeds.SpotMode.Signed, address(0), _bounds());
        markets = IMarkets(_hub("src/hub/markets/Markets.sol:Markets", abi.encode(authority, ledger, _feeds)));
        margin = IMargin(_hub("src/hub/markets/Margin.sol:Margin", abi.encode(authority, markets, _feeds, delegates)));
        exchange = IExchange(
            _hub("src/hub/markets/Exchange.sol:Exchange", abi.encode(authority, ledger, markets, margin, delegates))
        );
        bytes4[] memory advance = new bytes4[](1);
        advance[0] = IFeeds.advance.selector;
        _manager.setTargetFunctionRole(address(_feeds), advance, LISTER);
        _manager.grantRole(LISTER, address(markets), 0);
        _setEngines();
        margin.setReduceBand(REDUCE_BAND);
        exchange.setFeeShares(fund, 5e8);
        ledger.setModule(address(markets), true);
        ledger.setModule(address(exchange), true);
        markets.setModule(address(exchange), true);
        markets.setModule(address(margin), true);
        ledger.setMarginCheck(margin);
        withdrawals.setMarginCheck(margin);
        ledger.setInterestModel(
            IInterestModel(
                _hub("src/hub/InterestModel.sol:InterestModel", abi.encode(0.02e18, 0.08e18, 0.85e18, 0.9e18))
            )
        );
        withdrawals.setOutflow(SPOKE, USDC, 1e15, 1e10);
        withdrawals.setOutflow(SPOKE, WETH, 1e24, 1e18);
        for (uint16 underlying = BTC; underlying <= ETH; ++underlying)
            markets.setUnderlying(
                underlying,
                IMarkets.Standing.Open,
                IMarkets.PerpetualTerms(1000e18, 4_000_000, 12_500),
                IMarkets.OptionTerms(1e6)
            );
        for (uint256 i = 0; i < TRADERS; ++i) {
            (owners[i], keys[i]) = makeAddrAndKey(string(abi.encodePacked("trader", bytes1(uint8(65 + i)))));
            for (uint64 sub = 0; sub < SUBACCOUNTS; ++sub) accounts.push(AccountLib.encode(owners[i], 0, sub));
        }
        _publish();
    }

    function _setEngines() private {
        rules = ICollateralRules(
            _hub("src/hub/risk/CollateralRules.sol:CollateralRules", abi.encode(authority, _feeds))
        );
        ICollateralRules.ClassTier[] memory classes = new ICollateralRules.ClassTier[](1);
        classes[0] = ICollateralRules.ClassTier(0, 1e8, 5e7);
        rules.setClass(0, classes);
        rules.setAssetRule(wethId, ICollateralRules.AssetRule(ETH, 18, 0, SPOKE));
        address normal = _hub("src/math/NormalTable.sol:NormalTable", "");
        bytes memory args = abi.encode(
            authority,
            IStandardEngine.Links(address(_feeds), address(rules), address(markets), normal),
            StandardRates.perpetual(2_000_000e18),
            StandardRates.option()
        );
        engines[uint8(IMarkets.Mode.Cross)] = IRiskEngine(_hub("src/hub/risk/CrossEngine.sol:CrossEngine", args));
        engines[uint8(IMarkets.Mode.Isolated)] = IRiskEngine(
            _hub("src/hub/risk/IsolatedEngine.sol:IsolatedEngine", args)
        );
        sheets = ISheets(_hub("src/hub/risk/Sheets.sol:Sheets", abi.encode(_feeds, markets, normal)));
        IPortfolioEngine.Links memory links = IPortfolioEngine.Links(address(_feeds), address(rules), address(sheets));
        engines[uint8(IMarkets.Mode.Portfolio)] = IRiskEngine(
            _hub("src/hub/risk/PortfolioEngine.sol:PortfolioEngine", abi.encode(authority, links, uint16(0)))
        );
        for (uint8 mode = 0; mode < 3; ++mode) margin.setEngine(IMarkets.Mode(mode), engines[mode]);
    }

    function _hub(string memory artifact, bytes memory args) internal returns (address) {
        return _create(artifact, args);
    }

    // ---- prices

    function _now() internal view returns (uint40) {
        // The compiler takes block.timestamp for the same throughout a call.
        return uint40(vm.getBlockTimestamp());
    }

    /// @dev Signed now: spot and mark of both; forward and surface of every expiry to come.
    function _reports() internal view returns (IFeeds.Report[] memory reports) {
        uint40 time = _now();
        uint256 live;
        for (uint256 i = 0; i < expiries.length; ++i) if (expiries[i] > time) ++live;
        reports = new IFeeds.Report[](4 + 2 * live);
        reports[0] = IFeeds.Report(FeedWord.id(BTC, Kind.Spot, 0), spots[0], 1e6);
        reports[1] = IFeeds.Report(FeedWord.id(BTC, Kind.Mark, 0), marks[0], 1e6);
        uint256 at = 2;
        for (uint256 i = 0; i < expiries.length; ++i) {
            if (expiries[i] <= time) continue;
            reports[at] = IFeeds.Report(FeedWord.id(BTC, Kind.Forward, expiries[i]), marks[0], 1e6);
            reports[live + at++] = IFeeds.Report(
                FeedWord.id(BTC, Kind.Surface, expiries[i]),
                _slice(6e7, -3e8, 1e9),
                1e6
            );
        }
        reports[2 + 2 * live] = IFeeds.Report(FeedWord.id(ETH, Kind.Spot, 0), spots[1], 1e6);
        reports[3 + 2 * live] = IFeeds.Report(FeedWord.id(ETH, Kind.Mark, 0), marks[1], 1e6);
    }

    /// @dev What an action takes along: prices signed now.
    function _prices() internal view returns (bytes memory) {
        IFeeds.Report[] memory reports = _reports();
        return abi.encode(_now(), reports, _sign(_now(), reports, THRESHOLD, 0));
    }

    function _publish() internal {
        if (publishedAt == _now()) return;
        publishedAt = _now();
        _submit(publishedAt, _reports());
    }

    // ---- INV-CASH-1 in the ledger

    /// @param held      what positions hold, 18 decimals
    /// @param roundings the most that roundings may have left in the clearing account beside it
    function _checkCash(int256 held, uint256 roundings) internal view {
        (, uint256 pool, , ) = ledger.interestOf();
        (, int256 due) = ledger.spreadOf();
        assertEq(
            int256(ledger.custodyOf(usdcId).free * 1e12),
            ledger.totalCash() + ledger.clearing() + int256(ledger.queuedCash() + pool) - due,
            "INV-CASH-1: free settlement"
        );
        int256 rest = ledger.clearing() - held;
        assertGe(rest, 0, "INV-CASH-1: positions hold more than left accounts for them");
        assertLe(rest, int256(roundings), "INV-CASH-1: more than roundings");
    }

    // ---- orders

    function _riskOf(HubAccount account) internal view returns (Risk memory) {
        return engines[uint8(markets.modeOf(account))].riskOf(markets.holdingsOf(account));
    }

    /// @dev An order to buy, signed now, against the same of who sells: all of it, at its limit and its fee.
    function _fillsOf(IExchange.Order memory buy, HubAccount seller) internal returns (IExchange.Fill[] memory fills) {
        fills = new IExchange.Fill[](1);
        (fills[0].size, fills[0].price) = (uint128(buy.amount), buy.limit);
        (fills[0].buyFee, fills[0].sellFee) = (buy.feeCap, buy.feeCap);
        buy.expiry = _now() + 1;
        fills[0].buy = _signed(buy);
        IExchange.Order memory sell = abi.decode(abi.encode(buy), (IExchange.Order));
        (sell.account, sell.amount) = (seller, -buy.amount);
        fills[0].sell = _signed(sell);
    }

    function _signed(IExchange.Order memory order) private returns (IExchange.SignedOrder memory signed) {
        order.nonce = ++_nonce;
        signed.order = order;
        for (uint256 i = 0; i < TRADERS; ++i) {
            if (owners[i] != order.account.owner()) continue;
            signed.signer = owners[i];
            signed.signature = _signature(keys[i], exchange.hashOf(order));
        }
    }
}
