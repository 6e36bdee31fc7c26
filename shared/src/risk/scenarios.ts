import { abs, clamp, floorDiv, max, min, mulDown, q64ToWad, WAD, wadToQ64 } from './decimal.js';
import { exp, fromWad, ln, lnRatio, sqrt } from './math/fixed.js';
import type { PortfolioParameters, Scenario, SkewScenario } from './parameters.js';
import type { Collateral, Expiry, OptionPosition, Underlying } from './portfolio.js';
import { collateralValue, discountQ64, expiryMark, movedForward, optionSensitivities, optionValue, yearsQ64 } from './valuation.js';

/** Profit and loss of one underlying in each scenario of the grid. */

const DAYS_PER_YEAR = 365n;

/** base^power for wads > 0, rounded to Q64 steps. */
const power = (base: bigint, exponent: bigint): bigint => q64ToWad(exp((ln(fromWad(base)) * wadToQ64(exponent)) >> 64n));

/** Volatility of an option after the scenario's volatility shock. */
export function shockedVol(parameters: PortfolioParameters, expiry: Expiry, vol: bigint, shock: Scenario['vol']): bigint {
  if (shock === 'same') return vol;
  const { up, down, shortPower, longPower, referenceDays, floorDays, minVolUp } = parameters.volShock;
  const days = max(expiry.days, floorDays);
  const multiple = power(floorDiv(referenceDays * WAD, days), expiry.days <= referenceDays ? shortPower : longPower);
  switch (shock) {
    case 'up':
      return max(mulDown(vol, WAD + mulDown(up, multiple)), minVolUp);
    case 'down':
      return mulDown(vol, max(0n, WAD - mulDown(down, multiple)));
  }
}

/** Volatility of an option after a tilt of the smile. */
export function tiltedVol(parameters: PortfolioParameters, expiry: Expiry, option: OptionPosition, scenario: SkewScenario): bigint {
  const { minWidth, width, volStatic, volScale } = parameters.skew;
  const root = q64ToWad(sqrt(yearsQ64(expiry)));
  const cap = max(0n, scenario.capBase + mulDown(scenario.capSlope, root));
  const reach = max(minWidth, mulDown(mulDown(root, width), volStatic + mulDown(volScale, root)));
  const k = q64ToWad(lnRatio(option.strike, expiry.forward));
  const distance = scenario.shape === 'abs' ? abs(k) : k;
  const tilt = clamp(floorDiv(distance * cap, reach), -cap, cap) * BigInt(scenario.sign);
  return mulDown(option.vol, max(0n, WAD + tilt));
}

/** What margin multiplies an expiry's value by when it is a gain and when it is an obligation, Q64. */
export function discountFactors(parameters: PortfolioParameters, expiry: Expiry): { readonly gain: bigint; readonly obligation: bigint } {
  const d = parameters.discount;
  const years = yearsQ64(expiry);
  const rate = max(0n, expiry.rate);
  const grow = (multiple: bigint, add: bigint): bigint => (wadToQ64(mulDown(rate, multiple) + add) * years) >> 64n;
  const factor = (wadToQ64(d.short) * exp(grow(d.shortRateMultiple, d.shortRateAdd))) >> 64n;
  // A bound the method sets: no more than the undiscounted payout, but never less than the value itself.
  const undiscounted = (1n << 128n) / discountQ64(expiry);
  return {
    gain: (wadToQ64(d.long) * exp(-grow(d.longRateMultiple, d.longRateAdd))) >> 64n,
    obligation: max(1n << 64n, min(factor, undiscounted)),
  };
}

/** An expiry's value as margin counts it: gains are discounted further, obligations less. Rounded down. */
export function discountedValue(parameters: PortfolioParameters, expiry: Expiry, value: bigint): bigint {
  const { gain, obligation } = discountFactors(parameters, expiry);
  return (value * (value >= 0n ? gain : obligation)) >> 64n;
}

