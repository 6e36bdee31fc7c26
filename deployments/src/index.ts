export * from './chain/client.js';
export * from './layerzero/abi.js';
export * from './layerzero/deploy.js';
export * from './layerzero/stack.js';
