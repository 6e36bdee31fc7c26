import { erfc } from '../math/float.js';

/** Tests of a Value at Risk model by its exceptions: as many as promised (Kupiec), and not in clusters (Christoffersen). */

export interface TestResult {
  /** Likelihood ratio, chi-square under the hypothesis. */
  readonly statistic: number;
  /** Chance of a statistic this large if the model is right. */
  readonly pValue: number;
}

/** Chance that a chi-square variable is above x; exact forms, error that of erfc (≤ 1e-15) and exp. */
export function chiSquareTail(x: number, degrees: 1 | 2): number {
  if (x <= 0) return 1;
  switch (degrees) {
    case 1:
      return erfc(Math.sqrt(x / 2));
    case 2:
      return Math.exp(-x / 2);
  }
}

/** n·ln p, where no observations need no probability. */
const logLikelihood = (n: number, p: number): number => (n === 0 ? 0 : n * Math.log(p));
const ratio = (hypothesis: number, best: number, degrees: 1 | 2): TestResult => {
  // The best likelihood is never below the hypothesis'; rounding may say otherwise.
  const statistic = Math.max(0, 2 * (best - hypothesis));
  return { statistic, pValue: chiSquareTail(statistic, degrees) };
};

/**
 * Kupiec's test of unconditional coverage: −2·ln[(1−p)^(T−x)·p^x / ((1−x/T)^(T−x)·(x/T)^x)] against one degree of freedom.
 * @throws RangeError unless 0 ≤ exceptions ≤ days, days ≥ 1, 0 < share < 1
 */
export function kupiec(days: number, exceptions: number, share: number): TestResult {
  if (!(days >= 1 && exceptions >= 0 && exceptions <= days))
    throw new RangeError(`${exceptions} exceptions of ${days} days; expected 0 … days`);
  if (!(share > 0 && share < 1)) throw new RangeError(`share is ${share}; expected above 0 and below 1`);
  const rate = exceptions / days;
  return ratio(
    logLikelihood(days - exceptions, 1 - share) + logLikelihood(exceptions, share),
    logLikelihood(days - exceptions, 1 - rate) + logLikelihood(exceptions, rate),
    1,
  );
}

/** Christoffersen's tests: an exception today says nothing about tomorrow (one degree), and that together with coverage (two). */
export function christoffersen(exceptions: readonly boolean[], share: number): { independence: TestResult; conditional: TestResult } {
  const counts = { n00: 0, n01: 0, n10: 0, n11: 0 };
  for (let day = 1; day < exceptions.length; day++) {
    if (exceptions[day - 1] === true) counts[exceptions[day] === true ? 'n11' : 'n10'] += 1;
    else counts[exceptions[day] === true ? 'n01' : 'n00'] += 1;
  }
  const { n00, n01, n10, n11 } = counts;
  const share1 = (hits: number, misses: number): number => (hits + misses === 0 ? 0 : hits / (hits + misses));
  const [after0, after1, overall] = [share1(n01, n00), share1(n11, n10), share1(n01 + n11, n00 + n10)];
  const best = logLikelihood(n00, 1 - after0) + logLikelihood(n01, after0) + logLikelihood(n10, 1 - after1) + logLikelihood(n11, after1);
  const independence = ratio(logLikelihood(n00 + n10, 1 - overall) + logLikelihood(n01 + n11, overall), best, 1);
  const coverage = kupiec(exceptions.length, exceptions.filter(Boolean).length, share);
  const statistic = coverage.statistic + independence.statistic;
  return { independence, conditional: { statistic, pValue: chiSquareTail(statistic, 2) } };
}
