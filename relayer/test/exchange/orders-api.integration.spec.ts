import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken } from '@nestjs/typeorm';
import { exchange } from '@lockstep/shared';
import request from 'supertest';
import type { App } from 'supertest/types.js';
import { DataSource } from 'typeorm';
import { z } from 'zod/v4';
import { ChangeFeed } from '../../src/api/change-feed.js';
import { serveOpenApi } from '../../src/api/openapi.js';
import { OrdersController } from '../../src/api/orders.controller.js';
import { OrderQueries } from '../../src/api/orders.queries.js';
import { Chains } from '../../src/chain/chains.js';
import { IntakeService } from '../../src/stages/exchange/intake.service.js';
import { migratedDatabase } from '../support/database.js';
import { addressOf } from '../support/network.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { DOMAIN, E18, exchangeWorld, orderOf, PERPETUAL, signed, signedCancel, trader, type ExchangeWorld, type Trader } from './world.js';

const BUSY_MS = 60_000;
const [alice, bob] = [trader(11), trader(12)];
const view = z.object({ hash: z.string(), state: z.string(), remaining: z.string(), reason: z.string().nullable() });
const problem = z.object({
  status: z.number(),
  title: z.string(),
  detail: z.string(),
  parameters: z.array(z.object({ parameter: z.string() })).optional(),
});

const hub: { exchange: string | null } = { exchange: addressOf(0xee) };

