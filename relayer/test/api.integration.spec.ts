import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import request from 'supertest';
import type { App } from 'supertest/types.js';
import { z } from 'zod/v4';
import { serveOpenApi } from '../src/api/openapi.js';
import { AppModule } from '../src/app.module.js';
import { LIVE, testConfig } from './support/network.js';
import { startPostgres, type TestPostgres } from './support/postgres.js';

const problem = z.object({
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  parameters: z.array(z.object({ parameter: z.string(), value: z.string(), expected: z.string() })).optional(),
});

/** Starting a server and an application on a machine that does other things too. */
const BUSY_MS = 60_000;

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
  const account = `0x${'ab'.repeat(20)}${'00000000'}${'0000000000000003'}`;

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
    ['/batches?limit=201', 'limit is "201"; expected a count, 1 … 200', ['limit']],
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
    await get(`/deposits?tx=0x${'00'.repeat(32)}`).expect(200, []);
  });

  it('describes itself at /openapi.json', async () => {
    const { paths } = z
      .object({ paths: z.record(z.string(), z.object({ get: z.object({ responses: z.record(z.string(), z.unknown()) }) })) })
      .parse(await json('/openapi.json'));
    for (const path of [
      '/deposits/{eid}/{sequence}',
      '/deposits',
      '/accounts/{account}',
      '/paths',
      '/batches',
      '/reorgs',
      '/reconciliation',
    ])
      expect(Object.keys(paths[path]?.get.responses ?? {})).toEqual(expect.arrayContaining(['200', '400']));
  });
});
