import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ledgerAbi, liquidationAbi, marginAbi, marketsAbi } from '@lockstep/contracts';
import { encodeAccount, exchange, liquidation, risk, unixSeconds, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, numberToHex, type Hex, type PublicClient } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { LiquidatorError, runLiquidator, type LiquidatorEvent, type LiquidatorOptions } from '../src/cli/liquidator-run.js';
import { tellLiquidator } from '../src/cli/liquidator.js';
import type { Became } from '../src/stages/hub-calls.js';
import { AccountBook } from '../src/stages/liquidation/account-book.js';
import { findHub, readRates, type LiquidationHub } from '../src/stages/liquidation/hub.js';
import { HubReader } from '../src/stages/liquidation/hub.reader.js';
import { Liquidator } from '../src/stages/liquidation/liquidator.js';
import { hubMethods } from '../src/stages/liquidation/parameters.js';
import type { LiquidationSender } from '../src/stages/liquidation/wants.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { startGate } from './support/gate.js';
import { atNoon, startMarketsChain } from './support/markets.js';
import { until } from './support/until.js';

const BUSY_MS = 180_000;
const CHAIN = 31_779;
const KEY: Hex = numberToHex(0x71, { size: 32 });
const EXPIRIES = { count: 2, everyDays: 1 };
const [alice, bob, carol, dave] = [trader(41), trader(42), trader(43), trader(44)];
const keeper = privateKeyToAccount(KEY);
const BIDDER = encodeAccount({ owner: keeper.address, home: 0, subaccount: 0n });

