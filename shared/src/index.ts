export * from './units.js';
export * from './account.js';
export * from './message/entry.js';
export * from './message/log.js';
export * from './message/checkpoint.js';
export * from './message/packet.js';
