// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IEntryHandler} from "../message/IEntryHandler.sol";
import {IMessenger} from "../message/IMessenger.sol";
import {Entry, EntryKind} from "../message/Entry.sol";
import {Account} from "../types/Account.sol";
import {BranchSlots, BranchSlotsLib} from "./BranchSlots.sol";
import {CreditBatch, CreditLib, CreditTerms} from "./Credit.sol";
import {IGateway} from "./IGateway.sol";
import {ILedger} from "./ILedger.sol";
import {IWithdrawals} from "./IWithdrawals.sol";

/// @notice See IGateway.
contract Gateway is IGateway, AccessManaged {
    uint256 private constant WORD_BITS = 256;
    uint40 private constant MAX_RETURN_DELAY = 7 days;
    /// @dev How long after the deposit it was parked, in the first byte of the leaf that is kept: steps of ten minutes, up to 42 hours.
    ///      A slot of its own would take parking above what an entry may cost.
    uint256 private constant LATENESS_STEP = 10 minutes;
    uint256 private constant MAX_LATENESS = type(uint8).max;
    uint256 private constant LATENESS_SHIFT = 248;

    IMessenger private immutable _messenger;
    /// @inheritdoc IGateway
    ILedger public immutable ledger;

    BranchSlots private _parked;
    /// @inheritdoc IGateway
    IWithdrawals public withdrawals;
    /// @inheritdoc IGateway
    uint40 public returnDelay = 1 hours;

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
            _park(srcEid, CreditBatch.termsAt(credits, i), ILedger.ParkReason(uint8(reasons[i])));
        }
    }

    /// @dev The deposits of a run that take effect; the note of each is where its entry stands in calldata.
    function _collect(
        uint32 srcEid,
        uint64 firstSequence,
        bytes calldata stream,
        uint256[] calldata voided
    ) private returns (bytes memory credits) {
        uint256 end;
        (credits, end) = CreditBatch.allocate(stream.length / (1 + Entry.DEPOSITED_LENGTH));
        bool anyVoided = _any(voided);
        uint256 place = _placeOf(stream);
        uint256 cursor = CreditBatch.cursor(place, firstSequence);
        // The Messenger has checked the stream and counts far fewer than 2^64 entries; every place lies inside calldata.
        unchecked {
            uint256 behind = place + stream.length;
            while (place < behind) {
                uint64 sequence = CreditTerms.wrap(cursor).sequence();
                if (!anyVoided || !_isSet(voided, sequence - firstSequence)) {
                    uint256 before = place;
                    // All deposits that follow, unless each must be looked up in the bitmap.
                    (end, place, cursor) = CreditBatch.pushDeposits(end, place, anyVoided ? place + 1 : behind, cursor);
                    if (place != before) continue;
                    _refuse(srcEid, sequence, _byteAt(place), _byteAt(place + 1));
                }
                uint256 size = 1 + _byteAt(place);
                place += size;
                cursor = CreditBatch.advance(cursor, size);
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
        Refusal reason = kind == EntryKind.DEPOSITED ? Refusal.Malformed : Refusal.UnknownKind;
        // CAST: one byte.
        emit EntryRefused(srcEid, sequence, uint8(kind), reason);
    }

    function _placeOf(bytes calldata data) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := data.offset
        }
    }

    function _byteAt(uint256 place) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, calldataload(place))
        }
    }

    // ---- parked deposits

    function _park(uint32 srcEid, CreditTerms terms, ILedger.ParkReason reason) private {
        if (reason == ILedger.ParkReason.AmountImpossible) {
            emit EntryRefused(srcEid, terms.sequence(), EntryKind.DEPOSITED, Refusal.Malformed);
            return;
        }
        bytes calldata entry;
        uint256 place = terms.note();
        uint256 length = Entry.DEPOSITED_LENGTH;
        assembly ("memory-safe") {
            entry.offset := place
            entry.length := length
        }
        bytes32 leaf = Entry.leafOfCalldata(entry);
        uint64 sequence = terms.sequence();
        // CAST: five bytes of the entry.
        uint256 made = uint40(bytes5(entry[Entry.DEPOSITED_TIMESTAMP:Entry.DEPOSITED_PAYER]));
        uint256 late = block.timestamp > made ? (block.timestamp - made) / LATENESS_STEP : 0;
        _parked.put(_messenger, srcEid, sequence, _mark(leaf, late < MAX_LATENESS ? late : MAX_LATENESS));
        emit DepositParked(srcEid, sequence, leaf, reason);
    }

    /// @inheritdoc IGateway
    function retry(uint32 srcEid, uint64 sequence, bytes calldata entry) external {
        (Entry.Deposited memory d, ) = _unpark(srcEid, sequence, entry);
        (bytes memory batch, uint256 end) = CreditBatch.allocate(1);
        CreditTerms terms = CreditLib.terms(0, sequence, d.asset, d.flags & Entry.FLAG_OWN_DEPOSIT, d.amount);
        CreditBatch.finish(batch, CreditBatch.push(end, d.account, terms));
        ILedger.ParkReason reason = ledger.creditFromSuspense(srcEid, batch);
        require(reason == ILedger.ParkReason.None, StillParked(srcEid, sequence, reason));
        emit ParkedCredited(srcEid, sequence);
    }

    /// @inheritdoc IGateway
    function returnDeposit(uint32 srcEid, uint64 sequence, bytes calldata entry) external returns (uint64 claim) {
        (Entry.Deposited memory d, uint256 late) = _unpark(srcEid, sequence, entry);
        // Not from the deposit on: after a slow path anyone could undo it before the next retry.
        uint256 earliest = d.timestamp + late * LATENESS_STEP + returnDelay;
        require(block.timestamp >= earliest, ReturnTooEarly(block.timestamp, earliest));
        ledger.reserveSuspense(srcEid, d.asset, d.amount);
        // The vault asks for a refund address; whoever paid is who the money came from.
        address home = d.refund == address(0) ? d.payer : d.refund;
        claim = withdrawals.queueReturn(srcEid, d.asset, d.amount, home);
        emit DepositReturned(srcEid, sequence, claim);
    }

    /// @dev Frees the slot of a parked deposit and reads its entry. Whatever follows ends the deposit, or reverts all.
    function _unpark(
        uint32 srcEid,
        uint64 sequence,
        bytes calldata entry
    ) private returns (Entry.Deposited memory deposit, uint256 late) {
        require(!_messenger.isQuarantined(srcEid), PathInQuarantine(srcEid));
        bytes32 leaf = entry.length == 0 ? bytes32(0) : Entry.leafOfCalldata(entry);
        (uint256 key, bytes32 parked) = _parked.findLeaf(_messenger, srcEid, sequence, leaf);
        require(parked != 0 && BranchSlotsLib.isSame(parked, leaf), NotParked(srcEid, sequence, leaf, parked));
        _parked.remove(srcEid, key);
        // A parked leaf is that of a well-formed deposit.
        deposit = Entry.decodeDeposited(entry);
        late = uint256(parked) >> LATENESS_SHIFT;
    }

    /// @dev The leaf with another first byte.
    function _mark(bytes32 leaf, uint256 mark) private pure returns (bytes32) {
        return bytes32(((uint256(leaf) << 8) >> 8) | (mark << LATENESS_SHIFT));
    }

    // ---- governance

    /// @inheritdoc IGateway
    function setReturnDelay(uint40 seconds_) external restricted {
        require(seconds_ <= MAX_RETURN_DELAY, ReturnDelayTooLong(seconds_, MAX_RETURN_DELAY));
        returnDelay = seconds_;
        emit ReturnDelaySet(seconds_);
    }

    /// @inheritdoc IGateway
    function setWithdrawals(IWithdrawals withdrawals_) external restricted {
        withdrawals = withdrawals_;
        emit WithdrawalsSet(address(withdrawals_));
    }

    // ---- views

    /// @inheritdoc IGateway
    function parkedLeaf(uint32 srcEid, uint64 sequence) external view returns (bytes32 leaf) {
        (leaf, ) = _parked.find(_messenger, srcEid, sequence);
        return leaf == 0 ? leaf : _mark(leaf, EntryKind.DEPOSITED);
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
            if (Account.unwrap(c.account) == 0 && c.amount < 0) {
                (bytes32 leaf, uint256 key) = _parked.find(_messenger, eid, c.sequence);
                if (leaf != 0) _parked.remove(eid, key);
            }
            ledger.correct(eid, c.asset, c.account, c.amount, c.sequence);
        }
    }
}
