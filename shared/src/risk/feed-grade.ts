import type { FeedValue } from './feed-word.js';

/** Twin of contracts/src/hub/risk/FeedGrade.sol; both are tested against the table vectors/risk/feed-grades.json. */

/** How far a value may be relied on, by severity: an account's grade is the greatest of those it uses. */
export const GRADES = ['fresh', 'aged', 'stale', 'uncertain', 'disagreeing', 'future', 'zero', 'halted'] as const;
export type Grade = (typeof GRADES)[number];

/** What somebody wants to do with an account. `bid`: take a slice of a running auction. */
export const ACTIONS = ['open', 'reduce', 'topUp', 'withdraw', 'startLiquidation', 'bid'] as const;
export type Action = (typeof ACTIONS)[number];

/** `atBand`: at a price within the band of the last mark. `smallerSteps`: as usual, but less of the account at once. */
export const PERMISSIONS = ['refused', 'atBand', 'smallerSteps', 'allowed'] as const;
export type Permission = (typeof PERMISSIONS)[number];

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

/** What a grade lets an account do: topping up never waits for a price, reducing never for a fresh one. */
export function permissionOf(grade: Grade, action: Action): Permission {
  if (grade === 'fresh' || action === 'topUp') return 'allowed';
  switch (action) {
    case 'reduce':
      return 'atBand';
    case 'startLiquidation':
    case 'bid':
      return grade === 'aged' ? 'smallerSteps' : 'refused';
    case 'open':
    case 'withdraw':
      return 'refused';
  }
}
