import {
  collateralRulesAbi,
  accessManagerAbi,
  feedsAbi,
  fundAbi,
  handoverAbi,
  interestModelAbi,
  ledgerAbi,
  levyAbi,
  liquidationAbi,
  marginAbi,
  marketsAbi,
  priceTimesAbi,
  routesAbi,
  sheetsAbi,
} from '@lockstep/contracts';
import { eid, encodeAccount, exchange, risk, unixSeconds, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, zeroAddress, type Address, type Hex } from 'viem';
import type { HDAccount } from 'viem/accounts';
import { devAccount, type Anvil } from '../anvil.js';
import { BOUNDS, constructorOf, deployerOn, sent, START, startClock } from './margin-world.js';
import { deployMarketsHub, HUB, MODE, PERPETUAL_TERMS, SPOKE } from './markets-hub.js';

const WAD = 10n ** 18n;
const [OWNER, SIGNER] = [devAccount(0), devAccount(1)];
const [COLLATERAL, SETTLEMENT] = [1, 2] as const;
const UNDERLYINGS = [1, 2, 3] as const;
/** Of the settlement cash among the feeds. */
const CASH_FEED = 4;
const PRICES = [60_000n, 3_000n, 150n, 1n].map((price) => price * WAD);
/** Eleven pairs of underlying and expiry, 128 strikes: the most options an account may hold, none a pair of another. */
const SHAPES = [
  { expiries: 4, strikes: 12 },
  { expiries: 4, strikes: 12 },
  { expiries: 3, strikes: 11 },
] as const;
const MOST_OPTIONS = 128;
const BALANCES = 16;
const WEEK = 7 * 24 * 3_600;

/** His key owns the account. */
export interface Party {
  readonly key: HDAccount;
  readonly account: AccountId;
}

const expiriesOf = (at: number): number[] => Array.from({ length: SHAPES[at]?.expiries ?? 0 }, (_, i) => START + (i + 1) * WEEK);
/** Whole numbers around the forward: few digits. */
const strikesOf = (at: number): bigint[] =>
  Array.from({ length: SHAPES[at]?.strikes ?? 0 }, (_, i) => ((PRICES[at] ?? 0n) * BigInt(88 + 2 * i)) / 100n);
const perpetualOf = (underlying: number) => exchange.encodeInstrument({ kind: 'perpetual', underlying });

/** Every call that the largest account holds. */
const SERIES = UNDERLYINGS.flatMap((underlying, at) =>
  expiriesOf(at).flatMap((expiry) =>
    strikesOf(at).map((strike) =>
      exchange.encodeInstrument({ kind: 'call', underlying, expiry: unixSeconds(BigInt(expiry)), strike: exchange.price(strike) }),
    ),
  ),
).slice(0, MOST_OPTIONS);

/**
 * What an auction touches of the hub, on one chain, connected as it is deployed (deployments/src/plan); the deployer is a module and makes positions
 * and cash as a test needs them.
 */
export class LiquidationWorld {
  private constructor(
    private readonly anvil: Anvil,
    private readonly at: Readonly<
      Record<'ledger' | 'feeds' | 'rules' | 'markets' | 'sheets' | 'margin' | 'handover' | 'liquidation', Address>
    >,
  ) {}

  static async start(): Promise<LiquidationWorld> {
    const anvil = await startClock(31_005);
    const deploy = deployerOn(anvil);
    const hub = await deployMarketsHub(deploy, CASH_FEED);
    const { manager, ledger, delegates, feeds, rules, markets, sheets, cross, portfolio, margin } = hub;
    const fund = await deploy('Fund', constructorOf(fundAbi), [manager, ledger, delegates]);
    const handover = await deploy('Handover', constructorOf(handoverAbi), [manager, ledger, markets]);
    const priceTimes = await deploy('PriceTimes', constructorOf(priceTimesAbi), [feeds, markets, rules]);
    // Nothing measured here withdraws.
    const parts = { ledger, margin, fund, withdrawals: zeroAddress, handover, priceTimes };
    const liquidation = await deploy('Liquidation', constructorOf(liquidationAbi), [manager, parts]);
    const world = new LiquidationWorld(anvil, { ledger, feeds, rules, markets, sheets, margin, handover, liquidation });
    // What Markets may do to the feeds is a matter of roles, which other tests ask about.
    await world.#send(manager, encodeFunctionData({ abi: accessManagerAbi, functionName: 'grantRole', args: [0n, markets, 0] }));
    await world.#connect(fund, { cross, portfolio });
    await world.#levies(await deploy('Levy', constructorOf(levyAbi), [manager, ledger, margin, fund]), fund);
    const model = await deploy('InterestModel', constructorOf(interestModelAbi), [WAD / 50n, (8n * WAD) / 100n, (85n * WAD) / 100n, WAD]);
    await world.#send(ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'setInterestModel', args: [model] }));
    // Nobody asks the Messenger: every route stays open.
    const routes = await deploy('Routes', constructorOf(routesAbi), [manager, zeroAddress, liquidation]);
    await world.#send(routes, encodeFunctionData({ abi: routesAbi, functionName: 'setRoutes', args: [[SPOKE, SPOKE + 1, SPOKE + 2]] }));
    await world.#send(liquidation, encodeFunctionData({ abi: liquidationAbi, functionName: 'setRoutes', args: [routes] }));
    await world.#list();
    return world;
  }

