import { abs, mulDown, WAD } from '../decimal.js';
import type { Sensitivities } from '../valuation.js';
import type { TestResult } from '../var/backtest.js';
import type { TailFigures } from '../var/figures.js';
import type { MarginReport, Standing } from './report.js';

/** What a report shows to people, as tables of text: terminal and page show the same rows. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Index of a row to point at. */
  readonly marked?: number;
}

/** `−12,345.67`: at least `digits` decimals of a wad, cut towards zero. */
export function amount(value: bigint, digits = 2): string {
  const unit = 10n ** BigInt(18 - digits);
  const cut = abs(value) / unit;
  const whole = (cut / 10n ** BigInt(digits)).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  const fraction = digits === 0 ? '' : `.${(cut % 10n ** BigInt(digits)).toString().padStart(digits, '0')}`;
  return `${value < 0n && cut > 0n ? '−' : ''}${whole}${fraction}`;
}

const STANDINGS: Readonly<Record<Standing, string>> = {
  healthy: 'healthy',
  'below-initial': 'below initial margin: may only reduce risk',
  warned: 'below the warning the user set',
  'below-maintenance': 'below maintenance margin: may be liquidated',
};

/** Delta in units, gamma per 1% move, vega per volatility point, theta per day, rho per 1%. */
const greeks = (s: Sensitivities): string[] => [
  amount(s.delta, 4),
  amount(mulDown(s.gamma, WAD / 100n), 4),
  amount(mulDown(s.vega, WAD / 100n)),
  amount(s.theta / 365n),
  amount(mulDown(s.rho, WAD / 100n)),
];
const GREEKS = ['delta', 'gamma per 1%', 'vega per point', 'theta per day', 'rho per 1%'];

/** Value at Risk of both models side by side, and how they did. */
function tailTable({ level, days, window, models }: TailFigures): Table {
  const test = ({ statistic, pValue }: TestResult): string =>
    `${statistic.toFixed(2)} (p ${pValue.toFixed(3)}${pValue < 0.05 ? ', rejected' : ''})`;
  const row = (name: string, cell: (model: TailFigures['models'][number]) => string): string[] => [name, ...models.map(cell)];
  return {
    title: `One day at ${level * 100}%, the account revalued on ${days} past days, window ${window}`,
    columns: ['', ...models.map(({ model }) => model)],
    rows: [
      row('value at risk', ({ tail }) => tail.valueAtRisk.toFixed(2)),
      row('expected shortfall', ({ tail }) => tail.expectedShortfall.toFixed(2)),
      row('exceptions', ({ exceptions, tested }) => `${exceptions} of ${tested}, ${(tested * (1 - level)).toFixed(1)} expected`),
      row('coverage (Kupiec)', ({ coverage }) => test(coverage)),
      row('independence (Christoffersen)', ({ independence }) => test(independence)),
      row('both', ({ conditional }) => test(conditional)),
    ],
  };
}

/** All tables of a report. */
export function tablesOf({ risk, standing, positions, tails }: MarginReport): Table[] {
  const worst = risk.worstScenario === null ? undefined : risk.scenarios[risk.worstScenario];
  const account: Table = {
    title: 'Account',
    columns: ['', 'amount'],
    rows: [
      ['equity', amount(risk.equity)],
      ['initial margin', amount(risk.initialMargin)],
      ['maintenance margin', amount(risk.maintenanceMargin)],
      ['withdrawable', amount(risk.withdrawable)],
      ['standing', STANDINGS[standing]],
      ['scenario loss before factors', amount(risk.parts.loss)],
      ['haircuts, initial / maintenance', `${amount(risk.parts.haircuts.initial)} / ${amount(risk.parts.haircuts.maintenance)}`],
      [
        'contingencies, initial / maintenance',
        `${amount(risk.parts.contingencies.initial)} / ${amount(risk.parts.contingencies.maintenance)}`,
      ],
      ...(worst === undefined ? [] : [['worst scenario', `${worst.name}: ${amount(worst.profit)}`]]),
    ],
  };
  const positionTable: Table = {
    title: 'Positions and Greeks',
    columns: ['', 'size', 'value', ...GREEKS],
    rows: [
      ...positions.map(({ underlying, instrument, size, value, sensitivities }) => [
        `${underlying} ${instrument}`,
        amount(size, 4),
        amount(value),
        ...greeks(sensitivities),
      ]),
      ...risk.underlyings.map(({ name, sensitivities }) => [`all of ${name}`, '', '', ...greeks(sensitivities)]),
      // Units of different underlyings do not add up; their cash does.
      ['account, delta and gamma in cash', '', '', ...greeks(risk.sensitivities)],
    ],
  };
  const scenarioTable: Table = {
    title: 'Scenarios',
    columns: ['spot and volatility', 'profit'],
    rows: risk.scenarios.map(({ name, profit }) => [name, amount(profit)]),
    ...(risk.worstScenario === null ? {} : { marked: risk.worstScenario }),
  };
  return [account, positionTable, ...(tails === null ? [] : [tailTable(tails)]), ...(risk.scenarios.length === 0 ? [] : [scenarioTable])];
}
