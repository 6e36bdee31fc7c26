import { accessManagerAbi, exchangeAbi, feedsAbi, ledgerAbi, marginAbi, marketsAbi, sheetsAbi } from '@lockstep/contracts';
import { cash, chainId, encodeAccount, exchange, risk, unixSeconds, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, zeroAddress, type Address, type Hex } from 'viem';
import type { HDAccount } from 'viem/accounts';
import { devAccount, type Anvil } from '../anvil.js';
import { BOUNDS, constructorOf, deployerOn, sent, START, startClock } from './margin-world.js';
import { deployMarketsHub, MODE, PERPETUAL_TERMS, SPOKE } from './markets-hub.js';

const WAD = 10n ** 18n;
const USDC = 1;
const SETTLEMENT_STANDING = 2;
const [OWNER, SIGNER] = [devAccount(0), devAccount(1)];
export const UNDERLYING = 1;
/** Index of the settlement cash among the feeds. */
const SETTLEMENT = 2;
export const SPOT = 60_000n * WAD;
const PREMIUM = 1_000n * WAD;
export const EXPIRIES = Array.from({ length: 8 }, (_, i) => START + (i + 1) * 7 * 24 * 3_600);
export const STRIKES = [57_000n, 59_000n, 61_000n, 63_000n].map((strike) => strike * WAD);

/** A trader: his key owns the account. */
export interface Trader {
  readonly key: HDAccount;
  readonly account: AccountId;
}

/** One fill as a test says it. */
export interface Deal {
  readonly buyer: Trader;
  readonly seller: Trader;
  readonly instrument: exchange.InstrumentId;
  readonly size: bigint;
}

/** The whole hub of a trade on one chain: ledger, feeds, markets, engines, margin, exchange. */
export class TradeWorld {
  /** last nonce of each account: orders are numbered, as whoever minds their cost does */
  readonly #nonces = new Map<AccountId, bigint>();

  private constructor(
    private readonly anvil: Anvil,
    readonly ledger: Address,
    readonly feeds: Address,
    readonly markets: Address,
    readonly sheets: Address,
    readonly margin: Address,
    readonly exchange: Address,
  ) {}

  static async start(): Promise<TradeWorld> {
    const anvil = await startClock(31_004);
    const deploy = deployerOn(anvil);
    const hub = await deployMarketsHub(deploy, SETTLEMENT);
    const { manager, ledger, delegates, feeds, markets, sheets, cross, portfolio, margin } = hub;
    const at = await deploy('Exchange', constructorOf(exchangeAbi), [manager, ledger, markets, margin, delegates]);
    const world = new TradeWorld(anvil, ledger, feeds, markets, sheets, margin, at);
    // What Markets may do to the feeds is a matter of roles, which other tests ask about.
    await world.#send(manager, encodeFunctionData({ abi: accessManagerAbi, functionName: 'grantRole', args: [0n, markets, 0] }));
    await world.#configure({ cross, portfolio });
    return world;
  }

  async stop(): Promise<void> {
    await this.anvil.stop();
  }

