export * from './action.js';
export * from './cash.js';
export * from './funding.js';
export * from './perpetual.js';
export * from './option.js';
export * from './state.js';
export * from './expiry.js';
export * from './trade.js';
