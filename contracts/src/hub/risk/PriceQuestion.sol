// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Grade} from "./FeedGrade.sol";
import {Holdings} from "./Holdings.sol";
import {ICollateralRules} from "./ICollateralRules.sol";
import {IFeeds} from "./IFeeds.sol";

/// @title The one question by which an engine learns all prices of an account
/// @notice Of the feeds, or of the rules if there is collateral: those ask for its prices too, and say what it comes to.
library PriceQuestion {
    /// @param quotes where the pairs of words of IFeeds.packedQuotesOf stand
    /// @param beside where what ICollateralRules.quotesWith says beside them stands; 0: there is no collateral
    struct Answer {
        Grade grade;
        uint40 oldest;
        uint256 quotes;
        uint256 beside;
    }

    /// @notice Asks for the positions' prices, in their order, then for that of another underlying.
    /// @param holdings of a shape that was checked
    /// @param count    underlyings held
    /// @param other    0: none
    function ask(
        IFeeds feeds,
        ICollateralRules rules,
        uint256[] calldata holdings,
        uint256 count,
        uint16 other
    ) internal view returns (Answer memory answer) {
        unchecked {
            // The call, laid down where nothing is allocated: selector, where its arrays are, collateral if any, what is asked.
            uint256 question;
            uint256 asked;
            uint256 next = 1 + Holdings.collateralWords(holdings[0]);
            uint256 selector = uint32(
                next == 1 ? IFeeds.packedQuotesOf.selector : ICollateralRules.quotesWith.selector
            );
            assembly ("memory-safe") {
                question := add(mload(0x40), 28)
                mstore(mload(0x40), selector)
                let words := sub(next, 1)
                asked := add(question, 4)
                switch words
                case 0 {
                    mstore(asked, 32)
                }
                default {
                    mstore(asked, 64)
                    mstore(add(question, 68), words)
                    calldatacopy(add(question, 100), add(holdings.offset, 32), shl(5, words))
                    asked := add(asked, 32)
                    mstore(asked, add(96, shl(5, words)))
                    asked := add(asked, shl(5, add(1, words)))
                }
                asked := add(asked, 64)
                mstore(0x40, add(asked, shl(5, add(count, 1))))
            }
            address source = next == 1 ? address(feeds) : address(rules);
            for (uint256 i = 0; i < count; ++i) {
                uint256 position;
                assembly ("memory-safe") {
                    position := calldataload(add(holdings.offset, shl(5, next)))
                }
                bool withMark = Holdings.perpetualSize(position) != 0;
                _put(asked, i, Holdings.underlying(position) | (withMark ? 1 << 16 : 0));
                next += 1 + Holdings.optionWords(position);
            }
            if (other != 0) _put(asked, count++, other);
            _put(asked - 32, 0, count);
            answer.oldest = type(uint40).max;
            if (count == 0 && source == address(feeds)) return answer;
            _call(source, question, asked, count, answer);
            if (source != address(feeds)) answer.beside = answer.quotes + (count << 6);
        }
    }

    /// @dev The answer stands behind the question.
    function _call(address source, uint256 question, uint256 asked, uint256 count, Answer memory answer) private view {
        uint256 word;
        uint256 quotes;
        assembly ("memory-safe") {
            let data := mload(0x40)
            if iszero(staticcall(gas(), source, question, sub(add(asked, shl(5, count)), question), 0, 0)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            // What collateral adds stands behind that.
            if lt(returndatasize(), add(96, shl(6, count))) {
                revert(0, 0)
            }
            returndatacopy(data, 0, returndatasize())
            mstore(0x40, add(data, returndatasize()))
            word := mload(add(data, 64))
            quotes := add(data, 96)
        }
        // CAST: as packedQuotesOf laid them.
        (answer.grade, answer.oldest, answer.quotes) = (Grade(word >> 40), uint40(word), quotes);
    }

    function _put(uint256 words, uint256 i, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(words, shl(5, i)), word)
        }
    }

    /// @notice A word of an answer.
    /// @param words quotes or beside
    function at(uint256 words, uint256 i) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(words, shl(5, i)))
        }
    }

    /// @notice Spot of one asked for, 18 decimals.
    function spotOf(Answer memory answer, uint256 i) internal pure returns (int256) {
        unchecked {
            // CAST: the field's 128 bits.
            return int256(at(answer.quotes, 2 * i) & type(uint128).max);
        }
    }

    /// @notice Mark of one asked for with it, 18 decimals.
    function markOf(Answer memory answer, uint256 i) internal pure returns (int256) {
        unchecked {
            // CAST: the field's 128 bits.
            return int256(at(answer.quotes, 2 * i) >> 128);
        }
    }
}
