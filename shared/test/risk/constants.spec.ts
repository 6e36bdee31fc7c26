import { PARAMETER_SETS } from '../../src/risk/parameter-sets.js';
import { evaluate } from '../../src/risk/evaluate.js';
import { formatDecimal, WAD } from '../../src/risk/decimal.js';
import { Parameters, PortfolioParameters, StandardParameters } from '../../src/risk/parameters.js';
import { Portfolio } from '../../src/risk/portfolio.js';

/** The published constants, written a second time from the venues' tables and by rule where the venue gives a rule. */
const number = (value: bigint): number => Number(formatDecimal(value));
const portfolioMethod = (name: string) => PortfolioParameters.parse(PARAMETER_SETS[name]);
const grid = (name: string): string[] =>
  portfolioMethod(name)
    .scenarios.map(({ spot, vol, weight }) => `${number(spot)} ${vol} ${number(weight).toFixed(4)}`)
    .sort();
const rows = (spots: number[], vols: string[], weight = 1): string[] =>
  spots.flatMap((spot) => vols.map((vol) => `${spot} ${vol} ${weight.toFixed(4)}`));
const steps = (step: number, count: number): number[] =>
  Array.from({ length: 2 * count + 1 }, (_, i) => Number(((i - count) * step).toFixed(4)));
const TAILS = [-0.66, -0.33, 0.5, 1, 2, 3, 4, 5];
/** A tail counts as much as a linear position would lose at the edge of the range. */
const tails = (edge: number): string[] => TAILS.flatMap((spot) => rows([spot], ['up'], edge / Math.abs(spot)));
const all = ['up', 'same', 'down'];

describe('given the scenario tables as published', () => {
  it('deribit-like: 9 buckets of 4% by 3, tails damped by 16% over the move', () => {
    expect(grid('deribit-like')).toEqual([...rows(steps(0.04, 4), all), ...tails(0.16)].sort());
  });
  it('lockstep has the same grid', () => {
    expect(grid('lockstep')).toEqual(grid('deribit-like'));
  });
  it('paradex-like: 4, 8 and 12% by 2, the edges and tails with volatility up', () => {
    const weights = [0.24, 0.48, 0.32, 0.16, 0.08, 0.0533, 0.04, 0.032];
    const published = TAILS.flatMap((spot, i) => rows([spot], ['up'], weights[i]));
    expect(grid('paradex-like')).toEqual([...rows(steps(0.04, 3), ['up', 'down']), ...rows([-0.16, 0.16], ['up']), ...published].sort());
  });
  it('derive-like: 4.5, 9 and 13.5% by 3, 18% up, tails damped by 0.77 of 18%', () => {
    const published = [0.21, 0.42, 0.2772, 0.1386, 0.0693, 0.0462, 0.03465, 0.02772];
    expect(grid('derive-like')).toEqual(
      [
        ...rows(steps(0.045, 3), all),
        ...rows([-0.18, 0.18], ['up']),
        ...TAILS.flatMap((spot, i) => rows([spot], ['up'], published[i])),
      ].sort(),
    );
    published.forEach((weight, i) => expect(Math.abs(weight - (0.77 * 0.18) / Math.abs(TAILS[i]!))).toBeLessThan(1e-4));
  });
  it.each([
    ['deribit-like', [0.5, 0.25, 0.3, 0.13, 0.5]],
    ['derive-like', [0.5, 0.3, 0.3, 0.13, 0.4]],
    ['paradex-like', [0.4, 0.22, 0.3, 0.13, 0]],
  ] as const)('%s: volatility up, down, powers below and above 30 days, floor', (name, expected) => {
    const { up, down, shortPower, longPower, minVolUp, referenceDays } = portfolioMethod(name).volShock;
    expect([up, down, shortPower, longPower, minVolUp].map(number)).toEqual(expected);
    expect(number(referenceDays)).toBe(30);
  });
  it('factors, contingencies and floors', () => {
    const [derive, paradex, deribit] = [portfolioMethod('derive-like'), portfolioMethod('paradex-like'), portfolioMethod('deribit-like')];
    expect([derive.factors.initial, derive.factors.maintenance, paradex.factors.maintenance].map(number)).toEqual([1, 0.8, 0.5]);
    expect([derive.basis!.add, derive.basis!.multiple, derive.basis!.up, derive.basis!.down].map(number)).toEqual([0.5, 2, 0.045, -0.045]);
    const { perpetual, nakedShort } = derive.contingency;
    expect([perpetual.maintenance, perpetual.initialExtra, nakedShort.maintenance, nakedShort.initialExtra].map(number)).toEqual([
      0.03, 0.01, 0.003, 0.002,
    ]);
    expect([derive.depeg!.threshold, derive.depeg!.factor, derive.confidence!.threshold].map(number)).toEqual([0.99, 4, 0.55]);
    expect([paradex.minDelta!.net, paradex.minDelta!.hedged, deribit.contingency.nakedShort.maintenance].map(number)).toEqual([
      0.02, 0.01, 0.01,
    ]);
  });
});

