import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hourSteps, impliedVolatilities, STRESS_RULES, StressFile, stressSteps, type StressEpisode } from '../../src/liquidation/stress.js';

const text = readFileSync(path.join(import.meta.dirname, '../../vectors/stress/paths.json'), 'utf8');
const { episodes } = StressFile.parse(JSON.parse(text));
const episode = (id: string): StressEpisode => {
  const found = episodes.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no episode ${id}`);
  return found;
};

describe('recorded stress episodes', () => {
  it('given the fixture, it is the file its provenance names', () => {
    const note = readFileSync(path.join(import.meta.dirname, '../../vectors/stress/README.md'), 'utf8');
    expect(note).toContain(createHash('sha256').update(text).digest('hex'));
  });

  it('given an hour, it has four steps: previous close, half-way to the low, low, close', () => {
    expect(
      hourSteps([
        [0, 90, 100],
        [1, 80, 95],
        [2, 70, 85],
      ]),
    ).toEqual([100, 100, 90, 80, 95, 95, 82.5, 70, 85]);
  });

  it('given a missing hour, the price stays where it was for that hour', () => {
    expect(
      hourSteps([
        [0, 90, 100],
        [2, 80, 95],
      ]),
    ).toEqual([100, 100, 100, 100, 100, 100, 90, 80, 95]);
  });

  it.each(episodes.map((each) => [each.id, each] as const))(
    'given %s, its steps keep every recorded low and close at its time',
    (_, each) => {
      const steps = stressSteps(each);
      for (const name of ['BTC', 'ETH'] as const) {
        const [first, ...rest] = each.paths[name] ?? [];
        for (const [hour, low, close] of rest) {
          const at = (hour - (first?.[0] ?? 0)) * 4;
          expect(steps[at]).toMatchObject({ seconds: at * 900, [name]: { price: close } });
          expect(steps[at - 1]?.[name].price).toBe(low);
        }
      }
      for (const { BTC, ETH } of steps)
        for (const { price, volatility } of [BTC, ETH]) {
          expect(price).toBeGreaterThan(0);
          expect(volatility).toBeGreaterThanOrEqual(STRESS_RULES.baseVolatility);
        }
    },
  );

  it('given no record of ETH, it moves 1.2 times as far as BTC, in logarithms', () => {
    const steps = stressSteps(episode('2020-03-12'));
    for (const [index, { BTC, ETH }] of steps.entries()) {
      const before = steps[index - 1];
      if (before === undefined) continue;
      expect(Math.log(ETH.price / before.ETH.price)).toBeCloseTo(1.2 * Math.log(BTC.price / before.BTC.price), 12);
    }
  });

  it('given the record of an hour that halves the price, implied volatility rises far above its base, then decays', () => {
    const volatilities = stressSteps(episode('2020-03-12')).map(({ BTC }) => BTC.volatility);
    expect(volatilities[0]).toBe(0.6);
    expect(Math.max(...volatilities)).toBeGreaterThan(3);
    expect(volatilities.at(-1)).toBeLessThan(Math.max(...volatilities));
  });

  it('given prices that stand still, implied volatility is its base', () => {
    for (const volatility of impliedVolatilities([5, 5, 5, 5], STRESS_RULES)) expect(volatility).toBe(0.6);
  });

  it.each([
    [
      'a low above the close',
      [
        [0, 5, 6],
        [1, 7, 6],
      ],
      /low ≤ close/,
    ],
    [
      'hours out of order',
      [
        [1, 5, 6],
        [1, 5, 6],
      ],
      /expected hours that ascend/,
    ],
  ])('given %s, the file is refused', (_, BTC, expected) => {
    const broken = { about: '', episodes: [{ ...episode('2020-03-12'), paths: { BTC } }] };
    expect(() => StressFile.parse(broken)).toThrow(expected);
  });
});
