import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { evaluate } from '../../../src/risk/evaluate.js';
import { toFloat } from '../../../src/risk/scan/sheet.js';
import { optionSensitivities, optionValue } from '../../../src/risk/valuation.js';
import { erfc, floatGreeks, floatPrice, normalCdf } from '../../../src/risk/math/float.js';
import { PARAMETER_SETS } from '../../../src/risk/parameter-sets.js';
import { Parameters } from '../../../src/risk/parameters.js';
import { Portfolio } from '../../../src/risk/portfolio.js';
import { chiSquareTail, christoffersen, kupiec } from '../../../src/risk/var/backtest.js';
import { hypotheticalProfits, tailFigures } from '../../../src/risk/var/figures.js';
import { csvRows, dailyMoves } from '../../../src/risk/var/history.js';
import { exceptionsOf, filteredTail, historicalTail, volatilities } from '../../../src/risk/var/tail.js';

describe('given the functions in doubles', () => {
  it.each([
    [0, 1],
    [0.5, 0.4795001221869535],
    [1, 0.15729920705028513],
    [1.9999, 0.004679802092970608],
    [2, 0.004677734981047266],
    [3, 2.209049699858544e-5],
    [5, 1.5374597944280349e-12],
    [10, 2.088487583762545e-45],
    [-1, 1.8427007929497148],
  ])('erfc(%d)', (x, expected) => {
    expect(Math.abs(erfc(x) - expected)).toBeLessThanOrEqual(1e-15);
  });
  it.each([
    [2, 0.004677734981047266],
    [5, 1.5374597944280349e-12],
    [10, 2.088487583762545e-45],
  ])('erfc(%d) in relative terms', (x, expected) => {
    expect(Math.abs(erfc(x) / expected - 1)).toBeLessThanOrEqual(1e-13);
  });
  it('the distribution function is symmetric and rises', () => {
    fc.assert(
      fc.property(fc.double({ min: -12, max: 12, noNaN: true }), fc.double({ min: 1e-6, max: 2, noNaN: true }), (d, step) => {
        expect(Math.abs(normalCdf(d) + normalCdf(-d) - 1)).toBeLessThan(3e-15);
        expect(normalCdf(d + step)).toBeGreaterThanOrEqual(normalCdf(d) - 1e-15);
      }),
    );
  });
  it.each([
    [3.841458820694124, 1, 0.05],
    [6.6348966010212145, 1, 0.01],
    [5.991464547107979, 2, 0.05],
    [9.21034037197618, 2, 0.01],
    [0, 1, 1],
  ] as const)('chi-square above %d with %d degrees: %d', (x, degrees, expected) => {
    expect(Math.abs(chiSquareTail(x, degrees) - expected)).toBeLessThan(1e-14);
  });
  it('prices and Greeks are those of the exact engine, to its own error', () => {
    const option = fc.record({
      kind: fc.constantFrom('call' as const, 'put' as const),
      strike: fc.integer({ min: 10_000, max: 300_000 }),
      vol: fc.integer({ min: 5, max: 300 }),
      days: fc.integer({ min: 1, max: 1000 }),
    });
    fc.assert(
      fc.property(option, ({ kind, strike, vol, days }) => {
        const [expiry] = Portfolio.parse({
          underlyings: [
            {
              name: 'BTC',
              spot: 60000,
              expiries: [{ days, forward: 61000, rate: '0.05', options: [{ kind, strike, size: 1, vol: String(vol / 100) }] }],
            },
          ],
        }).underlyings[0]!.expiries;
        const held = expiry!.options[0]!;
        const years = days / 365;
        const terms = { forward: 61000, strike, sigma: vol / 100, years, discount: Math.exp(-0.05 * years), isCall: kind === 'call' };
        const error = 2.5e-10 * (61000 + strike);
        expect(Math.abs(floatPrice(terms) - toFloat(optionValue(expiry!, held, expiry!.forward, held.vol)))).toBeLessThan(error);
        const [exact, float] = [optionSensitivities(expiry!, held), floatGreeks(terms)];
        expect(Math.abs(float.delta - toFloat(exact.delta))).toBeLessThan(1e-9);
        expect(Math.abs(float.gamma - toFloat(exact.gamma))).toBeLessThan(1e-9);
        expect(Math.abs(float.vega - toFloat(exact.vega))).toBeLessThan(1e-6);
        expect(Math.abs(float.theta - toFloat(exact.theta))).toBeLessThan(error);
        expect(Math.abs(float.rho - toFloat(exact.rho))).toBeLessThan(error * 3);
      }),
    );
  });
});

