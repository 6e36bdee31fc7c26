import type { Address, PublicClient } from 'viem';
import type { ChainId, Eid } from '@lockstep/shared';
import type { LiveChain, LiveContract } from '../config/live-network.js';
import type { ChainConfig } from '../config/relayer-config.js';
import type { ProviderPool } from './provider-pool.js';
import type { QuorumReader } from './quorum-reader.js';

/** Everything a stage needs to know about one configured chain. */
export class ChainContext {
  constructor(
    readonly config: ChainConfig,
    readonly live: LiveChain,
    /** read path: falls back from provider to provider. Good for indexing and estimates, never for signing attestations. */
    readonly client: PublicClient,
    /** each provider alone, in the order of the configuration */
    readonly providers: readonly PublicClient[],
    /** how the providers are doing on the read path */
    readonly pool: ProviderPool,
    /** attest path: k of n providers must agree, else it refuses */
    readonly quorum: QuorumReader,
  ) {}

  get name(): string {
    return this.live.chain;
  }

  get chainId(): ChainId {
    return this.live.chainId;
  }

  get eid(): Eid {
    return this.live.eid;
  }

  get isHub(): boolean {
    return this.live.role === 'hub';
  }

  /** @throws Error if the live file has no such contract */
  contract(name: keyof LiveChain['contracts']): Address {
    const found = this.live.contracts[name];
    if (!found) throw new Error(`${this.name}: live file has no contract ${name}; it has ${Object.keys(this.live.contracts).join(', ')}`);
    return found.address;
  }

  /** Address of the hub's Withdrawals; null on a spoke, and on a hub that was deployed before it. */
  get withdrawals(): Address | null {
    return this.live.contracts.Withdrawals?.address ?? null;
  }

  /** Address of the hub's Exchange; null on a spoke, and on a hub that was deployed before it. */
  get exchange(): Address | null {
    return this.find('Exchange');
  }

  /** Address of a contract that not every deployment has; null without it. */
  find(name: string): Address | null {
    const contracts: Readonly<Record<string, LiveContract | undefined>> = this.live.contracts;
    return contracts[name]?.address ?? null;
  }

  /** Address of one of LayerZero's contracts on this chain. */
  layerzero(name: LayerZeroContract): Address {
    return this.live.layerzero[name];
  }
}

/** LayerZero's contracts in a live file; beside them it holds figures. */
type LayerZeroContract = {
  [K in keyof LiveChain['layerzero']]: LiveChain['layerzero'][K] extends Address ? K : never;
}[keyof LiveChain['layerzero']];
