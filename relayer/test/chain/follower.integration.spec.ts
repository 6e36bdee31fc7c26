import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { numberToHex, type Hex } from 'viem';
import { DataSource, type EntityManager } from 'typeorm';
import type { BlockRef, Log, LogFilter } from '../../src/chain/block.js';
import type { ChainConsumer } from '../../src/chain/chain-consumer.js';
import type { ChainContext } from '../../src/chain/chain-context.js';
import { ChainFollower } from '../../src/chain/follower.js';
import { dataSourceOptions, runMigrations } from '../../src/database/data-source.js';
import { deployer, EMITTER_CODE, startAnvil, type TestChain } from '../support/anvil.js';
import { chainContext } from '../support/chain.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

const EMITTER = '0x00000000000000000000000000000000000e4177';
const CHAIN_ID = 31_501;

/** Keeps each event's number in a table, as a stage would. */
class Recorder implements ChainConsumer {
  readonly name = 'recorder';
  failAt: bigint | null = null;
  finals: bigint[] = [];

  filters(): LogFilter {
    return { addresses: [EMITTER], topics: [] };
  }

  async onBlock(tx: EntityManager, _chain: ChainContext, block: BlockRef, logs: readonly Log[]): Promise<void> {
    for (const log of logs)
      await tx.query('insert into seen (block, number) values ($1, $2)', [block.number.toString(), BigInt(log.topics[0] ?? 0).toString()]);
    if (this.failAt === block.number) throw new Error('the consumer failed');
  }

  async onReorg(tx: EntityManager, _chain: ChainContext, firstRemoved: BlockRef): Promise<void> {
    await tx.query('delete from seen where block >= $1', [firstRemoved.number.toString()]);
  }

  onFinal(_tx: EntityManager, _chain: ChainContext, upTo: BlockRef): Promise<void> {
    this.finals.push(upTo.number);
    return Promise.resolve();
  }
}

