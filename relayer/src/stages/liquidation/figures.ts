import { liquidation } from '@lockstep/shared';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { SeenLosses } from './levy.keeper.js';
import type { Look } from './liquidator.js';

/** What was seen at the last look at accounts, and at the last one at losses: for metrics, alarms and the API. */
@Injectable()
export class LiquidationFigures {
  constructor(private readonly dataSource: DataSource) {}

  /** @param eid the hub's */
  async valued(eid: number, { block, time, watched, suspects, accounts, unanswered, pricedAt }: Look): Promise<void> {
    const below = accounts.filter(({ equity, margin }) => equity < margin).length;
    await this.dataSource.query(
      `insert into liquidation_valuations (eid, block_number, block_time, watched, suspected, below, unanswered, priced_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (eid) do update set block_number = excluded.block_number, block_time = excluded.block_time, watched = excluded.watched,
         suspected = excluded.suspected, below = excluded.below, unanswered = excluded.unanswered, priced_at = excluded.priced_at`,
      [eid, `${block}`, `${time}`, watched, suspects, below, unanswered.length, pricedAt === null ? null : `${pricedAt}`],
    );
  }

  /** @param eid the hub's */
  async lost(eid: number, { isBraked, owed }: SeenLosses): Promise<void> {
    // Interest accrues until the last payment is mined: what is left by it is dust, for which nothing is done before there is more.
    const owing = [...owed].filter(([, amount]) => amount >= liquidation.LEAST_DEFICIT);
    const [markets, amounts] = [owing.map(([market]) => market), owing.map(([, amount]) => `${amount}`)];
    await this.dataSource.transaction(async (tx) => {
      await tx.query(
        `insert into liquidation_brakes (eid, is_braked) values ($1, $2)
         on conflict (eid) do update set is_braked = excluded.is_braked, seen_at = now(),
           since = case when liquidation_brakes.is_braked = excluded.is_braked then liquidation_brakes.since else now() end`,
        [eid, isBraked],
      );
      await tx.query('delete from liquidation_deficits where eid = $1 and market <> all($2::integer[])', [eid, markets]);
      await tx.query(
        `insert into liquidation_deficits (eid, market, owed) select $1, * from unnest($2::integer[], $3::numeric[])
         on conflict (eid, market) do update set owed = excluded.owed`,
        [eid, markets, amounts],
      );
    });
  }
}
