import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { waitingByReceipt } from '@lockstep/deployments';
import { createTestClient, http, publicActions, walletActions, type Hex } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';

/** Account 0 of anvil's well-known mnemonic: rich on every local chain, worth nothing elsewhere. */
export const deployer = mnemonicToAccount('test test test test test test test test test test test junk');

/** A client that may do everything to a local chain. */
export function testClient(url: string) {
  return createTestClient({ mode: 'anvil', transport: http(url, { retryCount: 0 }), cacheTime: 0 })
    .extend(publicActions)
    .extend(walletActions)
    .extend(waitingByReceipt);
}

export interface TestChain {
  readonly url: string;
  readonly client: ReturnType<typeof testClient>;
  stop(): Promise<void>;
}

/** A local chain that mines when told to. */
export async function startAnvil(chainId: number, args: readonly string[] = ['--no-mining', '--order', 'fifo']): Promise<TestChain> {
  const binary = createRequire(import.meta.url).resolve(
    `@foundry-rs/anvil-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}/bin/anvil`,
  );
  const cache = mkdtempSync(path.join(tmpdir(), 'lockstep-anvil-'));
  // A port of its own choice: one that was free a moment ago may be another test's by now, and so would the chain behind it.
  const flags = ['--host', '127.0.0.1', '--port', '0', '--chain-id', String(chainId), '--color', 'never', '--cache-path', cache];
  const child = spawn(binary, [...flags, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = `http://127.0.0.1:${await listening(child)}`;
  const client = testClient(url);
  return {
    url,
    client,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      rmSync(cache, { recursive: true, force: true });
    },
  };
}

/** The port a node listens on, once it does. What it says after that is read and dropped: it would stand still on a full pipe. */
function listening(child: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    let port: string | undefined;
    child.stdout.on('data', (chunk: Buffer) => {
      if (port !== undefined) return;
      said += chunk.toString();
      port = /Listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve(port);
    });
    child.once('exit', () => reject(new Error(`anvil ended before it listened: ${said}`)));
  });
}

/** Runtime code that emits its calldata as an anonymous-free event: the first word as topic, all of it as data. */
export const EMITTER_CODE: Hex = '0x365f5f375f35365fa100';
