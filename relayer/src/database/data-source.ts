import { DataSource, type DataSourceOptions } from 'typeorm';
import { migrations } from './migrations/index.js';

/** Options of every connection of this process: migrations by hand, never synchronised. `poolSize` connections at most. */
export function dataSourceOptions(url: string, poolSize = 20): Extract<DataSourceOptions, { readonly type: 'postgres' }> {
  return {
    type: 'postgres',
    url,
    synchronize: false,
    migrationsRun: false,
    migrations: [...migrations],
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    poolSize,
    connectTimeoutMS: 5_000,
    applicationName: 'lockstep-relayer',
    extra: { idle_in_transaction_session_timeout: 60_000 },
  };
}

/** Any constant: processes that start together take turns. */
const MIGRATION_LOCK = 0x6c6f636b;

/**
 * Runs pending migrations, each in its own transaction, one process at a time; a killed run is resumed by the next.
 * @returns names of those that ran
 */
export async function runMigrations(dataSource: DataSource): Promise<readonly string[]> {
  const runner = dataSource.createQueryRunner();
  await runner.connect();
  try {
    await runner.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    try {
      return (await dataSource.runMigrations()).map(({ name }) => name);
    } finally {
      await runner.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    }
  } finally {
    await runner.release();
  }
}
