import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { pictureSvg } from './picture.js';
import { pictureOf, reportMarkdown, reportText, type StressReport } from './report.js';
import { ACCOUNTS, episodes, replayEpisode, SCENARIOS, SEED } from './scenarios.js';

interface Flags {
  readonly seed: number;
  readonly accounts: number;
  readonly parallel: number;
  readonly episode?: string;
  readonly run?: string;
  readonly json: boolean;
  readonly out: string;
}

/** A whole number above 0. */
function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError(`is ${JSON.stringify(text)}; expected a whole number above 0`);
  return value;
}

/** Those with this name, or all. @throws Error naming what there is */
function named<T>(what: string, all: readonly T[], nameOf: (one: T) => string, name: string | undefined): readonly T[] {
  if (name === undefined) return all;
  const found = all.filter((one) => nameOf(one) === name);
  if (found.length === 0) throw new Error(`no ${what} is named ${JSON.stringify(name)}; expected one of: ${all.map(nameOf).join(', ')}`);
  return found;
}

/** Results in order of work that runs side by side, so much of it at once. */
async function together<T>(atOnce: number, work: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results = new Map<number, T>();
  const queue = [...work.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results.set(next[0], await next[1]());
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, work.length) }, worker));
  return [...results].sort(([a], [b]) => a - b).map(([, result]) => result);
}

/** Replays, prints, and writes page and pictures if everything was replayed. */
async function run({ seed, accounts, parallel, episode: id, run: name, json, out }: Flags): Promise<void> {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const scenarios = named('run', SCENARIOS, (one) => one.name, name);
  const results = await together(
    parallel,
    named('episode', episodes(), (one) => one.id, id).map((episode) => () => replayEpisode(episode, scenarios, { seed, accounts, say })),
  );
  const report: StressReport = { seed, accounts, episodes: results };
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${reportText(report)}\n`);
  if (id !== undefined || name !== undefined) return;
  mkdirSync(path.join(out, 'images'), { recursive: true });
  writeFileSync(path.join(out, 'stress.md'), `${reportMarkdown(report)}\n`);
  for (const result of results) writeFileSync(path.join(out, 'images', pictureOf(result.id)), pictureSvg(result));
  say(`written to ${path.join(out, 'stress.md')}`);
}

const program = new Command('stress')
  .description('Plays recorded price falls through the hub, and tells what was liquidated, what the fund paid, and what was lost.')
  .option('--seed <number>', 'of the population', whole, SEED)
  .option('--accounts <number>', 'how many', whole, ACCOUNTS)
  .option('--parallel <number>', 'episodes at a time, each on a chain of its own', whole, 2)
  .option(
    '--episode <id>',
    `this one alone: ${episodes()
      .map(({ id }) => id)
      .join(', ')}`,
  )
  .option('--run <name>', `this one alone: ${SCENARIOS.map(({ name }) => name).join(', ')}`)
  .option('--json', 'print one JSON object instead of tables', false)
  .option('--out <folder>', 'where stress.md and images/ go when everything is replayed', 'docs');

program.parse();
await run(program.opts<Flags>());
