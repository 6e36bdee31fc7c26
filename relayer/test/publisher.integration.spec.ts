import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { accessManagerAbi, bytecode, feedsAbi } from '@lockstep/contracts';
import { risk } from '@lockstep/shared';
import {
  concatHex,
  decodeFunctionData,
  encodeDeployData,
  numberToHex,
  toFunctionSelector,
  zeroAddress,
  type Address,
  type Hex,
} from 'viem';
import { privateKeyToAddress } from 'viem/accounts';
import { parseConfig, ConfigError } from '../src/config/load.js';
import type { RelayerConfig } from '../src/config/relayer-config.js';
import { SenderKeys } from '../src/sender/keys.js';
import { SenderService } from '../src/sender/sender.service.js';
import { FeedSnapshots } from '../src/stages/feed-snapshots.js';
import { publishedUnderlyings } from '../src/stages/margin/publisher.paths.js';
import { PublisherService } from '../src/stages/margin/publisher.service.js';
import { BOUNDS } from './exchange/hub-chain.js';
import { deployer, startAnvil, type TestChain } from './support/anvil.js';
import { chainContext } from './support/chain.js';
import { migratedDatabase } from './support/database.js';
import { testChains, testConfig } from './support/network.js';
import { startPostgres, type TestPostgres } from './support/postgres.js';

const BUSY_MS = 120_000;
const CHAIN = 31_001;
const KEYS = [11, 12, 13, 14].map((value) => numberToHex(value, { size: 32 }));
const GRADES = risk.GRADES;

const publisherJson = (feeds: Address, keys: readonly Hex[] = KEYS) => ({
  feeds,
  signers: keys.map((privateKey) => ({ privateKey })),
  underlyings: [
    { underlying: 2, path: { kind: 'simulated', seed: 1, start: 3_000, volatility: 0.7 } },
    { underlying: 1, path: { kind: 'simulated', seed: 2, start: 60_000, volatility: 0.5 }, premium: 0.001, rate: 0.05 },
  ],
});

const configured = (publisher: unknown): RelayerConfig =>
  parseConfig(
    {
      network: 'test',
      liveDir: '.',
      database: { url: 'postgres://app@127.0.0.1/test' },
      api: { port: 0 },
      chains: [{ chain: 'hub', rpcUrls: ['http://127.0.0.1:9'], finality: { kind: 'blocks', blocks: 2 } }],
      keys: { submitter: { privateKey: numberToHex(7, { size: 32 }) }, lockstepDvnSigners: [{ privateKey: numberToHex(8, { size: 32 }) }] },
      publisher,
    },
    {},
    'test.json',
    '/etc/lockstep',
  );

