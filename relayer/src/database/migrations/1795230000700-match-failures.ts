import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How often a match's transaction was mined and failed; `attempts` counts those too that were never mined. */
export class MatchFailures1795230000700 implements MigrationInterface {
  readonly name = 'MatchFailures1795230000700';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE exchange_matches ADD COLUMN failures integer NOT NULL DEFAULT 0`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE exchange_matches DROP COLUMN failures`);
  }
}