describe('given a series of P&L', () => {
  it('finds the tail of 1 … 100: the worst five', () => {
    const profits = Array.from({ length: 100 }, (_, i) => -(((i * 37) % 100) + 1));
    expect(historicalTail(profits, 0.95)).toEqual({ valueAtRisk: 96, expectedShortfall: 98 });
    expect(historicalTail(profits, 0.99)).toEqual({ valueAtRisk: 100, expectedShortfall: 100 });
    // 2.5 days: two whole ones and half of the third.
    expect(historicalTail(profits, 0.975).expectedShortfall).toBeCloseTo((100 + 99 + 49) / 2.5, 9);
  });
  const series = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 5, maxLength: 200 });
  const level = fc.constantFrom(0.9, 0.95, 0.975, 0.99);
  it('shortfall is not below value at risk; both scale with the position, shift with cash, and rise with the level', () => {
    fc.assert(
      fc.property(series, level, fc.double({ min: 0.01, max: 100, noNaN: true }), (profits, at, scale) => {
        const tail = historicalTail(profits, at);
        expect(tail.expectedShortfall).toBeGreaterThanOrEqual(tail.valueAtRisk);
        const times = historicalTail(
          profits.map((profit) => profit * scale),
          at,
        );
        expect(times.valueAtRisk).toBeCloseTo(tail.valueAtRisk * scale, 3);
        expect(times.expectedShortfall).toBeCloseTo(tail.expectedShortfall * scale, 3);
        const paid = historicalTail(
          profits.map((profit) => profit - 1000),
          at,
        );
        expect(paid.valueAtRisk).toBeCloseTo(tail.valueAtRisk + 1000, 3);
        expect(paid.expectedShortfall).toBeCloseTo(tail.expectedShortfall + 1000, 3);
        expect(historicalTail(profits, 0.995).valueAtRisk).toBeGreaterThanOrEqual(tail.valueAtRisk);
      }),
    );
  });
  it('shortfall is subadditive', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -1000, max: 1000 })), { minLength: 5, maxLength: 100 }),
        level,
        (pairs, at) => {
          const shortfall = (pick: (pair: [number, number]) => number): number => historicalTail(pairs.map(pick), at).expectedShortfall;
          expect(shortfall(([a, b]) => a + b)).toBeLessThanOrEqual(shortfall(([a]) => a) + shortfall(([, b]) => b) + 1e-6);
        },
      ),
    );
  });
  it('the filter is the recursion: a shock enters by 1 − λ and fades by λ', () => {
    const forecasts = volatilities([1, 1, 3, 0, 0], { kind: 'ewma', lambda: 0.9 }, 2);
    const variances = [1, 1, 1, 0.9 + 0.9, 1.8 * 0.9, 1.8 * 0.81];
    variances.forEach((variance, day) => expect(forecasts[day]! ** 2).toBeCloseTo(variance, 12));
    const garch = volatilities([2, 2, 2], { kind: 'garch', alpha: 0.1, beta: 0.8 }, 3);
    for (const sigma of garch) expect(sigma).toBeCloseTo(2, 12);
  });
  it('filtered figures follow volatility: calm after a storm needs less than the storm', () => {
    const swing = (size: number) => Array.from({ length: 250 }, (_, i) => size * Math.sin(i * 12.9898));
    const calm = [...swing(10), ...swing(1)];
    const storm = [...swing(1), ...swing(10)];
    expect(filteredTail(calm, 0.99).valueAtRisk).toBeLessThan(historicalTail(calm, 0.99).valueAtRisk / 3);
    expect(filteredTail(storm, 0.99).valueAtRisk).toBeGreaterThan(filteredTail(calm, 0.99).valueAtRisk * 5);
  });
  it('scales a series by hand: each day from its own volatility to that of tomorrow', () => {
    // Half of yesterday's variance and half of the day's square, from a mean square of 3.75.
    const filter = { kind: 'ewma', lambda: 0.5 } as const;
    const forecasts = volatilities([1, -2, 3, -1], filter, 4);
    [3.75, 2.375, 3.1875, 6.09375, 3.546875].forEach((variance, day) => expect(forecasts[day]! ** 2).toBeCloseTo(variance, 12));
    // Losses: 2·√(3.546875/2.375) of the second day, √(3.546875/6.09375) of the last.
    const worst = filteredTail([1, -2, 3, -1], 0.75, filter, 4);
    expect([worst.valueAtRisk, worst.expectedShortfall].map((figure) => figure.toFixed(9))).toEqual(['2.444112152', '2.444112152']);
    // One day and a half.
    const both = filteredTail([1, -2, 3, -1], 0.625, filter, 4);
    expect([both.valueAtRisk, both.expectedShortfall].map((figure) => figure.toFixed(9))).toEqual(['0.762922855', '1.883715719']);
  });
  it('a forecast never looks at its own day or later', () => {
    const profits = Array.from({ length: 120 }, (_, i) => 10 * Math.sin(i * 78.233));
    const filter = { kind: 'ewma', lambda: 0.94 } as const;
    const before = exceptionsOf(profits, 0.95, filter, 60);
    const changed = [...profits.slice(0, 100), -1e6, ...profits.slice(101)];
    const after = exceptionsOf(changed, 0.95, filter, 60);
    expect(after.slice(0, 40)).toEqual(before.slice(0, 40));
    expect(after[40]).toBe(true);
  });
  it.each([
    [() => historicalTail([], 0.99), 'the series is empty; expected at least one day'],
    [() => historicalTail([1], 99), 'level is 99; expected above 0.5'],
    [() => exceptionsOf([1, 2], 0.99, null, 5), '2 days; expected more than the window of 5'],
    [() => kupiec(10, 11, 0.01), '11 exceptions of 10 days'],
    [() => kupiec(10, 1, 0), 'share is 0; expected above 0'],
  ])('refuses nonsense %#', (call, message) => {
    expect(call).toThrow(message);
  });
});

