import { max, min } from '../risk/decimal.js';

/** What a deficit may ask of an account that profits from the underlying, all in cash, 18 decimals, at the price of the levy's epoch. */
export interface Profit {
  /** profit of the account's positions in the underlying */
  readonly profit: bigint;
  readonly equity: bigint;
  /** maintenance margin */
  readonly margin: bigint;
}

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
