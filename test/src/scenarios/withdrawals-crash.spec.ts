import { Governance } from '../harness/governance.js';
import { Operator } from '../harness/operator.js';
import type { StackChain } from '../harness/stack.js';
import { CASH, freshAddress, heldBy, whole } from '../harness/tokens.js';
import { eventually } from '../harness/wait.js';
import { World } from '../harness/world.js';

/** Every place where the relayer could die between two steps of a withdrawal's way, in the order of the way. */
const FAULT_POINTS = ['release.processed', 'release.ordered', 'sender.signed', 'packet.executed'] as const;

describe('given withdrawals under way from every chain', () => {
  let world: World;
  let chains: readonly StackChain[];
  let a: StackChain;
  let governance: Governance;

  beforeAll(async () => {
    world = await World.start({ spokes: 2, batching: { maxCount: 20, maxAgeSeconds: 1, minCount: 1 } });
    ({ chains } = world.stack);
    a = chains[1]!;
    governance = new Governance(world.stack, new Operator(world.stack, world.flow));
    const made = await Promise.all(
      [0, 1].map((i) =>
        world.user(i).depositMany(
          chains.flatMap((chain) => [
            { chain, asset: 'USDC', amount: whole(chain, 'USDC', 1_000n) },
            { chain, asset: 'WETH', amount: whole(chain, 'WETH', 100n) },
          ]),
        ),
      ),
    );
    await world.flow.ended(made.flat());
  });
  afterAll(() => world.stop());

  /** One leg of each kind on every chain, and one asked for through a spoke's log. @returns a check that each was paid once */
  async function withdrawals(round: number): Promise<() => Promise<void>> {
    const [owner, other] = [world.withdrawer(0), world.withdrawer(1)];
    const [direct, forced] = [freshAddress(1_000 + round), freshAddress(2_000 + round)];
    const request = await other.requestFrom(a, { chain: a, asset: 'USDC', fromCash: true, amount: 3n * CASH, receiver: forced });
    // Nothing can be ordered while it is asked for, so that the relayer has to do it.
    await governance.pauseOrders();
    const { claims } = await owner.withdraw(
      chains.flatMap((chain) => [
        { chain, asset: 'USDC', fromCash: true, amount: 2n * CASH, receiver: direct },
        { chain, asset: 'WETH', amount: whole(chain, 'WETH', 1n), receiver: direct },
      ]),
    );
    await governance.unpauseOrders();
    return async () => {
      await world.claims.receipted(claims);
      await eventually(`request ${request.sequence} to be paid`, async (note) => {
        const held = await heldBy(a, 'USDC', forced);
        note(held);
        return held > 0n ? true : undefined;
      });
      expect(await heldBy(a, 'USDC', forced)).toBe(whole(a, 'USDC', 3n));
      for (const chain of chains) {
        expect(await heldBy(chain, 'USDC', direct)).toBe(whole(chain, 'USDC', 2n));
        expect(await heldBy(chain, 'WETH', direct)).toBe(whole(chain, 'WETH', 1n));
      }
    };
  }

  describe.each(FAULT_POINTS)('when the relayer is killed at %s', (faultPoint) => {
    it('pays each of them exactly once after the restart', async () => {
      if (world.relayer.running) await world.relayer.stop();
      await world.relayer.start({ faultPoint, waitReady: false });
      const paid = await withdrawals(FAULT_POINTS.indexOf(faultPoint));
      expect(await world.relayer.exited).toEqual({ code: null, signal: 'SIGKILL' });
      await world.relayer.start();
      await paid();
      await world.flow.settled();
      await world.assertInvariants();
    });
  });

  describe('when the relayer is killed again and again at any moment', () => {
    it('still pays each of them exactly once', async () => {
      const checks = [];
      if (!world.relayer.running) await world.relayer.start();
      for (let round = 0; round < 3; round++) {
        checks.push(await withdrawals(10 + round));
        await world.relayer.kill();
        await world.relayer.start({ waitReady: round % 2 === 0 });
      }
      for (const paid of checks) await paid();
      await world.flow.settled();
      await world.assertInvariants();
    });
  });
});
