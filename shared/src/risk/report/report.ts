import type { z } from 'zod/v4';
import { formatDecimal } from '../decimal.js';
import { evaluate, type Risk } from '../evaluate.js';
import { Parameters } from '../parameters.js';
import { Portfolio } from '../portfolio.js';
import type { Sensitivities } from '../valuation.js';
import { escapeText, shortAmount, surfaceSvg } from './picture.js';
import { profitSurface, type Surface } from './surface.js';

/** The what-if report: two parsed JSON files in, margins and pictures out. */
export interface MarginReport {
  readonly method: string;
  readonly source: string;
  readonly risk: Risk;
  readonly surfaces: readonly Surface[];
}

export type MarginReportResult =
  | { readonly kind: 'report'; readonly report: MarginReport }
  /** One line per problem: file, path, what was wrong and what was expected. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

const problemsOf = (file: string, error: z.ZodError): string[] =>
  error.issues.map(({ path, message }) => `${file}${path.length === 0 ? '' : ` at ${path.join('.')}`}: ${message}`);

/**
 * Values a portfolio under a parameter set.
 * @param portfolio content of the portfolio file, as JSON.parse gives it
 * @param parameters content of the parameter file
 */
export function marginReport(portfolio: unknown, parameters: unknown): MarginReportResult {
  const [account, method] = [Portfolio.safeParse(portfolio), Parameters.safeParse(parameters)];
  if (!account.success || !method.success) {
    return {
      kind: 'refused',
      problems: [
        ...(account.success ? [] : problemsOf('portfolio', account.error)),
        ...(method.success ? [] : problemsOf('parameters', method.error)),
      ],
    };
  }
  const haircuts = method.data.haircuts;
  const unknown = account.data.collateral.filter(({ asset }) => haircuts[asset] === undefined && haircuts['*'] === undefined);
  if (unknown.length > 0) {
    const known = Object.keys(haircuts).join(', ') || 'none';
    return {
      kind: 'refused',
      problems: unknown.map(({ asset }) => `parameters at haircuts: ${asset} is missing; expected it or "*" beside ${known}`),
    };
  }
  return {
    kind: 'report',
    report: {
      method: method.data.name,
      source: method.data.source,
      risk: evaluate(account.data, method.data),
      surfaces: account.data.underlyings.map((underlying) => profitSurface(account.data, underlying)),
    },
  };
}

const sensitivitiesJson = (s: Sensitivities): Record<keyof Sensitivities, string> => ({
  delta: formatDecimal(s.delta),
  gamma: formatDecimal(s.gamma),
  vega: formatDecimal(s.vega),
  theta: formatDecimal(s.theta),
  rho: formatDecimal(s.rho),
});

/** The report as plain JSON: every amount is exact decimal text. */
export function reportJson({ method, source, risk, surfaces }: MarginReport) {
  const worst = risk.worstScenario === null ? undefined : risk.scenarios[risk.worstScenario];
  const requirement = (r: { initial: bigint; maintenance: bigint }) => ({
    initial: formatDecimal(r.initial),
    maintenance: formatDecimal(r.maintenance),
  });
  return {
    method,
    source,
    equity: formatDecimal(risk.equity),
    initialMargin: formatDecimal(risk.initialMargin),
    maintenanceMargin: formatDecimal(risk.maintenanceMargin),
    withdrawable: formatDecimal(risk.withdrawable),
    loss: formatDecimal(risk.parts.loss),
    haircuts: requirement(risk.parts.haircuts),
    contingencies: requirement(risk.parts.contingencies),
    worstScenario: worst === undefined ? null : { index: risk.worstScenario, name: worst.name, profit: formatDecimal(worst.profit) },
    scenarios: risk.scenarios.map(({ name, profit }) => ({ name, profit: formatDecimal(profit) })),
    greeks: sensitivitiesJson(risk.sensitivities),
    underlyings: risk.underlyings.map(({ name, loss, sensitivities }) => ({
      name,
      loss: formatDecimal(loss),
      greeks: sensitivitiesJson(sensitivities),
    })),
    surfaces: surfaces.map(({ underlying, spotMoves, volMoves, profits }) => ({
      underlying,
      spotMoves: spotMoves.map(formatDecimal),
      volMoves: volMoves.map(formatDecimal),
      profits: profits.map((row) => row.map(formatDecimal)),
    })),
  };
}

function rowsOf({ risk }: MarginReport): [string, string][] {
  const worst = risk.worstScenario === null ? undefined : risk.scenarios[risk.worstScenario];
  return [
    ['Equity', shortAmount(risk.equity)],
    ['Initial margin', shortAmount(risk.initialMargin)],
    ['Maintenance margin', shortAmount(risk.maintenanceMargin)],
    ['Withdrawable', shortAmount(risk.withdrawable)],
    ...(worst === undefined ? [] : [['Worst scenario', `${worst.name}: ${shortAmount(worst.profit)}`] satisfies [string, string]]),
    ['Delta (cash)', shortAmount(risk.sensitivities.delta)],
    ['Gamma (cash, per 100%)', shortAmount(risk.sensitivities.gamma)],
    ['Vega (per 100 points)', shortAmount(risk.sensitivities.vega)],
    ['Theta (per year)', shortAmount(risk.sensitivities.theta)],
  ];
}

/** The report for a terminal. */
export function reportText(report: MarginReport): string {
  const scenarios = report.risk.scenarios.map(({ name, profit }, index) => [
    `${index === report.risk.worstScenario ? '>' : ' '} ${name}`,
    shortAmount(profit),
  ]);
  const table = [...rowsOf(report), ...scenarios];
  return [report.method, ...table.map(([name = '', value = '']) => `${name.padEnd(28)}${value.padStart(24)}`)].join('\n');
}

/** The report as one HTML page without scripts or outside resources. */
export function reportHtml(report: MarginReport): string {
  const row = ([name, value]: readonly [string, string]): string => `<tr><th>${escapeText(name)}</th><td>${escapeText(value)}</td></tr>`;
  const scenarios = report.risk.scenarios.map(({ name, profit }) => row([name, shortAmount(profit)]));
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><title>Margin</title>',
    '<style>body{font-family:sans-serif;margin:2em}th{text-align:left;font-weight:normal}td{text-align:right;padding-left:2em}</style></head><body>',
    `<h1>${escapeText(report.method)}</h1>`,
    `<p>${escapeText(report.source)}</p>`,
    `<table>${rowsOf(report).map(row).join('')}</table>`,
    ...report.surfaces.map(surfaceSvg),
    ...(scenarios.length === 0 ? [] : [`<h2>Scenarios</h2><table>${scenarios.join('')}</table>`]),
    '</body></html>',
    '',
  ].join('\n');
}
