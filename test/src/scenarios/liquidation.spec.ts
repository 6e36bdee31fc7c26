import { iFundAbi, iLedgerAbi, iLevyAbi, iLiquidationAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import { encodeFunctionData, parseEventLogs } from 'viem';
import { z } from 'zod/v4';
import { LIQUIDATORS, type KeyedAccount } from '../harness/accounts.js';
import type { AuctionsView, ToldAuction } from '../harness/auctions.js';
import { BIDDERS, BTC, LeverageScene, MAKER, PERPETUAL } from '../harness/leverage.js';
import { UNDERLYINGS } from '../harness/markets.js';
import { Operator } from '../harness/operator.js';
import type { LiquidatorTerms, Relayer } from '../harness/relayer.js';
import type { HubChain, StackChain } from '../harness/stack.js';
import { CASH, freshAddress, heldBy, whole } from '../harness/tokens.js';
import { eventually } from '../harness/wait.js';
import { Permission } from '../harness/withdrawer.js';
import type { World } from '../harness/world.js';

const NO_PRICES = '0x';
const [KEY_A, KEY_B, KEY_C] = LIQUIDATORS;
const [BIDDER_A, BIDDER_B] = BIDDERS;
/** A thousandth of an option. */
const LOT = CASH / 1_000n;
const LEVY_WINDOW = 15 * 60;
/**
 * Of this the tranche of a market pays the first step of a bid and not all of them, so that one levy answers for the rest; and the rest is more than what the
 * other market may take, so that cash is kept from leaving. What the fund earned before counts too.
 */
const FUND = 1_000n * CASH;
const LOSSES = z.object({ losses: z.object({ braked: z.boolean(), deficits: z.array(z.object({ market: z.int() })) }).nullable() });

describe('given leveraged accounts with collateral on two chains, a market maker, and those who bid', () => {
  let scene: LeverageScene;
  let world: World;
  let hub: HubChain;
  let a: StackChain;
  let b: StackChain;
  let auctions: AuctionsView;
  let stranger: Operator;

  beforeAll(async () => {
    scene = await LeverageScene.start([4, 5, 6, 7, 8, 9, 10, 11]);
    ({ world, hub, a, b, auctions } = scene);
    stranger = new Operator(world.stack, world.flow);
  });
  afterAll(() => world.stop());

  const running: { readonly running: boolean; stop(): Promise<unknown> }[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map(async (one) => (one.running ? one.stop() : undefined)));
  });
  /** Starts a liquidator of that name, which runs until the end of the test. */
  async function liquidating(name: string, terms: LiquidatorTerms, faultPoint?: string): Promise<Relayer> {
    const liquidator = await world.liquidator(name, terms);
    running.push(liquidator);
    await liquidator.start(faultPoint === undefined ? {} : { faultPoint });
    return liquidator;
  }

  /** What is left to the account, and what it lost to bidders, is what it had. */
  async function expectConserved(account: AccountId, bidders: readonly AccountId[], before: readonly bigint[]): Promise<void> {
    const held = await Promise.all([account, ...bidders].map(holdings));
    const sums = held[0]!.map((_, i) => held.reduce((sum, one) => sum + (one[i] ?? 0n), 0n));
    expect(sums).toEqual(before);
  }
  const holdings = async (account: AccountId): Promise<bigint[]> =>
    Promise.all([
      scene.sizeOf(account, PERPETUAL),
      scene.sizeOf(account, scene.call),
      scene.balanceOf(account, a, 'WETH'),
      scene.balanceOf(account, b, 'ETH'),
    ]);
  async function healthy(account: AccountId): Promise<void> {
    const { equity, maintenanceMargin } = await auctions.risk(account);
    expect(equity).toBeGreaterThan(maintenanceMargin);
  }
  const over = (account: AccountId): Promise<ToldAuction> => auctions.reached(account, 'over', ({ ended }) => ended);

  describe('when the price falls', () => {
    it('starts the auction, buys a part of all the account has on every chain, and leaves it healthy', async () => {
      const terms = await scene.bidding(KEY_A, BIDDER_A);
      const [account] = await Promise.all([scene.leveraged(4), liquidating('liquidator-a', terms)]);
      const bidder = world.user(BIDDER_A).account();
      await scene.priced(55_500);
      const told = await over(account);
      await healthy(account);
      expect(told.bids.map((bid) => bid.bidder)).toEqual([bidder]);
      const share = told.bids[0]?.share ?? 0n;
      const [perpetual, options, ...collateral] = await holdings(bidder);
      expect([perpetual, ...collateral]).toEqual([share, share, share]);
      // Options move in whole lots.
      expect((options ?? 0n) - share / 2n).toBeLessThan(LOT);
      await expectConserved(account, [bidder], [BTC, BTC / 2n, CASH, CASH]);
      const { touched } = await auctions.record(told.id);
      expect(touched.map(({ eid, amount }) => [eid, amount]).sort()).toEqual([
        [a.eid, share],
        [b.eid, share],
      ]);
    });
  });

  describe('when a bidder says with its bid where it wants to be paid', () => {
    it('is paid on the chain of the collateral, and in cash on a chain where it never was', async () => {
      await scene.priced(60_000);
      const account = await scene.leveraged(5);
      await scene.priced(55_500);
      // Anyone may start it.
      const start = encodeFunctionData({ abi: iLiquidationAbi, functionName: 'start', args: [account, NO_PRICES] });
      await stranger.send(hub, { to: hub.liquidation, data: start });
      const owner = world.withdrawer(BIDDER_B);
      await owner.setDelegate(hub, hub.liquidation, Permission.withdraw);
      const [weth, cash] = [whole(a, 'WETH', 1n) / 5n, 1_000n * CASH];
      const [forWeth, forCash] = [freshAddress(1), freshAddress(2)];
      const legs = [
        { eid: a.eid, asset: assetOf(a, 'WETH'), fromCash: false, amount: weth, receiver: forWeth },
        { eid: hub.eid, asset: assetOf(hub, 'USDC'), fromCash: true, amount: cash, receiver: forCash },
      ];
      const bidder = owner.user.account();
      const wanted = { account, bidder, share: CASH, priceLimit: 10_000n * CASH };
      // It holds a part of the position then, so prices must be as new as the withdrawal; too late, they are signed again.
      await eventually('the bid to be taken', async () => {
        const args = [wanted, legs, await world.signedPrices()] as const;
        const data = encodeFunctionData({ abi: iLiquidationAbi, functionName: 'bidAndWithdraw', args });
        return owner.user.must(hub, hub.liquidation, data);
      });
      const told = await over(account);
      await healthy(account);
      expect(told.bids[0]?.share).toBeLessThan(CASH);
      const { routes } = await auctions.record(told.id);
      expect(routes).toEqual([{ bidder, firstClaim: expect.any(BigInt), legs: legs.length }]);
      const first = routes[0]?.firstClaim ?? 0n;
      await world.claims.reached([first, first + 1n], 'paid');
      expect([await heldBy(a, 'WETH', forWeth), await heldBy(hub, 'USDC', forCash)]).toEqual([weth, whole(hub, 'USDC', 1_000n)]);
    });
  });

  describe('when a liquidator is told where to pay out what its bids win', () => {
    /** The first auction of the account that was bid on with a payout, and its claims, once all are paid. */
    async function paidOut(account: AccountId): Promise<readonly bigint[]> {
      const told = await over(account);
      await healthy(account);
      expect(told.bids.length).toBeGreaterThan(0);
      const { routes } = await auctions.record(told.id);
      expect(routes).toHaveLength(told.bids.length);
      const claims = routes.flatMap(({ firstClaim, legs }) => Array.from({ length: legs }, (_, i) => firstClaim + BigInt(i)));
      await world.claims.reached(claims, 'paid');
      return claims;
    }

    it('is paid on two chains in the parts it named, by the bid itself, and keeps what it had', async () => {
      await scene.priced(60_000);
      const receiver = freshAddress(11);
      const terms = await scene.bidding(KEY_A, BIDDER_A, { route: `${hub.eid}:0.25,${b.eid}:0.75`, receiver, least: '1' });
      const [account] = await Promise.all([scene.leveraged(10), liquidating('liquidator-p1', terms)]);
      await scene.priced(55_500);
      expect(await paidOut(account)).toHaveLength(2);
      const [onHub, away] = await Promise.all([heldBy(hub, 'USDC', receiver), heldBy(b, 'USDC', receiver)]);
      expect(onHub).toBeGreaterThan(whole(hub, 'USDC', 1n));
      // In units of either token; both have as many decimals.
      expect(away - 3n * onHub).toBeLessThan(4n);
      expect(3n * onHub - away).toBeLessThan(4n);
      // What its bid gained at the mark, and nothing of the 200,000 it had.
      expect(onHub + away).toBeLessThan(whole(hub, 'USDC', 200n));
    });

    it('without a database, is paid where there is liquidity', async () => {
      await scene.priced(60_000);
      const receiver = freshAddress(12);
      const terms = await scene.bidding(KEY_C, BIDDER_B, { route: 'best', receiver, least: '1' });
      const lone = await world.loneLiquidator('liquidator-p2', terms);
      running.push(lone);
      const account = await scene.leveraged(11);
      await eventually('the lone liquidator to look', async () => (lone.logTail(1).includes('"look"') ? true : undefined));
      await scene.priced(55_500);
      // One chain has enough, and more cost more.
      expect(await paidOut(account)).toHaveLength(1);
      const held = await Promise.all([hub, a, b].map((chain) => heldBy(chain, 'USDC', receiver)));
      expect(held.filter((amount) => amount > 0n)).toHaveLength(1);
    });
  });

  describe('when the liquidator is killed after it started an auction, and its owner tops the account up from a spoke', () => {
    it('is ended by another instance, and nothing is sold', async () => {
      await scene.priced(60_000);
      const [account, first] = await Promise.all([scene.leveraged(6), liquidating('liquidator-b1', { key: KEY_B }, 'sender.broadcast')]);
      await scene.priced(55_500);
      expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
      await auctions.reached(account, 'open', ({ ended }) => !ended);
      const topUp = await world.user(6).deposit({ chain: a, asset: 'USDC', amount: whole(a, 'USDC', 2_000n) });
      await Promise.all([world.flow.ended([topUp]), liquidating('liquidator-b2', { key: KEY_B })]);
      const told = await over(account);
      await healthy(account);
      expect(told.bids).toEqual([]);
      expect(await holdings(account)).toEqual([BTC, BTC / 2n, CASH, CASH]);
    });
  });

  describe('when the liquidator is killed with a bid that it signed', () => {
    it('is taken once, by another instance with the same key', async () => {
      await scene.priced(60_000);
      const bidder = world.user(BIDDER_A).account();
      const before = await holdings(bidder);
      const terms = await scene.bidding(KEY_A, BIDDER_A);
      const [account, first] = await Promise.all([scene.leveraged(7), liquidating('liquidator-a2', terms, 'sender.signed:2')]);
      await scene.priced(55_500);
      expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
      await liquidating('liquidator-a3', terms);
      const told = await over(account);
      await healthy(account);
      expect(told.bids).toHaveLength(1);
      await expectConserved(
        account,
        [bidder],
        [BTC, BTC / 2n, CASH, CASH].map((whole, i) => whole + (before[i] ?? 0n)),
      );
    });
  });

  describe('when two liquidators race for the same account', () => {
    it('sells nothing twice, and costs the slower one a refused transaction per step at most', async () => {
      await scene.priced(60_000);
      const bidders = [BIDDER_A, BIDDER_B].map((index) => world.user(index).account());
      const before = await Promise.all(bidders.map(holdings));
      const rivals = [await scene.bidding(KEY_A, BIDDER_A), await scene.bidding(KEY_C, BIDDER_B)] as const;
      const lone = await world.loneLiquidator('liquidator-c', rivals[1]);
      running.push(lone);
      const [account] = await Promise.all([scene.leveraged(8), liquidating('liquidator-a4', rivals[0])]);
      await eventually('the lone liquidator to look', async () => (lone.logTail(1).includes('"look"') ? true : undefined));
      const block = await hub.client.getBlockNumber();
      await scene.priced(55_500);
      const told = await over(account);
      await healthy(account);
      const start = [BTC, BTC / 2n, CASH, CASH].map((whole, i) => before.reduce((sum, one) => sum + (one[i] ?? 0n), whole));
      await expectConserved(account, bidders, start);
      const spent = await Promise.all(rivals.map(({ key }) => transactionsOf(key, block)));
      const steps = 2 + told.bids.length;
      expect(spent.flat().filter(({ success }) => success)).toHaveLength(1 + told.bids.length);
      for (const sent of spent) expect(sent.filter(({ success }) => !success).length).toBeLessThanOrEqual(steps);
      for (const { success, gas } of spent.flat()) if (!success) expect(gas).toBeLessThan(1_000_000n);
    });
  });

  describe('when the market gaps and an account owes more than it has', () => {
    it('is paid for by the fund, and the rest by those who won', async () => {
      await scene.priced(60_000);
      const terms = await scene.bidding(KEY_A, BIDDER_A);
      const size = (BTC * 145n) / 100n;
      const [account] = await Promise.all([scene.leveraged(9, { size }), liquidating('liquidator-a5', terms)]);
      await fundUpTo(FUND);
      await scene.priced(54_600);
      await auctions.reached(account, 'open', ({ ended }) => !ended);
      // What a bidder is paid grows for an hour.
      await scene.later(180);
      const told = await over(account);
      expect([await scene.cashOf(account), await scene.sizeOf(account, PERPETUAL)]).toEqual([0n, 0n]);
      const payouts = (await Promise.all(told.bids.map(({ transaction }) => paidIn(transaction)))).flat();
      const [fund, deficit] = [sumOf(payouts.map((paid) => paid.fund)), sumOf(payouts.map((paid) => paid.deficit))];
      // All that losses of this market may take, and no more: what is left is the other's.
      const tranche = await trancheOfBtc();
      expect(fund).toBeGreaterThanOrEqual((FUND * tranche) / CASH);
      expect((await fundAssets()) * tranche).toBeGreaterThanOrEqual(fund * (CASH - tranche));
      expect(deficit).toBeGreaterThan(0n);
      expect(new Set(payouts.map(({ market }) => market))).toEqual(new Set([UNDERLYINGS.BTC]));
      expect(await braked()).toBe(true);
      await toldLosses([UNDERLYINGS.BTC]);
      const paid = await levied();
      // A deficit bears interest for the minutes until it is paid.
      expect(paid).toBeGreaterThanOrEqual(deficit);
      expect(paid - deficit).toBeLessThan(CASH / 100n);
      await eventually('cash to be free to leave', async () => ((await braked()) ? undefined : true));
      await toldLosses([]);
    });
  });

  describe('when everything has settled', () => {
    it('leaves books that add up, on the chains and in the journal', async () => {
      await scene.priced(60_000);
      await world.flow.settled();
      await world.assertInvariants();
    });
  });

  const assetOf = (chain: StackChain, symbol: string): number => chain.assets.find((asset) => asset.symbol === symbol)?.index ?? 0;
  const sumOf = (amounts: readonly bigint[]): bigint => amounts.reduce((sum, amount) => sum + amount, 0n);
  const braked = (): Promise<boolean> => hub.client.readContract({ address: hub.ledger, abi: iLedgerAbi, functionName: 'isBraked' });

  /** Waits until the API says which markets owe what nobody has covered: cash may leave where none does. */
  const toldLosses = (markets: readonly number[]): Promise<true> =>
    eventually('the API to tell of losses', async (note) => {
      const { losses } = await world.relayer.api.get('/liquidations/now', LOSSES);
      note(losses);
      if (losses === null || losses.braked !== markets.length > 0) return undefined;
      return losses.deficits.map(({ market }) => market).join() === markets.join() ? true : undefined;
    });
  /** Has a bidder stake what the fund lacks of an amount. */
  async function fundUpTo(amount: bigint): Promise<void> {
    const missing = amount - (await fundAssets());
    if (missing <= 0n) return;
    const staker = world.user(BIDDER_B);
    const args = [staker.account(), missing, NO_PRICES] as const;
    await staker.must(hub, hub.fund, encodeFunctionData({ abi: iFundAbi, functionName: 'stake', args }));
  }
  const trancheOfBtc = (): Promise<bigint> =>
    hub.client.readContract({ address: hub.fund, abi: iFundAbi, functionName: 'trancheOf', args: [UNDERLYINGS.BTC] });
  const fundAssets = (): Promise<bigint> => hub.client.readContract({ address: hub.fund, abi: iFundAbi, functionName: 'assets' });

  /** Who paid in a transaction that took a bid on an insolvent account. */
  async function paidIn(hash: `0x${string}`) {
    const { logs } = await hub.client.getTransactionReceipt({ hash });
    return parseEventLogs({ abi: iLiquidationAbi, eventName: 'InsolventPaid', logs }).map(({ args }) => args);
  }

  /** Waits for the levy that the liquidator opens, through its window. @returns what the maker paid */
  async function levied(): Promise<bigint> {
    const args = { account: world.user(MAKER).account() };
    const levies = { address: hub.levy, abi: iLevyAbi, args, fromBlock: hub.deployedAt, strict: true } as const;
    await eventually('the maker to be registered', async (note) => {
      const registered = await hub.client.getContractEvents({ ...levies, eventName: 'Registered' });
      note(registered.map((event) => event.args));
      return registered.some((event) => event.args.registered > 0n) ? true : undefined;
    });
    await scene.later(LEVY_WINDOW);
    return eventually('the maker to have paid', async (note) => {
      const paid = await hub.client.getContractEvents({ ...levies, eventName: 'LevyPaid' });
      note(paid.map((event) => event.args));
      return paid.length > 0 ? sumOf(paid.map((event) => event.args.levy - event.args.fund)) : undefined;
    });
  }

  /** What a key sent to the auctions since a block. */
  async function transactionsOf({ account: { address } }: KeyedAccount, since: bigint) {
    const last = await hub.client.getBlockNumber({ cacheTime: 0 });
    const blocks = await Promise.all(
      Array.from({ length: Number(last - since) }, (_, i) =>
        hub.client.getBlock({ blockNumber: since + BigInt(i + 1), includeTransactions: true }),
      ),
    );
    const own = blocks.flatMap(({ transactions }) => transactions).filter(({ from }) => from.toLowerCase() === address.toLowerCase());
    const receipts = await Promise.all(own.map(({ hash }) => hub.client.getTransactionReceipt({ hash })));
    return receipts.map(({ status, gasUsed: gas }) => ({ success: status === 'success', gas }));
  }
});
