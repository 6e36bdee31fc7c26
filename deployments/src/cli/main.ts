import { Command } from 'commander';
import path from 'node:path';
import { z } from 'zod/v4';
import { applyCommand, planCommand, verifyCommand, type Output } from './commands.js';
import type { NetworkArguments } from './networks.js';

type Run = (args: NetworkArguments, environment: NodeJS.ProcessEnv, output: Output) => Promise<number>;

const optionsSchema = z.object({
  network: z.string(),
  rpc: z.array(z.string()),
  desired: z.string().optional(),
  liveDir: z.string().optional(),
  json: z.boolean(),
});

const LIVE = path.join(import.meta.dirname, '../../live');

const program = new Command('deployments').description(
  'Compares chains with the desired state, brings them there, proves both ends agree.',
);
add('plan', 'show what apply would send', planCommand);
add('apply', 'send what differs; started again after an interruption it continues', applyCommand);
add('verify', 'list everything that is not as desired; exit code 1 if there is anything', verifyCommand);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}

function add(name: string, description: string, run: Run): void {
  program
    .command(name)
    .description(description)
    .requiredOption('--network <name>', 'network; `local` needs no further state')
    .option('--rpc <chain=url>', 'RPC URL of a chain, once per chain; of a local network the first is the hub', collect, [])
    .option('--desired <module>', 'JavaScript module that exports `desired`')
    .option('--live-dir <dir>', 'where live files are (default: deployments/live/<network>)')
    .option('--json', 'one JSON document instead of lines', false)
    .action(async (given: unknown) => {
      const { network, rpc, desired, liveDir, json } = optionsSchema.parse(given);
      const output = { json, write: (text: string): void => void process.stdout.write(`${text}\n`) };
      process.exitCode = await run({ network, rpc, desired, liveDir: liveDir ?? path.join(LIVE, network) }, process.env, output);
    });
}

function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}
