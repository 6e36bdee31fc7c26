export { laneSums, type FixedExpiry, type FixedOption, type LaneSums } from './option-lanes.js';
export { fixedPortfolioRisk, type FixedAccount, type FixedRisk, type FixedUnderlying } from './portfolio-margin.js';
export { sheetHeader, sheetLanes, type SheetExpiry, type SheetHeader } from './sheet-rows.js';
