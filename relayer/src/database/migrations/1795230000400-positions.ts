import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What moved positions on the hub, and between whom. A database that followed a hub with markets before it had this table lacks what was
 * traded till then: drop it and follow anew, as with any lost database.
 */
export class PositionEvents1795230000400 implements MigrationInterface {
  readonly name = 'PositionEvents1795230000400';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE position_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      eid integer NOT NULL,
      kind text NOT NULL CHECK (kind IN ('Traded', 'SliceTransferred')),
      account text NOT NULL,
      counterparty text NOT NULL,
      instrument numeric(78),
      size numeric(39),
      price numeric(39),
      share numeric(20),
      block_number bigint NOT NULL,
      block_hash text NOT NULL,
      block_time bigint NOT NULL,
      tx_hash text NOT NULL,
      log_index integer NOT NULL,
      state fact_state NOT NULL DEFAULT 'pending',
      final_at bigint,
      recorded_at timestamptz NOT NULL DEFAULT now(),
      CHECK ((kind = 'Traded') = (instrument IS NOT NULL AND size IS NOT NULL AND price IS NOT NULL)),
      CHECK ((kind = 'SliceTransferred') = (share IS NOT NULL)),
      UNIQUE (block_hash, log_index)
    )`);
    await runner.query(`CREATE INDEX position_events_account ON position_events (account)`);
    await runner.query(`CREATE INDEX position_events_counterparty ON position_events (counterparty)`);
    await runner.query(`CREATE INDEX position_events_pending ON position_events (eid, block_number) WHERE state = 'pending'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE position_events`);
  }
}
