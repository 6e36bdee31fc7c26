import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deployLocalNetwork, describeProblem, plan, verify, knownLive, type LocalNetwork } from '../src/index.js';
import { Anvil, devAccount } from './anvil.js';

const KEYS = {
  deployer: devAccount(0),
  layerzeroOwner: devAccount(9),
  layerzeroDvnSigners: [devAccount(8).address],
  layerzeroDvnAdmin: devAccount(7).address,
  lockstepDvnSigners: [devAccount(5).address, devAccount(6).address],
};
const NODES = [
  { name: 'hub', chainId: 31_001, role: 'hub' },
  { name: 'spoke-a', chainId: 31_002, role: 'spoke' },
  { name: 'spoke-b', chainId: 31_003, role: 'spoke' },
] as const;

describe('a local network', () => {
  let anvils: Anvil[] = [];
  let liveDir = '';
  let network: LocalNetwork;
  const nodes = () => NODES.map((node, i) => ({ ...node, rpcUrl: anvils[i]!.url }));

  beforeAll(async () => {
    anvils = await Promise.all(NODES.map((node) => Anvil.start(node.chainId)));
    liveDir = mkdtempSync(path.join(tmpdir(), 'live-'));
    const started = performance.now();
    network = await deployLocalNetwork({ nodes: nodes(), keys: KEYS, liveDir, pollMs: 5 });
    process.stdout.write(
      `three chains with LayerZero and Lockstep in ${Math.round(performance.now() - started)} ms, ${network.result.transactions} transactions\n`,
    );
  }, 60_000);
  afterAll(async () => {
    await Promise.all(anvils.map((anvil) => anvil.stop()));
    rmSync(liveDir, { recursive: true, force: true });
  });

  describe('given a finished deployment', () => {
    it('verifies: both ends of every route agree', async () => {
      const problems = await verify(network.desired, network.clients, knownLive(network.desired, liveDir));
      expect(problems.map(describeProblem)).toEqual([]);
    });

    it('plans nothing, and a second apply sends nothing', async () => {
      expect(await plan(network.desired, network.clients)).toEqual([]);
      const again = await deployLocalNetwork({ nodes: nodes(), keys: KEYS, liveDir, pollMs: 5 });
      expect(again.result).toMatchObject({ transactions: 0, done: [], scheduled: [] });
      expect(again.live).toEqual(network.live);
    });
  });
});
