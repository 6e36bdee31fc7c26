import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { DataSource } from 'typeorm';
import { z } from 'zod/v4';

const alarms = z.array(z.object({ detail: z.string() }));

/** Whether losses stand that nobody has covered, and whether cash is kept from leaving for them. */
@Injectable()
export class LossesHealth {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly dataSource: DataSource,
  ) {}

  /** Always up, because no restart covers a loss: `state` says whether an operator should look. */
  async covered<Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const indicator = this.indicators.check(key);
    try {
      const rows = alarms.parse(
        await this.dataSource.query(
          `select 'withdrawals of cash are braked' as detail, since from liquidation_brakes where is_braked
           union all select 'market ' || market || ' owes ' || trunc(owed / 1e18, 2) || ' that nobody has covered', since from liquidation_deficits
           order by since`,
        ),
      );
      return indicator.up({ state: rows.length === 0 ? 'ok' : 'degraded', open: rows.map(({ detail }) => detail) });
    } catch {
      // Readiness says that the database is away; a process is not dead because of that.
      return indicator.up({ state: 'unknown', open: [] });
    }
  }
}
