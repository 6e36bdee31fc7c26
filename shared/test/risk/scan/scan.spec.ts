import fc from 'fast-check';
import { formatDecimal, WAD } from '../../../src/risk/decimal.js';
import { evaluate, type Risk } from '../../../src/risk/evaluate.js';
import { PARAMETER_SETS } from '../../../src/risk/parameter-sets.js';
import { PortfolioParameters } from '../../../src/risk/parameters.js';
import { Portfolio } from '../../../src/risk/portfolio.js';
import { scanBook } from '../../../src/risk/scan/book.js';
import { scan, type ScanResult } from '../../../src/risk/scan/scan.js';
import { scanSheet } from '../../../src/risk/scan/sheet.js';

const methods = ['lockstep', 'derive-like', 'deribit-like', 'paradex-like'];
const parametersOf = (name: string): PortfolioParameters => PortfolioParameters.parse(PARAMETER_SETS[name]);

const wad = (value: number, digits: number): string =>
  formatDecimal((BigInt(Math.round(value * 10 ** digits)) * WAD) / 10n ** BigInt(digits));
/** Prices with digits of their own, so that nothing is exact in binary by luck. */
const MARKET = [
  { name: 'BTC', spot: 60123.4567, confidence: '1', days: [0, 2.3, 31.7, 120.9] },
  { name: 'ETH', spot: 3011.98765, confidence: '0.5', days: [14.2, 75.1] },
] as const;
const STRIKES = [0.3, 0.8, 0.97, 1, 1.05, 1.6, 4];
const KINDS = ['call', 'put'] as const;

interface Held {
  readonly perpetuals: readonly number[];
  /** Sizes of all options of the market, in its order. */
  readonly options: readonly number[];
  readonly extra: object;
}
function account({ perpetuals, options, extra }: Held, scale: number): unknown {
  let next = 0;
  return {
    settlementPrice: '0.9712345',
    ...extra,
    underlyings: MARKET.map(({ name, spot, confidence, days }, u) => ({
      name,
      spot: String(spot),
      confidence,
      perpetual: { size: wad((perpetuals[u] ?? 0) * scale, 6), entry: wad(spot * 1.0123, 7), mark: wad(spot * 0.99987, 7) },
      expiries: days.map((day) => ({
        days: String(day),
        forward: wad(spot * (1 + day / 5000), 9),
        rate: '0.0371',
        options: STRIKES.flatMap((strike) =>
          KINDS.map((kind) => ({
            kind,
            strike: wad(Math.round(spot * strike), 0),
            size: wad((options[next++] ?? 0) * scale, 6),
            vol: wad(0.4 + 0.2 * Math.abs(strike - 1), 9),
          })),
        ),
      })),
    })),
  };
}
const OPTIONS = MARKET.reduce((sum, { days }) => sum + days.length * STRIKES.length * KINDS.length, 0);
const size = fc.oneof(fc.constant(0), fc.constant(0), fc.double({ min: -20, max: 20, noNaN: true }));
const lot = fc.record({
  asset: fc.constantFrom('ETH', 'BTC', 'USDC', 'JUNK'),
  amount: fc.integer({ min: 0, max: 10_000_000 }).map((value) => wad(value / 1000, 6)),
  price: fc.constantFrom('1.0001', '2999.123', '60100.7'),
  chain: fc.constantFrom('near', 'far', 'gone'),
  underlying: fc.constantFrom(undefined, 'BTC', 'ETH'),
});
const held = fc.record({
  perpetuals: fc.tuple(size, size),
  options: fc.array(size, { minLength: OPTIONS, maxLength: OPTIONS }),
  extra: fc.record({
    cash: fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => wad(value, 6)),
    collateral: fc
      .array(lot, { maxLength: 5 })
      .map((lots) => lots.map(({ underlying, ...rest }) => (underlying === undefined ? rest : { ...rest, underlying }))),
    chains: fc.constant({ far: { state: 'degraded' }, gone: { state: 'quarantined', ramp: '0.3' } }),
    profile: fc.constantFrom({}, { initialFactor: '1.7' }, { maxLeverage: '0.37' }),
  }),
});
const market = Portfolio.parse(account({ perpetuals: [], options: [], extra: {} }, 1));
const fields = ['equity', 'initialMargin', 'maintenanceMargin', 'withdrawable'] as const;

