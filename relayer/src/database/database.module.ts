import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { RELAYER_CONFIG } from '../config/config.module.js';
import type { RelayerConfig } from '../config/relayer-config.js';
import { dataSourceOptions, runMigrations } from './data-source.js';

/** The one connection pool. Migrations have run when it is handed out. Stages add their entities by `TypeOrmModule.forFeature`. */
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [RELAYER_CONFIG],
      useFactory: (config: RelayerConfig) => ({
        ...dataSourceOptions(config.database.url.reveal()),
        autoLoadEntities: true,
        retryAttempts: 3,
        retryDelay: 1_000,
      }),
      dataSourceFactory: async (options) => {
        if (!options) throw new Error('the database module was given no options');
        const dataSource = await new DataSource(options).initialize();
        await runMigrations(dataSource);
        return dataSource;
      },
    }),
  ],
  exports: [TypeOrmModule],
})
export class DatabaseModule {}
