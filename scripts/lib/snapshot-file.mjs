import { readFileSync, writeFileSync } from 'node:fs';

/**
 * A committed JSON file against what was just measured.
 *
 * @param {string} file     absolute path of the snapshot
 * @param {unknown} actual  what was measured; plain JSON
 * @returns {{ expected: unknown, actual: unknown }} both sides, for one `toEqual`; with UPDATE_SNAPSHOTS=1 the file is written first
 */
export function snapshotFile(file, actual) {
  if (process.env.UPDATE_SNAPSHOTS === '1') writeFileSync(file, `${JSON.stringify(actual, null, 2)}\n`);
  return { expected: JSON.parse(readFileSync(file, 'utf8')), actual };
}