describe('given feeds on a local chain and a publisher with its signers', () => {
  let chain: TestChain;
  let postgres: TestPostgres;
  let feeds: Address;

  beforeAll(async () => {
    [chain, postgres] = await Promise.all([startAnvil(CHAIN, []), startPostgres()]);
    const deploy = async (data: Hex): Promise<Address> => {
      const hash = await chain.client.sendTransaction({ account: deployer, chain: null, data });
      const { contractAddress } = await chain.client.waitForTransactionReceipt({ hash });
      if (contractAddress === null || contractAddress === undefined) throw new Error('nothing was deployed');
      return contractAddress;
    };
    const manager = await deploy(
      encodeDeployData({ abi: accessManagerAbi, bytecode: bytecode.AccessManager.creation, args: [deployer.address] }),
    );
    const signers = KEYS.map((key) => privateKeyToAddress(key)).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
    feeds = await deploy(encodeDeployData({ abi: feedsAbi, bytecode: bytecode.Feeds.creation, args: [manager, signers, 2, 3] }));
    for (const underlying of [1, 2])
      await chain.client.writeContract({
        account: deployer,
        chain: null,
        address: feeds,
        abi: feedsAbi,
        functionName: 'setUnderlying',
        args: [underlying, 1, zeroAddress, { ...BOUNDS, spotFresh: 60, spotStale: 600 }],
      });
  }, BUSY_MS);
  afterAll(async () => {
    await chain.stop();
    await postgres.stop();
  });

  async function publisher(config: RelayerConfig) {
    const { database, url } = await migratedDatabase(postgres);
    const sender = new SenderService(database, testChains(url), new SenderKeys(testConfig(url)));
    const service = new PublisherService(database, config, sender, new FeedSnapshots(database), { now: Date.now });
    const hub = chainContext(CHAIN, { rpcUrls: [chain.url] });
    return {
      publish: () => service.publish(hub),
      wanted: () =>
        database.query<{ role: string; to_address: string; data: Buffer }[]>('select role, to_address, data from tx_intents order by id'),
      finish: () => database.query(`update tx_intents set state = 'rejected', rejection = '{"kind":"message","message":"refused"}'`),
      kept: (after: bigint) => new FeedSnapshots(database).newest(feeds, { after, underlyings: null }),
      /** those signed for about as late as the latest */
      ahead: () =>
        database.query<unknown[]>('select "time" from feed_snapshots where "time" >= (select max("time") from feed_snapshots) - 3'),
      stop: () => database.destroy(),
    };
  }

  it(
    'wants one transaction that the contract takes: every value is fresh, from any sender',
    async () => {
      const made = await publisher(configured(publisherJson(feeds)));
      await made.publish();
      // While it is under way nothing more is asked for.
      await made.publish();
      const rows = await made.wanted();
      expect(rows.map(({ role, to_address: to }) => ({ role, to }))).toEqual([{ role: 'publish', to: feeds.toLowerCase() }]);
      const data = `0x${rows[0]?.data.toString('hex') ?? ''}` as const;
      const hash = await chain.client.sendTransaction({ account: deployer, chain: null, to: feeds, data, gas: 5_000_000n });
      expect((await chain.client.waitForTransactionReceipt({ hash })).status).toBe('success');
      const read = (kind: risk.FeedKind, underlying: number, expiry = 0n) =>
        chain.client.readContract({
          address: feeds,
          abi: feedsAbi,
          functionName: 'point',
          args: [risk.feedId({ underlying, kind, expiry })],
        });
      const [spot, mark] = [await read('spot', 1), await read('mark', 1)];
      expect(GRADES[spot.grade]).toBe('fresh');
      expect(Number(mark.value) / Number(spot.value)).toBeCloseTo(1.001, 9);
      for (const expiry of risk.expiriesAt({ count: 4, everyDays: 7 }, spot.time)) {
        expect(GRADES[(await read('forward', 1, BigInt(expiry))).grade]).toBe('fresh');
        const surface = await read('surface', 2, BigInt(expiry));
        expect(GRADES[surface.grade]).toBe('fresh');
        expect(risk.unpackSlice(surface.value).rho).toBe(-200_000_000n);
      }
      await made.stop();
    },
    BUSY_MS,
  );

  it(
    'keeps what it signed for others to hand in, and one dated ahead that it never sends: the contract takes both',
    async () => {
      const made = await publisher(configured({ ...publisherJson(feeds), aheadSeconds: 5 }));
      await made.publish();
      const [sentRow] = await made.wanted();
      const [ahead] = await made.kept(-1n);
      if (ahead === undefined || sentRow === undefined) throw new Error('two snapshots are expected');
      const { args } = decodeFunctionData({ abi: feedsAbi, data: `0x${sentRow.data.toString('hex')}` });
      const time = Number(args?.[0]);
      expect(ahead.time).toBe(time + 5);
      expect(ahead.signers).toEqual(
        KEYS.map((key) => privateKeyToAddress(key))
          .sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))
          .slice(0, 2),
      );
      expect(await made.kept(BigInt(ahead.time))).toEqual([]);
      const data = concatHex([toFunctionSelector('submit(uint40,(uint64,uint128,uint32)[],bytes)'), ahead.prices]);
      const hash = await chain.client.sendTransaction({ account: deployer, chain: null, to: feeds, data });
      expect((await chain.client.waitForTransactionReceipt({ hash })).status).toBe('success');
      await made.stop();
      const plain = await publisher(configured({ ...publisherJson(feeds), aheadSeconds: 0 }));
      await plain.publish();
      const [now] = await plain.kept(-1n);
      const rows = await plain.wanted();
      expect(`0x${rows[0]?.data.toString('hex') ?? ''}`).toBe(
        concatHex([toFunctionSelector('submit(uint40,(uint64,uint128,uint32)[],bytes)'), now?.prices ?? '0x']),
      );
      await plain.stop();
    },
    BUSY_MS,
  );

  it(
    'wants the next one when the last is over',
    async () => {
      const made = await publisher(configured(publisherJson(feeds)));
      await made.publish();
      await made.finish();
      await chain.client.increaseTime({ seconds: 30 });
      await chain.client.mine({ blocks: 1 });
      await made.publish();
      expect(await made.wanted()).toHaveLength(2);
      await made.stop();
    },
    BUSY_MS,
  );

  it(
    'reads a file of prices again when somebody has written it: the market moves without a restart',
    async () => {
      const file = path.join(mkdtempSync(path.join(tmpdir(), 'lockstep-prices-')), 'btc.csv');
      const written = (price: number) => writeFileSync(file, `BTC\n${price}\n${price}\n`);
      const recorded = { underlying: 1, path: { kind: 'recorded', file, column: 'BTC', stepSeconds: 60 } };
      written(60_000);
      const made = await publisher(configured({ ...publisherJson(feeds), underlyings: [recorded] }));
      const spots: bigint[] = [];
      for (const price of [60_000, 50_000]) {
        written(price);
        await made.publish();
        await made.finish();
        await chain.client.increaseTime({ seconds: 30 });
        await chain.client.mine({ blocks: 1 });
        const { data } = (await made.wanted()).at(-1) ?? { data: Buffer.alloc(0) };
        const { args } = decodeFunctionData({ abi: feedsAbi, data: `0x${data.toString('hex')}` });
        const [, reports] = args as readonly [number, readonly risk.FeedReport[], Hex]; // CAST: the publisher calls submit alone
        spots.push(reports.find(({ feed }) => feed === risk.feedId({ underlying: 1, kind: 'spot', expiry: 0n }))?.value ?? 0n);
      }
      expect(spots).toEqual([60_000n * 10n ** 18n, 50_000n * 10n ** 18n]);
      await made.stop();
    },
    BUSY_MS,
  );

  it(
    'forgets what it signed ahead before the market moved: nobody is shown a price that never was',
    async () => {
      const file = path.join(mkdtempSync(path.join(tmpdir(), 'lockstep-prices-')), 'btc.csv');
      const recorded = { underlying: 1, path: { kind: 'recorded', file, column: 'BTC', stepSeconds: 60 } };
      const made = await publisher(configured({ ...publisherJson(feeds), underlyings: [recorded] }));
      for (const price of [60_000, 50_000]) {
        writeFileSync(file, `BTC\n${price}\n${price}\n`);
        await made.publish();
        await made.finish();
      }
      const ahead = await made.ahead();
      expect(ahead).toHaveLength(1);
      await made.stop();
    },
    BUSY_MS,
  );

  it(
    'says how many signers are missing',
    async () => {
      const made = await publisher(configured(publisherJson(feeds, KEYS.slice(0, 1))));
      await expect(made.publish()).rejects.toThrow('1 signers are configured; expected at least 2');
      expect(await made.wanted()).toEqual([]);
      await made.stop();
    },
    BUSY_MS,
  );

  it(
    'does nothing without a configuration',
    async () => {
      const made = await publisher(configured(undefined));
      await made.publish();
      expect(await made.wanted()).toEqual([]);
      await made.stop();
    },
    BUSY_MS,
  );
});

