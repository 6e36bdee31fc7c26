export * as fixed from './fixed.js';
export * as normal from './normal.js';
export * as black76 from './black76.js';
