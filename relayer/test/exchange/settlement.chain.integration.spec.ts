import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { delegatesAbi, exchangeAbi, ledgerAbi, marketsAbi } from '@lockstep/contracts';
import { encodeAccount, exchange, unixSeconds } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { encodeFunctionData, getAddress, numberToHex, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { OrderQueries } from '../../src/api/orders.queries.js';
import { Secret } from '../../src/config/secret.js';
import { ChainTime } from '../../src/chain/chain-time.js';
import { SenderKeys } from '../../src/sender/keys.js';
import type { Lane } from '../../src/sender/lane.js';
import { SenderService } from '../../src/sender/sender.service.js';
import type { Watcher } from '../../src/sender/watcher.js';
import { ContractExchange } from '../../src/stages/exchange/contract-exchange.js';
import { ExchangeRepository } from '../../src/stages/exchange/exchange.repository.js';
import { IntakeService } from '../../src/stages/exchange/intake.service.js';
import { MatcherService } from '../../src/stages/exchange/matcher.service.js';
import { SettlementService } from '../../src/stages/exchange/settlement.service.js';
import type { TestChain } from '../support/anvil.js';
import { testLane } from '../support/lane.js';
import { startMarkets, type TestMarkets } from '../support/markets.js';
import { testConfig } from '../support/network.js';
import type { HubMarkets } from './hub-chain.js';
import { CALL, E18, orderOf, PERPETUAL, trader, type Trader } from './world.js';

const BUSY_MS = 120_000;
const CHAIN = 31_777;
const SUBMITTER: Hex = numberToHex(0x5b, { size: 32 });
const [alice, bob, carol] = [trader(21), trader(22), trader(23)];

describe('given the exchange, margin and markets on a chain, and a matcher', () => {
  let chain: TestChain;
  let markets: TestMarkets;
  let database: DataSource;
  let hub: HubMarkets;
  let judge: ContractExchange;
  let intake: IntakeService;
  let matcher: MatcherService;
  let settlement: SettlementService;
  let queries: OrderQueries;
  let lane: Lane;
  let watcher: Watcher;
  let finalHeight = 0n;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    markets = await startMarkets(CHAIN);
    ({ chain, hub, database } = markets);
    const { context, url } = markets;
    const account = privateKeyToAccount(SUBMITTER);
    await chain.client.setBalance({ address: account.address, value: E18 });
    const keys = new SenderKeys({ keys: { submitter: new Secret(SUBMITTER), lockstepDvnSigners: [] } });
    const sender = new SenderService(database, { byChainId: () => context }, keys);
    const config = testConfig(url);
    const repository = new ExchangeRepository(database);
    const time = new ChainTime(database, { now: Date.now });
    const noFault = (): void => undefined;
    judge = new ContractExchange({ hub: context }, keys, config);
    intake = new IntakeService(config, repository, judge, time);
    matcher = new MatcherService(database, config, repository, judge, time, noFault);
    settlement = new SettlementService(database, config, repository, judge, sender, noFault);
    queries = new OrderQueries(database, config, judge);
    ({ lane, watcher } = testLane(context, database, keys, { key: 'submitter', role: 'match', finalHeight: () => finalHeight }));
    for (const { account: owner } of [alice, bob]) await hub.pay(owner, 20_000n * E18);
  }, BUSY_MS);
  afterAll(() => markets.stop());

  /** Signs for the deployed exchange and hands in. */
  async function place(by: Trader, side: exchange.Side, units: number, price: number, change: Partial<exchange.Order> = {}, key = by.key) {
    const order = orderOf(by, side, units, price, { expiry: unixSeconds(BigInt(Math.floor(Date.now() / 1000)) + 3_600n), ...change });
    const message = exchange.orderMessage(order);
    const signature = await key.signTypedData({ domain: judge.domain, types: exchange.ORDER_TYPES, primaryType: 'Order', message });
    const result = await intake.take({ order, signer: key.address, signature }, 'gtc');
    if (result.kind === 'refused') throw new Error(JSON.stringify(result.problem));
    return { order, hash: result.order.hash };
  }
  /** One beat of everything. */
  async function beat(): Promise<void> {
    await matcher.match();
    await settlement.settle();
    await lane.step();
    await watcher.pass();
    await settlement.settle();
  }
  const sizeOf = (by: Trader): Promise<bigint> =>
    chain.client.readContract({ address: hub.contracts.Markets, abi: marketsAbi, functionName: 'sizeOf', args: [by.account, PERPETUAL] });
  const cashOf = (account: Hex): Promise<bigint> =>
    chain.client.readContract({ address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] });
  const trades = async () => (await queries.trades({})).map(({ state, final }) => `${state}${final ? ' final' : ''}`);

  it(
    'two signed orders become a position on both sides, and the taker pays the fee to the matcher',
    async () => {
      await place(alice, 'sell', 1, 60_000);
      await place(bob, 'buy', 1, 60_000);
      await beat();
      expect(await trades()).toEqual(['settled']);
      expect([await sizeOf(alice), await sizeOf(bob)]).toEqual([-E18, E18]);
      expect(await cashOf(alice.account)).toBe(20_000n * E18);
      expect(await cashOf(bob.account)).toBe(19_970n * E18);
      const owner = privateKeyToAccount(SUBMITTER).address;
      expect(await cashOf(encodeAccount({ owner, home: 0, subaccount: 0n }))).toBe(30n * E18);
      finalHeight = 2n ** 40n;
      await watcher.pass();
      await settlement.settle();
      expect(await trades()).toEqual(['settled final']);
      finalHeight = 0n;
    },
    BUSY_MS,
  );

  it(
    'an order its account cannot carry is refused by the hub and named, the other waits again and trades with the next one',
    async () => {
      const maker = await place(alice, 'sell', 1, 60_500);
      const poor = await place(carol, 'buy', 1, 60_500);
      await beat();
      const refused = await queries.order(poor.hash);
      expect(refused).toMatchObject({ state: 'rejected', reason: expect.stringContaining(carol.account) });
      expect(await queries.order(maker.hash)).toMatchObject({ state: 'open', remaining: `${E18}` });
      await place(bob, 'buy', 1, 60_500);
      await beat();
      expect((await trades())[0]).toBe('settled');
      expect(await sizeOf(bob)).toBe(2n * E18);
      expect(await sizeOf(carol)).toBe(0n);
    },
    BUSY_MS,
  );

  it(
    'an order that was cancelled on the hub is not settled, and not taken again',
    async () => {
      const { order, hash } = await place(alice, 'sell', 1, 60_000);
      const types = exchange.CANCEL_TYPES;
      const message = { account: order.account, nonce: order.nonce };
      const signature = await alice.key.signTypedData({ domain: judge.domain, types, primaryType: 'Cancel', message });
      const args = [order.account, order.nonce, alice.key.address, signature] as const;
      await hub.send(hub.contracts.Exchange, encodeFunctionData({ abi: exchangeAbi, functionName: 'cancelSigned', args }));
      const buyer = await place(bob, 'buy', 1, 60_000);
      await beat();
      expect(await queries.order(hash)).toMatchObject({ state: 'rejected', reason: expect.stringContaining('OrderCancelled') });
      expect(await queries.order(buyer.hash)).toMatchObject({ state: 'open' });
      expect(await judge.statusOf(order.account, order.nonce)).toEqual({ filled: 0n, cancelled: true, spent: false });
      await expect(place(alice, 'sell', 1, 61_000, { nonce: order.nonce })).rejects.toThrow(/cancelled on the hub/);
      expect((await intake.cancel(buyer.hash, bob.key.address, await cancelOf(bob, buyer.order))).kind).toBe('taken');
      await beat();
    },
    BUSY_MS,
  );
  const cancelOf = (by: Trader, { account, nonce }: exchange.Order): Promise<Hex> =>
    by.key.signTypedData({ domain: judge.domain, types: exchange.CANCEL_TYPES, primaryType: 'Cancel', message: { account, nonce } });

  it(
    'a key the owner appointed may trade for him, another may not; what is not listed is not taken',
    async () => {
      const delegate = privateKeyToAccount(numberToHex(0xde, { size: 32 }));
      await expect(place(alice, 'buy', 1, 59_000, {}, delegate)).rejects.toThrow(/did not sign/);
      await chain.client.setBalance({ address: alice.key.address, value: E18 });
      const hash = await chain.client.writeContract({
        account: alice.key,
        chain: null,
        address: hub.contracts.Delegates,
        abi: delegatesAbi,
        functionName: 'setDelegate',
        args: [alice.account, delegate.address, 1, 2 ** 40 - 1],
      });
      await chain.client.waitForTransactionReceipt({ hash });
      await place(alice, 'buy', 1, 59_000, {}, delegate);
      await place(bob, 'sell', 1, 59_000);
      await beat();
      expect((await trades())[0]).toBe('settled');
      await expect(place(bob, 'buy', 1, 10, { instrument: CALL })).rejects.toThrow(/a series that is listed on the hub/);
      const other = exchange.encodeInstrument({ kind: 'perpetual', underlying: 9 });
      await expect(place(bob, 'buy', 1, 10, { instrument: other })).rejects.toThrow(/an underlying that is open on the hub/);
      expect(getAddress(judge.domain.verifyingContract ?? '0x')).toBe(getAddress(hub.contracts.Exchange));
    },
    BUSY_MS,
  );

  it(
    'while prices are not fresh a match waits, and settles when they are',
    async () => {
      await chain.client.increaseTime({ seconds: 4_000 });
      await chain.client.mine({ blocks: 1 });
      const expiry = unixSeconds((await chain.client.getBlock()).timestamp + 3_600n);
      await place(alice, 'sell', 1, 60_000, { expiry });
      await place(bob, 'buy', 1, 60_000, { expiry });
      await beat();
      expect((await trades())[0]).toBe('matched');
      await hub.tell(60_000n * E18);
      await beat();
      expect((await trades())[0]).toBe('settled');
    },
    BUSY_MS,
  );
});
