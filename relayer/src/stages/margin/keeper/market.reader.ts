import { Inject, Injectable } from '@nestjs/common';
import { feedsAbi, marketsAbi } from '@lockstep/contracts';
import { accountId, risk, type AccountId, type markets } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import type { Hex } from 'viem';
import { z } from 'zod/v4';
import { Chains } from '../../../chain/chains.js';
import { unlessReverted } from '../../../sender/revert-reason.js';

/** Accounts asked for at a time. */
const BATCH = 100;
const PLACES = 256;
const STRIKE_BITS = 128n;
const FIELD = (bits: bigint): bigint => (1n << bits) - 1n;
/** Grades of a forward by which strikes may be chosen. */
const USABLE: readonly (string | undefined)[] = ['fresh', 'aged'] satisfies risk.Grade[];

// CAST: accountId checks that it is 32 bytes of hex.
const accountRows = z.array(z.object({ account: z.string().transform((text) => accountId(text as Hex)) }));

/** An account that holds options of an underlying. */
export interface OptionHolder {
  readonly account: AccountId;
  /** of the strikes in the listing */
  readonly places: readonly number[];
}

/** The hub's markets as the keeper asks them, at the newest block. */
@Injectable()
export class MarketReader {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
  ) {}

  /** Time of the newest block, seconds. */
  async now(): Promise<bigint> {
    return (await this.chains.hub.client.getBlock()).timestamp;
  }

  /** A bit for each place in use. */
  places(underlying: number): Promise<bigint> {
    return this.chains.hub.client.readContract({ ...this.#markets, functionName: 'placesOf', args: [underlying] });
  }

  /** Every strike that is listed, over or not. */
  async listed(underlying: number): Promise<markets.ListedStrike[]> {
    const bits = await this.places(underlying);
    const places = Array.from({ length: PLACES }, (_, place) => place).filter((place) => (bits >> BigInt(place)) & 1n);
    const strikes = await this.chains.hub.client.readContract({
      ...this.#markets,
      functionName: 'strikesAt',
      args: [underlying, places],
    });
    return places.map((place, index) => {
      const word = strikes[index] ?? 0n;
      return { place, strike: word & FIELD(STRIKE_BITS), expiry: (word >> STRIKE_BITS) & FIELD(40n) };
    });
  }

  /** Forwards of those expiries that have one good enough to choose strikes by; 18 decimals. */
  async forwards(underlying: number, expiries: readonly number[]): Promise<Map<bigint, bigint>> {
    const { hub } = this.chains;
    const points = await Promise.all(
      expiries.map((expiry) =>
        hub.client.readContract({
          address: hub.contract('Feeds'),
          abi: feedsAbi,
          functionName: 'point',
          args: [risk.feedId({ underlying, kind: 'forward', expiry: BigInt(expiry) })],
        }),
      ),
    );
    return new Map(
      points.flatMap(({ value, grade }, index) =>
        USABLE.includes(risk.GRADES[grade]) ? [[BigInt(expiries[index] ?? 0), value] as const] : [],
      ),
    );
  }

  /** Whether an expiry that is over has a settlement price that will not change. */
  async isSettled(underlying: number, expiry: bigint): Promise<boolean> {
    const { hub } = this.chains;
    const feeds = { address: hub.contract('Feeds'), abi: feedsAbi } as const;
    const [, , isFinal] = await hub.client.readContract({ ...feeds, functionName: 'settlement', args: [underlying, Number(expiry)] });
    return isFinal;
  }

  /** When funding of an underlying was touched last, seconds; 0: it is not listed. */
  async fundedAt(underlying: number): Promise<bigint> {
    const [, , since] = await this.chains.hub.client.readContract({ ...this.#markets, functionName: 'fundingOf', args: [underlying] });
    return BigInt(since);
  }

  /** Accounts that hold options of an underlying at any of some places: those are asked whom a trade or a slice ever named. */
  async holders(underlying: number, places: ReadonlySet<number>): Promise<OptionHolder[]> {
    const accounts = await this.#accounts(
      `with seen as (select account, counterparty from position_events where eid = $1 and state <> 'orphaned')
       select account from seen union select counterparty from seen order by 1`,
      [this.chains.hub.eid],
    );
    const found: OptionHolder[] = [];
    for (let i = 0; i < accounts.length; i += BATCH) {
      const some = accounts.slice(i, i + BATCH);
      const words = await Promise.all(
        some.map((account) =>
          unlessReverted(this.chains.hub.client.readContract({ ...this.#markets, functionName: 'holdingsOf', args: [account] })),
        ),
      );
      words.forEach((holdings, index) => {
        // One whose books the contracts cannot read out keeps no other waiting.
        if (holdings === null) return;
        const held = risk.decodeHoldings(holdings).underlyings.find((position) => position.underlying === underlying);
        const own = (held?.options ?? []).map(({ place }) => place).filter((place) => places.has(place));
        const account = some[index];
        if (account !== undefined && own.length > 0) found.push({ account, places: own });
      });
    }
    return found;
  }

  /**
   * Accounts whose cash is negative as the journal has it (there, what an account owes is a debit), those first that owe most interest: debt times
   * the time since it was booked last. So one who was left out comes sooner next time, however many there are, and dust keeps nobody waiting.
   * @param now  seconds
   * @param most of them
   */
  debtors(now: bigint, most: number): Promise<AccountId[]> {
    return this.#accounts(
      `with owing as (select account, sum(amount) as owed, max(entry_id) as last from postings where account like 'cash:%'
         group by account having sum(amount) > 0)
       select split_part(o.account, ':', 2) as account from owing o join journal_entries j on j.id = o.last join ledger_events e on e.id = j.event_id
       order by o.owed * ($1 - e.block_time) desc, o.account limit $2`,
      [now.toString(), most],
    );
  }

  async #accounts(query: string, parameters: readonly unknown[] = []): Promise<AccountId[]> {
    const rows = await this.dataSource.query<unknown[]>(query, [...parameters]);
    return accountRows.parse(rows).map(({ account }) => account);
  }

  get #markets() {
    return { address: this.chains.hub.contract('Markets'), abi: marketsAbi } as const;
  }
}
