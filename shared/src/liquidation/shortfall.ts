import { max, min, WAD } from '../risk/decimal.js';
import { discountAt, type AuctionTerms } from './auction.js';
import type { BidderTerms } from './keeper.js';

/**
 * Accounts above maintenance margin that owe more cash than the limit: when their collateral is auctioned for cash, and what a keeper bids. Twin of
 * contracts/src/hub/liquidation/Shortfalls.sol. Money is cash of 18 decimals, shares are wads, time is seconds.
 */

/** What an account may owe, and still owes when its auction is over. */
export interface ShortfallLimits {
  readonly limit: bigint;
  readonly goal: bigint;
}

export interface SeenDebtor {
  /** negative cash, as a positive figure */
  readonly debt: bigint;
  readonly equity: bigint;
  /** maintenance margin */
  readonly margin: bigint;
  /** being liquidated: then it is not ours */
  readonly inAuction: boolean;
  /** of the auction of its collateral, null: none is open */
  readonly startedAt: bigint | null;
}

/** The step an account is due for, null if none. */
export function shortfallStep({ limit, goal }: ShortfallLimits, seen: SeenDebtor): 'start' | 'end' | null {
  const { debt, equity, margin, inAuction, startedAt } = seen;
  const isOurs = !inAuction && equity >= margin;
  if (startedAt === null) return isOurs && debt > limit ? 'start' : null;
  return !isOurs || debt <= goal ? 'end' : null;
}

/**
 * A bid for collateral. `share` at `price` is what is taken if the bid is mined at once. `most` is what to ask for: the contract takes no more than brings the
 * debt to its goal, and a second later, at a larger discount, that is a little more than `share` for the same cash.
 */
export interface ShortfallBid {
  readonly share: bigint;
  readonly most: bigint;
  readonly price: bigint;
}

/** Cash for a share of collateral, rounded up as the contract does. */
const priceOf = (whole: bigint, share: bigint): bigint => (whole * share + WAD - 1n) / WAD;

/**
 * What a bidder bids now, null if it waits: once the discount is what it asks for, as much as covers the shortfall and as its equity and budget allow, as if
 * what it takes over counted nothing.
 * @param value of the collateral, before haircuts
 * @param bidder `required`: least gain as a share of that value
 */
export function decideShortfallBid(
  terms: AuctionTerms,
  { goal }: ShortfallLimits,
  seen: SeenDebtor,
  value: bigint,
  bidder: BidderTerms,
  now: bigint,
): ShortfallBid | null {
  const { debt, startedAt } = seen;
  if (startedAt === null || now <= startedAt || debt <= goal || value <= 0n) return null;
  const discount = discountAt(terms, min(now - startedAt, terms.fastSeconds));
  const whole = (value * discount) / WAD;
  // What the fee takes of the price does not pay the debt.
  const paying = whole - (whole * terms.feeLeast) / WAD;
  if (paying <= 0n || (value - whole) * WAD < bidder.required * value) return null;
  const needed = ((debt - goal) * WAD + paying - 1n) / paying;
  const affordable = (max(0n, min(bidder.free, bidder.budget)) * WAD) / whole;
  const most = min(WAD, affordable);
  const share = min(needed, most);
  if (share <= 0n || (share * (value - whole)) / WAD < bidder.cost) return null;
  return { share, most, price: priceOf(whole, share) };
}
