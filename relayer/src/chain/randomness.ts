import { randomInt } from 'node:crypto';

/** Source of randomness: jitter, sampling. Never of keys. */
export interface Randomness {
  /** uniform in [0, bound), bound ≤ 2^48 */
  below(bound: number): number;
}

/** Token of the {@link Randomness}. */
export const RANDOMNESS = Symbol('RANDOMNESS');

export const systemRandomness: Randomness = { below: (bound) => randomInt(bound) };
