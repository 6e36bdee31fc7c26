import { iLedgerAbi, iMarketsAbi } from '@lockstep/contracts';
import { exchange, type AccountId } from '@lockstep/shared';
import type { KeyedAccount } from './accounts.js';
import { AuctionsView } from './auctions.js';
import { flat, isListed, markOf, option, perpetual, tradedExpiry } from './markets.js';
import type { LiquidatorTerms, PayoutTerms } from './relayer.js';
import { assetNamed, type HubChain, type StackChain } from './stack.js';
import { CASH, whole } from './tokens.js';
import { Trader } from './trader.js';
import { eventually } from './wait.js';
import { Permission } from './withdrawer.js';
import { World } from './world.js';

export const BTC = 10n ** 18n;
export const PERPETUAL = perpetual('BTC');
/** Users of the scene: who sells to all, and two who bid. */
export const MAKER = 1;
export const BIDDERS = [2, 3] as const;

const FUNDS = 200_000n;
const STRIKE = 60_000n;
const PREMIUM = 200n * CASH;

/** What somebody borrows against. */
export interface Leverage {
  /** bitcoins bought; default: one */
  readonly size?: bigint;
  /** a call on half a bitcoin besides; default: yes */
  readonly call?: boolean;
}

/** A network with markets, a market maker and bidders who hold cash, and accounts that trade on collateral of two chains. */
export class LeverageScene {
  readonly auctions: AuctionsView;
  readonly maker: Trader;
  readonly call = option('call', 'BTC', tradedExpiry(Date.now() / 1_000), STRIKE);

  private constructor(
    readonly world: World,
    readonly hub: HubChain,
    readonly a: StackChain,
    readonly b: StackChain,
  ) {
    this.auctions = new AuctionsView(hub);
    this.maker = new Trader(hub, world.relayer.api, world.user(MAKER));
  }

  /** Starts the network with bitcoin at 60,000 and ether at 3,000. @param traders users who bring an ether to each spoke, and 500 USDC to one */
  static async start(traders: readonly number[]): Promise<LeverageScene> {
    const world = await World.start({
      spokes: 2,
      // By count: age is told by two clocks once the hub's has been moved ahead.
      batching: { maxCount: 1, maxAgeSeconds: 1, minCount: 1 },
      prices: { BTC: flat(60_000), ETH: flat(3_000) },
    });
    const { hub, chains } = world.stack;
    const [, a, b] = chains;
    if (!a || !b) throw new Error(`${chains.length} chains; expected the hub and two others`);
    const scene = new LeverageScene(world, hub, a, b);
    // The maker's cash is on the hub: there bidders are paid who brought theirs to a spoke.
    const funds = [MAKER, ...BIDDERS].map((index) => {
      const chain = index === MAKER ? hub : b;
      return { index, orders: [{ chain, asset: 'USDC', amount: whole(chain, 'USDC', FUNDS) }] };
    });
    const collateral = traders.map((index) => ({
      index,
      orders: [
        { chain: a, asset: 'WETH', amount: whole(a, 'WETH', 1n) },
        { chain: b, asset: 'ETH', amount: whole(b, 'ETH', 1n) },
        { chain: b, asset: 'USDC', amount: whole(b, 'USDC', 500n) },
      ],
    }));
    const made = await Promise.all([...funds, ...collateral].map(({ index, orders }) => world.user(index).depositMany(orders)));
    await world.flow.ended(made.flat());
    await eventually('the call to be listed', async () => ((await isListed(hub, scene.call)) ? true : undefined));
    await scene.known(60_000);
    return scene;
  }

  /** Moves the market, and waits until the hub knows. */
  async priced(price: number): Promise<void> {
    this.world.prices.set('BTC', flat(price));
    await this.known(price);
  }

  async known(price: number): Promise<void> {
    const wanted = BigInt(price) * CASH;
    await eventually(`the hub to know bitcoin at ${price}`, async () => ((await markOf(this.hub, 'BTC')) === wanted ? true : undefined));
  }

  /** Moves the hub's clock ahead; prices follow within a second or two. */
  async later(seconds: number): Promise<void> {
    await this.world.node(this.hub.name).miner.increaseTime(seconds);
  }

  /** User `index`, one of the traders, buys at the price of now. @returns his account */
  async leveraged(index: number, { size = BTC, call = true }: Leverage = {}): Promise<AccountId> {
    const { world, hub, maker } = this;
    const trader = new Trader(hub, world.relayer.api, world.user(index));
    const price = await markOf(hub, 'BTC');
    const wishes = [
      { instrument: PERPETUAL, size, limit: price },
      ...(call ? [{ instrument: this.call, size: BTC / 2n, limit: PREMIUM }] : []),
    ];
    for (const wish of wishes) {
      await maker.place({ ...wish, side: 'sell' });
      await trader.place({ ...wish, side: 'buy' });
    }
    await trader.settled(wishes.length);
    return trader.account;
  }

  /** Lets a liquidator's key bid with a user's account, and do nothing else with it but what a payout needs. */
  async bidding(key: KeyedAccount, bidder: number, payout?: PayoutTerms): Promise<LiquidatorTerms> {
    const { world, hub } = this;
    const owner = world.withdrawer(bidder);
    await owner.setDelegate(hub, key.account.address, payout === undefined ? Permission.trade : Permission.trade | Permission.withdraw);
    if (payout !== undefined) await owner.setDelegate(hub, hub.liquidation, Permission.withdraw);
    return { key, bid: { account: world.user(bidder).account(), budget: '100000', ...(payout === undefined ? {} : { payout }) } };
  }

  async sizeOf(account: AccountId, instrument: exchange.InstrumentId): Promise<bigint> {
    return this.hub.client.readContract({
      ...{ address: this.hub.markets, abi: iMarketsAbi, functionName: 'sizeOf', args: [account, instrument] },
    });
  }

  /** What the hub holds for an account of one chain's asset, base units. */
  async balanceOf(account: AccountId, chain: StackChain, symbol: string): Promise<bigint> {
    const ledger = { address: this.hub.ledger, abi: iLedgerAbi } as const;
    const { index } = assetNamed(chain, symbol);
    const assetId = await this.hub.client.readContract({ ...ledger, functionName: 'assetIdOf', args: [chain.eid, index] });
    const [collateral, idle] = await this.hub.client.readContract({ ...ledger, functionName: 'balanceOf', args: [account, assetId] });
    return collateral + idle;
  }

  async cashOf(account: AccountId): Promise<bigint> {
    return this.hub.client.readContract({ address: this.hub.ledger, abi: iLedgerAbi, functionName: 'cashOf', args: [account] });
  }
}
