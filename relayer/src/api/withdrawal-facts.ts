import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  CLAIM_REASONS,
  EntryKind,
  RELEASE_REFUSALS,
  decodeEntry,
  eid,
  sequence,
  unixSeconds,
  type Eid,
  type Sequence,
  type WithdrawalEvent,
  type WithdrawalFact,
} from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource } from 'typeorm';
import { CarriageQueries, placeAt, type PlaceRow } from './carriage.queries.js';
import { ChainNames } from './chain-names.js';

/** A claim as it was queued. */
export interface ClaimRow extends PlaceRow {
  readonly claim: string;
  readonly account: Hex;
  readonly dst_eid: number;
  readonly asset: number;
  readonly units: string;
  readonly receiver: Hex;
  readonly from_cash: boolean;
}

interface HubRow extends PlaceRow {
  readonly kind: 'queued' | 'ordered' | 'cancelled';
  readonly sequence: string | null;
  readonly voided: boolean | null;
  readonly final_at: string | null;
}

interface PayoutRow extends PlaceRow {
  readonly kind: 'paid' | 'claimable' | 'refused' | 'claimed' | 'returned' | 'annulled';
  readonly receiver: string | null;
  readonly amount: string | null;
  readonly reason: string | null;
  readonly deposit_sequence: string | null;
}

type Places = { readonly srcEid: Eid; readonly sequence: Sequence } | null;

const COLUMNS = 'q.claim, q.account, q.dst_eid, q.asset, q.units, q.receiver, q.from_cash, q.block_time, q.tx_hash, q.state';

/** Collects what the chains said about a claim. */
@Injectable()
export class WithdrawalFacts {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly names: ChainNames,
    private readonly carriage: CarriageQueries,
  ) {}

  async claim(claim: bigint): Promise<ClaimRow | null> {
    const [row] = await this.claimsWhere('q.claim = $1', [claim.toString()], 1);
    return row ?? null;
  }

  /** Claims, newest first; of each the one that stands, or the last one that a reorg removed. */
  async claimsWhere(condition: string, values: readonly string[], limit: number): Promise<ClaimRow[]> {
    return this.dataSource.query<ClaimRow[]>(
      `select distinct on (q.claim) ${COLUMNS} from claim_events q where q.kind = 'queued' and ${condition}
       order by q.claim desc, (q.state = 'orphaned'), q.id desc limit ${limit}`,
      [...values],
    );
  }

  /** Queued claims of the same token that were made before. */
  async ahead({ claim, dst_eid: dstEid, asset }: ClaimRow): Promise<number> {
    const [row] = await this.dataSource.query<{ count: string }[]>(
      `select count(*) as count from claim_events q
       where q.kind = 'queued' and q.dst_eid = $1 and q.asset = $2 and q.claim < $3 and q.state <> 'orphaned'
         and not exists (select 1 from claim_events o where o.claim = q.claim and o.kind <> 'queued' and o.state <> 'orphaned')`,
      [dstEid, asset, claim],
    );
    return Number(row?.count ?? 0);
  }

  async of(row: ClaimRow): Promise<{ facts: WithdrawalFact[]; request: Places }> {
    const hubEid = eid(this.names.hubEid);
    const hub = await this.dataSource.query<HubRow[]>(
      'select kind, sequence, voided, block_time, tx_hash, state, final_at from claim_events where claim = $1 order by id',
      [row.claim],
    );
    const facts = hub.flatMap((event) => hubFacts(event, hubEid));
    const requested = await this.#request(row);
    if (requested !== null) facts.push(requested.fact);
    const order = hub.find(({ kind, state }) => kind === 'ordered' && state !== 'orphaned');
    if (order !== undefined && order.sequence !== null)
      facts.push(...(await this.#orderFacts(hubEid, eid(row.dst_eid), row.claim, sequence(BigInt(order.sequence)))));
    return { facts, request: requested };
  }

  /** The standing Receipts entry in the log of a chain that covers an order. */
  async receiptEntry(
    dstEid: Eid,
    order: Sequence,
  ): Promise<(PlaceRow & { readonly sequence: string; readonly final_at: string | null }) | null> {
    const rows = await this.dataSource.query<(PlaceRow & { bytes: Hex; sequence: string; final_at: string | null })[]>(
      `select l.sequence, l.bytes, l.block_time, l.tx_hash, l.state, l.final_at from log_entries l
       join payout_events p on p.eid = $1 and p.sequence = $3 and p.tx_hash = l.tx_hash and p.state <> 'orphaned'
       where l.src_eid = $1 and l.dst_eid = $2 and l.kind = ${EntryKind.Receipts} and l.state <> 'orphaned' order by l.sequence`,
      [dstEid, this.names.hubEid, order.toString()],
    );
    return (
      rows.find(({ bytes }) => {
        const entry = decodeEntry(bytes);
        return entry.kind === 'Receipts' && order >= entry.first && order < entry.first + BigInt(entry.count);
      }) ?? null
    );
  }

  async #request({ claim }: ClaimRow): Promise<({ readonly fact: WithdrawalFact } & NonNullable<Places>) | null> {
    const [row] = await this.dataSource.query<(PlaceRow & { src_eid: number; sequence: string })[]>(
      `select l.src_eid, l.sequence, l.block_time, l.tx_hash, l.state from request_events r
       join log_entries l on l.src_eid = r.src_eid and l.dst_eid = r.eid and l.sequence = r.sequence and l.state <> 'orphaned'
       where r.kind = 'processed' and r.claim = $1 and r.state <> 'orphaned' limit 1`,
      [claim],
    );
    if (row === undefined) return null;
    const srcEid = eid(row.src_eid);
    return { fact: { kind: 'requested', place: placeAt(srcEid, row), orphaned: false }, srcEid, sequence: sequence(BigInt(row.sequence)) };
  }

  async #orderFacts(hubEid: Eid, dstEid: Eid, claim: string, order: Sequence): Promise<WithdrawalFact[]> {
    const path = { srcEid: hubEid, dstEid, sequence: order };
    const key = [dstEid, order.toString()];
    const [flushed, verified, payouts, unhandled, receipts] = await Promise.all([
      this.carriage.first('checkpoints', path),
      this.carriage.first('verified_heads', path),
      this.dataSource.query<PayoutRow[]>(
        `select kind, receiver, amount, reason, deposit_sequence, block_time, tx_hash, state from payout_events
         where eid = $1 and sequence = $2 and kind <> 'unsent' and (claim is null or claim = $3) order by id`,
        [...key, claim],
      ),
      this.dataSource.query<PlaceRow[]>(
        `select block_time, tx_hash, state from deposit_outcomes where src_eid = $3 and dst_eid = $1 and sequence = $2 and outcome = 'unhandled'`,
        [...key, hubEid],
      ),
      this.dataSource.query<PlaceRow[]>(
        `select block_time, tx_hash, state from receipt_events
         where src_eid = $1 and first_order <= $2 and last_order >= $2
           and mod(div(settled, power(2::numeric, $2::numeric - first_order)), 2) = 1 order by id`,
        key,
      ),
    ]);
    const facts: WithdrawalFact[] = [];
    if (flushed !== null) facts.push({ kind: 'flushed', place: placeAt(hubEid, flushed), orphaned: false });
    if (verified !== null) facts.push({ kind: 'verified', place: placeAt(dstEid, verified), orphaned: false });
    for (const row of payouts.filter((p) => p.kind !== 'claimed' || endsClaim(p, payouts)))
      facts.push({ ...payoutEvent(row), ...placed(dstEid, row) });
    for (const row of unhandled) facts.push({ kind: 'refused', reason: 'Unhandled', ...placed(dstEid, row) });
    for (const row of receipts) facts.push({ kind: 'receipted', ...placed(hubEid, row) });
    return facts;
  }
}

