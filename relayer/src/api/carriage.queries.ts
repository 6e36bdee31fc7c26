import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { packetStatus, unixSeconds, type Eid, type PacketState, type PacketStatus, type PathHold, type Place } from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource } from 'typeorm';

export type FactState = 'pending' | 'final' | 'orphaned';

export interface PlaceRow {
  readonly block_time: string;
  readonly tx_hash: Hex;
  readonly state: FactState;
}

/** An entry of a log on its way. */
export interface EntryAt {
  readonly srcEid: Eid;
  readonly dstEid: Eid;
  readonly sequence: bigint;
}

/** The packet that carries the first checkpoint over an entry. */
export interface CarryingPacket {
  readonly guid: Hex;
  /** null: not looked at yet */
  readonly state: PacketState['kind'] | null;
  readonly status: PacketStatus;
}

const PACKET_STATES: readonly PacketState['kind'][] = [
  'done',
  'executable',
  'behind-gap',
  'conflicting',
  'nilified',
  'verifiable',
  'awaiting-others',
  'unverified',
  'path-uninitialised',
];

export const placeAt = (at: Eid, row: PlaceRow): Place => ({
  at: unixSeconds(BigInt(row.block_time)),
  eid: at,
  tx: row.tx_hash,
  final: row.state === 'final',
});

/** Reads how far an entry of a log was carried; the same for deposits, requests, orders and receipts. */
@Injectable()
export class CarriageQueries {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The earliest standing checkpoint or verified head of a path that covers the entry. */
  async first(table: 'checkpoints' | 'verified_heads', { srcEid, dstEid, sequence }: EntryAt): Promise<PlaceRow | null> {
    const [row] = await this.dataSource.query<PlaceRow[]>(
      `select block_time, tx_hash, state from ${table}
       where src_eid = $1 and dst_eid = $2 and sequence >= $3 and state <> 'orphaned' order by block_number, log_index limit 1`,
      [srcEid, dstEid, sequence.toString()],
    );
    return row ?? null;
  }

  /** Null before the entry was flushed, and on the path of the hub to itself, which needs no packet. */
  async packet({ srcEid, dstEid, sequence }: EntryAt): Promise<CarryingPacket | null> {
    const [row] = await this.dataSource.query<{ guid: Hex; work_state: string; state: FactState }[]>(
      `select p.guid, p.work_state, p.state from packets p
       where p.src_eid = $1 and p.dst_eid = $2 and p.sequence >= $3 and p.state <> 'orphaned' order by p.nonce limit 1`,
      [srcEid, dstEid, sequence.toString()],
    );
    if (row === undefined) return null;
    const state = PACKET_STATES.find((kind) => kind === row.work_state) ?? null;
    return {
      guid: row.guid,
      state,
      status: packetStatus(state ?? 'unverified', { final: row.state === 'final' }),
    };
  }

  /** Whether a path is quarantined at one of its ends, or closed. */
  async hold(srcEid: Eid, dstEid: Eid): Promise<PathHold | null> {
    const [row] = await this.dataSource.query<{ quarantined: boolean; closed: boolean }[]>(
      `select exists (
         select 1 from (
           select distinct on (e.eid) e.kind from path_events e
           where (e.eid, e.peer_eid) in (($1::integer, $2::integer), ($2::integer, $1::integer)) and e.kind in ('quarantined', 'rebased')
             and e.state <> 'orphaned'
           order by e.eid, e.block_number desc, e.log_index desc
         ) newest where kind = 'quarantined'
       ) as quarantined,
       exists (select 1 from path_events e where e.eid = $2 and e.peer_eid = $1 and e.kind = 'closed' and e.state <> 'orphaned') as closed`,
      [srcEid, dstEid],
    );
    return row?.quarantined === true ? 'quarantined' : row?.closed === true ? 'closed' : null;
  }
}
