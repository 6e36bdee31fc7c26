import { iLedgerAbi, iMarketsAbi } from '@lockstep/contracts';
import { exchange, type AccountId } from '@lockstep/shared';
import { LIQUIDATORS, type KeyedAccount } from '../harness/accounts.js';
import { AuctionsView } from '../harness/auctions.js';
import { flat, isListed, markOf, option, perpetual, tradedExpiry } from '../harness/markets.js';
import type { LiquidatorTerms } from '../harness/relayer.js';
import { assetNamed, type HubChain, type StackChain } from '../harness/stack.js';
import { CASH, whole } from '../harness/tokens.js';
import { Trader } from '../harness/trader.js';
import { eventually } from '../harness/wait.js';
import { Permission } from '../harness/withdrawer.js';
import { World } from '../harness/world.js';

const BTC = 10n ** 18n;
const PERPETUAL = perpetual('BTC');

describe('given leveraged accounts with collateral on two chains, a market maker, and a liquidator', () => {
  let world: World;
  let hub: HubChain;
  let a: StackChain;
  let b: StackChain;
  let maker: Trader;
  let call: exchange.InstrumentId;
  let auctions: AuctionsView;

  beforeAll(async () => {
    world = await World.start({
      spokes: 2,
      // Age is counted on two clocks once the hub's has been moved ahead.
      batching: { maxCount: 1, maxAgeSeconds: 1, minCount: 1 },
      prices: { BTC: flat(60_000), ETH: flat(3_000) },
    });
    ({ hub } = world.stack);
    [, a, b] = world.stack.chains as [StackChain, StackChain, StackChain];
    auctions = new AuctionsView(hub);
    maker = new Trader(hub, world.relayer.api, world.user(1));
    call = option('call', 'BTC', tradedExpiry(Date.now() / 1_000), 60_000n);
    const funds = [1, 2, 3].map((index) => world.user(index).deposit({ chain: b, asset: 'USDC', amount: whole(b, 'USDC', 200_000n) }));
    await world.flow.ended(await Promise.all(funds));
    await eventually('the call to be listed', async () => ((await isListed(hub, call)) ? true : undefined));
    await priced(60_000);
  });
  afterAll(() => world.stop());

  /** Moves the market, and waits until the hub knows. */
  async function priced(price: number): Promise<void> {
    world.prices.set('BTC', flat(price));
    await eventually(`the hub to know BTC at ${price}`, async () =>
      (await markOf(hub, 'BTC')) === BigInt(price) * CASH ? true : undefined,
    );
  }

  /** Somebody who brought collateral to two chains, and holds a bitcoin and a call on half of one at the price of now. */
  async function leveraged(index: number): Promise<AccountId> {
    const user = world.user(index);
    const trader = new Trader(hub, world.relayer.api, user);
    const made = await Promise.all([
      user.deposit({ chain: a, asset: 'WETH', amount: whole(a, 'WETH', 1n) }),
      user.depositMany([
        { chain: b, asset: 'ETH', amount: whole(b, 'ETH', 1n) },
        { chain: b, asset: 'USDC', amount: whole(b, 'USDC', 500n) },
      ]),
    ]);
    await world.flow.ended(made.flat());
    const price = await markOf(hub, 'BTC');
    await maker.place({ instrument: PERPETUAL, side: 'sell', size: BTC, limit: price });
    await maker.place({ instrument: call, side: 'sell', size: BTC / 2n, limit: 200n * CASH });
    await trader.place({ instrument: PERPETUAL, side: 'buy', size: BTC, limit: price });
    await trader.place({ instrument: call, side: 'buy', size: BTC / 2n, limit: 200n * CASH });
    await trader.settled(2);
    return trader.account;
  }

  /** A liquidator's key, and that of whose account it bids with: it may trade for it, nothing else. */
  async function bidding(key: KeyedAccount, bidder: number, permissions: number = Permission.trade): Promise<LiquidatorTerms> {
    await world.withdrawer(bidder).setDelegate(hub, key.account.address, permissions);
    return { key, bid: { account: world.user(bidder).account(), budget: '100000' } };
  }

  const sizeOf = (account: AccountId, instrument: exchange.InstrumentId) =>
    hub.client.readContract({ address: hub.markets, abi: iMarketsAbi, functionName: 'sizeOf', args: [account, instrument] });
  const balanceOf = async (account: AccountId, chain: StackChain, symbol: string): Promise<bigint> => {
    const ledger = { address: hub.ledger, abi: iLedgerAbi } as const;
    const { index } = assetNamed(chain, symbol);
    const assetId = await hub.client.readContract({ ...ledger, functionName: 'assetIdOf', args: [chain.eid, index] });
    const [collateral, idle] = await hub.client.readContract({ ...ledger, functionName: 'balanceOf', args: [account, assetId] });
    return collateral + idle;
  };

  describe('when the price falls', () => {
    it('starts the auction, buys a part of all the account has on every chain, and leaves it healthy', async () => {
      const account = await leveraged(4);
      const liquidator = await world.liquidator('liquidator-a', await bidding(LIQUIDATORS[0]!, 2));
      await liquidator.start();
      const bidder = world.user(2).account();
      await priced(55_500);
      const told = await auctions.reached(account, 'over', ({ ended }) => ended);
      expect(told.bids.map((bid) => bid.bidder)).toEqual([bidder]);
      const { equity, maintenanceMargin } = await auctions.risk(account);
      expect(equity).toBeGreaterThan(maintenanceMargin);
      const share = told.bids[0]?.share ?? 0n;
      expect(await sizeOf(bidder, PERPETUAL)).toBe((BTC * share) / CASH);
      expect(await sizeOf(account, PERPETUAL)).toBe(BTC - (BTC * share) / CASH);
      expect(await sizeOf(bidder, call)).toBeGreaterThan(0n);
      expect(await balanceOf(bidder, a, 'WETH')).toBe(share);
      expect(await balanceOf(bidder, b, 'ETH')).toBe(share);
      const { touched } = await auctions.record(told.id);
      expect(touched.map(({ eid, amount }) => [eid, amount]).sort()).toEqual([
        [a.eid, share],
        [b.eid, share],
      ]);
      await liquidator.stop();
    });
  });

  describe('when everything has settled', () => {
    it('leaves books that add up, on the chains and in the journal', async () => {
      await world.flow.settled();
      await world.assertInvariants();
    });
  });
});
