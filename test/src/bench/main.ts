import { Command } from 'commander';
import { World } from '../harness/world.js';
import { measureFirstCredit, measureLoad, measureRecovery } from './deposits.js';
import { measureKeeper } from './keeper.js';
import { measureJournal } from './journal.js';
import { measureDetect } from './detect.js';
import { measureScan } from './scan.js';
import { measureThroughput } from './throughput.js';
import { measureWithdrawals } from './withdrawals.js';
import { showResults, writeResults, type Results } from './results.js';

interface Options {
  readonly json: boolean;
  readonly only?: string;
  readonly out: string;
}

const onNetwork = {
  'first credit': measureFirstCredit,
  load: measureLoad,
  withdrawals: measureWithdrawals,
  throughput: measureThroughput,
  recovery: measureRecovery,
  journal: measureJournal,
};
/** Parts that need no network, measured before one runs beside them. */
const alone = { scan: measureScan, detect: measureDetect, keeper: measureKeeper };

/** Measures on a network of its own; every number is quoted, none decides the exit code. */
async function run({ json, out, only }: Options): Promise<void> {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const isWanted = ([name]: readonly [string, unknown]): boolean => only === undefined || name === only;
  const [first, rest] = [Object.entries(alone).filter(isWanted), Object.entries(onNetwork).filter(isWanted)];
  if (first.length + rest.length === 0)
    throw new Error(`no part is named ${only}; there are ${Object.keys({ ...alone, ...onNetwork }).join(', ')}`);
  const results: Results = {};
  for (const [name, measure] of first) {
    say(`measuring: ${name}`);
    Object.assign(results, await measure());
  }
  if (rest.length > 0) {
    say('starting the network');
    const world = await World.start({
      spokes: 2,
      blockMs: 1_000,
      chunkSize: 250,
      batching: { maxCount: 500, maxAgeSeconds: 1, minCount: 1 },
    });
    try {
      for (const [name, measure] of rest) {
        say(`measuring: ${name}`);
        Object.assign(results, await measure(world));
      }
    } finally {
      await world.stop();
    }
  }
  const file = writeResults(out, results);
  process.stdout.write(json ? `${JSON.stringify(results)}\n` : `${showResults(results)}\n\nwritten to ${file}\n`);
}

const program = new Command('bench')
  .description(
    'Numbers that depend on the machine: packets per deposit and withdrawal, deposits per second, journal postings, recovery, margin scans, detection, the keeper.',
  )
  .option('--only <part>', 'measure this part alone: scan, detect, keeper, first credit, load, withdrawals, throughput, recovery, journal')
  .option('--json', 'print one JSON object instead of a table', false)
  .option('--out <folder>', 'where results.json goes', 'bench');

program.parse();
await run(program.opts<Options>());
