import { Injectable, Logger } from '@nestjs/common';
import {
  postingsOf,
  projectHubEvent,
  tokenAmount,
  tokenJournalAsset,
  type HubEvent,
  type HubHistory,
  type TokenAsset,
} from '@lockstep/shared';
import type { EntityManager } from 'typeorm';
import { Chains } from '../../chain/chains.js';
import { JournalRepository, type NewJournalEntry, type QueuedEvent, type StoredHubEvent } from './journal.repository.js';

/** Events booked in one database transaction. */
const BATCH = 2_000;

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
      const events = await this.journal.queued(tx, BATCH);
      if (events.length === 0) return false;
      const gone = events.flatMap(({ state, entry }) => (state === 'orphaned' && entry !== null ? [entry] : []));
      await this.journal.reverse(tx, gone);
      if (gone.length > 0) this.#logger.warn({ event: 'ledger.reversed', entries: gone.length });
      const settled = events.flatMap(({ state, entry, settled: is }) => (state === 'final' && entry !== null && !is ? [entry] : []));
      await this.journal.settle(tx, settled);
      const waiting = await this.#book(
        tx,
        events.filter(({ state, entry, rank }) => state !== 'orphaned' && entry === null && rank > 0),
      );
      await this.journal.done(
        tx,
        events.filter((event) => !waiting.has(event)),
      );
      return events.length === BATCH && waiting.size < BATCH;
    });
  }

  /** @returns events that cannot be booked yet */
  async #book(tx: EntityManager, events: readonly QueuedEvent[]): Promise<Set<QueuedEvent>> {
    const waiting = new Set<QueuedEvent>();
    if (events.length === 0) return waiting;
    const history = await this.#history(tx, events);
    const entries: NewJournalEntry[] = [];
    const write = async (): Promise<void> => {
      const written = entries.splice(0);
      const ids = await this.journal.append(tx, written);
      await this.journal.settle(
        tx,
        ids.filter((_, i) => written[i]?.source.state === 'final'),
      );
    };
    for (const stored of events) {
      // A correction splits by what the account holds at that moment: everything before it must be in the journal.
      if (stored.event.kind === 'Corrected') await write();
      const projection = projectHubEvent(stored.event, await history(stored));
      if (projection.kind === 'wait') waiting.add(stored);
      if (projection.kind === 'book') entries.push({ source: stored, kind: projection.event.kind, postings: postingsOf(projection.event) });
    }
    await write();
    return waiting;
  }

  async #history(tx: EntityManager, events: readonly StoredHubEvent[]): Promise<(at: StoredHubEvent) => Promise<HubHistory>> {
    const credits = events.flatMap(({ event }) => (event.kind === 'Credited' ? [event] : []));
    const parkings = events.flatMap(({ event }) => (event.kind === 'DepositParked' ? [event] : []));
    const [assets, parked, deposits] = [
      await this.journal.assetEvents(tx),
      await this.journal.parked(tx, credits),
      await this.journal.deposits(tx, this.chains.hub.eid, parkings),
    ];
    return async (at) => {
      const held = await this.#held(tx, at.event, assets);
      return {
        asset: (assetId) => assetAt(assets, assetId, at),
        decimals: (token) => decimalsOf(assets, token),
        wasParked: (srcEid, sequence) => {
          const place = parked.get(`${srcEid}:${sequence}`);
          return place !== undefined && isBefore(place, at);
        },
        deposit: (srcEid, sequence, leaf) => {
          const found = deposits.get(`${srcEid}:${sequence}:${leaf}`);
          return found === undefined ? null : { asset: found.asset, amount: tokenAmount(found.amount) };
        },
        balance: () => held,
      };
    };
  }

  /** Only a correction asks for a balance, and only for its own account and asset. */
  async #held(tx: EntityManager, event: HubEvent, assets: readonly StoredHubEvent[]): Promise<bigint> {
    if (event.kind !== 'Corrected' || event.account === null) return 0n;
    const token = assets.flatMap(({ event: e }) => (e.kind === 'AssetConfigured' && e.assetId === event.assetId ? [e.token] : []))[0];
    if (token === undefined) return 0n;
    return -(await this.journal.balance(tx, `balance:${event.account}`, tokenJournalAsset(token)));
  }
}

/** The configuration an asset had at an event: the last one before it. */
function assetAt(
  assets: readonly StoredHubEvent[],
  assetId: number,
  at: StoredHubEvent,
): { token: TokenAsset; decimals: number; settlement: boolean } | null {
  const config = assets
    .filter((a) => isBefore(a, at))
    .findLast(({ event }) => event.kind === 'AssetConfigured' && event.assetId === assetId)?.event;
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