describe('given the exceptions of a model', () => {
  it.each([
    // The well-known row of 250 days at 1%.
    [250, 0, 0.01, 5.0252],
    [250, 4, 0.01, 0.7691],
    [250, 5, 0.01, 1.9568],
    [250, 6, 0.01, 3.5554],
    [250, 7, 0.01, 5.497],
    [1000, 10, 0.01, 0],
  ])('Kupiec: %d days, %d exceptions', (days, exceptions, share, statistic) => {
    expect(kupiec(days, exceptions, share).statistic).toBeCloseTo(statistic, 4);
  });
  it('Kupiec keeps models of 255 days at 1% with less than 7 exceptions, as its table says', () => {
    const accepted = Array.from({ length: 12 }, (_, x) => x).filter((x) => kupiec(255, x, 0.01).pValue > 0.05);
    expect(Math.max(...accepted)).toBe(6);
  });
  it('Christoffersen: the same exceptions in a row are worse than apart', () => {
    const days = (hits: number[]): boolean[] => Array.from({ length: 500 }, (_, day) => hits.includes(day));
    const apart = christoffersen(days([50, 150, 250, 350, 450]), 0.01);
    const row = christoffersen(days([50, 51, 52, 53, 54]), 0.01);
    expect(apart.independence.pValue).toBeGreaterThan(0.5);
    expect(row.independence.pValue).toBeLessThan(1e-6);
    expect(row.conditional.statistic).toBeCloseTo(row.independence.statistic + kupiec(500, 5, 0.01).statistic, 12);
    // n00 = 493, n01 = 1, n10 = 1, n11 = 4, put into the formula.
    const l = (n: number, p: number): number => n * Math.log(p);
    const expected = 2 * (l(493, 493 / 494) + l(1, 1 / 494) + l(1, 1 / 5) + l(4, 4 / 5) - l(494, 494 / 499) - l(5, 5 / 499));
    expect(row.independence.statistic).toBeCloseTo(expected, 10);
  });
});

