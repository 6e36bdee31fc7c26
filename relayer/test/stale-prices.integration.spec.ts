import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { feedsAbi, liquidationAbi, marginAbi, marketsAbi } from '@lockstep/contracts';
import { encodeAccount, risk, type AccountId } from '@lockstep/shared';
import { decodeFunctionData, encodeFunctionData, numberToHex, type Hex, type PublicClient } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { refusalOf } from '../src/sender/revert-reason.js';
import type { HubCall } from '../src/stages/hub-calls.js';
import { AccountBook } from '../src/stages/liquidation/account-book.js';
import { findHub } from '../src/stages/liquidation/hub.js';
import { hubReader } from '../src/stages/liquidation/keepers.js';
import { Liquidator } from '../src/stages/liquidation/liquidator.js';
import type { SignedPrices } from '../src/stages/liquidation/payouts.js';
import type { LiquidationSender } from '../src/stages/liquidation/wants.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { startMarketsChain } from './support/markets.js';

const BUSY_MS = 180_000;
const CHAIN = 31_796;
/** Longer than a spot price is of any use. */
const STALE = 7_300;
const [alice, bob, carol] = [trader(61), trader(62), trader(63)];
const keeper = privateKeyToAccount(numberToHex(0x91, { size: 32 }));
const BIDDER = encodeAccount({ owner: keeper.address, home: 0, subaccount: 0n });

describe('given a hub to which nobody hands in prices any more, and a liquidator', () => {
  let chain: TestChain;
  let hub: HubMarkets;
  let client: PublicClient;
  let liquidator: Liquidator;
  /** signed ones that nobody handed in */
  let inHand: SignedPrices[] = [];
  let sent: HubCall[] = [];

  beforeAll(async () => {
    ({ chain, hub, client } = await startMarketsChain(CHAIN));
    await chain.client.setBalance({ address: keeper.address, value: E18 });
    for (const [{ account }, cash] of [
      [alice, 40_000n],
      [carol, 40_000n],
      [bob, 900_000n],
    ] as const)
      await hub.pay(account, cash * E18);
    await hub.pay(BIDDER, 500_000n * E18);
    await trade(alice.account, 10n * E18);
    const found = await findHub(client, hub.contracts.Liquidation);
    const terms = {
      ...{ maxChecks: 16, maxSteps: 16, turns: 1, others: [], leastMargin: E18, nativePrice: 0n },
      bid: { account: BIDDER, budget: 100_000n * E18, required: 0n, payout: null },
    };
    const after = (time: bigint) => Promise.resolve(inHand.filter((one) => BigInt(one.time) > time));
    liquidator = new Liquidator(client, found, new AccountBook(client, found, 0n), await hubReader(client, found), sender, terms, after);
  }, BUSY_MS);
  afterAll(() => chain.stop());

  const sender: LiquidationSender = {
    address: keeper.address,
    refusal: ({ to, data }) => refusalOf(client, { account: keeper.address, to, data }),
    async want(_what, call) {
      if ((await sender.refusal(call)) !== null) return 'refused';
      await chain.client.impersonateAccount({ address: keeper.address });
      const hash = await chain.client.sendTransaction({ account: keeper.address, chain: null, to: call.to, data: call.data });
      await chain.client.mine({ blocks: 1 });
      expect((await client.getTransactionReceipt({ hash })).status).toBe('success');
      sent.push(call);
      return 'sent';
    },
    became: () => Promise.resolve(null),
    open: () => Promise.resolve([]),
  };
  const trade = (account: AccountId, size: bigint): Promise<void> => {
    const args = [account, bob.account, PERPETUAL, size, 60_000n * E18] as const;
    return hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
  };
  async function pass(seconds: number): Promise<void> {
    await chain.client.increaseTime({ seconds });
    await chain.client.mine({ blocks: 1 });
  }
  async function sign(price: bigint): Promise<Hex> {
    const snapshot = await hub.sign(price * E18);
    const prices = risk.encodePrices(snapshot);
    inHand = [{ time: snapshot.time, prices }, ...inHand];
    return prices;
  }
  /** What it sent in one look: the function, for whom, and the prices that came along. */
  async function look(): Promise<readonly unknown[][]> {
    sent = [];
    await liquidator.look();
    return sent.map(({ data, purpose }) => {
      const { functionName, args } = decodeFunctionData({ abi: liquidationAbi, data });
      return [functionName, purpose['account'], args?.[1]];
    });
  }
  const spot = async (): Promise<bigint> =>
    (await client.readContract({ address: hub.contracts.Feeds, abi: feedsAbi, functionName: 'quoteOf', args: [1, true] })).spot;
  const gradeOf = async (account: AccountId): Promise<risk.Grade | undefined> =>
    risk.GRADES[
      (await client.readContract({ address: hub.contracts.Margin, abi: marginAbi, functionName: 'riskOf', args: [account] })).grade
    ];

  it(
    'an account that the stale price shows healthy is started at the newest signed one, which is handed in with it',
    async () => {
      await pass(STALE);
      expect(await gradeOf(alice.account)).toBe('stale');
      expect(await look()).toEqual([]);
      // One that the chain would call a price of the future is left alone, and keeps nobody from those before it.
      const prices = await sign(57_500n);
      inHand = [{ time: (inHand[0]?.time ?? 0) + 3_600, prices: '0x' }, ...inHand];
      await pass(1);
      expect(await look()).toEqual([['start', alice.account, prices]]);
      expect(await spot()).toBe(57_500n * E18);
      expect(await gradeOf(alice.account)).toBe('fresh');
    },
    BUSY_MS,
  );

  it(
    'a bid hands them in too',
    async () => {
      await pass(STALE);
      expect(await look()).toEqual([]);
      const prices = await sign(57_400n);
      await pass(1);
      expect(await look()).toEqual([['bid', alice.account, prices]]);
      expect(await spot()).toBe(57_400n * E18);
    },
    BUSY_MS,
  );

  it(
    'while those of the hub are fresh nothing is handed in, whatever else was signed: that would cost gas',
    async () => {
      await hub.tell(60_000n * E18);
      await trade(carol.account, 10n * E18);
      await pass(2);
      await hub.tell(57_300n * E18);
      await pass(2);
      await sign(57_299n);
      await pass(1);
      expect(await look()).toContainEqual(['start', carol.account, '0x']);
      expect(await spot()).toBe(57_300n * E18);
    },
    BUSY_MS,
  );
});
