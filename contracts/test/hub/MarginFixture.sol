// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Delegates} from "../../src/hub/Delegates.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {IRiskEngine} from "../../src/hub/risk/IRiskEngine.sol";
import {IStandardEngine} from "../../src/hub/risk/IStandardEngine.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {Deploy} from "../Deploy.sol";
import {EndpointMock} from "../mocks/EndpointMock.sol";
import {MarketsFixture} from "./MarketsFixture.sol";
import {StandardRates} from "./StandardRates.sol";

/// @notice Markets with the standard engines, collateral in BTC, and the margin check in the ledger: everything real. Perpetuals ask for 5%
///         and 3%; BTC as collateral is cut by 10% (initial) and 5%.
abstract contract MarginFixture is MarketsFixture {
    uint16 internal constant WBTC = 7;
    /// @dev Role of the ledger.
    uint64 private constant BOOKS = 78;
    uint256 internal constant ONE_BTC = 1e8;
    /// @dev When tests begin, and prices are signed.
    uint40 internal constant BEGIN = START + 1;

    Messenger internal _hubLog;
    Delegates internal _delegates;
    IMargin internal _margin;
    IStandardEngine internal _cross;
    IStandardEngine internal _isolated;
    ICollateralRules internal _rules;
    uint16 internal _wbtcId;

    function setUp() public virtual override {
        super.setUp();
        _hubLog = Deploy.messenger(address(new EndpointMock(HUB)), address(_manager));
        _delegates = Deploy.delegates(address(_manager), address(_hubLog), HUB);
        _margin = IMargin(
            _create(
                "src/hub/markets/Margin.sol:Margin",
                abi.encode(address(_manager), address(_markets), address(_feeds), address(_delegates))
            )
        );
        _setEngines();
        _margin.setEngine(IMarkets.Mode.Cross, _cross);
        _margin.setEngine(IMarkets.Mode.Isolated, _isolated);
        _markets.setModule(address(_margin), true);
        // No funding: what an account is worth is then known to the unit.
        IMarkets.PerpetualTerms memory terms = IMarkets.PerpetualTerms(1_000_000e18, 0, 0);
        _markets.setUnderlying(BTC, IMarkets.Standing.Open, terms, IMarkets.OptionTerms(1e10));
        _markets.setUnderlying(ETH, IMarkets.Standing.Open, terms, IMarkets.OptionTerms(1e10));
        // The next touch samples by these terms.
        vm.warp(BEGIN);
        _markets.fund(BTC);
        _markets.fund(ETH);
        _price(BTC, 60_000e18, 60_000e18);
        _price(ETH, 3_000e18, 3_000e18);
        _ledger.setMarginCheck(_margin);
        _ledger.setInterestModel(Deploy.interestModel());
        _wbtcId = _ledger.configureAsset(
            SPOKE,
            WBTC,
            ILedger.AssetConfig(ILedger.AssetStanding.Collateral, 8, type(uint104).max, type(uint104).max, 1e20)
        );
        _rules.setAssetRule(_wbtcId, ICollateralRules.AssetRule(BTC, 8, 0, SPOKE));
    }

    function _setEngines() private {
        address rules = _create(
            "src/hub/risk/CollateralRules.sol:CollateralRules",
            abi.encode(_manager, address(_feeds))
        );
        _rules = ICollateralRules(rules);
        bytes4[] memory succeed = new bytes4[](1);
        succeed[0] = ICollateralRules.succeed.selector;
        _manager.setTargetFunctionRole(rules, succeed, BOOKS);
        _manager.grantRole(BOOKS, address(_ledger), 0);
        ICollateralRules.ClassTier[] memory tiers = new ICollateralRules.ClassTier[](1);
        tiers[0] = ICollateralRules.ClassTier(0, 5e7, 5e7);
        _rules.setClass(0, tiers);
        IStandardEngine.Links memory links = IStandardEngine.Links({
            feeds: address(_feeds),
            collateralRules: rules,
            listing: address(_markets),
            normalTable: _create("src/math/NormalTable.sol:NormalTable", "")
        });
        bytes memory args = abi.encode(_manager, links, StandardRates.perpetual(0), StandardRates.option());
        _cross = IStandardEngine(_create("src/hub/risk/CrossEngine.sol:CrossEngine", args));
        _isolated = IStandardEngine(_create("src/hub/risk/IsolatedEngine.sol:IsolatedEngine", args));
    }

    /// @dev What a caller hands over as `prices`: spot and mark of BTC.
    function _prices(uint40 time, uint128 price) internal view returns (bytes memory) {
        IFeeds.Report[] memory reports = new IFeeds.Report[](2);
        reports[0] = IFeeds.Report(FeedWord.id(BTC, Kind.Spot, 0), price, 0);
        reports[1] = IFeeds.Report(FeedWord.id(BTC, Kind.Mark, 0), price, 0);
        return abi.encode(time, reports, _sign(time, reports, THRESHOLD, 0));
    }

    /// @dev BTC of an account as enabled collateral.
    function _collateral(HubAccount account, uint256 units) internal {
        _ledger.correct(SPOKE, WBTC, account, int256(units), 0);
        vm.prank(account.owner(), account.owner());
        _ledger.enableCollateral(account, _wbtcId);
    }

    /// @dev Leaves the account with this much cash.
    function _cash(HubAccount account, int256 cash) internal {
        _ledger.changeCash(account, cash - _ledger.cashOf(account));
    }

    function _now() internal view returns (uint40) {
        // The compiler takes the block's time for the same throughout a call.
        return uint40(vm.getBlockTimestamp());
    }
}
