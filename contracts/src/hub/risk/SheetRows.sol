// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Black76} from "../../math/Black76.sol";
import {Fixed} from "../../math/Fixed.sol";

/// @title Rows of a risk sheet: each listed strike valued in every scenario
/// @notice A sheet is words: 16 of a map (16 bits per place of the listing: 0 where the place is absent, else 2^15 | expiry << 8 | row), one
/// with the number of expiries, a header per expiry, a stamp per expiry (hash of the feed words it was priced from), five per row.
/// @dev Header, low to high: forward uint96 (18 decimals) | gain uint64 (factor of a positive value, Q64) | first row uint8 | rows uint8 |
/// settled uint8 | basis uint64 (factor, 18 decimals).
/// Row: forty lanes of 32 bits, lane j in word j / 8 at bit 32 (j % 8): undiscounted call over forward in scenario j, rounded down, 2^-31
/// (2^-28 in the tails 27 ... 34); lanes 37 and 38 the forward at +-4.5%, lane 39 strike over forward, 2^-27, rounded down. Puts follow by
/// parity. Twin, bit for bit: shared/src/risk/fixed/sheet-rows.ts.
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
        bool settled;
    }

    uint256 internal constant MAP_WORDS = 16;
    uint256 internal constant ROW_WORDS = 5;
    uint256 internal constant LANES = 40;
    uint256 internal constant MARK = 13;
    uint256 internal constant TAILS = 27;
    uint256 internal constant SKEWS = 35;
    uint256 internal constant BASIS = 37;
    uint256 internal constant STRIKE = 39;

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

    /// @notice A strike 32 times its forward or more has no lane.
    error StrikeTooFar(uint256 strike, uint256 forward);
    error ForwardInvalid(uint256 forward, string expected);

    /// @param forward 18 decimals, 1 ... 2^96 - 1.
    /// @param time To expiry, Q64, below 2^72.
    /// @param settled The price is final: no scenario moves it.
    function termOf(uint256 forward, uint256 time, bool settled) internal pure returns (Term memory term) {
        require(forward != 0 && forward < 1 << 96, ForwardInvalid(forward, "1 ... 2^96 - 1"));
        term.forward = forward;
        term.settled = settled;
        term.time = settled ? 0 : time;
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
            uint256 basis = WAD / 2 + ((2 * WAD * term.time) >> 64);
            if (basis > WAD) basis = WAD;
            return
                term.forward |
                (gain << 96) |
                (first << 160) |
                (count << 168) |
                (uint256(term.settled ? 1 : 0) << 176) |
                (basis << 184);
        }
    }

    /// @notice Writes the five words of a strike at `out`.
    /// @param table Pointer from Normal.load.
    /// @param sigma Per sqrt year, Q64, below 2^72.
    function write(uint256 table, Term memory term, uint256 strike, uint256 sigma, uint256 out) internal pure {
        require(strike != 0 && strike >> 5 < term.forward, StrikeTooFar(strike, term.forward));
        unchecked {
            uint256 k = (strike << 64) / term.forward;
            // CAST: the forward is below 2^96, the strike below 2^101.
            int256 log = -Fixed.lnRatio(uint128(strike), uint128(term.forward));
            uint256 tilt = ((log < 0 ? uint256(-log) : uint256(log)) * term.cap) / term.reach;
            if (tilt > term.cap) tilt = term.cap;
            uint256 rising = log < 0 ? ONE + tilt : ONE - tilt;
            uint256 up = (sigma * term.up) >> 64;
            if (up < MIN_VOL_UP) up = MIN_VOL_UP;
            uint256[40] memory lanes;
            _state(lanes, table, term, log, k, sigma, 1);
            _state(lanes, table, term, log, k, up, 0);
            _state(lanes, table, term, log, k, (sigma * term.down) >> 64, 2);
            _state(lanes, table, term, log, k, (sigma * rising) >> 64, 3);
            _state(lanes, table, term, log, k, (sigma * (2 * ONE - rising)) >> 64, 4);
            lanes[STRIKE] = k >> 37;
            for (uint256 word = 0; word < ROW_WORDS; ++word) {
                uint256 packed;
                for (uint256 j = 0; j < 8; ++j) packed |= lanes[word * 8 + j] << (32 * j);
                assembly ("memory-safe") {
                    mstore(add(out, shl(5, word)), packed)
                }
            }
        }
    }

    /// @dev Lanes of one volatility: 0 up, 1 same, 2 down, 3 and 4 the tilts.
    function _state(
        uint256[40] memory lanes,
        uint256 table,
        Term memory term,
        int256 log,
        uint256 k,
        uint256 sigma,
        uint256 state
    ) private pure {
        unchecked {
            uint256 v = (sigma * term.root) >> 64;
            if (v < MIN_TOTAL_VOL) v = MIN_TOTAL_VOL;
            if (v > Black76.MAX_TOTAL_VOL) v = Black76.MAX_TOTAL_VOL;
            int256 inverse = int256((1 << 128) / v);
            int256 moneyness = ((log * inverse) >> 64) + int256(v >> 1);
            if (state > 2) {
                lanes[SKEWS + state - 3] = _lane(table, term, moneyness, inverse, v, k, 4);
                return;
            }
            for (uint256 i = 0; i < 9; ++i) lanes[i * 3 + state] = _lane(table, term, moneyness, inverse, v, k, i);
            if (state == 0)
                for (uint256 i = 9; i < 17; ++i) lanes[TAILS + i - 9] = _lane(table, term, moneyness, inverse, v, k, i);
            if (state == 1)
                for (uint256 i = 17; i < 19; ++i)
                    lanes[BASIS + i - 17] = _lane(table, term, moneyness, inverse, v, k, i);
        }
    }

    /// @dev Held at or above the put's parity bound in lane units, so that no put is worth less than nothing.
    function _lane(
        uint256 table,
        Term memory term,
        int256 moneyness,
        int256 inverse,
        uint256 v,
        uint256 k,
        uint256 move
    ) private pure returns (uint256 lane) {
        unchecked {
            (uint256 shock, int256 log) = term.settled ? (ONE, int256(0)) : moveOf(move);
            bool isTail = move > 8 && move < 17;
            uint256 cut = isTail ? 36 : 33;
            uint256 value = Black76.cell(table, moneyness, inverse, v, log, shock, k);
            if (value > shock) value = shock;
            lane = value >> cut;
            uint256 forward = shock >> cut;
            uint256 strike = (k >> 37) << (isTail ? 1 : 4);
            if (forward > strike && lane < forward - strike) lane = forward - strike;
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

    /// @notice Where the rows of a sheet of so many expiries begin, in words.
    function firstRow(uint256 expiries) internal pure returns (uint256) {
        return MAP_WORDS + 1 + 2 * expiries;
    }

    /// @notice The move a lane was valued at.
    function moveOfLane(uint256 lane) internal pure returns (uint256) {
        if (lane < TAILS) return lane / 3;
        if (lane < SKEWS) return lane - TAILS + 9;
        return lane < BASIS ? 4 : lane - BASIS + 17;
    }
}
