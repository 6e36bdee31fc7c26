import { setTimeout as sleep } from 'node:timers/promises';
import type { Address, Hex, LocalAccount, TransactionReceipt } from 'viem';
import type { ChainClient } from './client.js';

/** One transaction of an ordered list. */
export interface Call {
  /** What it is for; appears in errors. */
  readonly label: string;
  /** Absent: contract creation. */
  readonly to?: Address;
  readonly data: Hex;
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

/**
 * Signs `calls` with consecutive nonces, sends them in order and waits for all receipts.
 * @param onSent called with each receipt, in order
 * @throws Error naming the call if one reverts
 */
export async function sendAll(
  client: ChainClient,
  account: LocalAccount,
  calls: readonly Call[],
  onSent?: (index: number, receipt: TransactionReceipt) => Promise<void> | void,
): Promise<TransactionReceipt[]> {
  if (calls.length === 0) return [];
  const [firstNonce, fees, estimates] = await Promise.all([
    settledNonce(client, account.address),
    client.rpc.estimateFeesPerGas(),
    Promise.all(calls.map((call) => call.gas ?? estimate(client, account.address, call))),
  ]);
  const signed = await Promise.all(
    calls.map((call, i) =>
      account.signTransaction({
        type: 'eip1559',
        chainId: client.chainId,
        nonce: firstNonce + i,
        to: call.to ?? null,
        data: call.data,
        gas: estimates[i] ?? 0n,
        maxFeePerGas: fees.maxFeePerGas * 2n,
        maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
      }),
    ),
  );
  // In order: a node may park what arrives before its predecessor.
  const hashes: Hex[] = [];
  for (const serializedTransaction of signed) hashes.push(await client.rpc.sendRawTransaction({ serializedTransaction }));
  const receipts: TransactionReceipt[] = [];
  for (const [i, hash] of hashes.entries()) {
    const receipt = await client.rpc.waitForTransactionReceipt({ hash });
    if (receipt.status !== 'success') throw new Error(await revertText(client, account.address, calls[i], receipt));
    receipts.push(receipt);
    await onSent?.(i, receipt);
  }
  return receipts;
}

const ESTIMATE_MARGIN_PERCENT = 130n;

async function estimate(client: ChainClient, from: Address, call: Call): Promise<bigint> {
  try {
    const used = await client.rpc.estimateGas({ account: from, to: call.to ?? null, data: call.data });
    return (used * ESTIMATE_MARGIN_PERCENT) / 100n;
  } catch (cause) {
    throw new Error(`${call.label} on ${client.chain} would revert: ${shortMessage(cause)}`, { cause });
  }
}

async function revertText(client: ChainClient, from: Address, call: Call | undefined, receipt: TransactionReceipt): Promise<string> {
  const label = call?.label ?? 'transaction';
  try {
    await client.rpc.call({ account: from, to: call?.to ?? null, data: call?.data ?? '0x', blockNumber: receipt.blockNumber });
    return `${label} on ${client.chain} reverted (${receipt.transactionHash}, ${receipt.gasUsed} gas used)`;
  } catch (cause) {
    return `${label} on ${client.chain} reverted (${receipt.transactionHash}): ${shortMessage(cause)}`;
  }
}

/** First line of an error, for people. */
export function shortMessage(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(0, 2).join(' ');
}
