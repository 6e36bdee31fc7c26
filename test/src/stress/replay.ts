import { fundAbi } from '@lockstep/contracts';
import { liquidation, type AccountId } from '@lockstep/shared';
import type { Log } from 'viem';
import { auctionedBy, chargedIn, changedIn, isStart, soldBy } from './calls.js';
import type { Call, Sent } from './chain.js';
import { assertAccounted, owedByDeficits } from './checks.js';
import { ReplayKeepers } from './keepers.js';
import { everyone, Figures, ofAll, type LevyTotals, type Losses, type ModeFigures, type Moment } from './figures.js';
import type { Deposit, Hub } from './hub.js';
import { arrival, topUp, type Messages, type TopUp } from './owners.js';
import type { Mode } from './population.js';
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
  /** what the insurance fund begins with, cash */
  readonly fund: number;
}

export interface Replay {
  readonly scenario: Scenario;
  readonly byMode: Readonly<Record<Mode, ModeFigures>>;
  /** cash */
  readonly fundBefore: number;
  readonly fundAfter: number;
  /** what became of deficits; `owed` by the deficit accounts at the end, with its interest, and `open`: what accounts still owe then */
  readonly losses: Losses & { readonly owed: number; readonly open: number };
  readonly levies: readonly LevyTotals[];
  /** sent by owners, and what of it came while the account was in auction or after */
  readonly topUps: { readonly sent: number; readonly cash: number; readonly late: number };
  /** bidders and makers */
  readonly others: ModeFigures;
  /** transactions about an auction that another one of the same block had changed before them, which the contracts refused for that */
  readonly overtaken: number;
  /** others that they refused, by the error */
  readonly refused: Readonly<Record<string, number>>;
  readonly gas: { readonly starts: number; readonly bids: number };
  readonly moments: readonly Moment[];
}

const STEP = 900;
/** A block every minute while an auction runs. */
const BEAT = 60;
const BEATS = STEP / BEAT;
/** Blocks that follow each other within a beat at most. */
const ROUNDS = 12;
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

/** What keepers leave alone: twin of the relayer's default `leastMargin`, cash. */
const LEAST = wad(10);
const isBelow = ({ equity, margin }: liquidation.Watched): boolean => equity < margin;

/** Cash as a deposit on the hub. */
const cashOf = (account: AccountId, cash: number): Deposit => ({ account, chain: 'hub', asset: 'USDC', amount: wad(cash) / 10n ** 12n });

/** One run through an episode: prices, owners, keeper and bidders, on the contracts. */
export class Run {
  readonly #figures: Figures;
  readonly #messages: Messages;
  readonly #traders: ReadonlyMap<AccountId, Trader>;
  readonly #known = new Map<AccountId, Known>();
  /** those of them that lost cash since */
  readonly #stale = new Set<AccountId>();
  readonly #exposures = new Map<AccountId, Exposure>();
  readonly #savings = new Map<AccountId, number>();
  #travelling: (TopUp & { readonly id: AccountId })[] = [];
  #overtaken = 0;
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
    this.#figures = new Figures(
      new Map(market.traders.map(({ account, plan }) => [account, plan.mode])),
      { isolated: notional('isolated'), cross: notional('cross'), portfolio: notional('portfolio') },
      new Set([...market.makers, ...this.#bidders()]),
    );
    for (const { account, plan, equity } of market.traders) this.#savings.set(account, plan.owner.savings * equity);
  }

  /** @throws Error if an account below maintenance margin was not looked at */
  async through(): Promise<Replay> {
    await this.hub.chain.must(...this.hub.depositCalls([cashOf(this.market.fund, this.scenario.fund)]));
    const fundBefore = await this.#fundCash();
    const keepers = await ReplayKeepers.start(this.hub, this.market, this.scenario.bidders);
    for (const [index, step] of this.steps.entries()) {
      if (index === 0) continue;
      await this.#reach(this.startsAt + step.seconds, step);
      await this.#look(index, step);
      await this.#tend(step, keepers);
      if (this.scenario.bidders) await this.#unwind(step);
      await this.#watch([...new Set([...this.#figures.open, ...this.#insolvent()])], step);
      await this.#note(step);
    }
    return await this.#replay(fundBefore);
  }

