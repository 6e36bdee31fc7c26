import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { collateralRulesAbi, feedsAbi, ledgerAbi, liquidationAbi, marginAbi, marketsAbi } from '@lockstep/contracts';
import { risk } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { encodeFunctionData, numberToHex, zeroAddress, type Hex } from 'viem';
import { Secret } from '../src/config/secret.js';
import { SenderKeys } from '../src/sender/keys.js';
import type { Lane } from '../src/sender/lane.js';
import { SenderService } from '../src/sender/sender.service.js';
import type { Watcher } from '../src/sender/watcher.js';
import { HubCalls } from '../src/stages/hub-calls.js';
import { Intents } from '../src/stages/intents.js';
import { FeedSnapshots } from '../src/stages/feed-snapshots.js';
import { LiquidationFigures } from '../src/stages/liquidation/figures.js';
import { LiquidationService } from '../src/stages/liquidation/liquidation.service.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { testLane } from './support/lane.js';
import { startMarkets, type TestMarkets } from './support/markets.js';
import { testConfig } from './support/network.js';

const BUSY_MS = 180_000;
const CHAIN = 31_780;
const KEY: Hex = numberToHex(0x72, { size: 32 });
/** Of an underlying that nobody prices. */
const BOUNDS = {
  ...{ spotFresh: 60, spotStale: 600, forwardFresh: 60, forwardStale: 600, surfaceFresh: 60, surfaceStale: 600 },
  ...{ sourceStale: 0, maxSpread: 20_000_000, markBand: 500, disagreement: 200 },
};
const [alice, bob, carol, dave] = [trader(51), trader(52), trader(53), trader(54)];

