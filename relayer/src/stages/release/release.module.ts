import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Chains } from '../../chain/chains.js';
import { Loops } from '../../chain/loops.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { StageCommonModule } from '../stage-common.module.js';
import { ReleaseConsumer } from './release.consumer.js';
import { ReleaseRepository } from './release.repository.js';
import { ReleaseService } from './release.service.js';
import { ReleaseWatch } from './release.watch.js';

/** Stage 7: from a request or a claim to the payout and its receipt. Orders and receipts travel by the stages of every entry. */
@Module({
  imports: [StageCommonModule],
  providers: [ReleaseConsumer, ReleaseRepository, ReleaseService, ReleaseWatch],
  exports: [ReleaseConsumer],
})
export class ReleaseModule implements OnModuleInit {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly chains: Chains,
    private readonly loops: Loops,
    private readonly release: ReleaseService,
    private readonly watch: ReleaseWatch,
  ) {}

  onModuleInit(): void {
    const { roles, release } = this.config;
    const everyMs = 1_000 * release.orderSeconds;
    if (roles.includes('index')) this.loops.add({ name: 'release.watch', everyMs, run: () => this.watch.look() });
    if (!release.enabled || !roles.includes('deliver')) return;
    this.loops.add({ name: 'release.process', everyMs: this.chains.hub.config.pollMs, run: () => this.release.processRequests() });
    this.loops.add({ name: 'release.order', everyMs, run: () => this.release.orderClaims() });
    for (const chain of this.chains.all())
      this.loops.add({ name: `release.claim.${chain.name}`, everyMs, run: () => this.release.payClaimables(chain) });
  }
}
