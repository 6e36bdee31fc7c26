import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { z } from 'zod/v4';
import { hex } from './view-fields.js';

const place = {
  number: z.string(),
  account: hex.nullable(),
  block_number: z.string(),
  block_time: z.string(),
  tx_hash: hex,
  log_index: z.int(),
  state: z.enum(['pending', 'final', 'orphaned']),
};
const uint = z.string().regex(/^\d+$/);
const int = z.string().regex(/^-?\d+$/);
const event = <K extends string, P extends z.ZodRawShape>(kind: K, payload: P) =>
  z.object({ ...place, kind: z.literal(kind), payload: z.object(payload) });
/** What is told of one account. */
const own = <K extends string, P extends z.ZodRawShape>(kind: K, payload: P) => event(kind, payload).extend({ account: hex });

const facts = z.array(
  z.discriminatedUnion('kind', [
    own('AuctionStarted', { equity: int, maintenanceMargin: uint, fee: uint, age: uint }),
    own('BidTaken', { bidder: hex, share: uint, price: int, cash: int }),
    event('InsolventPaid', { market: z.int(), reserve: uint, fund: uint, deficit: uint }),
    own('InsolvencyOpened', {}),
    own('InsolvencyClosed', {}),
    own('AuctionEnded', { undone: z.boolean() }),
    own('ShortfallStarted', { debt: uint, limit: uint }),
    own('ShortfallBidTaken', { bidder: hex, share: uint, price: uint, fee: uint }),
    own('ShortfallEnded', { debt: uint }),
    own('AssetHandedOver', { to: hex, eid: z.int(), asset: z.int(), amount: uint }),
    event('RouteChosen', { bidder: hex, firstClaim: uint, legs: uint }),
    event('LevyOpened', { underlying: z.int(), deficit: uint, price: uint, until: z.int() }),
    own('Registered', { profit: uint, equity: int, maintenanceMargin: uint, registered: uint }),
    event('LevyClosed', { deficit: uint, total: uint, spread: uint }),
    own('LevyPaid', { registered: uint, levy: uint, fund: uint }),
  ]),
);

/** An event of an auction or a levy, as it was recorded. */
export type LiquidationFact = z.output<typeof facts>[number];
export type FactOf<K extends LiquidationFact['kind']> = Extract<LiquidationFact, { readonly kind: K }>;

const numbers = z.array(z.object({ number: z.string() }));
const STARTS = `kind in ('AuctionStarted', 'ShortfallStarted')`;
/** In the order in which it happened. */
const BY_PLACE = 'order by number, block_number, log_index, id';

/** Collects what the hub told of auctions and levies. */
@Injectable()
export class LiquidationFacts {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Numbers of liquidations, newest first. @param account whose; null: anybody's */
  async liquidations(account: string | null, limit: number): Promise<string[]> {
    const rows: unknown = await this.dataSource.query(
      `select number::text as number from liquidation_events where ${STARTS} and ($1::text is null or account = $1)
       group by number order by max(block_number) desc, liquidation_events.number desc limit $2`,
      [account, limit],
    );
    return numbers.parse(rows).map(({ number }) => number);
  }

  /** Numbers of levies that an account was registered with, newest first. */
  async leviesOf(account: string, limit: number): Promise<string[]> {
    const rows: unknown = await this.dataSource.query(
      `select number::text as number from liquidation_events where family = 'levy' and account = $1 and state <> 'orphaned'
       group by number order by liquidation_events.number desc limit $2`,
      [account, limit],
    );
    return numbers.parse(rows).map(({ number }) => number);
  }

  /** For each place of a deficit, the number of the levy that was opened for it next; one that opened before it is not for it. */
  async nextLevy(market: number, after: { readonly block_number: string; readonly log_index: number }): Promise<string | null> {
    const rows: unknown = await this.dataSource.query(
      `select number::text as number from liquidation_events
       where kind = 'LevyOpened' and state <> 'orphaned' and (payload->>'underlying')::int = $1 and (block_number, log_index) > ($2::bigint, $3::int)
       order by block_number, log_index limit 1`,
      [market, after.block_number, after.log_index],
    );
    return numbers.parse(rows)[0]?.number ?? null;
  }

  /** Everything told of these, orphaned too. @param account of levies: leave out what is told of others */
  async of(family: 'liquidation' | 'levy', which: readonly string[], account: string | null = null): Promise<LiquidationFact[]> {
    if (which.length === 0) return [];
    const rows: unknown = await this.dataSource.query(
      `select number::text, account, kind, payload, block_number::text, block_time::text, tx_hash, log_index, state from liquidation_events
       where family = $1 and number = any($2::numeric[]) and ($3::text is null or account is null or account = $3) ${BY_PLACE}`,
      [family, which, account],
    );
    return facts.parse(rows);
  }
}
