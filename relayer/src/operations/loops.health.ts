import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { CLOCK, type Clock } from '../chain/clock.js';
import { Loops, type LoopBeat } from '../chain/loops.js';

/** A loop that has not beaten for this long is stuck, whatever its period. */
const STUCK_AFTER_MS = 60_000;
/** So many failures in a row are no hiccup. */
const FAILING_AFTER = 3;

/** Health of the process's loops. */
@Injectable()
export class LoopsHealth {
  readonly #startedAt: number;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly loops: Loops,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#startedAt = clock.now();
  }

  /** Down if a loop is stuck. */
  beating<Key extends string>(key: Key): HealthIndicatorResult<Key> {
    return this.#report(key, (beat) => {
      const silentMs = this.clock.now() - (beat.lastBeatAt ?? this.#startedAt);
      return silentMs > STUCK_AFTER_MS + beat.everyMs * 2 ? `no beat for ${Math.round(silentMs / 1_000)} s` : null;
    });
  }

  /** Down if a loop fails again and again. */
  succeeding<Key extends string>(key: Key): HealthIndicatorResult<Key> {
    return this.#report(key, (beat) =>
      beat.failuresInARow >= FAILING_AFTER ? `${beat.failuresInARow} failures in a row: ${beat.lastError ?? ''}` : null,
    );
  }

  #report<Key extends string>(key: Key, judge: (beat: LoopBeat) => string | null): HealthIndicatorResult<Key> {
    const bad = this.loops.beats().flatMap((beat) => {
      const problem = judge(beat);
      return problem === null ? [] : [[beat.name, problem]];
    });
    const indicator = this.indicators.check(key);
    return bad.length === 0 ? indicator.up({ count: this.loops.beats().length }) : indicator.down(Object.fromEntries(bad));
  }
}
