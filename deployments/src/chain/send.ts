import { setTimeout as sleep } from 'node:timers/promises';
import type { Address, Hex, LocalAccount, TransactionReceipt } from 'viem';
import type { ChainClient } from './client.js';
import { receiptOf } from './receipts.js';
import { revertReason } from './revert.js';

/** One transaction of an ordered list. */
export interface Call {
  /** What it is for; appears in errors. */
  readonly label: string;
  /** Absent: contract creation. */
  readonly to?: Address;
  readonly data: Hex;
  /** Native coin to send along, wei. */
  readonly value?: bigint;
  /** Gas limit; absent: estimated when its turn comes. */
  readonly gas?: bigint;
}

const SETTLE_TIMEOUT_MS = 120_000;
const SETTLE_POLL_MS = 50;

/**
 * Waits until nothing of this account is pending (a killed run may have left transactions behind) and returns its next nonce.
 * @throws Error after two minutes
 */
export async function settledNonce(client: ChainClient, address: Address): Promise<number> {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const [pending, latest] = await Promise.all([
      client.rpc.getTransactionCount({ address, blockTag: 'pending' }),
      client.rpc.getTransactionCount({ address, blockTag: 'latest' }),
    ]);
    if (pending === latest) return latest;
    if (Date.now() > deadline)
      throw new Error(`${pending - latest} transactions of ${address} on ${client.chain} stay pending; expected none`);
    await sleep(SETTLE_POLL_MS);
  }
}

/** Told about each call of a list, in order. */
export interface SendObserver {
  /** Before the call is sent; an error stops the list here. */
  readonly beforeSend?: (index: number) => void;
  readonly onReceipt?: (index: number, receipt: TransactionReceipt) => Promise<void> | void;
}

/**
 * Signs `calls` with consecutive nonces, sends them in order and waits for all receipts.
 * @throws Error naming the call if one reverts
 */
export async function sendAll(
  client: ChainClient,
  account: LocalAccount,
  calls: readonly Call[],
  observer: SendObserver = {},
): Promise<TransactionReceipt[]> {
  if (calls.length === 0) return [];
  const [firstNonce, fees, estimates] = await Promise.all([
    settledNonce(client, account.address),
    client.rpc.estimateFeesPerGas(),
    Promise.all(calls.map((call) => gasOf(client, account.address, call))),
  ]);
  const signed = await Promise.all(
    calls.map(async (call, i) =>
      account.signTransaction({
        type: 'eip1559',
        chainId: client.chainId,
        nonce: firstNonce + i,
        to: call.to ?? null,
        data: call.data,
        value: call.value ?? 0n,
        gas: estimates[i] ?? 0n,
        maxFeePerGas: fees.maxFeePerGas * 2n,
        maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
      }),
    ),
  );
  // In order: a node may park what arrives before its predecessor.
  const hashes: Hex[] = [];
  for (const [i, serializedTransaction] of signed.entries()) {
    observer.beforeSend?.(i);
    hashes.push(await client.rpc.sendRawTransaction({ serializedTransaction }));
  }
  const receipts: TransactionReceipt[] = [];
  for (const [i, hash] of hashes.entries()) {
    const receipt = await receiptOf(client.rpc, hash);
    if (receipt.status !== 'success') throw new Error(await revertText(client, account.address, calls[i], receipt));
    receipts.push(receipt);
    await observer.onReceipt?.(i, receipt);
  }
  return receipts;
}

const ESTIMATE_MARGIN_PERCENT = 130n;

async function gasOf(client: ChainClient, from: Address, call: Call): Promise<bigint> {
  if (call.gas !== undefined) return call.gas;
  try {
    const used = await client.rpc.estimateGas({ account: from, to: call.to ?? null, data: call.data, value: call.value ?? 0n });
    return (used * ESTIMATE_MARGIN_PERCENT) / 100n;
  } catch (cause) {
    throw new Error(`${call.label} on ${client.chain} would revert: ${revertReason(cause)}`, { cause });
  }
}

async function revertText(client: ChainClient, from: Address, call: Call | undefined, receipt: TransactionReceipt): Promise<string> {
  const label = call?.label ?? 'transaction';
  try {
    await client.rpc.call({
      account: from,
      to: call?.to ?? null,
      data: call?.data ?? '0x',
      value: call?.value ?? 0n,
      blockNumber: receipt.blockNumber,
    });
    return `${label} on ${client.chain} reverted (${receipt.transactionHash}, ${receipt.gasUsed} gas used)`;
  } catch (cause) {
    return `${label} on ${client.chain} reverted (${receipt.transactionHash}): ${revertReason(cause)}`;
  }
}
