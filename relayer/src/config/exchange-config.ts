import { risk } from '@lockstep/shared';
import { z } from 'zod/v4';

/** Kept as text: a configuration is printed as JSON, which has no bigints. */
const decimal = (low: string, high: string) =>
  z
    .string()
    .refine((text) => risk.decimalBetween(low, high).safeParse(text).success, { error: `expected a decimal as text, ${low} … ${high}` });

const ATOM = '0.000000000000000001';
const steps = (tick: string, lot: string, least: string) =>
  z
    .strictObject({
      /** prices are multiples of it, settlement cash per unit */
      tick: decimal(ATOM, '1000000').default(tick),
      /** sizes are multiples of it, units of the underlying */
      lot: decimal(least, '1000000').default(lot),
      /** least size of an order */
      minimum: decimal(least, '1000000').default(lot),
    })
    .refine(({ lot: step, minimum }) => risk.parseDecimal(minimum) % risk.parseDecimal(step) === 0n, {
      path: ['minimum'],
      error: 'expected a multiple of the lot',
    });

/** The matcher: what it asks of orders and what it takes for matching them. Decimals, as text. */
export const exchangeSchema = z.strictObject({
  /** account that receives the matcher's share of fees; absent: the submitter's own account 0 */
  account: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, 'expected an account: 0x and 64 hex digits')
    .optional(),
  /** shares of size times price */
  makerFee: decimal('0', '0.01').default('0'),
  takerFee: decimal('0', '0.01').default('0.0005'),
  perpetual: steps('0.01', '0.001', ATOM).prefault({}),
  option: steps('0.01', '0.001', '0.001').prefault({}),
  /** orders of one account that may wait at a time */
  maxOrders: z.int().min(1).max(10_000).default(200),
  /** milliseconds between two looks at new orders */
  matchMs: z.int().min(10).max(60_000).default(100),
  /** milliseconds between two settlements */
  settleMs: z.int().min(50).max(60_000).default(500),
  /** matches of one transaction at most */
  maxFills: z.int().min(1).max(50).default(16),
});
