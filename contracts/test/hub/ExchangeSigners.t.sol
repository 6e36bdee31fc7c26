// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {Entry} from "../../src/message/Entry.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {ExchangeFixture} from "./ExchangeFixture.sol";

/// @notice A contract that trades: it vouches for one digest.
contract TradingWallet is IERC1271 {
    bytes32 private _vouched;

    function vouch(bytes32 digest) external {
        _vouched = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == _vouched ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @notice See ExchangeSigners.tree.
contract ExchangeSignersTest is ExchangeFixture {
    uint40 private constant FOREVER = type(uint40).max;
    uint256 private constant FIELDS = 8;

    address private _key;

    function setUp() public override {
        super.setUp();
        _key = _addKey("key");
    }

    function _appoint(HubAccount account, uint8 permissions, uint40 validUntil) private {
        vm.prank(account.owner(), account.owner());
        _delegates.setDelegate(account, _key, permissions, validUntil);
    }

    function _expectInvalid(IExchange.SignedOrder memory signed, IExchange.Fill memory fill) private {
        _expectRevert(abi.encodeWithSelector(IExchange.SignatureInvalid.selector, _hash(signed), signed.signer), fill);
    }

    // ---- keys

    function test_GivenAnotherKeysSignature_WhenItSaysItIsTheOwners_ItReverts() public {
        IExchange.Fill memory fill = _plain();
        fill.buy.signature = _signature(_secrets[_key], _hash(fill.buy));
        _expectInvalid(fill.buy, fill);
    }

    function test_GivenAnotherKeysSignature_WhenItSaysWhoseItIs_ItReverts() public {
        IExchange.Fill memory fill = _plain();
        fill.sell = _signedBy(fill.sell.order, _key);
        _expectInvalid(fill.sell, fill);
    }

    // ---- contracts

    function test_GivenAContractAtHomeOnTheHub_WhatItVouchesForSettles_NothingElse() public {
        TradingWallet wallet = new TradingWallet();
        HubAccount account = AccountLib.encode(address(wallet), HUB, 0);
        _deposit(account, CASH);
        IExchange.Order memory buy = _order(account, 1e18, MARK);
        IExchange.Fill memory fill = IExchange.Fill(
            IExchange.SignedOrder(buy, address(wallet), ""),
            _signed(_order(_bob, -1e18, MARK)),
            ONE,
            MARK,
            0,
            0
        );
        _expectInvalid(fill.buy, fill);
        wallet.vouch(_exchange.hashOf(buy));
        _settle(fill);
        assertEq(_size(account), 1e18);
    }

    function test_GivenAContractOfAnotherChain_WhenTheContractOfThatAddressHereVouches_ItReverts() public {
        TradingWallet wallet = new TradingWallet();
        HubAccount account = AccountLib.encode(address(wallet), SPOKE, 0);
        _deposit(account, CASH);
        IExchange.Fill memory fill = _plain();
        fill.buy = IExchange.SignedOrder(_order(account, 1e18, MARK), address(wallet), "");
        wallet.vouch(_hash(fill.buy));
        _expectInvalid(fill.buy, fill);
    }

    function test_GivenAContractOfAnotherChain_WhenItsDelegateSigns_ItSettles() public {
        HubAccount account = AccountLib.encode(makeAddr("safe elsewhere"), SPOKE, 0);
        _deposit(account, CASH);
        IExchange.Fill memory fill = _plain();
        fill.buy = _signedBy(_order(account, 1e18, MARK), _key);
        _expectInvalid(fill.buy, fill);
        bytes memory entry = Entry.encodeDelegateSet(Entry.DelegateSet(account, _key, TRADE, FOREVER));
        vm.prank(address(_hubLog));
        _delegates.applyEntries(SPOKE, 1, bytes.concat(bytes1(uint8(entry.length)), entry), new uint256[](1));
        _settle(fill);
        assertEq(_size(account), 1e18);
    }

    // ---- delegates

    function test_GivenADelegate_WhenHeMayTrade_HisOrdersSettleUntilHeMayNoMore() public {
        uint40 until = _now() + 10;
        _appoint(_alice, TRADE, until);
        IExchange.Fill memory fill = _fill(_order(_alice, 2e18, MARK), _order(_bob, -2e18, MARK), ONE, MARK);
        fill.buy = _signedBy(fill.buy.order, _key);
        vm.warp(until);
        _settle(fill);
        vm.warp(until + 1);
        _expectInvalid(fill.buy, fill);
    }

    function test_GivenADelegate_WhenRevokedBetweenTwoParts_TheSecondReverts() public {
        _appoint(_alice, TRADE | WITHDRAW, FOREVER);
        IExchange.Fill memory fill = _fill(_order(_alice, 2e18, MARK), _order(_bob, -2e18, MARK), ONE, MARK);
        fill.buy = _signedBy(fill.buy.order, _key);
        _settle(fill);
        _appoint(_alice, 0, 0);
        _expectInvalid(fill.buy, fill);
        assertEq(_size(_alice), 1e18);
    }

    function test_GivenADelegate_WhenHeMayOnlyWithdraw_ItReverts() public {
        _appoint(_alice, WITHDRAW, FOREVER);
        IExchange.Fill memory fill = _plain();
        fill.buy = _signedBy(fill.buy.order, _key);
        _expectInvalid(fill.buy, fill);
    }

    function test_GivenADelegate_WhenHeSignsForAnotherAccount_ItReverts() public {
        _appoint(_alice, TRADE, FOREVER);
        IExchange.Fill memory fill = _plain();
        fill.sell = _signedBy(fill.sell.order, _key);
        _expectInvalid(fill.sell, fill);
    }

    // ---- domains

    function test_GivenASignatureForAnotherExchangeOrChain_ItReverts() public {
        IExchange.Fill memory fill = _plain();
        bytes32 elsewhere = _deployExchange().hashOf(fill.buy.order);
        assertNotEq(elsewhere, _hash(fill.buy));
        fill.buy.signature = _signature(_secrets[_alice.owner()], elsewhere);
        _expectInvalid(fill.buy, fill);
        fill = _plain();
        vm.chainId(block.chainid + 1);
        _expectInvalid(fill.buy, fill);
    }

    // ---- a malicious matcher

    function testFuzz_GivenAMaliciousMatcher_WhenHeChangesAnythingSigned_ItReverts(
        uint256 field,
        uint256 value,
        bool ofBuyer
    ) public {
        IExchange.Fill memory fill = _plain();
        IExchange.SignedOrder memory signed = ofBuyer ? fill.buy : fill.sell;
        bytes32 before = _hash(signed);
        _tamper(signed.order, field % FIELDS, value, ofBuyer);
        vm.assume(_hash(signed) != before);
        // Whatever else is wrong with the result, it does not settle; where nothing else is, its signature is.
        if (field % FIELDS < 2) {
            vm.expectRevert();
            _settle(fill);
        } else _expectInvalid(signed, fill);
        assertEq(_size(_alice), 0);
        assertEq(_size(_bob), 0);
    }

    /// @dev From field 2 on, only to what would help a matcher: more size, a wider limit, a larger cap, a later expiry, another nonce.
    function _tamper(IExchange.Order memory order, uint256 field, uint256 value, bool ofBuyer) private view {
        if (field == 0) order.account = HubAccount.wrap(bytes32(value));
        else if (field == 1) order.instrument = value;
        else if (field == 2)
            order.amount =
                int128(uint128(bound(value, ONE, uint128(type(int128).max)))) * (ofBuyer ? int128(1) : int128(-1));
        else if (field == 3)
            order.limit = uint128(ofBuyer ? bound(value, MARK, type(uint128).max) : bound(value, 0, MARK));
        else if (field == 4) order.feeCap = uint128(bound(value, 0, type(uint128).max));
        else if (field == 5) order.expiry = uint40(bound(value, block.timestamp, type(uint40).max));
        else if (field == 6) order.nonce = value;
        else order.reduceOnly = !order.reduceOnly;
    }

    function test_GivenAMaliciousMatcher_WhenHeSettlesTheSameFillAgain_HeGetsNoMoreThanWasSigned() public {
        IExchange.Fill memory fill = _plain();
        fill.buyFee = FEE_CAP;
        vm.expectPartialRevert(IExchange.NonceSpent.selector);
        _settle(fill, fill);
        _settle(fill);
        vm.expectPartialRevert(IExchange.NonceSpent.selector);
        _settle(fill);
        assertEq(_ledger.cashOf(_alice), int256(uint256(CASH - FEE_CAP)));
    }

    function test_GivenAMaliciousMatcher_WhenHeSwapsTheTwoSignatures_ItReverts() public {
        IExchange.Fill memory fill = _plain();
        (fill.buy.signature, fill.sell.signature) = (fill.sell.signature, fill.buy.signature);
        _expectInvalid(fill.buy, fill);
    }

    function testFuzz_GivenAMaliciousMatcher_WhenHeSettlesAnythingHeCan_NobodyPaysMoreThanHeSignedFor(
        uint128 size,
        uint128 price,
        uint128 buyFee,
        uint128 sellFee
    ) public {
        IExchange.Order memory buy = _order(_alice, 2e18, MARK + 100e18);
        IExchange.Order memory sell = _order(_bob, -3e18, MARK - 100e18);
        IExchange.Fill[] memory fills = new IExchange.Fill[](1);
        fills[0] = _fill(buy, sell, size % 4e18, uint128(bound(price, MARK - 200e18, MARK + 200e18)));
        (fills[0].buyFee, fills[0].sellFee) = (buyFee % (2 * FEE_CAP), sellFee % (2 * FEE_CAP));
        IExchange.Fill memory fill = fills[0];
        bool isAllowed =
            fill.size > 0 &&
                fill.size <= 2e18 &&
                fill.price <= buy.limit &&
                fill.price >= sell.limit &&
                uint256(fill.buyFee) * 2e18 <= uint256(FEE_CAP) * fill.size &&
                uint256(fill.sellFee) * 3e18 <= uint256(FEE_CAP) * fill.size;
        try _exchange.settle(fills, _matcher, "") {
            assertTrue(isAllowed, "nobody signed for this");
            (int256 held, int256 quote) = _markets.positionOf(_alice, BTC);
            assertEq(held, int256(uint256(fill.size)));
            assertGe(quote, -int256((uint256(fill.size) * buy.limit + 1e18 - 1) / 1e18));
            int256 least = int256(uint256(CASH)) - int256((uint256(FEE_CAP) * fill.size) / 2e18);
            assertGe(_ledger.cashOf(_alice), least);
        } catch {
            assertFalse(isAllowed, "what both signed for settles");
        }
    }
}
