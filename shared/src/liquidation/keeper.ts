import { floorDiv, max, min, WAD } from '../risk/decimal.js';
import type { AccountId } from '../units.js';
import {
  type AuctionTerms,
  bidPrice,
  discountAt,
  type Health,
  inSteps,
  isSolvent,
  payout,
  shareLimit,
  stepLeft,
  target,
} from './auction.js';

/**
 * What a keeper does with the accounts it watches: which come first, which auctions it opens and closes, what it bids. Money is cash, shares are
 * wads, time is seconds. The contracts check everything again: a decision from stale figures costs a refused transaction, nothing else.
 */

/** An open auction, as `ILiquidation.auctionOf` gives it; a time of 0 is none. */
export interface WatchedAuction {
  /** when it was started; in that second no bid is taken */
  readonly openedAt: bigint;
  readonly startedAt: bigint;
  readonly lastBidAt: bigint;
  /** what bids had taken of a step by then, 1e-9 */
  readonly stepTaken: bigint;
  readonly restingSince: bigint;
  readonly insolventSince: bigint;
  /** cash that bids paid in, which is not for sale */
  readonly reserve: bigint;
}

/** An account at one price epoch, exact: the figures of `IMargin.riskOf`. */
export interface Watched {
  readonly account: AccountId;
  readonly equity: bigint;
  /** initial margin */
  readonly initial: bigint;
  /** maintenance margin */
  readonly margin: bigint;
  readonly auction: WatchedAuction | null;
}

/**
 * Order of two accounts by health, equity over maintenance margin: the lower first. Without margin an account stands behind all that have some if
 * its equity is not negative, before them if it is. Ties go to the larger margin, then to the lower account: every keeper has the same order.
 */
function compareHealth(a: Watched, b: Watched): number {
  if (a.margin === 0n || b.margin === 0n) {
    const [first, second] = [boundless(a), boundless(b)];
    if (first !== second) return first - second;
  }
  const [left, right] = [a.equity * b.margin, b.equity * a.margin];
  if (left !== right) return left < right ? -1 : 1;
  if (a.margin !== b.margin) return a.margin > b.margin ? -1 : 1;
  return a.account < b.account ? -1 : a.account > b.account ? 1 : 0;
}

/** −1, 1: health without margin, which no quotient gives; 0: there is one. */
const boundless = ({ equity, margin }: Watched): number => (margin > 0n ? 0 : equity < 0n ? -1 : 1);

/** What an account lacks of its maintenance margin, cash; 0 if nothing. */
export const shortOf = ({ equity, margin }: Pick<Watched, 'equity' | 'margin'>): bigint => max(0n, margin - equity);

/**
 * Order of two accounts by need: who lacks more cash first, then by health. By what is lacking, not by its share: else anyone could push ahead of a
 * large account any number of tiny ones that stand worse for their size.
 */
export function compareNeed(a: Watched, b: Watched): number {
  const [left, right] = [shortOf(a), shortOf(b)];
  return left === right ? compareHealth(a, b) : left > right ? -1 : 1;
}

/** Whom most is lacking first, then those nearest to trouble. */
export const rank = <T extends Watched>(accounts: readonly T[]): T[] => [...accounts].sort(compareNeed);

/**
 * Whether an account is worth transactions: its maintenance margin, what it lacks of it, or (one that has healed) its equity is at least `least`,
 * cash. What is left alone costs others less than that while it stays as it is.
 */
export const isWorthwhile = (account: Pick<Watched, 'equity' | 'margin'>, least: bigint): boolean =>
  max(max(account.margin, account.equity), shortOf(account)) >= least;

/** What anyone may do to an auction without bidding. `touch`: it changes legs, comes to rest, or goes on. */
export type AuctionStep = 'start' | 'end' | 'touch';

/** The step an account is due for, null if none. */
export function auctionStep(terms: AuctionTerms, { equity, margin, auction }: Watched): AuctionStep | null {
  if (auction === null) return equity < margin ? 'start' : null;
  if (equity >= target(terms, margin)) return 'end';
  const insolvent = !isSolvent({ equity, margin, reserve: auction.reserve });
  if (insolvent !== auction.insolventSince > 0n) return 'touch';
  return equity >= margin !== auction.restingSince > 0n ? 'touch' : null;
}

/** What a bidder is ready to do. */
export interface BidderTerms {
  /** equity above initial margin that it commits to what it takes over, cash */
  readonly free: bigint;
  /** most cash it pays for one bid */
  readonly budget: bigint;
  /** least gain, as a share of the maintenance margin taken over, wad: what the risk of a whole slice is worth to it on either leg */
  readonly required: bigint;
  /** least gain of one bid: what its gas costs, cash */
  readonly cost: bigint;
}

