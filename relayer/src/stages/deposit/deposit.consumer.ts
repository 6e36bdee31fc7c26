import { Inject, Injectable } from '@nestjs/common';
import { iMessengerAbi } from '@lockstep/contracts';
import { decodeEntry, eid, fold, genesisHead, leafOf, sequence, type Eid, type Entry, type Sequence } from '@lockstep/shared';
import { decodeEventLog, sliceHex, type Hex } from 'viem';
import type { EntityManager } from 'typeorm';
import type { BlockRef, Log, LogFilter } from '../../chain/block.js';
import type { ChainConsumer } from '../../chain/chain-consumer.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { CLOCK, type Clock } from '../../chain/clock.js';
import { FAULT_POINT, type FaultPoint } from '../../chain/fault-point.js';
import { finalizeFacts, insertFacts, orphanFacts, placeOf, signedTopics, topicsOf, type FactRow, type FactTable } from '../facts.js';
import { PathProblems, RelayProblemError } from '../path-problems.js';
import { Paths, messengerOf } from '../paths.js';

const LOG_ENTRIES: FactTable = {
  table: 'log_entries',
  eidColumn: 'src_eid',
  kind: 'log-entry',
  subject: `jsonb_build_object('srcEid', src_eid, 'dstEid', dst_eid, 'sequence', sequence::text, 'entryKind', kind, 'account', account, 'amount', amount::text)`,
  identity: 'block_hash, log_index',
};

interface Tip {
  readonly sequence: Sequence;
  readonly head: Hex;
}

/**
 * Copies every log, entry after entry. A log is its own gap detector: sequences are contiguous and each head follows from the one before,
 * so an entry that a provider left out, made up or put in another order stops the chain here, before anything is built on it.
 */
@Injectable()
export class DepositConsumer implements ChainConsumer {
  readonly name = 'deposit';

  constructor(
    private readonly paths: Paths,
    private readonly problems: PathProblems,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(FAULT_POINT) private readonly faultPoint: FaultPoint,
  ) {}

  filters(chain: ChainContext): LogFilter {
    return { addresses: [messengerOf(chain)], topics: topicsOf(iMessengerAbi, ['EntryAppended']) };
  }

  async onBlock(tx: EntityManager, chain: ChainContext, block: BlockRef, logs: readonly Log[]): Promise<void> {
    if (logs.length === 0) return;
    const tips = new Map<Eid, Tip>();
    const rows: FactRow[] = [];
    for (const log of logs) {
      const { args } = decodeEventLog({ abi: iMessengerAbi, eventName: 'EntryAppended', data: log.data, topics: signedTopics(log) });
      const dstEid = eid(args.dstEid);
      const before = tips.get(dstEid) ?? (await this.#tip(tx, chain, dstEid));
      const leaf = leafOf(args.entry);
      const tip = await this.#extend(chain.eid, dstEid, before, { sequence: sequence(args.sequence), leaf, head: args.head });
      tips.set(dstEid, tip);
      rows.push({
        src_eid: chain.eid,
        dst_eid: dstEid,
        sequence: tip.sequence,
        kind: Number(sliceHex(args.entry, 0, 1)),
        bytes: args.entry,
        leaf,
        head: tip.head,
        ...columnsOf(args.entry),
        ...placeOf(block, log),
      });
    }
    await insertFacts(tx, LOG_ENTRIES, rows);
    this.faultPoint('deposit.indexed');
  }

  async onReorg(tx: EntityManager, chain: ChainContext, firstRemoved: BlockRef): Promise<void> {
    await orphanFacts(tx, LOG_ENTRIES, chain.eid, firstRemoved);
  }

  async onFinal(tx: EntityManager, chain: ChainContext, upTo: BlockRef): Promise<void> {
    await finalizeFacts(tx, LOG_ENTRIES, chain, upTo, BigInt(Math.floor(this.clock.now() / 1000)));
  }

  /** Sequence and head of the newest entry that stands; the genesis of the path if there is none. */
  async #tip(tx: EntityManager, chain: ChainContext, dstEid: Eid): Promise<Tip | null> {
    const [row] = await tx.query<{ sequence: string; head: Hex }[]>(
      `select sequence, head from log_entries where src_eid = $1 and dst_eid = $2 and state <> 'orphaned' order by sequence desc limit 1`,
      [chain.eid, dstEid],
    );
    if (row !== undefined) return { sequence: sequence(BigInt(row.sequence)), head: row.head };
    const route = this.paths.find(chain.eid, dstEid);
    // A peer that this relayer is not configured for: its log is copied all the same, its genesis is not known.
    return route === undefined ? null : { sequence: sequence(0n), head: genesisHead(route.path) };
  }

  async #extend(srcEid: Eid, dstEid: Eid, before: Tip | null, next: { sequence: Sequence; leaf: Hex; head: Hex }): Promise<Tip> {
    const { sequence: found, leaf, head: reported } = next;
    if (before !== null) {
      const expected = sequence(before.sequence + 1n);
      if (found !== expected) await this.#refuse({ code: 'LOG_GAP', srcEid, dstEid, expected, found });
      const folded = fold(before.head, leaf);
      if (folded !== reported.toLowerCase())
        await this.#refuse({ code: 'HEAD_FOLD_MISMATCH', srcEid, dstEid, sequence: found, folded, reported });
    }
    await this.problems.clear('deposit', srcEid, dstEid);
    return { sequence: found, head: reported };
  }

  async #refuse(problem: RelayProblemError['problem']): Promise<never> {
    await this.problems.raise('deposit', problem);
    throw new RelayProblemError(problem);
  }
}

interface EntryColumns {
  readonly account: string | null;
  readonly asset: number | null;
  readonly amount: bigint | null;
  readonly payer: string | null;
  readonly void_target: bigint | null;
}

/** Columns that queries need beside the bytes; null where an entry has no such field, or is one that the hub will refuse as malformed. */
function columnsOf(bytes: Hex): EntryColumns {
  const none: EntryColumns = { account: null, asset: null, amount: null, payer: null, void_target: null };
  const entry = readEntry(bytes);
  switch (entry?.kind) {
    case 'Deposited':
      return { ...none, account: entry.account, asset: entry.asset, amount: entry.amount, payer: entry.payer };
    case 'Void':
      return { ...none, void_target: entry.target };
    case 'Release':
      return { ...none, asset: entry.asset, amount: entry.amount };
    case 'WithdrawRequested':
    case 'DelegateSet':
    case 'Receipts':
    case 'Closed':
    case 'Opaque':
    case undefined:
      return none;
  }
}

function readEntry(bytes: Hex): Entry | null {
  try {
    return decodeEntry(bytes);
  } catch (cause) {
    if (cause instanceof RangeError) return null;
    throw cause;
  }
}
