// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Entry, EntryKind} from "../message/Entry.sol";
import {IEntryHandler} from "../message/IEntryHandler.sol";
import {IMessenger} from "../message/IMessenger.sol";
import {Account} from "../types/Account.sol";
import {Principal} from "../types/Principal.sol";
import {EntryStream} from "./EntryStream.sol";
import {IDelegates} from "./IDelegates.sol";
import {ISignedActions} from "./ISignedActions.sol";
import {SignedActions} from "./SignedActions.sol";

/// @notice See IDelegates.
contract Delegates is IDelegates, SignedActions, AccessManaged {
    using EntryStream for bytes;
    using EntryStream for uint256[];

    /// @inheritdoc IDelegates
    uint8 public constant TRADE = 1;
    /// @inheritdoc IDelegates
    uint8 public constant WITHDRAW = 2;
    uint8 private constant ALL = TRADE | WITHDRAW;

    bytes32 private constant SET_DELEGATE_TYPEHASH = keccak256(
        "SetDelegate(bytes32 account,address delegate,uint8 permissions,uint40 validUntil,uint256 nonce,uint256 deadline)"
    );

    /// @param settled its owner, who can act on this chain, set it here or took something back: entries can only take away from now on
    struct Key {
        uint8 permissions;
        uint40 validUntil;
        bool settled;
    }

    IMessenger private immutable _messenger;
    uint32 private immutable _hubEid;

    mapping(Account account => mapping(address delegate => Key)) private _keys;

    modifier onlyMessenger() {
        require(msg.sender == address(_messenger), NotMessenger(msg.sender, address(_messenger)));
        _;
    }

    /// @param hubEid LayerZero eid of this chain: accounts of this home are owned by contracts here
    constructor(
        address authority,
        IMessenger messenger_,
        uint32 hubEid
    ) EIP712("Lockstep Delegates", "1") AccessManaged(authority) {
        _messenger = messenger_;
        _hubEid = hubEid;
    }

    // ---- owners

    /// @inheritdoc IDelegates
    function setDelegate(Account account, address delegate, uint8 permissions, uint40 validUntil) external {
        _requireOwner(account);
        _set(account, delegate, permissions, validUntil, true);
    }

    /// @inheritdoc IDelegates
    function setDelegateSigned(
        Account account,
        address delegate,
        uint8 permissions,
        uint40 validUntil,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external {
        _requireInTime(deadline);
        bytes32 digest = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    SET_DELEGATE_TYPEHASH,
                    Account.unwrap(account),
                    delegate,
                    permissions,
                    validUntil,
                    nonce,
                    deadline
                )
            )
        );
        require(
            _isSignedByOwner(account, digest, signature),
            SignatureInvalid(Account.unwrap(account), account.owner())
        );
        _useNonce(account, nonce);
        _set(account, delegate, permissions, validUntil, true);
    }

    /// @inheritdoc ISignedActions
    function dropNonce(Account account, uint256 nonce) external {
        _requireOwner(account);
        _dropNonce(account, nonce);
    }

    // ---- entries

    /// @inheritdoc IEntryHandler
    function applyEntries(
        uint32 srcEid,
        uint64 firstSequence,
        bytes calldata stream,
        uint256[] calldata voided
    ) external onlyMessenger {
        uint256 offset;
        for (uint256 i; offset < stream.length; ++i) {
            bytes calldata entry;
            (entry, offset) = stream.at(offset);
            uint8 kind = EntryStream.kindOf(entry);
            if (kind == EntryKind.VOID || kind == EntryKind.CLOSED || voided.isVoided(i)) continue;
            // CAST: a log has far fewer than 2^64 entries.
            _apply(srcEid, uint64(firstSequence + i), entry);
        }
    }

    function _apply(uint32 srcEid, uint64 sequence, bytes calldata entry) private {
        if (EntryStream.kindOf(entry) != EntryKind.DELEGATE_SET || entry.length != Entry.DELEGATE_SET_LENGTH) {
            emit EntryRefused(srcEid, sequence, Refusal.Malformed);
            return;
        }
        Entry.DelegateSet memory d = Entry.decodeDelegateSet(entry);
        if (d.permissions & ~ALL != 0 || d.account.owner() == address(0)) {
            emit EntryRefused(srcEid, sequence, Refusal.Malformed);
            return;
        }
        uint32 home = d.account.home();
        if (home != 0 && home != srcEid) {
            emit EntryRefused(srcEid, sequence, Refusal.ForeignHome);
            return;
        }
        // One log speaks for a principal of another chain, in its order. For one that acts here as well, or by several logs, an entry may be
        // older than what it meets: whoever was appointed by it could deliver it after he was revoked.
        Key memory key = _keys[d.account][d.delegate];
        bool actsHere = home == 0 || home == _hubEid;
        if (actsHere && key.settled && _gives(key, d.permissions, d.validUntil)) {
            emit EntryRefused(srcEid, sequence, Refusal.Superseded);
            return;
        }
        bool settled = actsHere && (key.settled || _takes(key, d.permissions, d.validUntil));
        _set(d.account, d.delegate, d.permissions, d.validUntil, settled);
    }

    /// @dev Whether a key would be able to do anything that it is not.
    function _gives(Key memory key, uint8 permissions, uint40 validUntil) private pure returns (bool) {
        return permissions & ~key.permissions != 0 || (permissions != 0 && validUntil > key.validUntil);
    }

    function _takes(Key memory key, uint8 permissions, uint40 validUntil) private pure returns (bool) {
        // Revoking what was never given counts: the entry that gives it may still be on its way.
        return permissions == 0 || key.permissions & ~permissions != 0 || validUntil < key.validUntil;
    }

    /// @inheritdoc IEntryHandler
    function applyCorrections(uint32, uint64, bytes calldata corrections) external onlyMessenger {
        Correction[] memory list = abi.decode(corrections, (Correction[]));
        for (uint256 i; i < list.length; ++i) {
            Correction memory c = list[i];
            // Entries of the new branch count again.
            _set(c.account, c.delegate, c.permissions, c.validUntil, false);
        }
    }

    // ---- views

    /// @inheritdoc IDelegates
    function mayAct(Account account, address actor, uint8 permission) external view returns (bool) {
        return Principal.owns(actor, account, _hubEid) || _isPermitted(account, actor, permission);
    }

    /// @inheritdoc IDelegates
    function isSignedBy(
        Account account,
        address signer,
        uint8 permission,
        bytes32 digest,
        bytes calldata signature
    ) external view returns (bool) {
        if (signer == account.owner() && _isSignedByOwner(account, digest, signature)) return true;
        if (!_isPermitted(account, signer, permission)) return false;
        // A contract that was appointed signs as one; behind EIP-7702 code there is a key, and it was the key that was appointed.
        if (signer.code.length == 0 || Principal.isDelegated(signer))
            return Principal.isSignedBy(signer, digest, signature);
        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature);
    }

    /// @inheritdoc IDelegates
    function delegateOf(
        Account account,
        address delegate
    ) external view returns (uint8 permissions, uint40 validUntil) {
        Key memory key = _keys[account][delegate];
        return (key.permissions, key.validUntil);
    }

    // ---- inner

    function _set(Account account, address delegate, uint8 permissions, uint40 validUntil, bool settled) private {
        require(permissions & ~ALL == 0, PermissionsUnknown(permissions));
        _keys[account][delegate] = Key(permissions, validUntil, settled);
        emit DelegateSet(Account.unwrap(account), delegate, permissions, validUntil);
    }

    function _requireOwner(Account account) private view {
        require(Principal.owns(msg.sender, account, _hubEid), NotAccountOwner(Account.unwrap(account), msg.sender));
    }

    function _isPermitted(Account account, address actor, uint8 permission) private view returns (bool) {
        Key memory key = _keys[account][actor];
        return permission != 0 && key.permissions & permission == permission && block.timestamp <= key.validUntil;
    }

    /// @dev home 0: only the key itself signs, whatever code stands at its address. home = the hub: the contract there (EIP-1271).
    ///      A principal of another chain signs nothing here; it appoints a delegate through its log.
    function _isSignedByOwner(Account account, bytes32 digest, bytes calldata signature) private view returns (bool) {
        uint32 home = account.home();
        address owner = account.owner();
        if (home == 0) return Principal.isSignedBy(owner, digest, signature);
        if (home != _hubEid || owner.code.length == 0) return false;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(owner, digest, signature);
    }
}
