import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { RELAYER_CONFIG } from '../config/config.module.js';
import type { RelayerConfig } from '../config/relayer-config.js';
import { ChainConsumers } from './chain-consumer.js';
import { ChainGate } from './chain-gate.js';
import { Chains } from './chains.js';
import { FAULT_POINT, type FaultPoint } from './fault-point.js';
import { ChainFollower, type FollowerStatus } from './follower.js';
import { Loops } from './loops.js';

/** One follower per chain, each on its own loop: a chain in trouble does not hold up another. Only with the role `index`. */
@Injectable()
export class Followers implements OnApplicationBootstrap {
  readonly #logger = new Logger(Followers.name);
  #followers: readonly ChainFollower[] = [];

  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly dataSource: DataSource,
    private readonly chains: Chains,
    private readonly gate: ChainGate,
    private readonly consumers: ChainConsumers,
    private readonly loops: Loops,
    @Inject(FAULT_POINT) private readonly fault: FaultPoint,
  ) {}

  status(): readonly FollowerStatus[] {
    return this.#followers.map(({ status }) => status);
  }

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('index')) return;
    this.#followers = this.chains.all().map((chain) => {
      const follower = new ChainFollower(this.dataSource, chain, this.consumers.all(), this.fault);
      this.loops.add({
        name: `follower.${chain.name}`,
        everyMs: chain.config.pollMs,
        run: async () => {
          await this.gate.ensure(chain);
          const step = await follower.step();
          const { kind, more } = step;
          if (kind === 'reorg' || kind === 'resumed')
            this.#logger.warn({ event: 'chain.reorg', chain: chain.name, kind, tip: follower.status.tipNumber });
          // The hashes are what an operator compares with a provider of somebody else.
          if (kind === 'deep-reorg') this.#logger.error({ event: 'chain.halted', chain: chain.name, because: kind, ...step.fork });
          return more;
        },
      });
      return follower;
    });
  }
}
