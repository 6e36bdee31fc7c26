import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { forkSources, type ForkSource } from '@lockstep/deployments';
import { Anvil } from '../harness/anvil.js';
import { deployLayerZeroOnly, networkPlan } from '../harness/deploy.js';
import { Operator } from '../harness/operator.js';
import { Processes } from '../harness/processes.js';
import { World } from '../harness/world.js';

describe('given chains that hold the stack and some deposits', () => {
  let original: World;
  let fork: World;

  beforeAll(async () => {
    original = await World.start({ spokes: 1, relayer: false });
    await original.mining({ kind: 'auto' });
    const [, spoke] = original.stack.chains;
    const operator = new Operator(original.stack, original.flow);
    const made = await original.user(0).deposit({ chain: spoke!, asset: 'USDC', amount: 4_000_000n });
    await operator.flush(spoke!);
    const [packet] = await operator.packets(spoke!);
    await operator.verify(packet!);
    await operator.execute([packet!]);
    await operator.deliver(spoke!, made.sequence);
    // The forks start from a settled block, and the originals stand still below them.
    for (const { name } of original.stack.chains) await original.node(name).miner.mine(3);
    await original.mining({ kind: 'manual' });
    fork = await World.start({ forkOf: original });
  });
  afterAll(async () => {
    await fork.stop();
    await original.stop();
  });

  describe('when the same harness runs on forks of them', () => {
    it('goes on where they were, and leaves them as they are', async () => {
      const [, spoke] = fork.stack.chains;
      const before = await original.flow.position(original.stack.chains[1]!);
      const user = fork.user(0);
      const made = await user.deposit({ chain: spoke!, asset: 'USDC', amount: 6_000_000n });
      expect(made.sequence).toBe(2n);
      await fork.flow.ended([made]);
      const { cash } = await fork.flow.holdings(user.account());
      expect(cash).toBe(10n * 10n ** 18n);
      await fork.flow.settled();
      await fork.assertInvariants();
      expect(await original.flow.position(original.stack.chains[1]!)).toEqual(before);
    });
  });
});

describe('given chains that LayerZero serves and Lockstep has never been on', () => {
  let dir: string;
  let processes: Processes;
  let world: World;

  beforeAll(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'lockstep-origin-'));
    processes = new Processes();
    world = await World.start({ sources: await sources() });
  });
  afterAll(async () => {
    await world.stop();
    await processes.stopAll();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Public chains, if the environment has an RPC URL for at least two (LOCKSTEP_FORK_<CHAIN>_RPC_URL); else local ones with LayerZero alone. */
  async function sources(): Promise<ForkSource[]> {
    const known = forkSources(process.env);
    if (known.length > 0) return known;
    const planned = networkPlan(1);
    const anvils = await Promise.all(planned.map(({ name, chainId }) => Anvil.start({ name, chainId, dir, processes })));
    return deployLayerZeroOnly(planned, new Map(anvils.map((a) => [a.name, a])));
  }

  describe('when Lockstep is deployed on forks of them, over their own endpoints and libraries', () => {
    it('credits a deposit made on one of them on the other', async () => {
      const [, spoke] = world.stack.chains;
      const made = await world.user(0).depositMany(['USDC', 'WETH', 'ETH'].map((asset) => ({ chain: spoke!, asset, amount: 1_000n })));
      await world.flow.ended(made);
      await world.flow.settled();
      await world.assertInvariants();
    });
  });
});
