/**
 * Prices to publish on local chains: a recorded or simulated path, played back as a pure function of time, so that every signer and every
 * restart sees the same price. Doubles throughout: what is published is rounded once, and nothing on chain depends on how it came about.
 */
export interface PricePath {
  /** Prices at equal steps, above 0, at least two. */
  readonly prices: readonly number[];
  /** Seconds that one step takes in play-back. */
  readonly stepSeconds: number;
  /** Seconds that one step stands for in the record: what its volatility is annualised by. */
  readonly recordedSeconds: number;
}

const YEAR_SECONDS = 365 * 86_400;
/** Decay of the exponentially weighted variance, per step. */
const DECAY = 0.94;
const LEAST_VOLATILITY = 0.1;
const MOST_VOLATILITY = 3;

/**
 * A geometric Brownian path without drift, from a seed.
 * @param volatility per √year
 */
export function simulatedPath(seed: number, start: number, volatility: number, steps: number, stepSeconds: number): PricePath {
  const next = uniform(seed);
  const deviation = volatility * Math.sqrt(stepSeconds / YEAR_SECONDS);
  const prices = [start];
  for (let i = 1; i <= steps; i++) {
    const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    prices.push((prices[i - 1] ?? start) * Math.exp(deviation * normal - deviation ** 2 / 2));
  }
  return { prices, stepSeconds, recordedSeconds: stepSeconds };
}

/**
 * Price at a time: interpolated geometrically; at the end the path is played backwards, then forwards again, so it never jumps.
 * @throws RangeError if the path has fewer than two prices, or one that is not above 0
 */
export function priceAt(path: PricePath, seconds: number): number {
  const { index, share } = place(path, seconds);
  const [from, to] = [at(path, index), at(path, index + 1)];
  return from * (to / from) ** share;
}

/** Volatility of the steps up to a time, exponentially weighted, per √year, within 10% and 300%; interpolated. */
export function volatilityAt(path: PricePath, seconds: number): number {
  const { index, share } = place(path, seconds);
  let variance = squaredMove(path, 0);
  let next = variance;
  for (let i = 0; i <= index; i++) {
    variance = next;
    next = DECAY * variance + (1 - DECAY) * squaredMove(path, i);
  }
  const annual = Math.sqrt(((1 - share) * variance + share * next) * (YEAR_SECONDS / path.recordedSeconds));
  return Math.min(MOST_VOLATILITY, Math.max(LEAST_VOLATILITY, annual));
}

function place({ prices, stepSeconds }: PricePath, seconds: number): { index: number; share: number } {
  const last = prices.length - 1;
  if (last < 1) throw new RangeError(`a path of ${prices.length} prices; expected at least 2`);
  const steps = (((seconds / stepSeconds) % (2 * last)) + 2 * last) % (2 * last);
  const position = steps <= last ? steps : 2 * last - steps;
  const index = Math.min(Math.floor(position), last - 1);
  return { index, share: position - index };
}

function at({ prices }: PricePath, index: number): number {
  const price = prices[index];
  if (price === undefined || !(price > 0)) throw new RangeError(`price ${index} of the path is ${price}; expected one above 0`);
  return price;
}

const squaredMove = (path: PricePath, index: number): number => Math.log(at(path, index + 1) / at(path, index)) ** 2;

/** A deterministic stream of numbers in [0, 1) (Mulberry32). */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
