import type { risk } from '@lockstep/shared';
import type { Next } from './portfolios.js';

/** Accounts for portfolio margin, and their shape as the contract takes them. */

const WAD = 10n ** 18n;
const below = (next: Next, limit: bigint): bigint => ((next() << 64n) | next()) % limit;
const between = (next: Next, low: bigint, high: bigint): bigint => low + below(next, high - low + 1n);
const chance = (next: Next, percent: bigint): boolean => next() % 100n < percent;
const many = <T>(count: bigint, make: (index: number) => T): T[] => Array.from({ length: Number(count) }, (_, index) => make(index));
const sum = (values: readonly bigint[]): bigint => values.reduce((a, b) => a + b, 0n);

/** Seldom more than lanes hold exactly, up to the most a position may be. */
function anyLots(next: Next): bigint {
  const most = chance(next, 3n) ? 2n ** 32n - 1n : 200_000n;
  return chance(next, 4n) ? 0n : between(next, -most, most);
}

function anyExpiry(next: Next, spot: bigint, strikes = 3n, options = 5n): risk.FixedUnderlying['expiries'][number] {
  const forward = (spot * between(next, 900n, 1100n)) / 1000n ** (chance(next, 2n) ? 3n : 1n) + (chance(next, 2n) ? spot << 12n : 1n);
  const rows = many(between(next, 1n, strikes), () => ({
    // Now and then far beyond what a lane holds.
    strike:
      (forward * between(next, 100n, 4000n)) / 1000n ** (chance(next, 3n) ? 2n : 1n) + (chance(next, 3n) ? forward << (next() % 16n) : 1n),
    sigma: ((between(next, 1n, 300n) << 64n) + next()) / 100n,
  }));
  const first = rows.slice(0, 1);
  return {
    forward,
    time: chance(next, 8n) ? 0n : (below(next, 400n * 86_400n) << 64n) / (365n * 86_400n),
    // None, some or all of it averaged.
    averaged: chance(next, 80n) ? 0n : chance(next, 40n) ? 1n << 15n : below(next, 1n << 15n),
    options: many(between(next, 0n, options), () => {
      const row = rows[Number(next() % BigInt(rows.length))] ?? first[0];
      if (row === undefined) throw new Error('an expiry without rows');
      return { ...row, isPut: chance(next, 50n), lots: anyLots(next) };
    }),
  };
}

/** @param isCrowded up to thirteen strikes an expiry */
function anyUnderlying(next: Next, isCrowded = false): risk.FixedUnderlying {
  const spot = between(next, WAD / 1000n, 100_000n * WAD);
  return {
    spot,
    perpetualSize: chance(next, 75n) ? between(next, -2_000n * WAD, 2_000n * WAD) : 0n,
    perpetualMark: (spot * between(next, 950n, 1050n)) / 1000n,
    perpetualProfit: between(next, -9_000_000n * WAD, 9_000_000n * WAD),
    followers: chance(next, 50n) ? below(next, 9_000_000n * WAD) : 0n,
    confidence: chance(next, 80n) ? WAD : below(next, WAD + 1n),
    group: chance(next, 70n) ? 1n : between(next, 0n, 2n),
    correlation: between(next, 0n, (3n * WAD) / 4n),
    expiries: isCrowded
      ? many(between(next, 1n, 4n), () => anyExpiry(next, spot, 13n, 26n))
      : many(below(next, 3n), () => anyExpiry(next, spot)),
  };
}

/** An account: from flat to several underlyings that offset, unsure feeds, expiries averaged in part or settled, a settlement asset off its peg. */
export function anyFixedAccount(next: Next): risk.FixedAccount {
  const maintenance = below(next, 100_000n * WAD);
  return {
    cash: between(next, -10_000_000n * WAD, 90_000_000n * WAD),
    collateral: below(next, 20_000_000n * WAD),
    haircuts: { maintenance, initial: maintenance + below(next, 100_000n * WAD) },
    settlementPrice: chance(next, 70n) ? WAD : between(next, WAD / 2n, WAD),
    initialFactor: chance(next, 30n) ? below(next, 3n * WAD) : 0n,
    maxLeverage: chance(next, 30n) ? between(next, WAD / 10n, 50n * WAD) : 0n,
    underlyings: many(below(next, 4n), () => anyUnderlying(next)),
  };
}

