import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ledgerAbi, shortfallsAbi } from '@lockstep/contracts';
import { encodeAccount, type AccountId } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { encodeFunctionData, numberToHex, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { ShortfallKeeper } from '../src/stages/liquidation/shortfall.keeper.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, trader } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { listCollateral } from './support/collateral.js';
import { hubSender, type HubSender } from './support/hub-sender.js';
import { startMarkets, type TestMarkets } from './support/markets.js';
import { testConfig } from './support/network.js';

const BUSY_MS = 240_000;
const CHAIN = 31_787;
const KEY: Hex = numberToHex(0x75, { size: 32 });
const HUB_EID = 40_001;
const debtor = trader(81);
/** The keeper's own account bids. */
const bidder = encodeAccount({ owner: privateKeyToAccount(KEY).address, home: 0, subaccount: 0n });

describe('given an account with a bitcoin of collateral that owes more cash than the limit, and a keeper with an account of its own', () => {
  let chain: TestChain;
  let markets: TestMarkets;
  let database: DataSource;
  let hub: HubMarkets;
  let sender: HubSender;
  let keeper: () => ShortfallKeeper;
  let booked = 0;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    markets = await startMarkets(CHAIN);
    ({ chain, hub, database } = markets);
    const { context, url } = markets;
    sender = hubSender(database, context, KEY);
    await chain.client.setBalance({ address: sender.address, value: E18 });
    const bid = { account: bidder, budget: '100000', required: '0.06' };
    const config = { ...testConfig(url), liquidation: { ...testConfig(url).liquidation, bid } };
    keeper = () => new ShortfallKeeper(database, { hub: context }, config, sender.calls);
    const collateral = await listCollateral(hub, HUB_EID);
    const terms = { limit: 10_000n * E18, restore: E18 / 2n };
    await hub.send(hub.contracts.Shortfalls, encodeFunctionData({ abi: shortfallsAbi, functionName: 'setTerms', args: [terms] }));
    await collateral.credit(debtor.account, true);
    await hub.pay(bidder, 50_000n * E18);
  }, BUSY_MS);
  afterAll(() => markets.stop());

  /** On the hub, and as the journal books it. @param cash below 0: it is paid back */
  async function owe(cash: bigint): Promise<void> {
    await hub.pay(debtor.account, -cash);
    const place = [CHAIN, numberToHex(++booked, { size: 32 })];
    const events = await database.query<{ id: string }[]>(
      `insert into ledger_events (eid, kind, account, payload, block_number, block_hash, block_time, tx_hash, log_index)
       values ($1, 'CashChanged', $3, '{}', 1, $2, 1, '0x', 0) returning id`,
      [...place, debtor.account],
    );
    await database.query(
      `with entry as (insert into journal_entries (event_id, eid, kind, block_number, block_hash, log_index)
         values ($3, $1, 'CashChanged', 1, $2, 0) returning id)
       insert into postings (entry_id, line, account, asset, amount)
       select id, 1, $4, 'cash', $5::numeric from entry union all select id, 2, 'clearing', 'cash', -$5::numeric from entry`,
      [...place, events[0]?.id, `cash:${debtor.account}`, cash.toString()],
    );
  }
  const cashOf = (account: AccountId) =>
    chain.client.readContract({ address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] });
  const isOpen = async () => {
    const of = { address: hub.contracts.Shortfalls, abi: shortfallsAbi, functionName: 'shortfallOf', args: [debtor.account] } as const;
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
});
