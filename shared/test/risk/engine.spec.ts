import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { abs, formatDecimal, max, parseDecimal, WAD } from '../../src/risk/decimal.js';
import { evaluate } from '../../src/risk/evaluate.js';
import { Parameters } from '../../src/risk/parameters.js';
import { Portfolio } from '../../src/risk/portfolio.js';
import { equityOf } from '../../src/risk/valuation.js';

const folder = path.join(import.meta.dirname, '../../src/risk/parameters');
const parametersOf = (file: string): Parameters => Parameters.parse(JSON.parse(readFileSync(path.join(folder, file), 'utf8')));
const files = readdirSync(folder);
const ours = ['lockstep.json', 'lockstep-cross.json', 'lockstep-isolated.json'];

/** One option as drawn: hundredths of a contract, strike in percent of spot. */
interface Draw {
  readonly kind: 'call' | 'put';
  readonly strike: number;
  readonly size: number;
  readonly vol: number;
  readonly days: number;
}
const draw = fc.record({
  kind: fc.constantFrom('call' as const, 'put' as const),
  strike: fc.integer({ min: 30, max: 250 }),
  size: fc.integer({ min: -500, max: 500 }),
  vol: fc.integer({ min: 15, max: 200 }),
  days: fc.constantFrom(2, 30, 120, 400),
});
const draws = fc.array(draw, { minLength: 0, maxLength: 3 });
const perpetual = fc.integer({ min: -300, max: 300 });

function portfolioOf(options: readonly Draw[], perp: number, scale = 1, extra: object = {}): Portfolio {
  const days = [...new Set(options.map((option) => option.days))];
  return Portfolio.parse({
    cash: '1000000',
    underlyings: [
      {
        name: 'BTC',
        spot: '60000',
        ...(perp === 0 ? {} : { perpetual: { size: formatDecimal((BigInt(perp * scale) * WAD) / 100n), entry: '60000', mark: '60000' } }),
        expiries: days.map((day) => ({
          days: day,
          forward: '60600',
          rate: '0.04',
          options: options
            .filter((option) => option.days === day)
            .map(({ kind, strike, size, vol }) => ({
              kind,
              strike: strike * 600,
              size: formatDecimal((BigInt(size * scale) * WAD) / 100n),
              vol: formatDecimal((BigInt(vol) * WAD) / 100n),
            })),
        })),
      },
    ],
    ...extra,
  });
}
/** What rounding may add: far below a millionth of a cent on these sizes. */
const DUST = 10n ** 9n;
const runs = { numRuns: 40 };
const freeMaintenance = (portfolio: Portfolio, parameters: Parameters): bigint => {
  const risk = evaluate(portfolio, parameters);
  return risk.equity - risk.maintenanceMargin;
};

describe('given every parameter file that ships', () => {
  it.each(files)('%s is read, and asks nothing of an account without positions', (file) => {
    const risk = evaluate(Portfolio.parse({ cash: '100' }), parametersOf(file));
    expect([risk.equity, risk.initialMargin, risk.maintenanceMargin, risk.withdrawable]).toEqual([100n * WAD, 0n, 0n, 100n * WAD]);
  });
  it.each(files)('%s never asks less initially than for maintenance, and less than nothing never', (file) => {
    fc.assert(
      fc.property(draws, perpetual, (options, perp) => {
        const risk = evaluate(portfolioOf(options, perp), parametersOf(file));
        expect(risk.initialMargin >= risk.maintenanceMargin).toBe(true);
        expect(risk.parts.loss >= 0n && risk.withdrawable >= 0n).toBe(true);
      }),
      { numRuns: 12 },
    );
  });
  it('has the number of scenarios its method publishes', () => {
    const counts = ['lockstep.json', 'derive-like.json', 'deribit-like.json', 'paradex-like.json'].map((file) => {
      const parameters = parametersOf(file);
      return parameters.method === 'portfolio' ? parameters.scenarios.length + parameters.skewScenarios.length : 0;
    });
    expect(counts).toEqual([37, 33, 35, 24]);
  });
});

