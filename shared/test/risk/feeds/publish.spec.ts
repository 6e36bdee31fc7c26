import { feedName } from '../../../src/risk/feed-word.js';
import { priceAt, simulatedPath, volatilityAt } from '../../../src/risk/publish/path.js';
import { expiriesAt, snapshotAt, type PublishedUnderlying } from '../../../src/risk/publish/snapshot.js';
import { isButterflyFree, isCalendarFree, unpackSlice } from '../../../src/risk/smile.js';
import { uniform } from './smile-vectors.js';

const NOW = 1_800_000_000;
const DAY = 86_400;

describe('given a path', () => {
  it('is the same for everyone who has its seed, and another for another', () => {
    const path = simulatedPath(7, 60_000, 0.6, 500, 60);
    expect(simulatedPath(7, 60_000, 0.6, 500, 60)).toEqual(path);
    expect(simulatedPath(8, 60_000, 0.6, 500, 60).prices[1]).not.toBe(path.prices[1]);
  });

  it('passes through its prices and never jumps, at its end neither', () => {
    const path = { prices: [100, 110, 99], stepSeconds: 10, recordedSeconds: DAY };
    expect([0, 10, 20, 30, 40, 50].map((seconds) => priceAt(path, seconds))).toEqual([100, 110, 99, 110, 100, 110]);
    for (let seconds = 0; seconds < 100; seconds += 0.5)
      expect(Math.abs(Math.log(priceAt(path, seconds + 0.5) / priceAt(path, seconds)))).toBeLessThan(0.01);
  });

  it('has about the volatility it was made with', () => {
    const path = simulatedPath(11, 60_000, 0.6, 4000, 60);
    const mean = Array.from({ length: 100 }, (_, i) => volatilityAt(path, i * 2000)).reduce((a, b) => a + b, 0) / 100;
    expect(mean).toBeGreaterThan(0.5);
    expect(mean).toBeLessThan(0.7);
  });

  it('is refused without prices', () => {
    expect(() => priceAt({ prices: [1], stepSeconds: 1, recordedSeconds: 1 }, 0)).toThrow('expected at least 2');
    expect(() => priceAt({ prices: [1, 0], stepSeconds: 1, recordedSeconds: 1 }, 0.5)).toThrow('expected one above 0');
  });
});

describe('given underlyings to publish', () => {
  const next = uniform(5);
  const published = (): PublishedUnderlying => ({
    underlying: 1 + Math.floor(next() * 9),
    path: simulatedPath(Math.floor(next() * 1e9), 10 ** (next() * 9 - 4), 0.1 + 2 * next(), 300, 60),
    spread: 1_000_000,
    premium: next() * 0.002 - 0.001,
    rate: next() * 0.2 - 0.1,
    lean: next() * 1.8 - 0.9,
    expiries: { count: 1 + Math.floor(next() * 8), everyDays: 1 + Math.floor(next() * 30) },
  });

  it('every snapshot has ascending feeds, positive prices, and surfaces free of arbitrage', () => {
    for (let i = 0; i < 200; i++) {
      const seconds = NOW + Math.floor(next() * 1e7);
      const reports = snapshotAt([published()], seconds);
      const surfaces = reports.filter(({ feed }) => feedName(feed).kind === 'surface');
      reports.forEach(({ feed, value }, index) => {
        expect(value).toBeGreaterThan(0n);
        expect(feed).toBeGreaterThan(reports[index - 1]?.feed ?? -1n);
      });
      surfaces.forEach(({ feed, value }, index) => {
        const left = feedName(feed).expiry - BigInt(seconds);
        expect(isButterflyFree(unpackSlice(value), left)).toBe(true);
        const before = surfaces[index - 1];
        if (before === undefined) return;
        expect(isCalendarFree(unpackSlice(before.value), feedName(before.feed).expiry - BigInt(seconds), unpackSlice(value), left)).toBe(
          true,
        );
      });
    }
  });

  it('expiries are at 08:00, in the future, and stay while time passes', () => {
    const weekly = { count: 3, everyDays: 7 };
    const expiries = expiriesAt(weekly, NOW);
    expect(expiries.every((expiry) => expiry > NOW && expiry % DAY === 8 * 3600)).toBe(true);
    expect(expiriesAt(weekly, (expiries[0] ?? 0) - 1)).toEqual(expiries);
    expect(expiriesAt(weekly, expiries[0] ?? 0)).toEqual([...expiries.slice(1), (expiries[2] ?? 0) + 7 * DAY]);
  });

  it('a settlement average begins 30 minutes before the expiry, ends with it, and then stands', () => {
    const one = { ...published(), expiries: { count: 1, everyDays: 7 } };
    const [expiry = 0] = expiriesAt(one.expiries, NOW);
    const settled = (seconds: number) =>
      snapshotAt([one], seconds)
        .filter(({ feed }) => feedName(feed).kind === 'settlement')
        .map(({ feed, value }) => ({ expiry: Number(feedName(feed).expiry), value }));
    expect(settled(expiry - 1800)).toEqual([]);
    expect(settled(expiry - 1799)).toHaveLength(1);
    const final = settled(expiry);
    expect(final).toHaveLength(1);
    expect(final[0]?.expiry).toBe(expiry);
    expect(settled(expiry + 3599)).toEqual(final);
    expect(settled(expiry + 3600)).toEqual([]);
    const prices = Array.from({ length: 30 }, (_, i) => priceAt(one.path, expiry - 1800 + (i + 1) * 60));
    const mean = prices.reduce((a, b) => a + b, 0) / 30;
    expect(Math.abs(Number(final[0]?.value) / 1e18 / mean - 1)).toBeLessThan(1e-12);
  });
});
