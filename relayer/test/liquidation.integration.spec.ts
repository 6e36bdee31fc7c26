import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { liquidationAbi, marketsAbi } from '@lockstep/contracts';
import type { DataSource } from 'typeorm';
import { encodeFunctionData, numberToHex, type Hex } from 'viem';
import { Secret } from '../src/config/secret.js';
import { SenderKeys } from '../src/sender/keys.js';
import type { Lane } from '../src/sender/lane.js';
import { SenderService } from '../src/sender/sender.service.js';
import type { Watcher } from '../src/sender/watcher.js';
import { HubCalls } from '../src/stages/hub-calls.js';
import { Intents } from '../src/stages/intents.js';
import { LiquidationService } from '../src/stages/liquidation/liquidation.service.js';
import { deployMarkets, type HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import { startAnvil, type TestChain } from './support/anvil.js';
import { chainContext } from './support/chain.js';
import { migratedDatabase } from './support/database.js';
import { testLane } from './support/lane.js';
import { testConfig } from './support/network.js';
import { startPostgres, type TestPostgres } from './support/postgres.js';

const BUSY_MS = 180_000;
const CHAIN = 31_780;
const KEY: Hex = numberToHex(0x72, { size: 32 });
const [alice, bob] = [trader(51), trader(52)];

describe('given an account that falls below maintenance margin, and a relayer that liquidates', () => {
  let chain: TestChain;
  let postgres: TestPostgres;
  let database: DataSource;
  let hub: HubMarkets;
  let lane: Lane;
  let watcher: Watcher;
  let service: () => LiquidationService;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    [chain, postgres] = await Promise.all([startAnvil(CHAIN, []), startPostgres()]);
    hub = await deployMarkets(chain, CHAIN);
    const made = await migratedDatabase(postgres);
    database = made.database;
    const context = chainContext(CHAIN, { rpcUrls: [chain.url] }, hub.contracts);
    const keys = new SenderKeys({
      keys: { submitter: new Secret(numberToHex(7, { size: 32 })), lockstepDvnSigners: [], liquidator: new Secret(KEY) },
    });
    const account = keys.account('liquidator');
    await chain.client.setBalance({ address: account.address, value: E18 });
    const sender = new SenderService(database, { byChainId: () => context }, keys);
    const clock = { now: Date.now };
    const chains = { hub: context };
    const caller = { role: 'liquidate', key: 'liquidator', event: 'liquidation' } as const;
    const calls = new HubCalls(caller, database, chains, keys, sender, new Intents(sender, clock));
    service = () => new LiquidationService(database, chains, testConfig(made.url), calls);
    ({ lane, watcher } = testLane(context, database, keys, { key: 'liquidator', role: 'liquidate' }));
    await hub.pay(alice.account, 40_000n * E18);
    await hub.pay(bob.account, 900_000n * E18);
    const args = [alice.account, bob.account, PERPETUAL, 10n * E18, 60_000n * E18] as const;
    await hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
    await database.query(
      `insert into position_events (eid, kind, account, counterparty, instrument, size, price, block_number, block_hash, block_time, tx_hash, log_index)
       values ($1, 'Traded', $2, $3, $4, 1, 1, 1, '0x', 1, '0x', 0)`,
      [CHAIN, alice.account, bob.account, PERPETUAL.toString()],
    );
  }, BUSY_MS);
  afterAll(async () => {
    await database.destroy();
    await chain.stop();
    await postgres.stop();
  });

  const intents = async (): Promise<string[]> =>
    (await database.query<{ line: string }[]>(`select purpose->>'what' || ' ' || state as line from tx_intents order by id`)).map(
      ({ line }) => line,
    );

  it(
    'starts the auction by one durable intent, also when it is restarted before that is sent',
    async () => {
      const first = service();
      await first.look();
      expect(await intents()).toEqual([]);
      await chain.client.increaseTime({ seconds: 1 });
      await chain.client.mine({ blocks: 1 });
      await hub.tell(57_500n * E18);
      await first.look();
      // Another block, another process: the need is the same, and so is the intent.
      await chain.client.mine({ blocks: 1 });
      await service().look();
      expect(await intents()).toEqual(['auction-start queued']);
      while ((await lane.step()) !== 'idle') await watcher.pass();
      await watcher.pass();
      expect(await intents()).toEqual(['auction-start mined']);
      const auction = {
        address: hub.contracts.Liquidation,
        abi: liquidationAbi,
        functionName: 'auctionOf',
        args: [alice.account],
      } as const;
      expect((await chain.client.readContract(auction)).id).toBe(1n);
      await service().look();
      expect(await intents()).toEqual(['auction-start mined']);
    },
    BUSY_MS,
  );
});
