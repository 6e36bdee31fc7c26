// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {IDeficitSink} from "../../src/hub/liquidation/IDeficitSink.sol";
import {IFund} from "../../src/hub/liquidation/IFund.sol";
import {IHandover} from "../../src/hub/liquidation/IHandover.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IPriceTimes} from "../../src/hub/liquidation/IPriceTimes.sol";
import {IRoutes} from "../../src/hub/liquidation/IRoutes.sol";
import {IShortfalls} from "../../src/hub/liquidation/IShortfalls.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {Withdrawals} from "../../src/hub/Withdrawals.sol";
import {EntryKind} from "../../src/message/Entry.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {Deploy} from "../Deploy.sol";
import {MarginFixture} from "../hub/MarginFixture.sol";

/// @notice Remembers what it was told.
contract SinkDouble is IDeficitSink {
    mapping(uint16 market => uint256) public deficitOf;
    mapping(HubAccount account => uint256) public shortfallOf;
    mapping(HubAccount account => uint256) public marginOf;

    function reportDeficit(uint16 market, uint256 cash) external {
        deficitOf[market] += cash;
    }

    function reportShortfall(HubAccount account, uint16, uint256 cash, uint256 margin) external {
        (shortfallOf[account], marginOf[account]) = (cash, margin);
    }
}

