import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  deployLocalNetwork,
  prepareLocalNetwork,
  type LocalKeys,
  type LocalNetwork,
  type LocalNetworkOptions,
  type LocalNode,
  type PreparedNetwork,
} from '../src/index.js';
import { Anvil, devAccount } from './anvil.js';

export const KEYS: LocalKeys = {
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

/** Chains of their own processes, a directory for live files, and nothing deployed yet. */
export class TestChains {
  private constructor(
    readonly anvils: readonly Anvil[],
    readonly nodes: readonly LocalNode[],
    readonly liveDir: string,
  ) {}

  static async start(count: number = NODES.length, liveDir?: string): Promise<TestChains> {
    const anvils = await Promise.all(NODES.slice(0, count).map((node) => Anvil.start(node.chainId)));
    const nodes = anvils.map((anvil, i) => ({ ...NODES[i]!, rpcUrl: anvil.url }));
    return new TestChains(anvils, nodes, liveDir ?? mkdtempSync(path.join(tmpdir(), 'live-')));
  }

  /** New chains that start from the present state of others. */
  static async fork(origin: TestChains): Promise<TestChains> {
    const anvils = await Promise.all(origin.nodes.map(({ chainId, rpcUrl }) => Anvil.start(chainId, ['--fork-url', rpcUrl])));
    const nodes = anvils.map((anvil, i) => ({ ...origin.nodes[i]!, rpcUrl: anvil.url }));
    return new TestChains(anvils, nodes, mkdtempSync(path.join(tmpdir(), 'live-')));
  }

  deploy(options: Partial<LocalNetworkOptions> = {}): Promise<LocalNetwork> {
    return deployLocalNetwork({ nodes: this.nodes, keys: KEYS, liveDir: this.liveDir, ...options });
  }

  prepare(): Promise<PreparedNetwork> {
    return prepareLocalNetwork({ nodes: this.nodes, keys: KEYS });
  }

  async stop(options: { readonly keepLive?: boolean } = {}): Promise<void> {
    await Promise.all(this.anvils.map((anvil) => anvil.stop()));
    if (options.keepLive !== true) rmSync(this.liveDir, { recursive: true, force: true });
  }
}