describe('given what the venues publish beside their scenarios', () => {
  const [derive, deribit, paradex] = [portfolioMethod('derive-like'), portfolioMethod('deribit-like'), portfolioMethod('paradex-like')];
  const haircuts = (parameters: { haircuts: Parameters['haircuts'] }): Record<string, number[][]> =>
    Object.fromEntries(
      Object.entries(parameters.haircuts).map(([asset, tiers]) => [
        asset,
        tiers.map(({ from, maintenance, initialExtra }) => [from, maintenance, initialExtra].map(number)),
      ]),
    );

  it('derive-like: two tilts of the smile of at most a quarter, less a tenth per root of a year, over four standard deviations', () => {
    const shapes = derive.skewScenarios.map(({ shape, sign, absolute, weight, capBase, capSlope }) => [
      ...[shape, sign, absolute],
      ...[weight, capBase, capSlope].map(number),
    ]);
    expect(shapes).toEqual([
      ['linear', 1, true, 1, 0.25, -0.1],
      ['abs', 1, true, 1, 0.25, -0.1],
    ]);
    expect([derive.skew.minWidth, derive.skew.width, derive.skew.volStatic].map(number)).toEqual([0.01, 4, 0.6]);
  });
  it('derive-like: 0.95 and 1.04 of a value, 16% a year whatever the rate', () => {
    const { long, longRateMultiple, longRateAdd, short, shortRateMultiple, shortRateAdd } = derive.discount;
    expect([long, longRateMultiple, longRateAdd, short, shortRateMultiple, shortRateAdd].map(number)).toEqual([
      0.95, 0, 0.16, 1.04, 0, 0.16,
    ]);
  });
  it('derive-like: an unsure price costs what confidence lacks; the basis factor has no cap within fifty years', () => {
    expect(number(derive.confidence!.factor)).toBe(1);
    expect(number(derive.basis!.cap)).toBeGreaterThanOrEqual(0.5 + 2 * 49);
  });
  it('derive-like: haircuts of its vectors; what is not named counts nothing', () => {
    expect(haircuts(derive)).toEqual({
      USDC: [[0, 0, 0]],
      BTC: [[0, 0.03, 0.015]],
      ETH: [[0, 0.15, 0.05]],
      DAI: [[0, 0.08, 0.02]],
      USDT: [[0, 0.02, 0.03]],
      '*': [[0, 1, 0]],
    });
  });
  it('derive-standard-like: option rates, and collateral at 0.80 and 0.75, times 0.9375 and 0.93 initially', () => {
    const standard = StandardParameters.parse(PARAMETER_SETS['derive-standard-like']);
    const { initialMax, initialMin, maintenance, unpairedInitial, unpairedMaintenance } = standard.option;
    expect([initialMax, initialMin, maintenance, unpairedInitial, unpairedMaintenance].map(number)).toEqual([0.15, 0.13, 0.09, 1.2, 1.1]);
    const kept = Object.entries(haircuts(standard)).map(([asset, [tier]]) => [
      asset,
      ...[1 - tier![1]!, 1 - tier![1]! - tier![2]!].map((share) => share.toFixed(4)),
    ]);
    expect(kept).toEqual([
      ['USDC', '1.0000', '1.0000'],
      ['ETH', '0.8000', (0.8 * 0.9375).toFixed(4)],
      ['BTC', '0.7500', (0.75 * 0.93).toFixed(4)],
      ['*', '0.0000', '0.0000'],
    ]);
  });
  it('deribit-standard-like: 0.15 less the distance, 0.10 at least, 0.075 to stay; of a put 0.075 of its mark if that is more', () => {
    const { initialMax, initialMin, maintenance, putMaintenanceOfMark } = StandardParameters.parse(
      PARAMETER_SETS['deribit-standard-like'],
    ).option;
    expect([initialMax, initialMin, maintenance, putMaintenanceOfMark].map(number)).toEqual([0.15, 0.1, 0.075, 0.075]);
  });
  it('deribit-like and paradex-like: neither tilts nor discounts nor a charge for basis, confidence or a peg', () => {
    for (const method of [deribit, paradex]) {
      expect([method.skewScenarios, method.basis, method.confidence, method.depeg]).toEqual([[], null, null, null]);
      const { long, short, longRateAdd, shortRateAdd } = method.discount;
      expect([long, short, longRateAdd, shortRateAdd].map(number)).toEqual([1, 1, 0, 0]);
    }
  });
  it('paradex-like: 2% of the net delta and 1% of the hedged one where scenarios ask for less', () => {
    // A contract of 1,000 against another: calls of one strike on both sides lose nothing, but their deltas are hedged.
    const [far, near] = [40, 41].map((days) => ({
      days,
      forward: '1000',
      options: [{ kind: 'call', strike: '1', size: days === 40 ? '1' : '-1', vol: '0.01' }],
    }));
    const risk = evaluate(Portfolio.parse({ underlyings: [{ name: 'BTC', spot: '1000', expiries: [far, near] }] }), paradex);
    expect([number(risk.initialMargin), number(risk.maintenanceMargin)].map((amount) => amount.toFixed(4))).toEqual(['10.0000', '5.0000']);
  });
});

