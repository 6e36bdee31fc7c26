import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Chains } from '../../chain/chains.js';
import { Loops } from '../../chain/loops.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { hubCallsOf } from '../hub-calls.js';
import { StageCommonModule } from '../stage-common.module.js';
import { LiquidationConsumer } from './liquidation.consumer.js';
import { LIQUIDATION_CALLS } from './calls.js';
import { LiquidationFigures } from './figures.js';
import { LiquidationService } from './liquidation.service.js';

const CALLS = hubCallsOf(LIQUIDATION_CALLS, { role: 'liquidate', key: 'liquidator', event: 'liquidation' });

/** Stage 6: what auctions and levies came to is recorded; accounts below maintenance margin are found and their auctions moved on, where the configuration gives a key for it. */
@Module({
  imports: [StageCommonModule],
  providers: [LiquidationConsumer, LiquidationService, LiquidationFigures, CALLS],
  exports: [LiquidationConsumer],
})
export class LiquidationModule implements OnModuleInit {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly chains: Chains,
    private readonly loops: Loops,
    private readonly liquidation: LiquidationService,
  ) {}

  onModuleInit(): void {
    const { roles, keys, liquidation } = this.config;
    if (!roles.includes('liquidate') || keys.liquidator === undefined || this.chains.hub.find('Liquidation') === null) return;
    this.loops.add({ name: 'liquidation.look', everyMs: liquidation.pollMs, run: () => this.liquidation.look() });
    const everyMs = 1_000 * liquidation.levySeconds;
    if (everyMs === 0) return;
    this.loops.add({ name: 'liquidation.levies', everyMs, run: () => this.liquidation.seeToLosses() });
    this.loops.add({ name: 'liquidation.write-downs', everyMs, run: () => this.liquidation.settleWriteDowns() });
    this.loops.add({ name: 'liquidation.routes', everyMs, run: () => this.liquidation.seeToRoutes() });
    this.loops.add({ name: 'liquidation.shortfalls', everyMs, run: () => this.liquidation.seeToDebts() });
  }
}
