import { Injectable } from '@nestjs/common';
import { ChainNames, isoOfSeconds } from './chain-names.js';
import { LiquidationFacts, type FactOf, type LiquidationFact } from './liquidation-facts.js';
import { byNumber, levyRecord, liquidationRecord, type BidRecord, type LevyRecord, type LiquidationRecord } from './liquidation-record.js';
import type { LevyView, LiquidationView } from './liquidation-views.js';
import { WithdrawalQueries } from './withdrawals.queries.js';

/** Legs of one bid's payout that are followed: no bidder names more chains. */
const MOST_LEGS = 64n;

/** Reads liquidations, what they moved on which chains, and what they cost whom. */
@Injectable()
export class LiquidationQueries {
  constructor(
    private readonly facts: LiquidationFacts,
    private readonly names: ChainNames,
    private readonly withdrawals: WithdrawalQueries,
  ) {}

  async one(id: bigint): Promise<LiquidationView | null> {
    return (await this.#liquidations([`${id}`]))[0] ?? null;
  }

  /** Newest first. @param account whose was auctioned; null: anybody's */
  async list(account: string | null, limit: number): Promise<LiquidationView[]> {
    return this.#liquidations(await this.facts.liquidations(account, limit));
  }

  /** With every registration and payment: what its ratio is made of. */
  async levy(id: bigint): Promise<LevyView | null> {
    return (await this.#levies([`${id}`], null))[0] ?? null;
  }

  /** Levies that an account was registered with, newest first, with its own registrations and payments. */
  async levies(account: string, limit: number): Promise<LevyView[]> {
    return this.#levies(await this.facts.leviesOf(account, limit), account);
  }

  async #levies(numbers: readonly string[], account: string | null): Promise<LevyView[]> {
    const told = byNumber(await this.facts.of('levy', numbers, account));
    return numbers.flatMap((number) => {
      const record = levyRecord(told.get(number) ?? []);
      return record === null ? [] : [this.#levyView(record)];
    });
  }

  async #liquidations(numbers: readonly string[]): Promise<LiquidationView[]> {
    const told = byNumber(await this.facts.of('liquidation', numbers));
    const records = numbers.flatMap((number) => liquidationRecord(told.get(number) ?? []) ?? []);
    return Promise.all(records.map((record) => this.#view(record)));
  }

  async #view(record: LiquidationRecord): Promise<LiquidationView> {
    const { start, bids, insolvencies, end, orphaned } = record;
    const undone = end?.kind === 'AuctionEnded' && end.payload.undone;
    const [payouts, levies] = await Promise.all([this.#payouts(bids), this.#leviesFor(start.account, bids)]);
    const touched = new Map<string, { eid: number; asset: number; amount: bigint }>();
    for (const { payload } of bids.flatMap(({ handed }) => handed)) {
      const { eid, asset } = payload;
      const before = touched.get(`${eid}:${asset}`)?.amount ?? 0n;
      touched.set(`${eid}:${asset}`, { eid, asset, amount: before + BigInt(payload.amount) });
    }
    return {
      id: start.number,
      kind: start.kind === 'AuctionStarted' ? 'margin' : 'shortfall',
      account: start.account,
      state: start.state === 'orphaned' ? 'orphaned' : end === null ? 'open' : undone ? 'undone' : 'ended',
      start: this.#place(start),
      margin:
        start.kind === 'AuctionStarted'
          ? {
              equityE18: start.payload.equity,
              maintenanceMarginE18: start.payload.maintenanceMargin,
              penaltyE18: start.payload.fee,
              ageSeconds: start.payload.age,
            }
          : null,
      shortfall: start.kind === 'ShortfallStarted' ? { debtE18: start.payload.debt, limitE18: start.payload.limit } : null,
      bids: bids.map((bid) => this.#bid(bid)),
      touched: [...touched.values()].map(({ eid, asset, amount }) => ({ ...this.names.asset(eid, asset), amountBaseUnits: `${amount}` })),
      payouts,
      insolvencies: insolvencies.map(({ opened, closed }) => ({
        opened: this.#place(opened),
        closed: closed === null ? null : this.#place(closed),
      })),
      levies,
      end: end === null ? null : { ...this.#place(end), undone, debtE18: end.kind === 'ShortfallEnded' ? end.payload.debt : null },
      reorged: orphaned.map((fact) => ({ stage: fact.kind, ...this.#place(fact) })),
    };
  }

  #bid({ taken, handed, insolvent, route }: BidRecord): LiquidationView['bids'][number] {
    return {
      ...this.#place(taken),
      bidder: taken.payload.bidder,
      shareE18: taken.payload.share,
      priceE18: taken.payload.price,
      cashE18: taken.kind === 'BidTaken' ? taken.payload.cash : null,
      feeE18: taken.kind === 'ShortfallBidTaken' ? taken.payload.fee : null,
      collateral: handed.map(({ payload }) => ({ ...this.names.asset(payload.eid, payload.asset), amountBaseUnits: payload.amount })),
      insolvent: insolvent === null ? null : insolventView(insolvent),
      firstClaim: route?.payload.firstClaim ?? null,
    };
  }

  /** Every leg of every route, where its claim stands. One whose block is not indexed yet is missing. */
  async #payouts(bids: readonly BidRecord[]): Promise<LiquidationView['payouts']> {
    const claims = bids.flatMap(({ route }) => {
      if (route === null) return [];
      const { bidder, firstClaim, legs } = route.payload;
      const count = BigInt(legs) < MOST_LEGS ? BigInt(legs) : MOST_LEGS;
      return Array.from({ length: Number(count) }, (_, i) => ({ bidder, claim: BigInt(firstClaim) + BigInt(i) }));
    });
    const found = await Promise.all(claims.map(async ({ bidder, claim }) => ({ bidder, told: await this.withdrawals.one(claim) })));
    return found.flatMap(({ bidder, told }) => {
      if (told === null) return [];
      const { claim, eid, chain, assetIndex, symbol, token, decimals, receiver, amountBaseUnits, state, receipted, steps } = told;
      const of = { claim, bidder, eid, chain, assetIndex, symbol, token, decimals, receiver, amountBaseUnits };
      return [{ ...of, state, receipted, steps: steps.map(({ detail: _, ...step }) => step) }];
    });
  }

  /** Levies that were opened for what its bids left uncovered, each once. */
  async #leviesFor(account: string, bids: readonly BidRecord[]): Promise<LevyView[]> {
    const opened = new Set<string>();
    for (const { taken, insolvent } of bids) {
      if (insolvent === null || insolvent.payload.deficit === '0') continue;
      const next = await this.facts.nextLevy(insolvent.payload.market, taken);
      if (next !== null) opened.add(next);
    }
    return this.#levies([...opened], account);
  }

  #levyView({ opened, closed, registrations, payments }: LevyRecord): LevyView {
    const { underlying, deficit, price, until } = opened.payload;
    return {
      ...{ id: opened.number, underlying, deficitE18: deficit, priceE18: price },
      until: isoOfSeconds(BigInt(until)),
      opened: this.#place(opened),
      closed: closed === null ? null : { ...this.#place(closed), totalE18: closed.payload.total, spreadE18: closed.payload.spread },
      registrations: registrations.map((fact) => ({
        ...this.#place(fact),
        account: fact.account,
        profitE18: fact.payload.profit,
        equityE18: fact.payload.equity,
        maintenanceMarginE18: fact.payload.maintenanceMargin,
        registeredE18: fact.payload.registered,
      })),
      payments: payments.map((fact) => ({
        ...this.#place(fact),
        account: fact.account,
        registeredE18: fact.payload.registered,
        levyE18: fact.payload.levy,
        fundE18: fact.payload.fund,
      })),
    };
  }

  #place({ block_time: at, block_number: blockNumber, tx_hash: tx, state }: LiquidationFact) {
    const eid = this.names.hubEid;
    return { at: isoOfSeconds(at), eid, chain: this.names.chain(eid), tx, final: state === 'final', blockNumber };
  }
}

const insolventView = ({ payload }: FactOf<'InsolventPaid'>) => ({
  market: payload.market,
  reserveE18: payload.reserve,
  fundE18: payload.fund,
  deficitE18: payload.deficit,
});
