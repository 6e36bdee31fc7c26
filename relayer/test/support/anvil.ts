import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createTestClient, http, publicActions, walletActions, type Hex } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { freePort } from './ports.js';

/** Account 0 of anvil's well-known mnemonic: rich on every local chain, worth nothing elsewhere. */
export const deployer = mnemonicToAccount('test test test test test test test test test test test junk');

/** A client that may do everything to a local chain. */
export function testClient(url: string) {
  return createTestClient({ mode: 'anvil', transport: http(url, { retryCount: 0 }), cacheTime: 0 })
    .extend(publicActions)
    .extend(walletActions);
}

export interface TestChain {
  readonly url: string;
  readonly client: ReturnType<typeof testClient>;
  stop(): Promise<void>;
}

/** A local chain that mines when told to. */
export async function startAnvil(chainId: number, args: readonly string[] = ['--no-mining', '--order', 'fifo']): Promise<TestChain> {
  const port = await freePort();
  const binary = createRequire(import.meta.url).resolve(
    `@foundry-rs/anvil-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}/bin/anvil`,
  );
  const child = spawn(binary, ['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId), '--silent', ...args], {
    stdio: 'ignore',
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const client = testClient(url);
  for (let attempt = 0; ; attempt += 1) {
    try {
      await client.getChainId();
      break;
    } catch (error) {
      if (attempt > 200) throw new Error('anvil did not answer within 10 s', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    url,
    client,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Runtime code that emits its calldata as an anonymous-free event: the first word as topic, all of it as data. */
export const EMITTER_CODE: Hex = '0x365f5f375f35365fa100';
