import { iLedgerAbi } from '@lockstep/contracts';
import { encodeFunctionData, parseEther } from 'viem';
import { assetNamed, type HubChain, type StackChain } from '../harness/stack.js';
import { CASH, freshAddress, whole } from '../harness/tokens.js';
import { eventually } from '../harness/wait.js';
import { World } from '../harness/world.js';

describe('given a relayer that holds the key of the guardian', () => {
  let world: World;
  let hub: HubChain;
  let a: StackChain;
  let b: StackChain;

  beforeAll(async () => {
    world = await World.start({
      spokes: 2,
      batching: { maxCount: 50, maxAgeSeconds: 1, minCount: 1 },
      reconcileSeconds: 1,
      guardian: true,
    });
    ({ hub } = world.stack);
    a = world.stack.chains[1]!;
    b = world.stack.chains[2]!;
    const made = await world.user(0).depositMany(
      [a, b].flatMap((chain) => [
        { chain, asset: 'USDC', amount: whole(chain, 'USDC', 1_000n) },
        { chain, asset: 'WETH', amount: whole(chain, 'WETH', 10n) },
      ]),
    );
    await world.flow.ended(made);
  });
  afterAll(() => world.stop());

  const quarantined = async (chain: StackChain): Promise<boolean[]> =>
    Promise.all([world.flow.position(chain), world.flow.position(hub, chain)].map(async (p) => (await p).quarantined));

  describe('when the hub credits what no vault has taken in', () => {
    it('quarantines the path of that chain on both its ends, orders nothing there, and pays on the others', async () => {
      const forged = whole(a, 'USDC', 400n);
      await forge(forged);
      await eventually('both ends to be quarantined', async (note) => {
        const seen = await quarantined(a);
        note(seen);
        return seen.every(Boolean) ? true : undefined;
      });
      expect(await quarantined(b)).toEqual([false, false]);

      const owner = world.withdrawer(0);
      const { claims } = await owner.withdraw(
        [a, b].map((chain) => ({ chain, asset: 'USDC', fromCash: true, amount: 7n * CASH, receiver: freshAddress(3) })),
      );
      await world.claims.reached(claims.slice(1), 'paid');
      expect(await world.claims.waitingFor(claims[0]!)).toBe('PathQuarantined');
      await owner.cancel(claims[0]!);
      await world.claims.reached(claims.slice(0, 1), 'cancelled');

      const report = await world.invariants();
      expect(new Set(report.violations.map((v) => v.where))).toEqual(new Set([`${a.name} USDC`]));
      await forge(-forged);
      await world.assertInvariants();
    });
  });

  /** What a forged attestation would do to the ledger: the module that credits says so, and no deposit stands behind it. */
  async function forge(amount: bigint): Promise<void> {
    await hub.client.impersonateAccount({ address: hub.gateway });
    await hub.client.setBalance({ address: hub.gateway, value: parseEther('1') });
    const args = [a.eid, assetNamed(a, 'USDC').index, world.user(0).account(), amount, 1n] as const;
    const hash = await hub.client.sendTransaction({
      account: hub.gateway,
      to: hub.ledger,
      data: encodeFunctionData({ abi: iLedgerAbi, functionName: 'correct', args }),
      gas: 500_000n,
    });
    expect((await hub.client.waitForTransactionReceipt({ hash })).status).toBe('success');
  }
});