/// @notice Ledger, withdrawals, markets, feeds, engines, margin, fund and auctions: all real. alice is long 100 BTC at 60,000 against bob with
///         300,000 in cash; the fund holds 1,000,000. WBTC stands on one chain, WETH on another.
abstract contract LiquidationFixture is MarginFixture {
    uint32 internal constant OTHER = 40_003;
    uint16 internal constant WETH = 3;

    IFund internal _fund;
    IHandover internal _handover;
    ILiquidation internal _liquidation;
    IRoutes internal _routes;
    IShortfalls internal _shortfalls;
    Withdrawals internal _withdrawals;
    SinkDouble internal _sink = new SinkDouble();
    uint16 internal _wethId;

    function setUp() public virtual override {
        super.setUp();
        _setWithdrawals();
        _wethId = _ledger.configureAsset(
            OTHER,
            WETH,
            ILedger.AssetConfig(ILedger.AssetStanding.Collateral, 18, type(uint104).max, type(uint104).max, 1e20)
        );
        _rules.setAssetRule(_wethId, ICollateralRules.AssetRule(ETH, 18, 0, OTHER));
        _setLiquidation();
        _ledger.changeCash(_fund.account(), 1_000_000e18);
        // The rate of the listing holds until the next second in which something is touched; from then on there is no funding.
        vm.warp(_now() + 1);
        _markets.fund(BTC);
        _markets.trade(_alice, _bob, BTC_PERP, 100e18, 60_000e18);
        _cash(_alice, 300_000e18);
    }

    function _setWithdrawals() private {
        address gateway = address(Deploy.gateway(address(_manager), address(_hubLog), address(_ledger)));
        _withdrawals = Deploy.withdrawals(
            address(_manager),
            address(_hubLog),
            address(_ledger),
            address(_delegates),
            gateway
        );
        _ledger.setModule(address(_withdrawals), true);
        _withdrawals.setMarginCheck(_margin);
        for (uint32 eid = SPOKE; eid <= OTHER; ++eid) _hubLog.setPeer(eid, bytes32(uint256(eid)));
        _hubLog.setWriter(EntryKind.RELEASE, address(_withdrawals));
        _withdrawals.setOutflow(SPOKE, USDC, 1e15, 1e10);
        _withdrawals.setOutflow(SPOKE, WBTC, 1e15, 1e10);
        _withdrawals.setOutflow(OTHER, WETH, 1e24, 1e18);
    }

    function _setLiquidation() private {
        _fund = IFund(
            _create("src/hub/liquidation/Fund.sol:Fund", abi.encode(_manager, address(_ledger), address(_delegates)))
        );
        _handover = IHandover(
            _create("src/hub/liquidation/Handover.sol:Handover", abi.encode(_manager, address(_ledger), _markets))
        );
        IPriceTimes priceTimes = IPriceTimes(
            _create("src/hub/liquidation/PriceTimes.sol:PriceTimes", abi.encode(_feeds, _markets, _rules))
        );
        ILiquidation.Links memory links = ILiquidation.Links({
            ledger: _ledger,
            margin: _margin,
            fund: _fund,
            withdrawals: IWithdrawals(address(_withdrawals)),
            handover: _handover,
            priceTimes: priceTimes
        });
        _liquidation = ILiquidation(
            _create("src/hub/liquidation/Liquidation.sol:Liquidation", abi.encode(_manager, links))
        );
        _shortfalls = IShortfalls(
            _create("src/hub/liquidation/Shortfalls.sol:Shortfalls", abi.encode(_manager, _liquidation, _rules))
        );
        _routes = IRoutes(
            _create("src/hub/liquidation/Routes.sol:Routes", abi.encode(_manager, address(_hubLog), _liquidation))
        );
        uint32[] memory eids = new uint32[](2);
        (eids[0], eids[1]) = (SPOKE, OTHER);
        _routes.setRoutes(eids);
        _liquidation.setRoutes(_routes);
        _liquidation.setDeficitSink(_sink);
        _fund.setLiquidation(address(_liquidation));
        _handover.setAuctioneer(address(_liquidation), true);
        _handover.setAuctioneer(address(_shortfalls), true);
        _ledger.setModule(address(_fund), true);
        _ledger.setModule(address(_liquidation), true);
        _ledger.setModule(address(_shortfalls), true);
        _ledger.setModule(address(_handover), true);
        _markets.setModule(address(_handover), true);
    }

    /// @dev A second later: what is not newer changes nothing.
    function _priceBtc(uint128 price) internal {
        vm.warp(_now() + 1);
        _price(BTC, price, price);
    }

    /// @dev Spot and mark of BTC as bytes to hand over.
    function _signedBtc(uint40 time, uint128 price) internal view returns (bytes memory) {
        return _prices(time, price);
    }

    /// @dev Starts an auction, a second before the first bid may come.
    function _start(HubAccount account) internal returns (uint64 id) {
        id = _liquidation.start(account, "");
        vm.warp(_now() + 1);
    }

    function _as(HubAccount account) internal {
        vm.prank(account.owner(), account.owner());
    }

    /// @dev An asset of an account as enabled collateral.
    function _collateralOf(HubAccount account, uint32 eid, uint16 asset, uint16 assetId, uint256 units) internal {
        _ledger.correct(eid, asset, account, int256(units), 0);
        _as(account);
        _ledger.enableCollateral(account, assetId);
    }

    function _wanted(HubAccount bidder, uint64 share) internal view returns (ILiquidation.Bid memory) {
        return ILiquidation.Bid(_alice, bidder, share, type(int256).max);
    }

    function _bid(HubAccount bidder, uint64 share) internal returns (uint256, int256) {
        _as(bidder);
        return _liquidation.bid(_wanted(bidder, share), "");
    }

    /// @dev Equity less maintenance margin.
    function _healthOf(HubAccount account) internal view returns (int256) {
        return _margin.riskOf(account).equity - int256(_margin.riskOf(account).maintenanceMargin);
    }

    /// @dev Everything that belongs to anyone here, in cash without interest: auctions move it, none of it appears or goes.
    function _wealth() internal view returns (int256 sum) {
        HubAccount[6] memory all = [
            _alice,
            _bob,
            _carol,
            _fund.account(),
            _liquidation.escrow(),
            _liquidation.deficitAccount(BTC)
        ];
        for (uint256 i; i < all.length; ++i) sum += _ledger.bookedCashOf(all[i]);
        for (uint256 i; i < 3; ++i) {
            (, int256 quote) = _markets.positionOf(all[i], BTC);
            sum += quote;
        }
    }

    /// @dev INV-LIQ-3. A bid stores two perpetuals anew, the account's and the bidder's. What is stored is free of funding: floor(size · index)
    ///      goes in and ceil(size · index) comes out, so each reads back at most one unit of 1e-18 lower, and none where the index is 0.
    ///      Cash, fee, price and the split of the quote are moved to the unit.
    function _checkWealth(int256 before, uint256 bids) internal view {
        (int128 index, , ) = _markets.fundingOf(BTC);
        int256 lost = before - _wealth();
        assertGe(lost, 0, "INV-LIQ-3: value appeared");
        assertLe(lost, index == 0 ? int256(0) : int256(2 * bids), "INV-LIQ-3: more lost than what quotes round");
    }
}
