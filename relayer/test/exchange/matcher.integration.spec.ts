import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { exchange, unixSeconds } from '@lockstep/shared';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import type { Hex } from 'viem';
import { migrations } from '../../src/database/migrations/index.js';
import { ExchangeTables1795230000300 } from '../../src/database/migrations/1795230000300-exchange.js';
import type { RevertReason } from '../../src/sender/intent.js';
import { migratedDatabase } from '../support/database.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { CALL, E18, exchangeWorld, NOW, orderOf, signed, signedCancel, trader, type ExchangeWorld, type Trader } from './world.js';

const BUSY_MS = 120_000;
const [alice, bob, carol, dora] = [trader(1), trader(2), trader(3), trader(4)];

let postgres: TestPostgres;
let database: DataSource;
let world: ExchangeWorld;

beforeAll(async () => {
  Logger.overrideLogger(false);
  postgres = await startPostgres();
  const made = await migratedDatabase(postgres);
  database = made.database;
  world = exchangeWorld(database, made.url);
}, BUSY_MS);
afterAll(async () => {
  await database.destroy();
  await postgres.stop();
});
beforeEach(async () => {
  await database.query('truncate exchange_matches, exchange_orders, tx_attempts, tx_intents cascade');
  await database.query('update exchange_book set version = version + 1');
  world.hub.refuses = () => null;
  world.hub.closed = null;
  world.clock.at = NOW;
});

async function place(
  by: Trader,
  side: exchange.Side,
  units: number,
  price: number,
  timeInForce: exchange.TimeInForce = 'gtc',
  change = {},
) {
  const order = orderOf(by, side, units, price, change);
  const result = await world.intake.take(await signed(by, order), timeInForce);
  if (result.kind === 'refused') throw new Error(JSON.stringify(result.problem));
  return { order, hash: result.order.hash };
}
const shown = async (hash: Hex): Promise<[string, string]> => {
  const order = await world.queries.order(hash);
  return [order?.state ?? 'unknown', order?.remaining ?? ''];
};
const units = (n: number): string => `${BigInt(Math.round(n * 1000)) * 10n ** 15n}`;
const intents = (): Promise<{ id: string; role: string; state: string; dedupe_key: string }[]> =>
  database.query('select id::text, role, state, dedupe_key from tx_intents order by id');
