import type { Address } from 'viem';

/**
 * The deterministic deployer that public chains and local nodes carry. Through it an address is a function of code and arguments, so
 * the whole plan is known before anything is deployed, and "has code" proves "has this code".
 */
export const CREATE2_DEPLOYER: Address = '0x4e59b44847b379578588920cA78FbF26c0B4956C';
