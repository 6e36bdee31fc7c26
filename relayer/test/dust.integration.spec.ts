import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { liquidationAbi, marketsAbi } from '@lockstep/contracts';
import { encodeAccount, type AccountId } from '@lockstep/shared';
import { createWalletClient, encodeFunctionData, http, numberToHex, type Hex, type PublicClient } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { AccountBook } from '../src/stages/liquidation/account-book.js';
import { findHub, readRates } from '../src/stages/liquidation/hub.js';
import { HubReader } from '../src/stages/liquidation/hub.reader.js';
import { Liquidator, type LiquidatorTerms, type Look } from '../src/stages/liquidation/liquidator.js';
import { hubMethods } from '../src/stages/liquidation/parameters.js';
import type { LiquidationSender } from '../src/stages/liquidation/wants.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import { deployer, type TestChain } from './support/anvil.js';
import { startMarketsChain } from './support/markets.js';

const BUSY_MS = 240_000;
const CHAIN = 31_792;
const DUST = 1_000;
/** Of them in auction already: more than are asked about in one look. */
const STARTED = 20;
const MOST_CHECKS = 16;
/** A dollar and a fifth of notional: far below maintenance margin for ever. */
const TINY = 2n * 10n ** 13n;
const GAS = 3_000_000n;
const PORTFOLIO = 2;
const [whale, maker, strange] = [trader(91), trader(92), trader(93)];
const keeper = privateKeyToAccount(numberToHex(0x79, { size: 32 }));
const BIDDER = encodeAccount({ owner: keeper.address, home: 0, subaccount: 0n });
const dust = Array.from({ length: DUST }, (_, i) =>
  encodeAccount({ owner: numberToHex(0xd00000 + i, { size: 20 }), home: 0, subaccount: 0n }),
);

class CountingReader extends HubReader {
  read = 0;
  /** whose books the contracts are said not to read out */
  broken: AccountId | null = null;

  override accounts([...accounts]: readonly AccountId[], block: bigint, now: bigint): ReturnType<HubReader['accounts']> {
    this.read += accounts.length;
    const readable = accounts.filter((account) => account !== this.broken);
    return super.accounts(readable, block, now);
  }
}

