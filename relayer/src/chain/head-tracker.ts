import { finalHeight, unixSeconds, type BlockNumber } from '@lockstep/shared';
import type { ChainConfig } from '../config/relayer-config.js';
import type { BlockRef, Header } from './block.js';
import { ParentMismatchError, refOf, type BlockWithLogs, type ChainReader } from './chain-reader.js';
import type { ChainSource } from './chain-source.js';
import type { Cursor } from './block-store.js';
import { BlockUnknownError, InconsistentAnswerError } from './rpc.js';

/** A provider answers for another chain than the one configured. */
export class WrongChainError extends Error {
  override readonly name = 'WrongChainError';
}

/** What to do next about a chain. A decision, not yet done: it can be logged, tested and repeated. */
export type TrackerStep =
  /** nothing new; blocks up to `final` may have become final meanwhile */
  | { readonly kind: 'idle'; readonly head: Header; readonly final: BlockRef | null }
  /** the provider is behind us on our own branch (or too far behind to tell): wait for it, it has not undone anything */
  | { readonly kind: 'lagging'; readonly head: Header }
  | { readonly kind: 'block'; readonly head: Header; readonly blocks: readonly BlockWithLogs[]; readonly final: BlockRef | null }
  /** the chain left our branch above `ancestor`, which is final or later */
  | { readonly kind: 'reorg'; readonly head: Header; readonly ancestor: BlockRef; readonly replacement: BlockRef }
  /** a block we hold for final is no longer on the chain. `ancestor` null: none of the blocks kept is */
  | { readonly kind: 'deep-reorg'; readonly head: Header; readonly ancestor: BlockRef | null; readonly replacement: BlockRef };

/** The blocks followed so far. */
export interface KnownBlocks {
  at(number: BlockNumber): Promise<BlockRef | undefined>;
  highestUpTo(number: BlockNumber): Promise<BlockRef | undefined>;
  highestBefore(time: BlockRef['timestamp']): Promise<BlockRef | undefined>;
}

/** Compares a chain's head with the blocks followed so far and says what happened. Reads only; keeps no state of its own. */
export class HeadTracker {
  constructor(
    private readonly expectedChainId: number,
    private readonly policy: ChainConfig['finality'],
    private readonly source: ChainSource,
    private readonly reader: ChainReader,
    /** the block at a height as a quorum of providers sees it; asked before a deep reorg is believed */
    private readonly quorumHeader: (number: BlockNumber) => Promise<Header>,
  ) {}

  /** @throws WrongChainError, InconsistentAnswerError, BlockUnknownError, QuorumError or a transport's error: nothing is decided then */
  async next(cursor: Cursor, known: KnownBlocks): Promise<TrackerStep> {
    const [answered, head, tagged] = await Promise.all([this.source.chainId(), this.source.head(), this.#tagged()]);
    if (answered !== this.expectedChainId)
      throw new WrongChainError(`the provider is on chain ${answered}; expected ${this.expectedChainId}`);
    const { tip } = cursor;
    if (head.number < tip.number) {
      const same = await known.at(head.number);
      return !same || same.hash === head.hash ? { kind: 'lagging', head } : this.#fork(head, cursor, known);
    }
    if (head.number === tip.number && head.hash !== tip.hash) return this.#fork(head, cursor, known);
    const tipBlock = await known.at(tip.number);
    if (!tipBlock) throw new Error(`chain ${this.expectedChainId}: the cursor's block ${tip.number} is not among the known blocks`);
    const height = await this.#finalHeight(head, tagged, cursor, known);
    if (head.number === tip.number) return { kind: 'idle', head, final: await this.#newlyFinal(height, [], tagged, cursor, known) };
    try {
      const blocks = await this.reader.after(tipBlock, head.number, height);
      return {
        kind: 'block',
        head,
        blocks,
        final: await this.#newlyFinal(
          height,
          blocks.map(({ block }) => block),
          tagged,
          cursor,
          known,
        ),
      };
    } catch (error) {
      if (error instanceof ParentMismatchError) return this.#fork(head, cursor, known);
      throw error;
    }
  }

  async #tagged(): Promise<Header | null> {
    if (this.policy.kind !== 'tag') return null;
    try {
      return await this.source.tagged(this.policy.tag);
    } catch (error) {
      // A young chain has no final block yet. An unknown tag is refused at start.
      if (error instanceof BlockUnknownError) return null;
      throw error;
    }
  }

  async #finalHeight(head: Header, tagged: Header | null, cursor: Cursor, known: KnownBlocks): Promise<BlockNumber | null> {
    const old = this.policy.kind === 'seconds' ? await known.highestBefore(timeBefore(head, this.policy.seconds)) : undefined;
    return finalHeight(this.policy, { head, tagged: tagged?.number ?? null, recent: old ? [old] : [] }, cursor.final.number);
  }

  /** The highest of the known and `fresh` blocks that is final and was not before. */
  async #newlyFinal(
    height: BlockNumber | null,
    fresh: readonly BlockRef[],
    tagged: Header | null,
    cursor: Cursor,
    known: KnownBlocks,
  ): Promise<BlockRef | null> {
    if (height === null) return null;
    const candidate = fresh.findLast(({ number }) => number <= height) ?? (await known.highestUpTo(height));
    if (!candidate || candidate.number <= cursor.final.number) return null;
    // The tag names a block, not only a height: ours must be that one.
    if (tagged && tagged.number === candidate.number && tagged.hash !== candidate.hash)
      throw new InconsistentAnswerError(`block ${tagged.number} is final as ${tagged.hash}; followed is ${candidate.hash}`);
    return candidate;
  }

  /** Walks down from the lower of both tips to the highest block that is known and on the provider's branch. */
  async #fork(head: Header, cursor: Cursor, known: KnownBlocks): Promise<TrackerStep> {
    let at = await known.highestUpTo(head.number < cursor.tip.number ? head.number : cursor.tip.number);
    let replacement: BlockRef = refOf(head);
    while (at) {
      const theirs = await this.source.header(at.number);
      if (theirs.hash === at.hash) break;
      replacement = refOf(theirs);
      // CAST: one below a known height; a negative one finds no block.
      at = await known.highestUpTo((at.number - 1n) as BlockNumber);
    }
    if (at && at.number >= cursor.final.number) {
      if (at.number === cursor.tip.number) throw new InconsistentAnswerError(`providers disagree about what follows block ${at.number}`);
      return { kind: 'reorg', head, ancestor: at, replacement };
    }
    // One provider may be broken, syncing or lying; undoing finality needs a quorum.
    const agreed = await this.quorumHeader(head.number < cursor.final.number ? head.number : cursor.final.number);
    const ours = await known.at(agreed.number);
    if (ours?.hash === agreed.hash)
      throw new InconsistentAnswerError(`a provider denies final block ${agreed.number} ${agreed.hash}, a quorum of providers confirms it`);
    return { kind: 'deep-reorg', head, ancestor: at ?? null, replacement };
  }
}

function timeBefore(head: Header, seconds: number): BlockRef['timestamp'] {
  const time = head.timestamp - BigInt(seconds);
  return unixSeconds(time < 0n ? 0n : time);
}
