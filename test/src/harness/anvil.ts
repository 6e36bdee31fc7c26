import { createRequire } from 'node:module';
import path from 'node:path';
import { waitingByReceipt } from '@lockstep/deployments';
import {
  createTestClient,
  defineChain,
  http,
  publicActions,
  walletActions,
  type Chain,
  type Client,
  type HttpTransport,
  type PublicActions,
  type TestActions,
  type WalletActions,
} from 'viem';
import { ACCOUNT_COUNT, DEVELOPMENT_MNEMONIC } from './accounts.js';
import { Miner } from './miner.js';
import type { ManagedProcess, Processes } from './processes.js';
import { eventually } from './wait.js';

const require = createRequire(import.meta.url);

/** A viem client with everything: reads, wallet calls and the test node's own. */
export type ChainClient = Client<
  HttpTransport,
  Chain,
  undefined,
  undefined,
  PublicActions<HttpTransport, Chain> & WalletActions<Chain> & TestActions
>;

/** What a local chain is started with. */
export interface AnvilOptions {
  /** short name, also of the log file */
  readonly name: string;
  readonly chainId: number;
  readonly dir: string;
  readonly processes: Processes;
  /** fork this node instead of starting empty */
  readonly forkUrl?: string;
  readonly forkBlockNumber?: bigint;
  /** further arguments of the node */
  readonly args?: readonly string[];
}

/** A block gas limit no test fills: the node forgets later transactions of a sender once a full block interrupts its nonces. */
const GAS_LIMIT = 1_000_000_000;

/** One local chain: the node's process, a client for it, and control over its clock. */
export class Anvil {
  private constructor(
    readonly name: string,
    readonly chainId: number,
    readonly rpcUrl: string,
    readonly client: ChainClient,
    readonly miner: Miner,
    private readonly node: ManagedProcess,
  ) {}

  /** Starts the node on a port of its own choice; it mines every transaction at once until told otherwise. */
  static async start(options: AnvilOptions): Promise<Anvil> {
    const { name, chainId, dir, processes } = options;
    const node = await processes.start({
      name: `anvil ${name}`,
      command: anvilBinary(),
      args: [
        ...['--host', '127.0.0.1', '--port', '0', '--chain-id', String(chainId), '--color', 'never'],
        ...['--mnemonic', DEVELOPMENT_MNEMONIC, '--accounts', String(ACCOUNT_COUNT), '--balance', '1000000'],
        // Old states go to disk; the node leaves them there when it is ended, so they are put where everything of the run is removed.
        ...['--cache-path', path.join(dir, `states-${name}`)],
        // finalized = latest − 2, so that finality is seconds away, not minutes
        ...['--slots-in-an-epoch', '1', '--gas-limit', String(GAS_LIMIT), '--no-request-size-limit'],
        ...(options.forkUrl ? ['--fork-url', options.forkUrl] : []),
        ...(options.forkBlockNumber === undefined ? [] : ['--fork-block-number', String(options.forkBlockNumber)]),
        ...(options.args ?? []),
      ],
      logFile: path.join(dir, `anvil-${name}.log`),
      stopSignal: 'SIGTERM',
    });
    const port = await eventually(
      `anvil ${name} to listen`,
      async (note) => {
        const tail = node.logTail();
        note(tail);
        if (!node.running) throw new Error(`anvil ${name} ended: ${tail}`);
        return /Listening on 127\.0\.0\.1:(\d+)/.exec(tail)?.[1];
      },
      { timeoutMs: 30_000, everyMs: 20 },
    );
    const rpcUrl = `http://127.0.0.1:${port}`;
    const client = clientFor(name, chainId, rpcUrl);
    return new Anvil(name, chainId, rpcUrl, client, new Miner(client), node);
  }

  get pid(): number {
    return this.node.pid;
  }

  async stop(): Promise<void> {
    await this.miner.manual().catch(() => undefined); // the node may be gone already; only the timer matters here
    await this.node.stop();
  }
}

/** A client for any node of the harness. */
export function clientFor(name: string, chainId: number, rpcUrl: string): ChainClient {
  const chain = defineChain({
    id: chainId,
    name,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  });
  return createTestClient({
    chain,
    mode: 'anvil',
    transport: http(rpcUrl, { retryCount: 2, timeout: 30_000, batch: { batchSize: 100 } }),
    pollingInterval: 50,
    cacheTime: 0,
  })
    .extend(publicActions)
    .extend(walletActions)
    .extend(waitingByReceipt);
}

function anvilBinary(): string {
  const packageName = `@foundry-rs/anvil-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  try {
    return require.resolve(`${packageName}/bin/anvil`);
  } catch (error) {
    throw new Error(`no anvil for this platform: ${packageName} is not installed`, { cause: error });
  }
}
