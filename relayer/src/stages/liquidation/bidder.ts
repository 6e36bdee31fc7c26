import { liquidationAbi } from '@lockstep/contracts';
import { liquidation, risk, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, type Hex, type PublicClient } from 'viem';
import { firstLine } from '../../chain/error-fields.js';
import type { HubCall } from '../hub-calls.js';
import type { BidBudget } from './bid-budget.js';
import { BID_GAS, gasCost } from './gas-cost.js';
import type { LiquidationHub } from './hub.js';
import type { Exact, HubReader } from './hub.reader.js';
import type { Payouts, PayoutTerms } from './payouts.js';
import { wayOf } from './signed-view.js';
import type { Wants } from './wants.js';

/** What it bids with. Money is cash, 18 decimals. */
export interface Bidding {
  readonly account: AccountId;
  /** most cash paid in a day */
  readonly budget: bigint;
  /** least gain, as a share of the maintenance margin taken over, wad */
  readonly required: bigint;
  /** null: what it wins stays on the account */
  readonly payout: PayoutTerms | null;
}

/** What it may bid with in one look; falls with every bid. */
export interface Purse {
  free: bigint;
  budget: bigint;
  readonly cash: bigint;
  /** gas of a bid, cash */
  readonly cost: bigint;
}

interface Made {
  readonly wanted: { readonly account: AccountId; readonly bidder: AccountId; readonly share: bigint; readonly priceLimit: bigint };
  readonly decision: liquidation.BidDecision;
  readonly purse: Purse;
}

/** One size of a bid. */
interface Attempt {
  readonly one: Exact;
  readonly auction: liquidation.WatchedAuction;
  readonly decision: liquidation.BidDecision;
  readonly purse: Purse;
  readonly halvings: number;
}

type Routed =
  { readonly call: Pick<HubCall, 'to' | 'data'>; readonly told: string } | { readonly call: null; readonly told: string | null };

/** Part of the gain that is room for what changes until the bid is taken. */
const TOLERANCE = 10n;
/**
 * A bid is counted as so many times the equity above initial margin that its share took where it was: positions that add to what the bidder holds
 * take more than alone, and how much is known once the bid is over. Meanwhile what is left must not be promised to others.
 */
const CAUTION = 4n;
/** A bid that the hub refuses is tried at half, so often at most. */
export const MOST_HALVINGS = 3;

/** Bids for one account, within its equity, its budget and what it asks for. */
export class Bidder {
  /**
   * @param nativePrice cash for one coin in which gas is paid; 0: gas counts nothing
   * @param payouts     null: whatever it wins stays on the account
   */
  constructor(
    private readonly client: Pick<PublicClient, 'getGasPrice'>,
    private readonly hub: Pick<LiquidationHub, 'liquidation'>,
    private readonly budget: Pick<BidBudget, 'committed' | 'hold'>,
    private readonly reader: Pick<HubReader, 'exact' | 'cashOf'>,
    private readonly wants: Wants,
    private readonly bidding: Bidding,
    private readonly nativePrice: bigint,
    private readonly payouts: Pick<Payouts, 'ofBid'> | null,
  ) {}

  /**
   * What it may still bid with; null if it bids nothing.
   * @param reader at the prices it will bid at
   */
  async purse(block: bigint, now: bigint, reader: Pick<HubReader, 'exact'> = this.reader): Promise<Purse | null> {
    const { account, budget } = this.bidding;
    const [[own], cash] = await Promise.all([reader.exact([account], block), this.reader.cashOf(account, block)]);
    if (own === undefined || own.auction !== null) return null;
    const { spent, held, taken } = await this.budget.committed(block, now);
    const cost = await gasCost(this.client, BID_GAS, this.nativePrice);
    return { free: own.equity - own.initial - taken, budget: budget - spent - held, cash: cash - held, cost };
  }

