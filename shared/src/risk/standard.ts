import { abs, clamp, floorDiv, max, min, mulUp, WAD } from './decimal.js';
import type { StandardParameters } from './parameters.js';
import type { Expiry, OptionPosition, Underlying } from './portfolio.js';
import { expiryMark, optionMark } from './valuation.js';

/** Closed forms: what isolated and cross margin ask of a perpetual and of the options of an expiry. Rounded up. */

/** A requirement, as a deduction from equity. */
export interface Requirement {
  readonly initial: bigint;
  readonly maintenance: bigint;
}

export const addRequirements = (a: Requirement, b: Requirement): Requirement => ({
  initial: a.initial + b.initial,
  maintenance: a.maintenance + b.maintenance,
});

/**
 * Requirement of a notional under size tiers: each tier's rate applies to the part of the notional within it, which is what a whole-size
 * rate less a continuous deduction comes to. Open interest scales the initial rates.
 */
export function perpetualRequirement(parameters: StandardParameters, underlying: Underlying): Requirement {
  if (underlying.perpetual === undefined) return { initial: 0n, maintenance: 0n };
  const notional = mulUp(abs(underlying.perpetual.size), underlying.perpetual.mark);
  const crowding = crowdingOf(parameters, underlying.name);
  let initial = 0n;
  let maintenance = 0n;
  parameters.perpetual.forEach((tier, index) => {
    const end = parameters.perpetual[index + 1]?.from;
    const part = max(0n, (end === undefined ? notional : min(notional, end)) - tier.from);
    initial += mulUp(part, min(WAD, tier.initial + mulUp(WAD - tier.initial, crowding)));
    maintenance += mulUp(part, tier.maintenance);
  });
  return { initial, maintenance };
}

/** How far open interest has gone from its lower to its upper bound, 0 … 1. */
function crowdingOf({ openInterest }: StandardParameters, name: string): bigint {
  const bounds = openInterest[name];
  if (bounds === undefined || bounds.upper <= bounds.lower) return 0n;
  return clamp(floorDiv((bounds.now - bounds.lower) * WAD, bounds.upper - bounds.lower), 0n, WAD);
}

/**
 * Requirement of one option by itself. A long option asks for its mark: it is worth nothing as margin and can lose no more. A short one
 * asks for a share of spot, less for being out of the money.
 */
export function optionRequirement(
  parameters: StandardParameters,
  underlying: Underlying,
  expiry: Expiry,
  option: OptionPosition,
): Requirement {
  const mark = optionMark(expiry, option);
  if (option.size >= 0n) return { initial: mark, maintenance: mark };
  const rates = parameters.option;
  const contracts = -option.size;
  const spot = underlying.spot;
  const outOfMoney = max(0n, option.kind === 'call' ? option.strike - spot : spot - option.strike);
  const share = max(rates.initialMax - floorDiv(outOfMoney * WAD, spot), rates.initialMin);
  const bySpot = mulUp(contracts, mulUp(rates.maintenance, spot));
  const maintenance = option.kind === 'put' ? max(bySpot, mulUp(rates.putMaintenanceOfMark, -mark)) : bySpot;
  return { initial: max(mulUp(contracts, mulUp(share, spot)), maintenance), maintenance };
}

/** The smallest payoff of an expiry's options over all settlement prices, rounded down; unbounded short calls are charged apart. */
function leastPayoff(expiry: Expiry): bigint {
  const points = [0n, ...expiry.options.map(({ strike }) => strike)];
  const payoff = (price: bigint): bigint =>
    expiry.options.reduce((sum, { kind, strike, size }) => sum + size * max(0n, kind === 'call' ? price - strike : strike - price), 0n);
  return floorDiv(
    points.map(payoff).reduce((a, b) => min(a, b), 0n),
    WAD,
  );
}

/** Requirement of an expiry under cross margin: the sum of its options by themselves, or its greatest loss if that is less. */
export function expiryRequirement(parameters: StandardParameters, underlying: Underlying, expiry: Expiry): Requirement {
  const alone = expiry.options
    .map((option) => optionRequirement(parameters, underlying, expiry, option))
    .reduce(addRequirements, { initial: 0n, maintenance: 0n });
  if (parameters.method === 'isolated') return alone;
  const netCalls = expiry.options.reduce((sum, { kind, size }) => (kind === 'call' ? sum + size : sum), 0n);
  const unpaired = mulUp(max(0n, -netCalls), expiry.forward);
  // A rate can make the mark less than the least payoff; a gain asks for nothing.
  const loss = max(0n, expiryMark(expiry) - leastPayoff(expiry));
  return {
    initial: min(alone.initial, loss + mulUp(unpaired, parameters.option.unpairedInitial)),
    maintenance: min(alone.maintenance, loss + mulUp(unpaired, parameters.option.unpairedMaintenance)),
  };
}

/** Requirement of everything on one underlying. */
export const underlyingRequirement = (parameters: StandardParameters, underlying: Underlying): Requirement =>
  underlying.expiries
    .map((expiry) => expiryRequirement(parameters, underlying, expiry))
    .reduce(addRequirements, perpetualRequirement(parameters, underlying));
