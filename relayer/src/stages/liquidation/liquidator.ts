import { liquidationAbi } from '@lockstep/contracts';
import { liquidation, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, type Address, type Hex, type PublicClient } from 'viem';
import type { HubCall } from '../hub-calls.js';
import type { AccountBook } from './account-book.js';
import type { LiquidationHub } from './hub.js';
import type { Exact, HubReader } from './hub.reader.js';

type Wanted = 'sent' | 'waiting' | 'refused';

/** Who sends what a liquidator wants. */
export interface LiquidationSender {
  readonly address: Address;
  /** Sends a call if the hub would take it; asked again while the need is there. @param what key derived from the facts that make it necessary */
  want(what: string, call: HubCall): Promise<Wanted>;
}

/** What it bids with. Money is cash, 18 decimals. */
export interface Bidding {
  readonly account: AccountId;
  /** most cash paid in a day */
  readonly budget: bigint;
  /** least gain, as a share of the maintenance margin taken over, wad */
  readonly required: bigint;
}

export interface LiquidatorTerms {
  readonly maxChecks: number;
  readonly maxSteps: number;
  readonly turns: number;
  readonly bid: Bidding | null;
}

/** What one look found and did. */
export interface Look {
  readonly block: bigint;
  readonly watched: number;
  readonly suspects: number;
  /** below maintenance margin by the contract's figures, or in auction; the worst first */
  readonly accounts: readonly Exact[];
  readonly wanted: readonly { readonly what: string; readonly account: AccountId; readonly outcome: Wanted }[];
}

const DAY = 86_400n;
/** Cash of a bid that was wanted and not seen yet counts as spent for so long, seconds. */
const PENDING = 300n;
/** Books are read again after so long even if no event named them: interest grows without one. Seconds. */
const REFRESH = 600n;
/** What the hub refused is not tried again for so long, seconds, unless the auction has moved on. */
const REFUSED = 30n;
const NO_PRICES: Hex = '0x';

/**
 * Finds accounts below maintenance margin at every block, and moves their auctions on: starts and ends them, and bids if it may. Holds nothing that
 * the chain does not tell again.
 */
export class Liquidator {
  readonly #books = new Map<AccountId, liquidation.ExposedAccount>();
  readonly #readAt = new Map<AccountId, bigint>();
  /** block in which an account was first seen to need something */
  readonly #found = new Map<AccountId, bigint>();
  /** by key of the step, which names the state of the auction that made it necessary */
  readonly #refusedAt = new Map<string, bigint>();
  readonly #pending = new Map<string, { readonly price: bigint; readonly at: bigint }>();
  readonly #bidTimes = new Map<bigint, bigint>();
  #looked = -1n;

  constructor(
    private readonly client: PublicClient,
    private readonly hub: LiquidationHub,
    private readonly book: AccountBook,
    private readonly reader: HubReader,
    private readonly sender: LiquidationSender,
    private readonly terms: LiquidatorTerms,
  ) {}

