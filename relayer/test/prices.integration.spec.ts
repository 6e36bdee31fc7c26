import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { feedsAbi, marginAbi, marketsAbi } from '@lockstep/contracts';
import { risk } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { encodeFunctionData, numberToHex, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { PriceQueries } from '../src/api/prices.queries.js';
import { ChainTime } from '../src/chain/chain-time.js';
import type { Chains } from '../src/chain/chains.js';
import { FeedSnapshots } from '../src/stages/feed-snapshots.js';
import { SnapshotWatch } from '../src/stages/margin/snapshot.watch.js';
import { deployMarkets, type HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import { startAnvil, type TestChain } from './support/anvil.js';
import { chainContext } from './support/chain.js';
import { migratedDatabase } from './support/database.js';
import { startPostgres, type TestPostgres } from './support/postgres.js';

const BUSY_MS = 180_000;
const CHAIN = 31_785;
const [alice, bob] = [trader(61), trader(62)];

describe('given a hub whose prices somebody else publishes', () => {
  let chain: TestChain;
  let postgres: TestPostgres;
  let database: DataSource;
  let hub: HubMarkets;
  let chains: Pick<Chains, 'hub'>;
  let watch: () => SnapshotWatch;
  let queries: PriceQueries;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    [chain, postgres] = await Promise.all([startAnvil(CHAIN, []), startPostgres()]);
    hub = await deployMarkets(chain, CHAIN);
    database = (await migratedDatabase(postgres)).database;
    chains = { hub: chainContext(CHAIN, { rpcUrls: [chain.url] }, hub.contracts) };
    const snapshots = new FeedSnapshots(database);
    watch = () => new SnapshotWatch(database, chains, snapshots);
    // CAST: it asks for the hub only.
    queries = new PriceQueries(chains as Chains, new ChainTime(database, { now: Date.now }), snapshots);
    await hub.pay(alice.account, 60_000n * E18);
    await hub.pay(bob.account, 900_000n * E18);
    const args = [alice.account, bob.account, PERPETUAL, E18, 60_000n * E18] as const;
    await hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
  }, BUSY_MS);
  afterAll(async () => {
    await database.destroy();
    await chain.stop();
    await postgres.stop();
  });

  const read = (after: bigint | null) => queries.newest(hub.contracts.Feeds, after, null);
  const pass = async (seconds: number): Promise<number> => {
    await chain.client.increaseTime({ seconds });
    await chain.client.mine({ blocks: 1 });
    return Number((await chain.client.getBlock()).timestamp);
  };
  /** What the check of margin says to a withdrawal asked for at a time. */
  const judged = async (prices: string, since: number): Promise<string> => {
    // CAST: of the API, or none.
    const args = [alice.account, prices as Hex, since] as const;
    const call = { address: hub.contracts.Margin, abi: marginAbi, functionName: 'requireInitial', args } as const;
    try {
      await chain.client.simulateContract(call);
      return 'passes';
    } catch (error) {
      return String(error);
    }
  };

  it(
    'finds what others submitted, by whatever call, and hands it out to whoever withdraws with open positions',
    async () => {
      const asked = await pass(10);
      expect(await judged('0x', asked)).toContain('PricesTooOld');
      await watch().look();
      expect((await read(BigInt(asked) - 1n)).snapshots).toEqual([]);
      await pass(1);
      const snapshot = await hub.sign(61_000n * E18);
      await hub.send(
        hub.contracts.Margin,
        encodeFunctionData({ abi: marginAbi, functionName: 'submit', args: [risk.encodePrices(snapshot)] }),
      );
      await watch().look();
      const { snapshots, awaited } = await read(BigInt(asked) - 1n);
      expect(snapshots).toEqual([
        expect.objectContaining({ time: `${snapshot.time}`, prices: risk.encodePrices(snapshot), signers: [hub.signer], underlyings: [1] }),
      ]);
      expect(awaited).toEqual([]);
      expect(await judged(snapshots[0]?.prices ?? '0x', asked)).toBe('passes');
      expect(await judged(snapshots[0]?.prices ?? '0x', snapshot.time + 1)).toContain('PricesTooOld');
    },
    BUSY_MS,
  );

  it(
    'goes on where it was, finds the rest after a restart, and keeps each once',
    async () => {
      const kept = async () =>
        (await database.query<{ time: string }[]>('select "time" from feed_snapshots order by id')).map(({ time }) => time);
      const before = await kept();
      const first = watch();
      await first.look();
      await pass(5);
      await hub.tell(61_500n * E18);
      await first.look();
      await first.look();
      const after = await kept();
      expect(after).toHaveLength(before.length + 1);
      await watch().look();
      expect(await kept()).toEqual(after);
    },
    BUSY_MS,
  );

  it(
    'keeps none that the contract would not take again: its signers were replaced since',
    async () => {
      await pass(5);
      const known = (await read(null)).snapshots.map(({ time }) => time);
      await hub.tell(62_000n * E18);
      const others = [privateKeyToAccount(numberToHex(0x99, { size: 32 })).address];
      await hub.send(hub.contracts.Feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'setSigners', args: [others, 1, 1] }));
      await watch().look();
      expect((await read(null)).snapshots.map(({ time }) => time)).toEqual(known);
    },
    BUSY_MS,
  );
});
