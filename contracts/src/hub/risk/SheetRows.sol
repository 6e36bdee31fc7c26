// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Fixed} from "../../math/Fixed.sol";
import {Black76} from "../../math/Black76.sol";
import {SheetCells} from "./SheetCells.sol";

/// @title Rows of a risk sheet: each listed strike valued in every scenario
/// @notice A sheet is words: a bitmap of the listing's places in it; the number of expiries | that of rows << 16; two headers per expiry;
/// the place of each row, a byte each, padded to a word; five words per row. Rows stand by expiry.
/// @dev First header, low to high: forward uint96 (18 decimals) | gain uint64 (factor of a positive value, Q64) | basis uint64 (factor, 18
/// decimals) | first row uint8 | rows uint8 | averaged uint16 (share of the forward that no move touches, see ALL_AVERAGED). Second: see SheetGrades,
/// then the least and the greatest place of its rows, uint8 each.
/// Row: forty lanes of 32 bits, lane j in word j / 8 at bit 32 (j % 8): undiscounted call over forward, rounded down, in steps of 2^-31 (the
/// tails: 2^-28). Words 0 ... 2: volatility up, same, down, at all moves but the middle one; word 3: the middle one at up, same, down | the two
/// tilts | the forward at +-4.5% | the strike over the forward (see strikeOf); word 4 the tails. Puts follow by parity. Twin, bit for bit: shared/src/risk/fixed/sheet-rows.ts.
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
        uint256 moves;
    }

    uint256 internal constant HEAD_WORDS = 2;
    uint256 internal constant ROW_WORDS = 5;
    uint256 internal constant MIDDLES = 24;
    uint256 internal constant TILTS = 27;
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
    /// @dev 1 in each lane.
    uint256 private constant LANES = 0x0000000100000001000000010000000100000001000000010000000100000001;

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
            if (averaged != 0 && averaged != ALL_AVERAGED) term.moves = _movesOf(averaged);
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

    /// @notice The places between which those of an expiry lie, as the second header has them: whoever holds none there passes over its rows.
    /// @param first The expiry's first row; places of its rows ascend.
    function spanOf(uint256[] memory sheet, uint256 first, uint256 count) internal pure returns (uint256 span) {
        assembly ("memory-safe") {
            let list := add(add(sheet, add(96, first)), shl(6, and(mload(add(sheet, 64)), 0xffff)))
            span := or(shl(168, byte(0, mload(list))), shl(176, byte(0, mload(sub(add(list, count), 1)))))
        }
    }

    /// @notice Writes the five words of a strike at `out`.
    /// @param table Normal.load's.
    /// @param ratio ln(strike / forward), Q64: Fixed.lnRatio.
    /// @param sigma Per sqrt year, Q64, below 2^72.
    function write(
        uint256 table,
        Term memory term,
        uint128 strike,
        int256 ratio,
        uint256 sigma,
        uint256 out
    ) internal pure {
        unchecked {
            uint256 k = (uint256(strike) << 64) / term.forward;
            if (k > MAX_MONEYNESS) k = MAX_MONEYNESS;
            // codeOf, and strikeOf in steps of 2^-31.
            uint256 code = k >> 37;
            uint256 rounded = code << 4;
            if (k >= 1 << 68) (code, rounded) = ((1 << 31) | (k >> 46), (k >> 46) << 13);
            uint256 vols = _vols(term, ratio, sigma);
            if (term.moves != 0) return _writeMoved(table, term, ratio, k, code, vols, out);
            SheetCells.write(table, ratio, term.root, k, code, rounded, vols, out);
            if (term.averaged != 0) _settle(out);
        }
    }

    /// @dev The five volatilities of a strike, where nothing is allocated.
    function _vols(Term memory term, int256 ratio, uint256 sigma) private pure returns (uint256 vols) {
        assembly ("memory-safe") {
            vols := mload(0x40)
            // As Term stands in memory.
            let cap := mload(add(term, 160))
            // All ones below zero: adding them and turning all bits changes the sign.
            let below := sar(255, ratio)
            let tilt := div(mul(xor(add(ratio, below), below), cap), mload(add(term, 192)))
            if gt(tilt, cap) {
                tilt := cap
            }
            tilt := xor(add(tilt, below), below)
            let up := shr(64, mul(sigma, mload(add(term, 96))))
            if lt(up, MIN_VOL_UP) {
                up := MIN_VOL_UP
            }
            mstore(vols, up)
            mstore(add(vols, 32), sigma)
            mstore(add(vols, 64), shr(64, mul(sigma, mload(add(term, 128)))))
            mstore(add(vols, 96), shr(64, mul(sigma, add(0x10000000000000000, tilt))))
            mstore(add(vols, 128), shr(64, mul(sigma, sub(0x10000000000000000, tilt))))
        }
    }

    /// @dev Shock and logarithm of each lane, for an expiry of which a part is fixed.
    function _movesOf(uint256 averaged) private pure returns (uint256 moves) {
        assembly ("memory-safe") {
            moves := mload(0x40)
            mstore(0x40, add(moves, 2560))
        }
        for (uint256 lane = 0; lane < 40; ++lane) {
            (uint256 shock, int256 log) = movedOf(moveOfLane(lane), averaged);
            assembly ("memory-safe") {
                mstore(add(moves, shl(6, lane)), shock)
                mstore(add(add(moves, shl(6, lane)), 32), log)
            }
        }
    }

    /// @dev As SheetCells.write, lane by lane, with moves of its own: dearer by half, in an expiry's last half hour alone.
    function _writeMoved(
        uint256 table,
        Term memory term,
        int256 ratio,
        uint256 k,
        uint256 code,
        uint256 vols,
        uint256 out
    ) private pure {
        unchecked {
            uint256 word;
            for (uint256 lane = 40; lane != 0;) {
                uint256 value = code;
                if (--lane != STRIKE) value = _movedLane(table, term, ratio, k, code, vols + 32 * _volOf(lane), lane);
                word = (word << 32) | value;
                if (lane % 8 != 0) continue;
                assembly ("memory-safe") {
                    mstore(add(out, shl(2, lane)), word)
                }
                word = 0;
            }
        }
    }

    /// @dev Which of a strike's five volatilities a lane is valued at.
    function _volOf(uint256 lane) private pure returns (uint256) {
        unchecked {
            if (lane < MIDDLES) return lane / 8;
            if (lane < BASIS) return lane - MIDDLES;
            return lane < STRIKE ? 1 : 0;
        }
    }

    function _movedLane(
        uint256 table,
        Term memory term,
        int256 ratio,
        uint256 k,
        uint256 code,
        uint256 vol,
        uint256 lane
    ) private pure returns (uint256 value) {
        unchecked {
            (uint256 shock, uint256 v, int256 log) = (term.moves + 64 * lane, 0, 0);
            assembly ("memory-safe") {
                log := mload(add(shock, 32))
                shock := mload(shock)
                v := shr(64, mul(mload(vol), mload(add(term, 64))))
            }
            if (v < SheetCells.MIN_TOTAL_VOL) v = SheetCells.MIN_TOTAL_VOL;
            if (v > SheetCells.MAX_TOTAL_VOL) v = SheetCells.MAX_TOTAL_VOL;
            int256 inverse = int256((1 << 128) / v);
            int256 moneyness = ((-ratio * inverse) >> 64) + int256(v >> 1);
            uint256 bits = lane < TAILS ? 33 : 36;
            value = Black76.cell(table, moneyness, inverse, v, log, shock, k) >> bits;
            int256 least = int256(shock >> bits) - int256((strikeOf(code) << 4) >> (bits - 33));
            // CAST: least is above a lane.
            if (least > int256(value)) value = uint256(least);
        }
    }

    /// @dev No scenario moves an expiry that is settled: all lanes become that of the forward unmoved, an eighth in the tails' steps.
    function _settle(uint256 out) private pure {
        assembly ("memory-safe") {
            let rest := mload(add(out, 96))
            let lane := and(shr(32, rest), 0xffffffff)
            let word := mul(lane, LANES)
            mstore(out, word)
            mstore(add(out, 32), word)
            mstore(add(out, 64), word)
            mstore(add(out, 96), or(shl(224, shr(224, rest)), shr(32, word)))
            mstore(add(out, 128), mul(shr(3, lane), LANES))
        }
    }

    /// @notice A move of what is not fixed of a forward, as one of all of it.
    /// @param averaged Share of the forward that does not move, at most ALL_AVERAGED.
    function movedOf(uint256 move, uint256 averaged) internal pure returns (uint256 shock, int256 log) {
        if (averaged == 0) return (shockOf(move), logOf(move));
        shock = movedShockOf(move, averaged);
        if (averaged != ALL_AVERAGED) log = Fixed.ln(shock);
    }

    /// @notice movedOf, without the logarithm.
    function movedShockOf(uint256 move, uint256 averaged) internal pure returns (uint256 shock) {
        if (averaged == ALL_AVERAGED) return ONE;
        unchecked {
            // CAST: moves are below six, and one less a share of a fall is positive.
            return
                uint256(
                    int256(ONE) + (((int256(shockOf(move)) - int256(ONE)) * int256(ALL_AVERAGED - averaged)) >> 15)
                );
        }
    }

    /// @notice The move of a lane, 0 ... 39.
    function moveOfLane(uint256 lane) internal pure returns (uint256) {
        unchecked {
            if (lane < MIDDLES) return lane % 8 < 4 ? lane % 8 : (lane % 8) + 1;
            if (lane < BASIS || lane == STRIKE) return 4;
            return lane < STRIKE ? lane + 17 - BASIS : lane + 9 - TAILS;
        }
    }

    /// @notice Moves of the forward, Q64: nine of the core, eight tails, two of the basis.
    function shockOf(uint256 move) internal pure returns (uint256) {
        if (move < 9) {
            if (move == 0) return 15495265021916023357;
            if (move == 1) return 16233134784864405422;
            if (move == 2) return 16971004547812787486;
            if (move == 3) return 17708874310761169551;
            if (move == 4) return 18446744073709551616;
            if (move == 5) return 19184613836657933680;
            if (move == 6) return 19922483599606315745;
            if (move == 7) return 20660353362554697809;
            return 21398223125503079874;
        }
        return _farShockOf(move);
    }

    function _farShockOf(uint256 move) private pure returns (uint256) {
        if (move == 9) return 6271892985061247549;
        if (move == 10) return 12359318529385399582;
        if (move == 11) return 27670116110564327424;
        if (move == 12) return 36893488147419103232;
        if (move == 13) return 55340232221128654848;
        if (move == 14) return 73786976294838206464;
        if (move == 15) return 92233720368547758080;
        if (move == 16) return 110680464442257309696;
        if (move == 17) return 19276847557026481438;
        return 17616640590392621793;
    }

    /// @notice Their logarithms, Q64.
    function logOf(uint256 move) internal pure returns (int256) {
        if (move < 9) {
            if (move == 0) return -3216252311044116131;
            if (move == 1) return -2358109488322280637;
            if (move == 2) return -1538119200552807486;
            if (move == 3) return -753032885493520102;
            if (move == 4) return 0;
            if (move == 5) return 723494457926954012;
            if (move == 6) return 1419680629484392196;
            if (move == 7) return 2090545254068255550;
            return 2737865849835448909;
        }
        return _farLogOf(move);
    }

    function _farLogOf(uint256 move) private pure returns (int256) {
        if (move == 9) return -19900525727573257516;
        if (move == 10) return -7387507178279143566;
        if (move == 11) return 7479511080090283978;
        if (move == 12) return 12786308645202655659;
        if (move == 13) return 20265819725292939638;
        if (move == 14) return 25572617290405311319;
        if (move == 15) return 29688889273197213359;
        if (move == 16) return 33052128370495595298;
        if (move == 17) return 811968220205034196;
        return -849360749681073026;
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