  async stop(): Promise<void> {
    await this.anvil.stop();
  }

  async #connect(fund: Address, engines: Readonly<Record<keyof typeof MODE, Address>>): Promise<void> {
    const { ledger, markets, margin, handover, liquidation } = this.at;
    const module = (abi: typeof ledgerAbi | typeof marketsAbi, contract: Address) =>
      encodeFunctionData({ abi, functionName: 'setModule', args: [contract, true] });
    for (const contract of [OWNER.address, markets, fund, handover, liquidation]) await this.#send(ledger, module(ledgerAbi, contract));
    for (const contract of [OWNER.address, margin, handover]) await this.#send(markets, module(marketsAbi, contract));
    const auctioneer = encodeFunctionData({ abi: handoverAbi, functionName: 'setAuctioneer', args: [liquidation, true] });
    await this.#send(handover, auctioneer);
    await this.#send(fund, encodeFunctionData({ abi: fundAbi, functionName: 'setLiquidation', args: [liquidation] }));
    for (const mode of ['cross', 'portfolio'] as const) {
      const data = encodeFunctionData({ abi: marginAbi, functionName: 'setEngine', args: [MODE[mode], engines[mode]] });
      await this.#send(margin, data);
    }
  }

  /** Who is told of losses, and a fund that can pay small ones. */
  async #levies(levy: Address, fund: Address): Promise<void> {
    const { ledger, markets, margin, liquidation } = this.at;
    await this.#send(ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [levy, true] }));
    await this.#send(markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setModule', args: [levy, true] }));
    await this.#send(margin, encodeFunctionData({ abi: marginAbi, functionName: 'setLevy', args: [levy] }));
    await this.#send(levy, encodeFunctionData({ abi: levyAbi, functionName: 'setLiquidation', args: [liquidation] }));
    await this.#send(liquidation, encodeFunctionData({ abi: liquidationAbi, functionName: 'setDeficitSink', args: [levy] }));
    await this.#send(fund, encodeFunctionData({ abi: fundAbi, functionName: 'setLevy', args: [levy] }));
    await this.#cash(encodeAccount({ owner: fund, home: eid(HUB), subaccount: 0n }), 100_000n * WAD);
  }

  /** Feeds, assets with their haircuts, instruments. */
  async #list(): Promise<void> {
    const { ledger, feeds, rules, markets } = this.at;
    for (const [i] of PRICES.entries()) {
      const args = [i + 1, 1, zeroAddress, BOUNDS] as const;
      await this.#send(feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'setUnderlying', args }));
    }
    const classes = [{ from: 0n, maintenance: 5e7, initialExtra: 5e7 }];
    await this.#send(rules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setClass', args: [0, classes] }));
    const most = 2n ** 87n;
    for (let asset = 0; asset <= BALANCES; asset++) {
      const standing = asset === 0 ? SETTLEMENT : COLLATERAL;
      const config = { standing, decimals: asset === 0 ? 6 : 18, cap: most, inflowCapacity: most, inflowPerSecond: most };
      const args = [SPOKE + (asset % 3), asset, config] as const;
      await this.#send(ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'configureAsset', args }));
      if (asset === 0) continue;
      const rule = { underlying: 1 + (asset % 3), decimals: 18, class: 0, eid: SPOKE + (asset % 3) };
      await this.#send(rules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setAssetRule', args: [asset + 1, rule] }));
    }
    for (const [at, underlying] of UNDERLYINGS.entries()) {
      const args = [underlying, 1, PERPETUAL_TERMS, { openCap: 1_000_000_000 }] as const;
      await this.#send(markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setUnderlying', args }));
      for (const expiry of expiriesOf(at)) {
        const listed = [underlying, expiry, strikesOf(at)] as const;
        await this.#send(markets, encodeFunctionData({ abi: marketsAbi, functionName: 'list', args: listed }));
      }
    }
    await this.#price();
  }

  /** Signs and submits everything the engines read, now. */
  async #price(): Promise<void> {
    const slice = risk.packSlice({ vol: 60_000_000n, rho: -300_000_000n, phi: 1_000_000_000n });
    const values = PRICES.flatMap((price, i): { readonly feed: risk.FeedName; readonly value: bigint }[] => [
      { feed: { underlying: i + 1, kind: 'spot', expiry: 0n }, value: price },
      { feed: { underlying: i + 1, kind: 'mark', expiry: 0n }, value: price },
      ...expiriesOf(i).flatMap((expiry): { readonly feed: risk.FeedName; readonly value: bigint }[] => [
        { feed: { underlying: i + 1, kind: 'forward', expiry: BigInt(expiry) }, value: price },
        { feed: { underlying: i + 1, kind: 'surface', expiry: BigInt(expiry) }, value: slice },
      ]),
    ]);
    const reports = values
      .map(({ feed, value }) => ({ feed: risk.feedId(feed), value, spread: 1_000_000 }))
      .sort((a, b) => (a.feed < b.feed ? -1 : 1));
    const { timestamp } = await this.anvil.client('liquidation').rpc.getBlock();
    const message = { time: Number(timestamp), reports };
    const domain = risk.feedsDomain(this.anvil.chainId, this.at.feeds);
    const signature = await SIGNER.signTypedData({ domain, types: risk.FEED_TYPES, primaryType: 'Snapshot', message });
    const args = [message.time, reports, signature] as const;
    await this.#send(this.at.feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'submit', args }));
  }

  // ---- accounts

  async party(index: number, mode: keyof typeof MODE): Promise<Party> {
    const key = devAccount(index);
    const account = encodeAccount({ owner: key.address, home: 0, subaccount: 1n });
    await this.#cash(account, 100_000_000n * WAD);
    const data = encodeFunctionData({ abi: marginAbi, functionName: 'setMode', args: [account, MODE[mode], '0x'] });
    await sent(this.anvil, { to: this.at.margin, data }, key);
    return { key, account };
  }

  /** A perpetual of each underlying from one to the other. */
  async perpetuals(long: Party, short: Party, count: number): Promise<void> {
    for (const underlying of UNDERLYINGS.slice(0, count)) await this.#trade(long, short, perpetualOf(underlying), 10n * WAD);
  }

  /** The most options, written by one and held by the other in turns, and the most balances. */
  async largest(largest: Party, other: Party): Promise<void> {
    await this.perpetuals(largest, other, UNDERLYINGS.length);
    for (const [i, series] of SERIES.entries())
      await (i % 3 === 0 ? this.#trade(other, largest, series, WAD) : this.#trade(largest, other, series, WAD));
    await this.collateral(largest, BALANCES);
  }

  /** So many balances, each on another chain than the one before it. */
  async collateral({ account, key }: Party, count: number): Promise<void> {
    for (let asset = 1; asset <= count; asset++) {
      const correct = [SPOKE + (asset % 3), asset, account, 3_141_592_653_589_793_238n, 0n] as const;
      await this.#send(this.at.ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'correct', args: correct }));
      const data = encodeFunctionData({ abi: ledgerAbi, functionName: 'enableCollateral', args: [account, asset + 1] });
      await sent(this.anvil, { to: this.at.ledger, data }, key);
    }
  }

  /** Takes cash until equity is nine tenths of maintenance margin. */
  async impoverish({ account }: Party): Promise<void> {
    const { equity, maintenanceMargin } = await this.riskOf(account);
    await this.#cash(account, (maintenanceMargin * 9n) / 10n - equity);
  }

  /** Takes cash until so much of it is missing. */
  async ruin({ account }: Party, missing: bigint): Promise<void> {
    const { equity } = await this.riskOf(account);
    await this.#cash(account, -missing - equity);
  }

  async riskOf(account: AccountId) {
    return this.anvil
      .client('liquidation')
      .rpc.readContract({ address: this.at.margin, abi: marginAbi, functionName: 'riskOf', args: [account] });
  }

  /** Sheets of all options. */
  async publish(): Promise<void> {
    for (const underlying of UNDERLYINGS)
      await this.#send(this.at.sheets, encodeFunctionData({ abi: sheetsAbi, functionName: 'publish', args: [underlying, 0] }));
  }

  /** Does something and takes the chain back to where it was. */
  async asIfNothingHadHappened(act: () => Promise<void>): Promise<void> {
    const id = await this.anvil.control.snapshot();
    await act();
    await this.anvil.control.revert({ id });
  }

  // ---- auctions

  /** @returns gas of starting an auction */
  async begin({ account }: Party): Promise<bigint> {
    return this.#send(this.at.liquidation, encodeFunctionData({ abi: liquidationAbi, functionName: 'start', args: [account, '0x'] }));
  }

  /** @returns gas of a bid for a share */
  async bid({ account }: Party, bidder: Party, share: bigint): Promise<bigint> {
    const wanted = { account, bidder: bidder.account, share, priceLimit: 2n ** 200n };
    const data = encodeFunctionData({ abi: liquidationAbi, functionName: 'bid', args: [wanted, '0x'] });
    return (await sent(this.anvil, { to: this.at.liquidation, data }, bidder.key)).gasUsed;
  }

  // ---- inner

  async #trade(buyer: Party, seller: Party, instrument: exchange.InstrumentId, size: bigint): Promise<void> {
    const { kind, underlying } = exchange.decodeInstrument(instrument);
    const mark = PRICES[underlying - 1] ?? 0n;
    const args = [buyer.account, seller.account, BigInt(instrument), size, kind === 'perpetual' ? mark : mark / 60n] as const;
    await this.#send(this.at.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
  }

  async #cash(account: AccountId, change: bigint): Promise<void> {
    await this.#send(this.at.ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'changeCash', args: [account, change] }));
  }

  async #send(to: Address, data: Hex): Promise<bigint> {
    return (await sent(this.anvil, { to, data })).gasUsed;
  }
}
