import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  decodeEntry,
  depositTimeline,
  eid,
  unixSeconds,
  type DepositFact,
  type DepositOutcome,
  type Eid,
  type Place,
  type Sequence,
} from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource } from 'typeorm';
import { ChainNames, isoOfSeconds } from './chain-names.js';
import type { DepositView } from './views.js';

type State = 'pending' | 'final' | 'orphaned';

interface PlaceRow {
  readonly block_time: string;
  readonly tx_hash: Hex;
  readonly state: State;
}

interface EntryRow extends PlaceRow {
  readonly src_eid: number;
  readonly sequence: string;
  readonly bytes: Hex;
  readonly block_number: string;
  readonly final_at: string | null;
}

interface OutcomeRow extends PlaceRow {
  readonly outcome: 'credited' | 'parked' | 'returned' | 'voided' | 'unhandled' | 'refused';
  readonly reason: string | null;
}

const ENTRY_COLUMNS = 'src_eid, sequence, bytes, block_number, block_time, tx_hash, state, final_at';
const DEPOSITED = 1;

/** Reads deposits and everything that happened to them. */
@Injectable()
export class DepositQueries {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly names: ChainNames,
  ) {}

  /** The deposit that stands at a place of a log; if none does, the last one that a reorg removed from it. */
  async at(srcEid: Eid, sequence: Sequence): Promise<DepositView | null> {
    const [row] = await this.dataSource.query<EntryRow[]>(
      `select ${ENTRY_COLUMNS} from log_entries
       where src_eid = $1 and dst_eid = $2 and sequence = $3 and kind = ${DEPOSITED} and account is not null
       order by (state = 'orphaned'), id desc limit 1`,
      [srcEid, this.names.hubEid, sequence.toString()],
    );
    return row === undefined ? null : this.#view(row);
  }

  /** The deposits of a transaction: those that stand, and those that a reorg removed and that did not come back. */
  async ofTransaction(tx: Hex): Promise<DepositView[]> {
    const rows = await this.dataSource.query<EntryRow[]>(
      `select ${ENTRY_COLUMNS} from (
         select *, bool_or(state <> 'orphaned') over (partition by src_eid) as stands,
                row_number() over (partition by src_eid, sequence order by (state = 'orphaned'), id desc) as newest
         from log_entries where tx_hash = $1 and dst_eid = $2 and kind = ${DEPOSITED} and account is not null
       ) found
       where newest = 1 and (state <> 'orphaned' or not stands) order by src_eid, sequence limit 500`,
      [tx, this.names.hubEid],
    );
    return Promise.all(rows.map((row) => this.#view(row)));
  }

  async #view(row: EntryRow): Promise<DepositView> {
    const entry = decodeEntry(row.bytes);
    if (entry.kind !== 'Deposited') throw new Error(`entry ${row.sequence} of ${row.src_eid} is ${entry.kind}; expected a deposit`);
    const told = depositTimeline(await this.#facts(row));
    const shown = (place: Place): { at: string; eid: number; chain: string | null; tx: string; final: boolean } => ({
      at: isoOfSeconds(place.at),
      eid: place.eid,
      chain: this.names.chain(place.eid),
      tx: place.tx,
      final: place.final,
    });
    return {
      ...this.names.asset(row.src_eid, entry.asset),
      sequence: row.sequence,
      account: entry.account,
      amountBaseUnits: entry.amount.toString(),
      payer: entry.payer,
      refund: entry.refund,
      ownDeposit: entry.ownDeposit,
      tx: row.tx_hash,
      blockNumber: row.block_number,
      state: told.state,
      next: told.next,
      steps: told.steps.map(({ stage, place, detail }) => ({ stage, ...shown(place), detail })),
      reorged: told.reorged.map(({ stage, place }) => ({ stage, ...shown(place) })),
      entry: row.bytes,
    };
  }

  async #facts(row: EntryRow): Promise<DepositFact[]> {
    const source = eid(row.src_eid);
    const hub = eid(this.names.hubEid);
    const path = [source, hub, row.sequence];
    const stands = row.state !== 'orphaned';
    const [removed, voids, flushes, verified, outcomes] = await Promise.all([
      this.dataSource.query<PlaceRow[]>(
        `select block_time, tx_hash, state from log_entries where src_eid = $1 and dst_eid = $2 and tx_hash = $4 and state = 'orphaned'
         and kind = ${DEPOSITED} and ($3::numeric = sequence or $5)`,
        [...path, row.tx_hash, stands],
      ),
      this.dataSource.query<PlaceRow[]>(
        'select block_time, tx_hash, state from log_entries where src_eid = $1 and dst_eid = $2 and void_target = $3',
        path,
      ),
      this.#first('checkpoints', path),
      this.#first('verified_heads', path),
      this.dataSource.query<OutcomeRow[]>(
        'select block_time, tx_hash, state, outcome, reason from deposit_outcomes where src_eid = $1 and dst_eid = $2 and sequence = $3 order by id',
        path,
      ),
    ]);
    const facts: DepositFact[] = removed.map((r) => ({ kind: 'deposited', place: placeOf(source, r), orphaned: true }));
    if (!stands) return facts;
    facts.push({ kind: 'deposited', place: placeOf(source, row), orphaned: false });
    if (row.final_at !== null)
      facts.push({ kind: 'final', place: { ...placeOf(source, row), at: unixSeconds(BigInt(row.final_at)), final: true } });
    facts.push(
      ...voids.map((r): DepositFact => ({ kind: 'cancelled', place: placeOf(source, r), orphaned: r.state === 'orphaned' })),
      ...flushes.map((r): DepositFact => ({ kind: 'flushed', place: placeOf(source, r), orphaned: false })),
      ...verified.map((r): DepositFact => ({ kind: 'verified', place: placeOf(hub, r), orphaned: false })),
      ...outcomes.map((r): DepositFact => ({
        kind: 'outcome',
        outcome: outcomeOf(r),
        place: placeOf(hub, r),
        orphaned: r.state === 'orphaned',
      })),
    );
    return facts;
  }

  /** The earliest standing row of a path that covers the sequence. */
  #first(table: 'checkpoints' | 'verified_heads', path: readonly unknown[]): Promise<PlaceRow[]> {
    return this.dataSource.query<PlaceRow[]>(
      `select block_time, tx_hash, state from ${table}
       where src_eid = $1 and dst_eid = $2 and sequence >= $3 and state <> 'orphaned' order by block_number, log_index limit 1`,
      [...path],
    );
  }
}

const placeOf = (at: Eid, row: PlaceRow): Place => ({
  at: unixSeconds(BigInt(row.block_time)),
  eid: at,
  tx: row.tx_hash,
  final: row.state === 'final',
});

function outcomeOf({ outcome, reason }: OutcomeRow): DepositOutcome {
  switch (outcome) {
    case 'credited':
      return { kind: 'credited' };
    case 'parked':
      return { kind: 'parked', reason: reason ?? 'no reason was given' };
    case 'returned':
      return { kind: 'returned', claim: BigInt(reason ?? 0) };
    case 'voided':
      return { kind: 'voided' };
    case 'unhandled':
    case 'refused':
      return { kind: 'refused', reason: reason ?? 'no reason was given' };
  }
}
