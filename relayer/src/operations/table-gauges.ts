import { Gauge, type Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { z } from 'zod/v4';

/** A gauge that one query of the stages' tables fills. */
export interface TableGauge {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** gives rows of `labels` (jsonb of texts, by the names above) and `value` (float8); no row, no sample */
  readonly sql: string;
}

const samples = z.array(z.object({ labels: z.record(z.string(), z.string()), value: z.number() }));

/** Adds gauges to a registry; each asks the database whenever metrics are gathered. */
export function registerTableGauges(registry: Registry, dataSource: DataSource, gauges: readonly TableGauge[]): void {
  for (const { name, help, labels, sql } of gauges)
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      async collect() {
        this.reset();
        // Without labels a reset is a sample of 0: what nobody has seen would look fine.
        if (labels.length === 0) this.remove();
        for (const row of samples.parse(await dataSource.query(sql))) this.set(row.labels, row.value);
      },
    });
}
