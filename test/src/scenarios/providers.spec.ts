import type { StackChain } from '../harness/stack.js';
import { eventually, sleep } from '../harness/wait.js';
import { World } from '../harness/world.js';

describe('given RPC providers that cannot be relied on', () => {
  let world: World;
  let hub: StackChain;
  let spoke: StackChain;

  beforeAll(async () => {
    world = await World.start({ spokes: 1, faultyRpc: true });
    [hub, spoke] = world.stack.chains as [StackChain, StackChain];
  });
  afterAll(() => world.stop());
  afterEach(async () => {
    for (const { name } of world.stack.chains) world.provider(name).heal();
    await world.flow.settled();
    await world.assertInvariants();
  });

  const deposits = (user: number) =>
    world
      .user(user)
      .depositMany([hub, spoke].flatMap((chain) => ['USDC', 'WETH'].map((asset) => ({ chain, asset, amount: 1_000n + BigInt(user) }))));

  describe('when they cut connections, refuse and delay calls', () => {
    it('credits every deposit once', async () => {
      for (const { name } of world.stack.chains) {
        const provider = world.provider(name);
        provider.inject({ method: /./, fault: { kind: 'drop' }, every: 41 });
        provider.inject({ method: /./, fault: { kind: 'status', status: 429, retryAfterSeconds: 0 }, every: 29 });
        provider.inject({ method: /^eth_getLogs$/, fault: { kind: 'delay', ms: 400 }, every: 2 });
      }
      await world.flow.ended(await deposits(0), 'credited', { timeoutMs: 90_000 });
    });
  });

  describe('when a provider stops following its chain for a while', () => {
    it('waits, and goes on where it was', async () => {
      world.provider(spoke.name).freezeAt(await spoke.client.getBlockNumber({ cacheTime: 0 }));
      const made = await deposits(2);
      await sleep(2_000);
      world.provider(spoke.name).heal();
      await world.flow.ended(made);
    });
  });

  describe('when a provider takes transactions and loses its answers', () => {
    it('sends nothing twice', async () => {
      const lost = world.stack.chains.map(({ name }) =>
        world.provider(name).inject({ method: 'eth_sendRawTransaction', fault: { kind: 'lose-answer' }, times: 4 }),
      );
      await world.flow.ended(await deposits(3));
      expect(lost.some((l) => l.hits() > 0)).toBe(true);
    });
  });

  describe('when a provider leaves events out of its answers', () => {
    it('passes none of the blocks it hides, credits nothing on such ground, and everything once it tells all again', async () => {
      const omission = world.provider(spoke.name).inject({ method: 'eth_getLogs', fault: { kind: 'forge', change: () => [] } });
      const made = await deposits(4);
      await eventually('the relayer to ask more than once', () => Promise.resolve(omission.hits() > 3 ? true : undefined));
      const first = made.find((d) => d.chain === spoke)!;
      expect((await world.flow.position(spoke)).consumed).toBeLessThan(first.sequence);
      omission.remove();
      await world.flow.ended(made);
    });
  });
});
