import { zeroAddress, type PublicClient } from 'viem';
import type { AccountBook } from './account-book.js';
import { BidBudget } from './bid-budget.js';
import { CollateralPayouts } from './collateral-payouts.js';
import { readRates, type LiquidationHub } from './hub.js';
import { HubReader } from './hub.reader.js';
import { LevyKeeper } from './levy.keeper.js';
import { LevyReader } from './levy.reader.js';
import { Liquidator, type LiquidatorTerms } from './liquidator.js';
import { hubMethods } from './parameters.js';
import { pricesAhead, type SignedAfter } from './payouts.js';
import type { Population } from './population.js';
import { RoutesKeeper } from './routes.keeper.js';
import { ShortfallKeeper } from './shortfall.keeper.js';
import { UndoKeeper } from './undo.keeper.js';
import type { LiquidationSender } from './wants.js';
import { WriteDowns } from './write-downs.js';

/** What liquidations, and what they lose, need somebody to do. All of it is anybody's to do. */
export interface Keepers {
  readonly liquidator: Liquidator;
  readonly undoing: UndoKeeper;
  readonly writeDowns: WriteDowns;
  readonly routes: RoutesKeeper;
  /** null: the hub has no levy */
  readonly levies: LevyKeeper | null;
  /** null: the hub has no auctions of debtors' collateral */
  readonly shortfalls: ShortfallKeeper | null;
}

/** Who does it, and by what. */
export interface KeeperParts {
  readonly client: PublicClient;
  readonly hub: LiquidationHub;
  readonly book: AccountBook;
  readonly reader: HubReader;
  readonly sender: LiquidationSender;
  readonly terms: LiquidatorTerms;
  readonly signed: SignedAfter;
  readonly population: (liquidator: Liquidator) => Population;
  /** block of the deployment */
  readonly from: bigint;
  /** bids on collateral before this block are not paid out; null: the sender remembers which were */
  readonly payoutsSince: bigint | null;
}

/** Reads what the hub's figures are made of. */
export async function hubReader(client: PublicClient, hub: LiquidationHub): Promise<HubReader> {
  const { portfolio, cross } = hubMethods();
  const rates = await readRates(client, hub, cross);
  return new HubReader(client, hub, { portfolio, cross: rates, isolated: { ...rates, method: 'isolated' } });
}

export function keepersOf({ client, hub, book, reader, sender, terms, signed, population, from, payoutsSince }: KeeperParts): Keepers {
  const { levy, shortfalls, withdrawals } = hub;
  const ahead = pricesAhead(signed);
  // Bids of either kind are one bidder's.
  const budget = BidBudget.of(client, hub, sender, terms.bid);
  const liquidator = new Liquidator(client, hub, book, reader, sender, terms, signed, budget);
  const people = population(liquidator);
  const ofShortfalls = (): ShortfallKeeper | null => {
    if (shortfalls === null) return null;
    const own = { ...hub, shortfalls };
    const payout = withdrawals === zeroAddress ? null : (terms.bid?.payout ?? null);
    const payouts =
      terms.bid === null || payout === null
        ? null
        : new CollateralPayouts(client, own, sender, terms.bid.account, payout, ahead, payoutsSince);
    return new ShortfallKeeper(client, own, people, sender, terms, from, payouts, signed, budget);
  };
  return {
    liquidator,
    undoing: new UndoKeeper(client, hub, sender, signed, terms.leastMargin),
    writeDowns: new WriteDowns(client, hub, sender, () => people.holders(), terms),
    routes: new RoutesKeeper(client, hub, sender),
    levies: levy === null ? null : new LevyKeeper(new LevyReader(client, { ...hub, levy }, people), sender, terms),
    shortfalls: ofShortfalls(),
  };
}
