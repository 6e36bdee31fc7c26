// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILedger} from "../../src/hub/ILedger.sol";
import {IMarginCheck} from "../../src/hub/IMarginCheck.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Entry} from "../../src/message/Entry.sol";
import {IEntryHandler} from "../../src/message/IEntryHandler.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {HubFixture} from "./HubFixture.sol";

/// @notice A margin check that says what it is told, and remembers what it was asked.
contract MarginCheckMock is IMarginCheck {
    bool public refuses;
    HubAccount public account;
    bytes public prices;
    uint40 public since;

    address private _target;
    bytes private _data;

    error BelowInitialMargin();

    /// @notice Calls somebody while it is asked.
    function setCallBack(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
    }

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }

    function requireInitial(HubAccount account_, bytes calldata prices_, uint40 since_) external {
        require(!refuses, BelowInitialMargin());
        (account, prices, since) = (account_, prices_, since_);
        if (_target == address(0)) return;
        (bool ok, ) = _target.call(_data);
        require(ok, BelowInitialMargin());
    }
}

/// @notice The hub with outflow buckets, an account of alice's that has 1,000 of cash and 10 WETH, and words for requests and receipts.
abstract contract WithdrawalsFixture is HubFixture {
    uint128 internal constant BUCKET = 1_000_000e6;
    uint128 internal constant USD = 1e18;
    uint16 internal constant DAI = 3;

    address internal bob = makeAddr("bob");
    uint256 internal aliceKey;
    HubAccount internal account;
    mapping(uint32 eid => uint64) internal delivered;

    function setUp() public virtual override {
        super.setUp();
        (alice, aliceKey) = makeAddrAndKey("alice");
        account = _account(alice, 0);
        ledger.configureAsset(OTHER, USDC, _config(ILedger.AssetStanding.Settlement, 6));
        ledger.configureAsset(OTHER, DAI, _config(ILedger.AssetStanding.Settlement, 18));
        withdrawals.setOutflow(SPOKE, USDC, BUCKET, 1e6);
        withdrawals.setOutflow(SPOKE, WETH, 1_000e18, 1e18);
        withdrawals.setOutflow(OTHER, USDC, BUCKET, 1e6);
        withdrawals.setOutflow(OTHER, DAI, 1_000_000e18, 1e18);
        _fund(SPOKE, USDC, 1_000e6);
        _fund(SPOKE, WETH, 10e18);
        vm.label(address(withdrawals), "withdrawals");
    }

    // ---- entries

    /// @dev Hands one entry to its handler as the Messenger does.
    function _deliver(IEntryHandler handler, uint32 srcEid, bytes memory entry) internal returns (uint64 at) {
        at = ++delivered[srcEid];
        bytes[] memory one = new bytes[](1);
        one[0] = entry;
        bytes memory stream = _stream(one);
        vm.prank(messenger);
        handler.applyEntries(srcEid, at, stream, new uint256[](1));
    }

    function _fund(uint32 eid, uint16 asset, uint128 amount) internal {
        _deliver(gateway, eid, _entry(account, asset, amount, true));
    }

    function _requested(
        HubAccount who,
        IWithdrawals.Leg memory leg,
        uint40 validUntil
    ) internal view returns (bytes memory) {
        return
            Entry.encodeWithdrawRequested(
                Entry.WithdrawRequested({
                    account: who,
                    eid: leg.eid,
                    asset: leg.asset,
                    fromCash: leg.fromCash,
                    amount: leg.amount,
                    receiver: leg.receiver,
                    validUntil: validUntil,
                    timestamp: uint40(block.timestamp)
                })
            );
    }

    /// @dev A receipt for orders of one asset, all of them paid.
    function _receipts(uint64 first, uint8 count, uint16 asset, uint128 sum) internal pure returns (bytes memory) {
        uint16[] memory assets = new uint16[](1);
        uint128[] memory sums = new uint128[](1);
        (assets[0], sums[0]) = (asset, sum);
        uint64 all = uint64((1 << uint256(count)) - 1);
        return Entry.encodeReceipts(Entry.Receipts(first, count, all, all, assets, sums));
    }

    function _expectRefused(uint32 srcEid, uint8 kind, IWithdrawals.Refusal reason) internal {
        vm.expectEmit(address(withdrawals));
        emit IWithdrawals.EntryRefused(srcEid, delivered[srcEid] + 1, kind, reason);
    }

    // ---- requests

    function _cashLeg(uint32 eid, uint16 asset, uint128 cash) internal view returns (IWithdrawals.Leg memory) {
        return IWithdrawals.Leg(eid, asset, true, cash, bob);
    }

    function _tokenLeg(uint32 eid, uint16 asset, uint128 units) internal view returns (IWithdrawals.Leg memory) {
        return IWithdrawals.Leg(eid, asset, false, units, bob);
    }

    function _one(IWithdrawals.Leg memory leg) internal pure returns (IWithdrawals.Leg[] memory legs) {
        legs = new IWithdrawals.Leg[](1);
        legs[0] = leg;
    }

    /// @dev alice asks, on the hub.
    function _request(IWithdrawals.Leg memory leg) internal returns (uint64 claim) {
        vm.prank(alice, alice);
        return withdrawals.request(account, _one(leg), "");
    }

    function _order(uint64 claim) internal returns (bool) {
        uint64[] memory claims = new uint64[](1);
        claims[0] = claim;
        return withdrawals.order(claims) == 1;
    }

    function _assertStatus(uint64 claim, IWithdrawals.Status expected) internal view {
        assertEq(uint8(withdrawals.claimOf(claim).status), uint8(expected), "status");
    }

    function _assertWaiting(uint64 claim, IWithdrawals.Waiting expected) internal view {
        assertEq(uint8(withdrawals.waitingFor(claim)), uint8(expected), "waiting");
    }

    function _assertQueue(uint32 eid, uint16 asset, uint64 claims, uint128 units) internal view {
        (uint64 c, uint128 u) = withdrawals.queueOf(eid, asset);
        assertEq(c, claims, "claims that wait");
        assertEq(u, units, "units that wait");
    }

    function _weth() internal view returns (uint256) {
        (uint128 collateral, uint128 idle) = ledger.balanceOf(account, wethId);
        return uint256(collateral) + idle;
    }

    // ---- invariants

    /// @dev INV-LEDGER-1 of every asset, and INV-CASH-1.
    function _checkBooks() internal view {
        int256 free;
        for (uint16 id = 1; id <= ledger.assetCount(); ++id) {
            _checkCustody(id);
            free += int256(ledger.custodyOf(id).free * 10 ** (18 - _settlementDecimals(id)));
        }
        (, uint256 interest, , ) = ledger.interestOf();
        int256 held = ledger.totalCash() + ledger.clearing() + int256(ledger.queuedCash()) + int256(interest);
        assertEq(free, held, "INV-CASH-1");
    }

    /// @dev Of what never was settlement nothing is free.
    function _settlementDecimals(uint16 id) private view returns (uint256 decimals) {
        decimals = ledger.configOf(id).decimals;
        return decimals > 18 ? 18 : decimals;
    }
}
