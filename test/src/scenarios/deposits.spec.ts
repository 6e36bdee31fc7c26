import { iMessengerAbi } from '@lockstep/contracts';
import { parseEventLogs } from 'viem';
import { assetNamed, type StackChain } from '../harness/stack.js';
import { eventually } from '../harness/wait.js';
import { World } from '../harness/world.js';
import { journalOf } from '../invariants/journal.js';

const whole = (chain: StackChain, symbol: string, amount: bigint): bigint => amount * 10n ** BigInt(assetNamed(chain, symbol).decimals);

describe('given a hub with a vault, two spokes and the relayer', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start({ spokes: 2, batching: { maxCount: 100, maxAgeSeconds: 3, minCount: 1 } });
  });
  afterAll(() => world.stop());
  afterEach(async () => {
    await world.flow.settled();
    await world.assertInvariants();
  });

  describe('when one owner deposits on three chains', () => {
    it('holds all of it in one account: settlement as cash, the rest as margin collateral', async () => {
      const user = world.user(0);
      const { chains, hub } = world.stack;
      const orders = chains.flatMap((chain) => [
        { chain, asset: 'USDC', amount: whole(chain, 'USDC', 100n) },
        { chain, asset: 'WETH', amount: whole(chain, 'WETH', 2n) },
        { chain, asset: 'ETH', amount: whole(chain, 'ETH', 3n) },
      ]);
      const made = await user.depositMany(orders);
      await world.flow.ended(made);
      const { cash, collateral } = await world.flow.holdings(user.account());
      expect(cash).toBe(300n * 10n ** 18n);
      expect([...collateral.values()].sort()).toEqual(chains.flatMap(() => [2n * 10n ** 18n, 3n * 10n ** 18n]).sort());
      expect(made.map((d) => d.chain.eid)).toContain(hub.eid);
    });

    it('says at every moment where a deposit is, by its place in the log and by its transaction', async () => {
      const chain = world.stack.chains[1]!;
      const made = await world.user(0).deposit({ chain, asset: 'USDC', amount: whole(chain, 'USDC', 5n) });
      const { api } = world.relayer;
      const done = await eventually('the timeline to end', async (note) => {
        const timeline = await api.deposit(chain.eid, made.sequence);
        note(timeline);
        return timeline.state === 'delivered' ? timeline : undefined;
      });
      expect(done.steps.map((s) => s.stage)).toEqual(['deposited', 'final', 'flushed', 'verified', 'delivered']);
      const found = await api.depositsOf(made.transactionHash);
      expect(found.map((d) => d.sequence)).toEqual([made.sequence]);
    });
  });

  describe('when 200 deposits arrive at load', () => {
    it('carries them in at most four LayerZero packets', async () => {
      const spokes = world.stack.chains.slice(1);
      const before = await Promise.all(spokes.map((c) => world.flow.packets(c)));
      const made = await Promise.all(
        spokes.flatMap((chain, s) =>
          Array.from({ length: 4 }, (_, u) =>
            world
              .user(1 + s * 4 + u)
              .depositMany(Array.from({ length: 25 }, (_, i) => ({ chain, asset: 'WETH', amount: BigInt(1_000 + i) }))),
          ),
        ),
      );
      await world.flow.ended(made.flat(), 'credited', { timeoutMs: 90_000 });
      const after = await Promise.all(spokes.map((c) => world.flow.packets(c)));
      const packets = after.reduce((a, b) => a + b, 0) - before.reduce((a, b) => a + b, 0);
      expect(made.flat()).toHaveLength(200);
      expect(packets).toBeLessThanOrEqual(200 / 50);
    });
  });

  describe('when a depositor is in a hurry', () => {
    it('sends the checkpoint in the same transaction', async () => {
      const chain = world.stack.chains[2]!;
      const made = await world.user(9).deposit({ chain, asset: 'WETH', amount: 5n, express: true });
      const receipt = await chain.client.getTransactionReceipt({ hash: made.transactionHash });
      const flushed = parseEventLogs({ abi: iMessengerAbi, eventName: 'Flushed', logs: receipt.logs });
      expect(flushed.map(({ args }) => args.sequence)).toEqual([made.sequence]);
      await world.flow.ended([made]);
    });
  });

  describe("when the relayer's database is lost", () => {
    it('is rebuilt from the chains with the same journal', async () => {
      await world.flow.settled();
      await world.assertInvariants();
      const before = await journalOf((sql) => world.rows(sql));
      expect(before.length).toBeGreaterThan(200);
      await world.rebuildDatabase();
      const after = await eventually('the journal to be as long as before', async (note) => {
        const lines = await journalOf((sql) => world.rows(sql));
        note(lines.length);
        return lines.length >= before.length ? lines : undefined;
      });
      expect(after).toEqual(before);
    });
  });
});