/** An underlying with up to thirteen strikes an expiry, mostly alone: rows are added up one by one, in fours, and in what is left of them. */
export function anyCrowdedAccount(next: Next): risk.FixedAccount {
  const account = anyFixedAccount(next);
  const beside = account.underlyings.slice(0, chance(next, 70n) ? 0 : 1);
  return { ...account, underlyings: [...beside, anyUnderlying(next, true)] };
}

/** Up to eight underlyings at a price of 1, mostly without options, of which the last takes back what the others come to but for some wei. */
export function anyCancellingAccount(next: Next): risk.FixedAccount {
  const account = anyFixedAccount(next);
  const size = [1n, 30n, 3_000n, 10n ** 6n, 10n ** 9n, WAD][Number(below(next, 6n))] ?? 1n;
  const sizes = many(below(next, 8n), () => between(next, -size, size));
  sizes.push(between(next, -12n, 12n) - sum(sizes));
  const underlyings = sizes.map((perpetualSize) => {
    const expiries = chance(next, 4n) ? [anyExpiry(next, WAD)] : [];
    const group = chance(next, 70n) ? between(next, 1n, 3n) : 0n;
    return { ...anyUnderlying(next), spot: WAD, perpetualSize, perpetualMark: WAD, followers: 0n, group, expiries };
  });
  return { ...account, underlyings };
}

/** Options on what is worth next to nothing: forwards of a few units, whose gain comes to none. */
export function anyWorthlessAccount(next: Next): risk.FixedAccount {
  const account = anyFixedAccount(next);
  const spot = between(next, 1n, WAD / 2_000n);
  const { expiries, ...underlying } = anyUnderlying(next, true);
  const few = expiries.map((expiry) => ({ ...expiry, forward: between(next, 1n, 4n) }));
  return { ...account, underlyings: [{ ...underlying, spot, perpetualMark: spot, expiries: few }] };
}

const OPTION_BITS = 42n;

/** Packed as holdings: six options a word. */
function optionWords(options: readonly { readonly series: bigint; readonly lots: bigint }[]): bigint[] {
  return many(BigInt(Math.ceil(options.length / 6)), (word) =>
    options
      .slice(word * 6, word * 6 + 6)
      .reduce((packed, { series, lots }, at) => packed | ((series | (BigInt.asUintN(33, lots) << 9n)) << (BigInt(at) * OPTION_BITS)), 0n),
  );
}

function resolved(underlying: risk.FixedUnderlying) {
  const expiries = underlying.expiries.map(({ options, ...expiry }) => {
    const sigmaOf = new Map(options.map(({ strike, sigma }) => [strike, sigma]));
    return { ...expiry, options, strikes: [...sigmaOf.keys()], sigmas: [...sigmaOf.values()] };
  });
  const options = expiries.flatMap(({ strikes, options: held }, index) => {
    const first = sum(expiries.slice(0, index).map((before) => BigInt(before.strikes.length)));
    return held.map(({ strike, isPut, lots }) => ({ series: ((first + BigInt(strikes.indexOf(strike))) << 1n) | (isPut ? 1n : 0n), lots }));
  });
  return {
    words: optionWords(options),
    expiries: expiries.map(({ forward, time, averaged, strikes, sigmas }) => ({
      forward,
      time,
      averaged: Number(averaged),
      strikes,
      sigmas,
    })),
  };
}

/** The arguments of PortfolioMethod.whatIf. */
export function toMethod(account: risk.FixedAccount) {
  const each = account.underlyings.map((underlying) => ({ underlying, ...resolved(underlying) }));
  return [
    {
      ...account,
      underlyings: each.map(({ underlying, words }) => ({ ...underlying, options: words })),
    },
    each.map(({ expiries }) => expiries),
  ] as const;
}
