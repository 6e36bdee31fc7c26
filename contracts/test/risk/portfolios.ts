import { risk } from '@lockstep/shared';
import fc from 'fast-check';

/** Portfolios and parameter sets for the closed forms, and their shape as the contract takes them. */

const WAD = 10n ** 18n;
const DAY_WAD = WAD;

/** A deterministic stream of 64-bit numbers (SplitMix64). */
export function* splitMix(seed: bigint): Generator<bigint, never> {
  for (let state = seed; ;) {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    yield z ^ (z >> 31n);
  }
}

/** Seed of this run, as every property has it (jest.setup.mjs): LOCKSTEP_SEED, or another one each time in a long run. Said by the tests' names. */
export const SEED = fc.readConfigureGlobal().seed ?? 0;
/** A stream of this run's seed, of its own for each user. */
export const seeded = (user: bigint): Generator<bigint, never> => splitMix(user ^ splitMix(BigInt(SEED)).next().value);

export type Next = () => bigint;
const below = (next: Next, limit: bigint): bigint => ((next() << 64n) | next()) % limit;
const between = (next: Next, low: bigint, high: bigint): bigint => low + below(next, high - low + 1n);
const chance = (next: Next, percent: bigint): boolean => next() % 100n < percent;
const many = <T>(count: bigint, make: (index: number) => T): T[] => Array.from({ length: Number(count) }, (_, index) => make(index));

const ASSETS = ['BTC', 'ETH', 'DAI', 'USDT', 'else'];
const CHAINS = ['one', 'two', 'three', 'four'];
const STATES = ['healthy', 'degraded', 'quarantined', 'written-down'] as const;

function anyExpiry(next: Next, spot: bigint): risk.Portfolio['underlyings'][number]['expiries'][number] {
  const forward = (spot * between(next, 900n, 1100n)) / 1000n;
  const strikes = many(between(next, 1n, 6n), () => (forward * between(next, 100n, 4000n)) / 1000n + 1n);
  return {
    days: chance(next, 8n) ? 0n : below(next, 400n * DAY_WAD),
    forward,
    rate: chance(next, 80n) ? 0n : between(next, 0n, WAD / 5n) - WAD / 10n,
    averaged: 0n,
    options: many(between(next, 0n, 9n), () => ({
      kind: chance(next, 50n) ? ('call' as const) : ('put' as const),
      strike: strikes[Number(next() % BigInt(strikes.length))] ?? forward,
      size: chance(next, 4n) ? 0n : between(next, 0n, 400n * WAD) - 200n * WAD,
      vol: between(next, WAD / 100n, 3n * WAD),
    })),
  };
}

function anyUnderlying(next: Next, name: string): risk.Portfolio['underlyings'][number] {
  const spot = between(next, WAD / 1000n, 100_000n * WAD);
  const mark = (spot * between(next, 950n, 1050n)) / 1000n;
  return {
    name,
    spot,
    confidence: WAD,
    ...(chance(next, 75n)
      ? {
          perpetual: {
            size: between(next, 0n, 4_000n * WAD) - 2_000n * WAD,
            entry: (mark * between(next, 500n, 1500n)) / 1000n + 1n,
            mark,
          },
        }
      : {}),
    expiries: many(below(next, 4n), () => anyExpiry(next, spot)),
  };
}

/** An account: from flat to several underlyings, expiries, chains in trouble and a profile of its own. */
export function anyPortfolio(next: Next): risk.Portfolio {
  return {
    cash: between(next, 0n, 20_000_000n * WAD) - 10_000_000n * WAD,
    settlementPrice: WAD,
    collateral: many(below(next, 7n), () => ({
      asset: ASSETS[Number(next() % 5n)] ?? 'else',
      amount: chance(next, 8n) ? 0n : below(next, 3_000n * WAD),
      price: below(next, 60_000n * WAD),
      ...(chance(next, 90n) ? { chain: CHAINS[Number(next() % 4n)] ?? 'one' } : {}),
    })),
    chains: Object.fromEntries(
      CHAINS.filter(() => chance(next, 50n)).map((chain) => [
        chain,
        { state: STATES[Number(next() % 4n)] ?? 'healthy', ramp: below(next, WAD + 1n) },
      ]),
    ),
    ...(chance(next, 40n)
      ? {
          profile: {
            initialFactor: WAD + below(next, 2n * WAD),
            warnAt: WAD,
            ...(chance(next, 60n) ? { maxLeverage: between(next, WAD / 10n, 50n * WAD) } : {}),
          },
        }
      : {}),
    underlyings: many(below(next, 4n), (index) => anyUnderlying(next, ['BTC', 'ETH', 'SOL'][index] ?? 'SOL')),
  };
}