const placed = (at: Eid, row: PlaceRow) => ({ place: placeAt(at, row), orphaned: row.state === 'orphaned' });

function hubFacts(row: HubRow, hubEid: Eid): WithdrawalFact[] {
  const at = placed(hubEid, row);
  switch (row.kind) {
    case 'queued':
      return [{ kind: 'queued', ...at }];
    case 'cancelled':
      return [{ kind: 'cancelled', voided: row.voided === true, ...at }];
    case 'ordered': {
      const ordered: WithdrawalFact = { kind: 'ordered', sequence: sequence(BigInt(row.sequence ?? 0)), ...at };
      if (row.final_at === null || at.orphaned) return [ordered];
      return [ordered, { kind: 'final', place: { ...at.place, at: unixSeconds(BigInt(row.final_at)), final: true }, orphaned: false }];
    }
  }
}

/** A claimable may be paid in parts, when a limit lets no more through; the part that empties it ends it. A removed part is told as such. */
function endsClaim(part: PayoutRow, payouts: readonly PayoutRow[]): boolean {
  if (part.state === 'orphaned') return true;
  const sumOf = (rows: readonly PayoutRow[]): bigint => rows.reduce((sum, { amount }) => sum + BigInt(amount ?? 0), 0n);
  const standing = payouts.filter(({ state }) => state !== 'orphaned');
  const upToHere = standing.slice(0, standing.indexOf(part) + 1).filter(({ kind }) => kind === 'claimed');
  return sumOf(upToHere) >= sumOf(standing.filter(({ kind }) => kind === 'claimable'));
}

function payoutEvent(row: PayoutRow): WithdrawalEvent {
  switch (row.kind) {
    case 'paid':
      return { kind: 'paid' };
    case 'claimable':
      return { kind: 'claimable', reason: oneOf(CLAIM_REASONS, row.reason) };
    case 'refused':
      return { kind: 'refused', reason: oneOf(RELEASE_REFUSALS, row.reason) };
    case 'claimed':
      return { kind: 'claimed', to: row.receiver ?? 'an unknown address' };
    case 'annulled':
      return { kind: 'refused', reason: 'Annulled' };
    case 'returned':
      return { kind: 'returned', depositSequence: sequence(BigInt(row.deposit_sequence ?? 0)) };
  }
}

function oneOf<T extends string>(known: readonly T[], text: string | null): T {
  const found = known.find((one) => one === text);
  if (found === undefined) throw new Error(`a payout has the reason ${text ?? 'null'}; expected one of ${known.join(', ')}`);
  return found;
}
