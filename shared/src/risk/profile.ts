import { z } from 'zod/v4';
import { abs, decimalBetween, max, mulUp, WAD } from './decimal.js';
import type { Portfolio } from './portfolio.js';
import type { Requirement } from './standard.js';

/** What a user asks of himself beyond the rules. Every field can only tighten: the schema has no value that loosens. */
export const Profile = z.strictObject({
  initialFactor: decimalBetween('1', '10', 'Multiplies initial margin').prefault('1'),
  maxLeverage: decimalBetween('0.01', '1000', 'Gross notional over what is not haircut stays below this').optional(),
  warnAt: decimalBetween('1', '100', 'Warn when equity is below this many times maintenance margin').prefault('1'),
});
export type Profile = z.infer<typeof Profile>;

/** |perpetuals| at mark and |options| at spot. Wad of settlement cash, rounded up. */
export const grossNotional = (portfolio: Portfolio): bigint =>
  portfolio.underlyings.reduce((total, { spot, perpetual, expiries }) => {
    const contracts = expiries.reduce((sum, { options }) => options.reduce((inner, { size }) => inner + abs(size), sum), 0n);
    return total + mulUp(contracts, spot) + (perpetual === undefined ? 0n : mulUp(abs(perpetual.size), perpetual.mark));
  }, 0n);

/**
 * Margins under the account's profile: initial margin is multiplied, and is at least what the leverage cap asks for beside the haircuts.
 * Maintenance margin stays as it is, and neither is ever below the rules'.
 * @param haircut initial haircut on collateral, which secures nothing
 */
export function tightened(portfolio: Portfolio, margins: Requirement, haircut: bigint): Requirement {
  const { profile } = portfolio;
  if (profile === undefined) return margins;
  const { initialFactor, maxLeverage } = profile;
  const byLeverage = maxLeverage === undefined ? 0n : haircut + (grossNotional(portfolio) * WAD + maxLeverage - 1n) / maxLeverage;
  return { maintenance: margins.maintenance, initial: max(mulUp(margins.initial, initialFactor), max(margins.initial, byLeverage)) };
}
