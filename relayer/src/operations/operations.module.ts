import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ChainModule } from '../chain/chain.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { ChainsHealth } from './chains.health.js';
import { Draining } from './draining.js';
import { HealthController } from './health.controller.js';
import { LiquidationMetrics } from './liquidation-metrics.js';
import { LoopsHealth } from './loops.health.js';
import { LossesHealth } from './losses.health.js';
import { MetricsController } from './metrics.controller.js';
import { Metrics } from './metrics.js';
import { ReleaseMetrics } from './release-metrics.js';
import { ReleasesHealth } from './releases.health.js';
import { StageMetrics } from './stage-metrics.js';

/** Health and metrics. Observes; nobody imports it. */
@Module({
  imports: [TerminusModule.forRoot({ errorLogStyle: 'json' }), ChainModule, DatabaseModule],
  controllers: [HealthController, MetricsController],
  providers: [LoopsHealth, ChainsHealth, Draining, Metrics, StageMetrics, ReleaseMetrics, ReleasesHealth, LossesHealth, LiquidationMetrics],
})
export class OperationsModule {}