describe('given accounts with positions on a chain, and a liquidator with nothing but its URL', () => {
  let chain: TestChain;
  let hub: HubMarkets;
  let client: PublicClient;

  beforeAll(async () => {
    ({ chain, hub, client } = await startMarketsChain(CHAIN, atNoon()));
    await chain.client.setBalance({ address: keeper.address, value: E18 });
    await tell(60_000);
    const [expiry = 0] = risk.expiriesAt(EXPIRIES, await now());
    const strike = 60_000n * E18;
    await call('list', [1, expiry, [strike]]);
    const option = exchange.encodeInstrument({
      ...{ kind: 'call', underlying: 1, expiry: unixSeconds(BigInt(expiry)), strike: exchange.price(strike) },
    });
    for (const [account, cash] of [
      [alice, 40_000n],
      [bob, 900_000n],
      [carol, 30_000n],
      [dave, 60_000n],
    ] as const)
      await hub.pay(account.account, cash * E18);
    await hub.pay(BIDDER, 500_000n * E18);
    await call('trade', [alice.account, bob.account, PERPETUAL, 10n * E18, 60_000n * E18]);
    await call('trade', [bob.account, carol.account, option, 2n * E18, 800n * E18]);
    await call('trade', [dave.account, bob.account, PERPETUAL, E18, 60_000n * E18]);
  }, BUSY_MS);
  afterAll(() => chain.stop());

  const now = async (): Promise<number> => Number((await chain.client.getBlock()).timestamp);
  const call = (functionName: 'list' | 'trade', args: readonly unknown[]): Promise<void> =>
    // CAST: the arguments are those of the function the test names.
    hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName, args: args as never }));
  async function tell(price: number): Promise<void> {
    // A value is taken only if it is newer than the one before it.
    await chain.client.increaseTime({ seconds: 1 });
    await chain.client.mine({ blocks: 1 });
    const path = { ...risk.simulatedPath(1, price, 0.01, 2, 60), prices: [price, price] };
    const published = { underlying: 1, path, spread: 0, premium: 0, rate: 0, lean: -0.2, expiries: EXPIRIES };
    await hub.report(risk.snapshotAt([published], await now()));
  }
  async function run(options: Partial<LiquidatorOptions> = {}): Promise<LiquidatorEvent[]> {
    const events: LiquidatorEvent[] = [];
    const given = { rpc: [chain.url], liquidation: hub.contracts.Liquidation, keyEnv: 'KEY', once: true, ...options };
    await runLiquidator(given, { KEY }, (event) => void events.push(event), new AbortController().signal);
    return events;
  }
  const wanted = (events: readonly LiquidatorEvent[]): string[] =>
    events.flatMap((event) =>
      event.kind === 'look' ? event.look.wanted.map(({ what, account, outcome }) => `${what} ${account} ${outcome}`) : [],
    );
  const auctionOf = (account: AccountId) =>
    client.readContract({ address: hub.contracts.Liquidation, abi: liquidationAbi, functionName: 'auctionOf', args: [account] });
  const riskOf = (account: AccountId) =>
    client.readContract({ address: hub.contracts.Margin, abi: marginAbi, functionName: 'riskOf', args: [account] });
  const sizeOf = (account: AccountId) =>
    client.readContract({ address: hub.contracts.Markets, abi: marketsAbi, functionName: 'sizeOf', args: [account, PERPETUAL] });

  async function reading(): Promise<{ found: LiquidationHub; reader: HubReader }> {
    const found = await findHub(client, hub.contracts.Liquidation);
    const { portfolio, cross } = hubMethods();
    const rates = await readRates(client, found, cross);
    return { found, reader: new HubReader(client, found, { portfolio, cross: rates, isolated: { ...rates, method: 'isolated' } }) };
  }

  it(
    'everybody with a position is found by events, and is worth here what the contracts say, to a millionth of a cent',
    async () => {
      const { found, reader } = await reading();
      const book = new AccountBook(client, found, 0n);
      const { number, timestamp } = await client.getBlock();
      await book.advance(number);
      for (const { account } of [alice, bob, carol, dave]) expect(book.watched).toContain(account);
      const accounts = await reader.accounts([...book.watched], number, timestamp);
      const market = await reader.market(accounts, number, timestamp);
      for (const account of accounts) {
        const own = risk.evaluate(liquidation.portfolioOf(market, account), market.cross);
        const [exact] = await reader.exact([account.account], number);
        for (const key of ['equity', 'maintenanceMargin'] as const) {
          const theirs = key === 'equity' ? exact?.equity : exact?.margin;
          expect(Math.abs(Number(own[key] - (theirs ?? 0n))) / 1e18).toBeLessThan(1e-8);
        }
      }
    },
    BUSY_MS,
  );

  it(
    'nothing is wanted while everybody is above maintenance margin',
    async () => {
      const events = await run();
      expect(wanted(events)).toEqual([]);
      expect(events.some(({ kind }) => kind === 'progress')).toBe(true);
      const look = events.find((event) => event.kind === 'look');
      expect(look && tellLiquidator(look)).toMatch(/accounts watched, 0 near the line, 0 below it or in auction$/);
    },
    BUSY_MS,
  );

  it(
    'prices fall: a dry run says what it would do and does nothing',
    async () => {
      await tell(57_500);
      const events = await run({ dryRun: true });
      expect(events.filter(({ kind }) => kind === 'would-send').map((event) => tellLiquidator(event))).toEqual([
        `  would send: auction-start ${alice.account}`,
      ]);
      expect((await auctionOf(alice.account)).id).toBe(0n);
      const { equity, maintenanceMargin } = await riskOf(alice.account);
      expect(equity < maintenanceMargin).toBe(true);
    },
    BUSY_MS,
  );

  it(
    'the auction is started once, whoever looks again; whose start came too late bids all the same',
    async () => {
      const { found, reader } = await reading();
      const asked: string[] = [];
      const slower: LiquidationSender = {
        address: keeper.address,
        refusal: () => Promise.resolve(null),
        want: async (what) => {
          asked.push(what.slice(0, what.indexOf(':')));
          return what.startsWith('auction-start') ? 'refused' : 'sent';
        },
        became: () => Promise.resolve(bids),
        open: () => Promise.resolve([]),
      };
      let bids: Became = { state: 'open' };
      const bid = { account: BIDDER, budget: 3_000n * E18, required: 0n, payout: null };
      const terms = { maxChecks: 16, maxSteps: 16, turns: 1, others: [], leastMargin: E18, nativePrice: 0n, bid };
      const liquidator = new Liquidator(client, found, new AccountBook(client, found, 0n), reader, slower, terms);
      await liquidator.look();
      const events = await run();
      await chain.client.increaseTime({ seconds: 1 });
      await chain.client.mine({ blocks: 1 });
      await liquidator.look();
      expect(asked).toEqual(['auction-start', 'bid']);
      // What is on its way may cost its whole limit; once it has failed, that may be spent again.
      await chain.client.mine({ blocks: 1 });
      await liquidator.look();
      expect(asked).toHaveLength(2);
      bids = { state: 'failed' };
      await chain.client.mine({ blocks: 1 });
      await liquidator.look();
      expect(asked).toEqual(['auction-start', 'bid', 'bid']);
      expect(events.filter(({ kind }) => kind === 'transaction')).toMatchObject([{ status: 'success' }]);
      const { id } = await auctionOf(alice.account);
      expect(id).toBe(1n);
      expect(wanted(await run())).toEqual([]);
      expect((await auctionOf(alice.account)).id).toBe(id);
    },
    BUSY_MS,
  );

  it(
    'it bids when the gain is what it asks for, within its budget, until the account is healthy, and ends the auction',
    async () => {
      // That nobody answers for prices of a payout keeps no bid back.
      const payout = { payout: 'best', prices: 'http://127.0.0.1:9/prices', least: '0' };
      const bidding = { bidAccount: BIDDER, budget: '100000', required: '0.05', ...payout };
      // 5% off what is left of the equity is less than 5% of maintenance margin.
      expect(wanted(await run(bidding))).toEqual([]);
      await chain.client.increaseTime({ seconds: 900 });
      await tell(57_500);
      expect(wanted(await run({ ...bidding, budget: '0' }))).toEqual([]);
      const before = await client.readContract({ address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'cashOf', args: [BIDDER] });
      const events = await run(bidding);
      expect(wanted(events)).toEqual([`bid ${alice.account} sent`]);
      expect(events.filter(({ kind }) => kind === 'transaction')).toMatchObject([{ status: 'success' }]);
      expect(await sizeOf(BIDDER)).toBeGreaterThan(0n);
      expect((await sizeOf(alice.account)) + (await sizeOf(BIDDER))).toBe(10n * E18);
      const { equity, initialMargin } = await riskOf(BIDDER);
      expect(equity > before && equity >= BigInt(initialMargin)).toBe(true);
      const after = await riskOf(alice.account);
      expect(after.equity >= after.maintenanceMargin).toBe(true);
      await tell(57_600);
      await run(bidding);
      expect((await auctionOf(alice.account)).id).toBe(0n);
      expect(wanted(await run(bidding))).toEqual([]);
    },
    BUSY_MS,
  );

  it('options that are wrong are named', async () => {
    const failure = async (options: Partial<LiquidatorOptions>): Promise<string> =>
      run(options).then(
        () => 'it ran',
        (error: unknown) => {
          if (error instanceof LiquidatorError) return error.message;
          throw error;
        },
      );
    expect(await failure({ rpc: ['ftp://x'] })).toBe('rpc.0: expected an http(s) URL');
    expect(await failure({ liquidation: '0x12' })).toBe('liquidation: expected the address of the hub’s Liquidation');
    expect(await failure({ keyEnv: 'NONE' })).toBe('environment variable NONE holds no private key; expected 0x and 64 hex digits');
    const paid = { bidAccount: BIDDER, budget: '1' };
    expect(await failure({ ...paid, payout: '1:0.5,2:0.4' })).toBe(
      'bid.payout.route: expected best, an endpoint id, or parts that sum to 1, as in 40001:0.25,40002:0.75; these do not: 1:0.5,2:0.4',
    );
    expect(await failure({ ...paid, payout: 'best', receiver: 'me' })).toBe('bid.payout.receiver: expected an address');
    expect(await failure({ ...paid, payout: 'best', prices: 'here' })).toBe('prices: expected an http(s) URL');
    expect(await failure({ bidAccount: '0x12', budget: '1' })).toBe('bid.account: expected an account: 0x and 64 hex digits');
  });

  it(
    'goes on after looks that failed: nobody answers for a while',
    async () => {
      const gate = await startGate(chain.url);
      const stop = new AbortController();
      const events: LiquidatorEvent[] = [];
      const given = { rpc: [gate.url], liquidation: hub.contracts.Liquidation, dryRun: true, pollMs: '50' };
      const counted = (kind: LiquidatorEvent['kind']): number => events.filter((event) => event.kind === kind).length;
      const running = runLiquidator(given, {}, (event) => void events.push(event), stop.signal);
      await until(() => counted('look') > 0);
      gate.close();
      await until(() => counted('failed') > 1);
      const failure = events.find((event) => event.kind === 'failed');
      expect(failure && tellLiquidator(failure)).toMatch(/^a look failed, the next one follows: ./);
      const looks = counted('look');
      gate.open();
      await chain.client.mine({ blocks: 1 });
      await until(() => counted('look') > looks);
      stop.abort();
      await running;
      await gate.stop();
    },
    BUSY_MS,
  );

  it(
    'a provider that does not answer is left for the next one',
    async () => {
      const events = await run({ rpc: ['http://127.0.0.1:9', chain.url], dryRun: true });
      expect(events.some(({ kind }) => kind === 'look')).toBe(true);
    },
    BUSY_MS,
  );
});
