export * from './chain/client.js';
export { sendAll, type Call } from './chain/send.js';
export * from './layerzero/abi.js';
export * from './layerzero/deploy.js';
export * from './layerzero/stack.js';
export * from './desired/bound.js';
export * from './desired/local.js';
export * from './desired/schema.js';
