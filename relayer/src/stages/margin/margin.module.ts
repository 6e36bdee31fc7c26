import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Chains } from '../../chain/chains.js';
import { Loops } from '../../chain/loops.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { StageCommonModule } from '../stage-common.module.js';
import { MarginConsumer } from './margin.consumer.js';
import { PublisherService } from './publisher.service.js';

/** Stage 5: what accounts may use of what they own. Feeds are published here where the configuration asks for it. */
@Module({ imports: [StageCommonModule], providers: [MarginConsumer, PublisherService], exports: [MarginConsumer] })
export class MarginModule implements OnModuleInit {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly chains: Chains,
    private readonly loops: Loops,
    private readonly publisher: PublisherService,
  ) {}

  onModuleInit(): void {
    const { roles, publisher } = this.config;
    if (publisher === undefined || !roles.includes('publish')) return;
    const hub = this.chains.hub;
    this.loops.add({ name: `margin.publish.${hub.name}`, everyMs: 1_000 * publisher.everySeconds, run: () => this.publisher.publish(hub) });
  }
}
