import { clamp, floorDiv, max, min, mulUp, WAD } from '../risk/decimal.js';

/**
 * Arithmetic of a liquidation auction; twin of contracts/src/hub/liquidation/AuctionMath.sol, bit for bit. Money is cash, shares and rates are
 * wads (18 decimals), time is seconds. Every rounding is against the bidder, or against the account where the fund is the other side.
 */

/** Governed numbers of every auction. */
export interface AuctionTerms {
  /** part of the equity on sale that a bidder pays at first, wad */
  readonly fastFrom: bigint;
  /** the same when the fast leg ends, wad; ≤ fastFrom */
  readonly fastTo: bigint;
  readonly fastSeconds: bigint;
  /** from `fastTo` to nothing, seconds */
  readonly slowSeconds: bigint;
  /** what an account must have above maintenance margin before its auction ends, of that margin, wad */
  readonly buffer: bigint;
  /** an auction started again this soon after its end goes on at the discount it had, seconds */
  readonly resumeSeconds: bigint;
  /** until the payout of an insolvent account has grown by a whole maintenance margin, seconds */
  readonly insolventSeconds: bigint;
  /** start fee at no breach, and from `feeFullBreach` on, of the equity that will be sold, wads */
  readonly feeLeast: bigint;
  readonly feeMost: bigint;
  /** part of maintenance margin that is missing from which on the fee is `feeMost`, wad, above 0 */
  readonly feeFullBreach: bigint;
  /** an account with less maintenance margin may be sold whole, cash */
  readonly smallMargin: bigint;
  /** an account with as much or more is sold in steps, cash */
  readonly largeMargin: bigint;
  /** most of an account that bids take at once in steps, wad */
  readonly stepShare: bigint;
  /** until a whole step may be taken again, seconds; it refills evenly */
  readonly coolOff: bigint;
}

/** Terms of a new deployment. Curve, buffer: facts on Dutch auctions of margin accounts; steps: 20% and 30 s, as the largest venue does. */
export const AUCTION_TERMS: AuctionTerms = {
  fastFrom: 950_000_000_000_000_000n,
  fastTo: 700_000_000_000_000_000n,
  fastSeconds: 900n,
  slowSeconds: 43_200n,
  buffer: 150_000_000_000_000_000n,
  resumeSeconds: 1_800n,
  insolventSeconds: 3_600n,
  feeLeast: 10_000_000_000_000_000n,
  feeMost: 100_000_000_000_000_000n,
  feeFullBreach: 500_000_000_000_000_000n,
  smallMargin: 1_000n * WAD,
  largeMargin: 100_000n * WAD,
  stepShare: 200_000_000_000_000_000n,
  coolOff: 30n,
};

/** What an auction reads of an account: all of it in cash, 18 decimals. */
export interface Health {
  readonly equity: bigint;
  /** maintenance margin, ≥ 0 */
  readonly margin: bigint;
  /** cash that bids paid in during this auction; not for sale; ≥ 0 */
  readonly reserve: bigint;
}

/** ⌈a / b⌉ for b > 0. */
const ceilDiv = (a: bigint, b: bigint): bigint => -floorDiv(-a, b);

/** What an account needs for its auction to end: (1 + buffer) · margin, rounded up. */
export const target = (terms: AuctionTerms, margin: bigint): bigint => mulUp(margin, WAD + terms.buffer);

/** Which leg an account is in: solvent while something of value is for sale. */
export const isSolvent = ({ equity, reserve }: Health): boolean => equity > reserve;

/**
 * Part of the equity on sale that a bidder pays after `age` seconds: from `fastFrom` to `fastTo`, then to 0, both linear; rounded up.
 * Never rises with age.
 */
export function discountAt(terms: AuctionTerms, age: bigint): bigint {
  const { fastFrom, fastTo, fastSeconds, slowSeconds } = terms;
  if (age < fastSeconds) return fastFrom - ((fastFrom - fastTo) * age) / fastSeconds;
  const late = age - fastSeconds;
  return late < slowSeconds ? fastTo - (fastTo * late) / slowSeconds : 0n;
}

/** Age at which an auction starts: where the last one of that account stood, if it ended at most `resumeSeconds` ago, else 0. */
export const resumedAge = (terms: AuctionTerms, lastAge: bigint, sinceEnd: bigint): bigint =>
  sinceEnd <= terms.resumeSeconds ? lastAge : 0n;

/** Cash that share `share` of a solvent account costs at `discount`: share · (equity − reserve) · discount, rounded up once. */
export const bidPrice = ({ equity, reserve }: Health, share: bigint, discount: bigint): bigint =>
  ceilDiv(share * (equity - reserve) * discount, WAD * WAD);

