import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Signed snapshots of feeds, as the hub's contracts take them. They are as true as their signatures, so no reorg touches them. Old ones are
 * dropped: nothing accepts them any more.
 */
export class FeedSnapshots1795230000500 implements MigrationInterface {
  readonly name = 'FeedSnapshots1795230000500';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE feed_snapshots (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      feeds_address text NOT NULL CHECK (feeds_address ~ '^0x[0-9a-f]{40}$'),
      hash text NOT NULL CHECK (hash ~ '^0x[0-9a-f]{64}$'),
      "time" bigint NOT NULL CHECK ("time" >= 0),
      prices bytea NOT NULL,
      feeds numeric(20)[] NOT NULL,
      signers text[] NOT NULL,
      -- the transaction it was read from; null: signed here
      tx_hash text,
      recorded_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (feeds_address, hash)
    )`);
    await runner.query(`CREATE INDEX feed_snapshots_newest ON feed_snapshots (feeds_address, "time" DESC)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE feed_snapshots`);
  }
}
