import type { PublicClient } from 'viem';

/** The last block at or before a time, 0 if there is none: found by halving, so that few blocks are asked for. */
export async function blockBefore(client: Pick<PublicClient, 'getBlock'>, time: bigint): Promise<bigint> {
  let high = (await client.getBlock()).number;
  let low = 0n;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if ((await client.getBlock({ blockNumber: middle })).timestamp <= time) low = middle;
    else high = middle - 1n;
  }
  return low;
}
