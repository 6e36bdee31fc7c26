import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { accessManagerAbi, bytecode, fundAbi, interestModelAbi, ledgerAbi, marketsAbi, sheetsAbi } from '@lockstep/contracts';
import { exchange, markets, risk, unixSeconds, type AccountId } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { encodeDeployData, encodeFunctionData, numberToHex, zeroAddress, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { keeperSchema } from '../src/config/keeper-config.js';
import { Secret } from '../src/config/secret.js';
import { SenderKeys } from '../src/sender/keys.js';
import type { Lane } from '../src/sender/lane.js';
import { SenderService } from '../src/sender/sender.service.js';
import type { Watcher } from '../src/sender/watcher.js';
import { Intents } from '../src/stages/intents.js';
import { HubCalls } from '../src/stages/hub-calls.js';
import { InterestKeeper } from '../src/stages/margin/keeper/interest.keeper.js';
import { ListingKeeper } from '../src/stages/margin/keeper/listing.keeper.js';
import { MarketReader } from '../src/stages/margin/keeper/market.reader.js';
import { SheetKeeper } from '../src/stages/margin/keeper/sheet.keeper.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, trader } from './exchange/world.js';
import { deployer, type TestChain } from './support/anvil.js';
import { testLane } from './support/lane.js';
import { atNoon, startMarkets, type TestMarkets } from './support/markets.js';
import { testConfig } from './support/network.js';

const BUSY_MS = 180_000;
const CHAIN = 31_778;
const KEEPER: Hex = numberToHex(0x4b, { size: 32 });
const BTC = 1;
const EXPIRIES = { count: 2, everyDays: 1 };
const KEEPS = keeperSchema.parse({
  listings: [{ underlying: BTC, expiries: EXPIRIES, strikes: { perSide: 3, stepShare: 0.05, keep: 1 } }],
  sheetSeconds: 30,
  fundingSeconds: 600,
  interestSeconds: 3_600,
  interestDebtors: 2,
});
const [alice, bob] = [trader(31), trader(32)];
/** Who only owe. */
const debtors = [trader(33).account, trader(34).account, trader(35).account, trader(36).account] as const;

describe('given markets on a chain and a keeper with its key', () => {
  let chain: TestChain;
  let markets: TestMarkets;
  let database: DataSource;
  let hub: HubMarkets;
  let lane: Lane;
  let watcher: Watcher;
  let listings: ListingKeeper;
  let sheets: SheetKeeper;
  let interest: InterestKeeper;
  let calls: HubCalls;
  let reader: MarketReader;
  const keeper = privateKeyToAccount(KEEPER).address;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    markets = await startMarkets(CHAIN, atNoon());
    ({ chain, hub, database } = markets);
    const { context, url } = markets;
    await chain.client.setBalance({ address: keeper, value: E18 });
    const keys = new SenderKeys({
      keys: { submitter: new Secret(numberToHex(7, { size: 32 })), lockstepDvnSigners: [], keeper: new Secret(KEEPER) },
    });
    const sender = new SenderService(database, { byChainId: () => context }, keys);
    const clock = { now: Date.now };
    const chains = { hub: context };
    const config = { ...testConfig(url), keeper: KEEPS };
    calls = new HubCalls({ role: 'keep', key: 'keeper', event: 'margin.keep' }, database, chains, keys, sender, new Intents(sender, clock));
    reader = new MarketReader(database, chains);
    listings = new ListingKeeper(config, chains, reader, calls, clock);
    sheets = new SheetKeeper(config, chains, reader, calls);
    interest = new InterestKeeper(config, chains, reader, calls);
    ({ lane, watcher } = testLane(context, database, keys, { key: 'keeper', role: 'keep' }));
    await tell(60_000);
  }, BUSY_MS);
  afterAll(() => markets.stop());

  const now = async (): Promise<number> => Number((await chain.client.getBlock()).timestamp);
  const expiries = async (): Promise<number[]> => risk.expiriesAt(EXPIRIES, await now());
  /** Everything a publisher would say at a price, with settlement averages of expiries that end. */
  async function tell(price: number): Promise<void> {
    // A value is taken only if it is newer than the one before it.
    await pass(1);
    const path = risk.simulatedPath(1, price, 0.01, 2, 60);
    const published = {
      underlying: BTC,
      path: { ...path, prices: [price, price] },
      spread: 0,
      premium: 0,
      rate: 0,
      lean: -0.2,
      expiries: EXPIRIES,
    };
    await hub.report(risk.snapshotAt([published], await now()));
  }
  async function pass(seconds: number): Promise<void> {
    await chain.client.increaseTime({ seconds });
    await chain.client.mine({ blocks: 1 });
  }
  /** Sends everything that is wanted. @returns what it was */
  async function send(): Promise<string[]> {
    while ((await lane.step()) !== 'idle') await watcher.pass();
    await watcher.pass();
    const rows = await database.query<{ what: string; state: string }[]>(
      `select purpose->>'what' as what, state from tx_intents where updated_at > now() - interval '1 hour' and purpose->>'told' is null order by id`,
    );
    await database.query(`update tx_intents set purpose = purpose || '{"told":true}'`);
    return rows.map(({ what, state }) => `${what} ${state}`);
  }
  const listed = async (): Promise<markets.ListedStrike[]> => reader.listed(BTC);

  it(
    'without the role to list, nothing is sent',
    async () => {
      await listings.list();
      expect(await send()).toEqual([]);
      const args = [0n, keeper, 0] as const;
      await hub.send(hub.contracts.AccessManager, encodeFunctionData({ abi: accessManagerAbi, functionName: 'grantRole', args }));
    },
    BUSY_MS,
  );

  it(
    'strikes are listed around the forward of every expiry, once, and again where the forward goes',
    async () => {
      await listings.list();
      await listings.list();
      expect(await send()).toEqual(['list mined', 'list mined']);
      const [first = 0, second = 0] = await expiries();
      const strikes = (expiry: number) => async (): Promise<number[]> =>
        (await listed()).filter((one) => one.expiry === BigInt(expiry)).map(({ strike }) => Number(strike / E18));
      expect(await strikes(first)()).toEqual([56_000, 58_000, 60_000, 62_000, 64_000, 66_000]);
      expect(await strikes(second)()).toHaveLength(6);
      await listings.list();
      expect(await send()).toEqual([]);
      await tell(66_500);
      await listings.list();
      expect(await send()).toEqual(['list mined', 'list mined']);
      expect((await strikes(first)()).at(-1)).toBe(80_000);
    },
    BUSY_MS,
  );

  it(
    'the sheet of an epoch is published, and the next one not before its time',
    async () => {
      const sheet = () =>
        chain.client.readContract({ address: hub.contracts.Sheets, abi: sheetsAbi, functionName: 'sheetOf', args: [BTC, 0] });
      await tell(60_000);
      await sheets.publish();
      expect(await send()).toEqual(['sheet mined']);
      expect(await sheet()).not.toBe(zeroAddress);
      await tell(60_100);
      expect(await sheet()).toBe(zeroAddress);
      await sheets.publish();
      expect(await send()).toEqual([]);
      await pass(31);
      await sheets.publish();
      expect(await send()).toEqual(['sheet mined']);
      expect(await sheet()).not.toBe(zeroAddress);
    },
    BUSY_MS,
  );

  it(
    'funding is brought to now when nobody traded for a while',
    async () => {
      await listings.fund();
      expect(await send()).toEqual([]);
      await pass(601);
      await tell(60_000);
      await listings.fund();
      expect(await send()).toEqual(['fund mined']);
      expect(await reader.fundedAt(BTC)).toBe(BigInt(await now()));
    },
    BUSY_MS,
  );

  it(
    'an expiry that is over: its holders are settled, then its places are free again',
    async () => {
      const [first = 0] = await expiries();
      const call = exchange.encodeInstrument({
        kind: 'call',
        underlying: BTC,
        expiry: unixSeconds(BigInt(first)),
        strike: exchange.price(60_000n * E18),
      });
      for (const { account } of [alice, bob]) await hub.pay(account, 10_000n * E18);
      const args = [alice.account, bob.account, call, E18, 1_000n * E18] as const;
      await hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
      await recordTrade(alice.account, bob.account, call);
      const before = await listed();
      await pass(first - (await now()) + 60);
      // Over, but without a settlement price.
      await listings.settle();
      expect(await send()).toEqual([]);
      await tell(62_000);
      await listings.settle();
      expect(await send()).toEqual(['settle-expired mined', 'settle-expired mined']);
      const cashOf = (account: AccountId) =>
        chain.client.readContract({ address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] });
      expect([await cashOf(alice.account), await cashOf(bob.account)]).toEqual([11_000n * E18, 9_000n * E18]);
      await listings.settle();
      expect(await send()).toEqual(['retire mined']);
      expect(await listed()).toEqual(before.filter(({ expiry }) => expiry !== BigInt(first)));
    },
    BUSY_MS,
  );
  const recordTrade = (buyer: AccountId, seller: AccountId, instrument: bigint) =>
    database.query(
      `insert into position_events (eid, kind, account, counterparty, instrument, size, price, block_number, block_hash, block_time, tx_hash, log_index)
       values ($1, 'Traded', $2, $3, $4, 1, 1, 1, '0x', 1, '0x', 0)`,
      [CHAIN, buyer, seller, instrument.toString()],
    );

  it(
    'interest: a debtor is charged, and the fund gets it, once in its time',
    async () => {
      const rates = [20n, 80n, 850n, 900n].map((share) => (share * E18) / 1000n);
      const data = encodeDeployData({
        abi: interestModelAbi,
        bytecode: bytecode.InterestModel.creation,
        args: [rates[0]!, rates[1]!, rates[2]!, rates[3]!],
      });
      const hash = await chain.client.sendTransaction({ account: deployer, chain: null, data });
      const { contractAddress } = await chain.client.waitForTransactionReceipt({ hash });
      const args = [contractAddress ?? zeroAddress] as const;
      await hub.send(hub.contracts.Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'setInterestModel', args }));
      await interest.collect();
      expect(await send()).toEqual([]);
      await hub.pay(bob.account, -12_000n * E18);
      await recordDebt(bob.account, 3_000n * E18);
      await pass(86_400);
      const assets = () => chain.client.readContract({ address: hub.contracts.Fund, abi: fundAbi, functionName: 'assets' });
      expect(await assets()).toBe(0n);
      await interest.collect();
      await interest.collect();
      expect(await send()).toEqual(['charge-interest mined', 'collect-interest mined']);
      const collected = await assets();
      // A day at 2% to 10% a year on 3,000.
      expect(collected).toBeGreaterThan((16n * E18) / 100n);
      expect(collected).toBeLessThan((9n * E18) / 10n);
      await interest.collect();
      expect(await send()).toEqual([]);
    },
    BUSY_MS,
  );
  it(
    'interest: who was left out because others owed more comes the sooner, also after a restart; dust keeps nobody waiting',
    async () => {
      const [first, second, third, dust] = debtors;
      await recordDebt(bob.account, -3_000n * E18);
      const owing = [
        { account: first, owed: 9_000n * E18 },
        { account: second, owed: 5_000n * E18 },
        { account: third, owed: 4_000n * E18 },
      ];
      for (const { account, owed } of owing) {
        await hub.pay(account, -owed);
        await recordDebt(account, owed, await now());
      }
      await hub.pay(dust, -1n);
      await recordDebt(dust, 1n);
      /** Whom the next collection charges, as the relayer would have seen it afterwards. */
      const charged = async (): Promise<AccountId[]> => {
        await pass(3_600);
        const [last] = await database.query<{ id: string }[]>('select max(id)::text as id from tx_intents');
        await interest.collect();
        await new InterestKeeper({ keeper: KEEPS }, { hub: markets.context }, reader, calls).collect();
        await send();
        const rows = await database.query<{ account: AccountId }[]>(
          `select purpose->>'account' as account from tx_intents where id > $1 and purpose->>'what' = 'charge-interest' order by 1`,
          [last?.id],
        );
        const accounts = rows.map(({ account }) => account);
        for (const account of accounts) await recordDebt(account, 1n, await now());
        return accounts;
      };
      // Those of whom most is due: of 9,000, 5,000 and 4,000 in an hour each; then the third has waited two, then the second.
      for (const pair of [
        [first, second],
        [first, third],
        [first, second],
      ])
        expect(await charged()).toEqual(pair.sort());
    },
    BUSY_MS,
  );

  let booked = 0;
  /** As the relayer would have seen it. @param time of the block, seconds */
  const recordDebt = async (account: AccountId, amount: bigint, time = 1): Promise<void> => {
    const [event] = await database.query<{ id: string }[]>(
      `insert into ledger_events (eid, kind, account, payload, block_number, block_hash, block_time, tx_hash, log_index)
       values ($1, 'CashChanged', $2, '{}', 1, $3, $4, '0x', 0) returning id`,
      [CHAIN, account, numberToHex(++booked, { size: 32 }), time],
    );
    await database.query(
      `with made as (insert into journal_entries (event_id, kind, eid, block_number, block_hash, log_index) values ($3, 'CashChanged', $4, 1, '0x', 0) returning id)
       insert into postings (entry_id, line, account, asset, amount)
       select id, line, account, 'cash', amount from made, (values (1, $1, $2::numeric), (2, 'clearing', -$2::numeric)) as lines (line, account, amount)`,
      [`cash:${account}`, amount.toString(), event?.id, CHAIN],
    );
  };
});
