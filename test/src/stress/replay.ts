import { fundAbi } from '@lockstep/contracts';
import { liquidation, type AccountId } from '@lockstep/shared';
import { getAddress, type Log } from 'viem';
import type { Call, Sent } from './chain.js';
import { Figures, type ModeFigures, type Moment } from './figures.js';
import type { Hub } from './hub.js';
import { Levies } from './levies.js';
import { arrival, topUp, type Messages, type TopUp } from './owners.js';
import { MODES, type Mode } from './population.js';
import { units, wad } from './prices.js';
import { PERPETUALS, type Market, type Trader } from './setup.js';
import { exposureOf, mayBeNear, mayBeUneasy, type Exposure } from './watchlist.js';

/** What differs between replays of one episode. */
export interface Scenario {
  readonly name: string;
  /** from any chain but the hub to the hub, seconds */
  readonly delay: number;
  /** one chain stands still for six hours from the first sharp fall on */
  readonly halts: boolean;
  /** whether anyone bids */
  readonly bidders: boolean;
}

export interface Replay {
  readonly scenario: Scenario;
  readonly byMode: Readonly<Record<Mode, ModeFigures>>;
  /** cash */
  readonly fundBefore: number;
  readonly fundAfter: number;
  /** paid by those who gained, and what of deficits became a loss of all cash */
  readonly levy: number;
  readonly spread: number;
  /** sent by owners, and what of it came while the account was in auction or after */
  readonly topUps: { readonly sent: number; readonly cash: number; readonly late: number };
  /** auctions of bidders and makers */
  readonly others: number;
  /** transactions the contracts refused, by the error */
  readonly refused: Readonly<Record<string, number>>;
  readonly gas: { readonly starts: number; readonly bids: number };
  readonly moments: readonly Moment[];
}

const KEEPER = getAddress('0x00000000000000000000000000000000000c0ffe');
const STEP = 900;
/** Bidders look every minute while an auction runs. */
const BEAT = 60;
const BEATS = STEP / BEAT;
/** Bids on one account that follow each other within a beat. */
const ROUNDS = 3;
const HALT_HOURS = 6;
const SHARP = 0.05;
/** Bidders sell this part of their perpetuals in each step, this far below the mark: to makers, who stand for the outside market. */
const UNWINDS = 0.25;
const SLIPPAGE = 0.002;
/** Everyone is valued every so many steps, whether or not prices moved. */
const FULL_LOOK = 16;

/** When the chain stops: at the first hour in which bitcoin falls by a twentieth, or falls most. */
export function haltOf(steps: readonly liquidation.StressStep[]): NonNullable<Messages['halt']> {
  const falls = steps.map(({ BTC }, at) => 1 - BTC.price / (steps[Math.max(0, at - liquidation.STEPS_PER_HOUR)]?.BTC.price ?? BTC.price));
  const sharp = falls.findIndex((fall) => fall >= SHARP);
  const at = sharp >= 0 ? sharp : falls.indexOf(Math.max(...falls));
  const from = steps[at]?.seconds ?? 0;
  return { chain: 'south', from, until: from + HALT_HOURS * 3_600 };
}

/** An account's last valuation, and the prices it was made at. */
interface Known {
  readonly watched: liquidation.Watched;
  readonly step: liquidation.StressStep;
}

/** How often a bidder was refused an account since the last step: each time it offers half as much. */
type Caution = Map<string, number>;
const MOST_REFUSALS = 3;
/** A bid's price may rise by this part of it until it is mined. */
const TOLERANCE = 1_000n;

interface PlannedBid extends liquidation.BidDecision {
  readonly bidder: AccountId;
  readonly account: AccountId;
}

/** One run through an episode: prices, owners, keeper and bidders, on the contracts. */
export class Run {
  readonly #figures: Figures;
  readonly #messages: Messages;
  readonly #traders: ReadonlyMap<AccountId, Trader>;
  readonly #known = new Map<AccountId, Known>();
  readonly #exposures = new Map<AccountId, Exposure>();
  readonly #savings = new Map<AccountId, number>();
  #travelling: (TopUp & { readonly id: AccountId })[] = [];
  readonly #refused: Record<string, number> = {};
  readonly #moments: Moment[] = [];
  #sent = { sent: 0, cash: 0, late: 0 };
  #gas = { starts: 0, bids: 0 };

