// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";
import {Vm} from "forge-std/Vm.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {CollateralVault} from "../../src/spoke/CollateralVault.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {IPayouts} from "../../src/spoke/IPayouts.sol";
import {AccountLib} from "../../src/types/Account.sol";
import {MoodyToken} from "../mocks/tokens/Moody.sol";
import {Deploy} from "../Deploy.sol";
import {VaultFixture} from "./VaultFixture.sol";

/// @notice A vault under any orders, honest or forged, with tokens in any mood; it remembers what the receipts said.
contract PayoutsActors is Test {
    uint32 internal constant HUB = 1;
    uint16 public constant ASSETS = 3;

    Messenger internal immutable _messenger;
    CollateralVault public immutable vault;
    address internal immutable _owner = makeAddr("owner");
    MoodyToken[] internal _tokens;
    uint64[] internal _waiting;
    uint64 internal _next = 1;
    mapping(uint16 asset => uint256) public receipted;
    mapping(uint16 asset => uint256) public settled;
    mapping(uint16 asset => uint256) public reached;
    mapping(bytes32 action => uint256) public done;

    constructor(Messenger messenger, CollateralVault vault_, MoodyToken[] memory tokens) {
        (_messenger, vault, _tokens) = (messenger, vault_, tokens);
    }

    function deposit(uint256 seed, uint128 size) external {
        uint16 asset = uint16(1 + (seed % ASSETS));
        uint256 amount = _bound(size, 1, 1e24);
        _tokens[asset - 1].mint(_owner, amount);
        vm.startPrank(_owner, _owner);
        _tokens[asset - 1].approve(address(vault), amount);
        ICollateralVault.DepositParams memory p = ICollateralVault.DepositParams(
            AccountLib.encode(_owner, 0, 0),
            asset,
            amount,
            _owner,
            false
        );
        try vault.deposit(p) {
            ++done["deposit"];
        } catch {}
        vm.stopPrank();
    }

    /// @dev Up to eight orders of any amounts; some voided, some beyond the backing.
    function orders(uint256 seed) external {
        uint256 count = 1 + (seed % 8);
        bytes memory stream;
        for (uint256 i; i < count; ++i) {
            uint256 s = uint256(keccak256(abi.encode(seed, i)));
            uint16 asset = uint16(1 + (s % ASSETS));
            (, uint256 owed) = vault.backing(asset);
            uint128 amount = uint128(_bound(s >> 16, 0, owed + owed / 8));
            address to = (s >> 8) % 8 == 0 ? address(vault) : address(uint160(0xabc0 + ((s >> 9) % 4)));
            bytes memory entry = Entry.encodeRelease(
                Entry.Release(uint64(i), AccountLib.encode(_owner, 0, 0), asset, amount, to)
            );
            stream = abi.encodePacked(stream, uint8(entry.length), entry);
        }
        uint256[] memory voided = new uint256[](1);
        voided[0] = (seed >> 16) & (seed >> 32) & 0xff;
        uint64 first = _next;
        _next += uint64(count);
        vm.recordLogs();
        vm.prank(address(_messenger));
        vault.applyEntries(HUB, first, stream, voided);
        _read(vm.getRecordedLogs());
        ++done["orders"];
    }

    function _read(Vm.Log[] memory logs) private {
        for (uint256 i; i < logs.length; ++i) {
            bytes32 topic = logs[i].topics[0];
            if (topic == IPayouts.Paid.selector) {
                (uint16 asset, uint128 amount) = abi.decode(logs[i].data, (uint16, uint128));
                settled[asset] += amount;
                reached[asset] += amount;
                ++done["paid"];
            } else if (topic == IPayouts.MadeClaimable.selector) {
                (, uint16 asset, uint128 amount, ) = abi.decode(logs[i].data, (address, uint16, uint128, uint8));
                settled[asset] += amount;
                _waiting.push(uint64(uint256(logs[i].topics[1])));
                ++done["claimable"];
            } else if (topic == IMessenger.EntryAppended.selector) {
                (, bytes memory entry) = abi.decode(logs[i].data, (bytes32, bytes));
                this.countReceipt(entry);
            }
        }
    }

    function countReceipt(bytes calldata entry) external {
        require(msg.sender == address(this) && uint8(entry[0]) == EntryKind.RECEIPTS);
        Entry.Receipts memory r = Entry.decodeReceipts(entry);
        for (uint256 k; k < r.assets.length; ++k) receipted[r.assets[k]] += r.sums[k];
    }

    function settle(uint256 seed) external {
        if (_waiting.length == 0) return;
        uint256 index = seed % _waiting.length;
        uint64 sequence = _waiting[index];
        IPayouts.Claimable memory c = vault.claimableOf(sequence);
        uint256 way = (seed >> 64) % 3;
        bytes memory call_ = abi.encodeCall(vault.claim, (sequence));
        if (way == 1) call_ = abi.encodeCall(vault.claimTo, (sequence, address(0xd0d0)));
        if (way == 2) call_ = abi.encodeCall(vault.returnClaim, (sequence));
        vm.prank(_owner, _owner);
        (bool ok, ) = address(vault).call(call_);
        if (!ok) return;
        uint128 rest = vault.claimableOf(sequence).amount;
        if (way != 2) reached[c.asset] += c.amount - rest;
        ++done[
            way == 0
                ? bytes32("claim")
                : way == 1
                    ? bytes32("claimTo")
                    : bytes32("returnClaim")
        ];
        if (rest != 0) {
            // The bucket did not hold all of it.
            require(way != 2 && rest < c.amount);
            ++done["part"];
            return;
        }
        // Once: whatever was done with it, it is gone.
        for (uint256 again; again < 3; ++again) {
            vm.prank(_owner, _owner);
            (ok, ) = address(vault).call(
                again == 0
                    ? abi.encodeCall(vault.claim, (sequence))
                    : again == 1
                        ? abi.encodeCall(vault.claimTo, (sequence, _owner))
                        : abi.encodeCall(vault.returnClaim, (sequence))
            );
            require(!ok, "INV-RELEASE-1: settled twice");
        }
        _waiting[index] = _waiting[_waiting.length - 1];
        _waiting.pop();
    }

    function annul(uint256 seed) external {
        if (_waiting.length == 0 || seed % 4 != 0) return;
        uint256 index = (seed >> 8) % _waiting.length;
        uint64[] memory numbers = new uint64[](1);
        numbers[0] = _waiting[index];
        IPayouts.Claimable memory c = vault.claimableOf(numbers[0]);
        vm.prank(address(_messenger));
        vault.applyCorrections(HUB, 1, abi.encode(numbers));
        settled[c.asset] -= c.amount;
        receipted[c.asset] -= c.amount;
        _waiting[index] = _waiting[_waiting.length - 1];
        _waiting.pop();
        ++done["annul"];
    }

    function govern(uint256 seed) external {
        uint16 asset = uint16(1 + (seed % ASSETS));
        uint256 what = (seed >> 8) % 8;
        if (what == 0) vault.pausePayouts();
        else if (what < 3) vault.unpausePayouts();
        else if (what == 3 && vault.assetOf(asset).status < ICollateralVault.AssetStatus.Frozen) {
            vault.restrictAsset(asset, ICollateralVault.AssetStatus.Frozen);
        } else if (what < 6) vault.openAsset(asset);
        else vault.setOutflow(asset, uint128(_bound(seed >> 16, 0, 1e25)), uint128(_bound(seed >> 100, 0, 1e22)));
        skip((seed >> 32) % 1 hours);
    }

    function mood(uint256 seed) external {
        MoodyToken t = _tokens[seed % ASSETS];
        // Gas burners and bombs are slow; the zoo has them.
        uint8[8] memory moods = [0, 0, 1, 2, 3, 4, 8, 9];
        t.setMood(MoodyToken.Mood(moods[(seed >> 8) % 8]));
    }

    function tokensOut(uint16 asset) external view returns (uint256 out) {
        MoodyToken t = _tokens[asset - 1];
        for (uint160 i; i < 4; ++i) out += t.balanceOf(address(0xabc0 + i));
        out += t.balanceOf(address(0xd0d0));
    }

    function claimableSum(uint16 asset) external view returns (uint256 sum) {
        for (uint256 i; i < _waiting.length; ++i) {
            IPayouts.Claimable memory c = vault.claimableOf(_waiting[i]);
            if (c.asset == asset) sum += c.amount;
        }
    }
}

