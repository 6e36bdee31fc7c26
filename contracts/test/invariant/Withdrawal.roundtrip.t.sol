// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {PlainToken} from "../mocks/tokens/Zoo.sol";
import {WithdrawalWorld} from "./WithdrawalWorld.sol";

/// @notice Ten round trips a run, a thousand runs: deposit → credit → two withdrawals → payout → receipt, with tokens of 0, 6, 8, 18 and
///         24 decimals, as cash and as collateral, any amounts. Ten go in each batch, so that ten thousand take seconds.
contract WithdrawalRoundTripTest is WithdrawalWorld {
    uint256 private constant TRIPS = 10;
    uint256 private constant LARGEST = 1e24;
    // A cash balance has 124 bits.
    uint256 private constant LARGEST_CASH = 1e36;

    struct Trip {
        uint16 asset;
        uint256 scale; // cash per unit; 0: collateral
        uint256 units;
        uint256 first; // what the first leg asks for: cash, or units
        uint256 firstUnits; // and what it gives
    }

    PlainToken[] private _tokens;
    uint8[9] private _decimals = [0, 6, 8, 18, 0, 6, 8, 18, 24];
    uint256 private constant SETTLEMENT = 4;

    function setUp() external {
        _build(_decimals[0]);
        _tokens.push(token);
        for (uint16 i; i < _decimals.length; ++i) {
            if (i != 0) _list(_decimals[i]);
            uint16 asset = i + 1;
            vault.setOutflow(asset, WIDE, WIDE);
            withdrawals.setOutflow(SPOKE, asset, WIDE, 1e26);
            bool settles = i < SETTLEMENT;
            ILedger.AssetStanding standing =
                settles ? ILedger.AssetStanding.Settlement : ILedger.AssetStanding.Collateral;
            ledger.configureAsset(SPOKE, asset, ILedger.AssetConfig(standing, _decimals[i], WIDE, WIDE, 1e20));
        }
    }

    function _list(uint8 decimals) private {
        PlainToken t = new PlainToken(decimals);
        vault.listAsset(address(t), 1, type(uint128).max);
        vm.prank(alice);
        t.approve(address(vault), type(uint256).max);
        _tokens.push(t);
    }

    function testFuzz_GivenTenRoundTrips_EveryUnitComesBack_AndNoRoundingIsLost(uint256 seed) external {
        Trip[] memory trips = new Trip[](TRIPS);
        vm.recordLogs();
        for (uint256 i; i < TRIPS; ++i) trips[i] = _depositAny(i, uint256(keccak256(abi.encode(seed, i))));
        _carryUp();
        for (uint256 i; i < TRIPS; ++i) _withdrawAll(i, trips[i]);
        uint256 queued = ledger.queuedCash();
        assertEq(queued, 0, "ordered at once");
        _carryDown();
        for (uint256 i; i < TRIPS; ++i) _checkPaid(i, trips[i]);
        _carryUp();
        _checkNothingLeft();
    }

    function _depositAny(uint256 i, uint256 seed) private returns (Trip memory t) {
        t.asset = uint16(1 + (seed % _decimals.length));
        if (t.asset <= SETTLEMENT) t.scale = 10 ** (18 - _decimals[t.asset - 1]);
        uint256 largest = t.scale == 0 || LARGEST * t.scale <= LARGEST_CASH ? LARGEST : LARGEST_CASH / t.scale;
        // Small amounts as often as large ones.
        t.units = bound(seed >> 16, 1, 10 ** ((seed >> 8) % 25));
        if (t.units > largest) t.units = largest;
        _tokens[t.asset - 1].mint(alice, t.units);
        vm.prank(alice, alice);
        vault.deposit(ICollateralVault.DepositParams(_accountOf(i), t.asset, t.units, alice, false));
        uint256 whole = t.scale == 0 ? t.units : t.units * t.scale;
        t.first = bound(seed >> 32, 0, whole);
        t.firstUnits = t.scale == 0 ? t.first : t.first / t.scale;
    }

    /// @dev Any part first, then all that is left.
    function _withdrawAll(uint256 i, Trip memory t) private {
        HubAccount account = _accountOf(i);
        uint16 assetId = ledger.assetIdOf(SPOKE, t.asset);
        if (t.scale != 0) assertEq(ledger.cashOf(account), int256(t.units * t.scale), "credited at par");
        if (t.firstUnits == 0) {
            vm.expectRevert(
                abi.encodeWithSelector(IWithdrawals.LegTooSmall.selector, 0, t.first, t.scale == 0 ? 1 : t.scale)
            );
            _withdraw(account, t, t.first, _receiver(i, 0));
        } else {
            _withdraw(account, t, t.first, _receiver(i, 0));
        }
        // The protocol keeps nothing, and gives nothing: what a leg could not pay is still the account's.
        uint256 left = t.units - t.firstUnits;
        if (t.scale != 0) assertEq(ledger.cashOf(account), int256(left * t.scale), "the rest stays cash");
        if (left != 0) _withdraw(account, t, t.scale == 0 ? left : left * t.scale, _receiver(i, 1));
        (uint128 collateral, uint128 idle) = ledger.balanceOf(account, assetId);
        assertEq(uint256(collateral) + idle, 0);
        assertEq(ledger.cashOf(account), 0);
    }

    function _withdraw(HubAccount account, Trip memory t, uint256 amount, address receiver) private {
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = IWithdrawals.Leg(SPOKE, t.asset, t.scale != 0, uint128(amount), receiver);
        vm.prank(alice, alice);
        withdrawals.request(account, legs, "");
    }

    function _checkPaid(uint256 i, Trip memory t) private view {
        uint256 first = _tokens[t.asset - 1].balanceOf(_receiver(i, 0));
        assertEq(first, t.firstUnits);
        uint256 scale = t.scale == 0 ? 1 : t.scale;
        assertLe(first * scale, t.first, "rounded in the protocol's favour");
        assertLt(t.first - first * scale, scale, "by less than one unit");
        assertEq(first + _tokens[t.asset - 1].balanceOf(_receiver(i, 1)), t.units, "every unit comes back");
    }

    function _checkNothingLeft() private view {
        for (uint16 asset = 1; asset <= _tokens.length; ++asset) {
            ILedger.Custody memory c = ledger.custodyOf(ledger.assetIdOf(SPOKE, asset));
            assertEq(c.custody, 0, "INV-LEDGER-1");
            assertEq(c.balances + c.free + c.reserved + c.suspense, 0, "INV-LEDGER-1");
            ICollateralVault.AssetView memory a = vault.assetOf(asset);
            assertEq(a.deposited, a.paid, "INV-FLOW-1");
            assertEq(a.claimable, 0, "INV-RELEASE-1");
            assertEq(_tokens[asset - 1].balanceOf(address(vault)), 0, "INV-VAULT-1");
        }
        assertEq(ledger.totalCash(), 0, "INV-CASH-1");
        assertEq(ledger.queuedCash(), 0, "INV-CASH-1");
    }

    // ---- the way of a batch

    function _carryUp() private {
        spoke.flush(HUB, alice);
        _collect();
        up.flushed = uint64(up.items.length - 1);
        _arriveAtHub();
        _deliver(up, hub, SPOKE, up.verified);
        _collect();
    }

    function _carryDown() private {
        hub.flush(SPOKE, alice);
        _collect();
        down.flushed = uint64(down.items.length - 1);
        _arriveAtSpoke();
        _deliver(down, spoke, HUB, down.verified);
        _collect();
    }

    function _accountOf(uint256 i) private view returns (HubAccount) {
        return AccountLib.encode(alice, 0, uint64(i));
    }

    function _receiver(uint256 i, uint256 leg) private pure returns (address) {
        return address(uint160(0xbeef0000 + 2 * i + leg));
    }
}
