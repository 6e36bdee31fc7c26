import { lnRatio, ONE_Q64, sqrt } from './math/fixed.js';

/**
 * Twin of contracts/src/hub/risk/Smile.sol, bit for bit: the volatility smile of one expiry as three numbers.
 * vol(k) = vol·√((1 + ρφk + √((φk + ρ)² + 1 − ρ²)) / 2), k = ln(K/F): a slice of the surface SVI family (Gatheral and Jacquier,
 * "Arbitrage-free SVI volatility surfaces"), written in volatility, so that it does not depend on the time left.
 */
export interface SmileSlice {
  /** Volatility at the money forward per √year, 1e-8; 1 … 2^32 − 1. */
  readonly vol: bigint;
  /** Lean, 1e-9; −1 < ρ < 1. */
  readonly rho: bigint;
  /** Curvature, 1e-9; 0 … 2^48 − 1. */
  readonly phi: bigint;
}

export const SMILE_VOL_ONE = 10n ** 8n;
export const SMILE_RHO_ONE = 10n ** 9n;
export const SMILE_PHI_ONE = 10n ** 9n;
/** A year, seconds. */
export const YEAR_SECONDS = 365n * 86_400n;

const VOL_BITS = 32n;
const PHI_BITS = 48n;

/**
 * The 112 bits of a surface feed's value: vol uint32 | rho int32 | phi uint48, low to high.
 * @throws RangeError naming the field that does not fit
 */
export function packSlice({ vol, rho, phi }: SmileSlice): bigint {
  if (vol < 1n || vol >= 1n << VOL_BITS) throw new RangeError(`vol is ${vol}; expected 1 … 2^32 − 1 (1e-8 per √year)`);
  if (rho <= -SMILE_RHO_ONE || rho >= SMILE_RHO_ONE) throw new RangeError(`rho is ${rho}; expected it between −10^9 and 10^9 (1e-9)`);
  if (phi < 0n || phi >= 1n << PHI_BITS) throw new RangeError(`phi is ${phi}; expected 0 … 2^48 − 1 (1e-9)`);
  return vol | (BigInt.asUintN(32, rho) << 32n) | (phi << 64n);
}

/** Reads the low 112 bits of a surface feed's value. */
export const unpackSlice = (value: bigint): SmileSlice => ({
  vol: BigInt.asUintN(32, value),
  rho: BigInt.asIntN(32, value >> 32n),
  phi: BigInt.asUintN(48, value >> 64n),
});

/**
 * Volatility at log-moneyness k, rounded down.
 * @param k ln(K/F), Q64, |k| < 2^71
 * @returns per √year, Q64
 */
export function smileVolatility({ vol, rho, phi }: SmileSlice, k: bigint): bigint {
  const wing = (phi * k) / SMILE_PHI_ONE;
  const tilt = (rho << 64n) / SMILE_RHO_ONE;
  const root = (((wing + tilt) * (wing + tilt)) >> 64n) + ONE_Q64 - ((tilt * tilt) >> 64n);
  if (root < 0n) return 0n;
  const shape = ONE_Q64 + ((tilt * wing) >> 64n) + sqrt(root);
  if (shape <= 0n) return 0n;
  return (((vol << 64n) / SMILE_VOL_ONE) * sqrt(shape >> 1n)) >> 64n;
}

/** Volatility of a strike on a forward in the same unit, Q64. */
export const strikeVolatility = (slice: SmileSlice, strike: bigint, forward: bigint): bigint =>
  smileVolatility(slice, lnRatio(strike, forward));

/**
 * No butterfly arbitrage: θφ(1 + |ρ|) < 4 and θφ²(1 + |ρ|) ≤ 4 with θ = vol²·T, which is sufficient. It keeps holding as T falls.
 * @param time to expiry, seconds
 */
export function isButterflyFree({ vol, rho, phi }: SmileSlice, time: bigint): boolean {
  const leaning = vol * vol * time * (SMILE_RHO_ONE + (rho < 0n ? -rho : rho));
  const limit = 4n * SMILE_VOL_ONE * SMILE_VOL_ONE * YEAR_SECONDS * SMILE_RHO_ONE * SMILE_PHI_ONE;
  return leaning * phi < limit && leaning * phi * phi <= limit * SMILE_PHI_ONE;
}

/**
 * No calendar arbitrage between two expiries: total variance does not fall with time at any strike. Sufficient: θ and both wing slopes
 * θφ(1 ± ρ) do not fall, and φ does not rise.
 * @param nearTime to the nearer expiry, seconds
 * @param farTime to the farther one, at least nearTime
 */
export function isCalendarFree(near: SmileSlice, nearTime: bigint, far: SmileSlice, farTime: bigint): boolean {
  const theta = near.vol * near.vol * nearTime;
  const farTheta = far.vol * far.vol * farTime;
  return (
    farTheta >= theta &&
    far.phi <= near.phi &&
    farTheta * far.phi * (SMILE_RHO_ONE + far.rho) >= theta * near.phi * (SMILE_RHO_ONE + near.rho) &&
    farTheta * far.phi * (SMILE_RHO_ONE - far.rho) >= theta * near.phi * (SMILE_RHO_ONE - near.rho)
  );
}
