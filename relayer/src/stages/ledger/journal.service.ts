import { Injectable, Logger } from '@nestjs/common';
import { postingsOf, projectHubEvent, tokenJournalAsset, type HubEvent, type HubHistory, type TokenAsset } from '@lockstep/shared';
import type { EntityManager } from 'typeorm';
import { Chains } from '../../chain/chains.js';
import {
  EntryIds,
  JournalRepository,
  queuedOf,
  type NewJournalEntry,
  type QueuedEvent,
  type QueuedRow,
  type StoredHubEvent,
} from './journal.repository.js';

/** Events looked at in one database transaction. */
const BATCH = 4_000;
/** Events booked in one statement; the next ones are thought over meanwhile. */
const CHUNK = 500;

/** What is to be written for some events. */
interface Work {
  /** entries of events that a reorg took */
  readonly gone: readonly bigint[];
  /** entries of events that are final by now */
  readonly settled: readonly bigint[];
  readonly entries: readonly NewJournalEntry[];
  /** events that cannot be booked yet */
  readonly waiting: readonly QueuedEvent[];
}

/** Mirrors the hub's ledger in double entry: pending with the event, final with its block, reversed when a reorg removes it. */
@Injectable()
export class JournalService {
  readonly #logger = new Logger(JournalService.name);

  constructor(
    private readonly chains: Chains,
    private readonly journal: JournalRepository,
  ) {}

  /** Books what is new, and what changed. @returns true if there is more at once */
  async mirror(): Promise<boolean> {
    return this.journal.exclusive(async (tx) => {
      const rows = await this.journal.queued(tx, this.chains.hub.eid, BATCH);
      const last = rows.at(-1);
      if (last === undefined) return false;
      const assets = await this.journal.assetEvents(tx);
      const ids = new EntryIds(tx, rows.length);
      const waiting: QueuedEvent[] = [];
      let work: Work | null = null;
      for (const chunk of chunksOf(rows)) {
        if (chunk[0]?.kind === 'Corrected') {
          // It splits by what the account holds at that moment: everything before it must be in the journal.
          await this.#write(tx, ids, work);
          work = await this.#plan(tx, chunk, assets);
        } else [, work] = await Promise.all([this.#write(tx, ids, work), sent().then(() => this.#plan(tx, chunk, assets))]);
        waiting.push(...work.waiting);
      }
      await this.#write(tx, ids, work);
      await this.journal.done(tx, last, waiting);
      return rows.length === BATCH && waiting.length < BATCH;
    });
  }

  async #write(tx: EntityManager, ids: EntryIds, work: Work | null): Promise<void> {
    if (work === null) return;
    const { gone, settled, entries } = work;
    await this.journal.reverse(tx, ids, gone);
    if (gone.length > 0) this.#logger.warn({ event: 'ledger.reversed', entries: gone.length });
    const made = await this.journal.append(tx, ids, entries);
    await this.journal.settle(tx, [...settled, ...made.filter((_, i) => entries[i]?.source.state === 'final')]);
  }

  /** Only of a correction, first in its chunk, the database is asked anything. */
  async #plan(tx: EntityManager, rows: readonly QueuedRow[], assets: readonly StoredHubEvent[]): Promise<Work> {
    const gone: bigint[] = [];
    const settled: bigint[] = [];
    const entries: NewJournalEntry[] = [];
    const waiting: QueuedEvent[] = [];
    for (const row of rows) {
      const queued = queuedOf(row);
      const { state, rank, entry, event } = queued;
      if (rank === 0) {
        if (state === 'orphaned' && entry !== null) gone.push(entry);
        continue;
      }
      if (state === 'orphaned') continue;
      if (entry !== null) {
        if (state === 'final' && !queued.settled) settled.push(entry);
        continue;
      }
      const held = event.kind === 'Corrected' ? await this.#held(tx, event, assets) : 0n;
      const projection = projectHubEvent(event, historyAt(queued, assets, held));
      if (projection.kind === 'wait') waiting.push(queued);
      if (projection.kind === 'book') entries.push({ source: queued, kind: projection.event.kind, postings: postingsOf(projection.event) });
    }
    return { gone, settled, entries, waiting };
  }

  async #held(tx: EntityManager, { account, assetId }: Correction, assets: readonly StoredHubEvent[]): Promise<bigint> {
    if (account === null) return 0n;
    const token = assets.flatMap(({ event: e }) => (e.kind === 'AssetConfigured' && e.assetId === assetId ? [e.token] : []))[0];
    if (token === undefined) return 0n;
    return -(await this.journal.balance(tx, `balance:${account}`, tokenJournalAsset(token)));
  }
}

/** What is written is on its way to the database after this: thinking before it would keep both from working at once. */
const sent = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Correction = Extract<HubEvent, { kind: 'Corrected' }>;

/** Cut by size, and before every correction. */
function chunksOf(rows: readonly QueuedRow[]): QueuedRow[][] {
  const chunks: QueuedRow[][] = [];
  for (const row of rows) {
    const chunk = chunks.at(-1);
    if (chunk === undefined || chunk.length === CHUNK || row.kind === 'Corrected') chunks.push([row]);
    else chunk.push(row);
  }
  return chunks;
}

/** @param held what the account of a correction has of its token */
const historyAt = (at: QueuedEvent, assets: readonly StoredHubEvent[], held: bigint): HubHistory => ({
  asset: (assetId) => assetAt(assets, assetId, at),
  decimals: (token) => decimalsOf(assets, token),
  wasParked: () => at.wasParked,
  deposit: () => at.deposit,
  balance: () => held,
});

/** The configuration an asset had at an event: the last one before it. */
function assetAt(
  assets: readonly StoredHubEvent[],
  assetId: number,
  at: StoredHubEvent,
): { token: TokenAsset; decimals: number; settlement: boolean } | null {
  const config = assets.findLast((a) => a.event.kind === 'AssetConfigured' && a.event.assetId === assetId && isBefore(a, at))?.event;
  return config?.kind === 'AssetConfigured' ? config : null;
}

/** Decimals never change once they are set, so any configuration of the token tells them. */
function decimalsOf(assets: readonly StoredHubEvent[], { eid, asset }: TokenAsset): number | null {
  for (const { event } of assets)
    if (event.kind === 'AssetConfigured' && event.token.eid === eid && event.token.asset === asset) return event.decimals;
  return null;
}

function isBefore(a: { block: bigint; logIndex: number }, b: { block: bigint; logIndex: number }): boolean {
  return a.block < b.block || (a.block === b.block && a.logIndex < b.logIndex);
}
