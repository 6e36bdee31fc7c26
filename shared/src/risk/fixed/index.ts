export { fixedPortfolioRisk, MAX_GROSS_LOTS } from './portfolio-margin.js';
export type { FixedAccount, FixedExpiry, FixedOption, FixedRisk, FixedUnderlying } from './portfolio-margin.js';
export { sheetHeader, sheetLanes, type SheetExpiry, type SheetHeader } from './sheet-rows.js';