/** Plays the lane: the newest intent is mined, final, reverted or refused. */
async function laneSays(state: 'mined' | 'final' | 'reverted' | 'rejected'): Promise<void> {
  await database.query(
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
const revert = (name: string, ...args: string[]): RevertReason => ({ kind: 'error', name, args, data: '0x' });

describe('given the order books of a matcher', () => {
  it('matches by price, then time, at the price of the order that waited, and takes fees from both', async () => {
    const matcher = world.matcher();
    const dear = await place(alice, 'sell', 1, 60_100);
    const first = await place(bob, 'sell', 1, 60_000);
    const second = await place(alice, 'sell', 1, 60_000);
    await matcher.match();
    const taker = await place(carol, 'buy', 1.5, 60_100);
    await matcher.match();
    expect(await shown(first.hash)).toEqual(['filled', '0']);
    expect(await shown(second.hash)).toEqual(['open', units(0.5)]);
    expect(await shown(dear.hash)).toEqual(['open', units(1)]);
    expect(await shown(taker.hash)).toEqual(['filled', '0']);
    const trades = await world.queries.trades({});
    expect(
      trades.map(({ sellOrder, size, price, taker: side, buyFee, sellFee, state }) => [
        sellOrder,
        size,
        price,
        side,
        buyFee,
        sellFee,
        state,
      ]),
    ).toEqual([
      [second.hash, units(0.5), `${60_000n * E18}`, 'buy', `${15n * E18}`, '0', 'matched'],
      [first.hash, units(1), `${60_000n * E18}`, 'buy', `${30n * E18}`, '0', 'matched'],
    ]);
    const book = await world.queries.book(taker.order.instrument);
    expect(book.bids).toEqual([]);
    expect(book.asks).toEqual([
      { price: `${60_000n * E18}`, size: units(0.5), orders: 1 },
      { price: `${60_100n * E18}`, size: units(1), orders: 1 },
    ]);
    expect(book.last).toMatchObject({ price: `${60_000n * E18}`, size: units(0.5) });
  });

  it('given a restart, goes on with the same book and the same priority', async () => {
    const early = await place(alice, 'sell', 1, 60_000);
    const late = await place(bob, 'sell', 1, 60_000);
    await world.matcher().match();
    await place(carol, 'buy', 0.4, 60_000);
    await world.matcher().match();
    await place(carol, 'buy', 0.4, 60_000);
    await world.matcher().match();
    expect(await shown(early.hash)).toEqual(['open', units(0.2)]);
    expect(await shown(late.hash)).toEqual(['open', units(1)]);
  });

  it('given two processes that match in turn, each order is matched once', async () => {
    const matchers = [world.matcher(), world.matcher()];
    for (let i = 0; i < 6; i++) {
      await place(alice, 'sell', 1, 60_000 + i);
      await Promise.all(matchers.map((matcher) => matcher.match()));
      await place(bob, 'buy', 0.5, 60_000 + i);
      await Promise.all(matchers.map((matcher) => matcher.match()));
    }
    const [sums] = await database.query<{ good: boolean; matches: number }[]>(
      `select bool_and(o.size = o.remaining + coalesce(m.size, 0)) as good, (select count(*)::int from exchange_matches) as matches
       from exchange_orders o left join lateral (select sum(size) as size from exchange_matches m
         where o.id in (m.buy_order, m.sell_order) and m.state <> 'failed') m on true`,
    );
    expect(sums).toEqual({ good: true, matches: 6 });
  });

  it('given orders that do not wait, never take or have run out, each ends as it asked', async () => {
    const matcher = world.matcher();
    await place(alice, 'sell', 1, 60_000, 'gtc', { expiry: unixSeconds(NOW + 10n) });
    await matcher.match();
    const [ioc, fok, post] = [
      await place(bob, 'buy', 3, 59_000, 'ioc'),
      await place(bob, 'buy', 3, 60_000, 'fok'),
      await place(bob, 'buy', 1, 60_000, 'post'),
    ];
    await matcher.match();
    expect(await shown(ioc.hash)).toEqual(['cancelled', units(3)]);
    expect((await world.queries.order(fok.hash))?.reason).toBe('only 1 of its 3 could be filled at once; expected all of it');
    expect((await world.queries.order(post.hash))?.state).toBe('rejected');
    world.clock.at = NOW + 11n;
    const late = await place(bob, 'buy', 1, 60_000);
    await matcher.match();
    expect(await shown(late.hash)).toEqual(['open', units(1)]);
    expect((await world.queries.ofAccount(alice.account, 'all')).map(({ state, reason }) => [state, reason])).toEqual([
      ['expired', 'its time was over'],
    ]);
  });

  it('given an order that would meet one of its own owner, the one that waited goes', async () => {
    const matcher = world.matcher();
    const waiting = await place(alice, 'sell', 1, 60_000);
    const other = await place(alice, 'buy', 1, 60_000);
    await matcher.match();
    expect(await shown(waiting.hash)).toEqual(['cancelled', units(1)]);
    expect(await shown(other.hash)).toEqual(['open', units(1)]);
    expect(await world.queries.trades({})).toEqual([]);
  });

  it('given a cancellation by its owner, an order leaves the book, whether it was in it or not', async () => {
    const matcher = world.matcher();
    const waiting = await place(alice, 'sell', 1, 60_000);
    await matcher.match();
    const fresh = await place(alice, 'sell', 1, 60_000);
    for (const { hash, order } of [waiting, fresh])
      expect((await world.intake.cancel(hash, alice.key.address, await signedCancel(alice, order))).kind).toBe('taken');
    const taker = await place(bob, 'buy', 1, 60_000);
    await matcher.match();
    for (const { hash } of [waiting, fresh]) expect(await shown(hash)).toEqual(['cancelled', units(1)]);
    expect(await shown(taker.hash)).toEqual(['open', units(1)]);
  });

  it('given a step that could not be written, the next one starts from the tables', async () => {
    const matcher = world.matcher();
    await place(alice, 'sell', 1, 60_000);
    await matcher.match();
    const taker = await place(bob, 'buy', 1, 60_000);
    await database.query('alter table exchange_matches add constraint broken check (size < 0) not valid');
    await expect(matcher.match()).rejects.toThrow(/broken/);
    await database.query('alter table exchange_matches drop constraint broken');
    expect(await shown(taker.hash)).toEqual(['new', units(1)]);
    await matcher.match();
    expect(await shown(taker.hash)).toEqual(['filled', '0']);
    expect(await world.queries.trades({})).toHaveLength(1);
  });
});

describe('given matches to be settled', () => {
  async function matched(count: number) {
    const makers = [];
    for (let i = 0; i < count; i++) makers.push(await place(alice, 'sell', 1, 60_000 + i));
    const taker = await place(bob, 'buy', count, 60_000 + count);
    await world.matcher().match();
    return { makers, taker };
  }
  const states = async () => (await world.queries.trades({})).map(({ state, final }) => `${state}${final ? ' final' : ''}`).reverse();

  it('sends all of them in one transaction, waits for it, and follows it to finality and back', async () => {
    await matched(3);
    await world.settlement.settle();
    expect(await states()).toEqual(['sent', 'sent', 'sent']);
    expect((await intents()).map(({ role, state }) => [role, state])).toEqual([['match', 'queued']]);
    await matched(1);
    await world.settlement.settle();
    expect(await intents()).toHaveLength(1);
    await laneSays('mined');
    await world.settlement.settle();
    expect(await states()).toEqual(['settled', 'settled', 'settled', 'sent']);
    expect(await intents()).toHaveLength(2);
    // A reorg takes the first one out; the second one goes on.
    await database.query(
      `update tx_intents set state = 'queued', nonce = null, mined_hash = null, mined_block = null, mined_block_hash = null, gas_used = null,
         gas_price = null where id = (select min(id) from tx_intents)`,
    );
    await world.settlement.settle();
    expect(await states()).toEqual(['sent', 'sent', 'sent', 'sent']);
    await laneSays('final');
    await world.settlement.settle();
    expect(await states()).toEqual(['sent', 'sent', 'sent', 'settled final']);
  });

  it('given one the hub refuses for the buyer, the others settle and the seller waits again in his place', async () => {
    const maker = await place(alice, 'sell', 1, 60_000);
    const poor = await place(carol, 'buy', 1, 60_000);
    await world.matcher().match();
    const behind = await place(bob, 'sell', 1, 60_000);
    await world.matcher().match();
    world.hub.refuses = (matches) =>
      matches.some(({ buy }) => buy.order.account === carol.account) ? revert('BelowInitialMargin', carol.account, '5', '10') : null;
    await world.settlement.settle();
    expect(await states()).toEqual(['failed']);
    expect((await world.queries.order(poor.hash))?.reason).toBe(`BelowInitialMargin(${carol.account}, 5, 10)`);
    expect(await shown(poor.hash)).toEqual(['rejected', units(1)]);
    expect(await shown(maker.hash)).toEqual(['open', units(1)]);
    const rich = await place(bob, 'buy', 1, 60_000);
    await world.matcher().match();
    expect(await shown(rich.hash)).toEqual(['filled', '0']);
    expect(await shown(maker.hash)).toEqual(['filled', '0']);
    expect(await shown(behind.hash)).toEqual(['open', units(1)]);
    await world.settlement.settle();
    expect(await states()).toEqual(['failed', 'sent']);
  });

  it('given matches that pass alone but not together, they settle one after the other', async () => {
    await matched(2);
    world.hub.refuses = (matches) => (matches.length > 1 ? revert('BelowInitialMargin', bob.account) : null);
    await world.settlement.settle();
    expect(await states()).toEqual(['sent', 'matched']);
    await laneSays('final');
    await world.settlement.settle();
    expect(await states()).toEqual(['settled final', 'sent']);
  });

  it('given prices that are not fresh, a match waits until they are', async () => {
    await matched(1);
    world.hub.refuses = () => revert('PricesNotFresh', bob.account, '3');
    await world.settlement.settle();
    expect(await states()).toEqual(['matched']);
    world.hub.refuses = () => null;
    await world.settlement.settle();
    expect(await states()).toEqual(['sent']);
  });

  it('given a refusal that names nobody, both orders end', async () => {
    const { makers, taker } = await matched(1);
    world.hub.refuses = () => ({ kind: 'message', message: 'paused' });
    await world.settlement.settle();
    for (const hash of [makers[0]?.hash ?? '0x', taker.hash]) expect(await shown(hash)).toEqual(['rejected', units(1)]);
  });

  it.each(['reverted', 'rejected'] as const)('given a transaction that was %s, its matches are judged and sent again', async (state) => {
    await matched(1);
    await world.settlement.settle();
    await laneSays(state);
    await world.settlement.settle();
    const [first, second] = await intents();
    expect(second?.dedupe_key).not.toBe(first?.dedupe_key);
    expect(await states()).toEqual(['sent']);
  });

  const sent = (): Promise<{ hash: Hex }[]> =>
    database.query(`select o.hash from exchange_matches m join exchange_orders o on o.id = m.sell_order where m.state = 'sent'`);

  it('given a signer that fails what it shares when it is mined, the others settle without it and its order ends', async () => {
    // Carol's key trades for a wallet that is a contract.
    world.hub.delegates.set(dora.account, carol.key.address);
    world.hub.contracts.add(carol.key.address);
    const order = orderOf(dora, 'sell', 1, 60_000);
    expect((await world.intake.take(await signed(carol, order), 'gtc')).kind).toBe('taken');
    const good = await place(alice, 'sell', 1, 60_000);
    const taker = await place(bob, 'buy', 2, 60_000);
    await world.matcher().match();
    for (let batches = 0; batches < 2; batches++) {
      await world.settlement.settle();
      expect(await sent()).toHaveLength(2);
      await laneSays('reverted');
    }
    // One after the other now: whichever goes first, the good one settles.
    for (let tries = 0; tries < 6; tries++) {
      await world.settlement.settle();
      const [one, ...others] = await sent();
      expect(others).toEqual([]);
      if (one !== undefined) await laneSays(one.hash === good.hash ? 'final' : 'reverted');
    }
    expect((await states()).sort()).toEqual(['failed', 'settled final']);
    expect((await world.queries.ofAccount(dora.account, 'all')).map(({ state }) => state)).toEqual(['rejected']);
    expect(await shown(good.hash)).toEqual(['filled', '0']);
    expect(await shown(taker.hash)).toEqual(['open', units(1)]);
    expect(await intents()).toHaveLength(5);
    world.hub.contracts.clear();
    world.hub.delegates.clear();
  });

  it('given one who moved his margin away in the block that was to settle, he is named, not who signs by contract', async () => {
    world.hub.contracts.add(carol.key.address);
    const maker = await place(carol, 'sell', 1, 60_000);
    const taker = await place(bob, 'buy', 1, 60_000);
    await world.matcher().match();
    world.hub.refusedThen = () => revert('BelowInitialMargin', bob.account, '5', '10');
    await world.settlement.settle();
    await laneSays('reverted');
    await world.settlement.settle();
    expect(await states()).toEqual(['failed']);
    expect(await shown(taker.hash)).toEqual(['rejected', units(1)]);
    expect(await shown(maker.hash)).toEqual(['open', units(1)]);
    world.hub.refusedThen = () => null;
    world.hub.contracts.clear();
  });

  it('given transactions that were never mined, the matches stay together', async () => {
    await matched(3);
    for (let tries = 0; tries < 5; tries++) {
      await world.settlement.settle();
      expect(await states()).toEqual(['sent', 'sent', 'sent']);
      await laneSays('rejected');
    }
  });

  it('given one that came back and waits for prices, those that came later settle', async () => {
    await matched(1);
    for (let tries = 0; tries < 2; tries++) {
      await world.settlement.settle();
      await laneSays('reverted');
    }
    world.hub.refuses = (matches) => (matches.some(({ failures }) => failures > 0) ? revert('PricesNotFresh', bob.account, '3') : null);
    await matched(1);
    await world.settlement.settle();
    expect(await states()).toEqual(['matched', 'sent']);
  });

  it('given an order that was not to wait, what was taken back from it ends', async () => {
    await place(alice, 'sell', 1, 60_000);
    const taker = await place(bob, 'buy', 1, 60_000, 'ioc');
    await world.matcher().match();
    world.hub.refuses = () => revert('OrderCancelled', alice.account);
    await world.settlement.settle();
    expect(await shown(taker.hash)).toEqual(['cancelled', units(1)]);
  });
});

describe('given any history of orders, refusals, restarts and reverted settlements', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('order' as const),
        by: fc.constantFrom(alice, bob, carol),
        side: fc.constantFrom<exchange.Side>('buy', 'sell'),
        lots: fc.integer({ min: 1, max: 5 }),
        ticks: fc.integer({ min: 0, max: 4 }),
        force: fc.constantFrom<exchange.TimeInForce>('gtc', 'gtc', 'ioc', 'fok', 'post'),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const), refuses: fc.constantFrom(0, 0, 1, 2) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('lane' as const), says: fc.constantFrom<'final' | 'reverted'>('final', 'reverted') }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  );

  it(
    'no size is made or lost, every match is within both limits, and the book never stands crossed',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
          await database.query('truncate exchange_matches, exchange_orders, tx_attempts, tx_intents cascade');
          let matcher = world.matcher();
          for (const one of steps) {
            if (one.kind === 'order') await place(one.by, one.side, one.lots, 60_000 + one.ticks, one.force);
            if (one.kind === 'restart') matcher = world.matcher();
            if (one.kind === 'lane') await laneSays(one.says);
            if (one.kind === 'settle') {
              const guilty = [undefined, 'buy', 'sell'][one.refuses];
              world.hub.refuses = (matches) => {
                const [first] = matches;
                if (guilty === undefined || first === undefined) return null;
                return revert('BelowInitialMargin', (guilty === 'buy' ? first.buy : first.sell).order.account);
              };
              await world.settlement.settle();
            }
            await matcher.match();
          }
          expect(await wrongs()).toEqual([]);
        }),
        { numRuns: 12 },
      );
    },
    BUSY_MS,
  );

  /** Orders whose sizes do not add up, matches outside a limit, and levels that cross. */
  const wrongs = (): Promise<unknown[]> =>
    database.query(`
      select 'size' as what, o.hash from exchange_orders o
        where o.size <> o.remaining + coalesce((select sum(m.size) from exchange_matches m
          where o.id in (m.buy_order, m.sell_order) and m.state <> 'failed'), 0)
      union all select 'limit', b.hash from exchange_matches m join exchange_orders b on b.id = m.buy_order
        join exchange_orders s on s.id = m.sell_order
        where m.price > b.limit_price or m.price < s.limit_price or b.side <> 'buy' or s.side <> 'sell' or b.account = s.account
      union all select 'crossed', b.hash from exchange_orders b join exchange_orders s
        on b.state = 'open' and s.state = 'open' and b.side = 'buy' and s.side = 'sell' and b.limit_price >= s.limit_price`);
});

