import { performance } from 'node:perf_hooks';
import { eventually } from '../harness/wait.js';
import type { World } from '../harness/world.js';
import { significant, type Results } from './results.js';

const USERS = 20;
const PER_USER = 50;

/** From the start of this process to the first credit: what somebody who runs the demo waits for. */
export async function measureFirstCredit(world: World): Promise<Results> {
  const chain = world.stack.chains[1];
  if (!chain) throw new Error('the network has no spoke; expected one');
  const made = await world.user(USERS).deposit({ chain, asset: 'WETH', amount: 1_000n });
  await world.flow.ended([made], 'credited', { everyMs: 50 });
  return { firstCreditSeconds: { value: significant(performance.now() / 1000), unit: 's', target: '< 30' } };
}

/** A thousand deposits by twenty users on two spokes, from the first transaction to the last credit. */
export async function measureLoad(world: World): Promise<Results> {
  const spokes = world.stack.chains.slice(1);
  const before = await packets(world);
  const users = Array.from({ length: USERS }, (_, i) => world.user(i));
  // Approvals and coins first: they are no deposits.
  await Promise.all(
    users.map((user, u) => user.deposit({ chain: spokes[u % spokes.length] ?? world.stack.hub, asset: 'WETH', amount: 1n })),
  );
  await world.flow.settled({ timeoutMs: 120_000 });
  const warm = await packets(world);
  const started = performance.now();
  const made = await Promise.all(
    users.map((user, u) =>
      user.depositMany(
        Array.from({ length: PER_USER }, (_, i) => ({
          chain: spokes[u % spokes.length] ?? world.stack.hub,
          asset: 'WETH',
          amount: BigInt(1_000 + i),
        })),
      ),
    ),
  );
  const sent = performance.now();
  await eventually('everything to be consumed', async () => ((await consumed(world)) ? true : undefined), {
    timeoutMs: 180_000,
    everyMs: 100,
  });
  const seconds = (performance.now() - started) / 1000;
  const count = made.flat().length;
  const used = (await packets(world)) - warm;
  await world.flow.ended(made.flat());
  return {
    'packets.perDeposit': {
      value: significant(used / count),
      unit: 'LayerZero packets per deposit at load',
      target: '≤ 0.02',
      peer: '1 (Orderly, Folks, GMX)',
    },
    'deposits.perSecond': {
      value: significant(count / seconds),
      unit: 'deposits/s, first transaction to last credit',
      target: 'none: one deposit per transaction; see deposits.sustainedPerSecond',
      limit: `${count} single-deposit transactions took ${significant((sent - started) / 1000)} s to send and mine; ${warm - before} packets before`,
    },
  };
}

/** From kill -9 to a relayer that is ready again. */
export async function measureRecovery(world: World): Promise<Results> {
  const started = performance.now();
  await world.relayer.kill();
  await world.relayer.start();
  return {
    'recovery.seconds': { value: significant((performance.now() - started) / 1000), unit: 's from SIGKILL to ready', target: '< 10' },
  };
}

async function packets(world: World): Promise<number> {
  const counts = await Promise.all(world.stack.chains.map((c) => world.flow.packets(c)));
  return counts.reduce((a, b) => a + b, 0);
}

async function consumed(world: World): Promise<boolean> {
  const positions = await Promise.all(world.stack.chains.map((c) => world.flow.position(c)));
  return positions.every((p) => p.consumed === p.appended);
}
