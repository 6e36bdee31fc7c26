import type { Mismatch } from './reconciliation.js';
import type { HeldUnderlying } from './risk/holdings.js';
import type { AccountId } from './units.js';

/** What all accounts together hold of one instrument: units of 18 decimals of a perpetual, lots of an option. */
export interface PositionSum {
  readonly instrument: string;
  /** Σ of signed sizes */
  readonly sum: bigint;
  /** Σ of what is held long */
  readonly long: bigint;
  /** open interest as the markets count it; null where they count nothing to compare with */
  readonly open: bigint | null;
}

/** What is known of everybody's positions. */
export interface PositionBooks {
  readonly sums: readonly PositionSum[];
  /** accounts that may hold something and whose books the contracts do not read out; in no sum */
  readonly unreadable: readonly AccountId[];
}

/** What the markets say of an underlying. */
export interface MarketListing {
  readonly underlying: number;
  /** Σ long of the perpetual as the markets count it */
  readonly openPerpetual: bigint;
  /** places of the listing whose expiry is not over; until an expired series is settled for everyone, its sizes need not cancel */
  readonly livePlaces: ReadonlySet<number>;
}

/** Sums of every perpetual and every live series over all accounts. */
export function positionSums(listings: readonly MarketListing[], held: Iterable<HeldUnderlying>): PositionSum[] {
  const perpetuals = new Map(listings.map(({ underlying, openPerpetual }) => [underlying, { sum: 0n, long: 0n, open: openPerpetual }]));
  const live = new Map(listings.map(({ underlying, livePlaces }) => [underlying, livePlaces]));
  const series = new Map<string, { sum: bigint; long: bigint }>();
  for (const { underlying, size, options } of held) {
    const perpetual = perpetuals.get(underlying) ?? { sum: 0n, long: 0n, open: 0n };
    perpetuals.set(underlying, { ...perpetual, ...added(perpetual, size) });
    for (const { place, isPut, lots } of options) {
      if (!live.get(underlying)?.has(place)) continue;
      const name = `${isPut ? 'put' : 'call'} at place ${place} of underlying ${underlying}`;
      series.set(name, added(series.get(name) ?? { sum: 0n, long: 0n }, lots));
    }
  }
  return [
    ...[...perpetuals].map(([underlying, totals]) => ({ instrument: `perpetual of underlying ${underlying}`, ...totals })),
    ...[...series].map(([instrument, totals]) => ({ instrument, ...totals, open: null })),
  ];
}

/**
 * INV-POS-1: for everyone who is long somebody is short, and the markets count what is long. An account whose books cannot be read is named
 * itself; what it holds is then missing in the sums.
 */
export function positionMismatches({ sums, unreadable }: PositionBooks): Mismatch[] {
  const invariant = 'INV-POS-1';
  const missing = unreadable.map((account): Mismatch => ({
    ...{ invariant, token: null, subject: `positions of ${account}` },
    ...{ expected: 'books that the contracts read out', actual: 'their reading reverts' },
  }));
  const wrong = sums.flatMap(({ instrument, sum, long, open }) => {
    const found: Mismatch[] = [];
    if (sum !== 0n) found.push({ invariant, token: null, subject: `${instrument}: Σ of sizes`, expected: '0', actual: `${sum}` });
    if (open !== null && open !== long)
      found.push({ invariant, token: null, subject: `${instrument}: open interest`, expected: `${long} held long`, actual: `${open}` });
    return found;
  });
  return [...missing, ...wrong];
}

const added = ({ sum, long }: { sum: bigint; long: bigint }, size: bigint): { sum: bigint; long: bigint } => ({
  sum: sum + size,
  long: size > 0n ? long + size : long,
});
