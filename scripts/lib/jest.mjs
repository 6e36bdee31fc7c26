import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectNode, root, run } from './process.mjs';

/**
 * Runs the Jest specs of one package, with a line per test as it ends.
 *
 * @param suite.folder  the package
 * @param suite.files   how many files run at once (default: one after another)
 * @param suite.paths   only specs under these folders (default: all)
 * @param suite.ignore  regular expressions of specs that belong to another part
 * @returns `{ passed, failed, skipped, failures }`, failures as text with the reasons; a file that could not run at all counts as one
 *   failure, so does a part without tests
 */
export async function jestSuite({ folder, files = 1, paths = [], ignore = [], env = {}, minutes = 40 }) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'lockstep-jest-'));
  const resultFile = path.join(scratch, 'result.json');
  const args = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    path.join(root, 'node_modules/jest/bin/jest.js'),
    files === 1 ? '--runInBand' : `--maxWorkers=${files}`,
    '--json',
    `--outputFile=${resultFile}`,
    `--reporters=${path.join(root, 'scripts/lib/jest-reporter.mjs')}`,
    ...ignore.map((pattern) => `--testPathIgnorePatterns=${pattern}`),
    ...(paths.length > 0 ? ['--testPathPatterns', ...paths] : []),
  ];
  try {
    // Jest's own standard output is one line about the result file; the tests' lines come on stderr.
    const { code, timedOut } = await run(projectNode(), args, { cwd: path.join(root, folder), env, minutes, stdout: null });
    const result = readResult(resultFile);
    if (timedOut) process.stderr.write(`stopped after ${minutes} minutes\n`);
    if (result === null) return { passed: 0, failed: 1, skipped: 0, failures: ['Jest ended before it could tell its results'] };
    const { numPassedTests: passed, numFailedTests, numRuntimeErrorTestSuites: broken, numPendingTests: skipped } = result;
    const failed = numFailedTests + broken;
    const failures = result.testResults.filter(({ status }) => status === 'failed').map(({ name, message }) => `${name}\n${message}`);
    // Jest also fails for reasons outside a test (no spec found, a failing global teardown): never a silent success.
    if (code !== 0 && failed === 0) return { passed, failed: 1, skipped, failures: [`Jest ended with code ${code}`] };
    return { passed, failed, skipped, failures };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null; // Jest ended before it could write: its messages are on the screen
  }
}
