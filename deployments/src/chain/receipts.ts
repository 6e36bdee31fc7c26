import { setTimeout as sleep } from 'node:timers/promises';
import { TransactionReceiptNotFoundError, type Hex, type TransactionReceipt } from 'viem';

/** What receipts are asked of. */
export interface ReceiptSource {
  readonly chain?: { readonly name: string } | undefined;
  /** @throws TransactionReceiptNotFoundError while there is none */
  getTransactionReceipt(of: { readonly hash: Hex }): Promise<TransactionReceipt>;
}

/** What to wait for: a transaction, and for how many milliseconds (default: two minutes). */
export interface ReceiptWait {
  readonly hash: Hex;
  readonly timeout?: number;
}

const POLL_MS = 20;
const TIMEOUT_MS = 120_000;

/**
 * The receipt of a sent transaction, reverted or not, as soon as there is one. Asks for the receipt itself: viem looks again only when a block
 * comes, and where each transaction makes its own block, and the node tells of a block a moment before of its receipts, none comes.
 * @throws Error if there is none after `timeoutMs`; whatever else the node answers
 */
export async function receiptOf(rpc: ReceiptSource, hash: Hex, timeoutMs: number = TIMEOUT_MS): Promise<TransactionReceipt> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const receipt = await rpc.getTransactionReceipt({ hash }).catch((error: unknown) => {
      if (error instanceof TransactionReceiptNotFoundError) return undefined;
      throw error;
    });
    if (receipt !== undefined) return receipt;
    if (Date.now() > deadline)
      throw new Error(`transaction ${hash} on ${rpc.chain?.name ?? 'the chain'} is not mined after ${timeoutMs} ms`);
    await sleep(POLL_MS);
  }
}

/** Of a viem client, with `.extend(waitingByReceipt)` after its public actions: waiting for a receipt asks for it ({@link receiptOf}). */
export const waitingByReceipt = (rpc: ReceiptSource) => ({
  waitForTransactionReceipt: ({ hash, timeout }: ReceiptWait): Promise<TransactionReceipt> => receiptOf(rpc, hash, timeout),
});
