import type { StackChain } from '../harness/stack.js';
import { World } from '../harness/world.js';

/** Every place where the relayer could die between two steps of a deposit's way, in the order of the way. */
const FAULT_POINTS = [
  'deposit.indexed',
  'attestation.intent',
  'sender.signed',
  'sender.committed',
  'sender.broadcast',
  'sender.mined',
  'packet.attested',
  'packet.executed',
  'ledger.delivered',
] as const;

describe('given deposits under way on every chain', () => {
  let world: World;
  let chains: readonly StackChain[];

  beforeAll(async () => {
    world = await World.start({ spokes: 2, batching: { maxCount: 20, maxAgeSeconds: 1, minCount: 1 } });
    chains = world.stack.chains;
  });
  afterAll(() => world.stop());

  const deposits = (user: number) =>
    world
      .user(user)
      .depositMany(
        chains.flatMap((chain) => ['USDC', 'WETH', 'ETH'].map((asset) => ({ chain, asset, amount: 1_000_000n + BigInt(user) }))),
      );

  describe.each(FAULT_POINTS)('when the relayer is killed at %s', (faultPoint) => {
    it('loses nothing and doubles nothing after the restart', async () => {
      if (world.relayer.running) await world.relayer.stop();
      await world.relayer.start({ faultPoint, waitReady: false });
      const made = await deposits(FAULT_POINTS.indexOf(faultPoint));
      expect(await world.relayer.exited).toEqual({ code: null, signal: 'SIGKILL' });
      await world.relayer.start();
      await world.flow.ended(made);
      await world.flow.settled();
      await world.assertInvariants();
    });
  });

  describe('when the relayer is killed again and again at any moment', () => {
    it('still credits every deposit once', async () => {
      const made = [];
      if (!world.relayer.running) await world.relayer.start();
      for (let round = 0; round < 5; round++) {
        made.push(...(await deposits(10 + round)));
        await world.relayer.kill();
        await world.relayer.start({ waitReady: round % 2 === 0 });
      }
      await world.flow.ended(made);
      await world.flow.settled();
      await world.assertInvariants();
    });
  });
});
