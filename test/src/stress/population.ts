import { Random } from './random.js';

/**
 * Who is in the market when prices fall: accounts in all three margin modes, with what they hold, how well it is covered, on which chains the
 * collateral lies, and how their owners behave. A pure function of a seed; sizes are in cash, whatever the prices.
 */

export const MODES = ['isolated', 'cross', 'portfolio'] as const;
export type Mode = (typeof MODES)[number];
/** The hub has a vault too; what lies there needs no message. */
export const CHAINS = ['hub', 'north', 'south'] as const;
export type ChainName = (typeof CHAINS)[number];
export const ASSETS = ['USDC', 'WBTC', 'WETH'] as const;
export type AssetName = (typeof ASSETS)[number];
export const UNDERLYINGS = ['BTC', 'ETH'] as const;
export type UnderlyingName = (typeof UNDERLYINGS)[number];
/** Strikes that are listed, of spot at the start; two expiries. */
export const MONEYNESS = [0.6, 0.75, 0.9, 1, 1.1, 1.25] as const;
export type Moneyness = (typeof MONEYNESS)[number];
export const EXPIRIES = ['week', 'month'] as const;
export type ExpiryName = (typeof EXPIRIES)[number];

/** `notional`: cash at the first spot, signed; negative is short. */
export interface PerpetualPlan {
  readonly kind: 'perpetual';
  readonly underlying: UnderlyingName;
  readonly notional: number;
}
export interface OptionPlan {
  readonly kind: 'call' | 'put';
  readonly underlying: UnderlyingName;
  readonly expiry: ExpiryName;
  readonly strike: Moneyness;
  readonly notional: number;
}
export type PositionPlan = PerpetualPlan | OptionPlan;

/** A part of an account's collateral. */
export interface Holding {
  readonly chain: ChainName;
  readonly asset: AssetName;
  /** of all of it, above 0; an account's sum to 1 */
  readonly weight: number;
}

/** How an owner looks after an account. */
export interface Owner {
  /** looks every so many quarters of an hour; 0: never */
  readonly looksEvery: number;
  /** tops up when equity over maintenance margin is below this */
  readonly tripsAt: number;
  /** … to this, as far as savings go */
  readonly tops: number;
  /** cash kept elsewhere, as a share of the account's first equity */
  readonly savings: number;
  /** where the savings are */
  readonly chain: ChainName;
}

export interface AccountPlan {
  readonly mode: Mode;
  readonly positions: readonly PositionPlan[];
  /** equity after haircuts at the start, as a multiple of the initial margin of the positions; above 1 */
  readonly coverage: number;
  readonly holdings: readonly Holding[];
  readonly owner: Owner;
}

const MEDIAN_NOTIONAL = 150_000;
const DISPERSION = 1.4;
const NOTIONAL = { least: 5_000, most: 15_000_000 };
/** Prices fall in these episodes because most are long. */
const LONG_SHARE = 0.75;

const notional = (random: Random): number =>
  Math.min(NOTIONAL.most, Math.max(NOTIONAL.least, MEDIAN_NOTIONAL * Math.exp(DISPERSION * random.normal())));

const perpetual = (underlying: UnderlyingName, size: number): PerpetualPlan => ({ kind: 'perpetual', underlying, notional: size });

const option = (random: Random, kind: 'call' | 'put', underlying: UnderlyingName, strike: Moneyness, size: number): OptionPlan => ({
  kind,
  underlying,
  expiry: random.pick(EXPIRIES),
  strike,
  notional: size,
});

/** One instrument, mostly a perpetual. */
function isolatedPositions(random: Random): PositionPlan[] {
  const underlying = random.pick(UNDERLYINGS);
  const size = notional(random);
  if (random.chance(0.12)) return [option(random, 'put', underlying, random.pick([0.75, 0.9, 1]), -size)];
  return [perpetual(underlying, random.chance(LONG_SHARE) ? size : -size)];
}

