export * from './generated/abi.js';
export { bytecode, type ContractName } from './generated/bytecode.js';
