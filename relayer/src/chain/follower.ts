import type { DataSource, EntityManager } from 'typeorm';
import { blockNumber } from '@lockstep/shared';
import type { BlockRef, Log, LogFilter } from './block.js';
import { BlockStore, type Cursor } from './block-store.js';
import type { ChainConsumer } from './chain-consumer.js';
import type { ChainContext } from './chain-context.js';
import { ChainReader, refOf, type BlockWithLogs } from './chain-reader.js';
import { rpcSource, type ChainSource } from './chain-source.js';
import type { FaultPoint } from './fault-point.js';
import { HeadTracker, type KnownBlocks, type TrackerStep } from './head-tracker.js';

/** How far below the last final block blocks are kept, to find where a deep reorg began. */
const KEPT_FINAL_BLOCKS = 4_096;

/** What a chain's follower sees; for health and metrics. */
export interface FollowerStatus {
  readonly chain: string;
  readonly headNumber: bigint | null;
  /** seconds since the epoch, chain time */
  readonly headTimestamp: bigint | null;
  readonly tipNumber: bigint | null;
  readonly finalNumber: bigint | null;
  readonly haltedBecause: 'deep-reorg' | null;
  readonly reorgs: number;
  readonly laggingAnswers: number;
}

/** Where a chain left the branch that counted as final: our last final block, and the block that stands where the branches part. */
export interface Fork {
  readonly finalNumber: string;
  readonly finalHash: string;
  /** null: below what is kept */
  readonly ancestorNumber: string | null;
  readonly ancestorHash: string | null;
  readonly replacementNumber: string;
  readonly replacementHash: string;
}

/** What one step did. `more`: there is more to do at once. */
export type StepResult =
  | { readonly kind: Exclude<TrackerStep['kind'], 'deep-reorg'> | 'started' | 'halted' | 'resumed' | 'overtaken'; readonly more: boolean }
  | { readonly kind: 'deep-reorg'; readonly more: false; readonly fork: Fork };

/**
 * Follows one chain: each step reads the provider first and then changes the database in ONE transaction that moves the cursor and holds
 * the consumers' rows. Killed anywhere, it repeats the step.
 */
export class ChainFollower {
  readonly #store: BlockStore;
  readonly #tracker: HeadTracker;
  readonly #filters: readonly { readonly consumer: ChainConsumer; readonly filter: NormalFilter }[];
  #status: FollowerStatus;

