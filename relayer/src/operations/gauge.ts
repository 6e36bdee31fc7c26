import { Gauge, type Registry } from 'prom-client';

/** A gauge that is filled whenever metrics are gathered. */
export interface GaugeTerms {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/**
 * Adds a gauge to a registry.
 * @param fill sets its samples; those of the last time are gone
 */
export function registerGauge(registry: Registry, { name, help, labels }: GaugeTerms, fill: (gauge: Gauge) => Promise<void>): void {
  new Gauge({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    async collect() {
      this.reset();
      // Without labels a reset is a sample of 0: what nobody has seen would look fine.
      if (labels.length === 0) this.remove();
      await fill(this);
    },
  });
}
