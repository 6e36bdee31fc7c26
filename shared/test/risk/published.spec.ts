import { formatDecimal } from '../../src/risk/decimal.js';
import { evaluate } from '../../src/risk/evaluate.js';
import { PARAMETER_SETS } from '../../src/risk/parameter-sets.js';
import { Parameters, PortfolioParameters } from '../../src/risk/parameters.js';
import { Portfolio } from '../../src/risk/portfolio.js';

/**
 * A case published by others, with numbers this code had no part in: derivexyz/v2-core, PMRM_2 portfolio case 43 (three options over two
 * expiries, three collaterals of which one offsets, a 31-scenario set of its own). Collateral prices are given in settlement units: the
 * published dollar prices over the published settlement price of 1.00019088635.
 */
const portfolio = Portfolio.parse({
  cash: '-5000',
  settlementPrice: '1.00019088635',
  collateral: [
    { asset: 'USDT', amount: '10000', price: '0.999651491925434299' },
    { asset: 'LBTC', amount: '0.5', price: '95551.412975495804966350' },
    { asset: 'WEETH', amount: '1.5', price: '2840.033040874052151375', underlying: 'ETH' },
  ],
  underlyings: [
    {
      name: 'ETH',
      spot: '2681.6029850999994',
      expiries: [
        {
          days: '9.199675925925925926',
          forward: '2682.9997436016715',
          rate: '0.15',
          options: [
            { kind: 'call', strike: '6000', size: '-2', vol: '0.8833255402190362' },
            { kind: 'put', strike: '7500', size: '-4', vol: '0.8833255402190362' },
          ],
        },
        {
          days: '37.199675925925925926',
          forward: '2695.7814942763334',
          rate: '0.21',
          options: [{ kind: 'call', strike: '4000', size: '15', vol: '0.7703304445358251' }],
        },
      ],
    },
  ],
});

/** Spot move, volatility, damping, published P&L. */
const cases = [
  ['0.18', 'up', '1', 5176.569650436],
  ['0.135', 'down', '1', 1936.771044239],
  ['0.135', 'same', '1', 2492.055775681],
  ['0.135', 'up', '1', 3994.293691471],
  ['0.09', 'down', '1', 1153.58698171],
  ['0.09', 'same', '1', 1575.102775894],
  ['0.09', 'up', '1', 2872.595057141],
  ['0.045', 'down', '1', 410.85559145],
  ['0.045', 'same', '1', 716.115237125],
  ['0.045', 'up', '1', 1810.031377456],
  ['0', 'down', '1', -303.687533408],
  ['0', 'same', '1', -93.763738936],
  ['0', 'up', '1', 804.340545518],
  ['-0.045', 'down', '1', -999.973313443],
  ['-0.045', 'same', '1', -863.603379228],
  ['-0.045', 'up', '1', -147.550019352],
  ['-0.09', 'down', '1', -1685.367924489],
  ['-0.09', 'same', '1', -1602.180811383],
  ['-0.09', 'up', '1', -1049.480023927],
  ['-0.135', 'down', '1', -2364.842245011],
  ['-0.135', 'same', '1', -2317.517248691],
  ['-0.135', 'up', '1', -1905.973677312],
  ['-0.18', 'up', '1', -2722.114584656],
  ['-0.66', 'up', '0.054545454545454536', -558.463345166],
  ['-0.33', 'up', '0.10909090909090907', -569.715047215],
  ['0.5', 'up', '0.072', 1101.16350469],
  ['1', 'up', '0.036', 1272.812910212],
  ['2', 'up', '0.018', 1382.483348813],
  ['3', 'up', '0.012', 1366.372357544],
] as const;