  constructor(
    private readonly dataSource: DataSource,
    private readonly chain: ChainContext,
    consumers: readonly ChainConsumer[],
    private readonly fault: FaultPoint,
    private readonly source: ChainSource = rpcSource(chain.client),
  ) {
    this.#store = new BlockStore(chain);
    this.#filters = consumers.map((consumer) => ({ consumer, filter: normalise(consumer.filters(chain)) }));
    const { maxBlocksPerStep, maxResponseBytes, finality } = chain.config;
    const reader = new ChainReader(source, union(this.#filters.map(({ filter }) => filter)), {
      maxBlocks: maxBlocksPerStep,
      maxBytes: maxResponseBytes,
    });
    this.#tracker = new HeadTracker(chain.chainId, finality, source, reader, (number) => chain.quorum.block(number));
    this.#status = {
      chain: chain.name,
      headNumber: null,
      headTimestamp: null,
      tipNumber: null,
      finalNumber: null,
      haltedBecause: null,
      reorgs: 0,
      laggingAnswers: 0,
    };
  }

  get status(): FollowerStatus {
    return this.#status;
  }

  /** @throws whatever the provider or a consumer threw; nothing was changed then */
  async step(): Promise<StepResult> {
    const { manager } = this.dataSource;
    const cursor = await this.#store.cursor(manager);
    if (!cursor) return this.#begin();
    this.#seen({ tipNumber: cursor.tip.number, finalNumber: cursor.final.number, haltedBecause: cursor.haltedBecause });
    if (cursor.haltedBecause && !cursor.resumeRequested) return { kind: 'halted', more: false };
    const step = await this.#tracker.next(cursor, this.#known(manager));
    this.#seen({ headNumber: step.head.number, headTimestamp: step.head.timestamp });
    return this.#apply(cursor, step);
  }

  async #begin(): Promise<StepResult> {
    const { block } = this.chain.live.deployedAt;
    const anchor = refOf(await this.source.header(blockNumber(BigInt(Math.max(0, block - 1)))));
    await this.dataSource.transaction((tx) => this.#store.begin(tx, anchor));
    return { kind: 'started', more: true };
  }

  async #apply(cursor: Cursor, step: TrackerStep): Promise<StepResult> {
    if (step.kind === 'lagging') {
      this.#seen({ laggingAnswers: this.#status.laggingAnswers + 1 });
      return { kind: 'lagging', more: false };
    }
    if (step.kind === 'idle' && !step.final && !cursor.haltedBecause) return { kind: 'idle', more: false };
    const result = await this.dataSource.transaction(async (tx): Promise<StepResult> => {
      const now = await this.#store.cursor(tx, true);
      // Another process followed the same chain meanwhile, or an operator stepped in: what was read no longer fits.
      if (!now || now.tip.hash !== cursor.tip.hash || now.final.hash !== cursor.final.hash || now.haltedBecause !== cursor.haltedBecause)
        return { kind: 'overtaken', more: true };
      // The chain is on our branch after all, or was brought back to it: nothing to undo.
      if (now.haltedBecause && step.kind !== 'deep-reorg') await this.#store.resume(tx);
      switch (step.kind) {
        case 'idle':
          if (step.final) await this.#finalise(tx, step.final);
          return { kind: 'idle', more: false };
        case 'block':
          await this.#extend(tx, step.blocks);
          if (step.final) await this.#finalise(tx, step.final);
          return { kind: 'block', more: (step.blocks.at(-1)?.block.number ?? step.head.number) < step.head.number };
        case 'reorg':
          await this.#undo(tx, step.ancestor);
          await this.#store.recordReorg(tx, { kind: 'reorg', ancestor: step.ancestor, oldTip: cursor.tip, newHash: step.replacement.hash });
          return { kind: 'reorg', more: true };
        case 'deep-reorg':
          return this.#deepReorg(tx, now, step);
      }
    });
    this.fault(`follower.${result.kind}`);
    if (result.kind === 'reorg' || result.kind === 'resumed') this.#seen({ reorgs: this.#status.reorgs + 1 });
    const after = await this.#store.cursor(this.dataSource.manager);
    if (after) this.#seen({ tipNumber: after.tip.number, finalNumber: after.final.number, haltedBecause: after.haltedBecause });
    return result;
  }

  async #deepReorg(tx: EntityManager, cursor: Cursor, step: Extract<TrackerStep, { kind: 'deep-reorg' }>): Promise<StepResult> {
    const fork: Fork = {
      finalNumber: cursor.final.number.toString(),
      finalHash: cursor.final.hash,
      ancestorNumber: step.ancestor?.number.toString() ?? null,
      ancestorHash: step.ancestor?.hash ?? null,
      replacementNumber: step.replacement.number.toString(),
      replacementHash: step.replacement.hash,
    };
    if (cursor.resumeRequested && step.ancestor) {
      await this.#undo(tx, step.ancestor);
      await this.#store.resume(tx);
      return { kind: 'resumed', more: true };
    }
    if (!cursor.haltedBecause)
      await this.#store.recordReorg(tx, {
        kind: 'deep-reorg',
        ancestor: step.ancestor,
        oldTip: cursor.tip,
        newHash: step.replacement.hash,
      });
    await this.#store.halt(tx, 'deep-reorg', { ...fork });
    return { kind: 'deep-reorg', more: false, fork };
  }

  async #extend(tx: EntityManager, blocks: readonly BlockWithLogs[]): Promise<void> {
    const last = blocks.at(-1);
    if (!last) return;
    await this.#store.append(
      tx,
      blocks.map(({ block }) => block),
    );
    for (const { block, logs } of blocks)
      for (const { consumer, filter } of this.#filters)
        await consumer.onBlock(
          tx,
          this.chain,
          block,
          logs.filter((log) => wants(filter, log)),
        );
    await this.#store.moveTip(tx, last.block);
  }

  async #undo(tx: EntityManager, ancestor: BlockRef): Promise<void> {
    const removed = await this.#store.rollback(tx, ancestor);
    const [first] = removed;
    if (!first) return;
    // The last consumer built on the rows of those before it, so it undoes its own first.
    for (const { consumer } of [...this.#filters].reverse()) await consumer.onReorg(tx, this.chain, first, removed);
  }

  async #finalise(tx: EntityManager, final: BlockRef): Promise<void> {
    await this.#store.finalise(tx, final, KEPT_FINAL_BLOCKS);
    for (const { consumer } of this.#filters) await consumer.onFinal(tx, this.chain, final);
  }

  #known(tx: EntityManager): KnownBlocks {
    return {
      at: (number) => this.#store.at(tx, number),
      highestUpTo: (number) => this.#store.highestUpTo(tx, number),
      highestBefore: (time) => this.#store.highestBefore(tx, time),
    };
  }

  #seen(part: Partial<FollowerStatus>): void {
    this.#status = { ...this.#status, ...part };
  }
}

interface NormalFilter {
  readonly addresses: ReadonlySet<string>;
  /** null: whatever they are */
  readonly topics: ReadonlySet<string> | null;
  readonly given: LogFilter;
}

function normalise(given: LogFilter): NormalFilter {
  return {
    addresses: new Set(given.addresses.map((address) => address.toLowerCase())),
    topics: given.topics.length === 0 ? null : new Set(given.topics.map((topic) => topic.toLowerCase())),
    given,
  };
}

function wants({ addresses, topics }: NormalFilter, log: Log): boolean {
  return addresses.has(log.address.toLowerCase()) && (topics === null || topics.has(log.topics[0]?.toLowerCase() ?? ''));
}

/** One filter that lets pass what any of them wants (and perhaps more). */
function union(filters: readonly NormalFilter[]): LogFilter {
  const active = filters.filter(({ addresses }) => addresses.size > 0);
  return {
    addresses: [...new Set(active.flatMap(({ given }) => given.addresses))],
    topics: active.some(({ topics }) => topics === null) ? [] : [...new Set(active.flatMap(({ given }) => given.topics))],
  };
}
