import { Module } from '@nestjs/common';
import { StageCommonModule } from '../stage-common.module.js';
import { DepositConsumer } from './deposit.consumer.js';

/** Stage 1: what users paid in, as the logs have it. */
@Module({ imports: [StageCommonModule], providers: [DepositConsumer], exports: [DepositConsumer] })
export class DepositModule {}
