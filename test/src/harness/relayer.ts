import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import type { AccountId } from '@lockstep/shared';
import type { Address } from 'viem';
import type { KeyedAccount } from './accounts.js';
import type { MarketsConfig } from './markets.js';
import { RelayerApi } from './relayer-api.js';
import { freePort } from './ports.js';
import type { Exit, ManagedProcess, Processes } from './processes.js';
import { eventually } from './wait.js';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** When a block counts as final, as the relayer's configuration writes it. */
export type Finality =
  | { readonly kind: 'tag'; readonly tag: 'safe' | 'finalized' }
  | { readonly kind: 'blocks'; readonly blocks: number }
  | { readonly kind: 'seconds'; readonly seconds: number };

/** How deposits are batched. */
export interface Batching {
  readonly maxCount: number;
  readonly maxAgeSeconds: number;
  readonly minCount: number;
}

/** How the relayer follows withdrawals. */
export interface Release {
  /** between two looks at the queue */
  readonly orderSeconds: number;
  /** after which an order that is not paid is an alarm */
  readonly lateSeconds: number;
}

/** With which key accounts are liquidated, and what is bid for whom. Money is cash as people write it, `required` a share. */
export interface LiquidatorTerms {
  readonly key: KeyedAccount;
  /** absent: auctions are started and ended, nothing is bid */
  readonly bid?: { readonly account: AccountId; readonly budget: string; readonly required?: string; readonly payout?: PayoutTerms };
}

/** Where what a bid wins is paid out, as the configuration writes it. */
export interface PayoutTerms {
  readonly route: string;
  readonly receiver: Address;
  readonly least: string;
}

/** What the relayer is configured with. */
export interface RelayerOptions {
  /** of its configuration, log and process; default: relayer */
  readonly name?: string;
  /** default: all of them */
  readonly roles?: readonly string[];
  readonly dir: string;
  readonly processes: Processes;
  readonly network: string;
  readonly liveDir: string;
  readonly databaseUrl: string;
  readonly chains: readonly {
    readonly chain: string;
    readonly rpcUrls: readonly string[];
    readonly finality: Finality;
    readonly pollMs: number;
  }[];
  readonly keys: {
    readonly submitter: KeyedAccount;
    readonly lockstepDvnSigners?: readonly KeyedAccount[];
    readonly layerzeroDvn?: { readonly signers: readonly KeyedAccount[]; readonly admin: KeyedAccount };
    readonly guardian?: KeyedAccount;
  };
  readonly batching: Batching;
  readonly release: Release;
  readonly chunkSize: number;
  readonly reconcileSeconds: number;
  /** keep markets open; its key is the submitter's */
  readonly markets?: MarketsConfig;
  readonly liquidator?: LiquidatorTerms;
}

const READY_TIMEOUT_MS = 40_000;
const LIQUIDATION_POLL_MS = 200;
const LEVY_SECONDS = 1;

const nameOf = ({ name = 'relayer' }: RelayerOptions): string => name;

/** The relayer as operators run it: a process with a configuration file, a database, a log file and an HTTP port. */
export class Relayer {
  #process: ManagedProcess | undefined;
  #starts = 0;

  private constructor(
    private readonly options: RelayerOptions,
    private readonly configFile: string,
    readonly url: string,
    readonly api: RelayerApi,
  ) {}

