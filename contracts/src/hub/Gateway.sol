// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IEntryHandler} from "../message/IEntryHandler.sol";
import {IMessenger} from "../message/IMessenger.sol";
import {Entry, EntryKind} from "../message/Entry.sol";
import {Account} from "../types/Account.sol";
import {Credit, CreditLib} from "./Credit.sol";
import {IGateway} from "./IGateway.sol";
import {ILedger} from "./ILedger.sol";

/// @notice See IGateway.
contract Gateway is IGateway, AccessManaged {
    uint256 private constant WORD_BITS = 256;

    IMessenger private immutable _messenger;
    /// @inheritdoc IGateway
    ILedger public immutable ledger;

    mapping(uint32 srcEid => mapping(uint64 sequence => bytes32 leaf)) private _parked;

    modifier onlyMessenger() {
        require(msg.sender == address(_messenger), NotMessenger(msg.sender, address(_messenger)));
        _;
    }

    constructor(address authority, IMessenger messenger_, ILedger ledger_) AccessManaged(authority) {
        _messenger = messenger_;
        ledger = ledger_;
    }

    // ---- entries

    /// @inheritdoc IEntryHandler
    function applyEntries(
        uint32 srcEid,
        uint64 firstSequence,
        bytes calldata stream,
        uint256[] calldata voided
    ) external onlyMessenger {
        (Credit[] memory credits, uint256[] memory offsets) = _collect(srcEid, firstSequence, stream, voided);
        if (credits.length == 0) return;
        bytes memory reasons = ledger.credit(srcEid, credits);
        for (uint256 i; i < reasons.length; ++i) {
            uint8 reason = uint8(reasons[i]);
            if (reason == 0) continue;
            uint256 offset = offsets[i];
            bytes32 leaf = Entry.leafOfCalldata(stream[offset:offset + Entry.DEPOSITED_LENGTH]);
            uint64 sequence = credits[i].terms.sequence();
            _parked[srcEid][sequence] = leaf;
            emit DepositParked(srcEid, sequence, leaf, ILedger.ParkReason(reason));
        }
    }

    /// @dev The deposits of a run that take effect, and where their entries stand in the stream.
    function _collect(
        uint32 srcEid,
        uint64 firstSequence,
        bytes calldata stream,
        uint256[] calldata voided
    ) private returns (Credit[] memory credits, uint256[] memory offsets) {
        uint256 most = stream.length / (1 + Entry.DEPOSITED_LENGTH);
        credits = new Credit[](most);
        offsets = new uint256[](most);
        uint256 n;
        uint256 index;
        for (uint256 offset; offset < stream.length; ++index) {
            uint256 length = uint8(stream[offset]);
            bytes calldata entry = stream[offset + 1:offset + 1 + length];
            // CAST: a run is far shorter than 2^64.
            uint64 sequence = firstSequence + uint64(index);
            if (voided[index / WORD_BITS] & (1 << (index % WORD_BITS)) == 0 && _isDeposit(srcEid, sequence, entry)) {
                credits[n] = _creditOf(entry, sequence);
                offsets[n++] = offset + 1;
            }
            offset += 1 + length;
        }
        // Only shrinks: the arrays were allocated for the most deposits the stream can hold.
        assembly ("memory-safe") {
            mstore(credits, n)
        }
    }

    /// @dev Refuses what is no deposit; VOID and CLOSED ride along in any run and mean nothing here.
    function _isDeposit(uint32 srcEid, uint64 sequence, bytes calldata entry) private returns (bool) {
        uint8 kind = entry.length == 0 ? 0 : uint8(entry[0]);
        if (kind == EntryKind.DEPOSITED) {
            if (entry.length == Entry.DEPOSITED_LENGTH) return true;
            emit EntryRefused(srcEid, sequence, kind, Refusal.Malformed);
        } else if (kind != EntryKind.VOID && kind != EntryKind.CLOSED) {
            emit EntryRefused(srcEid, sequence, kind, Refusal.UnknownKind);
        }
        return false;
    }

    function _creditOf(bytes calldata entry, uint64 sequence) private pure returns (Credit memory) {
        Entry.Deposited memory d = Entry.decodeDeposited(entry);
        bool own = d.flags & Entry.FLAG_OWN_DEPOSIT != 0;
        return Credit({account: d.account, terms: CreditLib.terms(sequence, d.asset, own, d.amount)});
    }

    // ---- parked deposits

    /// @inheritdoc IGateway
    function retry(uint32 srcEid, uint64 sequence, bytes calldata entry) external {
        require(!_messenger.isQuarantined(srcEid), PathInQuarantine(srcEid));
        bytes32 leaf = entry.length == 0 ? bytes32(0) : Entry.leafOfCalldata(entry);
        bytes32 parked = _parked[srcEid][sequence];
        require(parked != 0 && parked == leaf, NotParked(srcEid, sequence, leaf, parked));
        delete _parked[srcEid][sequence];
        ILedger.ParkReason reason = ledger.creditFromSuspense(srcEid, _creditOf(entry, sequence));
        require(reason == ILedger.ParkReason.None, StillParked(srcEid, sequence, reason));
        emit ParkedCredited(srcEid, sequence);
    }

    /// @inheritdoc IGateway
    function parkedLeaf(uint32 srcEid, uint64 sequence) external view returns (bytes32) {
        return _parked[srcEid][sequence];
    }

    /// @inheritdoc IGateway
    function messenger() external view returns (address) {
        return address(_messenger);
    }

    // ---- rebase

    /// @inheritdoc IEntryHandler
    function applyCorrections(uint32 eid, uint64, bytes calldata corrections) external onlyMessenger {
        Correction[] memory list = abi.decode(corrections, (Correction[]));
        for (uint256 i; i < list.length; ++i) {
            Correction memory c = list[i];
            if (Account.unwrap(c.account) == 0 && c.amount < 0) delete _parked[eid][c.sequence];
            ledger.correct(eid, c.asset, c.account, c.amount, c.sequence);
        }
    }
}