  async #configure({ cross, portfolio }: { cross: Address; portfolio: Address }): Promise<void> {
    const most = 2n ** 87n;
    const config = { standing: SETTLEMENT_STANDING, decimals: 6, cap: most, inflowCapacity: most, inflowPerSecond: most };
    await this.#send(this.ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'configureAsset', args: [SPOKE, USDC, config] }));
    for (const module of [OWNER.address, this.markets, this.exchange])
      await this.#send(this.ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [module, true] }));
    for (const module of [this.exchange, this.margin])
      await this.#send(this.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setModule', args: [module, true] }));
    for (const [mode, engine] of [
      [MODE.cross, cross],
      [MODE.portfolio, portfolio],
    ] as const)
      await this.#send(this.margin, encodeFunctionData({ abi: marginAbi, functionName: 'setEngine', args: [mode, engine] }));
    const fund = encodeAccount({ owner: OWNER.address, home: 0, subaccount: 9n });
    const shares = [fund, 250_000_000] as const;
    await this.#send(this.exchange, encodeFunctionData({ abi: exchangeAbi, functionName: 'setFeeShares', args: shares }));
    for (const underlying of [UNDERLYING, SETTLEMENT]) {
      const args = [underlying, 1, zeroAddress, BOUNDS] as const;
      await this.#send(this.feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'setUnderlying', args }));
    }
    const terms = [UNDERLYING, 1, PERPETUAL_TERMS, { openCap: 1_000_000_000 }] as const;
    await this.#send(this.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setUnderlying', args: terms }));
    for (const expiry of EXPIRIES)
      await this.#send(this.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'list', args: [UNDERLYING, expiry, STRIKES] }));
    await this.price();
  }

  // ---- what happens

  /** Signs and submits everything the engines read, now. */
  async price(): Promise<void> {
    const slice = risk.packSlice({ vol: 60_000_000n, rho: -300_000_000n, phi: 1_000_000_000n });
    await this.#submit([
      ...[
        { underlying: UNDERLYING, price: SPOT },
        { underlying: SETTLEMENT, price: WAD },
      ].flatMap(({ underlying, price }) => [
        { feed: { underlying, kind: 'spot', expiry: 0n } as const, value: price },
        { feed: { underlying, kind: 'mark', expiry: 0n } as const, value: price },
      ]),
      ...EXPIRIES.flatMap((expiry) => [
        { feed: { underlying: UNDERLYING, kind: 'forward', expiry: BigInt(expiry) } as const, value: SPOT },
        { feed: { underlying: UNDERLYING, kind: 'surface', expiry: BigInt(expiry) } as const, value: slice },
      ]),
    ]);
  }

  /** Lets an expiry pass and submits its settlement price. */
  async expire(expiry: number): Promise<void> {
    await this.anvil.control.setNextBlockTimestamp({ timestamp: BigInt(expiry) });
    await this.anvil.control.mine({ blocks: 1 });
    await this.#submit([{ feed: { underlying: UNDERLYING, kind: 'settlement', expiry: BigInt(expiry) }, value: SPOT }]);
  }

  /** @returns gas of publishing the sheet of the first chunk */
  async publish(): Promise<bigint> {
    return this.#send(this.sheets, encodeFunctionData({ abi: sheetsAbi, functionName: 'publish', args: [UNDERLYING, 0] }));
  }

  /** A trader with cash, judged by portfolio margin or by the closed form. */
  async trader(index: number, mode: keyof typeof MODE): Promise<Trader> {
    const key = devAccount(index);
    const account = encodeAccount({ owner: key.address, home: 0, subaccount: 1n });
    const money = 100_000_000n * 10n ** 6n;
    await this.#send(this.ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'correct', args: [SPOKE, USDC, account, money, 0n] }));
    if (mode !== 'cross') {
      const data = encodeFunctionData({ abi: marginAbi, functionName: 'setMode', args: [account, MODE[mode], '0x'] });
      await sent(this.anvil, { to: this.margin, data }, key);
    }
    return { key, account };
  }

  /** Settles deals in one call, each at its instrument's price, with a fee on either side. @returns its gas */
  async settle(deals: readonly Deal[]): Promise<bigint> {
    const fills = await Promise.all(
      deals.map(async ({ buyer, seller, instrument, size }) => {
        const price = exchange.decodeInstrument(instrument).kind === 'perpetual' ? SPOT : PREMIUM;
        const [buy, sell] = [
          await this.#signed(buyer, 'buy', instrument, size, price),
          await this.#signed(seller, 'sell', instrument, size, price),
        ];
        return { buy, sell, size, price, buyFee: WAD / 3n, sellFee: WAD / 7n };
      }),
    );
    const matcher = encodeAccount({ owner: OWNER.address, home: 0, subaccount: 0n });
    return this.#send(this.exchange, encodeFunctionData({ abi: exchangeAbi, functionName: 'settle', args: [fills, matcher, '0x'] }));
  }

  /** @returns gas of bringing funding to now */
  async fund(): Promise<bigint> {
    return this.#send(this.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'fund', args: [UNDERLYING] }));
  }

  /** @returns gas of settling an account's expired options */
  async settleExpired({ account }: Trader): Promise<bigint> {
    const args = [account, UNDERLYING] as const;
    return this.#send(this.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'settleExpired', args }));
  }

  // ---- inner

  async #signed({ key, account }: Trader, side: exchange.Side, instrument: exchange.InstrumentId, size: bigint, limit: bigint) {
    const nonce = (this.#nonces.get(account) ?? 0n) + 1n;
    this.#nonces.set(account, nonce);
    const order: exchange.Order = {
      account,
      instrument,
      side,
      size: exchange.size(size),
      limit: exchange.price(limit),
      feeCap: cash(WAD),
      expiry: unixSeconds(BigInt(EXPIRIES[7] ?? 0)),
      nonce,
      reduceOnly: false,
    };
    const message = exchange.orderMessage(order);
    const domain = exchange.orderDomain(chainId(this.anvil.chainId), this.exchange);
    const signature = await key.signTypedData({ domain, types: exchange.ORDER_TYPES, primaryType: 'Order', message });
    return { order: message, signer: key.address, signature };
  }

  async #submit(values: readonly { readonly feed: risk.FeedName; readonly value: bigint }[]): Promise<void> {
    const reports = values
      .map(({ feed, value }) => ({ feed: risk.feedId(feed), value, spread: 1_000_000 }))
      .sort((a, b) => (a.feed < b.feed ? -1 : 1));
    const { timestamp } = await this.anvil.client('trade').rpc.getBlock();
    const message = { time: Number(timestamp), reports };
    const domain = risk.feedsDomain(this.anvil.chainId, this.feeds);
    const signature = await SIGNER.signTypedData({ domain, types: risk.FEED_TYPES, primaryType: 'Snapshot', message });
    await this.#send(this.feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'submit', args: [message.time, reports, signature] }));
  }

  async #send(to: Address, data: Hex): Promise<bigint> {
    return (await sent(this.anvil, { to, data })).gasUsed;
  }
}
