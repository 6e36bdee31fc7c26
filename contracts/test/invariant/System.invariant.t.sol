// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Origin} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {Test} from "forge-std/Test.sol";
import {Gateway} from "../../src/hub/Gateway.sol";
import {ILedger} from "../../src/hub/ILedger.sol";
import {Ledger} from "../../src/hub/Ledger.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {LogFold} from "../../src/message/LogFold.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {CollateralVault} from "../../src/spoke/CollateralVault.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {EndpointMock} from "../mocks/EndpointMock.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {EntryKind} from "../../src/message/Entry.sol";
import {FeeOnTransferToken, PlainToken} from "../mocks/tokens/Zoo.sol";
import {Deploy} from "../Deploy.sol";

/// @notice A spoke and the hub, real on both ends, with random users, governors and a network that loses, repeats and reorders.
/// @dev Keeps the history of the log, so that what the contracts book can be compared with what happened.
contract SystemActors is Test {
    uint32 internal constant SPOKE = 2;
    uint32 internal constant HUB = 1;
    uint16 internal constant ASSETS = 4;

    /// @param amount 0: a VOID
    struct Item {
        bytes entry;
        bytes32 leaf;
        uint16 asset;
        uint128 amount;
        bool voided;
    }

    Messenger public spoke;
    Messenger public hub;
    CollateralVault public vault;
    Ledger public ledger;
    Gateway public gateway;
    EndpointMock internal _hubEndpoint;
    PlainToken[] internal _tokens;
    address[] internal _users;
    Item[] internal _log; // index = sequence, 0 unused
    bytes32[] internal _heads;
    uint64[] internal _checkpoints;
    mapping(bytes32 action => uint256) public done;

    /// @dev The parts come from outside: together they are more than one contract may create.
    constructor(
        Messenger spoke_,
        Messenger hub_,
        CollateralVault vault_,
        Ledger ledger_,
        Gateway gateway_,
        PlainToken[] memory tokens_
    ) {
        (spoke, hub, vault, ledger, gateway) = (spoke_, hub_, vault_, ledger_, gateway_);
        _hubEndpoint = EndpointMock(address(hub_.endpoint()));
        _tokens = tokens_;
    }

    /// @dev Once this is governor.
    function start() external {
        if (_log.length != 0) return;
        for (uint16 i = 1; i < ASSETS; ++i) _configure(i, 1e24);
        for (uint256 i = 0; i < 3; ++i) {
            address user = makeAddr(string(abi.encodePacked("user", bytes1(uint8(48 + i)))));
            _users.push(user);
            for (uint256 t = 0; t < ASSETS; ++t) {
                vm.prank(user);
                _tokens[t].approve(address(vault), type(uint256).max);
            }
        }
        (bytes32 genesis, ) = spoke.genesis(HUB);
        _heads.push(genesis);
        _log.push();
    }

    // ---- actions

    function deposit(uint256 seed, uint128 size) external {
        uint16 asset = uint16(1 + (seed % ASSETS));
        uint256 amount = bound(size, 200, 1e24);
        address payer = _users[(seed >> 8) % 3];
        address owner = (seed >> 16) % 4 == 0 ? _users[(seed >> 24) % 3] : payer;
        _tokens[asset - 1].mint(payer, amount);
        uint128 before = vault.assetOf(asset).deposited;
        vm.recordLogs();
        vm.prank(payer, payer);
        vault.deposit(
            ICollateralVault.DepositParams(_account(owner, uint64((seed >> 32) % 2)), asset, amount, payer, false)
        );
        uint128 received = vault.assetOf(asset).deposited - before;
        bytes memory entry = Entry.encodeDeposited(
            Entry.Deposited(
                _account(owner, uint64((seed >> 32) % 2)),
                asset,
                received,
                uint40(block.timestamp),
                payer,
                payer,
                owner == payer ? 1 : 0
            )
        );
        _append(Item(entry, Entry.leafOf(entry), asset, received, false));
        ++done["deposit"];
    }

    function cancel(uint256 seed) external {
        uint64 flushed = spoke.outbox(HUB).flushed;
        uint256 last = _log.length - 1;
        if (last == flushed) return;
        uint64 target = uint64(flushed + 1 + (seed % (last - flushed)));
        Item storage item = _log[target];
        if (item.amount == 0 || item.voided || last - target >= 60) return;
        skip(vault.cancelDelay());
        bytes32[] memory leaves = new bytes32[](last - target);
        for (uint256 i = 0; i < leaves.length; ++i) leaves[i] = _log[target + 1 + i].leaf;
        vm.prank(address(bytes20(_slice(item.entry, Entry.DEPOSITED_PAYER))));
        vault.cancel(target, _heads[target - 1], item.entry, leaves);
        item.voided = true;
        _append(Item(abi.encodePacked(EntryKind.VOID, target), Entry.voidLeaf(target), item.asset, 0, false));
        ++done["cancel"];
    }

    function flush() external {
        if (spoke.outbox(HUB).flushed == _log.length - 1) return;
        spoke.flush(HUB, address(this));
        _checkpoints.push(uint64(_log.length - 1));
        ++done["flush"];
    }

    /// @dev Any checkpoint that was ever sent, in any order, again and again; most are never drawn: lost.
    function arrive(uint256 seed) external {
        if (_checkpoints.length == 0) return;
        uint64 sequence = _checkpoints[seed % _checkpoints.length];
        (bytes32 own, ) = hub.genesis(SPOKE);
        bytes memory message = abi.encodePacked(uint8(1), sequence, _heads[sequence], uint64(0), own);
        _hubEndpoint.inject(address(hub), Origin(SPOKE, _id(address(spoke)), 1), message);
        ++done["arrive"];
    }

    /// @dev Splits at a random place of the backlog, if it is cut, and delivers up to there.
    function deliver(uint256 seed) external {
        uint64 consumed = hub.inbox(SPOKE).consumed;
        uint64 verified = hub.inbox(SPOKE).verified;
        if (verified <= consumed) return;
        uint64 to = uint64(consumed + 1 + (seed % (verified - consumed)));
        if (hub.verifiedHead(SPOKE, to) == 0) {
            bytes32[] memory leaves = new bytes32[](verified - to);
            for (uint256 i = 0; i < leaves.length; ++i) leaves[i] = _log[to + 1 + i].leaf;
            hub.split(SPOKE, verified, to, _heads[to], leaves);
            ++done["split"];
        }
        bytes memory stream;
        for (uint64 s = consumed + 1; s <= to; ++s) {
            stream = bytes.concat(stream, bytes1(uint8(_log[s].entry.length)), _log[s].entry);
        }
        hub.deliver(SPOKE, stream);
        ++done["deliver"];
    }

    function retry(uint256 seed) external {
        uint64 sequence = uint64(seed % _log.length);
        if (gateway.parkedLeaf(SPOKE, sequence) == 0) return;
        try gateway.retry(SPOKE, sequence, _log[sequence].entry) {
            ++done["retry"];
        } catch {}
    }

    /// @dev Freezes, re-opens or limits an asset; asset 4 is configured late or never.
    function govern(uint256 seed) external {
        uint16 asset = uint16(1 + (seed % ASSETS));
        uint16 assetId = ledger.assetIdOf(SPOKE, asset);
        if (assetId != 0 && (seed >> 8) % 3 == 0) ledger.freezeAsset(assetId);
        else if (asset != ASSETS || (seed >> 8) % 8 == 0) _configure(asset, (seed >> 16) % 2 == 0 ? 1e24 : 1e20);
        skip((seed >> 24) % 1 hours);
    }

    /// @dev A quarantine that turns out to be none: the path re-opens where it was, verified heads are forgotten.
    function rebase(uint256 seed) external {
        if (seed % 5 != 0) return;
        hub.quarantine(SPOKE);
        hub.rebase(SPOKE, hub.inbox(SPOKE).consumed, hub.inbox(SPOKE).consumedHead, new IMessenger.Corrections[](0));
        ++done["rebase"];
    }

    function moveBetweenAccounts(uint256 seed) external {
        address user = _users[seed % 3];
        uint16 assetId = uint16(1 + ((seed >> 8) % ledger.assetCount()));
        (uint128 collateral, uint128 idle) = ledger.balanceOf(_account(user, 0), assetId);
        vm.startPrank(user, user);
        if (collateral + idle != 0) ledger.transfer(_account(user, 0), _account(user, 1), assetId, collateral + idle);
        if (collateral != 0) ledger.disableCollateral(_account(user, 0), assetId);
        int256 cash = ledger.cashOf(_account(user, 0));
        if (cash > 1) ledger.transferCash(_account(user, 0), _account(user, 1), uint128(uint256(cash / 2)));
        vm.stopPrank();
    }

    // ---- what happened

    /// @return custody   Σ consumed and not voided
    /// @return parked    Σ of what waits
    /// @return onTheWay  Σ not consumed and not voided
    function history(uint16 asset) external view returns (uint256 custody, uint256 parked, uint256 onTheWay) {
        uint64 consumed = hub.inbox(SPOKE).consumed;
        for (uint64 s = 1; s < _log.length; ++s) {
            bool waits = gateway.parkedLeaf(SPOKE, s) != 0;
            require(!waits || (s <= consumed && !_log[s].voided), "INV-LOG-2: parked, but voided or not consumed");
            if (_log[s].asset != asset || _log[s].voided) continue;
            if (s > consumed) onTheWay += _log[s].amount;
            else custody += _log[s].amount;
            if (waits) parked += _log[s].amount;
        }
    }

    function balances(uint16 assetId) external view returns (uint256 sum) {
        for (uint256 i = 0; i < 6; ++i) {
            (uint128 collateral, uint128 idle) = ledger.balanceOf(_account(_users[i % 3], uint64(i / 3)), assetId);
            sum += uint256(collateral) + idle;
        }
    }

    function cash() external view returns (int256 sum) {
        for (uint256 i = 0; i < 6; ++i) sum += ledger.cashOf(_account(_users[i % 3], uint64(i / 3)));
    }

    function assetCount() external pure returns (uint16) {
        return ASSETS;
    }

    // ---- inner

    function _append(Item memory item) private {
        _heads.push(LogFold.fold(_heads[_heads.length - 1], item.leaf));
        _log.push(item);
        require(spoke.outbox(HUB).head == _heads[_heads.length - 1], "the log is not what was recorded");
    }

    function _configure(uint16 asset, uint128 capacity) private {
        ILedger.AssetStanding standing =
            asset == 1 ? ILedger.AssetStanding.Settlement : ILedger.AssetStanding.Collateral;
        uint8 decimals = _tokens[asset - 1].decimals();
        ledger.configureAsset(SPOKE, asset, ILedger.AssetConfig(standing, decimals, 5e24, capacity, 1e20));
    }

    function _account(address owner, uint64 subaccount) private pure returns (HubAccount) {
        return AccountLib.encode(owner, 0, subaccount);
    }

    function _id(address who) private pure returns (bytes32) {
        return bytes32(uint256(uint160(who)));
    }

    function _slice(bytes memory data, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), offset))
        }
    }
}

