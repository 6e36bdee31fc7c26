import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The heads of the followed chains: hash-linked blocks, one cursor per chain, and what reorgs did. */
export class ChainTables1795230000000 implements MigrationInterface {
  readonly name = 'ChainTables1795230000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table blocks (
        chain_id bigint not null,
        number bigint not null check (number >= 0),
        hash text not null check (hash ~ '^0x[0-9a-f]{64}$'),
        parent_hash text not null check (parent_hash ~ '^0x[0-9a-f]{64}$'),
        timestamp bigint not null,
        final boolean not null default false,
        primary key (chain_id, number)
      )`);
    await runner.query(`create unique index blocks_hash on blocks (chain_id, hash)`);
    await runner.query(`create index blocks_unfinal on blocks (chain_id, number) where not final`);
    await runner.query(`
      create table cursors (
        chain_id bigint primary key,
        chain text not null unique,
        number bigint not null,
        hash text not null,
        final_number bigint not null,
        final_hash text not null,
        halted_because text,
        halted_detail jsonb,
        halted_at timestamptz,
        resume_requested boolean not null default false,
        updated_at timestamptz not null default now(),
        check (final_number <= number),
        check ((halted_because is null) = (halted_at is null)),
        check (halted_because in ('deep-reorg'))
      )`);
    await runner.query(`
      create table reorgs (
        id bigint generated always as identity primary key,
        chain_id bigint not null,
        chain text not null,
        kind text not null check (kind in ('reorg', 'deep-reorg')),
        -- null: none of the blocks kept is on the new chain
        ancestor_number bigint,
        ancestor_hash text,
        old_tip_number bigint not null,
        old_tip_hash text not null,
        new_hash text not null,
        depth bigint check (depth > 0),
        detected_at timestamptz not null default now()
      )`);
    await runner.query(`create index reorgs_chain on reorgs (chain_id, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`drop table reorgs`);
    await runner.query(`drop table cursors`);
    await runner.query(`drop table blocks`);
  }
}
