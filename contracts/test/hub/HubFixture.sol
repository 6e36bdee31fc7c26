// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Test} from "forge-std/Test.sol";
import {Gateway} from "../../src/hub/Gateway.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {Ledger} from "../../src/hub/Ledger.sol";
import {Entry} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {Deploy} from "../Deploy.sol";

/// @notice The hub's contracts, driven by this test in the Messenger's place: a handler sees only its calls.
abstract contract HubFixture is Test {
    uint32 internal constant HUB = 40001;
    uint32 internal constant SPOKE = 40002;
    uint16 internal constant USDC = 1;
    uint16 internal constant WETH = 2;
    uint16 internal constant UNLISTED = 99;
    uint128 internal constant CAP = 1e30;

    address internal messenger = makeAddr("messenger");
    address internal alice = makeAddr("alice");
    AccessManager internal authority;
    Ledger internal ledger;
    Gateway internal gateway;
    uint16 internal usdcId;
    uint16 internal wethId;
    uint64 internal sequence;

    function setUp() public virtual {
        vm.warp(1_790_000_000);
        authority = new AccessManager(address(this));
        ledger = Deploy.ledger(address(authority), HUB);
        gateway = Deploy.gateway(address(authority), messenger, address(ledger));
        ledger.setModule(address(gateway), true);
        usdcId = _configure(USDC, ILedger.AssetStanding.Settlement, 6);
        wethId = _configure(WETH, ILedger.AssetStanding.Collateral, 18);
        vm.mockCall(messenger, abi.encodeCall(IMessenger.isQuarantined, (SPOKE)), abi.encode(false));
    }

    function _config(
        ILedger.AssetStanding standing,
        uint8 decimals
    ) internal pure returns (ILedger.AssetConfig memory) {
        return ILedger.AssetConfig(standing, decimals, CAP, CAP, 1e20);
    }

    function _configure(
        uint16 asset,
        ILedger.AssetStanding standing,
        uint8 decimals
    ) internal returns (uint16 assetId) {
        return ledger.configureAsset(SPOKE, asset, _config(standing, decimals));
    }

    function _account(address owner, uint64 subaccount) internal pure returns (HubAccount) {
        return AccountLib.encode(owner, 0, subaccount);
    }

    function _entry(HubAccount account, uint16 asset, uint128 amount, bool own) internal view returns (bytes memory) {
        return
            Entry.encodeDeposited(
                Entry.Deposited({
                    account: account,
                    asset: asset,
                    amount: amount,
                    timestamp: uint40(block.timestamp),
                    payer: account.owner(),
                    refund: account.owner(),
                    flags: own ? Entry.FLAG_OWN_DEPOSIT : 0
                })
            );
    }

    function _stream(bytes[] memory entries) internal pure returns (bytes memory stream) {
        for (uint256 i = 0; i < entries.length; ++i) {
            stream = bytes.concat(stream, bytes1(uint8(entries[i].length)), entries[i]);
        }
    }

    /// @dev Hands entries to the gateway as the Messenger does; the last sequence is `sequence`.
    function _apply(bytes[] memory entries, uint256[] memory voided) internal {
        uint64 first = sequence + 1;
        sequence += uint64(entries.length);
        bytes memory stream = _stream(entries);
        vm.prank(messenger);
        gateway.applyEntries(SPOKE, first, stream, voided);
    }

    function _applyOne(bytes memory entry) internal {
        bytes[] memory entries = new bytes[](1);
        entries[0] = entry;
        _apply(entries, new uint256[](1));
    }

    function _deposit(
        HubAccount account,
        uint16 asset,
        uint128 amount,
        bool own
    ) internal returns (bytes memory entry) {
        entry = _entry(account, asset, amount, own);
        _applyOne(entry);
    }

    function _isParked(uint64 seq) internal view returns (bool) {
        return gateway.parkedLeaf(SPOKE, seq) != 0;
    }

    /// @dev INV-LEDGER-1 and the identities around it, for one asset.
    function _checkCustody(uint16 assetId) internal view {
        ILedger.Custody memory c = ledger.custodyOf(assetId);
        assertEq(c.custody, c.balances + c.free + c.reserved + c.suspense, "INV-LEDGER-1");
    }
}
