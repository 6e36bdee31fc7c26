import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ledgerAbi, levyAbi, liquidationAbi, marketsAbi, shortfallsAbi } from '@lockstep/contracts';
import { accountId, liquidation, risk, type AccountId } from '@lockstep/shared';
import request from 'supertest';
import type { App } from 'supertest/types.js';
import { encodeFunctionData, type Address, type Hex } from 'viem';
import { z } from 'zod/v4';
import { levyView, liquidationView } from '../src/api/liquidation-views.js';
import { AppModule } from '../src/app.module.js';
import { Chains } from '../src/chain/chains.js';
import { ChainFollower } from '../src/chain/follower.js';
import { tellReceipts } from '../src/cli/receipts.js';
import { countReceipts } from '../src/cli/receipts-run.js';
import { LiquidationEvents1795230000600 } from '../src/database/migrations/1795230000600-liquidations.js';
import { LiquidationConsumer } from '../src/stages/liquidation/liquidation.consumer.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { ASSET, listCollateral, type TestCollateral } from './support/collateral.js';
import { startMarkets, type TestMarkets } from './support/markets.js';
import { HUB, LIVE, testConfig } from './support/network.js';

const BUSY_MS = 240_000;
const CHAIN = 31_001;
const FIRST_SHORTFALL = 2n ** 63n + 1n;
const [alice, bob, carol, dave, bidder, debtor] = [trader(91), trader(92), trader(93), trader(94), trader(95), trader(96)];

