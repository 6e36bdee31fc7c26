import { keccak256 } from 'viem';
import type { ChainClient } from '../chain/client.js';
import type { Desired, DesiredChain } from '../desired/schema.js';
import type { ChainAddresses, ContractSpec } from '../plan/addresses.js';
import type { LiveContract, PartialLiveChain } from './live.js';

/** The file of a chain whose deployment begins, or the one an interrupted run left if it is of the same chain and stack. */
export async function startLive(
  desired: Desired,
  chain: DesiredChain,
  client: ChainClient,
  earlier: PartialLiveChain | undefined,
): Promise<PartialLiveChain> {
  const { name, chainId, eid, role, layerzero } = chain;
  const head = await client.rpc.getBlock();
  const fresh: PartialLiveChain = {
    network: desired.network,
    chain: name,
    chainId,
    eid,
    role,
    deployedAt: { block: Number(head.number), timestamp: Number(head.timestamp) },
    layerzero,
    contracts: {},
    assets: [],
  };
  if (earlier === undefined || !(await stillThere(client, earlier))) return fresh;
  return { ...fresh, deployedAt: earlier.deployedAt, contracts: earlier.contracts, assets: earlier.assets };
}

/** A file of a chain that was thrown away records contracts that have no, or other, code. */
async function stillThere(client: ChainClient, earlier: PartialLiveChain): Promise<boolean> {
  const { number } = await client.rpc.getBlock();
  if (earlier.deployedAt.block > Number(number)) return false;
  const checks = Object.values(earlier.contracts).map(async (contract) => {
    if (contract === undefined) return true;
    const code = await client.rpc.getCode({ address: contract.address });
    return code !== undefined && keccak256(code) === contract.bytecodeHash;
  });
  return (await Promise.all(checks)).every(Boolean);
}

/** What is recorded of a contract that is there. @throws Error if it is not */
export async function liveContract(client: ChainClient, spec: ContractSpec, block: number): Promise<LiveContract> {
  const code = await client.rpc.getCode({ address: spec.address });
  if (code === undefined)
    throw new Error(`${spec.name} has no code at ${spec.address} on ${client.chain}; expected its deployment to succeed`);
  return { address: spec.address, block, args: spec.args.map(withoutBigints), bytecodeHash: keccak256(code) };
}

/** Integers as decimal text, at any depth. */
function withoutBigints(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(withoutBigints);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutBigints(inner)]));
}

/** The file with the assets as they are listed. */
export function withAssets(live: PartialLiveChain, chain: DesiredChain, addresses: ChainAddresses): PartialLiveChain {
  const assets = chain.assets.flatMap((asset, i) => {
    const token = addresses.tokens[i];
    return token === undefined ? [] : [{ index: i + 1, symbol: asset.symbol, token, decimals: asset.decimals, standing: asset.standing }];
  });
  return { ...live, assets };
}
