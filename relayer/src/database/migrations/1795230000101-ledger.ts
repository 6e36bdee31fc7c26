import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Tables of the ledger stage. `ledger_events` are the hub's events as they are; the journal is their double entry.
 * The journal is append-only: an entry becomes final by a row in `journal_finalities`, and is undone by an entry that reverses it.
 */
export class LedgerTables1795230000101 implements MigrationInterface {
  readonly name = 'LedgerTables1795230000101';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE ledger_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      eid integer NOT NULL,
      kind text NOT NULL,
      src_eid integer,
      sequence numeric(20),
      account text,
      asset_id integer,
      payload jsonb NOT NULL,
      block_number bigint NOT NULL,
      block_hash text NOT NULL,
      block_time bigint NOT NULL,
      tx_hash text NOT NULL,
      log_index integer NOT NULL,
      state fact_state NOT NULL DEFAULT 'pending',
      final_at bigint,
      journal_state text NOT NULL DEFAULT 'open' CHECK (journal_state IN ('open', 'none', 'pending', 'final', 'reversed')),
      recorded_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (block_hash, log_index)
    )`);
    await runner.query(`CREATE INDEX ledger_events_deposit ON ledger_events (src_eid, sequence)`);
    await runner.query(`CREATE INDEX ledger_events_account ON ledger_events (account, id) WHERE account IS NOT NULL`);
    await runner.query(
      `CREATE INDEX ledger_events_open ON ledger_events (block_number, log_index) WHERE journal_state IN ('open', 'reversed') AND state <> 'orphaned'`,
    );
    await runner.query(`CREATE INDEX ledger_events_unsettled ON ledger_events (id) WHERE journal_state = 'pending'`);
    await runner.query(
      `CREATE INDEX ledger_events_gone ON ledger_events (id) WHERE state = 'orphaned' AND journal_state IN ('pending', 'final')`,
    );
    await runner.query(`CREATE INDEX ledger_events_pending ON ledger_events (eid, block_number) WHERE state = 'pending'`);

    await runner.query(`CREATE TABLE deliveries (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      src_eid integer NOT NULL,
      dst_eid integer NOT NULL,
      first_sequence numeric(20) NOT NULL,
      last_sequence numeric(20) NOT NULL,
      head text NOT NULL,
      block_number bigint NOT NULL,
      block_hash text NOT NULL,
      block_time bigint NOT NULL,
      tx_hash text NOT NULL,
      log_index integer NOT NULL,
      state fact_state NOT NULL DEFAULT 'pending',
      final_at bigint,
      recorded_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (block_hash, log_index)
    )`);
    await runner.query(`CREATE INDEX deliveries_path ON deliveries (src_eid, dst_eid, last_sequence)`);
    await runner.query(`CREATE INDEX deliveries_pending ON deliveries (dst_eid, block_number) WHERE state = 'pending'`);

    await runner.query(`CREATE TABLE deposit_outcomes (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      src_eid integer NOT NULL,
      dst_eid integer NOT NULL,
      sequence numeric(20) NOT NULL,
      outcome text NOT NULL CHECK (outcome IN ('credited', 'parked', 'voided', 'unhandled', 'refused')),
      reason text,
      block_number bigint NOT NULL,
      block_hash text NOT NULL,
      block_time bigint NOT NULL,
      tx_hash text NOT NULL,
      log_index integer NOT NULL,
      state fact_state NOT NULL DEFAULT 'pending',
      final_at bigint,
      recorded_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (block_hash, log_index)
    )`);
    await runner.query(`CREATE INDEX deposit_outcomes_deposit ON deposit_outcomes (src_eid, dst_eid, sequence)`);
    await runner.query(`CREATE INDEX deposit_outcomes_pending ON deposit_outcomes (dst_eid, block_number) WHERE state = 'pending'`);

    await runner.query(`CREATE TABLE journal_entries (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      event_id bigint NOT NULL REFERENCES ledger_events (id),
      reverses bigint UNIQUE REFERENCES journal_entries (id),
      kind text NOT NULL,
      eid integer NOT NULL,
      block_number bigint NOT NULL,
      block_hash text NOT NULL,
      log_index integer NOT NULL,
      recorded_at timestamptz NOT NULL DEFAULT now()
    )`);
    await runner.query(`CREATE INDEX journal_entries_event ON journal_entries (event_id)`);
    await runner.query(`CREATE TABLE postings (
      entry_id bigint NOT NULL REFERENCES journal_entries (id),
      line smallint NOT NULL,
      account text NOT NULL,
      asset text NOT NULL,
      amount numeric(78) NOT NULL CHECK (amount <> 0),
      PRIMARY KEY (entry_id, line)
    )`);
    await runner.query(`CREATE INDEX postings_account ON postings (account, asset)`);
    await runner.query(`CREATE TABLE journal_finalities (
      entry_id bigint PRIMARY KEY REFERENCES journal_entries (id),
      recorded_at timestamptz NOT NULL DEFAULT now()
    )`);

    await runner.query(`CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'the journal is append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
      END $$`);
    for (const table of ['journal_entries', 'postings', 'journal_finalities'])
      await runner.query(`CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`);

    // INV-LEDGER-3. Lines of an entry may come in several statements of one transaction, so the sum is taken at its end; once per entry,
    // from the entry's own row. Lines can be added only by the transaction that made the entry, else a closed entry could be changed
    // (now() is the time a transaction began, so it names the transaction here).
    await runner.query(`CREATE FUNCTION check_entry_balance() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        wrong record;
      BEGIN
        IF NOT EXISTS (SELECT 1 FROM postings WHERE entry_id = NEW.id) THEN
          RAISE EXCEPTION 'INV-LEDGER-3: journal entry % has no postings', NEW.id USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT asset, sum(amount) AS total INTO wrong FROM postings WHERE entry_id = NEW.id GROUP BY asset HAVING sum(amount) <> 0 LIMIT 1;
        IF FOUND THEN
          RAISE EXCEPTION 'INV-LEDGER-3: postings of journal entry % sum to % in %; expected 0', NEW.id, wrong.total, wrong.asset
            USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
      END $$`);
    await runner.query(`CREATE CONSTRAINT TRIGGER journal_entries_balance AFTER INSERT ON journal_entries
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_entry_balance()`);
    await runner.query(`CREATE FUNCTION check_entry_open() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (SELECT 1 FROM added JOIN journal_entries e ON e.id = added.entry_id
                   WHERE e.recorded_at <> now()) THEN
          RAISE EXCEPTION 'postings were added to a journal entry of an earlier transaction' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
      END $$`);
    await runner.query(`CREATE TRIGGER postings_entry_open AFTER INSERT ON postings REFERENCING NEW TABLE AS added
      FOR EACH STATEMENT EXECUTE FUNCTION check_entry_open()`);

    await runner.query(`CREATE TABLE reconciliations (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      at timestamptz NOT NULL DEFAULT now(),
      hub_block bigint NOT NULL,
      hub_block_hash text NOT NULL,
      pinned jsonb NOT NULL,
      invariants jsonb NOT NULL,
      mismatches jsonb NOT NULL,
      ok boolean NOT NULL
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      'reconciliations',
      'journal_finalities',
      'postings',
      'journal_entries',
      'deposit_outcomes',
      'deliveries',
      'ledger_events',
    ])
      await runner.query(`DROP TABLE ${table}`);
    for (const name of ['check_entry_open', 'check_entry_balance', 'refuse_change']) await runner.query(`DROP FUNCTION ${name}()`);
  }
}
