import { collateralRulesAbi, ledgerAbi, liquidationAbi, marginAbi, shortfallsAbi } from '@lockstep/contracts';
import { liquidation, risk, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, type Address, type Hex, type PublicClient } from 'viem';
import { BidBudget } from './bid-budget.js';
import { MOST_HALVINGS } from './bidder.js';
import type { CollateralPayouts } from './collateral-payouts.js';
import { BID_GAS, gasCost } from './gas-cost.js';
import { readTerms, type LiquidationHub } from './hub.js';
import type { LiquidatorTerms } from './liquidator.js';
import type { SignedAfter } from './payouts.js';
import type { Population } from './population.js';
import { ShortfallBook } from './shortfall-book.js';
import { SignedView, wayOf, type ContractReads } from './signed-view.js';
import { Wants, type LiquidationSender } from './wants.js';

const NO_PRICES: Hex = '0x';
const FRESH = 0;
/** Interest that is due but not booked: a debt may be this much larger than the journal has it. */
const UNBOOKED_PERCENT = 5n;

/** Contracts that debts past the limit go through. */
export type ShortfallContracts = Pick<LiquidationHub, 'liquidation' | 'ledger' | 'margin' | 'rules'> & { readonly shortfalls: Address };

/** The newest block, and its time in seconds. */
interface At {
  readonly block: bigint;
  readonly now: bigint;
}

/** An account, and the prices that it was seen at. */
interface Seen extends liquidation.SeenDebtor {
  /** handed in with what is done to it; 0x: those of the hub do */
  readonly prices: Hex;
  readonly reads: ContractReads;
}

/**
 * Sees to accounts that owe more cash than the limit though they are above maintenance margin: starts and ends auctions of their collateral, and
 * bids if it may.
 */
export class ShortfallKeeper {
  readonly #wants: Wants;
  /** whose auction is open: what they owe may be nothing by now */
  readonly #book: ShortfallBook;
  readonly #view: SignedView;

  /**
   * @param from    block of the deployment
   * @param payouts null: whatever it wins stays on the account
   * @param signed  prices that nobody may have handed in: needed while those of the hub are not fresh
   * @param budget  of the bidder, who may bid elsewhere too; null: nobody bids
   */
  constructor(
    private readonly client: PublicClient,
    private readonly hub: ShortfallContracts,
    private readonly population: Pick<Population, 'debtors'>,
    sender: LiquidationSender,
    private readonly terms: Pick<LiquidatorTerms, 'bid' | 'nativePrice'>,
    from: bigint,
    private readonly payouts: CollateralPayouts | null,
    signed: SignedAfter,
    private readonly budget = BidBudget.of(client, hub, sender, terms.bid),
  ) {
    this.#view = new SignedView(client, hub.margin, signed);
    this.#wants = new Wants(sender);
    this.#book = new ShortfallBook(client, hub.shortfalls, from);
  }

  /** One look at everybody who owes that much. */
  async tend(): Promise<void> {
    const shortfalls = { address: this.hub.shortfalls, abi: shortfallsAbi } as const;
    const [{ limit }, goal, { timestamp: now, number }] = await Promise.all([
      this.client.readContract({ ...shortfalls, functionName: 'termsOf' }),
      this.client.readContract({ ...shortfalls, functionName: 'goal' }),
      this.client.getBlock(),
    ]);
    await this.#book.advance(number);
    const debtors = await this.population.debtors(goal - (goal * UNBOOKED_PERCENT) / 100n);
    const failures: unknown[] = [];
    for (const account of new Set([...debtors, ...this.#book.open]))
      await this.#tendOne(account, { limit, goal }, { block: number, now }).catch((error: unknown) => failures.push(error));
    await this.payouts?.tend(now).catch((error: unknown) => failures.push(error));
    // What is wrong with one account is no reason to leave the others.
    if (failures.length > 0) throw failures[0];
  }

  async #tendOne(account: AccountId, limits: liquidation.ShortfallLimits, at: At): Promise<void> {
    const seen = await this.#seen(account, at.now);
    const step = liquidation.shortfallStep(limits, seen);
    if (step !== null) await this.#step(account, step, seen, at.now);
    else if (seen.startedAt !== null) await this.budget?.inTurn(() => this.#bid(account, limits, seen, at));
  }

  /** Whether its prices are good enough the hub says: it leaves out dust that has no usable one, which the grade does not. */
  async #seen(account: AccountId, now: bigint): Promise<Seen> {
    const [cash, own, auction, shortfall] = await Promise.all([
      this.client.readContract({ address: this.hub.ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] }),
      this.#risk(this.client, account),
      this.client.readContract({ address: this.hub.liquidation, abi: liquidationAbi, functionName: 'auctionOf', args: [account] }),
      this.client.readContract({ address: this.hub.shortfalls, abi: shortfallsAbi, functionName: 'shortfallOf', args: [account] }),
    ]);
    const prices = own.grade === FRESH ? null : await this.#view.newest(BigInt(own.oldest), now);
    const ahead = prices === null ? this.client : this.#view.at(prices);
    const newer = prices === null ? own : await this.#risk(ahead, account);
    const isBetter = newer.grade < own.grade;
    const risk = isBetter ? newer : own;
    return {
      debt: cash < 0n ? -cash : 0n,
      equity: risk.equity,
      margin: risk.maintenanceMargin,
      inAuction: auction.id !== 0n,
      startedAt: shortfall.id === 0n ? null : BigInt(shortfall.startedAt),
      ...(isBetter && prices !== null ? { prices, reads: ahead } : { prices: NO_PRICES, reads: this.client }),
    };
  }

  #risk(reads: ContractReads, account: AccountId) {
    return reads.readContract({ address: this.hub.margin, abi: marginAbi, functionName: 'riskOf', args: [account] });
  }

