// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {MarginFixture} from "./MarginFixture.sol";

/// @notice alice is long 10 BTC at 60,000: she needs 30,000 initially, 18,000 at least.
abstract contract LongFixture is MarginFixture {
    uint128 internal constant SIZE = 10e18;
    uint256 internal constant TURNOVER = 600_000e18;
    bytes32 internal _raw;

    function setUp() public virtual override {
        super.setUp();
        _raw = HubAccount.unwrap(_alice);
    }

    /// @dev alice buys from bob.
    function _buy(uint128 size, uint128 price) internal {
        _markets.trade(_alice, _bob, BTC_PERP, size, price);
    }

    function _sell(uint128 size, uint128 price) internal {
        _markets.trade(_bob, _alice, BTC_PERP, size, price);
    }

    function _open(int256 cash) internal {
        _buy(SIZE, 60_000e18);
        _cash(_alice, cash);
    }

    function _expectBelow(int256 equity, uint256 initial, uint256 maintenance) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IMargin.BelowInitialMargin.selector, _raw, equity, initial, maintenance, Grade.Fresh)
        );
    }
}
