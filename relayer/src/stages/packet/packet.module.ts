import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Chains } from '../../chain/chains.js';
import { Loops } from '../../chain/loops.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { StageCommonModule } from '../stage-common.module.js';
import { ExecutorService } from './executor.service.js';
import { Accountant } from './accountant.service.js';
import { OwnLogReader } from './own-log.reader.js';
import { PacketConsumer } from './packet.consumer.js';
import { PacketObserver } from './packet.observer.js';
import { PacketRepository } from './packet.repository.js';
import { SignedHeads } from './signed-heads.js';
import { VerifierService } from './verifier.service.js';
import { Verifiers } from './verifiers.js';

/** Stage 3: checkpoints on their way through LayerZero, verified, committed and executed. */
@Module({
  imports: [StageCommonModule],
  providers: [
    PacketConsumer,
    PacketRepository,
    PacketObserver,
    Verifiers,
    OwnLogReader,
    Accountant,
    SignedHeads,
    VerifierService,
    ExecutorService,
  ],
  exports: [PacketConsumer],
})
export class PacketModule implements OnModuleInit {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly chains: Chains,
    private readonly loops: Loops,
    private readonly verifier: VerifierService,
    private readonly executor: ExecutorService,
  ) {}

  onModuleInit(): void {
    for (const chain of this.chains.all()) {
      const everyMs = chain.config.pollMs;
      if (this.config.roles.includes('dvn'))
        this.loops.add({ name: `packet.verify.${chain.name}`, everyMs, run: () => this.verifier.attestDue(chain) });
      if (this.config.roles.includes('execute'))
        this.loops.add({ name: `packet.execute.${chain.name}`, everyMs, run: () => this.executor.executeDue(chain) });
    }
  }
}
