import { chmodSync, cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ForkSource } from '@lockstep/deployments';
import type { Hex } from 'viem';
import { RpcProxy } from '../faults/rpc-proxy.js';
import { checkInvariants } from '../invariants/index.js';
import { assertSound, type InvariantName, type InvariantReport } from '../invariants/report.js';
import { roles } from './accounts.js';
import { Anvil } from './anvil.js';
import { Claims } from './claims.js';
import { deployStack, forkPlan, networkPlan, type PlannedChain } from './deploy.js';
import { Flow } from './flow.js';
import { Prices, type Playback, type Underlying } from './markets.js';
import type { Mining } from './miner.js';
import { Postgres } from './postgres.js';
import { Processes, type ManagedProcess } from './processes.js';
import { startLoneLiquidator } from './lone-liquidator.js';
import { Relayer, type Batching, type Finality, type LiquidatorTerms, type RelayerOptions, type Release } from './relayer.js';
import { chainNamed, type HubChain, type Stack, type StackChain } from './stack.js';
import { User } from './user.js';
import { eventually } from './wait.js';
import { Withdrawer } from './withdrawer.js';

/** What kind of world to start. Everything has a default that suits a quick scenario. */
export interface WorldOptions {
  /** chains beside the hub, which has a vault too */
  readonly spokes?: number;
  /** milliseconds between blocks once everything is deployed */
  readonly blockMs?: number;
  /** start the relayer (default), or leave its work to the test */
  readonly relayer?: boolean;
  readonly batching?: Partial<Batching>;
  readonly release?: Partial<Release>;
  /** give the relayer the guardian's key, so that it may quarantine a path and freeze a token */
  readonly guardian?: boolean;
  readonly chunkSize?: number;
  readonly finality?: Finality;
  readonly reconcileSeconds?: number;
  /** open markets: the relayer publishes these prices and keeps options around them listed */
  readonly prices?: Readonly<Record<Underlying, Playback>>;
  /** let the relayer liquidate too; on terms that name chains by what the network made of them */
  readonly liquidator?: (hub: HubChain) => LiquidatorTerms;
  /** put a provider that can fail between the relayer and every chain */
  readonly faultyRpc?: boolean;
  /** fork that world's chains instead of starting empty ones; it must stay up, for the fork asks it about its past */
  readonly forkOf?: World;
  /** fork these chains, which LayerZero serves, and deploy Lockstep on the forks; the first is the hub */
  readonly sources?: readonly ForkSource[];
  readonly onStage?: (stage: WorldStage) => void;
}

/** What the start of a world goes through, in order. */
export type WorldStage = 'chains and database' | 'contracts' | 'relayer' | 'ready';

const DEFAULT_BATCHING: Batching = { maxCount: 50, maxAgeSeconds: 2, minCount: 1 };
const DEFAULT_RELEASE: Release = { orderSeconds: 1, lateSeconds: 60 };
const DATABASE = 'relayer';

/**
 * A whole network on this machine: local chains with LayerZero's and Lockstep's contracts, PostgreSQL, and the relayer as its
 * own process. Nothing of it outlives the process that started it.
 */
export class World {
  readonly #users = new Map<number, User>();
  readonly #withdrawers = new Map<number, Withdrawer>();
  readonly flow: Flow;
  readonly claims: Claims;

  private constructor(
    readonly dir: string,
    readonly stack: Stack,
    readonly liveDir: string,
    readonly processes: Processes,
    readonly postgres: Postgres,
    readonly relayer: Relayer,
    private readonly relayerOptions: RelayerOptions,
    private readonly anvils: ReadonlyMap<string, Anvil>,
    private readonly proxies: ReadonlyMap<string, RpcProxy>,
    private readonly blockMs: number,
    private readonly published: Prices | undefined,
  ) {
    this.flow = new Flow(stack);
    this.claims = new Claims(stack, this.flow);
  }

