import { collateralRulesAbi, ledgerAbi, liquidationAbi, marginAbi, shortfallsAbi } from '@lockstep/contracts';
import { liquidation, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, type Address, type Hex, type PublicClient } from 'viem';
import { blockBefore } from './block-before.js';
import type { CollateralPayouts } from './collateral-payouts.js';
import { BID_GAS, gasCost } from './gas-cost.js';
import { readTerms, type LiquidationHub } from './hub.js';
import type { LiquidatorTerms } from './liquidator.js';
import type { Population } from './population.js';
import { ShortfallBook } from './shortfall-book.js';
import { Wants, type LiquidationSender } from './wants.js';

const DAY = 86_400n;
const NO_PRICES: Hex = '0x';
/** `Grade.Aged`: the worst that counts. */
const AGED = 1;
/** Interest that is due but not booked: a debt may be this much larger than the journal has it. */
const UNBOOKED_PERCENT = 5n;

/** Contracts that debts past the limit go through. */
export type ShortfallContracts = Pick<LiquidationHub, 'liquidation' | 'ledger' | 'margin' | 'rules'> & { readonly shortfalls: Address };

/**
 * Sees to accounts that owe more cash than the limit though they are above maintenance margin: starts and ends auctions of their collateral, and
 * bids if it may.
 */
export class ShortfallKeeper {
  readonly #wants: Wants;
  /** whose auction is open: what they owe may be nothing by now */
  readonly #book: ShortfallBook;

  /**
   * @param from    block of the deployment
   * @param payouts null: whatever it wins stays on the account
   */
  constructor(
    private readonly client: PublicClient,
    private readonly hub: ShortfallContracts,
    private readonly population: Pick<Population, 'debtors'>,
    sender: LiquidationSender,
    private readonly terms: Pick<LiquidatorTerms, 'bid' | 'nativePrice'>,
    from: bigint,
    private readonly payouts: CollateralPayouts | null,
  ) {
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
      await this.#tendOne(account, { limit, goal }, now).catch((error: unknown) => failures.push(error));
    await this.payouts?.tend(now).catch((error: unknown) => failures.push(error));
    // What is wrong with one account is no reason to leave the others.
    if (failures.length > 0) throw failures[0];
  }

  async #tendOne(account: AccountId, limits: liquidation.ShortfallLimits, now: bigint): Promise<void> {
    const seen = await this.#seen(account);
    if (seen === null) return;
    const step = liquidation.shortfallStep(limits, seen);
    if (step !== null) await this.#step(account, step, seen, now);
    else if (seen.startedAt !== null) await this.#bid(account, limits, seen, now);
  }

  /** Null: its prices are not good enough to say. */
  async #seen(account: AccountId): Promise<liquidation.SeenDebtor | null> {
    const [cash, risk, auction, shortfall] = await Promise.all([
      this.client.readContract({ address: this.hub.ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] }),
      this.client.readContract({ address: this.hub.margin, abi: marginAbi, functionName: 'riskOf', args: [account] }),
      this.client.readContract({ address: this.hub.liquidation, abi: liquidationAbi, functionName: 'auctionOf', args: [account] }),
      this.client.readContract({ address: this.hub.shortfalls, abi: shortfallsAbi, functionName: 'shortfallOf', args: [account] }),
    ]);
    if (risk.grade > AGED) return null;
    return {
      debt: cash < 0n ? -cash : 0n,
      equity: risk.equity,
      margin: risk.maintenanceMargin,
      inAuction: auction.id !== 0n,
      startedAt: shortfall.id === 0n ? null : BigInt(shortfall.startedAt),
    };
  }

  async #step(account: AccountId, step: 'start' | 'end', { startedAt }: liquidation.SeenDebtor, now: bigint): Promise<void> {
    const data = encodeFunctionData({ abi: shortfallsAbi, functionName: step, args: [account, NO_PRICES] });
    const call = { to: this.hub.shortfalls, data, purpose: { what: `shortfall-${step}`, account } };
    await this.#wants.want(`shortfall-${step}:${account}:${startedAt ?? 'none'}`, call, now);
  }

  async #bid(account: AccountId, limits: liquidation.ShortfallLimits, seen: liquidation.SeenDebtor, now: bigint): Promise<void> {
    const { bid, nativePrice } = this.terms;
    if (bid === null || bid.account === account) return;
    const { account: bidder, budget, required } = bid;
    const [own, value, spent, terms, cost] = await Promise.all([
      this.client.readContract({ address: this.hub.margin, abi: marginAbi, functionName: 'riskOf', args: [bidder] }),
      this.#collateral(account),
      this.#spent(bidder, now),
      readTerms(this.client, this.hub.liquidation),
      gasCost(this.client, BID_GAS, nativePrice),
    ]);
    const free = own.equity - own.initialMargin;
    const decision = liquidation.decideShortfallBid(terms, limits, seen, value, { free, budget: budget - spent, required, cost }, now);
    if (decision === null) return;
    // A hundredth is room for what changes until the bid is taken.
    const priceLimit = decision.price + decision.price / 100n;
    const args = [account, bidder, decision.most, priceLimit, NO_PRICES] as const;
    const data = encodeFunctionData({ abi: shortfallsAbi, functionName: 'bid', args });
    const purpose = { what: 'shortfall-bid', account, share: `${decision.share}`, price: `${decision.price}` };
    const key = `shortfall-bid:${account}:${seen.startedAt ?? 0n}:${seen.debt}:${bidder}`;
    await this.#wants.want(key, { to: this.hub.shortfalls, data, purpose }, now);
  }

  /** What the account's collateral comes to before haircuts. */
  async #collateral(account: AccountId): Promise<bigint> {
    const { ledger, rules } = this.hub;
    const [, words] = await this.client.readContract({ address: ledger, abi: ledgerAbi, functionName: 'holdingsOf', args: [account] });
    return (await this.client.readContract({ address: rules, abi: collateralRulesAbi, functionName: 'valueOf', args: [words] })).total;
  }

  /** What the bidder paid in a day, in auctions of either kind. */
  async #spent(bidder: AccountId, now: bigint): Promise<bigint> {
    const fromBlock = await blockBefore(this.client, now - DAY);
    const [slices, collateral] = await Promise.all([
      this.client.getContractEvents({
        ...{ address: this.hub.liquidation, abi: liquidationAbi, eventName: 'BidTaken', args: { bidder }, fromBlock, strict: true },
      }),
      this.client.getContractEvents({
        ...{ address: this.hub.shortfalls, abi: shortfallsAbi, eventName: 'ShortfallBidTaken', args: { bidder }, fromBlock, strict: true },
      }),
    ]);
    const paid = [...slices, ...collateral].map(({ args }) => args.price);
    return paid.reduce((sum, price) => (price > 0n ? sum + price : sum), 0n);
  }
}
