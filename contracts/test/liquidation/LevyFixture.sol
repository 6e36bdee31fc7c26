// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IDeficits} from "../../src/hub/liquidation/IDeficits.sol";
import {IFund} from "../../src/hub/liquidation/IFund.sol";
import {ILevy} from "../../src/hub/liquidation/ILevy.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {MarginFixture} from "../hub/MarginFixture.sol";

/// @notice Ledger, markets, feeds, engines, margin, fund and levies: all real. This contract plays Liquidation: it books deficits on the accounts
///         it names, reports them, and pays them out of the fund when asked.
abstract contract LevyFixture is MarginFixture, IDeficits {
    uint64 private constant DEFICITS = 1 << 32;

    IFund internal _fund;
    ILevy internal _levy;
    HubAccount internal _dave = AccountLib.encode(makeAddr("dave"), 0, 0);

    function setUp() public virtual override {
        super.setUp();
        _fund = IFund(
            _create("src/hub/liquidation/Fund.sol:Fund", abi.encode(_manager, address(_ledger), address(_delegates)))
        );
        _levy = ILevy(
            _create(
                "src/hub/liquidation/Levy.sol:Levy",
                abi.encode(_manager, address(_ledger), address(_margin), address(_fund))
            )
        );
        _ledger.setModule(address(_fund), true);
        _ledger.setModule(address(_levy), true);
        _markets.setModule(address(_levy), true);
        _margin.setLevy(_levy);
        _fund.setLiquidation(address(this));
        _levy.setLiquidation(this);
        _deposit(_dave, CASH);
        // The rate of the listing holds until the next second in which something is touched; from then on there is no funding.
        vm.warp(_now() + 1);
        _markets.fund(BTC);
        _markets.fund(ETH);
    }

    /// @inheritdoc IDeficits
    function deficitAccount(uint16 market) public view returns (HubAccount) {
        return AccountLib.encode(address(this), HUB, DEFICITS + market);
    }

    /// @inheritdoc IDeficits
    function cover(uint16 market) external returns (uint256) {
        int256 cash = _ledger.cashOf(deficitAccount(market));
        return cash < 0 ? _fund.pay(deficitAccount(market), market, uint256(-cash)) : 0;
    }

    /// @dev A loss of a market that neither equity nor the fund covered.
    function _lose(uint16 market, uint256 cash) internal {
        _ledger.changeCash(deficitAccount(market), -int256(cash));
        _levy.reportDeficit(market, cash);
    }

    function _as(HubAccount account) internal {
        vm.prank(account.owner(), account.owner());
    }

    /// @dev A second later: what is not newer changes nothing.
    function _priceBtc(uint128 price) internal {
        vm.warp(_now() + 1);
        _price(BTC, price, price);
    }

    function _cashOf(HubAccount account) internal view returns (int256) {
        return _ledger.cashOf(account);
    }

    /// @dev INV-CASH-1: what came in, less what was spread and is not charged yet, is what accounts hold and positions hold back.
    function _checkSums() internal view {
        (, uint256 pool, , ) = _ledger.interestOf();
        (, int256 due) = _ledger.spreadOf();
        uint256 free = _ledger.custodyOf(_ledger.assetIdOf(SPOKE, USDC)).free;
        assertEq(int256(free * 1e12), _ledger.totalCash() + _ledger.clearing() + int256(pool) - due, "INV-CASH-1");
    }
}