describe('given a chain followed into a database', () => {
  let postgres: TestPostgres;
  let anvil: TestChain;
  let database: DataSource;
  let recorder: Recorder;
  let follower: ChainFollower;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres.stop();
  });

  beforeEach(async () => {
    anvil = await startAnvil(CHAIN_ID);
    await anvil.client.setCode({ address: EMITTER, bytecode: EMITTER_CODE });
    database = await new DataSource(dataSourceOptions(await postgres.createDatabase())).initialize();
    await runMigrations(database);
    await database.query('create table seen (block bigint, number numeric)');
    recorder = new Recorder();
    follower = restarted();
  });
  afterEach(async () => {
    await database.destroy();
    await anvil.stop();
  });

  function restarted(part: Parameters<typeof chainContext>[1] = { rpcUrls: [anvil.url] }): ChainFollower {
    return new ChainFollower(database, chainContext(CHAIN_ID, part), [recorder], () => undefined);
  }

  async function emit(number: number): Promise<void> {
    const data: Hex = numberToHex(number, { size: 32 });
    await anvil.client.sendTransaction({ account: deployer, chain: null, to: EMITTER, data });
  }

  async function mineWith(...numbers: number[]): Promise<void> {
    for (const number of numbers) await emit(number);
    await anvil.client.mine({ blocks: 1 });
  }

  async function catchUp(one = follower): Promise<string[]> {
    const kinds: string[] = [];
    for (;;) {
      const { kind, more } = await one.step();
      kinds.push(kind);
      if (!more) return kinds;
    }
  }

  async function seen(): Promise<number[]> {
    const rows: { number: string }[] = await database.query('select number from seen order by block, number');
    return rows.map(({ number }) => Number(number));
  }

  describe('when blocks with events are mined', () => {
    it('hands every event over once, and blocks once final', async () => {
      await mineWith(1, 2);
      await anvil.client.mine({ blocks: 20 });
      await mineWith(3);
      await catchUp();
      await catchUp();
      expect(await seen()).toEqual([1, 2, 3]);
      expect(follower.status).toMatchObject({ tipNumber: 22n, finalNumber: 18n });
      expect(recorder.finals.at(-1)).toBe(18n);
    });
  });

  describe('when a consumer fails in the middle of a step', () => {
    it('keeps neither rows nor cursor, and repeats', async () => {
      await mineWith(1);
      await mineWith(2);
      recorder.failAt = 2n;
      await expect(catchUp()).rejects.toThrow('the consumer failed');
      expect(await seen()).toEqual([]);
      recorder.failAt = null;
      await catchUp(restarted());
      expect(await seen()).toEqual([1, 2]);
    });
  });

  describe('when a reorg shallower than finality replaces blocks', () => {
    it('undoes the replaced and takes the new', async () => {
      await anvil.client.mine({ blocks: 10 });
      const snapshot = await anvil.client.snapshot();
      await mineWith(1);
      await mineWith(2);
      await catchUp();
      expect(await seen()).toEqual([1, 2]);
      await anvil.client.revert({ id: snapshot });
      await anvil.client.increaseTime({ seconds: 100 });
      await mineWith(7);
      await anvil.client.mine({ blocks: 2 });
      const kinds = await catchUp();
      expect(kinds).toContain('reorg');
      expect(await seen()).toEqual([7]);
      expect(await database.query('select kind, depth from reorgs')).toEqual([{ kind: 'reorg', depth: '2' }]);
    });
  });

  describe('when the replacing branch is still shorter than ours', () => {
    it('undoes at once', async () => {
      await anvil.client.mine({ blocks: 10 });
      const snapshot = await anvil.client.snapshot();
      await mineWith(1);
      await mineWith(2);
      await catchUp();
      await anvil.client.revert({ id: snapshot });
      await anvil.client.increaseTime({ seconds: 100 });
      await mineWith(7);
      await catchUp();
      expect(await seen()).toEqual([7]);
    });
  });

  describe('when the provider falls behind on the same branch', () => {
    it('waits, and undoes nothing', async () => {
      await anvil.client.mine({ blocks: 10 });
      const snapshot = await anvil.client.snapshot();
      await mineWith(1);
      await catchUp();
      await anvil.client.revert({ id: snapshot });
      expect(await catchUp()).toEqual(['lagging']);
      expect(await seen()).toEqual([1]);
      expect(follower.status.reorgs).toBe(0);
    });
  });

  describe('when a reorg goes below the last final block', () => {
    it('halts the chain visibly, across a restart, until an operator resumes it', async () => {
      await anvil.client.mine({ blocks: 3 });
      const snapshot = await anvil.client.snapshot();
      await mineWith(1);
      await anvil.client.mine({ blocks: 10 });
      await catchUp();
      const { hash: finalHash } = await anvil.client.getBlock({ blockNumber: follower.status.finalNumber ?? 0n });
      await anvil.client.revert({ id: snapshot });
      await anvil.client.increaseTime({ seconds: 100 });
      await mineWith(9);
      await anvil.client.mine({ blocks: 12 });
      const halted = await follower.step();
      expect(halted).toMatchObject({ kind: 'deep-reorg', fork: { finalHash } });
      const { replacementNumber, replacementHash } = halted.kind === 'deep-reorg' ? halted.fork : {};
      expect(replacementHash).toBe((await anvil.client.getBlock({ blockNumber: BigInt(replacementNumber ?? -1) })).hash);
      const again = restarted();
      expect(await catchUp(again)).toEqual(['halted']);
      expect(again.status.haltedBecause).toBe('deep-reorg');
      expect(await seen()).toEqual([1]);
      await database.query('update cursors set resume_requested = true');
      expect(await catchUp(again)).toContain('resumed');
      expect(await seen()).toEqual([9]);
      expect(again.status).toMatchObject({ haltedBecause: null, tipNumber: 16n, finalNumber: 12n });
    });
  });

  describe('when a provider of another chain answers', () => {
    it('refuses it', async () => {
      const other = await startAnvil(CHAIN_ID + 1);
      try {
        await expect(catchUp(restarted({ rpcUrls: [other.url] })).then(() => catchUp(restarted({ rpcUrls: [other.url] })))).rejects.toThrow(
          `the provider is on chain ${CHAIN_ID + 1}; expected ${CHAIN_ID}`,
        );
      } finally {
        await other.stop();
      }
    });
  });

  describe('when finality is counted in seconds of chain time', () => {
    it('finalises blocks that old', async () => {
      const bySeconds = restarted({ rpcUrls: [anvil.url], finality: { kind: 'seconds', seconds: 60 } });
      await anvil.client.mine({ blocks: 10, interval: 10 });
      await catchUp(bySeconds);
      await catchUp(bySeconds);
      expect(bySeconds.status).toMatchObject({ tipNumber: 10n, finalNumber: 4n });
    });
  });

  describe('when it catches up over more blocks than fit one step', () => {
    it('takes them in pieces and misses nothing', async () => {
      await mineWith(4);
      await anvil.client.mine({ blocks: 300 });
      await mineWith(5);
      await anvil.client.mine({ blocks: 300 });
      const pieces = restarted({ rpcUrls: [anvil.url], maxBlocksPerStep: 128 });
      const before = performance.now();
      const kinds = await catchUp(pieces);
      process.stdout.write(`catch-up: ${Math.round((602 * 1_000) / (performance.now() - before))} blocks/s\n`);
      expect(kinds.filter((kind) => kind === 'block').length).toBeGreaterThanOrEqual(5);
      expect(pieces.status.tipNumber).toBe(602n);
      expect(await seen()).toEqual([4, 5]);
    }, 30_000);
  });
});
