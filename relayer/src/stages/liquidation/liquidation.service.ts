import { Inject, Injectable, Logger } from '@nestjs/common';
import { accountId, liquidation, type AccountId } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import type { Address, Hex } from 'viem';
import { z } from 'zod/v4';
import { Chains } from '../../chain/chains.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { FeedSnapshots } from '../feed-snapshots.js';
import type { HubCalls } from '../hub-calls.js';
import { AccountBook } from './account-book.js';
import { LIQUIDATION_CALLS } from './calls.js';
import { blockBefore } from './block-before.js';
import { findHub, readRates } from './hub.js';
import { HubReader } from './hub.reader.js';
import { Liquidator, type Look } from './liquidator.js';
import { hubMethods, liquidatorTerms } from './parameters.js';
import { UndoKeeper } from './undo.keeper.js';
import { WriteDowns } from './write-downs.js';

const DAY = 86_400n;

// CAST: accountId checks that it is 32 bytes of hex.
const accountRows = z.array(z.object({ account: z.string().transform((text) => accountId(text as Hex)) }));

interface Parts {
  readonly liquidator: Liquidator;
  readonly writeDowns: WriteDowns;
}

/** The liquidator of this process: whom it watches comes from the database, what they hold and whether they are below margin from the chain. */
@Injectable()
export class LiquidationService {
  readonly #logger = new Logger(LiquidationService.name);
  #parts: Promise<Parts> | null = null;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'liquidation'>,
    @Inject(LIQUIDATION_CALLS) private readonly calls: HubCalls,
    private readonly undoing: UndoKeeper,
    private readonly snapshots: FeedSnapshots,
  ) {}

  /** One look at the newest block of the hub. */
  async look(): Promise<void> {
    const { liquidator } = await this.#started();
    const look = await liquidator.look();
    if (look === null || look.accounts.length + look.wanted.length + look.unanswered.length === 0) return;
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
    await this.#undo(look);
  }

  /** Auctions that were opened a moment ago, but for those too small to matter: a crowd of them would delay the next look. */
  async #undo({ block, accounts }: Look): Promise<void> {
    const { leastMargin } = liquidatorTerms(this.config.liquidation);
    const { timestamp } = await this.chains.hub.client.getBlock({ blockNumber: block });
    const recent = accounts.filter(
      (one) => one.auction !== null && liquidation.mayBeUndone(one.auction, timestamp) && liquidation.isWorthwhile(one, leastMargin),
    );
    await this.undoing.tend(
      recent.map(({ account }) => account),
      timestamp,
    );
  }

  /** One look at holders of assets that were written down. */
  async settleWriteDowns(): Promise<void> {
    const { writeDowns } = await this.#started();
    const wanted = await writeDowns.tend();
    if (wanted.length > 0)
      this.#logger.log({ event: 'liquidation.write-downs', wanted: wanted.map(({ account, outcome }) => `${account} ${outcome}`) });
  }

  /** Once for all loops, also for two that begin together; again after a start that failed. */
  #started(): Promise<Parts> {
    this.#parts ??= this.#start().catch((error: unknown) => {
      this.#parts = null;
      throw error;
    });
    return this.#parts;
  }

  async #start(): Promise<Parts> {
    const { client } = this.chains.hub;
    const address = this.chains.hub.find('Liquidation');
    if (address === null)
      throw new Error(`${this.chains.hub.name}: live file has no contract Liquidation; expected it for the role liquidate`);
    const hub = await findHub(client, address);
    const { portfolio, cross } = hubMethods();
    const rates = await readRates(client, hub, cross);
    const reader = new HubReader(client, hub, { portfolio, cross: rates, isolated: { ...rates, method: 'isolated' } });
    // Bids of a day count against the budget, so events are read again from there on.
    const { timestamp } = await client.getBlock();
    const terms = liquidatorTerms(this.config.liquidation);
    const book = new AccountBook(client, hub, await blockBefore(client, timestamp - DAY), terms.bid?.account);
    const accounts = await this.#known();
    book.add(accounts);
    const exact = await reader.exact(accounts, await client.getBlockNumber());
    book.addAuctions(exact.filter(({ auction }) => auction !== null).map(({ account }) => account));
    const liquidator = new Liquidator(client, hub, book, reader, this.calls, terms, (now) => this.#pricesAhead(hub.feeds, now));
    // Who may have to be liquidated comes first.
    const holders = async () => [...new Set([...book.watched, ...(await this.#holders())])];
    return { liquidator, writeDowns: new WriteDowns(client, hub, this.calls, holders, terms) };
  }

  /** The newest snapshot that is dated later: publishers sign one a little ahead at each beat. */
  async #pricesAhead(feeds: Address, now: bigint): Promise<Hex | null> {
    const [newest] = await this.snapshots.after(feeds, now);
    return newest?.prices ?? null;
  }

  /** Whoever has a balance, as the journal has it: there, what is owed to an account is a credit. */
  async #holders(): Promise<readonly AccountId[]> {
    const rows = await this.dataSource.query<unknown[]>(
      `select split_part(account, ':', 2) as account from postings where account like 'balance:%' group by account, asset having sum(amount) < 0`,
    );
    return accountRows.parse(rows).map(({ account }) => account);
  }

  /** Whoever traded or had his cash moved by a module, as the database knows it. */
  async #known(): Promise<readonly AccountId[]> {
    const rows = await this.dataSource.query<unknown[]>(
      `select account from position_events where eid = $1 and state <> 'orphaned'
       union select counterparty from position_events where eid = $1 and state <> 'orphaned'
       union select account from ledger_events where eid = $1 and kind = 'CashChanged' and account is not null and state <> 'orphaned'
       order by 1`,
      [this.chains.hub.eid],
    );
    return accountRows.parse(rows).map(({ account }) => account);
  }
}
