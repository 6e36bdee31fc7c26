import { Injectable } from '@nestjs/common';
import type { Registry } from 'prom-client';
import { DataSource } from 'typeorm';
import { registerTableGauges, type TableGauge } from './table-gauges.js';

const GAUGES: readonly TableGauge[] = [
  {
    name: 'margin_release_oldest_unpaid_seconds',
    help: 'age of the oldest order towards a chain that its vault neither paid, nor made claimable, nor refused',
    labels: ['dst'],
    sql: `select jsonb_build_object('dst', o.dst_eid::text) as labels, (extract(epoch from now()) - min(o.block_time))::float8 as value
          from claim_events o
          where o.kind = 'ordered' and o.state <> 'orphaned'
            and not exists (select 1 from payout_events p where p.eid = o.dst_eid and p.sequence = o.sequence and p.state <> 'orphaned')
            and not exists (select 1 from claim_events c where c.claim = o.claim and c.kind = 'cancelled' and c.state <> 'orphaned')
          group by o.dst_eid`,
  },
  {
    name: 'margin_claims_queued',
    help: 'claims that wait to be ordered, per token',
    labels: ['dst', 'asset'],
    sql: `select jsonb_build_object('dst', q.dst_eid::text, 'asset', q.asset::text) as labels, count(*)::float8 as value from claim_events q
          where q.kind = 'queued' and q.state <> 'orphaned'
            and not exists (select 1 from claim_events o where o.claim = q.claim and o.kind <> 'queued' and o.state <> 'orphaned')
          group by q.dst_eid, q.asset`,
  },
  {
    name: 'margin_payouts_claimable',
    help: 'orders that a vault could not pay and of which something is left, by why',
    labels: ['dst', 'reason'],
    sql: `select jsonb_build_object('dst', p.eid::text, 'reason', p.reason) as labels, count(*)::float8 as value from payout_events p
          where p.kind = 'claimable' and p.state <> 'orphaned'
            and not exists (select 1 from payout_events d where d.eid = p.eid and d.sequence = p.sequence and d.kind in ('returned', 'annulled') and d.state <> 'orphaned')
            and p.amount > (select coalesce(sum(d.amount), 0) from payout_events d where d.eid = p.eid and d.sequence = p.sequence
                            and d.kind = 'claimed' and d.state <> 'orphaned')
          group by p.eid, p.reason`,
  },
  {
    name: 'margin_payouts_refused',
    help: 'orders that a vault refused for good: no honest hub gives one',
    labels: ['dst'],
    sql: `select jsonb_build_object('dst', eid::text) as labels, count(*)::float8 as value from payout_events
          where kind = 'refused' and state <> 'orphaned' group by eid`,
  },
  {
    name: 'margin_requests_open',
    help: 'withdrawals asked for on a chain that the hub recorded and nobody decided',
    labels: ['src'],
    sql: `select jsonb_build_object('src', r.src_eid::text) as labels, count(*)::float8 as value from request_events r
          where r.kind = 'recorded' and r.state <> 'orphaned'
            and not exists (select 1 from request_events d where d.src_eid = r.src_eid and d.sequence = r.sequence
                            and d.kind in ('processed', 'expired') and d.state <> 'orphaned')
          group by r.src_eid`,
  },
];

/** Metrics of the release stage, read from the tables it writes. */
@Injectable()
export class ReleaseMetrics {
  constructor(private readonly dataSource: DataSource) {}

  register(registry: Registry): void {
    registerTableGauges(registry, this.dataSource, GAUGES);
  }
}
