import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { isoOfSeconds } from './chain-names.js';
import type { LiquidationFiguresView } from './liquidation-views.js';

interface ValuationRow {
  readonly block_number: string;
  readonly block_time: string;
  readonly watched: number;
  readonly suspected: number;
  readonly below: number;
  readonly unanswered: number;
  readonly priced_at: string | null;
}

/** Reads what the keeper of liquidations saw last. */
@Injectable()
export class LiquidationFiguresQueries {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async now(): Promise<LiquidationFiguresView> {
    const [[valuation], [brake], deficits] = await Promise.all([
      this.dataSource.query<ValuationRow[]>('select * from liquidation_valuations'),
      this.dataSource.query<{ is_braked: boolean; seen_at: Date }[]>('select is_braked, seen_at from liquidation_brakes'),
      this.dataSource.query<{ market: number; owed: string; since: Date }[]>(
        'select market, owed::text, since from liquidation_deficits order by market',
      ),
    ]);
    return {
      valuation: valuation === undefined ? null : valuationView(valuation),
      losses:
        brake === undefined
          ? null
          : {
              at: brake.seen_at.toISOString(),
              braked: brake.is_braked,
              deficits: deficits.map(({ market, owed, since }) => ({ market, owedE18: owed, since: since.toISOString() })),
            },
    };
  }
}

const valuationView = (row: ValuationRow): LiquidationFiguresView['valuation'] => ({
  ...{ at: isoOfSeconds(row.block_time), blockNumber: row.block_number, watched: row.watched, suspected: row.suspected },
  ...{ belowMaintenance: row.below, unanswered: row.unanswered },
  pricesAt: row.priced_at === null ? null : isoOfSeconds(row.priced_at),
});