describe('given a file of recorded prices', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-prices-'));
  const file = path.join(folder, 'prices.csv');
  writeFileSync(file, '# closes\ndate,BTC,ETH\n2024-01-01,42000,2300\n2024-01-02,43000,\n');
  const underlyings = (column: string, name = file) =>
    configured({
      ...publisherJson('0x00000000000000000000000000000000000000f1'),
      underlyings: [{ underlying: 1, path: { kind: 'recorded', file: name, column, stepSeconds: 60 } }],
    }).publisher?.underlyings ?? [];

  it('plays it back', () => {
    const [published] = publishedUnderlyings(underlyings('BTC'));
    expect(published?.path).toEqual({ prices: [42_000, 43_000], stepSeconds: 60, recordedSeconds: 86_400 });
  });

  it('plays back the file that ships, at prices that move every minute and never jump', () => {
    const shipped = path.join(import.meta.dirname, '../../docs/examples/history/btc-eth-usd.csv');
    for (const column of ['BTC', 'ETH']) {
      const [published] = publishedUnderlyings(underlyings(column, shipped));
      if (published === undefined) throw new Error('one underlying expected');
      expect(published.path.prices).toHaveLength(365);
      const begin = 1_800_000_000;
      const year = Array.from({ length: 2 * 364 }, (_, minute) => risk.priceAt(published.path, begin + 60 * minute));
      expect(Math.max(...year)).toBe(Math.max(...published.path.prices));
      expect(Math.min(...year)).toBe(Math.min(...published.path.prices));
      const largest = Math.max(
        ...published.path.prices.slice(1).map((price, i) => Math.abs(Math.log(price / (published.path.prices[i] ?? 1)))),
      );
      for (let i = 1; i < year.length; i++)
        expect(Math.abs(Math.log((year[i] ?? 0) / (year[i - 1] ?? 1)))).toBeLessThanOrEqual(largest + 1e-12);
    }
  });

  it.each([
    { what: 'a gap', column: 'ETH', name: file, message: /row 2 is none; expected at least 2/ },
    { what: 'a column that is not there', column: 'SOL', name: file, message: /"SOL" has 2 prices, row 1 is none/ },
    { what: 'a file that is not there', column: 'BTC', name: 'none.csv', message: /cannot be read/ },
  ])('names $what', ({ column, name, message }) => {
    const problems = (): unknown => {
      try {
        return publishedUnderlyings(underlyings(column, name));
      } catch (error) {
        if (error instanceof ConfigError) return error.problems.map((problem) => problem.message).join();
        throw error;
      }
    };
    expect(problems()).toMatch(message);
  });

  it('finds it from the configuration file', () => {
    const [first] = underlyings('BTC', 'prices/btc.csv');
    expect(first?.path).toMatchObject({ file: '/etc/lockstep/prices/btc.csv' });
  });
});
