import { describe, expect, it } from '@jest/globals';
import { exchange, unixSeconds } from '@lockstep/shared';
import fc from 'fast-check';
import { ExchangeTables1795230000300 } from '../../src/database/migrations/1795230000300-exchange.js';
import { MatchFailures1795230000700 } from '../../src/database/migrations/1795230000700-match-failures.js';
import { migrations } from '../../src/database/migrations/index.js';
import { alice, bob, BUSY_MS, carol, givenDesk, givenDesks, revert, units } from './desk.js';
import { CALL, E18, NOW, orderOf, signed, signedCancel, type Trader } from './world.js';

const newDesk = givenDesks();
const desk = givenDesk(newDesk);

describe('given the order books of a matcher', () => {
  it('matches by price, then time, at the price of the order that waited, and takes fees from both', async () => {
    const matcher = desk().world.matcher();
    const dear = await desk().place(alice, 'sell', 1, 60_100);
    const first = await desk().place(bob, 'sell', 1, 60_000);
    const second = await desk().place(alice, 'sell', 1, 60_000);
    await matcher.match();
    const taker = await desk().place(carol, 'buy', 1.5, 60_100);
    await matcher.match();
    expect(await desk().shown(first.hash)).toEqual(['filled', '0']);
    expect(await desk().shown(second.hash)).toEqual(['open', units(0.5)]);
    expect(await desk().shown(dear.hash)).toEqual(['open', units(1)]);
    expect(await desk().shown(taker.hash)).toEqual(['filled', '0']);
    const trades = await desk().world.queries.trades({});
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
    const book = await desk().world.queries.book(taker.order.instrument);
    expect(book.bids).toEqual([]);
    expect(book.asks).toEqual([
      { price: `${60_000n * E18}`, size: units(0.5), orders: 1 },
      { price: `${60_100n * E18}`, size: units(1), orders: 1 },
    ]);
    expect(book.last).toMatchObject({ price: `${60_000n * E18}`, size: units(0.5) });
  });

  it('given a restart, goes on with the same book and the same priority', async () => {
    const early = await desk().place(alice, 'sell', 1, 60_000);
    const late = await desk().place(bob, 'sell', 1, 60_000);
    await desk().world.matcher().match();
    await desk().place(carol, 'buy', 0.4, 60_000);
    await desk().world.matcher().match();
    await desk().place(carol, 'buy', 0.4, 60_000);
    await desk().world.matcher().match();
    expect(await desk().shown(early.hash)).toEqual(['open', units(0.2)]);
    expect(await desk().shown(late.hash)).toEqual(['open', units(1)]);
  });

  it('given two processes that match in turn, each order is matched once', async () => {
    const matchers = [desk().world.matcher(), desk().world.matcher()];
    for (let i = 0; i < 6; i++) {
      await desk().place(alice, 'sell', 1, 60_000 + i);
      await Promise.all(matchers.map((matcher) => matcher.match()));
      await desk().place(bob, 'buy', 0.5, 60_000 + i);
      await Promise.all(matchers.map((matcher) => matcher.match()));
    }
    const [sums] = await desk().database.query<{ good: boolean; matches: number }[]>(
      `select bool_and(o.size = o.remaining + coalesce(m.size, 0)) as good, (select count(*)::int from exchange_matches) as matches
       from exchange_orders o left join lateral (select sum(size) as size from exchange_matches m
         where o.id in (m.buy_order, m.sell_order) and m.state <> 'failed') m on true`,
    );
    expect(sums).toEqual({ good: true, matches: 6 });
  });

  it('given orders that do not wait, never take or have run out, each ends as it asked', async () => {
    const matcher = desk().world.matcher();
    await desk().place(alice, 'sell', 1, 60_000, 'gtc', { expiry: unixSeconds(NOW + 10n) });
    await matcher.match();
    const [ioc, fok, post] = [
      await desk().place(bob, 'buy', 3, 59_000, 'ioc'),
      await desk().place(bob, 'buy', 3, 60_000, 'fok'),
      await desk().place(bob, 'buy', 1, 60_000, 'post'),
    ];
    await matcher.match();
    expect(await desk().shown(ioc.hash)).toEqual(['cancelled', units(3)]);
    expect((await desk().world.queries.order(fok.hash))?.reason).toBe('only 1 of its 3 could be filled at once; expected all of it');
    expect((await desk().world.queries.order(post.hash))?.state).toBe('rejected');
    desk().world.clock.at = NOW + 11n;
    const late = await desk().place(bob, 'buy', 1, 60_000);
    await matcher.match();
    expect(await desk().shown(late.hash)).toEqual(['open', units(1)]);
    expect((await desk().world.queries.ofAccount(alice.account, 'all')).map(({ state, reason }) => [state, reason])).toEqual([
      ['expired', 'its time was over'],
    ]);
  });

  it('given an order that would meet one of its own owner, the one that waited goes', async () => {
    const matcher = desk().world.matcher();
    const waiting = await desk().place(alice, 'sell', 1, 60_000);
    const other = await desk().place(alice, 'buy', 1, 60_000);
    await matcher.match();
    expect(await desk().shown(waiting.hash)).toEqual(['cancelled', units(1)]);
    expect(await desk().shown(other.hash)).toEqual(['open', units(1)]);
    expect(await desk().world.queries.trades({})).toEqual([]);
  });

  it('given a cancellation by its owner, an order leaves the book, whether it was in it or not', async () => {
    const matcher = desk().world.matcher();
    const waiting = await desk().place(alice, 'sell', 1, 60_000);
    await matcher.match();
    const fresh = await desk().place(alice, 'sell', 1, 60_000);
    for (const { hash, order } of [waiting, fresh])
      expect((await desk().world.intake.cancel(hash, alice.key.address, await signedCancel(alice, order))).kind).toBe('taken');
    const taker = await desk().place(bob, 'buy', 1, 60_000);
    await matcher.match();
    for (const { hash } of [waiting, fresh]) expect(await desk().shown(hash)).toEqual(['cancelled', units(1)]);
    expect(await desk().shown(taker.hash)).toEqual(['open', units(1)]);
  });

  it('given a step that could not be written, the next one starts from the tables', async () => {
    const matcher = desk().world.matcher();
    await desk().place(alice, 'sell', 1, 60_000);
    await matcher.match();
    const taker = await desk().place(bob, 'buy', 1, 60_000);
    await desk().database.query('alter table exchange_matches add constraint broken check (size < 0) not valid');
    await expect(matcher.match()).rejects.toThrow(/broken/);
    await desk().database.query('alter table exchange_matches drop constraint broken');
    expect(await desk().shown(taker.hash)).toEqual(['new', units(1)]);
    await matcher.match();
    expect(await desk().shown(taker.hash)).toEqual(['filled', '0']);
    expect(await desk().world.queries.trades({})).toHaveLength(1);
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
          await desk().database.query('truncate exchange_matches, exchange_orders, tx_attempts, tx_intents cascade');
          let matcher = desk().world.matcher();
          for (const one of steps) {
            if (one.kind === 'order') await desk().place(one.by, one.side, one.lots, 60_000 + one.ticks, one.force);
            if (one.kind === 'restart') matcher = desk().world.matcher();
            if (one.kind === 'lane') await desk().laneSays(one.says);
            if (one.kind === 'settle') {
              const guilty = [undefined, 'buy', 'sell'][one.refuses];
              desk().world.hub.refuses = (matches) => {
                const [first] = matches;
                if (guilty === undefined || first === undefined) return null;
                return revert('BelowInitialMargin', (guilty === 'buy' ? first.buy : first.sell).order.account);
              };
              await desk().world.settlement.settle();
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
    desk().database.query(`
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
    const result = await desk().world.intake.take(await signed(by, order), 'gtc');
    return result.kind === 'refused' ? result.problem : result.order;
  };

  it('takes the same order twice without another effect', async () => {
    const order = orderOf(alice, 'sell', 1, 60_000);
    const both = await Promise.all([0, 1].map(async () => desk().world.intake.take(await signed(alice, order), 'gtc')));
    expect(both.map(({ kind }) => kind)).toEqual(['taken', 'taken']);
    expect(await desk().world.queries.ofAccount(alice.account, 'all')).toHaveLength(1);
  });

  it('refuses another order of the same nonce', async () => {
    const { order } = await desk().place(alice, 'sell', 1, 60_000);
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
    const byBob = await desk().world.intake.take(await signed(bob, order), 'gtc');
    expect(byBob).toMatchObject({ kind: 'refused', problem: { kind: 'unsigned' } });
    desk().world.hub.delegates.set(alice.account, bob.key.address);
    expect((await desk().world.intake.take(await signed(bob, order), 'gtc')).kind).toBe('taken');
    desk().world.hub.delegates.clear();
    const { hash } = await desk().place(alice, 'buy', 1, 60_000);
    expect(await desk().world.intake.cancel(hash, bob.key.address, await signedCancel(bob, order))).toMatchObject({
      problem: { kind: 'unsigned' },
    });
    expect(await desk().world.intake.cancel(`0x${'00'.repeat(32)}`, bob.key.address, '0x01')).toMatchObject({
      problem: { kind: 'unknown' },
    });
  });

  it('refuses what the hub would never settle', async () => {
    const order = orderOf(alice, 'buy', 1, 60_000, { instrument: CALL });
    desk().world.hub.closed = 'a series that is listed';
    expect(await refusalOf(alice, order)).toMatchObject({ kind: 'invalid', field: 'instrument', expected: 'a series that is listed' });
    desk().world.hub.closed = null;
    desk().world.hub.statuses.set(`${alice.account}:${order.nonce}`, { filled: 0n, cancelled: true, spent: false });
    expect(await refusalOf(alice, order)).toMatchObject({ kind: 'conflict' });
    desk().world.hub.statuses.set(`${alice.account}:${order.nonce}`, { filled: 1n, cancelled: false, spent: false });
    expect(await refusalOf(alice, order)).toMatchObject({ kind: 'conflict' });
    desk().world.hub.statuses.set(`${alice.account}:${order.nonce}`, { filled: 0n, cancelled: false, spent: true });
    expect(await refusalOf(alice, order)).toMatchObject({ kind: 'conflict' });
  });
});

describe('given migrations over a database in use', () => {
  it('failures of matches come and go with their column, and nothing else does', async () => {
    const used = await newDesk();
    await used.matched(2);
    await used.world.settlement.settle();
    await used.laneSays('reverted');
    await used.world.settlement.settle();
    const rows = (): Promise<object[]> => used.database.query('select * from exchange_matches order by id');
    const before = await rows();
    expect(before).toMatchObject([
      { failures: 1, attempts: 2 },
      { failures: 1, attempts: 2 },
    ]);
    const runner = used.database.createQueryRunner();
    const migration = new MatchFailures1795230000700();
    await migration.down(runner);
    expect(await rows()).toEqual(before.map((row) => Object.fromEntries(Object.entries(row).filter(([column]) => column !== 'failures'))));
    await migration.up(runner);
    await runner.release();
    expect(await rows()).toEqual(before.map((row) => ({ ...row, failures: 0 })));
    // Counted anew from here.
    await used.laneSays('reverted');
    await used.world.settlement.settle();
    expect(await rows()).toMatchObject([{ failures: 1 }, { failures: 1 }]);
  });

  it('the exchange goes as a whole and comes back empty', async () => {
    const used = await newDesk();
    await used.matched(1);
    const runner = used.database.createQueryRunner();
    const [exchange, failures] = [new ExchangeTables1795230000300(), new MatchFailures1795230000700()];
    await failures.down(runner);
    await exchange.down(runner);
    await exchange.up(runner);
    await failures.up(runner);
    await runner.release();
    expect(await used.world.queries.trades({})).toEqual([]);
    await used.matched(1);
    expect(await used.states()).toEqual(['matched']);
  });

  it('are run in the order of their numbers', () => {
    const numbers = migrations.map(({ name }) => Number(/\d+$/.exec(name)?.[0]));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(migrations).toEqual(expect.arrayContaining([ExchangeTables1795230000300, MatchFailures1795230000700]));
  });
});
