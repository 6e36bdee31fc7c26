import { risk } from '@lockstep/shared';
import { z } from 'zod/v4';

/** Kept as text: a configuration is printed as JSON, which has no bigints. */
const decimal = (low: string, high: string) =>
  z
    .string()
    .refine((text) => risk.decimalBetween(low, high).safeParse(text).success, { error: `expected a decimal as text, ${low} … ${high}` });

/** What a keeper bids with. Money is settlement cash. */
const bidding = z.strictObject({
  /** hub account that takes over what it buys; the keeper's key is its owner, or a delegate that may trade for it */
  account: z.string().regex(/^0x[0-9a-fA-F]{64}$/, 'expected an account: 0x and 64 hex digits'),
  /** most cash paid in 24 hours */
  budget: decimal('0', '1000000000000'),
  /** least gain, as a share of the maintenance margin taken over */
  required: decimal('0', '1').default('0.02'),
});

/** The keeper of liquidations: what it does beside starting auctions, and how it leaves room for others. */
export const liquidationSchema = z.strictObject({
  /** milliseconds between two looks for a new block of the hub */
  pollMs: z.int().min(50).max(60_000).default(500),
  /** accounts asked about exactly in one block at most, the worst first */
  maxChecks: z.int().min(1).max(5_000).default(256),
  /** transactions wanted in one block at most */
  maxSteps: z.int().min(1).max(256).default(16),
  /** keepers that may share the work: each lets others go first for up to so many blocks less one, in an order that changes with account and block; 1: at once */
  turns: z.int().min(1).max(16).default(1),
  /** between two looks at losses that nobody's equity covered, and at debts past the limit; 0: never */
  levySeconds: z.int().min(0).max(3_600).default(5),
  /** absent: auctions are started and closed, nothing is bid */
  bid: bidding.optional(),
});
