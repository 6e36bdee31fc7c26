import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { abs, WAD } from '../../src/risk/decimal.js';
import { evaluate } from '../../src/risk/evaluate.js';
import { fixedPortfolioRisk, type FixedAccount, type FixedOption, type FixedUnderlying } from '../../src/risk/fixed/index.js';
import { laneSums } from '../../src/risk/fixed/option-lanes.js';
import { ALL_AVERAGED, MARK_LANE, sheetHeader } from '../../src/risk/fixed/sheet-rows.js';
import { cell } from '../../src/risk/math/black76.js';
import { ln, lnRatio, ONE_Q64, sqrt } from '../../src/risk/math/fixed.js';
import { Parameters } from '../../src/risk/parameters.js';
import { Portfolio } from '../../src/risk/portfolio.js';

const file = path.join(import.meta.dirname, '../../src/risk/parameters/lockstep.json');
const lockstep = Parameters.parse(JSON.parse(readFileSync(file, 'utf8')));
const LOT = WAD / 1000n;
const SPOT = 60_000n * WAD;
const FORWARD = 60_600n * WAD;
const MOST_LOTS = (1n << 32n) - 1n;

/** One option as drawn: strike in percent of spot, vol in percent. */
interface Draw {
  readonly isPut: boolean;
  readonly strike: number;
  readonly lots: number;
  readonly vol: number;
  readonly days: number;
}
const draw = fc.record({
  isPut: fc.boolean(),
  strike: fc.integer({ min: 20, max: 400 }),
  lots: fc.integer({ min: -500_000, max: 500_000 }),
  vol: fc.integer({ min: 5, max: 250 }),
  days: fc.constantFrom(0, 1, 30, 120, 400),
});
const draws = fc.array(draw, { maxLength: 5 });
const times = fc.integer({ min: 2, max: 50 }).map(BigInt);
const perpetual = fc.integer({ min: -300_000, max: 300_000 });

/** A strike of an expiry has one volatility: the first drawn. */
const consistent = (options: readonly Draw[]): Draw[] =>
  options.map((option) => ({
    ...option,
    vol: options.find(({ strike, days }) => strike === option.strike && days === option.days)?.vol ?? option.vol,
  }));
const strikeOf = ({ strike }: Draw): bigint => BigInt(strike) * 600n * WAD;

/** @param averaged 32nds of the forward */
function fixedOf(options: readonly Draw[], perp: number, scale = 1n, averaged = 0): FixedAccount {
  const all = consistent(options);
  const size = BigInt(perp) * LOT * scale;
  const underlying: FixedUnderlying = {
    spot: SPOT,
    perpetualSize: size,
    perpetualMark: SPOT,
    perpetualProfit: 0n,
    followers: 0n,
    confidence: WAD,
    group: 0n,
    correlation: 0n,
    expiries: [...new Set(all.map(({ days }) => days))].map((days) => ({
      forward: FORWARD,
      time: (BigInt(days) << 64n) / 365n,
      averaged: (BigInt(averaged) * ALL_AVERAGED) / 32n,
      options: all
        .filter((option) => option.days === days)
        .map((option): FixedOption => ({
          strike: strikeOf(option),
          sigma: (BigInt(option.vol) << 64n) / 100n,
          isPut: option.isPut,
          lots: BigInt(option.lots) * scale,
        })),
    })),
  };
  return {
    cash: 0n,
    collateral: 0n,
    haircuts: { initial: 0n, maintenance: 0n },
    settlementPrice: WAD,
    initialFactor: 0n,
    maxLeverage: 0n,
    underlyings: [underlying],
  };
}

