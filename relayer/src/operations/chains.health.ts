import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { Followers } from '../chain/followers.js';

/** Health of the followed chains. */
@Injectable()
export class ChainsHealth {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly followers: Followers,
  ) {}

  /** Down while a chain is halted: an operator has to look. */
  following<Key extends string>(key: Key): HealthIndicatorResult<Key> {
    const halted = this.followers.status().filter(({ haltedBecause }) => haltedBecause !== null);
    const indicator = this.indicators.check(key);
    return halted.length === 0
      ? indicator.up({ count: this.followers.status().length })
      : indicator.down(Object.fromEntries(halted.map(({ chain, haltedBecause }) => [chain, `halted: ${haltedBecause ?? ''}`])));
  }
}
