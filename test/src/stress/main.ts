import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { pictureSvg } from './picture.js';
import { pictureOf, reportMarkdown, reportText, type StressReport } from './report.js';
import { ACCOUNTS, episodes, replayEpisode, SCENARIOS, SEED, type EpisodeResult } from './scenarios.js';

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

/** One episode in a process of its own: its keepers alone keep a core busy. @throws Error if that process fails */
async function apart(id: string, { seed, accounts, run: name }: Flags): Promise<EpisodeResult> {
  const flags = [
    '--json',
    '--episode',
    id,
    '--seed',
    `${seed}`,
    '--accounts',
    `${accounts}`,
    ...(name === undefined ? [] : ['--run', name]),
  ];
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  // CAST: what this program prints.
  const result = child.exitCode === 0 ? (JSON.parse(output) as StressReport).episodes[0] : undefined;
  if (result === undefined) throw new Error(`the replays of ${id} ended with code ${child.exitCode}`);
  return result;
}

/** Replays, prints, and writes page and pictures if everything was replayed. */
async function run(flags: Flags): Promise<void> {
  const { seed, accounts, parallel, episode: id, run: name, json, out } = flags;
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const scenarios = named('run', SCENARIOS, (one) => one.name, name);
  const results = await together(
    parallel,
    named('episode', episodes(), (one) => one.id, id).map(
      (episode) => () => (id === undefined ? apart(episode.id, flags) : replayEpisode(episode, scenarios, { seed, accounts, say })),
    ),
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
  .option('--parallel <number>', 'episodes at a time, each in a process with a chain of its own', whole, 2)
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
