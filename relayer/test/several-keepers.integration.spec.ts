import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { liquidationAbi, marketsAbi } from '@lockstep/contracts';
import { liquidation, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, http, numberToHex, type Address, type Hex, type PublicClient } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { WalletLane, type LaneEvent } from '../src/cli/wallet-lane.js';
import { AccountBook } from '../src/stages/liquidation/account-book.js';
import { findHub } from '../src/stages/liquidation/hub.js';
import { hubReader } from '../src/stages/liquidation/keepers.js';
import { Liquidator, type LiquidatorTerms } from '../src/stages/liquidation/liquidator.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { startMarketsChain } from './support/markets.js';

const BUSY_MS = 240_000;
const CHAIN = 31_799;
const IN_A_GROUP = 12;
/** Cash of a group: each is below maintenance margin a thousand lower than the one before, and above zero. */
const CASH = [3_300n, 4_300n, 5_300n] as const;
const GWEI = 10n ** 9n;
const maker = trader(200);
const groups = CASH.map((cash, group) => ({
  cash,
  accounts: Array.from({ length: IN_A_GROUP }, (_, i) => trader(201 + group * IN_A_GROUP + i).account),
}));
const keys = [privateKeyToAccount(numberToHex(0x7a, { size: 32 })), privateKeyToAccount(numberToHex(0x7b, { size: 32 }))] as const;
const [first, second] = keys;

/** A keeper that works with others, its lane, and what became of everything it sent. */
interface Keeper {
  readonly liquidator: Liquidator;
  readonly lane: WalletLane;
  readonly events: LaneEvent[];
}

