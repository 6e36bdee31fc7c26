import { Inject, Injectable } from '@nestjs/common';
import { collateralRulesAbi, ledgerAbi, liquidationAbi, marginAbi, shortfallsAbi } from '@lockstep/contracts';
import { accountId, liquidation, type AccountId } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import { encodeFunctionData, type Address, type Hex } from 'viem';
import { z } from 'zod/v4';
import { Chains } from '../../chain/chains.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import type { HubCalls } from '../hub-calls.js';
import { blockBefore } from './block-before.js';
import { LIQUIDATION_CALLS } from './calls.js';
import { BID_GAS, gasCost } from './gas-cost.js';
import { liquidatorTerms } from './parameters.js';
import { ShortfallBook } from './shortfall-book.js';

const DAY = 86_400n;
const NO_PRICES: Hex = '0x';
/** `Grade.Aged`: the worst that counts. */
const AGED = 1;
/** Interest that is due but not booked: a debt may be this much larger than the journal has it. */
const UNBOOKED_PERCENT = 5n;

// CAST: accountId checks that it is 32 bytes of hex.
const accountRows = z.array(z.object({ account: z.string().transform((text) => accountId(text as Hex)) }));

interface Hub {
  readonly shortfalls: Address;
  readonly liquidation: Address;
  readonly ledger: Address;
  readonly margin: Address;
}

/**
 * Sees to accounts that owe more cash than the limit though they are above maintenance margin: starts and ends auctions of their collateral, and
 * bids if it may. Who owes is known from the journal, everything else from the chain.
 */
