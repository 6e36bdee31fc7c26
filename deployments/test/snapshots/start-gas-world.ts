import { genesisHead } from '@lockstep/shared';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Address } from 'viem';
import { deployLocalNetwork, liveChainOf } from '../../src/index.js';
import { Anvil, devAccount } from '../anvil.js';
import { GasWorld } from './gas-world.js';
import { PacketRoute } from './packet-route.js';
import { SteadyChain } from './steady-chain.js';

const NODES = [
  { name: 'hub', chainId: 31_001, role: 'hub' },
  { name: 'spoke', chainId: 31_002, role: 'spoke' },
] as const;
const [DEPLOYER, LOCKSTEP_DVN_SIGNER, LAYERZERO_DVN_ADMIN, LAYERZERO_DVN_SIGNER, LAYERZERO_OWNER] = [0, 5, 7, 8, 9].map(devAccount);
/** Later than any deployment of today. */
const START = 4_000_000_000n;

/** Deploys the whole stack on two fresh chains and fixes their clocks. `senders` may send on both. */
export async function startGasWorld(senders: readonly Address[]): Promise<GasWorld> {
  if (!DEPLOYER || !LOCKSTEP_DVN_SIGNER || !LAYERZERO_DVN_ADMIN || !LAYERZERO_DVN_SIGNER || !LAYERZERO_OWNER)
    throw new Error('no accounts');
  const anvils = await Promise.all(NODES.map(({ chainId }) => Anvil.start(chainId)));
  const [hubNode, spokeNode] = anvils;
  const liveDir = mkdtempSync(path.join(tmpdir(), 'lockstep-gas-'));
  const stop = async (): Promise<void> => {
    await Promise.all(anvils.map((anvil) => anvil.stop()));
    rmSync(liveDir, { recursive: true, force: true });
  };
  if (!hubNode || !spokeNode) throw new Error('no nodes');
  const { live } = await deployLocalNetwork({
    nodes: NODES.map((node, i) => ({ ...node, rpcUrl: anvils[i]?.url ?? '' })),
    keys: {
      deployer: DEPLOYER,
      layerzeroOwner: LAYERZERO_OWNER,
      layerzeroDvnSigners: [LAYERZERO_DVN_SIGNER.address],
      layerzeroDvnAdmin: LAYERZERO_DVN_ADMIN.address,
      lockstepDvnSigners: [LOCKSTEP_DVN_SIGNER.address],
    },
    liveDir,
  });
  const submitter = DEPLOYER.address;
  const spokeLive = liveChainOf(live, 'spoke');
  const hub = {
    live: live.hub,
    chain: await SteadyChain.at(hubNode, hubNode.client('hub'), START, [submitter, LAYERZERO_DVN_ADMIN.address, ...senders]),
  };
  const spoke = {
    live: spokeLive,
    chain: await SteadyChain.at(spokeNode, spokeNode.client('spoke'), START, [submitter, LAYERZERO_DVN_ADMIN.address, ...senders]),
  };
  const workers = {
    lockstepDvnSigner: LOCKSTEP_DVN_SIGNER,
    layerZeroDvnSigner: LAYERZERO_DVN_SIGNER,
    layerZeroDvnAdmin: LAYERZERO_DVN_ADMIN.address,
    submitter,
  };
  const genesis = genesisHead({
    srcEid: spokeLive.eid,
    srcMessenger: spokeLive.contracts.Messenger.address,
    dstEid: live.hub.eid,
    dstMessenger: live.hub.contracts.Messenger.address,
  });
  return new GasWorld(spoke, hub, new PacketRoute(spoke, hub, workers), new PacketRoute(hub, spoke, workers), submitter, genesis, stop);
}