/** P&L of an expiry when what is not averaged of its forward moves by a factor 1 + move and each option has the given volatility. */
function expiryProfit(parameters: PortfolioParameters, expiry: Expiry, move: bigint, vol: (option: OptionPosition) => bigint): bigint {
  const forward = movedForward(expiry, move);
  const value = expiry.options.reduce((sum, option) => sum + optionValue(expiry, option, forward, vol(option)), 0n);
  return discountedValue(parameters, expiry, value) - expiryMark(expiry);
}

/** P&L of the perpetual and of collateral that follows this underlying. */
function linearProfit(underlying: Underlying, collateral: readonly Collateral[], move: bigint): bigint {
  const perpetual = underlying.perpetual === undefined ? 0n : mulDown(mulDown(underlying.perpetual.size, underlying.perpetual.mark), move);
  return collateral.reduce((sum, item) => sum + mulDown(collateralValue(item), move), perpetual);
}

/** Everything the grid says about one underlying. */
export interface UnderlyingRisk {
  readonly name: string;
  /** Weighted P&L, in the order of `scenarios` then `skewScenarios`. */
  readonly profits: readonly bigint[];
  /** Sum over expiries of the basis charge, ≤ 0. */
  readonly basis: bigint;
  /** Greatest loss over scenarios, basis and minimum delta, ≥ 0. */
  readonly loss: bigint;
}

/** Values one underlying in every scenario. */
export function underlyingRisk(
  parameters: PortfolioParameters,
  underlying: Underlying,
  collateral: readonly Collateral[],
  delta: bigint,
): UnderlyingRisk {
  const followers = collateral.filter((item) => item.underlying === underlying.name);
  const core = parameters.scenarios.map(({ spot, vol, weight }) => {
    const options = underlying.expiries.reduce(
      (sum, expiry) => sum + expiryProfit(parameters, expiry, spot, (option) => shockedVol(parameters, expiry, option.vol, vol)),
      0n,
    );
    return mulDown(linearProfit(underlying, followers, spot) + options, weight);
  });
  const skew = parameters.skewScenarios.map((scenario) => {
    const profits = underlying.expiries.map((expiry) => {
      const profit = expiryProfit(parameters, expiry, 0n, (option) => tiltedVol(parameters, expiry, option, scenario));
      return scenario.absolute ? -abs(profit) : profit;
    });
    return mulDown(
      profits.reduce((sum, profit) => sum + profit, 0n),
      scenario.weight,
    );
  });
  const profits = [...core, ...skew];
  const basis = underlying.expiries.reduce((sum, expiry) => sum + basisCharge(parameters, expiry), 0n);
  const worst = profits.reduce((a, b) => min(a, b), min(0n, basis));
  return { name: underlying.name, profits, basis, loss: max(-worst, deltaFloor(parameters, underlying, delta)) };
}

function basisCharge(parameters: PortfolioParameters, expiry: Expiry): bigint {
  const { basis } = parameters;
  if (basis === null) return 0n;
  const profit = (move: bigint): bigint => expiryProfit(parameters, expiry, move, (option) => option.vol);
  const years = floorDiv(expiry.days, DAYS_PER_YEAR);
  return mulDown(min(0n, min(profit(basis.up), profit(basis.down))), min(basis.cap, basis.add + mulDown(basis.multiple, years)));
}

/** The loss a method assumes at least, from net and hedged delta. */
function deltaFloor({ minDelta }: PortfolioParameters, underlying: Underlying, delta: bigint): bigint {
  if (minDelta === null) return 0n;
  const perpetual = abs(underlying.perpetual?.size ?? 0n);
  const gross = underlying.expiries.reduce(
    (sum, expiry) => sum + expiry.options.reduce((inner, option) => inner + abs(optionSensitivities(expiry, option).delta), 0n),
    perpetual,
  );
  const hedged = max(0n, gross - abs(delta)) / 2n;
  return mulDown(underlying.spot, mulDown(minDelta.net, abs(delta)) + mulDown(minDelta.hedged, hedged));
}
