import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { exchange } from '@lockstep/shared';
import type { Hex } from 'viem';
import { z } from 'zod/v4';
import { toJson } from '../facts.js';
import { orderColumns, orderRow, type OrderState, type StoredOrder } from './order-row.js';

/** An order as it comes in. */
export interface NewOrder extends exchange.SignedOrder {
  readonly hash: Hex;
  readonly timeInForce: exchange.TimeInForce;
}

/** What became of an order in the book. */
export interface OrderUpdate {
  readonly hash: Hex;
  readonly state: OrderState;
  readonly remaining: bigint;
  readonly reason: string | null;
}

/** Two orders that met. Fees in cash, 18 decimals. */
export interface NewMatch {
  readonly buy: Hex;
  readonly sell: Hex;
  readonly taker: exchange.Side;
  readonly size: bigint;
  readonly price: bigint;
  readonly buyFee: bigint;
  readonly sellFee: bigint;
}

/** A match with both of its orders. */
export interface StoredMatch {
  readonly id: bigint;
  readonly buy: StoredOrder;
  readonly sell: StoredOrder;
  readonly taker: exchange.Side;
  readonly size: bigint;
  readonly price: bigint;
  readonly buyFee: bigint;
  readonly sellFee: bigint;
  /** transactions that were wanted for it */
  readonly attempts: number;
  /** of these, how many were mined and failed */
  readonly failures: number;
}

const versionRow = z.tuple([z.object({ version: z.string().transform(BigInt) })]);
const integer = z.string().transform((value) => BigInt(value));
const matchRow = z.object({
  id: integer,
  taker: z.enum(['buy', 'sell']),
  size: integer,
  price: integer,
  buy_fee: integer,
  sell_fee: integer,
  attempts: z.number(),
  failures: z.number(),
  buy_order: integer,
  sell_order: integer,
});

/** Reads and writes of the matcher. */
@Injectable()
export class ExchangeRepository {
  constructor(private readonly dataSource: DataSource) {}

  // ---- the book

  /** The version of the book, held until the transaction ends: only one process changes the book at a time. */
  async lockVersion(tx: EntityManager): Promise<bigint> {
    return versionRow.parse(await tx.query('select version::text from exchange_book for update'))[0].version;
  }

  async raiseVersion(tx: EntityManager): Promise<bigint> {
    // An update answers with rows and their number.
    const answer: unknown = await tx.query('update exchange_book set version = version + 1 returning version::text');
    return z.tuple([versionRow, z.number()]).parse(answer)[0][0].version;
  }

  /** Orders that rest, in the order they came. */
  openOrders(tx: EntityManager): Promise<StoredOrder[]> {
    return this.#orders(tx, `state = 'open'`, []);
  }

  newOrders(tx: EntityManager, most: number): Promise<StoredOrder[]> {
    return this.#orders(tx, `state = 'new'`, [], most);
  }

  cancelRequests(tx: EntityManager): Promise<StoredOrder[]> {
    return this.#orders(tx, `cancel_requested and state in ('new', 'open')`, []);
  }

  async updateOrders(tx: EntityManager, updates: readonly OrderUpdate[]): Promise<void> {
    if (updates.length === 0) return;
    await tx.query(
      `update exchange_orders o set state = u.state, remaining = u.remaining, reason = coalesce(u.reason, o.reason), updated_at = now()
       from jsonb_to_recordset($1::jsonb) as u(hash text, state text, remaining numeric, reason text) where o.hash = u.hash`,
      [toJson(updates)],
    );
  }

  async addMatches(tx: EntityManager, matches: readonly NewMatch[]): Promise<void> {
    if (matches.length === 0) return;
    await tx.query(
      `insert into exchange_matches (instrument, buy_order, sell_order, taker, size, price, buy_fee, sell_fee)
       select b.instrument, b.id, s.id, m.taker, m.size, m.price, m."buyFee", m."sellFee"
       from jsonb_to_recordset($1::jsonb)
         as m(buy text, sell text, taker text, size numeric, price numeric, "buyFee" numeric, "sellFee" numeric, place bigint)
       join exchange_orders b on b.hash = m.buy join exchange_orders s on s.hash = m.sell order by m.place`,
      [toJson(matches.map((match, place) => ({ ...match, place })))],
    );
  }

  // ---- orders of people

  /** @returns false if an order of this hash, or of this account and nonce, is known */
  async add({ order, signer, signature, hash, timeInForce }: NewOrder): Promise<boolean> {
    const rows: unknown = await this.dataSource.query(
      `insert into exchange_orders (hash, account, instrument, side, size, limit_price, fee_cap, expiry, nonce, reduce_only, signer,
         signature, time_in_force, remaining)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $5) on conflict do nothing returning id`,
      [
        hash,
        order.account,
        order.instrument.toString(),
        order.side,
        order.size.toString(),
        order.limit.toString(),
        order.feeCap.toString(),
        order.expiry.toString(),
        order.nonce.toString(),
        order.reduceOnly,
        signer.toLowerCase(),
        signature,
        timeInForce,
      ],
    );
    return z.array(z.unknown()).parse(rows).length > 0;
  }

