import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { accountId, cash, eid, sequence, tokenAmount, type HubEvent, type LedgerEvent, type Posting } from '@lockstep/shared';
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
  z.object({ kind: z.enum(['CashQueued', 'CashUnqueued', 'InterestCharged', 'InterestCollected']), account, amount: big.transform(cash) }),
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

/** An event the journal has to look at, and what it wrote for it so far. */
export interface QueuedEvent extends StoredHubEvent {
  readonly state: 'pending' | 'final' | 'orphaned';
  /** 0: a reorg took it, 1: it is there */
  readonly rank: number;
  /** entry that stands for it */
  readonly entry: bigint | null;
  /** that entry is final */
  readonly settled: boolean;
}

/** A journal entry to be written for an event. */
export interface NewJournalEntry {
  readonly source: QueuedEvent;
  readonly kind: LedgerEvent['kind'];
  readonly postings: readonly Posting[];
}

/** A deposit's place in the log of its chain. */
export interface DepositKey {
  readonly srcEid: number;
  readonly sequence: bigint;
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

  /** What the journal has to look at next: what a reorg took first, then in the hub's order. */
  async queued(tx: EntityManager, limit: number): Promise<QueuedEvent[]> {
    const rows = await tx.query<unknown[]>(
      `select l.id, l.eid, l.block_number, l.block_hash, l.log_index, l.payload, l.state, q.rank, e.id as entry,
              exists (select 1 from journal_finalities f where f.entry_id = e.id) as settled
       from (select * from journal_queue order by rank, block_number, log_index, event_id limit $1) q
       join ledger_events l on l.id = q.event_id
       left join lateral (
         select e.id from journal_entries e
         where e.event_id = q.event_id and e.reverses is null and not exists (select 1 from journal_entries r where r.reverses = e.id) limit 1
       ) e on true
       order by q.rank, q.block_number, q.log_index, q.event_id`,
      [limit],
    );
    return queuedRow
      .array()
      .parse(rows)
      .map((row) => ({ ...storedOf(row), state: row.state, rank: row.rank, entry: row.entry, settled: row.settled }));
  }

  /** Takes events off the queue. */
  async done(tx: EntityManager, events: readonly QueuedEvent[]): Promise<void> {
    if (events.length === 0) return;
    await tx.query(
      `delete from journal_queue q using unnest($1::smallint[], $2::bigint[], $3::integer[], $4::bigint[]) as d(rank, block_number, log_index, event_id)
       where q.rank = d.rank and q.block_number = d.block_number and q.log_index = d.log_index and q.event_id = d.event_id`,
      [
        events.map(({ rank }) => rank),
        events.map(({ block }) => block.toString()),
        events.map(({ logIndex }) => logIndex),
        events.map(({ id }) => id.toString()),
      ],
    );
  }

  /** Configurations of assets, in the hub's order. */
  async assetEvents(tx: EntityManager): Promise<StoredHubEvent[]> {
    const rows = await tx.query<unknown[]>(
      `select id, eid, block_number, block_hash, log_index, payload from ledger_events where kind = 'AssetConfigured' and state <> 'orphaned' order by block_number, log_index`,
    );
    return storedRow.array().parse(rows).map(storedOf);
  }

  /** Those of the deposits that were parked, by `srcEid:sequence`, each with the place of the event. */
  async parked(tx: EntityManager, deposits: readonly DepositKey[]): Promise<Map<string, { block: bigint; logIndex: number }>> {
    const rows = await tx.query<{ key: string; block_number: string; log_index: number }[]>(
      `select l.src_eid || ':' || l.sequence as key, l.block_number, l.log_index
       from unnest($1::integer[], $2::numeric[]) as k(src_eid, sequence) join ledger_events l using (src_eid, sequence)
       where l.kind = 'DepositParked' and l.state <> 'orphaned'`,
      columnsOf(deposits),
    );
    return new Map(rows.map((row) => [row.key, { block: BigInt(row.block_number), logIndex: row.log_index }]));
  }

