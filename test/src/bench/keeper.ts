import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { exchange, unixSeconds, type AccountId, type liquidation } from '@lockstep/shared';
import { LIQUIDATORS } from '../harness/accounts.js';
import { startLoneLiquidator } from '../harness/lone-liquidator.js';
import { Processes, type ManagedProcess } from '../harness/processes.js';
import { eventually, sleep } from '../harness/wait.js';
import type { Call } from '../stress/chain.js';
import { accountOf, Hub, type Deposit } from '../stress/hub.js';
import { MODES, type Mode } from '../stress/population.js';
import { NUMBER, strikeOf, wad } from '../stress/prices.js';
import { significant, type Results } from './results.js';

const ACCOUNTS = 10_000;
/** Every tenth also holds an option, but for isolated accounts, which hold one instrument. */
const OPTION_EVERY = 10;
/** Falls below maintenance margin, one after the other, when the price falls. */
const FALLS = 5;
/** Others that are as thin fall with it. */
const THIN = 10;
const REPEATS = 3;
const STARTS_AT = 1_800_000_000;
const SPOT = 60_000;
const BATCH = 60;
const DEPOSITS = 250;
const USDC = 10n ** 6n;
const MAKER = ACCOUNTS;
/** The keeper's own poll for a new block is part of what is measured. */
const LOOK_MS = 2;
const READING_MS = 900_000;

const stepAt = (price: number): liquidation.StressStep => ({
  seconds: 0,
  BTC: { price, volatility: 0.6 },
  ETH: { price: 3_000, volatility: 0.7 },
});

/** Cash such that the n-th group falls at the n-th price, and everybody else never does. */
const priceOf = (fall: number): number => SPOT * (1 - 0.02 * (fall + 1));
/** A third each; those who fall are in cross margin, whose maintenance margin of one perpetual is a plain rate. */
const modeOf = (index: number): Mode => (index < FALLS * THIN || index === MAKER ? 'cross' : (MODES[index % MODES.length] ?? 'cross'));
const cashOf = (index: number): bigint => {
  if (index === MAKER) return 1_000_000_000n;
  const fall = Math.floor(index / THIN);
  // A tenth of a bitcoin: 6,000 at first, of which 3% are maintenance margin.
  return fall < FALLS ? BigInt(Math.round(0.1 * (SPOT - priceOf(fall)) + 0.1 * priceOf(fall) * 0.02)) : 3_000n;
};

/**
 * Time from a price in a block to the keeper's first start in the node's pool, with 10,000 accounts of which ten fell below maintenance margin: the
 * liquidator as operators run it, its own process, which has read everything before.
 */
export async function measureKeeper(): Promise<Results> {
  const hub = await Hub.deploy(stepAt(SPOT), STARTS_AT);
  const processes = new Processes();
  try {
    await populate(hub);
    const [key] = LIQUIDATORS;
    if (key === undefined) throw new Error('no key for a liquidator; expected one');
    await hub.chain.client.setBalance({ address: key.account.address, value: 10n ** 18n });
    const rpcUrl = hub.chain.client.transport.url;
    if (rpcUrl === undefined) throw new Error('the node has no URL; expected one');
    const began = performance.now();
    const keeper = await startLoneLiquidator(
      {
        ...{ name: 'keeper', dir: mkdtempSync(path.join(tmpdir(), 'lockstep-bench-')), processes, rpcUrl },
        hub: { liquidation: hub.at.liquidation, deployedAt: 0n },
      },
      { key },
    );
    await eventually('the keeper to have read every account', () => Promise.resolve(looked(keeper)), {
      timeoutMs: READING_MS,
      everyMs: 200,
    });
    const reading = (performance.now() - began) / 1_000;
    const runs: number[] = [];
    for (let fall = 0; fall < REPEATS; fall++) {
      runs.push(await detected(hub, priceOf(fall)));
      // What it wanted is mined until it wants nothing more, so that the next fall finds it idle.
      for (let quiet = 0; quiet < 4; quiet++) {
        if ((await pooled(hub)) > 0) quiet = 0;
        await hub.chain.mine(hub.chain.now + 1, []);
        await sleep(500);
      }
    }
    await keeper.stop();
    runs.sort((a, b) => a - b);
    const middle = runs[Math.floor(REPEATS / 2)] ?? NaN;
    return {
      'liquidation.detect': {
        value: significant(middle / 1_000),
        unit: `s from the block of a price to the keeper's first start in the pool, ${ACCOUNTS} accounts in three margin modes, ${THIN} below maintenance margin`,
        target: 'within one block',
        limit: `slowest of ${REPEATS}: ${significant(Math.max(...runs) / 1_000)} s; its poll is 0.2 s; reading all accounts when the process had started took ${significant(reading)} s`,
      },
    };
  } finally {
    await processes.stopAll();
    await hub.stop();
  }
}

/** Every account is long a tenth of a bitcoin; one maker is on the other side of all. */
async function populate(hub: Hub): Promise<void> {
  const indexes = Array.from({ length: ACCOUNTS }, (_, index) => index);
  const deposits = [...indexes, MAKER].map((index): Deposit => ({
    account: accountOf(index),
    chain: 'hub',
    asset: 'USDC',
    amount: cashOf(index) * USDC,
  }));
  for (let at = 0; at < deposits.length; at += DEPOSITS) await hub.chain.must(...hub.depositCalls(deposits.slice(at, at + DEPOSITS)));
  const others = indexes.filter((index) => modeOf(index) !== 'cross');
  await inBatches(hub, others, (index) => hub.modeCall(accountOf(index), modeOf(index)));
  const perpetual = exchange.encodeInstrument({ kind: 'perpetual', underlying: NUMBER.BTC });
  const call = exchange.encodeInstrument({
    ...{ kind: 'call', underlying: NUMBER.BTC, expiry: unixSeconds(BigInt(hub.expiries.month)) },
    strike: exchange.price(strikeOf(SPOT, 1)),
  });
  const maker = accountOf(MAKER);
  const buys = (account: AccountId, instrument: bigint, price: number): Call =>
    hub.tradeCall(account, maker, instrument, wad(0.1), wad(price));
  await inBatches(hub, indexes, (index) => buys(accountOf(index), perpetual, SPOT));
  const holders = indexes.slice(FALLS * THIN).filter((index) => index % OPTION_EVERY === 0 && modeOf(index) !== 'isolated');
  await inBatches(hub, holders, (index) => buys(accountOf(index), call, 4_000));
  await hub.publish(stepAt(SPOT), hub.chain.now + 1);
}

async function inBatches<T>(hub: Hub, items: readonly T[], call: (item: T) => Call): Promise<void> {
  for (let at = 0; at < items.length; at += BATCH) await hub.chain.must(...items.slice(at, at + BATCH).map(call));
}

/** Milliseconds from the block of a price to the first transaction of the keeper. */
async function detected(hub: Hub, price: number): Promise<number> {
  await hub.publish(stepAt(price), hub.chain.now + 1);
  const from = performance.now();
  await eventually('the keeper to send a start', async () => ((await pooled(hub)) > 0 ? true : undefined), { everyMs: LOOK_MS });
  return performance.now() - from;
}

async function pooled(hub: Hub): Promise<number> {
  return (await hub.chain.client.getTxpoolStatus()).pending;
}

/** It told of a look: then it has read everything. */
function looked(keeper: ManagedProcess): true | undefined {
  return keeper.logTail(20).includes('"kind":"look"') ? true : undefined;
}
