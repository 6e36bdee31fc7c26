import { Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Chains } from '../../chain/chains.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { FeedSnapshots } from '../feed-snapshots.js';
import type { HubCalls } from '../hub-calls.js';
import { AccountBook } from './account-book.js';
import { LIQUIDATION_CALLS } from './calls.js';
import { blockBefore } from './block-before.js';
import { LiquidationFigures } from './figures.js';
import { findHub } from './hub.js';
import { hubReader, keepersOf, type Keepers } from './keepers.js';
import { liquidatorTerms } from './parameters.js';
import { DatabasePopulation } from './population.js';

const DAY = 86_400n;

/** The keepers of this process: whom they watch comes from the database, what those hold and owe, and whether they are below margin, from the chain. */
@Injectable()
export class LiquidationService {
  readonly #logger = new Logger(LiquidationService.name);
  #keepers: Promise<Keepers> | null = null;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'liquidation'>,
    @Inject(LIQUIDATION_CALLS) private readonly calls: HubCalls,
    private readonly snapshots: FeedSnapshots,
    private readonly figures: LiquidationFigures,
  ) {}

  /** One look at the newest block of the hub. */
  async look(): Promise<void> {
    const { liquidator, undoing } = await this.#started();
    const look = await liquidator.look();
    if (look === null) return;
    await this.figures.valued(this.chains.hub.eid, look);
    if (look.accounts.length + look.wanted.length + look.unanswered.length === 0) return;
    const { block, watched, suspects, accounts, wanted, unanswered } = look;
    this.#logger.log({
      ...{ event: 'liquidation.look', block: `${block}`, watched, suspects, below: accounts.length },
      wanted: wanted.map(({ what, account, outcome }) => `${what} ${account} ${outcome}`),
    });
    const failed = wanted.filter(({ outcome }) => outcome === 'failed');
    if (failed.length + unanswered.length > 0)
      this.#logger.warn({
        ...{ event: 'liquidation.unanswered', block: `${block}`, unanswered },
        failed: failed.map(({ what, account, because }) => `${what} ${account}: ${because ?? ''}`),
      });
    await undoing.after(look);
  }

  /** One look at holders of assets that were written down. */
  async settleWriteDowns(): Promise<void> {
    const { writeDowns } = await this.#started();
    const wanted = await writeDowns.tend();
    if (wanted.length > 0)
      this.#logger.log({ event: 'liquidation.write-downs', wanted: wanted.map(({ account, outcome }) => `${account} ${outcome}`) });
  }

  /** One look at the routes by which accounts are topped up. */
  async seeToRoutes(): Promise<void> {
    const { routes } = await this.#started();
    const reports = await routes.tend();
    if (reports.length > 0)
      this.#logger.log({
        event: 'liquidation.routes',
        reports: reports.map(({ eid, closes, outcome }) => `${eid} ${closes ? 'closed' : 'open'} ${outcome}`),
      });
  }

  /** One look at losses that nobody's equity covered. */
  async seeToLosses(): Promise<void> {
    const { levies } = await this.#started();
    await levies?.tend((seen) => this.figures.lost(this.chains.hub.eid, seen));
  }

  /** One look at debts past the limit. */
  async seeToDebts(): Promise<void> {
    await (await this.#started()).shortfalls?.tend();
  }

  /** Once for all loops, also for two that begin together; again after a start that failed. */
  #started(): Promise<Keepers> {
    this.#keepers ??= this.#start().catch((error: unknown) => {
      this.#keepers = null;
      throw error;
    });
    return this.#keepers;
  }

  async #start(): Promise<Keepers> {
    const { hub: chain } = this.chains;
    const { client } = chain;
    const address = chain.find('Liquidation');
    if (address === null) throw new Error(`${chain.name}: live file has no contract Liquidation; expected it for the role liquidate`);
    const hub = await findHub(client, address, chain.find('Shortfalls'));
    const reader = await hubReader(client, hub);
    // The database may be behind: what happened meanwhile is read from events.
    const { timestamp } = await client.getBlock();
    const terms = liquidatorTerms(this.config.liquidation);
    const book = new AccountBook(client, hub, await blockBefore(client, timestamp - DAY));
    const population = new DatabasePopulation(this.dataSource, chain.eid, () => book.watched);
    const accounts = await population.exposed();
    book.add(accounts);
    const exact = await reader.exact(accounts, await client.getBlockNumber());
    book.addAuctions(exact.filter(({ auction }) => auction !== null).map(({ account }) => account));
    return keepersOf({
      ...{ client, hub, book, reader, sender: this.calls, terms, from: BigInt(chain.live.deployedAt.block), payoutsSince: null },
      population: () => population,
      signed: (time) => this.snapshots.after(hub.feeds, time),
    });
  }
}
