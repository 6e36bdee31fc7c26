import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { arrival, topUp } from './owners.js';
import { CHAINS, MODES, population, type Owner } from './population.js';
import { Random } from './random.js';

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe('given a seed', () => {
  it('the population is always the same, and another seed gives another one', () => {
    fc.assert(
      fc.property(seeds, seeds, (seed, other) => {
        expect(population(seed, 12)).toEqual(population(seed, 12));
        if (seed !== other) expect(population(other, 12)).not.toEqual(population(seed, 12));
      }),
      { numRuns: 25 },
    );
  });

  it('200 accounts use every mode and chain, hold what their mode may hold, and are covered', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const accounts = population(seed, 200);
        for (const mode of MODES) expect(accounts.filter((one) => one.mode === mode).length).toBeGreaterThanOrEqual(66);
        for (const chain of CHAINS) expect(accounts.some(({ holdings }) => holdings.some((part) => part.chain === chain))).toBe(true);
        for (const { mode, positions, coverage, holdings } of accounts) {
          if (mode === 'isolated') expect(positions).toHaveLength(1);
          if (mode === 'isolated') expect(holdings.every(({ asset }) => asset === 'USDC')).toBe(true);
          expect(positions.every(({ notional }) => Math.abs(notional) >= 100)).toBe(true);
          expect(coverage).toBeGreaterThan(1);
          expect(holdings.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9);
          expect(new Set(holdings.map(({ chain, asset }) => `${chain} ${asset}`)).size).toBe(holdings.length);
        }
        // More is long than short: that is what a fall hits.
        const perpetuals = accounts.flatMap(({ positions }) => positions.filter(({ kind }) => kind === 'perpetual'));
        expect(perpetuals.filter(({ notional }) => notional > 0).length).toBeGreaterThan(perpetuals.length / 2);
      }),
      { numRuns: 25 },
    );
  });

  it('numbers are uniform in [0, 1)', () => {
    const random = new Random(7);
    const drawn = Array.from({ length: 10_000 }, () => random.next());
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThan(1);
    expect(drawn.reduce((sum, value) => sum + value, 0) / drawn.length).toBeCloseTo(0.5, 1);
  });
});

describe('given messages that need an hour, and a chain that stands still from hour 2 to hour 8', () => {
  const messages = { delay: 3_600, halt: { chain: 'south', from: 7_200, until: 28_800 } } as const;

  it.each([
    ['north', 0, 3_600],
    ['hub', 10_000, 10_000],
    ['south', 0, 3_600],
    ['south', 5_000, 32_400],
    ['south', 10_000, 32_400],
    ['south', 28_800, 32_400],
    ['north', 10_000, 13_600],
  ] as const)('what is sent from %s at %d s arrives at %d s', (chain, sentAt, at) => {
    expect(arrival(messages, chain, sentAt)).toBe(at);
  });

  it('nothing arrives before it is sent, or while its chain stands still; a later message never overtakes', () => {
    const time = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(time, time, time, time, (delay, from, length, sentAt) => {
        const some = { delay, halt: { chain: 'south' as const, from, until: from + length } };
        const at = arrival(some, 'south', sentAt);
        expect(at).toBeGreaterThanOrEqual(sentAt + delay);
        expect(at >= from && at < from + length && length > 0).toBe(false);
        expect(arrival(some, 'south', sentAt + 900)).toBeGreaterThanOrEqual(at);
      }),
    );
  });
});

describe('given an owner', () => {
  const owner: Owner = { looksEvery: 4, tripsAt: 1.5, tops: 3, savings: 1, chain: 'north' };
  const seen = { equity: 120, margin: 100, savings: 1_000, underway: 0 };

  it('tops up to the goal when it looks and the account is low', () => expect(topUp(owner, 8, seen)).toBe(180));
  it('does not look in between', () => expect(topUp(owner, 9, seen)).toBe(0));
  it('counts what is on its way', () => expect(topUp(owner, 8, { ...seen, underway: 180 })).toBe(0));
  it('sends no more than it has', () => expect(topUp(owner, 8, { ...seen, savings: 50 })).toBe(50));
  it('leaves a healthy account alone', () => expect(topUp(owner, 8, { ...seen, equity: 151 })).toBe(0));
  it('who never looks sends nothing', () => expect(topUp({ ...owner, looksEvery: 0 }, 0, seen)).toBe(0));
});
