import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { numberToHex, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { DataSource } from 'typeorm';
import { chainId } from '@lockstep/shared';
import { dataSourceOptions, runMigrations } from '../../src/database/data-source.js';
import { Lane, type LaneParts } from '../../src/sender/lane.js';
import { REBROADCAST_MS, Watcher } from '../../src/sender/watcher.js';
import { FakeLaneChain, type NodeMood } from '../support/fake-lane-chain.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

/** A run takes tens of milliseconds of database work: fewer than the pure properties get. */
const RUNS = process.env['LOCKSTEP_LONG'] === '1' ? 1_000 : 25;
const FINALITY = 3;
const KEY: Hex = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d';

/** The process dies here. */
class Crash extends Error {}

type Command =
  | { readonly kind: 'enqueue' }
  /** the sender or the watcher works and dies at its n-th fault point (0: survives) */
  | { readonly kind: 'send' | 'watch'; readonly dieAt: number }
  | { readonly kind: 'mine'; readonly max: number }
  | { readonly kind: 'reorg'; readonly depth: number; readonly keeps: boolean; readonly grows: boolean }
  | { readonly kind: 'foreign' | 'forget' | 'wait' }
  | { readonly kind: 'mood'; readonly mood: NodeMood };

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Command>({ kind: 'enqueue' }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('send' as const, 'watch' as const), dieAt: fc.nat({ max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('mine' as const), max: fc.nat({ max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('reorg' as const),
      depth: fc.integer({ min: 1, max: FINALITY }),
      keeps: fc.boolean(),
      grows: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('foreign' as const, 'forget' as const, 'wait' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('mood' as const),
      mood: fc.constantFrom<NodeMood>('takes it but the answer is lost', 'loses it', 'refuses it'),
    }),
  },
);

describe('given a lane whose process dies anywhere, on a chain that reorgs, forgets and is used by strangers', () => {
  let postgres: TestPostgres;
  let database: DataSource;

  beforeAll(async () => {
    postgres = await startPostgres();
    database = await new DataSource(dataSourceOptions(await postgres.createDatabase(), 4)).initialize();
    await runMigrations(database);
  });
  afterAll(async () => {
    await database.destroy();
    await postgres.stop();
  });

  it('INV-SENDER-1: every intent takes effect exactly once, no nonce ever gets two payloads, no gap remains', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40, size: 'max' }), async (commands) => {
        const run = await World.fresh(database);
        for (const one of commands) await run.perform(one);
        await run.settle();
        await run.check();
      }),
      { numRuns: RUNS, endOnFailure: false },
    );
  }, 300_000);
});

/** A database, a chain and a clock, which outlive the process; the process is made anew for each command. */
class World {
  #now = 1_800_000_000_000;
  #enqueued = 0;
  readonly #chain = new FakeLaneChain(FINALITY);
  readonly #account = privateKeyToAccount(KEY);

  private constructor(private readonly database: DataSource) {}

  static async fresh(database: DataSource): Promise<World> {
    await database.query('truncate tx_lanes, tx_intents, tx_attempts, tx_incidents restart identity');
    return new World(database);
  }

  async perform(one: Command): Promise<void> {
    switch (one.kind) {
      case 'enqueue':
        return this.#enqueue();
      case 'send':
        return this.#untilCrash(one.dieAt, async (parts) => {
          await new Lane(parts).step();
        });
      case 'watch':
        return this.#untilCrash(one.dieAt, async (parts) => {
          await new Watcher(parts, () => Promise.resolve(this.#chain.finalHeight)).pass();
        });
      case 'mine':
        return this.#chain.mine(one.max);
      case 'reorg':
        return this.#chain.reorg(one.depth, one.keeps, one.grows);
      case 'foreign':
        return this.#chain.foreign();
      case 'forget':
        return this.#chain.forget();
      case 'wait':
        this.#now += REBROADCAST_MS;
        return;
      case 'mood':
        this.#chain.mood = one.mood;
    }
  }

  /** Peace: the process lives and the chain grows, until nothing is left to do. */
  async settle(): Promise<void> {
    for (let round = 0; round < 120; round += 1) {
      await this.perform({ kind: 'send', dieAt: 0 });
      await this.perform({ kind: 'watch', dieAt: 0 });
      await this.perform({ kind: 'mine', max: 5 });
      await this.perform({ kind: 'wait' });
      const [{ open }]: [{ open: number }] = await this.database.query(
        `select count(*)::int as open from tx_intents where state not in ('final', 'rejected')`,
      );
      if (open === 0) return;
    }
    const left: unknown = await this.database.query(`select id, state, nonce from tx_intents where state not in ('final', 'rejected')`);
    throw new Error(`intents never became final: ${JSON.stringify(left)}; the chain is at nonce ${this.#chain.mined.length}`);
  }

  async check(): Promise<void> {
    const effects = this.#chain.mined
      .filter(({ foreign, data }) => !foreign && data !== '0x' && data !== undefined)
      .map(({ data }) => data);
    expect([...effects].sort()).toEqual(Array.from({ length: this.#enqueued }, (_, index) => dataOf(index + 1)).sort());
    for (const [nonce, payloads] of this.#chain.given) expect({ nonce, payloads: payloads.size }).toEqual({ nonce, payloads: 1 });
    expect(this.#chain.poolSize).toBe(0);
  }

  async #enqueue(): Promise<void> {
    this.#enqueued += 1;
    await this.database.query(
      `insert into tx_intents (role, chain_id, chain, key_name, address, dedupe_key, to_address, data, value, purpose)
       values ('deliver', 31001, 'hub', 'submitter', $1, $2, $3, $4, 0, '{}')`,
      [
        this.#account.address.toLowerCase(),
        `intent-${this.#enqueued}`,
        '0x00000000000000000000000000000000000000aa',
        Buffer.from(dataOf(this.#enqueued).slice(2), 'hex'),
      ],
    );
  }

  async #untilCrash(dieAt: number, work: (parts: LaneParts) => Promise<void>): Promise<void> {
    let passed = 0;
    const parts: LaneParts = {
      id: { chainId: chainId(31_001), chain: 'hub', address: this.#account.address },
      keyName: 'submitter',
      account: this.#account,
      roles: ['deliver'],
      dataSource: this.database,
      chain: this.#chain,
      limits: { maxFeePerGas: 1_000n, maxPriorityFeePerGas: 10n },
      clock: { now: () => this.#now },
      fault: () => {
        passed += 1;
        if (passed === dieAt) throw new Crash();
      },
    };
    try {
      await work(parts);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
}

function dataOf(index: number): Hex {
  return numberToHex(index, { size: 2 });
}
