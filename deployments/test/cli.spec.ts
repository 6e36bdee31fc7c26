import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestChains } from './local-network.js';

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = path.join(import.meta.dirname, '../dist/cli/main.js');

/** Runs the built command; `killAfterMs` ends it with SIGKILL, as a crash would. */
function run(args: readonly string[], killAfterMs?: number): Promise<Result> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  if (killAfterMs !== undefined) void sleep(killAfterMs).then(() => child.kill('SIGKILL'));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout: stdout.join(''), stderr: stderr.join('') })));
}

describe('the deployments command', () => {
  let chains: TestChains;
  beforeAll(async () => {
    chains = await TestChains.start(2);
  });
  afterAll(() => chains.stop());

  const network = (): string[] => [
    ...['--network', 'local', '--live-dir', chains.liveDir, '--json'],
    ...chains.nodes.flatMap((node) => ['--rpc', `${node.name}=${node.rpcUrl}`]),
  ];
  const json = ({ stdout }: Result): unknown => JSON.parse(stdout);

  it('given empty chains, plan lists every contract and setting, and sends nothing', async () => {
    const result = await run(['plan', ...network()]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(json(result)).toMatchObject({
      network: 'local',
      steps: expect.arrayContaining([
        expect.objectContaining({ kind: 'deploy', chain: 'hub', contract: 'Ledger' }),
        // What a governor that is a contract schedules.
        expect.objectContaining({ kind: 'configure', target: expect.stringMatching(/^0x/), data: expect.stringMatching(/^0x[0-9a-f]{8}/) }),
      ]),
      bounds: expect.arrayContaining([expect.objectContaining({ chain: 'spoke-a', symbol: 'USDC' })]),
    });
    expect(await run(['verify', ...network()])).toMatchObject({ code: 1 });
  });

  it('given an apply killed with SIGKILL again and again, the last one finishes it, and verify agrees', async () => {
    for (const wait of [500, 650, 800, 950, 1_100, 1_250]) await run(['apply', ...network()], wait);
    const result = await run(['apply', ...network()]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    const verified = await run(['verify', ...network()]);
    expect(json(verified)).toMatchObject({ network: 'local', ok: true, problems: [] });
    expect(verified.code).toBe(0);
    expect(json(await run(['apply', ...network()]))).toMatchObject({ transactions: 0, done: [] });
  });

  it.each([
    [['plan', '--network', 'local'], '0 --rpc given; expected at least hub=<url> and one spoke=<url>'],
    [['plan', '--network', 'local', '--rpc', 'hub'], '--rpc is hub; expected <chain>=<http(s) URL>'],
    [['plan', '--network', 'moon'], 'no desired state of moon; expected --desired <module>, or --network local, whose state is built in'],
    [
      ['plan', '--network', 'local', '--rpc', 'hub=http://127.0.0.1:1', '--rpc', 'spoke-a=http://127.0.0.1:1'],
      'hub does not answer at http://127.0.0.1:1; expected a running node',
    ],
  ])('given %j, the error says what was expected', async (args, message) => {
    const result = await run(args);
    expect(result).toMatchObject({ code: 2, stdout: '', stderr: `${message}\n` });
  });
});
