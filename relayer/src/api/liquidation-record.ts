import type { FactOf, LiquidationFact } from './liquidation-facts.js';

/** A bid with everything its transaction did besides. */
export interface BidRecord {
  readonly taken: FactOf<'BidTaken' | 'ShortfallBidTaken'>;
  readonly handed: readonly FactOf<'AssetHandedOver'>[];
  readonly insolvent: FactOf<'InsolventPaid'> | null;
  readonly route: FactOf<'RouteChosen'> | null;
}

/** One liquidation, put together from what was told of it. */
export interface LiquidationRecord {
  readonly start: FactOf<'AuctionStarted' | 'ShortfallStarted'>;
  readonly bids: readonly BidRecord[];
  readonly insolvencies: readonly { readonly opened: FactOf<'InsolvencyOpened'>; readonly closed: FactOf<'InsolvencyClosed'> | null }[];
  readonly end: FactOf<'AuctionEnded' | 'ShortfallEnded'> | null;
  /** what a reorg took back and did not bring again */
  readonly orphaned: readonly LiquidationFact[];
}

/** One levy, put together from what was told of it. */
export interface LevyRecord {
  readonly opened: FactOf<'LevyOpened'>;
  readonly closed: FactOf<'LevyClosed'> | null;
  readonly registrations: readonly FactOf<'Registered'>[];
  readonly payments: readonly FactOf<'LevyPaid'>[];
}

/**
 * Puts together what was told of one liquidation, in the order in which it happened. What a bid handed over is told before the bid, who paid for it and
 * where it goes after it. Null: not even a start was seen.
 */
export function liquidationRecord(told: readonly LiquidationFact[]): LiquidationRecord | null {
  const standing = told.filter(({ state }) => state !== 'orphaned');
  const orphaned = told.filter(({ state }) => state === 'orphaned');
  const start = [...standing, ...[...orphaned].reverse()].find(
    (fact) => fact.kind === 'AuctionStarted' || fact.kind === 'ShortfallStarted',
  );
  if (start === undefined) return null;
  const bids: { -readonly [K in keyof BidRecord]: BidRecord[K] }[] = [];
  const insolvencies: { opened: FactOf<'InsolvencyOpened'>; closed: FactOf<'InsolvencyClosed'> | null }[] = [];
  let handed: FactOf<'AssetHandedOver'>[] = [];
  let end: LiquidationRecord['end'] = null;
  for (const fact of standing) {
    const [bid, insolvency] = [bids.at(-1), insolvencies.at(-1)];
    switch (fact.kind) {
      case 'AssetHandedOver':
        handed.push(fact);
        break;
      case 'BidTaken':
      case 'ShortfallBidTaken':
        bids.push({ taken: fact, handed, insolvent: null, route: null });
        handed = [];
        break;
      case 'InsolventPaid':
        if (bid !== undefined) bid.insolvent = fact;
        break;
      case 'RouteChosen':
        if (bid !== undefined) bid.route = fact;
        break;
      case 'InsolvencyOpened':
        insolvencies.push({ opened: fact, closed: null });
        break;
      case 'InsolvencyClosed':
        if (insolvency !== undefined) insolvency.closed = fact;
        break;
      case 'AuctionEnded':
      case 'ShortfallEnded':
        end = fact;
        break;
      case 'AuctionStarted':
      case 'ShortfallStarted':
        break;
      case 'LevyOpened':
      case 'Registered':
      case 'LevyClosed':
      case 'LevyPaid':
        throw new Error(`${fact.kind} of levy ${fact.number} among what was told of a liquidation`);
    }
  }
  return { start, bids, insolvencies, end, orphaned };
}

/** Puts together what was told of one levy; null: not that it was opened. */
export function levyRecord(told: readonly LiquidationFact[]): LevyRecord | null {
  const standing = told.filter(({ state }) => state !== 'orphaned');
  const opened = standing.find((fact) => fact.kind === 'LevyOpened');
  if (opened === undefined) return null;
  return {
    opened,
    closed: standing.find((fact) => fact.kind === 'LevyClosed') ?? null,
    registrations: standing.filter((fact) => fact.kind === 'Registered'),
    payments: standing.filter((fact) => fact.kind === 'LevyPaid'),
  };
}

/** Groups facts by what they are told of, as they come. */
export function byNumber(facts: readonly LiquidationFact[]): Map<string, LiquidationFact[]> {
  const groups = new Map<string, LiquidationFact[]>();
  for (const fact of facts) groups.set(fact.number, [...(groups.get(fact.number) ?? []), fact]);
  return groups;
}
