import { mulUp } from '../decimal.js';
import { evaluate, type Risk } from '../evaluate.js';
import { check } from '../explain.js';
import { Parameters } from '../parameters.js';
import { Portfolio } from '../portfolio.js';
import { type PositionReport, positionReports } from './positions.js';
import { profitSurface, type Surface } from './surface.js';

/** Where an account stands; each is worse than the one before. */
export type Standing = 'healthy' | 'below-initial' | 'warned' | 'below-maintenance';

/** The what-if report: two parsed JSON files in, margins and pictures out. */
export interface MarginReport {
  readonly method: string;
  readonly source: string;
  readonly standing: Standing;
  readonly risk: Risk;
  readonly positions: readonly PositionReport[];
  readonly surfaces: readonly Surface[];
}

export type MarginReportResult =
  | { readonly kind: 'report'; readonly report: MarginReport }
  /** One line per problem: file, path, what was wrong and what was expected. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/**
 * Values a portfolio under a parameter set.
 * @param portfolio content of the portfolio file, as JSON.parse gives it
 * @param parameters content of the parameter file
 */
export function marginReport(portfolio: unknown, parameters: unknown): MarginReportResult {
  const [account, method] = [check('portfolio', Portfolio, portfolio), check('parameters', Parameters, parameters)];
  if (account.kind === 'refused' || method.kind === 'refused') {
    return {
      kind: 'refused',
      problems: [account, method].flatMap((part) => (part.kind === 'refused' ? part.problems : [])),
    };
  }
  const { haircuts, name, source } = method.value;
  const unknown = account.value.collateral.filter(({ asset }) => haircuts[asset] === undefined && haircuts['*'] === undefined);
  if (unknown.length > 0) {
    const known = Object.keys(haircuts).join(', ') || 'none';
    return {
      kind: 'refused',
      problems: unknown.map(({ asset }) => `parameters at haircuts: ${asset} is missing; expected it or "*" beside ${known}`),
    };
  }
  const risk = evaluate(account.value, method.value);
  return {
    kind: 'report',
    report: {
      method: name,
      source,
      standing: standingOf(risk, account.value),
      risk,
      positions: positionReports(account.value),
      surfaces: account.value.underlyings.map((underlying) => profitSurface(account.value, underlying)),
    },
  };
}

function standingOf({ equity, initialMargin, maintenanceMargin }: Risk, { profile }: Portfolio): Standing {
  if (equity < maintenanceMargin) return 'below-maintenance';
  if (profile !== undefined && equity < mulUp(maintenanceMargin, profile.warnAt)) return 'warned';
  return equity < initialMargin ? 'below-initial' : 'healthy';
}
