// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IDelegates} from "../../src/hub/IDelegates.sol";
import {ISignedActions} from "../../src/hub/ISignedActions.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {WithdrawalsFixture} from "./WithdrawalsFixture.sol";

/// @notice A contract wallet that vouches for one digest.
contract WalletMock is IERC1271 {
    bytes32 public vouched;

    function vouch(bytes32 digest) external {
        vouched = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == vouched ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @notice See Delegates.tree.
contract DelegatesTest is WithdrawalsFixture {
    uint8 private constant TRADE = 1;
    uint8 private constant WITHDRAW = 2;
    uint40 private constant FOREVER = type(uint40).max;

    address private key;
    uint256 private keySecret;
    address private stranger = makeAddr("stranger");

    function setUp() public override {
        super.setUp();
        (key, keySecret) = makeAddrAndKey("key");
    }

    // ---- digests, written out as a wallet computes them

    function _digest(address verifier, string memory name, bytes32 body) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, body));
    }

    function _delegateDigest(HubAccount who, uint8 permissions, uint256 nonce) private view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "SetDelegate(bytes32 account,address delegate,uint8 permissions,uint40 validUntil,uint256 nonce,uint256 deadline)"
        );
        bytes32 body = keccak256(abi.encode(typeHash, who, key, permissions, FOREVER, nonce, block.timestamp));
        return _digest(address(delegates), "Lockstep Delegates", body);
    }

    function _withdrawDigest(
        HubAccount who,
        IWithdrawals.Leg[] memory legs,
        uint256 nonce
    ) private view returns (bytes32) {
        bytes memory hashes;
        for (uint256 i; i < legs.length; ++i) {
            hashes = bytes.concat(
                hashes,
                keccak256(
                    abi.encode(
                        keccak256("Leg(uint32 eid,uint16 asset,bool fromCash,uint128 amount,address receiver)"),
                        legs[i].eid,
                        legs[i].asset,
                        legs[i].fromCash,
                        legs[i].amount,
                        legs[i].receiver
                    )
                )
            );
        }
        bytes32 typeHash = keccak256(
            "Withdraw(bytes32 account,Leg[] legs,uint256 nonce,uint256 deadline)Leg(uint32 eid,uint16 asset,bool fromCash,uint128 amount,address receiver)"
        );
        bytes32 body = keccak256(abi.encode(typeHash, who, keccak256(hashes), nonce, block.timestamp));
        return _digest(address(withdrawals), "Lockstep Withdrawals", body);
    }

    function _sign(uint256 secret, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digest);
        return abi.encodePacked(r, s, v);
    }

    function _twoLegs() private view returns (IWithdrawals.Leg[] memory legs) {
        legs = new IWithdrawals.Leg[](2);
        legs[0] = _cashLeg(SPOKE, USDC, 5 * USD);
        legs[1] = _tokenLeg(SPOKE, WETH, 1e18);
    }

    function _bring(
        HubAccount who,
        IWithdrawals.Leg[] memory legs,
        uint256 nonce,
        address signer,
        bytes memory signature
    ) private returns (uint64) {
        vm.prank(stranger);
        return withdrawals.requestSigned(who, legs, nonce, block.timestamp, signer, signature, "");
    }

    function _expectInvalid(HubAccount who, address signer) private {
        vm.expectRevert(
            abi.encodeWithSelector(ISignedActions.SignatureInvalid.selector, HubAccount.unwrap(who), signer)
        );
    }

    // ---- appointing

    function test_GivenTheOwner_ItAppointsChangesAndRevokes() public {
        assertFalse(delegates.mayAct(account, key, WITHDRAW));
        vm.startPrank(alice, alice);
        vm.expectEmit(address(delegates));
        emit IDelegates.DelegateSet(HubAccount.unwrap(account), key, WITHDRAW, uint40(block.timestamp) + 5);
        delegates.setDelegate(account, key, WITHDRAW, uint40(block.timestamp) + 5);
        assertTrue(delegates.mayAct(account, key, WITHDRAW));
        assertFalse(delegates.mayAct(account, key, TRADE), "only what was given");
        assertFalse(delegates.mayAct(account, key, TRADE | WITHDRAW));
        assertFalse(delegates.mayAct(account, key, 0));
        assertFalse(delegates.mayAct(_account(alice, 1), key, WITHDRAW), "only that account");
        skip(5);
        assertTrue(delegates.mayAct(account, key, WITHDRAW), "to the last second");
        skip(1);
        assertFalse(delegates.mayAct(account, key, WITHDRAW));
        delegates.setDelegate(account, key, TRADE | WITHDRAW, FOREVER);
        assertTrue(delegates.mayAct(account, key, TRADE | WITHDRAW));
        delegates.setDelegate(account, key, 0, 0);
        assertFalse(delegates.mayAct(account, key, TRADE));
        vm.expectRevert(abi.encodeWithSelector(IDelegates.PermissionsUnknown.selector, uint8(4)));
        delegates.setDelegate(account, key, 4, FOREVER);
        vm.stopPrank();
        (uint8 permissions, uint40 validUntil) = delegates.delegateOf(account, key);
        assertEq(permissions + validUntil, 0);
    }

    function test_GivenAStrangerOrADelegate_ItAppointsNobody() public {
        vm.prank(alice, alice);
        delegates.setDelegate(account, key, TRADE | WITHDRAW, FOREVER);
        vm.expectRevert(abi.encodeWithSelector(IDelegates.NotAccountOwner.selector, HubAccount.unwrap(account), key));
        vm.prank(key, key);
        delegates.setDelegate(account, stranger, TRADE, FOREVER);
        bytes memory byDelegate = _sign(keySecret, _delegateDigest(account, TRADE, 0));
        _expectInvalid(account, alice);
        delegates.setDelegateSigned(account, key, TRADE, FOREVER, 0, block.timestamp, byDelegate);
        // A contract that alice calls is not alice.
        vm.expectPartialRevert(IDelegates.NotAccountOwner.selector);
        vm.prank(address(this), alice);
        delegates.setDelegate(account, key, TRADE, FOREVER);
        vm.expectRevert(abi.encodeWithSelector(IDelegates.NotMessenger.selector, address(this), messenger));
        delegates.applyEntries(SPOKE, 1, "", new uint256[](0));
        vm.expectRevert(abi.encodeWithSelector(IDelegates.NotMessenger.selector, address(this), messenger));
        delegates.applyCorrections(SPOKE, 1, "");
    }

    function test_GivenTheOwnersSignature_AnyoneBringsItOnce() public {
        bytes memory signature = _sign(aliceKey, _delegateDigest(account, WITHDRAW, 300));
        vm.expectRevert(
            abi.encodeWithSelector(ISignedActions.ActionExpired.selector, block.timestamp - 1, block.timestamp)
        );
        delegates.setDelegateSigned(account, key, WITHDRAW, FOREVER, 300, block.timestamp - 1, signature);
        _expectInvalid(account, alice);
        delegates.setDelegateSigned(account, key, TRADE, FOREVER, 300, block.timestamp, signature);
        vm.prank(stranger);
        delegates.setDelegateSigned(account, key, WITHDRAW, FOREVER, 300, block.timestamp, signature);
        assertTrue(delegates.mayAct(account, key, WITHDRAW));
        assertTrue(delegates.isNonceUsed(account, 300));
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.NonceUsed.selector, HubAccount.unwrap(account), 300));
        delegates.setDelegateSigned(account, key, WITHDRAW, FOREVER, 300, block.timestamp, signature);
        // Any other order of nonces, and one that was dropped.
        signature = _sign(aliceKey, _delegateDigest(account, 0, 7));
        vm.prank(alice, alice);
        delegates.dropNonce(account, 7);
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.NonceUsed.selector, HubAccount.unwrap(account), 7));
        delegates.setDelegateSigned(account, key, 0, FOREVER, 7, block.timestamp, signature);
        vm.expectPartialRevert(IDelegates.NotAccountOwner.selector);
        delegates.dropNonce(account, 8);
    }

    // ---- by the log

    function test_GivenALog_ItAppointsForItsOwnHomeAndForKeys() public {
        HubAccount spokes = AccountLib.encode(alice, SPOKE, 0);
        bytes memory entry = Entry.encodeDelegateSet(Entry.DelegateSet(spokes, key, TRADE | WITHDRAW, FOREVER));
        vm.expectEmit(address(delegates));
        emit IDelegates.EntryRefused(OTHER, delivered[OTHER] + 1, IDelegates.Refusal.ForeignHome);
        _deliver(delegates, OTHER, entry);
        _deliver(delegates, SPOKE, entry);
        assertTrue(delegates.mayAct(spokes, key, WITHDRAW));
        assertFalse(delegates.mayAct(spokes, alice, WITHDRAW), "the same address here is another principal");
        _deliver(delegates, OTHER, Entry.encodeDelegateSet(Entry.DelegateSet(account, key, TRADE, FOREVER)));
        assertTrue(delegates.mayAct(account, key, TRADE));
        // It withdraws for a principal that has no other voice here.
        _deliver(gateway, SPOKE, _entry(spokes, WETH, 5, true));
        vm.prank(key, key);
        withdrawals.request(spokes, _one(_tokenLeg(SPOKE, WETH, 5)), "");
    }

    function test_GivenBadEntries_TheyAreRefusedWithAReason() public {
        _refused(hex"03");
        _refused(hex"77");
        _refused(Entry.encodeDelegateSet(Entry.DelegateSet(account, key, 4, FOREVER)));
        _refused(Entry.encodeDelegateSet(Entry.DelegateSet(HubAccount.wrap(bytes32(uint256(9))), key, 1, FOREVER)));
        vm.recordLogs();
        _deliver(delegates, SPOKE, abi.encodePacked(EntryKind.CLOSED));
        _deliver(delegates, SPOKE, abi.encodePacked(EntryKind.VOID, uint64(1)));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function _refused(bytes memory entry) private {
        vm.expectEmit(address(delegates));
        emit IDelegates.EntryRefused(SPOKE, delivered[SPOKE] + 1, IDelegates.Refusal.Malformed);
        _deliver(delegates, SPOKE, entry);
    }

    function test_GivenTheWorstCase_AnEntryCostsAtMostSixtyThousandGas() public {
        bytes memory entry = Entry.encodeDelegateSet(Entry.DelegateSet(account, key, TRADE, FOREVER));
        vm.cool(address(delegates));
        _deliver(delegates, SPOKE, entry);
        assertLt(vm.lastCallGas().gasTotalUsed, 60_000);
    }

    // ---- withdrawing by signature

    function test_GivenTheOwnersSignature_WhenAStrangerBringsIt_ItWithdrawsOnce() public {
        IWithdrawals.Leg[] memory legs = _twoLegs();
        bytes memory signature = _sign(aliceKey, _withdrawDigest(account, legs, 5));
        assertEq(_bring(account, legs, 5, alice, signature), 1);
        assertEq(withdrawals.claimCount(), 2);
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.NonceUsed.selector, HubAccount.unwrap(account), 5));
        _bring(account, legs, 5, alice, signature);
        legs[1].receiver = stranger;
        _expectInvalid(account, alice);
        _bring(account, legs, 6, alice, signature);
        vm.expectRevert(
            abi.encodeWithSelector(ISignedActions.ActionExpired.selector, block.timestamp - 1, block.timestamp)
        );
        withdrawals.requestSigned(account, legs, 5, block.timestamp - 1, alice, signature, "");
        _checkBooks();
    }

    function test_GivenADelegate_WhenItSignsOrCalls_ItNeedsThePermission() public {
        IWithdrawals.Leg[] memory legs = _twoLegs();
        bytes memory signature = _sign(keySecret, _withdrawDigest(account, legs, 5));
        vm.prank(alice, alice);
        delegates.setDelegate(account, key, TRADE, FOREVER);
        _expectInvalid(account, key);
        _bring(account, legs, 5, key, signature);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.NotPermitted.selector, HubAccount.unwrap(account), key));
        vm.prank(key, key);
        withdrawals.request(account, legs, "");
        vm.prank(alice, alice);
        delegates.setDelegate(account, key, WITHDRAW, FOREVER);
        _bring(account, legs, 5, key, signature);
        _expectInvalid(account, address(0));
        _bring(account, legs, 6, address(0), "");
        withdrawals.pauseOrders();
        vm.prank(key, key);
        uint64 claim = withdrawals.request(account, legs, "");
        vm.prank(key, key);
        withdrawals.cancel(claim);
        vm.prank(key, key);
        withdrawals.dropNonce(account, 9);
        assertTrue(withdrawals.isNonceUsed(account, 9));
    }

    function test_GivenASignedCancel_AnyoneBringsItOnce() public {
        withdrawals.pauseOrders();
        uint64 claim = _request(_tokenLeg(SPOKE, WETH, 1e18));
        bytes32 body = keccak256(
            abi.encode(
                keccak256("Cancel(uint64 claim,uint256 nonce,uint256 deadline)"),
                claim,
                uint256(1),
                block.timestamp
            )
        );
        bytes memory signature = _sign(aliceKey, _digest(address(withdrawals), "Lockstep Withdrawals", body));
        _expectInvalid(account, key);
        withdrawals.cancelSigned(claim, 1, block.timestamp, key, signature);
        vm.prank(stranger);
        withdrawals.cancelSigned(claim, 1, block.timestamp, alice, signature);
        assertEq(_weth(), 10e18);
        vm.expectPartialRevert(IWithdrawals.ClaimNotQueued.selector);
        withdrawals.cancelSigned(claim, 1, block.timestamp, alice, signature);
    }

    /// @dev EIP-7702: whatever code the key delegated to, only the key signs for it.
    function test_GivenADelegatedKey_OnlyItsOwnSignatureCounts() public {
        WalletMock code = new WalletMock();
        vm.etch(alice, abi.encodePacked(hex"ef0100", address(code)));
        IWithdrawals.Leg[] memory legs = _twoLegs();
        bytes32 digest = _withdrawDigest(account, legs, 5);
        vm.mockCall(
            alice,
            abi.encodeWithSelector(IERC1271.isValidSignature.selector),
            abi.encode(IERC1271.isValidSignature.selector)
        );
        _expectInvalid(account, alice);
        _bring(account, legs, 5, alice, "");
        _bring(account, legs, 5, alice, _sign(aliceKey, digest));
        // The same for a key that is a delegate.
        vm.prank(alice, address(this));
        delegates.setDelegate(account, key, WITHDRAW, FOREVER);
        vm.etch(key, abi.encodePacked(hex"ef0100", address(code)));
        _bring(account, legs, 6, key, _sign(keySecret, _withdrawDigest(account, legs, 6)));
    }

    function test_GivenAContractAtHomeOnTheHub_ItSignsByItsCode() public {
        WalletMock wallet = new WalletMock();
        HubAccount here = AccountLib.encode(address(wallet), HUB, 0);
        _deliver(gateway, SPOKE, _entry(here, WETH, 5, true));
        IWithdrawals.Leg[] memory legs = _one(_tokenLeg(SPOKE, WETH, 1));
        _expectInvalid(here, address(wallet));
        _bring(here, legs, 1, address(wallet), "anything");
        wallet.vouch(_withdrawDigest(here, legs, 1));
        _bring(here, legs, 1, address(wallet), "anything");
        wallet.vouch(_delegateDigest(here, WITHDRAW, 1));
        delegates.setDelegateSigned(here, key, WITHDRAW, FOREVER, 1, block.timestamp, "");
        assertTrue(delegates.mayAct(here, key, WITHDRAW));
        vm.prank(address(wallet));
        withdrawals.request(here, legs, "");
        // The same address as the owner of a key's account, or of one on another chain, is nobody.
        HubAccount asKey = AccountLib.encode(address(wallet), 0, 0);
        wallet.vouch(_withdrawDigest(asKey, legs, 1));
        _expectInvalid(asKey, address(wallet));
        _bring(asKey, legs, 1, address(wallet), "");
        HubAccount elsewhere = AccountLib.encode(address(wallet), SPOKE, 0);
        wallet.vouch(_withdrawDigest(elsewhere, legs, 1));
        _expectInvalid(elsewhere, address(wallet));
        _bring(elsewhere, legs, 1, address(wallet), "");
    }

    function test_GivenAContractThatIsADelegate_ItSignsByItsCode() public {
        WalletMock wallet = new WalletMock();
        vm.prank(alice, alice);
        delegates.setDelegate(account, address(wallet), WITHDRAW, FOREVER);
        IWithdrawals.Leg[] memory legs = _twoLegs();
        wallet.vouch(_withdrawDigest(account, legs, 1));
        _bring(account, legs, 1, address(wallet), "");
        assertEq(withdrawals.claimCount(), 2);
    }
}
