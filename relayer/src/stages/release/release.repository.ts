import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { eid, sequence, type Eid, type Sequence, type TokenAsset } from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource } from 'typeorm';

/** A request that the hub recorded and nobody decided. */
export interface OpenRequest {
  readonly srcEid: Eid;
  readonly sequence: Sequence;
  /** the entry, from its chain's log */
  readonly bytes: Hex;
}

/** A claim that waits to be ordered. */
export interface QueuedClaim {
  readonly claim: bigint;
  /** all zero: a deposit that goes home */
  readonly account: Hex;
  readonly token: TokenAsset;
  readonly units: bigint;
  readonly fromCash: boolean;
}

/** An order whose payout is not seen yet. */
export interface UnpaidOrder {
  readonly sequence: Sequence;
  readonly claim: bigint;
  /** when it was given, unix seconds */
  readonly at: bigint;
}

/** Whether a standing row of `claim_events` of this kind names the claim of `q`. */
const has = (kind: string): string =>
  `exists (select 1 from claim_events o where o.claim = q.claim and o.kind = '${kind}' and o.state <> 'orphaned')`;

/** Reads what the release stage has to act on. */
@Injectable()
export class ReleaseRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Requests that wait to be decided, oldest first. An entry counts only with the leaf the hub recorded. */
  async openRequests(hubEid: Eid): Promise<OpenRequest[]> {
    const rows = await this.dataSource.query<{ src_eid: number; sequence: string; bytes: Hex }[]>(
      `select r.src_eid, r.sequence, l.bytes from request_events r
       join log_entries l on l.src_eid = r.src_eid and l.dst_eid = $1 and l.sequence = r.sequence and l.leaf = r.leaf and l.state <> 'orphaned'
       where r.kind = 'recorded' and r.state <> 'orphaned'
         and not exists (select 1 from request_events d where d.src_eid = r.src_eid and d.sequence = r.sequence
                         and d.kind in ('processed', 'expired') and d.state <> 'orphaned')
       order by r.id`,
      [hubEid],
    );
    return rows.map((row) => ({ srcEid: eid(row.src_eid), sequence: sequence(BigInt(row.sequence)), bytes: row.bytes }));
  }

  /** Claims after `after` that are queued and neither ordered nor cancelled, in the order they were made. */
  async queuedClaims(after: bigint, limit: number): Promise<QueuedClaim[]> {
    const rows = await this.dataSource.query<
      { claim: string; account: Hex; dst_eid: number; asset: number; units: string; from_cash: boolean }[]
    >(
      `select q.claim, q.account, q.dst_eid, q.asset, q.units, q.from_cash from claim_events q
       where q.kind = 'queued' and q.claim > $1 and q.state <> 'orphaned' and not ${has('ordered')} and not ${has('cancelled')}
       order by q.claim limit $2`,
      [after.toString(), limit],
    );
    return rows.map((row) => ({
      claim: BigInt(row.claim),
      account: row.account,
      token: { eid: eid(row.dst_eid), asset: row.asset },
      units: BigInt(row.units),
      fromCash: row.from_cash,
    }));
  }

  /** Orders a vault made claimable for a reason that passes by itself, and of which something is left: a limit lets parts through. */
  async waitingClaimables(at: Eid): Promise<Sequence[]> {
    const rows = await this.dataSource.query<{ sequence: string }[]>(
      `select p.sequence from payout_events p
       where p.eid = $1 and p.kind = 'claimable' and p.state <> 'orphaned' and p.reason in ('OutflowLimit', 'PayoutsPaused', 'AssetFrozen')
         and not exists (select 1 from payout_events d where d.eid = p.eid and d.sequence = p.sequence and d.kind in ('returned', 'annulled')
                         and d.state <> 'orphaned')
         and p.amount > (select coalesce(sum(d.amount), 0) from payout_events d where d.eid = p.eid and d.sequence = p.sequence
                         and d.kind = 'claimed' and d.state <> 'orphaned')
       order by p.sequence`,
      [at],
    );
    return rows.map((row) => sequence(BigInt(row.sequence)));
  }

  /** The oldest order towards a chain that its vault neither paid, nor made claimable, nor refused, and that was not voided. */
  async firstUnpaid(hubEid: Eid, dstEid: Eid): Promise<UnpaidOrder | null> {
    const [row] = await this.dataSource.query<{ sequence: string; claim: string; block_time: string }[]>(
      `select q.sequence, q.claim, q.block_time from claim_events q
       where q.kind = 'ordered' and q.dst_eid = $2 and q.state <> 'orphaned'
         and not exists (select 1 from payout_events p where p.eid = $2 and p.sequence = q.sequence and p.state <> 'orphaned')
         and not exists (select 1 from deposit_outcomes v where v.src_eid = $1 and v.dst_eid = $2 and v.sequence = q.sequence
                         and v.outcome in ('voided', 'unhandled') and v.state <> 'orphaned')
         and not ${has('cancelled')}
       order by q.sequence limit 1`,
      [hubEid, dstEid],
    );
    return row === undefined ? null : { sequence: sequence(BigInt(row.sequence)), claim: BigInt(row.claim), at: BigInt(row.block_time) };
  }
}
