import { Command } from 'commander';
import { World } from '../harness/world.js';
import { measureFirstCredit, measureLoad, measureRecovery } from './deposits.js';
import { measureJournal } from './journal.js';
import { measureThroughput } from './throughput.js';
import { showResults, writeResults, type Results } from './results.js';

interface Options {
  readonly json: boolean;
  readonly only?: string;
  readonly out: string;
}

/** Measures on a network of its own; every number is quoted, none decides the exit code. */
async function run({ json, out, only }: Options): Promise<void> {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say('starting the network');
  const world = await World.start({
    spokes: 2,
    blockMs: 1_000,
    chunkSize: 250,
    batching: { maxCount: 500, maxAgeSeconds: 1, minCount: 1 },
  });
  try {
    const results: Results = {};
    const parts = {
      'first credit': measureFirstCredit,
      load: measureLoad,
      throughput: measureThroughput,
      recovery: measureRecovery,
      journal: measureJournal,
    };
    const wanted = Object.entries(parts).filter(([name]) => only === undefined || name === only);
    if (wanted.length === 0) throw new Error(`no part is named ${only}; there are ${Object.keys(parts).join(', ')}`);
    for (const [name, measure] of wanted) {
      say(`measuring: ${name}`);
      Object.assign(results, await measure(world));
    }
    const file = writeResults(out, results);
    process.stdout.write(json ? `${JSON.stringify(results)}\n` : `${showResults(results)}\n\nwritten to ${file}\n`);
  } finally {
    await world.stop();
  }
}

const program = new Command('bench')
  .description('Numbers that depend on the machine: packets per deposit, deposits per second, journal postings, recovery.')
  .option('--only <part>', 'measure this part alone: first credit, load, throughput, recovery, journal')
  .option('--json', 'print one JSON object instead of a table', false)
  .option('--out <folder>', 'where results.json goes', 'bench');

program.parse();
await run(program.opts<Options>());
