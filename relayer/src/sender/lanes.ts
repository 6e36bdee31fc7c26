import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { BlockNumber } from '@lockstep/shared';
import { BlockStore } from '../chain/block-store.js';
import { ChainConsumers } from '../chain/chain-consumer.js';
import type { ChainContext } from '../chain/chain-context.js';
import { ChainGate } from '../chain/chain-gate.js';
import { Chains } from '../chain/chains.js';
import { CLOCK, type Clock } from '../chain/clock.js';
import { FAULT_POINT, type FaultPoint } from '../chain/fault-point.js';
import { Loops } from '../chain/loops.js';
import { RELAYER_CONFIG } from '../config/config.module.js';
import { gweiToWei, SENDING_ROLES, type RelayerConfig, type SendingRole } from '../config/relayer-config.js';
import { SenderKeys } from './keys.js';
import { Lane, type LaneParts } from './lane.js';
import { RpcLaneChain } from './lane-chain.js';
import { SenderConsumer } from './sender.consumer.js';
import { Watcher } from './watcher.js';

/** A lane looks for new intents at least this often, milliseconds: only the database is asked. */
const QUEUE_POLL_MS = 250;

/** One lane and one watcher per chain and address this process may send from. */
@Injectable()
export class Lanes implements OnModuleInit {
  readonly #logger = new Logger(Lanes.name);

  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'roles'>,
    private readonly dataSource: DataSource,
    @Inject(Chains) private readonly chains: Pick<Chains, 'all'>,
    @Inject(ChainGate) private readonly gate: Pick<ChainGate, 'ensure'>,
    private readonly consumers: ChainConsumers,
    private readonly keys: SenderKeys,
    @Inject(Loops) private readonly loops: Pick<Loops, 'add'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(FAULT_POINT) private readonly fault: FaultPoint,
  ) {}

  onModuleInit(): void {
    this.consumers.register(new SenderConsumer());
    const { roles: configured } = this.config;
    const roles = SENDING_ROLES.filter((role) => configured.includes(role));
    if (roles.length === 0) return;
    for (const chain of this.chains.all()) for (const parts of this.#partsOf(chain, roles)) this.#start(chain, parts);
  }

  #partsOf(chain: ChainContext, roles: readonly SendingRole[]): readonly LaneParts[] {
    const seen = new Set<string>();
    return [...this.keys.all()].flatMap(([keyName, account]) => {
      // Two names for one key share its nonces, so they share the lane.
      if (seen.has(account.address)) return [];
      seen.add(account.address);
      const { fees } = chain.config;
      return [
        {
          id: { chainId: chain.chainId, chain: chain.name, address: account.address },
          keyName,
          account,
          roles,
          dataSource: this.dataSource,
          chain: new RpcLaneChain(chain),
          limits: { maxFeePerGas: gweiToWei(fees.maxFeePerGasGwei), maxPriorityFeePerGas: gweiToWei(fees.maxPriorityFeePerGasGwei) },
          clock: this.clock,
          fault: this.fault,
        },
      ];
    });
  }

  #start(chain: ChainContext, parts: LaneParts): void {
    const name = `${chain.name}.${parts.keyName}`;
    const lane = new Lane(parts);
    const watcher = new Watcher(parts, () => this.#finalHeight(chain));
    this.loops.add({
      name: `sender.${name}`,
      everyMs: Math.min(chain.config.pollMs, QUEUE_POLL_MS),
      run: async () => {
        await this.gate.ensure(chain);
        const step = await lane.step();
        if (step === 'rejected' || step === 'deferred' || step === 'too-expensive')
          this.#logger.warn({ event: `sender.${step}`, lane: name });
        return step === 'sent' || step === 'rejected' || step === 'deferred' || step === 'overtaken';
      },
    });
    this.loops.add({
      name: `watcher.${name}`,
      everyMs: chain.config.pollMs,
      run: async () => {
        await this.gate.ensure(chain);
        const { reorged, displaced, rebroadcast, filled } = await watcher.pass();
        if (reorged + displaced + rebroadcast + filled > 0)
          this.#logger.warn({ event: 'sender.healed', lane: name, reorged, displaced, rebroadcast, filled });
      },
    });
  }

  /** As the chain's follower has it: a halted chain has no finality. */
  async #finalHeight(chain: ChainContext): Promise<BlockNumber | null> {
    const cursor = await new BlockStore(chain).cursor(this.dataSource.manager);
    return cursor && !cursor.haltedBecause ? cursor.final.number : null;
  }
}
