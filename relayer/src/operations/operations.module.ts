import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ChainModule } from '../chain/chain.module.js';
import { HealthController } from './health.controller.js';
import { LoopsHealth } from './loops.health.js';

/** Health and metrics. Observes; nobody imports it. */
@Module({
  imports: [TerminusModule.forRoot({ errorLogStyle: 'json' }), ChainModule],
  controllers: [HealthController],
  providers: [LoopsHealth],
})
export class OperationsModule {}
