// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Black76} from "../../math/Black76.sol";
import {Fixed} from "../../math/Fixed.sol";
import {Normal} from "../../math/Normal.sol";

/// @title Rows of a risk sheet: each listed strike valued in every scenario
/// @notice A sheet is words: a bitmap of the listing's places in it; the number of expiries | that of rows << 16; two headers per expiry;
/// the place of each row, a byte each, padded to a word; five words per row. Rows stand by expiry.
/// @dev First header, low to high: forward uint96 (18 decimals) | gain uint64 (factor of a positive value, Q64) | basis uint64 (factor, 18
/// decimals) | first row uint8 | rows uint8 | averaged uint16 (share of the forward that no move touches, see ALL_AVERAGED). Second: see SheetGrades.
/// Row: forty lanes of 32 bits, lane j in word j / 8 at bit 32 (j % 8): undiscounted call over forward, rounded down, in steps of 2^-31 (the
/// tails: 2^-28). Lanes 0 ... 26: move by volatility up, same, down; 27, 28 the tilts; 29, 30 the forward at +-4.5%; 31 the strike over
/// the forward (see strikeOf); 32 ... 39 the tails. Puts follow by parity. Twin, bit for bit: shared/src/risk/fixed/sheet-rows.ts.
library SheetRows {
    /// @notice What the scenarios do to one expiry.
    struct Term {
        uint256 forward;
        uint256 time;
        uint256 root;
        uint256 up;
        uint256 down;
        uint256 cap;
        uint256 reach;
        uint256 averaged;
    }

    uint256 internal constant HEAD_WORDS = 2;
    uint256 internal constant ROW_WORDS = 5;
    uint256 internal constant SKEWS = 27;
    uint256 internal constant BASIS = 29;
    uint256 internal constant STRIKE = 31;
    uint256 internal constant TAILS = 32;

    /// @notice All of a forward, as shares of it are counted: it is averaged, and the price known.
    uint256 internal constant ALL_AVERAGED = 1 << 15;

    uint256 private constant ONE = 1 << 64;
    uint256 private constant MONTH = 30;
    uint256 private constant SHORT_POWER = 5534023222112865484; // 0.3
    uint256 private constant LONG_POWER = 2398076729582241710; // 0.13
    uint256 private constant MIN_VOL_UP = 7378697629483820646; // 0.4
    uint256 private constant CAP_BASE = 4611686018427387904; // 0.25
    uint256 private constant CAP_SLOPE = 1844674407370955161; // 0.1
    uint256 private constant MIN_REACH = 184467440737095516; // 0.01
    uint256 private constant WIDTH = 44272185776902923878; // 4 * 0.6
    uint256 private constant LONG = 17524406870024074035; // 0.95
    int256 private constant LONG_RATE = 2951479051793528258; // 0.16
    uint256 private constant WAD = 1e18;
    // Below this a volatility is as good as none, and its inverse still fits.
    uint256 private constant MIN_TOTAL_VOL = 1 << 32;

    // A strike of 8192 forwards or more counts as that many: nothing lists one, and no price reverts.
    uint256 private constant MAX_MONEYNESS = (1 << 77) - 1;
    uint256 private constant MAX_FORWARD = (1 << 96) - 1;
    // Keeps a lane's negative part below its bias: an expiry 12 years away and one farther are discounted alike.
    uint256 private constant MIN_GAIN = 1 << 61;

    /// @param forward 18 decimals; 0 counts as 1, 2^96 and more as 2^96 - 1.
    /// @param time To expiry, Q64, below 2^72.
    /// @param averaged Share of the forward that no scenario moves, at most ALL_AVERAGED.
    function termOf(uint256 forward, uint256 time, uint256 averaged) internal pure returns (Term memory term) {
        if (forward > MAX_FORWARD) forward = MAX_FORWARD;
        term.forward = forward == 0 ? 1 : forward;
        term.averaged = averaged;
        term.time = averaged == ALL_AVERAGED ? 0 : time;
        unchecked {
            uint256 daysLeft = term.time * 365;
            bool isShort = daysLeft <= MONTH << 64;
            if (daysLeft < ONE) daysLeft = ONE;
            int256 logarithm = Fixed.ln((MONTH << 128) / daysLeft);
            uint256 multiple = Fixed.exp((logarithm * int256(isShort ? SHORT_POWER : LONG_POWER)) >> 64);
            term.up = ONE + (multiple >> 1);
            uint256 fall = (multiple * SHORT_POWER) >> 64;
            term.down = fall < ONE ? ONE - fall : 0;
            term.root = Fixed.sqrt(term.time);
            uint256 slope = (CAP_SLOPE * term.root) >> 64;
            term.cap = slope < CAP_BASE ? CAP_BASE - slope : 0;
            term.reach = (WIDTH * term.root) >> 64;
            if (term.reach < MIN_REACH) term.reach = MIN_REACH;
        }
    }

    function headerOf(Term memory term, uint256 first, uint256 count) internal pure returns (uint256) {
        unchecked {
            uint256 gain = (LONG * Fixed.exp(-((LONG_RATE * int256(term.time)) >> 64))) >> 64;
            if (gain < MIN_GAIN) gain = MIN_GAIN;
            uint256 basis = WAD / 2 + ((2 * WAD * term.time) >> 64);
            if (basis > WAD) basis = WAD;
            return
                term.forward | (gain << 96) | (basis << 160) | (first << 224) | (count << 232) | (term.averaged << 240);
        }
    }

    /// @notice What writing rows needs in memory: parameters of the state being valued, the moves, and room for lanes.
    /// @dev Words: 0 the normal distribution's table | 1 moneyness | 2 inverse volatility | 3 volatility | 4 strike over forward | 5 bits a
    /// lane cuts off | 6 strike in the lane's steps | 7 what it is aimed at | 8 ... 45 the moves, logarithm and shock each | 46 ... 85 lanes.
    function load(address normalTable) internal view returns (uint256 kit) {
        uint256 table = Normal.load(normalTable);
        assembly ("memory-safe") {
            kit := mload(0x40)
            mstore(0x40, add(kit, 2752))
            mstore(kit, table)
            mstore(add(kit, 224), 0)
        }
    }

    /// @notice Sets the moves of the expiry whose rows are written next.
    function aim(uint256 kit, uint256 averaged) internal pure {
        unchecked {
            uint256 aimed;
            assembly ("memory-safe") {
                aimed := mload(add(kit, 224))
                mstore(add(kit, 224), add(averaged, 1))
            }
            if (aimed == averaged + 1) return;
            for (uint256 move = 0; move < 19; ++move) {
                (uint256 shock, int256 log) = movedOf(move, averaged);
                assembly ("memory-safe") {
                    let at := add(add(kit, 256), shl(6, move))
                    mstore(at, log)
                    mstore(add(at, 32), shock)
                }
            }
        }
    }

    /// @notice Writes the five words of a strike at `out`.
    /// @param kit From load, aimed at the expiry.
    /// @param sigma Per sqrt year, Q64, below 2^72.
    function write(uint256 kit, Term memory term, uint128 strike, uint256 sigma, uint256 out) internal pure {
        unchecked {
            uint256 k = (uint256(strike) << 64) / term.forward;
            if (k > MAX_MONEYNESS) k = MAX_MONEYNESS;
            // CAST: the forward is below 2^96.
            int256 log = -Fixed.lnRatio(strike, uint128(term.forward));
            uint256 tilt = ((log < 0 ? uint256(-log) : uint256(log)) * term.cap) / term.reach;
            if (tilt > term.cap) tilt = term.cap;
            uint256 rising = log < 0 ? ONE + tilt : ONE - tilt;
            uint256 up = (sigma * term.up) >> 64;
            if (up < MIN_VOL_UP) up = MIN_VOL_UP;
            uint256 code = codeOf(k);
            uint256 lanes = kit + 46 * 32;
            assembly ("memory-safe") {
                mstore(add(kit, 128), k)
                mstore(add(lanes, 992), code)
            }
            code = strikeOf(code);
            _state(kit, term, log, up);
            _cut(kit, 36, code << 1);
            _fill(kit, 9, 17, lanes + TAILS * 32, 1);
            _cut(kit, 33, code << 4);
            _fill(kit, 0, 9, lanes, 3);
            _state(kit, term, log, sigma);
            _fill(kit, 0, 9, lanes + 32, 3);
            _fill(kit, 17, 19, lanes + BASIS * 32, 1);
            _state(kit, term, log, (sigma * term.down) >> 64);
            _fill(kit, 0, 9, lanes + 64, 3);
            _state(kit, term, log, (sigma * rising) >> 64);
            _fill(kit, 4, 5, lanes + SKEWS * 32, 1);
            _state(kit, term, log, (sigma * (2 * ONE - rising)) >> 64);
            _fill(kit, 4, 5, lanes + SKEWS * 32 + 32, 1);
            _pack(lanes, out);
        }
    }

    /// @dev A volatility of the strike, in the terms of Black76.cell.
    function _state(uint256 kit, Term memory term, int256 log, uint256 sigma) private pure {
        unchecked {
            uint256 v = (sigma * term.root) >> 64;
            if (v < MIN_TOTAL_VOL) v = MIN_TOTAL_VOL;
            if (v > Black76.MAX_TOTAL_VOL) v = Black76.MAX_TOTAL_VOL;
            assembly ("memory-safe") {
                let inverse := div(shl(128, 1), v)
                mstore(add(kit, 32), add(sar(64, mul(log, inverse)), shr(1, v)))
                mstore(add(kit, 64), inverse)
                mstore(add(kit, 96), v)
            }
        }
    }

    function _cut(uint256 kit, uint256 bits, uint256 strike) private pure {
        assembly ("memory-safe") {
            mstore(add(kit, 160), bits)
            mstore(add(kit, 192), strike)
        }
    }

    /// @dev Lanes of some moves: Black76.cell, which is at most the shocked forward, cut to the lane's steps, and held at or above the put's parity
    /// bound in them, so that no put is worth less than nothing. The distribution function is Normal.cdfs, its argument 6.5 higher.
    function _fill(uint256 kit, uint256 move, uint256 past, uint256 to, uint256 words) private pure {
        assembly ("memory-safe") {
            function cdf(table, x) -> p {
                p := shl(64, sgt(x, 0x68000000000000000))
                if lt(x, 0xd0000000000000000) {
                    let word := mload(add(table, and(shr(54, x), 0x3fe0)))
                    let u := and(shl(5, x), 0xffffffffffffffff)
                    p := add(signextend(15, word), mul(signextend(7, word), u))
                    p := add(and(word, 0xffffffffffffffff00000000000000000000000000000000), mul(p, u))
                    p := shr(192, add(word, mul(p, u)))
                }
            }
            let table := mload(kit)
            let v := mload(add(kit, 96))
            let bits := mload(add(kit, 160))
            let strike := mload(add(kit, 192))
            // Scratch: moneyness moved by 6.5, inverse volatility.
            mstore(0x00, add(mload(add(kit, 32)), 0x68000000000000000))
            mstore(0x20, mload(add(kit, 64)))
            let k := mload(add(kit, 128))
            let base := add(kit, 256)
            past := add(base, shl(6, past))
            words := shl(5, words)
            for {
                move := add(base, shl(6, move))
            } lt(move, past) {
                move := add(move, 64)
            } {
                let x := add(mload(0x00), sar(64, mul(mload(move), mload(0x20))))
                let y := sub(x, v)
                switch and(lt(x, 0xd0000000000000000), lt(y, 0xd0000000000000000))
                case 1 {
                    let word := mload(add(table, and(shr(54, x), 0x3fe0)))
                    x := and(shl(5, x), 0xffffffffffffffff)
                    let p := add(signextend(15, word), mul(signextend(7, word), x))
                    p := add(and(word, 0xffffffffffffffff00000000000000000000000000000000), mul(p, x))
                    x := shr(192, add(word, mul(p, x)))
                    word := mload(add(table, and(shr(54, y), 0x3fe0)))
                    y := and(shl(5, y), 0xffffffffffffffff)
                    p := add(signextend(15, word), mul(signextend(7, word), y))
                    p := add(and(word, 0xffffffffffffffff00000000000000000000000000000000), mul(p, y))
                    y := shr(192, add(word, mul(p, y)))
                }
                default {
                    x := cdf(table, x)
                    y := cdf(table, y)
                }
                let shock := mload(add(move, 32))
                x := mul(shock, x)
                y := mul(k, y)
                x := shr(add(64, bits), mul(gt(x, y), sub(x, y)))
                y := sub(shr(bits, shock), strike)
                if sgt(y, x) {
                    x := y
                }
                mstore(to, x)
                to := add(to, words)
            }
        }
    }

    /// @dev Forty lanes to five words.
    function _pack(uint256 lanes, uint256 out) private pure {
        assembly ("memory-safe") {
            for {
                let end := add(lanes, 1280)
            } lt(lanes, end) {
                lanes := add(lanes, 256)
            } {
                let word := or(mload(lanes), shl(32, mload(add(lanes, 32))))
                word := or(word, or(shl(64, mload(add(lanes, 64))), shl(96, mload(add(lanes, 96)))))
                word := or(word, or(shl(128, mload(add(lanes, 128))), shl(160, mload(add(lanes, 160)))))
                word := or(word, or(shl(192, mload(add(lanes, 192))), shl(224, mload(add(lanes, 224)))))
                mstore(out, word)
                out := add(out, 32)
            }
        }
    }

    /// @notice A move of what is not fixed of a forward, as one of all of it.
    /// @param averaged Share of the forward that does not move, at most ALL_AVERAGED.
    function movedOf(uint256 move, uint256 averaged) internal pure returns (uint256 shock, int256 log) {
        (shock, log) = moveOf(move);
        if (averaged == 0) return (shock, log);
        if (averaged == ALL_AVERAGED) return (ONE, 0);
        unchecked {
            // CAST: moves are below six, and one less a share of a fall is positive.
            shock = uint256(int256(ONE) + (((int256(shock) - int256(ONE)) * int256(ALL_AVERAGED - averaged)) >> 15));
            log = Fixed.ln(shock);
        }
    }

    /// @notice The move of a lane, 0 ... 39.
    function moveOfLane(uint256 lane) internal pure returns (uint256) {
        unchecked {
            if (lane < SKEWS) return lane / 3;
            if (lane < BASIS || lane == STRIKE) return 4;
            return lane < STRIKE ? lane + 17 - BASIS : lane + 9 - TAILS;
        }
    }

    /// @notice Moves of the forward and their logarithms, Q64: nine of the core, eight tails, two of the basis.
    function moveOf(uint256 move) internal pure returns (uint256 shock, int256 log) {
        if (move < 9) {
            if (move == 0) return (15495265021916023357, -3216252311044116131);
            if (move == 1) return (16233134784864405422, -2358109488322280637);
            if (move == 2) return (16971004547812787486, -1538119200552807486);
            if (move == 3) return (17708874310761169551, -753032885493520102);
            if (move == 4) return (18446744073709551616, 0);
            if (move == 5) return (19184613836657933680, 723494457926954012);
            if (move == 6) return (19922483599606315745, 1419680629484392196);
            if (move == 7) return (20660353362554697809, 2090545254068255550);
            return (21398223125503079874, 2737865849835448909);
        }
        return _farMoveOf(move);
    }

    function _farMoveOf(uint256 move) private pure returns (uint256 shock, int256 log) {
        if (move == 9) return (6271892985061247549, -19900525727573257516);
        if (move == 10) return (12359318529385399582, -7387507178279143566);
        if (move == 11) return (27670116110564327424, 7479511080090283978);
        if (move == 12) return (36893488147419103232, 12786308645202655659);
        if (move == 13) return (55340232221128654848, 20265819725292939638);
        if (move == 14) return (73786976294838206464, 25572617290405311319);
        if (move == 15) return (92233720368547758080, 29688889273197213359);
        if (move == 16) return (110680464442257309696, 33052128370495595298);
        if (move == 17) return (19276847557026481438, 811968220205034196);
        return (17616640590392621793, -849360749681073026);
    }

    /// @notice A strike over its forward as a lane: steps of 2^-27 below 16, else 2^31 and steps of 2^-18; rounded down.
    /// @param k Q64, below 2^77.
    function codeOf(uint256 k) internal pure returns (uint256) {
        unchecked {
            return k < 1 << 68 ? k >> 37 : (1 << 31) | (k >> 46);
        }
    }

    /// @notice What such a lane stands for, in steps of 2^-27.
    function strikeOf(uint256 code) internal pure returns (uint256) {
        unchecked {
            return code < 1 << 31 ? code : (code & 0x7fffffff) << 9;
        }
    }

    /// @notice Where the places of a sheet's rows begin, in words.
    function listOf(uint256 expiries) internal pure returns (uint256) {
        return HEAD_WORDS + 2 * expiries;
    }

    /// @notice Where its rows begin, in words.
    function rowsOf(uint256 expiries, uint256 rows) internal pure returns (uint256) {
        return listOf(expiries) + (rows + 31) / 32;
    }
}
