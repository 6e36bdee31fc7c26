import { abs, floorDiv, max, min, WAD } from '../decimal.js';
import {
  BASIS_LANES,
  isTail,
  laneForward,
  LANES,
  MARK_LANE,
  sheetHeader,
  sheetLanes,
  STRIKE_LANE,
  strikeOf,
  type SheetExpiry,
} from './sheet-rows.js';

/** Twin of contracts/src/hub/risk/OptionLanes.sol, bit for bit: options of one underlying, summed by lane. */

/** An option position, in lots of 0.001. Sigma per √year, Q64. */
export interface FixedOption {
  readonly strike: bigint;
  readonly sigma: bigint;
  readonly isPut: boolean;
  readonly lots: bigint;
}
export interface FixedExpiry extends SheetExpiry {
  readonly options: readonly FixedOption[];
}

/** What an underlying's options come to; `lanes`, `mark` and `basis` in 1/UNIT wads times 2^−scale, tails in eighths. */
export interface LaneSums {
  readonly lanes: readonly bigint[];
  readonly scale: bigint;
  readonly mark: bigint;
  readonly basis: bigint;
  readonly naked: bigint;
  readonly net: bigint;
}

/** 1 / UNIT: 0.001 of a lot's step 2^−31. */
export const UNIT = 1000n << 31n;
const LANE_BITS = 59n;
const FORWARD_BITS = 57n;
const SPOT_BITS = 50n;

/** A strike's options: calls and puts net, the puts, and the strike's row. */
interface Row {
  readonly size: bigint;
  readonly put: bigint;
  readonly lanes: readonly bigint[];
}
interface Held {
  readonly expiry: FixedExpiry;
  readonly rows: readonly Row[];
}

const total = (values: readonly bigint[]): bigint => values.reduce((sum, value) => sum + value, 0n);
const excess = (value: bigint, most: bigint): bigint => {
  let bits = 0n;
  for (let left = value >> most; left !== 0n; left >>= 1n) bits++;
  return bits;
};
const isShort = (lots: bigint): bigint => max(0n, -lots);
const coded = ({ lanes }: Row): { strike: bigint; step: bigint } => strikeOf(lanes[STRIKE_LANE] ?? 0n);

function heldOf(expiry: FixedExpiry): Held {
  const strikes = [...new Map(expiry.options.map(({ strike, sigma }) => [strike, sigma]))];
  const rows = strikes.flatMap(([strike, sigma]) => {
    const own = expiry.options.filter((option) => option.strike === strike);
    const size = total(own.map(({ lots }) => lots));
    const put = total(own.map(({ isPut, lots }) => (isPut ? lots : 0n)));
    return size === 0n && put === 0n ? [] : [{ size, put, lanes: sheetLanes(expiry, strike, sigma) }];
  });
  return { expiry, rows };
}

/** Most that a lane of the expiry may come to. */
const magnitudeOf = ({ rows }: Held): bigint =>
  total(
    rows.map((row) => {
      const { strike, step } = coded(row);
      return abs(row.put) * ((1n << 32n) + ((strike + step) << 4n)) + (abs(row.size) << 32n);
    }),
  );

/** Sizes in 2^coarse lots, each side rounded down. */
function coarser(row: Row, coarse: bigint): Row {
  if (coarse === 0n) return row;
  const put = row.put >> coarse;
  return { ...row, put, size: ((row.size - row.put) >> coarse) + put };
}

function valueOf({ expiry, rows }: Held, shift: bigint): Pick<LaneSums, 'lanes' | 'mark' | 'basis'> {
  const header = sheetHeader(expiry);
  const whole = header.forward >> shift;
  const gain = (whole * header.gain) >> 64n;
  // A forward of less than eight units, whose gain comes to none, counts for nothing.
  const forward = gain === 0n ? 0n : whole;
  const put = total(rows.map((row) => row.put));
  const strikes = total(rows.map((row) => row.put * (coded(row).strike + (row.put < 0n ? coded(row).step : 0n))));
  const naked = total(rows.map(({ size }) => isShort(size)));
  const sums = Array.from({ length: LANES }, (_, lane) =>
    lane === STRIKE_LANE
      ? 0n
      : total(rows.map(({ size, lanes }) => size * (lanes[lane] ?? 0n))) +
        (strikes << (isTail(lane) ? 1n : 4n)) -
        naked -
        put * laneForward(lane, header.averaged),
  );
  const lanes = sums.map((value) => value * (value > 0n ? gain : forward));
  const mark = (sums[MARK_LANE] ?? 0n) * forward;
  const least = min(lanes[BASIS_LANES] ?? 0n, lanes[BASIS_LANES + 1] ?? 0n) - mark;
  return { lanes, mark, basis: least < 0n ? floorDiv(least * header.basis, WAD) : 0n };
}

/** Sums of an underlying's options. @param spot wad; only sets how forwards are cut */
export function laneSums(expiries: readonly FixedExpiry[], spot: bigint): LaneSums {
  const held = expiries.map(heldOf).filter(({ rows }) => rows.length !== 0);
  const coarse = excess(held.map(magnitudeOf).reduce(max, 0n), LANE_BITS);
  const forwards = held.map(({ expiry }) => sheetHeader(expiry).forward);
  const shift = max(excess(spot, SPOT_BITS), excess(forwards.reduce(max, 0n), FORWARD_BITS));
  const values = held.map(({ expiry, rows }) => valueOf({ expiry, rows: rows.map((row) => coarser(row, coarse)) }, shift));
  return {
    lanes: Array.from({ length: LANES }, (_, lane) => total(values.map(({ lanes }) => lanes[lane] ?? 0n))),
    scale: shift + coarse,
    mark: total(values.map(({ mark }) => mark)),
    basis: total(values.map(({ basis }) => basis)),
    naked: total(held.flatMap(({ rows }) => rows.map(({ size }) => isShort(size)))),
    net: total(held.map(({ rows }) => abs(total(rows.map(({ size }) => size))))),
  };
}