describe('given daily prices of a real year', () => {
  const rows = csvRows(readFileSync(path.join(import.meta.dirname, '../../../../docs/examples/history/btc-usd.csv'), 'utf8'));
  const long = (size: string): Portfolio =>
    Portfolio.parse({ underlyings: [{ name: 'BTC', spot: '100', perpetual: { size, entry: '100', mark: '100' } }] });
  const moves = dailyMoves(rows, ['BTC']);
  if (moves.kind === 'refused') throw new Error(moves.problems.join('\n'));

  it('a linear account makes exactly what the prices made', () => {
    const profits = hypotheticalProfits(long('1'), moves.value);
    expect(profits).toHaveLength(364);
    const [first, second] = rows.map((row) => Number(row.BTC));
    expect(profits[0]).toBeCloseTo(100 * (second! / first! - 1), 10);
    expect(profits.reduce((wealth, profit) => wealth * (1 + profit / 100), first!)).toBeCloseTo(Number(rows.at(-1)!.BTC), 6);
  });
  it('reports both models with their tests', () => {
    const figures = tailFigures(hypotheticalProfits(long('1'), moves.value));
    expect([figures.window, ...figures.models.map(({ tested }) => tested)]).toEqual([182, 182, 182]);
    for (const { tail, coverage } of figures.models) {
      expect(tail.expectedShortfall).toBeGreaterThanOrEqual(tail.valueAtRisk);
      expect(tail.valueAtRisk).toBeGreaterThan(2);
      expect(tail.valueAtRisk).toBeLessThan(25);
      expect(coverage.pValue).toBeGreaterThan(0.001);
    }
  });
  it('has the figures that docs/margin.md gives', () => {
    const { level, days, window, models } = tailFigures(hypotheticalProfits(long('1'), moves.value));
    expect([level, days, window]).toEqual([0.99, 364, 182]);
    const told = models.map(({ model, tail, tested, exceptions, coverage, independence }) => [
      model,
      ...[tail.valueAtRisk, tail.expectedShortfall].map((loss) => loss.toFixed(2)),
      `${exceptions} of ${tested}`,
      ...[coverage.statistic, independence.statistic].map((statistic) => statistic.toFixed(2)),
    ]);
    expect(told).toEqual([
      ['historical', '8.85', '9.25', '4 of 182', '1.97', '3.50'],
      ['filtered historical', '12.06', '12.50', '2 of 182', '0.02', '6.86'],
    ]);
  });
  it('a short straddle loses on moves either way', () => {
    const option = { strike: 100, size: -1, vol: '0.6' };
    const straddle = Portfolio.parse({
      underlyings: [
        {
          name: 'BTC',
          spot: 100,
          expiries: [
            {
              days: 30,
              forward: 100,
              options: [
                { kind: 'call', ...option },
                { kind: 'put', ...option },
              ],
            },
          ],
        },
      ],
    });
    const far = hypotheticalProfits(straddle, new Map([['BTC', Float64Array.from([-0.2, 0, 0.2])]]));
    expect(far[0]).toBeLessThan(-5);
    expect(far[1]).toBe(0);
    expect(far[2]).toBeLessThan(-5);
  });
  it('figures decide nothing: margins are the same with and without', () => {
    const parameters = Parameters.parse(PARAMETER_SETS.lockstep);
    const before = evaluate(long('1'), parameters);
    tailFigures(hypotheticalProfits(long('1'), moves.value));
    expect(evaluate(long('1'), parameters)).toEqual(before);
  });
  it.each([
    [rows.slice(0, 10), 'history: '],
    [[...rows.slice(0, 100), rows[50]], 'expected rising dates'],
    [rows.map(({ date }) => ({ date, ETH: 1 })), 'history at [0]: has no price of BTC; expected one in every row, beside ETH'],
    [rows.map((row, i) => (i === 7 ? { ...row, BTC: '-3' } : row)), 'history at [7].BTC: is "-3"; expected a price above 0'],
    [rows.map((row, i) => (i === 7 ? { ...row, date: 'Monday' } : row)), 'history at [7].date: expected a date'],
  ])('refuses a history that is not one %#', (history, problem) => {
    const result = dailyMoves(history, ['BTC']);
    expect(result.kind === 'refused' ? result.problems.join('\n') : '').toContain(problem);
  });
});
