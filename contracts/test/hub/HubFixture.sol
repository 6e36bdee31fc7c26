// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Test} from "forge-std/Test.sol";
import {Gateway} from "../../src/hub/Gateway.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {Delegates} from "../../src/hub/Delegates.sol";
import {Ledger} from "../../src/hub/Ledger.sol";
import {Withdrawals} from "../../src/hub/Withdrawals.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {Deploy} from "../Deploy.sol";
import {EndpointMock} from "../mocks/EndpointMock.sol";

/// @notice The hub's contracts and its Messenger, with two spokes that exist as peers only: entries are handed over in the Messenger's
///         name, as a handler sees nothing but its calls.
abstract contract HubFixture is Test {
    uint32 internal constant HUB = 40001;
    uint32 internal constant SPOKE = 40002;
    uint32 internal constant OTHER = 40003;
    uint16 internal constant USDC = 1;
    uint16 internal constant WETH = 2;
    uint16 internal constant UNLISTED = 99;
    uint128 internal constant CAP = 1e30;

    Messenger internal hubLog;
    address internal messenger;
    address internal alice = makeAddr("alice");
    AccessManager internal authority;
    Ledger internal ledger;
    Gateway internal gateway;
    Delegates internal delegates;
    Withdrawals internal withdrawals;
    uint16 internal usdcId;
    uint16 internal wethId;
    uint64 internal sequence;

    function setUp() public virtual {
        vm.warp(1_790_000_000);
        authority = new AccessManager(address(this));
        ledger = Deploy.ledger(address(authority), HUB);
        hubLog = Deploy.messenger(address(new EndpointMock(HUB)), address(authority));
        messenger = address(hubLog);
        hubLog.setPeer(SPOKE, bytes32(uint256(SPOKE)));
        hubLog.setPeer(OTHER, bytes32(uint256(OTHER)));
        gateway = Deploy.gateway(address(authority), messenger, address(ledger));
        delegates = Deploy.delegates(address(authority), messenger, HUB);
        withdrawals = Deploy.withdrawals(
            address(authority),
            messenger,
            address(ledger),
            address(delegates),
            address(gateway)
        );
        gateway.setWithdrawals(withdrawals);
        hubLog.setWriter(EntryKind.RELEASE, address(withdrawals));
        hubLog.setHandler(EntryKind.DEPOSITED, address(gateway));
        hubLog.setHandler(EntryKind.WITHDRAW_REQUESTED, address(withdrawals));
        hubLog.setHandler(EntryKind.RECEIPTS, address(withdrawals));
        hubLog.setHandler(EntryKind.DELEGATE_SET, address(delegates));
        ledger.setModule(address(gateway), true);
        ledger.setModule(address(withdrawals), true);
        usdcId = _configure(USDC, ILedger.AssetStanding.Settlement, 6);
        wethId = _configure(WETH, ILedger.AssetStanding.Collateral, 18);
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
