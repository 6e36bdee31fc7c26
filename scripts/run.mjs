/**
 * Every task of the repository, as the first command typed in a fresh clone: installs what is missing, builds, runs.
 *
 *   node scripts/run.mjs <demo|bench|stress|lockstep|deployments|test|test:long|check|snapshots|build> [arguments]
 *
 * Plain JavaScript without dependencies: it runs under the system's Node (20.19 or newer) before anything is installed.
 */
import { build } from './lib/build.mjs';
import { runChecks } from './lib/check.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { projectNode, run, say } from './lib/process.mjs';
import { updateSnapshots } from './lib/snapshots.mjs';
import { runTests } from './lib/test.mjs';

const program = (file) => (args) => run(projectNode(), [file, ...args]).then(({ code }) => code);

const tasks = {
  demo: program('test/dist/demo/main.js'),
  bench: program('test/dist/bench/main.js'),
  stress: program('test/dist/stress/main.js'),
  lockstep: program('relayer/dist/cli/main.js'),
  deployments: program('deployments/dist/cli/main.js'),
  test: (args) => runTests({ long: false, only: args }),
  'test:long': (args) => runTests({ long: true, only: args }),
  check: async () => ((await runChecks()).length === 0 ? 0 : 1),
  snapshots: () => updateSnapshots(),
  build: () => Promise.resolve(0),
};

async function main([name, ...args]) {
  const task = tasks[name];
  if (!task) {
    say(`unknown task ${JSON.stringify(name ?? '')}; expected one of: ${Object.keys(tasks).join(', ')}`);
    return 2;
  }
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    say(`Node 20.19 or newer is needed to install; this is ${process.versions.node}`);
    return 2;
  }
  await ensureInstalled();
  await build();
  return await task(args);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(`✗ ${error.message}`);
  // Whoever reads only the last line of a test run learns that it failed.
  if (process.argv[2]?.startsWith('test')) console.log('\n0 passed, 1 failed');
  process.exitCode = 1;
}
