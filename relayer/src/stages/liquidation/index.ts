/** The keepers for those who run them in a process of their own: what `lockstep liquidator` is made of, without its command line and its key. */
export { liquidationSchema } from '../../config/liquidation-config.js';
export { refusalOf } from '../../sender/revert-reason.js';
export type { Became, HubCall } from '../hub-calls.js';
export { AccountBook } from './account-book.js';
export { findHub } from './hub.js';
export { hubReader, keepersOf, type Keepers } from './keepers.js';
export { liquidatorTerms } from './parameters.js';
export { EventPopulation } from './population.js';
export type { LiquidationSender } from './wants.js';
