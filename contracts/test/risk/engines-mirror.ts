import { risk } from '@lockstep/shared';

/** What engines make of holdings words, feeds and rules, written again from the same public inputs. */

const WAD = 10n ** 18n;
const HUNDREDTH = 10n ** 16n;
const RATE = 10n ** 9n;
const DAY = 86_400n;
const WINDOW = 1_800n;
const LOT = 10n ** 15n;
const MAINTENANCE_BAND = 10_000n;

/** Everything fresh for the length of a test; the mark may stand 5% from spot. */
export const BANDS = {
  spotFresh: 10_000_000,
  spotStale: 10_000_001,
  forwardFresh: 10_000_000,
  forwardStale: 10_000_001,
  surfaceFresh: 10_000_000,
  surfaceStale: 10_000_001,
  sourceStale: 0,
  maxSpread: 20_000_000,
  markBand: 500,
  disagreement: 200,
};
const range = (low: bigint, count: number, step: bigint): bigint[] =>
  Array.from({ length: count }, (_, i) => (low + BigInt(i) * step) * WAD);
export const UNDERLYINGS = [
  { number: 1, spot: 60_000n * WAD, strikes: range(45_000n, 6, 6_000n), group: { id: 1, correlation: 700_000_000 } },
  { number: 2, spot: 3_000n * WAD, strikes: range(2_200n, 6, 350n), group: { id: 1, correlation: 650_000_000 } },
] as const;
/** What has a spot alone: the price of settlement cash. */
export const SETTLEMENT = 3;
/** Notional between which open interest raises initial rates, whole cash. */
export const INTEREST_BOUNDS = { lower: 200_000n, upper: 1_500_000n };
/** Smiles without arbitrage, by whole days after the first expiry. */
export const SLICES = [
  { days: 0n, slice: { vol: 80_000_000n, rho: -200_000_000n, phi: 2_000_000_000n } },
  { days: 30n, slice: { vol: 65_000_000n, rho: -200_000_000n, phi: 1_200_000_000n } },
  { days: 75n, slice: { vol: 60_000_000n, rho: -150_000_000n, phi: 800_000_000n } },
] as const;

const [ONE_CHAIN, OTHER_CHAIN, BAD_CHAIN] = [40_001, 40_002, 40_003] as const;
const rates = (maintenance: number, initialExtra: number) => ({ maintenance, initialExtra });
export const RULES = {
  classes: [
    [
      { from: 0n, ...rates(50_000_000, 50_000_000) },
      { from: 200_000n * WAD, ...rates(100_000_000, 100_000_000) },
    ],
    [{ from: 0n, ...rates(100_000_000, 50_000_000) }],
  ],
  assets: [
    { eid: ONE_CHAIN, decimals: 8, underlying: 1, class: 0 },
    { eid: OTHER_CHAIN, decimals: 18, underlying: 2, class: 1 },
    { eid: BAD_CHAIN, decimals: 20, underlying: 1, class: 0 },
    { eid: BAD_CHAIN, decimals: 6, underlying: 2, class: 1 },
  ],
  chains: [{ eid: OTHER_CHAIN, rates: rates(10_000_000, 5_000_000) }],
  /** degraded, quarantined, written down */
  states: [rates(0, 100_000_000), rates(1_000_000_000, 0), rates(250_000_000, 750_000_000)],
  worsened: [{ eid: BAD_CHAIN, state: 2, rampSeconds: 100_000 }],
  perpetual: [
    { from: 0n, initial: 50_000_000, maintenance: 30_000_000 },
    { from: 500_000n * WAD, initial: 100_000_000, maintenance: 60_000_000 },
  ],
  option: {
    initialMax: 150_000_000,
    initialMin: 100_000_000,
    maintenance: 75_000_000,
    putMaintenanceOfMark: 75_000_000,
    unpairedInitial: 1_200_000_000,
    unpairedMaintenance: 1_100_000_000,
  },
} as const;

