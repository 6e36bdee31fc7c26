import { floatPrice, type FloatTerms } from '../math/float.js';
import type { Expiry, OptionPosition, Portfolio, Underlying } from '../portfolio.js';
import { toFloat } from '../scan/sheet.js';
import { christoffersen, kupiec, type TestResult } from './backtest.js';
import { DEFAULT_FILTER, exceptionsOf, filteredTail, type Filter, historicalTail, type Tail } from './tail.js';

/** One model's figures for tomorrow, and how it did on the days it could be tested on. */
export interface ModelFigures {
  readonly model: 'historical' | 'filtered historical';
  readonly tail: Tail;
  readonly tested: number;
  readonly exceptions: number;
  readonly coverage: TestResult;
  readonly independence: TestResult;
  readonly conditional: TestResult;
}

/** Reported figures of an account over a history of prices; they decide nothing. */
export interface TailFigures {
  readonly level: number;
  readonly days: number;
  readonly window: number;
  readonly models: readonly ModelFigures[];
}

const DAYS_PER_YEAR = 365;

function termsOf(expiry: Expiry, { strike, vol, kind }: OptionPosition): FloatTerms {
  const years = toFloat(expiry.days) / DAYS_PER_YEAR;
  return {
    forward: toFloat(expiry.forward),
    strike: toFloat(strike),
    sigma: toFloat(vol),
    years,
    discount: Math.exp(-toFloat(expiry.rate) * years),
    isCall: kind === 'call',
  };
}

/** P&L of everything on one underlying when it and its forwards move by `move`; volatility and time stay. */
function profitOf(underlying: Underlying, portfolio: Portfolio): (move: number) => number {
  const perpetual = underlying.perpetual === undefined ? 0 : toFloat(underlying.perpetual.size) * toFloat(underlying.perpetual.mark);
  const linear = portfolio.collateral
    .filter((item) => item.underlying === underlying.name)
    .reduce((sum, { amount, price }) => sum + toFloat(amount) * toFloat(price), perpetual);
  const options = underlying.expiries.flatMap((expiry) =>
    expiry.options.map((option) => {
      const terms = termsOf(expiry, option);
      return { terms, size: toFloat(option.size), mark: floatPrice(terms), moving: 1 - toFloat(expiry.averaged) };
    }),
  );
  return (move) =>
    options.reduce(
      (sum, { terms, size, mark, moving }) => sum + size * (floatPrice({ ...terms, forward: terms.forward * (1 + move * moving) }) - mark),
      linear * move,
    );
}

/** What each past day's moves would do to the account as it is today. */
export function hypotheticalProfits(portfolio: Portfolio, moves: ReadonlyMap<string, Float64Array>): Float64Array {
  const days = Math.max(0, ...[...moves.values()].map(({ length }) => length));
  const out = new Float64Array(days);
  for (const underlying of portfolio.underlyings) {
    const profit = profitOf(underlying, portfolio);
    moves.get(underlying.name)?.forEach((move, day) => {
      out[day] = (out[day] ?? 0) + profit(move);
    });
  }
  return out;
}

function figuresOf(profits: Float64Array, level: number, window: number, filter: Filter | null): ModelFigures {
  const exceptions = exceptionsOf(profits, level, filter, window);
  const count = exceptions.filter(Boolean).length;
  return {
    model: filter === null ? 'historical' : 'filtered historical',
    tail: filter === null ? historicalTail(profits.slice(-window), level) : filteredTail(profits, level, filter, window),
    tested: exceptions.length,
    exceptions: count,
    coverage: kupiec(exceptions.length, count, 1 - level),
    ...christoffersen(exceptions, 1 - level),
  };
}

/**
 * One-day Value at Risk and Expected Shortfall of an account by revaluing it on every past day, with backtests of both models.
 * @param profits from `hypotheticalProfits`; the window is 500 days, or half of them when there are fewer than 1,000
 */
export function tailFigures(profits: Float64Array, level = 0.99, filter: Filter = DEFAULT_FILTER): TailFigures {
  const window = Math.min(500, Math.floor(profits.length / 2));
  return { level, days: profits.length, window, models: [null, filter].map((one) => figuresOf(profits, level, window, one)) };
}
