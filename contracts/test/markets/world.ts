import { encodeAccount, exchange, markets as model, risk, unixSeconds, type AccountId } from '@lockstep/shared';
import { concatHex, decodeFunctionResult, encodeDeployData, encodeFunctionData, zeroAddress, type Abi, type Address, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { accessManagerAbi, feedsAbi, iLedgerAbi, interestModelAbi, ledgerAbi, marketsAbi } from '../../ts/generated/abi.js';
import { bytecode } from '../../ts/generated/bytecode.js';
import { TestChain, type Outcome } from '../chain.js';

export const E18 = 10n ** 18n;
export const HOUR = 3600n;
const HUB = 40_001;
const SPOT_STALE = 600n;
const MODES = { cross: 0, isolated: 1, portfolio: 2 } as const;
const OPEN = 1;
export const UNDERLYINGS = [1, 2, 3, 4] as const;
const TERMS = { cap: 4_000_000n, base: 12_500n };
const CAPS = { perpetual: 120n * E18, option: 150_000n };
const CURVE = { base: 2n * 10n ** 16n, slope: 8n * 10n ** 16n, kink: 85n * 10n ** 16n, full: 9n * 10n ** 17n };
const STRIKES = [50_000n, 61_000n].map((strike) => exchange.price(strike * E18));

export const ACCOUNTS: readonly AccountId[] = [1n, 2n, 3n, 4n].map((subaccount) =>
  encodeAccount({ owner: '0x00000000000000000000000000000000000000aa', home: 0, subaccount }),
);

/** What the feeds were last told of an underlying. */
interface Told {
  readonly mark: bigint;
  readonly spot: bigint;
  readonly time: bigint;
}

/** The same hub twice: contracts on a chain inside this process, and the model. */
export class TwoHubs {
  state: model.MarketsState = { markets: new Map(), accounts: new Map() };
  cash: model.CashBook = model.NO_CASH;
  clearing = 0n;
  readonly series: exchange.InstrumentId[] = [];
  readonly #places = new Map<exchange.InstrumentId, number>();
  readonly #told = new Map<number, Told>();
  readonly #settlements = new Map<string, bigint>();
  /** time of the newest block: what a view sees */
  #mined = 0n;
  readonly #signer = privateKeyToAccount(`0x${'5e'.repeat(32)}`);

  private constructor(
    readonly chain: TestChain,
    readonly manager: Address,
    readonly ledger: Address,
    readonly feeds: Address,
    readonly markets: Address,
    public now: bigint,
  ) {}

  /**
   * @param expiries how many hours from now each underlying's options end, each a list
   * @param errors   ABIs of what else is called
   */
  static async start(expiries: Readonly<Record<number, readonly bigint[]>>, errors: readonly Abi[] = []): Promise<TwoHubs> {
    const chain = await TestChain.start([marketsAbi, ledgerAbi, feedsAbi, ...errors]);
    const manager = await chain.deploy(
      encodeDeployData({ abi: accessManagerAbi, bytecode: bytecode.AccessManager.creation, args: [chain.from] }),
    );
    const ledger = await chain.deploy(encodeDeployData({ abi: ledgerAbi, bytecode: bytecode.Ledger.creation, args: [manager, HUB] }));
    const signer = privateKeyToAccount(`0x${'5e'.repeat(32)}`).address;
    const feeds = await chain.deploy(
      encodeDeployData({ abi: feedsAbi, bytecode: bytecode.Feeds.creation, args: [manager, [signer], 1, 1] }),
    );
    const markets = await chain.deploy(
      encodeDeployData({ abi: marketsAbi, bytecode: bytecode.Markets.creation, args: [manager, ledger, feeds] }),
    );
    const hubs = new TwoHubs(chain, manager, ledger, feeds, markets, await chain.now());
    // What Markets may do to other contracts is a matter of roles, which deployments test.
    await hubs.#must(manager, encodeFunctionData({ abi: accessManagerAbi, functionName: 'grantRole', args: [0n, markets, 0] }));
    await hubs.#setUp(expiries);
    return hubs;
  }

  async #setUp(expiries: Readonly<Record<number, readonly bigint[]>>): Promise<void> {
    const { from } = this.chain;
    await this.#must(this.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'setModule', args: [this.markets, true] }));
    for (const [to, abi] of [
      [this.markets, marketsAbi],
      [this.ledger, iLedgerAbi],
    ] as const)
      await this.#must(to, encodeFunctionData({ abi, functionName: 'setModule', args: [from, true] }));
    const curve = [CURVE.base, CURVE.slope, CURVE.kink, CURVE.full] as const;
    const interest = await this.chain.deploy(
      encodeDeployData({ abi: interestModelAbi, bytecode: bytecode.InterestModel.creation, args: curve }),
    );
    this.now = await this.chain.now();
    await this.#must(this.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'setInterestModel', args: [interest] }));
    this.cash = model.sampleRate(this.cash, CURVE, this.now);
    const bounds = {
      spotFresh: 60,
      spotStale: Number(SPOT_STALE),
      forwardFresh: 60,
      forwardStale: 600,
      surfaceFresh: 60,
      surfaceStale: 600,
      sourceStale: 0,
      maxSpread: 20_000_000,
      markBand: 500,
      disagreement: 200,
    };
    for (const underlying of UNDERLYINGS)
      await this.#must(
        this.feeds,
        encodeFunctionData({ abi: feedsAbi, functionName: 'setUnderlying', args: [underlying, 1, zeroAddress, bounds] }),
      );
    for (const underlying of UNDERLYINGS) {
      const perpetual = { openCap: CAPS.perpetual, fundingCap: Number(TERMS.cap), fundingBase: Number(TERMS.base) };
      const args = [underlying, OPEN, perpetual, { openCap: Number(CAPS.option) }] as const;
      await this.#must(this.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setUnderlying', args }));
      const listed = (expiries[underlying] ?? []).map((hours) => unixSeconds((this.now / HOUR + hours) * HOUR));
      const since = this.now;
      const ids: exchange.InstrumentId[] = [];
      for (const expiry of listed) {
        const data = encodeFunctionData({ abi: marketsAbi, functionName: 'list', args: [underlying, Number(expiry), STRIKES] });
        const places = decodeFunctionResult({ abi: marketsAbi, functionName: 'list', data: await this.#must(this.markets, data) });
        STRIKES.forEach((strike, at) => {
          for (const kind of ['call', 'put'] as const) {
            const id = exchange.encodeInstrument({ kind, underlying, expiry, strike });
            ids.push(id);
            this.#places.set(id, places[at] ?? 0);
          }
        });
      }
      this.series.push(...ids);
      const market: model.Market = {
        standing: 'open',
        fundingTerms: TERMS,
        perpetualCap: CAPS.perpetual,
        optionCap: CAPS.option,
        funding: { index: 0n, perHour: 0n, since },
        openPerpetual: 0n,
        openLots: 0n,
        series: new Map(ids.map((id) => [id, 0n])),
        settled: new Map(),
      };
      this.state = { ...this.state, markets: new Map([...this.state.markets, [underlying, market]]) };
    }
  }

  /** Every action is a block of its own, a second after the one before. */
  async #act(to: Address, data: Hex): Promise<Outcome> {
    this.now += 1n;
    const outcome = await this.chain.act(this.now, to, data);
    // A block that was not mined leaves its second to the next one.
    if (outcome.kind === 'reverted') this.now -= 1n;
    else this.#mined = this.now;
    return outcome;
  }

  async #must(to: Address, data: Hex): Promise<Hex> {
    const outcome = await this.#act(to, data);
    if (outcome.kind === 'reverted') throw new Error(`set-up reverted: ${outcome.error}`);
    return outcome.data;
  }

  // ---- what happens

  wait(seconds: bigint): void {
    this.now += seconds;
  }

  /** Signs and submits mark and spot of an underlying, and with `settles` the settlement prices of its expiries that are over. */
  async tell(underlying: number, spot: bigint, mark: bigint, settles: boolean): Promise<void> {
    const time = this.now + 1n;
    const over = [...(this.state.markets.get(underlying)?.series.keys() ?? [])]
      .flatMap((id) => {
        const held = exchange.decodeInstrument(id);
        return held.kind === 'perpetual' ? [] : [held.expiry];
      })
      .filter(
        (expiry, at, all) => settles && all.indexOf(expiry) === at && expiry <= time && !this.#settlements.has(`${underlying}:${expiry}`),
      )
      .sort((a, b) => Number(a - b));
    const report = (kind: risk.FeedKind, value: bigint, expiry = 0n) => ({
      feed: risk.feedId({ underlying, kind, expiry }),
      value,
      spread: 0,
    });
    const reports = [report('spot', spot), report('mark', mark), ...over.map((expiry) => report('settlement', spot, expiry))];
    const domain = risk.feedsDomain(31_337, this.feeds);
    const message = { time: Number(time), reports };
    const signature = await this.#signer.signTypedData({ domain, types: risk.FEED_TYPES, primaryType: 'Snapshot', message });
    await this.#must(
      this.feeds,
      encodeFunctionData({ abi: feedsAbi, functionName: 'submit', args: [Number(time), reports, concatHex([signature])] }),
    );
    this.#told.set(underlying, { mark, spot, time });
    for (const expiry of over) this.#settlements.set(`${underlying}:${expiry}`, spot);
  }

  /** @returns what both said: `done`, or the name of the error */
  async trade(order: model.Trade): Promise<{ contract: string; model: string }> {
    const data = encodeFunctionData({
      abi: marketsAbi,
      functionName: 'trade',
      args: [order.buyer, order.seller, order.instrument, order.size, order.price],
    });
    const outcome = await this.#act(this.markets, data);
    const result = model.trade(this.state, order, this.#prices(outcome));
    if (result.kind === 'refused') return { contract: said(outcome), model: errorOf(result.why.code) };
    if (outcome.kind === 'reverted') return { contract: outcome.error, model: 'done' };
    const reduced = decodeFunctionResult({ abi: marketsAbi, functionName: 'trade', data: outcome.data });
    this.#take(result.state, result.moves);
    return { contract: `done ${reduced.join()}`, model: `done ${result.buyerReduced},${result.sellerReduced}` };
  }

  async settle(account: AccountId, underlying: number): Promise<{ contract: string; model: string }> {
    const data = encodeFunctionData({ abi: marketsAbi, functionName: 'settleExpired', args: [account, underlying] });
    const outcome = await this.#act(this.markets, data);
    const { state, moves } = model.settleExpired(this.state, account, underlying, this.#prices(outcome));
    if (outcome.kind === 'reverted') return { contract: outcome.error, model: 'done' };
    this.#take(state, moves);
    const cash = decodeFunctionResult({ abi: marketsAbi, functionName: 'settleExpired', data: outcome.data });
    return { contract: `${cash}`, model: `${moves.reduce((sum, { change }) => sum + change, 0n)}` };
  }

  async fund(underlying: number): Promise<void> {
    await this.#must(this.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'fund', args: [underlying] }));
    const market = this.state.markets.get(underlying);
    if (market === undefined) throw new Error(`underlying ${underlying} is not listed`);
    const funding = model.fund(market.funding, market.fundingTerms, this.#fundingPrices(underlying, this.now), this.now);
    this.state = { ...this.state, markets: model.withEntry(this.state.markets, underlying, { ...market, funding }) };
  }

  /** Moves cash of an account as a module does. */
  async pay(account: AccountId, change: bigint): Promise<void> {
    await this.#must(this.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'changeCash', args: [account, change] }));
    this.#take(this.state, [{ account, change }]);
  }

  async chargeInterest(account: AccountId): Promise<void> {
    await this.#must(this.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'chargeInterest', args: [account] }));
    this.cash = model.changeCash(this.cash, account, 0n, CURVE, this.now);
  }

  async collectInterest(to: AccountId): Promise<void> {
    await this.#must(this.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'collectInterest', args: [to] }));
    this.cash = model.collectInterest(this.cash, to, CURVE, this.now);
  }

  /** Covers a part of what an account owes, in 1e-2, by a loss of all cash; of one that owes nothing, both refuse. */
  async spreadLoss(account: AccountId, part: bigint): Promise<{ contract: string; model: string }> {
    const owed = -model.cashAt(this.cash, account, this.#mined);
    const amount = owed > 0n ? (owed * part) / 100n : 1n;
    const outcome = await this.#act(
      this.ledger,
      encodeFunctionData({ abi: iLedgerAbi, functionName: 'spreadLoss', args: [account, amount] }),
    );
    try {
      const book = model.spreadLoss(this.cash, account, amount, CURVE, outcome.kind === 'done' ? this.now : this.now + 1n);
      if (outcome.kind === 'done') this.cash = book;
      return { contract: said(outcome), model: 'done' };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { contract: said(outcome), model: 'AmountTooLarge' };
    }
  }

  async setMode(account: AccountId, mode: model.AccountMode): Promise<void> {
    await this.#must(this.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setMode', args: [account, MODES[mode]] }));
    const positions = this.state.accounts.get(account) ?? model.NO_POSITIONS;
    this.state = { ...this.state, accounts: model.withEntry(this.state.accounts, account, { ...positions, mode }) };
  }

  /** Prices of the block an action was, or would have been, in. */
  #prices(outcome: Outcome): model.MarketPrices {
    const now = outcome.kind === 'done' ? this.now : this.now + 1n;
    return {
      now,
      funding: (underlying) => this.#fundingPrices(underlying, now),
      settlement: (underlying, expiry) => this.#settlements.get(`${underlying}:${expiry}`) ?? null,
    };
  }

  #fundingPrices(underlying: number, now: bigint): model.FundingPrices {
    const told = this.#told.get(underlying);
    return told === undefined || now - told.time > SPOT_STALE ? null : told;
  }

  #take(state: model.MarketsState, moves: readonly model.CashMove[]): void {
    this.state = state;
    for (const { account, change } of moves) {
      this.cash = model.changeCash(this.cash, account, change, CURVE, this.now);
      this.clearing -= change;
    }
  }

  // ---- what is

  /** Everything both know of an account and of the markets, to be compared. */
  async compared(account: AccountId): Promise<{ contract: object; model: object }> {
    const positions = this.state.accounts.get(account) ?? model.NO_POSITIONS;
    const words = await this.chain.read(this.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'holdingsOf', args: [account] }));
    const held = risk.decodeHoldings(decodeFunctionResult({ abi: marketsAbi, functionName: 'holdingsOf', data: words }));
    const clearing = await this.chain.read(this.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'clearing' }));
    const interest = await this.chain.read(this.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'interestOf' }));
    const losses = await this.chain.read(this.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'spreadOf' }));
    const { debt, interest: pool, perSecond, kept, spread } = this.cash;
    const [contractMarkets, modelMarkets] = [[], []] as [object[], object[]];
    for (const [underlying, market] of this.state.markets) {
      const read = async (functionName: 'fundingOf' | 'openInterestOf') =>
        this.chain.read(this.markets, encodeFunctionData({ abi: marketsAbi, functionName, args: [underlying] }));
      const funding = decodeFunctionResult({ abi: marketsAbi, functionName: 'fundingOf', data: await read('fundingOf') });
      const open = decodeFunctionResult({ abi: marketsAbi, functionName: 'openInterestOf', data: await read('openInterestOf') });
      contractMarkets.push([...funding.map(BigInt), ...open]);
      modelMarkets.push([market.funding.index, market.funding.perHour, market.funding.since, market.openPerpetual, market.openLots]);
    }
    return {
      contract: {
        cash: held.cash,
        interest: decodeFunctionResult({ abi: iLedgerAbi, functionName: 'interestOf', data: interest }),
        losses: decodeFunctionResult({ abi: iLedgerAbi, functionName: 'spreadOf', data: losses }),
        clearing: decodeFunctionResult({ abi: iLedgerAbi, functionName: 'clearing', data: clearing }),
        underlyings: held.underlyings.map((own) => ({ ...own, options: sorted(own.options) })),
        markets: contractMarkets,
      },
      model: {
        cash: model.cashAt(this.cash, account, this.#mined),
        interest: [debt, pool, model.interestIndex(this.cash, this.#mined), perSecond],
        losses: [kept, spread],
        clearing: this.clearing,
        underlyings: this.#heldOf(positions),
        markets: modelMarkets,
      },
    };
  }

  #heldOf({ perpetuals, options }: model.Positions): risk.HeldUnderlying[] {
    const own = [...options].map(([id, lots]) => {
      const { underlying, kind } = exchange.decodeInstrument(id);
      return { underlying, option: { place: this.#places.get(id) ?? 0, isPut: kind === 'put', lots } };
    });
    const numbers = [...new Set([...perpetuals.keys(), ...own.map(({ underlying }) => underlying)])].sort((a, b) => a - b);
    return numbers.map((underlying) => {
      const position = perpetuals.get(underlying);
      const market = this.state.markets.get(underlying);
      const index = market === undefined ? 0n : model.indexAt(market.funding, this.#mined);
      return {
        underlying,
        size: position?.size ?? 0n,
        quote: position === undefined ? 0n : model.quoteAt(position, index),
        options: sorted(own.filter((held) => held.underlying === underlying).map(({ option }) => option)),
      };
    });
  }
}

const sorted = (options: readonly risk.HeldOption[]): risk.HeldOption[] =>
  [...options].sort((a, b) => a.place - b.place || Number(a.isPut) - Number(b.isPut));

const said = (outcome: Outcome): string => (outcome.kind === 'reverted' ? outcome.error : 'done');
/** `SERIES_UNKNOWN` is `SeriesUnknown`. */
export const errorOf = (code: string): string =>
  code
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
