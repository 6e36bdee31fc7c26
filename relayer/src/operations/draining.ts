import { Injectable, type BeforeApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';

/** Whether the process was told to end. Readiness says so at once, while the loops still finish their steps. */
@Injectable()
export class Draining implements OnModuleDestroy, BeforeApplicationShutdown {
  #draining = false;

  get isDraining(): boolean {
    return this.#draining;
  }

  onModuleDestroy(): void {
    this.#draining = true;
  }

  beforeApplicationShutdown(): void {
    this.#draining = true;
  }
}