describe('given a hub whose auctions and levies are followed, and the REST interface', () => {
  let chain: TestChain;
  let markets: TestMarkets;
  let hub: HubMarkets;
  let collateral: TestCollateral;
  let app: INestApplication<App>;
  let follower: ChainFollower;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    markets = await startMarkets(CHAIN);
    ({ chain, hub } = markets);
    const at = (address: Address) => ({ ...LIVE.hub.contracts.Ledger, address });
    const deployed = Object.fromEntries(Object.entries(hub.contracts).map(([name, address]) => [name, at(address)]));
    const contracts = { ...LIVE.hub.contracts, ...deployed };
    // CAST: the same names, at other addresses.
    const hubChain = { ...LIVE.hub, contracts } as typeof LIVE.hub;
    const live = { ...LIVE, hub: hubChain, chains: LIVE.chains.map((one) => (one === LIVE.hub ? hubChain : one)) };
    // What it tells is what was followed: it asks no chain.
    app = await NestFactory.create<INestApplication<App>>(AppModule.forRoot(testConfig(markets.url), LIVE), { logger: false });
    await app.listen(0, '127.0.0.1');
    const consumer = new LiquidationConsumer({ now: Date.now });
    follower = new ChainFollower(markets.database, new Chains(testConfig(markets.url, chain.url), live).hub, [consumer], () => undefined);
    collateral = await listCollateral(hub, HUB);
    for (const { account } of [bob, bidder]) await hub.pay(account, 900_000n * E18);
    await chain.client.setBalance({ address: bidder.key.address, value: E18 });
  }, BUSY_MS);
  afterAll(async () => {
    await app.close();
    await markets.stop();
  });

  const json = async (path: string): Promise<unknown> => JSON.parse((await request(app.getHttpServer()).get(path).expect(200)).text);
  const follow = async (): Promise<void> => {
    while ((await follower.step()).more);
  };
  /** As the interface tells it once everything so far was followed. */
  const record = async (id: bigint) => {
    await follow();
    return liquidationView.parse(await json(`/liquidations/${id}`));
  };
  const buy = async ({ account }: typeof alice, price = 60_000n): Promise<void> => {
    const args = [account, bob.account, PERPETUAL, 10n * E18, price * E18] as const;
    await hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
  };
  const pass = async (seconds: number, price?: bigint): Promise<void> => {
    await chain.client.increaseTime({ seconds });
    await chain.client.mine({ blocks: 1 });
    if (price !== undefined) await hub.tell(price * E18);
  };
  const start = ({ account }: typeof alice): Promise<void> =>
    hub.send(hub.contracts.Liquidation, encodeFunctionData({ abi: liquidationAbi, functionName: 'start', args: [account, '0x'] }));
  /** The bidder takes whatever it may. @returns the transaction */
  async function send(to: Address, data: Hex): Promise<Hex> {
    // Not estimated: a second later it costs more.
    const hash = await chain.client.sendTransaction({ account: bidder.key, chain: null, to, data, gas: 5_000_000n });
    expect((await chain.client.waitForTransactionReceipt({ hash })).status).toBe('success');
    return hash;
  }
  const bid = ({ account }: typeof alice, priceLimit: bigint): Promise<Hex> => {
    const wanted = { account, bidder: bidder.account, share: E18, priceLimit };
    return send(hub.contracts.Liquidation, encodeFunctionData({ abi: liquidationAbi, functionName: 'bid', args: [wanted, '0x'] }));
  };
  const ledger = () => ({ address: hub.contracts.Ledger, abi: ledgerAbi }) as const;
  const deficitOf = async (market: number): Promise<AccountId> =>
    accountId(
      await chain.client.readContract({
        ...{ address: hub.contracts.Liquidation, abi: liquidationAbi, functionName: 'deficitAccount', args: [market] },
      }),
    );

  it(
    'tells of an auction from its start to its end: figures, penalty, what was sold for what, and each with its transaction',
    async () => {
      await collateral.credit(alice.account, true);
      await buy(alice);
      await pass(10, 56_000n);
      await start(alice);
      expect(await record(1n)).toMatchObject({ kind: 'margin', account: alice.account, state: 'open', bids: [], touched: [], end: null });
      await pass(60, 56_000n);
      const tx = await bid(alice, 100_000n * E18);
      const told = await record(1n);
      const events = await chain.client.getContractEvents({
        ...{ address: hub.contracts.Liquidation, abi: liquidationAbi, fromBlock: 0n, strict: true },
      });
      const started = events.find(({ eventName }) => eventName === 'AuctionStarted');
      if (started?.eventName !== 'AuctionStarted') throw new Error('no start was told of');
      const { equity, maintenanceMargin, fee } = started.args;
      expect(told).toMatchObject({
        ...{ id: '1', state: 'ended', shortfall: null, insolvencies: [], levies: [], payouts: [], reorged: [] },
        start: { tx: started.transactionHash, blockNumber: `${started.blockNumber}`, eid: HUB, chain: 'hub' },
        margin: { equityE18: `${equity}`, maintenanceMarginE18: `${maintenanceMargin}`, penaltyE18: `${fee}`, ageSeconds: '0' },
        end: { tx, undone: false, debtE18: null },
      });
      const [only, ...others] = told.bids;
      expect(others).toEqual([]);
      expect(only).toMatchObject({ tx, bidder: bidder.account, insolvent: null, firstClaim: null, feeE18: null });
      const { shareE18, priceE18, collateral: handed } = only ?? { shareE18: '0', priceE18: '0', collateral: [] };
      expect(BigInt(shareE18)).toBeGreaterThan(0n);
      expect(BigInt(priceE18)).toBeGreaterThan(0n);
      // One of it, so its share is what was taken.
      expect(handed.map(({ eid, assetIndex, amountBaseUnits }) => [eid, assetIndex, amountBaseUnits])).toEqual([[HUB, ASSET, shareE18]]);
      expect(told.touched).toEqual(handed);
    },
    BUSY_MS,
  );

  it(
    'tells of one that was undone',
    async () => {
      await hub.pay(carol.account, 40_000n * E18);
      await buy(carol);
      await pass(130, 57_500n);
      await pass(5);
      const signed = await hub.sign(60_000n * E18);
      await pass(5);
      await start(carol);
      const range = { address: hub.contracts.Liquidation, abi: liquidationAbi, fromBlock: 0n, strict: true } as const;
      const books = await chain.client.getContractEvents({ ...range, eventName: 'StartedWith', args: { id: 2n } });
      const args = [carol.account, books[0]?.args.holdings ?? [], risk.encodePrices(signed)] as const;
      const tx = await send(hub.contracts.Liquidation, encodeFunctionData({ abi: liquidationAbi, functionName: 'undo', args }));
      expect(await record(2n)).toMatchObject({ state: 'undone', bids: [], end: { tx, undone: true } });
    },
    BUSY_MS,
  );

  it(
    'tells who paid for one that owed more than it had, and the levy for the rest, whose every part can be counted again',
    async () => {
      await hub.pay(dave.account, 40_000n * E18);
      await pass(130, 60_000n);
      await buy(dave);
      await pass(10, 55_000n);
      await start(dave);
      await pass(1_800, 55_000n);
      const tx = await bid(dave, 0n);
      const opened = await record(3n);
      expect(opened.insolvencies).toHaveLength(1);
      const [only] = opened.bids;
      const paid = only?.insolvent ?? { reserveE18: '0', fundE18: '0', deficitE18: '0' };
      expect(only).toMatchObject({ tx, insolvent: { market: 1 } });
      expect(BigInt(paid.reserveE18) + BigInt(paid.fundE18) + BigInt(paid.deficitE18)).toBe(-BigInt(only?.priceE18 ?? '0'));
      expect(BigInt(paid.deficitE18)).toBeGreaterThan(0n);
      expect(opened.levies).toMatchObject([{ id: '1', underlying: 1, deficitE18: paid.deficitE18, closed: null, registrations: [] }]);

      const { Levy } = hub.contracts;
      const levyCall = (functionName: 'register' | 'settle', account: AccountId): Hex =>
        encodeFunctionData({ abi: levyAbi, functionName, args: [1n, account] });
      for (const { account } of [bob, bidder]) await send(Levy, levyCall('register', account));
      await pass(901, 55_000n);
      await send(Levy, encodeFunctionData({ abi: levyAbi, functionName: 'close', args: [1n] }));
      const settled = await send(Levy, levyCall('settle', bob.account));
      await follow();
      const [of] = z.array(levyView).parse(await json(`/levies?account=${bob.account}`));
      const whole = levyView.parse(await json('/levies/1'));
      expect(whole.registrations.map(({ account }) => account).sort()).toEqual([bob.account, bidder.account].sort());
      expect(of?.registrations).toEqual(whole.registrations.filter(({ account }) => account === bob.account));
      expect(of?.payments).toMatchObject([{ tx: settled, account: bob.account }]);
      const sum = (texts: readonly string[]): bigint => texts.reduce((total, text) => total + BigInt(text), 0n);
      expect(whole.closed?.totalE18).toBe(`${sum(whole.registrations.map(({ registeredE18 }) => registeredE18))}`);
      const [payment] = whole.payments;
      const [registered, deficit, total] = [payment?.registeredE18, whole.deficitE18, whole.closed?.totalE18].map((text) =>
        BigInt(text ?? '0'),
      );
      expect(payment?.levyE18).toBe(`${liquidation.levyOf(registered ?? 0n, deficit ?? 0n, total ?? 0n)}`);
    },
    BUSY_MS,
  );

  it(
    'tells of auctions of debts past the limit as well, and lists what was auctioned of an account, newest first',
    async () => {
      const { Shortfalls } = hub.contracts;
      const terms = { limit: 10_000n * E18, restore: E18 / 2n };
      await hub.send(Shortfalls, encodeFunctionData({ abi: shortfallsAbi, functionName: 'setTerms', args: [terms] }));
      await collateral.credit(debtor.account, true);
      await hub.pay(debtor.account, -12_000n * E18);
      await send(Shortfalls, encodeFunctionData({ abi: shortfallsAbi, functionName: 'start', args: [debtor.account, '0x'] }));
      await pass(120, 55_000n);
      const args = [debtor.account, bidder.account, E18, 100_000n * E18, '0x'] as const;
      const tx = await send(Shortfalls, encodeFunctionData({ abi: shortfallsAbi, functionName: 'bid', args }));
      const told = await record(FIRST_SHORTFALL);
      expect(told).toMatchObject({
        ...{ id: `${FIRST_SHORTFALL}`, kind: 'shortfall', account: debtor.account, state: 'ended', margin: null },
        shortfall: { limitE18: `${terms.limit}` },
        bids: [{ tx, bidder: bidder.account, cashE18: null, insolvent: null }],
        touched: [{ eid: HUB, assetIndex: ASSET }],
        end: { tx, undone: false },
      });
      expect(BigInt(told.end?.debtE18 ?? '0')).toBeLessThanOrEqual(5_000n * E18);
      const ids = async (query: string) =>
        z
          .array(liquidationView)
          .parse(await json(`/liquidations${query}`))
          .map(({ id }) => id);
      expect(await ids('')).toEqual([`${FIRST_SHORTFALL}`, '3', '2', '1']);
      expect(await ids(`?account=${alice.account}`)).toEqual(['1']);
      expect(await ids(`?account=${bidder.account}`)).toEqual([]);
      expect(await ids('?limit=2')).toHaveLength(2);
    },
    BUSY_MS,
  );

  it(
    'receipts: a levy and a loss of all cash add up as the hub told of them; a part that is changed does not',
    async () => {
      const { Levy, Liquidation, Ledger } = hub.contracts;
      await send(Liquidation, encodeFunctionData({ abi: liquidationAbi, functionName: 'cover', args: [0] }));
      const lost = 6_000n * E18;
      await hub.pay(await deficitOf(0), -lost);
      await send(Liquidation, encodeFunctionData({ abi: liquidationAbi, functionName: 'cover', args: [0] }));
      await send(Levy, encodeFunctionData({ abi: levyAbi, functionName: 'spread' }));
      for (const { account } of [bob, bidder])
        await send(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'chargeInterest', args: [account] }));
      const given = { rpc: [chain.url], liquidation: Liquidation };
      const all = await countReceipts(given);
      expect(all).toMatchObject({ faults: [], unchecked: [] });
      expect(all.levies.map(({ id, payments }) => [id, payments.length])).toEqual([[1n, 1]]);
      expect(all.spreads).toHaveLength(1);
      expect(all.charges.map(({ account }) => account)).toEqual([bob.account, bidder.account]);
      expect(all.charges.every(({ amount, cash }) => amount > 0n && amount < cash)).toBe(true);
      // The cash that is left is what the ledger books.
      const booked = await chain.client.readContract({ ...ledger(), functionName: 'bookedCashOf', args: [bob.account] });
      const [charge] = all.charges;
      expect((charge?.cash ?? 0n) - (charge?.amount ?? 0n)).toBe(booked);

      const own = await countReceipts({ ...given, account: bob.account });
      const text = tellReceipts(own, bob.account);
      expect(text).toContain(`${bob.account}: registered with`);
      expect(text).toContain(`${bob.account}: charged`);
      expect(text).not.toContain(bidder.account);
      expect(text).toContain('everything that was checked adds up');
      const [levy] = all.levies;
      if (levy === undefined) throw new Error('no levy was read');
      const forged = { ...all, levies: [{ ...levy, payments: levy.payments.map((one) => ({ ...one, levy: one.levy + 1n })) }] };
      expect(liquidation.verifyReceipts(forged)).toMatchObject([{ receipt: `levy 1, ${bob.account}`, what: 'levy' }]);
      await expect(countReceipts({ ...given, account: '0x12' })).rejects.toThrow('--account: expected an account: 0x and 64 hex digits');
      await expect(countReceipts({ ...given, liquidation: bob.key.address })).rejects.toThrow('has no code');
    },
    BUSY_MS,
  );

  it(
    'what a reorg takes back is told as such, and again as it was when it comes back',
    async () => {
      await hub.pay(
        dave.account,
        40_000n * E18 - (await chain.client.readContract({ ...ledger(), functionName: 'cashOf', args: [dave.account] })),
      );
      await pass(2_000, 60_000n);
      await buy(dave);
      await pass(10, 57_500n);
      const before = await chain.client.snapshot();
      await start(dave);
      expect(await record(4n)).toMatchObject({ state: 'open', account: dave.account, reorged: [] });
      await chain.client.revert({ id: before });
      await chain.client.mine({ blocks: 3 });
      expect(await record(4n)).toMatchObject({ state: 'orphaned', end: null, reorged: [{ stage: 'AuctionStarted' }] });
      await start(dave);
      expect(await record(4n)).toMatchObject({ state: 'open', account: dave.account, reorged: [{ stage: 'AuctionStarted' }] });
    },
    BUSY_MS,
  );

  it(
    'metrics count what runs, and nothing that a reorg took back or that is over',
    async () => {
      const { text } = await request(app.getHttpServer()).get('/metrics').expect(200);
      expect(text).toContain('margin_auctions_open{kind="margin"} 1');
      expect(text).not.toContain('margin_auctions_open{kind="shortfall"}');
      expect(text).toMatch(/margin_auction_oldest_seconds\{kind="margin"\} -?\d/);
      expect(text).toContain('margin_auctions_insolvent 0');
      expect(text).not.toContain('margin_levies_open{');
    },
    BUSY_MS,
  );

  it(
    'its table comes and goes with its migration, and is empty then',
    async () => {
      const runner = markets.database.createQueryRunner();
      const tables = async (): Promise<number> =>
        (await markets.database.query<unknown[]>(`select 1 from pg_tables where tablename = 'liquidation_events'`)).length;
      const migration = new LiquidationEvents1795230000600();
      await migration.down(runner);
      expect(await tables()).toBe(0);
      await migration.up(runner);
      await runner.release();
      expect(await tables()).toBe(1);
      expect(await json('/liquidations')).toEqual([]);
    },
    BUSY_MS,
  );
});
