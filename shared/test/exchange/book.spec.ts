import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { numberToHex, type Hex } from 'viem';
import { encodeAccount } from '../../src/account.js';
import { OrderBook, samePrincipal, type Match, type TimeInForce } from '../../src/exchange/book.js';
import { encodeInstrument, price, size } from '../../src/exchange/instrument.js';
import type { Order, Side } from '../../src/exchange/order.js';
import { cash, unixSeconds } from '../../src/units.js';

const steps = { tick: price(5n), lot: size(2n), minimum: size(4n) };
const now = unixSeconds(1_000n);
const instrument = encodeInstrument({ kind: 'perpetual', underlying: 1 });
const trader = (n: number) => encodeAccount({ owner: numberToHex(n + 1, { size: 20 }), home: 0, subaccount: 0n });
const id = (n: number): Hex => numberToHex(n + 1, { size: 32 });

const order = (side: Side, amount: bigint, limit: bigint, by = 0, expiry = 2_000n): Order => ({
  account: trader(by),
  instrument,
  side,
  size: size(amount),
  limit: price(limit),
  feeCap: cash(0n),
  expiry: unixSeconds(expiry),
  nonce: 0n,
  reduceOnly: false,
});

describe('OrderBook', () => {
  it('given offers at several prices, a buyer takes the best price first and the oldest first, at their prices', () => {
    const book = new OrderBook(steps);
    book.place(id(1), order('sell', 10n, 110n, 1), now);
    book.place(id(2), order('sell', 10n, 100n, 2), now);
    book.place(id(3), order('sell', 10n, 100n, 3), now);
    const result = book.place(id(4), order('buy', 24n, 110n, 4), now);
    expect(result).toEqual({
      kind: 'placed',
      placed: {
        matches: [
          { maker: id(2), taker: id(4), price: 100n, size: 10n },
          { maker: id(3), taker: id(4), price: 100n, size: 10n },
          { maker: id(1), taker: id(4), price: 110n, size: 4n },
        ],
        removed: [],
        resting: 0n,
      },
    });
    expect(book.depth('sell')).toEqual([{ price: 110n, size: 6n, orders: 1 }]);
  });

  it('given an own order in the way, it is taken out: nobody trades with himself, nor with his sub-account', () => {
    const book = new OrderBook(steps);
    const sibling = encodeAccount({ owner: numberToHex(2, { size: 20 }), home: 0, subaccount: 7n });
    expect(samePrincipal(sibling, trader(1))).toBe(true);
    book.place(id(1), { ...order('sell', 10n, 100n), account: sibling }, now);
    const result = book.place(id(2), order('buy', 10n, 100n, 1), now);
    expect(result).toEqual({ kind: 'placed', placed: { matches: [], removed: [id(1)], resting: 10n } });
  });

  it.each([
    ['a size off the lot', order('buy', 5n, 100n), 'OFF_LOT'],
    ['a size below the least', order('buy', 2n, 100n), 'BELOW_MINIMUM'],
    ['a price off the tick', order('buy', 10n, 101n), 'OFF_TICK'],
    ['an expiry in the past', order('buy', 10n, 100n, 0, 999n), 'EXPIRED'],
  ])('given %s, it is rejected and the book unchanged', (_name, bad, code) => {
    const book = new OrderBook(steps);
    expect(book.place(id(1), bad, now)).toMatchObject({ kind: 'rejected', why: { code } });
    expect(book.count).toBe(0);
  });

  it('given an id that rests already, it is a duplicate', () => {
    const book = new OrderBook(steps);
    book.place(id(1), order('buy', 10n, 100n), now);
    expect(book.place(id(1), order('buy', 10n, 100n), now)).toMatchObject({ kind: 'rejected', why: { code: 'DUPLICATE' } });
  });

  it('given time in force, `ioc` never waits, `fok` is whole or nothing, `post` never takes', () => {
    const book = new OrderBook(steps);
    book.place(id(1), order('sell', 10n, 100n, 1), now);
    expect(book.place(id(2), order('buy', 20n, 100n, 2), now, 'fok')).toMatchObject({ why: { code: 'CANNOT_FILL', fillable: 10n } });
    expect(book.place(id(2), order('buy', 20n, 100n, 2), now, 'post')).toMatchObject({ why: { code: 'WOULD_TAKE', best: 100n } });
    expect(book.depth('sell')).toEqual([{ price: 100n, size: 10n, orders: 1 }]);
    expect(book.place(id(2), order('buy', 20n, 100n, 2), now, 'ioc')).toMatchObject({ placed: { resting: 0n } });
    expect(book.count).toBe(0);
  });

  it('given orders past their expiry, they leave and are never matched', () => {
    const book = new OrderBook(steps);
    book.place(id(1), order('sell', 10n, 100n, 1, 1_100n), now);
    book.place(id(2), order('sell', 10n, 100n, 2, 1_050n), now);
    const later = unixSeconds(1_060n);
    expect(book.place(id(3), order('buy', 10n, 100n, 3), later)).toMatchObject({
      placed: { matches: [{ maker: id(1) }], removed: [] },
    });
    expect(book.expire(later)).toEqual([id(2)]);
    expect(book.count).toBe(0);
  });

  const commands = fc.array(
    fc.record({
      side: fc.constantFrom<Side>('buy', 'sell'),
      lots: fc.integer({ min: 2, max: 12 }),
      ticks: fc.integer({ min: 16, max: 24 }),
      by: fc.integer({ min: 0, max: 3 }),
      force: fc.constantFrom<TimeInForce>('gtc', 'gtc', 'gtc', 'ioc', 'fok', 'post'),
      cancels: fc.option(fc.nat(30), { nil: null, freq: 5 }),
    }),
    { maxLength: 60 },
  );

  it('given any orders, nothing is made or lost, the book never crosses, priority holds, and a replay gives the same book', () => {
    fc.assert(
      fc.property(commands, (list) => {
        const run = () => {
          const book = new OrderBook(steps);
          const matched = new Map<Hex, bigint>();
          const taken = new Map<Hex, bigint>();
          const log: (readonly Match[])[] = [];
          const orders = new Map<Hex, Order>();
          for (const [n, c] of list.entries()) {
            if (c.cancels !== null) {
              const left = book.remove(id(c.cancels));
              taken.set(id(c.cancels), (taken.get(id(c.cancels)) ?? 0n) + left);
            }
            const o = order(c.side, BigInt(c.lots) * 2n, BigInt(c.ticks) * 5n, c.by);
            const before = new Map([...orders.keys()].map((key) => [key, book.remaining(key)]));
            const result = book.place(id(n), o, now, c.force);
            if (result.kind === 'rejected') continue;
            orders.set(id(n), o);
            const { matches, removed, resting } = result.placed;
            log.push(matches);
            for (const m of matches) {
              const maker = orders.get(m.maker);
              expect(maker?.limit).toBe(m.price);
              expect(o.side === 'buy' ? m.price <= o.limit : m.price >= o.limit).toBe(true);
              expect(maker && samePrincipal(maker.account, o.account)).toBe(false);
              for (const key of [m.maker, m.taker]) matched.set(key, (matched.get(key) ?? 0n) + m.size);
            }
            for (const key of removed) taken.set(key, (taken.get(key) ?? 0n) + (before.get(key) ?? 0n));
            if (c.force === 'ioc' || c.force === 'fok') expect(resting).toBe(0n);
            if (c.force === 'fok') expect(matches.reduce((sum, m) => sum + m.size, 0n)).toBe(o.size);
            if (c.force === 'post') expect(matches).toEqual([]);
            if (c.force === 'ioc' || c.force === 'fok') taken.set(id(n), o.size - (matched.get(id(n)) ?? 0n));
          }
          for (const [key, o] of orders) {
            const ended = (matched.get(key) ?? 0n) + (taken.get(key) ?? 0n) + book.remaining(key);
            expect(ended).toBe(o.size);
          }
          const [bid] = book.depth('buy', 1);
          const [offer] = book.depth('sell', 1);
          if (bid && offer) expect(bid.price).toBeLessThan(offer.price);
          const again = new OrderBook(steps);
          for (const [key, o] of orders) {
            const left = book.remaining(key);
            if (left > 0n) expect(again.restore(key, o, left, now)).toEqual({ matches: [], removed: [], resting: left });
          }
          for (const side of ['buy', 'sell'] as const) expect(again.depth(side)).toEqual(book.depth(side));
          return { log, buy: book.depth('buy'), sell: book.depth('sell') };
        };
        expect(run()).toEqual(run());
      }),
    );
  });

  it('given what is left of an order, it comes back even below the minimum, and meets what it crosses by now', () => {
    const book = new OrderBook(steps);
    book.place(id(1), order('sell', 10n, 100n, 1), now);
    expect(book.restore(id(2), order('buy', 10n, 100n, 2), 2n, now)).toEqual({
      matches: [{ maker: id(1), taker: id(2), price: 100n, size: 2n }],
      removed: [],
      resting: 0n,
    });
    expect(() => book.restore(id(1), order('sell', 10n, 100n, 1), 2n, now)).toThrow(/is in the book/);
    expect(() => book.restore(id(3), order('sell', 10n, 100n, 1), 11n, now)).toThrow(/11 of order .* is left; expected 1 … 10/);
  });
});
