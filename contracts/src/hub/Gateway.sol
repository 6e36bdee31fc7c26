// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IEntryHandler} from "../message/IEntryHandler.sol";
import {IMessenger} from "../message/IMessenger.sol";
import {Entry, EntryKind} from "../message/Entry.sol";
import {Account} from "../types/Account.sol";
import {CreditBatch, CreditLib, CreditTerms} from "./Credit.sol";
import {IGateway} from "./IGateway.sol";
import {ILedger} from "./ILedger.sol";

/// @notice See IGateway.
contract Gateway is IGateway, AccessManaged {
    uint256 private constant WORD_BITS = 256;
    /// @dev Length and kind of a `Deposited` entry in a stream.
    uint256 private constant DEPOSIT_PREFIX = (Entry.DEPOSITED_LENGTH << 8) | EntryKind.DEPOSITED;

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
        bytes memory credits = _collect(srcEid, firstSequence, stream, voided);
        if (credits.length == 0) return;
        bytes memory reasons = ledger.credit(srcEid, credits);
        for (uint256 i; i < reasons.length; ++i) {
            if (reasons[i] == 0) continue;
            _park(srcEid, stream, CreditBatch.termsAt(credits, i), ILedger.ParkReason(uint8(reasons[i])));
        }
    }

    /// @dev The deposits of a run that take effect; each notes where its entry starts in the stream.
    function _collect(
        uint32 srcEid,
        uint64 firstSequence,
        bytes calldata stream,
        uint256[] calldata voided
    ) private returns (bytes memory credits) {
        uint256 end;
        (credits, end) = CreditBatch.allocate(stream.length / (1 + Entry.DEPOSITED_LENGTH));
        bool anyVoided = _any(voided);
        uint256 sequence = firstSequence;
        uint256 offset;
        // The Messenger has checked the stream and counts far fewer than 2^64 entries; every offset lies inside calldata.
        unchecked {
            while (offset < stream.length) {
                uint256 word = _word(stream, offset);
                if (anyVoided && _isSet(voided, sequence - firstSequence)) {
                    offset += 1 + (word >> 248);
                } else if (word >> 240 == DEPOSIT_PREFIX) {
                    (Account account, CreditTerms terms) = _creditOf(stream, offset + 1, sequence);
                    end = CreditBatch.push(end, account, terms);
                    offset += 1 + Entry.DEPOSITED_LENGTH;
                } else {
                    _refuse(srcEid, uint64(sequence), word >> 248, (word >> 240) & type(uint8).max);
                    offset += 1 + (word >> 248);
                }
                ++sequence;
            }
        }
        CreditBatch.finish(credits, end);
    }

    function _any(uint256[] calldata bitmap) private pure returns (bool) {
        for (uint256 i; i < bitmap.length; ++i) {
            if (bitmap[i] != 0) return true;
        }
        return false;
    }

    function _isSet(uint256[] calldata bitmap, uint256 index) private pure returns (bool) {
        return bitmap[index / WORD_BITS] & (1 << (index % WORD_BITS)) != 0;
    }

    /// @dev Says what was no deposit; VOID and CLOSED ride along in any run and mean nothing here.
    function _refuse(uint32 srcEid, uint64 sequence, uint256 length, uint256 kind) private {
        if (length == 0) kind = 0;
        if (kind == EntryKind.VOID || kind == EntryKind.CLOSED) return;
        // CAST: one byte.
        emit EntryRefused(
            srcEid,
            sequence,
            uint8(kind),
            kind == EntryKind.DEPOSITED ? Refusal.Malformed : Refusal.UnknownKind
        );
    }

    /// @dev Reads account, asset, amount and flag of the `Deposited` entry at `start`: Entry.decodeDeposited without what the hub
    ///      does not use.
    function _creditOf(
        bytes calldata stream,
        uint256 start,
        uint256 sequence
    ) private pure returns (Account account, CreditTerms terms) {
        unchecked {
            account = Account.wrap(bytes32(_word(stream, start + Entry.DEPOSITED_ACCOUNT)));
            uint256 word = _word(stream, start + Entry.DEPOSITED_ASSET);
            uint256 own = (_word(stream, start + Entry.DEPOSITED_FLAGS) >> 248) & Entry.FLAG_OWN_DEPOSIT;
            terms = CreditLib.terms(start, sequence, word >> 240, own, (word >> 112) & type(uint128).max);
        }
    }

    /// @dev 32 bytes at an offset; past the end of calldata they read as zero.
    function _word(bytes calldata data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, offset))
        }
    }

    // ---- parked deposits

    function _park(uint32 srcEid, bytes calldata stream, CreditTerms terms, ILedger.ParkReason reason) private {
        uint256 start = terms.note();
        bytes32 leaf = Entry.leafOfCalldata(stream[start:start + Entry.DEPOSITED_LENGTH]);
        uint64 sequence = terms.sequence();
        _parked[srcEid][sequence] = leaf;
        emit DepositParked(srcEid, sequence, leaf, reason);
    }

    /// @inheritdoc IGateway
    function retry(uint32 srcEid, uint64 sequence, bytes calldata entry) external {
        require(!_messenger.isQuarantined(srcEid), PathInQuarantine(srcEid));
        bytes32 leaf = entry.length == 0 ? bytes32(0) : Entry.leafOfCalldata(entry);
        bytes32 parked = _parked[srcEid][sequence];
        require(parked != 0 && parked == leaf, NotParked(srcEid, sequence, leaf, parked));
        delete _parked[srcEid][sequence];
        (Account account, CreditTerms terms) = _creditOf(entry, 0, sequence);
        (bytes memory batch, uint256 end) = CreditBatch.allocate(1);
        CreditBatch.finish(batch, CreditBatch.push(end, account, terms));
        ILedger.ParkReason reason = ledger.creditFromSuspense(srcEid, batch);
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