/** Perpetuals on one or both underlyings; some sell options beside them. */
function crossPositions(random: Random): PositionPlan[] {
  const size = notional(random);
  const [first, second]: readonly UnderlyingName[] = random.chance(0.5) ? ['BTC', 'ETH'] : ['ETH', 'BTC'];
  const side = random.chance(LONG_SHARE) ? 1 : -1;
  const positions: PositionPlan[] = [perpetual(first ?? 'BTC', side * size)];
  if (random.chance(0.5)) positions.push(perpetual(second ?? 'ETH', (random.chance(0.7) ? side : -side) * size * random.between(0.2, 1)));
  if (random.chance(0.3)) positions.push(option(random, 'put', first ?? 'BTC', random.pick([0.75, 0.9]), -size * random.between(0.2, 0.6)));
  if (random.chance(0.2))
    positions.push(option(random, 'call', first ?? 'BTC', random.pick([1.1, 1.25]), -size * random.between(0.2, 0.6)));
  return positions;
}

/** Books that a scenario grid credits: spreads, hedged options, pairs of underlyings. */
function portfolioPositions(random: Random): PositionPlan[] {
  const underlying = random.pick(UNDERLYINGS);
  const other = underlying === 'BTC' ? 'ETH' : 'BTC';
  const size = notional(random);
  const of = (kind: 'call' | 'put', strike: Moneyness, amount: number): OptionPlan => option(random, kind, underlying, strike, amount);
  switch (random.pick(['strangle', 'put spread', 'protected', 'covered', 'pair', 'hedged straddle', 'directional'] as const)) {
    case 'strangle':
      return [of('put', 0.75, -size), of('call', 1.25, -size)];
    case 'put spread':
      return [of('put', 0.9, -size), of('put', 0.75, size)];
    case 'protected':
      return [perpetual(underlying, size), of('put', 0.9, size * random.between(0.5, 1))];
    case 'covered':
      return [perpetual(underlying, size), of('call', 1.1, -size)];
    case 'pair':
      return [perpetual(underlying, size), perpetual(other, -size * random.between(0.6, 1))];
    case 'hedged straddle':
      return [of('call', 1, -size), of('put', 1, -size), perpetual(underlying, size * random.between(0.03, 0.2))];
    case 'directional':
      return [perpetual(underlying, size), perpetual(other, size * random.between(0.3, 1)), of('put', 0.75, -size * 0.5)];
  }
}

function positionsOf(mode: Mode, random: Random): PositionPlan[] {
  switch (mode) {
    case 'isolated':
      return isolatedPositions(random);
    case 'cross':
      return crossPositions(random);
    case 'portfolio':
      return portfolioPositions(random);
  }
}

/** Cash on one or two chains; cross and portfolio accounts also lock coins, which fall with what they secure. */
function holdingsOf(mode: Mode, random: Random): Holding[] {
  const places = random.chance(0.45) ? 2 : 1;
  const assets: AssetName[] = mode === 'isolated' || random.chance(0.45) ? ['USDC'] : ['USDC', random.pick(['WBTC', 'WETH'] as const)];
  const parts = assets.flatMap((asset) => {
    const chains = [...CHAINS].sort(() => random.next() - 0.5).slice(0, places);
    return chains.map((chain) => ({ chain, asset, weight: random.between(0.2, 1) }));
  });
  const sum = parts.reduce((total, { weight }) => total + weight, 0);
  return parts.map((part) => ({ ...part, weight: part.weight / sum }));
}

function ownerOf(random: Random): Owner {
  return {
    looksEvery: random.chance(0.25) ? 0 : random.pick([1, 1, 2, 4, 16]),
    tripsAt: random.between(1.2, 2.5),
    tops: random.between(2.5, 4),
    savings: random.chance(0.25) ? 0 : random.scaled(0.1, 1.5),
    chain: random.pick(CHAINS),
  };
}

/** Modes take turns, so each has a third of the accounts. */
export function population(seed: number, count: number): AccountPlan[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, index) => {
    const mode = MODES[index % MODES.length] ?? 'cross';
    return {
      mode,
      positions: positionsOf(mode, random),
      coverage: random.scaled(1.1, 20),
      holdings: holdingsOf(mode, random),
      owner: ownerOf(random),
    };
  });
}
