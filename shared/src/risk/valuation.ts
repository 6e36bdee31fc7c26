import { abs, floorDiv, max, mulDown, q64ToWad, WAD, wadToQ64 } from './decimal.js';
import { greeks as optionGreeks, price as optionPrice } from './math/black76.js';
import { exp } from './math/fixed.js';
import type { Collateral, Expiry, OptionPosition, Portfolio, Underlying } from './portfolio.js';

/** Marks and sensitivities, the same for every method. Money in wads of settlement cash; every rounding is against the account. */

/** Sensitivities of a position or a sum of them, wads. */
export interface Sensitivities {
  /** Units of the underlying. */
  readonly delta: bigint;
  /** Change of delta, in units, for a relative move of the underlying of 1. */
  readonly gamma: bigint;
  /** Cash per volatility of 1. */
  readonly vega: bigint;
  /** Cash per year of time passing. */
  readonly theta: bigint;
  /** Cash per rate of 1. */
  readonly rho: bigint;
}

export const NO_SENSITIVITY: Sensitivities = { delta: 0n, gamma: 0n, vega: 0n, theta: 0n, rho: 0n };
export const addSensitivities = (a: Sensitivities, b: Sensitivities): Sensitivities => ({
  delta: a.delta + b.delta,
  gamma: a.gamma + b.gamma,
  vega: a.vega + b.vega,
  theta: a.theta + b.theta,
  rho: a.rho + b.rho,
});

/** Years to expiry, Q64. */
export const yearsQ64 = (expiry: Expiry): bigint => floorDiv(expiry.days << 64n, 365n * WAD);
/** Present value of 1 at expiry, Q64. */
export const discountQ64 = (expiry: Expiry): bigint => exp(-((wadToQ64(expiry.rate) * yearsQ64(expiry)) >> 64n));

/** Forward of an expiry after a relative move of the market: what is averaged already stands. Rounded down. */
export const movedForward = ({ forward, averaged }: Expiry, move: bigint): bigint => mulDown(forward, WAD + mulDown(move, WAD - averaged));

/** Value of `option.size` contracts at a forward and volatility (wads), rounded down. */
export function optionValue(expiry: Expiry, option: OptionPosition, forward: bigint, vol: bigint): bigint {
  if (option.size === 0n) return 0n;
  const value = optionPrice({
    forward,
    strike: option.strike,
    sigma: wadToQ64(vol),
    time: yearsQ64(expiry),
    discount: discountQ64(expiry),
    isCall: option.kind === 'call',
  });
  return mulDown(option.size, value);
}

/** Marked value of one option position. */
export const optionMark = (expiry: Expiry, option: OptionPosition): bigint => optionValue(expiry, option, expiry.forward, option.vol);
/** Marked value of all options of an expiry. */
export const expiryMark = (expiry: Expiry): bigint => expiry.options.reduce((sum, option) => sum + optionMark(expiry, option), 0n);

/** Sensitivities of one option position. */
export function optionSensitivities(expiry: Expiry, option: OptionPosition): Sensitivities {
  const g = optionGreeks({
    forward: expiry.forward,
    strike: option.strike,
    sigma: wadToQ64(option.vol),
    time: yearsQ64(expiry),
    discount: discountQ64(expiry),
    isCall: option.kind === 'call',
  });
  const sized = (value: bigint): bigint => mulDown(option.size, value);
  return {
    delta: sized(q64ToWad(g.delta)),
    gamma: sized(q64ToWad(g.gamma)),
    vega: sized(g.vega),
    theta: sized(g.theta),
    rho: sized(g.rho),
  };
}

/** Sensitivities of everything on one underlying. */
export function underlyingSensitivities(underlying: Underlying): Sensitivities {
  const perpetual = { ...NO_SENSITIVITY, delta: underlying.perpetual?.size ?? 0n };
  return underlying.expiries
    .flatMap((expiry) => expiry.options.map((option) => optionSensitivities(expiry, option)))
    .reduce(addSensitivities, perpetual);
}

/** Profit of the perpetual since it was entered. */
export const perpetualProfit = ({ perpetual }: Underlying): bigint =>
  perpetual === undefined ? 0n : mulDown(perpetual.size, perpetual.mark - perpetual.entry);

export const collateralValue = (collateral: Collateral): bigint => mulDown(collateral.amount, collateral.price);

/** What the account is worth before any haircut, and how much of it is gains not realised: of perpetuals and of options, each netted. */
export function equityOf(portfolio: Portfolio): { equity: bigint; gains: bigint } {
  const profits = portfolio.underlyings.map(perpetualProfit);
  const marks = portfolio.underlyings.flatMap((underlying) => underlying.expiries.map(expiryMark));
  const sum = (values: bigint[]): bigint => values.reduce((a, b) => a + b, 0n);
  return {
    equity: portfolio.cash + sum(portfolio.collateral.map(collateralValue)) + sum(profits) + sum(marks),
    gains: max(0n, sum(profits)) + max(0n, sum(marks)),
  };
}

/** Net short options over all strikes of an expiry: calls and puts of one strike net first. */
export function nakedShorts(expiry: Expiry): bigint {
  const net = new Map<bigint, bigint>();
  for (const { strike, size } of expiry.options) net.set(strike, (net.get(strike) ?? 0n) + size);
  return [...net.values()].reduce((sum, size) => sum + max(0n, -size), 0n);
}

/** |net number of options| of an expiry. */
export const netOptions = (expiry: Expiry): bigint => abs(expiry.options.reduce((sum, { size }) => sum + size, 0n));
