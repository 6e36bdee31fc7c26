import { describe, expect, it } from '@jest/globals';
import { blockNumber, type BlockNumber } from '@lockstep/shared';
import type { BlockRef } from '../../src/chain/block.js';
import { ChainReader, ParentMismatchError } from '../../src/chain/chain-reader.js';
import type { ChainSource } from '../../src/chain/chain-source.js';
import { RangeSizer } from '../../src/chain/range-sizer.js';
import { InconsistentAnswerError } from '../../src/chain/rpc.js';
import { EMITTER, fakeChain, fakeSource, TOPIC } from '../support/fake-source.js';

const filter = { addresses: [EMITTER], topics: [TOPIC] };
const height = (value: number): BlockNumber => blockNumber(BigInt(value));

function reader(source: ChainSource, maxBlocks = 100): ChainReader {
  return new ChainReader(source, filter, { maxBlocks, maxBytes: 1_000_000 });
}

describe('given a chain with events in some blocks', () => {
  const chain = fakeChain(40, [3, 7, 20]);
  const genesis: BlockRef = fakeFirst();

  function fakeFirst(): BlockRef {
    const [first] = chain.headers;
    if (!first) throw new Error('the chain is empty');
    return first;
  }

  const numbersWithLogs = async (source: ChainSource, finalTo: number | null): Promise<number[]> =>
    (await reader(source).after(genesis, height(30), finalTo === null ? null : height(finalTo)))
      .filter(({ logs }) => logs.length > 0)
      .map(({ block }) => Number(block.number));

  describe('when a provider is honest', () => {
    it('reads unfinal blocks by hash and final ones by range, with the same result', async () => {
      expect(await numbersWithLogs(fakeSource(chain), null)).toEqual([3, 7, 20]);
      expect(await numbersWithLogs(fakeSource(chain), 30)).toEqual([3, 7, 20]);
    });

    it('stops at the last final block, so that one call never mixes both ways', async () => {
      const blocks = await reader(fakeSource(chain)).after(genesis, height(30), height(12));
      expect(blocks.at(-1)?.block.number).toBe(12n);
    });
  });

  describe('when a provider leaves an event out of a range', () => {
    it('notices by the bloom filter and asks by block hash', async () => {
      const forgetful = fakeSource(chain, { logsOfRange: () => Promise.resolve([]) });
      expect(await numbersWithLogs(forgetful, 30)).toEqual([3, 7, 20]);
    });
  });

  describe('when a provider leaves an event out of a block asked by its hash', () => {
    it('refuses the answer, because the block’s receipts hold more', async () => {
      const forgetful = fakeSource(chain, { logsOfBlock: () => Promise.resolve([]), logsOfRange: () => Promise.resolve([]) });
      await expect(numbersWithLogs(forgetful, null)).rejects.toThrow('1 logs of ours in its receipts; the provider listed 0');
      await expect(numbersWithLogs(forgetful, 30)).rejects.toThrow(InconsistentAnswerError);
    });
  });

  describe('when a provider adds an event that its own bloom filter excludes', () => {
    it('refuses the answer', async () => {
      const [invented] = [...chain.logs.values()].flat();
      const lying = fakeSource(chain, {
        logsOfBlock: (blockHash) =>
          Promise.resolve(
            invented
              ? [{ ...invented, blockHash, blockNumber: chain.headers.find(({ hash }) => hash === blockHash)?.number ?? height(0) }]
              : [],
          ),
      });
      await expect(numbersWithLogs(lying, null)).rejects.toThrow(InconsistentAnswerError);
    });
  });

  describe('when a range answer holds an event of another branch', () => {
    it('refuses the answer', async () => {
      const other = fakeChain(40, [5], 'fork');
      const mixed = fakeSource(chain, { logsOfRange: () => Promise.resolve([...other.logs.values()].flat()) });
      await expect(numbersWithLogs(mixed, 30)).rejects.toThrow('is not among their headers');
    });
  });

  describe('when headers do not link', () => {
    it('tells a first block on another branch from a broken answer', async () => {
      const fork = fakeChain(40, [], 'fork');
      await expect(reader(fakeSource(fork)).after(genesis, height(5), null)).rejects.toThrow(ParentMismatchError);
      const torn = fakeSource(chain, {
        header: (number) => Promise.resolve((number < 4n ? chain : fork).headers[Number(number)] ?? genesisHeader()),
      });
      await expect(reader(torn).after(genesis, height(8), null)).rejects.toThrow(InconsistentAnswerError);
    });
  });

  function genesisHeader() {
    const [first] = chain.headers;
    if (!first) throw new Error('the chain is empty');
    return first;
  }

  describe.each(['query returned more than 10000 results', 'block range too large', 'response size exceeded', 'limit exceeded', 'timeout'])(
    'when a provider refuses big ranges with "%s"',
    (message) => {
      it('asks for less until it gets an answer, then for more again', async () => {
        const picky = fakeSource(chain, {
          logsOfRange: (from, to, wanted) =>
            to - from >= 4n ? Promise.reject(new Error(message)) : fakeSource(chain).logsOfRange(from, to, wanted),
        });
        const one = reader(picky);
        const blocks = await one.after(genesis, height(30), height(30));
        expect(blocks.length).toBeGreaterThan(0);
        expect(blocks.length).toBeLessThanOrEqual(4);
        expect(one.sizer.size).toBeGreaterThan(blocks.length - 1);
      });
    },
  );

  describe('when even one block is refused', () => {
    it('fails with the provider’s own words', async () => {
      const broken = fakeSource(chain, { logsOfRange: () => Promise.reject(new Error('response size exceeded')) });
      await expect(reader(broken).after(genesis, height(30), height(30))).rejects.toThrow('response size exceeded');
    });
  });
});

describe('given a range sizer', () => {
  it('halves on big answers and doubles on small full ones, within its bounds', () => {
    const sizer = new RangeSizer(64, 1_000);
    sizer.answered(64, 5_000);
    expect(sizer.size).toBe(32);
    sizer.answered(32, 100);
    expect(sizer.size).toBe(64);
    sizer.answered(64, 10);
    expect(sizer.size).toBe(64);
    expect(sizer.refused(1)).toBe(false);
  });
});
