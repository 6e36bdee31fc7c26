import { existsSync } from 'node:fs';
import path from 'node:path';
import { root, run, say, secondsSince } from './process.mjs';

const packages = ['shared', 'contracts', 'deployments', 'relayer', 'test'];

/** Everything that can be said about the sources without running them. Each is one command that ends with 0 or shows what is wrong. */
const checks = [
  { name: 'format', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
  // The rule about who may import whom reads Nx's project graph, which is made first.
  { name: 'graph', command: 'nx', args: ['graph', '--file=.nx/graph.json'] },
  { name: 'eslint', command: 'eslint', args: ['--max-warnings', '0', '.'] },
  { name: 'solhint', command: 'solhint', args: ['--noPoster', '--disc', '--max-warnings', '0', 'contracts/src/**/*.sol'] },
  ...packages
    .filter((name) => existsSync(path.join(root, name, 'tsconfig.json')))
    .map((name) => ({ name: `types ${name}`, command: 'tsc', args: ['-p', `${name}/tsconfig.json`, '--noEmit'] })),
  { name: 'unused', command: 'knip', args: ['--no-progress'] },
];

/**
 * Formatting, lint (with the import boundaries), Solidity lint, types of sources and tests, unused files and exports.
 * @returns what failed: the name of each check and what it printed
 */
export async function runChecks() {
  const failures = [];
  for (const { name, command, args } of checks) {
    const start = performance.now();
    const { code, output } = await run(command, args, { quiet: true, minutes: 5 });
    say(`${code === 0 ? '✓' : '✗'} ${name.padEnd(18)} ${secondsSince(start)} s`);
    if (code !== 0) {
      failures.push(`${name}\n${output}`);
      process.stderr.write(output);
    }
  }
  return failures;
}
