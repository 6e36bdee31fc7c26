import { call, cdf, exp, fromFixed, ln, ONE, pdf, sqrt, toFixed } from './oracle.js';
import * as black76 from '../../../src/risk/math/black76.js';
import * as fixed from '../../../src/risk/math/fixed.js';
import * as normal from '../../../src/risk/math/normal.js';

/** A deterministic stream of 64-bit numbers (SplitMix64), so that the files can be made again. */
function* splitMix(seed: bigint): Generator<bigint, never> {
  for (let state = seed; ;) {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    yield z ^ (z >> 31n);
  }
}

/** Columns of decimal strings: what Solidity's JSON reader takes as arrays. */
export type Columns = Record<string, string[]>;

function columns(rows: readonly Record<string, bigint>[]): Columns {
  const out: Columns = {};
  for (const row of rows) for (const [name, value] of Object.entries(row)) (out[name] ??= []).push(value.toString());
  return out;
}

const Q64 = 1n << 64n;

/** exp, ln, sqrt, cdf, pdf: argument, the twin's value, and the reference rounded to Q64. */
export function functionVectors(): Record<string, Columns> {
  const random = splitMix(0x4c6f636b73746570n);
  const next = (): bigint => random.next().value;
  const inRange = (low: bigint, high: bigint): bigint => low + (next() * (high - low)) / Q64;
  const row = (x: bigint, twin: bigint, reference: bigint): Record<string, bigint> => ({ x, twin, reference });
  const expArguments = [0n, 1n, -1n, Q64, -Q64, 44n * Q64, -44n * Q64, fixed.EXP_VANISHES_AT, fixed.EXP_SATURATES_AT - 1n];
  const lnArguments = [1n, 2n, Q64 - 1n, Q64, Q64 + 1n, 2n * Q64, (1n << 256n) - 1n, 1n << 255n];
  const sqrtArguments = [0n, 1n, 2n, Q64, (1n << 192n) - 1n, 1n << 192n, (1n << 256n) - 1n];
  const normalArguments = [0n, 1n, -1n, Q64, -Q64, -(13n << 63n), (13n << 63n) - 1n, 13n << 63n, -(13n << 63n) - 1n, 9n * Q64, -30n * Q64];
  for (let i = 0; i < 60; i++) {
    expArguments.push(inRange(-45n * Q64, 60n * Q64));
    lnArguments.push(next() | ((next() << 64n) >> (next() % 100n)), (next() % 1000n) + 1n, inRange(Q64 / 4n, 4n * Q64));
    sqrtArguments.push(next() << (next() % 130n), next() >> (next() % 60n));
    normalArguments.push(inRange(-7n * Q64, 7n * Q64), inRange(-2n * Q64, 2n * Q64));
  }
  return {
    exp: columns(expArguments.map((x) => row(x, fixed.exp(x), toFixed(exp(fromFixed(x)))))),
    ln: columns(lnArguments.map((x) => row(x, fixed.ln(x), toFixed(ln(fromFixed(x)))))),
    sqrt: columns(sqrtArguments.map((x) => row(x, fixed.sqrt(x), toFixed(sqrt(fromFixed(x)))))),
    cdf: columns(normalArguments.map((x) => row(x, normal.cdf(x), toFixed(cdf(fromFixed(x)))))),
    pdf: columns(normalArguments.map((x) => row(x, normal.pdf(x), toFixed(pdf(fromFixed(x)))))),
  };
}

/** Options over every corner: days to years, 1% to 500% volatility, strikes from F/40 to 40·F, plus the degenerate ones. */
export function optionVectors(): Columns {
  const random = splitMix(0x426c61636b2d3736n);
  const next = (): bigint => random.next().value;
  const wad = 10n ** 18n;
  const terms: black76.OptionTerms[] = [];
  const add = (forward: bigint, strike: bigint, sigma: bigint, time: bigint, discount: bigint): void => {
    terms.push({ forward, strike, sigma, time, discount, isCall: true }, { forward, strike, sigma, time, discount, isCall: false });
  };
  const year = Q64;
  add(60_000n * wad, 60_000n * wad, Q64 / 2n, year, Q64);
  add(60_000n * wad, 60_000n * wad, 0n, year, Q64);
  add(60_000n * wad, 50_000n * wad, Q64 / 2n, 0n, Q64);
  add(0n, 50_000n * wad, Q64 / 2n, year, Q64);
  add(60_000n * wad, 0n, Q64 / 2n, year, Q64);
  add((1n << 128n) - 1n, 1n, Q64, year, Q64);
  add(1n, (1n << 128n) - 1n, Q64, year, Q64);
  add((1n << 128n) - 1n, (1n << 128n) - 1n, 1000n * Q64, 1000n * year, Q64);
  add(60_000n * wad, 60_000n * wad, 1n, 1n, Q64);
  for (let i = 0; i < 120; i++) {
    const forward = (1n + (next() % 100_000n)) * wad + (next() % wad);
    const moneyness = BigInt(Math.round(Math.exp((Number(next() % 2_000_001n) / 1e6 - 1) * (i % 3 === 0 ? 3.68 : 0.7)) * 1e9));
    const sigma = Q64 / 100n + next() * 5n;
    const time = (year * (1n + (next() % 1500n))) / 730n;
    add(forward, (forward * moneyness) / 10n ** 9n, i % 3 === 0 ? sigma : sigma / 4n, time, Q64 - (next() >> 3n));
  }
  return columns(
    terms.map((t) => {
      const v = black76.totalVolatility(t.sigma, t.time);
      const g = black76.greeks(t);
      const trivial = t.forward === 0n || t.strike === 0n || v === 0n;
      const intrinsic = t.forward > t.strike ? t.forward - t.strike : 0n;
      const exactVol = (fromFixed(t.sigma) * sqrt(fromFixed(t.time))) / ONE;
      const cappedVol = exactVol > 64n * ONE ? 64n * ONE : exactVol;
      const reference = trivial ? intrinsic : call(t.forward * ONE, t.strike * ONE, cappedVol) / ONE;
      const undiscounted = t.isCall ? reference : reference + t.strike - t.forward;
      return {
        forward: t.forward,
        strike: t.strike,
        sigma: t.sigma,
        time: t.time,
        discount: t.discount,
        isCall: t.isCall ? 1n : 0n,
        reference: (undiscounted * t.discount) >> 64n,
        ...g,
      };
    }),
  );
}
