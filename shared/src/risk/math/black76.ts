import { ln, lnRatio, ONE_Q64, sqrt } from './fixed.js';
import { cdf, pdf } from './normal.js';

/** Twin of contracts/src/math/Black76.sol, bit for bit. */

/** Total volatilities above this price as this: the call is worth its forward there to the last bit. */
export const MAX_TOTAL_VOL = 64n << 64n;

/** A European option on a forward. Forward and strike share any unit below 2^128; the rest is Q64, sigma and time below 2^96. */
export interface OptionTerms {
  readonly forward: bigint;
  readonly strike: bigint;
  /** Volatility per √year. */
  readonly sigma: bigint;
  /** Years to expiry. */
  readonly time: bigint;
  /** Present value of 1 paid at expiry. */
  readonly discount: bigint;
  readonly isCall: boolean;
}

/** Sensitivities of an option; prices in the unit of the forward. */
export interface Greeks {
  /** Present value. */
  readonly price: bigint;
  /** ∂V/∂F, Q64, signed. */
  readonly delta: bigint;
  /** F·∂²V/∂F², Q64: the change of delta for a relative move of 1. */
  readonly gamma: bigint;
  /** ∂V/∂σ, per volatility of 1. */
  readonly vega: bigint;
  /** Change of value per year of time passing, forward and volatility unchanged. */
  readonly theta: bigint;
  /** ∂V/∂r at an unchanged forward, per rate of 1. */
  readonly rho: bigint;
}

/** σ√T in Q64, capped at 64. */
export function totalVolatility(sigma: bigint, time: bigint): bigint {
  const v = (sigma * sqrt(time)) >> 64n;
  return v < MAX_TOTAL_VOL ? v : MAX_TOTAL_VOL;
}

/**
 * Undiscounted call: F·N(d1) − K·N(d2) held within [max(F − K, 0), F]; error ≤ 2.4e-10·(F + K), below 1e-8·F up to K = 40·F.
 * @param totalVol σ√T, Q64; anything above 64 counts as 64
 */
export function undiscountedCall(forward: bigint, strike: bigint, totalVol: bigint): bigint {
  const intrinsic = forward > strike ? forward - strike : 0n;
  if (totalVol === 0n || forward === 0n || strike === 0n) return intrinsic;
  const v = totalVol < MAX_TOTAL_VOL ? totalVol : MAX_TOTAL_VOL;
  const d1 = (lnRatio(forward, strike) << 64n) / v + (v >> 1n);
  const value = (forward * cdf(d1) - strike * cdf(d1 - v)) >> 64n;
  return value < intrinsic ? intrinsic : value > forward ? forward : value;
}

/** Present value of a call or put; a put is its call − F + K, so parity is exact before discounting. Rounded down. */
export function price(terms: OptionTerms): bigint {
  const call = undiscountedCall(terms.forward, terms.strike, totalVolatility(terms.sigma, terms.time));
  return ((terms.isCall ? call : call + terms.strike - terms.forward) * terms.discount) >> 64n;
}

/**
 * Price and sensitivities. At expiry (or no volatility) delta is 0 or ±discount and gamma, vega and theta's diffusion part are 0.
 * Saturates like the price; never throws.
 */
export function greeks(terms: OptionTerms): Greeks {
  const { forward, strike, sigma, time, discount, isCall } = terms;
  const root = sqrt(time);
  const v = totalVolatility(sigma, time);
  const value = price(terms);
  const rate = time === 0n ? 0n : (-ln(discount) << 64n) / time;
  const rho = -((time * value) >> 64n);
  const carry = (rate * value) >> 64n;
  if (v === 0n || forward === 0n || strike === 0n) {
    const side = isCall ? (forward > strike ? discount : 0n) : forward < strike ? -discount : 0n;
    return { price: value, delta: side, gamma: 0n, vega: 0n, theta: carry, rho };
  }
  const d1 = (lnRatio(forward, strike) << 64n) / v + (v >> 1n);
  const n = cdf(d1) - (isCall ? 0n : ONE_Q64);
  const density = (pdf(d1) * discount) >> 64n;
  const spread = (forward * density) >> 64n;
  return {
    price: value,
    delta: (n * discount) >> 64n,
    gamma: (density << 64n) / v,
    vega: (spread * root) >> 64n,
    theta: carry - (root === 0n ? 0n : (spread * sigma) / (root << 1n)),
    rho,
  };
}

/**
 * One cell of a risk sheet: the undiscounted call over the unshocked forward, x·N(d1) − k·N(d2), never negative. All Q64.
 * @param moneyness ln(F/K)·inverseVol + v/2 of the unshocked forward
 * @param inverseVol 1/v
 * @param v shocked σ√T
 * @param lnShock ln x
 * @param shock x, the forward's move
 * @param k K/F
 */
export function cell(moneyness: bigint, inverseVol: bigint, v: bigint, lnShock: bigint, shock: bigint, k: bigint): bigint {
  const d1 = moneyness + ((lnShock * inverseVol) >> 64n);
  const value = (shock * cdf(d1) - k * cdf(d1 - v)) >> 64n;
  return value < 0n ? 0n : value;
}
