import { cell, MAX_TOTAL_VOL } from '../math/black76.js';
import { exp, ln, lnRatio, ONE_Q64, sqrt } from '../math/fixed.js';
import { abs, max, min, WAD } from '../decimal.js';

/** Twin of contracts/src/hub/risk/SheetRows.sol, bit for bit: a strike's call in each scenario, as lanes of a risk sheet. */

export const LANES = 40;
/** The mark; the first lane of the tilts, of the basis; the strike; the first of the tails. */
export const MARK_LANE = 13;
export const SKEW_LANES = 27;
export const BASIS_LANES = 29;
export const STRIKE_LANE = 31;
export const TAIL_LANES = 32;

const MONTH = 30n;
const SHORT_POWER = 5534023222112865484n;
const LONG_POWER = 2398076729582241710n;
const MIN_VOL_UP = 7378697629483820646n;
const CAP_BASE = 4611686018427387904n;
const CAP_SLOPE = 1844674407370955161n;
const MIN_REACH = 184467440737095516n;
const WIDTH = 44272185776902923878n;
const LONG = 17524406870024074035n;
const LONG_RATE = 2951479051793528258n;
const MIN_TOTAL_VOL = 1n << 32n;
const MAX_MONEYNESS = (1n << 77n) - 1n;
const MAX_FORWARD = (1n << 96n) - 1n;
const MIN_GAIN = 1n << 61n;

/** Moves of the forward and their logarithms, Q64: nine of the core, eight tails, two of the basis. */
const MOVES: readonly (readonly [shock: bigint, log: bigint])[] = [
  [15495265021916023357n, -3216252311044116131n],
  [16233134784864405422n, -2358109488322280637n],
  [16971004547812787486n, -1538119200552807486n],
  [17708874310761169551n, -753032885493520102n],
  [18446744073709551616n, 0n],
  [19184613836657933680n, 723494457926954012n],
  [19922483599606315745n, 1419680629484392196n],
  [20660353362554697809n, 2090545254068255550n],
  [21398223125503079874n, 2737865849835448909n],
  [6271892985061247549n, -19900525727573257516n],
  [12359318529385399582n, -7387507178279143566n],
  [27670116110564327424n, 7479511080090283978n],
  [36893488147419103232n, 12786308645202655659n],
  [55340232221128654848n, 20265819725292939638n],
  [73786976294838206464n, 25572617290405311319n],
  [92233720368547758080n, 29688889273197213359n],
  [110680464442257309696n, 33052128370495595298n],
  [19276847557026481438n, 811968220205034196n],
  [17616640590392621793n, -849360749681073026n],
];
const UNMOVED = 4;
/** All of a forward, as shares of it are counted. */
export const ALL_AVERAGED = 1n << 15n;

/** An expiry as a sheet prices it. Forward in wads, 1 … 2^96 − 1; time in years, Q64. */
export interface SheetExpiry {
  readonly forward: bigint;
  readonly time: bigint;
  /** Share of the forward that no scenario moves, in ALL_AVERAGED: what is averaged already. All of it: the price is known. */
  readonly averaged: bigint;
}

/** What a header holds. */
export interface SheetHeader {
  readonly forward: bigint;
  /** Factor of a positive value, Q64. */
  readonly gain: bigint;
  /** Factor of the basis charge, wad. */
  readonly basis: bigint;
  readonly averaged: bigint;
}

/** Whether a lane is a tail, stored in steps of 2^−28 and not 2^−31. */
export const isTail = (lane: number): boolean => lane >= TAIL_LANES;

const moveOfLane = (lane: number): number => {
  if (lane < SKEW_LANES) return Math.floor(lane / 3);
  if (lane < BASIS_LANES) return UNMOVED;
  return lane < STRIKE_LANE ? lane - BASIS_LANES + 17 : lane - TAIL_LANES + 9;
};
const moveOf = (lane: number, averaged: bigint): readonly [shock: bigint, log: bigint] => {
  const move = MOVES[moveOfLane(lane)];
  if (move === undefined) throw new RangeError(`lane ${lane} is none of 0 … 38`);
  if (averaged === 0n) return move;
  const shock = ONE_Q64 + (((move[0] - ONE_Q64) * (ALL_AVERAGED - averaged)) >> 15n);
  return [shock, ln(shock)];
};

