import { clamp, floorDiv, WAD } from '../risk/decimal.js';

/**
 * Funding of a perpetual, as contracts/src/hub/markets accrues it: an index grows at a rate that is sampled when somebody touches the
 * market and holds until the next touch. Cash per unit of the underlying, 18 decimals; times in seconds.
 */
export interface Funding {
  /** Σ paid per unit held long since the listing */
  readonly index: bigint;
  /** what it grows by in an hour */
  readonly perHour: bigint;
  /** the last touch */
  readonly since: bigint;
}

/** Bounds of the rate, 1e-9 of the notional per hour. */
export interface FundingTerms {
  /** most that is paid either way, at least 0 */
  readonly cap: bigint;
  /** paid by longs to shorts at no premium, within the cap */
  readonly base: bigint;
}

/** What a touch sees: prices, or nothing while one of them is neither fresh nor aged. Cash per unit, 18 decimals. */
export type FundingPrices = { readonly mark: bigint; readonly spot: bigint } | null;

const HOUR = 3600n;
const NANO = 10n ** 9n;
/** Hours over which a premium that stays would be paid in full. */
const PREMIUM_HOURS = 8n;

/** The rate at a premium: an eighth of it and the base, within the cap; 1e-9 per hour, rounded towards zero. */
export function fundingRate({ cap, base }: FundingTerms, prices: FundingPrices): bigint {
  if (prices === null || prices.spot === 0n) return 0n;
  // bigint division cuts towards zero, as the contract's does.
  const premium = ((prices.mark - prices.spot) * NANO) / (PREMIUM_HOURS * prices.spot);
  return clamp(premium + base, -cap, cap);
}

/** The index at a time, rounded down. @throws RangeError if the time is before the last touch */
export function indexAt({ index, perHour, since }: Funding, now: bigint): bigint {
  if (now < since) throw new RangeError(`time is ${now}; expected ${since} or later`);
  return index + floorDiv(perHour * (now - since), HOUR);
}

/** Brings funding to now and samples the rate. Only the first touch of a second does. */
export function fund(funding: Funding, terms: FundingTerms, prices: FundingPrices, now: bigint): Funding {
  if (now === funding.since) return funding;
  const rate = fundingRate(terms, prices);
  return { index: indexAt(funding, now), perHour: (rate * (prices?.spot ?? 0n)) / NANO, since: now };
}

/** What a position of `size` owes since the listing at an index, rounded up. */
export const fundingOwed = (size: bigint, index: bigint): bigint => -floorDiv(-size * index, WAD);
