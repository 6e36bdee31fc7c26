import { risk, type AccountId } from '@lockstep/shared';
import { decodeFunctionResult, encodeDeployData, encodeFunctionData, zeroAddress, type Abi, type Address, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import {
  accessManagerAbi,
  collateralRulesAbi,
  crossEngineAbi,
  delegatesAbi,
  feedsAbi,
  isolatedEngineAbi,
  ledgerAbi,
  marginAbi,
  marketsAbi,
  portfolioEngineAbi,
  sheetsAbi,
} from '../../ts/generated/abi.js';
import { bytecode } from '../../ts/generated/bytecode.js';
import { TestChain } from '../chain.js';
import { BANDS, INTEREST_BOUNDS, type MarketView, RULES, SETTLEMENT, SLICES, UNDERLYINGS } from './engines-mirror.js';

const HOUR = 3_600n;
const HUB = 40_001;
const SIGNED = 1;
const OPEN = 1;
const CAP = 2n ** 100n;
const SIGNER = privateKeyToAccount(`0x${'5e'.repeat(32)}`);
const MODES = { cross: 0, isolated: 1, portfolio: 2 } as const;
type Mode = keyof typeof MODES;
type Name =
  | 'Ledger'
  | 'Feeds'
  | 'Markets'
  | 'Delegates'
  | 'Margin'
  | 'CollateralRules'
  | 'Sheets'
  | 'CrossEngine'
  | 'IsolatedEngine'
  | 'PortfolioEngine';

/** The hub's engines over real feeds, rules, listing and sheets, on a chain inside this process; and what they were told. */
export class EnginesWorld {
  view: MarketView = {
    ...{ now: 0n, told: 0n, settlement: 0n },
    ...{ prices: new Map(), averages: new Map(), strikes: new Map(), ramps: new Map(), openInterest: new Map() },
  };
  #now = 0n;

  private constructor(
    readonly chain: TestChain,
    readonly at: Readonly<Record<Name, Address>>,
  ) {}

  static async start(): Promise<EnginesWorld> {
    const chain = await TestChain.start([marginAbi, marketsAbi, ledgerAbi, feedsAbi, portfolioEngineAbi, crossEngineAbi]);
    const deploy = (name: keyof typeof bytecode, abi: Abi, ...args: unknown[]): Promise<Address> =>
      chain.deploy(encodeDeployData({ abi, bytecode: bytecode[name].creation, args }));
    const manager = await deploy('AccessManager', accessManagerAbi, chain.from);
    const Ledger = await deploy('Ledger', ledgerAbi, manager, HUB);
    const Feeds = await deploy('Feeds', feedsAbi, manager, [SIGNER.address], 1, 1);
    const Markets = await deploy('Markets', marketsAbi, manager, Ledger, Feeds);
    const Delegates = await deploy('Delegates', delegatesAbi, manager, zeroAddress, HUB);
    const Margin = await deploy('Margin', marginAbi, manager, Markets, Feeds, Delegates);
    const CollateralRules = await deploy('CollateralRules', collateralRulesAbi, manager, Feeds);
    const normalTable = await chain.deploy(bytecode.NormalTable.creation);
    const Sheets = await deploy('Sheets', sheetsAbi, Feeds, Markets, normalTable);
    const links = { feeds: Feeds, collateralRules: CollateralRules, listing: Markets, normalTable };
    const CrossEngine = await deploy('CrossEngine', crossEngineAbi, manager, links, RULES.perpetual, RULES.option);
    const IsolatedEngine = await deploy('IsolatedEngine', isolatedEngineAbi, manager, links, RULES.perpetual, RULES.option);
    const portfolioLinks = { feeds: Feeds, collateralRules: CollateralRules, sheets: Sheets };
    const PortfolioEngine = await deploy('PortfolioEngine', portfolioEngineAbi, manager, portfolioLinks, SETTLEMENT);
    const engines = { CrossEngine, IsolatedEngine, PortfolioEngine };
    const world = new EnginesWorld(chain, { Ledger, Feeds, Markets, Delegates, Margin, CollateralRules, Sheets, ...engines });
    await world.#setUp(manager);
    return world;
  }

  async #setUp(manager: Address): Promise<void> {
    const { at, chain } = this;
    // A quarter of an hour before the first expiry: half of its average has been seen.
    this.#now = ((await chain.now()) / HOUR + 2n) * HOUR - HOUR / 4n;
    await this.act(manager, encodeFunctionData({ abi: accessManagerAbi, functionName: 'grantRole', args: [0n, at.Markets, 0] }));
    for (const module of [at.Markets, chain.from])
      await this.act(at.Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [module, true] }));
    for (const module of [at.Margin, chain.from])
      await this.act(at.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setModule', args: [module, true] }));
    for (const [mode, engine] of [at.CrossEngine, at.IsolatedEngine, at.PortfolioEngine].entries())
      await this.act(at.Margin, encodeFunctionData({ abi: marginAbi, functionName: 'setEngine', args: [mode, engine] }));
    await this.#list();
    await this.#rules();
  }

  async #list(): Promise<void> {
    const { at } = this;
    const perpetual = { openCap: CAP, fundingCap: 0, fundingBase: 0 };
    const priced = { abi: feedsAbi, functionName: 'setUnderlying', args: [SETTLEMENT, SIGNED, zeroAddress, BANDS] } as const;
    await this.act(at.Feeds, encodeFunctionData(priced));
    const strikes = new Map<number, Map<number, { strike: bigint; expiry: bigint }>>();
    for (const { number, strikes: wanted, group } of UNDERLYINGS) {
      const set = { abi: feedsAbi, functionName: 'setUnderlying', args: [number, SIGNED, zeroAddress, BANDS] } as const;
      await this.act(at.Feeds, encodeFunctionData(set));
      const terms = [number, OPEN, perpetual, { openCap: 2 ** 39 }] as const;
      await this.act(at.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setUnderlying', args: terms }));
      const grouped = [number, group.id, group.correlation] as const;
      await this.act(at.PortfolioEngine, encodeFunctionData({ abi: portfolioEngineAbi, functionName: 'setGroup', args: grouped }));
      for (const engine of [at.CrossEngine, at.IsolatedEngine]) {
        const bounds = [number, INTEREST_BOUNDS.lower, INTEREST_BOUNDS.upper] as const;
        await this.act(engine, encodeFunctionData({ abi: crossEngineAbi, functionName: 'setOpenInterestBounds', args: bounds }));
      }
      const places = new Map<number, { strike: bigint; expiry: bigint }>();
      for (const days of SLICES.map((slice) => slice.days)) {
        const expiry = (this.#now / HOUR + 1n + 24n * days) * HOUR;
        const data = encodeFunctionData({ abi: marketsAbi, functionName: 'list', args: [number, Number(expiry), wanted] });
        const listed = decodeFunctionResult({ abi: marketsAbi, functionName: 'list', data: await this.act(at.Markets, data) });
        listed.forEach((place, i) => void places.set(place, { strike: wanted[i] ?? 0n, expiry }));
      }
      strikes.set(number, places);
    }
    this.view = { ...this.view, strikes };
  }

  async #rules(): Promise<void> {
    const { at } = this;
    const tell = (data: Hex): Promise<Hex> => this.act(at.CollateralRules, data);
    for (const [number, tiers] of RULES.classes.entries())
      await tell(encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setClass', args: [number, tiers] }));
    for (const { eid, rates } of RULES.chains)
      await tell(encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setChainRates', args: [eid, rates] }));
    for (const [i, rates] of RULES.states.entries())
      await tell(encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setStateRates', args: [i + 1, rates] }));
    for (const [i, { eid, decimals, underlying, class: number }] of RULES.assets.entries()) {
      const config = { standing: 1, decimals, cap: CAP, inflowCapacity: CAP, inflowPerSecond: 2n ** 80n };
      await this.act(at.Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'configureAsset', args: [eid, i + 1, config] }));
      const rule = { underlying, decimals, class: number, eid };
      await tell(encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setAssetRule', args: [i + 1, rule] }));
    }
    for (const { eid, state, rampSeconds } of RULES.worsened) {
      await tell(encodeFunctionData({ abi: collateralRulesAbi, functionName: 'worsenChain', args: [eid, state, rampSeconds] }));
      this.view = { ...this.view, ramps: new Map([...this.view.ramps, [eid, { since: this.#now, seconds: BigInt(rampSeconds) }]]) };
    }
  }

  /** A call in a block of its own, a second after the one before. @throws Error if it reverts */
  async act(to: Address, data: Hex): Promise<Hex> {
    const outcome = await this.try(to, data);
    if (outcome.kind === 'reverted') throw new Error(`a call of the test reverted: ${outcome.error}`);
    return outcome.data;
  }

  async try(to: Address, data: Hex) {
    const outcome = await this.chain.act(this.#now + 1n, to, data);
    if (outcome.kind === 'done') this.#now += 1n;
    this.view = { ...this.view, now: this.#now };
    return outcome;
  }

  wait(seconds: bigint): void {
    this.#now += seconds;
  }

  /** Signs and submits everything of both underlyings; averages of expiries whose last half hour runs or is over; what settlement cash is worth. */
  async tell(prices: MarketView['prices'], averages: MarketView['averages'], settlement: bigint): Promise<void> {
    const time = this.#now + 1n;
    const cash = { feed: risk.feedId({ underlying: SETTLEMENT, kind: 'spot', expiry: 0n }), value: settlement, spread: 0 };
    const positions = UNDERLYINGS.flatMap(({ number }) => {
      const own = prices.get(number);
      if (own === undefined) throw new Error(`no prices of underlying ${number}`);
      const report = (kind: risk.FeedKind, value: bigint, expiry = 0n, spread = 0) => ({
        feed: risk.feedId({ underlying: number, kind, expiry }),
        value,
        spread,
      });
      const live = [...own.expiries].filter(([expiry]) => expiry > time);
      return [
        report('spot', own.spot, 0n, own.spread),
        report('mark', own.mark),
        ...live.map(([expiry, { forward }]) => report('forward', forward, expiry)),
        ...live.map(([expiry, { slice }]) => report('surface', risk.packSlice(slice), expiry)),
        ...[...(averages.get(number) ?? [])].map(([expiry, { value }]) => report('settlement', value, expiry)),
      ];
    });
    const reports = [...positions, cash];
    const domain = risk.feedsDomain(31_337, this.at.Feeds);
    const message = { time: Number(time), reports };
    const signature = await SIGNER.signTypedData({ domain, types: risk.FEED_TYPES, primaryType: 'Snapshot', message });
    const args = [Number(time), reports, signature] as const;
    await this.act(this.at.Feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'submit', args }));
    this.view = { ...this.view, told: time, prices, averages, settlement };
  }

  /** Reads what is open of each perpetual. */
  async count(): Promise<void> {
    const open = await Promise.all(
      UNDERLYINGS.map(async ({ number }) => {
        const call = { abi: marketsAbi, functionName: 'openInterestOf', args: [number] } as const;
        const data = await this.chain.read(this.at.Markets, encodeFunctionData(call));
        const [perpetuals] = decodeFunctionResult({ abi: marketsAbi, functionName: 'openInterestOf', data });
        return [number, perpetuals] as const;
      }),
    );
    this.view = { ...this.view, openInterest: new Map(open) };
  }

  /** Builds the sheets of the epoch that runs. */
  async publish(): Promise<void> {
    for (const { number } of UNDERLYINGS)
      await this.act(this.at.Sheets, encodeFunctionData({ abi: sheetsAbi, functionName: 'publish', args: [number, 0] }));
  }

  async riskOf(mode: Mode, words: readonly bigint[], withoutSheet = false) {
    const { CrossEngine, IsolatedEngine, PortfolioEngine } = this.at;
    const engine = { cross: CrossEngine, isolated: IsolatedEngine, portfolio: PortfolioEngine }[mode];
    const functionName = withoutSheet ? 'riskWithoutSheet' : 'riskOf';
    const answer = await this.chain.read(engine, encodeFunctionData({ abi: portfolioEngineAbi, functionName, args: [words] }));
    return decodeFunctionResult({ abi: portfolioEngineAbi, functionName, data: answer });
  }

  // ---- accounts

  async fund(account: AccountId, cash: bigint, collateral: readonly (readonly [assetId: number, amount: bigint])[]): Promise<void> {
    const { Ledger } = this.at;
    await this.act(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'changeCash', args: [account, cash] }));
    for (const [assetId, amount] of collateral) {
      const eid = RULES.assets[assetId - 1]?.eid ?? 0;
      const args = [eid, assetId, account, amount, 0n] as const;
      await this.act(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'correct', args }));
      await this.act(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'enableCollateral', args: [account, assetId] }));
    }
  }

  trade(buyer: AccountId, seller: AccountId, instrument: bigint, size: bigint, price: bigint): Promise<Hex> {
    const args = [buyer, seller, instrument, size, price] as const;
    return this.act(this.at.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
  }

  async holdingsOf(account: AccountId): Promise<readonly bigint[]> {
    const call = { abi: marketsAbi, functionName: 'holdingsOf', args: [account] } as const;
    const data = await this.chain.read(this.at.Markets, encodeFunctionData(call));
    return decodeFunctionResult({ abi: marketsAbi, functionName: 'holdingsOf', data });
  }

  async marginOf(account: AccountId) {
    const data = await this.chain.read(this.at.Margin, encodeFunctionData({ abi: marginAbi, functionName: 'riskOf', args: [account] }));
    return decodeFunctionResult({ abi: marginAbi, functionName: 'riskOf', data });
  }

  /** @returns `done`, or the name of the error */
  async setMode(account: AccountId, mode: Mode): Promise<string> {
    return said(
      await this.try(this.at.Margin, encodeFunctionData({ abi: marginAbi, functionName: 'setMode', args: [account, MODES[mode], '0x'] })),
    );
  }
  async setProfile(account: AccountId, factor: number, leverage: number): Promise<string> {
    const args = [account, factor, leverage, '0x'] as const;
    return said(await this.try(this.at.Margin, encodeFunctionData({ abi: marginAbi, functionName: 'setProfile', args })));
  }
  /** What value that leaves the account would be told now. */
  async leaving(account: AccountId, since: bigint): Promise<string> {
    const args = [account, '0x', Number(since)] as const;
    return said(await this.chain.tryCall(this.at.Margin, encodeFunctionData({ abi: marginAbi, functionName: 'requireInitial', args })));
  }
}

const said = (outcome: Awaited<ReturnType<TestChain['tryCall']>>): string => (outcome.kind === 'done' ? 'done' : outcome.error);
