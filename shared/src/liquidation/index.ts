export * from './auction.js';
export * from './choice.js';
export * from './detect.js';
export * from './keeper.js';
export * from './levy.js';
export * from './levy-keeper.js';
export * from './payout.js';
export * from './stress.js';
