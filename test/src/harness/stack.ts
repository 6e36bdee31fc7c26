import type { ChainId, Eid } from '@lockstep/shared';
import type { Address } from 'viem';
import type { ChainClient } from './anvil.js';

/** A token that a vault takes. */
export interface StackAsset {
  readonly index: number;
  readonly symbol: string;
  /** address(0) = native coin */
  readonly token: Address;
  readonly decimals: number;
}

/** One chain of a running stack: how to reach it and where its contracts are. */
export interface StackChain {
  readonly name: string;
  readonly eid: Eid;
  readonly chainId: ChainId;
  readonly client: ChainClient;
  readonly accessManager: Address;
  readonly messenger: Address;
  readonly vault: Address;
  readonly lockstepDvn: Address;
  readonly batchExecutor: Address;
  readonly endpoint: Address;
  readonly receiveUln: Address;
  /** LayerZero's own DVN contract, the second required verifier */
  readonly layerzeroDvn: Address;
  readonly assets: readonly StackAsset[];
  /** first block in which anything of ours exists */
  readonly deployedAt: bigint;
}

/** The hub chain: a vault of its own, and the ledger. */
export interface HubChain extends StackChain {
  readonly ledger: Address;
  readonly gateway: Address;
  readonly withdrawals: Address;
  readonly delegates: Address;
  readonly feeds: Address;
  readonly markets: Address;
  readonly sheets: Address;
  readonly margin: Address;
  readonly exchange: Address;
  readonly collateralRules: Address;
  readonly liquidation: Address;
  readonly handover: Address;
  readonly fund: Address;
  readonly levy: Address;
  readonly routes: Address;
  readonly shortfalls: Address;
}

/** Every chain of one network. `chains` has the hub first. */
export interface Stack {
  readonly network: string;
  readonly hub: HubChain;
  readonly chains: readonly StackChain[];
}

/** The chain of that name. @throws naming the ones there are */
export function chainNamed(stack: Stack, name: string): StackChain {
  const found = stack.chains.find((c) => c.name === name);
  if (!found) throw new Error(`no chain named ${name}; there are ${stack.chains.map((c) => c.name).join(', ')}`);
  return found;
}

/** The asset of that symbol on a chain. @throws naming the ones there are */
export function assetNamed(chain: StackChain, symbol: string): StackAsset {
  const found = chain.assets.find((a) => a.symbol === symbol);
  if (!found) throw new Error(`no asset ${symbol} on ${chain.name}; there are ${chain.assets.map((a) => a.symbol).join(', ')}`);
  return found;
}

/** The chain with that endpoint id. @throws naming the ones there are */
export function chainOfEid(stack: Stack, eid: number): StackChain {
  const found = stack.chains.find((c) => c.eid === eid);
  if (!found) throw new Error(`no chain with eid ${eid}; there are ${stack.chains.map((c) => `${c.name} (${c.eid})`).join(', ')}`);
  return found;
}