describe('given size tiers', () => {
  const tier = (from: number, leverage: number): object => ({
    from: String(from),
    initial: String(1 / leverage),
    maintenance: String(0.5 / leverage),
  });
  // CAST: only spread; the schema checks the result.
  const base = PARAMETER_SETS['deribit-standard-like'] as object;
  const parameters = StandardParameters.parse({
    ...base,
    perpetual: [tier(0, 40), tier(150_000_000, 20)],
    openInterest: { BTC: { now: '400', lower: '200', upper: '600' } },
  });
  const maintenance = (size: number): bigint =>
    evaluate(
      Portfolio.parse({ underlyings: [{ name: 'ETH', spot: '1000', perpetual: { size: String(size), entry: '1000', mark: '1000' } }] }),
      parameters,
    ).maintenanceMargin;

  it('asks notional·rate − deduction, the deduction of each tier continuing the one before', () => {
    // Rates 1/80 and 1/40, so the second tier deducts 150m·(1/40 − 1/80).
    for (const notional of [1, 150, 151, 400]) {
      const expected = notional <= 150 ? notional / 80 : notional / 40 - 150 * (1 / 40 - 1 / 80);
      expect(number(maintenance(notional * 1000))).toBeCloseTo(expected * 1e6, 6);
    }
  });
  it('does not jump where a tier begins', () => {
    expect(maintenance(150_000.001) - maintenance(150_000)).toBe(WAD / 40n);
  });
  it('raises the initial rate to 1 as open interest fills its bounds, and leaves maintenance', () => {
    const risk = evaluate(
      Portfolio.parse({ underlyings: [{ name: 'BTC', spot: '1000', perpetual: { size: '1', entry: '1000', mark: '1000' } }] }),
      parameters,
    );
    expect(number(risk.initialMargin)).toBeCloseTo(1000 * (0.025 + 0.975 / 2), 9);
    expect(number(risk.maintenanceMargin)).toBe(12.5);
  });
});

describe('given what a method asks of simple positions', () => {
  it.each([
    ['derive-standard-like', 100, 65],
    ['deribit-standard-like', 20, 10],
    // The edge of the range, 16%; times 1.2 for initial margin in the first, half of it for maintenance in the second.
    ['deribit-like', 192, 160],
    ['paradex-like', 160, 80],
    // The edge, 18%, times 0.8 for maintenance; plus 4% and 3% for a perpetual.
    ['derive-like', 220, 174],
  ])('%s: a perpetual of 1,000', (name, initial, maintenance) => {
    const risk = evaluate(
      Portfolio.parse({ underlyings: [{ name: 'BTC', spot: '1000', perpetual: { size: '1', entry: '1000', mark: '1000' } }] }),
      Parameters.parse(PARAMETER_SETS[name]),
    );
    expect([number(risk.initialMargin), number(risk.maintenanceMargin)]).toEqual([initial, maintenance]);
  });
});
