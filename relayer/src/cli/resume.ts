import { DataSource } from 'typeorm';
import { z } from 'zod/v4';
import { loadConfig } from '../config/load.js';
import type { Environment } from '../config/relayer-config.js';
import { dataSourceOptions } from '../database/data-source.js';

/** What asking for a chain to be resumed led to. */
export type ResumeAnswer =
  | { readonly kind: 'requested'; readonly chain: string; readonly because: string }
  | { readonly kind: 'not-halted'; readonly chain: string }
  | { readonly kind: 'unknown'; readonly chain: string; readonly known: readonly string[] };

const asked = z.array(z.object({ halted_because: z.string() }));
const names = z.array(z.object({ chain: z.string(), halted_because: z.string().nullable() }));

/**
 * Lets the follower of a halted chain undo everything above the last common block, final or not, and go on. The running process does it at
 * its next step; the paths touched stay quarantined on chain until they are rebased there.
 */
export async function requestResume(environment: Environment, chain: string): Promise<ResumeAnswer> {
  const config = loadConfig(environment);
  const dataSource = await new DataSource(dataSourceOptions(config.database.url.reveal(), 1)).initialize();
  try {
    const rows: unknown = await dataSource.query(
      `with asked as (
         update cursors set resume_requested = true where chain = $1 and halted_because is not null returning halted_because)
       select halted_because from asked`,
      [chain],
    );
    const [row] = asked.parse(rows);
    if (row) return { kind: 'requested', chain, because: row.halted_because };
    const known = names.parse(await dataSource.query('select chain, halted_because from cursors order by chain'));
    return known.some((one) => one.chain === chain)
      ? { kind: 'not-halted', chain }
      : { kind: 'unknown', chain, known: known.map((one) => one.chain) };
  } finally {
    await dataSource.destroy();
  }
}
