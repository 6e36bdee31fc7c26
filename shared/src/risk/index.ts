export * from './math/index.js';
export { Decimal, formatDecimal, parseDecimal, WAD } from './decimal.js';
export { Portfolio } from './portfolio.js';
export { Parameters, PortfolioParameters, StandardParameters } from './parameters.js';
export { evaluate, type Risk, type ScenarioResult } from './evaluate.js';
export type { Requirement } from './standard.js';
export type { Sensitivities } from './valuation.js';
