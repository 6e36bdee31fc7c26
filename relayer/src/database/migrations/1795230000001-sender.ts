import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Transactions of this relayer: what is intended, what was signed for it, and the next nonce of every lane. */
export class SenderTables1795230000001 implements MigrationInterface {
  readonly name = 'SenderTables1795230000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table tx_lanes (
        chain_id bigint not null,
        address text not null check (address ~ '^0x[0-9a-f]{40}$'),
        next_nonce bigint not null check (next_nonce >= 0),
        primary key (chain_id, address)
      )`);
    await runner.query(`
      create table tx_intents (
        id bigint generated always as identity primary key,
        role text not null,
        chain_id bigint not null,
        chain text not null,
        key_name text not null,
        address text not null check (address ~ '^0x[0-9a-f]{40}$'),
        dedupe_key text not null,
        to_address text not null check (to_address ~ '^0x[0-9a-f]{40}$'),
        data bytea not null,
        value numeric(78,0) not null check (value >= 0),
        gas_limit numeric(78,0) check (gas_limit > 0),
        purpose jsonb not null,
        state text not null default 'queued'
          check (state in ('queued', 'signed', 'mined', 'reverted', 'final', 'final-reverted', 'rejected')),
        nonce bigint check (nonce >= 0),
        deferrals integer not null default 0,
        not_before timestamptz not null default '-infinity',
        deferred_because text,
        rejection jsonb,
        mined_hash text,
        mined_block bigint,
        mined_block_hash text,
        gas_used numeric(78,0),
        gas_price numeric(78,0),
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint tx_intents_dedupe unique (dedupe_key),
        -- one payload per nonce, whatever happens
        constraint tx_intents_nonce unique (chain_id, address, nonce),
        check ((state in ('queued', 'rejected')) = (nonce is null)),
        check ((state in ('mined', 'reverted', 'final', 'final-reverted')) = (mined_block_hash is not null)),
        check ((state = 'rejected') = (rejection is not null))
      )`);
    await runner.query(`create index tx_intents_queue on tx_intents (chain_id, address, id) where state = 'queued'`);
    await runner.query(
      `create index tx_intents_open on tx_intents (chain_id, address, nonce) where state in ('signed', 'mined', 'reverted')`,
    );
    await runner.query(`
      create table tx_attempts (
        id bigint generated always as identity primary key,
        intent_id bigint not null references tx_intents (id),
        chain_id bigint not null,
        address text not null,
        nonce bigint not null,
        raw bytea not null,
        hash text not null,
        gas_limit numeric(78,0) not null,
        max_fee_per_gas numeric(78,0) not null,
        max_priority_fee_per_gas numeric(78,0) not null,
        state text not null default 'signed' check (state in ('signed', 'broadcast', 'mined', 'displaced')),
        broadcasts integer not null default 0,
        last_broadcast_at timestamptz,
        last_error text,
        created_at timestamptz not null default now(),
        constraint tx_attempts_hash unique (hash)
      )`);
    await runner.query(`create index tx_attempts_intent on tx_attempts (intent_id)`);
    await runner.query(`
      create table tx_incidents (
        id bigint generated always as identity primary key,
        chain_id bigint not null,
        address text not null,
        code text not null,
        intent_id bigint references tx_intents (id),
        detail jsonb not null,
        at timestamptz not null default now()
      )`);
    await runner.query(`create index tx_incidents_lane on tx_incidents (chain_id, address, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table tx_incidents`);
    await runner.query(`drop table tx_attempts`);
    await runner.query(`drop table tx_intents`);
    await runner.query(`drop table tx_lanes`);
  }
}
