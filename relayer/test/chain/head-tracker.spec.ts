import { describe, expect, it } from '@jest/globals';
import type { BlockNumber } from '@lockstep/shared';
import type { BlockRef, Header } from '../../src/chain/block.js';
import type { Cursor } from '../../src/chain/block-store.js';
import { ChainReader } from '../../src/chain/chain-reader.js';
import type { ChainSource } from '../../src/chain/chain-source.js';
import { HeadTracker, type KnownBlocks } from '../../src/chain/head-tracker.js';
import { InconsistentAnswerError } from '../../src/chain/rpc.js';
import { EMITTER, fakeChain, fakeSource } from '../support/fake-source.js';

/** Blocks 0 … 10 followed, 6 final. */
const ours = fakeChain(11, []);
const known: KnownBlocks = {
  at: (number) => Promise.resolve(ours.headers[Number(number)]),
  highestUpTo: (number) => Promise.resolve(ours.headers.findLast((header) => header.number <= number)),
  highestBefore: (time) => Promise.resolve(ours.headers.findLast((header) => header.timestamp <= time)),
};
const cursor: Cursor = { tip: header(10), final: header(6), haltedBecause: null, resumeRequested: false };

function header(number: number): Header {
  const found = ours.headers[number];
  if (!found) throw new Error(`no block ${number}`);
  return found;
}

/** Ours up to `common`, then another branch up to `length`. */
function branch(common: number, length: number): ReturnType<typeof fakeChain> {
  const other = fakeChain(length, [], 'fork');
  const headers = other.headers.map((theirs, number): Header => {
    if (number <= common) return header(number);
    return number === common + 1 ? { ...theirs, parentHash: header(common).hash } : theirs;
  });
  return { headers, logs: new Map() };
}

function tracker(source: ChainSource, quorumSees: ReturnType<typeof fakeChain>): HeadTracker {
  const reader = new ChainReader(source, { addresses: [EMITTER], topics: [] }, { maxBlocks: 100, maxBytes: 1_000_000 });
  return new HeadTracker(31_001, { kind: 'blocks', blocks: 4 }, source, reader, (number: BlockNumber) =>
    fakeSource(quorumSees).header(number),
  );
}

const next = (chain: ReturnType<typeof fakeChain>, quorumSees = chain) => tracker(fakeSource(chain), quorumSees).next(cursor, known);
const ancestorOf = (block: BlockRef | null): number | null => (block ? Number(block.number) : null);

describe('given blocks 0 to 10 followed and 0 to 6 final', () => {
  it.each([10, 9, 7, 4, 1])('a provider at block %i of our branch lags or is level; nothing is undone', async (height) => {
    const step = await next({ headers: ours.headers.slice(0, height + 1), logs: ours.logs });
    expect(step.kind).toBe(height === 10 ? 'idle' : 'lagging');
  });

  it.each([
    [9, 11],
    [8, 14],
    [6, 11],
    [8, 10],
    [6, 8],
  ])('a branch after block %i of %i blocks is a reorg to it', async (common, length) => {
    const step = await next(branch(common, length));
    expect(step.kind).toBe('reorg');
    if (step.kind === 'reorg') expect(ancestorOf(step.ancestor)).toBe(common);
  });

  it.each([5, 2, 0])('a branch after block %i is a deep reorg if a quorum confirms it', async (common) => {
    const step = await next(branch(common, 14));
    expect(step.kind).toBe('deep-reorg');
    if (step.kind === 'deep-reorg') expect(ancestorOf(step.ancestor)).toBe(common);
  });

  it('a chain with none of our blocks is a deep reorg without an ancestor', async () => {
    const step = await next(fakeChain(14, [], 'elsewhere'));
    expect(step).toMatchObject({ kind: 'deep-reorg', ancestor: null });
  });

  it('one provider that denies a final block is not believed against the quorum', async () => {
    await expect(next(branch(3, 14), ours)).rejects.toThrow(InconsistentAnswerError);
  });

  it('a growing chain yields blocks and what becomes final with them', async () => {
    const longer = fakeChain(16, []);
    const step = await next(longer);
    expect(step).toMatchObject({ kind: 'block', final: { number: 11n } });
  });
});