  /** Starts everything; a few seconds. On failure nothing is left running. */
  static async start(options: WorldOptions = {}): Promise<World> {
    const dir = mkdtempSync(path.join(tmpdir(), 'lockstep-'));
    chmodSync(dir, 0o755); // the database's user must be able to enter it
    const processes = new Processes();
    if (!process.env['LOCKSTEP_KEEP_RUN']) processes.removeAtEnd(dir);
    try {
      return await World.#start(dir, processes, options);
    } catch (error) {
      await processes.stopAll();
      throw error;
    }
  }

  static async #start(dir: string, processes: Processes, options: WorldOptions): Promise<World> {
    const stage = options.onStage ?? (() => undefined);
    const blockMs = options.blockMs ?? 250;
    stage('chains and database');
    const planned = plannedChains(options);
    const [postgres, ...anvils] = await Promise.all([
      Postgres.start({ dir: path.join(dir, 'postgres'), processes }),
      ...planned.map(({ name, chainId, forkUrl }) => Anvil.start({ name, chainId, dir, processes, ...(forkUrl ? { forkUrl } : {}) })),
    ]);
    stage('contracts');
    const byName = new Map(anvils.map((a) => [a.name, a]));
    const liveDir = path.join(dir, 'live');
    // On a fork everything is there already: the deployment finds nothing to do.
    if (options.forkOf) cpSync(options.forkOf.liveDir, liveDir, { recursive: true });
    else mkdirSync(liveDir);
    const [stack, databaseUrl] = await Promise.all([deployStack(planned, byName, liveDir), postgres.createDatabase(DATABASE)]);
    const proxies = new Map<string, RpcProxy>();
    if (options.faultyRpc) for (const anvil of anvils) proxies.set(anvil.name, await RpcProxy.start(anvil.rpcUrl));
    const prices = options.prices && new Prices(dir, options.prices);
    const relayerOptions: RelayerOptions = {
      dir,
      processes,
      network: stack.network,
      liveDir,
      databaseUrl,
      chains: planned.map((chain) => relayerChain(chain, byName, proxies, options.finality, blockMs)),
      keys: {
        submitter: roles.submitter,
        lockstepDvnSigners: [roles.lockstepDvnSigner],
        layerzeroDvn: { signers: [roles.layerzeroDvnSigner], admin: roles.layerzeroDvnAdmin },
        ...(options.guardian ? { guardian: roles.guardian } : {}),
      },
      batching: { ...DEFAULT_BATCHING, ...options.batching },
      release: { ...DEFAULT_RELEASE, ...options.release },
      chunkSize: options.chunkSize ?? 50,
      reconcileSeconds: options.reconcileSeconds ?? 2,
      ...(prices ? { markets: prices.config(stack.hub) } : {}),
      ...(options.liquidator ? { liquidator: options.liquidator(stack.hub) } : {}),
    };
    const relayer = await Relayer.configure(relayerOptions);
    const world = new World(dir, stack, liveDir, processes, postgres, relayer, relayerOptions, byName, proxies, blockMs, prices);
    await world.mining({ kind: 'interval', ms: blockMs });
    if (options.relayer ?? true) {
      stage('relayer');
      await relayer.start();
    }
    stage('ready');
    return world;
  }

  /** Chain of that name. */
  chain(name: string): StackChain {
    return chainNamed(this.stack, name);
  }

  /** The node behind a chain: its clock, its URL. */
  node(name: string): Anvil {
    const anvil = this.anvils.get(name);
    if (!anvil) throw new Error(`no node named ${name}; there are ${[...this.anvils.keys()].join(', ')}`);
    return anvil;
  }

  /** The provider that can fail, in front of a chain. @throws unless the world was started with `faultyRpc` */
  provider(name: string): RpcProxy {
    const proxy = this.proxies.get(name);
    if (!proxy) throw new Error(`no faulty provider in front of ${name}; start the world with faultyRpc`);
    return proxy;
  }

  /** The prices that are published. @throws unless the world was started with `prices` */
  get prices(): Prices {
    if (!this.published) throw new Error('no prices are published; start the world with prices');
    return this.published;
  }

  /** User number `index`, with a key and coins on every chain. */
  user(index: number): User {
    const user = this.#users.get(index) ?? new User(index);
    this.#users.set(index, user);
    return user;
  }

  /** The way out of that user's account. */
  withdrawer(index: number): Withdrawer {
    const withdrawer = this.#withdrawers.get(index) ?? new Withdrawer(this.stack, this.user(index));
    this.#withdrawers.set(index, withdrawer);
    return withdrawer;
  }

  /** Prices that are signed for a moment ahead of the hub's clock, for a call that is sent now. */
  async signedPrices(): Promise<Hex> {
    const { timestamp } = await this.stack.hub.client.getBlock();
    return eventually('prices to be signed', () => this.relayer.api.prices(timestamp + 1n));
  }

  /** A process beside the relayer that only liquidates; they share the database. It is not started yet. */
  async liquidator(name: string, liquidator: LiquidatorTerms): Promise<Relayer> {
    const keys = { submitter: liquidator.key };
    return Relayer.configure({ ...this.relayerOptions, name, roles: ['liquidate'], keys, liquidator });
  }

  /** Starts `lockstep liquidator`: a process that knows the hub's RPC URL and nothing else of this world. */
  async loneLiquidator(name: string, terms: LiquidatorTerms): Promise<ManagedProcess> {
    const { stack, dir, processes } = this;
    return startLoneLiquidator(
      { name, dir, processes, hub: stack.hub, rpcUrl: this.node(stack.hub.name).rpcUrl, apiUrl: this.relayer.url },
      terms,
    );
  }

  /** How blocks come about, on all chains or one. */
  async mining(mining: Mining, name?: string): Promise<void> {
    const nodes = name === undefined ? [...this.anvils.values()] : [this.node(name)];
    await Promise.all(nodes.map((n) => n.miner.set(mining)));
  }

  /** Back to the world's own pace. */
  async resumeMining(name?: string): Promise<void> {
    await this.mining({ kind: 'interval', ms: this.blockMs }, name);
  }

  /** Drops the relayer's database and starts it again on an empty one. */
  async rebuildDatabase(): Promise<void> {
    if (this.relayer.running) await this.relayer.stop();
    await this.postgres.dropDatabase(DATABASE);
    await this.postgres.createDatabase(DATABASE);
    await this.relayer.start();
  }

  /** Rows of the relayer's own database. */
  async rows(sql: string, parameters: readonly unknown[] = []): Promise<unknown[]> {
    return this.postgres.query(sql, parameters, DATABASE);
  }

  /** Evaluates every named invariant on the chains and, once the relayer has made its tables, in its journal. */
  async invariants(): Promise<InvariantReport> {
    return checkInvariants(this.stack, this.relayer.starts > 0 ? (sql) => this.rows(sql) : undefined);
  }

  /** @throws listing what is violated */
  async assertInvariants(needed?: readonly InvariantName[]): Promise<void> {
    assertSound(await this.invariants(), needed);
  }

  /** Ends every process and removes the run's folder. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.relayer.running) await this.relayer.stop();
    await Promise.all([...this.proxies.values()].map((p) => p.stop()));
    await Promise.all([...this.anvils.values()].map((a) => a.stop()));
    await this.postgres.stop();
    await this.processes.stopAll();
  }
}

function plannedChains({ forkOf, sources, spokes }: WorldOptions): PlannedChain[] {
  if (sources) return forkPlan(sources);
  if (!forkOf) return networkPlan(spokes ?? 2);
  return networkPlan(forkOf.stack.chains.length - 1).map((chain) => ({ ...chain, forkUrl: forkOf.node(chain.name).rpcUrl }));
}

const DEFAULT_FINALITY: Finality = { kind: 'tag', tag: 'finalized' };

function relayerChain(
  planned: PlannedChain,
  anvils: ReadonlyMap<string, Anvil>,
  proxies: ReadonlyMap<string, RpcProxy>,
  finality: Finality | undefined,
  blockMs: number,
): { chain: string; rpcUrls: string[]; finality: Finality; pollMs: number } {
  const url = proxies.get(planned.name)?.url ?? anvils.get(planned.name)?.rpcUrl;
  if (!url) throw new Error(`no node for ${planned.name}`);
  return { chain: planned.name, rpcUrls: [url], finality: finality ?? DEFAULT_FINALITY, pollMs: Math.max(50, Math.floor(blockMs / 2)) };
}
