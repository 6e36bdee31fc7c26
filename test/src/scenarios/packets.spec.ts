import { iMessengerAbi } from '@lockstep/contracts';
import type { Packet } from '@lockstep/shared';
import { parseEventLogs } from 'viem';
import { Operator } from '../harness/operator.js';
import type { StackChain } from '../harness/stack.js';
import type { Deposit } from '../harness/user.js';
import { World } from '../harness/world.js';

const USDC = 1_000_000n;

describe('given a network without a relayer, and strangers who do its work by hand', () => {
  let world: World;
  let operator: Operator;
  let spoke: StackChain;

  beforeAll(async () => {
    world = await World.start({ spokes: 1, relayer: false });
    await world.mining({ kind: 'auto' });
    operator = new Operator(world.stack, world.flow);
    spoke = world.stack.chains[1]!;
  });
  afterAll(() => world.stop());
  afterEach(() => world.assertInvariants(['INV-VAULT-1', 'INV-LOG-1', 'INV-LOG-2', 'INV-LEDGER-1', 'INV-LEDGER-2', 'INV-FLOW-1']));

  const deposit = (amount = 5n * USDC): Promise<Deposit> => world.user(0).deposit({ chain: spoke, asset: 'USDC', amount });
  const latestPacket = async (): Promise<Packet> => (await operator.packets(spoke)).at(-1)!;
  /** A deposit of its own, flushed in a packet of its own. */
  const sent = async (): Promise<{ deposit: Deposit; packet: Packet }> => {
    const made = await deposit();
    await operator.flush(spoke);
    return { deposit: made, packet: await latestPacket() };
  };

  describe('when a packet is sent twice', () => {
    it('credits the deposit once', async () => {
      const { deposit: made, packet } = await sent();
      await operator.resend(spoke);
      const again = await latestPacket();
      expect(again.nonce).toBe(packet.nonce + 1n);
      await operator.verify(packet);
      await operator.verify(again);
      await operator.execute([packet]);
      await operator.deliver(spoke, made.sequence);
      const receipt = await operator.execute([again, packet]);
      const dropped = parseEventLogs({ abi: iMessengerAbi, eventName: 'CheckpointDropped', logs: receipt.logs });
      expect(dropped.map(({ args }) => args.sequence)).toEqual([made.sequence]);
      await world.flow.ended([made]);
    });
  });

  describe('when packets are reordered and one is lost', () => {
    it('heals by the next checkpoint', async () => {
      const [first, second, third] = [await sent(), await sent(), await sent()];
      for (const { packet } of [third, first, second]) await operator.verify(packet);
      // The newest is executed first, the oldest after it; the one between is committed and then never executed.
      for (const { packet } of [second, first]) await operator.commit(packet);
      await operator.execute([third.packet]);
      const receipt = await operator.execute([first.packet]);
      expect(parseEventLogs({ abi: iMessengerAbi, eventName: 'CheckpointReceived', logs: receipt.logs })).toHaveLength(1);
      await operator.deliver(spoke, third.deposit.sequence);
      await world.flow.ended([first.deposit, second.deposit, third.deposit]);
    });
  });

  describe('when a nonce is never verified', () => {
    it('is skipped by a stranger, and the next checkpoint covers its entries', async () => {
      const stalled = await sent();
      const next = await sent();
      await operator.verify(next.packet);
      await operator.execute([next.packet]); // committed, but LayerZero executes nothing behind the gap
      expect((await world.flow.position(spoke)).verified).toBeLessThan(stalled.deposit.sequence);
      await operator.skipStalled(spoke, stalled.packet.nonce, next.packet.nonce);
      await operator.execute([next.packet]);
      await operator.deliver(spoke, next.deposit.sequence);
      await world.flow.ended([stalled.deposit, next.deposit]);
    });

    it('cannot be skipped while no later one is committed', async () => {
      const waiting = await sent();
      await expect(operator.skipStalled(spoke, waiting.packet.nonce, waiting.packet.nonce + 1n)).rejects.toThrow(/NonceNotStalled/);
      await operator.verify(waiting.packet);
      await operator.execute([waiting.packet]);
      await operator.deliver(spoke, waiting.deposit.sequence);
    });
  });

  describe('when a deposit is cancelled while others append and someone flushes', () => {
    it('is refunded or credited, never both and never neither', async () => {
      const [owner, busy] = [world.user(0), world.user(1)];
      const made: Deposit[] = [];
      const before = await latestPacket();
      let refunded = 0;
      for (const [round, flushFirst] of [false, true, false, true].entries()) {
        const target = await owner.deposit({ chain: spoke, asset: 'USDC', amount: 7n * USDC });
        made.push(...(await busy.depositMany(Array.from({ length: 5 }, () => ({ chain: spoke, asset: 'USDC', amount: USDC })))));
        const headBefore = await world.flow.head(spoke, target.sequence - 1n);
        const later = await world.flow.entries(spoke, target.sequence + 1n);
        if (flushFirst) await operator.flush(spoke);
        // One more entry after the proof was made: each head of the ring proves membership.
        made.push(await busy.deposit({ chain: spoke, asset: 'USDC', amount: USDC + BigInt(round) }));
        const receipt = await owner.cancel(target, headBefore, later);
        expect(receipt.status).toBe(flushFirst ? 'reverted' : 'success');
        if (receipt.status === 'success') refunded += 1;
        else made.push(target);
        if (!flushFirst) await operator.flush(spoke);
      }
      const { nonce: seen } = before;
      await operator.flush(spoke);
      for (const packet of await operator.packets(spoke))
        if (packet.nonce > seen) await operator.verify(packet).then(() => operator.execute([packet]));
      const { appended, verified } = await world.flow.position(spoke);
      expect(verified).toBe(appended);
      await operator.deliver(spoke, verified);
      await world.flow.ended(made);
      const voided = [...(await world.flow.endings(spoke.eid)).values()].filter((e) => e === 'voided');
      expect(voided).toHaveLength(refunded);
    });
  });
});
