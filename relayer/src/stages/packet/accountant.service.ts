import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  auditDeposits,
  auditReceipts,
  auditReleases,
  decodeEntry,
  EntryKind,
  sequence,
  type Claim,
  type Entry,
  type OwnEntry,
  type ReceiptsEntry,
  type RelayProblem,
  type Sequence,
} from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource } from 'typeorm';
import { Paths, type Route } from '../paths.js';
import { OwnLogReader } from './own-log.reader.js';
import type { OpenPacket } from './packet.repository.js';

/** Asks, before anything is signed, whether what a log claims can be: no chain credits, releases or receipts more than there is. */
@Injectable()
export class Accountant {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly paths: Paths,
    private readonly own: OwnLogReader,
  ) {}

  /**
   * What speaks against signing a checkpoint, null if nothing does.
   * @param entries own entries after what was signed before, up to the checkpoint
   * @throws QuorumError
   */
  async audit(route: Route, open: OpenPacket, entries: readonly OwnEntry[]): Promise<RelayProblem | null> {
    const before = sequence((entries[0]?.sequence ?? open.checkpoint.sequence + 1n) - 1n);
    const read = entries.map(({ sequence: at, bytes }) => ({ at, entry: readEntry(bytes) }));
    if (route.source.isHub) return this.#orders(route, open, before, read);
    return (await this.#deposits(route, open, before, read)) ?? (await this.#receipts(route, open, before, read));
  }

  async #deposits(route: Route, open: OpenPacket, before: Sequence, entries: readonly ReadEntry[]): Promise<RelayProblem | null> {
    const claimed = [
      ...(await this.#sums(route, EntryKind.Deposited, before)),
      ...entries.flatMap(({ entry }) => (entry?.kind === 'Deposited' ? [{ asset: entry.asset, amount: entry.amount }] : [])),
    ];
    return auditDeposits(open.checkpoint, route.path, claimed, await this.own.deposited(route.source, assetsOf(claimed), open));
  }

  async #orders(route: Route, open: OpenPacket, before: Sequence, entries: readonly ReadEntry[]): Promise<RelayProblem | null> {
    const voided = new Set<bigint>(entries.flatMap(({ entry }) => (entry?.kind === 'Void' ? [entry.target] : [])));
    const ordered = [
      ...(await this.#sums(route, EntryKind.Release, before)),
      ...entries.flatMap(({ at, entry }) =>
        entry?.kind === 'Release' && !voided.has(at) ? [{ asset: entry.asset, amount: entry.amount }] : [],
      ),
    ];
    if (ordered.length === 0) return null;
    return auditReleases(open.checkpoint, route.path, ordered, await this.own.received(route.destination, assetsOf(ordered)));
  }

  async #receipts(route: Route, open: OpenPacket, before: Sequence, entries: readonly ReadEntry[]): Promise<RelayProblem | null> {
    const back = this.paths.find(route.destination.eid, route.source.eid);
    if (back === undefined || !entries.some(({ entry }) => entry?.kind === 'Receipts')) return null;
    // What the hub has consumed takes effect no more. A governed rebase passes over receipts of orders that were never given that way.
    const hub = await this.own.consumed(route);
    const receipts = entries.flatMap(({ at, entry }): ReceiptsEntry[] => (entry?.kind === 'Receipts' && at > hub.sequence ? [entry] : []));
    if (receipts.length === 0) return null;
    const first = receipts.reduce((low, r) => (r.first < low ? r.first : low), receipts[0]?.first ?? sequence(1n));
    const last = receipts.reduce((high, r) => (endOf(r) > high ? endOf(r) : high), 0n);
    const log = await this.own.entriesBetween(back, first, sequence(last));
    const missing = firstMissing(log, first, last);
    if (missing !== null) {
      if (missing > (await this.own.length(back))) return noOrder(route, open, missing);
      return { code: 'ENTRIES_MISSING', srcEid: back.source.eid, dstEid: back.destination.eid, first: sequence(missing) };
    }
    const voided = await this.#voided(back, first, last);
    const orders = new Map<bigint, Claim>();
    for (const { sequence: at, bytes } of log) {
      const entry = readEntry(bytes);
      if (entry?.kind === 'Release' && !voided.has(at)) orders.set(at, { asset: entry.asset, amount: entry.amount });
    }
    return auditReceipts(open.checkpoint, route.path, receipts, await this.#receiptedThrough(route, hub, before), orders);
  }

  /** From the index: what was audited when it was signed before. Voided orders do not count. */
  async #sums({ source, destination }: Route, kind: number, through: Sequence): Promise<Claim[]> {
    const rows = await this.dataSource.query<{ asset: number; amount: string }[]>(
      `select l.asset, sum(l.amount) as amount from log_entries l
       where l.src_eid = $1 and l.dst_eid = $2 and l.sequence <= $3 and l.kind = $4 and l.amount is not null and l.state <> 'orphaned'
         and ($4 <> ${EntryKind.Release} or not exists (select 1 from log_entries v where v.src_eid = l.src_eid and v.dst_eid = l.dst_eid
              and v.void_target = l.sequence and v.state <> 'orphaned'))
       group by l.asset`,
      [source.eid, destination.eid, through.toString(), kind],
    );
    return rows.map(({ asset, amount }) => ({ asset, amount: BigInt(amount) }));
  }

  /** End of the last range that was receipted up to a sequence of the log, whether the hub has consumed it or not. */
  async #receiptedThrough({ source, destination }: Route, hub: Consumed, before: Sequence): Promise<Sequence> {
    const [row] = await this.dataSource.query<{ bytes: Hex }[]>(
      `select bytes from log_entries where src_eid = $1 and dst_eid = $2 and sequence > $3 and sequence <= $4
         and kind = ${EntryKind.Receipts} and state <> 'orphaned' order by sequence desc limit 1`,
      [source.eid, destination.eid, hub.sequence.toString(), before.toString()],
    );
    const entry = row === undefined ? null : readEntry(row.bytes);
    return entry?.kind === 'Receipts' ? sequence(endOf(entry)) : hub.receiptedUpTo;
  }

  /** A VOID stands behind its target, possibly outside of the range; an index that hides one cannot make an honest vault settle it. */
  async #voided({ source, destination }: Route, first: bigint, last: bigint): Promise<Set<bigint>> {
    const rows = await this.dataSource.query<{ void_target: string }[]>(
      `select void_target from log_entries
       where src_eid = $1 and dst_eid = $2 and void_target between $3 and $4 and state <> 'orphaned'`,
      [source.eid, destination.eid, first.toString(), last.toString()],
    );
    return new Set(rows.map((row) => BigInt(row.void_target)));
  }
}

type Consumed = Awaited<ReturnType<OwnLogReader['consumed']>>;

interface ReadEntry {
  readonly at: Sequence;
  /** null: malformed, it claims nothing and its handler refuses it for good */
  readonly entry: Entry | null;
}

const noOrder = ({ path: { srcEid, dstEid } }: Route, { checkpoint }: OpenPacket, order: bigint): RelayProblem => ({
  ...{ code: 'ACCOUNTANT_REFUSED', srcEid, dstEid, sequence: checkpoint.sequence },
  detail: `receipts settle ${order}, and the log of the hub does not go that far`,
});

const assetsOf = (claims: readonly Claim[]): number[] => [...new Set(claims.map(({ asset }) => asset))];
const endOf = ({ first, count }: ReceiptsEntry): bigint => first + BigInt(count) - 1n;

function firstMissing(log: readonly OwnEntry[], first: bigint, last: bigint): bigint | null {
  const known = new Set<bigint>(log.map((entry) => entry.sequence));
  for (let at = first; at <= last; at++) if (!known.has(at)) return at;
  return null;
}

function readEntry(bytes: Hex): Entry | null {
  try {
    return decodeEntry(bytes);
  } catch (cause) {
    if (cause instanceof RangeError) return null;
    throw cause;
  }
}
