import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  deficitSteps,
  inGain,
  isBrakeDue,
  LEAST_DEFICIT,
  profitAt,
  uncovered,
  type SeenDeficit,
  type SeenLevy,
} from '../../src/liquidation/levy-keeper.js';

const E18 = 10n ** 18n;
const levy = (part: Partial<SeenLevy>): SeenLevy => ({ id: 1n, until: 100n, closed: false, left: 0n, unpaid: false, ...part });
const seen = (part: Partial<SeenDeficit>): SeenDeficit => ({ market: 1, owed: 50n * E18, coverable: 0n, levies: [], ...part });
const kinds = (part: Partial<SeenDeficit>, now = 50n): string[] =>
  deficitSteps(seen(part), now).map((step) => ('id' in step ? `${step.kind} ${step.id}` : step.kind));

describe('given losses that nobody’s equity covered', () => {
  it.each<[string, Partial<SeenDeficit>, bigint, string[]]>([
    ['the fund pays first', { coverable: E18 }, 50n, ['cover']],
    ['a levy is opened for what it leaves', {}, 50n, ['open']],
    ['accounts without positions have no profits to ask: all cash bears it', { market: 0 }, 50n, ['spread']],
    ['dust in the fund keeps nobody from it', { coverable: LEAST_DEFICIT - 1n }, 50n, ['open']],
    ['dust bothers nobody', { owed: LEAST_DEFICIT - 1n }, 50n, []],
    ['while the window is open, accounts in gain are registered', { levies: [levy({})] }, 99n, ['register 1']],
    ['and the fund may still pay', { levies: [levy({})], coverable: E18 }, 99n, ['register 1', 'cover']],
    ['then it is closed, and the next one waits for that', { levies: [levy({})] }, 100n, ['close 1']],
    [
      'what a closed one will collect opens no other',
      { levies: [levy({ closed: true, left: 50n * E18, unpaid: true })] },
      100n,
      ['settle 1'],
    ],
    [
      'what came since does',
      { owed: 51n * E18, levies: [levy({ closed: true, left: 50n * E18, unpaid: true })] },
      100n,
      ['settle 1', 'open'],
    ],
    ['roundings are collected when nothing is owed', { owed: 0n, levies: [levy({ closed: true, unpaid: true })] }, 100n, ['settle 1']],
    ['and when all paid, there is nothing to do', { owed: 0n, levies: [levy({ closed: true })] }, 100n, []],
  ])('%s', (_, part, now, expected) => {
    expect(kinds(part, now)).toEqual(expected);
  });

  it('never opens a second window, and never what the fund could still pay', () => {
    const levies = fc.array(
      fc.record({
        id: fc.bigInt(1n, 9n),
        until: fc.bigInt(0n, 99n),
        closed: fc.boolean(),
        left: fc.bigInt(0n, 99n * E18),
        unpaid: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(levies, fc.bigInt(0n, 99n * E18), fc.bigInt(0n, 2n * E18), fc.bigInt(0n, 99n), (all, owed, coverable, now) => {
        const view = seen({ levies: all, owed, coverable });
        const steps = deficitSteps(view, now).map(({ kind }) => kind);
        const opens = steps.includes('open');
        expect(opens).toBe(coverable < LEAST_DEFICIT && all.every(({ closed }) => closed) && uncovered(view) >= LEAST_DEFICIT);
        expect(steps.filter((kind) => kind === 'register' || kind === 'close')).toHaveLength(all.filter(({ closed }) => !closed).length);
      }),
    );
  });
});

describe('given positions in an underlying', () => {
  const held = { underlying: 1, size: 2n * E18, quote: -100n * E18, options: [] };
  it('counts what they have gained at a price, payoffs of options on both sides', () => {
    expect(profitAt(held, 60n * E18, new Map())).toBe(20n * E18);
    const strikes = new Map([[3, 50n * E18]]);
    const call = { place: 3, isPut: false, lots: -1_000n };
    expect(profitAt({ ...held, options: [call] }, 60n * E18, strikes)).toBe(10n * E18);
    expect(profitAt({ ...held, options: [{ ...call, isPut: true, lots: 500n }] }, 40n * E18, strikes)).toBe(-15n * E18);
    expect(() => profitAt({ ...held, options: [call] }, E18, new Map())).toThrow('no strike at place 3');
  });
  it('rounds each product down', () => {
    expect(profitAt({ ...held, size: -1n, quote: 0n }, 1n, new Map())).toBe(-1n);
    expect(profitAt({ ...held, size: 1n, quote: 0n }, 1n, new Map())).toBe(0n);
  });
  it('asks those who gained, the most first', () => {
    const some = [
      { account: 'c', profit: 5n },
      { account: 'b', profit: 7n },
      { account: 'a', profit: 5n },
      { account: 'd', profit: 0n },
      { account: 'e', profit: -1n },
    ];
    expect(inGain(some).map(({ account }) => account)).toEqual(['b', 'a', 'c']);
  });
});

describe('given what is missing and what the fund has', () => {
  it.each([
    [E18, 0n, E18, true],
    [E18, E18, E18, false],
    [E18 - 1n, 0n, E18, false],
    [3n * E18, 2n * E18, E18, true],
    [E18, 0n, 2n * E18, false],
    [3n * E18, E18, 2n * E18, true],
    [3n * E18 - 1n, E18, 2n * E18, false],
  ])('%s missing, %s in the fund and a least of %s: the brake is on: %s', (missing, fund, least, on) => {
    expect(isBrakeDue(missing, fund, least)).toBe(on);
  });
});