  /** The deposits as the source logs have them, by `srcEid:sequence:leaf`. */
  async deposits(
    tx: EntityManager,
    hubEid: number,
    deposits: readonly DepositKey[],
  ): Promise<Map<string, { asset: number; amount: bigint }>> {
    const rows = await tx.query<{ key: string; asset: number; amount: string }[]>(
      `select l.src_eid || ':' || l.sequence || ':' || l.leaf as key, l.asset, l.amount
       from unnest($1::integer[], $2::numeric[]) as k(src_eid, sequence) join log_entries l using (src_eid, sequence)
       where l.dst_eid = $3 and l.amount is not null`,
      [...columnsOf(deposits), hubEid],
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

  /** Writes entries with their postings in one statement, which the database checks as a whole; one array per column. @returns their ids */
  async append(tx: EntityManager, entries: readonly NewJournalEntry[]): Promise<bigint[]> {
    if (entries.length === 0) return [];
    const ids = await this.#reserveIds(tx, entries.length);
    const lines = entries.flatMap(({ postings }, i) => postings.map((posting, line) => ({ id: ids[i], line: line + 1, ...posting })));
    const events = entries.map(({ source }) => source);
    await tx.query(
      `with made as (
         insert into journal_entries (id, event_id, kind, eid, block_number, block_hash, log_index)
         select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::integer[], $5::bigint[], $6::text[], $7::integer[])
       )
       insert into postings (entry_id, line, account, asset, amount)
       select * from unnest($8::bigint[], $9::smallint[], $10::text[], $11::text[], $12::numeric[])`,
      [
        ids,
        events.map(({ id }) => id.toString()),
        entries.map(({ kind }) => kind),
        events.map(({ eid }) => eid),
        events.map(({ block }) => block.toString()),
        events.map(({ blockHash }) => blockHash),
        events.map(({ logIndex }) => logIndex),
        lines.map(({ id }) => id),
        lines.map(({ line }) => line),
        lines.map(({ account }) => account),
        lines.map(({ asset }) => asset),
        lines.map(({ amount }) => amount.toString()),
      ],
    );
    return ids.map(BigInt);
  }

  /** Consecutive ids: this is the only writer. */
  async #reserveIds(tx: EntityManager, count: number): Promise<string[]> {
    const sequence = `pg_get_serial_sequence('journal_entries', 'id')`;
    const [row] = await tx.query<{ last: string }[]>(`select setval(${sequence}, nextval(${sequence}) + $1 - 1) as last`, [count]);
    if (row === undefined) throw new Error('the journal gave no ids');
    const first = BigInt(row.last) - BigInt(count - 1);
    return Array.from({ length: count }, (_, i) => (first + BigInt(i)).toString());
  }

  /** The entries of final events are final. */
  async settle(tx: EntityManager, entries: readonly bigint[]): Promise<void> {
    if (entries.length === 0) return;
    await tx.query('insert into journal_finalities (entry_id) select * from unnest($1::bigint[])', [entries.map(String)]);
  }

  /** Entries whose events a reorg removed are undone by entries that reverse them. */
  async reverse(tx: EntityManager, entries: readonly bigint[]): Promise<void> {
    if (entries.length === 0) return;
    const ids = await this.#reserveIds(tx, entries.length);
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
      [ids, entries.map(String)],
    );
  }
}

const columnsOf = (deposits: readonly DepositKey[]): [number[], string[]] => [
  deposits.map(({ srcEid }) => srcEid),
  deposits.map(({ sequence: at }) => at.toString()),
];

const storedRow = z.object({
  id: big,
  eid: z.number(),
  block_number: big,
  block_hash: z.string(),
  log_index: z.number(),
  payload: storedEvent,
});
const queuedRow = storedRow.extend({
  state: z.enum(['pending', 'final', 'orphaned']),
  rank: z.number(),
  entry: big.nullable(),
  settled: z.boolean(),
});

const storedOf = (row: z.output<typeof storedRow>): StoredHubEvent => ({
  id: row.id,
  eid: row.eid,
  block: row.block_number,
  blockHash: row.block_hash,
  logIndex: row.log_index,
  event: row.payload,
});