  /**
   * Null: it waits. What it takes, and what is kept for more of the same account in the next minute, the purse has no longer for those behind it.
   * @param prices handed in with it, at which `one` is valued; 0x: those of the hub
   */
  async bid(terms: liquidation.AuctionTerms, one: Exact, purse: Purse, block: bigint, now: bigint, prices: Hex = '0x') {
    const { account, required } = this.bidding;
    if (one.auction === null || one.account === account) return null;
    const before = purse.free;
    const kept = liquidation.keptFor(terms, one, { ...purse, required }, now, one.grade !== 'fresh');
    let outcome: 'sent' | 'waiting' | 'refused' | null = null;
    let asked = -1n;
    // A slice may need more margin beside what the bidder holds than its share of the account's own, which only the hub knows.
    for (let halvings = 0; halvings <= MOST_HALVINGS; halvings++) {
      const free = before >> BigInt(halvings);
      const decision = liquidation.decideBid(terms, one, { ...purse, free, required }, now, one.grade !== 'fresh');
      if (decision === null) break;
      if (decision.most === asked) continue;
      asked = decision.most;
      outcome = await this.#bid({ one, auction: one.auction, decision, purse, halvings }, block, now, prices);
      if (outcome === 'sent' || outcome === 'waiting') break;
    }
    // Nothing is kept for what the hub refuses.
    if (asked === -1n || outcome === 'sent' || outcome === 'waiting') purse.free = risk.min(purse.free, before - kept);
    return outcome;
  }

  async #bid({ one, auction, decision, purse, halvings }: Attempt, block: bigint, now: bigint, prices: Hex) {
    const { account } = this.bidding;
    // As far as the budget has it.
    const priceLimit = risk.min(decision.ceiling + decision.gain / TOLERANCE, risk.max(decision.price, purse.budget));
    const wanted = { account: one.account, bidder: account, share: decision.most, priceLimit };
    const key = `bid:${one.account}:${auction.startedAt}:${auction.lastBidAt}:${account}`;
    const purpose = { what: 'bid', account: one.account, share: `${decision.share}`, price: `${decision.price}` };
    const routed = await this.#routed(key, one, { wanted, decision, purse }, block, now);
    let outcome =
      routed.call === null
        ? null
        : await this.wants.want(key, { ...routed.call, purpose: { ...purpose, payout: routed.told } }, now, `payout${halvings}`);
    if (outcome !== 'sent' && outcome !== 'waiting') {
      const data = encodeFunctionData({ abi: liquidationAbi, functionName: 'bid', args: [wanted, prices] });
      const told = routed.told === null ? purpose : { ...purpose, payout: `none: ${routed.call === null ? routed.told : 'refused'}` };
      outcome = await this.wants.want(key, { to: this.hub.liquidation, data, purpose: told }, now, `${wayOf(prices)}${halvings}`);
    }
    if (outcome === 'sent') {
      // What was refused at twice the size takes twice as much.
      const taken = risk.min((CAUTION * decision.commits) << BigInt(halvings), purse.free);
      this.budget.hold(key, { price: priceLimit, equity: taken });
      purse.budget -= risk.max(0n, priceLimit);
      purse.free -= taken;
    }
    return outcome;
  }

  /**
   * The bid with its payout, and how it is told. No call: there is none to be made, or `told` says what kept it. A bid whose payout failed once is
   * made without: the auction does not wait for the bidder's money, whatever is the matter with it.
   */
  async #routed(key: string, one: Exact, { wanted, decision, purse }: Made, block: bigint, now: bigint): Promise<Routed> {
    if (this.payouts === null) return { call: null, told: null };
    if ((await this.wants.became(key))?.state === 'failed') return { call: null, told: 'failed before' };
    try {
      const sold = { ...one, cash: await this.reader.cashOf(one.account, block), reserve: one.auction?.reserve ?? 0n };
      // The payout has to be carried by the share as it is now, and by what it may have become of a step that refills.
      const won = (bid: liquidation.BidDecision): bigint =>
        liquidation.winnings(bid, bid.price + decision.gain / TOLERANCE, { sold, bidder: purse });
      const cash = risk.min(won(decision), won(liquidation.refilled(decision)));
      return (await this.payouts.ofBid(wanted, cash, block, now)) ?? { call: null, told: null };
    } catch (error) {
      return { call: null, told: firstLine(error) };
    }
  }
}
