import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the hub told of auctions and of levies, each event as it was. A database that followed a hub with auctions before it had this table lacks what
 * happened till then: drop it and follow anew, as with any lost database.
 */
export class LiquidationEvents1795230000600 implements MigrationInterface {
  readonly name = 'LiquidationEvents1795230000600';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE liquidation_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      eid integer NOT NULL,
      -- liquidations of both kinds are numbered in one row, levies in another
      family text NOT NULL CHECK (family IN ('liquidation', 'levy')),
      number numeric(20) NOT NULL CHECK (number > 0),
      kind text NOT NULL CHECK (kind IN (
        'AuctionStarted', 'BidTaken', 'InsolventPaid', 'InsolvencyOpened', 'InsolvencyClosed', 'AuctionEnded',
        'ShortfallStarted', 'ShortfallBidTaken', 'ShortfallEnded', 'AssetHandedOver', 'RouteChosen',
        'LevyOpened', 'Registered', 'LevyClosed', 'LevyPaid')),
      -- whom it happened to; null: nobody alone
      account text,
      payload jsonb NOT NULL,
      block_number bigint NOT NULL,
      block_hash text NOT NULL,
      block_time bigint NOT NULL,
      tx_hash text NOT NULL,
      log_index integer NOT NULL,
      state fact_state NOT NULL DEFAULT 'pending',
      final_at bigint,
      recorded_at timestamptz NOT NULL DEFAULT now(),
      CHECK ((family = 'levy') = (kind IN ('LevyOpened', 'Registered', 'LevyClosed', 'LevyPaid'))),
      UNIQUE (block_hash, log_index)
    )`);
    await runner.query(`CREATE INDEX liquidation_events_number ON liquidation_events (family, number)`);
    await runner.query(`CREATE INDEX liquidation_events_account ON liquidation_events (account)`);
    await runner.query(`CREATE INDEX liquidation_events_pending ON liquidation_events (eid, block_number) WHERE state = 'pending'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE liquidation_events`);
  }
}