describe('given orders that come in', () => {
  const refusalOf = async (by: Trader, order: exchange.Order): Promise<object> => {
    const result = await world.intake.take(await signed(by, order), 'gtc');
    return result.kind === 'refused' ? result.problem : result.order;
  };

  it('takes the same order twice without another effect', async () => {
    const order = orderOf(alice, 'sell', 1, 60_000);
    const both = await Promise.all([0, 1].map(async () => world.intake.take(await signed(alice, order), 'gtc')));
    expect(both.map(({ kind }) => kind)).toEqual(['taken', 'taken']);
    expect(await world.queries.ofAccount(alice.account, 'all')).toHaveLength(1);
  });

  it('refuses another order of the same nonce', async () => {
    const { order } = await place(alice, 'sell', 1, 60_000);
    expect(await refusalOf(alice, { ...order, limit: exchange.price(order.limit * 2n) })).toMatchObject({ kind: 'conflict' });
  });

  it.each<[string, Partial<exchange.Order>, object]>([
    ['its time is over', { expiry: unixSeconds(NOW - 1n) }, { kind: 'invalid', field: 'expiry' }],
    [
      'its limit is between ticks',
      { limit: exchange.price(1n) },
      { kind: 'invalid', field: 'limit', expected: 'a multiple of 10000000000000000 (0.01)' },
    ],
    ['its size is between lots', { size: exchange.size(E18 + 1n) }, { kind: 'invalid', field: 'size' }],
  ])('says so when %s', async (_, change, problem) => {
    expect(await refusalOf(alice, orderOf(alice, 'buy', 1, 60_000, change))).toMatchObject(problem);
  });

  it('says what fee cap it needs', async () => {
    const order = orderOf(alice, 'buy', 1, 60_000);
    // CAST: a cap of nothing.
    expect(await refusalOf(alice, { ...order, feeCap: 0n as exchange.Order['feeCap'] })).toMatchObject({
      kind: 'invalid',
      field: 'feeCap',
      expected: `at least ${30n * E18}, the taker's fee of all of it at its limit`,
    });
  });

  it('refuses what the signer did not sign, unless the hub knows better', async () => {
    const order = orderOf(alice, 'buy', 1, 60_000);
    const byBob = await world.intake.take(await signed(bob, order), 'gtc');
    expect(byBob).toMatchObject({ kind: 'refused', problem: { kind: 'unsigned' } });
    world.hub.delegates.set(alice.account, bob.key.address);
    expect((await world.intake.take(await signed(bob, order), 'gtc')).kind).toBe('taken');
    world.hub.delegates.clear();
    const { hash } = await place(alice, 'buy', 1, 60_000);
    expect(await world.intake.cancel(hash, bob.key.address, await signedCancel(bob, order))).toMatchObject({
      problem: { kind: 'unsigned' },
    });
    expect(await world.intake.cancel(`0x${'00'.repeat(32)}`, bob.key.address, '0x01')).toMatchObject({ problem: { kind: 'unknown' } });
  });

  it('refuses what the hub would never settle', async () => {
    const order = orderOf(alice, 'buy', 1, 60_000, { instrument: CALL });
    world.hub.closed = 'a series that is listed';
    expect(await refusalOf(alice, order)).toMatchObject({ kind: 'invalid', field: 'instrument', expected: 'a series that is listed' });
    world.hub.closed = null;
    world.hub.statuses.set(`${alice.account}:${order.nonce}`, { filled: 0n, cancelled: true, spent: false });
    expect(await refusalOf(alice, order)).toMatchObject({ kind: 'conflict' });
    world.hub.statuses.set(`${alice.account}:${order.nonce}`, { filled: 1n, cancelled: false, spent: false });
    expect(await refusalOf(alice, order)).toMatchObject({ kind: 'conflict' });
    world.hub.statuses.set(`${alice.account}:${order.nonce}`, { filled: 0n, cancelled: false, spent: true });
    expect(await refusalOf(alice, order)).toMatchObject({ kind: 'conflict' });
  });
});

it('the migration of the exchange goes back and forth', async () => {
  const made = await migratedDatabase(postgres);
  const runner = made.database.createQueryRunner();
  const migration = new ExchangeTables1795230000300();
  await migration.down(runner);
  await migration.up(runner);
  await runner.release();
  expect(migrations).toContain(ExchangeTables1795230000300);
  await made.database.destroy();
});
