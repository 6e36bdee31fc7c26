import { describe, expect, it } from '@jest/globals';
import { accessManagerAbi } from '@lockstep/contracts';
import { createPublicClient, custom, getAbiItem, hexToNumber, numberToHex, zeroAddress, zeroHash, type Hex, type PublicClient } from 'viem';
import { logsSince } from '../src/chain/logs.js';

const HEAD = 10_000;
/** Blocks that hold one event each. */
const EVENTS = [3, 4, 2_500, 9_999, 10_000];
const event = getAbiItem({ abi: accessManagerAbi, name: 'TargetAdminDelayUpdated' });
const TOPIC = '0x' + 'aa'.repeat(32);

interface Range {
  readonly from: number;
  readonly to: number;
}

/** A provider with those events, which answers a question as `limit` says: null for an answer, else the error. */
function provider(limit: (range: Range) => Error | null): { readonly rpc: PublicClient; readonly asked: Range[] } {
  const asked: Range[] = [];
  const request = ({ method, params }: { method: string; params?: unknown }): Promise<unknown> => {
    if (method === 'eth_blockNumber') return Promise.resolve(numberToHex(HEAD));
    // CAST: what viem sends for eth_getLogs.
    const [{ fromBlock, toBlock }] = params as [{ fromBlock: Hex; toBlock: Hex }];
    const range = { from: hexToNumber(fromBlock), to: hexToNumber(toBlock) };
    asked.push(range);
    const refusal = limit(range);
    if (refusal !== null) return Promise.reject(refusal);
    return Promise.resolve(EVENTS.filter((block) => block >= range.from && block <= range.to).map(logAt));
  };
  return { rpc: createPublicClient({ transport: custom({ request }, { retryCount: 0 }) }), asked };
}

const logAt = (block: number): Record<string, unknown> => ({
  address: zeroAddress,
  blockHash: zeroHash,
  blockNumber: numberToHex(block),
  transactionHash: zeroHash,
  transactionIndex: '0x0',
  logIndex: '0x0',
  removed: false,
  topics: ['0x0', TOPIC],
  data: '0x',
});
const refused = (message: string): Error => Object.assign(new Error(message), { code: -32_005 });

describe('logsSince', () => {
  it('given a provider without limits, it asks once, to the head', async () => {
    const { rpc, asked } = provider(() => null);
    await expect(logsSince(rpc, { address: zeroAddress, event }, 3n)).resolves.toBeDefined();
    expect(asked).toEqual([{ from: 3, to: HEAD }]);
  });

  it.each([1, 7, 999, 5_000])('given a provider that answers %s blocks at most, it covers every block once, in order', async (most) => {
    const { rpc, asked } = provider(({ from, to }) => (to - from + 1 > most ? refused('block range is too wide') : null));
    await logsSince(rpc, { address: zeroAddress, event }, 9_000n);
    const answered = asked.filter(({ from, to }) => to - from + 1 <= most);
    expect(answered[0]?.from).toBe(9_000);
    expect(answered.at(-1)?.to).toBe(HEAD);
    answered.slice(1).forEach(({ from }, i) => expect(from).toBe((answered[i]?.to ?? 0) + 1));
  });

  it('given a provider that refuses even one block, it says what the provider said', async () => {
    const { rpc } = provider(() => refused('no logs today'));
    await expect(logsSince(rpc, { address: zeroAddress, event }, 9_990n)).rejects.toThrow('no logs today');
  });

  it('given a provider that cannot be reached, it does not ask again for less', async () => {
    const { rpc, asked } = provider(() => new TypeError('fetch failed'));
    await expect(logsSince(rpc, { address: zeroAddress, event }, 0n)).rejects.toThrow('fetch failed');
    expect(asked).toHaveLength(1);
  });
});
