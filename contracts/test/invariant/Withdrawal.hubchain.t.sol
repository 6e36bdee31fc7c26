// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Test} from "forge-std/Test.sol";
import {Vm} from "forge-std/Vm.sol";
import {Delegates} from "../../src/hub/Delegates.sol";
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
import {IPayouts} from "../../src/spoke/IPayouts.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {Deploy} from "../Deploy.sol";
import {EndpointMock} from "../mocks/EndpointMock.sol";

/// @notice A receiver that tries everything it can reach while it is paid.
contract MeddlerMock {
    Messenger private immutable _messenger;
    CollateralVault private immutable _vault;
    Withdrawals private immutable _withdrawals;
    uint64[] private _claims;
    uint64 private _sequence;
    bool public refuses;
    uint256 public reached;
    uint256 public ordered;

    constructor(Messenger messenger, CollateralVault vault, Withdrawals withdrawals) {
        (_messenger, _vault, _withdrawals) = (messenger, vault, withdrawals);
    }

    function set(bool refuses_, uint64 claim, uint64 sequence) external {
        refuses = refuses_;
        delete _claims;
        _claims.push(claim);
        _sequence = sequence;
    }

    receive() external payable {
        require(!refuses);
        uint32 eid = _messenger.localEid();
        _try(address(_vault), abi.encodeCall(IPayouts.claim, (_sequence)));
        _try(address(_vault), abi.encodeCall(IPayouts.returnClaim, (_sequence)));
        _try(address(_messenger), abi.encodeCall(IMessenger.flush, (eid, address(this))));
        _try(address(_messenger), abi.encodeCall(IMessenger.deliver, (eid, "")));
        // What has no part in this payout stays open to anyone, if the gas suffices.
        try _withdrawals.order(_claims) returns (uint256 n) {
            ordered += n;
        } catch {}
    }

    function _try(address to, bytes memory data) private {
        (bool ok, ) = to.call(data);
        if (ok) ++reached;
    }
}

