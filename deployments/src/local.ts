import { chainId, eid, type Eid } from '@lockstep/shared';
import type { Address, LocalAccount } from 'viem';
import { apply, type ApplyResult } from './apply.js';
import { checkChainId, connect, type ChainClient } from './chain/client.js';
import { settleAll } from './chain/settle.js';
import { desiredLocal, type LocalOptions } from './desired/local.js';
import type { Desired } from './desired/schema.js';
import { adoptLayerZero } from './layerzero/adopt.js';
import { deployLayerZero, layerZeroCalls } from './layerzero/deploy.js';
import type { LayerZero } from './layerzero/stack.js';
import { readLive, type LiveNetwork } from './live/live.js';
import type { PlanStep } from './plan/step.js';

/** One running local chain. */
export interface LocalNode {
  readonly name: string;
  readonly chainId: number;
  readonly rpcUrl: string;
  readonly role: 'hub' | 'spoke';
  /** A chain that has LayerZero, e.g. a fork: its own endpoint is used. Absent: the stack is deployed. */
  readonly layerzero?: { readonly eid: Eid; readonly endpoint: Address };
}

/** Keys of a local network, each with one purpose. All must hold native coin except signers. */
export interface LocalKeys {
  /** Deploys Lockstep and governs it. */
  readonly deployer: LocalAccount;
  /** Owns the LayerZero stack; used for nothing else. */
  readonly layerzeroOwner: LocalAccount;
  /** Signers and submitter of LayerZero's DVN.sol. */
  readonly layerzeroDvnSigners: readonly Address[];
  readonly layerzeroDvnAdmin: Address;
  readonly lockstepDvnSigners: readonly Address[];
  readonly guardian?: Address;
  /** See `LocalOptions.keeper`. */
  readonly keeper?: Address;
}

export interface LocalNetworkOptions extends Omit<LocalOptions, 'chains' | 'deployer' | 'guardian' | 'keeper' | 'lockstepDvnSigners'> {
  readonly nodes: readonly LocalNode[];
  readonly keys: LocalKeys;
  readonly liveDir: string;
  /** See `ApplyOptions.onStep`. */
  readonly onStep?: (step: PlanStep) => void;
}

export interface LocalNetwork {
  readonly desired: Desired;
  readonly clients: readonly ChainClient[];
  readonly live: LiveNetwork;
  readonly result: ApplyResult;
}

/** First endpoint id of local networks: outside LayerZero's own ranges. Chain i has eid 40001 + i. */
const FIRST_LOCAL_EID = 40_001;

/** What a local network should be, and clients that may build it. */
export interface PreparedNetwork {
  readonly desired: Desired;
  readonly clients: readonly ChainClient[];
}

/**
 * Builds a whole local network: LayerZero on every chain, then Lockstep with all routes. Interrupted, it continues when called again.
 * Addresses differ from chain to chain on purpose.
 */
export async function deployLocalNetwork(options: LocalNetworkOptions): Promise<LocalNetwork> {
  const { desired, clients } = await prepareLocalNetwork(options);
  const { liveDir, onStep } = options;
  const result = await apply({ desired, clients, liveDir, ...(onStep === undefined ? {} : { onStep }) });
  return { desired, clients, live: readLive(liveDir), result };
}

/** The first half of `deployLocalNetwork`: LayerZero on every chain, and the desired state of what comes on top. */
export async function prepareLocalNetwork(options: Omit<LocalNetworkOptions, 'liveDir' | 'onStep'>): Promise<PreparedNetwork> {
  const { keys } = options;
  return prepare(options, (client, { node, own, remoteEids, index }) => {
    const dvn = { signers: keys.layerzeroDvnSigners, admin: keys.layerzeroDvnAdmin };
    return node.layerzero
      ? adoptLayerZero(client, { ...node.layerzero, remoteEids, payer: keys.layerzeroOwner, dvn })
      : deployLayerZero(client, { eid: own, remoteEids, owner: keys.layerzeroOwner, dvn, nonceOffset: index });
  });
}

/** What `deployLocalNetwork` would build on empty chains. Sends nothing. */
export async function describeLocalNetwork(options: Omit<LocalNetworkOptions, 'liveDir' | 'onStep'>): Promise<PreparedNetwork> {
  const { keys } = options;
  return prepare(options, (_client, { own, remoteEids, index }) => {
    const dvn = { signers: keys.layerzeroDvnSigners, admin: keys.layerzeroDvnAdmin };
    return Promise.resolve(layerZeroCalls({ eid: own, remoteEids, owner: keys.layerzeroOwner, dvn, nonceOffset: index }).stack);
  });
}

interface NodePlace {
  readonly node: LocalNode;
  readonly own: Eid;
  readonly remoteEids: readonly Eid[];
  readonly index: number;
}

async function prepare(
  options: Omit<LocalNetworkOptions, 'liveDir' | 'onStep'>,
  layerzeroOf: (client: ChainClient, place: NodePlace) => Promise<LayerZero>,
): Promise<PreparedNetwork> {
  const { nodes, keys } = options;
  const eidOf = (node: LocalNode, index: number): Eid => node.layerzero?.eid ?? eid(FIRST_LOCAL_EID + index);
  const eids = nodes.map(eidOf);
  const prepared = await settleAll(
    nodes.map(async (node, index) => {
      const own = eidOf(node, index);
      const { name, chainId: id, rpcUrl, role } = node;
      const client = connect({ chain: name, chainId: id, rpcUrl, account: keys.deployer });
      await checkChainId(client);
      const layerzero = await layerzeroOf(client, { node, own, remoteEids: eids.filter((other) => other !== own), index });
      return { client, chain: { name, chainId: chainId(id), eid: own, role, layerzero } };
    }),
  );
  const desired = desiredLocal({
    ...options,
    chains: prepared.map(({ chain }) => chain),
    deployer: keys.deployer.address,
    ...(keys.guardian === undefined ? {} : { guardian: keys.guardian }),
    ...(keys.keeper === undefined ? {} : { keeper: keys.keeper }),
    lockstepDvnSigners: keys.lockstepDvnSigners,
  });
  return { desired, clients: prepared.map(({ client }) => client) };
}
