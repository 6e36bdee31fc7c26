import path from 'node:path';
import { Command } from 'commander';
import type { World } from '../harness/world.js';
import { linesTo, terminal } from './narrator.js';
import { closing } from './report.js';
import { startNetwork, tell, worked, type Told } from './story.js';

interface Options {
  readonly once: boolean;
  readonly json: boolean;
  readonly out: string;
}

/** How to look at the running network by hand. */
function guide(world: World, told: Told): string {
  const api = world.relayer.url;
  const [deposit] = told.deposits;
  return [
    'The network stays up until Ctrl-C.',
    `  API      ${api}   (OpenAPI: ${api}/openapi.json)`,
    ...world.stack.chains.map((c) => `  RPC      ${world.node(c.name).rpcUrl}   ${c.name}, chain id ${c.chainId}`),
    `  log      ${world.relayer.logFile}`,
    'Try:',
    `  curl ${api}/accounts/${told.user.account()}`,
    ...(deposit
      ? [`  curl ${api}/deposits/${deposit.chain.eid}/${deposit.sequence}`, `  curl '${api}/deposits?tx=${deposit.transactionHash}'`]
      : []),
    ...told.withdrawals.slice(0, 1).map(({ claim }) => `  curl ${api}/withdrawals/${claim}`),
    `  curl ${api}/exchange`,
    `  curl '${api}/trades?account=${told.user.account()}'`,
    `  curl ${api}/paths`,
    `  curl ${api}/reconciliation`,
  ].join('\n');
}

async function run(options: Options): Promise<number> {
  const out = process.stdout;
  const narrator = out.isTTY ? terminal(out) : linesTo((line) => out.write(`${line}\n`));
  let world: World | undefined;
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
  const told = (async (): Promise<Told> => {
    world = await startNetwork(narrator);
    return tell(world, narrator);
  })();
  try {
    const outcome = await Promise.race([told, interrupted]);
    if (!outcome || !world) return 130;
    const { text, picture } = await closing(world, outcome, options.out);
    out.write(`\n\n${text}\n\npicture: ${picture}\n`);
    if (!options.once) {
      out.write(`\n${guide(world, outcome)}\n`);
      await interrupted;
      return 0;
    }
    if (options.json) out.write(`${JSON.stringify(outcome.result)}\n`);
    return worked(outcome.result) ? 0 : 1;
  } finally {
    await world?.stop();
  }
}

const program = new Command('demo')
  .description(
    'Three local chains, real LayerZero contracts, PostgreSQL and the relayer; deposits on every chain become collateral of one account, which trades on it and withdraws on any chain.',
  )
  .option('--once', 'tell the story once and end; exit code 0 only if all of it worked', false)
  .option('--json', 'with --once: the outcome as one JSON object on the last line', false)
  .option('--out <folder>', 'where the picture goes', path.join('.run', 'demo'));

program.parse();
const code = await run(program.opts<Options>()).catch((error: unknown) => {
  process.stderr.write(`\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
});
// A start that was interrupted may still be under way here; its processes end with this one.
process.exit(code);
