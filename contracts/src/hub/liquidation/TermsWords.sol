// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AuctionTerms} from "./AuctionMath.sol";

/// @notice AuctionTerms as they are stored.
/// @param opening what a start reads: `fastFrom 30 | fastTo 30 | buffer 30 | feeLeast 30 | feeMost 30 | feeFullBreach 30 | fastSeconds 24 |
///                slowSeconds 24 | resumeSeconds 24`, from the low bits to the high ones, rates in 1e-9
/// @param bidding what bids read beside it: `stepShare 30 | insolventSeconds 24 | coolOff 12 | smallMargin 95 | largeMargin 95`, share and margins
///                in 1e-9
struct TermsWords {
    uint256 opening;
    uint256 bidding;
}

/// @title Terms of auctions in two words, of which a start reads one
library TermsCodec {
    uint256 private constant UNIT = 1e9;
    uint256 private constant RATE = (1 << 30) - 1;
    uint256 private constant TIME = (1 << 24) - 1;
    uint256 private constant SHORT_TIME = (1 << 12) - 1;
    uint256 private constant MARGIN = (1 << 95) - 1;

    /// @return words what does not fit its field is cut: `all` of them is something else then
    function pack(AuctionTerms memory terms) internal pure returns (TermsWords memory words) {
        words.opening =
            _rate(terms.fastFrom) |
            (_rate(terms.fastTo) << 30) |
            (_rate(terms.buffer) << 60) |
            (_rate(terms.feeLeast) << 90) |
            (_rate(terms.feeMost) << 120) |
            (_rate(terms.feeFullBreach) << 150) |
            ((terms.fastSeconds & TIME) << 180) |
            ((terms.slowSeconds & TIME) << 204) |
            ((terms.resumeSeconds & TIME) << 228);
        words.bidding =
            _rate(terms.stepShare) |
            ((terms.insolventSeconds & TIME) << 30) |
            ((terms.coolOff & SHORT_TIME) << 54) |
            (((terms.smallMargin / UNIT) & MARGIN) << 66) |
            (((terms.largeMargin / UNIT) & MARGIN) << 161);
    }

    /// @notice What starting, discounts, fees and ends go by; the rest is 0.
    function openingOf(TermsWords storage words) internal view returns (AuctionTerms memory terms) {
        _open(terms, words.opening);
    }

    /// @notice All of them.
    function all(TermsWords storage words) internal view returns (AuctionTerms memory terms) {
        _open(terms, words.opening);
        _bid(terms, words.bidding);
    }

    /// @notice Whether the words are exactly these terms.
    function hold(TermsWords memory words, AuctionTerms memory terms) internal pure returns (bool) {
        AuctionTerms memory held;
        _open(held, words.opening);
        _bid(held, words.bidding);
        return _hash(held) == _hash(terms);
    }

    /// @dev Of its fields, a word each.
    function _hash(AuctionTerms memory terms) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(terms, 448)
        }
    }

    function _open(AuctionTerms memory terms, uint256 word) private pure {
        terms.fastFrom = _wad(word);
        terms.fastTo = _wad(word >> 30);
        terms.buffer = _wad(word >> 60);
        terms.feeLeast = _wad(word >> 90);
        terms.feeMost = _wad(word >> 120);
        terms.feeFullBreach = _wad(word >> 150);
        // CAST: fields of 24 bits.
        terms.fastSeconds = uint32((word >> 180) & TIME);
        terms.slowSeconds = uint32((word >> 204) & TIME);
        terms.resumeSeconds = uint32((word >> 228) & TIME);
    }

    function _bid(AuctionTerms memory terms, uint256 word) private pure {
        terms.stepShare = _wad(word);
        // CAST: fields of 24, 12 and 95 bits, the last below 2^125 by their unit.
        terms.insolventSeconds = uint32((word >> 30) & TIME);
        terms.coolOff = uint32((word >> 54) & SHORT_TIME);
        unchecked {
            terms.smallMargin = uint128(((word >> 66) & MARGIN) * UNIT);
            terms.largeMargin = uint128((word >> 161) * UNIT);
        }
    }

    function _rate(uint64 wad) private pure returns (uint256) {
        return (wad / UNIT) & RATE;
    }

    function _wad(uint256 rate) private pure returns (uint64) {
        // CAST: below 2^30 · 10^9.
        unchecked {
            return uint64((rate & RATE) * UNIT);
        }
    }
}
