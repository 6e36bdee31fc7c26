import { exp } from './fixed.js';
import { NORMAL_TABLE } from './normal-table.js';

/** Twin of contracts/src/math/Normal.sol, bit for bit. */

/** The table spans −6.5 … 6.5 in segments of 1/32; outside the distribution function is 0 or 1 (it is off by ≤ 4.1e-11 there). */
const HALF_WIDTH = 13n << 63n;
const WIDTH = 13n << 64n;
const LANE_Q64 = (1n << 64n) - 1n;
const INVERSE_SQRT_2PI_Q64 = 0x662114cf50d94234n;

const SEGMENTS = NORMAL_TABLE.map((word) => ({
  word,
  c3: BigInt.asIntN(64, word),
  c2c3: BigInt.asIntN(128, word),
  c1: word & (LANE_Q64 << 128n),
}));

/**
 * Distribution function of the standard normal; absolute error ≤ 2.4e-10, exactly 0 below −6.5 and 1 from 6.5 up, continuous and
 * non-decreasing up to 3·2^−64.
 * @param d Q64
 * @returns Q64, 0 … 2^64
 */
export function cdf(d: bigint): bigint {
  const x = d + HALF_WIDTH;
  if (x < 0n) return 0n;
  if (x >= WIDTH) return 1n << 64n;
  const segment = SEGMENTS[Number(x >> 59n)];
  if (segment === undefined) throw new Error(`no table segment for ${d}; the normal table is incomplete`);
  const u = (x << 5n) & LANE_Q64;
  return (((segment.c2c3 + segment.c3 * u) * u + segment.c1) * u + segment.word) >> 192n;
}

/**
 * Density of the standard normal; absolute error ≤ 2·2^−64.
 * @param d Q64
 * @returns Q64; 0 from |d| = 10 up
 */
export function pdf(d: bigint): bigint {
  const size = d < 0n ? -d : d;
  if (size >= 10n << 64n) return 0n;
  return (exp(-((size * size) >> 65n)) * INVERSE_SQRT_2PI_Q64) >> 64n;
}