  /** One look at the newest block; null if it was looked at already. */
  async look(progress?: (done: bigint, to: bigint) => void): Promise<Look | null> {
    const { number: block, timestamp: now } = await this.client.getBlock();
    if (block === this.#looked) return null;
    await this.book.advance(block, progress);
    await this.#refresh(block, now);
    const exposed = [...this.#books.values()];
    const suspects = exposed.length === 0 ? [] : liquidation.detect(await this.reader.market(exposed, block, now), exposed);
    const asked = new Set([...this.book.inAuction, ...suspects.slice(0, this.terms.maxChecks).map(({ account }) => account)]);
    const exact = await this.reader.exact([...asked], block);
    const accounts = liquidation
      .rank(exact.filter(({ equity, margin, auction }) => auction !== null || equity < margin))
      .flatMap((one) => exact.filter(({ account }) => account === one.account));
    const wanted = await this.#act(accounts, block, now);
    this.#looked = block;
    return { block, watched: this.book.watched.size, suspects: suspects.length, accounts, wanted };
  }

  /** Books that changed, were never read, or were read too long ago. */
  async #refresh(block: bigint, now: bigint): Promise<void> {
    const stale = [...this.book.watched].filter((account) => now - (this.#readAt.get(account) ?? 0n) >= REFRESH);
    const due = [...new Set([...this.book.takeChanged(), ...stale])];
    for (const exposed of await this.reader.accounts(due, block, now)) {
      this.#readAt.set(exposed.account, now);
      const { cash, underlyings } = exposed.holdings;
      // Without positions and debts nothing can happen to it until an event names it again.
      if (underlyings.length === 0 && cash >= 0n) this.#books.delete(exposed.account);
      else this.#books.set(exposed.account, exposed);
    }
  }

  async #act(accounts: readonly Exact[], block: bigint, now: bigint): Promise<Look['wanted']> {
    const wanted: Look['wanted'][number][] = [];
    const terms = await this.reader.terms(block);
    const bidder = await this.#bidder(block, now);
    for (const account of this.#found.keys()) if (!accounts.some((one) => one.account === account)) this.#found.delete(account);
    for (const one of accounts) {
      if (wanted.length >= this.terms.maxSteps) break;
      if (one.grade !== 'fresh' && one.grade !== 'aged') continue;
      const found = this.#found.get(one.account) ?? block;
      this.#found.set(one.account, found);
      if (block < found + liquidation.turnOf(one.account, this.sender.address, found, this.terms.turns)) continue;
      const step = liquidation.auctionStep(terms, one);
      const outcome = step !== null ? await this.#step(step, one, now) : bidder === null ? null : await this.#bid(terms, one, bidder, now);
      if (outcome !== null) wanted.push({ what: step ?? 'bid', account: one.account, outcome });
    }
    return wanted;
  }

  #step(step: liquidation.AuctionStep, { account, auction }: Exact, now: bigint): Promise<Wanted | null> {
    const id = auction === null ? 'none' : `${auction.startedAt}:${auction.lastBidAt}`;
    const data = encodeFunctionData({ abi: liquidationAbi, functionName: step, args: [account, NO_PRICES] });
    const purpose = { what: `auction-${step}`, account };
    return this.#want(`auction-${step}:${account}:${id}`, { to: this.hub.liquidation, data, purpose }, now);
  }

  async #bid(terms: liquidation.AuctionTerms, one: Exact, bidder: { free: bigint; budget: bigint }, now: bigint) {
    const { bid } = this.terms;
    if (bid === null || one.auction === null || one.account === bid.account) return null;
    const stepped = one.grade === 'aged';
    const decision = liquidation.decideBid(terms, one, { ...bidder, required: bid.required }, now, stepped);
    if (decision === null) return null;
    // A tenth of the gain is room for what changes until the bid is taken.
    const priceLimit = decision.price + decision.gain / 10n;
    const wanted = { account: one.account, bidder: bid.account, share: decision.most, priceLimit };
    const data = encodeFunctionData({ abi: liquidationAbi, functionName: 'bid', args: [wanted, NO_PRICES] });
    const key = `bid:${one.account}:${one.auction.startedAt}:${one.auction.lastBidAt}:${bid.account}`;
    const purpose = { what: 'bid', account: one.account, share: `${decision.share}`, price: `${decision.price}` };
    const outcome = await this.#want(key, { to: this.hub.liquidation, data, purpose }, now);
    if (outcome === 'sent') {
      const spent = priceLimit > 0n ? priceLimit : 0n;
      this.#pending.set(key, { price: spent, at: now });
      bidder.budget -= spent;
      bidder.free -= spent;
    }
    return outcome;
  }

  /** Null while it waits because the hub refused the same a moment ago. */
  async #want(key: string, call: HubCall, now: bigint): Promise<Wanted | null> {
    for (const [refused, at] of this.#refusedAt) if (now - at >= REFUSED) this.#refusedAt.delete(refused);
    if (this.#refusedAt.has(key)) return null;
    const outcome = await this.sender.want(key, call);
    if (outcome === 'refused') this.#refusedAt.set(key, now);
    return outcome;
  }

  /** What it may still bid with; null if it bids nothing. */
  async #bidder(block: bigint, now: bigint): Promise<{ free: bigint; budget: bigint } | null> {
    const { bid } = this.terms;
    if (bid === null) return null;
    const [own] = await this.reader.exact([bid.account], block);
    if (own === undefined || own.auction !== null) return null;
    let spent = 0n;
    for (const { bidder, price, block: at } of this.book.bids) {
      if (bidder !== bid.account || price <= 0n) continue;
      const time = this.#bidTimes.get(at) ?? (await this.client.getBlock({ blockNumber: at })).timestamp;
      this.#bidTimes.set(at, time);
      if (now - time < DAY) spent += price;
    }
    let pending = 0n;
    for (const [key, { price, at }] of this.#pending) {
      if (now - at >= PENDING) this.#pending.delete(key);
      else pending += price;
    }
    return { free: own.equity - own.initial - pending, budget: bid.budget - spent - pending };
  }
}
