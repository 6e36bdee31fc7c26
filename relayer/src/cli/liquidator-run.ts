import { setTimeout as sleep } from 'node:timers/promises';
import { createWalletClient, getAddress, isAddress, isHex, type Hex, type PublicClient } from 'viem';
import { privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts';
import { z } from 'zod/v4';
import { createChainClients, type ChainClients } from '../chain/clients.js';
import { systemClock } from '../chain/clock.js';
import { liquidationSchema } from '../config/liquidation-config.js';
import { describeReason } from '../sender/intent.js';
import { revertOf } from '../sender/revert-reason.js';
import type { HubCall } from '../stages/hub-calls.js';
import { AccountBook } from '../stages/liquidation/account-book.js';
import { findHub, readRates } from '../stages/liquidation/hub.js';
import { HubReader } from '../stages/liquidation/hub.reader.js';
import { Liquidator, type LiquidationSender, type Look } from '../stages/liquidation/liquidator.js';
import { biddingOf, hubMethods } from '../stages/liquidation/parameters.js';

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
  readonly pollMs?: string;
}

/** A line for the user: a look, a transaction, or how far the reading of events is. */
export type LiquidatorEvent =
  | { readonly kind: 'look'; readonly look: Look }
  | { readonly kind: 'transaction'; readonly purpose: HubCall['purpose']; readonly hash: Hex; readonly status: 'success' | 'reverted' }
  | { readonly kind: 'would-send' | 'refused'; readonly purpose: HubCall['purpose']; readonly because: string | null }
  | { readonly kind: 'progress'; readonly done: bigint; readonly to: bigint };

export class LiquidatorError extends Error {
  override readonly name = 'LiquidatorError';
}

const RECEIPT_MS = 120_000;
/** Interest and funding accrue with time, others bid meanwhile: the block that takes a transaction is not the one it was estimated on. */
const GAS_MARGIN_PERCENT = 30n;
const PRIVATE_KEY = /^0x[0-9a-fA-F]{64}$/;

const options = z.object({
  rpc: z.array(z.url({ protocol: /^https?$/, error: 'expected an http(s) URL' })).min(1),
  liquidation: z.string().refine((text) => isAddress(text), 'expected the address of the hub’s Liquidation'),
  fromBlock: z.coerce.bigint().min(0n).default(0n),
  pollMs: z.coerce.number().int().min(50).max(60_000).default(1_000),
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

function termsOf({ bidAccount, budget, required, turns }: LiquidatorOptions) {
  const bid = bidAccount === undefined ? undefined : { account: bidAccount, budget, ...(required === undefined ? {} : { required }) };
  const parsed = liquidationSchema.safeParse({
    ...(turns === undefined ? {} : { turns: Number(turns) }),
    ...(bid === undefined ? {} : { bid }),
  });
  if (!parsed.success)
    throw new LiquidatorError(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'));
  return parsed.data;
}

/** Sends with one key and waits for each receipt: the chain is the only memory. */
class WalletSender implements LiquidationSender {
  readonly #wallet;

  constructor(
    private readonly client: PublicClient,
    pool: ChainClients['pool'],
    private readonly account: PrivateKeyAccount | null,
    private readonly isDry: boolean,
    private readonly tell: (event: LiquidatorEvent) => void,
  ) {
    this.#wallet = createWalletClient({ transport: pool.transport() });
  }

  /** Without a key, nobody's. */
  get address() {
    return this.account?.address ?? getAddress('0x0000000000000000000000000000000000000001');
  }

  async want(_what: string, { to, data, purpose }: HubCall): Promise<'sent' | 'refused'> {
    try {
      await this.client.call({ account: this.address, to, data });
    } catch (error) {
      const reason = revertOf(error);
      if (reason === null) throw error;
      this.tell({ kind: 'refused', purpose, because: describeReason(reason) });
      return 'refused';
    }
    if (this.account === null || this.isDry) {
      this.tell({ kind: 'would-send', purpose, because: null });
      return 'sent';
    }
    const asked = await this.client.estimateGas({ account: this.account, to, data });
    const gas = asked + (asked * GAS_MARGIN_PERCENT) / 100n;
    // Asked for here: a node that fills them in itself may leave the cap below the tip where a block has no base fee.
    const fees = await this.client.estimateFeesPerGas();
    const hash = await this.#wallet.sendTransaction({ account: this.account, chain: null, to, data, gas, ...fees });
    const { status } = await this.client.waitForTransactionReceipt({ hash, timeout: RECEIPT_MS });
    this.tell({ kind: 'transaction', purpose, hash, status });
    return 'sent';
  }
}

/**
 * Watches the hub with nothing but RPC URLs, and liquidates with a key. Ends after one look with `once`, else when `signal` aborts.
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
  const { rpc, fromBlock, pollMs } = parsed.data;
  const { maxChecks, maxSteps, turns, bid } = termsOf(given);
  const account = keyOf(given, environment);
  const { client, pool } = createChainClients(
    {
      ...{ chain: 'hub', rpcUrls: rpc, quorum: undefined, finality: { kind: 'tag', tag: 'finalized' }, pollMs },
      ...{ requestTimeoutMs: 30_000, maxResponseBytes: 64 * 1_048_576, maxBlocksPerStep: 500 },
      fees: { maxFeePerGasGwei: 500, maxPriorityFeePerGasGwei: 5 },
    },
    systemClock,
  );
  const hub = await findHub(client, getAddress(parsed.data.liquidation));
  const { portfolio, cross } = hubMethods();
  const rates = await readRates(client, hub, cross);
  const reader = new HubReader(client, hub, { portfolio, cross: rates, isolated: { ...rates, method: 'isolated' } });
  const sender = new WalletSender(client, pool, account, given.dryRun === true, tell);
  const liquidator = new Liquidator(client, hub, new AccountBook(client, hub, fromBlock), reader, sender, {
    ...{ maxChecks, maxSteps, turns },
    bid: bid === undefined ? null : biddingOf(bid),
  });
  while (!signal.aborted) {
    const look = await liquidator.look((done, to) => tell({ kind: 'progress', done, to }));
    if (look !== null) tell({ kind: 'look', look });
    if (given.once === true) return;
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}
