import { z } from 'zod/v4';
import { Decimal, decimalBetween } from './decimal.js';

/** What an account holds, and the prices to value it at: the input of every engine and of the what-if tool. Decimals become wads. */

const price = decimalBetween('0.000000000000000001', '1000000000000');
const size = decimalBetween('-1000000000', '1000000000');

export const OptionPosition = z.strictObject({
  kind: z.enum(['call', 'put']),
  strike: price,
  /** Contracts of one unit of the underlying; negative is short. */
  size,
  /** Implied volatility per √year, 0.6 = 60%. */
  vol: decimalBetween('0.0001', '50'),
});

export const Expiry = z.strictObject({
  /** Days from now; 0 is at expiry. */
  days: decimalBetween('0', '3650'),
  forward: price,
  /** Continuously compounded rate per year. */
  rate: decimalBetween('-1', '1').prefault('0'),
  options: z.array(OptionPosition).max(512),
});

const Perpetual = z.strictObject({ size, /** Average price paid. */ entry: price, mark: price });

export const Underlying = z.strictObject({
  name: z.string().min(1),
  spot: price,
  /** How sure the feeds are, 0 … 1. */
  confidence: decimalBetween('0', '1').prefault('1'),
  perpetual: Perpetual.optional(),
  expiries: z.array(Expiry).max(64).prefault([]),
});

export const Collateral = z.strictObject({
  asset: z.string().min(1),
  amount: decimalBetween('0', '1000000000000'),
  price: decimalBetween('0', '1000000000000'),
  /** The underlying whose moves it shares, if it should offset that risk. */
  underlying: z.string().optional(),
});

export const Portfolio = z
  .strictObject({
    /** Settlement cash, signed. */
    cash: Decimal.prefault('0'),
    /** Market price of one unit of settlement cash. */
    settlementPrice: decimalBetween('0', '2').prefault('1'),
    collateral: z.array(Collateral).max(16).prefault([]),
    underlyings: z.array(Underlying).max(32).prefault([]),
  })
  .superRefine((portfolio, context) => {
    const names = new Set<string>();
    portfolio.underlyings.forEach(({ name }, index) => {
      if (names.has(name))
        context.addIssue({ code: 'custom', path: ['underlyings', index, 'name'], message: `${name} is listed twice; expected once` });
      names.add(name);
    });
    portfolio.collateral.forEach(({ asset, underlying }, index) => {
      if (underlying !== undefined && !names.has(underlying))
        context.addIssue({
          code: 'custom',
          path: ['collateral', index, 'underlying'],
          message: `${asset} follows ${underlying}, which is not among the underlyings: expected one of ${[...names].join(', ') || 'none'}`,
        });
    });
  });

export type OptionPosition = z.infer<typeof OptionPosition>;
export type Expiry = z.infer<typeof Expiry>;
export type Underlying = z.infer<typeof Underlying>;
export type Collateral = z.infer<typeof Collateral>;
/** A checked portfolio; every decimal is a wad. */
export type Portfolio = z.infer<typeof Portfolio>;
