import { describe, expect, it } from '@jest/globals';
import { createPublicClient, custom, type PublicClient } from 'viem';
import { QuorumError, QuorumReader } from '../../src/chain/quorum-reader.js';

const client = (): PublicClient => createPublicClient({ transport: custom({ request: () => Promise.reject(new Error('unused')) }) });

/** Providers that answer these texts; null: none. */
function reader(quorum: number, answers: readonly (string | null)[]) {
  const clients = answers.map(client);
  const quorumReader = new QuorumReader(clients, quorum);
  const ask = (asked: PublicClient): Promise<string> => {
    const answer = answers[clients.indexOf(asked)];
    return answer === null || answer === undefined ? Promise.reject(new Error('connection refused')) : Promise.resolve(answer);
  };
  return { quorumReader, agree: () => quorumReader.agree('the question', ask, (answer) => answer) };
}

describe('given three providers of which two must agree', () => {
  it('takes what two say, and names the third', async () => {
    const { quorumReader, agree } = reader(2, ['true', 'forged', 'true']);
    expect(await agree()).toBe('true');
    expect(quorumReader.dissents).toEqual([{ question: 'the question', provider: 1, digest: 'forged', agreed: 'true' }]);
  });

  it('takes what two say while the third is down', async () => {
    expect(await reader(2, ['true', null, 'true']).agree()).toBe('true');
  });

  it('refuses when all differ, or when two are down: it never falls back', async () => {
    await expect(reader(2, ['a', 'b', 'c']).agree()).rejects.toThrow(QuorumError);
    await expect(reader(2, ['true', null, null]).agree()).rejects.toThrow('the question: no 2 providers agree');
  });

  it('cannot be configured so that two groups could both win', () => {
    expect(() => reader(1, ['a', 'b'])).toThrow('expected more than half');
    expect(() => reader(4, ['a', 'b', 'c'])).toThrow('at most all');
  });
});
