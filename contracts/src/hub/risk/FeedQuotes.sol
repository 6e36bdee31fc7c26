// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {FeedGrade, Grade} from "./FeedGrade.sol";
import {FeedId, FeedWord, Kind} from "./FeedWord.sol";
import {FeedTerms} from "./FeedTerms.sol";
import {IFeeds} from "./IFeeds.sol";
import {SpotSource} from "./SpotSource.sol";

/// @notice The words of the feeds, and of them what margin reads: spot and mark of an account's underlyings at once.
abstract contract FeedQuotes is IFeeds {
    uint256 internal constant SHARE_ONE = 10_000;
    // Fields of a feed's word, and the kind in a mark's FeedId.
    uint256 private constant PRICE = type(uint128).max;
    uint256 private constant TIME = type(uint40).max;
    uint256 private constant SPREAD = type(uint32).max;
    uint256 private constant MARK = uint256(Kind.Mark) << 40;

    /// @param terms bounds and mode in one word, see FeedTerms.pack
    struct Underlying {
        uint256 terms;
        address source;
    }

    mapping(FeedId feed => uint256 word) internal _words;
    mapping(uint16 underlying => Underlying) internal _underlyings;
    /// @dev All different FeedTerms.spotOf, counted from 1, two in a slot, the even one low: most underlyings share theirs, so an account's are
    /// read in one slot or two. A spot's word says which are its underlying's.
    mapping(uint256 pair => uint256) private _spotTerms;
    mapping(uint256 spotTerms => uint256 number) private _numbers;
    uint256 private _termsCount;

    function _setTerms(uint16 underlying, uint256 terms, address source) internal {
        _underlyings[underlying] = Underlying({terms: terms, source: source});
        uint256 spotTerms = FeedTerms.spotOf(terms);
        uint256 number = _numbers[spotTerms];
        if (number == 0) {
            number = ++_termsCount;
            require(number <= FeedWord.TERMS_MASK, UnderlyingInvalid(underlying, "at most 16383 different terms"));
            _numbers[spotTerms] = number;
            _spotTerms[number >> 1] |= spotTerms << ((number & 1) * FeedTerms.SPOT_BITS);
        }
        FeedId spot = FeedWord.id(underlying, Kind.Spot, 0);
        uint256 word = _words[spot] & ~(FeedWord.TERMS_MASK << FeedWord.TERMS_SHIFT);
        _words[spot] = word | (number << FeedWord.TERMS_SHIFT);
    }

    /// @inheritdoc IFeeds
    function quoteOf(uint16 underlying, bool withMark) external view returns (Quote memory) {
        uint256 word = _wordOf(uint256(underlying) << 48);
        (uint256 prices, uint256 rest) = _quote(underlying, withMark, word, _termsOf(underlying, word));
        // CAST: fields of their words, as _quote laid them.
        return
            Quote({
                spot: uint128(prices),
                mark: uint128(prices >> 128),
                confidence: uint64(rest >> 40),
                epoch: uint40(rest),
                oldest: uint40(rest >> 104),
                grade: Grade(rest >> 144)
            });
    }

    /// @inheritdoc IFeeds
    /// @dev Every account's margin begins here, so the answer is laid down where it is returned from, and mostly in one piece.
    function packedQuotesOf(uint256[] calldata asked) external view returns (uint256[] memory) {
        unchecked {
            uint256 answer;
            uint256 count = asked.length;
            assembly ("memory-safe") {
                answer := mload(0x40)
                mstore(0x40, add(answer, add(96, shl(6, count))))
                mstore(answer, 32)
                mstore(add(answer, 32), add(1, shl(1, count)))
            }
            _answerFresh(asked, answer);
            uint256 oldest = type(uint40).max;
            uint256 grade;
            uint256 terms;
            uint256 number;
            for (uint256 i = 0; i < count; ++i) {
                uint256 underlying;
                assembly ("memory-safe") {
                    underlying := calldataload(add(asked.offset, shl(5, i)))
                }
                bool withMark = (underlying >> 16) & 1 == 1;
                underlying &= type(uint16).max;
                uint256 word = _wordOf(underlying << 48);
                // Mostly those of the one before.
                if (i == 0 || (word >> FeedWord.TERMS_SHIFT) & FeedWord.TERMS_MASK != number) {
                    terms = _termsOf(underlying, word);
                    number = (word >> FeedWord.TERMS_SHIFT) & FeedWord.TERMS_MASK;
                }
                (uint256 prices, uint256 rest) = _quote(underlying, withMark, word, terms);
                assembly ("memory-safe") {
                    let to := add(answer, add(96, shl(6, i)))
                    mstore(to, prices)
                    mstore(add(to, 32), and(rest, 0xffffffffffffffffffffffffff))
                    prices := and(shr(104, rest), 0xffffffffff)
                    if lt(prices, oldest) {
                        oldest := prices
                    }
                    rest := shr(144, rest)
                    if gt(rest, grade) {
                        grade := rest
                    }
                }
            }
            assembly ("memory-safe") {
                mstore(add(answer, 64), or(oldest, shl(40, grade)))
                return(answer, add(96, shl(6, count)))
            }
        }
    }

    /// @dev Returns from the call, unless anything asked for is not signed, not marked yet or not fresh. That is what most questions cost, and
    /// without a jump a third of what _quote does: so the checks stand here once more.
    /// @param answer where it is laid down, two words of it stand already
    function _answerFresh(uint256[] calldata asked, uint256 answer) private view {
        assembly ("memory-safe") {
            let to := add(answer, 96)
            let oldest := 0xffffffffff
            let terms := 0
            let which := not(0)
            mstore(0x20, _words.slot)
            for {
                let from := asked.offset
                let end := add(from, shl(5, asked.length))
            } lt(from, end) {
                from := add(from, 32)
            } {
                let item := calldataload(from)
                mstore(0x00, shl(48, and(item, 0xffff)))
                let word := sload(keccak256(0x00, 0x40))
                // Mostly the terms of the one before.
                if xor(which, and(shr(240, word), 0x3fff)) {
                    which := and(shr(240, word), 0x3fff)
                    mstore(0x00, shr(1, which))
                    mstore(0x20, _spotTerms.slot)
                    terms := shr(shl(7, and(which, 1)), sload(keccak256(0x00, 0x40)))
                    mstore(0x20, _words.slot)
                    // Mode 1: signed.
                    if xor(and(shr(96, terms), 0xff), 1) {
                        to := 0
                        break
                    }
                }
                let spot := and(word, 0xffffffffffffffffffffffffffffffff)
                let time := and(shr(128, word), 0xffffffffff)
                let spread := and(shr(168, word), 0xffffffff)
                // A price, neither halted nor final, close, new and not of the future: an age below zero is beyond any that is fresh.
                let unfit := or(
                    or(iszero(spot), shr(254, word)),
                    or(gt(spread, and(shr(48, terms), 0xffffffff)), gt(sub(timestamp(), time), and(terms, 0xffffff)))
                )
                let prices := spot
                if and(item, 0x10000) {
                    // MARK, beside the underlying.
                    mstore(0x00, or(shl(48, and(item, 0xffff)), 0x10000000000))
                    let other := sload(keccak256(0x00, 0x40))
                    let mark := and(other, 0xffffffffffffffffffffffffffffffff)
                    unfit := or(unfit, or(iszero(mark), shr(254, other)))
                    unfit := or(unfit, gt(and(shr(168, other), 0xffffffff), and(shr(48, terms), 0xffffffff)))
                    other := and(shr(128, other), 0xffffffffff)
                    unfit := or(unfit, gt(sub(timestamp(), other), and(terms, 0xffffff)))
                    if lt(other, time) {
                        time := other
                    }
                    let band := div(mul(spot, and(shr(80, terms), 0xffff)), SHARE_ONE)
                    if gt(mark, add(spot, band)) {
                        mark := add(spot, band)
                    }
                    if lt(mark, sub(spot, band)) {
                        mark := sub(spot, band)
                    }
                    prices := or(prices, shl(128, mark))
                }
                if unfit {
                    to := 0
                    break
                }
                if lt(time, oldest) {
                    oldest := time
                }
                mstore(to, prices)
                // FeedTerms.confidence, of a spread that is at most the widest; beside the epoch.
                spread := div(mul(spread, 1000000000000000000), and(shr(48, terms), 0xffffffff))
                mstore(add(to, 32), or(and(shr(200, word), 0xffffffffff), shl(40, sub(1000000000000000000, spread))))
                to := add(to, 64)
            }
            if to {
                mstore(add(answer, 64), oldest)
                return(answer, sub(to, answer))
            }
        }
    }

    /// @dev Equal to point() and mark(), without their structs in memory.
    /// @param word   of its spot
    /// @param terms  FeedTerms.spotOf's
    /// @return prices spot uint128 | mark uint128, 0 if not asked
    /// @return rest   epoch uint40 | confidence uint64 | oldest uint40 | grade
    function _quote(
        uint256 underlying,
        bool withMark,
        uint256 word,
        uint256 terms
    ) private view returns (uint256 prices, uint256 rest) {
        unchecked {
            rest = (word >> FeedWord.EPOCH_SHIFT) & TIME;
            uint256 grade;
            if (terms >> 96 == uint256(SpotMode.Signed)) grade = _spotGrade(word, terms, false);
            else (word, grade) = _otherSpot(uint16(underlying), word, terms);
            uint256 spot = word & PRICE;
            uint256 oldest = (word >> 128) & TIME;
            // FeedTerms.confidence
            uint256 spread = (word >> 168) & SPREAD;
            uint256 widest = (terms >> 48) & SPREAD;
            if (spread < widest) rest |= (1e18 - (spread * 1e18) / widest) << 40;
            prices = spot;
            if (withMark) {
                word = _wordOf((underlying << 48) | MARK);
                if (word != 0) {
                    uint256 other = _spotGrade(word, terms, false);
                    if (other > grade) grade = other;
                    other = (word >> 128) & TIME;
                    if (other < oldest) oldest = other;
                    word &= PRICE;
                    uint256 band = (spot * ((terms >> 80) & type(uint16).max)) / SHARE_ONE;
                    if (word > spot + band) word = spot + band;
                    if (word < spot - band) word = spot - band;
                    // Between 0 and twice a price, below 2^101.
                    prices |= word << 128;
                } else prices |= spot << 128;
            }
            rest |= (oldest << 104) | (grade << 144);
        }
    }

    /// @param word of its spot
    function _termsOf(uint256 underlying, uint256 word) private view returns (uint256 terms) {
        unchecked {
            uint256 number = (word >> FeedWord.TERMS_SHIFT) & FeedWord.TERMS_MASK;
            // CAST: it came with sixteen bits.
            require(number != 0, UnderlyingUnknown(uint16(underlying)));
            terms = (_spotTerms[number >> 1] >> ((number & 1) << 7)) & PRICE;
        }
    }

    /// @param feed a FeedId
    function _wordOf(uint256 feed) internal view returns (uint256 word) {
        assembly ("memory-safe") {
            mstore(0x00, feed)
            mstore(0x20, _words.slot)
            word := sload(keccak256(0x00, 0x40))
        }
    }

    /// @dev Spot read from another source, or compared with one.
    function _otherSpot(uint16 id, uint256 word, uint256 terms) private view returns (uint256, uint256) {
        Underlying storage underlying = _underlyings[id];
        if (terms >> 96 == uint256(SpotMode.Source)) {
            word = SpotSource.wordOf(underlying.source, word);
            return (word, _spotGrade(word, terms, false));
        }
        (bool disagrees, Grade floor) = SpotSource.check(
            underlying.source,
            FeedTerms.boundsOf(underlying.terms),
            FeedWord.value(word)
        );
        uint256 grade = _spotGrade(word, terms, disagrees);
        return (word, grade > uint256(floor) ? grade : uint256(floor));
    }

    /// @dev FeedGrade.gradeOf of a spot's or a mark's word.
    /// @param terms FeedTerms.spotOf's
    function _spotGrade(uint256 word, uint256 terms, bool disagrees) private view returns (uint256) {
        unchecked {
            // Mostly: a price, neither halted nor final nor of the future, close and new. An age below zero is beyond any that is fresh.
            bool fresh;
            assembly ("memory-safe") {
                let age := sub(timestamp(), and(shr(128, word), 0xffffffffff))
                fresh := iszero(or(disagrees, shr(254, word)))
                fresh := and(fresh, gt(shl(128, word), 0))
                let wide := gt(and(shr(168, word), 0xffffffff), and(shr(48, terms), 0xffffffff))
                fresh := gt(fresh, or(wide, gt(age, and(terms, 0xffffff))))
            }
            if (fresh) return uint256(Grade.Fresh);
            // CAST: as spotOf laid them.
            return
                uint256(
                    FeedGrade.gradeOf(
                        word,
                        uint24(terms),
                        uint24(terms >> 24),
                        uint32(terms >> 48),
                        block.timestamp,
                        disagrees
                    )
                );
        }
    }
}
