import { keccak256, type Address } from 'viem';
import { checkChainId, type ChainClient } from '../chain/client.js';
import { type Desired, type DesiredChain } from '../desired/schema.js';
import type { PartialLiveChain } from '../live/live.js';
import { planAccess } from './access.js';
import { addressesOf, type ChainAddresses, type Pins } from './addresses.js';
import { ChainPlan } from './chain-plan.js';
import { planHub } from './hub.js';
import { planLayerZero } from './layerzero.js';
import { planLiquidation } from './liquidation.js';
import { planMessenger, planWorkers } from './messenger.js';
import { planRisk } from './risk.js';
import type { PlanStep } from './step.js';
import { planVault } from './vault.js';

/** Where everything of a network is, and what of it is there. */
export interface Survey {
  readonly addresses: ReadonlyMap<string, ChainAddresses>;
  /** By chain: code hash of every expected contract that has code. */
  readonly codeHashes: ReadonlyMap<string, ReadonlyMap<Address, string>>;
}

/** Live files of earlier deployments, by chain. */
export type KnownLive = ReadonlyMap<string, PartialLiveChain>;

/**
 * Compares the desired state with the chains and returns what has to be done, in order per chain. Reads only.
 * Recorded addresses win over computed ones, so a rebuilt compiler output never looks like a missing contract.
 * @throws Error if a client is missing or an RPC URL serves another chain
 */
export async function plan(desired: Desired, clients: readonly ChainClient[], known: KnownLive = new Map()): Promise<PlanStep[]> {
  const survey = await surveyOf(desired, clients, known);
  const perChain = await Promise.all(
    desired.chains.map((chain) => planChain(desired, chain, clientOf(clients, chain.name), survey, known)),
  );
  return perChain.flat();
}

async function planChain(
  desired: Desired,
  chain: DesiredChain,
  client: ChainClient,
  { addresses, codeHashes }: Survey,
  known: KnownLive,
): Promise<PlanStep[]> {
  const hashes = codeHashes.get(chain.name) ?? new Map<Address, string>();
  const since = BigInt(known.get(chain.name)?.deployedAt.block ?? 0);
  const parts = [planWorkers, planLayerZero, planMessenger, planVault, planHub, planRisk, planLiquidation, planAccess];
  const deployed = new Set(hashes.keys());
  // Read side by side, done in this order.
  const configures = await Promise.all(
    parts.map(async (planPart) => {
      const part = new ChainPlan(desired, chain, client, addresses, deployed);
      await planPart(part, since);
      return part.steps;
    }),
  );
  const deploys = (addresses.get(chain.name)?.specs ?? [])
    .filter((contract) => !hashes.has(contract.address))
    .map((contract) => ({ kind: 'deploy', chain: chain.name, contract }) as const);
  return [...deploys, ...configures.flat()];
}

/** Addresses and code of all chains. @throws Error if a chain id is wrong */
export async function surveyOf(desired: Desired, clients: readonly ChainClient[], known: KnownLive): Promise<Survey> {
  const rows = await Promise.all(
    desired.chains.map(async (chain) => {
      const client = clientOf(clients, chain.name);
      await checkChainId(client);
      const addresses = addressesOf(desired, chain, await pinsOf(desired, client, known.get(chain.name)));
      const { endpoint, sendUln302, receiveUln302 } = chain.layerzero;
      return {
        chain: chain.name,
        addresses,
        hashes: await codeHashesOf(client, [...addresses.specs.map((spec) => spec.address), endpoint, sendUln302, receiveUln302]),
      };
    }),
  );
  return {
    addresses: new Map(rows.map((row) => [row.chain, row.addresses])),
    codeHashes: new Map(rows.map((row) => [row.chain, row.hashes])),
  };
}

/**
 * Addresses of a live file. On a local network files of an earlier, vanished chain are ignored; on a live network missing code is an error.
 * @throws Error if a recorded contract of a live network has no code
 */
async function pinsOf(desired: Desired, client: ChainClient, live: PartialLiveChain | undefined): Promise<Pins> {
  if (live === undefined) return {};
  const recorded = Object.entries(live.contracts).flatMap(([name, contract]) => (contract === undefined ? [] : [{ name, contract }]));
  const hashes = await codeHashesOf(
    client,
    recorded.map(({ contract }) => contract.address),
  );
  const missing = recorded.find(({ contract }) => !hashes.has(contract.address));
  if (missing !== undefined && !desired.local)
    throw new Error(
      `${missing.name} of ${live.chain} has no code at ${missing.contract.address}; expected the recorded contract: is the RPC URL right?`,
    );
  const standing = recorded.filter(({ contract }) => !desired.local || hashes.get(contract.address) === contract.bytecodeHash);
  return Object.fromEntries(standing.map(({ name, contract }) => [name, contract.address]));
}

async function codeHashesOf(client: ChainClient, addresses: readonly Address[]): Promise<Map<Address, string>> {
  const codes = await Promise.all(addresses.map((address) => client.rpc.getCode({ address })));
  const found = new Map<Address, string>();
  for (const [i, address] of addresses.entries()) {
    const code = codes[i];
    if (code !== undefined && code !== '0x') found.set(address, keccak256(code));
  }
  return found;
}

/** @throws Error if no client was given for the chain */
export function clientOf(clients: readonly ChainClient[], chain: string): ChainClient {
  const found = clients.find((client) => client.chain === chain);
  if (found === undefined)
    throw new Error(
      `no RPC client for ${chain}; expected one for each of the desired chains, got ${clients.map((c) => c.chain).join(', ')}`,
    );
  return found;
}
