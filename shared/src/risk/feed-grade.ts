import type { FeedValue } from './feed-word.js';

/**
 * Twin of contracts/src/hub/risk/FeedGrade.sol; both are tested against the table vectors/risk/feed-grades.json, which says too what each grade
 * permits (markets/action.ts).
 */

/** How far a value may be relied on, by severity: an account's grade is the greatest of those it uses. */
export const GRADES = ['fresh', 'aged', 'stale', 'uncertain', 'disagreeing', 'future', 'zero', 'halted'] as const;
export type Grade = (typeof GRADES)[number];

/** How far a clock of a signer or of another chain may run ahead, seconds: up to there a value counts as just signed. */
export const FUTURE_TOLERANCE = 5n;

/** Ages in seconds, freshFor ≤ staleAfter; maxSpread in 1e-9 of the value. */
export interface GradeLimits {
  readonly freshFor: bigint;
  readonly staleAfter: bigint;
  readonly maxSpread: bigint;
}

/**
 * Grade of a feed's value; the severest reason counts.
 * @param nowSeconds time of the block
 * @param disagrees whether another source contradicts it
 */
export function gradeOf(feed: FeedValue, limits: GradeLimits, nowSeconds: bigint, disagrees: boolean): Grade {
  if (feed.halted) return 'halted';
  if (feed.value === 0n) return 'zero';
  if (feed.time > nowSeconds + FUTURE_TOLERANCE) return 'future';
  if (disagrees) return 'disagreeing';
  if (feed.spread > limits.maxSpread) return 'uncertain';
  const age = feed.time < nowSeconds && !feed.final ? nowSeconds - feed.time : 0n;
  if (age > limits.staleAfter) return 'stale';
  return age > limits.freshFor ? 'aged' : 'fresh';
}

/** The worst of several; fresh for none. */
export const worstGrade = (grades: readonly Grade[]): Grade =>
  grades.reduce((worst, grade) => (GRADES.indexOf(grade) > GRADES.indexOf(worst) ? grade : worst), 'fresh');
