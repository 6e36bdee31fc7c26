import { GRADES, type Grade } from '../risk/feed-grade.js';

/** What an account is worth and asks for, as far as an action is judged by it. Cash, 18 decimals. */
export interface Health {
  readonly equity: bigint;
  readonly initialMargin: bigint;
  readonly maintenanceMargin: bigint;
  readonly unrealisedGain: bigint;
  /** worst of the values used */
  readonly grade: Grade;
  /** time of the oldest value used, seconds */
  readonly oldest: bigint;
}

/** Why an account may not end the way an action leaves it; the errors of contracts/src/hub/markets/IMargin.sol. */
export type ActionRefusal =
  | { readonly code: 'PRICES_NOT_FRESH'; readonly grade: Grade }
  | { readonly code: 'PRICES_TOO_OLD'; readonly oldest: bigint; readonly since: bigint }
  | { readonly code: 'BELOW_INITIAL_MARGIN'; readonly equity: bigint; readonly initialMargin: bigint }
  | { readonly code: 'GAIN_UNREALISED'; readonly equity: bigint; readonly unrealisedGain: bigint; readonly initialMargin: bigint }
  | { readonly code: 'HEALTH_FELL'; readonly before: Health; readonly after: Health }
  | { readonly code: 'OUTSIDE_BAND'; readonly lost: bigint; readonly allowed: bigint };

const RATE_ONE = 10n ** 9n;
/** A tenth of the maintenance margin that a reduction frees may be its cost, at usable prices. */
const SPREAD_DIVISOR = 10n;
const severity = (grade: Grade): number => GRADES.indexOf(grade);
const AGED = severity('aged');

/**
 * Whether an exposed account may end the way value that leaves it leaves it: prices fresh and no older than `since`, equity at or above
 * initial margin, also without gains that are not realised.
 */
export function judgeLeaving(after: Health, since: bigint): ActionRefusal | null {
  const { equity, initialMargin, unrealisedGain, grade, oldest } = after;
  if (grade !== 'fresh') return { code: 'PRICES_NOT_FRESH', grade };
  if (equity < initialMargin) return { code: 'BELOW_INITIAL_MARGIN', equity, initialMargin };
  if (oldest < since) return { code: 'PRICES_TOO_OLD', oldest, since };
  if (equity - unrealisedGain < initialMargin) return { code: 'GAIN_UNREALISED', equity, unrealisedGain, initialMargin };
  return null;
}

/** A trade as it is judged: `turnover` is Σ size · price, rounded down; `band` a share of it, 1e-9. */
export interface TradeToJudge {
  readonly after: Health;
  /** before the first trade of a reduction; null where a trade did not only reduce */
  readonly before: Health | null;
  readonly turnover: bigint;
  readonly band: bigint;
}

/** Whether an exposed account may end a trade as it stands (INV-MARGIN-1). */
export function judgeTrade({ after, before, turnover, band }: TradeToJudge): ActionRefusal | null {
  const { equity, initialMargin, maintenanceMargin, grade } = after;
  if (grade === 'fresh' && equity >= initialMargin) return null;
  if (before === null)
    return grade === 'fresh' ? { code: 'BELOW_INITIAL_MARGIN', equity, initialMargin } : { code: 'PRICES_NOT_FRESH', grade };
  // What was valued at bad prices before says as little as what is valued at them now.
  const lost = before.equity - equity;
  let allowed = (turnover * band) / RATE_ONE;
  if (Math.max(severity(before.grade), severity(grade)) <= AGED) {
    const freed = before.maintenanceMargin - maintenanceMargin;
    if (-lost < initialMargin - before.initialMargin || lost > freed) return { code: 'HEALTH_FELL', before, after };
    const spread = smaller(freed / SPREAD_DIVISOR, before.equity);
    if (spread > allowed) allowed = spread;
  }
  return lost <= allowed ? null : { code: 'OUTSIDE_BAND', lost, allowed };
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