describe('given the default methods', () => {
  it.each(ours)('%s: a long option added never worsens free maintenance margin', (file) => {
    const parameters = parametersOf(file);
    fc.assert(
      fc.property(draws, perpetual, draw, (options, perp, added) => {
        const long = { ...added, size: abs(BigInt(added.size)) === 0n ? 1 : Math.abs(added.size) };
        const [before, after] = [portfolioOf(options, perp), portfolioOf([...options, long], perp)];
        expect(freeMaintenance(after, parameters) + DUST >= freeMaintenance(before, parameters)).toBe(true);
      }),
      runs,
    );
  });
  it.each(ours)('%s: what a long option is worth stays, and the cash beside it may leave', (file) => {
    fc.assert(
      fc.property(draws, (options) => {
        const bought = options.map((option) => ({ ...option, size: Math.abs(option.size) }));
        const portfolio = portfolioOf(bought, 0);
        expect(abs(evaluate(portfolio, parametersOf(file)).withdrawable - portfolio.cash)).toBeLessThanOrEqual(DUST);
      }),
      runs,
    );
  });
  it.each(ours)('%s: no gain leaves, and what is left covers initial margin and has nothing more to give', (file) => {
    const parameters = parametersOf(file);
    const collateral = [{ asset: 'BTC', amount: '2', price: '60000' }];
    fc.assert(
      fc.property(draws, perpetual, fc.integer({ min: 20_000, max: 100_000 }), (options, perp, entry) => {
        const drawn = portfolioOf(options, perp, 1, { collateral });
        const portfolio = {
          ...drawn,
          underlyings: drawn.underlyings.map((underlying) =>
            underlying.perpetual === undefined
              ? underlying
              : { ...underlying, perpetual: { ...underlying.perpetual, entry: BigInt(entry) * WAD } },
          ),
        };
        const before = evaluate(portfolio, parameters);
        const { equity, gains } = equityOf(portfolio);
        expect(before.withdrawable).toBeLessThanOrEqual(max(0n, equity - gains - before.parts.haircuts.initial));
        if (before.withdrawable === 0n) return;
        const after = evaluate({ ...portfolio, cash: portfolio.cash - before.withdrawable }, parameters);
        expect(after.equity).toBeGreaterThanOrEqual(after.initialMargin);
        expect(after.withdrawable).toBe(0n);
      }),
      runs,
    );
  });
  it('a portfolio three times the size has three times the loss', () => {
    const parameters = parametersOf('lockstep.json');
    fc.assert(
      fc.property(draws, perpetual, (options, perp) => {
        const [one, three] = [evaluate(portfolioOf(options, perp), parameters), evaluate(portfolioOf(options, perp, 3), parameters)];
        expect(abs(three.parts.loss - 3n * one.parts.loss) <= DUST).toBe(true);
      }),
      runs,
    );
  });
  it('two books together never cost more than apart', () => {
    const parameters = parametersOf('lockstep.json');
    fc.assert(
      fc.property(draws, perpetual, draws, perpetual, (a, p, b, q) => {
        const [first, second, both] = [portfolioOf(a, p), portfolioOf(b, q), portfolioOf([...a, ...b], p + q)].map((portfolio) =>
          evaluate(portfolio, parameters),
        );
        if (first === undefined || second === undefined || both === undefined) throw new Error('three results expected');
        expect(both.maintenanceMargin <= first.maintenanceMargin + second.maintenanceMargin + DUST).toBe(true);
        expect(both.initialMargin <= first.initialMargin + second.initialMargin + DUST).toBe(true);
      }),
      runs,
    );
  });
  it('cross margin never asks more of positions together than of each by itself', () => {
    const [cross, isolated] = [parametersOf('lockstep-cross.json'), parametersOf('lockstep-isolated.json')];
    fc.assert(
      fc.property(draws, perpetual, (options, perp) => {
        const together = evaluate(portfolioOf(options, perp), cross);
        const parts = [...options.map((option) => portfolioOf([option], 0)), portfolioOf([], perp)].map((part) => evaluate(part, isolated));
        for (const key of ['initialMargin', 'maintenanceMargin'] as const)
          expect(together[key]).toBeLessThanOrEqual(parts.reduce((sum, part) => sum + part[key], 0n) + DUST);
      }),
      runs,
    );
  });
  it('cross margin asks no more of perpetuals on opposite sides than of the two', () => {
    const parameters = parametersOf('lockstep-cross.json');
    const size = fc.integer({ min: 1, max: 2_000_000 });
    fc.assert(
      fc.property(size, size, (bought, sold) => {
        const [long, short, both] = [bought, -sold, bought - sold].map((perp) => evaluate(portfolioOf([], perp), parameters));
        if (long === undefined || short === undefined || both === undefined) throw new Error('three results expected');
        for (const key of ['initialMargin', 'maintenanceMargin'] as const) expect(both[key]).toBeLessThanOrEqual(long[key] + short[key]);
      }),
      runs,
    );
  });
  it('cross margin may ask more of two books in one account than in two: an expiry has one formula, and size has tiers', () => {
    const parameters = parametersOf('lockstep-cross.json');
    const marginOf = (options: readonly Draw[], perp: number): bigint => evaluate(portfolioOf(options, perp), parameters).maintenanceMargin;
    const option = { vol: 60, days: 30 } as const;
    // A put far out of the money by its share of spot, a spread near the money by what it can lose.
    const put: Draw = { ...option, kind: 'put', strike: 40, size: -100 };
    const spread: Draw[] = [
      { ...option, kind: 'put', strike: 101, size: -100 },
      { ...option, kind: 'put', strike: 100, size: 100 },
    ];
    expect(marginOf([put, ...spread], 0)).toBeGreaterThan(marginOf([put], 0) + marginOf(spread, 0));
    expect(marginOf([], 20_000)).toBeGreaterThan(2n * marginOf([], 10_000));
  });
  it('an offset between correlated underlyings is a credit of at most three quarters', () => {
    const parameters = parametersOf('lockstep.json');
    const leg = (name: string, size: string): object => ({ name, spot: '1000', perpetual: { size, entry: '1000', mark: '1000' } });
    const lossOf = (underlyings: object[]): bigint => evaluate(Portfolio.parse({ underlyings }), parameters).parts.loss;
    const alone = lossOf([leg('BTC', '10')]) + lossOf([leg('ETH', '-10')]);
    const hedged = lossOf([leg('BTC', '10'), leg('ETH', '-10')]);
    expect(hedged).toBe(alone / 4n);
    expect(lossOf([leg('BTC', '10'), leg('ETH', '10')])).toBe(alone);
  });
});

