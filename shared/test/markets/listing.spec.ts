import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { expiredPlaces, type ListedStrike, roundStep, strikesAround, type StrikeRule, strikesToList } from '../../src/markets/listing.js';

const WAD = 10n ** 18n;
const HOUR = 3_600n;
const NOW = 1_800_000_000n;
const RULE: StrikeRule = { perSide: 5, stepShare: 40_000_000n, keep: 2 };
const cash = (units: number): bigint => BigInt(units) * WAD;

const forwards = fc.bigInt({ min: WAD / 1000n, max: 10n ** 6n * WAD });
const rules = fc
  .record({ perSide: fc.integer({ min: 1, max: 32 }), share: fc.integer({ min: 1, max: 1000 }), keep: fc.integer({ min: 1, max: 32 }) })
  .map(({ perSide, share, keep }): StrikeRule => ({
    perSide,
    // Below 1 / perSide, as the configuration asks.
    stepShare: BigInt(Math.floor((share / 1001) * (1e9 / perSide))) + 1n,
    keep: Math.min(keep, perSide),
  }));
const significantDigits = (value: bigint): number => value.toString().replace(/0+$/, '').length;

/** The listing after a plan: the lowest free places, as the contract gives them. */
function listing(before: readonly ListedStrike[], plan: ReturnType<typeof strikesToList>): ListedStrike[] {
  const used = new Set(before.map(({ place }) => place));
  const free = Array.from({ length: 256 }, (_, place) => place).filter((place) => !used.has(place));
  const added = plan.flatMap(({ expiry, strikes }) => strikes.map((strike) => ({ expiry, strike })));
  expect(added.length).toBeLessThanOrEqual(free.length);
  return [...before, ...added.map((one, index) => ({ ...one, place: free[index] ?? 256 }))];
}

describe('given a forward', () => {
  it('its strikes are round, ascending, above 0, on both sides, and short enough for a listing', () => {
    fc.assert(
      fc.property(forwards, rules, (forward, rule) => {
        const strikes = strikesAround(forward, rule);
        const step = roundStep((forward * rule.stepShare) / 10n ** 9n);
        const above = strikes.filter((strike) => strike > forward);
        expect(above).toHaveLength(rule.perSide);
        expect((above[0] ?? 0n) - forward).toBeLessThanOrEqual(step);
        expect(strikes.length - above.length).toBeLessThanOrEqual(rule.perSide);
        strikes.forEach((strike, index) => {
          expect(strike).toBeGreaterThan(strikes[index - 1] ?? 0n);
          expect(strike % step).toBe(0n);
          expect(significantDigits(strike)).toBeLessThanOrEqual(15);
        });
      }),
    );
  });

  it('a step is 1, 2 or 5 times a power of ten, and no other such number is nearer by ratio', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n, max: 10n ** 40n }), (value) => {
        const step = roundStep(value);
        expect(step.toString()).toMatch(/^[125]0*$/);
        // Nearest by ratio: within the widest gap between neighbours, 2.5, of which the border is the root.
        expect(step * step * 2n).toBeLessThanOrEqual(value * value * 5n);
        expect(value * value * 2n).toBeLessThanOrEqual(step * step * 5n);
      }),
    );
    expect([0n, 14n, 15n, 31n, 32n, 70n, 71n].map(roundStep)).toEqual([1n, 10n, 20n, 20n, 50n, 50n, 100n]);
  });

  it('60,000 with steps of about 4% gives strikes of 2,000', () => {
    const strikes = strikesAround(cash(60_000), RULE);
    expect(strikes.map((strike) => strike / WAD)).toEqual([52n, 54n, 56n, 58n, 60n, 62n, 64n, 66n, 68n, 70n].map((k) => k * 1_000n));
  });
});

