/**
 * Black-76 in doubles, for figures that are reported and never decide: error of the distribution function ≤ 1e-14, so prices agree with the
 * exact engine to the latter's own 2.4e-10 of forward plus strike.
 */

/** Complementary error function; absolute error ≤ 1e-15, relative error ≤ 1e-13 up to x = 26. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) {
    // erf by its series of positive terms: no cancellation.
    let term = x;
    let sum = x;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  // The continued fraction x + (1/2)/(x + 1/(x + (3/2)/(x + …))), from inside out; 120 levels are enough from x = 2.
  let fraction = x;
  for (let n = 120; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}

/** Distribution function of the standard normal. */
export const normalCdf = (d: number): number => erfc(-d / Math.SQRT2) / 2;

/** An option in doubles; `discount` is the present value of 1 at expiry, `years` its time. */
export interface FloatTerms {
  readonly forward: number;
  readonly strike: number;
  readonly sigma: number;
  readonly years: number;
  readonly discount: number;
  readonly isCall: boolean;
}

/** Present value of an option; the discounted intrinsic value when nothing can move. */
export function floatPrice({ forward, strike, sigma, years, discount, isCall }: FloatTerms): number {
  const v = sigma * Math.sqrt(years);
  const side = isCall ? 1 : -1;
  if (!(v > 0) || !(forward > 0)) return discount * Math.max(0, side * (forward - strike));
  const d1 = Math.log(forward / strike) / v + v / 2;
  return discount * side * (forward * normalCdf(side * d1) - strike * normalCdf(side * (d1 - v)));
}

/** Sensitivities as the exact engine defines them: gamma per relative move of 1, vega per volatility of 1, theta per year, rho per 1. */
export function floatGreeks(terms: FloatTerms): { delta: number; gamma: number; vega: number; theta: number; rho: number } {
  const { forward, strike, sigma, years, discount, isCall } = terms;
  const value = floatPrice(terms);
  const v = sigma * Math.sqrt(years);
  const carry = years > 0 ? (-Math.log(discount) / years) * value : 0;
  const rho = -years * value;
  if (!(v > 0) || !(forward > 0)) {
    const delta = isCall ? (forward > strike ? discount : 0) : forward < strike ? -discount : 0;
    return { delta, gamma: 0, vega: 0, theta: carry, rho };
  }
  const d1 = Math.log(forward / strike) / v + v / 2;
  const density = (discount * Math.exp((-d1 * d1) / 2)) / Math.sqrt(2 * Math.PI);
  return {
    delta: discount * (isCall ? normalCdf(d1) : -normalCdf(-d1)),
    gamma: density / v,
    vega: forward * density * Math.sqrt(years),
    theta: carry - (forward * density * sigma) / (2 * Math.sqrt(years)),
    rho,
  };
}
