import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TypeOrmHealthIndicator, type HealthCheckResult } from '@nestjs/terminus';
import { LoopsHealth } from './loops.health.js';

/** Liveness and readiness, for whoever runs the process. */
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly database: TypeOrmHealthIndicator,
    private readonly loops: LoopsHealth,
  ) {}

  /** Alive: every loop beats. A restart helps if it does not. */
  @Get('health')
  @HealthCheck()
  alive(): Promise<HealthCheckResult> {
    return this.health.check([() => this.loops.beating('loops')]);
  }

  /** Ready: the database answers, no loop fails. A restart would not help. */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.database.pingCheck('database', { timeout: 2_000 }), () => this.loops.succeeding('loops')]);
  }
}
