import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeErrorResult, parseAbi, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { DataSource } from 'typeorm';
import { gas, wei, type BlockNumber } from '@lockstep/shared';
import { Secret } from '../../src/config/secret.js';
import type { ChainContext } from '../../src/chain/chain-context.js';
import { dataSourceOptions, runMigrations } from '../../src/database/data-source.js';
import type { NewIntent } from '../../src/sender/intent.js';
import { SenderKeys } from '../../src/sender/keys.js';
import { Lane, type LaneParts } from '../../src/sender/lane.js';
import { RpcLaneChain } from '../../src/sender/lane-chain.js';
import { SenderService } from '../../src/sender/sender.service.js';
import { REBROADCAST_MS, Watcher } from '../../src/sender/watcher.js';
import { EMITTER_CODE, startAnvil, type TestChain } from '../support/anvil.js';
import { chainContext } from '../support/chain.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

const CHAIN_ID = 31_502;
const KEY: Hex = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d';
const EMITTER = '0x00000000000000000000000000000000000e4177';
const REVERTER = '0x00000000000000000000000000000000000bad00';
/** Reverts with its calldata. */
const REVERTER_CODE: Hex = '0x365f5f37365ffd';

describe('given a sender on a local chain', () => {
  let postgres: TestPostgres;
  let anvil: TestChain;
  let database: DataSource;
  let chain: ChainContext;
  let sender: SenderService;
  let parts: LaneParts;
  let now = 0;
  let finalHeight: bigint;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres.stop();
  });
  beforeEach(async () => {
    anvil = await startAnvil(CHAIN_ID);
    const account = privateKeyToAccount(KEY);
    await anvil.client.setBalance({ address: account.address, value: 10n ** 18n });
    await anvil.client.setCode({ address: EMITTER, bytecode: EMITTER_CODE });
    await anvil.client.setCode({ address: REVERTER, bytecode: REVERTER_CODE });
    database = await new DataSource(dataSourceOptions(await postgres.createDatabase(), 4)).initialize();
    await runMigrations(database);
    chain = chainContext(CHAIN_ID, { rpcUrls: [anvil.url] });
    finalHeight = 0n;
    now = Date.now();
    sender = new SenderService(
      database,
      { byChainId: () => chain },
      new SenderKeys({ keys: { submitter: new Secret(KEY), lockstepDvnSigners: [] } }),
    );
    parts = {
      id: { chainId: chain.chainId, chain: chain.name, address: account.address },
      keyName: 'submitter',
      account,
      roles: ['deliver'],
      dataSource: database,
      chain: new RpcLaneChain(chain),
      limits: { maxFeePerGas: 500n * 10n ** 9n, maxPriorityFeePerGas: 5n * 10n ** 9n },
      clock: { now: () => now },
      fault: () => undefined,
    };
  });
  afterEach(async () => {
    await database.destroy();
    await anvil.stop();
  });

  const lane = (): Lane => new Lane(parts);
  // CAST: a height the test chose.
  const watcher = (): Watcher => new Watcher(parts, () => Promise.resolve(finalHeight as BlockNumber));

  function intent(part: Partial<NewIntent> = {}): NewIntent {
    return {
      role: 'deliver',
      chainId: chain.chainId,
      key: 'submitter',
      dedupeKey: 'a',
      to: EMITTER,
      data: '0x01',
      value: wei(0n),
      purpose: { kind: 'test' },
      ...part,
    };
  }

  const enqueue = (part: Partial<NewIntent> = {}) => database.transaction((tx) => sender.enqueue(tx, intent(part)));

  describe('when an intent is enqueued', () => {
    it('is sent, mined and final, and its cost is known', async () => {
      const { id, created } = await enqueue();
      expect(created).toBe(true);
      expect(await lane().step()).toBe('sent');
      expect(await sender.outcome(id)).toMatchObject({ state: 'signed' });
      await anvil.client.mine({ blocks: 1 });
      await watcher().pass();
      expect(await sender.outcome(id)).toMatchObject({ state: 'mined', inclusion: { block: 1n } });
      finalHeight = 1n;
      await watcher().pass();
      const outcome = await sender.outcomeByKey('a');
      expect(outcome).toMatchObject({ state: 'final' });
      if (outcome?.state !== 'final') throw new Error('not final');
      expect(outcome.inclusion.gasUsed).toBeGreaterThan(21_000n);
    });

    it('is one intent per dedupe key', async () => {
      const first = await enqueue();
      expect(await enqueue()).toEqual({ id: first.id, created: false, state: 'queued' });
    });

    it('does not exist if the caller rolls back', async () => {
      await expect(
        database.transaction(async (tx) => {
          await sender.enqueue(tx, intent());
          throw new Error('the stage failed');
        }),
      ).rejects.toThrow('the stage failed');
      expect(await lane().step()).toBe('idle');
    });
  });

  describe('when the simulation reverts', () => {
    it('rejects with the decoded reason and spends nothing', async () => {
      const data = encodeErrorResult({ abi: parseAbi(['error Error(string)']), args: ['too late'] });
      const { id } = await enqueue({ to: REVERTER, data });
      expect(await lane().step()).toBe('rejected');
      expect(await sender.outcome(id)).toEqual({ state: 'rejected', reason: { kind: 'message', message: 'too late' } });
      expect(await parts.chain.nonce(parts.id.address)).toBe(0n);
    });

    it('does so with a given gas limit, and for a panic', async () => {
      const data = encodeErrorResult({ abi: parseAbi(['error Panic(uint256)']), args: [0x11n] });
      const { id } = await enqueue({ to: REVERTER, data, gasLimit: gas(100_000n) });
      await lane().step();
      expect(await sender.outcome(id)).toEqual({ state: 'rejected', reason: { kind: 'panic', code: 0x11 } });
    });
  });

  describe('when the node forgets the transaction', () => {
    it('sends the same bytes again', async () => {
      await enqueue();
      await lane().step();
      const [{ hash }]: [{ hash: Hex }] = await database.query('select hash from tx_attempts');
      await anvil.client.dropTransaction({ hash });
      now += REBROADCAST_MS;
      expect(await watcher().pass()).toMatchObject({ rebroadcast: 1 });
      await anvil.client.mine({ blocks: 1 });
      expect(await watcher().pass()).toMatchObject({ included: 1 });
      expect(await database.query('select hash from tx_attempts')).toEqual([{ hash }]);
    });
  });

  describe('when a reorg drops the transaction after it was mined', () => {
    it('gets it mined again, same bytes, once', async () => {
      const { id } = await enqueue();
      const snapshot = await anvil.client.snapshot();
      await lane().step();
      await anvil.client.mine({ blocks: 1 });
      await watcher().pass();
      await anvil.client.revert({ id: snapshot });
      await anvil.client.mine({ blocks: 2, interval: 50 });
      expect(await watcher().pass()).toMatchObject({ reorged: 1, rebroadcast: 1 });
      expect(await sender.outcome(id)).toMatchObject({ state: 'signed' });
      await anvil.client.mine({ blocks: 1 });
      await watcher().pass();
      expect(await sender.outcome(id)).toMatchObject({ state: 'mined', inclusion: { block: 3n } });
    });
  });

  describe('when somebody else uses the key', () => {
    it('names it, and sends the intent at another nonce once theirs is final', async () => {
      const { id } = await enqueue();
      await lane().step();
      const [{ hash }]: [{ hash: Hex }] = await database.query('select hash from tx_attempts');
      await anvil.client.dropTransaction({ hash });
      await anvil.client.sendTransaction({ account: parts.account, chain: null, to: EMITTER, data: '0x99' });
      await anvil.client.mine({ blocks: 1 });
      await watcher().pass();
      expect(await sender.outcome(id)).toMatchObject({ state: 'signed' });
      finalHeight = 1n;
      expect(await watcher().pass()).toMatchObject({ displaced: 1 });
      expect(await database.query('select code from tx_incidents')).toEqual([{ code: 'unknown-transaction-at-nonce' }]);
      await lane().step();
      await anvil.client.mine({ blocks: 1 });
      await watcher().pass();
      expect(await sender.outcome(id)).toMatchObject({ state: 'mined', inclusion: { block: 2n } });
    });
  });

  describe('when the key cannot pay', () => {
    it('reports it and goes on once it can', async () => {
      await anvil.client.setBalance({ address: parts.id.address, value: 0n });
      const { id } = await enqueue({ gasLimit: gas(100_000n) });
      await lane().step();
      expect(await database.query('select code from tx_incidents')).toEqual([{ code: 'insufficient-funds' }]);
      await anvil.client.setBalance({ address: parts.id.address, value: 10n ** 18n });
      now += REBROADCAST_MS;
      await watcher().pass();
      await anvil.client.mine({ blocks: 1 });
      await watcher().pass();
      expect(await sender.outcome(id)).toMatchObject({ state: 'mined' });
    });
  });
});
