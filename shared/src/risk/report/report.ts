import { mulUp } from '../decimal.js';
import { evaluate, type Risk } from '../evaluate.js';
import { check } from '../explain.js';
import { Parameters } from '../parameters.js';
import { Portfolio } from '../portfolio.js';
import { type PositionReport, positionReports } from './positions.js';
import { hypotheticalProfits, type TailFigures, tailFigures } from '../var/figures.js';
import { dailyMoves } from '../var/history.js';
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
  /** Only with a history of prices. */
  readonly tails: TailFigures | null;
}

export type MarginReportResult =
  | { readonly kind: 'report'; readonly report: MarginReport }
  /** One line per problem: file, path, what was wrong and what was expected. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/**
 * Values a portfolio under a parameter set.
 * @param portfolio content of the portfolio file, as JSON.parse gives it
 * @param parameters content of the parameter file
 * @param history rows of daily prices, for Value at Risk and its backtests; undefined leaves them out
 */
export function marginReport(portfolio: unknown, parameters: unknown, history?: unknown): MarginReportResult {
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
  const names = account.value.underlyings.map((underlying) => underlying.name);
  const moves = history === undefined ? null : dailyMoves(history, names);
  if (moves?.kind === 'refused') return moves;
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
      tails: moves === null ? null : tailFigures(hypotheticalProfits(account.value, moves.value)),
    },
  };
}

function standingOf({ equity, initialMargin, maintenanceMargin }: Risk, { profile }: Portfolio): Standing {
  if (equity < maintenanceMargin) return 'below-maintenance';
  if (profile !== undefined && equity < mulUp(maintenanceMargin, profile.warnAt)) return 'warned';
  return equity < initialMargin ? 'below-initial' : 'healthy';
}