/// @notice INV-VAULT-1 and INV-RELEASE-1 over random histories of a vault; the orders include forged ones.
contract PayoutsInvariantTest is VaultFixture {
    PayoutsActors internal actors;

    function setUp() public override {
        super.setUp();
        // The fixture lists a plain token first: this vault has only moody ones.
        vault = Deploy.vault(address(authority), address(messenger), HUB, permit2);
        messenger.setWriter(EntryKind.DEPOSITED, address(vault));
        messenger.setWriter(EntryKind.RECEIPTS, address(vault));
        MoodyToken[] memory tokens = new MoodyToken[](3);
        for (uint256 i; i < 3; ++i) {
            tokens[i] = new MoodyToken();
            uint16 listed = _list(address(tokens[i]));
            vault.setOutflow(listed, 1e25, 1e21);
        }
        actors = new PayoutsActors(messenger, vault, tokens);
        authority.grantRole(0, address(actors), 0);
        targetContract(address(actors));
        bytes4[] memory selectors = new bytes4[](8);
        (selectors[0], selectors[1]) = (actors.deposit.selector, actors.deposit.selector);
        (selectors[2], selectors[3]) = (actors.orders.selector, actors.orders.selector);
        (selectors[4], selectors[5]) = (actors.settle.selector, actors.govern.selector);
        (selectors[6], selectors[7]) = (actors.mood.selector, actors.annul.selector);
        targetSelector(FuzzSelector(address(actors), selectors));
    }

    function invariant_INV_VAULT_1() public view {
        for (uint16 a = 1; a <= actors.ASSETS(); ++a) {
            _checkBacking(a);
            ICollateralVault.AssetView memory v = vault.assetOf(a);
            assertLe(uint256(v.paid) + v.claimable + v.cancelled, v.deposited);
        }
    }

    /// @dev Each order is paid or claimable once: what receipts said, what was settled, what is claimable and what reached receivers agree.
    function invariant_INV_RELEASE_1() public view {
        for (uint16 a = 1; a <= actors.ASSETS(); ++a) {
            assertEq(actors.receipted(a), actors.settled(a), "a receipt says what was settled");
            assertEq(actors.tokensOut(a), actors.reached(a), "never paid when not paid");
            assertEq(actors.claimableSum(a), vault.assetOf(a).claimable);
        }
    }

    function test_GivenALongWalk_EveryActionHappens() external {
        uint256 seed = 7;
        for (uint256 i; i < 400; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 action = seed % 8;
            if (action < 2) actors.deposit(seed >> 8, uint128(seed >> 16));
            else if (action < 4) actors.orders(seed >> 8);
            else if (action == 4) actors.settle(seed >> 8);
            else if (action == 5) actors.govern(seed >> 8);
            else if (action == 6) actors.mood(seed >> 8);
            else actors.annul(seed >> 8);
        }
        bytes32[9] memory actions = [
            bytes32("deposit"),
            "part",
            "orders",
            "paid",
            "claimable",
            "claim",
            "claimTo",
            "returnClaim",
            "annul"
        ];
        for (uint256 i; i < actions.length; ++i) {
            assertGt(actors.done(actions[i]), 0, string(abi.encodePacked(actions[i])));
        }
        invariant_INV_VAULT_1();
        invariant_INV_RELEASE_1();
    }
}
