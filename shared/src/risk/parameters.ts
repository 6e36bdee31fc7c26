import { z } from 'zod/v4';
import { decimalBetween } from './decimal.js';

/** Parameter sets of the engines: one JSON file each (see parameters/). A method is chosen by its parameters, not by code. */

const ratio = decimalBetween('0', '100');
const pair = z.strictObject({
  maintenance: ratio,
  initialExtra: decimalBetween('0', '100', 'Added on top of maintenance for initial margin'),
});

/** Haircuts of one asset, marginal by value: each tier applies to the value from its `from` up. */
const Haircut = z
  .array(pair.extend({ from: decimalBetween('0', '1000000000000000') }))
  .min(1)
  .refine((tiers) => tiers.every((tier, i) => (i === 0 ? tier.from === 0n : tier.from > (tiers[i - 1]?.from ?? 0n))), {
    error: 'haircut tiers must start from 0 and rise',
  });

/** What the chain that holds collateral adds to the haircut: shares of what the asset's own haircut leaves. */
const ChainRules = z.strictObject({
  add: z.record(z.string(), pair).describe('Always, by chain; `*` is any other'),
  states: z
    .strictObject({ degraded: pair, quarantined: pair, 'written-down': pair })
    .describe('While the chain is not healthy; the maintenance rate by its ramp'),
});

const common = {
  name: z.string().min(1),
  source: z.string().min(1).describe('Where the numbers come from, and which of them are not published'),
  haircuts: z.record(z.string(), Haircut).describe('By asset; `*` is any other'),
  chains: ChainRules.optional(),
};

/** A move of spot and volatility; `weight` scales its P&L (damped tails are below 1). */
const Scenario = z.strictObject({
  spot: decimalBetween('-0.99', '20'),
  vol: z.enum(['up', 'same', 'down']),
  weight: decimalBetween('0', '1'),
});

/**
 * A tilt of the smile at unchanged spot, at most ±max(0, capBase + capSlope·√t). `absolute` charges |P&L| of each expiry; otherwise the P&L
 * counts with its sign.
 */
const SkewScenario = z.strictObject({
  shape: z.enum(['linear', 'abs']),
  sign: z.union([z.literal(1), z.literal(-1)]),
  absolute: z.boolean(),
  weight: ratio,
  capBase: ratio,
  capSlope: decimalBetween('-10', '10'),
});

export const PortfolioParameters = z.strictObject({
  method: z.literal('portfolio'),
  ...common,
  scenarios: z.array(Scenario).min(1).max(64),
  skewScenarios: z.array(SkewScenario).max(8),
  skew: z
    .strictObject({
      minWidth: decimalBetween('0.000001', '100'),
      width: ratio,
      volStatic: ratio,
      volScale: ratio,
    })
    .describe('A tilt reaches its cap at |ln(K/F)| = max(minWidth, √t·width·(volStatic + volScale·√t))'),
  volShock: z
    .strictObject({
      up: ratio,
      down: ratio,
      shortPower: decimalBetween('0', '2'),
      longPower: decimalBetween('0', '2'),
      referenceDays: decimalBetween('0.01', '3650'),
      floorDays: decimalBetween('0.01', '3650'),
      minVolUp: ratio,
    })
    .describe('Up: σ·(1 + up·m), at least minVolUp; down: σ·max(0, 1 − down·m); m = (referenceDays / max(days, floorDays))^power'),
  discount: z
    .strictObject({
      long: decimalBetween('0', '1'),
      longRateMultiple: ratio,
      longRateAdd: ratio,
      short: decimalBetween('1', '2'),
      shortRateMultiple: ratio,
      shortRateAdd: ratio,
    })
    .describe(
      'A positive expiry value counts times long·e^(−t(r·longRateMultiple + longRateAdd)), a negative one times short·e^(t(…)), ≤ 1/discount',
    ),
  basis: z
    .strictObject({ up: decimalBetween('0', '1'), down: decimalBetween('-1', '0'), add: ratio, multiple: ratio, cap: ratio })
    .nullable()
    .describe("Each expiry's worse of two spot moves, times min(cap, add + multiple·t)"),
  factors: z.strictObject({ initial: ratio, maintenance: ratio }),
  contingency: z
    .strictObject({ perpetual: pair, nakedShort: pair })
    .describe('Shares of spot times |perpetual| and times net short options per strike'),
  confidence: z
    .strictObject({ threshold: decimalBetween('0', '1'), factor: ratio })
    .nullable()
    .describe('Below the threshold: (1 − confidence)·factor·notional, initial margin only'),
  depeg: z
    .strictObject({ threshold: decimalBetween('0', '1'), factor: ratio })
    .nullable()
    .describe('Settlement price below the threshold: the shortfall times factor is added to the initial factor'),
  minDelta: z
    .strictObject({ net: ratio, hedged: ratio })
    .nullable()
    .describe('Floor of the loss: spot·(net·|delta| + hedged·(gross − |delta|)/2)'),
  correlated: z
    .array(z.strictObject({ underlyings: z.array(z.string()).min(2), correlation: decimalBetween('0', '1') }))
    .describe('Groups whose losses may offset: the credit is min(correlation, cap) of what the joint scenarios save'),
  correlationCap: decimalBetween('0', '0.75'),
});

/** Margin tiers by notional, with the deduction that makes the requirement continuous worked out from them. */
const Tier = z.strictObject({
  from: decimalBetween('0', '1000000000000000'),
  initial: decimalBetween('0', '1'),
  maintenance: decimalBetween('0', '1'),
});

export const StandardParameters = z.strictObject({
  method: z.enum(['isolated', 'cross']),
  ...common,
  perpetual: z
    .array(Tier)
    .min(1)
    .refine((tiers) => tiers.every((tier, i) => (i === 0 ? tier.from === 0n : tier.from > (tiers[i - 1]?.from ?? 0n))), {
      error: 'tiers must start from 0 and rise',
    })
    .refine((tiers) => tiers.every((tier) => tier.maintenance <= tier.initial), { error: 'maintenance must not exceed initial' }),
  openInterest: z
    .record(
      z.string(),
      z.strictObject({
        now: decimalBetween('0', '1000000000000000'),
        lower: decimalBetween('0', '1000000000000000'),
        upper: decimalBetween('0', '1000000000000000'),
      }),
    )
    .describe('Initial rate rises linearly to 1 as open interest (by underlying, notional) goes from lower to upper'),
  option: z
    .strictObject({
      initialMax: ratio,
      initialMin: ratio,
      maintenance: ratio,
      putMaintenanceOfMark: decimalBetween('0', '100', "A put's maintenance is at least this times its mark"),
      unpairedInitial: decimalBetween(
        '0',
        '100',
        'Charge on net short calls when an expiry is margined by its greatest loss, as a share of the forward',
      ),
      unpairedMaintenance: ratio,
    })
    .describe('Short options, as shares of spot: initial max(max − OTM, min), maintenance; puts also by their mark'),
});

export const Parameters = z.discriminatedUnion('method', [PortfolioParameters, StandardParameters], {
  error: ({ code }) => (code === 'invalid_union' ? 'expected method to be "portfolio", "isolated" or "cross"' : undefined),
});

export type PortfolioParameters = z.infer<typeof PortfolioParameters>;
export type StandardParameters = z.infer<typeof StandardParameters>;
export type Scenario = z.infer<typeof Scenario>;
export type SkewScenario = z.infer<typeof SkewScenario>;
export type Haircut = z.infer<typeof Haircut>;
/** A checked parameter set; every decimal is a wad. */
export type Parameters = z.infer<typeof Parameters>;
