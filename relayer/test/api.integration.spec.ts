import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { risk } from '@lockstep/shared';
import request from 'supertest';
import type { App } from 'supertest/types.js';
import { DataSource } from 'typeorm';
import { numberToHex } from 'viem';
import { z } from 'zod/v4';
import { serveOpenApi } from '../src/api/openapi.js';
import { readStatus, subjectOf, tellStatus } from '../src/cli/status.js';
import { AppModule } from '../src/app.module.js';
import { FeedSnapshots } from '../src/stages/feed-snapshots.js';
import { LIVE, addressOf, testConfig } from './support/network.js';
import { startPostgres, type TestPostgres } from './support/postgres.js';

const problem = z.object({
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  parameters: z.array(z.object({ parameter: z.string(), value: z.string(), expected: z.string() })).optional(),
});

/** Starting a server and an application on a machine that does other things too. */
const BUSY_MS = 60_000;

const account = `0x${'ab'.repeat(20)}${'00000000'}${'0000000000000003'}`;

describe('given the REST interface', () => {
  let postgres: TestPostgres;
  let app: INestApplication<App>;

  beforeAll(async () => {
    postgres = await startPostgres();
    app = await NestFactory.create<INestApplication<App>>(AppModule.forRoot(testConfig(await postgres.createDatabase()), LIVE), {
      logger: false,
    });
    serveOpenApi(app);
    await app.listen(0, '127.0.0.1');
  }, BUSY_MS);
  afterAll(async () => {
    await app.close();
    await postgres.stop();
  });

  const get = (path: string) => request(app.getHttpServer()).get(path);
  const json = async (path: string): Promise<unknown> => JSON.parse((await get(path).expect(200)).text);

  it.each<[string, string, string[]]>([
    ['/deposits/x/1', 'eid is "x"; expected an endpoint id, 1 … 4294967295', ['eid']],
    ['/deposits/4294967296/1', 'eid is "4294967296"; expected an endpoint id', ['eid']],
    ['/deposits/40002/0', 'sequence is "0"; expected a sequence, 1 … 18446744073709551615', ['sequence']],
    ['/deposits/40002/-1', 'sequence is "-1"', ['sequence']],
    ['/deposits/0/1e3', 'eid is "0"', ['eid', 'sequence']],
    ['/deposits', 'tx is missing; expected a transaction hash: 0x and 64 hex digits', ['tx']],
    ['/deposits?tx=0x12', 'tx is "0x12"', ['tx']],
    [`/deposits?tx=${account}&chain=1`, 'chain', ['chain']],
    ["/deposits?tx=0x'; drop table log_entries; --", 'tx is', ['tx']],
    ['/accounts/0xabc', 'account is "0xabc"; expected an account: 0x and 64 hex digits', ['account']],
    ['/withdrawals/0', 'claim is "0"; expected a number of a claim', ['claim']],
    ['/withdrawals', 'account is missing; expected exactly one of account and tx', ['account']],
    [`/withdrawals?account=${account}&tx=${account}`, 'expected exactly one of account and tx', ['account']],
    ['/liquidations/0', 'id is "0"; expected a number, 1 … 18446744073709551615', ['id']],
    ['/liquidations?account=0x1', 'account is "0x1"; expected an account', ['account']],
    ['/liquidations?limit=201', 'limit is "201"; expected a count, 1 … 200', ['limit']],
    ['/levies', 'account is missing; expected an account', ['account']],
    ['/requests/40002/x', 'sequence is "x"; expected a sequence', ['sequence']],
    ['/events?kind=block', 'expected deposit, withdrawal, request, path, order, trade or alarm', ['kind.0']],
    ['/orders?account=0x1', 'account is "0x1"; expected an account', ['account']],
    ['/books/3', 'instrument is "3"; expected an instrument', ['instrument']],
    ['/trades?limit=0', 'limit is "0"; expected a count, 1 … 200', ['limit']],
    ['/batches?limit=201', 'limit is "201"; expected a count, 1 … 200', ['limit']],
    ['/prices?after=-1', 'after is "-1"; expected unix seconds, 0 … 1099511627775', ['after']],
    ['/prices?underlying=65536', 'underlying is "65536"; expected the number of an underlying, 0 … 65535', ['underlying']],
    ['/prices?since=1', 'no such parameter', ['since']],
    ['/reorgs?before=x', 'before is "x"; expected the id of an item of an earlier page', ['before']],
  ])('answers %s with what was wrong and what was expected', async (path, detail, parameters) => {
    const answer = await get(path)
      .expect(400)
      .expect('Content-Type', /application\/problem\+json/);
    const said = problem.parse(JSON.parse(answer.text));
    expect(said.detail).toContain(detail);
    expect(said.parameters?.map((p) => p.parameter)).toEqual(parameters);
  });

  it('repeats no more than the beginning of a long value', async () => {
    const answer = await get(`/accounts/${'z'.repeat(5_000)}`).expect(400);
    expect(problem.parse(JSON.parse(answer.text)).detail.length).toBeLessThan(300);
  });

  it('answers a deposit it has not seen with 404 and a reason, not with an empty body', async () => {
    const answer = await get('/deposits/40002/1').expect(404);
    expect(problem.parse(JSON.parse(answer.text)).detail).toContain('no deposit 1 of chain 40002 was seen yet');
    await get('/reconciliation').expect(404);
    const auction = await get('/liquidations/1').expect(404);
    expect(problem.parse(JSON.parse(auction.text)).detail).toContain('no liquidation 1 was seen yet');
    await get('/levies/1').expect(404);
  });

  it('answers an account nobody paid into with zeroes', async () => {
    expect(await json(`/accounts/${account}`)).toMatchObject({
      account,
      home: 0,
      subaccount: '3',
      balances: [],
      cash: { finalE18: '0', pendingE18: '0' },
      inFlight: [],
      deposits: [],
    });
  });

  it('lists every path, also before anything happened', async () => {
    const idle = expect.objectContaining({ appended: '0', acknowledged: '0', quarantined: false, problems: [] });
    expect(await json('/paths')).toEqual([idle, idle, idle]);
    await get('/batches').expect(200, []);
    await get('/reorgs').expect(200, []);
    await get('/liquidations').expect(200, []);
    await get(`/levies?account=${account}`).expect(200, []);
    await get(`/deposits?tx=0x${'00'.repeat(32)}`).expect(200, []);
  });

  it('describes itself at /openapi.json', async () => {
    const { paths } = z
      .object({ paths: z.record(z.string(), z.object({ get: z.object({ responses: z.record(z.string(), z.unknown()) }) })) })
      .parse(await json('/openapi.json'));
    for (const path of [
      '/deposits/{eid}/{sequence}',
      '/deposits',
      '/withdrawals/{claim}',
      '/withdrawals',
      '/liquidations/{id}',
      '/liquidations/now',
      '/liquidations',
      '/levies/{id}',
      '/levies',
      '/requests/{eid}/{sequence}',
      '/requests',
      '/queue',
      '/events',
      '/accounts/{account}',
      '/paths',
      '/batches',
      '/reorgs',
      '/reconciliation',
      '/prices',
    ])
      expect(Object.keys(paths[path]?.get.responses ?? {})).toEqual(expect.arrayContaining(['200', '400']));
  });

  it('hands out signed prices as the hub takes them, newest first, and says for what to ask again', async () => {
    expect(await json('/prices')).toMatchObject({ chain: 'hub', feeds: addressOf(0xd6), snapshots: [], awaited: [] });
    const snapshots = app.get(FeedSnapshots);
    const signed = (time: number, ...underlyings: number[]) => ({
      time,
      reports: underlyings.map((underlying) => ({ feed: risk.feedId({ underlying, kind: 'spot', expiry: 0n }), value: 5n, spread: 7 })),
      signatures: numberToHex(time, { size: 65 }),
      signers: [addressOf(0x51)],
      tx: null,
    });
    const [older, newer] = [signed(1_700_000_000, 1, 2), signed(1_700_000_010, 1)];
    for (const one of [older, newer]) await snapshots.keep(app.get(DataSource).manager, addressOf(0xd6), one);
    const view = (of: typeof older, feeds: object[]) => ({
      ...{ time: `${of.time}`, at: new Date(of.time * 1000).toISOString(), signers: [addressOf(0x51)], tx: null },
      prices: risk.encodePrices(of),
      ageSeconds: expect.any(Number),
      feeds,
      underlyings: of.reports.map(({ feed }) => risk.feedName(feed).underlying),
    });
    const spot = (underlying: number) => ({ id: `${BigInt(underlying) << 48n}`, underlying, kind: 'spot', expiry: null });
    const [newest, oldest] = [view(newer, [spot(1)]), view(older, [spot(1), spot(2)])];
    expect(await json('/prices')).toMatchObject({ snapshots: [newest, oldest], awaited: [] });
    expect(await json('/prices?underlying=1')).toMatchObject({ snapshots: [newest], awaited: [] });
    expect(await json('/prices?after=1700000000')).toMatchObject({ snapshots: [newest], awaited: [2] });
    expect(await json('/prices?after=1700000010')).toMatchObject({ snapshots: [], awaited: [1, 2] });
    expect(await json('/prices?after=1700000010&underlying=2')).toMatchObject({ snapshots: [], awaited: [2] });
    // Old ones are dropped as new ones come.
    await snapshots.keep(app.get(DataSource).manager, addressOf(0xd6), signed(1_700_003_601, 2));
    expect(await json('/prices')).toMatchObject({ snapshots: [{ time: '1700003601' }, newest], awaited: [] });
  });

  describe('when a claim was queued and ordered', () => {
    const tx = `0x${'0e'.repeat(32)}`;
    const receiver = `0x${'77'.repeat(20)}`;
    const claimEvent = (claim: number, kind: string, sequence: number | null) =>
      app.get(DataSource).query(
        `insert into claim_events (eid, kind, claim, account, dst_eid, asset, units, receiver, from_cash, sequence, block_number, block_hash, block_time, tx_hash, log_index)
         values (40001, $1, $2, $3, 40002, 1, 1500000, $4, false, $5, 1, $6, 1700000000, $7, $8)`,
        [kind, claim, account, receiver, sequence, `0x${kind}${claim}`, tx, 1],
      );

    beforeAll(async () => {
      await claimEvent(1, 'queued', null);
      await claimEvent(2, 'queued', null);
      await claimEvent(2, 'ordered', 1);
    });

    it('tells where it is, also by account and by transaction', async () => {
      expect(await json('/withdrawals/2')).toMatchObject({ claim: '2', state: 'ordered', orderSequence: '1', chain: 'spoke', account });
      for (const query of [`account=${account}`, `tx=${tx}`])
        expect(await json(`/withdrawals?${query}`)).toEqual([
          expect.objectContaining({ claim: '2' }),
          expect.objectContaining({ claim: '1' }),
        ]);
      expect(await json('/queue')).toEqual([expect.objectContaining({ eid: 40002, claims: 1, amountBaseUnits: '1500000' })]);
      await get('/withdrawals/3').expect(404);
    });

    it('tells a person in a terminal what to do about a late one', async () => {
      const status = await readStatus(await app.getUrl(), '2');
      const told = tellStatus(status);
      expect(told).toContain(`withdrawal 2: 1.5 USDC to ${receiver}`);
      expect(told).toMatch(/ordered since 2023-11-14T22:13:20.000Z, next: final by .* LATE/);
      expect(told).toContain('You need not wait:');
      expect(told).toMatch(/anyone on hub: Messenger\.flush\n {6}cast send 0x[0-9a-fA-F]{40} 0x[0-9a-f]+ \(value: quote first\)/);
      await expect(readStatus(await app.getUrl(), '9')).rejects.toThrow('no claim 9 was seen yet');
      await expect(readStatus(await app.getUrl(), '40002/7')).rejects.toThrow('no deposit or request 7 of chain 40002 was seen yet');
      await expect(readStatus('http://127.0.0.1:9', '9')).rejects.toThrow('http://127.0.0.1:9 does not answer');
      expect(() => subjectOf('0x12')).toThrow('expected 0x and 64 hex digits, <eid>/<sequence>, or the number of a claim');
    });

    /** The first `count` events of a stream. */
    async function listen(
      path: string,
      count: number,
      headers: Record<string, string> = {},
    ): Promise<{ id: string; type: string; data: unknown }[]> {
      const gone = new AbortController();
      const answer = await fetch(new URL(path, await app.getUrl()), { headers, signal: gone.signal });
      const found: { id: string; type: string; data: unknown }[] = [];
      let text = '';
      for await (const chunk of answer.body ?? []) {
        text += Buffer.from(chunk).toString();
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
          if (field('data') !== '') found.push({ id: field('id'), type: field('event'), data: JSON.parse(field('data')) });
        }
        if (found.length >= count) break;
      }
      gone.abort();
      return found.slice(0, count);
    }

    it('tells changes as they happen, and what a listener missed while it was away', async () => {
      const all = await listen('/events?kind=withdrawal', 3, { 'Last-Event-ID': '0-0' });
      expect(all.map(({ type, data }) => [type, data])).toEqual([
        ['withdrawal', expect.objectContaining({ what: 'queued', claim: '1' })],
        ['withdrawal', expect.objectContaining({ what: 'queued', claim: '2' })],
        ['withdrawal', expect.objectContaining({ what: 'ordered', claim: '2' })],
      ]);
      const rest = await listen('/events', 1, { 'Last-Event-ID': all[1]?.id ?? '' });
      expect(rest).toEqual(all.slice(2));
      // Without an id it hears what happens from the moment it is heard itself, whenever that is.
      let heard: Awaited<ReturnType<typeof listen>> = [];
      const coming = listen('/events', 1).then((events) => (heard = events));
      let claim = 3;
      for (; heard.length === 0; claim++) {
        await claimEvent(claim, 'queued', null);
        await Promise.race([coming, new Promise((resolve) => setTimeout(resolve, 200))]);
      }
      expect(heard[0]?.data).toMatchObject({ what: 'queued' });
      expect(Number(z.object({ claim: z.string() }).parse(heard[0]?.data).claim)).toBeLessThan(claim);
      expect(Number(z.object({ claim: z.string() }).parse(heard[0]?.data).claim)).toBeGreaterThanOrEqual(3);
      const refused = await get('/events').set('Last-Event-ID', 'yesterday').expect(400);
      expect(problem.parse(JSON.parse(refused.text)).detail).toContain('Last-Event-ID is "yesterday"');
    });
  });

  it('says in /health when payouts are late, and stays alive', async () => {
    const releases = async () =>
      z.object({ info: z.object({ releases: z.record(z.string(), z.unknown()) }) }).parse(await json('/health')).info.releases;
    expect(await releases()).toMatchObject({ status: 'up', state: 'ok' });
    await app
      .get(DataSource)
      .query(
        `insert into path_problems (src_eid, dst_eid, stage, code, detail) values (40001, 40002, 'release', 'RELEASE_LATE', 'order 1 is late')`,
      );
    expect(await releases()).toEqual({ status: 'up', state: 'degraded', late: ['order 1 is late'] });
    const metrics = (await get('/metrics').expect(200)).text;
    expect(metrics).toMatch(/^margin_release_oldest_unpaid_seconds\{dst="40002"\} \d/m);
    expect(metrics).toMatch(/^margin_claims_queued\{.*\} [1-9]\d*$/m);
  });
});
