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

/** Between two questions, milliseconds: at first, and at most. */
const [LEAST_POLL_MS, MOST_POLL_MS] = [20, 1_000];
/** Of the time that it has waited it waits so much longer: a receipt is found that much later than it could be. */
const LATE = 1 / 8;
const TIMEOUT_MS = 120_000;

/**
 * The receipt of a sent transaction, reverted or not, as soon as there is one. Asks for the receipt itself: viem looks again only when a block
 * comes, and where each transaction makes its own block, and the node tells of a block a moment before of its receipts, none comes. Asks less and
 * less often: a public provider whose blocks take seconds is not asked fifty times in each of them.
 * @throws Error if there is none after `timeoutMs`; whatever else the node answers
 */
export async function receiptOf(rpc: ReceiptSource, hash: Hex, timeoutMs: number = TIMEOUT_MS): Promise<TransactionReceipt> {
  const start = Date.now();
  for (;;) {
    const receipt = await rpc.getTransactionReceipt({ hash }).catch((error: unknown) => {
      if (error instanceof TransactionReceiptNotFoundError) return undefined;
      throw error;
    });
    if (receipt !== undefined) return receipt;
    const waited = Date.now() - start;
    if (waited > timeoutMs) throw new Error(`transaction ${hash} on ${rpc.chain?.name ?? 'the chain'} is not mined after ${timeoutMs} ms`);
    await sleep(Math.min(Math.max(LEAST_POLL_MS, waited * LATE), MOST_POLL_MS));
  }
}

/** Of a viem client, with `.extend(waitingByReceipt)` after its public actions: waiting for a receipt asks for it ({@link receiptOf}). */
export const waitingByReceipt = (rpc: ReceiptSource) => ({
  waitForTransactionReceipt: ({ hash, timeout }: ReceiptWait): Promise<TransactionReceipt> => receiptOf(rpc, hash, timeout),
});
