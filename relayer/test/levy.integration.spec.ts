import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { fundAbi, ledgerAbi, levyAbi, liquidationAbi, marketsAbi } from '@lockstep/contracts';
import { accountId, type AccountId } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { encodeFunctionData, numberToHex, type Hex } from 'viem';
import { findHub } from '../src/stages/liquidation/hub.js';
import { LevyKeeper, type SeenLosses } from '../src/stages/liquidation/levy.keeper.js';
import { LevyReader } from '../src/stages/liquidation/levy.reader.js';
import { DatabasePopulation } from '../src/stages/liquidation/population.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { hubSender, type HubSender } from './support/hub-sender.js';
import { startMarkets, type TestMarkets } from './support/markets.js';

const BUSY_MS = 240_000;
const CHAIN = 31_786;
const KEY: Hex = numberToHex(0x74, { size: 32 });
const MARKET = 1;
const [loser, winner, small, bidder] = [trader(71), trader(72), trader(73), trader(74)];

describe('given an account that ends below nothing, a fund with too little, and two that won what it lost', () => {
  let chain: TestChain;
  let markets: TestMarkets;
  let database: DataSource;
  let hub: HubMarkets;
  let sender: HubSender;
  let keeper: () => LevyKeeper;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    markets = await startMarkets(CHAIN);
    ({ chain, hub, database } = markets);
    const { context } = markets;
    sender = hubSender(database, context, KEY);
    for (const address of [sender.address, bidder.key.address]) await chain.client.setBalance({ address, value: E18 });
    const found = await findHub(context.client, hub.contracts.Liquidation);
    const { levy } = found;
    if (levy === null) throw new Error('the hub has a levy');
    const population = new DatabasePopulation(database, CHAIN, () => []);
    keeper = () => new LevyKeeper(new LevyReader(context.client, { ...found, levy }, population), sender.calls, { maxSteps: 16 });
    await hub.pay(loser.account, 40_000n * E18);
    for (const { account } of [winner, small, bidder]) await hub.pay(account, 900_000n * E18);
    await trade(loser.account, winner.account, 6n);
    await trade(loser.account, small.account, 3n);
    await trade(loser.account, bidder.account, 1n);
  }, BUSY_MS);
  afterAll(() => markets.stop());

  /** As the hub's modules do it, and as the relayer would have seen it. */
  async function trade(buyer: AccountId, seller: AccountId, units: bigint, price = 60_000n): Promise<void> {
    const args = [buyer, seller, PERPETUAL, units * E18, price * E18] as const;
    await hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
    await database.query(
      `insert into position_events (eid, kind, account, counterparty, instrument, size, price, block_number, block_hash, block_time, tx_hash, log_index)
       values ($1, 'Traded', $2, $3, $4, 1, 1, 1, $5, 1, '0x', 0)`,
      [CHAIN, buyer, seller, PERPETUAL.toString(), `0x${seller}${price}`],
    );
  }
  const pass = async (seconds: number, price: bigint): Promise<void> => {
    await chain.client.increaseTime({ seconds });
    await chain.client.mine({ blocks: 1 });
    await hub.tell(price);
  };
  const levyOf = (id: bigint) =>
    chain.client.readContract({ address: hub.contracts.Levy, abi: levyAbi, functionName: 'levyOf', args: [id] });
  const cashOf = (account: AccountId) =>
    chain.client.readContract({ address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] });
  const debtor = async (market = MARKET): Promise<AccountId> => {
    const of = { address: hub.contracts.Liquidation, abi: liquidationAbi, functionName: 'deficitAccount', args: [market] } as const;
    return accountId(await chain.client.readContract(of));
  };
  /** Leaves the account with so much cash. */
  const leave = async (account: AccountId, cash: bigint): Promise<void> => hub.pay(account, cash - (await cashOf(account)));
  const isBraked = () => chain.client.readContract({ address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'isBraked' });
  let seen: SeenLosses | null = null;
  /** One beat of a keeper that was just started, and everything it wanted. */
  async function beat(): Promise<string[]> {
    const before = (await sender.intents()).length;
    await keeper().tend((losses) => Promise.resolve(void (seen = losses)));
    // Another process in the same moment wants the same: nothing is wanted twice.
    await keeper().tend();
    await sender.settle();
    sender.pass(11_000);
    return (await sender.intents()).slice(before);
  }
  /** Takes over all of the account, far into the insolvent leg; one of those who won has closed by then. */
  async function liquidate(): Promise<void> {
    const start = encodeFunctionData({ abi: liquidationAbi, functionName: 'start', args: [loser.account, '0x'] });
    await hub.send(hub.contracts.Liquidation, start);
    await trade(small.account, winner.account, 3n, 55_000n);
    await pass(1_800, 55_000n * E18);
    const wanted = { account: loser.account, bidder: bidder.account, share: E18, priceLimit: 0n };
    const data = encodeFunctionData({ abi: liquidationAbi, functionName: 'bid', args: [wanted, '0x'] });
    // Not estimated: a second later it costs more.
    const call = { to: hub.contracts.Liquidation, data, gas: 5_000_000n } as const;
    const hash = await chain.client.sendTransaction({ account: bidder.key, chain: null, ...call });
    expect((await chain.client.waitForTransactionReceipt({ hash })).status).toBe('success');
  }

  it(
    'while nothing is missing, nothing is sent',
    async () => {
      expect(await beat()).toEqual([]);
      expect(seen).toEqual({ owed: new Map([0, MARKET].map((market) => [market, 0n])), isBraked: false });
    },
    BUSY_MS,
  );

  it(
    'a deficit stops cash from leaving and opens its levy by itself: those who gained are registered, the most first, also who has closed since',
    async () => {
      await pass(10, 55_000n * E18);
      await liquidate();
      const owed = -(await cashOf(await debtor()));
      expect(owed).toBeGreaterThan(10_000n * E18);
      expect(await isBraked()).toBe(true);
      expect(await levyOf(1n)).toMatchObject({ underlying: MARKET, deficit: owed, total: 0n, closed: false });
      await leave(small.account, 6_000n * E18);
      expect(await beat()).toEqual(['levy-register mined', 'levy-register mined', 'levy-register mined']);
      // Six bitcoins short from 60,000 at 55,000, and what funding brought; the gain of three is cash, of which there is not so much now; the bidder
      // had gained by one before he took the loser's over.
      const { total } = await levyOf(1n);
      expect(total / E18).toBeGreaterThanOrEqual(41_000n);
      expect(total / E18).toBeLessThan(41_010n);
      const accounts = await database.query<{ account: string }[]>(
        `select purpose->>'account' as account from tx_intents where purpose->>'what' = 'levy-register' order by id`,
      );
      expect(accounts.map(({ account }) => account)).toEqual([winner.account, small.account, bidder.account]);
    },
    BUSY_MS,
  );

  it(
    'has the fund pay what it can, and registers no one twice, also after a restart',
    async () => {
      const fund = await chain.client.readContract({ address: hub.contracts.Fund, abi: fundAbi, functionName: 'account' });
      await hub.pay(accountId(fund), 2_000n * E18);
      const owed = -(await cashOf(await debtor()));
      expect(await beat()).toEqual(['deficit-cover mined']);
      expect(-(await cashOf(await debtor()))).toBe(owed - 2_000n * E18);
      expect(await beat()).toEqual([]);
    },
    BUSY_MS,
  );

  it(
    'registers with the rest, shortly before the window ends, who had not enough above maintenance margin before',
    async () => {
      await leave(small.account, 900_000n * E18);
      expect(await beat()).toEqual([]);
      await pass(800, 55_000n * E18);
      expect(await beat()).toEqual(['levy-register mined']);
      expect(await beat()).toEqual([]);
      const { total } = await levyOf(1n);
      expect(total / E18).toBeGreaterThanOrEqual(50_000n);
      expect(total / E18).toBeLessThan(50_010n);
    },
    BUSY_MS,
  );

  it(
    'closes it when its window is over, then collects: the deficit is gone, shared by gains, and cash may leave again',
    async () => {
      const { deficit } = await levyOf(1n);
      const payers = [winner.account, small.account, bidder.account];
      const before = await Promise.all(payers.map(cashOf));
      await pass(101, 55_000n * E18);
      expect(await beat()).toEqual(['levy-close mined']);
      expect(await isBraked()).toBe(false);
      expect(await beat()).toEqual(['levy-settle mined', 'levy-settle mined', 'levy-settle mined']);
      expect(await cashOf(await debtor())).toBe(0n);
      const paid = (await Promise.all(payers.map(cashOf))).map((cash, i) => (before[i] ?? 0n) - cash);
      const sum = paid.reduce((total, part) => total + part, 0n);
      expect(sum).toBeGreaterThanOrEqual(deficit);
      expect(sum).toBeLessThan(deficit + 3n);
      // Three fifths, but for the funding that each had besides: ten of 50,000 at the most.
      const off = (paid[0] ?? 0n) * 5n - deficit * 3n;
      expect(off < 0n ? -off : off).toBeLessThan((deficit * 50n) / 50_000n);
      expect(await beat()).toEqual([]);
    },
    BUSY_MS,
  );

  it(
    'spreads what accounts without positions lost over all cash, and has the brake looked at',
    async () => {
      const lost = 6_000n * E18;
      await hub.pay(await debtor(0), -lost);
      // What the fund earned by the levy goes first.
      expect(await beat()).toEqual(['deficit-cover mined', 'levy-review mined']);
      expect(await isBraked()).toBe(true);
      const owed = -(await cashOf(await debtor(0)));
      expect(await beat()).toEqual(['levy-spread mined']);
      expect(seen).toMatchObject({
        owed: new Map([
          [0, owed],
          [MARKET, 0n],
        ]),
        isBraked: true,
      });
      expect(await cashOf(await debtor(0))).toBe(0n);
      expect(await isBraked()).toBe(false);
      expect(await beat()).toEqual([]);
    },
    BUSY_MS,
  );
});
