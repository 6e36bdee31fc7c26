import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { marketsAbi } from '@lockstep/contracts';
import { encodeAccount, type AccountId } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { concatHex, encodeFunctionData } from 'viem';
import type { ChainContext } from '../src/chain/chain-context.js';
import { ChainFollower } from '../src/chain/follower.js';
import { PositionReader } from '../src/stages/ledger/position.reader.js';
import { MarginConsumer } from '../src/stages/margin/margin.consumer.js';
import { deployMarkets, type HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL } from './exchange/world.js';
import { deployer, startAnvil, type TestChain } from './support/anvil.js';
import { chainContext } from './support/chain.js';
import { migratedDatabase } from './support/database.js';
import { addressOf } from './support/network.js';
import { startPostgres, type TestPostgres } from './support/postgres.js';

const BUSY_MS = 120_000;
const CHAIN = 31_778;
const PERPETUAL_NAME = 'perpetual of underlying 1';
const account = (byte: number): AccountId => encodeAccount({ owner: addressOf(byte), home: 0, subaccount: 0n });
const [alice, bob, carol, dave] = [account(0xa1), account(0xa2), account(0xa3), account(0xa4)];

describe('given markets on a chain that is followed', () => {
  let chain: TestChain;
  let postgres: TestPostgres;
  let database: DataSource;
  let hub: HubMarkets;
  let context: ChainContext;
  let follower: ChainFollower;
  let reader: PositionReader;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    [chain, postgres] = await Promise.all([startAnvil(CHAIN, []), startPostgres()]);
    hub = await deployMarkets(chain, CHAIN);
    database = (await migratedDatabase(postgres)).database;
    context = chainContext(CHAIN, { rpcUrls: [chain.url] }, hub.contracts);
    const consumer = new MarginConsumer({ now: Date.now });
    follower = new ChainFollower(database, context, [consumer], () => undefined);
    reader = new PositionReader(database, { hub: context });
    const enable = encodeFunctionData({ abi: marketsAbi, functionName: 'setModule', args: [deployer.address, true] });
    await hub.send(hub.contracts.Markets, enable);
    for (const owner of [alice, bob, carol, dave]) await hub.pay(owner, 20_000n * E18);
  }, BUSY_MS);
  afterAll(async () => {
    await database.destroy();
    await chain.stop();
    await postgres.stop();
  });

  const trade = (buyer: AccountId, seller: AccountId, units: bigint): Promise<void> => {
    const args = [buyer, seller, PERPETUAL, units * E18, 60_000n * E18] as const;
    return hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
  };
  /** Whatever is asked of the markets about an account reverts from now on; about the others they answer as before. */
  async function revertFor(one: AccountId): Promise<void> {
    const behind = addressOf(0xee);
    const address = hub.contracts.Markets;
    const code = await chain.client.getCode({ address });
    await chain.client.setCode({ address: behind, bytecode: code ?? '0x' });
    const isOne = concatHex(['0x7f', one, '0x600435146055', '0x57']);
    const delegated = concatHex(['0x365f5f375f5f365f73', behind, '0x5af43d5f5f3e605157']);
    await chain.client.setCode({ address, bytecode: concatHex([isOne, delegated, '0x3d5ffd5b3d5ff35b5f5ffd']) });
  }
  async function follow(): Promise<void> {
    while ((await follower.step()).more);
  }
  /** What the reader finds at the newest block, whom it could not read, and whom it asked. */
  async function read() {
    const spy = jest.spyOn(context.client, 'readContract');
    try {
      const { sums, unreadable } = await reader.sums(await context.client.getBlockNumber());
      const asked = spy.mock.calls.flatMap(([call]) => (call.functionName === 'holdingsOf' ? [call.args?.[0]] : []));
      return { sums, unreadable, asked };
    } finally {
      spy.mockRestore();
    }
  }

  it(
    'INV-POS-1: only accounts that traded are asked, and what they hold sums to zero',
    async () => {
      await follow();
      expect(await read()).toEqual({ sums: [], unreadable: [], asked: [] });
      await trade(alice, bob, 2n);
      await trade(alice, carol, 1n);
      await follow();
      const { sums, asked } = await read();
      expect(asked).toEqual([alice, bob, carol]);
      expect(sums).toEqual([{ instrument: PERPETUAL_NAME, sum: 0n, long: 3n * E18, open: 3n * E18 }]);
    },
    BUSY_MS,
  );

  it(
    'who takes over a slice is asked too',
    async () => {
      const args = [alice, dave, 10n ** 18n / 2n] as const;
      await hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'transferSlice', args }));
      await follow();
      const { sums, asked } = await read();
      expect(asked).toEqual([alice, bob, carol, dave]);
      expect(sums).toEqual([{ instrument: PERPETUAL_NAME, sum: 0n, long: 3n * E18, open: 3n * E18 }]);
    },
    BUSY_MS,
  );

  it(
    'what a reorg takes away names nobody',
    async () => {
      const before = await chain.client.snapshot();
      const late = account(0xa5);
      await hub.pay(late, 20_000n * E18);
      await trade(late, bob, 1n);
      await follow();
      expect((await read()).asked).toContain(late);
      await chain.client.revert({ id: before });
      await chain.client.mine({ blocks: 3 });
      await follow();
      const { sums, asked } = await read();
      expect(asked).toEqual([alice, bob, carol, dave]);
      expect(sums).toEqual([{ instrument: PERPETUAL_NAME, sum: 0n, long: 3n * E18, open: 3n * E18 }]);
    },
    BUSY_MS,
  );

  it(
    'an account whose books revert is told of, and keeps nobody else from being summed up',
    async () => {
      const before = await chain.client.snapshot();
      await revertFor(bob);
      const { sums, unreadable, asked } = await read();
      expect(asked).toEqual([alice, bob, carol, dave]);
      expect(unreadable).toEqual([bob]);
      // Bob is short of what alice, carol and dave have between them.
      expect(sums).toEqual([{ instrument: PERPETUAL_NAME, sum: 2n * E18, long: 3n * E18, open: 3n * E18 }]);
      await chain.client.revert({ id: before });
      expect((await read()).unreadable).toEqual([]);
    },
    BUSY_MS,
  );

  it(
    'an account that nothing names is missed, and the sums say so',
    async () => {
      await database.query(`delete from position_events where account = $1`, [dave]);
      const { sums } = await read();
      expect(sums).toEqual([{ instrument: PERPETUAL_NAME, sum: -15n * 10n ** 17n, long: 15n * 10n ** 17n, open: 3n * E18 }]);
    },
    BUSY_MS,
  );
});
