import { Governance } from '../harness/governance.js';
import { Operator } from '../harness/operator.js';
import { assetNamed, type HubChain, type StackChain } from '../harness/stack.js';
import { CASH, freshAddress, heldBy, whole } from '../harness/tokens.js';
import { eventually } from '../harness/wait.js';
import { World } from '../harness/world.js';
import { journalOf } from '../invariants/journal.js';

describe('given traders with collateral and cash from several chains, and the relayer', () => {
  let world: World;
  let governance: Governance;
  let hub: HubChain;
  let a: StackChain;
  let b: StackChain;

  beforeAll(async () => {
    world = await World.start({ spokes: 2, batching: { maxCount: 50, maxAgeSeconds: 1, minCount: 1 } });
    governance = new Governance(world.stack, new Operator(world.stack, world.flow));
    ({ hub } = world.stack);
    [, a, b] = world.stack.chains as [StackChain, StackChain, StackChain];
    const made = await Promise.all([
      world.user(0).depositMany([
        { chain: a, asset: 'USDC', amount: whole(a, 'USDC', 1_000n) },
        { chain: a, asset: 'WETH', amount: whole(a, 'WETH', 50n) },
        { chain: b, asset: 'ETH', amount: whole(b, 'ETH', 10n) },
        { chain: b, asset: 'WETH', amount: whole(b, 'WETH', 50n) },
      ]),
      world.user(1).depositMany([b, hub].map((chain) => ({ chain, asset: 'USDC', amount: whole(chain, 'USDC', 400n) }))),
    ]);
    await world.flow.ended(made.flat());
  });
  afterAll(() => world.stop());
  afterEach(async () => {
    await world.flow.settled();
    await world.assertInvariants();
  });

  describe('when one deposits on a chain and withdraws cash on another and collateral at home', () => {
    it('is paid on both, and is told each stage until the receipt', async () => {
      const receiver = freshAddress(1);
      const owner = world.withdrawer(0);
      const { claims, receipt } = await owner.withdraw([
        { chain: b, asset: 'USDC', fromCash: true, amount: 120n * CASH, receiver },
        { chain: a, asset: 'WETH', amount: whole(a, 'WETH', 3n), receiver },
      ]);
      await world.claims.reached(claims, 'paid');
      await world.claims.receipted(claims);
      expect(await heldBy(b, 'USDC', receiver)).toBe(whole(b, 'USDC', 120n));
      expect(await heldBy(a, 'WETH', receiver)).toBe(whole(a, 'WETH', 3n));
      const { api } = world.relayer;
      const stories = await eventually('both timelines to end', async (note) => {
        const found = await api.withdrawalsOf(receipt.transactionHash);
        note(found);
        return found.length === 2 && found.every((w) => w.state === 'receipted') ? found : undefined;
      });
      for (const { steps } of stories)
        expect(steps.map((s) => s.stage)).toEqual(['queued', 'ordered', 'final', 'flushed', 'verified', 'paid', 'receipted']);
      expect((await api.withdrawal(claims[0]!)).claim).toBe(claims[0]);
      expect(await world.relayer.command('status', `${claims[0]}`, '--url', world.relayer.url)).toMatch(/paid/);
    });
  });

  describe('when one asks through the log of a chain', () => {
    it('is decided, ordered and paid without another call', async () => {
      const receiver = freshAddress(2);
      const owner = world.withdrawer(0);
      const request = await owner.requestFrom(b, { chain: a, asset: 'USDC', fromCash: true, amount: 15n * CASH, receiver });
      await eventually('the receiver to be paid', async (note) => {
        const held = await heldBy(a, 'USDC', receiver);
        note(held);
        return held === whole(a, 'USDC', 15n) ? true : undefined;
      });
      const story = await world.relayer.api.request(b.eid, request.sequence);
      expect(story.sequence).toBe(request.sequence);
    });
  });

  describe('when forty withdraw at once', () => {
    it('sends them in a few packets', async () => {
      const before = await world.flow.packets(hub, a);
      const owner = world.withdrawer(0);
      const leg = (i: number) => ({ chain: a, asset: 'WETH', amount: 1_000n + BigInt(i), receiver: freshAddress(100 + i) });
      const made = [];
      for (let i = 0; i < 4; i++) made.push(await owner.withdraw(Array.from({ length: 10 }, (_, n) => leg(i * 10 + n))));
      const claims = made.flatMap((w) => w.claims);
      await world.claims.receipted(claims, { timeoutMs: 90_000 });
      await world.claims.reached(claims, 'paid');
      expect(claims).toHaveLength(40);
      expect((await world.flow.packets(hub, a)) - before).toBeLessThanOrEqual(4);
    });
  });

  describe('when a receiver takes no coins', () => {
    it('tells the owner what to do, who sends it elsewhere', async () => {
      const owner = world.withdrawer(0);
      const receiver = assetNamed(b, 'WETH').token;
      const { claims } = await owner.withdraw([{ chain: b, asset: 'ETH', amount: whole(b, 'ETH', 1n), receiver }]);
      const [claim] = claims as [bigint];
      const [state] = await world.claims.reached(claims, 'claimable');
      await world.claims.receipted(claims);
      const story = await eventually('the relayer to say that it is claimable', async (note) => {
        const found = await world.relayer.api.withdrawal(claim);
        note(found);
        return found.state === 'claimable' ? found : undefined;
      });
      expect(story.outlook.calls.map((c) => c.function)).toContain('claimTo');
      const elsewhere = freshAddress(3);
      await owner.claimTo(b, state!.orderSequence, elsewhere);
      await world.claims.reached(claims, 'claimed');
      expect(await heldBy(b, 'ETH', elsewhere)).toBe(whole(b, 'ETH', 1n));
    });
  });

  describe('when a vault is paused', () => {
    it('makes the order claimable, and the relayer pays it after the pause', async () => {
      const receiver = freshAddress(4);
      await governance.pausePayouts(a);
      const { claims } = await world.withdrawer(0).withdraw([{ chain: a, asset: 'WETH', amount: whole(a, 'WETH', 1n), receiver }]);
      await world.claims.reached(claims, 'claimable');
      await governance.unpausePayouts(a);
      await world.claims.reached(claims, 'claimed');
      expect(await heldBy(a, 'WETH', receiver)).toBe(whole(a, 'WETH', 1n));
    });
  });

  describe('when a claim is larger than what its chain has', () => {
    it('waits, lets smaller ones pass, and is ordered by the relayer when liquidity comes', async () => {
      const whale = world.withdrawer(2);
      const made = await whale.user.deposit({ chain: a, asset: 'USDC', amount: whole(a, 'USDC', 5_000n) });
      await world.flow.ended([made]);
      const receiver = freshAddress(5);
      const big = await whale.withdraw([{ chain: b, asset: 'USDC', fromCash: true, amount: 600n * CASH, receiver }]);
      const small = await world.withdrawer(0).withdraw([
        { chain: b, asset: 'USDC', fromCash: true, amount: 5n * CASH, receiver: freshAddress(6) },
        { chain: hub, asset: 'USDC', fromCash: true, amount: 5n * CASH, receiver: freshAddress(6) },
      ]);
      await world.claims.reached(small.claims, 'paid');
      await world.claims.reached(big.claims, 'queued');
      expect(await world.claims.waitingFor(big.claims[0]!)).toBe('Liquidity');
      await world.user(1).deposit({ chain: b, asset: 'USDC', amount: whole(b, 'USDC', 1_000n) });
      await world.claims.reached(big.claims, 'paid');
      expect(await heldBy(b, 'USDC', receiver)).toBe(whole(b, 'USDC', 600n));
    });
  });

  describe('when more leaves than the buckets let out', () => {
    it('is held back on the hub, or made claimable by the vault, and paid by the relayer as they refill', async () => {
      const owner = world.withdrawer(0);
      const tight = { capacity: whole(b, 'WETH', 5n), perSecond: whole(b, 'WETH', 2n) };
      await governance.hubOutflow(b, 'WETH', { ...tight, perSecond: 1n });
      const leg = (n: number) => ({ chain: b, asset: 'WETH', amount: whole(b, 'WETH', 4n), receiver: freshAddress(n) });
      const held = await owner.withdraw([leg(7), leg(8)]);
      await world.claims.reached(held.claims.slice(0, 1), 'paid');
      expect(await world.claims.waitingFor(held.claims[1]!)).toBe('OutflowLimit');
      await governance.vaultOutflow(b, 'WETH', { ...tight, perSecond: 1n });
      await governance.hubOutflow(b, 'WETH');
      await world.claims.reached(held.claims.slice(1), 'paid');
      const late = await owner.withdraw([leg(9)]);
      await world.claims.reached(late.claims, 'claimable');
      await governance.vaultOutflow(b, 'WETH', tight);
      await world.claims.reached(late.claims, 'claimed');
      expect(await heldBy(b, 'WETH', freshAddress(9))).toBe(whole(b, 'WETH', 4n));
      await governance.vaultOutflow(b, 'WETH');
    });
  });

  describe("when the relayer's database is lost", () => {
    it('is rebuilt from the chains with the same journal', async () => {
      const before = await journalOf((sql) => world.rows(sql));
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