export interface Prices {
  readonly spot: bigint;
  readonly mark: bigint;
  /** 1e-9 of the spot */
  readonly spread: number;
  readonly expiries: ReadonlyMap<bigint, { readonly forward: bigint; readonly slice: risk.SmileSlice }>;
}
/** What the chain was told, and when it is looked at; seconds. */
export interface MarketView {
  readonly now: bigint;
  readonly told: bigint;
  readonly prices: ReadonlyMap<number, Prices>;
  /** of a unit of settlement cash */
  readonly settlement: bigint;
  /** Open perpetuals by underlying, 18 decimals. */
  readonly openInterest: ReadonlyMap<number, bigint>;
  /** Averages of the last half hour by underlying and expiry; `at` or after the expiry they are the settlement price. */
  readonly averages: ReadonlyMap<number, ReadonlyMap<bigint, { readonly value: bigint; readonly at: bigint }>>;
  /** Listing by underlying and place. */
  readonly strikes: ReadonlyMap<number, ReadonlyMap<number, { readonly strike: bigint; readonly expiry: bigint }>>;
  /** Since when chains are in their state, and how long their maintenance rate ramps. */
  readonly ramps: ReadonlyMap<number, { readonly since: bigint; readonly seconds: bigint }>;
}

const toWad = (rate: number): bigint => BigInt(rate) * RATE;
const pairOf = ({ maintenance, initialExtra }: { readonly maintenance: number; readonly initialExtra: number }) => ({
  maintenance: toWad(maintenance),
  initialExtra: toWad(initialExtra),
});
const STATE_NAMES = ['healthy', 'degraded', 'quarantined', 'written-down'] as const;

/** The chain's rules as a parameter file has them: assets are named by their class. */
export function parametersOf(method: 'cross' | 'isolated', view: MarketView): Extract<risk.Parameters, { method: 'cross' | 'isolated' }> {
  const [degraded, quarantined, writtenDown] = RULES.states.map(pairOf);
  const none = { maintenance: 0n, initialExtra: 0n };
  return {
    method,
    name: 'chain',
    source: 'what the contracts were told',
    haircuts: Object.fromEntries(
      RULES.classes.map((tiers, i) => [`class ${i}`, tiers.map((tier) => ({ from: tier.from, ...pairOf(tier) }))]),
    ),
    chains: {
      add: Object.fromEntries(RULES.chains.map((chain) => [`${chain.eid}`, pairOf(chain.rates)])),
      states: { degraded: degraded ?? none, quarantined: quarantined ?? none, 'written-down': writtenDown ?? none },
    },
    perpetual: RULES.perpetual.map(({ from, initial, maintenance }) => ({
      from,
      initial: toWad(initial),
      maintenance: toWad(maintenance),
    })),
    openInterest: Object.fromEntries(
      [...view.openInterest].map(([number, open]) => [
        `${number}`,
        { now: risk.mulUp(open, markOf(priceOf(view, number))), lower: INTEREST_BOUNDS.lower * WAD, upper: INTEREST_BOUNDS.upper * WAD },
      ]),
    ),
    // CAST: the same keys, each a rate.
    option: Object.fromEntries(Object.entries(RULES.option).map(([key, value]) => [key, toWad(value)])) as Record<
      keyof typeof RULES.option,
      bigint
    >,
  };
}

/** Whether a settlement price is final, and how much of the half hour was averaged otherwise. */
function averageOf(view: MarketView, underlying: number, expiry: bigint) {
  const average = view.averages.get(underlying)?.get(expiry);
  if (average === undefined || average.at + WINDOW <= expiry) return null;
  const passed = (average.at < expiry ? average.at : expiry) + WINDOW - expiry;
  return { value: average.value, passed, final: average.at >= expiry };
}