describe('given a listing and the forwards of expiries that should be live', () => {
  const scenes = fc.record({
    rule: rules,
    first: fc.array(fc.tuple(fc.integer({ min: -40, max: 400 }), forwards), { minLength: 1, maxLength: 14 }),
    moves: fc.array(fc.integer({ min: 50, max: 200 }), { minLength: 1, maxLength: 4 }),
  });

  it('lists once: asking again gives nothing; and a listing never outgrows its room, wherever forwards go', () => {
    fc.assert(
      fc.property(scenes, ({ rule, first, moves }) => {
        let market = new Map(first.map(([hours, forward]) => [NOW + BigInt(hours) * HOUR, forward]));
        let listed: ListedStrike[] = [];
        for (const move of [100, ...moves]) {
          market = new Map([...market].map(([expiry, forward]) => [expiry, (forward * BigInt(move)) / 100n]));
          const plan = strikesToList(NOW, market, listed, rule);
          for (const { expiry, strikes } of plan) {
            expect(expiry).toBeGreaterThanOrEqual(NOW + HOUR);
            const known = new Set(listed.filter((one) => one.expiry === expiry).map(({ strike }) => strike));
            expect(strikes.some((strike) => known.has(strike))).toBe(false);
            expect(new Set(strikes).size).toBe(strikes.length);
          }
          listed = listing(listed, plan);
          expect(new Set(listed.map(({ expiry }) => expiry)).size).toBeLessThanOrEqual(11);
          expect(strikesToList(NOW, market, listed, rule)).toEqual([]);
        }
      }),
    );
  });

  it('with room, every expiry has at least `keep` strikes on each side of its forward, as far as there are any above 0', () => {
    fc.assert(
      fc.property(rules, forwards, fc.array(fc.integer({ min: 50, max: 200 }), { maxLength: 2 }), (rule, start, moves) => {
        let forward = start;
        let listed: ListedStrike[] = [];
        const expiry = NOW + 24n * HOUR;
        for (const move of [100, ...moves]) {
          forward = (forward * BigInt(move)) / 100n;
          listed = listing(listed, strikesToList(NOW, new Map([[expiry, forward]]), listed, rule));
          const wanted = strikesAround(forward, rule).filter((strike) => strike <= forward).length;
          expect(listed.filter(({ strike }) => strike > forward).length).toBeGreaterThanOrEqual(rule.keep);
          expect(listed.filter(({ strike }) => strike <= forward).length).toBeGreaterThanOrEqual(Math.min(rule.keep, wanted));
        }
      }),
    );
  });

  it('a small move lists nothing, a larger one fills the side that became short, and a coarser step only adds', () => {
    const expiry = NOW + 24n * HOUR;
    const at = (forward: number) => new Map([[expiry, cash(forward)]]);
    const listed = listing([], strikesToList(NOW, at(60_000), [], RULE));
    expect(strikesToList(NOW, at(64_900), listed, RULE)).toEqual([]);
    expect(strikesToList(NOW, at(68_500), listed, RULE)).toEqual([
      { expiry, strikes: [72_000, 74_000, 76_000, 78_000].map((strike) => cash(strike)) },
    ]);
    expect(strikesToList(NOW, at(90_000), listed, RULE)).toEqual([
      { expiry, strikes: [75_000, 80_000, 85_000, 90_000, 95_000, 100_000, 105_000, 110_000, 115_000].map((strike) => cash(strike)) },
    ]);
  });

  it('the nearest expiries come first when places run out, and what is left goes to strikes nearest to the forward', () => {
    const wide: StrikeRule = { perSide: 32, stepShare: 10_000_000n, keep: 1 };
    const expiries = [1n, 2n, 3n, 4n, 5n].map((days) => NOW + days * 24n * HOUR);
    const listed: ListedStrike[] = Array.from({ length: 10 }, (_, place) => ({ place, expiry: NOW - HOUR, strike: BigInt(place + 1) }));
    const plan = strikesToList(NOW, new Map(expiries.map((expiry) => [expiry, cash(1_000)] as const).reverse()), listed, wide);
    expect(plan.map(({ expiry, strikes }) => [expiry, strikes.length])).toEqual([
      [expiries[0], 64],
      [expiries[1], 64],
      [expiries[2], 64],
      [expiries[3], 54],
    ]);
    expect(plan[3]?.strikes.every((strike) => strike >= cash(700) && strike <= cash(1_300))).toBe(true);
  });

  it('expiries that are over are offered for retirement with all their places', () => {
    const one = (place: number, hours: bigint): ListedStrike => ({ place, expiry: NOW + hours * HOUR, strike: WAD });
    expect(expiredPlaces(NOW, [one(0, -1n), one(1, 0n), one(2, 1n), one(7, -1n)])).toEqual(
      new Map([
        [NOW - HOUR, [0, 7]],
        [NOW, [1]],
      ]),
    );
  });
});
