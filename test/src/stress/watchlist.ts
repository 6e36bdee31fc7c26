import type { liquidation } from '@lockstep/shared';
import { UNDERLYINGS, type AccountPlan, type ExpiryName, type UnderlyingName } from './population.js';
import { expiriesFrom } from './prices.js';

/**
 * Which accounts to value again after prices moved. Equity and margins move at most so much per move of a price and of a volatility, so an
 * account that was far above maintenance margin need not be read from the chain for every small step. Traders here never add to positions, so
 * what they began with bounds what they hold.
 */
export interface Exposure {
  /** Σ |units| of positions and collateral */
  readonly units: Readonly<Record<UnderlyingName, number>>;
  /** Σ |units| · √years of options, at the start */
  readonly vega: Readonly<Record<UnderlyingName, number>>;
}

/** Health from which on nobody looks: no owner tops up above it, and nothing is liquidated below it but above maintenance margin. */
export const FAR = 2.5;
/** Equity moves by at most one unit of price per unit held; a worst scenario, priced at shocked prices, by as much again, and counts `FAR` times. */
const STRETCH = 1 + 2 * FAR;
/** Most that an option moves per unit of volatility: F√T/√(2π), with room for the smile's wings. */
const VEGA = 0.6;
const YEAR = 365 * 86_400;

export function exposureOf(plan: AccountPlan, equity: number, first: liquidation.StressStep, startsAt: number): Exposure {
  const expiries: Readonly<Record<ExpiryName, number>> = expiriesFrom(startsAt);
  const sum = (of: (name: UnderlyingName) => number): Record<UnderlyingName, number> => ({ BTC: of('BTC'), ETH: of('ETH') });
  const held = (name: UnderlyingName) => plan.positions.filter((position) => position.underlying === name);
  return {
    units: sum((name) => {
      const coins = plan.holdings.filter(({ asset }) => asset === (name === 'BTC' ? 'WBTC' : 'WETH'));
      const collateral = coins.reduce((total, { weight }) => total + Math.max(0, equity) * weight, 0);
      return (collateral + held(name).reduce((total, { notional }) => total + Math.abs(notional), 0)) / first[name].price;
    }),
    vega: sum((name) =>
      held(name).reduce((total, position) => {
        if (position.kind === 'perpetual') return total;
        const years = (expiries[position.expiry] - startsAt) / YEAR;
        return total + (Math.abs(position.notional) / first[name].price) * Math.sqrt(years);
      }, 0),
    ),
  };
}

/** Whether an account whose equity and maintenance margin were these at one step may be below `FAR` times its margin at another. */
export function mayBeNear(
  exposure: Exposure,
  known: { readonly equity: number; readonly margin: number },
  from: liquidation.StressStep,
  to: liquidation.StressStep,
): boolean {
  const moved = UNDERLYINGS.reduce((sum, name) => {
    const [before, now] = [from[name], to[name]];
    const price = exposure.units[name] * Math.abs(now.price - before.price);
    const volatility = exposure.vega[name] * VEGA * Math.max(now.price, before.price) * Math.abs(now.volatility - before.volatility);
    return sum + price + volatility;
  }, 0);
  return known.equity - FAR * known.margin - STRETCH * moved <= 0;
}

/** Health that makers and bidders keep easily; above it they are valued again once a price has moved by `NUDGE`. */
const AT_EASE = 3;
const NUDGE = 0.03;

/** The same of an account that trades, so that nothing bounds what it holds. */
export function mayBeUneasy(
  known: { readonly equity: number; readonly margin: number },
  from: liquidation.StressStep,
  to: liquidation.StressStep,
): boolean {
  if (known.equity < AT_EASE * known.margin) return true;
  return UNDERLYINGS.some((name) => Math.abs(to[name].price / from[name].price - 1) > NUDGE);
}
