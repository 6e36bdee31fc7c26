import { collateralVaultAbi, iLedgerAbi } from '@lockstep/contracts';
import { accountId, deliveryStream, encodeEntry, tokenAmount } from '@lockstep/shared';
import { encodeFunctionData, erc20Abi, parseEther, type Address, type Hex } from 'viem';
import { Governance } from '../harness/governance.js';
import { Operator } from '../harness/operator.js';
import { assetNamed, type HubChain, type StackChain } from '../harness/stack.js';
import { CASH, freshAddress, whole } from '../harness/tokens.js';
import { eventually } from '../harness/wait.js';
import { World } from '../harness/world.js';

describe('given a relayer that holds the key of the guardian', () => {
  let world: World;
  let hub: HubChain;
  let a: StackChain;
  let b: StackChain;
  let governance: Governance;

  beforeAll(async () => {
    world = await World.start({
      spokes: 2,
      batching: { maxCount: 50, maxAgeSeconds: 1, minCount: 1 },
      reconcileSeconds: 1,
      guardian: true,
    });
    ({ hub } = world.stack);
    governance = new Governance(world.stack, new Operator(world.stack, world.flow));
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

  const bothQuarantined = (chain: StackChain): Promise<boolean> =>
    eventually('both ends to be quarantined', async (note) => {
      const seen = await quarantined(chain);
      note(seen);
      return seen.every(Boolean) ? true : undefined;
    });

  /** Waits for so many reconciliations from now on, and for the last ones in which every invariant held. */
  async function agreeing(inARow: number): Promise<void> {
    const [{ last }] = (await world.rows('select coalesce(max(id), 0)::int as last from reconciliations')) as [{ last: number }]; // CAST: of the query
    await eventually('reconciliations to agree', async (note) => {
      const rows = (await world.rows('select ok, mismatches from reconciliations where id > $1 order by id desc limit $2', [
        last,
        inARow,
      ])) as {
        ok: boolean;
        mismatches: unknown;
      }[]; // CAST: of the query
      note(rows.map((row) => row.mismatches));
      return rows.length === inARow && rows.every(({ ok }) => ok) ? true : undefined;
    });
  }

  describe('when a vault is given an order that the hub never gave', () => {
    it('quarantines the path, and lets it stay open once governance annulled the order', async () => {
      const order = await forgeOrder(whole(a, 'USDC', 5n));
      expect((await world.claims.payouts(a)).get(order)).toEqual({ kind: 'claimable', reason: 'ReceiverInvalid' });
      await bothQuarantined(a);
      expect((await world.invariants()).violations.map((v) => v.invariant)).toContain('INV-RELEASE-1');

      await governance.reopen(a, hub, { annulled: [order] });
      await governance.reopen(hub, a, { pass: true }); // over the receipt of that order
      expect((await world.claims.payouts(a)).get(order)).toEqual({ kind: 'annulled' });
      await agreeing(5);
      expect(await quarantined(a)).toEqual([false, false]);
      const { claims } = await world.withdrawer(0).withdraw([{ chain: a, asset: 'WETH', amount: 5n, receiver: freshAddress(1) }]);
      await world.claims.reached(claims, 'paid');
      await world.claims.receipted(claims);
      await agreeing(2);
      expect(await quarantined(a)).toEqual([false, false]);
      await world.flow.settled();
      await world.assertInvariants();
    });
  });

  describe('when the hub credits what no vault has taken in', () => {
    it('quarantines the path of that chain on both its ends, orders nothing there, and pays on the others', async () => {
      const forged = whole(a, 'USDC', 400n);
      await forge(forged);
      await bothQuarantined(a);
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

  describe('when tokens vanish from a vault', () => {
    it('freezes that token where a little is gone, and quarantines the path where much is', async () => {
      const owner = world.withdrawer(0);
      await vanish('WETH', whole(b, 'WETH', 1n) / 2n);
      await eventually('the token to be frozen', async (note) => {
        const seen = [await frozen('WETH'), await frozen('USDC')];
        note(seen);
        return seen[0]?.every(Boolean) === true && seen[1]?.some(Boolean) === false ? true : undefined;
      });
      expect(await quarantined(b)).toEqual([false, false]);
      const frozenOne = await owner.withdraw([{ chain: b, asset: 'WETH', amount: 4n, receiver: freshAddress(4) }]);
      const other = await owner.withdraw([{ chain: b, asset: 'USDC', fromCash: true, amount: 4n * CASH, receiver: freshAddress(5) }]);
      await world.claims.reached(frozenOne.claims, 'claimable');
      await world.claims.reached(other.claims, 'paid');

      await vanish('USDC', whole(b, 'USDC', 500n));
      await bothQuarantined(b);
      const { violations } = await world.invariants();
      expect(new Set(violations.map((v) => v.where))).toEqual(new Set([`${b.name} USDC`, `${b.name} WETH`]));
    });
  });

  /** Whether a token of `b` is frozen on its vault, and on the hub. */
  const frozen = async (symbol: string): Promise<boolean[]> => {
    const { index } = assetNamed(b, symbol);
    const ledger = { address: hub.ledger, abi: iLedgerAbi } as const;
    const assetId = await hub.client.readContract({ ...ledger, functionName: 'assetIdOf', args: [b.eid, index] });
    const [onVault, onHub] = await Promise.all([
      b.client.readContract({ address: b.vault, abi: collateralVaultAbi, functionName: 'assetOf', args: [index] }),
      hub.client.readContract({ ...ledger, functionName: 'configOf', args: [assetId] }),
    ]);
    return [onVault.status === 3, onHub.standing === 3];
  };

  /** What a token does that takes from its holders, or somebody who robs a vault. */
  async function vanish(symbol: string, amount: bigint): Promise<void> {
    const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [freshAddress(99), amount] });
    await as(b, b.vault, assetNamed(b, symbol).token, data);
  }

  /** What a forged attestation would do to the ledger: the module that credits says so, and no deposit stands behind it. */
  async function forge(amount: bigint): Promise<void> {
    const args = [a.eid, assetNamed(a, 'USDC').index, world.user(0).account(), amount, 1n] as const;
    await as(hub, hub.gateway, hub.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'correct', args }));
  }

  /** What a forged checkpoint would do to a vault. @returns the number of the order, which waits: its receiver is no receiver */
  async function forgeOrder(amount: bigint): Promise<bigint> {
    const { consumed } = await world.flow.position(hub, a);
    const { index, token } = assetNamed(a, 'USDC');
    const bytes = encodeEntry({
      ...{ kind: 'Release', claim: 999n, account: accountId(world.user(0).account()) },
      ...{ asset: index, amount: tokenAmount(amount), receiver: token },
    });
    const args = [hub.eid, consumed + 1n, deliveryStream([bytes]), [0n]] as const;
    await as(a, a.messenger, a.vault, encodeFunctionData({ abi: collateralVaultAbi, functionName: 'applyEntries', args }));
    return consumed + 1n;
  }

  async function as(chain: StackChain, account: Address, to: Address, data: Hex): Promise<void> {
    const before = await chain.client.getBalance({ address: account });
    await chain.client.impersonateAccount({ address: account });
    await chain.client.setBalance({ address: account, value: before + parseEther('1') });
    const hash = await chain.client.sendTransaction({ account, to, data, gas: 1_000_000n });
    expect((await chain.client.waitForTransactionReceipt({ hash })).status).toBe('success');
  }
});
