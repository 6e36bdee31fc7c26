import { accountId, exchange, type AccountId } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import type { Hex } from 'viem';
import { z } from 'zod/v4';
import type { AccountBook } from './account-book.js';
import type { Liquidator } from './liquidator.js';

/** Who may be concerned, however that is known: what they hold and owe is read from the chain. */
export interface Population {
  /** markets in which somebody traded, ascending */
  markets(): Promise<readonly number[]>;
  /** whoever may hold positions */
  traders(): Promise<readonly AccountId[]>;
  /** whoever may hold a balance, those who may owe something first */
  holders(): Promise<readonly AccountId[]>;
  /** whoever may owe so much cash, 18 decimals */
  debtors(least: bigint): Promise<readonly AccountId[]>;
}

/** As the events say that a liquidator reads anyway: since the first block it reads. */
export class EventPopulation implements Population {
  constructor(
    private readonly book: Pick<AccountBook, 'markets' | 'watched' | 'named'>,
    private readonly liquidator: Pick<Liquidator, 'debtors'>,
  ) {}

  markets(): Promise<readonly number[]> {
    return Promise.resolve([...this.book.markets].sort((a, b) => a - b));
  }

  traders(): Promise<readonly AccountId[]> {
    return Promise.resolve([...this.book.watched]);
  }

  holders(): Promise<readonly AccountId[]> {
    return Promise.resolve([...new Set([...this.book.watched, ...this.book.named])]);
  }

  debtors(least: bigint): Promise<readonly AccountId[]> {
    return Promise.resolve(this.liquidator.debtors(least));
  }
}

// CAST: accountId checks that it is 32 bytes of hex.
const accountRows = z.array(z.object({ account: z.string().transform((text) => accountId(text as Hex)) }));
const instrumentRows = z.array(z.object({ instrument: z.string().transform(BigInt) }));

/** As the relayer's database has it: events of every block since the deployment, and the journal. */
export class DatabasePopulation implements Population {
  /**
   * @param hubEid  whose events are asked for
   * @param watched who may have to be liquidated
   */
  constructor(
    private readonly dataSource: Pick<DataSource, 'query'>,
    private readonly hubEid: number,
    private readonly watched: () => Iterable<AccountId>,
  ) {}

  async markets(): Promise<readonly number[]> {
    const rows: unknown = await this.dataSource.query(
      `select distinct instrument::text as instrument from position_events where eid = $1 and instrument is not null and state <> 'orphaned'`,
      [this.hubEid],
    );
    const traded = instrumentRows.parse(rows).map(({ instrument }) => exchange.decodeInstrument(instrument).underlying);
    return [...new Set(traded)].sort((a, b) => a - b);
  }

  traders(): Promise<readonly AccountId[]> {
    return this.#accounts(
      `select account from position_events where eid = $1 and state <> 'orphaned'
       union select counterparty from position_events where eid = $1 and state <> 'orphaned' order by 1`,
      [this.hubEid],
    );
  }

  /** In the journal what is owed to an account is a credit. */
  async holders(): Promise<readonly AccountId[]> {
    const held = await this.#accounts(
      `select split_part(account, ':', 2) as account from postings where account like 'balance:%' group by account, asset having sum(amount) < 0`,
      [],
    );
    return [...new Set([...this.watched(), ...held])];
  }

  /** In the journal what an account owes is a debit. */
  debtors(least: bigint): Promise<readonly AccountId[]> {
    return this.#accounts(
      `select split_part(account, ':', 2) as account from postings where account like 'cash:%' group by 1 having sum(amount) > $1 order by 1`,
      [least.toString()],
    );
  }

  /** Whoever traded or had his cash moved by a module. */
  exposed(): Promise<readonly AccountId[]> {
    return this.#accounts(
      `select account from position_events where eid = $1 and state <> 'orphaned'
       union select counterparty from position_events where eid = $1 and state <> 'orphaned'
       union select account from ledger_events where eid = $1 and kind = 'CashChanged' and account is not null and state <> 'orphaned'
       order by 1`,
      [this.hubEid],
    );
  }

  async #accounts(query: string, parameters: readonly unknown[]): Promise<readonly AccountId[]> {
    const rows: unknown = await this.dataSource.query(query, [...parameters]);
    return accountRows.parse(rows).map(({ account }) => account);
  }
}