describe('given the REST interface of the exchange', () => {
  let postgres: TestPostgres;
  let database: DataSource;
  let world: ExchangeWorld;
  let app: INestApplication<App>;

  beforeAll(async () => {
    postgres = await startPostgres();
    const made = await migratedDatabase(postgres);
    database = made.database;
    world = exchangeWorld(database, made.url);
    @Module({
      controllers: [OrdersController],
      providers: [
        { provide: Chains, useValue: { hub } },
        { provide: IntakeService, useValue: world.intake },
        { provide: OrderQueries, useValue: world.queries },
        { provide: getDataSourceToken(), useValue: database },
        ChangeFeed,
      ],
    })
    class Orders {}
    app = await NestFactory.create<INestApplication<App>>(Orders, { logger: false });
    serveOpenApi(app);
    await app.listen(0, '127.0.0.1');
  }, BUSY_MS);
  afterAll(async () => {
    await app.close();
    await database.destroy();
    await postgres.stop();
  });

  /** The body of an order, as a wallet would send it. */
  async function body(by: Trader, order: exchange.Order, change: object = {}) {
    const { signer, signature } = await signed(by, order);
    const { instrument, size, limit, feeCap, expiry, nonce, ...rest } = order;
    const text = {
      instrument: `${instrument}`,
      size: `${size}`,
      limit: `${limit}`,
      feeCap: `${feeCap}`,
      expiry: `${expiry}`,
      nonce: `${nonce}`,
    };
    return { ...rest, ...text, signer, signature, ...change };
  }
  const post = async (by: Trader, order: exchange.Order, change: object = {}) =>
    request(app.getHttpServer())
      .post('/orders')
      .send(await body(by, order, change));

  it('says what an order must fit and the domain it is signed in', async () => {
    const { body: terms } = await request(app.getHttpServer()).get('/exchange').expect(200);
    expect(terms).toMatchObject({ domain: DOMAIN, takerFeeE18: `${E18 / 2000n}`, perpetual: { tick: `${E18 / 100n}` } });
  });

  it('takes orders, matches them and shows order, book and trade, without any signature', async () => {
    const maker = await post(alice, orderOf(alice, 'sell', 2, 60_000));
    expect(maker.status).toBe(201);
    expect(view.parse(maker.body).state).toBe('new');
    expect(JSON.stringify(maker.body)).not.toContain('signature');
    await post(bob, orderOf(bob, 'buy', 0.5, 60_000, {}));
    await world.matcher().match();
    const { hash } = view.parse(maker.body);
    const shown = await request(app.getHttpServer()).get(`/orders/${hash}`).expect(200);
    expect(view.parse(shown.body)).toMatchObject({ state: 'open', remaining: `${(3n * E18) / 2n}` });
    const book = await request(app.getHttpServer()).get(`/books/${PERPETUAL}`).expect(200);
    expect(book.body).toMatchObject({ bids: [], asks: [{ price: `${60_000n * E18}`, size: `${(3n * E18) / 2n}`, orders: 1 }] });
    expect((await request(app.getHttpServer()).get('/books').expect(200)).body).toHaveLength(1);
    for (const query of [`instrument=${PERPETUAL}`, `account=${bob.account}`, 'limit=1'])
      expect((await request(app.getHttpServer()).get(`/trades?${query}`).expect(200)).body).toHaveLength(1);
    const live = await request(app.getHttpServer()).get(`/orders?account=${bob.account}&state=live`).expect(200);
    expect(live.body).toEqual([]);
  });

  it('takes an order out for its owner only', async () => {
    const order = orderOf(alice, 'sell', 1, 70_000);
    const { hash } = view.parse((await post(alice, order)).body);
    const signature = await signedCancel(alice, order);
    const cancel = (signer: string) => request(app.getHttpServer()).delete(`/orders/${hash}`).send({ signer, signature });
    expect((await cancel(bob.key.address)).status).toBe(403);
    expect((await cancel(alice.key.address)).status).toBe(200);
    await world.matcher().match();
    expect(view.parse((await request(app.getHttpServer()).get(`/orders/${hash}`)).body)).toMatchObject({ state: 'cancelled' });
    await request(app.getHttpServer())
      .delete(`/orders/0x${'00'.repeat(32)}`)
      .send({ signer: alice.key.address, signature })
      .expect(404);
  });

  it.each<[string, object, string]>([
    ['a size of nothing', { size: '0' }, 'size'],
    ['a number that is no text', { limit: 5 }, 'limit'],
    ['an instrument of nothing', { instrument: '3' }, 'instrument'],
    ['a side between', { side: 'hold' }, 'side'],
    ['a signature that is none', { signature: '0x1' }, 'signature'],
    ['a field nobody knows', { leverage: '5' }, 'leverage'],
  ])('given %s, says what was expected', async (_, change, parameter) => {
    const answer = await post(alice, orderOf(alice, 'buy', 1, 60_000), change);
    expect(answer.status).toBe(400);
    expect(problem.parse(answer.body).parameters?.map((wrong) => wrong.parameter)).toContain(parameter);
  });

  it('tells who did not sign, and of a nonce that is taken', async () => {
    const order = orderOf(alice, 'buy', 1, 50_000);
    expect((await post(bob, order)).status).toBe(403);
    expect((await post(alice, order)).status).toBe(201);
    const other = { ...order, limit: exchange.price(51_000n * E18) };
    const answer = await post(alice, other);
    expect([answer.status, problem.parse(answer.body).detail]).toEqual([409, expect.stringContaining(`nonce ${order.nonce} names order`)]);
  });

  it('tells the book and every trade as they change', async () => {
    const events = new AbortController();
    const response = await fetch(`${await app.getUrl()}/books/${PERPETUAL}/events`, { signal: events.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const until = async (part: string): Promise<void> => {
      while (!text.includes(part)) text += (await reader?.read())?.value ?? '';
    };
    await until('event: book');
    await post(bob, orderOf(bob, 'sell', 1, 61_000));
    await post(alice, orderOf(alice, 'buy', 1, 61_000));
    await world.matcher().match();
    await until('event: trade');
    await until(`"price":"${61_000n * E18}"`);
    events.abort();
    expect(text).toMatch(/^id: \d+-\d+$/m);
    await fetch(`${await app.getUrl()}/books/${PERPETUAL}/events`, { headers: { 'Last-Event-ID': 'x' } }).then(({ status }) =>
      expect(status).toBe(400),
    );
  });

  it('describes itself', async () => {
    const { body: description } = await request(app.getHttpServer()).get('/openapi.json').expect(200);
    const { paths } = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) }).parse(description);
    expect(Object.keys(paths).sort()).toEqual([
      '/books',
      '/books/{instrument}',
      '/books/{instrument}/events',
      '/exchange',
      '/orders',
      '/orders/{hash}',
      '/trades',
    ]);
    expect(JSON.stringify(paths['/orders'])).toContain('NewOrderDto');
  });

  it('given a hub without an exchange, says so', async () => {
    hub.exchange = null;
    await request(app.getHttpServer()).get('/exchange').expect(503);
    hub.exchange = addressOf(0xee);
  });
});