/** The forward after a lane's move over the forward before it, in steps of the lane. */
export const laneForward = (lane: number, averaged: bigint): bigint => moveOf(lane, averaged)[0] >> (isTail(lane) ? 36n : 33n);

/** A forward as a sheet takes it: 0 counts as 1, 2^96 and more as 2^96 − 1. */
const held = (forward: bigint): bigint => min(MAX_FORWARD, max(1n, forward));

export function sheetHeader({ forward, time, averaged }: SheetExpiry): SheetHeader {
  const years = averaged === ALL_AVERAGED ? 0n : time;
  return {
    forward: held(forward),
    averaged,
    gain: max(MIN_GAIN, (LONG * exp(-((LONG_RATE * years) >> 64n))) >> 64n),
    basis: min(WAD, WAD / 2n + ((2n * WAD * years) >> 64n)),
  };
}

/** A strike over its forward as a lane: steps of 2^−27 below 16, else 2^31 and steps of 2^−18; rounded down. */
const codeOf = (k: bigint): bigint => (k < 1n << 68n ? k >> 37n : (1n << 31n) | (k >> 46n));

/** What such a lane stands for, and what it may lack, in steps of 2^−27. */
export const strikeOf = (code: bigint): { readonly strike: bigint; readonly step: bigint } =>
  code < 1n << 31n ? { strike: code, step: 1n } : { strike: (code - (1n << 31n)) << 9n, step: 512n };

/**
 * The forty lanes of a strike, lowest first.
 * @param sigma per √year, Q64
 */
export function sheetLanes(expiry: SheetExpiry, strike: bigint, sigma: bigint): bigint[] {
  const { averaged } = expiry;
  const forward = held(expiry.forward);
  const time = averaged === ALL_AVERAGED ? 0n : expiry.time;
  const days = time * 365n;
  const power = days <= MONTH << 64n ? SHORT_POWER : LONG_POWER;
  const multiple = exp((ln((MONTH << 128n) / max(days, ONE_Q64)) * power) >> 64n);
  const root = sqrt(time);
  const cap = max(0n, CAP_BASE - ((CAP_SLOPE * root) >> 64n));
  const reach = max(MIN_REACH, (WIDTH * root) >> 64n);
  const k = min(MAX_MONEYNESS, (strike << 64n) / forward);
  const code = codeOf(k);
  const log = -lnRatio(strike, forward);
  const tilt = min(cap, (abs(log) * cap) / reach);
  const rising = log < 0n ? ONE_Q64 + tilt : ONE_Q64 - tilt;
  const scaled = (factor: bigint): bigint => (sigma * factor) >> 64n;
  const up = max(MIN_VOL_UP, scaled(ONE_Q64 + (multiple >> 1n)));
  const down = scaled(max(0n, ONE_Q64 - ((multiple * SHORT_POWER) >> 64n)));
  const volOf = (lane: number): bigint => {
    if (lane < SKEW_LANES) return [up, sigma, down][lane % 3] ?? sigma;
    if (lane < BASIS_LANES) return scaled(lane === SKEW_LANES ? rising : 2n * ONE_Q64 - rising);
    return lane < STRIKE_LANE ? sigma : up;
  };
  return Array.from({ length: LANES }, (_, lane) => {
    if (lane === STRIKE_LANE) return code;
    const v = min(MAX_TOTAL_VOL, max(MIN_TOTAL_VOL, (volOf(lane) * root) >> 64n));
    const inverse = (1n << 128n) / v;
    const [shock, logShock] = moveOf(lane, averaged);
    const value = min(shock, cell(((log * inverse) >> 64n) + (v >> 1n), inverse, v, logShock, shock, k));
    const tail = isTail(lane);
    return max(value >> (tail ? 36n : 33n), laneForward(lane, averaged) - (strikeOf(code).strike << (tail ? 1n : 4n)));
  });
}
