// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IEntryHandler} from "../../src/message/IEntryHandler.sol";

/// @notice Keeps what it was handed, entry by entry, and can misbehave.
contract HandlerMock is IEntryHandler {
    enum Mood {
        Calm,
        Reverts,
        BurnsGas,
        CallsBack
    }

    struct Call {
        uint32 srcEid;
        uint64 firstSequence;
        bytes stream;
        uint256[] voided;
    }

    Call[] private _calls;
    Mood public mood;
    address public target;
    bytes public data;
    bool public calledBack;
    bytes public callBackResult;
    bytes public corrections;
    uint64 public correctedAt;
    mapping(uint32 eid => mapping(uint64 sequence => uint256)) public appliedCount;
    mapping(uint32 eid => mapping(uint64 sequence => uint256)) public voidedCount;

    error HandlerRefuses();

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    /// @notice Makes the next run call `target_` with `data_`.
    function setCallBack(address target_, bytes calldata data_) external {
        (mood, target, data) = (Mood.CallsBack, target_, data_);
    }

    function applyEntries(
        uint32 srcEid,
        uint64 firstSequence,
        bytes calldata stream,
        uint256[] calldata voided
    ) external {
        if (mood == Mood.Reverts) revert HandlerRefuses();
        if (mood == Mood.BurnsGas) {
            assembly {
                invalid()
            }
        }
        if (mood == Mood.CallsBack) (calledBack, callBackResult) = target.call(data);
        _calls.push(Call(srcEid, firstSequence, stream, voided));
        uint256 index = 0;
        for (uint256 offset = 0; offset < stream.length; ++index) {
            uint8 kind = uint8(stream[offset + 1]);
            uint64 sequence = uint64(firstSequence + index);
            if (kind != 0xF0 && kind != 0xFF) {
                if ((voided[index / 256] >> (index % 256)) & 1 != 0) ++voidedCount[srcEid][sequence];
                else ++appliedCount[srcEid][sequence];
            }
            offset += 1 + uint8(stream[offset]);
        }
    }

    function applyCorrections(uint32, uint64 sequence, bytes calldata corrections_) external {
        (corrections, correctedAt) = (corrections_, sequence);
    }

    function callCount() external view returns (uint256) {
        return _calls.length;
    }

    function callAt(uint256 index) external view returns (Call memory) {
        return _calls[index];
    }
}
