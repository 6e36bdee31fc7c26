import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { accountId } from '@lockstep/shared';
import { Logger, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import request from 'supertest';
import type { App } from 'supertest/types.js';
import type { DataSource } from 'typeorm';
import { numberToHex } from 'viem';
import { z } from 'zod/v4';
import { ChangeFeed, type FeedPosition } from '../src/api/change-feed.js';
import { liquidationFiguresView } from '../src/api/liquidation-views.js';
import { AppModule } from '../src/app.module.js';
import { LiquidationFigures1795230000800 } from '../src/database/migrations/1795230000800-liquidation-figures.js';
import { LiquidationFigures } from '../src/stages/liquidation/figures.js';
import type { Look } from '../src/stages/liquidation/liquidator.js';
import { migratedDatabase } from './support/database.js';
import { HUB, LIVE, testConfig } from './support/network.js';
import { startPostgres, type TestPostgres } from './support/postgres.js';

const BUSY_MS = 120_000;
const E18 = 10n ** 18n;
const account = accountId(numberToHex(1, { size: 32 }));
const one = { account, equity: 5n, initial: 20n, margin: 10n, grade: 'fresh', auction: null } as const;

describe('given what the keeper of liquidations saw', () => {
  let postgres: TestPostgres;
  let database: DataSource;
  let app: INestApplication<App>;
  let figures: LiquidationFigures;
  let feed: ChangeFeed;
  let start: FeedPosition;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    postgres = await startPostgres();
    const made = await migratedDatabase(postgres);
    database = made.database;
    app = await NestFactory.create<INestApplication<App>>(AppModule.forRoot(testConfig(made.url), LIVE), { logger: false });
    await app.listen(0, '127.0.0.1');
    figures = new LiquidationFigures(database);
    feed = new ChangeFeed(database);
  }, BUSY_MS);
  afterAll(async () => {
    await app.close();
    await database.destroy();
    await postgres.stop();
  });
  beforeEach(async () => {
    await database.query('truncate liquidation_valuations, liquidation_brakes, liquidation_deficits');
    start = await feed.end();
  });

  const get = async (path: string): Promise<string> => (await request(app.getHttpServer()).get(path).expect(200)).text;
  const now = async () => liquidationFiguresView.parse(JSON.parse(await get('/liquidations/now')));
  const losses = async () =>
    z
      .object({ info: z.object({ losses: z.object({ state: z.string(), open: z.array(z.string()) }) }) })
      .parse(JSON.parse(await get('/health'))).info.losses;
  const told = async () => (await feed.after(start)).map(({ kind, what, subject }) => [kind, what, subject]);
  const looked = (change: Partial<Look>): Look => ({
    ...{ block: 7n, time: 1_800_000_000n, pricedAt: null, watched: 0, suspects: 0, accounts: [], wanted: [], unanswered: [] },
    ...change,
  });

  it('says nothing of what nobody has looked at', async () => {
    expect(await now()).toEqual({ valuation: null, losses: null });
    expect(await losses()).toEqual({ state: 'ok', open: [] });
    const metrics = await get('/metrics');
    for (const name of ['accounts_below_maintenance', 'valuation_price_age_seconds', 'deficit_cash', 'withdrawals_braked'])
      expect(metrics).not.toMatch(new RegExp(`^margin_${name}[ {]`, 'm'));
  });

  it('tells of the last valuation how many are below maintenance margin, and how old its prices are', async () => {
    await figures.valued(HUB, looked({ watched: 9, suspects: 4, accounts: [one], pricedAt: 1_799_999_000n }));
    const healed = { ...one, equity: 10n };
    await figures.valued(HUB, looked({ block: 8n, watched: 9, suspects: 3, accounts: [one, one, healed], pricedAt: 1_799_999_990n }));
    expect((await now()).valuation).toEqual({
      ...{ at: '2027-01-15T08:00:00.000Z', blockNumber: '8', watched: 9, suspected: 3, belowMaintenance: 2, unanswered: 0 },
      pricesAt: '2027-01-15T07:59:50.000Z',
    });
    const metrics = await get('/metrics');
    expect(metrics).toMatch(/^margin_accounts_below_maintenance 2$/m);
    expect(metrics).toMatch(/^margin_accounts_suspected 3$/m);
    expect(metrics).toMatch(/^margin_valuation_price_age_seconds -?\d/m);
  });

  it('tells losses that nobody has covered and the brake: in metrics, health and API, and as alarms when they begin and end', async () => {
    await figures.lost(HUB, {
      isBraked: false,
      owed: new Map([
        [0, 0n],
        [1, 0n],
      ]),
    });
    expect(await losses()).toEqual({ state: 'ok', open: [] });
    await figures.lost(HUB, {
      isBraked: true,
      owed: new Map([
        [0, 0n],
        [1, (5n * E18) / 2n],
      ]),
    });
    const seen = await now();
    expect(seen.losses).toMatchObject({ braked: true, deficits: [{ market: 1, owedE18: `${(5n * E18) / 2n}` }] });
    expect((await losses()).open.sort()).toEqual(['market 1 owes 2.50 that nobody has covered', 'withdrawals of cash are braked']);
    const metrics = await get('/metrics');
    expect(metrics).toMatch(/^margin_deficit_cash\{underlying="1"\} 2.5$/m);
    expect(metrics).toMatch(/^margin_withdrawals_braked 1$/m);
    // It still stands, and has grown: no alarm.
    await figures.lost(HUB, { isBraked: true, owed: new Map([[1, 3n * E18]]) });
    expect((await now()).losses?.deficits[0]?.since).toBe(seen.losses?.deficits[0]?.since);
    // What interest left until the last payment was mined is dust.
    await figures.lost(HUB, { isBraked: false, owed: new Map([[1, E18 - 1n]]) });
    expect(await get('/metrics')).toMatch(/^margin_withdrawals_braked 0$/m);
    expect(await now()).toMatchObject({ losses: { braked: false, deficits: [] } });
    expect(await told()).toEqual([
      ['alarm', 'WITHDRAWALS_BRAKED', { eid: HUB }],
      ['alarm', 'DEFICIT_UNCOVERED', { eid: HUB, market: 1, owedE18: `${(5n * E18) / 2n}` }],
      ['alarm', 'WITHDRAWALS_BRAKED ended', { eid: HUB }],
      ['alarm', 'DEFICIT_UNCOVERED ended', { eid: HUB, market: 1 }],
    ]);
  });

  it('knows nothing of losses once nobody has looked for a minute, and tells what stood then', async () => {
    await figures.lost(HUB, { isBraked: true, owed: new Map() });
    const seen = (seconds: number) => database.query(`update liquidation_brakes set seen_at = now() - $1 * interval '1 second'`, [seconds]);
    const open = ['withdrawals of cash are braked'];
    await seen(30);
    expect(await losses()).toEqual({ state: 'degraded', open });
    await seen(90);
    expect(await losses()).toEqual({ state: 'unknown', open });
  });

  it('its tables come and go with their migration, and so do their alarms', async () => {
    await figures.lost(HUB, { isBraked: true, owed: new Map([[1, E18]]) });
    await figures.valued(HUB, looked({}));
    const runner = database.createQueryRunner();
    const migration = new LiquidationFigures1795230000800();
    await migration.down(runner);
    const left = await database.query<unknown[]>(
      `select tablename as name from pg_tables where tablename in ('liquidation_valuations', 'liquidation_brakes', 'liquidation_deficits')
       union all select what from changes where what like 'WITHDRAWALS%' or what like 'DEFICIT%'`,
    );
    expect(left).toEqual([]);
    await migration.up(runner);
    await runner.release();
    expect(await now()).toEqual({ valuation: null, losses: null });
    await figures.lost(HUB, { isBraked: true, owed: new Map() });
    expect(await told()).toEqual([['alarm', 'WITHDRAWALS_BRAKED', { eid: HUB }]]);
  });
});
