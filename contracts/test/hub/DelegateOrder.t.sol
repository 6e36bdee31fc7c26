// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IDelegates} from "../../src/hub/IDelegates.sol";
import {Entry} from "../../src/message/Entry.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {HubFixture} from "./HubFixture.sol";

/// @notice Entries of several logs and acts on the hub meet in any order: what was taken back stays taken back. See DelegateOrder.tree.
contract DelegateOrderTest is HubFixture {
    uint8 private constant TRADE = 1;
    uint8 private constant WITHDRAW = 2;
    uint40 private constant FOREVER = type(uint40).max;

    address private key = makeAddr("key");
    HubAccount private account;
    uint64 private delivered;

    function setUp() public override {
        super.setUp();
        account = _account(alice, 0);
    }

    function _byLog(uint32 srcEid, HubAccount who, uint8 permissions, uint40 validUntil) private {
        bytes[] memory one = new bytes[](1);
        one[0] = Entry.encodeDelegateSet(Entry.DelegateSet(who, key, permissions, validUntil));
        bytes memory stream = _stream(one);
        vm.prank(messenger);
        delegates.applyEntries(srcEid, ++delivered, stream, new uint256[](1));
    }

    function _byOwner(uint8 permissions, uint40 validUntil) private {
        vm.prank(alice, alice);
        delegates.setDelegate(account, key, permissions, validUntil);
    }

    function _expectSuperseded(uint32 srcEid) private {
        vm.expectEmit(address(delegates));
        emit IDelegates.EntryRefused(srcEid, delivered + 1, IDelegates.Refusal.Superseded);
    }

    function test_GivenAKeyRevokedOnTheHub_WhenAnOlderEntryComes_ItIsSuperseded() public {
        _byLog(SPOKE, account, WITHDRAW, FOREVER);
        _byOwner(0, 0);
        _expectSuperseded(OTHER);
        _byLog(OTHER, account, WITHDRAW, FOREVER);
        assertFalse(delegates.mayAct(account, key, WITHDRAW));
        _expectSuperseded(HUB);
        _byLog(HUB, account, TRADE, FOREVER);
        assertFalse(delegates.mayAct(account, key, TRADE));
        // Taking away is always applied, and only the hub gives again.
        vm.expectEmit(address(delegates));
        emit IDelegates.DelegateSet(HubAccount.unwrap(account), key, 0, 7);
        _byLog(SPOKE, account, 0, 7);
        _byOwner(WITHDRAW, FOREVER);
        assertTrue(delegates.mayAct(account, key, WITHDRAW));
    }

    function test_GivenAKeyNarrowedOnTheHub_WhenAnOlderEntryGaveMore_ItIsSuperseded() public {
        _byLog(SPOKE, account, TRADE | WITHDRAW, FOREVER);
        _byOwner(TRADE, uint40(block.timestamp) + 100);
        _expectSuperseded(OTHER);
        _byLog(OTHER, account, TRADE | WITHDRAW, 1);
        _expectSuperseded(OTHER);
        _byLog(OTHER, account, TRADE, uint40(block.timestamp) + 101);
        _byLog(OTHER, account, TRADE, uint40(block.timestamp) + 99);
        (uint8 permissions, uint40 validUntil) = delegates.delegateOf(account, key);
        assertEq(permissions, TRADE);
        assertEq(validUntil, uint40(block.timestamp) + 99);
        _byLog(OTHER, account, 0, FOREVER);
        assertFalse(delegates.mayAct(account, key, TRADE));
    }

    function test_GivenALogThatRevokes_WhenAnotherLogIsLate_ItIsSuperseded() public {
        _byLog(SPOKE, account, WITHDRAW, FOREVER);
        _byLog(OTHER, account, 0, 0);
        _expectSuperseded(SPOKE);
        _byLog(SPOKE, account, WITHDRAW, FOREVER);
        assertFalse(delegates.mayAct(account, key, WITHDRAW));
    }

    function test_GivenARevocationThatCameFirst_WhenTheAppointmentComes_ItIsSuperseded() public {
        _byLog(OTHER, account, 0, 0);
        _expectSuperseded(SPOKE);
        _byLog(SPOKE, account, WITHDRAW, FOREVER);
        assertFalse(delegates.mayAct(account, key, WITHDRAW));
    }

    function test_GivenOnlyEntriesThatGive_TheyAreAllApplied() public {
        _byLog(SPOKE, account, TRADE, uint40(block.timestamp));
        _byLog(OTHER, account, TRADE | WITHDRAW, FOREVER);
        assertTrue(delegates.mayAct(account, key, TRADE | WITHDRAW));
    }

    function test_GivenAnotherHome_ItsLogIsFollowedInOrder() public {
        HubAccount spokes = AccountLib.encode(alice, SPOKE, 0);
        _byLog(SPOKE, spokes, WITHDRAW, FOREVER);
        _byLog(SPOKE, spokes, 0, 0);
        _byLog(SPOKE, spokes, TRADE, FOREVER);
        assertTrue(delegates.mayAct(spokes, key, TRADE));
        // A contract at home on the hub acts there as well.
        HubAccount hubs = AccountLib.encode(alice, HUB, 0);
        _byLog(HUB, hubs, WITHDRAW, FOREVER);
        _byLog(HUB, hubs, 0, 0);
        _expectSuperseded(HUB);
        _byLog(HUB, hubs, TRADE, FOREVER);
    }

    function test_GivenACorrection_WhenTheNewBranchAppoints_ItIsApplied() public {
        _byLog(SPOKE, account, 0, 0);
        IDelegates.Correction[] memory list = new IDelegates.Correction[](1);
        list[0] = IDelegates.Correction(account, key, 0, 0);
        vm.prank(messenger);
        delegates.applyCorrections(SPOKE, 1, abi.encode(list));
        _byLog(SPOKE, account, TRADE, FOREVER);
        assertTrue(delegates.mayAct(account, key, TRADE));
    }
}
