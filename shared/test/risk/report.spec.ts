import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseDecimal, WAD } from '../../src/risk/decimal.js';
import { reportJson } from '../../src/risk/report/json.js';
import { reportHtml, reportText } from '../../src/risk/report/page.js';
import { marginReport, type MarginReport } from '../../src/risk/report/report.js';
import { shortAmount } from '../../src/risk/report/picture.js';

// CAST: only spread below; the schema checks it.
const parameters = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../src/risk/parameters/lockstep.json'), 'utf8')) as object;
const portfolio = {
  cash: '50000',
  collateral: [{ asset: 'BTC', amount: '2', price: '60000', underlying: 'BTC' }],
  underlyings: [
    {
      name: 'BTC',
      spot: '60000',
      perpetual: { size: '-2', entry: '60000', mark: '60000' },
      expiries: [{ days: 30, forward: '60300', options: [{ kind: 'put', strike: 55000, size: -3, vol: 0.6 }] }],
    },
  ],
};

function reported(input: unknown, method: unknown = parameters): MarginReport {
  const result = marginReport(input, method);
  if (result.kind === 'refused') throw new Error(result.problems.join('\n'));
  return result.report;
}

describe('given a portfolio file and a parameter file', () => {
  const report = reported(portfolio);
  const json = reportJson(report);

  it('reports margins, every scenario, the worst of them and Greeks as exact decimals', () => {
    expect(json.scenarios).toHaveLength(37);
    const least = json.scenarios.map(({ profit }) => parseDecimal(profit)).reduce((a, b) => (a < b ? a : b));
    expect(json.worstScenario).not.toBeNull();
    expect(parseDecimal(json.worstScenario?.profit ?? '0')).toBe(least);
    expect(parseDecimal(json.loss)).toBe(-least);
    expect(parseDecimal(json.initialMargin)).toBeGreaterThan(parseDecimal(json.maintenanceMargin));
    expect(parseDecimal(json.greeks.vega)).toBeLessThan(0n);
    expect(reported(JSON.parse(JSON.stringify(portfolio)))).toEqual(report);
  });

  it('shows P&L over spot and volatility, zero where nothing moves, worse where the short put is hit or dearer', () => {
    const [surface] = report.surfaces;
    const at = (spot: bigint, vol: bigint): bigint | undefined =>
      surface?.profits[surface.volMoves.indexOf((vol * WAD) / 100n)]?.[surface.spotMoves.indexOf((spot * WAD) / 100n)];
    expect(at(0n, 0n)).toBe(0n);
    expect(at(0n, 25n)).toBeLessThan(0n);
    expect(at(-50n, 0n)).toBeLessThan(at(-25n, 0n) ?? 0n);
    expect(at(50n, 0n)).toBeGreaterThan(0n);
  });

  it('draws one cell for each point, in a page that runs nothing and loads nothing', () => {
    const html = reportHtml(report);
    expect(html.match(/<rect /g)).toHaveLength(21 * 7 + 1);
    expect(html).not.toMatch(/<script|src=|href=/);
    const text = reportText(report);
    expect(text.match(/^> /gm)).toHaveLength(1);
    for (const { name } of json.scenarios) expect(text).toContain(name);
    for (const { instrument } of json.positions) expect(text).toContain(`BTC ${instrument}`);
  });

  it('escapes what the files say', () => {
    const hostile = { ...portfolio, collateral: [], underlyings: [{ name: '<img src=x>"', spot: '1' }] };
    expect(reportHtml(reported(hostile))).not.toContain('<img');
  });

  it.each([
    ['a word for a number', { cash: 'x' }, parameters, 'portfolio at cash: "x" is not a decimal; expected digits'],
    [
      'a spot of zero',
      { underlyings: [{ name: 'BTC', spot: '0' }] },
      parameters,
      'portfolio at underlyings[0].spot: is 0; expected 0.000000000000000001 …',
    ],
    ['an unknown method', portfolio, { method: 'span' }, 'parameters at method: expected method to be "portfolio", "isolated" or "cross"'],
    [
      'a field left out',
      { underlyings: [{ name: 'BTC' }] },
      parameters,
      'portfolio at underlyings[0].spot: is missing; expected a decimal',
    ],
    ['a field nobody knows', { money: '1' }, parameters, 'portfolio: has "money"; expected only cash, settlementPrice, collateral'],
    [
      'a kind nobody knows',
      {
        underlyings: [
          { name: 'BTC', spot: '1', expiries: [{ days: 1, forward: 1, options: [{ kind: 'calls', strike: 1, size: 1, vol: 1 }] }] },
        ],
      },
      parameters,
      'portfolio at underlyings[0].expiries[0].options[0].kind: is "calls"; expected "call" or "put"',
    ],
    ['a list that is not one', { collateral: {} }, parameters, 'portfolio at collateral: is {}; expected array'],
    ['an asset without a haircut', portfolio, { ...parameters, haircuts: {} }, 'BTC is missing; expected it or "*"'],
  ])('refuses %s', (_name, input, method, problem) => {
    const result = marginReport(input, method);
    expect(result.kind === 'refused' ? result.problems.join('\n') : '').toContain(problem);
  });

  it('writes amounts for people', () => {
    expect([0n, 9999n, -12_345n, 2_500_000n].map((amount) => shortAmount(amount * WAD))).toEqual(['0', '9999', '−12.3k', '2.5M']);
  });
});
