import { Module, type DynamicModule } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { LoggerModule } from 'nestjs-pino';
import { ApiModule } from './api/api.module.js';
import { ChainModule } from './chain/chain.module.js';
import { errorFields } from './chain/error-fields.js';
import { ConfigModule } from './config/config.module.js';
import type { LiveNetwork } from './config/live-network.js';
import type { RelayerConfig } from './config/relayer-config.js';
import { DatabaseModule } from './database/database.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { SenderModule } from './sender/sender.module.js';
import { StagesModule } from './stages/stages.module.js';

/** One relayer process with the roles its configuration gives it. */
@Module({})
export class AppModule {
  static forRoot(config: RelayerConfig, live: LiveNetwork): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config, live),
        LoggerModule.forRoot({
          pinoHttp: {
            level: config.log.level,
            autoLogging: false,
            quietReqLogger: true,
            serializers: { err: errorFields },
            // Bigints are logged as text: JSON has none.
            formatters: { log: (fields) => withTextBigints(fields) },
          },
        }),
        ScheduleModule.forRoot(),
        DatabaseModule,
        ChainModule,
        SenderModule,
        StagesModule,
        OperationsModule,
        ...(config.roles.includes('api') ? [ApiModule] : []),
      ],
    };
  }
}

function withTextBigints(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value]));
}