describe('given accounts that fall below maintenance margin in one block, and two keepers with keys of their own', () => {
  let chain: TestChain;
  let hub: HubMarkets;
  let client: PublicClient;

  beforeAll(async () => {
    ({ chain, hub, client } = await startMarketsChain(CHAIN));
    for (const { address } of keys) await chain.client.setBalance({ address, value: 10n * E18 });
    await hub.pay(maker.account, 9_000_000n * E18);
    for (const { cash, accounts } of groups)
      for (const account of accounts) {
        await hub.pay(account, cash * E18);
        const args = [account, maker.account, PERPETUAL, E18, 60_000n * E18] as const;
        await hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
      }
  }, BUSY_MS);
  afterAll(() => chain.stop());

  async function keeperOf(key: (typeof keys)[number], sharing: Partial<LiquidatorTerms>): Promise<Keeper> {
    const found = await findHub(client, hub.contracts.Liquidation);
    const events: LaneEvent[] = [];
    const limits = { stuckMs: 60_000, maxFeePerGas: 500n * GWEI };
    const lane = new WalletLane(client, http(chain.url), key, limits, (event) => void events.push(event));
    const terms: LiquidatorTerms = {
      ...{ maxChecks: 64, maxSteps: 64, turns: 1, others: [], leastMargin: 10n * E18, nativePrice: 0n, bid: null },
      ...sharing,
    };
    const liquidator = new Liquidator(client, found, new AccountBook(client, found, 0n), await hubReader(client, found), lane, terms);
    return { liquidator, lane, events };
  }
  /** Both name each other; whoever gives the same list to all does so too. */
  const acquainted = (): Promise<Keeper[]> => Promise.all(keys.map((key) => keeperOf(key, { others: keys.map(({ address }) => address) })));

  /** From here on blocks come when the test says so. */
  async function priced(price: bigint): Promise<void> {
    await chain.client.setAutomine(true);
    // A value is taken only if it is newer than the one before it.
    await chain.client.increaseTime({ seconds: 1 });
    await chain.client.mine({ blocks: 1 });
    await hub.tell(price * E18);
    await chain.client.setAutomine(false);
  }
  /** One look of each at the newest block, then the block that takes what they sent. @returns accounts that each wanted to start */
  async function block(keepers: readonly Keeper[]): Promise<AccountId[][]> {
    const started: AccountId[][] = [];
    for (const { liquidator, lane } of keepers) {
      await lane.settle();
      const look = await liquidator.look();
      // Of a group before it may be some that have become insolvent.
      const wanted = (look?.wanted ?? []).filter(({ what }) => what === 'start');
      started.push(wanted.map(({ account }) => account));
    }
    await chain.client.mine({ blocks: 1 });
    for (const { lane } of keepers) await lane.settle();
    return started;
  }
  /** Starts that were mined and came to nothing. */
  const reverted = (keepers: readonly Keeper[]): number =>
    keepers
      .flatMap(({ events }) => events)
      .filter((event) => event.kind === 'transaction' && event.status === 'reverted' && event.purpose['what'] === 'auction-start').length;
  /** Who started the auctions of a group, by account; fails where one has none. */
  async function startersOf(accounts: readonly AccountId[]): Promise<Map<AccountId, Address>> {
    const events = await client.getContractEvents({
      ...{ address: hub.contracts.Liquidation, abi: liquidationAbi, eventName: 'AuctionStarted', fromBlock: 0n, strict: true },
    });
    const starters = new Map<AccountId, Address>();
    for (const account of accounts) {
      const own = events.filter(({ args }) => args.account === account);
      expect(own).toHaveLength(1);
      const hash: Hex = own[0]?.transactionHash ?? '0x';
      starters.set(account, (await client.getTransaction({ hash })).from);
    }
    return starters;
  }
  const countBy = (starters: ReadonlyMap<AccountId, Address>, { address }: { address: Address }): number =>
    [...starters.values()].filter((from) => from.toLowerCase() === address.toLowerCase()).length;

  it(
    'who know each other share the accounts: all are started in the next block, each by one of them, and no start reverts',
    async () => {
      const { accounts } = groups[0]!;
      await priced(58_000n);
      const keepers = await acquainted();
      const [one = [], other = []] = await block(keepers);
      expect([...one, ...other].sort()).toEqual([...accounts].sort());
      const starters = await startersOf(accounts);
      for (const key of keys) expect(countBy(starters, key)).toBeGreaterThanOrEqual(IN_A_GROUP / 4);
      expect(await block(keepers)).toEqual([[], []]);
      expect(reverted(keepers)).toBe(0);
    },
    BUSY_MS,
  );

  it(
    'when one is stopped the other starts its own in the next block, and those of the stopped one in the block after',
    async () => {
      const { accounts } = groups[1]!;
      const [left] = await acquainted();
      if (left === undefined) throw new Error('there are two');
      await priced(57_000n);
      const [own = []] = await block([left]);
      expect(own).toEqual(
        expect.arrayContaining(accounts.filter((account) => liquidation.placeOf(account, first.address, [second.address]) === 0n)),
      );
      expect(own.length).toBeLessThan(IN_A_GROUP);
      const [rest = []] = await block([left]);
      expect([...own, ...rest].sort()).toEqual([...accounts].sort());
      expect(countBy(await startersOf(accounts), first)).toBe(IN_A_GROUP);
      expect(reverted([left])).toBe(0);
    },
    BUSY_MS,
  );

  it(
    'who do not know each other draw turns: all are started within two blocks, and where both drew the same one start of two reverts',
    async () => {
      const { accounts } = groups[2]!;
      await priced(56_000n);
      const found = await client.getBlockNumber();
      const keepers = await Promise.all(keys.map((key) => keeperOf(key, { turns: 2 })));
      const turnsOf = (account: AccountId): bigint[] => keys.map(({ address }) => liquidation.turnOf(account, address, found, 2));
      await block(keepers);
      await block(keepers);
      await startersOf(accounts);
      // Half of all at the long run: another keeper's start is not to be seen before its block.
      const same = accounts.filter((account) => new Set(turnsOf(account)).size === 1);
      expect(same.length).toBeGreaterThan(0);
      expect(reverted(keepers)).toBe(same.length);
    },
    BUSY_MS,
  );
});
