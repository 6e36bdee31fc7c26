import path from 'node:path';
import { runChecks } from './check.mjs';
import { jestSuite } from './jest.mjs';
import { root, run, say, secondsSince } from './process.mjs';
import { snapshotSuites } from './snapshots.mjs';

const SNAPSHOTS = '/test/snapshots/';

/** Solidity unit, fuzz and invariant tests. Hardhat's summary is its only machine-readable result: "12 passing", "1 failing". */
async function soliditySuite({ env = {}, minutes = 45 }) {
  // Its lines are shown when it is through: it runs beside other parts, whose lines come as their tests end.
  const { code, output } = await run('hardhat', ['test', 'solidity'], { cwd: path.join(root, 'contracts'), env, minutes, quiet: true });
  const lines = output.slice(Math.max(0, output.search(/^ {2}test\//m)));
  say(lines);
  const count = (word) => [...output.matchAll(new RegExp(`(\\d+) ${word}`, 'g'))].reduce((sum, match) => sum + Number(match[1]), 0);
  const passed = count('passing');
  const failed = count('failing');
  // A compiler error or an empty run prints no summary: that is a failure, not zero tests.
  const broken = failed === 0 && (code !== 0 || passed === 0);
  const reasons = broken ? output.slice(-4_000) : output.slice(output.search(/\d+ failing/));
  return {
    passed,
    failed: broken ? 1 : failed,
    skipped: count('pending') + count('skipped'),
    failures: broken || failed > 0 ? [reasons] : [],
  };
}

/**
 * Two lanes, side by side: what only computes, and what runs chains, databases and processes. The second ends with the system part, whose
 * worlds wait for blocks most of the time: two of them at once use two cores two thirds, one alone a third.
 */
const lanes = [
  [
    { name: 'contracts solidity', run: soliditySuite },
    {
      name: 'check',
      run: async () => {
        const failures = await runChecks();
        return { passed: 0, failed: failures.length, skipped: 0, failures };
      },
    },
  ],
  [
    { name: 'shared', run: (options) => jestSuite({ folder: 'shared', ...options }) },
    { name: 'relayer', run: (options) => jestSuite({ folder: 'relayer', ...options }) },
    { name: 'deployments', run: (options) => jestSuite({ folder: 'deployments', ignore: [SNAPSHOTS], ...options }) },
    { name: 'contracts', run: (options) => jestSuite({ folder: 'contracts', ignore: [SNAPSHOTS], ...options }) },
    ...snapshotSuites.map(({ name, ...suite }) => ({ name, run: (options) => jestSuite({ ...suite, ...options }) })),
    { name: 'system', run: (options) => jestSuite({ folder: 'test', files: 2, ...options }) },
  ],
];
const parts = lanes.flat();

/** More fuzz runs and deeper random walks: hardhat.config.ts and jest.setup.mjs read it. */
const longRun = { env: { LOCKSTEP_LONG: '1' }, minutes: 120 };

/**
 * Runs the parts, two at a time, then prints what failed once more, a table and the closing line `N passed, N failed`.
 *
 * @param options.long  deeper fuzzing and random walks, for hours that nobody waits for
 * @param options.only  names of parts to run instead of all
 * @returns the exit code: 0 only if nothing failed
 */
export async function runTests({ long, only }) {
  const unknown = only.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) {
    say(`unknown part ${unknown.map((name) => JSON.stringify(name)).join(', ')}; expected: ${parts.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const results = new Map();
  const runLane = async (lane) => {
    for (const { name, run } of lane.filter((part) => only.length === 0 || only.includes(part.name))) {
      say(`\n▸ ${name}`);
      const start = performance.now();
      const result = await run(long ? longRun : {});
      const seconds = secondsSince(start);
      results.set(name, { name, seconds, ...result });
      say(`${result.failed === 0 ? '✓' : '✗'} ${name}: ${result.passed} passed, ${result.failed} failed, ${seconds} s`);
    }
  };
  await Promise.all(lanes.map(runLane));
  return report(parts.flatMap(({ name }) => results.get(name) ?? []));
}

function report(table) {
  // Thousands of lines stand between a failure and the end of a run: whoever sees only the end must see why.
  for (const { name, failures } of table) for (const failure of failures) say(`\n✗ ${name}: ${failure.trim()}`);
  const sum = (key) => table.reduce((total, row) => total + row[key], 0);
  const line = (name, passed, failed, skipped, seconds) =>
    `${name.padEnd(20)} ${String(passed).padStart(7)} ${String(failed).padStart(7)} ${String(skipped).padStart(8)} ${String(seconds).padStart(8)}`;
  console.log(`\n${line('part', 'passed', 'failed', 'skipped', 'seconds')}`);
  for (const row of table) console.log(line(row.name, row.passed, row.failed, row.skipped, row.seconds));
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
  return sum('failed') === 0 ? 0 : 1;
}
