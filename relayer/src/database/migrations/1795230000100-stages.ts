import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Columns that say where on a chain a row comes from, and whether it still stands there. */
const PLACE = `
  block_number bigint NOT NULL,
  block_hash text NOT NULL,
  block_time bigint NOT NULL,
  tx_hash text NOT NULL,
  log_index integer NOT NULL,
  state fact_state NOT NULL DEFAULT 'pending',
  final_at bigint,
  recorded_at timestamptz NOT NULL DEFAULT now()`;

/** Tables of the deposit, attestation and packet stages. Sequences and amounts are numerics: they do not fit a bigint column. */
export class StageTables1795230000100 implements MigrationInterface {
  readonly name = 'StageTables1795230000100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TYPE fact_state AS ENUM ('pending', 'final', 'orphaned')`);

    await runner.query(`CREATE TABLE log_entries (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      src_eid integer NOT NULL,
      dst_eid integer NOT NULL,
      sequence numeric(20) NOT NULL CHECK (sequence > 0),
      kind smallint NOT NULL,
      bytes text NOT NULL,
      leaf text NOT NULL,
      head text NOT NULL,
      account text,
      asset integer,
      amount numeric(39),
      payer text,
      void_target numeric(20),
      ${PLACE},
      UNIQUE (block_hash, log_index)
    )`);
    await runner.query(`CREATE UNIQUE INDEX log_entries_alive ON log_entries (src_eid, dst_eid, sequence) WHERE state <> 'orphaned'`);
    await runner.query(`CREATE INDEX log_entries_tx ON log_entries (tx_hash)`);
    await runner.query(`CREATE INDEX log_entries_account ON log_entries (account, id) WHERE account IS NOT NULL`);
    await runner.query(`CREATE INDEX log_entries_pending ON log_entries (src_eid, block_number) WHERE state = 'pending'`);
    await runner.query(`CREATE INDEX log_entries_voids ON log_entries (src_eid, dst_eid, void_target) WHERE void_target IS NOT NULL`);

    await runner.query(`CREATE TABLE checkpoints (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      src_eid integer NOT NULL,
      dst_eid integer NOT NULL,
      sequence numeric(20) NOT NULL,
      first_sequence numeric(20) NOT NULL,
      entries integer NOT NULL,
      head text NOT NULL,
      ack_sequence numeric(20) NOT NULL,
      ack_head text NOT NULL,
      guid text NOT NULL,
      fee_wei numeric(78) NOT NULL,
      gas_used numeric(20),
      gas_price_wei numeric(78),
      ${PLACE},
      UNIQUE (block_hash, log_index)
    )`);
    await runner.query(`CREATE INDEX checkpoints_path ON checkpoints (src_eid, dst_eid, sequence)`);
    await runner.query(`CREATE INDEX checkpoints_pending ON checkpoints (src_eid, block_number) WHERE state = 'pending'`);

    await runner.query(`CREATE TABLE packets (
      guid text NOT NULL,
      payload_hash text NOT NULL,
      src_eid integer NOT NULL,
      dst_eid integer NOT NULL,
      nonce numeric(20) NOT NULL,
      encoded text NOT NULL,
      receive_gas numeric(39) NOT NULL,
      sequence numeric(20) NOT NULL,
      head text NOT NULL,
      ack_sequence numeric(20) NOT NULL,
      ack_head text NOT NULL,
      work_state text NOT NULL DEFAULT 'seen',
      work_detail text,
      execute_key text,
      checked_at timestamptz,
      done boolean NOT NULL DEFAULT false,
      ${PLACE},
      PRIMARY KEY (guid, payload_hash)
    )`);
    await runner.query(`CREATE INDEX packets_open ON packets (dst_eid, src_eid, nonce) WHERE NOT done AND state <> 'orphaned'`);
    await runner.query(`CREATE INDEX packets_pending ON packets (src_eid, block_number) WHERE state = 'pending'`);

    await runner.query(`CREATE TABLE signed_heads (
      dvn text NOT NULL,
      src_eid integer NOT NULL,
      dst_eid integer NOT NULL,
      sequence numeric(20) NOT NULL,
      head text NOT NULL,
      because text NOT NULL,
      signed_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (dvn, src_eid, dst_eid)
    )`);
    await runner.query(`CREATE TABLE attestations (
      dvn text NOT NULL,
      guid text NOT NULL,
      payload_hash text NOT NULL,
      dst_eid integer NOT NULL,
      sequence numeric(20) NOT NULL,
      head text NOT NULL,
      intent_key text NOT NULL,
      signed_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (dvn, guid, payload_hash)
    )`);

    await runner.query(`CREATE TABLE verified_heads (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      src_eid integer NOT NULL,
      dst_eid integer NOT NULL,
      sequence numeric(20) NOT NULL,
      head text NOT NULL,
      origin text NOT NULL CHECK (origin IN ('checkpoint', 'split')),
      ${PLACE},
      UNIQUE (block_hash, log_index)
    )`);
    await runner.query(`CREATE INDEX verified_heads_path ON verified_heads (src_eid, dst_eid, sequence)`);
    await runner.query(`CREATE INDEX verified_heads_pending ON verified_heads (dst_eid, block_number) WHERE state = 'pending'`);

    await runner.query(`CREATE TABLE path_states (
      src_eid integer NOT NULL,
      dst_eid integer NOT NULL,
      verified numeric(20) NOT NULL DEFAULT 0,
      consumed numeric(20) NOT NULL DEFAULT 0,
      destination_quarantined boolean NOT NULL DEFAULT false,
      seen_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (src_eid, dst_eid)
    )`);
    await runner.query(`CREATE TABLE path_problems (
      src_eid integer NOT NULL,
      dst_eid integer NOT NULL,
      stage text NOT NULL,
      code text NOT NULL,
      detail text NOT NULL,
      since timestamptz NOT NULL DEFAULT now(),
      seen_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (src_eid, dst_eid, stage)
    )`);
    await runner.query(`CREATE TABLE path_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      eid integer NOT NULL,
      peer_eid integer NOT NULL,
      kind text NOT NULL,
      sequence numeric(20) NOT NULL,
      head text,
      detail text,
      ${PLACE},
      UNIQUE (block_hash, log_index)
    )`);
    await runner.query(`CREATE INDEX path_events_path ON path_events (eid, peer_eid, id)`);

    await runner.query(`CREATE TABLE reorged_facts (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      eid integer NOT NULL,
      kind text NOT NULL,
      subject jsonb NOT NULL,
      was_final boolean NOT NULL,
      block_number bigint NOT NULL,
      block_hash text NOT NULL,
      tx_hash text NOT NULL,
      removed_at timestamptz NOT NULL DEFAULT now()
    )`);
    await runner.query(`CREATE INDEX reorged_facts_tx ON reorged_facts (tx_hash)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      'reorged_facts',
      'path_events',
      'path_problems',
      'path_states',
      'verified_heads',
      'attestations',
      'signed_heads',
      'packets',
      'checkpoints',
      'log_entries',
    ])
      await runner.query(`DROP TABLE ${table}`);
    await runner.query('DROP TYPE fact_state');
  }
}
