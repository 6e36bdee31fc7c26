// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {MarginFixture} from "./MarginFixture.sol";

/// @notice An exchange over real markets and margin. The fund gets a quarter of the fees. Orders trade BTC's perpetual, whose mark is 60,000,
///         and allow a fee of 100.
abstract contract ExchangeFixture is MarginFixture {
    uint128 internal constant MARK = 60_000e18;
    uint128 internal constant ONE = 1e18;
    uint128 internal constant FEE_CAP = 100e18;
    uint32 internal constant FUND_SHARE = 25e7;
    uint8 internal constant TRADE = 1;
    uint8 internal constant WITHDRAW = 2;

    IExchange internal _exchange;
    HubAccount internal _matcher = AccountLib.encode(makeAddr("matcher"), 0, 0);
    HubAccount internal _fund = AccountLib.encode(makeAddr("fund"), HUB, 0);
    mapping(address key => uint256) internal _secrets;
    uint256 private _nextNonce;

    function setUp() public virtual override {
        super.setUp();
        _addKey("alice");
        _addKey("bob");
        _addKey("carol");
        _exchange = _deployExchange();
        _markets.setModule(address(_exchange), true);
        _ledger.setModule(address(_exchange), true);
        _exchange.setFeeShares(_fund, FUND_SHARE);
    }

    function _deployExchange() internal returns (IExchange) {
        bytes memory args = abi.encode(
            address(_manager),
            address(_ledger),
            address(_markets),
            address(_margin),
            address(_delegates)
        );
        return IExchange(_create("src/hub/markets/Exchange.sol:Exchange", args));
    }

    function _addKey(string memory name) internal returns (address key) {
        uint256 secret;
        (key, secret) = makeAddrAndKey(name);
        _secrets[key] = secret;
    }

    function _raw(HubAccount account) internal pure returns (bytes32) {
        return HubAccount.unwrap(account);
    }

    // ---- orders

    function _order(HubAccount account, int128 amount, uint128 limit) internal returns (IExchange.Order memory) {
        return IExchange.Order(account, BTC_PERP, amount, limit, FEE_CAP, _now() + 1 hours, ++_nextNonce, false);
    }

    function _reduce(HubAccount account, int128 amount, uint128 limit) internal returns (IExchange.Order memory order) {
        order = _order(account, amount, limit);
        order.reduceOnly = true;
    }

    /// @dev Signed by one of the keys.
    function _signedBy(
        IExchange.Order memory order,
        address signer
    ) internal view returns (IExchange.SignedOrder memory) {
        return IExchange.SignedOrder(order, signer, _signature(_secrets[signer], _exchange.hashOf(order)));
    }

    function _signed(IExchange.Order memory order) internal view returns (IExchange.SignedOrder memory) {
        return _signedBy(order, order.account.owner());
    }

    // ---- fills

    function _fill(
        IExchange.Order memory buy,
        IExchange.Order memory sell,
        uint128 size,
        uint128 price
    ) internal view returns (IExchange.Fill memory) {
        return IExchange.Fill(_signed(buy), _signed(sell), size, price, 0, 0);
    }

    /// @dev alice buys one from bob at the mark.
    function _plain() internal returns (IExchange.Fill memory) {
        return _fill(_order(_alice, 1e18, MARK), _order(_bob, -1e18, MARK), ONE, MARK);
    }

    function _settle(IExchange.Fill memory fill) internal {
        IExchange.Fill[] memory fills = new IExchange.Fill[](1);
        fills[0] = fill;
        _settle(fills);
    }

    function _settle(IExchange.Fill memory first, IExchange.Fill memory second) internal {
        IExchange.Fill[] memory fills = new IExchange.Fill[](2);
        (fills[0], fills[1]) = (first, second);
        _settle(fills);
    }

    function _settle(IExchange.Fill[] memory fills) internal {
        vm.prank(_matcher.owner());
        _exchange.settle(fills, _matcher, "");
    }

    function _expectRevert(bytes memory error, IExchange.Fill memory fill) internal {
        vm.expectRevert(error);
        _settle(fill);
    }

    function _hash(IExchange.SignedOrder memory signed) internal view returns (bytes32) {
        return _exchange.hashOf(signed.order);
    }

    function _size(HubAccount account) internal view returns (int256) {
        return _markets.sizeOf(account, BTC_PERP);
    }
}
