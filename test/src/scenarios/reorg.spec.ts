import { iMessengerAbi } from '@lockstep/contracts';
import { encodeAbiParameters, encodeFunctionData, type Hex } from 'viem';
import { Operator } from '../harness/operator.js';
import type { StackChain } from '../harness/stack.js';
import { CASH, freshAddress, heldBy, whole } from '../harness/tokens.js';
import { eventually } from '../harness/wait.js';
import { World } from '../harness/world.js';

describe('given a chain that changes its mind', () => {
  let world: World;
  let operator: Operator;
  let calm: StackChain;
  let fickle: StackChain;

  beforeAll(async () => {
    world = await World.start({ spokes: 2, finality: { kind: 'blocks', blocks: 3 } });
    operator = new Operator(world.stack, world.flow);
    [, calm, fickle] = world.stack.chains as [StackChain, StackChain, StackChain];
  });
  afterAll(() => world.stop());

  describe('when a block is replaced before it is final', () => {
    it('says what the reorg removed, credits nothing for it, and credits the deposit that is made again', async () => {
      const user = world.user(0);
      const { api } = world.relayer;
      await world.mining({ kind: 'auto' }, fickle.name);
      const lost = await user.deposit({ chain: fickle, asset: 'USDC', amount: 11_000_000n });
      await eventually('the relayer to see the deposit', async () =>
        (await api.depositsOf(lost.transactionHash)).length > 0 ? true : undefined,
      );
      await world.node(fickle.name).miner.reorg(1);
      user.forgetNonces();

      const removed = await eventually('the relayer to report the reorg', async (note) => {
        const facts = await api.reorgs();
        note(facts);
        return facts.find((f) => f.txHash === lost.transactionHash);
      });
      expect(removed.eid).toBe(fickle.eid);
      expect((await api.deposit(fickle.eid, lost.sequence)).state).toBe('orphaned');
      await world.mining({ kind: 'manual' }, fickle.name);
      await world.resumeMining(fickle.name);

      const again = await user.deposit({ chain: fickle, asset: 'USDC', amount: 12_000_000n });
      expect(again.sequence).toBe(lost.sequence);
      await world.flow.ended([again]);
      const { cash } = await world.flow.holdings(user.account());
      expect(cash).toBe(12n * 10n ** 18n);
      await world.flow.settled();
      await world.assertInvariants();
    });
  });

  describe("when the hub's block with an order is replaced before it is final", () => {
    it('sends nothing of it, and pays what is asked for again exactly once', async () => {
      const { hub } = world.stack;
      const owner = world.withdrawer(0);
      const receiver = freshAddress(1);
      const leg = { chain: calm, asset: 'USDC', fromCash: true, amount: 2n * CASH, receiver };
      const funded = await owner.user.deposit({ chain: calm, asset: 'USDC', amount: whole(calm, 'USDC', 5n) });
      await world.flow.ended([funded]);
      await world.flow.settled();
      await world.mining({ kind: 'auto' }, hub.name);
      const lost = await owner.withdraw([leg]);
      await eventually('the relayer to see the withdrawal', async () => world.relayer.api.withdrawal(lost.claims[0]!));
      await world.node(hub.name).miner.reorg(1);
      owner.user.forgetNonces();
      expect((await world.flow.position(hub, calm)).appended).toBe(0n);
      await world.mining({ kind: 'manual' }, hub.name);
      await world.resumeMining(hub.name);

      const again = await owner.withdraw([leg]);
      expect(again.claims).toEqual(lost.claims);
      await world.claims.receipted(again.claims);
      expect(await heldBy(calm, 'USDC', receiver)).toBe(whole(calm, 'USDC', 2n));
      await world.flow.settled();
      await world.assertInvariants();
    });
  });

  describe('when blocks are replaced that were final already', () => {
    it('quarantines that path, goes on with the others, and re-opens it by a governed rebase', async () => {
      const [victim, bystander] = [world.user(1), world.user(2)];
      const { hub } = world.stack;
      const start = (await world.flow.position(fickle)).consumed;
      const before = await fickle.client.getBlockNumber({ cacheTime: 0 });
      const phantom = await victim.deposit({ chain: fickle, asset: 'WETH', amount: 5n });
      await world.flow.ended([phantom]);
      await world.flow.settled();

      await world.mining({ kind: 'manual' }, fickle.name);
      const height = await fickle.client.getBlockNumber({ cacheTime: 0 });
      await world.node(fickle.name).miner.reorg(Number(height - before));
      victim.forgetNonces();
      expect((await world.flow.position(fickle)).appended).toBe(start);
      await world.resumeMining(fickle.name);

      // The new branch has another entry at the sequence the hub has consumed; its first packet re-uses a spent nonce, so two are sent.
      const other = await victim.deposit({ chain: fickle, asset: 'WETH', amount: 7n });
      await operator.flush(fickle);
      const another = await victim.deposit({ chain: fickle, asset: 'WETH', amount: 9n });
      await operator.flush(fickle);
      const packet = (await operator.packets(fickle)).at(-1)!;
      await operator.verify(packet);
      await operator.execute([packet]);
      // Anyone walks the new head back to the consumed sequence: there the two branches contradict each other.
      await operator.split(fickle, another.sequence, other.sequence);
      await eventually('the hub to quarantine the path', async () => ((await world.flow.position(fickle)).quarantined ? true : undefined));
      await eventually('the relayer to say so', async (note) => {
        const paths = await world.relayer.api.paths();
        note(paths);
        return paths.find((p) => p.srcEid === fickle.eid && p.dstEid === hub.eid && p.quarantined);
      });

      const unaffected = await bystander.deposit({ chain: calm, asset: 'USDC', amount: 3_000_000n });
      await world.flow.ended([unaffected]);
      // Nothing is ordered towards the chain that contradicted itself; it is given back at once. The others go on.
      const leaving = world.withdrawer(2);
      const { claims } = await leaving.withdraw(
        [fickle, calm].map((chain) => ({ chain, asset: 'USDC', fromCash: true, amount: CASH, receiver: freshAddress(2) })),
      );
      await world.claims.reached(claims.slice(1), 'paid');
      expect(await world.claims.waitingFor(claims[0]!)).toBe('PathQuarantined');
      await leaving.cancel(claims[0]!);

      // What the phantom credited is taken back against the loss account, then the path goes on from the last common head.
      const corrections = encodeAbiParameters(
        [{ type: 'tuple[]', components: [{ type: 'bytes32' }, { type: 'uint16' }, { type: 'int256' }, { type: 'uint64' }] }],
        [[[phantom.account, phantom.asset.index, -5n, phantom.sequence]]],
      );
      await rebase(start, await world.flow.head(fickle, start), corrections);
      expect((await world.flow.position(fickle)).quarantined).toBe(false);
      await operator.resend(fickle);
      const fresh = (await operator.packets(fickle)).at(-1)!;
      await operator.verify(fresh);
      await operator.execute([fresh]);
      await operator.deliver(fickle, another.sequence);
      await world.flow.ended([other, another]);
      const { collateral } = await world.flow.holdings(victim.account());
      expect([...collateral.values()]).toEqual([16n]);

      // The relayer never unsays by itself what it took for final: its operator tells it to go on.
      expect(await world.relayer.command('resume', fickle.name)).toMatch(/halted by a deep-reorg; its follower resumes/);
      const next = await victim.deposit({ chain: fickle, asset: 'WETH', amount: 4n });
      await world.flow.ended([next]);
      await world.flow.settled();
      await world.assertInvariants();
    });
  });

  async function rebase(sequence: bigint, head: Hex, corrections: Hex): Promise<void> {
    const { hub } = world.stack;
    const data = encodeFunctionData({
      abi: iMessengerAbi,
      functionName: 'rebase',
      args: [fickle.eid, sequence, head, [{ kind: 0x01, data: corrections }]],
    });
    await operator.govern(hub, hub.messenger, data);
  }
});
