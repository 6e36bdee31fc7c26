import type { StackChain } from '../harness/stack.js';
import { freshAddress, whole } from '../harness/tokens.js';
import { eventually } from '../harness/wait.js';
import { World } from '../harness/world.js';

const LATE_SECONDS = 3;

describe('given withdrawals, and a relayer that watches over them', () => {
  let world: World;
  let a: StackChain;

  beforeAll(async () => {
    world = await World.start({
      spokes: 1,
      batching: { maxCount: 50, maxAgeSeconds: 1, minCount: 1 },
      reconcileSeconds: 1,
      release: { lateSeconds: LATE_SECONDS },
    });
    a = world.stack.chains[1]!;
    const made = await world.user(0).depositMany(['USDC', 'WETH'].map((asset) => ({ chain: a, asset, amount: whole(a, asset, 10n) })));
    await world.flow.ended(made);
  });
  afterAll(() => world.stop());
  afterEach(() => world.resumeMining());

  describe('when an order is not paid in time', () => {
    it('raises an alarm and says so in its timeline, until it is paid', async () => {
      await world.mining({ kind: 'manual' }, a.name); // the chain stands still, so nobody can deliver there
      const { claims } = await world.withdrawer(0).withdraw([{ chain: a, asset: 'WETH', amount: 5n, receiver: freshAddress(1) }]);
      await eventually('the alarm', async (note) => {
        const paths = await world.relayer.api.paths();
        note(paths.flatMap((p) => p.problems));
        return paths.find((p) => p.dstEid === a.eid && p.problems.some((problem) => problem.code === 'RELEASE_LATE'));
      });
      const { outlook } = await world.relayer.api.withdrawal(claims[0]!);
      expect(outlook.calls.map((c) => c.by)).toContain('anyone'); // it offers a call that helps
      await world.resumeMining(a.name);
      await world.claims.reached(claims, 'paid');
      await eventually('the alarm to end', async (note) => {
        const paths = await world.relayer.api.paths();
        note(paths.flatMap((p) => p.problems));
        return paths.every((p) => p.problems.length === 0) ? true : undefined;
      });
      await world.flow.settled();
      await world.assertInvariants();
    });
  });
});
