import { floorDiv, max, min, mulUp, WAD } from './decimal.js';
import type { Haircut, Parameters } from './parameters.js';
import type { Collateral, Portfolio } from './portfolio.js';
import type { Requirement } from './standard.js';
import { collateralValue } from './valuation.js';

/** What collateral does not count for: by asset, by how much of it there is, by the chain that holds it and the state of that chain. */

/** Marginal by value: each tier's rates apply to the part of the value within it. Wads, rounded up. */
function tiered(tiers: Haircut, value: bigint): Requirement {
  let initial = 0n;
  let maintenance = 0n;
  tiers.forEach((tier, index) => {
    const end = tiers[index + 1]?.from;
    const part = max(0n, (end === undefined ? value : min(value, end)) - tier.from);
    maintenance += mulUp(part, min(WAD, tier.maintenance));
    initial += mulUp(part, min(WAD, tier.maintenance + tier.initialExtra));
  });
  return { initial: min(value, initial), maintenance: min(value, maintenance) };
}

/** Rates that the holding chain and its state add: the state's maintenance rate by its ramp, its initial rate at once. */
export function chainRates({ chains: rules }: Parameters, { chains }: Portfolio, { chain }: Collateral): Requirement {
  if (rules === undefined || chain === undefined) return { initial: 0n, maintenance: 0n };
  const own = rules.add[chain] ?? rules.add['*'] ?? { maintenance: 0n, initialExtra: 0n };
  const status = chains[chain];
  const state = status === undefined || status.state === 'healthy' ? { maintenance: 0n, initialExtra: 0n } : rules.states[status.state];
  const maintenance = min(WAD, own.maintenance + mulUp(state.maintenance, status?.ramp ?? 0n));
  return { maintenance, initial: min(WAD, maintenance + own.initialExtra + state.initialExtra) };
}

/**
 * Haircuts of the account's collateral. The chain's rates apply to what the asset's own haircut leaves, so together they never exceed the
 * value and the order of the list does not matter.
 * @throws RangeError if an asset has no haircut in the parameter set
 */
export function haircutsOf(portfolio: Portfolio, parameters: Parameters): Requirement {
  const byAsset = new Map<string, Collateral[]>();
  for (const item of portfolio.collateral) byAsset.set(item.asset, [...(byAsset.get(item.asset) ?? []), item]);
  let initial = 0n;
  let maintenance = 0n;
  for (const [asset, lots] of byAsset) {
    const tiers = parameters.haircuts[asset] ?? parameters.haircuts['*'];
    if (tiers === undefined)
      throw new RangeError(`no haircut for ${asset}; expected it, or "*", among ${Object.keys(parameters.haircuts).join(', ') || 'none'}`);
    const value = lots.reduce((sum, lot) => sum + collateralValue(lot), 0n);
    if (value === 0n) continue;
    const own = tiered(tiers, value);
    const left = (lot: bigint, charge: bigint): bigint => lot - floorDiv(lot * charge, value);
    for (const lot of lots) {
      const rates = chainRates(parameters, portfolio, lot);
      maintenance += mulUp(left(collateralValue(lot), own.maintenance), rates.maintenance);
      initial += mulUp(left(collateralValue(lot), own.initial), rates.initial);
    }
    maintenance += own.maintenance;
    initial += own.initial;
  }
  return { initial, maintenance };
}