function exactOf(options: readonly Draw[], perp: number, averaged = 0): Portfolio {
  const all = consistent(options);
  const decimal = (thousandths: number): string => (thousandths / 1000).toFixed(3);
  return Portfolio.parse({
    underlyings: [
      {
        name: 'BTC',
        spot: '60000',
        ...(perp === 0 ? {} : { perpetual: { size: decimal(perp), entry: '60000', mark: '60000' } }),
        expiries: [...new Set(all.map(({ days }) => days))].map((days) => ({
          days,
          forward: '60600',
          averaged: (averaged / 32).toFixed(5),
          options: all
            .filter((option) => option.days === days)
            .map(({ isPut, strike, lots, vol }) => ({
              kind: isPut ? 'put' : 'call',
              strike: strike * 600,
              size: decimal(lots),
              vol: (vol / 100).toFixed(2),
            })),
        })),
      },
    ],
  });
}

/** Contracts times forward and strike: what every error is a share of. */
const gross = (options: readonly Draw[]): bigint =>
  options.reduce((sum, option) => sum + (abs(BigInt(option.lots)) * LOT * (FORWARD + strikeOf(option))) / WAD, 0n);
/** 2.4e-10 of it is the normal table's; a lane's and a strike's step are 2^−27 of the forward at most, twice in a difference. */
const bound = (options: readonly Draw[]): bigint => (gross(options) * 2n) / 10n ** 8n + 10n ** 9n;
const health = (account: FixedAccount): bigint => {
  const { equity, maintenanceMargin } = fixedPortfolioRisk(account);
  return equity - maintenanceMargin;
};
/** Lanes whose volatility stays, from 16% down to 16% up. */
const SAME_VOL = [1, 4, 7, 10, 13, 16, 19, 22, 25] as const;
/** A step of a strike's lane, Q64; a core lane's is 2^33. What logarithms of moves may differ by is far below. */
const STRIKE_STEP = 1n << 37n;
const LOGARITHMS = 1n << 16n;

/** A strike's cell over the forward, before lanes: Q64. */
function exactCell(time: bigint, strike: bigint, sigma: bigint, move: number) {
  const v = (sigma * sqrt(time)) >> 64n;
  const inverse = (1n << 128n) / v;
  const shock = ((84n + 4n * BigInt(move)) << 64n) / 100n;
  const k = (strike << 64n) / FORWARD;
  const value = cell(((-lnRatio(strike, FORWARD) * inverse) >> 64n) + (v >> 1n), inverse, v, ln(shock), shock, k);
  const call = value < shock ? value : shock;
  return { call, put: call - shock + k, shock, k };
}

/**
 * How far a lane may be in the account's favour, Q64 of the forward a contract. A long call that is worth its exercise value is held at that of
 * the strike's lane; a long put takes the moved forward rounded down, at most a step, where the move is no multiple of one. Nothing else.
 */
function allowance(option: { isPut: boolean; isShort: boolean; move: number; isIntrinsic: boolean }): bigint {
  if (option.isShort) return LOGARITHMS;
  if (!option.isPut) return LOGARITHMS + (option.isIntrinsic ? STRIKE_STEP : 0n);
  return LOGARITHMS + (option.move === 4 ? 0n : ONE_Q64 >> 31n);
}
const runs = { numRuns: process.env['LOCKSTEP_LONG'] === '1' ? 5000 : 300 };