const haircut = (maintenance: string, initialExtra: string): object[] => [{ from: '0', maintenance, initialExtra }];
const discount = {
  long: '0.95',
  longRateMultiple: '1',
  longRateAdd: '0.08',
  short: '1.04',
  shortRateMultiple: '0.5',
  shortRateAdd: '0.08',
};
const volShock = { up: '0.5', down: '0.275', shortPower: '0.3', longPower: '0.13', referenceDays: '30', floorDays: '1', minVolUp: '0.45' };
const parameters = Parameters.parse({
  method: 'portfolio',
  name: 'published case',
  source: 'derivexyz/v2-core PMRM_2 portfolio case 43',
  haircuts: { USDT: haircut('0.02', '0.03'), LBTC: haircut('0.3', '0.05'), WEETH: haircut('0.05', '0.01') },
  scenarios: cases.map(([spot, vol, weight]) => ({ spot, vol, weight })),
  skewScenarios: [
    { shape: 'linear', sign: 1, absolute: true, weight: '2', capBase: '9.5', capSlope: '-0.05' },
    { shape: 'abs', sign: 1, absolute: true, weight: '1', capBase: '0.15', capSlope: '-0.05' },
  ],
  skew: { minWidth: '0.01', width: '4', volStatic: '4.5', volScale: '0.9' },
  volShock,
  discount,
  basis: { up: '0.045', down: '-0.045', add: '0.5', multiple: '2', cap: '100' },
  factors: { initial: '1', maintenance: '0.8' },
  contingency: {
    perpetual: { maintenance: '0.015', initialExtra: '0.005' },
    nakedShort: { maintenance: '0.003', initialExtra: '0.002' },
  },
  confidence: { threshold: '0.55', factor: '1' },
  depeg: { threshold: '0.98', factor: '2' },
  minDelta: null,
  correlated: [],
  correlationCap: '0',
});

describe('given a case published by another venue', () => {
  const risk = evaluate(portfolio, parameters);
  const number = (value: bigint): number => Number(formatDecimal(value));

  it.each(cases.map((row, index) => [...row, index] as const))(
    'spot %s, volatility %s, weight %s gives %d',
    (_s, _v, _w, profit, index) => {
      expect(Math.abs(number(risk.scenarios[index]?.profit ?? 0n) - profit)).toBeLessThan(1e-4);
    },
  );
  it('gives the published tilts of the smile', () => {
    expect(Math.abs(number(risk.scenarios[29]?.profit ?? 0n) + 3097.5086465)).toBeLessThan(1e-4);
    expect(Math.abs(number(risk.scenarios[30]?.profit ?? 0n) + 83.30968653)).toBeLessThan(1e-4);
    expect(risk.worstScenario).toBe(29);
  });
  it('leaves the published balances over initial and maintenance margin', () => {
    expect(Math.abs(number(risk.equity) - 38108.07060071)).toBeLessThan(1e-4);
    expect(Math.abs(number(risk.equity - risk.initialMargin) - 17453.1878743)).toBeLessThan(1e-4);
    expect(Math.abs(number(risk.equity - risk.maintenanceMargin) - 20836.150107)).toBeLessThan(1e-4);
  });
});

describe('given derive-like.json with the discounts and volatility moves of that case', () => {
  // CAST: only spread; the schema checks the result.
  const file = PARAMETER_SETS['derive-like'] as object;
  const shipped = PortfolioParameters.parse(file);
  const { scenarios } = evaluate(portfolio, Parameters.parse({ ...file, volShock, discount }));
  /** The rows that count whole: the file damps its tails otherwise. */
  const whole = cases.filter(([, , weight]) => weight === '1');

  it('has every row of the case that is not damped', () => {
    expect(whole).toHaveLength(23);
    expect(shipped.scenarios.filter(({ weight }) => formatDecimal(weight) === '1')).toHaveLength(whole.length);
  });
  it.each(whole)('spot %s, volatility %s, weight %s gives %d', (spot, vol, _weight, profit) => {
    const index = shipped.scenarios.findIndex((row) => formatDecimal(row.spot) === spot && row.vol === vol);
    expect(Math.abs(Number(formatDecimal(scenarios[index]?.profit ?? 0n)) - profit)).toBeLessThan(1e-4);
  });
});
