import type { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { z } from 'zod/v4';
import { registerGauge, type GaugeTerms } from './gauge.js';

/** A gauge that one query of the stages' tables fills. */
export interface TableGauge extends GaugeTerms {
  /** gives rows of `labels` (jsonb of texts, by the gauge's names) and `value` (float8); no row, no sample */
  readonly sql: string;
}

const samples = z.array(z.object({ labels: z.record(z.string(), z.string()), value: z.number() }));

/** Adds gauges to a registry; each asks the database whenever metrics are gathered. */
export function registerTableGauges(registry: Registry, dataSource: DataSource, gauges: readonly TableGauge[]): void {
  for (const { sql, ...terms } of gauges)
    registerGauge(registry, terms, async (gauge) => {
      for (const row of samples.parse(await dataSource.query(sql))) gauge.set(row.labels, row.value);
    });
}