  constructor(
    private readonly hub: Hub,
    private readonly market: Market,
    private readonly steps: readonly liquidation.StressStep[],
    private readonly startsAt: number,
    private readonly scenario: Scenario,
  ) {
    this.#messages = { delay: scenario.delay, halt: scenario.halts ? haltOf(steps) : null };
    this.#traders = new Map(market.traders.map((trader) => [trader.account, trader]));
    const notional = (mode: Mode): number =>
      market.traders
        .filter(({ plan }) => plan.mode === mode)
        .reduce((sum, { plan }) => sum + plan.positions.reduce((total, position) => total + Math.abs(position.notional), 0), 0);
    this.#figures = new Figures(new Map(market.traders.map(({ account, plan }) => [account, plan.mode])), {
      isolated: notional('isolated'),
      cross: notional('cross'),
      portfolio: notional('portfolio'),
    });
    for (const { account, plan, equity } of market.traders) this.#savings.set(account, plan.owner.savings * equity);
  }

  /** @throws Error if an account below maintenance margin was not looked at */
  async through(): Promise<Replay> {
    const fundBefore = await this.#fundCash();
    const everyone = [...this.market.traders.map(({ account }) => account), ...this.market.makers, ...this.#bidders()];
    let current = this.steps[0];
    const levies = new Levies(this.hub, everyone, (calls) => (current === undefined ? Promise.resolve() : this.#send(calls, current)));
    for (const [index, step] of this.steps.entries()) {
      current = step;
      if (index === 0) continue;
      await this.#reach(this.startsAt + step.seconds, step);
      await this.#look(index, step);
      await this.#tend(step);
      if (this.scenario.bidders) await this.#unwind(step);
      await levies.tend(step);
      await this.#note(step);
    }
    return {
      scenario: this.scenario,
      byMode: this.#withOpenShortfalls(),
      fundBefore,
      fundAfter: await this.#fundCash(),
      levy: this.#figures.levy,
      spread: this.#figures.spread,
      topUps: this.#sent,
      others: this.#figures.others,
      refused: this.#refused,
      gas: this.#gas,
      moments: this.#moments,
    };
  }

  // ---- prices and messages

  /** A block at a time: prices, and the deposits whose messages have arrived. */
  async #reach(time: number, step: liquidation.StressStep): Promise<void> {
    const at = time - this.startsAt;
    const arrived = this.#travelling.filter(({ arrivesAt }) => arrivesAt <= at);
    this.#travelling = this.#travelling.filter(({ arrivesAt }) => arrivesAt > at);
    const { halt } = this.#messages;
    const calls = [
      await this.hub.snapshotCall(step, time),
      ...(halt !== null && halt.from === at ? [this.hub.degradeCall(halt.chain)] : []),
      ...this.hub.depositCalls(
        arrived.map(({ id, chain, cash }) => ({ account: id, chain, asset: 'USDC', amount: wad(cash) / 10n ** 12n })),
      ),
    ];
    const sent = await this.hub.chain.mine(time, calls);
    const refused = calls[sent.findIndex(({ succeeded }) => !succeeded)];
    if (refused !== undefined) throw new Error(`at ${at} s: ${await this.hub.chain.reasonOf(refused)}`);
    for (const { id } of arrived) {
      if (this.#known.get(id)?.watched.auction !== null) this.#sent.late++;
      // Worth a look, whatever prices did.
      this.#known.delete(id);
    }
  }

  // ---- who is where

  async #look(index: number, step: liquidation.StressStep): Promise<void> {
    const all = [...this.market.traders.map(({ account }) => account), ...this.market.makers, ...this.#bidders()];
    const isFull = index % FULL_LOOK === 1;
    const far = new Set(all.filter((account) => !this.#isNear(account, step)));
    const watched = await this.#watch(isFull ? all : all.filter((account) => !far.has(account)), step);
    const missed = watched.find(({ account, equity, margin }) => far.has(account) && equity < margin);
    if (missed !== undefined)
      throw new Error(`account ${missed.account} is below maintenance margin; expected it far above by its last valuation`);
    for (const { account, equity, margin } of watched) this.#ownerActs(account, index, step, units(equity), units(margin));
  }

  #isNear(account: AccountId, step: liquidation.StressStep): boolean {
    const [known, trader, [first]] = [this.#known.get(account), this.#traders.get(account), this.steps];
    if (known === undefined || first === undefined || known.watched.auction !== null) return true;
    const figures = { equity: units(known.watched.equity), margin: units(known.watched.margin) };
    if (trader === undefined) return mayBeUneasy(figures, known.step, step);
    const exposure = this.#exposures.get(account) ?? exposureOf(trader.plan, trader.equity, first, this.startsAt);
    this.#exposures.set(account, exposure);
    return mayBeNear(exposure, figures, known.step, step);
  }

  #ownerActs(account: AccountId, index: number, step: liquidation.StressStep, equity: number, margin: number): void {
    const trader = this.#traders.get(account);
    if (trader === undefined) return;
    const { owner } = trader.plan;
    const savings = this.#savings.get(account) ?? 0;
    const underway = this.#travelling.filter(({ id }) => id === account).reduce((sum, { cash }) => sum + cash, 0);
    const cash = topUp(owner, index, { equity, margin, savings, underway });
    if (cash <= 0) return;
    this.#savings.set(account, savings - cash);
    const sentAt = step.seconds;
    // A message needs a block at least.
    const arrivesAt = Math.max(sentAt + 1, arrival(this.#messages, owner.chain, sentAt));
    this.#travelling.push({ id: account, account: this.market.traders.indexOf(trader), chain: owner.chain, cash, sentAt, arrivesAt });
    this.#sent = { ...this.#sent, sent: this.#sent.sent + 1, cash: this.#sent.cash + cash };
  }

  async #watch(accounts: readonly AccountId[], step: liquidation.StressStep): Promise<liquidation.Watched[]> {
    const watched = await this.hub.watch(accounts);
    for (const one of watched) {
      this.#known.set(one.account, { watched: one, step });
      this.#figures.seen(one);
    }
    return watched;
  }

  #bidders(): AccountId[] {
    return this.market.bidders.map(({ account }) => account);
  }

  #inAuction(): AccountId[] {
    return [...this.#known.values()].filter(({ watched }) => watched.auction !== null).map(({ watched }) => watched.account);
  }

  // ---- keeper and bidders

  /** From a step to the next: what is due at once, then a beat a minute while auctions run and someone bids. */
  async #tend(step: liquidation.StressStep): Promise<void> {
    const time = this.startsAt + step.seconds;
    await this.#keep(
      [...this.#known.values()].filter((known) => known.step === step).map(({ watched }) => watched),
      step,
    );
    const cautious: Caution = new Map();
    for (let beat = 0; beat < BEATS; beat++) {
      if (!this.scenario.bidders || this.#inAuction().length === 0) return;
      const at = time + beat * BEAT;
      const arrives = this.#travelling.filter(({ arrivesAt }) => this.startsAt + arrivesAt <= at);
      // Between steps prices stand still: an account changes by a deposit or a bid, a bid's price by time alone.
      if (arrives.length === 0 && this.#decide(BigInt(at + 1), cautious).length === 0) continue;
      if (beat > 0) {
        await this.#reach(at, step);
        const changed = arrives.map(({ id }) => id);
        if (changed.length > 0) await this.#keep(await this.#watch(changed, step), step);
      }
      await this.#bid(step, cautious);
    }
  }

  /** Starts, ends and touches what is due, the least healthy first. */
  async #keep(watched: readonly liquidation.Watched[], step: liquidation.StressStep): Promise<void> {
    const due = liquidation.rank(watched).flatMap((one) => {
      const what = liquidation.auctionStep(liquidation.AUCTION_TERMS, one);
      return what === null ? [] : [{ account: one.account, what, call: this.hub.stepCall(KEEPER, one.account, what) }];
    });
    if (due.length === 0) return;
    const sent = await this.#send(
      due.map(({ call }) => call),
      step,
    );
    due.forEach(({ what }, at) => {
      if (what === 'start') this.#gas.starts = Math.max(this.#gas.starts, Number(sent[at]?.gasUsed ?? 0n));
    });
    await this.#watch(
      due.map(({ account }) => account),
      step,
    );
  }

  /** Bidders in turn, the least demanding first; an account takes one bid a block, a bidder makes one. */
  #decide(now: bigint, cautious: Caution): PlannedBid[] {
    const free = this.market.bidders
      .flatMap(({ plan, account }) => {
        const own = this.#known.get(account)?.watched;
        return own === undefined || own.auction !== null ? [] : [{ plan, account, spare: own.equity - own.initial }];
      })
      .sort((a, b) => a.plan.required - b.plan.required);
    const taken = new Set<AccountId>();
    return liquidation.rank(this.#inAuction().flatMap((account) => this.#known.get(account)?.watched ?? [])).flatMap((watched) => {
      for (const { plan, account: bidder, spare } of free) {
        if (taken.has(bidder) || bidder === watched.account) continue;
        const refusals = cautious.get(`${bidder} ${watched.account}`) ?? 0;
        if (refusals > MOST_REFUSALS) continue;
        const able = spare >> BigInt(refusals);
        const terms = { free: able, budget: able, required: wad(plan.required), cost: 0n };
        const decision = liquidation.decideBid(liquidation.AUCTION_TERMS, watched, terms, now);
        if (decision === null) continue;
        taken.add(bidder);
        return [{ bidder, account: watched.account, ...decision }];
      }
      return [];
    });
  }

  async #bid(step: liquidation.StressStep, cautious: Caution): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const bids = this.#decide(BigInt(this.hub.chain.now + 1), cautious);
      if (bids.length === 0) return;
      const calls = bids.map(({ bidder, account, share, price }) =>
        this.hub.bidCall(bidder, account, share, price + (price < 0n ? -price : price) / TOLERANCE + 1n),
      );
      const sent = await this.#send(calls, step);
      bids.forEach(({ bidder, account, gain }, at) => {
        const done = sent[at];
        if (done?.succeeded === true) {
          this.#figures.bid(account, gain);
          this.#gas.bids = Math.max(this.#gas.bids, Number(done.gasUsed));
        } else cautious.set(`${bidder} ${account}`, (cautious.get(`${bidder} ${account}`) ?? 0) + 1);
      });
      const watched = await this.#watch([...new Set(bids.flatMap(({ account, bidder }) => [account, bidder]))], step);
      await this.#keep(watched, step);
    }
  }

  /** Bidders sell a part of their perpetuals again. */
  async #unwind(step: liquidation.StressStep): Promise<void> {
    const bidders = this.#bidders();
    const held = await this.hub.holdings(bidders);
    const calls = bidders.flatMap((account, at) =>
      PERPETUALS.flatMap(({ name, instrument }, place) => {
        const size = held[at]?.underlyings.find(({ underlying }) => underlying === place + 1)?.size ?? 0n;
        const part = (size * wad(UNWINDS)) / 10n ** 18n;
        const maker = this.market.makers[(at + place) % this.market.makers.length];
        if (part === 0n || maker === undefined) return [];
        const price = step[name].price * (part > 0n ? 1 - SLIPPAGE : 1 + SLIPPAGE);
        return [this.hub.tradeCall(account, maker, instrument, -part, wad(price))];
      }),
    );
    if (calls.length === 0) return;
    await this.#send(calls, step);
    await this.#watch(bidders, step);
  }

  async #send(calls: readonly Call[], step: liquidation.StressStep): Promise<Sent[]> {
    const sent = await this.hub.chain.mine(this.hub.chain.now + 1, calls);
    const logs: Log[] = [];
    for (const [at, { succeeded, logs: own }] of sent.entries()) {
      logs.push(...own);
      const call = calls[at];
      if (succeeded || call === undefined) continue;
      const reason = (await this.hub.chain.reasonOf(call)).split('(')[0] ?? 'unknown';
      this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
    }
    this.#figures.take(logs, step);
    return sent;
  }

  // ---- figures

  async #fundCash(): Promise<number> {
    return units(await this.hub.chain.client.readContract({ address: this.hub.at.fund, abi: fundAbi, functionName: 'assets' }));
  }

  /** What accounts owe beyond what they have: of those in auction, less what bids paid in. */
  #shortfalls(): Map<AccountId, number> {
    return new Map(
      [...this.#known.values()].flatMap(({ watched: { account, equity, auction } }) => {
        const short = (auction?.reserve ?? 0n) - equity;
        return equity < 0n || (auction !== null && short > 0n) ? [[account, units(equity < 0n ? -equity : 0n)] as const] : [];
      }),
    );
  }

  async #note(step: liquidation.StressStep): Promise<void> {
    this.#moments.push({
      seconds: step.seconds,
      bitcoin: step.BTC.price,
      auctions: this.#inAuction().length,
      shortfall: [...this.#shortfalls().values()].reduce((sum, short) => sum + short, 0),
      liquidated: this.#figures.liquidatedNotional,
      fund: await this.#fundCash(),
    });
  }

  #withOpenShortfalls(): Readonly<Record<Mode, ModeFigures>> {
    for (const [account, short] of this.#shortfalls()) {
      const own = this.#figures.of(account);
      if (own !== null) own.badDebt += short;
    }
    for (const mode of MODES) if (!Number.isFinite(this.#figures.byMode[mode].worstHealth)) this.#figures.byMode[mode].worstHealth = 0;
    return this.#figures.byMode;
  }
}