describe('given an account that falls below maintenance margin, and a relayer that liquidates', () => {
  let chain: TestChain;
  let markets: TestMarkets;
  let database: DataSource;
  let hub: HubMarkets;
  let lane: Lane;
  let watcher: Watcher;
  let service: () => LiquidationService;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    markets = await startMarkets(CHAIN);
    ({ chain, hub, database } = markets);
    const { context, url } = markets;
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
    const snapshots = new FeedSnapshots(database);
    service = () => new LiquidationService(database, chains, testConfig(url), calls, snapshots, new LiquidationFigures(database));
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
  afterAll(() => markets.stop());

  const intents = async (): Promise<string[]> =>
    (await database.query<{ line: string }[]>(`select purpose->>'what' || ' ' || state as line from tx_intents order by id`)).map(
      ({ line }) => line,
    );

  it(
    'is made ready once, also when two loops begin together, and again after that failed',
    async () => {
      const query = jest.spyOn(database, 'query');
      const readied = (): number => query.mock.calls.filter(([text]) => text.includes('CashChanged')).length;
      try {
        const one = service();
        query.mockRejectedValueOnce(new Error('no connection'));
        const failed = await Promise.allSettled([one.look(), one.seeToLosses()]);
        expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
        expect(readied()).toBe(1);
        await Promise.all([one.look(), one.seeToLosses(), one.seeToDebts()]);
        await one.settleWriteDowns();
        expect(readied()).toBe(2);
      } finally {
        query.mockRestore();
      }
    },
    BUSY_MS,
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
      const { timestamp, number } = await chain.client.getBlock();
      expect(await database.query('select * from liquidation_valuations')).toEqual([
        // Told as of the block before.
        expect.objectContaining({
          eid: CHAIN,
          block_number: `${number}`,
          block_time: `${timestamp}`,
          suspected: 1,
          below: 1,
          unanswered: 0,
        }),
      ]);
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

  it(
    'undoes one that was started with older prices than were signed by then: nobody had handed in those that show it healthy',
    async () => {
      const args = [carol.account, bob.account, PERPETUAL, 10n * E18, 60_000n * E18] as const;
      await hub.pay(carol.account, 40_000n * E18);
      await hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
      const pass = async (seconds: number): Promise<void> => {
        await chain.client.increaseTime({ seconds });
        await chain.client.mine({ blocks: 1 });
      };
      // The auction that is running is out of reach of these prices: more than a minute old.
      await pass(130);
      await hub.tell(57_500n * E18);
      await pass(5);
      const signed = { ...(await hub.sign(60_000n * E18)), signers: [hub.signer], tx: null };
      await new FeedSnapshots(database).keep(database.manager, hub.contracts.Feeds, signed);
      await pass(5);
      const start = encodeFunctionData({ abi: liquidationAbi, functionName: 'start', args: [carol.account, '0x'] });
      await hub.send(hub.contracts.Liquidation, start);
      const opened = async () =>
        (
          await chain.client.readContract({
            address: hub.contracts.Liquidation,
            abi: liquidationAbi,
            functionName: 'auctionOf',
            args: [carol.account],
          })
        ).id;
      expect(await opened()).toBe(2n);
      const undone = async () => (await intents()).filter((line) => line.startsWith('auction-undo'));
      await service().look();
      await service().look();
      expect(await undone()).toEqual(['auction-undo queued']);
      while ((await lane.step()) !== 'idle') await watcher.pass();
      await watcher.pass();
      expect(await undone()).toEqual(['auction-undo mined']);
      expect(await opened()).toBe(0n);
      // Nothing was taken: what the start put aside is back.
      const cash = { address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'cashOf', args: [carol.account] } as const;
      expect(await chain.client.readContract(cash)).toBe(40_000n * E18);
    },
    BUSY_MS,
  );

  it(
    'starts one that has a unit of something without a price: the hub leaves that out',
    async () => {
      const { Ledger, Feeds, CollateralRules, Markets, Margin } = hub.contracts;
      const limit = 2n ** 87n;
      const config = { standing: 1, decimals: 18, cap: limit, inflowCapacity: limit, inflowPerSecond: limit };
      await hub.send(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'configureAsset', args: [CHAIN, 9, config] }));
      const assetId = await chain.client.readContract({ address: Ledger, abi: ledgerAbi, functionName: 'assetIdOf', args: [CHAIN, 9] });
      await hub.send(Feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'setUnderlying', args: [2, 1, zeroAddress, BOUNDS] }));
      const tiers = [{ from: 0n, maintenance: 50_000_000, initialExtra: 50_000_000 }];
      await hub.send(CollateralRules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setClass', args: [0, tiers] }));
      const rule = { underlying: 2, decimals: 18, class: 0, eid: CHAIN };
      await hub.send(CollateralRules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setAssetRule', args: [assetId, rule] }));
      const unit = [CHAIN, 9, dave.account, 1n, 0n] as const;
      await hub.send(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'correct', args: unit }));
      await chain.client.impersonateAccount({ address: dave.key.address });
      await chain.client.setBalance({ address: dave.key.address, value: E18 });
      const data = encodeFunctionData({ abi: ledgerAbi, functionName: 'enableCollateral', args: [dave.account, assetId] });
      await chain.client.sendTransaction({ account: dave.key.address, chain: null, to: Ledger, data });
      await chain.client.mine({ blocks: 1 });
      await hub.pay(dave.account, 40_000n * E18);
      const args = [dave.account, bob.account, PERPETUAL, 10n * E18, 60_000n * E18] as const;
      await hub.send(Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
      await chain.client.increaseTime({ seconds: 130 });
      await chain.client.mine({ blocks: 1 });
      await hub.tell(57_500n * E18);
      const { grade } = await chain.client.readContract({ address: Margin, abi: marginAbi, functionName: 'riskOf', args: [dave.account] });
      expect(risk.GRADES[grade]).toBe('zero');
      await service().look();
      const started = (
        await database.query<{ account: string }[]>(
          `select purpose->>'account' as account from tx_intents where purpose->>'what' = 'auction-start'`,
        )
      ).map(({ account }) => account);
      expect(started).toContain(dave.account);
    },
    BUSY_MS,
  );
});
