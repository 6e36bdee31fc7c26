export * from './math/index.js';
export { Decimal, decimalBetween, formatDecimal, max, min, mulDown, mulUp, parseDecimal, WAD } from './decimal.js';
export { Portfolio } from './portfolio.js';
export { Parameters, PortfolioParameters, StandardParameters } from './parameters.js';
export { evaluate, type Risk, type ScenarioResult } from './evaluate.js';
export type { Requirement } from './standard.js';
export type { Sensitivities } from './valuation.js';
export { PARAMETER_SETS } from './parameter-sets.js';
export { fileSchemas } from './schema.js';
export { marginReport, type MarginReport, type MarginReportResult, type Standing } from './report/report.js';
export { reportJson } from './report/json.js';
export { reportHtml, reportText } from './report/page.js';
export { capitalEfficiency } from './efficiency/efficiency.js';
export { efficiencyJson, efficiencyMarkdown, efficiencySvg, efficiencyText } from './efficiency/page.js';
export { surfaceSvg, surfacesSvg } from './report/picture.js';
export { profitSurface, type Surface } from './report/surface.js';
export * from './feed-grade.js';
export * from './feed-word.js';
export * from './holdings.js';
export {
  isButterflyFree,
  isCalendarFree,
  packSlice,
  smileVolatility,
  strikeVolatility,
  unpackSlice,
  YEAR_SECONDS,
  type SmileSlice,
} from './smile.js';
export { scanBook, type ScanBook, type ScanCollateral } from './scan/book.js';
export { scan, type ScanResult } from './scan/scan.js';
export { scanSheet, type ScanSheet } from './scan/sheet.js';
export { csvRows, dailyMoves } from './var/history.js';
export { hypotheticalProfits, tailFigures, type ModelFigures, type TailFigures } from './var/figures.js';
export { exceptionsOf, filteredTail, historicalTail, volatilities, type Filter, type Tail } from './var/tail.js';
export { chiSquareTail, christoffersen, kupiec, type TestResult } from './var/backtest.js';
export { erfc, floatGreeks, floatPrice, normalCdf, type FloatTerms } from './math/float.js';
export { chainRates, haircutsOf } from './haircuts.js';
export { collateralValue, discountQ64, equityOf, perpetualProfit, yearsQ64 } from './valuation.js';
export { priceAt, simulatedPath, volatilityAt, type PricePath } from './publish/path.js';
export { decodePrices, encodePrices, newestSnapshots, splitSignatures, type DatedSnapshot, type SignedSnapshot } from './publish/prices.js';
export { expiriesAt, FEED_TYPES, feedsDomain, snapshotAt, type FeedReport, type PublishedUnderlying } from './publish/snapshot.js';
export * from './fixed/index.js';
