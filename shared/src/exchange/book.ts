import type { Hex } from 'viem';
import type { AccountId, UnixSeconds } from '../units.js';
import type { Price, Size } from './instrument.js';
import type { Order, Side } from './order.js';

/** Characters of `0x`, owner and home. */
const PRINCIPAL_END = 2 + 2 * 24;

/** How long an incoming order may wait. `gtc`: until it expires; `ioc`: not at all; `fok`: whole at once or not; `post`: never takes. */
export type TimeInForce = 'gtc' | 'ioc' | 'fok' | 'post';

/** Steps that prices and sizes of an instrument are multiples of, and the least size of an order. */
export interface Steps {
  readonly tick: Price;
  readonly lot: Size;
  readonly minimum: Size;
}

/** Two orders that meet, at the price of the one that was there first. */
export interface Match {
  readonly maker: Hex;
  readonly taker: Hex;
  readonly price: Price;
  readonly size: Size;
}

/** Why an order is not taken. */
export type Rejection =
  | { readonly code: 'DUPLICATE'; readonly id: Hex }
  | { readonly code: 'EXPIRED'; readonly expiry: UnixSeconds; readonly now: UnixSeconds }
  | { readonly code: 'OFF_TICK'; readonly price: Price; readonly tick: Price }
  | { readonly code: 'OFF_LOT'; readonly size: Size; readonly lot: Size }
  | { readonly code: 'BELOW_MINIMUM'; readonly size: Size; readonly minimum: Size }
  | { readonly code: 'WOULD_TAKE'; readonly best: Price }
  | { readonly code: 'CANNOT_FILL'; readonly fillable: bigint; readonly size: Size };

export interface Placed {
  readonly matches: readonly Match[];
  /** orders of the same principal that stood in the way and were taken out: nobody trades with himself */
  readonly removed: readonly Hex[];
  /** what now rests in the book, 0 if nothing */
  readonly resting: bigint;
}

export type PlaceResult = { readonly kind: 'placed'; readonly placed: Placed } | { readonly kind: 'rejected'; readonly why: Rejection };

interface Resting {
  readonly id: Hex;
  readonly order: Order;
  remaining: bigint;
}

/** One price of one side, oldest first. */
interface Level {
  readonly price: Price;
  readonly queue: Resting[];
}

/** Size that waits at a price. */
export interface Depth {
  readonly price: Price;
  readonly size: bigint;
  readonly orders: number;
}

/**
 * Orders of one instrument by price, then time. Deterministic: the same calls in the same order give the same book, so a matcher that
 * restarts replays the orders it has stored. The book decides nothing about money: the exchange contract judges every match again.
 */
export class OrderBook {
  readonly #levels: Record<Side, Level[]> = { buy: [], sell: [] };
  readonly #open = new Map<Hex, Resting>();

  constructor(private readonly steps: Steps) {}

