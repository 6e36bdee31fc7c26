import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Chains } from '../../chain/chains.js';
import { Loops } from '../../chain/loops.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { StageCommonModule } from '../stage-common.module.js';
import { ContractExchange } from './contract-exchange.js';
import { ExchangeRepository } from './exchange.repository.js';
import { HUB_EXCHANGE } from './hub-exchange.js';
import { IntakeService } from './intake.service.js';
import { MatcherService } from './matcher.service.js';
import { SettlementService } from './settlement.service.js';

/** Beside the stages of the flow: signed orders are matched here and settled by the hub's exchange, where one is deployed. */
@Module({
  imports: [StageCommonModule],
  providers: [ExchangeRepository, IntakeService, MatcherService, SettlementService, { provide: HUB_EXCHANGE, useClass: ContractExchange }],
  exports: [IntakeService, HUB_EXCHANGE],
})
export class ExchangeModule implements OnModuleInit {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly chains: Chains,
    private readonly loops: Loops,
    private readonly matcher: MatcherService,
    private readonly settlement: SettlementService,
  ) {}

  onModuleInit(): void {
    if (!this.config.roles.includes('match') || this.chains.hub.exchange === null) return;
    const { matchMs, settleMs } = this.config.exchange;
    this.loops.add({ name: 'exchange.match', everyMs: matchMs, run: () => this.matcher.match() });
    this.loops.add({ name: 'exchange.settle', everyMs: settleMs, run: () => this.settlement.settle() });
  }
}