const priceOf = (view: MarketView, underlying: number): Prices => {
  const prices = view.prices.get(underlying);
  if (prices === undefined) throw new Error(`no prices of underlying ${underlying}`);
  return prices;
};
/** The mark clamped to its band around spot. */
function markOf({ spot, mark }: Prices): bigint {
  const band = (spot * BigInt(BANDS.markBand)) / MAINTENANCE_BAND;
  return mark > spot + band ? spot + band : mark < spot - band ? spot - band : mark;
}
const confidenceOf = ({ spread }: Prices): bigint =>
  spread >= BANDS.maxSpread ? 0n : WAD - (BigInt(spread) * WAD) / BigInt(BANDS.maxSpread);

/** Collateral as a portfolio has it; followers by underlying. */
function collateralOf(view: MarketView, { collateral }: risk.Holdings) {
  const lots = collateral.flatMap(({ assetId, amount }) => {
    const rule = RULES.assets[assetId - 1];
    if (rule === undefined || amount === 0n) return [];
    const exponent = 18 - rule.decimals;
    const units = exponent >= 0 ? amount * 10n ** BigInt(exponent) : amount / 10n ** BigInt(-exponent);
    return [{ asset: `class ${rule.class}`, amount: units, price: priceOf(view, rule.underlying).spot, chain: `${rule.eid}`, rule }];
  });
  const chains = Object.fromEntries(
    RULES.worsened.map(({ eid, state }) => {
      const { since, seconds } = view.ramps.get(eid) ?? { since: 0n, seconds: 0n };
      const elapsed = view.now - since;
      return [`${eid}`, { state: STATE_NAMES[state] ?? 'healthy', ramp: elapsed >= seconds ? WAD : (elapsed * WAD) / seconds }];
    }),
  );
  const followers = (underlying: number): bigint =>
    lots.filter(({ rule }) => rule.underlying === underlying).reduce((sum, lot) => sum + risk.collateralValue(lot), 0n);
  return { lots: lots.map(({ rule: _, ...lot }) => lot), chains, followers };
}

/** Options of an underlying by expiry, in the order of the holdings. */
function byExpiry(view: MarketView, { underlying, options }: risk.HeldUnderlying) {
  const listing = view.strikes.get(underlying);
  const held = options.map((option) => {
    const series = listing?.get(option.place);
    if (series === undefined) throw new Error(`place ${option.place} of underlying ${underlying} is not listed`);
    return { ...option, ...series };
  });
  return [...new Set(held.map(({ expiry }) => expiry))].map((expiry) => ({
    expiry,
    options: held.filter((option) => option.expiry === expiry),
  }));
}

/** Portfolio margin of holdings. */
export function portfolioMirror(view: MarketView, holdings: risk.Holdings): risk.FixedRisk {
  const { lots, chains, followers } = collateralOf(view, holdings);
  const parameters = parametersOf('cross', view);
  const empty: risk.Portfolio = { cash: 0n, settlementPrice: WAD, collateral: lots, chains, underlyings: [] };
  return risk.fixedPortfolioRisk({
    cash: holdings.cash,
    collateral: lots.reduce((sum, lot) => sum + risk.collateralValue(lot), 0n),
    haircuts: risk.haircutsOf(empty, parameters),
    settlementPrice: view.settlement,
    initialFactor: BigInt(holdings.initialFactor) * HUNDREDTH,
    maxLeverage: BigInt(holdings.maxLeverage) * HUNDREDTH,
    underlyings: holdings.underlyings.map((own) => {
      const prices = priceOf(view, own.underlying);
      const mark = own.size === 0n ? 0n : markOf(prices);
      const group = UNDERLYINGS.find(({ number }) => number === own.underlying)?.group;
      const alone = holdings.underlyings.length === 1;
      return {
        spot: prices.spot,
        perpetualSize: own.size,
        perpetualMark: mark,
        perpetualProfit: risk.mulDown(own.size, mark) + own.quote,
        followers: followers(own.underlying),
        confidence: confidenceOf(prices),
        group: alone ? 0n : BigInt(group?.id ?? 0),
        correlation: alone ? 0n : BigInt(group?.correlation ?? 0) * RATE,
        expiries: byExpiry(view, own).map(({ expiry, options }) => fixedExpiry(view, own.underlying, expiry, options)),
      };
    }),
  });
}

