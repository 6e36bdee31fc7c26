import { liquidationAbi } from '@lockstep/contracts';
import { liquidation, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, type Address, type Hex, type PublicClient } from 'viem';
import { firstLine } from '../../chain/error-fields.js';
import type { AccountBook } from './account-book.js';
import { BidBudget } from './bid-budget.js';
import { Bidder, type Bidding, type Purse } from './bidder.js';
import type { LiquidationHub } from './hub.js';
import type { Exact, HubReader, ReadMarket } from './hub.reader.js';
import { Payouts, pricesAhead, type SignedAfter } from './payouts.js';
import { isBetter, SignedView, wayOf } from './signed-view.js';
import { Wants, type LiquidationSender, type Wish } from './wants.js';

export interface LiquidatorTerms {
  readonly maxChecks: number;
  readonly maxSteps: number;
  readonly turns: number;
  /** keepers that go first in turn, a block each, or after this one; none: `turns` says how long it waits */
  readonly others: readonly Address[];
  /** least maintenance margin, or lack of it, that is worth transactions, cash */
  readonly leastMargin: bigint;
  /** cash for one coin in which gas is paid; 0: gas counts nothing */
  readonly nativePrice: bigint;
  readonly bid: Bidding | null;
}

/** What one look found and did. */
export interface Look {
  readonly block: bigint;
  /** its time, seconds */
  readonly time: bigint;
  /** time of the oldest price that something was valued by, seconds; null: nobody holds anything */
  readonly pricedAt: bigint | null;
  readonly watched: number;
  readonly suspects: number;
  /** below maintenance margin by the contract's figures, or in auction; whom most is lacking first */
  readonly accounts: readonly Exact[];
  readonly wanted: readonly Wish[];
  /** whose books or figures the contracts do not give: nobody can liquidate them as they are */
  readonly unanswered: readonly AccountId[];
}

/** Books are read again after so long even if no event named them: interest grows without one. Seconds. */
const REFRESH = 600n;
/** Calls tried in one look for each that may be sent: what others did first is refused. */
const TRIES = 4;
const NO_PRICES: Hex = '0x';
/** What a look goes by. */
interface Seen {
  /** null: nobody holds anything */
  readonly market: ReadMarket | null;
  readonly reader: HubReader;
  /** at which the reader reads, and which the hub has not; null: at those of the hub */
  readonly prices: Hex | null;
}

const isPriced = ({ grade }: Exact): boolean => grade === 'fresh' || grade === 'aged';

/**
 * Finds accounts below maintenance margin at every block, and moves their auctions on: starts and ends them, and bids if it may. Holds nothing that
 * the chain does not tell again. No number of small accounts keeps it from a large one: whom most may be lacking is asked about first, those in
 * auction take no place of those that are not, and what is smaller than its gas is left alone.
 */
export class Liquidator {
  readonly #wants: Wants;
  readonly #bidder: Bidder | null;
  readonly #view: SignedView;
  readonly #books = new Map<AccountId, liquidation.ExposedAccount>();
  readonly #readAt = new Map<AccountId, bigint>();
  /** block in which an account was first seen to need something */
  readonly #found = new Map<AccountId, bigint>();
  /** whose books the contracts did not read out; those that were tried longest ago first */
  readonly #unreadable = new Set<AccountId>();
  /** how many of the healed auctions were asked about, round and round */
  #healed = 0;
  #looked = -1n;

  /**
   * @param signed prices that nobody may have handed in: payouts need them, and everything does while those of the hub are not fresh
   * @param budget of the bidder, who may bid elsewhere too; null: nobody bids
   */
  constructor(
    private readonly client: PublicClient,
    private readonly hub: LiquidationHub,
    private readonly book: AccountBook,
    private readonly reader: HubReader,
    sender: LiquidationSender,
    private readonly terms: LiquidatorTerms,
    signed: SignedAfter = () => Promise.resolve([]),
    private readonly budget = BidBudget.of(client, hub, sender, terms.bid),
  ) {
    const { bid, nativePrice } = terms;
    this.#wants = new Wants(sender);
    this.#view = new SignedView(client, hub.margin, signed);
    const payouts = bid === null || bid.payout === null ? null : new Payouts(client, hub, bid.payout, pricesAhead(signed));
    this.#bidder = bid === null || budget === null ? null : new Bidder(client, hub, budget, reader, this.#wants, bid, nativePrice, payouts);
  }

