// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {StrikeEntry} from "../hub/markets/StrikeEntry.sol";
import {IListing, Risk} from "../hub/risk/IRiskEngine.sol";

/// @notice Listing and holdings in storage, packed as the hub packs them, for local chains: what valuing an account costs when all of it
/// is read cold. Anyone may write.
contract PositionBook is IListing {
    event Valued(int256 equity, uint256 initialMargin, uint256 maintenanceMargin, uint8 grade);

    mapping(uint16 underlying => uint256[86]) private _strikes;
    mapping(uint16 underlying => uint256) private _places;
    mapping(uint256 account => uint256[255]) private _words;

    /// @param words as strikesAt gives them, from place `first` on; full hours, at most 15 significant digits
    function list(uint16 underlying, uint8 first, uint256[] calldata words) external {
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 place = first + i;
            // CAST: the low half is the strike.
            uint256 entry = StrikeEntry.pack(uint128(words[i]), (words[i] >> 128) / 1 hours, 0);
            uint256 word = _strikes[underlying][place / StrikeEntry.PER_WORD];
            _strikes[underlying][place / StrikeEntry.PER_WORD] = StrikeEntry.put(
                word,
                place % StrikeEntry.PER_WORD,
                entry
            );
            _places[underlying] |= 1 << place;
        }
    }

    function hold(uint256 account, uint256[] calldata words) external {
        for (uint256 i = 0; i < words.length; ++i) _words[account][i] = words[i];
    }

    /// @notice Reads the account's words and has the engine value them.
    /// @param selector of a function of the engine that takes holdings and returns Risk
    function value(uint256 account, address engine, bytes4 selector) external {
        (bool done, bytes memory answer) = engine.staticcall(_call(selector, _words[account]));
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        Risk memory risk = abi.decode(answer, (Risk));
        emit Valued(risk.equity, risk.initialMargin, risk.maintenanceMargin, uint8(risk.grade));
    }

    /// @dev The call with as many words as the head and the positions say, laid down where it is sent from, as the hub does.
    function _call(bytes4 selector, uint256[255] storage stored) private view returns (bytes memory data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            mstore(add(data, 32), selector)
            mstore(add(data, 36), 32)
            let first := add(data, 100)
            let to := first
            let slot := stored.slot
            let head := sload(slot)
            mstore(to, head)
            to := add(to, 32)
            // Collateral words are counted from bit 128 on, underlyings from 136; a position's options from 16.
            for {
                let words := and(shr(128, head), 0xff)
                let left := and(shr(136, head), 0xff)
            } 1 {} {
                for {} words {
                    words := sub(words, 1)
                } {
                    slot := add(slot, 1)
                    mstore(to, sload(slot))
                    to := add(to, 32)
                }
                if iszero(left) {
                    break
                }
                left := sub(left, 1)
                slot := add(slot, 1)
                let position := sload(slot)
                mstore(to, position)
                to := add(to, 32)
                words := and(shr(16, position), 0xff)
            }
            mstore(add(data, 68), shr(5, sub(to, first)))
            mstore(data, sub(to, add(data, 32)))
            mstore(0x40, and(add(to, 31), not(31)))
        }
    }

    /// @inheritdoc IListing
    function strikesAt(uint16 underlying, uint8[] calldata places) external view returns (uint256[] memory words) {
        return StrikeEntry.read(_strikes[underlying], places);
    }

    /// @inheritdoc IListing
    function placesOf(uint16 underlying) external view returns (uint256) {
        return _places[underlying];
    }

    /// @inheritdoc IListing
    function openInterestOf(uint16) external pure returns (uint256 perpetual, uint256 optionLots) {
        return (0, 0);
    }
}
