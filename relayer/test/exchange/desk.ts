import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { exchange } from '@lockstep/shared';
import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Hex } from 'viem';
import type { RevertReason } from '../../src/sender/intent.js';
import { migratedDatabase } from '../support/database.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { exchangeWorld, NOW, orderOf, signed, trader, type ExchangeWorld, type Trader } from './world.js';

/** Starting a server, or a few hundred steps, on a machine that does other things too. */
export const BUSY_MS = 120_000;
export const [alice, bob, carol, dora] = [trader(1), trader(2), trader(3), trader(4)];

/** `n` units of size, as the API writes them. */
export const units = (n: number): string => `${BigInt(Math.round(n * 1000)) * 10n ** 15n}`;
export const revert = (name: string, ...args: string[]): RevertReason => ({ kind: 'error', name, args, data: '0x' });

/** The exchange over one database, and what a test says and sees of it. */
export class Desk {
  readonly world: ExchangeWorld;

  constructor(
    readonly database: DataSource,
    url: string,
  ) {
    this.world = exchangeWorld(database, url);
  }

  /** Nobody has ordered anything, and the hub refuses nothing. */
  async clear(): Promise<void> {
    await this.database.query('truncate exchange_matches, exchange_orders, tx_attempts, tx_intents cascade');
    await this.database.query('update exchange_book set version = version + 1');
    const { hub, clock } = this.world;
    hub.refuses = () => null;
    hub.refusedThen = () => null;
    hub.closed = null;
    hub.contracts.clear();
    hub.delegates.clear();
    clock.at = NOW;
  }

  /** @throws Error if the order is not taken */
  async place(
    by: Trader,
    side: exchange.Side,
    size: number,
    price: number,
    timeInForce: exchange.TimeInForce = 'gtc',
    change: Partial<exchange.Order> = {},
  ): Promise<{ order: exchange.Order; hash: Hex }> {
    const order = orderOf(by, side, size, price, change);
    const result = await this.world.intake.take(await signed(by, order), timeInForce);
    if (result.kind === 'refused') throw new Error(JSON.stringify(result.problem));
    return { order, hash: result.order.hash };
  }

  /** Matches of Alice, who sells one unit at a time, with Bob, who takes `count` of them. */
  async matched(count: number): Promise<{ makers: { hash: Hex }[]; taker: { hash: Hex } }> {
    const makers = [];
    for (let i = 0; i < count; i++) makers.push(await this.place(alice, 'sell', 1, 60_000 + i));
    const taker = await this.place(bob, 'buy', count, 60_000 + count);
    await this.world.matcher().match();
    return { makers, taker };
  }

  /** State of an order, and what of it is left. */
  async shown(hash: Hex): Promise<[string, string]> {
    const order = await this.world.queries.order(hash);
    return [order?.state ?? 'unknown', order?.remaining ?? ''];
  }

  /** States of the matches, the oldest first. */
  async states(): Promise<string[]> {
    return (await this.world.queries.trades({})).map(({ state, final }) => `${state}${final ? ' final' : ''}`).reverse();
  }

  intents(): Promise<{ id: string; role: string; state: string; dedupe_key: string }[]> {
    return this.database.query('select id::text, role, state, dedupe_key from tx_intents order by id');
  }

  /** Plays the lane: the newest intent is mined, final, reverted or refused. */
  async laneSays(state: 'mined' | 'final' | 'reverted' | 'rejected'): Promise<void> {
    await this.database.query(
      `update tx_intents set state = $1::text,
         nonce = case when $1::text = 'rejected' then null else coalesce(nonce, id) end,
         rejection = case when $1::text = 'rejected' then '{"kind":"message","message":"no"}'::jsonb end,
         mined_hash = case when $1::text in ('mined', 'final', 'reverted') then '0x' || repeat('ab', 32) end,
         mined_block = case when $1::text in ('mined', 'final', 'reverted') then 5 end,
         mined_block_hash = case when $1::text in ('mined', 'final', 'reverted') then '0x' || repeat('cd', 32) end,
         gas_used = case when $1::text in ('mined', 'final', 'reverted') then 100000 end,
         gas_price = case when $1::text in ('mined', 'final', 'reverted') then 1 end
       where id = (select max(id) from tx_intents)`,
      [state],
    );
  }
}

/** A server for the tests of a suite, whose logs are not shown. @returns makes a desk with a database of its own, closed after the suite */
export function givenDesks(): () => Promise<Desk> {
  let postgres: TestPostgres;
  const made: DataSource[] = [];
  beforeAll(async () => {
    Logger.overrideLogger(false);
    postgres = await startPostgres();
  }, BUSY_MS);
  afterAll(async () => {
    for (const database of made) await database.destroy();
    await postgres.stop();
  });
  return async () => {
    const { database, url } = await migratedDatabase(postgres);
    made.push(database);
    return new Desk(database, url);
  };
}

/** One desk for the tests of a suite, empty before each. @returns the desk, once it is there */
export function givenDesk(newDesk: () => Promise<Desk> = givenDesks()): () => Desk {
  let desk: Desk;
  beforeAll(async () => {
    desk = await newDesk();
  }, BUSY_MS);
  beforeEach(() => desk.clear());
  return () => desk;
}