type Standard = Extract<risk.Parameters, { method: 'isolated' | 'cross' }>;

/** Rules near and far from our own, of every method, with tiers, rates, crowding and chain charges of all sizes. */
export function anyRules(next: Next): Standard {
  const rate = (low: bigint, high: bigint): bigint => between(next, (low * WAD) / 1000n, (high * WAD) / 1000n);
  const pair = (): { maintenance: bigint; initialExtra: bigint } => ({ maintenance: rate(0n, 400n), initialExtra: rate(0n, 300n) });
  const rising = (count: bigint, step: bigint): bigint[] => {
    let at = 0n;
    return many(count, (index) => (index === 0 ? 0n : (at += 1n + below(next, step))));
  };
  return {
    method: chance(next, 50n) ? 'cross' : 'isolated',
    name: 'any',
    source: 'made for the test',
    haircuts: Object.fromEntries(
      ['BTC', 'ETH', 'DAI', '*'].map((asset) => [
        asset,
        rising(between(next, 1n, 3n), 5_000_000n * WAD).map((from) => ({ from, ...pair() })),
      ]),
    ),
    ...(chance(next, 70n)
      ? {
          chains: {
            add: { one: pair(), two: pair(), '*': pair() },
            states: { degraded: pair(), quarantined: pair(), 'written-down': { maintenance: WAD, initialExtra: 0n } },
          },
        }
      : {}),
    perpetual: rising(between(next, 1n, 4n), 20_000_000n * WAD).map((from) => {
      const maintenance = rate(1n, 500n);
      return { from, maintenance, initial: maintenance + rate(0n, 500n) };
    }),
    openInterest: Object.fromEntries(
      ['BTC', 'ETH'].map((name) => [
        name,
        { now: below(next, 10n ** 9n * WAD), lower: below(next, 10n ** 8n * WAD), upper: below(next, 10n ** 9n * WAD) },
      ]),
    ),
    option: {
      initialMax: rate(100n, 300n),
      initialMin: rate(50n, 150n),
      maintenance: rate(10n, 100n),
      putMaintenanceOfMark: rate(0n, 200n),
      unpairedInitial: rate(1000n, 1500n),
      unpairedMaintenance: rate(1000n, 1300n),
    },
  };
}

/** The arguments of StandardMargin.evaluate. Prices, sizes and rules go over as they are; the chain's rates are worked out beside. */
export function toContract(portfolio: risk.Portfolio, rules: Standard) {
  return {
    portfolio: {
      cash: portfolio.cash,
      collateral: portfolio.collateral.map((lot) => {
        return {
          class: BigInt(ASSETS.indexOf(lot.asset)),
          value: risk.collateralValue(lot),
          chain: risk.chainRates(rules, portfolio, lot),
        };
      }),
      underlyings: portfolio.underlyings.map((underlying) => {
        const { name, spot, perpetual, expiries } = underlying;
        const interest = rules.openInterest[name];
        return {
          spot,
          perpetualSize: perpetual?.size ?? 0n,
          perpetualMark: perpetual?.mark ?? 0n,
          perpetualProfit: risk.perpetualProfit(underlying),
          openInterest: { current: interest?.now ?? 0n, lower: interest?.lower ?? 0n, upper: interest?.upper ?? 0n },
          expiries: expiries.map((expiry) => ({
            forward: expiry.forward,
            time: risk.yearsQ64(expiry),
            discount: risk.discountQ64(expiry),
            options: expiry.options.map(({ kind, strike, size, vol }) => ({ isCall: kind === 'call', strike, size, sigma: vol, mark: 0n })),
          })),
        };
      }),
      profile: { initialFactor: portfolio.profile?.initialFactor ?? WAD, maxLeverage: portfolio.profile?.maxLeverage ?? 0n },
    },
    rules: {
      isIsolated: rules.method === 'isolated',
      perpetual: rules.perpetual,
      option: rules.option,
      haircuts: ASSETS.map((asset) => rules.haircuts[asset] ?? rules.haircuts['*'] ?? []),
    },
  };
}
