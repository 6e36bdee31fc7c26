import { accountId, liquidation } from '@lockstep/shared';
import { isAddress, isHex } from 'viem';
import { z } from 'zod/v4';
import { createChainClients } from '../chain/clients.js';
import { systemClock } from '../chain/clock.js';
import { readReceipts, receiptSources, type ReadReceipts } from '../stages/liquidation/receipts.reader.js';

/** What the command line says. */
export interface ReceiptsOptions {
  readonly rpc: readonly string[];
  readonly liquidation: string;
  readonly account?: string;
  readonly fromBlock?: string;
}

/** Wrong options. */
export class ReceiptsError extends Error {
  override readonly name = 'ReceiptsError';
}

/** What was read, and what of it does not add up. */
export interface CountedReceipts extends ReadReceipts {
  readonly block: bigint;
  readonly faults: readonly liquidation.ReceiptFault[];
}

const POLL_MS = 1_000;

const options = z.object({
  rpc: z.array(z.url({ protocol: /^https?$/, error: 'expected an http(s) URL' })).min(1),
  liquidation: z.string().refine((text) => isAddress(text), 'expected the address of the hub’s Liquidation'),
  account: z
    .string()
    .refine((text) => isHex(text) && text.length === 66, 'expected an account: 0x and 64 hex digits')
    .transform((text) => text.toLowerCase())
    .optional(),
  fromBlock: z.coerce.bigint().min(0n).default(0n),
});

/**
 * Reads what losses cost whom, and counts it again.
 * @throws ReceiptsError naming an option that is wrong
 */
export async function countReceipts(given: ReceiptsOptions): Promise<CountedReceipts> {
  const parsed = options.safeParse(given);
  if (!parsed.success)
    throw new ReceiptsError(parsed.error.issues.map(({ path, message }) => `--${path.map(String).join('.')}: ${message}`).join('\n'));
  const { rpc, liquidation: address, account, fromBlock } = parsed.data;
  const { client } = createChainClients(
    {
      ...{ chain: 'hub', rpcUrls: rpc, quorum: undefined, finality: { kind: 'tag', tag: 'finalized' }, pollMs: POLL_MS },
      ...{ requestTimeoutMs: 30_000, maxResponseBytes: 64 * 1_048_576, maxBlocksPerStep: 500 },
      fees: { maxFeePerGasGwei: 1, maxPriorityFeePerGasGwei: 1 },
    },
    systemClock,
  );
  if (!isAddress(address)) throw new ReceiptsError(`--liquidation: ${address} is no address`);
  if ((await client.getCode({ address })) === undefined)
    throw new ReceiptsError(`--liquidation: ${address} has no code; expected the hub's Liquidation`);
  const sources = await receiptSources(client, address);
  const block = await client.getBlockNumber();
  const of = account !== undefined && isHex(account) ? accountId(account) : null;
  const read = await readReceipts(client, sources, { from: fromBlock, to: block, account: of });
  return { ...read, block, faults: liquidation.verifyReceipts(read) };
}
