import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { feedsAbi, ledgerAbi, marginAbi, shortfallsAbi, withdrawalsAbi } from '@lockstep/contracts';
import { eid, encodeAccount, risk, type AccountId, type liquidation } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { encodeFunctionData, numberToHex, zeroAddress, type Address, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { liquidationSchema } from '../src/config/liquidation-config.js';
import { CollateralPayouts } from '../src/stages/liquidation/collateral-payouts.js';
import { findHub } from '../src/stages/liquidation/hub.js';
import { liquidatorTerms } from '../src/stages/liquidation/parameters.js';
import type { SignedPrices } from '../src/stages/liquidation/payouts.js';
import { DatabasePopulation } from '../src/stages/liquidation/population.js';
import { ShortfallKeeper } from '../src/stages/liquidation/shortfall.keeper.js';
import type { LiquidationSender } from '../src/stages/liquidation/wants.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, trader } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { ASSET, ASSET_ID, listCollateral } from './support/collateral.js';
import { hubSender, type HubSender } from './support/hub-sender.js';
import { startMarkets, type TestMarkets } from './support/markets.js';

const BUSY_MS = 240_000;
const CHAIN = 31_787;
const KEY: Hex = numberToHex(0x75, { size: 32 });
const HUB_EID = 40_001;
const [debtor, other, dusty] = [trader(81), trader(82), trader(83)];
/** The keeper's own account bids. */
const bidder = encodeAccount({ owner: privateKeyToAccount(KEY).address, home: 0, subaccount: 0n });

describe('given an account with a bitcoin of collateral that owes more cash than the limit, and a keeper with an account of its own', () => {
  let chain: TestChain;
  let markets: TestMarkets;
  let database: DataSource;
  let hub: HubMarkets;
  let sender: HubSender;
  let keeper: (route?: liquidation.PayoutRoute, calls?: LiquidationSender, budget?: bigint) => ShortfallKeeper;
  let withdrawals: Address;
  /** signed ones, as far as there are any */
  let prices: Hex | null = null;
  let inHand: readonly SignedPrices[] = [];
  let booked = 0;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    markets = await startMarkets(CHAIN);
    ({ chain, hub, database } = markets);
    const { context } = markets;
    sender = hubSender(database, context, KEY);
    await chain.client.setBalance({ address: sender.address, value: E18 });
    withdrawals = await deployWithdrawals();
    const { Shortfalls: shortfalls } = hub.contracts;
    const found = { ...(await findHub(context.client, hub.contracts.Liquidation)), shortfalls, withdrawals };
    const population = new DatabasePopulation(database, CHAIN, () => []);
    const terms = liquidatorTerms(
      liquidationSchema.parse({ bid: { account: bidder, budget: '100000', required: '0.06', payout: { route: 'best' } } }),
    );
    keeper = (route = { kind: 'best' }, calls = sender.calls, budget = 100_000n * E18) => {
      const { bid } = terms;
      const payout = bid?.payout ?? null;
      if (bid === null || payout === null) throw new Error('it bids, and is paid out');
      const { client } = context;
      const payouts = new CollateralPayouts(client, found, calls, bidder, { ...payout, route }, () => Promise.resolve(prices), null);
      return new ShortfallKeeper(client, found, population, calls, { ...terms, bid: { ...bid, budget } }, 0n, payouts, () =>
        Promise.resolve(inHand),
      );
    };
    const collateral = await listCollateral(hub, HUB_EID);
    const limits = { limit: 10_000n * E18, restore: E18 / 2n };
    await hub.send(shortfalls, encodeFunctionData({ abi: shortfallsAbi, functionName: 'setTerms', args: [limits] }));
    for (const { account } of [debtor, other, dusty]) await collateral.credit(account, true);
    await hub.pay(bidder, 50_000n * E18);
  }, BUSY_MS);
  afterAll(() => markets.stop());

  /** Claims queue up and none is ordered: no log leaves this chain. */
  async function deployWithdrawals(): Promise<Address> {
    const { AccessManager, Ledger, Delegates, Margin } = hub.contracts;
    const address = await hub.deploy('Withdrawals', withdrawalsAbi, AccessManager, zeroAddress, Ledger, Delegates, zeroAddress);
    await hub.send(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [address, true] }));
    await hub.send(address, encodeFunctionData({ abi: withdrawalsAbi, functionName: 'setMarginCheck', args: [Margin] }));
    await hub.send(address, encodeFunctionData({ abi: withdrawalsAbi, functionName: 'pauseOrders' }));
    return address;
  }
  const claims = { abi: withdrawalsAbi, functionName: 'claimCount' } as const;

  /** On the hub, and as the journal books it. @param cash below 0: it is paid back */
  async function owe(cash: bigint, by = debtor): Promise<void> {
    await hub.pay(by.account, -cash);
    const place = [CHAIN, numberToHex(++booked, { size: 32 })];
    const events = await database.query<{ id: string }[]>(
      `insert into ledger_events (eid, kind, account, payload, block_number, block_hash, block_time, tx_hash, log_index)
       values ($1, 'CashChanged', $3, '{}', 1, $2, 1, '0x', 0) returning id`,
      [...place, by.account],
    );
    await database.query(
      `with entry as (insert into journal_entries (event_id, eid, kind, block_number, block_hash, log_index)
         values ($3, $1, 'CashChanged', 1, $2, 0) returning id)
       insert into postings (entry_id, line, account, asset, amount)
       select id, 1, $4, 'cash', $5::numeric from entry union all select id, 2, 'clearing', 'cash', -$5::numeric from entry`,
      [...place, events[0]?.id, `cash:${by.account}`, cash.toString()],
    );
  }
  const cashOf = (account: AccountId) =>
    chain.client.readContract({ address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] });
  const isOpen = async (account = debtor.account) => {
    const of = { address: hub.contracts.Shortfalls, abi: shortfallsAbi, functionName: 'shortfallOf', args: [account] } as const;
    return (await chain.client.readContract(of)).id !== 0n;
  };
  /** One beat of a keeper, and everything it wanted. */
  async function beat(by = keeper()): Promise<string[]> {
    const before = (await sender.intents()).length;
    await by.tend();
    await by.tend();
    await sender.settle();
    sender.pass(11_000);
    return (await sender.intents()).slice(before);
  }
  const pass = async (seconds: number): Promise<void> => {
    await chain.client.increaseTime({ seconds });
    await chain.client.mine({ blocks: 1 });
    await hub.tell(60_000n * E18);
  };

  it(
    'starts no auction at the limit, and one past it, once',
    async () => {
      await owe(10_000n * E18);
      expect(await beat()).toEqual([]);
      await owe(2_000n * E18);
      expect(await beat()).toEqual(['shortfall-start mined']);
      expect(await isOpen()).toBe(true);
    },
    BUSY_MS,
  );

  it(
    'bids once the discount is enough, as much as brings the debt to its goal, and the auction ends with it',
    async () => {
      expect(await beat()).toEqual([]);
      await pass(120);
      expect(await beat()).toEqual(['shortfall-bid mined']);
      const owed = -(await cashOf(debtor.account));
      expect(owed).toBeLessThanOrEqual(5_000n * E18);
      expect(owed).toBeGreaterThan(4_990n * E18);
      expect(await isOpen()).toBe(false);
      const paid = 50_000n * E18 - (await cashOf(bidder));
      expect(paid).toBeGreaterThan(7_000n * E18);
      expect(await beat()).toEqual([]);
    },
    BUSY_MS,
  );

  it(
    'asks for the collateral it won on the chain on which it is, once prices are at hand, and once',
    async () => {
      expect(await chain.client.readContract({ ...claims, address: withdrawals })).toBe(0n);
      prices = risk.encodePrices(await hub.sign(60_000n * E18));
      expect(await beat(keeper({ kind: 'one', eid: eid(HUB_EID + 1) }))).toEqual([]);
      expect(await beat()).toEqual(['shortfall-payout mined']);
      expect(await chain.client.readContract({ ...claims, address: withdrawals })).toBe(1n);
      const of = { address: withdrawals, abi: withdrawalsAbi, functionName: 'claimOf', args: [1n] } as const;
      const { account, receiver, units, ...claim } = await chain.client.readContract(of);
      expect(claim).toMatchObject({ eid: HUB_EID, asset: ASSET, fromCash: false });
      expect([account, receiver]).toEqual([bidder, sender.address]);
      // All that the bid brought: nothing of it is left.
      expect(units).toBeGreaterThan(E18 / 10n);
      const left = { address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'balanceOf', args: [bidder, ASSET_ID] } as const;
      expect(await chain.client.readContract(left)).toEqual([0n, 0n]);
      expect(await beat()).toEqual([]);
    },
    BUSY_MS,
  );

  it(
    'tries less of it where the hub refuses all that is due',
    async () => {
      await owe(7_000n * E18);
      expect(await beat()).toContain('shortfall-start mined');
      await pass(120);
      // As if more of it would leave the debtor below maintenance margin.
      let refused = 0;
      const narrow: LiquidationSender = {
        ...{ address: sender.address, refusal: sender.calls.refusal.bind(sender.calls), became: sender.calls.became.bind(sender.calls) },
        open: () => sender.calls.open(),
        want: (what, call) =>
          what.startsWith('shortfall-bid') && refused++ < 2 ? Promise.resolve('refused') : sender.calls.want(what, call),
      };
      expect(await beat(keeper({ kind: 'best' }, narrow))).toContain('shortfall-bid mined');
      const owed = -(await cashOf(debtor.account));
      // A quarter of what is due, of 12,000 down to 5,000.
      expect(owed).toBeGreaterThan(10_000n * E18);
      expect(owed).toBeLessThan(10_500n * E18);
      expect(await isOpen()).toBe(true);
      expect(await beat()).toContain('shortfall-bid mined');
      expect(await isOpen()).toBe(false);
      await beat();
    },
    BUSY_MS,
  );

  it(
    'ends one whose debt was paid meanwhile',
    async () => {
      const same = keeper();
      await owe(7_000n * E18);
      expect(await beat(same)).toEqual(['shortfall-start mined']);
      await hub.pay(debtor.account, 9_000n * E18);
      expect(await beat(same)).toEqual(['shortfall-end mined']);
      expect(await isOpen()).toBe(false);
    },
    BUSY_MS,
  );

  it(
    'ends one whose debt was paid while no keeper ran',
    async () => {
      const before = keeper();
      await owe(8_000n * E18);
      expect(await beat(before)).toEqual(['shortfall-start mined']);
      // Nothing is owed any more by the journal either, which knows of no bid.
      await owe(-30_000n * E18);
      expect(await beat(keeper())).toEqual(['shortfall-end mined']);
      expect(await isOpen()).toBe(false);
      expect(await beat(keeper())).toEqual([]);
    },
    BUSY_MS,
  );

  it(
    'hands in signed prices where those of the hub are stale: nobody else has to publish',
    async () => {
      const grow = async (): Promise<void> => {
        await chain.client.increaseTime({ seconds: 7_300 });
        await chain.client.mine({ blocks: 1 });
      };
      const sign = async (): Promise<void> => {
        const snapshot = await hub.sign(60_000n * E18);
        inHand = [{ time: snapshot.time, prices: risk.encodePrices(snapshot) }];
      };
      await owe(11_000n * E18 + (await cashOf(debtor.account)));
      await grow();
      expect(await beat()).toEqual([]);
      await sign();
      expect(await beat()).toEqual(['shortfall-start mined']);
      await grow();
      expect(await beat()).toEqual([]);
      await sign();
      expect(await beat()).toEqual(['shortfall-bid mined']);
      expect(-(await cashOf(debtor.account))).toBeLessThanOrEqual(5_000n * E18);
    },
    BUSY_MS,
  );

  it(
    'spends one budget on bids that are under way together, whoever sent them',
    async () => {
      await hub.tell(60_000n * E18);
      for (const by of [debtor, other]) await owe(12_000n * E18 + (await cashOf(by.account)), by);
      expect((await beat()).filter((line) => line.startsWith('shortfall-start'))).toHaveLength(2);
      await pass(120);
      const spent = await paidByBidder();
      const first = keeper({ kind: 'best' }, sender.calls, spent + 8_000n * E18);
      await first.tend();
      // What the one before it sent is not mined yet, and this one was just started.
      await keeper({ kind: 'best' }, sender.calls, spent + 8_000n * E18).tend();
      await sender.settle();
      const paid = (await paidByBidder()) - spent;
      expect(paid).toBeGreaterThan(7_900n * E18);
      expect(paid).toBeLessThanOrEqual(8_000n * E18);
      expect((await keptOpen()).filter((open) => open)).toHaveLength(1);
    },
    BUSY_MS,
  );

  it(
    'bids for the rest of one who holds dust of a halted feed',
    async () => {
      const { Feeds, Margin } = hub.contracts;
      const feed = risk.feedId({ underlying: 2, kind: 'spot', expiry: 0n });
      await hub.listFeeds(2);
      await hub.report([{ feed, value: 100n * E18, spread: 0 }]);
      await (await listCollateral(hub, HUB_EID, 2)).credit(dusty.account, true, E18 / 100n);
      await hub.send(Feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'halt', args: [feed] }));
      await owe(12_000n * E18, dusty);
      const of = { address: Margin, abi: marginAbi, functionName: 'riskOf', args: [dusty.account] } as const;
      expect(risk.GRADES[(await chain.client.readContract(of)).grade]).toBe('halted');
      expect(await beat()).toContain('shortfall-start mined');
      expect(await isOpen(dusty.account)).toBe(true);
      await pass(120);
      expect(await beat()).toContain('shortfall-bid mined');
      expect(await isOpen(dusty.account)).toBe(false);
      expect(-(await cashOf(dusty.account))).toBeLessThanOrEqual(5_000n * E18);
    },
    BUSY_MS,
  );

  /** Cash that bids on collateral cost so far. */
  async function paidByBidder(): Promise<bigint> {
    const of = { address: hub.contracts.Shortfalls, abi: shortfallsAbi, eventName: 'ShortfallBidTaken', strict: true } as const;
    const bids = await chain.client.getContractEvents({ ...of, fromBlock: 0n });
    return bids.reduce((sum, { args }) => sum + args.price, 0n);
  }
  const keptOpen = () => Promise.all([debtor, other].map(({ account }) => isOpen(account)));
});
