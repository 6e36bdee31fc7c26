import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPublicClient, createTestClient, http, type LocalAccount, type TestClient } from 'viem';
import { mnemonicToAccount, type HDAccount } from 'viem/accounts';
import { connect, type ChainClient } from '../src/chain/client.js';

const MNEMONIC = 'test test test test test test test test test test test junk';
const accounts = new Map<number, HDAccount>();

/** One of anvil's funded accounts; derived once, because derivation is slow. */
export function devAccount(index: number): HDAccount {
  const known = accounts.get(index) ?? mnemonicToAccount(MNEMONIC, { addressIndex: index });
  accounts.set(index, known);
  return known;
}

/** A chain of its own process. */
export class Anvil {
  private constructor(
    private readonly process: ChildProcess,
    readonly chainId: number,
    readonly url: string,
    readonly control: TestClient,
  ) {}

  static async start(chainId: number, extra: readonly string[] = []): Promise<Anvil> {
    const binary = createRequire(import.meta.url).resolve('@foundry-rs/anvil-linux-amd64/bin/anvil');
    const port = await freePort();
    const args = ['--port', String(port), '--chain-id', String(chainId), '--gas-limit', '1000000000', '--silent', ...extra];
    const child = spawn(binary, args, { stdio: 'ignore' });
    const url = `http://127.0.0.1:${port}`;
    const control = createTestClient({ mode: 'anvil', transport: http(url, { retryCount: 0 }) });
    const probe = createPublicClient({ transport: http(url, { retryCount: 0 }) });
    for (let i = 0; ; i++) {
      const answered = await probe.getChainId().then(
        () => true,
        () => false,
      );
      if (answered) break;
      if (i > 400) throw new Error(`anvil for chain ${chainId} does not answer at ${url}`);
      await sleep(10);
    }
    return new Anvil(child, chainId, url, control);
  }

  client(chain: string, account?: LocalAccount): ChainClient {
    return connect({ chain, chainId: this.chainId, rpcUrl: this.url, account });
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGKILL');
    await ended;
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
