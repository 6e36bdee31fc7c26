import type { Address } from 'viem';
import { z } from 'zod/v4';

const RATE_ONE = 1_000_000_000;
const MAX_PLACES = 65_535;

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address of 20 bytes')
  // CAST: the pattern above is exactly viem's Address.
  .transform((text) => text as Address);
/** A share, 1e-9. */
const rate = z.int().min(0).max(RATE_ONE);
const uint24 = z
  .int()
  .min(0)
  .max(2 ** 24 - 1);
const wholeCash = z
  .bigint()
  .min(0n)
  .max(2n ** 80n - 1n);
const wad = z
  .bigint()
  .min(0n)
  .max(2n ** 128n - 1n);

/** Maintenance rate, and what initial margin adds to it. */
const ratesSchema = z.object({ maintenance: rate, initialExtra: rate });

/** See IFeeds.Bounds: ages in seconds, `maxSpread` 1e-9, `markBand` and `disagreement` 1e-4. */
const boundsSchema = z.object({
  spotFresh: uint24,
  spotStale: uint24,
  forwardFresh: uint24,
  forwardStale: uint24,
  surfaceFresh: uint24,
  surfaceStale: uint24,
  sourceStale: uint24,
  maxSpread: z.int().min(1).max(RATE_ONE),
  markBand: z.int().min(0).max(9_999),
  disagreement: z.int().min(0).max(9_999),
});

const underlyingSchema = z.object({
  symbol: z.string().min(1),
  /** the number that feeds and markets know it by */
  number: z.int().min(1).max(MAX_PLACES),
  bounds: boundsSchema,
  standing: z.enum(['Open', 'ReduceOnly', 'Closed']),
  /** `openCap`: units, 18 decimals. Funding per hour, 1e-9 of the notional. */
  perpetual: z.object({
    openCap: z
      .bigint()
      .min(0n)
      .max(2n ** 104n - 1n),
    fundingCap: z.int().min(0).max(100_000_000),
    fundingBase: z.int().min(-100_000_000).max(100_000_000),
  }),
  /** `openCap`: lots of 0.001. */
  option: z.object({
    openCap: z
      .int()
      .min(0)
      .max(2 ** 40 - 1),
  }),
  /** Notional between which initial rates of the standard engines rise to 1, whole cash; upper ≤ lower: never. */
  openInterest: z.object({ lower: wholeCash, upper: wholeCash }),
  /** Offsets other underlyings of the group under portfolio margin; id 0: none. */
  group: z.object({ id: z.int().min(0).max(255), correlation: z.int().min(0).max(750_000_000) }),
});

/** What the hub's margin knows: who signs prices, what is traded, what collateral is worth. */
export const riskSchema = z.object({
  feeds: z.object({
    /** strictly ascending */
    signers: z.array(address).min(1).max(32),
    threshold: z.int().min(1).max(32),
    settlementThreshold: z.int().min(1).max(32),
  }),
  /** Interest of negative cash, 1e-18 per year: see InterestModel. */
  interest: z.object({ base: wad, slope: wad, kink: wad.max(10n ** 18n - 1n), full: wad }),
  underlyings: z.array(underlyingSchema).min(1),
  /**
   * Number of the underlying whose spot is the price of settlement cash: below 0.99 portfolio margin asks more initially. It belongs to the
   * engine's code, and while that feed is not usable no account under portfolio margin is. Not given: cash is at par.
   */
  settlementUnderlying: z.int().min(1).max(MAX_PLACES).optional(),
  /** How far from the last known value a reduction without prices may be, 1e-9 of what it trades. */
  reduceBand: z.int().min(0).max(100_000_000),
  /** Haircuts by the value held, by class number; tiers from 0 that rise. */
  classes: z
    .array(
      z
        .array(z.object({ from: wad, maintenance: rate, initialExtra: rate }))
        .min(1)
        .max(8),
    )
    .min(1),
  /** By symbol of an asset: whose spot prices it, and its class. An asset that is not here counts nothing as margin. */
  collateral: z.record(z.string(), z.object({ underlying: z.int().min(1).max(MAX_PLACES), class: z.int().min(0).max(255) })),
  /** What a chain adds always, by its name. */
  chains: z.record(z.string(), ratesSchema),
  /** What a chain's state adds. */
  states: z.object({ Degraded: ratesSchema, Quarantined: ratesSchema, WrittenDown: ratesSchema }),
  /** Closed forms of cross and isolated margin. */
  standard: z.object({
    perpetual: z
      .array(z.object({ from: wad, initial: rate, maintenance: rate }))
      .min(1)
      .max(8),
    option: z.object({
      initialMax: rate,
      initialMin: rate,
      maintenance: rate,
      putMaintenanceOfMark: z.int().min(0),
      unpairedInitial: z.int().min(RATE_ONE),
      unpairedMaintenance: z.int().min(RATE_ONE),
    }),
  }),
});

export type DesiredRisk = z.infer<typeof riskSchema>;
export type DesiredUnderlying = DesiredRisk['underlyings'][number];

/** What does not fit together in the risk part of a network. */
export function* riskProblems(
  { feeds, underlyings, settlementUnderlying, classes, collateral, chains }: DesiredRisk,
  network: {
    readonly chains: readonly { readonly name: string; readonly assets: readonly { readonly symbol: string }[] }[];
    readonly local: boolean;
  },
): Generator<string> {
  const { signers, threshold, settlementThreshold } = feeds;
  const sorted = [...new Set(signers.map((signer) => signer.toLowerCase()))].sort();
  if (sorted.join() !== signers.map((signer) => signer.toLowerCase()).join())
    yield `feeds: signers are not strictly ascending; expected ${sorted.join(', ')}`;
  if (threshold > settlementThreshold || settlementThreshold > signers.length)
    yield `feeds: thresholds are ${threshold} and ${settlementThreshold} of ${signers.length}; expected threshold ≤ settlementThreshold ≤ signers`;
  if (!network.local && threshold < 2) yield `feeds: one signature is enough for a price; expected at least 2 on a live network`;
  const numbers = new Set(underlyings.map(({ number }) => number));
  if (numbers.size !== underlyings.length) yield 'two underlyings have the same number; expected each once';
  if (settlementUnderlying !== undefined && !numbers.has(settlementUnderlying))
    yield `settlement cash is priced by underlying ${settlementUnderlying}; expected one of ${[...numbers].join(', ')}, or none`;
  for (const { symbol, perpetual } of underlyings)
    if (Math.abs(perpetual.fundingBase) > perpetual.fundingCap)
      yield `${symbol}: base funding ${perpetual.fundingBase} is above the cap ${perpetual.fundingCap}; expected it within`;
  const symbols = new Set(network.chains.flatMap(({ assets }) => assets.map(({ symbol }) => symbol)));
  for (const [symbol, rule] of Object.entries(collateral)) {
    if (!symbols.has(symbol)) yield `collateral ${symbol} is no asset; expected one of ${[...symbols].join(', ')}`;
    if (!numbers.has(rule.underlying))
      yield `collateral ${symbol} is priced by underlying ${rule.underlying}; expected one of ${[...numbers].join(', ')}`;
    if (rule.class >= classes.length) yield `collateral ${symbol} has class ${rule.class}; expected 0 … ${classes.length - 1}`;
  }
  const names = new Set(network.chains.map(({ name }) => name));
  for (const name of Object.keys(chains)) if (!names.has(name)) yield `rates of chain ${name}; expected one of ${[...names].join(', ')}`;
}
