import { max, min } from '../risk/decimal.js';

/** What a deficit may ask of an account that profits from the underlying, all in cash, 18 decimals, at the price of the levy's epoch. */
export interface Profit {
  /** profit of the account's positions in the underlying */
  readonly profit: bigint;
  readonly equity: bigint;
  /** maintenance margin */
  readonly margin: bigint;
}

/** What is known of an account's gains while its market is watched, all in cash, 18 decimals. */
export interface Gains {
  /** profit of its positions at the levy's price */
  readonly profit: bigint;
  /** profit before its positions changed for the first time since the market is watched; 0 if they did not */
  readonly sighted: bigint;
  /** what levies have taken of it since the market is watched */
  readonly paid: bigint;
}

/** What a levy counts as the account's profit: what it closed since the loss was known is a gain still; levies together take no more than that. */
export const gainOf = ({ profit, sighted, paid }: Gains): bigint => max(0n, max(profit, sighted) - paid);

/** What an account is registered with when it is looked at again: never less. @param profit of the first look */
export const raised = (before: bigint, again: Profit): bigint => max(before, registered(again));

/** What an account is registered with: min(profit, equity − margin), never negative. Paying all of it leaves the account at its margin. */
export const registered = ({ profit, equity, margin }: Profit): bigint => max(0n, min(profit, equity - margin));

/**
 * What an account pays: its part of the deficit, registered · min(deficit, total) / total, rounded up; never more than it is registered with.
 * Depends on the sums alone, so on no order.
 * @param total Σ of what is registered, this account included
 */
export function levyOf(own: bigint, deficit: bigint, total: bigint): bigint {
  if (total <= 0n || own <= 0n || deficit <= 0n) return 0n;
  if (deficit >= total) return own;
  return (own * deficit + total - 1n) / total;
}

/** Where a payment goes: to the deficit while any is left, then (the sum of the roundings) to the fund. */
export interface LevyPayment {
  readonly deficit: bigint;
  readonly fund: bigint;
}

/**
 * @param paid what `levyOf` says
 * @param left what earlier payments left of the deficit
 */
export function applyLevy(paid: bigint, left: bigint): LevyPayment {
  const deficit = min(paid, max(0n, left));
  return { deficit, fund: paid - deficit };
}
