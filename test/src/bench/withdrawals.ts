import { Governance } from '../harness/governance.js';
import { Operator } from '../harness/operator.js';
import { roles } from '../harness/accounts.js';
import type { StackChain } from '../harness/stack.js';
import { freshAddress } from '../harness/tokens.js';
import type { World } from '../harness/world.js';
import { significant, type Results } from './results.js';

const OWNER = 21;
const BATCH = 50;
const LEGS = 10;

/** Gas that the relayer's keys used, and packets that crossed, while something happened. */
interface Cost {
  readonly hub: bigint;
  readonly spoke: bigint;
  readonly packets: number;
}

/** Packets and the relayer's gas per withdrawal, from the order on the hub to the receipt back on it: one alone, and fifty together. */
export async function measureWithdrawals(world: World): Promise<Results> {
  const spoke = world.stack.chains[1];
  if (!spoke) throw new Error('the network has no spoke; expected one');
  const owner = world.withdrawer(OWNER);
  const governance = new Governance(world.stack, new Operator(world.stack, world.flow));
  const made = await owner.user.deposit({ chain: spoke, asset: 'WETH', amount: 10n ** 18n });
  await world.flow.ended([made]);
  const leg = (n: number) => ({ chain: spoke, asset: 'WETH', amount: 1_000n, receiver: freshAddress(50_000 + n) });

  /** All are asked for before the first is ordered, so that one checkpoint carries them. */
  const together = async (first: number, count: number): Promise<Cost> => {
    await governance.pauseOrders();
    const claims: bigint[] = [];
    for (let n = 0; n < count; n += LEGS)
      claims.push(...(await owner.withdraw(Array.from({ length: Math.min(LEGS, count - n) }, (_, i) => leg(first + n + i)))).claims);
    await governance.unpauseOrders();
    return costOf(world, spoke, async () => {
      await world.claims.receipted(claims, { timeoutMs: 120_000, everyMs: 500 });
      await world.flow.settled({ timeoutMs: 120_000 });
    });
  };
  const alone = await together(0, 1);
  const batch = await together(1, BATCH);
  return {
    'packets.perWithdrawal': {
      value: significant(batch.packets / BATCH),
      unit: `LayerZero packets per withdrawal, ${BATCH} together, orders and receipts`,
      target: 'none',
      limit: `${alone.packets} for one alone`,
    },
    'gas.perWithdrawal.spoke': {
      value: significant(Number(batch.spoke) / BATCH),
      unit: `relayer's gas on the spoke per ERC-20 withdrawal, ${BATCH} together: packet, payout, receipt and its flush`,
      target: '≤ 45000 for payout and receipt (contracts/snapshots/gas.json: payout.batch50)',
      limit: `${alone.spoke} for one alone`,
    },
    'gas.perWithdrawal.hub': {
      value: significant(Number(batch.hub) / BATCH),
      unit: `relayer's gas on the hub per withdrawal, ${BATCH} together: order, flush, packet, receipt`,
      target: 'none',
      limit: `${alone.hub} for one alone`,
    },
  };
}

async function costOf(world: World, spoke: StackChain, work: () => Promise<void>): Promise<Cost> {
  const { hub } = world.stack;
  const packets = async (): Promise<number> => (await world.flow.packets(hub, spoke)) + (await world.flow.packets(spoke));
  const before = await packets();
  const from = await Promise.all([hub, spoke].map((c) => c.client.getBlockNumber({ cacheTime: 0 })));
  await work();
  const [onHub = 0n, onSpoke = 0n] = await Promise.all([hub, spoke].map((c, i) => relayerGas(c, (from[i] ?? 0n) + 1n)));
  return { hub: onHub, spoke: onSpoke, packets: (await packets()) - before };
}

/** Gas of the transactions that the relayer's keys sent since a block. */
async function relayerGas(chain: StackChain, from: bigint): Promise<bigint> {
  const keys = [roles.submitter, roles.layerzeroDvnAdmin].map((k) => k.account.address.toLowerCase());
  let gas = 0n;
  for (let number = from; number <= (await chain.client.getBlockNumber({ cacheTime: 0 })); number++) {
    const { transactions } = await chain.client.getBlock({ blockNumber: number, includeTransactions: true });
    for (const t of transactions)
      if (keys.includes(t.from.toLowerCase())) gas += (await chain.client.getTransactionReceipt({ hash: t.hash })).gasUsed;
  }
  return gas;
}
