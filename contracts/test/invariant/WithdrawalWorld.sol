// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Origin} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Test} from "forge-std/Test.sol";
import {Vm} from "forge-std/Vm.sol";
import {Gateway} from "../../src/hub/Gateway.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Ledger} from "../../src/hub/Ledger.sol";
import {Withdrawals} from "../../src/hub/Withdrawals.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {CollateralVault} from "../../src/spoke/CollateralVault.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {Deploy} from "../Deploy.sol";
import {EndpointMock} from "../mocks/EndpointMock.sol";
import {PlainToken} from "../mocks/tokens/Zoo.sol";

/// @notice A spoke and the hub with everything of a withdrawal's life, real on both ends; the network is in the test's hands.
/// @dev What the logs hold is read from the events of the contracts.
abstract contract WithdrawalWorld is Test {
    uint32 internal constant HUB = 1;
    uint32 internal constant SPOKE = 2;
    uint16 internal constant ASSET = 1;
    uint128 internal constant WIDE = 1e28;

    struct LogItem {
        uint8 kind;
        bool voided;
        bytes entry;
        bytes32 leaf;
        bytes32 head;
    }

    /// @dev The log that leaves one side; index = sequence, 0 is its genesis.
    struct Log {
        LogItem[] items;
        uint64 flushed;
        uint64 verified;
        uint64 consumed;
    }

    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    AccessManager internal authority;
    EndpointMock internal spokeEndpoint;
    EndpointMock internal hubEndpoint;
    Messenger internal spoke;
    Messenger internal hub;
    CollateralVault internal vault;
    Ledger internal ledger;
    Gateway internal gateway;
    Withdrawals internal withdrawals;
    PlainToken internal token;
    Log internal up; // spoke → hub
    Log internal down; // hub → spoke

    function _build(uint8 decimals) internal {
        vm.warp(1_790_000_000);
        authority = new AccessManager(address(this));
        spokeEndpoint = new EndpointMock(SPOKE);
        hubEndpoint = new EndpointMock(HUB);
        spoke = Deploy.messenger(address(spokeEndpoint), address(authority));
        hub = Deploy.messenger(address(hubEndpoint), address(authority));
        spoke.setPeer(HUB, _id(address(hub)));
        hub.setPeer(SPOKE, _id(address(spoke)));
        _buildSpoke(decimals);
        _buildHub();
        up.items.push();
        down.items.push();
        (up.items[0].head, ) = spoke.genesis(HUB);
        (down.items[0].head, ) = hub.genesis(SPOKE);
    }

    function _buildSpoke(uint8 decimals) private {
        vault = Deploy.vault(address(authority), address(spoke), HUB, address(0));
        for (uint8 kind = EntryKind.DEPOSITED; kind <= EntryKind.RECEIPTS; ++kind) {
            spoke.setWriter(kind, address(vault));
        }
        spoke.setHandler(EntryKind.RELEASE, address(vault));
        vault.setCancelDelay(0);
        token = new PlainToken(decimals);
        vault.listAsset(address(token), 1, type(uint128).max);
        vault.setOutflow(ASSET, WIDE, WIDE);
        vm.prank(alice);
        token.approve(address(vault), type(uint256).max);
    }

    function _buildHub() private {
        ledger = Deploy.ledger(address(authority), HUB);
        gateway = Deploy.gateway(address(authority), address(hub), address(ledger));
        address delegates = address(Deploy.delegates(address(authority), address(hub), HUB));
        withdrawals = Deploy.withdrawals(
            address(authority),
            address(hub),
            address(ledger),
            delegates,
            address(gateway)
        );
        gateway.setWithdrawals(withdrawals);
        gateway.setReturnDelay(0);
        ledger.setModule(address(gateway), true);
        ledger.setModule(address(withdrawals), true);
        hub.setHandler(EntryKind.DEPOSITED, address(gateway));
        hub.setHandler(EntryKind.WITHDRAW_REQUESTED, address(withdrawals));
        hub.setHandler(EntryKind.RECEIPTS, address(withdrawals));
        hub.setWriter(EntryKind.RELEASE, address(withdrawals));
        withdrawals.setOutflow(SPOKE, ASSET, WIDE, 1e26);
    }

    function _configure(ILedger.AssetStanding standing) internal {
        ILedger.AssetConfig memory c = ILedger.AssetConfig(standing, token.decimals(), WIDE, WIDE, 1e20);
        ledger.configureAsset(SPOKE, ASSET, c);
    }

    function _account() internal view returns (HubAccount) {
        return AccountLib.encode(alice, 0, 0);
    }

    // ---- the calls of users

    function _deposit(uint256 amount) internal {
        token.mint(alice, amount);
        vm.prank(alice, alice);
        vault.deposit(ICollateralVault.DepositParams(_account(), ASSET, amount, alice, false));
    }

    function _cancelDeposit(uint64 sequence) internal {
        bytes32[] memory leaves = _leaves(up, sequence + 1, uint64(up.items.length - 1));
        vm.prank(alice, alice);
        vault.cancel(sequence, up.items[sequence - 1].head, up.items[sequence].entry, leaves);
    }

    function _request(bool fromCash, uint128 amount) internal returns (uint64) {
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = IWithdrawals.Leg(SPOKE, ASSET, fromCash, amount, bob);
        vm.prank(alice, alice);
        return withdrawals.request(_account(), legs, "");
    }

    function _order(uint64 claim) internal returns (uint256) {
        uint64[] memory claims = new uint64[](1);
        claims[0] = claim;
        return withdrawals.order(claims);
    }

    function _cancelOrdered(uint64 claim) internal {
        uint64 sequence = withdrawals.claimOf(claim).orderSequence;
        require(sequence != 0, "no order");
        bytes32[] memory leaves = _leaves(down, sequence + 1, uint64(down.items.length - 1));
        bytes32 before = down.items[sequence - 1].head;
        vm.prank(alice, alice);
        withdrawals.cancelOrdered(claim, before, leaves);
    }

    // ---- the network

    /// @dev The newest checkpoint arrives; those before it are lost.
    function _arrive(
        Log storage log,
        EndpointMock from,
        EndpointMock to,
        Messenger sender,
        Messenger receiver
    ) private {
        bytes memory message = from.sent(from.sentCount() - 1).message;
        to.inject(address(receiver), Origin(from.eid(), _id(address(sender)), 1), message);
        log.verified = log.flushed;
    }

    function _arriveAtHub() internal {
        _arrive(up, spokeEndpoint, hubEndpoint, spoke, hub);
    }

    function _arriveAtSpoke() internal {
        _arrive(down, hubEndpoint, spokeEndpoint, hub, spoke);
    }

    /// @dev Delivers up to `to`, cutting it off the verified head if it lies below.
    function _deliver(Log storage log, Messenger receiver, uint32 srcEid, uint64 to) internal {
        if (to < log.verified && receiver.verifiedHead(srcEid, to) == 0) {
            receiver.split(srcEid, log.verified, to, log.items[to].head, _leaves(log, to + 1, log.verified));
        }
        bytes memory stream;
        for (uint64 s = log.consumed + 1; s <= to; ++s) {
            bytes memory entry = log.items[s].entry;
            stream = bytes.concat(stream, bytes1(uint8(entry.length)), entry);
        }
        receiver.deliver(srcEid, stream);
        log.consumed = to;
    }

    // ---- what the contracts appended

    /// @dev Copies the entries appended since recording began.
    function _collect() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != IMessenger.EntryAppended.selector) continue;
            (bytes32 head, bytes memory entry) = abi.decode(logs[i].data, (bytes32, bytes));
            _push(logs[i].emitter == address(spoke) ? up : down, entry, head);
        }
    }

    function _push(Log storage log, bytes memory entry, bytes32 head) private {
        uint8 kind = uint8(entry[0]);
        bytes32 leaf = Entry.leafOf(entry);
        if (kind == EntryKind.VOID) {
            uint64 target = uint64(uint256(_word(entry, 1)) >> 192);
            leaf = Entry.voidLeaf(target);
            log.items[target].voided = true;
        }
        log.items.push(LogItem(kind, false, entry, leaf, head));
    }

    function _leaves(Log storage log, uint64 first, uint64 last) internal view returns (bytes32[] memory part) {
        part = new bytes32[](last + 1 - first);
        for (uint64 i; i < part.length; ++i) part[i] = log.items[first + i].leaf;
    }

    function _word(bytes memory data, uint256 offset) internal pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), offset))
        }
    }

    function _amountIn(bytes memory entry, uint256 offset) internal pure returns (uint256) {
        return uint256(_word(entry, offset)) >> 128;
    }

    function _id(address who) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(who)));
    }
}
