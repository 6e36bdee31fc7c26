/** Wall clock of this process. Chain rules use block time, never this. */
export interface Clock {
  /** now, milliseconds since the epoch */
  now(): number;
}

/** Token of the {@link Clock}. */
export const CLOCK = Symbol('CLOCK');

export const systemClock: Clock = { now: () => Date.now() };
