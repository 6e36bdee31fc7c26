import { floorDiv, max, WAD } from '../risk/decimal.js';
import { OPTION_LOT } from '../risk/holdings.js';

/** Lots in one unit of the underlying. */
const LOTS_PER_UNIT = WAD / OPTION_LOT;

/** A position of an expiry, as its settlement needs it. Strike in cash per unit, 18 decimals. */
export interface ExpiringOption {
  readonly kind: 'call' | 'put';
  readonly strike: bigint;
  readonly lots: bigint;
}

/** What a unit pays at a settlement price. Cash, 18 decimals. */
export const payoffOf = ({ kind, strike }: Pick<ExpiringOption, 'kind' | 'strike'>, settlement: bigint): bigint =>
  max(0n, kind === 'call' ? settlement - strike : strike - settlement);

/** What an account's options of one expiry end with, all together, signed, rounded down once. */
export const expiryCash = (options: readonly ExpiringOption[], settlement: bigint): bigint =>
  floorDiv(
    options.reduce((sum, option) => sum + option.lots * payoffOf(option, settlement), 0n),
    LOTS_PER_UNIT,
  );
