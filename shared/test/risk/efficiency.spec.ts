import { describe, expect, it } from '@jest/globals';
import { standardBooks } from '../../src/risk/efficiency/books.js';
import { capitalEfficiency, MARGIN_MODES, type MODES } from '../../src/risk/efficiency/efficiency.js';
import { evaluate, PARAMETER_SETS, Parameters, type Portfolio, WAD } from '../../src/risk/index.js';

const isolated = Parameters.parse(PARAMETER_SETS['lockstep-isolated']);

/** Each instrument in an account of its own, and the collateral by itself: it is divisible, so where it lies does not matter. */
function subAccounts(portfolio: Portfolio): Portfolio[] {
  const positions = portfolio.underlyings.flatMap((underlying): Portfolio['underlyings'] => [
    ...(underlying.perpetual === undefined ? [] : [{ ...underlying, expiries: [] }]),
    ...underlying.expiries.flatMap((expiry) =>
      expiry.options.map((option) => ({ ...underlying, perpetual: undefined, expiries: [{ ...expiry, options: [option] }] })),
    ),
  ]);
  return [
    { ...portfolio, underlyings: portfolio.underlyings.map(({ name, spot, confidence }) => ({ name, spot, confidence, expiries: [] })) },
    ...positions.map((underlying) => ({ ...portfolio, collateral: [], underlyings: [underlying] })),
  ];
}

describe('given the standard books', () => {
  const books = standardBooks();
  const figures = capitalEfficiency();
  const marginOf = (name: string, mode: (typeof MODES)[number]): bigint =>
    figures.find((book) => book.name === name)?.modes.find((entry) => entry.mode === mode)?.initialMargin ?? 0n;

  it('the issue names them all', () => {
    expect(books.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['covered call', 'straddle', 'calendar', 'basis trade', 'delta-neutral', 'spread over two underlyings']),
    );
  });
  it('the covered call asks what the page explains, here and under the published constants', () => {
    const portfolio = books.find(({ name }) => name === 'covered call')?.portfolio;
    if (portfolio === undefined) throw new Error('no covered call');
    const under = (set: string): [margin: number, loss: number, haircut: number, contingency: number, worst: string] => {
      const { initialMargin, parts, scenarios, worstScenario } = evaluate(portfolio, Parameters.parse(PARAMETER_SETS[set]));
      const whole = (value: bigint): number => Math.round(Number(value) / 1e18);
      const worst = worstScenario === null ? '' : (scenarios[worstScenario]?.name ?? '');
      return [whole(initialMargin), whole(parts.loss), whole(parts.haircuts.initial), whole(parts.contingencies.initial), worst];
    };
    expect(under('lockstep')).toEqual([15_468, 9_168, 6_000, 300, '-66% up']);
    expect(under('lockstep-cross')).toEqual([12_000, 0, 6_000, 6_000, '']);
    expect(under('derive-like').slice(0, 1)).toEqual([12_778]);
    expect(under('derive-standard-like').slice(0, 1)).toEqual([25_950]);
  });
  it.each(books)('given $name, isolated margin is the sum over a sub-account per instrument', ({ name, portfolio }) => {
    const sum = subAccounts(portfolio).reduce((total, account) => total + evaluate(account, isolated).initialMargin, 0n);
    expect(marginOf(name, 'isolated')).toBe(sum);
  });
  it.each(books)('given $name and the cash it is said to need, it is at or above initial margin; with a unit less, below', (book) => {
    const own = book.portfolio.collateral.reduce((total, { amount, price }) => total + (amount * price) / WAD, 0n);
    for (const { mode, collateral } of figures.find(({ name }) => name === book.name)?.modes ?? []) {
      const parameters = Parameters.parse(PARAMETER_SETS[MARGIN_MODES[mode]]);
      // Buying at the mark turns cash into marks and back: what is posted besides own collateral, less the marks, is left as cash.
      const marks = evaluate(book.portfolio, parameters).equity - own;
      const cash = collateral - own - marks;
      const enough = evaluate({ ...book.portfolio, cash }, parameters);
      expect(enough.equity).toBeGreaterThanOrEqual(enough.initialMargin);
      const short = evaluate({ ...book.portfolio, cash: cash - 1n }, parameters);
      // A book that holds more than its margin needs no cash at all.
      if (collateral > own) expect(short.equity).toBeLessThan(short.initialMargin);
      else expect(cash).toBe(-marks);
    }
  });
  it('a hedge across expiries or against a perpetual saves under portfolio margin alone, a spread in one expiry under cross too', () => {
    for (const name of ['calendar', 'delta-neutral', 'straddle']) {
      expect(marginOf(name, 'cross')).toBe(marginOf(name, 'isolated'));
      expect(marginOf(name, 'portfolio')).toBeLessThan(marginOf(name, 'cross'));
    }
    expect(marginOf('call spread', 'cross') * 4n).toBeLessThan(marginOf('call spread', 'isolated'));
  });
});
