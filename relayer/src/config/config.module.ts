import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { LiveNetwork } from './live-network.js';
import type { RelayerConfig } from './relayer-config.js';

/** Token of the parsed {@link RelayerConfig}. */
export const RELAYER_CONFIG = Symbol('RELAYER_CONFIG');
/** Token of the {@link LiveNetwork} the configuration names. */
export const LIVE_NETWORK = Symbol('LIVE_NETWORK');

/** Hands the configuration and the live files, each parsed once, to whoever asks. */
@Global()
@Module({})
export class ConfigModule {
  static forRoot(config: RelayerConfig, live: LiveNetwork): DynamicModule {
    return {
      module: ConfigModule,
      providers: [
        { provide: RELAYER_CONFIG, useValue: config },
        { provide: LIVE_NETWORK, useValue: live },
      ],
      exports: [RELAYER_CONFIG, LIVE_NETWORK],
    };
  }
}
