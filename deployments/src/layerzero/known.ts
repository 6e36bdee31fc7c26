import { eid, type Eid } from '@lockstep/shared';
import type { Address } from 'viem';

/** A public chain that LayerZero serves. Libraries are not listed: they are read from the endpoint when they are needed. */
export interface KnownChain {
  readonly name: string;
  readonly chainId: number;
  readonly eid: Eid;
  readonly endpoint: Address;
}

const MAINNET_ENDPOINT: Address = '0x1a44076050125825900e736c501f859c50fE728c';
const TESTNET_ENDPOINT: Address = '0x6EDCE65403992e310A62460808c4b910D972f10f';

const chain = (name: string, chainId: number, id: number, endpoint: Address): KnownChain => ({ name, chainId, eid: eid(id), endpoint });

const KNOWN: readonly KnownChain[] = [
  chain('ethereum', 1, 30_101, MAINNET_ENDPOINT),
  chain('bsc', 56, 30_102, MAINNET_ENDPOINT),
  chain('avalanche', 43_114, 30_106, MAINNET_ENDPOINT),
  chain('polygon', 137, 30_109, MAINNET_ENDPOINT),
  chain('arbitrum', 42_161, 30_110, MAINNET_ENDPOINT),
  chain('optimism', 10, 30_111, MAINNET_ENDPOINT),
  chain('base', 8_453, 30_184, MAINNET_ENDPOINT),
  chain('sepolia', 11_155_111, 40_161, TESTNET_ENDPOINT),
  chain('arbitrum-sepolia', 421_614, 40_231, TESTNET_ENDPOINT),
  chain('base-sepolia', 84_532, 40_245, TESTNET_ENDPOINT),
];

/** The public chain with this endpoint id. @throws Error if it is not known */
export function layerzeroFromLive(wanted: Eid): KnownChain {
  const found = KNOWN.find((candidate) => candidate.eid === wanted);
  if (found === undefined)
    throw new Error(`eid ${wanted} is not known; expected one of ${KNOWN.map((c) => `${c.eid} (${c.name})`).join(', ')}`);
  return found;
}

/** A public chain that the environment has an RPC URL for. */
export interface ForkSource extends KnownChain {
  readonly rpcUrl: string;
}

/**
 * Chains to fork: those with LOCKSTEP_FORK_<CHAIN>_RPC_URL in the environment, e.g. LOCKSTEP_FORK_ARBITRUM_SEPOLIA_RPC_URL.
 * @throws Error if a variable names an unknown chain, or is no http(s) URL
 */
export function forkSources(environment: Readonly<Record<string, string | undefined>>): ForkSource[] {
  const variables = Object.entries(environment).flatMap(([name, value]) => {
    const match = /^LOCKSTEP_FORK_([A-Z0-9_]+)_RPC_URL$/.exec(name);
    return match?.[1] === undefined || value === undefined || value === '' ? [] : [{ name, rpcUrl: value, chain: match[1] }];
  });
  return variables.map(({ name, rpcUrl, chain: label }) => {
    const known = KNOWN.find((candidate) => candidate.name === label.toLowerCase().replaceAll('_', '-'));
    if (known === undefined)
      throw new Error(
        `${name} names an unknown chain; expected one of ${KNOWN.map((c) => c.name.toUpperCase().replaceAll('-', '_')).join(', ')}`,
      );
    if (!URL.canParse(rpcUrl) || !/^https?:$/.test(new URL(rpcUrl).protocol))
      throw new Error(`${name} is no URL; expected http://… or https://…`);
    return { ...known, rpcUrl };
  });
}
