import { Inject, Injectable } from '@nestjs/common';
import type { ChainId, Eid } from '@lockstep/shared';
import { LIVE_NETWORK, RELAYER_CONFIG } from '../config/config.module.js';
import type { LiveNetwork } from '../config/live-network.js';
import { ConfigError } from '../config/load.js';
import { quorumOf, type RelayerConfig } from '../config/relayer-config.js';
import { ChainContext } from './chain-context.js';
import { createChainClients } from './clients.js';
import { CLOCK, systemClock, type Clock } from './clock.js';
import { QuorumReader } from './quorum-reader.js';

/** Every configured chain, found by name, eid or chain id. */
@Injectable()
export class Chains {
  readonly #chains: readonly ChainContext[];

  /** @throws ConfigError if a configured chain has no live file, or the hub is missing */
  constructor(
    @Inject(RELAYER_CONFIG) config: RelayerConfig,
    @Inject(LIVE_NETWORK) live: LiveNetwork,
    @Inject(CLOCK) clock: Clock = systemClock,
  ) {
    this.#chains = config.chains.map((chain, index) => {
      const file = live.chains.find((candidate) => candidate.chain === chain.chain);
      if (!file)
        throw new ConfigError(config.liveDir, [
          {
            key: `chains.${index}.chain`,
            message: `"${chain.chain}" has no live file; expected one of ${live.chains.map((known) => known.chain).join(', ')}`,
          },
        ]);
      const { client, providers, pool } = createChainClients(chain, clock);
      return new ChainContext(chain, file, client, providers, pool, new QuorumReader(providers, quorumOf(chain)));
    });
    const hubs = this.#chains.filter((chain) => chain.isHub);
    if (hubs.length !== 1)
      throw new ConfigError(config.liveDir, [
        { key: 'chains', message: `name ${hubs.length} hubs; expected exactly one chain whose role is hub` },
      ]);
  }

  all(): readonly ChainContext[] {
    return this.#chains;
  }

  get hub(): ChainContext {
    const hub = this.#chains.find((chain) => chain.isHub);
    if (!hub) throw new Error('no hub among the chains; the constructor lets none pass');
    return hub;
  }

  byName(name: string): ChainContext | undefined {
    return this.#chains.find((chain) => chain.name === name);
  }

  byEid(eid: Eid): ChainContext | undefined {
    return this.#chains.find((chain) => chain.eid === eid);
  }

  byChainId(chainId: ChainId): ChainContext | undefined {
    return this.#chains.find((chain) => chain.chainId === chainId);
  }
}
