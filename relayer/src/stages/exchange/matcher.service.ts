import { Inject, Injectable, Logger } from '@nestjs/common';
import { exchange, type UnixSeconds } from '@lockstep/shared';
import { DataSource, type EntityManager } from 'typeorm';
import type { Hex } from 'viem';
import { ChainTime } from '../../chain/chain-time.js';
import { FAULT_POINT, type FaultPoint } from '../../chain/fault-point.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { ExchangeRepository, type NewMatch, type OrderUpdate } from './exchange.repository.js';
import { HUB_EXCHANGE, type HubExchange } from './hub-exchange.js';
import { feesOf, stepsOf } from './terms.js';
import type { StoredOrder } from './order-row.js';
import { describeRejection } from './rejections.js';

/** New orders taken in by one step. */
const BATCH = 500;
const EXPIRED = 'its time was over';

/** What one step changes, gathered before it is written. */
interface Step {
  readonly updates: Map<Hex, OrderUpdate>;
  readonly matches: NewMatch[];
}

/** An order in a book. */
interface Open {
  readonly order: exchange.Order;
  readonly left: bigint;
}

/**
 * Keeps the order books in memory and everything about them in tables: a step reads what is new, matches it and writes the outcome in one
 * database transaction. A process that finds a version of the book it did not write, after a start or because another one matched, reads
 * the book anew.
 */
@Injectable()
export class MatcherService {
  readonly #logger = new Logger(MatcherService.name);
  #version: bigint | null = null;
  #books = new Map<exchange.InstrumentId, exchange.OrderBook>();
  /** every order in a book */
  #open = new Map<Hex, Open>();

  constructor(
    private readonly dataSource: DataSource,
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'exchange'>,
    private readonly repository: ExchangeRepository,
    @Inject(HUB_EXCHANGE) private readonly hub: Pick<HubExchange, 'chainId'>,
    private readonly time: ChainTime,
    @Inject(FAULT_POINT) private readonly faultPoint: FaultPoint,
  ) {}

  /** One step. @returns true if more orders wait */
  async match(): Promise<boolean> {
    try {
      return await this.dataSource.transaction((tx) => this.#step(tx));
    } catch (error) {
      // The books may be ahead of the tables.
      this.#version = null;
      throw error;
    }
  }

  async #step(tx: EntityManager): Promise<boolean> {
    const version = await this.repository.lockVersion(tx);
    const step: Step = { updates: new Map(), matches: [] };
    const now = await this.time.now(this.hub, tx);
    if (version !== this.#version) await this.#rebuild(tx, step, now);
    for (const { hash, remaining } of await this.repository.cancelRequests(tx))
      if (step.updates.get(hash)?.state !== 'filled')
        this.#end(step, hash, this.#open.get(hash)?.left ?? remaining, 'cancelled', 'its owner took it back');
    for (const [hash, { order, left }] of this.#open) if (order.expiry < now) this.#end(step, hash, left, 'expired', EXPIRED);
    const fresh = (await this.repository.newOrders(tx, BATCH)).filter(({ hash }) => !step.updates.has(hash));
    for (const order of fresh) this.#place(step, order, now);
    this.#version = version;
    if (step.updates.size === 0) return false;
    await this.repository.updateOrders(tx, [...step.updates.values()]);
    await this.repository.addMatches(tx, step.matches);
    this.#version = await this.repository.raiseVersion(tx);
    this.faultPoint('exchange.matched');
    if (step.matches.length > 0) this.#logger.log({ event: 'exchange.matched', orders: fresh.length, matches: step.matches.length });
    return fresh.length === BATCH;
  }

  async #rebuild(tx: EntityManager, step: Step, now: UnixSeconds): Promise<void> {
    this.#books = new Map();
    this.#open = new Map();
    const orders = await this.repository.openOrders(tx);
    for (const { hash, order, remaining } of orders) {
      const placed = this.#bookOf(order).restore(hash, order, remaining, now);
      this.#open.set(hash, { order, left: remaining });
      // Only what moved is news: an order that rests as before is written already.
      if (placed.resting !== remaining || placed.removed.length > 0) this.#took(step, hash, order, remaining, placed, now);
    }
    this.#logger.log({ event: 'exchange.rebuilt', orders: orders.length, books: this.#books.size });
  }

  #place(step: Step, { hash, order, timeInForce, remaining }: StoredOrder, now: UnixSeconds): void {
    const result = this.#bookOf(order).place(hash, order, now, timeInForce);
    if (result.kind === 'placed') {
      this.#took(step, hash, order, remaining, result.placed, now);
      return;
    }
    const { why } = result;
    const state = why.code === 'EXPIRED' ? 'expired' : 'rejected';
    step.updates.set(hash, { hash, state, remaining, reason: describeRejection(why) });
  }

  /** Books what the book did with an order of which `remaining` was left. */
  #took(step: Step, hash: Hex, order: exchange.Order, remaining: bigint, placed: exchange.Placed, now: UnixSeconds): void {
    for (const { maker, price, size } of placed.matches) {
      const resting = this.#open.get(maker);
      if (resting === undefined) throw new Error(`order ${maker} was met in the book; expected one the matcher put there`);
      this.#set(step, maker, { order: resting.order, left: resting.left - size }, null);
      const [buy, sell] = order.side === 'buy' ? [hash, maker] : [maker, hash];
      const [buyer, seller] = order.side === 'buy' ? [order, resting.order] : [resting.order, order];
      const fees = feesOf(this.config.exchange, { buyer, seller, taker: order.side, size, price });
      step.matches.push({ buy, sell, taker: order.side, size, price, ...fees });
    }
    for (const removed of placed.removed) {
      const gone = this.#open.get(removed);
      if (gone === undefined) throw new Error(`order ${removed} left the book; expected one the matcher put there`);
      if (gone.order.expiry < now) this.#end(step, removed, gone.left, 'expired', EXPIRED);
      else this.#end(step, removed, gone.left, 'cancelled', 'it would have met an order of its own owner');
    }
    const left = placed.matches.reduce((rest, { size }) => rest - size, remaining);
    if (placed.resting > 0n || left === 0n) this.#set(step, hash, { order, left }, null);
    else this.#end(step, hash, left, 'cancelled', 'it was not to wait, and there was no more to take');
  }

  /** An order that rests, or of which nothing is left. */
  #set(step: Step, hash: Hex, open: Open, reason: string | null): void {
    if (open.left > 0n) this.#open.set(hash, open);
    else this.#open.delete(hash);
    step.updates.set(hash, { hash, state: open.left > 0n ? 'open' : 'filled', remaining: open.left, reason });
  }

  #end(step: Step, hash: Hex, left: bigint, state: 'cancelled' | 'expired', reason: string): void {
    const open = this.#open.get(hash);
    if (open !== undefined) this.#bookOf(open.order).remove(hash);
    this.#open.delete(hash);
    step.updates.set(hash, { hash, state, remaining: left, reason });
  }

  #bookOf({ instrument }: exchange.Order): exchange.OrderBook {
    const known = this.#books.get(instrument);
    if (known !== undefined) return known;
    const book = new exchange.OrderBook(stepsOf(this.config.exchange, instrument));
    this.#books.set(instrument, book);
    return book;
  }
}
