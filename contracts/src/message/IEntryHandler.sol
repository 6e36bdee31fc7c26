// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice What applies the entries of a log once the Messenger has proved them: the hub gateway, or a spoke's vault.
interface IEntryHandler {
    /// @notice Applies a run of consecutive entries, in order. Only the Messenger calls it.
    /// @dev Total: it never reverts for a reason an entry can cause; each entry that is not voided is applied, refused
    ///      for good with a reason, or (Deposited only) parked. Out of gas reverts the whole chunk. Makes no external call
    ///      outside Lockstep and reads no price. VOID and CLOSED entries may stand in the run and are stepped over.
    /// @param srcEid        chain of the log
    /// @param firstSequence sequence of the first entry in `stream`
    /// @param stream        `(length (1) ‖ entry)*`
    /// @param voided        bit i of word i / 256 set: the i-th entry of the stream is voided and has no effect
    function applyEntries(
        uint32 srcEid,
        uint64 firstSequence,
        bytes calldata stream,
        uint256[] calldata voided
    ) external;

    /// @notice Applies the corrections of a governed rebase, as journal moves against a named loss account.
    /// @param eid         chain of the path that is re-opened
    /// @param sequence    sequence the path is re-opened at
    /// @param corrections encoding owned by the handler
    function applyCorrections(uint32 eid, uint64 sequence, bytes calldata corrections) external;
}
