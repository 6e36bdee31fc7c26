import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What changed, for those who listen. Rows are written by the transaction that made the change, so none is missing and none is early. */
export class ChangesTable1795230000201 implements MigrationInterface {
  readonly name = 'ChangesTable1795230000201';

  async up(runner: QueryRunner): Promise<void> {
    // A reader goes by (tx, id): all rows of transactions below the oldest running one are there, whatever the order of their ids.
    await runner.query(`CREATE TABLE changes (
      id bigint GENERATED ALWAYS AS IDENTITY,
      tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
      kind text NOT NULL CHECK (kind IN ('deposit', 'withdrawal', 'request', 'path')),
      what text NOT NULL,
      subject jsonb NOT NULL,
      at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (tx, id)
    )`);
    await runner.query(`CREATE INDEX changes_at ON changes (at)`);
    for (const [table, select] of Object.entries(SOURCES)) {
      await runner.query(`CREATE FUNCTION tell_${table}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO changes (kind, what, subject) ${select};
          RETURN NULL;
        END $$`);
      for (const operation of ['INSERT', 'UPDATE'])
        await runner.query(`CREATE TRIGGER ${table}_told_${operation.toLowerCase()} AFTER ${operation} ON ${table}
          REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_${table}()`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of Object.keys(SOURCES)) await runner.query(`DROP FUNCTION tell_${table}() CASCADE`);
    await runner.query('DROP TABLE changes');
  }
}

const PATH = `jsonb_build_object('srcEid', src_eid, 'dstEid', dst_eid)`;

/** Per table: (kind, what, subject) of the rows in `changed`. `what` says which fact it was, and that it is final or gone. */
const SOURCES: Readonly<Record<string, string>> = {
  log_entries: `
    SELECT CASE kind WHEN 1 THEN 'deposit' ELSE 'request' END,
           CASE kind WHEN 1 THEN 'deposited' ELSE 'requested' END || CASE state WHEN 'pending' THEN '' ELSE ' ' || state END,
           jsonb_build_object('eid', src_eid, 'sequence', sequence::text)
    FROM changed WHERE kind IN (1, 2)`,
  deposit_outcomes: `
    SELECT 'deposit', outcome || CASE state WHEN 'pending' THEN '' ELSE ' ' || state END,
           jsonb_build_object('eid', src_eid, 'sequence', sequence::text)
    FROM changed WHERE outcome <> 'unhandled'`,
  claim_events: `
    SELECT 'withdrawal', kind || CASE state WHEN 'pending' THEN '' ELSE ' ' || state END, jsonb_build_object('claim', claim::text) FROM changed`,
  payout_events: `
    SELECT 'withdrawal', kind || CASE state WHEN 'pending' THEN '' ELSE ' ' || state END,
           jsonb_build_object('claim', claim::text, 'eid', eid, 'orderSequence', sequence::text)
    FROM changed WHERE kind <> 'unsent'`,
  receipt_events: `
    SELECT 'withdrawal', 'receipted' || CASE c.state WHEN 'pending' THEN '' ELSE ' ' || c.state END, jsonb_build_object('claim', o.claim::text)
    FROM changed c JOIN claim_events o ON o.kind = 'ordered' AND o.dst_eid = c.src_eid AND o.state <> 'orphaned'
      AND o.sequence BETWEEN c.first_order AND c.last_order`,
  request_events: `
    SELECT 'request', kind || CASE state WHEN 'pending' THEN '' ELSE ' ' || state END, jsonb_build_object('eid', src_eid, 'sequence', sequence::text)
    FROM changed`,
  checkpoints: `
    SELECT 'path', 'flushed' || CASE state WHEN 'pending' THEN '' ELSE ' ' || state END, ${PATH} || jsonb_build_object('sequence', sequence::text)
    FROM changed WHERE gas_used IS NULL`,
  verified_heads: `
    SELECT 'path', 'verified' || CASE state WHEN 'pending' THEN '' ELSE ' ' || state END, ${PATH} || jsonb_build_object('sequence', sequence::text)
    FROM changed`,
  path_events: `
    SELECT 'path', kind || CASE state WHEN 'pending' THEN '' ELSE ' ' || state END,
           jsonb_build_object('eid', eid, 'peerEid', peer_eid, 'sequence', sequence::text)
    FROM changed`,
};
