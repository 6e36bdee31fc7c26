import { formatDecimal } from '../decimal.js';
import type { Sensitivities } from '../valuation.js';
import type { MarginReport } from './report.js';

const sensitivitiesJson = (s: Sensitivities): Record<keyof Sensitivities, string> => ({
  delta: formatDecimal(s.delta),
  gamma: formatDecimal(s.gamma),
  vega: formatDecimal(s.vega),
  theta: formatDecimal(s.theta),
  rho: formatDecimal(s.rho),
});

/** The report as plain JSON: every amount is exact decimal text; `tails`, which is statistics, is in plain numbers. */
export function reportJson({ method, source, standing, risk, positions, surfaces, tails }: MarginReport) {
  const worst = risk.worstScenario === null ? undefined : risk.scenarios[risk.worstScenario];
  const requirement = (r: { initial: bigint; maintenance: bigint }) => ({
    initial: formatDecimal(r.initial),
    maintenance: formatDecimal(r.maintenance),
  });
  return {
    method,
    source,
    standing,
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
    positions: positions.map(({ underlying, instrument, size, value, sensitivities }) => ({
      underlying,
      instrument,
      size: formatDecimal(size),
      value: formatDecimal(value),
      greeks: sensitivitiesJson(sensitivities),
    })),
    surfaces: surfaces.map(({ underlying, spotMoves, volMoves, profits }) => ({
      underlying,
      spotMoves: spotMoves.map(formatDecimal),
      volMoves: volMoves.map(formatDecimal),
      profits: profits.map((row) => row.map(formatDecimal)),
    })),
    tails,
  };
}