describe('given the fixed-point engine of the chain', () => {
  it('when an account is drawn, it is within 2e-8 of gross notional of the exact engine under lockstep.json', () => {
    fc.assert(
      fc.property(draws, perpetual, (options, perp) => {
        const fixed = fixedPortfolioRisk(fixedOf(options, perp));
        const exact = evaluate(exactOf(options, perp), lockstep);
        for (const key of ['equity', 'initialMargin', 'maintenanceMargin'] as const)
          expect(abs(fixed[key] - exact[key])).toBeLessThanOrEqual(bound(options));
      }),
      runs,
    );
  });

  it('when part of every forward is averaged, only the rest moves, and the two still agree', () => {
    fc.assert(
      fc.property(draws, perpetual, fc.integer({ min: 1, max: 31 }), (options, perp, averaged) => {
        const fixed = fixedPortfolioRisk(fixedOf(options, perp, 1n, averaged));
        const exact = evaluate(exactOf(options, perp, averaged), lockstep);
        for (const key of ['equity', 'initialMargin', 'maintenanceMargin'] as const)
          expect(abs(fixed[key] - exact[key])).toBeLessThanOrEqual(bound(options));
      }),
      runs,
    );
  });

  it('when the price of a short call is known, no move costs it anything', () => {
    const call: Draw = { isPut: false, strike: 50, lots: -1000, vol: 80, days: 1 };
    const account = fixedOf([call], 0, 1n, 32);
    // 60,600 against a strike of 30,000; what is left is the charge on a short option nothing covers.
    const { equity, maintenanceMargin } = fixedPortfolioRisk(account);
    expect(abs(equity + 30_600n * WAD)).toBeLessThanOrEqual(bound([call]));
    expect(abs(maintenanceMargin - 180n * WAD)).toBeLessThanOrEqual(bound([call]));
  });

  it('when it holds one option, its lanes are never rounded in its favour', () => {
    const one = fc.record({
      isPut: fc.boolean(),
      strike: fc.integer({ min: 1_000, max: 300_000 }),
      lots: fc.integer({ min: 1, max: 1_000_000 }),
      isShort: fc.boolean(),
      vol: fc.integer({ min: 5, max: 250 }),
      days: fc.integer({ min: 1, max: 400 }),
    });
    fc.assert(
      fc.property(one, ({ isPut, isShort, ...drawn }) => {
        const strike = BigInt(drawn.strike) * WAD;
        const lots = BigInt(isShort ? -drawn.lots : drawn.lots);
        const expiry = { forward: FORWARD, time: (BigInt(drawn.days) << 64n) / 365n, averaged: 0n };
        const sigma = (BigInt(drawn.vol) << 64n) / 100n;
        const sums = laneSums([{ ...expiry, options: [{ strike, sigma, isPut, lots }] }], SPOT);
        const forward = FORWARD >> sums.scale;
        const { gain } = sheetHeader(expiry);
        for (const [move, lane] of SAME_VOL.entries()) {
          const { call, put, shock, k } = exactCell(expiry.time, strike, sigma, move);
          const exact = lots * (isPut ? put : call);
          const factor = (sums.lanes[lane] ?? 0n) > 0n ? (forward * gain) >> 64n : forward;
          const over = ((sums.lanes[lane] ?? 0n) << 33n) - exact * factor;
          expect(over).toBeLessThanOrEqual(
            abs(lots) * factor * allowance({ isPut, isShort, move, isIntrinsic: call - (shock - k) < STRIKE_STEP }),
          );
        }
        expect(sums.mark).toBe(
          ((sums.lanes[MARK_LANE] ?? 0n) / ((sums.lanes[MARK_LANE] ?? 0n) > 0n ? (forward * gain) >> 64n : forward)) * forward,
        );
      }),
      runs,
    );
  });

  it('when it is flat, it needs nothing', () => {
    expect(fixedPortfolioRisk(fixedOf([], 0))).toEqual({
      equity: 0n,
      initialMargin: 0n,
      maintenanceMargin: 0n,
      unrealisedGain: 0n,
      worstScenario: 0n,
    });
  });

  it('when a long option is added, maintenance never worsens by more than the steps of its lanes', () => {
    fc.assert(
      fc.property(draws, perpetual, draw, (options, perp, added) => {
        const long = { ...added, lots: Math.abs(added.lots) };
        // The new option's vol must not revalue what is held.
        const all = consistent([...options, long]);
        expect(health(fixedOf(all, perp)) - health(fixedOf(options, perp))).toBeGreaterThanOrEqual(-bound([long]));
      }),
      runs,
    );
  });

  it('when positions offset, they never need more than the parts', () => {
    fc.assert(
      fc.property(draws, draws, perpetual, (a, b, perp) => {
        const all = consistent([...a, ...b]);
        const [first, second] = [all.slice(0, a.length), all.slice(a.length)];
        const together = health(fixedOf(all, perp));
        expect(together).toBeGreaterThanOrEqual(health(fixedOf(first, perp)) + health(fixedOf(second, 0)) - 10n);
      }),
      runs,
    );
  });

  it('when a portfolio is scaled, its margin scales', () => {
    // Small enough to be summed lot by lot also fifty times over.
    const few = draws.map((options) => options.map((option) => ({ ...option, lots: Math.trunc(option.lots / 100) })));
    fc.assert(
      fc.property(few, perpetual, times, (options, perp, scale) => {
        const difference = health(fixedOf(options, perp, scale)) - scale * health(fixedOf(options, perp));
        // Sums of lanes are exact; a scenario, a charge and a margin are rounded once each.
        expect(difference).toBeGreaterThanOrEqual(0n);
        expect(difference).toBeLessThanOrEqual(20n * scale);
      }),
      runs,
    );
  });

  it('when it is scaled to sizes that are summed in coarser units, what is cut off is never in its favour', () => {
    fc.assert(
      fc.property(draws, perpetual, times, (options, perp, scale) => {
        const difference = health(fixedOf(options, perp, scale)) - scale * health(fixedOf(options, perp));
        expect(difference).toBeLessThanOrEqual(20n * scale);
      }),
      runs,
    );
  });

  it('when sizes exceed what lanes hold, they are taken coarser, against the account and by little', () => {
    const huge = fc.record({ isPut: fc.boolean(), strike: fc.integer({ min: 20, max: 400 }), lots: fc.constantFrom(-1, 1) });
    fc.assert(
      fc.property(fc.array(huge, { minLength: 1, maxLength: 8 }), (drawn) => {
        const options = consistent(drawn.map((option) => ({ ...option, vol: 60, days: 30 })));
        const small = health(fixedOf(options, 0, 1000n));
        const large = health(fixedOf(options, 0, MOST_LOTS));
        // Exact at a thousand lots; at the most there may be it is that many times as much, less what coarse lots lose.
        const expected = (small * MOST_LOTS) / 1000n;
        expect(large).toBeLessThanOrEqual(expected + 10n ** 12n);
        expect(expected - large).toBeLessThanOrEqual((gross(options) * MOST_LOTS) / 10n ** 6n);
      }),
      runs,
    );
  });

  it.each([
    ['a forward of nothing', { forward: 0n, strike: SPOT }],
    ['a forward beyond 96 bits', { forward: 10n ** 30n, strike: SPOT }],
    ['a strike of 10^13 forwards', { forward: FORWARD, strike: 10n ** 13n * FORWARD }],
    ['a strike of the least', { forward: FORWARD, strike: 1n }],
    ['a volatility of nothing', { forward: FORWARD, strike: SPOT, sigma: 0n }],
    ['a volatility of 50 a year', { forward: FORWARD, strike: SPOT, sigma: 50n << 64n }],
  ])('when there is %s, everything has a value and short positions are not free', (_what, { forward, strike, ...rest }) => {
    const sigma = 'sigma' in rest ? rest.sigma : 1n << 63n;
    for (const isPut of [false, true]) {
      const account = fixedOf([], 0);
      const options = [{ strike, sigma, isPut, lots: -MOST_LOTS }];
      const underlyings = account.underlyings.map((underlying) => ({
        ...underlying,
        expiries: [{ forward, time: 1n << 62n, averaged: 0n, options }],
      }));
      const risk = fixedPortfolioRisk({ ...account, underlyings });
      expect(risk.maintenanceMargin).toBeGreaterThan(0n);
      expect(risk.equity).toBeLessThanOrEqual(0n);
    }
  });
});
