import { jestSuite } from './jest.mjs';
import { say } from './process.mjs';

/** Where the committed numbers are measured; both compare in a test run and write when UPDATE_SNAPSHOTS=1. */
export const snapshotSuites = [
  { name: 'snapshots code', folder: 'contracts', paths: ['test/snapshots'] },
  { name: 'snapshots gas', folder: 'deployments', paths: ['test/snapshots'] },
];

/** Measures gas, sizes and storage layouts anew and writes contracts/snapshots/*.json. @returns the exit code */
export async function updateSnapshots() {
  let failed = 0;
  for (const suite of snapshotSuites) {
    say(`▸ ${suite.name}`);
    failed += (await jestSuite({ ...suite, env: { UPDATE_SNAPSHOTS: '1' } })).failed;
  }
  if (failed === 0) say('✓ contracts/snapshots is up to date: look at its diff before committing it');
  return failed === 0 ? 0 : 1;
}