  async #replay(fundBefore: number): Promise<Replay> {
    const { byMode, others, losses, levies, fundPaid } = this.#figures;
    // Bad debt is that of deficits alone until the shortfalls that stand open are added.
    const fundUse = ofAll(this.#figures, (own) => own.fundUse);
    const owed = await owedByDeficits(this.hub);
    assertAccounted({ fundUse, fundPaid, losses, levies, owed });
    return {
      scenario: this.scenario,
      byMode,
      others,
      fundBefore,
      fundAfter: await this.#fundCash(),
      losses: { ...losses, owed, open: this.#addOpenShortfalls() },
      levies,
      topUps: this.#sent,
      overtaken: this.#overtaken,
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
      ...this.hub.depositCalls(arrived.map(({ id, chain, cash }) => ({ ...cashOf(id, cash), chain }))),
    ];
    const sent = await this.hub.chain.mine(time, calls);
    const refused = calls[sent.findIndex(({ succeeded }) => !succeeded)];
    if (refused !== undefined) throw new Error(`at ${at} s: ${await this.hub.chain.reasonOf(refused)}`);
    for (const { id } of arrived) {
      if (this.#isOpen(id)) this.#sent.late++;
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
    if (known === undefined || first === undefined || this.#isOpen(account) || this.#stale.has(account)) return true;
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
      this.#stale.delete(one.account);
      this.#figures.seen(one);
    }
    return watched;
  }

  #bidders(): AccountId[] {
    return this.market.bidders.map(({ account }) => account);
  }

  #isOpen(account: AccountId): boolean {
    return this.#figures.open.has(account);
  }

  #insolvent(): AccountId[] {
    return [...this.#known.values()].filter(({ watched }) => watched.equity < 0n).map(({ watched }) => watched.account);
  }

  // ---- keepers

  /** From a step to the next: at once, then once a minute while auctions run and someone bids. */
  async #tend(step: liquidation.StressStep, keepers: ReplayKeepers): Promise<void> {
    const time = this.startsAt + step.seconds;
    for (let beat = 0; beat < BEATS; beat++) {
      if (beat > 0) {
        if (!this.scenario.bidders || this.#figures.open.size === 0) return;
        await this.#reach(time + beat * BEAT, step);
      }
      await this.#act(step, keepers, beat === 0);
      if (beat === 0) await this.#missesNobody();
    }
  }

  /** Blocks that follow each other until nobody wants anything; one more once auctions were started, which takes bids. */
  async #act(step: liquidation.StressStep, keepers: ReplayKeepers, first: boolean): Promise<void> {
    let opened = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const wanted = await keepers.look({ first, bidders: this.#figures.open.size > 0 });
      if (wanted.length === 0 && opened === 0) return;
      const before = this.#figures.started;
      await keepers.settle(await this.#send(wanted, step));
      opened = this.#figures.started - before;
    }
  }

  /** @throws Error if an account that was seen below maintenance margin still is, and nobody started an auction of it */
  async #missesNobody(): Promise<void> {
    const below = [...this.#known.values()].flatMap(({ watched }) =>
      isBelow(watched) && !this.#isOpen(watched.account) ? [watched.account] : [],
    );
    const missed = (await this.hub.watch(below)).find((one) => isBelow(one) && liquidation.isWorthwhile(one, LEAST));
    if (missed !== undefined)
      throw new Error(`account ${missed.account} is below maintenance margin; expected the keepers to start its auction`);
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
    const sold = await this.hub.watch([...new Set(calls.flatMap((call) => soldBy(call) ?? []))]);
    const sent = await this.hub.chain.mine(this.hub.chain.now + 1, calls);
    const logs: Log[] = [];
    const changed = new Set<AccountId>();
    for (const [at, { succeeded, gasUsed, logs: own }] of sent.entries()) {
      logs.push(...own);
      for (const account of changedIn(own)) changed.add(account);
      const call = calls[at];
      if (call === undefined) continue;
      if (succeeded && isStart(call)) this.#gas.starts = Math.max(this.#gas.starts, Number(gasUsed));
      if (succeeded && soldBy(call) !== null) this.#gas.bids = Math.max(this.#gas.bids, Number(gasUsed));
      if (!succeeded) await this.#refuse(call, changed);
    }
    this.#figures.take(logs, step, sold, this.hub.chain.now);
    const charged = chargedIn(logs);
    for (const account of charged === 'everyone' ? this.#known.keys() : charged) this.#stale.add(account);
    return sent;
  }

  /** @param changed accounts whose auctions are not what they were at the beginning of the block */
  async #refuse(call: Call, changed: ReadonlySet<AccountId>): Promise<void> {
    const account = auctionedBy(call);
    if (account !== null && changed.has(account)) {
      this.#overtaken++;
      return;
    }
    const reason = (await this.hub.chain.reasonOf(call)).split('(')[0] ?? 'unknown';
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
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
      auctions: this.#figures.open.size,
      shortfall: [...this.#shortfalls().values()].reduce((sum, short) => sum + short, 0),
      liquidated: this.#figures.liquidatedNotional,
      fund: await this.#fundCash(),
    });
  }

  /** @returns all that is added, cash */
  #addOpenShortfalls(): number {
    let open = 0;
    for (const [account, short] of this.#shortfalls()) {
      const own = this.#figures.of(account);
      if (own === null) continue;
      own.badDebt += short;
      open += short;
    }
    for (const own of everyone(this.#figures)) if (!Number.isFinite(own.worstHealth)) own.worstHealth = 0;
    return open;
  }
}
