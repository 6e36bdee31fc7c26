import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Chains } from '../../chain/chains.js';
import { Loops } from '../../chain/loops.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { StageCommonModule } from '../stage-common.module.js';
import { AttestationConsumer } from './attestation.consumer.js';
import { AttestationService } from './attestation.service.js';

/** Stage 2: when a log's entries are final, and when they are worth a packet. */
@Module({ imports: [StageCommonModule], providers: [AttestationConsumer, AttestationService], exports: [AttestationConsumer] })
export class AttestationModule implements OnModuleInit {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly chains: Chains,
    private readonly loops: Loops,
    private readonly service: AttestationService,
  ) {}

  onModuleInit(): void {
    for (const chain of this.chains.all()) {
      const everyMs = chain.config.pollMs;
      if (this.config.roles.includes('attest'))
        this.loops.add({ name: `attestation.flush.${chain.name}`, everyMs, run: () => this.service.flushDue(chain) });
      if (this.config.roles.includes('index'))
        this.loops.add({ name: `attestation.costs.${chain.name}`, everyMs: 5 * everyMs, run: () => this.service.recordCosts(chain) });
    }
  }
}
