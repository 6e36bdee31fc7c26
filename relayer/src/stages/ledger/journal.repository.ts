import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  accountId,
  cash,
  eid,
  sequence,
  tokenAmount,
  type HubEvent,
  type LedgerEvent,
  type Posting,
  type TokenAmount,
} from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod/v4';

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
  z.object({ kind: z.enum(['Reserved', 'Unreserved']), account, token, units: amount, source: z.enum(['balance', 'cash', 'suspense']) }),
  z.object({
    kind: z.enum(['CashQueued', 'CashUnqueued', 'InterestCharged', 'InterestCollected', 'LossSpread', 'LossCharged']),
    account,
    amount: big.transform(cash),
  }),
  z.object({ kind: z.literal('AssetWrittenDown'), token, balances: amount, free: amount, bearer: account }),
  z.object({ kind: z.literal('BalanceWrittenDown'), account, assetId: z.number(), held: amount, kept: amount }),
  z.object({ kind: z.literal('CashChanged'), account, change: big }),
  z.object({ kind: z.enum(['Released', 'Reinstated']), token, units: amount }),
  z.object({ kind: z.literal('Corrected'), account: account.nullable(), assetId: z.number(), booked: big }),
]);

/** A hub event with its row. */
export interface StoredHubEvent {
  readonly id: bigint;
  readonly eid: number;
  readonly block: bigint;
  readonly blockHash: string;
  readonly logIndex: number;
  readonly event: HubEvent;
}

/** An event the journal has to look at, what it wrote for it so far, and what the events before it say. */
export interface QueuedEvent extends StoredHubEvent {
  readonly state: 'pending' | 'final' | 'orphaned';
  /** 0: a reorg took it, 1: it is there. An event may be queued as both. */
  readonly rank: number;
  /** entry that stands for it */
  readonly entry: bigint | null;
  /** that entry is final */
  readonly settled: boolean;
  /** a credit's deposit was parked by an earlier event */
  readonly wasParked: boolean;
  /** a parked deposit as the log of its chain has it, null if that is not known so far */
  readonly deposit: { readonly asset: number; readonly amount: TokenAmount } | null;
}

/** An event's row as the database gives it; what the event says is still to be read. */
interface StoredRow {
  readonly id: string;
  readonly eid: number;
  readonly block_number: string;
  readonly block_hash: string;
  readonly log_index: number;
  readonly payload: unknown;
}

/** A row of the queue, in which bigints are text. */
export interface QueuedRow extends StoredRow {
  readonly kind: string;
  readonly state: QueuedEvent['state'];
  readonly rank: number;
  readonly entry: string | null;
  readonly settled: boolean;
  readonly was_parked: boolean;
  readonly deposit: { readonly asset: number; readonly amount: string } | null;
}

/** A journal entry to be written for an event. */
export interface NewJournalEntry {
  readonly source: QueuedEvent;
  readonly kind: LedgerEvent['kind'];
  readonly postings: readonly Posting[];
}

/** Ids of entries to come, reserved many at a time: a trip to the database for each statement would cost more than the gaps that are left. */
export class EntryIds {
  #next = 0n;
  #end = 0n;

  /** @param most that are expected to be taken */
  constructor(
    private readonly tx: EntityManager,
    private readonly most: number,
  ) {}

  /** Consecutive ones: this is the only writer. */
  async take(count: number): Promise<bigint[]> {
    if (this.#end - this.#next < BigInt(count)) await this.#reserve(Math.max(count, this.most));
    const first = this.#next;
    this.#next += BigInt(count);
    return Array.from({ length: count }, (_, i) => first + BigInt(i));
  }

  async #reserve(count: number): Promise<void> {
    const sequence = `pg_get_serial_sequence('journal_entries', 'id')`;
    const [row] = await this.tx.query<{ last: string }[]>(`select setval(${sequence}, nextval(${sequence}) + $1 - 1) as last`, [count]);
    if (row === undefined) throw new Error('the journal gave no ids');
    this.#end = BigInt(row.last) + 1n;
    this.#next = this.#end - BigInt(count);
  }
}

