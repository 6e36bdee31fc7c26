import fc from 'fast-check';
import * as black76 from '../../../src/risk/math/black76.js';
import * as fixed from '../../../src/risk/math/fixed.js';
import * as normal from '../../../src/risk/math/normal.js';
import { call, callByFourier, cdf, fromFixed, ONE, toFixed } from './oracle.js';
import { functionVectors, optionVectors, type Columns } from './vectors.js';

const Q64 = 1n << 64n;
const WAD = 10n ** 18n;
const abs = (x: bigint): bigint => (x < 0n ? -x : x);

function rows(columns: Columns): Record<string, bigint>[] {
  const names = Object.keys(columns);
  const count = columns[names[0] ?? '']?.length ?? 0;
  return Array.from({ length: count }, (_, i) => Object.fromEntries(names.map((name) => [name, BigInt(columns[name]?.[i] ?? '')])));
}
const field = (row: Record<string, bigint>, name: string): bigint => {
  const value = row[name];
  if (value === undefined) throw new Error(`vector without ${name}`);
  return value;
};

describe('given the reference of 110 digits', () => {
  it('agrees with itself by a method without a distribution function', () => {
    for (const [strike, vol] of [
      [1n, 5n],
      [3n, 4n],
      [2n, 12n],
      [5n, 30n],
    ] as const) {
      const v = (ONE * vol) / 10n;
      const error = abs(call(2n * ONE, strike * ONE, v) - callByFourier(2n * ONE, strike * ONE, v));
      expect(error < ONE / 10n ** 22n).toBe(true);
    }
  });

  const functions = functionVectors();
  const largest = (name: string, error: (row: Record<string, bigint>) => bigint): bigint => {
    const columns = functions[name];
    if (columns === undefined) throw new Error(`no vectors of ${name}`);
    return rows(columns).reduce((worst, row) => (error(row) > worst ? error(row) : worst), 0n);
  };
  const distance = (row: Record<string, bigint>): bigint => abs(field(row, 'twin') - field(row, 'reference'));

  it('bounds exp: one unit of Q64, or 2^-74 of the value', () => {
    expect(largest('exp', (row) => distance(row) - (field(row, 'reference') >> 74n))).toBeLessThanOrEqual(1n);
  });
  it('bounds ln: one unit of Q64', () => {
    expect(largest('ln', distance)).toBeLessThanOrEqual(1n);
  });
  it('bounds sqrt: one unit of Q64 below 2^192, of Q32 above', () => {
    expect(largest('sqrt', (row) => (field(row, 'x') < 1n << 192n ? distance(row) : distance(row) >> 32n))).toBeLessThanOrEqual(1n);
  });
  it('bounds the distribution function: 2.4e-10', () => {
    expect(largest('cdf', distance)).toBeLessThan((Q64 * 24n) / 10n ** 11n);
  });
  it('bounds the density: two units of Q64', () => {
    expect(largest('pdf', distance)).toBeLessThanOrEqual(2n);
  });
  it('bounds prices: 2.4e-10 of forward + strike, so 1e-8 of the forward while the strike is below 40 of it', () => {
    let worstOfForward = 0;
    for (const row of rows(optionVectors())) {
      const [forward, strike] = [field(row, 'forward'), field(row, 'strike')];
      const error = abs(field(row, 'price') - field(row, 'reference'));
      expect(error).toBeLessThanOrEqual(((forward + strike) * 24n) / 10n ** 11n + 2n);
      if (strike < 40n * forward) worstOfForward = Math.max(worstOfForward, Number(error) / Number(forward));
    }
    expect(worstOfForward).toBeLessThan(1e-8);
  });
  it('bounds the distribution function on every segment, at 5 points of each', () => {
    let worst = 0n;
    for (let i = -209n * 5n; i < 209n * 5n; i++) {
      const d = (Q64 * i) / 160n + 12345n;
      const error = abs(normal.cdf(d) - toFixed(cdf(fromFixed(d))));
      if (error > worst) worst = error;
    }
    expect(worst).toBeLessThan((Q64 * 24n) / 10n ** 11n);
  });
});

