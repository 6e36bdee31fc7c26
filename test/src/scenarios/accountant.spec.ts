import { iMessengerAbi } from '@lockstep/contracts';
import { accountId, encodeEntry, sequence, tokenAmount, type Entry } from '@lockstep/shared';
import { encodeFunctionData, parseEther, type Address } from 'viem';
import { assetNamed, type HubChain, type StackChain } from '../harness/stack.js';
import { freshAddress, whole } from '../harness/tokens.js';
import { eventually, sleep } from '../harness/wait.js';
import { World } from '../harness/world.js';

/** Long enough for everything honest to be signed, carried and delivered. */
const AMPLE_MS = 6_000;

describe('given a relayer that verifies packets, and no reconciliation that could stop a path before it', () => {
  let world: World;
  let hub: HubChain;
  let a: StackChain;
  let b: StackChain;

  beforeAll(async () => {
    world = await World.start({ spokes: 2, batching: { maxCount: 50, maxAgeSeconds: 1, minCount: 1 }, reconcileSeconds: 3_600 });
    ({ hub } = world.stack);
    a = world.stack.chains[1]!;
    b = world.stack.chains[2]!;
    const made = await world.user(0).depositMany([a, b].map((chain) => ({ chain, asset: 'WETH', amount: whole(chain, 'WETH', 10n) })));
    await world.flow.ended(made);
  });
  afterAll(() => world.stop());

  describe('when somebody can append an order that no ledger stands behind', () => {
    it('signs nothing for it: more is ordered than the vault ever received', async () => {
      await append(hub, hub.withdrawals, a, {
        ...{ kind: 'Release', claim: 1_000n, account: accountId(world.user(0).account()), asset: assetNamed(a, 'WETH').index },
        ...{ amount: tokenAmount(whole(a, 'WETH', 100n)), receiver: freshAddress(1) },
      });
      await refused(hub, a, 'orders release');
      await stays(hub, a);
      expect((await world.claims.payouts(a)).size).toBe(0);
    });
  });

  describe('when somebody can append a receipt of what no vault paid', () => {
    it('signs nothing for it: it names no order of the hub', async () => {
      await append(b, b.vault, hub, {
        ...{ kind: 'Receipts', first: sequence(1n), count: 1, settled: 1n, paid: 1n },
        sums: [{ asset: assetNamed(b, 'WETH').index, amount: tokenAmount(1n) }],
      });
      await refused(b, hub, 'receipts');
      await stays(b, hub);
    });
  });

  it('then the paths beside go on: deposits of one, orders of the other', async () => {
    const made = await world.user(0).depositMany([{ chain: a, asset: 'WETH', amount: whole(a, 'WETH', 1n) }]);
    await world.flow.ended(made);
    const { claims } = await world.withdrawer(0).withdraw([{ chain: b, asset: 'WETH', amount: 7n, receiver: freshAddress(2) }]);
    await world.claims.reached(claims, 'paid');
    await stays(hub, a);
  });

  /** What whoever took over a writer of the log could do. */
  async function append(on: StackChain, writer: Address, to: StackChain, entry: Entry): Promise<void> {
    const before = await on.client.getBalance({ address: writer });
    await on.client.impersonateAccount({ address: writer });
    await on.client.setBalance({ address: writer, value: before + parseEther('1') });
    const data = encodeFunctionData({ abi: iMessengerAbi, functionName: 'append', args: [to.eid, encodeEntry(entry)] });
    const hash = await on.client.sendTransaction({ account: writer, to: on.messenger, data, gas: 1_000_000n });
    expect((await on.client.waitForTransactionReceipt({ hash })).status).toBe('success');
  }

  const refused = (from: StackChain, to: StackChain, because: string): Promise<boolean> =>
    eventually(`the accountant to refuse ${from.name} → ${to.name}`, async (note) => {
      const problems = (await world.relayer.api.paths()).flatMap((path) =>
        path.srcEid === from.eid && path.dstEid === to.eid ? path.problems : [],
      );
      note(problems);
      return problems.some(({ code, detail }) => code === 'ACCOUNTANT_REFUSED' && detail.includes(because)) ? true : undefined;
    });

  /** The forged entry is flushed, so only the missing signature keeps it out. */
  async function stays(from: StackChain, to: StackChain): Promise<void> {
    await sleep(AMPLE_MS);
    const { appended, flushed, verified } = await world.flow.position(from, to);
    expect([flushed, verified]).toEqual([appended, appended - 1n]);
  }
});
