import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the keeper of liquidations saw last: one row per hub, written over at each look. An alarm is told when it begins and when it ends. */
export class LiquidationFigures1795230000800 implements MigrationInterface {
  readonly name = 'LiquidationFigures1795230000800';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE liquidation_valuations (
      eid integer PRIMARY KEY,
      block_number bigint NOT NULL,
      block_time bigint NOT NULL,
      watched integer NOT NULL,
      -- by the keeper's own filter, which leaves nobody out
      suspected integer NOT NULL,
      -- by the contracts' figures
      below integer NOT NULL,
      unanswered integer NOT NULL,
      -- time of the oldest price that something was valued by; null: nobody holds anything
      priced_at bigint
    )`);
    await runner.query(`CREATE TABLE liquidation_brakes (
      eid integer PRIMARY KEY,
      is_braked boolean NOT NULL,
      since timestamptz NOT NULL DEFAULT now(),
      seen_at timestamptz NOT NULL DEFAULT now()
    )`);
    // Of markets that owe something, and of no others. Cash, 18 decimals.
    await runner.query(`CREATE TABLE liquidation_deficits (
      eid integer NOT NULL,
      market integer NOT NULL,
      owed numeric(78) NOT NULL CHECK (owed > 0),
      since timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (eid, market)
    )`);
    await tell(runner, 'liquidation_brakes', 'INSERT OR UPDATE', [
      `IF NEW.is_braked AND (TG_OP = 'INSERT' OR NOT OLD.is_braked) THEN ${alarm('NEW', 'WITHDRAWALS_BRAKED')}
       ELSIF TG_OP = 'UPDATE' AND OLD.is_braked AND NOT NEW.is_braked THEN ${alarm('NEW', 'WITHDRAWALS_BRAKED ended')} END IF;`,
    ]);
    await tell(runner, 'liquidation_deficits', 'INSERT OR DELETE', [
      `IF TG_OP = 'INSERT' THEN ${alarm('NEW', 'DEFICIT_UNCOVERED', `, 'market', NEW.market, 'owedE18', NEW.owed::text`)}
       ELSE ${alarm('OLD', 'DEFICIT_UNCOVERED ended', `, 'market', OLD.market`)} END IF;`,
    ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE liquidation_deficits, liquidation_brakes, liquidation_valuations');
    for (const table of ['liquidation_brakes', 'liquidation_deficits']) await runner.query(`DROP FUNCTION tell_${table}()`);
    await runner.query(`DELETE FROM changes WHERE kind = 'alarm' AND (what LIKE 'WITHDRAWALS_BRAKED%' OR what LIKE 'DEFICIT_UNCOVERED%')`);
  }
}

const alarm = (row: 'NEW' | 'OLD', what: string, more = ''): string =>
  `INSERT INTO changes (kind, what, subject) VALUES ('alarm', '${what}', jsonb_build_object('eid', ${row}.eid${more}));`;

async function tell(runner: QueryRunner, table: string, operations: string, body: readonly string[]): Promise<void> {
  await runner.query(`CREATE FUNCTION tell_${table}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      ${body.join('\n')}
      RETURN NULL;
    END $$`);
  await runner.query(`CREATE TRIGGER ${table}_told AFTER ${operations} ON ${table} FOR EACH ROW EXECUTE FUNCTION tell_${table}()`);
}
