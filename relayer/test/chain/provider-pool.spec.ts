import { describe, expect, it } from '@jest/globals';
import { createPublicClient, HttpRequestError, RpcRequestError, type EIP1193RequestFn, type PublicClient } from 'viem';
import { ProviderPool } from '../../src/chain/provider-pool.js';

type Behaviour = () => Promise<unknown>;

const down: Behaviour = () => Promise.reject(new HttpRequestError({ url: 'http://provider', details: 'connection refused' }));
const says =
  (code: number, message: string): Behaviour =>
  () =>
    Promise.reject(new RpcRequestError({ body: {}, url: 'http://provider', error: { code, message } }));
const answers =
  (value: string): Behaviour =>
  () =>
    Promise.resolve(value);

describe('given two providers', () => {
  let now = 0;
  let calls: number[] = [];

  function pool(first: Behaviour, second: Behaviour): { pool: ProviderPool; client: PublicClient } {
    now = 1_000_000;
    calls = [0, 0];
    const provider = (behaviour: Behaviour, index: number) => ({
      // CAST: viem types the function per method; the pool passes every method on alike.
      request: (() => {
        calls[index] = (calls[index] ?? 0) + 1;
        return behaviour();
      }) as EIP1193RequestFn,
    });
    const made = new ProviderPool([provider(first, 0), provider(second, 1)], { now: () => now });
    return { pool: made, client: createPublicClient({ transport: made.transport() }) };
  }

  const ask = (client: PublicClient) => client.request({ method: 'eth_chainId' });

  it('asks the first while it answers', async () => {
    const { client } = pool(answers('0x1'), answers('0x2'));
    expect(await ask(client)).toBe('0x1');
    expect(calls).toEqual([1, 0]);
  });

  it('leaves a dead one alone for a while, longer each time', async () => {
    const { client, pool: made } = pool(down, answers('0x2'));
    await ask(client);
    await ask(client);
    expect(calls).toEqual([1, 2]);
    expect(made.states[0]).toEqual({ failuresInARow: 1, paused: true });
    now += 1_001;
    await ask(client);
    await ask(client);
    now += 1_001;
    await ask(client);
    expect(calls[0]).toBe(2);
  });

  it('asks all again when all are left alone', async () => {
    const { client } = pool(down, down);
    await expect(ask(client)).rejects.toThrow();
    await expect(ask(client)).rejects.toThrow();
    expect(calls).toEqual([2, 2]);
  });

  it('treats "too many requests" as silence, an unknown block as a refusal, a revert as the answer', async () => {
    const limited = pool(says(-32_005, 'limit exceeded'), answers('0x2'));
    await ask(limited.client);
    expect(limited.pool.states[0]?.paused).toBe(true);
    const behind = pool(says(-32_000, 'unknown block'), answers('0x2'));
    expect(await ask(behind.client)).toBe('0x2');
    expect(behind.pool.states[0]?.paused).toBe(false);
    const reverting = pool(says(3, 'execution reverted'), answers('0x2'));
    await expect(ask(reverting.client)).rejects.toThrow();
    expect(calls).toEqual([1, 0]);
  });
});