  /** Takes an order in: matches what crosses, best price first and oldest first, then lets the rest wait if it may. */
  place(id: Hex, order: Order, now: UnixSeconds, timeInForce: TimeInForce = 'gtc'): PlaceResult {
    const why = this.#refusal(id, order, now) ?? this.#refusalByForce(order, now, timeInForce);
    if (why !== null) return { kind: 'rejected', why };
    return { kind: 'placed', placed: this.#take(id, order, order.size, now, timeInForce) };
  }

  /**
   * Takes back what is left of an order that was in the book before: its steps were checked then, and what is left may be below the
   * minimum. Orders that come back in the order they first came keep their priority; those that cross by now match.
   * @throws RangeError if the order is in the book, or nothing of it is left
   */
  restore(id: Hex, order: Order, left: bigint, now: UnixSeconds): Placed {
    if (this.#open.has(id)) throw new RangeError(`order ${id} is in the book; expected one that is not`);
    if (left <= 0n || left > order.size) throw new RangeError(`${left} of order ${id} is left; expected 1 … ${order.size}`);
    return this.#take(id, order, left, now, 'gtc');
  }

  #take(id: Hex, order: Order, size: bigint, now: UnixSeconds, timeInForce: TimeInForce): Placed {
    const removed: Hex[] = [];
    const matches: Match[] = [];
    let left = size;
    for (const maker of this.#crossing(order)) {
      if (left === 0n) break;
      if (maker.order.expiry < now || samePrincipal(maker.order.account, order.account)) {
        this.remove(maker.id);
        removed.push(maker.id);
        continue;
      }
      const met = left < maker.remaining ? left : maker.remaining;
      left -= met;
      this.#reduce(maker, met);
      // CAST: above zero and at most the smaller of two sizes.
      matches.push({ maker: maker.id, taker: id, price: maker.order.limit, size: met as Size });
    }
    const resting = timeInForce === 'ioc' || timeInForce === 'fok' ? 0n : left;
    if (resting > 0n) this.#rest({ id, order, remaining: resting });
    return { matches, removed, resting };
  }

  /** Takes an order out. @returns what was left of it, 0 if it was not there */
  remove(id: Hex): bigint {
    const resting = this.#open.get(id);
    if (resting === undefined) return 0n;
    const left = resting.remaining;
    this.#reduce(resting, left);
    return left;
  }

  /** Takes out everything that expired before `now`. @returns its ids, oldest expiry first */
  expire(now: UnixSeconds): Hex[] {
    const gone = [...this.#open.values()].filter(({ order }) => order.expiry < now);
    gone.sort((a, b) => Number(a.order.expiry - b.order.expiry));
    for (const { id } of gone) this.remove(id);
    return gone.map(({ id }) => id);
  }

  /** What is left of an order in the book. */
  remaining(id: Hex): bigint {
    return this.#open.get(id)?.remaining ?? 0n;
  }

  /** Sizes by price, best first. */
  depth(side: Side, levels = Number.POSITIVE_INFINITY): Depth[] {
    return this.#levels[side]
      .slice(0, levels)
      .map(({ price, queue }) => ({ price, size: queue.reduce((sum, { remaining }) => sum + remaining, 0n), orders: queue.length }));
  }

  get count(): number {
    return this.#open.size;
  }

  #refusal(id: Hex, { expiry, limit, size }: Order, now: UnixSeconds): Rejection | null {
    const { tick, lot, minimum } = this.steps;
    if (this.#open.has(id)) return { code: 'DUPLICATE', id };
    if (expiry < now) return { code: 'EXPIRED', expiry, now };
    if (limit % tick !== 0n) return { code: 'OFF_TICK', price: limit, tick };
    if (size % lot !== 0n) return { code: 'OFF_LOT', size, lot };
    if (size < minimum) return { code: 'BELOW_MINIMUM', size, minimum };
    return null;
  }

  #refusalByForce(order: Order, now: UnixSeconds, timeInForce: TimeInForce): Rejection | null {
    if (timeInForce !== 'post' && timeInForce !== 'fok') return null;
    const makers = this.#crossing(order).filter((m) => m.order.expiry >= now && !samePrincipal(m.order.account, order.account));
    const best = makers[0];
    if (timeInForce === 'post') return best === undefined ? null : { code: 'WOULD_TAKE', best: best.order.limit };
    const fillable = makers.reduce((sum, { remaining }) => sum + remaining, 0n);
    return fillable >= order.size ? null : { code: 'CANNOT_FILL', fillable, size: order.size };
  }

  /** Resting orders that an incoming one may meet, in the order it meets them. A copy: matching changes the levels. */
  #crossing({ side, limit }: Order): Resting[] {
    const against = this.#levels[opposite(side)];
    const crosses = (level: Level): boolean => (side === 'buy' ? level.price <= limit : level.price >= limit);
    const end = against.findIndex((level) => !crosses(level));
    return (end === -1 ? against : against.slice(0, end)).flatMap(({ queue }) => queue);
  }

  #rest(resting: Resting): void {
    const { side, limit } = resting.order;
    const levels = this.#levels[side];
    const at = placeOf(levels, side, limit);
    const level = levels[at];
    if (level?.price === limit) level.queue.push(resting);
    else levels.splice(at, 0, { price: limit, queue: [resting] });
    this.#open.set(resting.id, resting);
  }

  #reduce(resting: Resting, by: bigint): void {
    resting.remaining -= by;
    if (resting.remaining > 0n) return;
    this.#open.delete(resting.id);
    const { side, limit } = resting.order;
    const levels = this.#levels[side];
    const at = placeOf(levels, side, limit);
    const level = levels[at];
    if (level === undefined) return;
    level.queue.splice(level.queue.indexOf(resting), 1);
    if (level.queue.length === 0) levels.splice(at, 1);
  }
}

const opposite = (side: Side): Side => (side === 'buy' ? 'sell' : 'buy');

/** Index of the level of that price, or where it belongs: bids fall, offers rise. */
function placeOf(levels: readonly Level[], side: Side, price: Price): number {
  let low = 0;
  let high = levels.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = levels[middle]?.price ?? price;
    const before = side === 'buy' ? at > price : at < price;
    if (before) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Sub-accounts of one owner and home belong together: the first 24 of an account's 32 bytes. */
export const samePrincipal = (a: AccountId, b: AccountId): boolean => a.slice(0, PRINCIPAL_END) === b.slice(0, PRINCIPAL_END);
