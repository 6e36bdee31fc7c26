import { lnRatio } from '../../../src/risk/math/fixed.js';
import { isButterflyFree, isCalendarFree, packSlice, smileVolatility, type SmileSlice } from '../../../src/risk/smile.js';

/** A deterministic stream of numbers in [0, 1) (Mulberry32), so that the files can be made again. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const whole = (value: number): bigint => BigInt(Math.round(value));

/** A slice from quiet to wild: volatility 5% … 300%, any lean, curvature 0.01 … 100. */
export function anySlice(next: () => number): SmileSlice {
  return {
    vol: whole(1e8 * 0.05 * 60 ** next()),
    rho: whole(1e9 * (next() * 1.9 - 0.95)),
    phi: whole(1e9 * 0.01 * 10_000 ** next()),
  };
}

/** A slice a little further out than `near`, near the edge of calendar freedom. */
export function fartherSlice({ vol, rho, phi }: SmileSlice, next: () => number): SmileSlice {
  return {
    vol: whole(Number(vol) * (0.7 + 0.6 * next())),
    rho: whole(Math.max(-0.99e9, Math.min(0.99e9, Number(rho) + 1e8 * (next() - 0.5)))),
    phi: whole(Number(phi) * (0.6 + 0.5 * next())),
  };
}

export const DAY = 86_400;

/** What binds Solidity's Smile to the twin: volatilities at strikes from F/40 to 40·F, and both verdicts on pairs of slices. */
export function smileVectors(): Record<string, Record<string, string[]>> {
  const next = uniform(0x536d696c);
  const volatility: Record<string, string[]> = { slice: [], k: [], sigma: [] };
  const corners: SmileSlice[] = [
    { vol: 1n, rho: 0n, phi: 0n },
    { vol: (1n << 32n) - 1n, rho: 999_999_999n, phi: (1n << 48n) - 1n },
    { vol: (1n << 32n) - 1n, rho: -999_999_999n, phi: (1n << 48n) - 1n },
    { vol: 60_000_000n, rho: -300_000_000n, phi: 1_500_000_000n },
  ];
  const slices = [...corners, ...Array.from({ length: 40 }, () => anySlice(next))];
  const extremes = [0n, 1n, -1n, lnRatio((1n << 128n) - 1n, 1n), lnRatio(1n, (1n << 128n) - 1n)];
  for (const slice of slices)
    for (const k of [...extremes, ...Array.from({ length: 4 }, () => whole((next() - 0.5) * 7.4 * 2 ** 52) << 12n)]) {
      volatility['slice']?.push(packSlice(slice).toString());
      volatility['k']?.push(k.toString());
      volatility['sigma']?.push(smileVolatility(slice, k).toString());
    }
  const pairs: Record<string, string[]> = { near: [], nearTime: [], far: [], farTime: [], butterflyFree: [], calendarFree: [] };
  for (let i = 0; i < 200; i++) {
    const near = anySlice(next);
    const far = fartherSlice(near, next);
    const nearTime = whole(DAY * 700 ** next());
    const farTime = nearTime + whole(next() * DAY * 60);
    const row = [
      packSlice(near),
      nearTime,
      packSlice(far),
      farTime,
      isButterflyFree(near, nearTime),
      isCalendarFree(near, nearTime, far, farTime),
    ];
    Object.values(pairs).forEach((values, index) => values.push(String(typeof row[index] === 'boolean' ? Number(row[index]) : row[index])));
  }
  return { volatility, pairs };
}
