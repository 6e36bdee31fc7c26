// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Delegates} from "../../src/hub/Delegates.sol";
import {IFund} from "../../src/hub/liquidation/IFund.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {MarginFixture} from "../hub/MarginFixture.sol";

/// @notice Ledger, markets, feeds, engines, margin, fund and auctions: all real. alice is long 100 BTC at 60,000 against bob with 300,000 in
///         cash; the fund holds 1,000,000.
abstract contract LiquidationFixture is MarginFixture {
    IFund internal _fund;
    ILiquidation internal _liquidation;

    function setUp() public virtual override {
        super.setUp();
        _fund = IFund(
            _create("src/hub/liquidation/Fund.sol:Fund", abi.encode(_manager, address(_ledger), address(_delegates)))
        );
        _liquidation = ILiquidation(
            _create(
                "src/hub/liquidation/Liquidation.sol:Liquidation",
                abi.encode(_manager, address(_ledger), address(_margin), address(_fund), address(0))
            )
        );
        _fund.setLiquidation(address(_liquidation));
        _ledger.setModule(address(_fund), true);
        _ledger.setModule(address(_liquidation), true);
        _markets.setModule(address(_liquidation), true);
        _ledger.changeCash(_fund.account(), 1_000_000e18);
        // The rate of the listing holds until the next second in which something is touched; from then on there is no funding.
        vm.warp(_now() + 1);
        _markets.fund(BTC);
        _markets.trade(_alice, _bob, BTC_PERP, 100e18, 60_000e18);
        _cash(_alice, 300_000e18);
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

    function _as(HubAccount account) internal {
        vm.prank(account.owner(), account.owner());
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