describe('given any words', () => {
  const word = fc.bigInt(0n, (1n << 256n) - 1n);
  const signed = fc.bigInt(-(1n << 255n), (1n << 255n) - 1n);
  it('never throws and stays inside 256 bits', () => {
    fc.assert(
      fc.property(word, signed, (x, d) => {
        for (const value of [fixed.exp(d), abs(fixed.ln(x)), fixed.sqrt(x), normal.cdf(d), normal.pdf(d)])
          expect(value >= 0n && value < 1n << 256n).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
  it('keeps exp and ln monotone and inverse to each other', () => {
    const exponent = fc.bigInt(-30n * Q64, 30n * Q64);
    fc.assert(
      fc.property(exponent, fc.bigInt(0n, Q64), (x, step) => {
        expect(fixed.exp(x + step) >= fixed.exp(x)).toBe(true);
        expect(fixed.ln(fixed.exp(x + step) + 1n) >= fixed.ln(fixed.exp(x) + 1n)).toBe(true);
        if (x > 0n) expect(abs(fixed.ln(fixed.exp(x)) - x)).toBeLessThanOrEqual(2n);
      }),
      { numRuns: 300 },
    );
  });
  it('keeps the distribution function monotone to 3 units of Q64, and symmetric to its error', () => {
    fc.assert(
      fc.property(fc.bigInt(-7n * Q64, 7n * Q64), fc.bigInt(0n, Q64 >> 20n), (d, step) => {
        expect(normal.cdf(d + step) + 3n >= normal.cdf(d)).toBe(true);
        expect(abs(normal.cdf(d) + normal.cdf(-d) - Q64)).toBeLessThan((Q64 * 48n) / 10n ** 11n);
      }),
      { numRuns: 500 },
    );
  });
});

describe('given any option', () => {
  const option = fc.record({
    forward: fc.bigInt(WAD / 100n, 200_000n * WAD),
    strike: fc.bigInt(WAD / 100n, 200_000n * WAD),
    sigma: fc.bigInt(Q64 / 100n, 5n * Q64),
    time: fc.bigInt(Q64 / 3650n, 3n * Q64),
    discount: fc.bigInt(Q64 / 2n, Q64),
  });
  const price = (terms: Omit<black76.OptionTerms, 'isCall'>, isCall: boolean): bigint => black76.price({ ...terms, isCall });
  /** Twice the stated error of a price. */
  const slack = (o: { forward: bigint; strike: bigint }): bigint => ((o.forward + o.strike) * 5n) / 10n ** 10n + 4n;
  const runs = { numRuns: 400 };

  it('holds put-call parity to one unit', () => {
    fc.assert(
      fc.property(option, (o) => {
        const parity = ((o.forward - o.strike) * o.discount) >> 64n;
        expect(abs(price(o, true) - price(o, false) - parity)).toBeLessThanOrEqual(1n);
      }),
      runs,
    );
  });
  it('stays between the discounted intrinsic value and the discounted forward (call) or strike (put)', () => {
    fc.assert(
      fc.property(option, (o) => {
        expect(price(o, true)).toBeLessThanOrEqual((o.forward * o.discount) >> 64n);
        expect(price(o, false)).toBeLessThanOrEqual((o.strike * o.discount) >> 64n);
        expect(price(o, false) >= 0n && price(o, true) >= 0n).toBe(true);
      }),
      runs,
    );
  });
  it('rises with volatility; a call rises with the forward and falls with the strike', () => {
    fc.assert(
      fc.property(option, fc.bigInt(0n, 1000n * WAD), fc.bigInt(0n, Q64), (o, up, vol) => {
        const base = price(o, true);
        expect(price({ ...o, sigma: o.sigma + vol }, true) + slack(o) >= base).toBe(true);
        const richer = { ...o, forward: o.forward + up };
        expect(price(richer, true) + slack(richer) >= base).toBe(true);
        const dearer = { ...o, strike: o.strike + up };
        expect(price(dearer, true) <= base + slack(dearer)).toBe(true);
      }),
      runs,
    );
  });
  it('is convex in the strike', () => {
    fc.assert(
      fc.property(option, fc.bigInt(1n, 1000n * WAD), (o, gap) => {
        const [low, middle, high] = [0n, gap, 2n * gap].map((more) => price({ ...o, strike: o.strike + more }, true));
        if (low === undefined || middle === undefined || high === undefined) throw new Error('three prices expected');
        expect(low + high + 2n * slack({ ...o, strike: o.strike + 2n * gap }) >= 2n * middle).toBe(true);
      }),
      runs,
    );
  });
  it('has the sensitivities that its prices show', () => {
    fc.assert(
      fc.property(
        fc.record({ k: fc.integer({ min: 60, max: 160 }), vol: fc.integer({ min: 20, max: 150 }), days: fc.integer({ min: 7, max: 700 }) }),
        fc.boolean(),
        ({ k, vol, days }, isCall) => {
          const terms = {
            forward: 1000n * WAD,
            strike: BigInt(k) * 10n * WAD,
            sigma: (Q64 * BigInt(vol)) / 100n,
            time: (Q64 * BigInt(days)) / 365n,
            discount: (Q64 * 99n) / 100n,
            isCall,
          };
          const g = black76.greeks(terms);
          const at = (change: Partial<black76.OptionTerms>): number => Number(black76.price({ ...terms, ...change })) / 1e18;
          const [q, unit] = [Number(Q64), 1e18];
          const delta = (at({ forward: 1005n * WAD }) - at({ forward: 995n * WAD })) / 10;
          expect(Math.abs(delta - Number(g.delta) / q)).toBeLessThan(2e-3);
          const bump = Q64 / 200n;
          const vega = (at({ sigma: terms.sigma + bump }) - at({ sigma: terms.sigma - bump })) * 100;
          expect(Math.abs(vega - Number(g.vega) / unit)).toBeLessThan(1);
          const gamma = (at({ forward: 1020n * WAD }) + at({ forward: 980n * WAD }) - 2 * at({})) / 400;
          expect(Math.abs(gamma * 1000 - Number(g.gamma) / q)).toBeLessThan(0.15 + 0.05 * (Number(g.gamma) / q));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('given a cell of a sheet', () => {
  it('equals the direct price of the shocked option to its error', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.2, max: 5, noNaN: true }),
        fc.double({ min: 0.05, max: 3, noNaN: true }),
        fc.double({ min: 0.34, max: 6, noNaN: true }),
        (k, vol, shock) => {
          const q = (x: number): bigint => BigInt(Math.round(x * 2 ** 40)) << 24n;
          const [strike, v, x] = [q(k), q(vol), q(shock)];
          const inverse = (1n << 128n) / v;
          const moneyness = ((fixed.lnRatio(Q64, strike) * inverse) >> 64n) + (v >> 1n);
          const value = black76.cell(moneyness, inverse, v, fixed.ln(x), x, strike);
          expect(abs(value - black76.undiscountedCall(x, strike, v))).toBeLessThan(((x + strike) * 5n) / 10n ** 10n);
        },
      ),
      { numRuns: 300 },
    );
  });
});