describe('given positions whose margin is known by hand', () => {
  it('asks 16% of a perpetual plus its contingency: damped tails never exceed the edge of the range', () => {
    const risk = evaluate(portfolioOf([], 100), parametersOf('lockstep.json'));
    expect(formatDecimal(risk.parts.loss)).toBe('9600');
    expect(formatDecimal(risk.maintenanceMargin)).toBe('9480');
    expect(formatDecimal(risk.initialMargin)).toBe('12000');
    expect(risk.worstScenario === null ? '' : risk.scenarios[risk.worstScenario]?.name).toBe('-16% up');
  });
  it('asks 15% of spot less the distance out of the money of a short call, 10% at least', () => {
    const parameters = parametersOf('deribit-standard-like.json');
    const short = (strike: number): bigint =>
      evaluate(portfolioOf([{ kind: 'call', strike, size: -100, vol: 60, days: 30 }], 0), parameters).initialMargin;
    expect([short(100), short(103), short(120)].map(formatDecimal)).toEqual(['9000', '7200', '6000']);
  });
  it('margins a call spread by its greatest loss', () => {
    const spread = portfolioOf(
      [
        { kind: 'call', strike: 100, size: -100, vol: 60, days: 30 },
        { kind: 'call', strike: 110, size: 100, vol: 60, days: 30 },
      ],
      0,
    );
    const risk = evaluate(spread, parametersOf('lockstep-cross.json'));
    // Equity holds the mark; what is left after the requirement is cash less the width of the spread.
    expect(formatDecimal(risk.equity - risk.initialMargin)).toBe('994000');
  });
  it('haircuts positive balances only, by tiers, and keeps unrealised gains from being withdrawn', () => {
    const portfolio = Portfolio.parse({
      cash: '-1000',
      collateral: [{ asset: 'BTC', amount: '100', price: '60000' }],
      underlyings: [{ name: 'BTC', spot: '60000', perpetual: { size: '1', entry: '50000', mark: '60000' } }],
    });
    const risk = evaluate(portfolio, parametersOf('lockstep.json'));
    expect(formatDecimal(risk.parts.haircuts.maintenance)).toBe('350000');
    expect(formatDecimal(risk.equity)).toBe('6009000');
    // 9,600 + 2,400 of the perpetual hold the gain of 10,000 back.
    expect(risk.unrealisedGain).toBe(0n);
    expect(risk.withdrawable).toBe(risk.equity - risk.initialMargin);
  });
  it('charges unsure feeds and a settlement token off its peg', () => {
    const parameters = parametersOf('lockstep.json');
    const calm = evaluate(portfolioOf([], 100), parameters);
    const depegged = evaluate(portfolioOf([], 100, 1, { settlementPrice: '0.94' }), parameters);
    expect(formatDecimal(depegged.initialMargin - calm.initialMargin)).toBe('1920');
    expect(depegged.maintenanceMargin).toBe(calm.maintenanceMargin);
  });
});

describe('given bad input', () => {
  it.each([
    [{ cash: '1e5' }, 'is not a decimal; expected digits'],
    [{ collateral: [{ asset: 'BTC', amount: '-1', price: '1' }] }, 'expected 0 … '],
    [{ collateral: [{ asset: 'BTC', amount: '1', price: '1', underlying: 'ETH' }] }, 'which is not among the underlyings'],
    [{ margin: '1' }, 'margin'],
  ])('%j is refused and says why', (input, message) => {
    const result = Portfolio.safeParse(input);
    expect(result.success ? '' : result.error.message).toContain(message);
  });
  it('an asset without a haircut is named', () => {
    // CAST: only spread; the schema checks the result.
    const parameters = Parameters.parse({
      ...(JSON.parse(readFileSync(path.join(folder, 'lockstep.json'), 'utf8')) as object),
      haircuts: {},
    });
    const portfolio = Portfolio.parse({ collateral: [{ asset: 'DOGE', amount: '1', price: '1' }] });
    expect(() => evaluate(portfolio, parameters)).toThrow('no haircut for DOGE');
  });
  it('decimals keep their text', () => {
    for (const text of ['0', '-0.5', '123.000000000000000001']) expect(formatDecimal(parseDecimal(text))).toBe(text);
  });
});
