// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {MarketsFixture} from "./MarketsFixture.sol";

/// @dev See MarketsConservation.tree.
contract MarketsConservationTest is MarketsFixture {
    uint256 private constant ACCOUNTS = 4;
    uint256 private constant STEPS = 24;
    uint40 private constant LATER = EXPIRY + 1 days;

    HubAccount[ACCOUNTS] private _accounts;
    uint256[6] private _instruments;
    /// @dev Each can take at most 1e-18 out of what is in quotes: two by each leg, each touch of a stored quote, each part and each view.
    uint256 private _roundings;
    uint256 private _seed;

    function setUp() public override {
        super.setUp();
        _accounts = [_alice, _bob, _carol, AccountLib.encode(makeAddr("dave"), 0, 7)];
        _listMany(BTC, EXPIRY, 50_000e18, 10_000e18, 2);
        _list(BTC, LATER, 60_000e18);
        _instruments = [
            BTC_PERP,
            ETH_PERP,
            _call(BTC, EXPIRY, 50_000e18),
            _put(BTC, EXPIRY, 60_000e18),
            _put(BTC, LATER, 60_000e18),
            BTC_PERP
        ];
    }

    function testFuzz_GivenAHistory_WhenItEnds_SizesSumToZeroAndCashIsConserved(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < STEPS; ++i) {
            _step();
            _checkSizes();
        }
        _checkQuotes();
        _expire(EXPIRY);
        _expire(LATER);
        _checkSizes();
        // All options are settled: what is left in clearing is quotes and roundings.
        _checkQuotes();
        _closeAll();
        assertGe(_ledger.clearing(), 0, "INV-CASH-1: in the accounts' favour");
        assertLe(_ledger.clearing(), int256(_roundings), "INV-CASH-1: more than roundings");
    }

    function _step() private {
        uint256 kind = _next() % 8;
        if (kind < 5) _trade();
        else if (kind == 5) _move(BTC, 60_000e18);
        else if (kind == 6) _move(ETH, 3000e18);
        else _slice();
    }

    function _trade() private {
        uint256 instrument = _instruments[_next() % 6];
        HubAccount buyer = _accounts[_next() % ACCOUNTS];
        HubAccount seller = _accounts[_next() % ACCOUNTS];
        if (HubAccount.unwrap(buyer) == HubAccount.unwrap(seller)) return;
        bool isOption = instrument & 3 != 0;
        uint128 size = isOption ? uint128(1 + (_next() % 9)) * 1e15 : uint128(1 + (_next() % 3e18));
        _markets.trade(buyer, seller, instrument, size, uint128(_next() % 100_000e18));
        _roundings += 8;
    }

    function _move(uint16 underlying, uint256 around) private {
        vm.warp(vm.getBlockTimestamp() + 1 + (_next() % 3 hours));
        uint256 spot = (around * (80 + (_next() % 41))) / 100 + (_next() % 1e9);
        _price(underlying, uint128(spot), uint128((spot * (97 + (_next() % 7))) / 100));
        if (_next() % 2 == 0) _markets.fund(underlying);
    }

    function _slice() private {
        uint256 from = _next() % ACCOUNTS;
        _markets.transferSlice(_accounts[from], _accounts[(from + 1) % ACCOUNTS], uint64(1 + (_next() % 1e18)));
        _roundings += 16;
    }

    function _expire(uint40 expiry) private {
        _settleAt(BTC, expiry, uint128(40_000e18 + (_next() % 40_000e18)));
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            int256 cash = _ledger.cashOf(_accounts[i]);
            int256 paid = _markets.settleExpired(_accounts[i], BTC);
            assertEq(_ledger.cashOf(_accounts[i]), cash + paid);
        }
        _roundings += ACCOUNTS;
    }

    /// @dev Every perpetual against the next account, until one is left; sizes sum to zero, so that one is flat.
    function _closeAll() private {
        for (uint256 i = 0; i + 1 < ACCOUNTS; ++i)
            for (uint256 k = 0; k < 2; ++k) {
                (HubAccount one, HubAccount other) = (_accounts[i], _accounts[i + 1]);
                int256 size = _markets.sizeOf(one, _instruments[k]);
                if (size < 0) _markets.trade(one, other, _instruments[k], uint128(uint256(-size)), 55_555e18 + 7);
                if (size > 0) _markets.trade(other, one, _instruments[k], uint128(uint256(size)), 55_555e18 + 7);
                _roundings += 8;
            }
        for (uint256 i = 0; i < ACCOUNTS; ++i) assertFalse(_markets.hasPositions(_accounts[i]));
    }

    // ---- what must hold

    /// @dev INV-POS-1, and what is said to be open is what is held long.
    function _checkSizes() private view {
        uint256 longOptions;
        for (uint256 k = 0; k < 5; ++k) {
            int256 sum;
            uint256 long;
            for (uint256 i = 0; i < ACCOUNTS; ++i) {
                int256 size = _markets.sizeOf(_accounts[i], _instruments[k]);
                sum += size;
                if (size > 0) long += uint256(size);
            }
            assertEq(sum, 0, "INV-POS-1");
            if (k >= 2) {
                longOptions += long;
                continue;
            }
            (uint256 open, ) = _markets.openInterestOf(k == 0 ? BTC : ETH);
            assertEq(open, long, "open interest");
        }
        (, uint256 lots) = _markets.openInterestOf(BTC);
        assertEq(lots * 1e15, longOptions, "open lots");
    }

    function _checkQuotes() private view {
        HubAccount[] memory accounts = new HubAccount[](ACCOUNTS);
        for (uint256 i = 0; i < ACCOUNTS; ++i) accounts[i] = _accounts[i];
        uint16[] memory underlyings = new uint16[](2);
        (underlyings[0], underlyings[1]) = (BTC, ETH);
        _checkCash(accounts, underlyings, _roundings + 2 * ACCOUNTS);
    }

    function _next() private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed >> 8;
    }
}
