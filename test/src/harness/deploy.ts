import {
  deployLocalNetwork,
  prepareLocalNetwork,
  type ForkSource,
  type LiveChain,
  type LiveNetwork,
  type LocalKeys,
} from '@lockstep/deployments';
import { chainId, type ChainId, type Eid } from '@lockstep/shared';
import type { Address } from 'viem';
import { FEED_SIGNERS, roles } from './accounts.js';
import type { Anvil, ChainClient } from './anvil.js';
import type { HubChain, Stack, StackChain } from './stack.js';

/** A chain of the network to build. */
export interface PlannedChain {
  readonly name: string;
  readonly chainId: ChainId;
  readonly role: 'hub' | 'spoke';
  /** fork this node; absent: an empty chain */
  readonly forkUrl?: string;
  /** use the LayerZero that is there; absent: deploy it */
  readonly layerzero?: { readonly eid: Eid; readonly endpoint: Address };
}

const FIRST_CHAIN_ID = 31_001;

/** A hub and `spokes` others: hub, spoke-a, spoke-b, … @throws RangeError unless 1 … 20 spokes */
export function networkPlan(spokes: number): PlannedChain[] {
  if (!Number.isInteger(spokes) || spokes < 1 || spokes > 20) throw new RangeError(`${spokes} spokes; expected 1 … 20`);
  const letters = Array.from({ length: spokes }, (_, i) => String.fromCharCode('a'.charCodeAt(0) + i));
  const names = ['hub', ...letters.map((letter) => `spoke-${letter}`)];
  return names.map((name, i) => ({ name, chainId: chainId(FIRST_CHAIN_ID + i), role: i === 0 ? 'hub' : 'spoke' }));
}

/** Forks of chains that LayerZero serves: the first is the hub. @throws RangeError for fewer than two */
export function forkPlan(sources: readonly ForkSource[]): PlannedChain[] {
  if (sources.length < 2) throw new RangeError(`${sources.length} chains to fork; expected at least 2, the first of them the hub`);
  return sources.map(({ name, chainId: id, eid, endpoint, rpcUrl }, i) => ({
    name,
    chainId: chainId(id),
    role: i === 0 ? 'hub' : 'spoke',
    forkUrl: rpcUrl,
    layerzero: { eid, endpoint },
  }));
}

const keys: LocalKeys = {
  deployer: roles.deployer.account,
  layerzeroOwner: roles.layerzeroOwner.account,
  layerzeroDvnSigners: [roles.layerzeroDvnSigner.account.address],
  layerzeroDvnAdmin: roles.layerzeroDvnAdmin.account.address,
  lockstepDvnSigners: [roles.lockstepDvnSigner.account.address],
  guardian: roles.guardian.account.address,
  keeper: roles.submitter.account.address,
};

const feedSigners = FEED_SIGNERS.map(({ account }) => account.address);

const nodesOf = (planned: readonly PlannedChain[], anvils: ReadonlyMap<string, Anvil>) =>
  planned.map(({ name, chainId: id, role, layerzero }) => ({
    name,
    chainId: id,
    role,
    rpcUrl: nodeOf(anvils, name).rpcUrl,
    ...(layerzero ? { layerzero } : {}),
  }));

/** Deploys LayerZero alone on running chains, and describes them as chains to fork. */
export async function deployLayerZeroOnly(planned: readonly PlannedChain[], anvils: ReadonlyMap<string, Anvil>): Promise<ForkSource[]> {
  const { desired } = await prepareLocalNetwork({ nodes: nodesOf(planned, anvils), keys, feedSigners });
  return desired.chains.map(({ name, chainId: id, eid, layerzero }) => ({
    name,
    chainId: id,
    eid,
    endpoint: layerzero.endpoint,
    rpcUrl: nodeOf(anvils, name).rpcUrl,
  }));
}

/** Deploys LayerZero's and Lockstep's contracts on running chains and writes the live files. */
export async function deployStack(planned: readonly PlannedChain[], anvils: ReadonlyMap<string, Anvil>, liveDir: string): Promise<Stack> {
  const { live } = await deployLocalNetwork({ nodes: nodesOf(planned, anvils), keys, feedSigners, liveDir });
  return stackOf(live, (name) => nodeOf(anvils, name).client);
}

/** The stack that live files describe, reached through `clientOf`. Hub first. */
export function stackOf(live: LiveNetwork, clientOf: (chain: string) => ChainClient): Stack {
  const { contracts } = live.hub;
  const hub: HubChain = {
    ...chainOf(live.hub, clientOf),
    ledger: contracts.Ledger.address,
    gateway: contracts.Gateway.address,
    withdrawals: contracts.Withdrawals.address,
    delegates: contracts.Delegates.address,
    feeds: contracts.Feeds.address,
    markets: contracts.Markets.address,
    sheets: contracts.Sheets.address,
    margin: contracts.Margin.address,
    exchange: contracts.Exchange.address,
    collateralRules: contracts.CollateralRules.address,
    liquidation: contracts.Liquidation.address,
    handover: contracts.Handover.address,
    fund: contracts.Fund.address,
    levy: contracts.Levy.address,
    routes: contracts.Routes.address,
    shortfalls: contracts.Shortfalls.address,
  };
  const spokes = live.chains.filter((c) => c.role === 'spoke').map((c) => chainOf(c, clientOf));
  return { network: live.network, hub, chains: [hub, ...spokes] };
}

function chainOf(
  { chain, chainId: id, eid, contracts, layerzero, assets, deployedAt }: LiveChain,
  clientOf: (chain: string) => ChainClient,
): StackChain {
  return {
    name: chain,
    eid,
    chainId: id,
    client: clientOf(chain),
    accessManager: contracts.AccessManager.address,
    messenger: contracts.Messenger.address,
    vault: contracts.CollateralVault.address,
    lockstepDvn: contracts.LockstepDVN.address,
    batchExecutor: contracts.BatchExecutor.address,
    endpoint: layerzero.endpoint,
    receiveUln: layerzero.receiveUln302,
    layerzeroDvn: layerzero.dvn,
    assets: assets.map(({ index, symbol, token, decimals }) => ({ index, symbol, token, decimals })),
    deployedAt: BigInt(deployedAt.block),
  };
}

function nodeOf(anvils: ReadonlyMap<string, Anvil>, name: string): Anvil {
  const anvil = anvils.get(name);
  if (!anvil) throw new Error(`no node named ${name}; there are ${[...anvils.keys()].join(', ')}`);
  return anvil;
}
