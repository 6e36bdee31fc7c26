import { z } from 'zod/v4';

/** Arithmetic of the risk engine: 18-decimals bigints ("wad"); every division says which way it rounds. */
export const WAD = 10n ** 18n;

/** ⌊a / b⌋ for b > 0, towards −∞ (against whoever owns the value). */
export function floorDiv(a: bigint, b: bigint): bigint {
  const q = a / b;
  return a < 0n && q * b !== a ? q - 1n : q;
}
/** Product of two wads, rounded down. */
export const mulDown = (a: bigint, b: bigint): bigint => floorDiv(a * b, WAD);
/** Product of two wads, rounded up. */
export const mulUp = (a: bigint, b: bigint): bigint => -floorDiv(-a * b, WAD);
export const abs = (a: bigint): bigint => (a < 0n ? -a : a);
export const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
export const clamp = (a: bigint, low: bigint, high: bigint): bigint => max(low, min(high, a));

/** Q64 of a wad, rounded down. */
export const wadToQ64 = (a: bigint): bigint => floorDiv(a << 64n, WAD);
/** Wad of a Q64, rounded down. */
export const q64ToWad = (a: bigint): bigint => (a * WAD) >> 64n;

const PATTERN = /^-?\d{1,38}(\.\d{1,18})?$/;

/** Wad of plain decimal text. @throws RangeError unless it is a decimal of at most 18 places */
export function parseDecimal(text: string): bigint {
  if (!PATTERN.test(text)) throw new RangeError(`"${text}" is not a decimal; expected digits with at most 18 places, such as "0.25"`);
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const size = BigInt(whole) * WAD + BigInt(fraction.padEnd(18, '0'));
  return text.startsWith('-') ? -size : size;
}

/** Plain decimal text of a wad, exact. */
export function formatDecimal(value: bigint): string {
  const size = abs(value);
  const fraction = (size % WAD).toString().padStart(18, '0').replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${size / WAD}${fraction === '' ? '' : `.${fraction}`}`;
}

/** A value as an error message quotes it. */
export const quoted = (input: unknown): string => {
  const text = JSON.stringify(input, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  // JSON.stringify gives undefined for what JSON cannot say, against its own type.
  return typeof text === 'string' ? (text.length > 60 ? `${text.slice(0, 57)}...` : text) : String(input);
};

/** A decimal in a file: text, or a number short enough to be written plainly. Becomes a wad. */
export const Decimal = z
  .union([z.string(), z.number()], {
    error: ({ input }) => `${input === undefined ? 'is missing' : `is ${quoted(input)}`}; expected a decimal such as "0.25"`,
  })
  .transform((input, context) => {
    try {
      return parseDecimal(String(input));
    } catch (error) {
      context.issues.push({ code: 'custom', message: error instanceof Error ? error.message : String(error), input });
      return z.NEVER;
    }
  })
  .meta({ pattern: PATTERN.source, description: 'Decimal, at most 18 places.' });
/** A decimal within bounds given as text, inclusive. */
export const decimalBetween = (low: string, high: string, description = 'Decimal') =>
  Decimal.refine((value) => value >= parseDecimal(low) && value <= parseDecimal(high), {
    error: ({ input }) => `is ${typeof input === 'bigint' ? formatDecimal(input) : quoted(input)}; expected ${low} … ${high}`,
  }).meta({ pattern: PATTERN.source, minimum: Number(low), maximum: Number(high), description: `${description}; ${low} … ${high}.` });
