import { Module } from '@nestjs/common';
import { StageCommonModule } from '../stages/stage-common.module.js';
import { Calls } from './calls.js';
import { CarriageQueries } from './carriage.queries.js';
import { ChainNames } from './chain-names.js';
import { ChangeFeed } from './change-feed.js';
import { DepositsController } from './deposits.controller.js';
import { DepositQueries } from './deposits.queries.js';
import { EventsController } from './events.controller.js';
import { NetworkController } from './network.controller.js';
import { NetworkQueries } from './network.queries.js';
import { OnChain } from './on-chain.js';
import { Presenter } from './presenter.js';
import { RequestQueries } from './requests.queries.js';
import { WithdrawalFacts } from './withdrawal-facts.js';
import { WithdrawalsController } from './withdrawals.controller.js';
import { WithdrawalQueries } from './withdrawals.queries.js';

/** The public REST interface: reads only, from the tables the stages write. */
@Module({
  imports: [StageCommonModule],
  controllers: [DepositsController, WithdrawalsController, NetworkController, EventsController],
  providers: [
    ChainNames,
    DepositQueries,
    NetworkQueries,
    CarriageQueries,
    OnChain,
    Calls,
    Presenter,
    WithdrawalFacts,
    WithdrawalQueries,
    RequestQueries,
    ChangeFeed,
  ],
})
export class ApiModule {}
