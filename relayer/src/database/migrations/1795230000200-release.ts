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
  recorded_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (block_hash, log_index)`;

/** Tables of the release stage: claims and requests as the hub tells them, payouts as the vaults do. */
export class ReleaseTables1795230000200 implements MigrationInterface {
  readonly name = 'ReleaseTables1795230000200';

  async up(runner: QueryRunner): Promise<void> {
    // queued: with everything about the claim; ordered: with its sequence; cancelled: voided or not.
    await runner.query(`CREATE TABLE claim_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      eid integer NOT NULL,
      kind text NOT NULL CHECK (kind IN ('queued', 'ordered', 'cancelled')),
      claim numeric(20) NOT NULL,
      account text,
      dst_eid integer,
      asset integer,
      units numeric(39),
      receiver text,
      from_cash boolean,
      sequence numeric(20),
      voided boolean,
      ${PLACE}
    )`);
    await runner.query(`CREATE INDEX claim_events_claim ON claim_events (claim, kind)`);
    await runner.query(`CREATE INDEX claim_events_account ON claim_events (account, id) WHERE kind = 'queued'`);
    await runner.query(`CREATE INDEX claim_events_order ON claim_events (dst_eid, sequence) WHERE kind = 'ordered'`);
    await runner.query(`CREATE INDEX claim_events_tx ON claim_events (tx_hash)`);
    await runner.query(`CREATE INDEX claim_events_pending ON claim_events (eid, block_number) WHERE state = 'pending'`);

    await runner.query(`CREATE TABLE request_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      eid integer NOT NULL,
      kind text NOT NULL CHECK (kind IN ('recorded', 'processed', 'expired', 'refused')),
      src_eid integer NOT NULL,
      sequence numeric(20) NOT NULL,
      claim numeric(20),
      leaf text,
      reason text,
      ${PLACE}
    )`);
    await runner.query(`CREATE INDEX request_events_request ON request_events (src_eid, sequence)`);
    await runner.query(`CREATE INDEX request_events_claim ON request_events (claim) WHERE claim IS NOT NULL`);
    await runner.query(`CREATE INDEX request_events_pending ON request_events (eid, block_number) WHERE state = 'pending'`);

    // A bit of settled and paid stands for an order: bit i for first_order + i.
    await runner.query(`CREATE TABLE receipt_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      eid integer NOT NULL,
      src_eid integer NOT NULL,
      sequence numeric(20) NOT NULL,
      first_order numeric(20) NOT NULL,
      last_order numeric(20) NOT NULL,
      settled numeric(20) NOT NULL,
      paid numeric(20) NOT NULL,
      ${PLACE}
    )`);
    await runner.query(`CREATE INDEX receipt_events_orders ON receipt_events (src_eid, last_order)`);
    await runner.query(`CREATE INDEX receipt_events_pending ON receipt_events (eid, block_number) WHERE state = 'pending'`);

    // unsent: receipts of `orders` orders from `sequence` on that could not be sent, because the log to the hub was closed.
    await runner.query(`CREATE TABLE payout_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      eid integer NOT NULL,
      kind text NOT NULL CHECK (kind IN ('paid', 'claimable', 'refused', 'claimed', 'returned', 'annulled', 'unsent')),
      sequence numeric(20) NOT NULL,
      claim numeric(20),
      account text,
      receiver text,
      asset integer,
      amount numeric(39),
      reason text,
      deposit_sequence numeric(20),
      orders integer,
      ${PLACE}
    )`);
    await runner.query(`CREATE INDEX payout_events_order ON payout_events (eid, sequence)`);
    await runner.query(`CREATE INDEX payout_events_tx ON payout_events (tx_hash)`);
    await runner.query(`CREATE INDEX payout_events_pending ON payout_events (eid, block_number) WHERE state = 'pending'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['payout_events', 'receipt_events', 'request_events', 'claim_events']) await runner.query(`DROP TABLE ${table}`);
  }
}
