import { Module } from '@nestjs/common';
import { StageCommonModule } from '../stages/stage-common.module.js';
import { ChainNames } from './chain-names.js';
import { DepositsController } from './deposits.controller.js';
import { DepositQueries } from './deposits.queries.js';
import { NetworkController } from './network.controller.js';
import { NetworkQueries } from './network.queries.js';

/** The public REST interface: reads only, from the tables the stages write. */
@Module({
  imports: [StageCommonModule],
  controllers: [DepositsController, NetworkController],
  providers: [ChainNames, DepositQueries, NetworkQueries],
})
export class ApiModule {}
