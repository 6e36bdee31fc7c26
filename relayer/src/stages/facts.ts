import { toEventSelector, type Abi, type AbiEvent, type Hex } from 'viem';
import type { EntityManager } from 'typeorm';
import type { Eid } from '@lockstep/shared';
import type { BlockRef, Log } from '../chain/block.js';
import type { ChainContext } from '../chain/chain-context.js';

/**
 * Rows that mirror one event of one chain. All such tables share the same columns for the place of the event and the same life:
 * pending → final, or orphaned when a reorg removes the block; a block that returns revives its rows.
 */
export interface FactTable {
  readonly table: string;
  /** column with the eid of the chain the event was seen on */
  readonly eidColumn: 'src_eid' | 'dst_eid' | 'eid';
  /** name under which a removed row is shown */
  readonly kind: string;
  /** SQL expression over a row that gives the jsonb subject of a removed fact */
  readonly subject: string;
  /** unique key by which a returning row is found again */
  readonly identity: string;
}

export interface Place {
  readonly block_number: bigint;
  readonly block_hash: Hex;
  readonly block_time: bigint;
  readonly tx_hash: Hex;
  readonly log_index: number;
}

export type FactRow = Place & Readonly<Record<string, bigint | number | string | boolean | null | object>>;

export function placeOf(block: BlockRef, log: Log): Place {
  return {
    block_number: block.number,
    block_hash: block.hash,
    block_time: block.timestamp,
    tx_hash: log.transactionHash,
    log_index: log.logIndex,
  };
}

/** Inserts rows of one table in one statement. All rows have the same columns. */
export async function insertFacts(tx: EntityManager, { table, identity }: FactTable, rows: readonly FactRow[]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const columns = Object.keys(first);
  const renew = columns.map((column) => `${column} = excluded.${column}`).join(', ');
  await tx.query(
    `insert into ${table} (${columns.join(', ')})
     select ${columns.join(', ')} from jsonb_populate_recordset(null::${table}, $1::jsonb)
     on conflict (${identity}) do update set ${renew}, state = 'pending', final_at = null`,
    [toJson(rows)],
  );
}

/** JSON with bigints as decimal strings, as the database's numerics read them. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? item.toString() : item));
}

/** Marks every row of a chain at or above `from` as orphaned, and keeps what was removed for everyone to see. */
export async function orphanFacts(tx: EntityManager, fact: FactTable, eid: Eid, from: BlockRef): Promise<void> {
  await tx.query(
    `with gone as (
       update ${fact.table} set state = 'orphaned'
       where ${fact.eidColumn} = $1 and block_number >= $2 and state <> 'orphaned' returning *
     )
     insert into reorged_facts (eid, kind, subject, was_final, block_number, block_hash, tx_hash)
     select $1, $3, ${fact.subject}, final_at is not null, block_number, block_hash, tx_hash from gone order by block_number, log_index`,
    [eid, from.number.toString(), fact.kind],
  );
}

/**
 * Marks every pending row of a chain up to `upTo` as final.
 * @param wall when finality was seen, unix seconds; a chain that is ahead of it says when itself
 */
export async function finalizeFacts(
  tx: EntityManager,
  fact: FactTable,
  { eid, chainId }: Pick<ChainContext, 'eid' | 'chainId'>,
  upTo: BlockRef,
  wall: bigint,
): Promise<void> {
  await tx.query(
    `update ${fact.table} set state = 'final',
       final_at = greatest($3::bigint, (select timestamp from blocks where chain_id = $4 order by number desc limit 1))
     where ${fact.eidColumn} = $1 and block_number <= $2 and state = 'pending'`,
    [eid, upTo.number.toString(), wall.toString(), chainId],
  );
}

/** Signatures (topic 0) of the named events of an ABI. @throws Error naming an event the ABI does not have */
export function topicsOf(abi: Abi, names: readonly string[]): Hex[] {
  return names.map((name) => {
    const event = abi.find((item): item is AbiEvent => item.type === 'event' && item.name === name);
    if (event === undefined) throw new Error(`the ABI has no event ${name}`);
    return toEventSelector(event);
  });
}

/** Topics as viem's decoder wants them. @throws Error for an anonymous event, which no filter asks for */
export function signedTopics(log: Log): [Hex, ...Hex[]] {
  const [signature, ...rest] = log.topics;
  if (signature === undefined) throw new Error(`log ${log.transactionHash}:${log.logIndex} has no topics`);
  return [signature, ...rest];
}
