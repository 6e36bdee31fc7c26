import { abs, floorDiv, min, WAD } from '../risk/decimal.js';
import { fundingOwed } from './funding.js';

/** A position in a perpetual as it is stored. Size in units, money in cash, both signed with 18 decimals. */
export interface PerpetualPosition {
  readonly size: bigint;
  /** the quote as it would be had there never been funding: what funding took is added back */
  readonly base: bigint;
}

export const FLAT: PerpetualPosition = { size: 0n, base: 0n };

/** What a change did to one side. */
export interface PerpetualChange {
  readonly position: PerpetualPosition;
  /** became cash of the account, may be negative */
  readonly realised: bigint;
  /** the position came out smaller and on the same side, or nothing */
  readonly reduced: boolean;
}

/** The quote after funding to `index`: profit is size · mark + quote. Rounded against the account. */
export const quoteAt = ({ size, base }: PerpetualPosition, index: bigint): bigint => base - fundingOwed(size, index);

/** A position with that quote at `index`. Rounded against the account. */
const positionOf = (size: bigint, quote: bigint, index: bigint): PerpetualPosition => ({ size, base: quote + floorDiv(size * index, WAD) });

/** Cash that a change of size at a price is worth: a buyer's cost rounded up, a seller's proceeds down. */
export const legOf = (change: bigint, price: bigint): bigint => floorDiv(-change * price, WAD);

/**
 * Changes a position at a price, with funding brought to `index`. Where |size| falls, the part of the quote that belongs to what fell, and
 * its price leg, become cash; what opens stays in the quote.
 * @param change units, signed, not 0
 */
export function changePerpetual(position: PerpetualPosition, change: bigint, price: bigint, index: bigint): PerpetualChange {
  const { size } = position;
  const leg = legOf(change, price);
  const quote = quoteAt(position, index);
  const next = size + change;
  const reduced = isReduced(size, next);
  if (size === 0n || size > 0n === change > 0n) return { position: positionOf(next, quote + leg, index), realised: 0n, reduced };
  const fallen = min(abs(change), abs(size));
  const part = floorDiv(quote * fallen, abs(size));
  const closing = fallen === abs(change) ? leg : floorDiv(leg * fallen, abs(change));
  return { position: positionOf(next, quote - part + leg - closing, index), realised: part + closing, reduced };
}

/** Whether a size came out smaller, and on the side it was on. */
export const isReduced = (before: bigint, after: bigint): boolean =>
  abs(after) < abs(before) && (after === 0n || after > 0n === before > 0n);
