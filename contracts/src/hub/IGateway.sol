// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IEntryHandler} from "../message/IEntryHandler.sol";
import {Account} from "../types/Account.sol";
import {ILedger} from "./ILedger.sol";
import {IWithdrawals} from "./IWithdrawals.sol";

/// @notice Turns delivered entries into ledger moves, and keeps the deposits that could not be credited yet.
interface IGateway is IEntryHandler {
    /// @notice Why a delivered entry was refused for good.
    enum Refusal {
        UnknownKind,
        Malformed
    }

    /// @notice One line of a rebase's corrections, which are `abi.encode(Correction[])`.
    /// @dev A deposit parked on the forgotten branch can no longer be credited or sent home, named here or not; a line makes suspense and
    ///      custody right again.
    /// @param account  whose balance moves; 0: suspense. A negative line on suspense also drops a deposit still parked at `sequence`.
    /// @param asset    index in the vault of the path's chain
    /// @param amount   base units; negative for a deposit of the forgotten branch, positive for one of the new branch
    /// @param sequence of the deposit that is corrected
    struct Correction {
        Account account;
        uint16 asset;
        int256 amount;
        uint64 sequence;
    }

    /// @notice A deposit could not be credited; it waits in suspense and ends exactly once.
    event DepositParked(uint32 indexed srcEid, uint64 indexed sequence, bytes32 leaf, ILedger.ParkReason reason);
    /// @notice A parked deposit was credited.
    event ParkedCredited(uint32 indexed srcEid, uint64 indexed sequence);
    /// @notice A parked deposit goes home: it is a claim now.
    event DepositReturned(uint32 indexed srcEid, uint64 indexed sequence, uint64 indexed claim);
    event ReturnDelaySet(uint40 seconds_);
    event WithdrawalsSet(address withdrawals);
    event EntryRefused(uint32 indexed srcEid, uint64 indexed sequence, uint8 kind, Refusal reason);

    error NotMessenger(address caller, address messenger);
    error NotParked(uint32 srcEid, uint64 sequence, bytes32 leaf, bytes32 parked);
    error StillParked(uint32 srcEid, uint64 sequence, ILedger.ParkReason reason);
    error ReturnTooEarly(uint256 nowSeconds, uint256 earliest);
    error ReturnDelayTooLong(uint40 seconds_, uint40 maximum);
    error PathInQuarantine(uint32 srcEid);

    /// @notice Credits a parked deposit if that is possible now. Anyone; reverts with the reason otherwise.
    /// @param entry the deposit's entry, from its event on the spoke
    function retry(uint32 srcEid, uint64 sequence, bytes calldata entry) external;

    /// @notice Sends a parked deposit home, to its refund address, as an ordinary claim. Anyone, from `returnDelay` after it was
    ///         parked on (to ten minutes; a parking more than 42 hours after the deposit counts as 42 hours after it).
    /// @param entry the deposit's entry, from its event on the spoke
    /// @return claim its number, see IWithdrawals
    function returnDeposit(uint32 srcEid, uint64 sequence, bytes calldata entry) external returns (uint64 claim);

    // ---- governance (restricted)

    /// @notice Seconds between the parking of a deposit and its return, at most 7 days. GOVERNOR, delayed.
    function setReturnDelay(uint40 seconds_) external;
    /// @notice Where returns are queued. GOVERNOR, delayed.
    function setWithdrawals(IWithdrawals withdrawals) external;

    // ---- views

    /// @notice Leaf of a parked deposit, zero if none is parked at that place.
    function parkedLeaf(uint32 srcEid, uint64 sequence) external view returns (bytes32);

    function returnDelay() external view returns (uint40);
    function withdrawals() external view returns (IWithdrawals);
    function ledger() external view returns (ILedger);
    function messenger() external view returns (address);
}
