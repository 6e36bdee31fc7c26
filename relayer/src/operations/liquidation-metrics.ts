import { Injectable } from '@nestjs/common';
import type { Registry } from 'prom-client';
import { DataSource } from 'typeorm';
import { registerTableGauges, type TableGauge } from './table-gauges.js';

/** Auctions that were started and not ended, of either kind; a number is never given twice. */
const OPEN = `from liquidation_events s
  cross join lateral (select case s.kind when 'AuctionStarted' then 'margin' else 'shortfall' end as of) k
  where s.kind in ('AuctionStarted', 'ShortfallStarted') and s.state <> 'orphaned'
    and not exists (select 1 from liquidation_events e where e.family = 'liquidation' and e.number = s.number
                    and e.kind in ('AuctionEnded', 'ShortfallEnded') and e.state <> 'orphaned')
  group by k.of`;

const GAUGES: readonly TableGauge[] = [
  {
    name: 'margin_auctions_open',
    help: 'auctions that run, by kind: of accounts below maintenance margin, of debts past the limit',
    labels: ['kind'],
    sql: `select jsonb_build_object('kind', k.of) as labels, count(*)::float8 as value ${OPEN}`,
  },
  {
    name: 'margin_auction_oldest_seconds',
    help: 'age of the oldest auction that runs',
    labels: ['kind'],
    sql: `select jsonb_build_object('kind', k.of) as labels, (extract(epoch from now()) - min(s.block_time))::float8 as value ${OPEN}`,
  },
  {
    name: 'margin_auctions_insolvent',
    help: 'auctions that run of accounts that owe more than they have',
    labels: [],
    sql: `select '{}'::jsonb as labels, count(*)::float8 as value from liquidation_events s
          where s.kind = 'InsolvencyOpened' and s.state <> 'orphaned'
            and not exists (select 1 from liquidation_events e where e.family = 'liquidation' and e.number = s.number
                            and e.kind = 'InsolvencyClosed' and e.state <> 'orphaned'
                            and (e.block_number, e.log_index) > (s.block_number, s.log_index))`,
  },
  {
    name: 'margin_levies_open',
    help: 'levies that nobody has closed, for losses that no equity and no fund covered',
    labels: ['underlying'],
    sql: `select jsonb_build_object('underlying', s.payload->>'underlying') as labels, count(*)::float8 as value from liquidation_events s
          where s.kind = 'LevyOpened' and s.state <> 'orphaned'
            and not exists (select 1 from liquidation_events e where e.kind = 'LevyClosed' and e.number = s.number and e.state <> 'orphaned')
          group by s.payload->>'underlying'`,
  },
  {
    name: 'margin_accounts_below_maintenance',
    help: 'accounts below maintenance margin at the last look of the keeper, by the contracts; at most as many as one look asks about',
    labels: [],
    sql: `select '{}'::jsonb as labels, below::float8 as value from liquidation_valuations`,
  },
  {
    name: 'margin_accounts_suspected',
    help: 'accounts that may be below maintenance margin at the last look of the keeper, by its own filter, which leaves nobody out',
    labels: [],
    sql: `select '{}'::jsonb as labels, suspected::float8 as value from liquidation_valuations`,
  },
  {
    name: 'margin_valuation_price_age_seconds',
    help: 'age of the oldest price by which the keeper valued something at its last look',
    labels: [],
    sql: `select '{}'::jsonb as labels, (extract(epoch from now()) - priced_at)::float8 as value from liquidation_valuations
          where priced_at is not null`,
  },
  {
    name: 'margin_deficit_cash',
    help: 'losses of a market that nobody has covered yet, in whole units of cash; none: no sample',
    labels: ['underlying'],
    sql: `select jsonb_build_object('underlying', market::text) as labels, (owed / 1e18)::float8 as value from liquidation_deficits`,
  },
  {
    name: 'margin_withdrawals_braked',
    help: '1 while cash is kept from leaving the hub because more is missing than the fund has',
    labels: [],
    sql: `select '{}'::jsonb as labels, is_braked::int::float8 as value from liquidation_brakes`,
  },
];

/** Metrics of the liquidation stage, read from the table it writes. */
@Injectable()
export class LiquidationMetrics {
  constructor(private readonly dataSource: DataSource) {}

  register(registry: Registry): void {
    registerTableGauges(registry, this.dataSource, GAUGES);
  }
}