  async byHash(hash: Hex, tx: EntityManager = this.dataSource.manager): Promise<StoredOrder | null> {
    return (await this.#orders(tx, 'hash = $1', [hash]))[0] ?? null;
  }

  async byNonce(account: Hex, nonce: bigint): Promise<StoredOrder | null> {
    return (await this.#orders(this.dataSource.manager, 'account = $1 and nonce = $2', [account, nonce.toString()]))[0] ?? null;
  }

  /** Orders of an account that may still trade. */
  async countLive(account: Hex): Promise<number> {
    const rows: unknown = await this.dataSource.query(
      `select count(*)::int as live from exchange_orders where account = $1 and state in ('new', 'open')`,
      [account],
    );
    return z.tuple([z.object({ live: z.number() })]).parse(rows)[0].live;
  }

  /** Has the matcher take an order out. One that has ended stays as it is. */
  async requestCancel(hash: Hex): Promise<void> {
    await this.dataSource.query(`update exchange_orders set cancel_requested = true where hash = $1 and state in ('new', 'open')`, [hash]);
  }

  // ---- settlement

  /** Matches nobody settles yet, by how long they wait; one that came back waits anew. */
  unsettled(most: number): Promise<StoredMatch[]> {
    return this.#matches(`state = 'matched' order by updated_at, id limit ${most}`, []);
  }

  /** Matches that one transaction was to settle. */
  ofSettlement(settlement: string): Promise<StoredMatch[]> {
    return this.#matches('settlement = $1 order by id', [settlement]);
  }

  async #matches(where: string, parameters: readonly string[]): Promise<StoredMatch[]> {
    const rows: unknown = await this.dataSource.query(
      `select id::text, taker, size::text, price::text, buy_fee::text, sell_fee::text, attempts, failures, buy_order::text, sell_order::text
       from exchange_matches where ${where}`,
      [...parameters],
    );
    const matches = z.array(matchRow).parse(rows);
    const ids = [...new Set(matches.flatMap(({ buy_order, sell_order }) => [buy_order, sell_order]))].map(String);
    const orders = new Map((await this.#orders(this.dataSource.manager, 'id = any($1)', [ids])).map((order) => [order.id, order]));
    return matches.map(({ buy_order, sell_order, buy_fee: buyFee, sell_fee: sellFee, ...match }) => {
      const [buy, sell] = [orders.get(buy_order), orders.get(sell_order)];
      if (buy === undefined || sell === undefined) throw new Error(`match ${match.id} names an order that is not there`);
      return { ...match, buyFee, sellFee, buy, sell };
    });
  }

  /** @returns false, and nothing changed, if one of them is not `matched` any more */
  async markSent(tx: EntityManager, ids: readonly bigint[], settlement: string): Promise<boolean> {
    const answer: unknown = await tx.query(
      `update exchange_matches set state = 'sent', settlement = $2, attempts = attempts + 1, updated_at = now()
       where id = any($1) and state = 'matched' returning id`,
      [ids.map(String), settlement],
    );
    return z.tuple([z.array(z.unknown()), z.number()]).parse(answer)[1] === ids.length;
  }

  /** Settlements whose transaction is not final. */
  async openSettlements(): Promise<{ settlement: string; state: 'sent' | 'settled'; tx: string | null }[]> {
    const rows: unknown = await this.dataSource.query(
      `select settlement, min(state) as state, min(tx_hash) as tx from exchange_matches
       where state in ('sent', 'settled') and not is_final group by settlement order by min(id)`,
    );
    return z.array(z.object({ settlement: z.string(), state: z.enum(['sent', 'settled']), tx: z.string().nullable() })).parse(rows);
  }

  async markSettled(settlement: string, tx: Hex, isFinal: boolean): Promise<void> {
    await this.dataSource.query(
      `update exchange_matches set state = 'settled', tx_hash = $2, is_final = $3, updated_at = now() where settlement = $1`,
      [settlement, tx, isFinal],
    );
  }

  /** A reorg took the transaction out; it is sent again. */
  async markUnmined(settlement: string): Promise<void> {
    await this.dataSource.query(
      `update exchange_matches set state = 'sent', tx_hash = null, updated_at = now() where settlement = $1 and state = 'settled'`,
      [settlement],
    );
  }

  /** The transaction did not pass: its matches are to be judged anew. @param was tried: mined, and failed */
  async release(settlement: string, was: 'tried' | 'untried'): Promise<void> {
    await this.dataSource.query(
      `update exchange_matches set state = 'matched', settlement = null, tx_hash = null, updated_at = now(),
         failures = failures + $2 where settlement = $1`,
      [settlement, was === 'tried' ? 1 : 0],
    );
  }

  /** @returns false, and nothing changed, if it is not `matched` any more */
  async markFailed(tx: EntityManager, id: bigint, reason: string): Promise<boolean> {
    const answer: unknown = await tx.query(
      `update exchange_matches set state = 'failed', reason = $2, updated_at = now() where id = $1 and state = 'matched' returning id`,
      [id.toString(), reason],
    );
    return z.tuple([z.array(z.unknown()), z.number()]).parse(answer)[1] === 1;
  }

  async #orders(tx: EntityManager, where: string, parameters: readonly unknown[], most?: number): Promise<StoredOrder[]> {
    const rows: unknown = await tx.query(
      `select ${orderColumns('o')} from exchange_orders o where ${where} order by o.id${most === undefined ? '' : ` limit ${most}`}`,
      [...parameters],
    );
    return z.array(orderRow).parse(rows);
  }
}
