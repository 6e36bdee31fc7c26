import type { Quantity, UnixSeconds } from '../units.js';
import { unixSeconds } from '../units.js';

/** Cash per unit of the underlying, 18 decimals. */
export type Price = Quantity<'price-e18'>;
/** Units of the underlying, 18 decimals. */
export type Size = Quantity<'size-e18'>;
/** What is traded, as one word that says all of it: see `encodeInstrument`. */
export type InstrumentId = Quantity<'instrument'>;

/** One unit, of sizes and prices. */
export const ONE = 10n ** 18n;
/** Largest price and size of an order: 2^112 − 1, about 5·10^15 units. */
export const MAX_SIZE = 2n ** 112n - 1n;

const MAX_UNDERLYING = 2 ** 16 - 1;

/** @throws RangeError unless 1 ≤ value ≤ MAX_SIZE */
export function price(value: bigint): Price {
  if (value < 1n || value > MAX_SIZE) throw new RangeError(`price is ${value}; expected 1 … ${MAX_SIZE} (18 decimals)`);
  // CAST: the range is the whole of the unit.
  return value as Price;
}

/** @throws RangeError unless 1 ≤ value ≤ MAX_SIZE */
export function size(value: bigint): Size {
  if (value < 1n || value > MAX_SIZE) throw new RangeError(`size is ${value}; expected 1 … ${MAX_SIZE} (18 decimals)`);
  // CAST: the range is the whole of the unit.
  return value as Size;
}

/** A perpetual, or one European option series. `underlying` is the number the hub's feeds know it by. */
export type Instrument =
  | { readonly kind: 'perpetual'; readonly underlying: number }
  | {
      readonly kind: 'call' | 'put';
      readonly underlying: number;
      readonly expiry: UnixSeconds;
      readonly strike: Price;
    };

const KIND_NUMBER = { perpetual: 0n, call: 1n, put: 2n } as const;

/**
 * `strike 112 | expiry 40 | underlying 16 | kind 8`, from the high bits to the low ones of a uint256 (the upper 80 bits are zero);
 * a perpetual has neither strike nor expiry.
 * @throws RangeError if the underlying is not 0 … 65535
 */
export function encodeInstrument(instrument: Instrument): InstrumentId {
  const { kind, underlying } = instrument;
  if (!Number.isInteger(underlying) || underlying < 0 || underlying > MAX_UNDERLYING)
    throw new RangeError(`underlying is ${underlying}; expected 0 … ${MAX_UNDERLYING}`);
  const low = (BigInt(underlying) << 8n) | KIND_NUMBER[kind];
  // CAST: built from its parts, each in range.
  return (instrument.kind === 'perpetual' ? low : (instrument.strike << 64n) | (instrument.expiry << 24n) | low) as InstrumentId;
}

/** @throws RangeError if no instrument has this id */
export function decodeInstrument(id: bigint): Instrument {
  const kind = id & 0xffn;
  const underlying = Number((id >> 8n) & 0xffffn);
  const expiry = (id >> 24n) & (2n ** 40n - 1n);
  const strike = id >> 64n;
  if (kind === KIND_NUMBER.perpetual && expiry === 0n && strike === 0n && id >= 0n) return { kind: 'perpetual', underlying };
  const option = kind === KIND_NUMBER.call ? 'call' : kind === KIND_NUMBER.put ? 'put' : undefined;
  if (option === undefined || expiry === 0n)
    throw new RangeError(`instrument ${id} is no perpetual and no option series; expected strike 112 | expiry 40 | underlying 16 | kind 8`);
  return { kind: option, underlying, expiry: unixSeconds(expiry), strike: price(strike) };
}