@Injectable()
export class ShortfallKeeper {
  /** whose auction is open: what they owe may be nothing by now */
  #book: ShortfallBook | null = null;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'liquidation'>,
    @Inject(LIQUIDATION_CALLS) private readonly calls: HubCalls,
  ) {}

  /** One look at everybody who owes that much. */
  async tend(): Promise<void> {
    const hub = this.#hub();
    if (hub === null) return;
    const { client } = this.chains.hub;
    const shortfalls = { address: hub.shortfalls, abi: shortfallsAbi } as const;
    const [{ limit }, goal, { timestamp: now, number }] = await Promise.all([
      client.readContract({ ...shortfalls, functionName: 'termsOf' }),
      client.readContract({ ...shortfalls, functionName: 'goal' }),
      client.getBlock(),
    ]);
    const book = (this.#book ??= new ShortfallBook(client, hub.shortfalls, BigInt(this.chains.hub.live.deployedAt.block)));
    await book.advance(number);
    const debtors = await this.#debtors(goal - (goal * UNBOOKED_PERCENT) / 100n);
    const failures: unknown[] = [];
    for (const account of new Set([...debtors, ...book.open]))
      await this.#tendOne(hub, account, { limit, goal }, now).catch((error: unknown) => failures.push(error));
    // What is wrong with one account is no reason to leave the others.
    if (failures.length > 0) throw failures[0];
  }

  async #tendOne(hub: Hub, account: AccountId, limits: liquidation.ShortfallLimits, now: bigint): Promise<void> {
    const seen = await this.#seen(hub, account);
    if (seen === null) return;
    const step = liquidation.shortfallStep(limits, seen);
    if (step !== null) await this.#step(hub, account, step, seen);
    else if (seen.startedAt !== null) await this.#bid(hub, account, limits, seen, now);
  }

  #hub(): Hub | null {
    const { hub } = this.chains;
    const [shortfalls, of] = [hub.find('Shortfalls'), hub.find('Liquidation')];
    if (shortfalls === null || of === null) return null;
    return { shortfalls, liquidation: of, ledger: hub.contract('Ledger'), margin: hub.contract('Margin') };
  }

  /** Accounts that owe so much as the journal has it: there, what an account owes is a debit. */
  async #debtors(least: bigint): Promise<AccountId[]> {
    const rows: unknown = await this.dataSource.query(
      `select split_part(account, ':', 2) as account from postings where account like 'cash:%' group by 1 having sum(amount) > $1 order by 1`,
      [least.toString()],
    );
    return accountRows.parse(rows).map(({ account }) => account);
  }

  /** Null: its prices are not good enough to say. */
  async #seen(hub: Hub, account: AccountId): Promise<liquidation.SeenDebtor | null> {
    const { client } = this.chains.hub;
    const [cash, risk, auction, shortfall] = await Promise.all([
      client.readContract({ address: hub.ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] }),
      client.readContract({ address: hub.margin, abi: marginAbi, functionName: 'riskOf', args: [account] }),
      client.readContract({ address: hub.liquidation, abi: liquidationAbi, functionName: 'auctionOf', args: [account] }),
      client.readContract({ address: hub.shortfalls, abi: shortfallsAbi, functionName: 'shortfallOf', args: [account] }),
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

  async #step({ shortfalls }: Hub, account: AccountId, step: 'start' | 'end', { startedAt }: liquidation.SeenDebtor): Promise<void> {
    const data = encodeFunctionData({ abi: shortfallsAbi, functionName: step, args: [account, NO_PRICES] });
    await this.calls.want(`shortfall-${step}:${account}:${startedAt ?? 'none'}`, {
      to: shortfalls,
      data,
      purpose: { what: `shortfall-${step}`, account },
    });
  }

  async #bid(hub: Hub, account: AccountId, limits: liquidation.ShortfallLimits, seen: liquidation.SeenDebtor, now: bigint): Promise<void> {
    const { bid, nativePrice } = liquidatorTerms(this.config.liquidation);
    if (bid === null || bid.account === account) return;
    const { account: bidder, budget, required } = bid;
    const { client } = this.chains.hub;
    const [own, value, spent, terms, cost] = await Promise.all([
      client.readContract({ address: hub.margin, abi: marginAbi, functionName: 'riskOf', args: [bidder] }),
      this.#collateral(hub, account),
      this.#spent(hub, bidder, now),
      this.#terms(hub),
      gasCost(client, BID_GAS, nativePrice),
    ]);
    const free = own.equity - own.initialMargin;
    const decision = liquidation.decideShortfallBid(terms, limits, seen, value, { free, budget: budget - spent, required, cost }, now);
    if (decision === null) return;
    // A hundredth is room for what changes until the bid is taken.
    const priceLimit = decision.price + decision.price / 100n;
    const args = [account, bidder, decision.most, priceLimit, NO_PRICES] as const;
    const data = encodeFunctionData({ abi: shortfallsAbi, functionName: 'bid', args });
    const purpose = { what: 'shortfall-bid', account, share: `${decision.share}`, price: `${decision.price}` };
    await this.calls.want(`shortfall-bid:${account}:${seen.startedAt ?? 0n}:${seen.debt}:${bidder}`, { to: hub.shortfalls, data, purpose });
  }

  /** What the account's collateral comes to before haircuts. */
  async #collateral({ shortfalls, ledger }: Hub, account: AccountId): Promise<bigint> {
    const { client } = this.chains.hub;
    const [rules, [, words]] = await Promise.all([
      client.readContract({ address: shortfalls, abi: shortfallsAbi, functionName: 'collateralRules' }),
      client.readContract({ address: ledger, abi: ledgerAbi, functionName: 'holdingsOf', args: [account] }),
    ]);
    return (await client.readContract({ address: rules, abi: collateralRulesAbi, functionName: 'valueOf', args: [words] })).total;
  }

  /** What the bidder paid in a day, in auctions of either kind. */
  async #spent(hub: Hub, bidder: AccountId, now: bigint): Promise<bigint> {
    const { client } = this.chains.hub;
    const fromBlock = await blockBefore(client, now - DAY);
    const [slices, collateral] = await Promise.all([
      client.getContractEvents({
        ...{ address: hub.liquidation, abi: liquidationAbi, eventName: 'BidTaken', args: { bidder }, fromBlock, strict: true },
      }),
      client.getContractEvents({
        ...{ address: hub.shortfalls, abi: shortfallsAbi, eventName: 'ShortfallBidTaken', args: { bidder }, fromBlock, strict: true },
      }),
    ]);
    const paid = [...slices, ...collateral].map(({ args }) => args.price);
    return paid.reduce((sum, price) => (price > 0n ? sum + price : sum), 0n);
  }

  async #terms({ liquidation: address }: Hub): Promise<liquidation.AuctionTerms> {
    const { fastSeconds, slowSeconds, resumeSeconds, insolventSeconds, coolOff, ...rest } = await this.chains.hub.client.readContract({
      ...{ address, abi: liquidationAbi, functionName: 'termsOf' },
    });
    return {
      ...rest,
      ...{ fastSeconds: BigInt(fastSeconds), slowSeconds: BigInt(slowSeconds), resumeSeconds: BigInt(resumeSeconds) },
      ...{ insolventSeconds: BigInt(insolventSeconds), coolOff: BigInt(coolOff) },
    };
  }
}
