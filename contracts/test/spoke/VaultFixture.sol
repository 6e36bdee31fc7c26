// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {
    MessagingFee,
    MessagingReceipt
} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Test} from "forge-std/Test.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {Messenger} from "../../src/message/Messenger.sol";
import {CollateralVault} from "../../src/spoke/CollateralVault.sol";
import {ICollateralVault} from "../../src/spoke/ICollateralVault.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {PlainToken} from "../mocks/tokens/Zoo.sol";
import {Deploy} from "../Deploy.sol";

/// @notice A vault and the real Messenger of its chain; packets leave through an endpoint that takes everything.
abstract contract VaultFixture is Test {
    uint32 internal constant HUB = 1;
    uint32 internal constant SPOKE = 2;
    address internal constant NATIVE = address(0);

    address internal endpoint = makeAddr("endpoint");
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    address internal permit2 = makeAddr("permit2");
    AccessManager internal authority;
    Messenger internal messenger;
    CollateralVault internal vault;
    PlainToken internal token;
    uint16 internal asset;

    function setUp() public virtual {
        vm.warp(1_790_000_000);
        authority = new AccessManager(address(this));
        vm.etch(endpoint, hex"00");
        vm.mockCall(endpoint, abi.encodeWithSignature("eid()"), abi.encode(SPOKE));
        vm.mockCall(endpoint, abi.encodeWithSignature("setDelegate(address)"), "");
        vm.mockCall(
            endpoint,
            abi.encodeWithSignature("quote((uint32,bytes32,bytes,bytes,bool),address)"),
            abi.encode(MessagingFee(0.01 ether, 0))
        );
        vm.mockCall(
            endpoint,
            abi.encodeWithSignature("send((uint32,bytes32,bytes,bytes,bool),address)"),
            abi.encode(MessagingReceipt(bytes32(uint256(1)), 1, MessagingFee(0.01 ether, 0)))
        );
        messenger = Deploy.messenger(endpoint, address(authority));
        messenger.setPeer(HUB, bytes32(uint256(uint160(makeAddr("hub messenger")))));
        vault = Deploy.vault(address(authority), address(messenger), HUB, permit2);
        messenger.setWriter(EntryKind.DEPOSITED, address(vault));
        token = new PlainToken(18);
        asset = _list(address(token));
        vm.deal(alice, 100 ether);
    }

    function _list(address token_) internal returns (uint16) {
        return vault.listAsset(token_, 1, type(uint128).max);
    }

    function _params(uint16 asset_, uint256 amount) internal view returns (ICollateralVault.DepositParams memory) {
        return
            ICollateralVault.DepositParams({
                account: AccountLib.encode(alice, 0, 0),
                asset: asset_,
                amount: amount,
                refund: alice,
                express: false
            });
    }

    function _fund(PlainToken token_, uint256 amount) internal {
        token_.mint(alice, amount);
        vm.prank(alice, alice);
        token_.approve(address(vault), type(uint256).max);
    }

    function _deposit(uint16 asset_, uint256 amount) internal returns (uint64) {
        vm.prank(alice, alice);
        return vault.deposit(_params(asset_, amount));
    }

    /// @dev The entry that a deposit of alice, for herself, has just appended.
    function _entryOf(uint16 asset_, uint128 amount) internal view returns (bytes memory) {
        return
            Entry.encodeDeposited(
                Entry.Deposited({
                    account: AccountLib.encode(alice, 0, 0),
                    asset: asset_,
                    amount: amount,
                    timestamp: uint40(block.timestamp),
                    payer: alice,
                    refund: alice,
                    flags: Entry.FLAG_OWN_DEPOSIT
                })
            );
    }

    /// @dev INV-VAULT-1
    function _checkBacking(uint16 asset_) internal view {
        (uint256 held, uint256 owed) = vault.backing(asset_);
        ICollateralVault.AssetView memory a = vault.assetOf(asset_);
        assertGe(held, owed, "INV-VAULT-1");
        assertGe(held, a.claimable, "INV-VAULT-1");
        assertEq(owed, uint256(a.deposited) - a.cancelled - a.paid);
    }
}
