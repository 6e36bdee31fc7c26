/** Value at Risk and Expected Shortfall of a series of P&L: historical, and filtered by today's volatility. Losses are positive. */

export interface Tail {
  /** The loss that a share of 1 − level of the days reaches: the ⌈n(1 − level)⌉-th largest. */
  readonly valueAtRisk: number;
  /** Mean of the worst n(1 − level) days, the last of them in part. Never below valueAtRisk. */
  readonly expectedShortfall: number;
}

/** How volatility follows the series. Variance of the next day from that of today and today's P&L. */
export type Filter =
  | { readonly kind: 'ewma'; readonly lambda: number }
  /** GARCH(1,1) around the mean square of the seed: v' = (1 − alpha − beta)·mean + alpha·x² + beta·v. */
  | { readonly kind: 'garch'; readonly alpha: number; readonly beta: number };

/** RiskMetrics-like decay that passes coverage on daily index and crypto data where 0.94 does not. */
export const DEFAULT_FILTER: Filter = { kind: 'ewma', lambda: 0.97 };

function checkLevel(level: number): number {
  if (!(level > 0.5 && level < 1)) throw new RangeError(`level is ${level}; expected above 0.5 and below 1, such as 0.99`);
  return 1 - level;
}

/**
 * Tail of a series as it is.
 * @param profits P&L by day, any order
 * @throws RangeError for an empty series or a level outside (0.5, 1)
 */
export function historicalTail(profits: ArrayLike<number>, level: number): Tail {
  const share = checkLevel(level);
  if (profits.length === 0) throw new RangeError('the series is empty; expected at least one day');
  const losses = Float64Array.from(profits, (profit) => -profit)
    .sort()
    .reverse();
  // 500 · (1 − 0.99) is a little above 5 in doubles and means 5.
  const product = losses.length * share;
  const days = Math.abs(product - Math.round(product)) < 1e-9 ? Math.round(product) : product;
  const count = Math.max(1, Math.ceil(days));
  const valueAtRisk = losses[count - 1] ?? 0;
  let sum = 0;
  for (let i = 0; i < count - 1; i++) sum += losses[i] ?? 0;
  return {
    valueAtRisk,
    expectedShortfall: days > 0 ? Math.max(valueAtRisk, (sum + (days - count + 1) * valueAtRisk) / days) : valueAtRisk,
  };
}

/**
 * Volatility forecast for each day from the days before it, and one for the day after the last: length n + 1.
 * @param seed how many of the first days set the starting variance; their own forecasts look ahead and should not be tested
 */
export function volatilities(profits: ArrayLike<number>, filter: Filter, seed: number): Float64Array {
  const used = Math.max(1, Math.min(seed, profits.length));
  let mean = 0;
  for (let i = 0; i < used; i++) mean += (profits[i] ?? 0) ** 2 / used;
  const out = new Float64Array(profits.length + 1);
  let variance = mean;
  for (let day = 0; day < profits.length; day++) {
    out[day] = Math.sqrt(variance);
    const square = (profits[day] ?? 0) ** 2;
    switch (filter.kind) {
      case 'ewma':
        variance = filter.lambda * variance + (1 - filter.lambda) * square;
        break;
      case 'garch':
        variance = (1 - filter.alpha - filter.beta) * mean + filter.alpha * square + filter.beta * variance;
        break;
    }
  }
  out[profits.length] = Math.sqrt(variance);
  return out;
}

/** P&L of the last `window` days before `day`, each scaled from its own day's volatility to that of `day`. */
function scaled(profits: ArrayLike<number>, forecasts: Float64Array, day: number, window: number): Float64Array {
  const first = Math.max(0, day - window);
  return Float64Array.from({ length: day - first }, (_, i) => {
    const then = forecasts[first + i] ?? 0;
    return then > 0 ? ((profits[first + i] ?? 0) / then) * (forecasts[day] ?? 0) : 0;
  });
}

/** Tail of tomorrow by filtered historical simulation: standardised P&L of the last `window` days, at tomorrow's volatility. */
export function filteredTail(profits: ArrayLike<number>, level: number, filter: Filter = DEFAULT_FILTER, window = 500): Tail {
  return historicalTail(scaled(profits, volatilities(profits, filter, window), profits.length, window), level);
}

/**
 * Days on which the loss was beyond the Value at Risk forecast from the `window` days before; the first forecast day is `window`.
 * @param filter null for plain historical simulation
 * @throws RangeError unless there are more days than the window
 */
export function exceptionsOf(profits: ArrayLike<number>, level: number, filter: Filter | null, window: number): boolean[] {
  if (profits.length <= window) throw new RangeError(`${profits.length} days; expected more than the window of ${window}`);
  const forecasts = filter === null ? new Float64Array(profits.length + 1).fill(1) : volatilities(profits, filter, window);
  return Array.from({ length: profits.length - window }, (_, i) => {
    const day = window + i;
    return -(profits[day] ?? 0) > historicalTail(scaled(profits, forecasts, day, window), level).valueAtRisk;
  });
}
