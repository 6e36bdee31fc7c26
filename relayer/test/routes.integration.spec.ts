import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { liquidationAbi, marketsAbi, routesAbi } from '@lockstep/contracts';
import { encodeFunctionData, numberToHex, zeroAddress, type Address, type Hex } from 'viem';
import { refusalOf } from '../src/sender/revert-reason.js';
import { AccountBook } from '../src/stages/liquidation/account-book.js';
import { findHub } from '../src/stages/liquidation/hub.js';
import { hubReader } from '../src/stages/liquidation/keepers.js';
import { Liquidator } from '../src/stages/liquidation/liquidator.js';
import { RoutesKeeper } from '../src/stages/liquidation/routes.keeper.js';
import type { LiquidationSender } from '../src/stages/liquidation/wants.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { hubSender, type HubSender } from './support/hub-sender.js';
import { startMarkets, type TestMarkets } from './support/markets.js';

const BUSY_MS = 240_000;
const CHAIN = 31_798;
const KEY: Hex = numberToHex(0x79, { size: 32 });
const HUB = 40_001;
const [A, B] = [HUB + 1, HUB + 2];
const GRACE = 3_600;
const [below, other] = [trader(101), trader(102)];
/** Answers `isQuarantined(eid)` with what its storage has at that place. */
const MESSENGER: Address = '0x00000000000000000000000000000000000000a1';
const MESSENGER_CODE: Hex = '0x600435545f5260205ff3';

