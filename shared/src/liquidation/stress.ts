import { z } from 'zod/v4';

/**
 * Price paths of recorded stress episodes, for replays. The record has the low and the close of each hour; a replay needs a price at every
 * step, a second underlying where the record has one only, and a volatility. Doubles: what a replay publishes is rounded once, by the publisher.
 */

const Point = z.tuple([z.int().min(0), z.number().positive(), z.number().positive()]).refine(([, low, close]) => low <= close, {
  error: ({ input }) => `is ${JSON.stringify(input)}; expected [hour, low, close] with low ≤ close`,
});
const Hours = z
  .array(Point)
  .min(2)
  .refine((points) => points.every(([hour], index) => index === 0 || hour > (points[index - 1]?.[0] ?? hour)), {
    error: 'hours are not in order; expected hours that ascend',
  });
/** One recorded episode: hourly [hour from start, low, close] per underlying. */
export const StressEpisode = z.object({
  id: z.string().min(1),
  name: z.string().min(1),
  startUtc: z.iso.datetime(),
  unit: z.string(),
  columns: z.tuple([z.literal('hoursFromStart'), z.literal('low'), z.literal('close')]),
  paths: z.object({ BTC: Hours, ETH: Hours.optional() }),
});
export type StressEpisode = z.infer<typeof StressEpisode>;
/** The file of recorded episodes. */
export const StressFile = z.object({ about: z.string(), episodes: z.array(StressEpisode).min(1) });

/** How what the record leaves open is filled in. */
export interface StressRules {
  /** log move of ETH per log move of BTC, where ETH is not recorded: its beta in the worst hours */
  readonly beta: number;
  /** price of ETH at the start, of that of BTC, where ETH is not recorded */
  readonly ethOfBtc: number;
  /** least implied volatility, per √year */
  readonly baseVolatility: number;
  /** implied over realised volatility */
  readonly volatilityPremium: number;
  /** decay of the exponentially weighted variance, per hour */
  readonly decay: number;
}
export const STRESS_RULES: StressRules = { beta: 1.2, ethOfBtc: 0.03, baseVolatility: 0.6, volatilityPremium: 1.3, decay: 0.94 };

export interface StressQuote {
  readonly price: number;
  /** implied, per √year */
  readonly volatility: number;
}
/** The market at one step of a replay. */
export interface StressStep {
  /** from the start of the episode */
  readonly seconds: number;
  readonly BTC: StressQuote;
  readonly ETH: StressQuote;
}

export const STEPS_PER_HOUR = 4;
const STEP_SECONDS = 3600 / STEPS_PER_HOUR;
const STEPS_PER_YEAR = (365 * 86_400) / STEP_SECONDS;

/**
 * Prices of an underlying: from the first recorded close on, each hour in four steps: previous close, half-way to the low, low, close. An hour the
 * record misses stays at the close before it: nothing is invented.
 */
export function hourSteps(hours: z.infer<typeof Hours>): number[] {
  const [first, ...rest] = hours;
  // The schema asks for two hours; a caller without it gets an empty path.
  if (first === undefined) return [];
  const prices = [first[2]];
  let [at, , previous] = first;
  for (const [hour, low, close] of rest) {
    for (let missed = at + 1; missed < hour; missed++) prices.push(previous, previous, previous, previous);
    prices.push(previous, (previous + low) / 2, low, close);
    previous = close;
    at = hour;
  }
  return prices;
}

/** Implied volatility at each step: max(base, premium · realised), realised by an exponentially weighted mean of squared log moves. */
export function impliedVolatilities(prices: readonly number[], rules: StressRules): number[] {
  const keep = rules.decay ** (1 / STEPS_PER_HOUR);
  let variance = rules.baseVolatility ** 2 / rules.volatilityPremium ** 2 / STEPS_PER_YEAR;
  return prices.map((price, index) => {
    const move = Math.log(price / (prices[index - 1] ?? price));
    if (index > 0) variance = keep * variance + (1 - keep) * move ** 2;
    return Math.max(rules.baseVolatility, rules.volatilityPremium * Math.sqrt(variance * STEPS_PER_YEAR));
  });
}

/**
 * The market at every step of an episode, 900 s apart, from the first recorded close on; ends with the shorter record. A path that is not recorded moves
 * by `beta` times the log move of BTC.
 */
export function stressSteps(episode: StressEpisode, rules: StressRules = STRESS_RULES): StressStep[] {
  const bitcoin = hourSteps(episode.paths.BTC);
  const [opening = 1] = bitcoin;
  const ether =
    episode.paths.ETH === undefined
      ? bitcoin.map((price) => opening * rules.ethOfBtc * (price / opening) ** rules.beta)
      : hourSteps(episode.paths.ETH);
  const [ofBitcoin, ofEther] = [impliedVolatilities(bitcoin, rules), impliedVolatilities(ether, rules)];
  const steps: StressStep[] = [];
  for (const [index, price] of bitcoin.entries()) {
    const [other, volatility, otherVolatility] = [ether[index], ofBitcoin[index], ofEther[index]];
    if (other === undefined || volatility === undefined || otherVolatility === undefined) break;
    steps.push({ seconds: index * STEP_SECONDS, BTC: { price, volatility }, ETH: { price: other, volatility: otherVolatility } });
  }
  return steps;
}