type Held = ReturnType<typeof byExpiry>[number]['options'];

function fixedExpiry(view: MarketView, underlying: number, expiry: bigint, options: Held): risk.FixedExpiry {
  const average = averageOf(view, underlying, expiry);
  const told = priceOf(view, underlying).expiries.get(expiry);
  const known = average === null ? 0n : average.value * average.passed;
  const blended = (told?.forward ?? 0n) * (WINDOW - (average?.passed ?? 0n)) + known;
  const final = average?.final === true;
  const forward = final ? average.value : average === null ? (told?.forward ?? 0n) : blended / WINDOW;
  const averaged = final ? 1n << 15n : average === null ? 0n : (known << 15n) / blended;
  const time = final ? 0n : ((expiry - view.told) << 64n) / risk.YEAR_SECONDS;
  return {
    forward,
    time,
    averaged,
    options: options.map(({ strike, isPut, lots }) => ({
      strike,
      isPut,
      lots,
      sigma: told === undefined ? 0n : risk.strikeVolatility(told.slice, strike, forward),
    })),
  };
}

/** Closed forms of holdings. */
export function standardMirror(view: MarketView, holdings: risk.Holdings, method: 'cross' | 'isolated'): risk.Risk {
  const { lots, chains } = collateralOf(view, holdings);
  const portfolio: risk.Portfolio = {
    cash: holdings.cash,
    settlementPrice: WAD,
    collateral: lots,
    chains,
    profile: {
      initialFactor: BigInt(holdings.initialFactor) * HUNDREDTH,
      warnAt: WAD,
      ...(holdings.maxLeverage === 0 ? {} : { maxLeverage: BigInt(holdings.maxLeverage) * HUNDREDTH }),
    },
    underlyings: holdings.underlyings.map((own) => {
      const prices = priceOf(view, own.underlying);
      const mark = markOf(prices);
      return {
        name: `${own.underlying}`,
        spot: prices.spot,
        confidence: WAD,
        // Sizes and entries are whole enough for the quote to be exact.
        ...(own.size === 0n ? {} : { perpetual: { size: own.size, entry: (-own.quote * WAD) / own.size, mark } }),
        expiries: byExpiry(view, own).map(({ expiry, options }) => standardExpiry(view, own.underlying, expiry, options)),
      };
    }),
  };
  return risk.evaluate(portfolio, parametersOf(method, view));
}

function standardExpiry(
  view: MarketView,
  underlying: number,
  expiry: bigint,
  options: Held,
): risk.Portfolio['underlyings'][number]['expiries'][number] {
  const average = averageOf(view, underlying, expiry);
  const told = priceOf(view, underlying).expiries.get(expiry);
  const isOver = view.now >= expiry;
  const share = average === null ? 0n : (average.passed * WAD) / WINDOW;
  const blended = risk.mulDown(told?.forward ?? 0n, WAD - share) + risk.mulDown(average?.value ?? 0n, share);
  const forward = isOver ? (average?.value ?? 0n) : share === 0n ? (told?.forward ?? 0n) : blended;
  return {
    days: isOver ? 0n : ((expiry - view.now) * WAD) / DAY,
    forward,
    rate: 0n,
    averaged: 0n,
    options: options.map(({ strike, isPut, lots }) => ({
      kind: isPut ? ('put' as const) : ('call' as const),
      strike,
      size: lots * LOT,
      vol: isOver || told === undefined ? 0n : (risk.strikeVolatility(told.slice, strike, forward) * WAD) >> 64n,
    })),
  };
}