/**
 * The share of a solvent account after whose sale it stands at its target: (T − E) / (T − (E − R)(1 − d)) with T = (1 + buffer) · margin; rounded
 * up to 1e-18. It follows from E′ = E − s(E − R)(1 − d) and T′ = (1 − s)T. 0 if it stands there already, at most 1.
 */
export function maxFraction(terms: AuctionTerms, health: Health, discount: bigint): bigint {
  const goal = target(terms, health.margin);
  if (health.equity >= goal) return 0n;
  const given = health.equity - health.reserve - bidPrice(health, WAD, discount);
  return min(WAD, ceilDiv((goal - health.equity) * WAD, goal - given));
}

/**
 * The most one bid may take. Small accounts go whole; large ones, and all at aged prices (`stepped`), in steps of at most `stepShare`;
 * insolvent ones have no fraction that restores them, so only steps bound their bids.
 */
export function shareLimit(terms: AuctionTerms, health: Health, discount: bigint, stepped: boolean): bigint {
  const whole = !isSolvent(health) || health.margin < terms.smallMargin;
  const most = whole ? WAD : maxFraction(terms, health, discount);
  return inSteps(terms, health.margin, stepped) ? min(most, terms.stepShare) : most;
}

/** A unit of `stepTaken`, wad. */
const STEP_UNIT = 10n ** 9n;
const MOST_TAKEN = 2n ** 32n - 1n;

/**
 * What bids in steps may take now, wad: a step refills evenly within `coolOff`, whoever took how much of it. Many small bids take no more than a large
 * one, and none keeps others from what it leaves.
 * @param taken of a step as of the last bid, 1e-9 @param passed since that bid, seconds
 */
export function stepLeft({ stepShare, coolOff }: AuctionTerms, taken: bigint, passed: bigint): bigint {
  if (passed >= coolOff) return stepShare;
  return min(stepShare, max(0n, stepShare - taken * STEP_UNIT) + (stepShare * passed) / coolOff);
}

/** What is taken of a step once a bid has taken `share` while `left` was left: 1e-9, rounded up, at most what 32 bits hold. */
export const stepTaken = ({ stepShare }: AuctionTerms, left: bigint, share: bigint): bigint =>
  min(MOST_TAKEN, ceilDiv(stepShare - left + share, STEP_UNIT));

/** Whether bids on an account of this margin are steps, refilled within `coolOff`. */
export const inSteps = (terms: AuctionTerms, margin: bigint, stepped: boolean): boolean => margin >= terms.largeMargin || stepped;

/**
 * Penalty by size of breach: the start fee's rate rises linearly from `feeLeast` at maintenance margin to `feeMost` where `feeFullBreach` of it
 * is missing; rounded down.
 */
export function feeRate(terms: AuctionTerms, { equity, margin }: Health): bigint {
  if (margin <= 0n) return terms.feeLeast;
  const breach = clamp(((margin - equity) * WAD) / margin, 0n, terms.feeFullBreach);
  return terms.feeLeast + ((terms.feeMost - terms.feeLeast) * breach) / terms.feeFullBreach;
}

/**
 * Fee for starting an auction: its rate of the equity that restoring the account will sell; rounded down, so never more than the equity. 0 if the
 * account is insolvent.
 */
export function startFee(terms: AuctionTerms, health: Health, discount: bigint): bigint {
  if (!isSolvent(health)) return 0n;
  const sold = maxFraction(terms, health, discount) * (health.equity - health.reserve);
  return (sold * feeRate(terms, health)) / (WAD * WAD);
}

/**
 * Cash a bidder is paid for taking share `share` of an insolvent account: share · (reserve − equity + margin · min(age, T)/T), T =
 * `insolventSeconds`; rounded down.
 */
export function payout(terms: AuctionTerms, { equity, margin, reserve }: Health, share: bigint, age: bigint): bigint {
  const grown = (margin * min(age, terms.insolventSeconds)) / terms.insolventSeconds;
  return (share * (reserve - equity + grown)) / WAD;
}

/** Who pays a payout: the account's own reserve, then the fund, and what is left is a deficit. The three sum to the payout. */
export interface Waterfall {
  readonly reserve: bigint;
  readonly fund: bigint;
  readonly deficit: bigint;
}

/** @param available what the fund may spend on this account's market */
export function waterfall(amount: bigint, reserve: bigint, available: bigint): Waterfall {
  const own = min(amount, max(0n, reserve));
  const fund = min(amount - own, max(0n, available));
  return { reserve: own, fund, deficit: amount - own - fund };
}
