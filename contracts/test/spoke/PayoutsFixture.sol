// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Vm} from "forge-std/Vm.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {PlainToken} from "../mocks/tokens/Zoo.sol";
import {VaultFixture} from "./VaultFixture.sol";

/// @notice A vault that pays: the test stands in the Messenger's place when orders arrive, the log they are answered in is real.
abstract contract PayoutsFixture is VaultFixture {
    uint128 internal constant UNIT = 1e18;
    uint64 internal constant CLAIM = 7;

    uint64 internal nextOrder = 1;

    function setUp() public virtual override {
        super.setUp();
        messenger.setWriter(EntryKind.RECEIPTS, address(vault));
        messenger.setWriter(EntryKind.WITHDRAW_REQUESTED, address(vault));
        messenger.setWriter(EntryKind.DELEGATE_SET, address(vault));
        vault.setOutflow(asset, 1_000_000 * UNIT, 1_000 * UNIT);
        _fund(token, 1_000_000 * UNIT);
        _deposit(asset, 500_000 * UNIT);
    }

    /// @dev Lists a token with a wide bucket, and deposits `amount` of it.
    function _stock(PlainToken token_, uint128 amount) internal returns (uint16 listed) {
        listed = _list(address(token_));
        vault.setOutflow(listed, 1e30, 1);
        _fund(token_, amount);
        _deposit(listed, amount);
    }

    function _stockNative(uint128 amount) internal returns (uint16 listed) {
        listed = _list(NATIVE);
        vault.setOutflow(listed, 1e30, 1);
        vm.deal(alice, amount);
        vm.prank(alice, alice);
        vault.deposit{value: amount}(_params(listed, amount));
    }

    function _account(address owner) internal pure returns (HubAccount) {
        return AccountLib.encode(owner, 0, 0);
    }

    function _order(
        address owner,
        uint16 asset_,
        uint128 amount,
        address receiver
    ) internal pure returns (bytes memory) {
        return _orderOf(_account(owner), asset_, amount, receiver);
    }

    function _orderOf(
        HubAccount account,
        uint16 asset_,
        uint128 amount,
        address receiver
    ) internal pure returns (bytes memory) {
        return
            Entry.encodeRelease(
                Entry.Release({claim: CLAIM, account: account, asset: asset_, amount: amount, receiver: receiver})
            );
    }

    function _stream(bytes memory entry) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(entry.length), entry);
    }

    /// @dev Delivers entries as one run; returns the sequence of the first.
    function _apply(bytes memory stream, uint256 count) internal returns (uint64 first) {
        return _applyVoided(stream, count, new uint256[]((count + 255) / 256));
    }

    function _applyVoided(bytes memory stream, uint256 count, uint256[] memory voided) internal returns (uint64 first) {
        first = nextOrder;
        nextOrder += uint64(count);
        vm.prank(address(messenger));
        vault.applyEntries(HUB, first, stream, voided);
    }

    function _pay(uint16 asset_, uint128 amount, address receiver) internal returns (uint64) {
        return _apply(_stream(_order(alice, asset_, amount, receiver)), 1);
    }

    /// @dev An order that cannot be paid now, because payouts are paused while it arrives.
    function _makeClaimable(
        HubAccount account,
        uint16 asset_,
        uint128 amount,
        address receiver
    ) internal returns (uint64 sequence) {
        vault.pausePayouts();
        sequence = _apply(_stream(_orderOf(account, asset_, amount, receiver)), 1);
        vault.unpausePayouts();
    }

    /// @dev The entries appended to the hub's log since recording began.
    function _appended() internal returns (bytes[] memory entries) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        entries = new bytes[](logs.length);
        uint256 n;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != IMessenger.EntryAppended.selector) continue;
            (, entries[n++]) = abi.decode(logs[i].data, (bytes32, bytes));
        }
        assembly ("memory-safe") {
            mstore(entries, n)
        }
    }

    function decodeReceipts(bytes calldata entry) external pure returns (Entry.Receipts memory) {
        require(Entry.isReceipts(entry), "malformed receipts");
        return Entry.decodeReceipts(entry);
    }

    function decodeDeposited(bytes calldata entry) external pure returns (Entry.Deposited memory) {
        require(entry.length == Entry.DEPOSITED_LENGTH && uint8(entry[0]) == EntryKind.DEPOSITED, "no deposit");
        return Entry.decodeDeposited(entry);
    }

    /// @dev The one receipt of what was just applied.
    function _receipt() internal returns (Entry.Receipts memory) {
        bytes[] memory entries = _appended();
        assertEq(entries.length, 1, "one receipt");
        return this.decodeReceipts(entries[0]);
    }
}
