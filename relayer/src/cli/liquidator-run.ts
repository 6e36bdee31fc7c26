import { setTimeout as sleep } from 'node:timers/promises';
import { getAddress, isAddress, isHex, type Address, type Hex, type PublicClient } from 'viem';
import { privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts';
import { z } from 'zod/v4';
import { createChainClients } from '../chain/clients.js';
import { systemClock } from '../chain/clock.js';
import { firstLine } from '../chain/error-fields.js';
import { liquidationSchema } from '../config/liquidation-config.js';
import { gweiToWei } from '../config/relayer-config.js';
import { describeReason, type RevertReason } from '../sender/intent.js';
import { refusalOf } from '../sender/revert-reason.js';
import type { HubCall } from '../stages/hub-calls.js';
import { AccountBook } from '../stages/liquidation/account-book.js';
import { findHub, findShortfalls } from '../stages/liquidation/hub.js';
import { hubReader, keepersOf } from '../stages/liquidation/keepers.js';
import type { Look } from '../stages/liquidation/liquidator.js';
import { liquidatorTerms } from '../stages/liquidation/parameters.js';
import type { SignedAfter } from '../stages/liquidation/payouts.js';
import { EventPopulation } from '../stages/liquidation/population.js';
import type { LiquidationSender } from '../stages/liquidation/wants.js';
import { WalletLane, type LaneEvent } from './wallet-lane.js';

/** What the command line says. */
export interface LiquidatorOptions {
  readonly rpc: readonly string[];
  readonly liquidation: string;
  readonly fromBlock?: string;
  /** name of the environment variable that holds the key */
  readonly keyEnv?: string;
  readonly dryRun?: boolean;
  readonly once?: boolean;
  readonly bidAccount?: string;
  readonly budget?: string;
  readonly required?: string;
  readonly turns?: string;
  readonly others?: readonly string[];
  readonly pollMs?: string;
  readonly leastMargin?: string;
  readonly nativePrice?: string;
  /** `best`, an endpoint id, or parts by endpoint id */
  readonly payout?: string;
  readonly receiver?: string;
  /** least cash that is worth a payout */
  readonly least?: string;
  /** `GET /prices` of an operator */
  readonly prices?: string;
  /** seconds between two looks at top-up routes, losses, debts past the limit and assets that were written down; 0: never */
  readonly lossesSeconds?: string;
  /** absent: found by events */
  readonly shortfalls?: string;
  readonly stuckMs?: string;
  readonly maxFeeGwei?: string;
}

/** A line for the user: a look, a transaction, or how far the reading of events is. */
export type LiquidatorEvent =
  | { readonly kind: 'look'; readonly look: Look }
  | LaneEvent
  | { readonly kind: 'would-send'; readonly purpose: HubCall['purpose'] }
  | { readonly kind: 'failed'; readonly because: string }
  | { readonly kind: 'progress'; readonly done: bigint; readonly to: bigint };

export class LiquidatorError extends Error {
  override readonly name = 'LiquidatorError';
}

const RECEIPT_MS = 120_000;
const SETTLE_MS = 200;
const PRICES_MS = 5_000;
const BACKOFF_MS = 30_000;
const MOST_DOUBLINGS = 8;
/** Whose calls are tried without a key. */
const NOBODY = getAddress('0x0000000000000000000000000000000000000001');
const PRIVATE_KEY = /^0x[0-9a-fA-F]{64}$/;

const options = z.object({
  rpc: z.array(z.url({ protocol: /^https?$/, error: 'expected an http(s) URL' })).min(1),
  liquidation: z.string().refine((text) => isAddress(text), 'expected the address of the hub’s Liquidation'),
  fromBlock: z.coerce.bigint().min(0n).default(0n),
  pollMs: z.coerce.number().int().min(50).max(60_000).default(1_000),
  stuckMs: z.coerce.number().int().min(1_000).max(600_000).default(15_000),
  maxFeeGwei: z.coerce.number().min(0.001).max(100_000).default(500),
  lossesSeconds: z.coerce.number().int().min(0).max(3_600).default(5),
  shortfalls: z
    .string()
    .refine((text) => isAddress(text), 'expected the address of the hub’s Shortfalls')
    .optional(),
  prices: z.url({ protocol: /^https?$/, error: 'expected an http(s) URL' }).optional(),
});

function keyOf({ keyEnv, dryRun }: LiquidatorOptions, environment: Readonly<Record<string, string | undefined>>): PrivateKeyAccount | null {
  if (keyEnv === undefined) {
    if (dryRun === true) return null;
    throw new LiquidatorError('no key is named; expected --key-env <variable>, or --dry-run');
  }
  const value = environment[keyEnv];
  // The value itself is a secret, so the message cannot show it.
  if (value === undefined || !PRIVATE_KEY.test(value) || !isHex(value))
    throw new LiquidatorError(`environment variable ${keyEnv} holds no private key; expected 0x and 64 hex digits`);
  return privateKeyToAccount(value);
}

function termsOf(given: LiquidatorOptions) {
  const { bidAccount, budget, required, turns, others, leastMargin, nativePrice, payout, receiver, least } = given;
  const bid =
    bidAccount === undefined
      ? undefined
      : {
          ...{ account: bidAccount, budget },
          ...(required === undefined ? {} : { required }),
          ...(payout === undefined
            ? {}
            : { payout: { route: payout, ...(receiver === undefined ? {} : { receiver }), ...(least === undefined ? {} : { least }) } }),
        };
  const parsed = liquidationSchema.safeParse({
    ...(turns === undefined ? {} : { turns: Number(turns) }),
    ...(others === undefined ? {} : { others }),
    ...(leastMargin === undefined ? {} : { leastMargin }),
    ...(nativePrice === undefined ? {} : { nativePrice }),
    ...(bid === undefined ? {} : { bid }),
  });
  if (!parsed.success)
    throw new LiquidatorError(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'));
  return liquidatorTerms(parsed.data);
}

/** Tries calls and sends none. */
class DrySender implements LiquidationSender {
  constructor(
    private readonly client: PublicClient,
    readonly address: Address,
    private readonly tell: (event: LiquidatorEvent) => void,
  ) {}

  async want(_what: string, { to, data, purpose }: HubCall): Promise<'sent' | 'refused'> {
    const reason = await this.refusal({ to, data });
    if (reason === null) this.tell({ kind: 'would-send', purpose });
    else this.tell({ kind: 'refused', purpose, because: describeReason(reason) });
    return reason === null ? 'sent' : 'refused';
  }

  refusal({ to, data }: Pick<HubCall, 'to' | 'data'>): Promise<RevertReason | null> {
    return refusalOf(this.client, { account: this.address, to, data });
  }

  became(): Promise<null> {
    return Promise.resolve(null);
  }

  open(): Promise<readonly []> {
    return Promise.resolve([]);
  }
}

const pricesAnswer = z.object({
  snapshots: z.array(z.object({ time: z.coerce.number().int(), prices: z.string().refine((text) => isHex(text), 'expected hex') })),
});

/** Signed prices from an operator's `GET /prices`. */
function pricesFrom(url: string | undefined): SignedAfter {
  if (url === undefined) return () => Promise.resolve([]);
  return async (time) => {
    const asked = new URL(url);
    asked.searchParams.set('after', `${time}`);
    const response = await fetch(asked, { signal: AbortSignal.timeout(PRICES_MS) });
    if (!response.ok) throw new Error(`${asked.origin}${asked.pathname} answered ${response.status}; expected 200`);
    // CAST: hex, as the answer is checked for.
    return pricesAnswer.parse(await response.json()).snapshots.map(({ time: at, prices }) => ({ time: at, prices: prices as Hex }));
  };
}

/**
 * Watches the hub with nothing but RPC URLs, and liquidates with a key. Ends after one look with `once`, else when `signal` aborts: a look that fails is told
 * and made again.
 * @throws LiquidatorError naming what is wrong with the options
 */
export async function runLiquidator(
  given: LiquidatorOptions,
  environment: Readonly<Record<string, string | undefined>>,
  tell: (event: LiquidatorEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const parsed = options.safeParse(given);
  if (!parsed.success)
    throw new LiquidatorError(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'));
  const { rpc, fromBlock, pollMs, stuckMs, maxFeeGwei, prices, lossesSeconds } = parsed.data;
  const terms = termsOf(given);
  const account = keyOf(given, environment);
  const { client, pool } = createChainClients(
    {
      ...{ chain: 'hub', rpcUrls: rpc, quorum: undefined, finality: { kind: 'tag', tag: 'finalized' }, pollMs },
      ...{ requestTimeoutMs: 30_000, maxResponseBytes: 64 * 1_048_576, maxBlocksPerStep: 500 },
      fees: { maxFeePerGasGwei: maxFeeGwei, maxPriorityFeePerGasGwei: maxFeeGwei },
    },
    systemClock,
  );
  const address = getAddress(parsed.data.liquidation);
  const found = await findHub(client, address, parsed.data.shortfalls === undefined ? null : getAddress(parsed.data.shortfalls));
  const hub =
    lossesSeconds === 0 || found.shortfalls !== null ? found : { ...found, shortfalls: await findShortfalls(client, found, fromBlock) };
  const limits = { stuckMs, maxFeePerGas: gweiToWei(maxFeeGwei) };
  const lane = account === null || given.dryRun === true ? null : new WalletLane(client, pool.transport(), account, limits, tell);
  const sender = lane ?? new DrySender(client, account?.address ?? NOBODY, tell);
  const book = new AccountBook(client, hub, fromBlock);
  const keepers = keepersOf({
    ...{ client, hub, book, reader: await hubReader(client, hub), sender, terms, from: fromBlock, signed: pricesFrom(prices) },
    // Nothing is remembered of what an earlier process asked for.
    payoutsSince: (await client.getBlockNumber()) + 1n,
    population: (liquidator) => new EventPopulation(book, liquidator),
  });
  const { liquidator, undoing, writeDowns, routes, levies, shortfalls } = keepers;
  const atLosses = [() => routes.tend(), () => writeDowns.tend(), () => levies?.tend(), () => shortfalls?.tend()];
  let lossesAt = -Infinity;
  const beat = async (): Promise<void> => {
    await lane?.settle();
    const look = await liquidator.look((done, to) => tell({ kind: 'progress', done, to }));
    if (look === null) return;
    tell({ kind: 'look', look });
    const parts = [() => undoing.after(look)];
    const due = lossesSeconds > 0 && Date.now() - lossesAt >= lossesSeconds * 1_000;
    if (due) lossesAt = Date.now();
    for (const part of due ? [...parts, ...atLosses] : parts)
      // What is wrong with one is no reason to leave the others.
      await part()?.catch((error: unknown) => tell({ kind: 'failed', because: firstLine(error) }));
  };
  for (let failures = 0; !signal.aborted;) {
    try {
      await beat();
      failures = 0;
    } catch (error) {
      if (given.once === true) throw error;
      failures++;
      tell({ kind: 'failed', because: firstLine(error) });
    }
    if (given.once === true) return lane === null ? undefined : drained(lane, signal);
    await sleep(Math.min(pollMs * 2 ** Math.min(failures, MOST_DOUBLINGS), Math.max(pollMs, BACKOFF_MS)), undefined, { signal }).catch(
      () => undefined,
    );
  }
}

/** Waits until everything that was sent is mined. */
async function drained(lane: WalletLane, signal: AbortSignal): Promise<void> {
  for (const until = Date.now() + RECEIPT_MS; lane.underWay > 0 && Date.now() < until && !signal.aborted;) {
    await lane.settle();
    if (lane.underWay > 0) await sleep(SETTLE_MS, undefined, { signal }).catch(() => undefined);
  }
}
