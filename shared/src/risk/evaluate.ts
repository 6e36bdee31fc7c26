import { abs, max, min, mulDown, mulUp, WAD } from './decimal.js';
import type { Parameters, PortfolioParameters, StandardParameters } from './parameters.js';
import type { Portfolio, Underlying } from './portfolio.js';
import { haircutsOf } from './haircuts.js';
import { tightened } from './profile.js';
import { type UnderlyingRisk, underlyingRisk } from './scenarios.js';
import { addRequirements, type Requirement, underlyingRequirement } from './standard.js';
import {
  addSensitivities,
  collateralValue,
  equityOf,
  nakedShorts,
  netOptions,
  NO_SENSITIVITY,
  type Sensitivities,
  underlyingSensitivities,
} from './valuation.js';

/** One scenario's weighted P&L over the whole account. */
export interface ScenarioResult {
  readonly name: string;
  readonly profit: bigint;
}

/** What an account is worth and what its positions ask for. Money in wads of settlement cash. */
export interface Risk {
  readonly equity: bigint;
  readonly initialMargin: bigint;
  readonly maintenanceMargin: bigint;
  /** Gains not realised, as far as they exceed what initialMargin asks beside the haircuts: they secure positions, but may not leave. */
  readonly unrealisedGain: bigint;
  /** equity − initialMargin − unrealisedGain, never negative. */
  readonly withdrawable: bigint;
  /** Index into `scenarios` of the least P&L of the account; null when the method has none. */
  readonly worstScenario: number | null;
  readonly scenarios: readonly ScenarioResult[];
  /** Parts of the margins: a portfolio's are the loss before factors, haircuts and contingencies. */
  readonly parts: { readonly loss: bigint; readonly haircuts: Requirement; readonly contingencies: Requirement };
  readonly underlyings: readonly { readonly name: string; readonly loss: bigint; readonly sensitivities: Sensitivities }[];
  /** Cash sensitivities of the account: delta and gamma times spot. */
  readonly sensitivities: Sensitivities;
}

/**
 * Values an account under a parameter set. Pure and exact: the same input gives the same bits everywhere.
 * @throws RangeError if a collateral asset has no haircut in the parameter set
 */
export function evaluate(portfolio: Portfolio, parameters: Parameters): Risk {
  switch (parameters.method) {
    case 'portfolio':
      return byScenarios(portfolio, parameters);
    case 'isolated':
    case 'cross':
      return byClosedForms(portfolio, parameters);
  }
}

const NOTHING: Requirement = { initial: 0n, maintenance: 0n };

function sensitivitiesOf(portfolio: Portfolio): { each: Map<string, Sensitivities>; total: Sensitivities } {
  const each = new Map(portfolio.underlyings.map((underlying) => [underlying.name, underlyingSensitivities(underlying)]));
  const total = portfolio.underlyings
    .map(({ name, spot }) => {
      const own = each.get(name) ?? NO_SENSITIVITY;
      return { ...own, delta: mulDown(own.delta, spot), gamma: mulDown(own.gamma, spot) };
    })
    .reduce(addSensitivities, NO_SENSITIVITY);
  return { each, total };
}

function conclude(
  portfolio: Portfolio,
  margins: Requirement,
  rest: Omit<Risk, 'equity' | 'initialMargin' | 'maintenanceMargin' | 'unrealisedGain' | 'withdrawable'>,
): Risk {
  const { equity, gains } = equityOf(portfolio);
  const { initial, maintenance } = tightened(
    portfolio,
    { ...margins, initial: max(margins.initial, margins.maintenance) },
    rest.parts.haircuts.initial,
  );
  // What positions may lose includes their gains: margin that holds a gain back already does not hold it back twice.
  const unrealisedGain = max(0n, rest.parts.haircuts.initial + gains - initial);
  return {
    equity,
    initialMargin: initial,
    maintenanceMargin: maintenance,
    unrealisedGain,
    withdrawable: max(0n, equity - initial - unrealisedGain),
    ...rest,
  };
}

function byClosedForms(portfolio: Portfolio, parameters: StandardParameters): Risk {
  const { each, total } = sensitivitiesOf(portfolio);
  const requirements = portfolio.underlyings.map((underlying) => underlyingRequirement(parameters, underlying));
  const haircuts = haircutsOf(portfolio, parameters);
  const contingencies = requirements.reduce(addRequirements, NOTHING);
  return conclude(portfolio, addRequirements(contingencies, haircuts), {
    worstScenario: null,
    scenarios: [],
    parts: { loss: 0n, haircuts, contingencies },
    underlyings: portfolio.underlyings.map(({ name }, index) => ({
      name,
      loss: requirements[index]?.maintenance ?? 0n,
      sensitivities: each.get(name) ?? NO_SENSITIVITY,
    })),
    sensitivities: total,
  });
}

