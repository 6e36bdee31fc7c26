import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TypeOrmHealthIndicator, type HealthCheckResult } from '@nestjs/terminus';
import { ChainsHealth } from './chains.health.js';
import { Draining } from './draining.js';
import { LoopsHealth } from './loops.health.js';
import { LossesHealth } from './losses.health.js';
import { ReleasesHealth } from './releases.health.js';

/** Liveness and readiness, for whoever runs the process. */
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly database: TypeOrmHealthIndicator,
    private readonly loops: LoopsHealth,
    private readonly chains: ChainsHealth,
    private readonly releases: ReleasesHealth,
    private readonly losses: LossesHealth,
    private readonly draining: Draining,
  ) {}

  /**
   * Alive: every loop beats. A restart helps if it does not. Also whether payouts are late (`releases.state`) and whether losses stand that nobody
   * has covered (`losses.state`), which no restart helps.
   */
  @Get('health')
  @HealthCheck()
  alive(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.loops.beating('loops'),
      () => this.releases.paying('releases'),
      () => this.losses.covered('losses'),
    ]);
  }

  /** Ready: the database answers, no loop fails, no chain is halted, and the process is not ending. A restart would not help. */
  @Get('ready')
  @HealthCheck()
  async ready(): Promise<HealthCheckResult> {
    if (this.draining.isDraining) throw new ServiceUnavailableException('the process is ending');
    return this.health.check([
      () => this.database.pingCheck('database', { timeout: 2_000 }),
      () => this.loops.succeeding('loops'),
      () => this.chains.following('chains'),
    ]);
  }
}
