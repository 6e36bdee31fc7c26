import { Module } from '@nestjs/common';
import { ExchangeModule } from '../stages/exchange/exchange.module.js';
import { StageCommonModule } from '../stages/stage-common.module.js';
import { BrakeReader } from './brake.reader.js';
import { Calls } from './calls.js';
import { CarriageQueries } from './carriage.queries.js';
import { ChainNames } from './chain-names.js';
import { ChangeFeed } from './change-feed.js';
import { DepositsController } from './deposits.controller.js';
import { DepositQueries } from './deposits.queries.js';
import { EventsController } from './events.controller.js';
import { LiquidationFiguresQueries } from './liquidation-figures.queries.js';
import { LiquidationFacts } from './liquidation-facts.js';
import { LiquidationsController } from './liquidations.controller.js';
import { LiquidationQueries } from './liquidations.queries.js';
import { NetworkController } from './network.controller.js';
import { NetworkQueries } from './network.queries.js';
import { OnChain } from './on-chain.js';
import { OrderQueries } from './orders.queries.js';
import { OrdersController } from './orders.controller.js';
import { PricesController } from './prices.controller.js';
import { PriceQueries } from './prices.queries.js';
import { Presenter } from './presenter.js';
import { RequestQueries } from './requests.queries.js';
import { WithdrawalFacts } from './withdrawal-facts.js';
import { WithdrawalsController } from './withdrawals.controller.js';
import { WithdrawalQueries } from './withdrawals.queries.js';

/** The public REST interface: reads from the tables the stages write; signed orders are all that comes in. */
@Module({
  imports: [StageCommonModule, ExchangeModule],
  controllers: [
    DepositsController,
    WithdrawalsController,
    LiquidationsController,
    NetworkController,
    EventsController,
    OrdersController,
    PricesController,
  ],
  providers: [
    ChainNames,
    DepositQueries,
    NetworkQueries,
    CarriageQueries,
    OnChain,
    BrakeReader,
    Calls,
    Presenter,
    WithdrawalFacts,
    WithdrawalQueries,
    RequestQueries,
    ChangeFeed,
    OrderQueries,
    PriceQueries,
    LiquidationFacts,
    LiquidationQueries,
    LiquidationFiguresQueries,
  ],
})
export class ApiModule {}
