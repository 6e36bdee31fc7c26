import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { DataSource } from 'typeorm';
import { z } from 'zod/v4';
import { RELAYER_CONFIG } from '../config/config.module.js';
import type { RelayerConfig } from '../config/relayer-config.js';

const alarms = z.array(z.object({ detail: z.string() }));
const ages = z.tuple([z.object({ age: z.number() })]);

/** What was seen so many looks at losses ago, or so many seconds if that is more, may have changed. */
const AGED_LOOKS = 12;
const AGED_SECONDS = 60;

/** Whether losses stand that nobody has covered, and whether cash is kept from leaving for them. */
@Injectable()
export class LossesHealth {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly dataSource: DataSource,
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'liquidation'>,
  ) {}

  /** Always up, because no restart covers a loss: `state` says whether an operator should look. `unknown`: nobody has looked for a while. */
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
      const [{ age }] = ages.parse(
        await this.dataSource.query(`select coalesce(max(extract(epoch from now() - seen_at)), 0)::float8 as age from liquidation_brakes`),
      );
      const isAged = age > Math.max(AGED_SECONDS, AGED_LOOKS * this.config.liquidation.levySeconds);
      const state = isAged ? 'unknown' : rows.length === 0 ? 'ok' : 'degraded';
      return indicator.up({ state, open: rows.map(({ detail }) => detail) });
    } catch {
      // Readiness says that the database is away; a process is not dead because of that.
      return indicator.up({ state: 'unknown', open: [] });
    }
  }
}
