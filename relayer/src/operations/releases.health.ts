import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { DataSource } from 'typeorm';
import { z } from 'zod/v4';

const late = z.array(z.object({ detail: z.string() }));

/** Whether users wait for payouts. */
@Injectable()
export class ReleasesHealth {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly dataSource: DataSource,
  ) {}

  /** Always up, because neither a restart nor another replica pays an order sooner: `state` says whether an operator should look. */
  async paying<Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const indicator = this.indicators.check(key);
    try {
      const rows = late.parse(await this.dataSource.query(`select detail from path_problems where stage = 'release' order by since`));
      return indicator.up({ state: rows.length === 0 ? 'ok' : 'degraded', late: rows.map(({ detail }) => detail) });
    } catch {
      // Readiness says that the database is away; a process is not dead because of that.
      return indicator.up({ state: 'unknown', late: [] });
    }
  }
}