describe('given three top-up routes, a hub that books them when told, and an account below maintenance margin with equity', () => {
  let chain: TestChain;
  let markets: TestMarkets;
  let hub: HubMarkets;
  let sender: HubSender;
  let routes: Address;
  let keeper: () => RoutesKeeper;
  let liquidator: Liquidator;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    markets = await startMarkets(CHAIN);
    ({ chain, hub } = markets);
    const { context, database } = markets;
    sender = hubSender(database, context, KEY);
    await chain.client.setBalance({ address: sender.address, value: E18 });
    await chain.client.setCode({ address: MESSENGER, bytecode: MESSENGER_CODE });
    const { AccessManager, Liquidation } = hub.contracts;
    routes = await hub.deploy('Routes', routesAbi, AccessManager, MESSENGER, Liquidation);
    await govern('setRoutes', [[HUB, A, B]]);
    const found = await findHub(context.client, Liquidation);
    const { client } = context;
    keeper = () => new RoutesKeeper(client, found, sender.calls);
    // Of its starts it is asked alone whether the hub would take them.
    const asked: LiquidationSender = {
      ...{ address: sender.address, refusal: (call) => sender.calls.refusal(call), became: () => Promise.resolve(null) },
      want: async (_what, call) => ((await sender.calls.refusal(call)) === null ? 'sent' : 'refused'),
      open: () => Promise.resolve([]),
    };
    const terms = { maxChecks: 16, maxSteps: 16, turns: 1, others: [], leastMargin: 10n * E18, nativePrice: 0n, bid: null };
    liquidator = new Liquidator(client, found, new AccountBook(client, found, 0n), await hubReader(client, found), asked, terms);
    await hub.pay(below.account, 3_300n * E18);
    await hub.pay(other.account, 900_000n * E18);
    const trade = [below.account, other.account, PERPETUAL, E18, 60_000n * E18] as const;
    await hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args: trade }));
    await tell();
  }, BUSY_MS);
  afterAll(() => markets.stop());

  const govern = (functionName: 'setRoutes' | 'declare', args: readonly unknown[]): Promise<void> =>
    // CAST: the arguments are those of the function the test names.
    hub.send(routes, encodeFunctionData({ abi: routesAbi, functionName, args: args as never }));
  const hearing = (address: Address): Promise<void> =>
    hub.send(hub.contracts.Liquidation, encodeFunctionData({ abi: liquidationAbi, functionName: 'setRoutes', args: [address] }));
  async function quarantine(eid: number, isOn: boolean): Promise<void> {
    const value = numberToHex(isOn ? 1 : 0, { size: 32 });
    await chain.client.setStorageAt({ address: MESSENGER, index: numberToHex(eid, { size: 32 }), value });
    await chain.client.mine({ blocks: 1 });
  }
  /** After so many seconds: a value is taken only if it is newer than the one before it. */
  async function tell(seconds = 10): Promise<void> {
    await chain.client.increaseTime({ seconds });
    await chain.client.mine({ blocks: 1 });
    await hub.tell(58_000n * E18);
  }
  const now = async (): Promise<number> => Number((await chain.client.getBlock()).timestamp);
  const open = async (): Promise<number[]> => {
    const eids = [HUB, A, B];
    const read = eids.map((eid) => chain.client.readContract({ address: routes, abi: routesAbi, functionName: 'isOpen', args: [eid] }));
    const isOpen = await Promise.all(read);
    return eids.filter((_, i) => isOpen[i]);
  };
  const graceUntil = () =>
    chain.client.readContract({ address: hub.contracts.Liquidation, abi: liquidationAbi, functionName: 'graceUntil' });
  const outages = async (): Promise<number> =>
    (await chain.client.getContractEvents({ address: routes, abi: routesAbi, eventName: 'OutageBegan', fromBlock: 0n })).length;
  /** Why the auction of the account would not be started; null: it would be. */
  const refused = () => {
    const data = encodeFunctionData({ abi: liquidationAbi, functionName: 'start', args: [below.account, '0x'] });
    return refusalOf(chain.client, { account: sender.address, to: hub.contracts.Liquidation, data });
  };
  /** What became of the start of the account at the newest block; nothing: it was not tried. */
  const look = async (): Promise<readonly string[]> =>
    ((await liquidator.look())?.wanted ?? []).map(({ what, outcome }) => `${what} ${outcome}`);
  /** One beat of a keeper that was just started, and everything it wanted. */
  async function beat(): Promise<string[]> {
    const before = (await sender.intents()).length;
    await keeper().tend();
    // Another process in the same moment wants the same: nothing is wanted twice.
    await keeper().tend();
    await sender.settle();
    sender.pass(11_000);
    return (await sender.intents()).slice(before);
  }

  it(
    'a hub without routes, and routes that are as they are booked, are left alone',
    async () => {
      await quarantine(A, true);
      expect(await beat()).toEqual([]);
      await hearing(routes);
      await quarantine(A, false);
      expect(await beat()).toEqual([]);
    },
    BUSY_MS,
  );

  it(
    'a closed path is reported once, and while another is open nothing waits',
    async () => {
      await quarantine(A, true);
      expect(await beat()).toEqual(['route-report mined']);
      expect(await open()).toEqual([HUB, B]);
      expect(await beat()).toEqual([]);
      expect(await refused()).toBeNull();
    },
    BUSY_MS,
  );

  it(
    'when the last one closes the grace begins, and an auction of an account with equity is refused until it is over',
    async () => {
      await quarantine(HUB, true);
      await quarantine(B, true);
      const before = await now();
      expect(await beat()).toEqual(['route-report mined', 'route-report mined']);
      expect(await open()).toEqual([]);
      const until = await graceUntil();
      expect(until).toBeGreaterThanOrEqual(before + GRACE);
      expect(until).toBeLessThanOrEqual((await now()) + GRACE);
      expect(await refused()).toMatchObject({ kind: 'error', name: 'GracePeriod', args: [below.account, `${until}`] });
      expect(await look()).toEqual(['start refused']);
      expect(await beat()).toEqual([]);
      await chain.client.mine({ blocks: 1 });
      expect(await look()).toEqual([]);
    },
    BUSY_MS,
  );

  it(
    'a path that opens is reported, which ends the grace: who was refused is started in the next block',
    async () => {
      await quarantine(HUB, false);
      expect(await beat()).toEqual(['route-report mined']);
      expect(await open()).toEqual([HUB]);
      expect(await graceUntil()).toBe(0);
      expect(await look()).toEqual(['start sent']);
      expect(await refused()).toBeNull();
    },
    BUSY_MS,
  );

  it(
    'where one closes and another opens, the one that opens is reported first: there is no outage between the two',
    async () => {
      const before = await outages();
      await quarantine(HUB, true);
      for (const eid of [A, B]) await quarantine(eid, false);
      expect(await beat()).toEqual(['route-report mined', 'route-report mined', 'route-report mined']);
      expect(await open()).toEqual([A, B]);
      expect(await outages()).toBe(before);
    },
    BUSY_MS,
  );

  it(
    'what the guardian declared closed stays so, and is not asked for again and again',
    async () => {
      for (const eid of [A, B]) await govern('declare', [eid, true]);
      // Of the same outage as before, whose grace runs still.
      expect(await graceUntil()).toBeGreaterThan(await now());
      expect(await beat()).toEqual([]);
      expect(await open()).toEqual([]);
      for (const eid of [A, B]) await govern('declare', [eid, false]);
      expect(await open()).toEqual([A, B]);
    },
    BUSY_MS,
  );

  it(
    'an outage that outlasts its grace keeps nobody from being auctioned, also after a replacement of the routes',
    async () => {
      await govern('setRoutes', [[HUB, A, B]]);
      expect(await open()).toEqual([HUB, A, B]);
      for (const eid of [A, B]) await quarantine(eid, true);
      expect(await beat()).toEqual(['route-report mined', 'route-report mined', 'route-report mined']);
      expect(await refused()).toMatchObject({ name: 'GracePeriod' });
      await tell(GRACE);
      expect(await open()).toEqual([]);
      expect(await refused()).toBeNull();
      await hearing(zeroAddress);
    },
    BUSY_MS,
  );
});
