import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  isButterflyFree,
  isCalendarFree,
  packSlice,
  smileVolatility,
  strikeVolatility,
  unpackSlice,
  type SmileSlice,
} from '../../../src/risk/smile.js';
import { anySlice, DAY, fartherSlice, smileVectors, uniform } from './smile-vectors.js';

const FILE = path.join(import.meta.dirname, '../../../vectors/risk/smile.json');

/** The same formula in doubles: total variance at k after `days`. */
function variance({ vol, rho, phi }: SmileSlice, k: number, days: number): number {
  const [v, r, p] = [Number(vol) / 1e8, Number(rho) / 1e9, Number(phi) / 1e9];
  return ((v * v * (days / 365)) / 2) * (1 + r * p * k + Math.sqrt((p * k + r) ** 2 + 1 - r * r));
}

/** Durrleman's function: the density of the forward has its sign. */
function durrleman(slice: SmileSlice, k: number, days: number): number {
  const [r, p] = [Number(slice.rho) / 1e9, Number(slice.phi) / 1e9];
  const half = ((Number(slice.vol) / 1e8) ** 2 * (days / 365)) / 2;
  const root = Math.sqrt((p * k + r) ** 2 + 1 - r * r);
  const w = variance(slice, k, days);
  const first = half * (r * p + (p * (p * k + r)) / root);
  const second = (half * p * p * (1 - r * r)) / root ** 3;
  return (1 - (k * first) / (2 * w)) ** 2 - (first * first * (1 / w + 0.25)) / 4 + second / 2;
}

const GRID = Array.from({ length: 241 }, (_, i) => Math.sinh((i - 120) / 20) / 20);

describe('given a packed slice', () => {
  it('reads back what was packed', () => {
    const next = uniform(1);
    for (let i = 0; i < 500; i++) {
      const slice = anySlice(next);
      expect(unpackSlice(packSlice(slice))).toEqual(slice);
    }
  });

  it.each([
    { name: 'vol', slice: { vol: 0n, rho: 0n, phi: 0n } },
    { name: 'vol', slice: { vol: 1n << 32n, rho: 0n, phi: 0n } },
    { name: 'rho', slice: { vol: 1n, rho: 10n ** 9n, phi: 0n } },
    { name: 'rho', slice: { vol: 1n, rho: -(10n ** 9n), phi: 0n } },
    { name: 'phi', slice: { vol: 1n, rho: 0n, phi: 1n << 48n } },
  ])('refuses a $name out of range by name', ({ name, slice }) => {
    expect(() => packSlice(slice)).toThrow(new RegExp(`^${name} is`));
  });
});

describe('given the smile', () => {
  it('is the formula in doubles to 1e-12', () => {
    const next = uniform(2);
    for (let i = 0; i < 1_000; i++) {
      const slice = anySlice(next);
      const k = (next() - 0.5) * 7;
      const fixed = Number(smileVolatility(slice, BigInt(Math.round(k * 2 ** 52)) << 12n)) / 2 ** 64;
      const exact = Math.sqrt(variance(slice, k, 365));
      expect(Math.abs(fixed - exact)).toBeLessThan(exact * 1e-12 + 1e-17);
    }
  });

  it('has its volatility at the money where the strike is the forward', () => {
    const slice = { vol: 65_000_000n, rho: -250_000_000n, phi: 1_200_000_000n };
    expect(Number(strikeVolatility(slice, 60_000n, 60_000n)) / 2 ** 64).toBeCloseTo(0.65, 12);
  });

  it('is flat without curvature', () => {
    const flat = { vol: 50_000_000n, rho: 300_000_000n, phi: 0n };
    for (const strike of [1n, 10n, 100n, 10_000n]) expect(Number(strikeVolatility(flat, strike, 100n)) / 2 ** 64).toBeCloseTo(0.5, 12);
  });
});

describe('given a slice judged free of butterfly arbitrage', () => {
  it('has a density that is nowhere negative, now and later', () => {
    const next = uniform(3);
    let judgedFree = 0;
    let refused = 0;
    for (let i = 0; i < 1_500; i++) {
      const slice = anySlice(next);
      const days = 700 ** next();
      if (!isButterflyFree(slice, BigInt(Math.round(days * DAY)))) {
        refused++;
        continue;
      }
      judgedFree++;
      for (const left of [1, 0.5, 0.01]) expect(Math.min(...GRID.map((k) => durrleman(slice, k, days * left)))).toBeGreaterThan(-1e-9);
    }
    expect(judgedFree).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(200);
  });

  it('is not judged so where the density does go negative', () => {
    const steep = { vol: 100_000_000n, rho: -900_000_000n, phi: 8_000_000_000n };
    expect(Math.min(...GRID.map((k) => durrleman(steep, k, 365)))).toBeLessThan(0);
    expect(isButterflyFree(steep, BigInt(365 * DAY))).toBe(false);
  });
});

describe('given two expiries judged free of calendar arbitrage', () => {
  it('have total variance that rises with time at every strike, now and later', () => {
    const next = uniform(4);
    let judgedFree = 0;
    let crossed = 0;
    for (let i = 0; i < 6_000; i++) {
      const near = anySlice(next);
      const far = fartherSlice(near, next);
      const days = 1 + next() * 300;
      const between = next() * 60;
      const crosses = (elapsed: number): boolean =>
        GRID.some((k) => variance(far, k, days + between - elapsed) < variance(near, k, days - elapsed) * (1 - 1e-9));
      const seconds = (value: number): bigint => BigInt(Math.floor(value * DAY));
      if (isCalendarFree(near, seconds(days), far, seconds(days) + seconds(between))) {
        judgedFree++;
        for (const elapsed of [0, days / 2, days * 0.99]) expect(crosses(elapsed)).toBe(false);
      } else if (crosses(0)) crossed++;
    }
    expect(judgedFree).toBeGreaterThan(200);
    expect(crossed).toBeGreaterThan(200);
  });
});

describe('given the vectors Solidity reads', () => {
  it('are the ones committed', () => {
    const text = `${JSON.stringify(smileVectors(), null, 1)}\n`;
    if (process.env['UPDATE_VECTORS'] === '1') writeFileSync(FILE, text);
    expect(readFileSync(FILE, 'utf8')).toBe(text);
  });
});
