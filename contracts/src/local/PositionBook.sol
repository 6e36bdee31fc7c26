// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {StrikeEntry} from "../hub/markets/StrikeEntry.sol";
import {Holdings} from "../hub/risk/Holdings.sol";
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
        uint256[] memory words = _read(_words[account]);
        (bool done, bytes memory answer) = engine.staticcall(abi.encodeWithSelector(selector, words));
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        Risk memory risk = abi.decode(answer, (Risk));
        emit Valued(risk.equity, risk.initialMargin, risk.maintenanceMargin, uint8(risk.grade));
    }

    /// @dev As many as the head and the positions say.
    function _read(uint256[255] storage stored) private view returns (uint256[] memory words) {
        words = new uint256[](255);
        uint256 head = words[0] = stored[0];
        uint256 next = 1;
        for (uint256 end = 1 + Holdings.collateralWords(head); next < end; ++next) words[next] = stored[next];
        for (uint256 left = Holdings.underlyings(head); left != 0; --left) {
            uint256 position = words[next] = stored[next];
            for (uint256 end = ++next + Holdings.optionWords(position); next < end; ++next) words[next] = stored[next];
        }
        assembly ("memory-safe") {
            mstore(words, next)
        }
    }

    /// @inheritdoc IListing
    function strikesAt(uint16 underlying, uint8[] calldata places) external view returns (uint256[] memory words) {
        words = new uint256[](places.length);
        uint256[86] storage stored = _strikes[underlying];
        for (uint256 i = 0; i < places.length; ++i) {
            uint256 word = stored[places[i] / StrikeEntry.PER_WORD];
            uint256 entry = StrikeEntry.at(word, places[i] % StrikeEntry.PER_WORD);
            words[i] = StrikeEntry.strike(entry) | (uint256(StrikeEntry.expiry(entry)) << 128);
        }
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