/**
 * A bid, as `ILiquidation.Bid` takes it. `price` is for the share at the time of the decision, negative: is paid; `gain` is its value at the mark
 * less that price.
 */
export interface BidDecision {
  readonly share: bigint;
  /**
   * Share to ask for: what the bidder can afford. The auction gives no more than it sells at the time of the transaction, which is a little
   * more than now, because what restores an account grows with the discount; a bid for less would leave it short of its target.
   */
  readonly most: bigint;
  /** What the share may become by the time of the transaction if figures stay: what is left of a step grows until then. */
  readonly fitting: bigint;
  readonly price: bigint;
  readonly gain: bigint;
  /** The most that `most` costs by then: what `fitting` does. */
  readonly ceiling: bigint;
  /** of the bidder's equity above initial margin what the share takes, cash; 0: it brings as much as it needs */
  readonly commits: bigint;
}

/** Price of the whole account at a time, cash; negative: the bidder is paid. */
function wholePrice(terms: AuctionTerms, health: Health, auction: WatchedAuction, now: bigint): bigint {
  if (isSolvent(health)) return bidPrice(health, WAD, discountAt(terms, now - auction.startedAt));
  // Until the chain knows of the insolvency, the payout has not begun to grow.
  return -payout(terms, health, WAD, auction.insolventSince === 0n ? 0n : now - auction.insolventSince);
}

/**
 * What a bidder bids on an account now: as large a share as the auction, its equity and its budget allow, once the gain is what it asks for; null if
 * it waits. The initial margin it needs is taken as the share of the account's own: books that offset need less, and a bid that needs more is
 * refused by the contract.
 * @param stepped prices are aged: bids are steps whatever the size
 */
export function decideBid(terms: AuctionTerms, watched: Watched, bidder: BidderTerms, now: bigint, stepped = false): BidDecision | null {
  const { equity, margin, initial, auction } = watched;
  // A bidder that is below initial margin itself gets nothing.
  if (auction === null || equity >= margin || bidder.free < 0n || now <= auction.openedAt) return null;
  const health: Health = { equity, margin, reserve: auction.reserve };
  const price = wholePrice(terms, health, auction, now);
  const gain = equity - auction.reserve - price;
  if (gain < 0n || gain * WAD < bidder.required * margin) return null;
  const needed = max(initial, margin) - gain;
  const affordable = min(needed <= 0n ? WAD : (bidder.free * WAD) / needed, price <= 0n ? WAD : (max(0n, bidder.budget) * WAD) / price);
  const limit = shareLimit(terms, health, discountAt(terms, now - auction.startedAt), stepped);
  // What others left of the running step: a little dust does not keep it waiting, and it does not pay gas for dust.
  const left = inSteps(terms, margin, stepped) ? stepLeft(terms, auction.stepTaken, now - auction.lastBidAt) : WAD;
  const fitting = min(affordable, limit);
  if (2n * left < fitting) return null;
  const share = min(fitting, left);
  const won = (share * gain) / WAD;
  if (share <= 0n || won < bidder.cost) return null;
  // Rounded against the bidder, as the contract does.
  const costOf = (part: bigint): bigint => -floorDiv(-part * price, WAD);
  return {
    ...{ share, most: min(affordable, WAD), fitting, price: costOf(share), gain: won, ceiling: costOf(price > 0n ? fitting : share) },
    commits: -floorDiv(-share * max(0n, needed), WAD),
  };
}

/** The bid for all that its step may have become by the time of the transaction. */
export function refilled(bid: BidDecision): BidDecision {
  const { share, fitting, price, gain, commits } = bid;
  // Rounded against the bidder.
  const grown = (part: bigint): bigint => -floorDiv(-part * fitting, share);
  return { ...bid, share: fitting, price: grown(price), gain: floorDiv(gain * fitting, share), commits: grown(commits) };
}

/** How far ahead a bidder keeps equity for those who stand before others, seconds: two steps of a large account. */
const AHEAD = 60n;

/**
 * Equity above initial margin that a bidder keeps for an account, cash: all that bids on it would take within a minute if its figures stay as they
 * are, in steps or not; 0 if none of them is worth its gas. Who stands behind gets what this leaves: else small accounts whose price came down a
 * moment earlier use up what restores a large one.
 * @param stepped see {@link decideBid}
 */
export function keptFor(terms: AuctionTerms, watched: Watched, bidder: BidderTerms, now: bigint, stepped = false): bigint {
  const later = now + AHEAD;
  // All of it may be worth the gas of one bid where a step is not.
  if (decideBid(terms, watched, bidder, later, stepped) === null) return 0n;
  return decideBid({ ...terms, stepShare: WAD }, watched, bidder, later)?.commits ?? 0n;
}
