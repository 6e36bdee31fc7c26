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
  | { readonly code: 'OUTSIDE_BAND'; readonly lost: bigint; readonly allowed: bigint }
  | { readonly code: 'LEVY_PENDING'; readonly reserved: bigint; readonly equity: bigint; readonly initialMargin: bigint };

const RATE_ONE = 10n ** 9n;
/** A millionth of a cash unit: what divisions of margins and quotes may take beside. */
const ROUNDINGS = 10n ** 12n;
const severity = (grade: Grade): number => GRADES.indexOf(grade);
const AGED = severity('aged');

/**
 * Whether an exposed account may end the way value that leaves it leaves it: prices fresh and no older than `since`, equity at or above
 * initial margin, also without gains that are not realised.
 * @param reserved what levies may take of the account: equity covers it beside initial margin
 */
export function judgeLeaving(after: Health, since: bigint, reserved: bigint): ActionRefusal | null {
  const { equity, initialMargin, unrealisedGain, grade, oldest } = after;
  if (grade !== 'fresh') return { code: 'PRICES_NOT_FRESH', grade };
  if (equity < initialMargin) return { code: 'BELOW_INITIAL_MARGIN', equity, initialMargin };
  if (!isKept(after, reserved)) return { code: 'LEVY_PENDING', reserved, equity, initialMargin };
  if (oldest < since) return { code: 'PRICES_TOO_OLD', oldest, since };
  if (equity - unrealisedGain < initialMargin) return { code: 'GAIN_UNREALISED', equity, unrealisedGain, initialMargin };
  return null;
}

/** A trade as it is judged: `turnover` is Σ size · price, rounded down; `band` a share of it, 1e-9; `reserved` what levies may take of the account. */
export interface TradeToJudge {
  readonly after: Health;
  /** before the first trade of a reduction; null where a trade did not only reduce */
  readonly before: Health | null;
  readonly turnover: bigint;
  readonly band: bigint;
  readonly reserved: bigint;
}

/** Whether an exposed account may end a trade as it stands (INV-MARGIN-1). */
export function judgeTrade({ after, before, turnover, band, reserved }: TradeToJudge): ActionRefusal | null {
  const { equity, initialMargin, maintenanceMargin, grade } = after;
  const isInitial = grade === 'fresh' && equity >= initialMargin;
  if (isInitial && isKept(after, reserved)) return null;
  if (before === null) {
    if (isInitial) return { code: 'LEVY_PENDING', reserved, equity, initialMargin };
    return grade === 'fresh' ? { code: 'BELOW_INITIAL_MARGIN', equity, initialMargin } : { code: 'PRICES_NOT_FRESH', grade };
  }
  // What was valued at bad prices before says as little as what is valued at them now.
  const lost = before.equity - equity;
  const isUsable = Math.max(severity(before.grade), severity(grade)) <= AGED;
  const freed = before.maintenanceMargin - maintenanceMargin;
  if (isUsable && !isInitial && (-lost < initialMargin - before.initialMargin || lost > freed))
    return { code: 'HEALTH_FELL', before, after };
  const part = partOf(before.equity - reserved, freed, before.maintenanceMargin);
  const allowed = isUsable ? part : smaller(part, (turnover * band) / RATE_ONE);
  return lost <= allowed + ROUNDINGS ? null : { code: 'OUTSIDE_BAND', lost, allowed };
}

/** What a reduction may cost: the part of the account's own equity that its part of the maintenance margin has, as a bid takes it. */
const partOf = (own: bigint, freed: bigint, margin: bigint): bigint => (own <= 0n || freed <= 0n ? 0n : (own * freed) / margin);

const isKept = ({ equity, initialMargin }: Health, reserved: bigint): boolean => reserved === 0n || equity - reserved >= initialMargin;

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