function byScenarios(portfolio: Portfolio, parameters: PortfolioParameters): Risk {
  const { each, total } = sensitivitiesOf(portfolio);
  const risks = portfolio.underlyings.map((underlying) =>
    underlyingRisk(parameters, underlying, portfolio.collateral, each.get(underlying.name)?.delta ?? 0n),
  );
  const names = [
    ...parameters.scenarios.map(({ spot, vol }) => `${percent(spot)} ${vol}`),
    ...parameters.skewScenarios.map(({ shape, sign }) => `skew ${shape} ${sign > 0 ? '+' : '-'}`),
  ];
  const scenarios = names.map((name, index) => ({ name, profit: risks.reduce((sum, risk) => sum + (risk.profits[index] ?? 0n), 0n) }));
  const worstScenario = scenarios.reduce((worst, { profit }, index) => (profit < (scenarios[worst]?.profit ?? 0n) ? index : worst), 0);
  const loss = combinedLoss(parameters, risks);
  const haircuts = haircutsOf(portfolio, parameters);
  const contingencies = portfolio.underlyings.map((underlying) => contingencyOf(parameters, underlying)).reduce(addRequirements, NOTHING);
  const confidence = confidenceCharge(parameters, portfolio);
  const withConfidence = { ...contingencies, initial: contingencies.initial + confidence };
  const { depeg } = parameters;
  const pegAdd = depeg === null ? 0n : mulUp(max(0n, depeg.threshold - portfolio.settlementPrice), depeg.factor);
  const scaled = { initial: mulUp(loss, parameters.factors.initial + pegAdd), maintenance: mulUp(loss, parameters.factors.maintenance) };
  return conclude(portfolio, [scaled, haircuts, withConfidence].reduce(addRequirements, NOTHING), {
    worstScenario,
    scenarios,
    parts: { loss, haircuts, contingencies: withConfidence },
    underlyings: risks.map((risk) => ({ name: risk.name, loss: risk.loss, sensitivities: each.get(risk.name) ?? NO_SENSITIVITY })),
    sensitivities: total,
  });
}

/**
 * Sum of the underlyings' losses, less the credit of each correlated group: min(correlation, cap) of what its members lose less in their
 * worst common scenario than in their worst own ones. Never negative, never more than the sum.
 */
function combinedLoss(parameters: PortfolioParameters, risks: readonly UnderlyingRisk[]): bigint {
  const sum = risks.reduce((total, { loss }) => total + loss, 0n);
  const taken = new Set<string>();
  const credit = parameters.correlated.reduce((total, { underlyings, correlation }) => {
    const members = risks.filter(({ name }) => underlyings.includes(name) && !taken.has(name));
    for (const { name } of members) taken.add(name);
    if (members.length < 2) return total;
    const alone = members.reduce((own, { loss }) => own + loss, 0n);
    const common = members[0]?.profits.map((_, index) => members.reduce((joint, { profits }) => joint + (profits[index] ?? 0n), 0n)) ?? [];
    const basis = members.reduce((joint, member) => joint + member.basis, 0n);
    const together = -common.reduce((a, b) => min(a, b), min(0n, basis));
    return total + mulDown(max(0n, alone - together), min(correlation, parameters.correlationCap));
  }, 0n);
  return sum - credit;
}

/** Charges on the size of what is held: perpetuals, and short options nothing at their strike covers. */
function contingencyOf({ contingency }: PortfolioParameters, underlying: Underlying): Requirement {
  const perpetual = mulUp(abs(underlying.perpetual?.size ?? 0n), underlying.spot);
  const short = mulUp(
    underlying.expiries.reduce((sum, expiry) => sum + nakedShorts(expiry), 0n),
    underlying.spot,
  );
  const charge = (extra: 0n | 1n): bigint =>
    mulUp(perpetual, contingency.perpetual.maintenance + extra * contingency.perpetual.initialExtra) +
    mulUp(short, contingency.nakedShort.maintenance + extra * contingency.nakedShort.initialExtra);
  return { maintenance: charge(0n), initial: charge(1n) };
}

/** What unsure feeds cost: a share of the notional of perpetuals, of net options per expiry and of collateral that follows the feed. */
function confidenceCharge({ confidence }: PortfolioParameters, portfolio: Portfolio): bigint {
  if (confidence === null) return 0n;
  return portfolio.underlyings.reduce((total, underlying) => {
    if (underlying.confidence >= confidence.threshold) return total;
    const options = underlying.expiries.reduce((sum, expiry) => sum + netOptions(expiry), 0n);
    const followers = portfolio.collateral.filter((item) => item.underlying === underlying.name).map(collateralValue);
    const notional = followers.reduce((a, b) => a + b, mulUp(abs(underlying.perpetual?.size ?? 0n) + options, underlying.spot));
    return total + mulUp(notional, mulUp(WAD - underlying.confidence, confidence.factor));
  }, 0n);
}

const percent = (move: bigint): string => {
  const tenths = (move * 1000n) / WAD;
  return `${move >= 0n ? '+' : '-'}${abs(tenths) / 10n}${tenths % 10n === 0n ? '' : `.${abs(tenths) % 10n}`}%`;
};