  /** Watched accounts that owed so much cash, 18 decimals, when their books were read last. */
  debtors(least: bigint): readonly AccountId[] {
    return [...this.#books.values()].filter(({ holdings }) => -holdings.cash >= least).map(({ account }) => account);
  }

  /** One look at the newest block; null if it was looked at already. */
  async look(progress?: (done: bigint, to: bigint) => void): Promise<Look | null> {
    const { number: block, timestamp: now } = await this.client.getBlock();
    if (block === this.#looked) return null;
    await this.book.advance(block, progress);
    await this.#refresh(block, now);
    const exposed = [...this.#books.values()];
    const seen = await this.#see(exposed, block, now);
    const suspects = seen.market === null ? [] : liquidation.detect(seen.market, exposed, this.#least);
    const asked = this.#asked(suspects);
    const exact = await seen.reader.exact(asked, block);
    const accounts = liquidation.rank(exact.filter(({ equity, margin, auction }) => auction !== null || equity < margin));
    const act = (): Promise<Wish[]> => this.#act(accounts, block, now, seen);
    const wanted = await (this.budget === null ? act() : this.budget.inTurn(act));
    this.#looked = block;
    const answered = new Set(exact.map(({ account }) => account));
    const unanswered = [...new Set([...asked.filter((account) => !answered.has(account)), ...this.#unreadable])];
    const found = { suspects: suspects.length, accounts, wanted, unanswered };
    return { block, time: now, pricedAt: seen.market?.pricedAt ?? null, watched: this.book.watched.size, ...found };
  }

  /** At the hub's prices; where those are not fresh at the newest signed ones: else nobody is liquidated while nobody publishes. */
  async #see(exposed: readonly liquidation.ExposedAccount[], block: bigint, now: bigint): Promise<Seen> {
    const own = { market: null, reader: this.reader, prices: null };
    if (exposed.length === 0) return own;
    const market = await this.reader.market(exposed, block, now);
    const prices = market.outdated === null ? null : await this.#view.newest(market.outdated, now);
    if (prices === null) return { ...own, market };
    const reader = this.reader.by(this.#view.at(prices));
    return { market: await reader.market(exposed, block, now), reader, prices };
  }

  /** Cash, whole units. */
  get #least(): number {
    return Number(this.terms.leastMargin) / 1e18;
  }

  /** Whom to ask the contracts about: so many at most that are not in auction, so many that are, and of the auctions that may have healed some in turn. */
  #asked(suspects: readonly liquidation.Suspect[]): AccountId[] {
    const { maxChecks } = this.terms;
    const least = this.#least;
    const named = new Set(suspects.map(({ account }) => account));
    const large = suspects.filter(({ margin, lacking }) => margin >= least || lacking >= least);
    const open = this.book.inAuction;
    const healed = [...open].filter((account) => !named.has(account));
    const count = Math.min(healed.length, maxChecks);
    const turn = Array.from({ length: count }, (_, i) => healed[(this.#healed + i) % healed.length]).filter((one) => one !== undefined);
    this.#healed = healed.length === 0 ? 0 : (this.#healed + count) % healed.length;
    return [
      ...liquidation.worstOf(
        large.filter(({ account }) => !open.has(account)),
        maxChecks,
      ),
      ...liquidation.worstOf(
        large.filter(({ account }) => open.has(account)),
        maxChecks,
      ),
      ...turn,
    ];
  }

  /** Books that changed, and some of those that were read too long ago: never all of them in one look. */
  async #refresh(block: bigint, now: bigint): Promise<void> {
    const due = new Set([...this.book.takeChanged(), ...[...this.#unreadable].slice(0, this.terms.maxChecks)]);
    const most = due.size + this.terms.maxChecks;
    // Those that were read longest ago stand first.
    for (const [account, at] of this.#readAt) {
      if (now - at < REFRESH || due.size >= most) break;
      due.add(account);
    }
    const read = await this.#read([...due], block, now);
    for (const account of due) this.#unreadable.delete(account);
    const known = new Set(read.map(({ account }) => account));
    for (const account of due) {
      if (known.has(account)) continue;
      // What is known of it from before still counts.
      this.#unreadable.add(account);
      this.#readAt.delete(account);
    }
    for (const exposed of read) {
      const { account, holdings } = exposed;
      this.#readAt.delete(account);
      this.#books.delete(account);
      // Without positions and debts nothing can happen to it until an event names it again.
      if (holdings.underlyings.length === 0 && holdings.cash >= 0n) continue;
      this.#readAt.set(account, now);
      this.#books.set(account, exposed);
    }
  }

  /** What failed to be read is due again at the next look. */
  async #read(due: readonly AccountId[], block: bigint, now: bigint): Promise<readonly liquidation.ExposedAccount[]> {
    try {
      return await this.reader.accounts(due, block, now);
    } catch (error) {
      this.book.add(due);
      throw error;
    }
  }

  async #act(accounts: readonly Exact[], block: bigint, now: bigint, { reader, prices }: Seen): Promise<Wish[]> {
    const wanted: Wish[] = [];
    const { maxSteps, leastMargin } = this.terms;
    for (const account of this.#found.keys()) if (!accounts.some((one) => one.account === account)) this.#found.delete(account);
    if (accounts.length === 0) return wanted;
    const [terms, graceUntil] = await Promise.all([this.reader.terms(block), this.reader.graceUntil(block)]);
    const purse = (await this.#bidder?.purse(block, now, reader)) ?? null;
    const graded =
      prices === null
        ? []
        : await this.reader.exact(
            accounts.map(({ account }) => account),
            block,
          );
    const standing = new Map(graded.map(({ account, grade }) => [account, grade]));
    // They cost gas, so they come along only where the hub's are worse.
    const handedIn = ({ account, grade }: Exact): Hex =>
      prices !== null && isBetter(grade, standing.get(account) ?? 'halted') ? prices : NO_PRICES;
    // Where a price cannot be used the hub decides whether it matters: after those of which nobody asks.
    for (const one of [...accounts.filter(isPriced), ...accounts.filter((account) => !isPriced(account))]) {
      if (wanted.filter(({ outcome }) => outcome === 'sent').length >= maxSteps || wanted.length >= TRIES * maxSteps) break;
      if (!liquidation.isWorthwhile(one, leastMargin)) continue;
      const found = this.#found.get(one.account) ?? block;
      this.#found.set(one.account, found);
      if (block < found + this.#waits(one.account, found)) continue;
      const step = liquidation.auctionStep(terms, one);
      const wish = { what: step ?? 'bid', account: one.account };
      try {
        const outcome =
          step !== null
            ? await this.#step(step, one, now, handedIn(one), graceUntil > now)
            : await this.#bid(terms, one, purse, block, now, handedIn(one));
        if (outcome !== null) wanted.push({ ...wish, outcome });
      } catch (error) {
        // What nobody answers for one account is no reason to leave the others.
        wanted.push({ ...wish, outcome: 'failed', because: firstLine(error) });
      }
    }
    return wanted;
  }

  /** Blocks that are left to others with an account. */
  #waits(account: AccountId, found: bigint): bigint {
    const { turns, others } = this.terms;
    const { address } = this.#wants;
    return others.length > 0 ? liquidation.placeOf(account, address, others) : liquidation.turnOf(account, address, found, turns);
  }

  /** @param inGrace of an outage: what was refused then is tried again as soon as it is over */
  #step(step: liquidation.AuctionStep, { account, auction }: Exact, now: bigint, prices: Hex, inGrace: boolean) {
    const id = auction === null ? 'none' : `${auction.startedAt}:${auction.lastBidAt}`;
    const data = encodeFunctionData({ abi: liquidationAbi, functionName: step, args: [account, prices] });
    const purpose = { what: `auction-${step}`, account };
    return this.#wants.want(
      `auction-${step}:${account}:${id}`,
      { to: this.hub.liquidation, data, purpose },
      now,
      `${wayOf(prices)}${inGrace ? ' in grace' : ''}`,
    );
  }

  async #bid(terms: liquidation.AuctionTerms, one: Exact, purse: Purse | null, block: bigint, now: bigint, prices: Hex) {
    return this.#bidder === null || purse === null ? null : this.#bidder.bid(terms, one, purse, block, now, prices);
  }
}
