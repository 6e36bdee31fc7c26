import { getAddress, isAddress } from 'viem';
import { z } from 'zod/v4';

const positive = z.number().positive();
const stepSeconds = positive.max(86_400);

/** Where a price comes from: a file of daily prices, or a random walk that every signer with the seed sees alike. */
const path = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('recorded'),
    /** CSV with a header line; relative to the configuration file */
    file: z.string().min(1),
    /** header of the prices */
    column: z.string().min(1),
    /** seconds in which a recorded day is played */
    stepSeconds,
  }),
  z.strictObject({
    kind: z.literal('simulated'),
    seed: z.int().nonnegative(),
    /** first price, settlement cash per unit */
    start: positive,
    /** per √year */
    volatility: z.number().min(0.01).max(3),
    steps: z.int().min(1).max(100_000).default(10_000),
    stepSeconds: stepSeconds.default(60),
  }),
]);

const underlying = z.strictObject({
  /** the number the Feeds contract knows it by */
  underlying: z.int().min(0).max(65_535),
  path,
  /** half-width reported with every value, 1e-9 of it */
  spread: z.int().min(0).max(1_000_000_000).default(500_000),
  /** the perpetual's mark over spot, as a share */
  premium: z.number().min(-0.1).max(0.1).default(0),
  /** continuously compounded per year, for forwards */
  rate: z.number().min(-1).max(1).default(0),
  /** lean of the smile */
  lean: z.number().min(-0.9).max(0.9).default(-0.2),
  expiries: z.strictObject({ count: z.int().min(0).max(8), everyDays: z.int().min(1).max(30) }).default({ count: 4, everyDays: 7 }),
});

/**
 * The publisher of feeds, for local chains: it makes up or plays back prices and signs them. Not for a chain where anything is worth
 * anything: there, signers sign what they observe, each by itself.
 * @param key schema of a private key
 */
export const publisherSchema = <Key extends z.ZodType>(key: Key) =>
  z.strictObject({
    /** the hub's Feeds contract */
    feeds: z
      .string()
      .refine((value) => isAddress(value), 'expected an address')
      .transform((value) => getAddress(value)),
    /** keys of signers, any order; at least the settlement threshold of the contract */
    signers: z.array(key).min(1).max(32),
    everySeconds: z.int().min(1).max(3_600).default(5),
    /** a second snapshot is dated this far ahead and kept for withdrawals on the hub itself, never sent; the contract takes 5 at most; 0: none */
    aheadSeconds: z.int().min(0).max(5).default(4),
    underlyings: z.array(underlying).min(1).max(16),
  });