/** The journal's tables. Entries and postings are only ever added. */
@Injectable()
export class JournalRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * Runs `work` as the only writer of the journal, while nobody adds to its queue: whoever did has committed, so the events are read as
   * they were when they were queued or later, and no change of them is taken off the queue unseen.
   */
  exclusive<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.dataSource.transaction(async (tx) => {
      await tx.query('lock table journal_queue in share row exclusive mode');
      return work(tx);
    });
  }

  /** What the journal has to look at next: what a reorg took first, then in the hub's order. */
  queued(tx: EntityManager, hubEid: number, limit: number): Promise<QueuedRow[]> {
    return tx.query<QueuedRow[]>(
      `select l.id, l.eid, l.block_number, l.block_hash, l.log_index, l.kind, l.payload, l.state, q.rank, e.id as entry,
              exists (select 1 from journal_finalities f where f.entry_id = e.id) as settled,
              l.kind = 'Credited' and exists (
                select 1 from ledger_events p
                where p.kind = 'DepositParked' and p.state <> 'orphaned' and p.src_eid = l.src_eid and p.sequence = l.sequence
                  and (p.block_number, p.log_index) < (l.block_number, l.log_index)
              ) as was_parked,
              case l.kind when 'DepositParked' then (
                select jsonb_build_object('asset', d.asset, 'amount', d.amount::text) from log_entries d
                where d.src_eid = l.src_eid and d.sequence = l.sequence and d.dst_eid = $1 and d.leaf = l.payload ->> 'leaf' and d.amount is not null
                limit 1
              ) end as deposit
       from (select * from journal_queue order by rank, block_number, log_index, event_id limit $2) q
       join ledger_events l on l.id = q.event_id
       left join lateral (
         select e.id from journal_entries e
         where e.event_id = q.event_id and e.reverses is null and not exists (select 1 from journal_entries r where r.reverses = e.id) limit 1
       ) e on true
       order by q.rank, q.block_number, q.log_index, q.event_id`,
      [hubEid, limit],
    );
  }

  /** Takes events off the queue: all up to and including `last`, but for those that wait. */
  async done(tx: EntityManager, last: QueuedRow, waiting: readonly QueuedEvent[]): Promise<void> {
    await tx.query(
      `delete from journal_queue where (rank, block_number, log_index, event_id) <= ($1, $2, $3, $4) and event_id <> all ($5::bigint[])`,
      [last.rank, last.block_number, last.log_index, last.id, arrayOf(waiting.map(({ id }) => id))],
    );
  }

  /** Configurations of assets, in the hub's order. */
  async assetEvents(tx: EntityManager): Promise<StoredHubEvent[]> {
    const rows = await tx.query<StoredRow[]>(
      `select id, eid, block_number, block_hash, log_index, payload from ledger_events where kind = 'AssetConfigured' and state <> 'orphaned' order by block_number, log_index`,
    );
    return rows.map(storedOf);
  }

  /** What the journal says of (account, asset), debit positive. */
  async balance(tx: EntityManager, accountName: string, asset: string): Promise<bigint> {
    const [row] = await tx.query<{ sum: string }[]>(
      'select coalesce(sum(amount), 0) as sum from postings where account = $1 and asset = $2',
      [accountName, asset],
    );
    return BigInt(row?.sum ?? 0);
  }

  /** Writes entries with their postings in one statement, which the database checks as a whole; one array per column. @returns their ids */
  async append(tx: EntityManager, reserved: EntryIds, entries: readonly NewJournalEntry[]): Promise<bigint[]> {
    if (entries.length === 0) return [];
    const ids = await reserved.take(entries.length);
    const lines: { id: bigint[]; line: number[]; account: string[]; asset: string[]; amount: bigint[] } = {
      id: [],
      line: [],
      account: [],
      asset: [],
      amount: [],
    };
    for (const [i, { postings }] of entries.entries())
      for (const [line, { account: name, asset, amount: value }] of postings.entries()) {
        lines.id.push(ids[i] ?? 0n);
        lines.line.push(line + 1);
        lines.account.push(name);
        lines.asset.push(asset);
        lines.amount.push(value);
      }
    const events = entries.map(({ source }) => source);
    await tx.query(
      `with made as (
         insert into journal_entries (id, event_id, kind, eid, block_number, block_hash, log_index)
         select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::integer[], $5::bigint[], $6::text[], $7::integer[])
       )
       insert into postings (entry_id, line, account, asset, amount)
       select * from unnest($8::bigint[], $9::smallint[], $10::text[], $11::text[], $12::numeric[])`,
      [
        arrayOf(ids),
        arrayOf(events.map(({ id }) => id)),
        arrayOf(entries.map(({ kind }) => kind)),
        arrayOf(events.map(({ eid: chain }) => chain)),
        arrayOf(events.map(({ block }) => block)),
        arrayOf(events.map(({ blockHash }) => blockHash)),
        arrayOf(events.map(({ logIndex }) => logIndex)),
        arrayOf(lines.id),
        arrayOf(lines.line),
        arrayOf(lines.account),
        arrayOf(lines.asset),
        arrayOf(lines.amount),
      ],
    );
    return ids;
  }

  /** The entries of final events are final. */
  async settle(tx: EntityManager, entries: readonly bigint[]): Promise<void> {
    if (entries.length === 0) return;
    await tx.query('insert into journal_finalities (entry_id) select * from unnest($1::bigint[])', [arrayOf(entries)]);
  }

  /** Entries whose events a reorg removed are undone by entries that reverse them. */
  async reverse(tx: EntityManager, reserved: EntryIds, entries: readonly bigint[]): Promise<void> {
    if (entries.length === 0) return;
    const ids = await reserved.take(entries.length);
    await tx.query(
      `with undone as (
         select u.id as new_id, e.* from unnest($1::bigint[], $2::bigint[]) as u(id, entry) join journal_entries e on e.id = u.entry
       ), made as (
         insert into journal_entries (id, event_id, reverses, kind, eid, block_number, block_hash, log_index)
         select new_id, event_id, id, kind, eid, block_number, block_hash, log_index from undone
       ), marked as (
         insert into journal_finalities (entry_id) select u.new_id from undone u join journal_finalities f on f.entry_id = u.id
       )
       insert into postings (entry_id, line, account, asset, amount)
       select u.new_id, p.line, p.account, p.asset, -p.amount from undone u join postings p on p.entry_id = u.id`,
      [arrayOf(ids), arrayOf(entries)],
    );
  }
}

/** An array as PostgreSQL reads it. For numbers, hex and the journal's own names, in which nothing needs to be quoted. */
const arrayOf = (values: readonly (bigint | number | string)[]): string => `{${values.join(',')}}`;

const storedOf = (row: StoredRow): StoredHubEvent => ({
  id: BigInt(row.id),
  eid: row.eid,
  block: BigInt(row.block_number),
  blockHash: row.block_hash,
  logIndex: row.log_index,
  event: storedEvent.parse(row.payload),
});

/** The event of a row. */
export const queuedOf = (row: QueuedRow): QueuedEvent => ({
  ...storedOf(row),
  state: row.state,
  rank: row.rank,
  entry: row.entry === null ? null : BigInt(row.entry),
  settled: row.settled,
  wasParked: row.was_parked,
  deposit: row.deposit === null ? null : { asset: row.deposit.asset, amount: tokenAmount(BigInt(row.deposit.amount)) },
});
