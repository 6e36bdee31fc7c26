import { Operator } from '../harness/operator.js';
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
