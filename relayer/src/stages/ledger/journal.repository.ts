import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { accountId, cash, eid, sequence, tokenAmount, type HubEvent, type LedgerEvent, type Posting } from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod/v4';
import { toJson } from '../facts.js';

const big = z.string().transform(BigInt);
const eidField = z.number().transform(eid);
const sequenceField = big.transform(sequence);
const account = z.string().transform((value) => accountId(value as Hex)); // CAST: accountId checks that it is 32 bytes of hex.
const token = z.object({ eid: eidField, asset: z.number() });
// CAST: written from a log's bytes32.
const word = z.string().transform((value) => value as Hex);
const amount = big.transform(tokenAmount);

/** A hub event as it was stored; bigints travel as text in jsonb. */
const storedEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('AssetConfigured'), assetId: z.number(), token, decimals: z.number(), settlement: z.boolean() }),
  z.object({
    kind: z.literal('Credited'),
    account,
    srcEid: eidField,
    sequence: sequenceField,
    assetId: z.number(),
    amount,
    destination: z.enum(['collateral', 'idle', 'cash']),
  }),
  z.object({
    kind: z.literal('DepositParked'),
    srcEid: eidField,
    sequence: sequenceField,
    leaf: word,
    reason: z.string(),
  }),
  z.object({ kind: z.literal('ParkedCredited'), srcEid: eidField, sequence: sequenceField }),
  z.object({ kind: z.literal('Transferred'), from: account, to: account, assetId: z.number(), amount }),
  z.object({ kind: z.literal('CashTransferred'), from: account, to: account, amount: big.transform(cash) }),
  z.object({ kind: z.literal('Corrected'), account: account.nullable(), assetId: z.number(), booked: big }),
]);

/** A hub event with its row. */
export interface StoredHubEvent {
  readonly id: bigint;
  readonly block: bigint;
  readonly logIndex: number;
  readonly event: HubEvent;
}

/** A journal entry to be written for an event. */
export interface NewJournalEntry {
  readonly eventId: bigint;
  readonly kind: LedgerEvent['kind'];
  readonly postings: readonly Posting[];
}

/** Any constant: one writer of the journal at a time. */
const JOURNAL_LOCK = 0x6a6f7572;

