import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { Logger } from 'nestjs-pino';
import { serveOpenApi } from './api/openapi.js';
import { AppModule } from './app.module.js';
import { errorFields } from './chain/error-fields.js';
import { ConfigError, loadConfig } from './config/load.js';
import { readLive } from './config/live-network.js';

/** Starts the process and serves until SIGTERM or SIGINT. Exit code 78 (EX_CONFIG): it refused its configuration. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const live = readLive(config.liveDir);
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(config, live), { bufferLogs: true, abortOnError: false });
  app.useLogger(app.get(Logger));
  app.use(helmet());
  if (config.roles.includes('api')) serveOpenApi(app);
  app.enableShutdownHooks(['SIGTERM', 'SIGINT']);
  await app.listen(config.api.port, config.api.host);
  app.get(Logger).log({
    event: 'relayer.up',
    network: config.network,
    roles: config.roles,
    chains: config.chains.map(({ chain }) => chain),
    url: await app.getUrl(),
  });
}

const EX_CONFIG = 78;

main().catch((error: unknown) => {
  const { name, message, stack } = errorFields(error);
  process.stderr.write(error instanceof ConfigError ? `${error.message}\n` : `${name}: ${message}\n${stack}\n`);
  process.exit(error instanceof ConfigError ? EX_CONFIG : 1);
});