/** Largest difference of any amount from the exact engine, in wads of cash. */
function furthest(result: ScanResult, at: number, exact: Risk): number {
  const far = (float: number, wads: bigint): number =>
    Math.abs(Number(BigInt(Math.round(float * 2 ** 20)) * WAD - (wads << 20n))) / 1e18 / 2 ** 20;
  const apart = (float: number, wads: bigint): number =>
    Math.abs(float) < 2 ** 32 ? Math.abs(float - Number(wads) / 1e18) : far(float, wads);
  return Math.max(...fields.map((field) => apart(result[field][at]!, exact[field])), apart(result.loss[at]!, exact.parts.loss));
}

describe('given accounts that the exact engine values', () => {
  it.each(methods)('%s: every amount is within the stated bound, and the bound says something', (name) => {
    const parameters = parametersOf(name);
    const sheet = scanSheet(market, parameters);
    fc.assert(
      fc.property(fc.array(held, { minLength: 1, maxLength: 3 }), fc.constantFrom(1, 1000, 1e6), (draws, scale) => {
        const accounts = draws.map((drawn) => Portfolio.parse(account(drawn, scale)));
        const result = scan(sheet, scanBook(sheet, accounts));
        accounts.forEach((portfolio, at) => {
          const exact = evaluate(portfolio, parameters);
          const bound = result.errorBound[at]!;
          expect(furthest(result, at, exact)).toBeLessThanOrEqual(bound);
          // Gross size of everything held: a ten-billionth of it is far below a cent for accounts of millions.
          const gross = draws[at]!.options.reduce((sum, contracts) => sum + Math.abs(contracts), 1) * scale * 60_000 * 40 + 1e10;
          expect(bound).toBeLessThan(gross * 1e-10);
          const worst = exact.scenarios[result.worstScenario[at]!]!.profit;
          const least = exact.scenarios[exact.worstScenario!]!.profit;
          expect(Number(worst - least) / 1e18).toBeLessThanOrEqual(2 * bound);
        });
      }),
      { numRuns: 12 },
    );
  });

  it('the Greeks of the account are those of the exact engine', () => {
    const parameters = parametersOf('lockstep');
    const sheet = scanSheet(market, parameters);
    fc.assert(
      fc.property(held, (drawn) => {
        const portfolio = Portfolio.parse(account(drawn, 1));
        const result = scan(sheet, scanBook(sheet, [portfolio]));
        const { delta, gamma, vega, theta, rho } = evaluate(portfolio, parameters).sensitivities;
        [delta, gamma, vega, theta, rho].forEach((greek, i) => {
          expect(Math.abs(result.greeks[i]! - Number(greek) / 1e18)).toBeLessThanOrEqual(result.errorBound[0]! * 1000 + 1e-6);
        });
      }),
      { numRuns: 12 },
    );
  });

  it('an account with nothing needs nothing', () => {
    const sheet = scanSheet(market, parametersOf('lockstep'));
    const result = scan(sheet, scanBook(sheet, [Portfolio.parse({ cash: '12.5' }), Portfolio.parse({})]));
    expect([...result.equity, ...result.initialMargin, ...result.maintenanceMargin, ...result.withdrawable]).toEqual([
      12.5, 0, 0, 0, 0, 0, 12.5, 0,
    ]);
  });

  it('an instrument that the sheet does not have is named', () => {
    const sheet = scanSheet(market, parametersOf('lockstep'));
    const stranger = Portfolio.parse({ underlyings: [{ name: 'SOL', spot: '1' }] });
    expect(() => scanBook(sheet, [stranger])).toThrow('the sheet has no SOL; expected one of BTC, ETH');
  });
});
