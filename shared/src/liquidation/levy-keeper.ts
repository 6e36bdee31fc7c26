import { max, mulDown } from '../risk/decimal.js';
import { OPTION_LOT, type HeldUnderlying } from '../risk/holdings.js';

/**
 * What a keeper does about losses that nobody's equity covered: the fund, then the levy, then all cash. Money is cash of 18 decimals, times are
 * seconds. The contracts check everything again: a decision from stale figures costs a refused call, nothing else.
 */

/** Market of accounts without positions: no profit answers for them. */
export const NO_MARKET = 0;
/** A deficit of less than a unit of cash is dust: twin of Levy.LEAST. */
export const LEAST_DEFICIT = 10n ** 18n;

/** A levy as `ILevy.levyOf` gives it. */
export interface SeenLevy {
  readonly id: bigint;
  readonly until: bigint;
  readonly closed: boolean;
  /** of the deficit, not yet collected; counts once it is closed */
  readonly left: bigint;
  /** somebody registered has not paid yet, as far as is known */
  readonly unpaid: boolean;
}

/** What is known of one market's deficit. */
export interface SeenDeficit {
  readonly market: number;
  /** negative cash of its deficit account, as a positive figure */
  readonly owed: bigint;
  /** what the fund would pay of it now */
  readonly coverable: bigint;
  /** all levies of the market, oldest first */
  readonly levies: readonly SeenLevy[];
}

/** `register`: accounts in gain belong to the levy while its window is open. `settle`: they owe it once it is closed. */
export type DeficitStep =
  { readonly kind: 'cover' | 'open' | 'spread' } | { readonly kind: 'register' | 'close' | 'settle'; readonly id: bigint };

/** Deficit that neither the fund nor a closed levy answers for. */
export const uncovered = ({ owed, levies }: Pick<SeenDeficit, 'owed' | 'levies'>): bigint =>
  max(0n, owed - levies.reduce((sum, { closed, left }) => sum + (closed ? left : 0n), 0n));

/** What is due now, in this order. The fund comes first: a levy is opened for what it leaves. */
export function deficitSteps(seen: SeenDeficit, now: bigint): DeficitStep[] {
  const { market, coverable, levies } = seen;
  const steps: DeficitStep[] = [];
  for (const { id, until, closed, unpaid } of levies) {
    if (!closed) steps.push({ kind: now < until ? 'register' : 'close', id });
    else if (unpaid) steps.push({ kind: 'settle', id });
  }
  // Dust in the fund is worth no transaction: a levy takes it along.
  if (coverable >= LEAST_DEFICIT) return [...steps, { kind: 'cover' }];
  if (uncovered(seen) < LEAST_DEFICIT) return steps;
  if (market === NO_MARKET) return [...steps, { kind: 'spread' }];
  // One window at a time: what came since is the next one's.
  return levies.some(({ closed }) => !closed) ? steps : [...steps, { kind: 'open' }];
}

/**
 * What positions in one underlying have gained at a price, as contracts/src/hub/liquidation/Profits.sol counts it: each product rounded down.
 * @param strikes by place of the listing, 18 decimals
 * @throws RangeError if it holds an option of a place that is not listed
 */
export function profitAt(
  { underlying, size, quote, options }: HeldUnderlying,
  price: bigint,
  strikes: ReadonlyMap<number, bigint>,
): bigint {
  return options.reduce(
    (sum, { place, isPut, lots }) => {
      const strike = strikes.get(place);
      if (strike === undefined) throw new RangeError(`underlying ${underlying} has no strike at place ${place}; expected it listed`);
      const payoff = max(0n, isPut ? strike - price : price - strike);
      return sum + mulDown(lots * OPTION_LOT, payoff);
    },
    mulDown(size, price) + quote,
  );
}

/** Those who have gained, the most first; ties by name, so that every keeper has the same order. */
export const inGain = <T extends { readonly account: string; readonly profit: bigint }>(accounts: readonly T[]): T[] =>
  accounts
    .filter(({ profit }) => profit > 0n)
    .sort((a, b) => (a.profit === b.profit ? (a.account < b.account ? -1 : 1) : a.profit > b.profit ? -1 : 1));

/** Whether no cash may leave: more is missing than the fund has, by `least` (`ILevy.least`) or more. */
export const isBrakeDue = (missing: bigint, fund: bigint, least: bigint): boolean => missing > fund && missing - fund >= least;
