import { Injectable } from '@nestjs/common';
import type { Gauge, Registry } from 'prom-client';
import { DataSource } from 'typeorm';
import { z } from 'zod/v4';
import { registerGauge } from './gauge.js';

const invariants = z.array(z.object({ invariants: z.record(z.string(), z.boolean()), age: z.number() }));
const backlog = z.array(
  z.object({
    src_eid: z.number(),
    dst_eid: z.number(),
    unflushed: z.number(),
    undelivered: z.number(),
    oldest_seconds: z.number().nullable(),
  }),
);
const packets = z.array(z.object({ src_eid: z.number(), dst_eid: z.number(), work_state: z.string(), count: z.number() }));
const problems = z.array(z.object({ src_eid: z.number(), dst_eid: z.number(), stage: z.string(), code: z.string(), seconds: z.number() }));
const parked = z.array(z.object({ reason: z.string(), count: z.number() }));

/** Metrics of the stages, read from the tables they write. */
@Injectable()
export class StageMetrics {
  constructor(private readonly dataSource: DataSource) {}

  register(registry: Registry): void {
    const gauge = (name: string, help: string, labels: readonly string[], fill: (gauge: Gauge) => Promise<void>): void =>
      registerGauge(registry, { name, help, labels }, fill);
    gauge('margin_invariant_ok', '1 if the invariant held at the newest reconciliation', ['name'], async (g) => {
      for (const row of await this.#newest()) for (const [name, ok] of Object.entries(row.invariants)) g.set({ name }, ok ? 1 : 0);
    });
    gauge('margin_reconcile_age_seconds', 'seconds since the newest reconciliation', [], async (g) => {
      for (const row of await this.#newest()) g.set(row.age);
    });
    this.#pathMetrics(gauge);
  }

  #pathMetrics(gauge: (name: string, help: string, labels: readonly string[], collect: (gauge: Gauge) => Promise<void>) => void): void {
    const path = (row: { src_eid: number; dst_eid: number }) => ({ src: String(row.src_eid), dst: String(row.dst_eid) });
    gauge('margin_stage_inflight', 'entries of a path that wait in a stage', ['src', 'dst', 'stage'], async (g) => {
      for (const row of await this.#backlog()) {
        g.set({ ...path(row), stage: 'attestation' }, row.unflushed);
        g.set({ ...path(row), stage: 'ledger' }, row.undelivered);
      }
    });
    gauge('margin_stage_oldest_seconds', 'age of the oldest entry of a path that is not delivered', ['src', 'dst'], async (g) => {
      for (const row of await this.#backlog()) if (row.oldest_seconds !== null) g.set(path(row), row.oldest_seconds);
    });
    gauge('margin_packets_open', 'packets by where they stand', ['src', 'dst', 'state'], async (g) => {
      const rows: unknown = await this.dataSource.query(
        `select src_eid, dst_eid, work_state, count(*)::int as count
         from packets where not done and state <> 'orphaned' group by src_eid, dst_eid, work_state`,
      );
      for (const row of packets.parse(rows)) g.set({ ...path(row), state: row.work_state }, row.count);
    });
    gauge('margin_path_problem_seconds', 'how long a problem holds a path up', ['src', 'dst', 'stage', 'code'], async (g) => {
      const rows: unknown = await this.dataSource.query(
        'select src_eid, dst_eid, stage, code, extract(epoch from now() - since)::float8 as seconds from path_problems',
      );
      for (const row of problems.parse(rows)) g.set({ ...path(row), stage: row.stage, code: row.code }, row.seconds);
    });
    gauge('margin_deposits_parked', 'deposits that wait in suspense', ['reason'], async (g) => {
      const rows: unknown = await this.dataSource.query(
        `select coalesce(reason, '') as reason, count(*)::int as count from deposit_outcomes o
         where outcome = 'parked' and state <> 'orphaned' and not exists (select 1 from deposit_outcomes c where c.src_eid = o.src_eid
           and c.dst_eid = o.dst_eid and c.sequence = o.sequence and c.outcome in ('credited', 'returned') and c.state <> 'orphaned') group by reason`,
      );
      for (const { reason, count } of parked.parse(rows)) g.set({ reason }, count);
    });
  }

  async #newest(): Promise<z.output<typeof invariants>> {
    return invariants.parse(
      await this.dataSource.query(
        'select invariants, extract(epoch from now() - at)::float8 as age from reconciliations order by id desc limit 1',
      ),
    );
  }

  async #backlog(): Promise<z.output<typeof backlog>> {
    return backlog.parse(
      await this.dataSource.query(
        `select l.src_eid, l.dst_eid, count(*) filter (where l.sequence > coalesce(c.flushed, 0))::int as unflushed, count(*)::int as undelivered,
           (extract(epoch from now()) - min(l.block_time))::float8 as oldest_seconds
         from log_entries l
         left join path_states s on s.src_eid = l.src_eid and s.dst_eid = l.dst_eid
         left join (select src_eid, dst_eid, max(sequence) as flushed from checkpoints where state <> 'orphaned' group by 1, 2) c
           on c.src_eid = l.src_eid and c.dst_eid = l.dst_eid
         where l.state <> 'orphaned' and l.sequence > coalesce(s.consumed, 0) group by l.src_eid, l.dst_eid`,
      ),
    );
  }
}
