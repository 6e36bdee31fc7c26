import { z } from 'zod/v4';
import { Decimal, decimalBetween } from './decimal.js';
import { Profile } from './profile.js';

/** What an account holds, and the prices to value it at: the input of every engine and of the what-if tool. Decimals become wads. */

const price = (description: string) => decimalBetween('0.000000000000000001', '1000000000000', description);
const size = (description: string) => decimalBetween('-1000000000', '1000000000', description);

export const OptionPosition = z.strictObject({
  kind: z.enum(['call', 'put']),
  strike: price('Strike'),
  size: size('Contracts of one unit of the underlying, negative is short'),
  vol: decimalBetween('0.0001', '50', 'Implied volatility per √year, 0.6 = 60%'),
});

export const Expiry = z.strictObject({
  days: decimalBetween('0', '3650', 'Days from now, 0 is at expiry'),
  forward: price('Forward of the underlying for this expiry'),
  rate: decimalBetween('-1', '1', 'Continuously compounded rate per year').prefault('0'),
  averaged: decimalBetween(
    '0',
    '1',
    'Share of the forward that no move touches: what is averaged already of the half hour before expiry',
  ).prefault('0'),
  options: z.array(OptionPosition).max(512),
});

const Perpetual = z.strictObject({
  size: size('Units of the underlying, negative is short'),
  entry: price('Average price paid'),
  mark: price('Mark price'),
});

export const Underlying = z.strictObject({
  name: z.string().min(1),
  spot: price('Spot, the index price'),
  confidence: decimalBetween('0', '1', 'How sure the feeds are').prefault('1'),
  perpetual: Perpetual.optional(),
  expiries: z.array(Expiry).max(64).prefault([]),
});

export const Collateral = z.strictObject({
  asset: z.string().min(1).describe('Name the parameter file haircuts it by'),
  amount: decimalBetween('0', '1000000000000', 'Units of the asset'),
  price: decimalBetween('0', '1000000000000', 'Settlement cash for one unit'),
  underlying: z.string().optional().describe('The underlying whose moves it shares, if it should offset that risk'),
  chain: z.string().min(1).optional().describe('The chain whose vault holds it'),
});

/** What the hub thinks of a chain: it decides what the collateral there may still secure. */
export const ChainStatus = z.strictObject({
  state: z.enum(['healthy', 'degraded', 'quarantined', 'written-down']),
  ramp: decimalBetween('0', '1', 'How much of the maintenance charge of the state applies by now').prefault('1'),
});

export const Portfolio = z
  .strictObject({
    cash: Decimal.meta({ description: 'Settlement cash, signed.' }).prefault('0'),
    settlementPrice: decimalBetween('0', '2', 'Market price of one unit of settlement cash').prefault('1'),
    collateral: z.array(Collateral).max(16).prefault([]),
    chains: z.record(z.string(), ChainStatus).prefault({}).describe('By chain; one that is not named is healthy'),
    profile: Profile.optional(),
    underlyings: z.array(Underlying).max(32).prefault([]),
  })
  .superRefine((portfolio, context) => {
    const names = new Set<string>();
    portfolio.underlyings.forEach(({ name }, index) => {
      if (names.has(name))
        context.addIssue({
          code: 'custom',
          path: ['underlyings', index, 'name'],
          message: `is ${name} again; expected each underlying once`,
        });
      names.add(name);
    });
    portfolio.collateral.forEach(({ asset, underlying }, index) => {
      if (underlying !== undefined && !names.has(underlying))
        context.addIssue({
          code: 'custom',
          path: ['collateral', index, 'underlying'],
          message: `${asset} follows ${underlying}, which is not among the underlyings; expected one of: ${[...names].join(', ') || 'none'}`,
        });
    });
  });

export type OptionPosition = z.infer<typeof OptionPosition>;
export type Expiry = z.infer<typeof Expiry>;
export type Underlying = z.infer<typeof Underlying>;
export type ChainStatus = z.infer<typeof ChainStatus>;
export type Collateral = z.infer<typeof Collateral>;
/** A checked portfolio; every decimal is a wad. */
export type Portfolio = z.infer<typeof Portfolio>;
