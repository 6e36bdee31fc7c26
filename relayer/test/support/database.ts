import { DataSource } from 'typeorm';
import { dataSourceOptions, runMigrations } from '../../src/database/data-source.js';
import type { TestPostgres } from './postgres.js';

/** A migrated database of its own. */
export async function migratedDatabase(postgres: TestPostgres): Promise<{ url: string; database: DataSource }> {
  const url = await postgres.createDatabase();
  const database = await new DataSource(dataSourceOptions(url, 6)).initialize();
  await runMigrations(database);
  return { url, database };
}
