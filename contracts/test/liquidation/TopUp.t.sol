// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AuctionTerms} from "../../src/hub/liquidation/AuctionMath.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice See TopUp.tree. alice's auction runs; her deposits arrive as the gateway books them.
contract TopUpTest is LiquidationFixture {
    uint64 private sequence;

    function setUp() public override {
        super.setUp();
        AuctionTerms memory terms = _liquidation.termsOf();
        (terms.smallMargin, terms.largeMargin) = (0, 1e30);
        _liquidation.setTerms(terms);
        _collateralOf(_alice, SPOKE, WBTC, _wbtcId, 1e6);
        _collateralOf(_alice, OTHER, WETH, _wethId, 1e15);
        _priceAll();
        _start(_alice);
        _priceAll();
    }

    function test_GivenAnAuction_WhenToppedUpFromAnyChain_OnlyWhatIsStillMissingIsSold() public {
        uint256 whole = _largest();
        // 12,000 each: cash and collateral of one chain, collateral of another.
        assertLt(_largestWith(SPOKE, USDC, 12_000e6), whole);
        assertLt(_largestWith(SPOKE, WBTC, 0.2e8), whole);
        assertLt(_largestWith(OTHER, WETH, 4e18), whole);
    }

    function test_GivenAnAuction_WhenToppedUpByEnough_AnyoneEndsItAndNoBidIsTaken() public {
        _credit(OTHER, WETH, 40e18);
        _as(_carol);
        vm.expectPartialRevert(ILiquidation.HealthyAccount.selector);
        _liquidation.bid(_wanted(_carol, 1e18), "");
        vm.prank(makeAddr("anyone"));
        _liquidation.end(_alice, "");
        assertEq(_liquidation.auctionOf(_alice).id, 0);
    }

    /// @dev The most that can be bought, which leaves the account at its target.
    function _largest() private returns (uint256 share) {
        uint256 state = vm.snapshotState();
        (share, ) = _bid(_carol, 1e18);
        assertLt(share, 1e18);
        assertEq(_liquidation.auctionOf(_alice).id, 0);
        Risk memory risk = _margin.riskOf(_alice);
        // Units of collateral are truncated: less than 1e-8 of a coin stays behind.
        assertApproxEqRel(risk.equity, int256((risk.maintenanceMargin * 115) / 100), 1e10);
        vm.revertToState(state);
    }

    function _largestWith(uint32 eid, uint16 asset, uint128 amount) private returns (uint256 share) {
        uint256 state = vm.snapshotState();
        _credit(eid, asset, amount);
        share = _largest();
        vm.revertToState(state);
    }

    function _credit(uint32 eid, uint16 asset, uint128 amount) private {
        uint256 terms = (uint256(++sequence) << 152) | (1 << 144) | (uint256(asset) << 128) | amount;
        _ledger.credit(eid, abi.encode(_alice, terms));
    }

    function _priceAll() private {
        _priceBtc(58_500e18);
        _price(ETH, 3000e18, 3000e18);
    }
}