  async #step(account: AccountId, step: 'start' | 'end', { startedAt, prices }: Seen, now: bigint): Promise<void> {
    const data = encodeFunctionData({ abi: shortfallsAbi, functionName: step, args: [account, prices] });
    const call = { to: this.hub.shortfalls, data, purpose: { what: `shortfall-${step}`, account } };
    await this.#wants.want(`shortfall-${step}:${account}:${startedAt ?? 'none'}`, call, now, wayOf(prices));
  }

  async #bid(account: AccountId, limits: liquidation.ShortfallLimits, seen: Seen, { block, now }: At): Promise<void> {
    const { bid, nativePrice } = this.terms;
    if (bid === null || this.budget === null || bid.account === account) return;
    const { account: bidder, budget, required } = bid;
    const [own, value, { spent, held, taken }, terms, cost] = await Promise.all([
      this.#risk(seen.reads, bidder),
      this.#collateral(seen.reads, account),
      this.budget.committed(block, now),
      readTerms(this.client, this.hub.liquidation),
      gasCost(this.client, BID_GAS, nativePrice),
    ]);
    const purse = { free: own.equity - own.initialMargin - taken, budget: budget - spent - held, required, cost };
    const decision = liquidation.decideShortfallBid(terms, limits, seen, value, purse, now);
    if (decision === null) return;
    const key = `shortfall-bid:${account}:${seen.startedAt ?? 0n}:${seen.debt}:${bidder}`;
    // What is cheapest to sell may be what keeps the debtor above maintenance margin: less of it may pass where all that is due does not.
    for (let halvings = 0n; halvings <= BigInt(MOST_HALVINGS); halvings++) {
      const most = halvings === 0n ? decision.most : decision.share >> halvings;
      const price = (decision.price >> halvings) + 1n;
      if (most === 0n) return;
      // A hundredth is room for what changes until the bid is taken, as far as the budget has it.
      const roomy = price + price / 100n;
      const limit = risk.min(roomy, purse.budget);
      const args = [account, bidder, most, limit, seen.prices] as const;
      const data = encodeFunctionData({ abi: shortfallsAbi, functionName: 'bid', args });
      const purpose = { what: 'shortfall-bid', account, share: `${halvings === 0n ? decision.share : most}`, price: `${price}` };
      const outcome = await this.#wants.want(key, { to: this.hub.shortfalls, data, purpose }, now, `${wayOf(seen.prices)}${halvings}`);
      if (outcome === 'sent') this.budget.hold(key, { price: limit, equity: limit });
      if (outcome === 'sent' || outcome === 'waiting') return;
    }
  }

  /** What of the account's collateral is for sale, before haircuts. */
  async #collateral(reads: ContractReads, account: AccountId): Promise<bigint> {
    const { ledger, rules } = this.hub;
    const [, words] = await this.client.readContract({ address: ledger, abi: ledgerAbi, functionName: 'packedBookOf', args: [account] });
    const offers = await reads.readContract({ address: rules, abi: collateralRulesAbi, functionName: 'offersOf', args: [words] });
    return offers.reduce((sum, { value, rate }) => (rate > 0n ? sum + value : sum), 0n);
  }
}