/// @notice The named invariants over random histories of a spoke and the hub.
contract SystemInvariantTest is Test {
    uint32 internal constant SPOKE = 2;
    uint32 internal constant HUB = 1;
    SystemActors internal system;

    function setUp() public {
        vm.warp(1_790_000_000);
        AccessManager manager = new AccessManager(address(this));
        Messenger spoke = Deploy.messenger(address(new EndpointMock(SPOKE)), address(manager));
        Messenger hub = Deploy.messenger(address(new EndpointMock(HUB)), address(manager));
        spoke.setPeer(HUB, bytes32(uint256(uint160(address(hub)))));
        hub.setPeer(SPOKE, bytes32(uint256(uint160(address(spoke)))));
        CollateralVault vault = Deploy.vault(address(manager), address(spoke), HUB, address(0));
        spoke.setWriter(EntryKind.DEPOSITED, address(vault));
        Ledger ledger = Deploy.ledger(address(manager), HUB);
        Gateway gateway = Deploy.gateway(address(manager), address(hub), address(ledger));
        ledger.setModule(address(gateway), true);
        hub.setHandler(EntryKind.DEPOSITED, address(gateway));
        PlainToken[] memory tokens = new PlainToken[](4);
        tokens[0] = new PlainToken(6);
        tokens[1] = new PlainToken(18);
        tokens[2] = new FeeOnTransferToken();
        tokens[3] = new PlainToken(0);
        for (uint256 i = 0; i < 4; ++i) vault.listAsset(address(tokens[i]), 1, 1e30);
        system = new SystemActors(spoke, hub, vault, ledger, gateway, tokens);
        manager.grantRole(0, address(system), 0);
        system.start();
        targetContract(address(system));
        bytes4[] memory actions = new bytes4[](11);
        // Twice what makes the history long.
        (actions[0], actions[1]) = (system.deposit.selector, system.deposit.selector);
        (actions[2], actions[3]) = (system.deliver.selector, system.deliver.selector);
        (actions[4], actions[5]) = (system.flush.selector, system.arrive.selector);
        (actions[6], actions[7]) = (system.cancel.selector, system.retry.selector);
        (actions[8], actions[9]) = (system.govern.selector, system.rebase.selector);
        actions[10] = system.moveBetweenAccounts.selector;
        targetSelector(FuzzSelector(address(system), actions));
    }

    /// @dev INV-VAULT-1: the vault holds what it owes, per asset, and what is claimable.
    function invariant_INV_VAULT_1() public view {
        for (uint16 a = 1; a <= system.assetCount(); ++a) {
            (uint256 held, uint256 owed) = system.vault().backing(a);
            assertGe(held, owed);
            assertGe(held, system.vault().assetOf(a).claimable);
        }
    }

    /// @dev INV-LEDGER-1: custody is balances + free + reserved + suspense; and each of them is what the accounts and the parked
    ///      deposits add up to. INV-LOG-2: custody is exactly the consumed, not voided deposits, so each took effect once.
    function invariant_INV_LEDGER_1_and_INV_LOG_2() public view {
        for (uint16 a = 1; a <= system.assetCount(); ++a) {
            (uint256 custody, uint256 parked, ) = system.history(a);
            uint16 assetId = system.ledger().assetIdOf(SPOKE, a);
            if (assetId == 0) {
                assertEq(system.ledger().unlistedSuspense(SPOKE, a), custody);
                assertEq(parked, custody);
                continue;
            }
            ILedger.Custody memory c = system.ledger().custodyOf(assetId);
            assertEq(c.custody, c.balances + c.free + c.reserved + c.suspense);
            assertEq(c.custody, custody);
            assertEq(c.suspense, parked);
            assertEq(c.balances, system.balances(assetId));
            if (a == 1) assertEq(int256(c.free * 1e12), system.cash());
        }
        assertEq(system.ledger().totalCash(), system.cash());
    }

    /// @dev INV-LEDGER-2: the vault holds what the hub has booked and what is on the way.
    function invariant_INV_LEDGER_2() public view {
        for (uint16 a = 1; a <= system.assetCount(); ++a) {
            (uint256 held, ) = system.vault().backing(a);
            (uint256 custody, , uint256 onTheWay) = system.history(a);
            assertGe(held, custody + onTheWay);
        }
    }

    /// @dev The actors do what they say: a walk that never delivers would keep every invariant.
    function test_GivenALongWalk_EveryActionHappens() public {
        uint256 seed = 1;
        for (uint256 i = 0; i < 300; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 action = seed % 10;
            if (action < 3) system.deposit(seed >> 8, uint128(seed >> 16));
            else if (action == 3) system.flush();
            else if (action == 4) system.arrive(seed >> 8);
            else if (action == 5) system.deliver(seed >> 8);
            else if (action == 6) system.cancel(seed >> 8);
            else if (action == 7) system.retry(seed >> 8);
            else if (action == 8) system.govern(seed >> 8);
            else if ((seed >> 4) % 2 == 0) system.rebase(seed >> 8);
            else system.moveBetweenAccounts(seed >> 8);
        }
        bytes32[8] memory actions = [
            bytes32("deposit"),
            "cancel",
            "flush",
            "arrive",
            "split",
            "deliver",
            "retry",
            "rebase"
        ];
        for (uint256 i = 0; i < actions.length; ++i) {
            assertGt(system.done(actions[i]), 0, string(abi.encodePacked(actions[i])));
        }
        invariant_INV_VAULT_1();
        invariant_INV_LEDGER_1_and_INV_LOG_2();
        invariant_INV_LEDGER_2();
    }
}
