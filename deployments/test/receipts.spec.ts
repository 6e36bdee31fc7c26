import { describe, expect, it } from '@jest/globals';
import { createPublicClient, custom, numberToHex, zeroAddress, zeroHash, type PublicClient } from 'viem';
import { receiptOf, waitingByReceipt } from '../src/chain/receipts.js';

const HASH = `0x${'ab'.repeat(32)}` as const;
const NEVER = Number.POSITIVE_INFINITY;

const receipt = {
  ...{ transactionHash: HASH, transactionIndex: '0x0', blockHash: zeroHash, blockNumber: '0x1', status: '0x0', type: '0x2' },
  ...{ from: zeroAddress, to: zeroAddress, contractAddress: null, logs: [], logsBloom: '0x' },
  ...{ gasUsed: '0x5208', cumulativeGasUsed: '0x5208', effectiveGasPrice: '0x1' },
};

/** A chain that stands at block 1 and has the receipt from question `after` on. */
function standing(after: number): { readonly rpc: PublicClient; readonly asked: () => number } {
  let asked = 0;
  const request = ({ method }: { method: string }): Promise<unknown> => {
    if (method === 'eth_blockNumber') return Promise.resolve(numberToHex(1));
    if (method !== 'eth_getTransactionReceipt') return Promise.reject(new Error(`asked for ${method}`));
    asked += 1;
    return Promise.resolve(asked > after ? receipt : null);
  };
  return { rpc: createPublicClient({ transport: custom({ request }, { retryCount: 0 }) }), asked: () => asked };
}

describe('the receipt of a sent transaction', () => {
  describe('given a chain whose newest block is the one it is in', () => {
    it('is found although no further block comes, reverted or not', async () => {
      const { rpc, asked } = standing(3);
      expect((await receiptOf(rpc, HASH)).status).toBe('reverted');
      expect(asked()).toBe(4);
    });

    it('is what a client waits for that is extended by it', async () => {
      const { rpc, asked } = standing(2);
      const { transactionHash } = await rpc.extend(waitingByReceipt).waitForTransactionReceipt({ hash: HASH });
      expect(transactionHash).toBe(HASH);
      expect(asked()).toBe(3);
    });
  });

  describe('given a chain whose blocks take seconds', () => {
    it('is asked for less and less often', async () => {
      const { rpc, asked } = standing(NEVER);
      await expect(receiptOf(rpc, HASH, 1_000)).rejects.toThrow(/is not mined/);
      // Every 20 ms it would be fifty times.
      expect(asked()).toBeLessThan(30);
    });
  });

  describe('given a transaction that nobody mines', () => {
    it('is given up after the time it was to take', async () => {
      await expect(receiptOf(standing(NEVER).rpc, HASH, 50)).rejects.toThrow(/is not mined after 50 ms/);
    });
  });

  describe('given a node that answers with an error', () => {
    it('is not asked for again', async () => {
      const rpc = createPublicClient({
        transport: custom({ request: () => Promise.reject(new Error('out of order')) }, { retryCount: 0 }),
      });
      await expect(receiptOf(rpc, HASH)).rejects.toThrow('out of order');
    });
  });
});