describe('given a thousand tiny accounts without equity, some in auction, one that cannot be valued, and a whale that comes below maintenance margin after them', () => {
  let chain: TestChain;
  let hub: HubMarkets;
  let client: PublicClient;

  beforeAll(async () => {
    ({ chain, hub, client } = await startMarketsChain(CHAIN));
    await hub.pay(whale.account, 400_000n * E18);
    await hub.pay(maker.account, 9_000_000n * E18);
    await hub.pay(BIDDER, 5_000_000n * E18);
    await all(dust.map((account) => [hub.contracts.Markets, trade(account, TINY)] as const));
    await hub.send(hub.contracts.Markets, trade(whale.account, 100n * E18));
    await hub.send(hub.contracts.Markets, trade(strange.account, 100n * E18));
    // No engine values it here.
    const args = [strange.account, PORTFOLIO] as const;
    await hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setMode', args }));
    await priced(1);
    await all(dust.slice(0, STARTED).map((account) => [hub.contracts.Liquidation, start(account)] as const));
  }, BUSY_MS);
  afterAll(() => chain.stop());

  const trade = (account: AccountId, size: bigint): Hex =>
    encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args: [account, maker.account, PERPETUAL, size, 60_000n * E18] });
  const start = (account: AccountId): Hex => encodeFunctionData({ abi: liquidationAbi, functionName: 'start', args: [account, '0x'] });

  /** After so many seconds. */
  async function priced(seconds: number): Promise<void> {
    // A value is taken only if it is newer than the one before it.
    await chain.client.increaseTime({ seconds });
    await chain.client.mine({ blocks: 1 });
    await hub.tell(57_500n * E18);
  }

  /** Sends many without waiting for each. */
  async function all(calls: readonly (readonly [Hex, Hex])[]): Promise<void> {
    const batched = createWalletClient({ transport: http(chain.url, { batch: { batchSize: 200 } }) });
    const nonce = await chain.client.getTransactionCount({ address: deployer.address });
    const fees = { type: 'eip1559', maxFeePerGas: 100n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n } as const;
    await chain.client.setAutomine(false);
    const sent = calls.map(([to, data], i) =>
      batched.sendTransaction({ account: deployer.address, chain: null, gas: GAS, nonce: nonce + i, to, data, ...fees }),
    );
    const hash = (await Promise.all(sent)).at(-1) ?? '0x';
    while ((await chain.client.getTransactionCount({ address: deployer.address })) < nonce + calls.length)
      await chain.client.mine({ blocks: 1 });
    await chain.client.setAutomine(true);
    expect((await chain.client.getTransactionReceipt({ hash })).status).toBe('success');
  }

  /** A keeper, and how many accounts it has read. */
  async function keeperWith(change: Partial<LiquidatorTerms>): Promise<{ liquidator: Liquidator; reader: CountingReader }> {
    const found = await findHub(client, hub.contracts.Liquidation);
    const { portfolio, cross } = hubMethods();
    const rates = await readRates(client, found, cross);
    const reader = new CountingReader(client, found, { portfolio, cross: rates, isolated: { ...rates, method: 'isolated' } });
    const sender: LiquidationSender = {
      address: keeper.address,
      refusal: () => Promise.resolve(null),
      want: async (_what, { to, data }) => {
        await client.call({ account: keeper.address, to, data });
        return 'sent';
      },
      became: () => Promise.resolve(null),
      open: () => Promise.resolve([]),
    };
    const terms: LiquidatorTerms = {
      ...{ maxChecks: MOST_CHECKS, maxSteps: 4, turns: 1, others: [], leastMargin: 10n * E18, nativePrice: 5_000n * E18, bid: null },
      ...change,
    };
    return { liquidator: new Liquidator(client, found, new AccountBook(client, found, 0n), reader, sender, terms), reader };
  }

  /** One look of a keeper. @returns what it wanted, and what it saw */
  async function look(change: Partial<LiquidatorTerms> = {}): Promise<{ wanted: string[]; seen: Look }> {
    const seen = await (await keeperWith(change)).liquidator.look();
    if (seen === null) throw new Error('nothing was looked at');
    return { wanted: seen.wanted.map(({ what, account, outcome }) => `${what} ${account} ${outcome}`), seen };
  }

  it(
    'starts the whale at once, and spends nothing on the tiny ones',
    async () => {
      const { wanted, seen } = await look();
      expect(wanted).toEqual([`start ${whale.account} sent`]);
      // Whom the contracts cannot value keeps nobody else waiting.
      expect(seen.unanswered).toEqual([strange.account]);
    },
    BUSY_MS,
  );

  it(
    'whoever wants the tiny ones too starts the whale first',
    async () => {
      const { wanted, seen } = await look({ leastMargin: 0n });
      expect(seen.suspects).toBeGreaterThan(DUST);
      expect(wanted).toHaveLength(4);
      expect(wanted[0]).toBe(`start ${whale.account} sent`);
    },
    BUSY_MS,
  );

  it(
    'what it has read it reads again after ten minutes, a few at a look',
    async () => {
      const { liquidator, reader } = await keeperWith({});
      // Events of the last blocks are read at every look.
      await chain.client.mine({ blocks: 20 });
      await liquidator.look();
      expect(reader.read).toBeGreaterThan(DUST);
      reader.read = 0;
      await priced(1);
      await liquidator.look();
      expect(reader.read).toBe(0);
      await priced(600);
      await liquidator.look();
      await priced(1);
      await liquidator.look();
      expect(reader.read).toBe(2 * MOST_CHECKS);
    },
    BUSY_MS,
  );

  it(
    'one whose books cannot be read out is told, tried again at every look, and keeps nobody waiting',
    async () => {
      const { liquidator, reader } = await keeperWith({});
      reader.broken = dust[0] ?? null;
      await chain.client.mine({ blocks: 20 });
      const first = await liquidator.look();
      expect(first?.unanswered).toContain(dust[0]);
      expect(first?.wanted.map(({ account }) => account)).toEqual([whale.account]);
      reader.read = 0;
      await chain.client.mine({ blocks: 1 });
      expect((await liquidator.look())?.unanswered).toContain(dust[0]);
      expect(reader.read).toBe(1);
      reader.broken = null;
      await chain.client.mine({ blocks: 1 });
      expect((await liquidator.look())?.unanswered).not.toContain(dust[0]);
    },
    BUSY_MS,
  );

  it(
    'bids on the whale, and on none of the tiny ones, whose gain is less than the gas of a bid',
    async () => {
      await all([[hub.contracts.Liquidation, start(whale.account)]]);
      await priced(900);
      const bid = { account: BIDDER, budget: 1_000_000n * E18, required: E18 / 50n, payout: null };
      const { wanted } = await look({ leastMargin: 0n, maxSteps: 64, maxChecks: 64, bid });
      const bids = wanted.filter((line) => line.startsWith('bid'));
      expect(bids).toEqual([`bid ${whale.account} sent`]);
    },
    BUSY_MS,
  );
});
