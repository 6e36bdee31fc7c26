/**
 * Which options a market keeps listed: around the forward of each expiry a row of round strikes, filled up when the forward leaves it.
 * Prices are settlement cash per unit, 18 decimals; times are seconds. What is listed stays until its expiry is over.
 */

/** A strike as the listing has it: `IListing.strikesAt`. */
export interface ListedStrike {
  readonly place: number;
  readonly expiry: bigint;
  readonly strike: bigint;
}

/** Strikes of one expiry. */
export interface StrikeRule {
  /** listed on each side of the forward, 1 or more */
  readonly perSide: number;
  /** step between two as a share of the forward, 1e-9, above 0 */
  readonly stepShare: bigint;
  /** a side with fewer left is filled up; at most `perSide` */
  readonly keep: number;
}

/** What is to be listed of one expiry, strikes ascending. */
export interface StrikesToList {
  readonly expiry: bigint;
  readonly strikes: readonly bigint[];
}

/** Places of an underlying's listing. */
const PLACES = 256;
/** Expiries to come that an underlying may have. */
const LIVE_EXPIRIES = 11;
/** Expiries to come, and over but not retired. */
const EXPIRIES = 16;
/** What is left of an expiry for which strikes are still added: its last half hour is averaged, and nobody would trade them much. */
const LEAST_LIFE = 3_600n;
const SHARE_ONE = 10n ** 9n;

/** The number 1, 2 or 5 times a power of ten that is nearest to a value by ratio; 1 at least. */
export function roundStep(value: bigint): bigint {
  if (value <= 1n) return 1n;
  const one = 10n ** BigInt(value.toString().length - 1);
  // Between neighbours a and b the border is √(a·b), squared here.
  const square = value * value;
  if (square < 2n * one * one) return one;
  if (square < 10n * one * one) return 2n * one;
  if (square < 50n * one * one) return 5n * one;
  return 10n * one;
}

/** Strikes around a forward, ascending: multiples of the round step, `perSide` at or below it and as many above; none at or below 0. */
export function strikesAround(forward: bigint, { perSide, stepShare }: Pick<StrikeRule, 'perSide' | 'stepShare'>): bigint[] {
  const step = roundStep((forward * stepShare) / SHARE_ONE);
  const first = forward / step - BigInt(perSide) + 1n;
  return Array.from({ length: 2 * perSide }, (_, index) => (first + BigInt(index)) * step).filter((strike) => strike > 0n);
}

/** Wanted strikes that are missing on sides of which too little is left. */
function missing(forward: bigint, rule: StrikeRule, listed: readonly bigint[]): bigint[] {
  const wanted = strikesAround(forward, rule);
  const has = new Set(listed);
  const [lowest = 0n, highest = 0n] = [wanted[0], wanted.at(-1)];
  return [(strike: bigint) => strike >= lowest && strike <= forward, (strike: bigint) => strike > forward && strike <= highest]
    .filter((isOnSide) => listed.filter(isOnSide).length < rule.keep)
    .flatMap((isOnSide) => wanted.filter((strike) => isOnSide(strike) && !has.has(strike)));
}

/**
 * What to list now, the nearest expiry first, within what a listing has room for; where strikes have to be left out, those farthest from the
 * forward. Listing it and asking again at the same forwards gives nothing.
 * @param forwards of the expiries that should be live; one without a forward is left out
 * @param listed   all places in use, over or not
 */
export function strikesToList(
  now: bigint,
  forwards: ReadonlyMap<bigint, bigint>,
  listed: readonly ListedStrike[],
  rule: StrikeRule,
): StrikesToList[] {
  const expiries = new Set(listed.map(({ expiry }) => expiry));
  let live = [...expiries].filter((expiry) => expiry > now).length;
  let rows = expiries.size;
  let places = PLACES - listed.length;
  const wanted: StrikesToList[] = [];
  for (const [expiry, forward] of [...forwards].sort(([a], [b]) => Number(a - b))) {
    if (expiry < now + LEAST_LIFE || forward <= 0n) continue;
    const isNew = !expiries.has(expiry);
    if (isNew && (live >= LIVE_EXPIRIES || rows >= EXPIRIES)) continue;
    const known = listed.filter((one) => one.expiry === expiry).map(({ strike }) => strike);
    const strikes = nearest(missing(forward, rule, known), forward, places);
    if (strikes.length === 0) continue;
    wanted.push({ expiry, strikes });
    places -= strikes.length;
    if (isNew) [live, rows] = [live + 1, rows + 1];
  }
  return wanted;
}

/** At most `most` strikes, those nearest to the forward, ascending. */
function nearest(strikes: readonly bigint[], forward: bigint, most: number): bigint[] {
  const distance = (strike: bigint): bigint => (strike > forward ? strike - forward : forward - strike);
  return [...strikes]
    .sort((a, b) => Number(distance(a) < distance(b) ? -1 : distance(a) > distance(b) ? 1 : a < b ? -1 : 1))
    .slice(0, Math.max(0, most))
    .sort((a, b) => (a < b ? -1 : 1));
}

/** Places of expiries that are over, by expiry: what can be retired once nothing is open in them. */
export function expiredPlaces(now: bigint, listed: readonly ListedStrike[]): Map<bigint, number[]> {
  const expired = new Map<bigint, number[]>();
  for (const { place, expiry } of listed) if (expiry <= now) expired.set(expiry, [...(expired.get(expiry) ?? []), place]);
  return expired;
}
