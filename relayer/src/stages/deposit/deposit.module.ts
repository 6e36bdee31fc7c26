import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { ChainConsumers } from '../../chain/chain-consumer.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { StageCommonModule } from '../stage-common.module.js';
import { DepositConsumer } from './deposit.consumer.js';

/** Stage 1: what users paid in, as the logs have it. */
@Module({ imports: [StageCommonModule], providers: [DepositConsumer] })
export class DepositModule implements OnModuleInit {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly consumers: ChainConsumers,
    private readonly consumer: DepositConsumer,
  ) {}

  onModuleInit(): void {
    if (this.config.roles.includes('index')) this.consumers.register(this.consumer);
  }
}
