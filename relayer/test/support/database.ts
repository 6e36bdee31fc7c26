import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions, runMigrations } from '../../src/database/data-source.js';
import { startPostgres, type TestPostgres } from './postgres.js';

/** Starting a server on a machine that does other things too. */
const BUSY_MS = 60_000;

/** A migrated database of its own. */
export async function migratedDatabase(postgres: TestPostgres): Promise<{ url: string; database: DataSource }> {
  const url = await postgres.createDatabase();
  const database = await new DataSource(dataSourceOptions(url, 6)).initialize();
  await runMigrations(database);
  return { url, database };
}

/** A server for the tests of a suite. @returns makes a migrated database of its own for a test, closed after it */
export function givenPostgres(): () => ReturnType<typeof migratedDatabase> {
  let postgres: TestPostgres;
  const made: DataSource[] = [];
  beforeAll(async () => {
    postgres = await startPostgres();
  }, BUSY_MS);
  afterEach(async () => {
    for (const database of made.splice(0)) await database.destroy();
  });
  afterAll(() => postgres.stop());
  return async () => {
    const fresh = await migratedDatabase(postgres);
    made.push(fresh.database);
    return fresh;
  };
}