/** The journal's tables. Entries and postings are only ever added. */
@Injectable()
export class JournalRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Runs `work` as the only writer of the journal. */
  exclusive<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.dataSource.transaction(async (tx) => {
      await tx.query('select pg_advisory_xact_lock($1)', [JOURNAL_LOCK]);
      return work(tx);
    });
  }

  /** Events without a journal entry, in the hub's order. */
  async open(tx: EntityManager, limit: number): Promise<StoredHubEvent[]> {
    return parseEvents(
      await tx.query(
        `select id, block_number, log_index, payload from ledger_events
         where journal_state in ('open', 'reversed') and state <> 'orphaned' and kind <> 'EntryRefused' order by block_number, log_index limit $1`,
        [limit],
      ),
    );
  }

  /** Configurations of assets, in the hub's order. */
  async assetEvents(tx: EntityManager): Promise<StoredHubEvent[]> {
    return parseEvents(
      await tx.query(
        `select id, block_number, log_index, payload from ledger_events where kind = 'AssetConfigured' and state <> 'orphaned' order by block_number, log_index`,
      ),
    );
  }

  /** Deposits among `keys` (`srcEid:sequence`) that were parked, each with the place of the event. */
  async parked(tx: EntityManager, keys: readonly string[]): Promise<Map<string, { block: bigint; logIndex: number }>> {
    const rows = await tx.query<{ key: string; block_number: string; log_index: number }[]>(
      `select src_eid || ':' || sequence as key, block_number, log_index from ledger_events
       where kind = 'DepositParked' and state <> 'orphaned'
         and (src_eid, sequence) in (select split_part(k, ':', 1)::integer, split_part(k, ':', 2)::numeric from unnest($1::text[]) k)`,
      [keys],
    );
    return new Map(rows.map((row) => [row.key, { block: BigInt(row.block_number), logIndex: row.log_index }]));
  }

  /** Deposits among `keys` (`srcEid:sequence`) as the source logs have them, by `srcEid:sequence:leaf`. */
  async deposits(tx: EntityManager, hubEid: number, keys: readonly string[]): Promise<Map<string, { asset: number; amount: bigint }>> {
    const rows = await tx.query<{ key: string; asset: number; amount: string }[]>(
      `select src_eid || ':' || sequence || ':' || leaf as key, asset, amount from log_entries
       where dst_eid = $1 and amount is not null
         and (src_eid, sequence) in (select split_part(k, ':', 1)::integer, split_part(k, ':', 2)::numeric from unnest($2::text[]) k)`,
      [hubEid, keys],
    );
    return new Map(rows.map((row) => [row.key, { asset: row.asset, amount: BigInt(row.amount) }]));
  }

  /** What the journal says of (account, asset), debit positive. */
  async balance(tx: EntityManager, accountName: string, asset: string): Promise<bigint> {
    const [row] = await tx.query<{ sum: string }[]>(
      'select coalesce(sum(amount), 0) as sum from postings where account = $1 and asset = $2',
      [accountName, asset],
    );
    return BigInt(row?.sum ?? 0);
  }

  /** Writes entries with their postings, all in two statements. */
  async append(tx: EntityManager, entries: readonly NewJournalEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await tx.query(
      `with given as (
         select * from jsonb_to_recordset($1::jsonb) as g("eventId" bigint, kind text, postings jsonb)
       ), made as (
         insert into journal_entries (event_id, kind, eid, block_number, block_hash, log_index)
         select l.id, g.kind, l.eid, l.block_number, l.block_hash, l.log_index
         from given g join ledger_events l on l.id = g."eventId" order by l.block_number, l.log_index
         returning id, event_id
       ), lines as (
         insert into postings (entry_id, line, account, asset, amount)
         select m.id, p.ordinality, p.posting ->> 'account', p.posting ->> 'asset', (p.posting ->> 'amount')::numeric
         from made m join given g on g."eventId" = m.event_id
         cross join lateral jsonb_array_elements(g.postings) with ordinality as p(posting, ordinality)
       )
       update ledger_events set journal_state = 'pending' where id in (select "eventId" from given)`,
      [toJson(entries)],
    );
  }

  /** Remembers that these events change no balance. */
  async markNothing(tx: EntityManager, ids: readonly bigint[]): Promise<void> {
    if (ids.length > 0) await tx.query(`update ledger_events set journal_state = 'none' where id = any($1::bigint[])`, [ids.map(String)]);
  }

  /** Entries whose events became final are final. @returns how many */
  async settle(tx: EntityManager): Promise<number> {
    const [row] = await tx.query<{ n: string }[]>(
      `with settled as (
         update ledger_events set journal_state = 'final' where journal_state = 'pending' and state = 'final' returning id
       ), marked as (
         insert into journal_finalities (entry_id)
         select e.id from journal_entries e join settled s on s.id = e.event_id
         where e.reverses is null and not exists (select 1 from journal_entries r where r.reverses = e.id) returning 1
       ) select count(*) as n from marked`,
    );
    return Number(row?.n ?? 0);
  }

  /** Entries whose events a reorg removed are undone by entries that reverse them. @returns how many */
  async reverse(tx: EntityManager): Promise<number> {
    const [row] = await tx.query<{ n: string }[]>(
      `with gone as (
         update ledger_events set journal_state = 'reversed' where state = 'orphaned' and journal_state in ('pending', 'final') returning id
       ), undone as (
         select e.* from journal_entries e join gone g on g.id = e.event_id
         where e.reverses is null and not exists (select 1 from journal_entries r where r.reverses = e.id)
       ), made as (
         insert into journal_entries (event_id, reverses, kind, eid, block_number, block_hash, log_index)
         select event_id, id, kind, eid, block_number, block_hash, log_index from undone order by id returning id, reverses
       ), lines as (
         insert into postings (entry_id, line, account, asset, amount)
         select m.id, p.line, p.account, p.asset, -p.amount from made m join postings p on p.entry_id = m.reverses
       ), marked as (
         insert into journal_finalities (entry_id) select m.id from made m join journal_finalities f on f.entry_id = m.reverses
       ) select count(*) as n from made`,
    );
    return Number(row?.n ?? 0);
  }
}

function parseEvents(rows: unknown): StoredHubEvent[] {
  return z
    .array(z.object({ id: big, block_number: big, log_index: z.number(), payload: storedEvent }))
    .parse(rows)
    .map(({ id, block_number, log_index, payload }) => ({ id, block: block_number, logIndex: log_index, event: payload }));
}