  /** Writes the configuration; the process is not started yet. */
  static async configure(options: RelayerOptions): Promise<Relayer> {
    const port = await freePort();
    const configFile = path.join(options.dir, `${nameOf(options)}.json`);
    const key = ({ privateKey }: KeyedAccount) => ({ privateKey });
    const { lockstepDvnSigners, layerzeroDvn, guardian } = options.keys;
    const config = {
      network: options.network,
      liveDir: options.liveDir,
      database: { url: options.databaseUrl },
      api: { host: '127.0.0.1', port },
      chains: options.chains,
      keys: {
        submitter: key(options.keys.submitter),
        ...(lockstepDvnSigners ? { lockstepDvnSigners: lockstepDvnSigners.map(key) } : {}),
        ...(layerzeroDvn ? { layerzeroDvn: { signers: layerzeroDvn.signers.map(key), admin: key(layerzeroDvn.admin) } } : {}),
        ...(options.markets ? { keeper: key(options.keys.submitter) } : {}),
        ...(options.liquidator ? { liquidator: key(options.liquidator.key) } : {}),
        ...(guardian ? { guardian: key(guardian) } : {}),
      },
      ...(options.roles ? { roles: options.roles } : {}),
      ...(options.liquidator
        ? { liquidation: { pollMs: LIQUIDATION_POLL_MS, levySeconds: LEVY_SECONDS, bid: options.liquidator.bid } }
        : {}),
      batching: options.batching,
      delivery: { chunkSize: options.chunkSize },
      release: options.release,
      reconcileSeconds: options.reconcileSeconds,
      ...options.markets,
    };
    writeFileSync(configFile, JSON.stringify(config, null, 2), { mode: 0o600 });
    const url = `http://127.0.0.1:${port}`;
    return new Relayer(options, configFile, url, new RelayerApi(url));
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  /** Starts of the process so far. */
  get starts(): number {
    return this.#starts;
  }

  get logFile(): string {
    return path.join(this.options.dir, `${nameOf(this.options)}.log`);
  }

  /**
   * Starts the process. @param faultPoint the process kills itself when it gets there
   * @throws if it runs already
   */
  async start({ faultPoint, waitReady = true }: { faultPoint?: string; waitReady?: boolean } = {}): Promise<void> {
    if (this.running) throw new Error(`the ${nameOf(this.options)} runs already`);
    const main = relayerMain();
    this.#starts += 1;
    this.#process = await this.options.processes.start({
      name: nameOf(this.options),
      command: process.execPath,
      args: ['--enable-source-maps', main],
      logFile: this.logFile,
      env: { ...this.#environment(), ...(faultPoint ? { LOCKSTEP_FAULT_POINT: faultPoint } : {}) },
      stopSignal: 'SIGTERM',
    });
    if (waitReady) await this.ready();
  }

  /** Waits until the process says it is ready. @throws with its log if it ends instead */
  async ready(): Promise<void> {
    const current = this.#running();
    await eventually(
      `the ${nameOf(this.options)} to be ready`,
      async (note) => {
        if (!current.running) return 'ended' as const;
        const answer = await this.api.ready();
        note(answer);
        return answer.ready ? ('ready' as const) : undefined;
      },
      { timeoutMs: READY_TIMEOUT_MS, everyMs: 50 },
    ).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${current.logTail()}`, { cause: error });
    });
    if (!current.running)
      throw new Error(`the ${nameOf(this.options)} ended before it was ready (${JSON.stringify(current.exit)}):\n${current.logTail()}`);
  }

  /** Polite end. */
  async stop(): Promise<Exit> {
    return this.#running().stop();
  }

  /** kill -9. */
  async kill(): Promise<Exit> {
    return this.#running().kill();
  }

  /** How the process ended, once it does. */
  get exited(): Promise<Exit> {
    return this.#running().exited;
  }

  /** Runs the operator's command-line tool with this relayer's configuration. @returns what it printed @throws if it fails */
  async command(...args: readonly string[]): Promise<string> {
    const main = require.resolve('@lockstep/relayer/cli');
    const { stdout } = await run(process.execPath, [main, ...args], { env: this.#environment() });
    return stdout.trim();
  }

  logTail(lines?: number): string {
    return this.#running().logTail(lines);
  }

  /** This process's environment, without what is meant for the harness itself. */
  #environment(): NodeJS.ProcessEnv {
    const { LOCKSTEP_FAULT_POINT: _outer, DATABASE_URL: _admin, ...env } = process.env;
    return { ...env, LOCKSTEP_CONFIG: this.configFile };
  }

  #running(): ManagedProcess {
    if (!this.#process) throw new Error(`the ${nameOf(this.options)} was not started`);
    return this.#process;
  }
}

function relayerMain(): string {
  const main = require.resolve('@lockstep/relayer/main');
  if (!existsSync(main)) throw new Error(`${main} is missing; build the relayer first`);
  return main;
}