/// @notice The hub's own chain: one Messenger, one log both ways, the hub and a vault beside each other. See Withdrawal.hubchain.tree.
contract WithdrawalHubChainTest is Test {
    uint32 private constant HUB = 40001;
    uint32 private constant SPOKE = 40002;
    uint16 private constant COIN = 1;
    uint128 private constant CAPACITY = 1_000 ether;

    AccessManager private authority;
    Messenger private messenger;
    CollateralVault private vault;
    Ledger private ledger;
    Gateway private gateway;
    Delegates private delegates;
    Withdrawals private withdrawals;
    uint16 private coinId;
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");
    HubAccount private account;

    // the log as its events say it
    bytes[] private entries;
    bytes32[] private heads;

    function setUp() public {
        vm.warp(1_790_000_000);
        authority = new AccessManager(address(this));
        messenger = Deploy.messenger(address(new EndpointMock(HUB)), address(authority));
        messenger.setPeer(HUB, bytes32(uint256(uint160(address(messenger)))));
        messenger.setPeer(SPOKE, bytes32(uint256(SPOKE)));
        vault = Deploy.vault(address(authority), address(messenger), HUB, address(0));
        ledger = Deploy.ledger(address(authority), HUB);
        gateway = Deploy.gateway(address(authority), address(messenger), address(ledger));
        delegates = Deploy.delegates(address(authority), address(messenger), HUB);
        withdrawals = Deploy.withdrawals(
            address(authority),
            address(messenger),
            address(ledger),
            address(delegates),
            address(gateway)
        );
        gateway.setWithdrawals(withdrawals);
        ledger.setModule(address(gateway), true);
        ledger.setModule(address(withdrawals), true);
        _wire(EntryKind.DEPOSITED, address(vault), address(gateway));
        _wire(EntryKind.WITHDRAW_REQUESTED, address(vault), address(withdrawals));
        _wire(EntryKind.DELEGATE_SET, address(vault), address(delegates));
        _wire(EntryKind.RECEIPTS, address(vault), address(withdrawals));
        _wire(EntryKind.RELEASE, address(withdrawals), address(vault));
        assertEq(vault.listAsset(address(0), 1, CAPACITY), COIN);
        vault.setOutflow(COIN, CAPACITY, 1 ether);
        coinId = ledger.configureAsset(
            HUB,
            COIN,
            ILedger.AssetConfig(ILedger.AssetStanding.Collateral, 18, CAPACITY, CAPACITY, 1 ether)
        );
        withdrawals.setOutflow(HUB, COIN, CAPACITY, 1 ether);
        account = AccountLib.encode(alice, 0, 0);
        vm.deal(alice, 100 ether);
        (bytes32 genesis, ) = messenger.genesis(HUB);
        heads.push(genesis);
        vm.recordLogs();
        _deposit(10 ether);
        _carry();
    }

    function _wire(uint8 kind, address writer, address handler) private {
        messenger.setWriter(kind, writer);
        messenger.setHandler(kind, handler);
    }

    // ---- acts

    function _deposit(uint256 amount) private {
        vm.prank(alice, alice);
        vault.deposit{value: amount}(ICollateralVault.DepositParams(account, COIN, amount, alice, false));
    }

    function _request(uint128 amount, address receiver) private returns (uint64) {
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = IWithdrawals.Leg(HUB, COIN, false, amount, receiver);
        vm.prank(alice, alice);
        return withdrawals.request(account, legs, "");
    }

    /// @dev Reads what was appended to the hub chain's log since.
    function _read() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != address(messenger) || logs[i].topics[0] != IMessenger.EntryAppended.selector)
                continue;
            if (uint256(logs[i].topics[1]) != HUB) continue;
            (bytes32 head, bytes memory entry) = abi.decode(logs[i].data, (bytes32, bytes));
            heads.push(head);
            entries.push(entry);
            assertEq(uint256(logs[i].topics[2]), entries.length, "the log has no gaps");
        }
    }

    /// @dev Flushes and delivers all there is as one chunk.
    function _carry() private {
        _read();
        messenger.flush(HUB, address(this));
        bytes memory stream;
        for (uint256 i = messenger.inbox(HUB).consumed; i < entries.length; ++i) {
            stream = bytes.concat(stream, bytes1(uint8(entries[i].length)), entries[i]);
        }
        messenger.deliver(HUB, stream);
        _read();
        _checkBooks();
    }

    function _checkBooks() private view {
        ILedger.Custody memory c = ledger.custodyOf(coinId);
        assertEq(c.custody, c.balances + c.free + c.reserved + c.suspense, "INV-LEDGER-1");
        ICollateralVault.AssetView memory a = vault.assetOf(COIN);
        assertGe(address(vault).balance, a.deposited - a.cancelled - a.paid, "INV-VAULT-1");
        assertLe(a.paid + a.claimable + a.cancelled, a.deposited);
    }

    // ---- tests

    function test_GivenOneLogBothWays_WhenAllKindsAlternate_EachOrderEndsOnce() public {
        uint64 first = _request(1 ether, bob);
        _deposit(2 ether);
        uint64 second = _request(2 ether, bob);
        uint64 third = _request(3 ether, bob);
        vm.startPrank(alice, alice);
        vault.requestWithdrawal(
            IPayouts.WithdrawParams(account, HUB, COIN, false, 1 ether, bob, type(uint40).max, false, alice)
        );
        vault.setDelegate(account, bob, 2, type(uint40).max);
        skip(1 minutes);
        _read();
        uint64 at = withdrawals.claimOf(second).orderSequence;
        withdrawals.cancelOrdered(second, heads[at - 1], _leavesAfter(at));
        vm.stopPrank();

        _carry();
        assertEq(bob.balance, 4 ether, "the voided one is not paid");
        assertEq(uint8(withdrawals.claimOf(first).status), uint8(IWithdrawals.Status.Ordered));
        assertEq(uint8(withdrawals.claimOf(second).status), uint8(IWithdrawals.Status.Cancelled));
        assertEq(uint8(withdrawals.claimOf(third).status), uint8(IWithdrawals.Status.Ordered));
        assertTrue(delegates.mayAct(account, bob, 2));
        assertEq(ledger.custodyOf(coinId).reserved, 4 ether, "until the receipts are there");
        assertEq(uint8(entries[entries.length - 1][0]), EntryKind.RECEIPTS);
        assertEq(uint8(entries[entries.length - 2][0]), EntryKind.RECEIPTS, "one for each run of orders");
        assertTrue(uint8(entries[entries.length - 3][0]) != EntryKind.RECEIPTS);

        _carry();
        ILedger.Custody memory c = ledger.custodyOf(coinId);
        assertEq(c.reserved, 0);
        ICollateralVault.AssetView memory a = vault.assetOf(COIN);
        assertEq(c.custody, a.deposited - a.cancelled - a.paid, "INV-FLOW-1");
        assertEq(c.custody, 8 ether);
        // The request that came by the log is decided, ordered, paid and receipted like any other.
        bytes memory request = entries[5];
        assertEq(uint8(request[0]), EntryKind.WITHDRAW_REQUESTED);
        withdrawals.processRequest(HUB, 6, request, "");
        _carry();
        _carry();
        assertEq(bob.balance, 5 ether);
        assertEq(ledger.custodyOf(coinId).custody, address(vault).balance);
    }

    function _leavesAfter(uint64 at) private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](entries.length - at);
        for (uint256 i; i < leaves.length; ++i) leaves[i] = Entry.leafOf(entries[at + i]);
    }

    function test_GivenAReceiverThatMeddles_WhenPaid_ItIsPaidOnce() public {
        MeddlerMock meddler = new MeddlerMock(messenger, vault, withdrawals);
        meddler.set(false, 1, 1);
        _request(1 ether, address(meddler));
        _carry();
        uint256 held = address(meddler).balance;
        assertTrue(held == 1 ether || vault.assetOf(COIN).claimable == 1 ether, "paid or claimable, not both");
        assertEq(held + vault.assetOf(COIN).claimable, 1 ether);
        assertEq(meddler.reached(), 0, "all of that is locked");
        _carry();
        assertEq(ledger.custodyOf(coinId).reserved, 0);
    }

    function test_GivenAClaimOfAReceiverThatMeddles_WhenClaimed_ItEndsOnce() public {
        MeddlerMock meddler = new MeddlerMock(messenger, vault, withdrawals);
        meddler.set(true, 0, 0);
        uint64 id = _request(1 ether, address(meddler));
        uint64 sequence = withdrawals.claimOf(id).orderSequence;
        _carry();
        assertEq(vault.assetOf(COIN).claimable, 1 ether);
        // Something waits on the hub: it is ordered from inside of the payment.
        withdrawals.pauseOrders();
        uint64 waiting = _request(2 ether, bob);
        withdrawals.unpauseOrders();
        meddler.set(false, waiting, sequence);
        vault.claim(sequence);
        assertEq(address(meddler).balance, 1 ether);
        assertEq(meddler.reached(), 1, "a flush is open to anyone; the vault is locked");
        assertEq(meddler.ordered(), 1);
        assertEq(vault.assetOf(COIN).claimable, 0);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotClaimable.selector, sequence));
        vault.claim(sequence);
        _carry();
        _carry();
        assertEq(bob.balance, 2 ether);
        assertEq(ledger.custodyOf(coinId).reserved, 0);
        assertEq(ledger.custodyOf(coinId).custody, address(vault).balance);
    }

    function test_GivenAnOrderInASpokesLog_WhenItComesHere_ItPaysNothing() public {
        bytes memory entry = Entry.encodeRelease(Entry.Release(1, account, COIN, 1 ether, bob));
        vm.expectEmit(address(vault));
        emit IPayouts.ReleaseRefused(7, IPayouts.ReleaseRefusal.ForeignLog);
        vm.prank(address(messenger));
        vault.applyEntries(SPOKE, 7, bytes.concat(bytes1(uint8(entry.length)), entry), new uint256[](1));
        assertEq(bob.balance, 0);
        _read();
        assertEq(entries.length, 1, "no receipt");
    }
}
